"""Selected images on the Compare page, each with the predictions of every model."""

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
MOST_SHOWN = 48
_MARKS = {"right": "✓", "wrong": "✗"}


def show(view: Shown, selection: Selection) -> None:
    """Show the first images of a selection, those that no map shows last."""
    comparison = view.comparison
    if predicts(comparison):
        names = ", ".join(comparison.named)
        st.caption(f"Predictions under each image ({names}): ✓ correct, ✗ wrong.")
    positions = np.flatnonzero(selection.selected)
    on_maps = comparison.rows[positions]
    unshown = np.setdiff1d(selection.rows, on_maps)
    with st.container(horizontal=True, gap="small"):
        for row, position in list(zip(on_maps.tolist(), positions, strict=True))[:MOST_SHOWN]:
            lines = []
            if predicts(comparison):
                point = comparison.points.iloc[position]
                panes = range(len(comparison.models))
                lines = [words_of_prediction(point, pane) for pane in panes]
            with st.container(width=SIDE, gap=None):
                _show_image(view, row, lines)
                st.button(
                    "Closer",
                    icon=":material/zoom_in:",
                    key=f"closer-{row}",
                    type="tertiary",
                    on_click=partial(_look_closer, view, row),
                    help="Shows its nearest neighbours and captions in every model, below.",
                )
        for row in unshown[: max(0, MOST_SHOWN - len(on_maps))].tolist():
            with st.container(width=SIDE, gap=None):
                _show_image(view, row, ["not on the maps"])
    if len(selection) > MOST_SHOWN:
        st.caption(f"The first {MOST_SHOWN} of {len(selection):,} images. The CSV file has all.")


def _show_image(view: Shown, row: int, lines: list[str]) -> None:
    if file := view.images.own_file(row):
        lines = [widgets.fitting_name(file), *lines]
    caption = "  \n".join(map(plain, lines))
    alt = view.images.description(row)
    widgets.show_image_of_set(view.images, row, width=SIDE, alt=alt, caption=caption)


def _look_closer(view: Shown, row: int) -> None:
    view.name_image("picture", f"p{row}")
    st.session_state["toast"] = "The image is shown below the selected images."


def predicts(comparison: ComparedMaps) -> bool:
    """Return whether any model predicts an object; captions of backgrounds alone name none."""
    objects = comparison.images.grouping.objects
    return any(model.predicted_objects(objects) is not None for model in comparison.models)


def words_of_prediction(point: pd.Series, pane: int) -> str:
    """Return what the model of a pane predicts for a point, and whether it is correct."""
    return f"{_MARKS.get(point[f'right_{pane}'], '–')} {point[f'says_{pane}']}"
