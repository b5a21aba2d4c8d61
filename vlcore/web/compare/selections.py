"""Selected images on the Compare page: the search box, and what the models make of a selection.

The address says which images are selected, by one of three settings, so that Back, a reload and a
link lead to the same: ``search`` (a text), ``like`` (an image) or ``selection`` (rows, in letters
or under a name on the server). ``about`` has words for the rows, ``best`` how
many images of each model were asked for.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from vlcore.api import search
from vlcore.api.captions import caption_warnings
from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.metrics_table import marked_table
from vlcore.api.search import LONGEST, Ranking
from vlcore.api.selections import (
    SPLIT_WORDS,
    Selection,
    SelectionError,
    decode_rows,
    encode_rows,
    facets,
    images_key,
    read_selection,
    selection_text,
)
from vlcore.data.imageset import SOURCE
from vlcore.experiment.errors import LabError
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import first_names, plural, share, shortened
from vlcore.experiment.wording import points as points_in_words
from vlcore.plots.maps.linked import brushed
from vlcore.plots.options import Projection
from vlcore.web import cache, kept_selections, visitors, widgets
from vlcore.web.compare import agreement, blame, map_component, selected_images
from vlcore.web.compare.view import Gesture, Shown

SETTINGS = ("search", "like", "selection")  # of the address, of which it has one at most
_DETAILS = ("about", "best")  # of the address, about one of these
_BEST = [search.BEST * factor for factor in (1, 2, 4, 8)]  # images of each model
IN_ADDRESS = 400  # letters of rows; more are kept on the server
_MOST_NAMED = 3  # files in a sentence
_ROWS = "."  # before rows in the address
_WAYS = {"and": Selection.__and__, "or": Selection.__or__, "without": Selection.__sub__}
_BY = ("any column", "caption")
_HELP = (
    "Words in any column, caption or file name; all of them, or parts of words. “coat:bay” looks"
    " into one column, “prediction:wrong” into predictions, “size > 0.5” compares numbers, quotes"
    " want whole words. Or a caption: every model ranks the images by its own score."
)


@dataclass(frozen=True, eq=False)
class Chosen:
    """What is selected, sentences about what is not, and about how far to trust what is."""

    selection: Selection | None = None
    sentences: Sequence[str] = ()
    notes: Sequence[str] = ()


def choose_selection(view: Shown, bar: DeltaGenerator) -> Selection | None:
    """Show the search box in a bar, and return what is selected: what was marked on the maps just
    now, else what the address names."""
    _take_gesture(view)
    _return_to_last(view)
    with bar:
        # On a laptop the empty box leaves room for the row; one that is used begins the next row.
        width = 300 if st.session_state.get("search") else 120
        text = st.text_input(
            "Search images",
            max_chars=LONGEST,
            placeholder="Search",
            icon=":material/search:",
            label_visibility="collapsed",
            on_change=partial(_leave, "like", "selection", "picture", *_DETAILS),
            **widgets.in_address("search", width=width),
        )
        chosen = _chosen(view, (text or "").strip())
        selection = chosen.selection
        if selection is None:
            _show_kept(view, None)
    for sentence in chosen.sentences:
        st.warning(plain(sentence), icon=":material/search:")
    for note in chosen.notes:
        st.caption(plain(note))
    _remember(view, selection)
    return selection


def _chosen(view: Shown, text: str) -> Chosen:
    """What the address selects."""
    try:
        if text:
            return _searched(view, text)
        if like := view.named_image("like"):
            row = like.removeprefix("p")
            ranking = _alike(
                view.keys, view.options.projection, int(row) if _is_row(row) else -1, _best()
            )
            return Chosen(ranking.selection, _reasons(ranking))
        if name := st.query_params.get("selection"):
            return Chosen(_named(view, name))
    except LabError as error:
        return Chosen(None, [str(error)])
    return Chosen()


def _is_row(text: str) -> bool:
    return text.isdecimal() and len(text) < 10


def _searched(view: Shown, text: str) -> Chosen:
    """Images with all words of a text, or the best for it as a caption; by default the latter where
    no image has the words."""
    sentences: list[str] = []
    words: Selection | None = None
    try:
        words = _found(view.keys, view.options.projection, text)
    except SelectionError as error:
        sentences.append(str(error))
    names_column = any(term.column for term in search.terms_of(text))
    usual = _BY[0] if words is None or len(words) or names_column else _BY[1]
    by = widgets.choose_one(
        "Look into", _BY, "search_by", usual, _HELP, label_visibility="collapsed"
    )
    if by == _BY[0]:
        if words is not None and not len(words):
            sentences.append(f"No image has all of the words of {words.words}. {_HELP}")
            sentences += _unshown(view, text)
        return Chosen(words if words is not None and len(words) else None, sentences)
    ranking = _ranked(view.keys, view.options.projection, text, _best())
    selection = ranking.selection if ranking.selection.best else None
    notes = caption_warnings(view.comparison, [text], list(ranking.selection.best))
    if words is not None and not len(words):
        ranked = f": models rank all by “{text}” as a caption" * bool(selection)
        notes.insert(0, f"No image on the maps has all of these words{ranked}.")
        notes += [*_unshown(view, text), _HELP]
    return Chosen(selection, _reasons(ranking), notes)


def _unshown(view: Shown, text: str) -> list[str]:
    """A sentence about images of the set that a search finds and no map shows."""
    rows = search.find_unshown(view.comparison, text)
    if not len(rows):
        return []
    few = first_names(view.images.user_columns[SOURCE].iloc[rows].tolist(), _MOST_NAMED)
    return [f"Of the set, and not on these maps: {plural(len(rows), 'image')} ({few})."]


def _reasons(ranking: Ranking) -> list[str]:
    """Why models could not be asked, each reason once."""
    models: dict[str, list[str]] = {}
    for name, reason in ranking.reasons.items():
        models.setdefault(reason, []).append(name)
    return [f"{' and '.join(names).capitalize()}: {reason}" for reason, names in models.items()]


@st.cache_resource(max_entries=100, show_spinner="Searching …", hash_funcs=cache.BY_CONTENT)
def _found(keys: Sequence[str], projection: Projection, text: str) -> Selection:
    return search.find_words(cache.comparison(keys, projection), text)


@st.cache_resource(max_entries=100, show_spinner="Searching …", hash_funcs=cache.BY_CONTENT)
def _ranked(keys: Sequence[str], projection: Projection, text: str, best: int) -> Ranking:
    comparison = cache.comparison(keys, projection)
    return search.rank_by_caption(
        comparison, text, best, load=lambda artifact: cache.model(artifact.key)
    )


@st.cache_resource(max_entries=100, show_spinner="Searching …", hash_funcs=cache.BY_CONTENT)
def _alike(keys: Sequence[str], projection: Projection, row: int, best: int) -> Ranking:
    return search.find_alike(cache.comparison(keys, projection), row, best)


def _best() -> int:
    """How many images of each model the address asks for."""
    numbers = {str(number): number for number in _BEST}
    return numbers.get(st.query_params.get("best", ""), _BEST[0])


def _offer_more(selection: Selection) -> None:
    """Offer more of the best images of each model, where there may be more."""
    best = _best()
    if best == _BEST[-1] or max(map(len, selection.best.values())) < best:
        return
    more = str(_BEST[_BEST.index(best) + 1])
    st.button(
        f"Show the first {more} of each model",
        icon=":material/expand_more:",
        type="tertiary",
        on_click=partial(st.query_params.__setitem__, "best", more),
    )


def _named(view: Shown, name: str) -> Selection:
    """The selection of a name of the address; SelectionError where it is gone or of other
    images."""
    last = st.session_state.get("selected") or {}
    comparison = view.comparison
    is_last = last.get("selection") == name and last.get("images") == images_key(comparison)
    words = shortened(st.query_params.get("about", ""), LONGEST)
    if name.startswith(_ROWS):
        return replace(read_selection(name.removeprefix(_ROWS), comparison), words=words)
    if is_last:  # also where it could not be kept
        return Selection.from_rows(comparison, last["rows"], words)
    stored = kept_selections.find_selection(name)
    if stored is None:
        raise SelectionError(
            "The link's selection is no longer on this server: the latest of each visitor are kept."
            " Mark the images anew, or ask for the file."
        )
    if stored.images != images_key(comparison):
        raise SelectionError("The link's selection is of other images; choose their image set.")
    rows = decode_rows(stored.rows, len(view.images.table))
    return Selection(comparison, rows, words or stored.title)


def _take_gesture(view: Shown) -> None:
    """Select what was marked on the maps since the last run.

    What a tab tells of maps that this session has not shown is of a session before it, as after the
    server began anew: the address has it, or what came after it.
    """
    gesture = map_component.last_gesture(view) or _last_brush(view)
    heard: dict[str, Any] = st.session_state.setdefault("gestures", {})
    if view.map_key not in heard:
        heard |= {view.map_key: 0, view.vectors_key: 0, gesture.key: gesture.number}
    if heard[gesture.key] == gesture.number:
        return
    heard[gesture.key] = gesture.number
    if gesture.marked.any():
        rows = view.comparison.rows[gesture.marked]
        select(Selection.from_rows(view.comparison, rows, "marked on the maps"))
    else:
        clear()


def _last_brush(view: Shown) -> Gesture:
    """What was marked on maps that Altair drew."""
    event = st.session_state.get(view.vectors_key) or {}
    selection = event.get("selection", {})
    brush = selection.get("brush")
    marked = view.comparison.points["id"].isin(brushed(selection, view.points)).to_numpy()
    return Gesture(view.vectors_key, repr(brush) if brush else 0, marked)


def select(selection: Selection) -> None:
    """Put a selection into the address; before the search box is drawn, or in a callback."""
    letters = _ROWS + selection_text(selection)
    name, images = letters, images_key(selection.comparison)
    if len(letters) > IN_ADDRESS:
        rows = encode_rows(selection.rows)
        name = kept_selections.selection_name(images, rows)
        try:
            kept_selections.keep(visitors.visitor().name, images, rows)
        except LabError as error:  # it is selected, but a link to it leads nowhere
            st.session_state["toast"] = str(error)
    st.session_state["selected"] = {"selection": name, "images": images, "rows": selection.rows}
    _leave("like", "picture", *_DETAILS)
    st.session_state["search"] = ""
    st.query_params["selection"] = name
    if selection.words:
        st.query_params["about"] = shortened(selection.words, LONGEST)


def _leave(*settings: str) -> None:
    for setting in settings:
        st.query_params.pop(setting, None)


def clear() -> None:
    """Select nothing; before the search box is drawn, or in a callback."""
    _leave("like", "selection", *_DETAILS)
    st.session_state["search"] = ""
    st.session_state.pop("selected", None)


def show_like(view: Shown, identity: str) -> None:
    """Offer the images like one that was clicked."""

    def rank() -> None:
        clear()
        view.name_image("like", identity)

    about = f"The {search.BEST} nearest in the full space of each model, as a selection."
    st.button("More like this", icon=":material/join_inner:", on_click=rank, help=about)


def _remember(view: Shown, selection: Selection | None) -> None:
    """Keep what is selected for when the visitor comes back from another page."""
    if selection is None:
        st.session_state.pop("selected", None)
        return
    settings = {name: st.query_params.get(name, "") for name in (*SETTINGS, *_DETAILS)}
    settings["search"] = st.session_state.get("search") or ""
    last = {"images": images_key(view.comparison), "rows": selection.rows}
    st.session_state["selected"] = {**settings, **last}


def _return_to_last(view: Shown) -> None:
    """Select what was selected here before the visitor looked at another page."""
    last = st.session_state.get("selected")
    is_named = any(st.query_params.get(name) for name in SETTINGS)
    if not (st.session_state.get("arrives") and last) or is_named:
        return
    if last["images"] != images_key(view.comparison):
        return
    st.session_state["search"] = last["search"]
    for name in ("like", "selection", *_DETAILS):
        if last[name]:
            st.query_params[name] = last[name]


def _keep(selection: Selection) -> None:
    """Keep a selection under the name that was typed, which it is called by from then on."""
    title = st.session_state["keep-title"].strip()
    if not title:
        return
    images, packed = images_key(selection.comparison), encode_rows(selection.rows)
    try:
        kept_selections.keep(visitors.visitor().name, images, packed, title)
    except LabError as error:
        st.session_state["toast"] = str(error)
    else:
        select(Selection(selection.comparison, selection.rows, title))


def _show_kept(view: Shown, selection: Selection | None) -> None:
    """The visitor's list of selections, where there is one or something to keep."""
    images, visitor = images_key(view.comparison), visitors.visitor().name
    listed = kept_selections.titled(visitor, images)
    if selection is None and not listed:
        return
    with st.popover("Kept", icon=":material/bookmark:", key="kept-selections"):
        if selection is not None:
            with st.form("keep", border=False, clear_on_submit=True):
                st.text_input(
                    "Keep this selection as",
                    max_chars=kept_selections.LONGEST_TITLE,
                    key="keep-title",
                )
                st.form_submit_button(
                    "Keep", icon=":material/bookmark_add:", on_click=partial(_keep, selection)
                )
        for stored in listed:
            rows = decode_rows(stored.rows, len(view.images.table))
            selected = Selection(view.comparison, rows, stored.title)
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button(
                    plain(f"{stored.title} ({len(rows):,})"),
                    key=f"kept-{stored.name}",
                    type="tertiary",
                    on_click=partial(select, selected),
                    width="stretch",
                )
                st.button(
                    "Remove",
                    icon=":material/delete:",
                    key=f"forget-{stored.name}",
                    type="tertiary",
                    on_click=partial(kept_selections.forget, visitor, stored.name),
                )


def show(view: Shown, selection: Selection | None) -> None:
    """The selected images, how often each model is right on them, and what to do with them."""
    if selection is None:
        _offer_shown(view)
        return
    comparison, images, points = view.comparison, view.images, selection.points
    is_marked = not selection.best and "selection" in st.query_params
    st.subheader("The images you selected" if is_marked else "The images that were found")
    st.markdown(_in_words(view, selection))
    with st.container(horizontal=True, vertical_alignment="center"):
        _show_combining(view, selection)
        _show_kept(view, selection)
        about = "One row an image: its file name and your columns, predictions and scores."
        widgets.download("Download CSV", selection.csv, "selection.csv", "text/csv", help=about)
        st.button("Clear", icon=":material/close:", type="tertiary", on_click=clear)
    if points.empty:
        return
    agreement.show_marked(view, points["id"].tolist())
    left, right = st.columns([2, 3])
    with left:
        _show_accuracy(comparison, selection)
        widgets.show_table(marked_table(comparison, points))
        st.caption(
            "Correct: the images that each model predicts correctly, of those that it shows."
            " Intervals, 95 % over scenes, count chance and not the choosing: images picked because"
            " a model errs on them say nothing about others."
        )
    with right:
        selected_images.show(view, selection)
        if selection.best:
            _offer_more(selection)
    with st.expander("All of them, with every model's prediction"):
        table = selection.table().replace({"split": {"test": SPLIT_WORDS["test"].lower()}})
        st.dataframe(table, hide_index=True, width="stretch")
    rows = selection.rows.tolist()
    blame.show(comparison, images, rows, "the wrong ones you selected", only_wrong=True)


def _in_words(view: Shown, selection: Selection) -> str:
    count = len(selection.points)
    words = f"**{plural(count, 'image')}** of {len(view.comparison.points):,}"
    if selection.words:
        words += f": {plain(selection.words)}"
    if hidden := len(selection) - count:
        words += f"; not on these maps: {hidden:,} more"
    return words


def _offer_shown(view: Shown) -> None:
    """Where groups are seen alone, offer to select them, and to see all again."""
    alone = map_component.clicked_alone(view)
    if alone is None or view.told.get("unsupported"):
        return
    rows = view.comparison.rows[alone]
    selection = Selection.from_rows(view.comparison, rows, "seen alone")
    with st.container(horizontal=True):
        if len(rows):
            st.button(
                f"Select what is shown: {plural(len(rows), 'image')}",
                icon=":material/select_all:",
                type="tertiary",
                on_click=partial(select, selection),
            )
        st.button(
            "Show all", icon=":material/filter_alt_off:", type="tertiary", on_click=view.show_all
        )


def _show_accuracy(comparison: ComparedMaps, selection: Selection) -> None:
    """Accuracy of each model on the selection, and their paired differences."""
    accuracies = selection.accuracy()
    if not accuracies:
        return
    rows = []
    for accuracy in accuracies:
        row: dict[str, object] = {"": SPLIT_WORDS[accuracy.split], "Images": accuracy.n}
        for name in comparison.named:
            rate = accuracy.models.get(name)
            row[name.capitalize()] = share(rate.as_dict()) if rate else "none"
        for (name, other), gap in accuracy.differences.items():
            row[f"{name.capitalize()} − {other}"] = points_in_words(gap.as_dict())
        rows.append(row)
    widgets.show_table(pd.DataFrame(rows), in_column=True)


def _show_combining(view: Shown, selection: Selection) -> None:
    """Intersect, unite or subtract the selection with a part of the images or a kept one."""
    comparison = view.comparison
    parts: dict[str, NDArray[np.int64]] = {
        name: comparison.rows[mask] for name, mask in facets(comparison).items()
    }
    namesakes: Counter[str] = Counter()
    for stored in kept_selections.titled(visitors.visitor().name, images_key(comparison)):
        rows = decode_rows(stored.rows, len(view.images.table))
        words = f"{stored.title} ({len(rows):,})"
        namesakes[words] += 1
        number = f", {namesakes[words]}" * (namesakes[words] > 1)
        parts[f"kept: {words}{number}"] = rows

    def combine() -> None:
        way, name = st.session_state["combine-way"], st.session_state["combine-with"]
        other = Selection.from_rows(comparison, parts[name], name)
        select(_WAYS[way](selection, other))

    with st.popover("Combine", icon=":material/join_left:", key="combine"):
        st.segmented_control(
            "This selection", list(_WAYS), default="and", required=True, key="combine-way"
        )
        st.selectbox("with", list(parts), key="combine-with")
        st.button("Combine", type="primary", on_click=combine)
