"""Pieces of pages: a model in training, the card of an experiment, rows of pictures."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from vlcore.charts.curves import learning_curve
from vlcore.charts.maps.small import live_map
from vlcore.charts.theme import Palette
from vlcore.compare import description, metrics_table
from vlcore.compare.model_map import ModelMap, caption_scores
from vlcore.core.condition import Condition
from vlcore.core.wording import describe_bias, percent, share, title
from vlcore.datasets import subset
from vlcore.datasets.drawn import SCENES_RECIPE
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.subset import map_rows
from vlcore.runs import sanity
from vlcore.store.jobs import JobStatus, State
from vlcore.ui import cache, condition_controls, jobs

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
    (st if within is None else within).image(_uri(image), alt=alt, **options)


def _uri(image: npt.NDArray[np.uint8] | Image.Image) -> str:
    shown = image.copy() if isinstance(image, Image.Image) else Image.fromarray(image)
    shown.thumbnail((LARGEST, LARGEST))
    out = BytesIO()
    shown.save(out, format="PNG", compress_level=1)  # a page shows dozens, and each run of it anew
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")


CARD, CARD_MAP = 264, 214  # px; four cards fit beside each other on a screen of 1280 px, two on one of 800
CARDS = 4 * CARD + 3 * 16  # px, the gaps included


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


def live(condition: Condition, view: JobStatus, palette: Palette, key: str) -> None:
    """What a model in training looks like now: its map and its accuracy on validation pictures."""
    status = view.status
    if "map" not in status:
        return
    images = subset.parts(cache.named_set(condition.data), condition.data_seed)[0]
    groups = images.table["group"].to_numpy()[map_rows(images)].tolist()
    if len(groups) == len(status["map"]):
        chart = live_map(status["map"], groups, palette=palette, grouping=images.grouping, side=CARD_MAP)
        cache.show(cache.finished(chart), alt="Map of the model in training", key=f"{key}_map")
    if status.get("curve"):
        step, majority, minority = status["curve"][-1]
        st.caption(
            f"Step {step:,}, right on {len(images.rows('val')):,} validation pictures: majority "
            f"{percent(majority)}, minority {percent(minority)}"
        )


def curve(view: JobStatus, palette: Palette, key: str) -> None:
    """Accuracy on validation pictures over the steps so far."""
    import pandas as pd

    points = view.status.get("curve", [])
    if len(points) < 3:
        return
    rows = [
        {"step": step, "series": name, "value": value}
        for step, majority, minority in points
        for name, value in (("majority", majority), ("minority", minority))
    ]
    chart = learning_curve(pd.DataFrame(rows), palette=palette, width=320, height=150)
    cache.show(cache.finished(chart), alt="Accuracy on validation pictures over the steps", key=f"{key}_curve")


def experiments_board(experiments: Sequence[Condition], images: ImageSet, palette: Palette) -> None:
    """The four experiments: a button that runs what is missing, or how far they are, and a card each."""

    def draw(views: list[JobStatus]) -> None:
        missing = [c for c, view in zip(experiments, views, strict=True) if not view.state.is_active and not view.done]
        active = any(view.state.is_active for view in views)
        if missing and st.button(
            "Run the four experiments" if len(missing) == 4 else f"Run the {len(missing)} missing",
            type="primary",
            icon=":material/play_arrow:",
            disabled=active,
            help=f"Draws the pictures once and trains what is missing. {how_long(images)}",
        ):
            for condition in missing:
                jobs.train(condition)
            st.rerun()
        elif active:
            done = sum(view.done for view in views)
            total = sum(1.0 if view.done else view.fraction for view in views) / len(views)
            text = f"{done} of {len(views)} done. You can leave this page: training goes on."
            with st.container(width=CARDS):
                left, right = st.columns([5, 1], vertical_alignment="bottom")
                left.progress(total, text=text)
                if right.button("Cancel", icon=":material/stop:", width="stretch"):
                    jobs.cancel(condition.key for condition in experiments)
        with st.container(horizontal=True):
            for number, (condition, view) in enumerate(zip(experiments, views, strict=True), start=1):
                _card(number, condition, view, palette)

    jobs.watch([condition.key for condition in experiments], draw)


def _card(number: int, condition: Condition, view: JobStatus, palette: Palette) -> None:
    """One of the study's experiments: what it is, where it is, and its map when it is done."""
    with st.container(border=True, width=CARD, height="stretch"):
        bias = "no bias" if condition.bias == 0 else "bias"
        labels = condition_controls.name_of(condition_controls.LABELS, condition.labels)
        st.markdown(f"**{number} · {bias}, {labels} labels**  \n:small[{describe_bias(condition)}]")
        if view.state is State.DONE:
            _finished(condition, palette)
        elif view.state.is_active:
            jobs.progress(view)
            live(condition, view, palette, condition.key)
        else:
            st.markdown(":gray[Not trained yet. Its map will be here.]")
            st.caption(
                f"Labels: {condition_controls.said_as(condition.labels, cache.named_set(condition.data).grouping)}"
            )
            if sentence := jobs.ended_badly(view):
                st.warning(sentence)


def _finished(condition: Condition, palette: Palette) -> None:
    cache.show(
        cache.card_map(condition.key, palette, CARD_MAP),
        alt=f"Map of {title(condition)}",
        key=f"card_{condition.key}",
    )
    end = cache.artefact(condition.key).metrics["end"]
    st.markdown(f"Right on minority pictures  \n**{metrics_table.cell(end, 'minority_accuracy')}**")
    if minority := end.get("minority_accuracy"):
        st.caption(f"of {minority['n']:,} held-out pictures; majority {share(end['majority_accuracy'])}")
    if sentence := description.small_sample_warning(
        cache.artefact(condition.key), cache.named_set(condition.data).grouping
    ):
        st.badge("few pictures", icon=":material/warning:", color="orange", help=sentence)
    if end["collapsed"]:
        st.badge("collapsed", icon=":material/warning:", color="red")


def traffic_light(condition: Condition) -> None:
    """Whether models of this kind learn at all where nothing is biased."""
    gate = sanity.gate(condition, cache.artefact)
    help_text = " ".join(gate.sentences)
    if gate.light is sanity.Light.GREEN:
        st.badge(gate.title, icon=":material/check_circle:", color="green", help=help_text)
    elif gate.light is sanity.Light.RED:
        st.badge(gate.title, icon=":material/cancel:", color="red", help=help_text)
    else:
        st.badge(gate.title, icon=":material/help:", color="gray", help=help_text)


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
