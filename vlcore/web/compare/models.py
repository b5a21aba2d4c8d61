"""Models of a comparison: their controls, in the address, or models on the disk."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from vlcore.api.compared_maps import map_names
from vlcore.api.training import is_quick
from vlcore.data.imageset import ImageSet
from vlcore.experiment import options
from vlcore.experiment.condition import Condition
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import title
from vlcore.jobs.jobs import JobStatus
from vlcore.web import cache, condition_controls, jobs, shell, widgets, work
from vlcore.web.model_picker import model_in_address

# What pages call the two models, by their parameters of the address.
SIDES = dict(zip(("left", "right"), map_names(2), strict=True))


@dataclass(frozen=True)
class Side:
    """One model of a comparison, which may not be trained yet."""

    name: str  # a parameter of `SIDES`
    key: str  # of its artifact
    condition: Condition


def comparable(images: ImageSet) -> dict[str, Condition]:
    """Return models on the disk of the images of a set, by key; older ones of the images too."""
    return {
        key: condition
        for key, condition in cache.model_conditions().items()
        if (condition.data, condition.data_version) == (images.name, images.version)
    }


def choose_sides(images: ImageSet, steps: int, towers: str) -> list[Side]:
    """Show the controls of both models."""
    on_disk = comparable(images)
    pair = condition_controls.usual_pair(images, steps, towers)
    work.prepare(pair[0])  # the next bias level may train while the visitor looks on
    sides = []
    for column, name, usual in zip(st.columns(2), SIDES, pair, strict=True):
        model = model_in_address(name, usual, on_disk)
        with column:
            sides.append(
                Side(name, *condition_controls.choose_model(model, SIDES[name], images.grouping))
            )
    return sides


def need_sides(images: ImageSet, sides: Sequence[Side]) -> bool:
    """Offer the training of missing models; whether all are trained."""

    def draw(views: list[JobStatus]) -> None:
        by_key = {view.key: view for view in views}  # both sides may be one model
        for column, side in zip(st.columns(2), sides, strict=True):
            view = by_key[side.key]
            with column.container(key=f"wait_{side.name}"):
                state = "ready" if view.done else "not trained yet"
                st.caption(f"**{SIDES[side.name]}** ({state}): {plain(title(side.condition))}")
                if view.state.is_active and not is_quick(side.condition):
                    widgets.live(side.condition, view, shell.palette(), f"live_{side.name}")

    if jobs.need_models([side.condition for side in sides], draw=draw):
        return True
    _link_to_trained(images, [side.condition for side in sides])
    return False


def _link_to_trained(images: ImageSet, missing: Sequence[Condition]) -> None:
    """Link to models on the disk that differ from missing ones in the bias alone."""
    on_disk = comparable(images)
    with st.container(horizontal=True):
        for name, bias in condition_controls.BIASES.items():
            left, right = (condition.replace(bias=bias) for condition in missing)
            if on_disk.keys() >= {left.key, right.key}:
                address = condition_controls.compared(left, right)
                widgets.link(address, f"Compare the trained models with bias {name}", "compare")


def set_and_steps(images: ImageSet, sides: Sequence[Side]) -> str:
    """Name the image set of models, with their start and training length if all have the same."""
    words = [images.name]
    starts = {condition_controls.towers_name(side.condition) for side in sides}
    if len(starts) == 1 and starts != {options.SCRATCH}:
        words.append(f"{starts.pop()} encoders")
    lengths = {side.condition.steps for side in sides}
    if len(lengths) == 1 and lengths != {0}:
        words.append(f"{lengths.pop():,} steps")
    return ", ".join(words)
