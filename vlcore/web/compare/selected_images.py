"""The images of a selection on the Compare page, with what every model predicts for them."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.selections import Selection
from vlcore.experiment.plain_text import plain
from vlcore.web import widgets
from vlcore.web.compare.view import Shown

SIDE = 72  # px of an image
SHOWN_FIRST, SHOWN_MORE = 24, 48  # images that are drawn, and that each press adds
_MARKS = {"right": "✓", "wrong": "✗"}


def show(view: Shown, selection: Selection) -> None:
    """Show the images of a selection, those that no map shows last, some at once."""
    comparison = view.comparison
    if predicts(comparison):
        names = ", ".join(comparison.named)
        st.caption(f"Under each image what is predicted, {names}: ✓ correct, ✗ wrong.")
    for name, ranked in selection.best.items():
        st.markdown(f"**{name.capitalize()} model**, best first")
        _show_row(view, name, ranked)
    if selection.best:
        return
    on_maps = comparison.rows[selection.marked]
    rows = np.concatenate([on_maps, np.setdiff1d(selection.rows, on_maps)])
    identity = hash(rows.tobytes())
    listed, count = st.session_state.get("listed", (identity, SHOWN_FIRST))
    if listed != identity:
        count = SHOWN_FIRST
    _show_row(view, "", [(row, None) for row in rows[:count].tolist()])
    if len(rows) > count:
        st.button(
            f"Show {min(SHOWN_MORE, len(rows) - count)} more of {len(rows) - count:,}",
            icon=":material/expand_more:",
            type="tertiary",
            on_click=partial(st.session_state.update, listed=(identity, count + SHOWN_MORE)),
        )


def _show_row(view: Shown, model: str, images: Sequence[tuple[int, float | None]]) -> None:
    """Small images of rows, with their scores where `model` ranked them, and every prediction;
    those that no map shows have none."""
    comparison = view.comparison
    positions = {row: position for position, row in enumerate(comparison.rows.tolist())}
    with st.container(horizontal=True, gap="small"):
        for row, score in images:
            words = [] if score is None else [f"{score:.2f}"]
            if file := view.images.own_file(row):
                words.insert(0, widgets.fitting_name(file))
            if row not in positions:
                words.append("not on the maps")
            elif predicts(comparison):
                point = comparison.points.iloc[positions[row]]
                words += [
                    words_of_prediction(point, pane) for pane in range(len(comparison.models))
                ]
            alt = view.images.description(row)
            caption = "  \n".join(map(plain, words))
            with st.container(width=SIDE, gap=None):
                widgets.show_image_of_set(view.images, row, width=SIDE, alt=alt, caption=caption)
                if row in positions:
                    st.button(
                        "Closer",
                        icon=":material/zoom_in:",
                        key=f"closer-{model}-{row}",
                        type="tertiary",
                        on_click=partial(_look_closer, view, row),
                        help="Its nearest neighbours and captions in every model, below.",
                    )


def _look_closer(view: Shown, row: int) -> None:
    view.name_image("picture", f"p{row}")
    st.session_state["toast"] = "Opened below the images that are selected."


def predicts(comparison: ComparedMaps) -> bool:
    """Whether any model predicts an object; embeddings without captions do not."""
    objects = comparison.images.grouping.objects
    return any(model.predicted_objects(objects) is not None for model in comparison.models)


def words_of_prediction(point: pd.Series, pane: int) -> str:
    """What the model of a pane predicts for a point, with whether it is correct: ``✓ horse``."""
    return f"{_MARKS.get(point[f'right_{pane}'], '–')} {point[f'says_{pane}']}"
