"""The caption section of the Compare page: type a caption, see where it lies and what each of its words does.

The one idea: everything is asked of all models at once, so that one sees what is the model's and what is the caption's.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from vlcore.charts.maps.captions import caption_map
from vlcore.charts.theme import Palette
from vlcore.compare import captions
from vlcore.compare.captions import CaptionAnswer
from vlcore.compare.comparison import Comparison
from vlcore.core.errors import LabError
from vlcore.core.grouping import group_words
from vlcore.datasets.imageset import ImageSet
from vlcore.ui import cache, widgets
from vlcore.ui.compare import film


def section(comparison: Comparison, images: ImageSet, palette: Palette, side: int) -> None:
    """Ask the models of a comparison for a caption; under it, how alike their own captions are."""
    _typed(comparison, images, palette, side)
    st.markdown("**How alike its captions are to each model**")
    film.caption_section([model.artefact.key for model in comparison.models], palette)


def _typed(comparison: Comparison, images: ImageSet, palette: Palette, side: int) -> None:
    minority = images.grouping.minority[1]
    usual = f"a {group_words(images.grouping)[minority]}"
    typed = st.text_input(
        "A caption", usual, max_chars=captions.LONGEST, key="caption", bind="query-params",
        help="Anything. Each model reads the words that it was given in training, and is told of those it does not "
        "know.",
    )  # fmt: skip
    try:
        text = captions.clean(typed or "")
    except captions.CaptionLabError as error:
        st.warning(str(error), icon=":material/edit:")
        return
    answers: dict[int, CaptionAnswer] = {}
    for pane, (name, model) in enumerate(zip(comparison.names, comparison.models, strict=True)):
        try:
            answers[pane] = captions.ask(model, cache.model(model.artefact.key), text)
        except LabError as error:
            st.info(f"The {name} model cannot be asked. {error}", icon=":material/info:")
    if not answers:
        return
    for pane, asked in answers.items():
        if asked.unknown:
            st.warning(
                f"The {comparison.names[pane]} model does not know, or does not read, {_listed(asked.unknown)}.",
                icon=":material/help:",
            )
    for sentence in captions.unheard_in_words(comparison, [text]):
        st.caption(sentence)
    _map(comparison, answers, text, images, palette, side)
    _nearest(comparison, answers)
    _words(comparison, answers)


def _listed(words: tuple[str, ...]) -> str:
    shown = [f"“{word[:30]}”" for word in words[:8]]
    return ", ".join(shown) + (f" and {len(words) - 8} more words" if len(words) > 8 else "")


def _map(
    comparison: Comparison, answers: dict[int, CaptionAnswer], text: str, images: ImageSet, palette: Palette, side: int
) -> None:
    asked, without = [], []
    for pane, answer in answers.items():
        turn = comparison.turns[pane]
        x, y = turn.apply(answer.place[None])[0]
        asked.append({"pane": pane, "x": x, "y": y, "caption": text if len(text) <= 40 else f"{text[:39]}…"})
        ends = turn.apply(answer.without[["x", "y"]].to_numpy(float))
        for (_, row), (x2, y2) in zip(answer.without.iterrows(), ends, strict=True):
            word = {"word": row["word"], "cosine": row["cosine"]}
            without.append({"pane": pane, **word, "x": x, "y": y, "x2": x2, "y2": y2})
    chart = caption_map(
        comparison.points,
        comparison.captions,
        pd.DataFrame(asked),
        pd.DataFrame(without, columns=["pane", "word", "cosine", "x", "y", "x2", "y2"]),
        comparison.infos,
        palette=palette,
        grouping=images.grouping,
        side=side,
    )
    cache.show(cache.finished(chart), alt=f"Where the caption lies in each model, and each of its words: {text}")
    exact = comparison.models[0].projection.linear
    st.caption(
        "The star is the caption; an arrow leads to the same caption without one word. "
        + ("Its place is exact." if exact else "Its place is the average of its nearest pictures, not exact.")
    )


def _nearest(comparison: Comparison, answers: dict[int, CaptionAnswer]) -> None:
    for column, (pane, answer) in zip(widgets.in_pairs(len(answers)), answers.items(), strict=True):
        with column:
            st.markdown(f"**Nearest pictures in the {comparison.names[pane]} model** (cosine)")
            model = comparison.models[pane]
            widgets.pictures(model, model.neighbours(answer.z, 5))


def _words(comparison: Comparison, answers: dict[int, CaptionAnswer]) -> None:
    """How far the caption moves when a word is left out."""
    tables = [
        answer.without.set_index("word")["cosine"].rename(comparison.names[pane].capitalize())
        for pane, answer in answers.items()
    ]
    first = next(iter(answers.values())).without
    if first.empty:
        st.caption("A caption of one word has none to leave out.")
        return
    table = pd.DataFrame({"Left out": first["word"], "What remains": first["caption"]})
    for column in tables:
        table[column.name] = column.to_numpy()
    st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        column_config={
            column.name: st.column_config.NumberColumn(
                f"{column.name}: cosine",
                format="%.2f",
                help="Of the shortened caption with the whole one: 1 means that the word says nothing to this model.",
            )
            for column in tables
        },
    )
