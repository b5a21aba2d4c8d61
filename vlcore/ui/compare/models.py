"""Models of a comparison: the controls of each, in the address, or a model that lies on the disk.

Whatever was chosen ends as a key and a condition, and the rest of the page does not ask how.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from vlcore.compare.comparison import MOST_MODELS, names
from vlcore.compare.description import differences_in_words
from vlcore.core.condition import Condition
from vlcore.core.options import ArtefactKind
from vlcore.core.wording import title
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.subset import usual_condition
from vlcore.runs.imported import condition_of
from vlcore.store.jobs import JobStatus, State
from vlcore.studies import plans
from vlcore.ui import cache, condition_controls, jobs, shell, widgets

SIDES = ("left", "right", "third", "fourth")  # what stands before each model's settings in the address


@dataclass(frozen=True)
class Side:
    """One model of a comparison.

    Attributes:
        name: what it is called.
        prefix: one of `SIDES`.
        key: of its artefact, which need not be there yet.
        condition: what it is.
    """

    name: str
    prefix: str
    key: str
    condition: Condition


def how_many() -> int:
    """The choice of how many models stand beside each other."""
    counts = [str(count) for count in range(2, MOST_MODELS + 1)]
    chosen = st.segmented_control(
        "Models", options=counts, default=counts[0], required=True, key="models", bind="query-params"
    )
    return int(chosen or counts[0])


def comparable(images: ImageSet) -> dict[str, Condition]:
    """Models on the disk that can be shown on the pictures of a set, by key; older ones of the same pictures too."""
    return {
        key: condition
        for key, condition in cache.conditions().items()
        if (condition.data, condition.data_version) == (images.name, images.version)
    }


def choose(images: ImageSet, count: int, preset: str) -> list[Side]:
    """The controls of each model, two in a row, and in what the models differ."""
    sides = _trained(images, count, preset) if images.has_pictures else _imported(images, count)
    st.markdown(differences_in_words({side.name: side.condition for side in sides}))
    return sides


def _trained(images: ImageSet, count: int, preset: str) -> list[Side]:
    there = comparable(images)
    choices = [condition_controls.AS_SET, *there]
    defaults = plans.find("experiments", usual_condition(images)).conditions
    chosen = []
    for column, name, prefix, default in zip(widgets.in_pairs(count), names(count), SIDES, defaults, strict=False):
        with column.container(border=True):
            asked = st.query_params.get(f"{prefix}_model", condition_controls.AS_SET)
            condition, more = condition_controls.condition_controls(
                f"{name.capitalize()} model", prefix, default, preset, images.grouping
            )
            key = more.selectbox(
                "Or a model from the disk",
                choices,
                key=f"{prefix}_model",
                bind="query-params",
                help="Any model of these pictures, with its own objective, mitigation or length; also pretrained ones. "
                "The settings beside it do not matter then.",
            )
            if asked not in choices:
                st.warning(
                    f"There is no model {asked[:80]!r} of these pictures here: it was trained on another image set or "
                    "an older version of it, or never on this server. The settings below are shown instead.",
                    icon=":material/link_off:",
                )
            if found := there.get(key):
                st.caption(
                    f"From the disk, whatever is set above: {title(found)}, seed {found.init_seed}, {found.steps:,} "
                    "steps"
                )
            chosen.append(Side(name, prefix, key if found else condition.key, found or condition))
    return chosen


def _imported(images: ImageSet, count: int) -> list[Side]:
    """Embeddings of the same pictures that were computed elsewhere, each in a set of its own."""
    own = condition_of(images).key
    there = {key: one for key, one in cache.conditions().items() if one.kind is ArtefactKind.IMPORTED}
    pictures = {key: cache.artefact(key).manifest.get("pictures") for key in there}
    keys = [own, *(key for key in there if key != own and pictures[key] == pictures[own])]
    if len(keys) == 1:
        st.info(
            "These are the only embeddings of these pictures. Import those of another encoder with the same names of "
            "pictures, and the two stand beside each other here; until then each map is the same."
        )
    chosen = []
    for place, (column, name) in enumerate(zip(widgets.in_pairs(count), names(count), strict=True)):
        with column:
            key = st.selectbox(
                f"{name.capitalize()} encoder", keys, index=place % len(keys), key=f"{SIDES[place]}_encoder_of",
                bind="query-params", format_func=lambda key: title(there[key]),
            )  # fmt: skip
        chosen.append(Side(name, SIDES[place], key, there[key]))
    return chosen


def wait_for(sides: Sequence[Side]) -> None:
    """Hold the page with the progress and buttons of whatever is still missing, until all are there."""
    if all(jobs.view(side.key).done for side in sides):
        return
    for side in sides:
        if side.condition.steps == 0 and jobs.view(side.key).state is State.ABSENT:
            jobs.train(side.condition)  # nothing to train: measured at once, in a few seconds

    def draw(views: list[JobStatus]) -> None:
        for column, side, view in zip(widgets.in_pairs(len(sides)), sides, views, strict=True):
            with column:
                if view.done:
                    st.success("Ready.", icon=":material/check_circle:")
                    continue
                if view.state is State.ABSENT:
                    st.info("This model has not been trained yet.", icon=":material/info:")
                jobs.progress_or_start(
                    view, "Train this model", partial(jobs.train, side.condition), cancel_key=f"cancel_{side.prefix}",
                    key=f"train_{side.prefix}", type="primary",
                )  # fmt: skip
                if view.state.is_active:
                    widgets.live(side.condition, view, shell.palette(), f"live_{side.prefix}")

    jobs.watch([side.key for side in sides], draw)
    st.stop()


def badges(sides: Sequence[Side]) -> None:
    """The bias in words, whether models like this learn at all, and whether this one collapsed; of each model."""
    for column, side in zip(widgets.in_pairs(len(sides)), sides, strict=True):
        with column.container(horizontal=True):
            st.caption(f"**{side.name.capitalize()}**: {title(side.condition)}", width="content")
            if side.condition.steps:
                widgets.traffic_light(side.condition)
            if cache.artefact(side.key).metrics["end"]["collapsed"]:
                st.badge(
                    "collapsed",
                    icon=":material/warning:",
                    color="red",
                    help="Nearly all variance is gone: what the map shows is residue, blown up to fill it.",
                )
