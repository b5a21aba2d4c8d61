"""Models of a comparison: their controls, in the address, or models on the disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from vlcore.api.differences import describe_differences
from vlcore.api.training import is_quick
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import Condition
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import title
from vlcore.jobs.jobs import JobStatus, State
from vlcore.study import plans
from vlcore.web import cache, condition_controls, jobs, shell, widgets, work
from vlcore.web.model_picker import model_in_address

SIDES = ("left", "right")  # their names, before each model's settings in the address


@dataclass(frozen=True)
class Side:
    """One model of a comparison, which may not be trained yet."""

    name: str  # one of `SIDES`
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
            sides.append(Side(name, *condition_controls.choose_model(model, images.grouping)))
    return sides


def wait_for_sides(sides: Sequence[Side]) -> bool:
    """Show the progress and buttons of missing models; False where none is missing.

    Trainings of seconds start by themselves if the visitor chose them here.
    """
    if all(work.view(side.key).done for side in sides):
        return False
    absent = [side for side in sides if work.view(side.key).state is State.ABSENT]
    are_quick = all(_takes_seconds(side.condition) for side in absent)
    work.train(
        *(
            side.condition
            for side in absent
            if _takes_seconds(side.condition) and jobs.chosen_here(side.key)
        )
    )

    def draw(views: list[JobStatus]) -> None:
        for column, side, view in zip(st.columns(2), sides, views, strict=False):
            with column.container(key=f"wait_{side.name}"):
                _show_progress(side, view)

    every = jobs.POLL_QUICK if are_quick else jobs.POLL
    jobs.watch([side.key for side in sides], draw, every=every)
    return True


def _takes_seconds(condition: Condition) -> bool:
    return condition.steps == 0 or is_quick(condition)


def _show_progress(side: Side, view: JobStatus) -> None:
    """Show how far a model is, or the button that starts it."""
    words = plain(title(side.condition))
    name = f"**{side.name.capitalize()}**"
    if view.done:
        st.caption(f"{name} is ready: {words}")
        return
    is_absent = view.state is State.ABSENT
    with st.container(horizontal=is_absent, vertical_alignment="center"):
        if is_absent:
            duration = work.time_in_words(side.condition)
            st.caption(f"{name}, {duration} here: {words}", width="content")
        jobs.progress_or_start(
            view,
            "Measure it" if side.condition.steps == 0 else "Train this model",
            partial(work.train, side.condition),
            cancel_key=f"cancel_{side.name}",
            key=f"train_{side.name}",
            type="primary",
        )
    if view.state.is_active and not _takes_seconds(side.condition):
        widgets.live(side.condition, view, shell.palette(), f"live_{side.name}")


def remember_sides(sides: Sequence[Side]) -> None:
    """Keep what is compared now, to be shown while the next models are trained."""
    st.session_state["compared"] = list(sides)


def former(sides: Sequence[Side], images: ImageSet) -> list[Side]:
    """Return what to show until all models are trained; nothing if there is not enough.

    Each side has the model itself, its former one, or one of the study's experiments; one that no
    other side has, where there is any.
    """
    compared: list[Side] = st.session_state.get("compared", [])
    substitutes = [side for side in compared if side.condition.data == images.name]
    if len(substitutes) < len(compared):
        substitutes = []
    experiments = plans.find("experiments", usual_condition(images)).conditions
    substitutes += [Side("", condition.key, condition) for condition in experiments]
    trained = {side.key for side in sides if work.view(side.key).done}
    used_keys = set(trained)
    former_sides = []
    for number, side in enumerate(sides):
        ready = side
        if side.key not in trained:
            choices = [*substitutes[number : number + 1], *substitutes]
            done = [choice for choice in choices if work.view(choice.key).done]
            if not done:
                return []
            others = [choice for choice in done if choice.key not in used_keys]
            ready = (others or done)[0]
            used_keys.add(ready.key)
        former_sides.append(Side(side.name, ready.key, ready.condition))
    return former_sides


def set_and_steps(images: ImageSet, sides: Sequence[Side]) -> str:
    """Name the image set of models, with their training length where they have one in common."""
    lengths = {side.condition.steps for side in sides}
    if len(lengths) > 1 or lengths == {0}:
        return images.name
    return f"{images.name}, {lengths.pop():,} steps"


def badges(sides: Sequence[Side]) -> None:
    """Show how the models differ, and of each what it is, and a collapse."""
    if len(sides) > 1:
        st.markdown(describe_differences(*(side.condition for side in sides)))
    for column, side in zip(st.columns(2), sides, strict=False):
        with column.container(horizontal=True):
            st.caption(
                f"**{side.name.capitalize()}**: {plain(title(side.condition))}", width="content"
            )
            artifact = cache.artifact(side.key)
            if artifact.bundled_with:
                about = (
                    "Not trained on this server. Its embeddings and weights are rounded, its"
                    " numbers are not."
                )
                st.badge("bundled", icon=":material/inventory_2:", color="gray", help=about)
            if artifact.metrics["end"]["collapsed"]:
                about = (
                    "Nearly all variance is gone: what the map shows is residue, blown up to"
                    " fill it."
                )
                st.badge("collapsed", icon=":material/warning:", color="red", help=about)
