"""Pieces of pages: a model in training, the card of an experiment, rows of pictures."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from vlcore.charts.curves import learning_curve
from vlcore.charts.maps.small import live_map
from vlcore.charts.parts import Chart, Command, Part, Table, Text
from vlcore.charts.theme import Palette
from vlcore.compare.model_map import ModelMap, caption_scores
from vlcore.core.condition import Condition
from vlcore.core.wording import percent, title
from vlcore.datasets import subset
from vlcore.datasets.drawn import SCENES_RECIPE
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.subset import map_rows
from vlcore.runs import sanity
from vlcore.store.jobs import JobStatus, State
from vlcore.ui import cache, jobs

LARGEST = 512  # px of the longer side: none is shown larger, but for a screen with two dots a pixel


def picture(
    image: npt.NDArray[np.uint8] | Image.Image, *, alt: str, within: DeltaGenerator | None = None, **options: Any
) -> None:
    """Show a picture.

    Args:
        image: uint8 array of shape (H, W, 3), or a Pillow image; see-through parts stay so.
        alt: what it shows, for those who do not see it.
        within: the container or column that it goes into; where the page is, without one.
        options: those of `st.image`.
    """
    shown = image.copy() if isinstance(image, Image.Image) else Image.fromarray(image)
    shown.thumbnail((LARGEST, LARGEST))
    out = BytesIO()
    shown.save(out, format="PNG", compress_level=1)  # a page shows dozens, and each run of it anew
    uri = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")
    (st if within is None else within).image(uri, alt=alt, **options)


CARD_MAP = 214  # px; the side of a small map


def how_long(images: ImageSet) -> str:
    """What the four experiments of a set take, in a sentence."""
    if images.folds:
        return (
            f"It trains {4 * images.folds} small models, {images.folds} for each experiment; the time left is shown "
            "while they train."
        )
    if images.name == SCENES_RECIPE.name:
        return "It takes two or three minutes on two cores."
    return "It takes a few minutes on two cores; the pictures are drawn first."


def wait_for(conditions: Sequence[Condition]) -> None:
    """Queue conditions, and hold the page with their progress until all are there."""
    for view, condition in zip(jobs.views(conditions), conditions, strict=True):
        if view.state is State.ABSENT:
            jobs.train(condition)
    if not all(view.done for view in jobs.views(conditions)):
        jobs.watch([condition.key for condition in conditions])
        st.stop()


def in_training(conditions: Sequence[Condition]) -> None:
    """The progress of those of the conditions that are in training; the page is run anew when one is done."""
    titles = {condition.key: title(condition) for condition in conditions}

    def draw(views: list[JobStatus]) -> None:
        for view in views:
            if view.state.is_active:
                st.caption(titles[view.key])
                jobs.progress(view)

    jobs.watch(list(titles), draw, each_done=True)


def live(condition: Condition, view: JobStatus, palette: Palette, key: str, *, curve: bool = True) -> None:
    """What a model in training looks like now: its map and its accuracy on validation pictures, at the end and, with
    `curve`, over the steps."""
    status = view.status
    if "map" not in status:
        return
    images = subset.parts(cache.named_set(condition.data), condition.data_seed)[0]
    groups = images.table["group"].to_numpy()[map_rows(images)].tolist()
    if len(groups) == len(status["map"]):
        chart = live_map(status["map"], groups, palette=palette, grouping=images.grouping, side=CARD_MAP)
        cache.show(chart, alt="Map of the model in training", key=f"{key}_map")
    points = status.get("curve", [])
    if points:
        step, majority, minority = points[-1]
        st.caption(
            f"Step {step:,}, right on {len(images.rows('val')):,} validation pictures: majority "
            f"{percent(majority)}, minority {percent(minority)}"
        )
    if curve:
        alt = "Accuracy on validation pictures over the steps"
        curves(points, ("majority", "minority"), palette, alt=alt, key=f"{key}_curve")


def curves(
    points: Sequence[Sequence[float]], names: Sequence[str], palette: Palette, *, alt: str, key: str,
    width: int = 320, height: int = 150,
) -> bool:  # fmt: skip
    """A chart of values over the steps, (step, a value a name); whether there are enough points for one."""
    import pandas as pd

    if len(points) < 3:
        return False
    table = pd.DataFrame(points, columns=["step", *names]).melt("step", var_name="series")
    chart = learning_curve(table, palette=palette, width=width, height=height)
    cache.show(chart, alt=alt, key=key)
    return True


_LIGHTS: dict[sanity.Light, tuple[str, Any]] = {
    sanity.Light.GREEN: (":material/check_circle:", "green"),
    sanity.Light.RED: (":material/cancel:", "red"),
    sanity.Light.UNKNOWN: (":material/help:", "gray"),
}


def traffic_light(condition: Condition) -> None:
    """Whether models of this kind learn at all where nothing is biased."""
    gate = sanity.gate(condition, cache.artefact)
    icon, colour = _LIGHTS[gate.light]
    st.badge(gate.title, icon=icon, color=colour, help=" ".join(gate.sentences))


def in_pairs(count: int) -> list[DeltaGenerator]:
    """Places beside each other, two in a row."""
    return [column for first in range(0, count, 2) for column in st.columns(2)][:count]


def pictures(model: ModelMap, found: Sequence[tuple[int, float]]) -> None:
    """A row of pictures with what they show and their cosine."""
    images = cache.image_set(model)
    columns = st.columns(len(found))
    for column, (row, similarity) in zip(columns, found, strict=True):
        facts = images.table.iloc[row]
        picture(images.image(row), width="stretch", alt=f"{facts['object']}, {facts['context']}", within=column)
        column.caption(f"{facts['object']}, {facts['context']}  \n{similarity:.2f}")


def caption_table(model: ModelMap, z: Any) -> None:
    """Cosine and probability of each caption for one embedding, (E,)."""
    import pandas as pd

    rows = pd.DataFrame(caption_scores(model, z)).assign(share=lambda table: 100 * table.pop("probability"))
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            "caption": st.column_config.TextColumn("Caption"),
            "similarity": st.column_config.NumberColumn(
                "Cosine",
                format="%.2f",
                help="How near picture and caption are in the model: 1 the same direction, -1 opposite.",
            ),
            "share": st.column_config.ProgressColumn(
                "Share",
                format="%.0f %%",
                min_value=0,
                max_value=100,
                help="How the model divides itself between its captions. It must choose one, also for a picture that "
                "none of them fits: a high share is no proof of being right.",
            ),
        },
    )


def show_part(part: Part, draw: Callable[[Chart], None] | None = None) -> None:
    """A part of what is said of models or a study, without its heading; `draw` shows its figures, if it has some."""
    for content in part.content:
        match content:
            case Text(icon=icon) if icon:
                st.warning(content.text, icon=f":material/{icon}:")
            case Text(note=True):
                st.caption(content.text)
            case Text():
                st.markdown(f"**{content.title}.** {content.text}" if content.title else content.text)
            case Command():
                st.code(content.text, language="sh")
            case Table():
                st.dataframe(content.rows, hide_index=True, width="stretch")
            case Chart() if draw is not None:
                draw(content)
