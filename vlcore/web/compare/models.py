"""Models of a comparison: the controls of each, in the address, or a model that lies on the
disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from vlcore.api.compared_maps import names
from vlcore.api.differences import describe_differences
from vlcore.api.imports import condition_of
from vlcore.api.training import is_quick
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import title
from vlcore.jobs.jobs import JobStatus, State
from vlcore.study import plans
from vlcore.web import cache, condition_controls, jobs, shell, widgets, work

SIDES = (
    "left",
    "right",
    "third",
    "fourth",
)  # what stands before each model's settings in the address


@dataclass(frozen=True)
class Side:
    """One model of a comparison: its name, one of `SIDES`, and the key of its artifact, which need
    not be there yet."""

    name: str
    prefix: str
    key: str
    condition: Condition


def choose_model_count() -> int:
    """The choice of how many models stand beside each other."""
    return int(widgets.one_of("Models", map(str, range(2, len(SIDES) + 1)), "models", "2"))


def comparable(images: ImageSet) -> dict[str, Condition]:
    """Models on the disk that can be shown on the pictures of a set, by key; older ones of the same
    pictures too."""
    wanted = images.name, images.version
    return {
        key: one
        for key, one in cache.conditions().items()
        if (one.data, one.data_version) == wanted
    }


def choose(images: ImageSet, count: int, steps: int, towers: str) -> list[Side]:
    """The controls of each model, two in a row."""
    if not images.has_pictures:
        return _imported(images, count)
    return _trained(images, count, steps, towers)


def differences(sides: Sequence[Side]) -> None:
    """In what the models differ."""
    st.markdown(describe_differences({side.name: side.condition for side in sides}))


def _trained(images: ImageSet, count: int, steps: int, towers: str) -> list[Side]:
    there, chosen = comparable(images), []
    choices = [condition_controls.AS_SET, *there]
    defaults = plans.find("experiments", usual_condition(images).with_towers(towers)).conditions
    work.prepare(defaults[0])  # the next bias level may train while the visitor looks on
    for column, (name, prefix, default) in widgets.in_pairs(
        zip(names(count), SIDES, defaults, strict=False)
    ):
        with column:
            asked, called = st.query_params.get(f"{prefix}_model", choices[0]), name.capitalize()
            condition, more = condition_controls.condition_controls(
                called, prefix, default, steps, images.grouping
            )
            about = (
                "Any model of these pictures, with its own objective, mitigation or length; also"
                " pretrained ones."
            )
            from_disk = widgets.in_address(
                f"{prefix}_model", f"{about} The settings beside it do not matter then."
            )
            key = more.selectbox("Or a model from the disk", choices, **from_disk)
            if asked not in choices:
                why = (
                    "it was trained on another image set or an older version of it, or never on"
                    " this server"
                )
                gone = f"There is no model {plain(repr(asked[:80]))} of these pictures here: {why}."
                st.warning(
                    f"{gone} The settings below are shown instead.", icon=":material/link_off:"
                )
            if found := there.get(key):
                trained = f"seed {found.init_seed}, {found.steps:,} steps"
                st.caption(
                    f"From the disk, whatever is set above: {plain(title(found))}, {trained}"
                )
            chosen.append(Side(name, prefix, key if found else condition.key, found or condition))
    return chosen


def _imported(images: ImageSet, count: int) -> list[Side]:
    """Embeddings of the same pictures that were computed elsewhere, each in a set of its own."""
    own, chosen = condition_of(images).key, []
    there = {
        key: one for key, one in cache.conditions().items() if one.kind is ArtifactKind.IMPORTED
    }
    pictures = {key: cache.artifact(key).manifest.get("pictures") for key in there}
    keys = [own, *(key for key in there if key != own and pictures[key] == pictures[own])]
    if len(keys) == 1:
        more = (
            "Import those of another encoder with the same names of pictures, and the two stand"
            " beside each other here"
        )
        st.info(
            f"These are the only embeddings of these pictures. {more}; until then each map is the"
            " same."
        )
    for place, (column, (name, prefix)) in enumerate(
        widgets.in_pairs(zip(names(count), SIDES, strict=False))
    ):
        label, in_address = (
            f"{name.capitalize()} encoder",
            widgets.in_address(f"{prefix}_encoder_of"),
        )
        key = column.selectbox(
            label, keys, place % len(keys), lambda key: title(there[key]), **in_address
        )
        chosen.append(Side(name, prefix, key, there[key]))
    return chosen


def wait_for(sides: Sequence[Side]) -> bool:
    """The progress and buttons of whatever is still missing; False where nothing is. What takes
    seconds begins by itself where the visitor chose it here."""
    if all(work.view(side.key).done for side in sides):
        return False
    absent = [side for side in sides if work.view(side.key).state is State.ABSENT]
    begun = [
        side for side in absent if _takes_seconds(side.condition) and jobs.chosen_here(side.key)
    ]
    work.train(*(side.condition for side in begun))

    def draw(views: list[JobStatus]) -> None:
        for column, (side, view) in widgets.in_pairs(zip(sides, views, strict=True)):
            with column.container(key=f"wait_{side.prefix}"):
                _progress_of(side, view)

    quick = all(_takes_seconds(side.condition) for side in absent)
    jobs.watch([side.key for side in sides], draw, every=jobs.POLL_QUICK if quick else jobs.POLL)
    return True


def _takes_seconds(condition: Condition) -> bool:
    return condition.steps == 0 or is_quick(condition)


def _progress_of(side: Side, view: JobStatus) -> None:
    """How far a model is, or the button that starts it."""
    if view.done:
        st.caption(f"**{side.name.capitalize()}** is ready: {plain(title(side.condition))}")
        return
    label = "Measure it" if side.condition.steps == 0 else "Train this model"
    cancel, key = (f"{what}_{side.prefix}" for what in ("cancel", "train"))
    start = partial(work.train, side.condition)
    with st.container(horizontal=view.state is State.ABSENT, vertical_alignment="center"):
        if view.state is State.ABSENT:
            lasts = (
                "a few seconds"
                if _takes_seconds(side.condition)
                else "about half a minute on two cores"
            )
            st.caption(
                f"**{side.name.capitalize()}**, {lasts}: {plain(title(side.condition))}",
                width="content",
            )
        jobs.progress_or_start(view, label, start, cancel_key=cancel, key=key, type="primary")
    if view.state.is_active and not _takes_seconds(side.condition):
        widgets.live(side.condition, view, shell.palette(), f"live_{side.prefix}")


def remember(sides: Sequence[Side]) -> None:
    """Keep what is compared now, to be shown while the next models are trained."""
    st.session_state["compared"] = list(sides)


def former(sides: Sequence[Side], images: ImageSet) -> list[Side]:
    """What can be shown until all sides are there: of each the model itself, the one that it was
    before, or one of the study's experiments; none where one of them is not there."""
    before: list[Side] = st.session_state.get("compared", [])
    same_set = all(side.condition.data == images.name for side in before)
    usual = (
        plans.find("experiments", usual_condition(images)).conditions if images.has_pictures else ()
    )
    instead = [*(before if same_set else []), *(Side("", "", one.key, one) for one in usual)]
    shown = []
    for number, side in enumerate(sides):
        choices = [side, *instead[number : number + 1], *instead]
        there = next((choice for choice in choices if work.view(choice.key).done), None)
        if there is None:
            return []
        shown.append(Side(side.name, side.prefix, there.key, there.condition))
    return shown


def badges(sides: Sequence[Side]) -> None:
    """What each model is, whether models like it learn at all, whether it collapsed, and in what
    they differ."""
    differences(sides)
    for column, side in widgets.in_pairs(sides):
        with column.container(horizontal=True):
            st.caption(
                f"**{side.name.capitalize()}**: {plain(title(side.condition))}", width="content"
            )
            if side.condition.steps:
                widgets.sanity_badge(side.condition)
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
