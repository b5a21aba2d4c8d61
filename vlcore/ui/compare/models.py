"""Models of a comparison: the controls of each, in the address, or a model that lies on the disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from vlcore.compare.comparison import names
from vlcore.compare.description import differences_in_words
from vlcore.core.condition import Condition
from vlcore.core.options import ArtefactKind
from vlcore.core.plain import plain
from vlcore.core.wording import title
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.subset import usual_condition
from vlcore.runs.imported import condition_of
from vlcore.server import cache, work
from vlcore.store.jobs import JobStatus, State
from vlcore.studies import plans
from vlcore.ui import condition_controls, jobs, shell, widgets

SIDES = ("left", "right", "third", "fourth")  # what stands before each model's settings in the address


@dataclass(frozen=True)
class Side:
    """One model of a comparison: its name, one of `SIDES`, and the key of its artefact, which need not be there yet."""

    name: str
    prefix: str
    key: str
    condition: Condition


def how_many() -> int:
    """The choice of how many models stand beside each other."""
    return int(widgets.one_of("Models", map(str, range(2, len(SIDES) + 1)), "models", "2"))


def comparable(images: ImageSet) -> dict[str, Condition]:
    """Models on the disk that can be shown on the pictures of a set, by key; older ones of the same pictures too."""
    wanted = images.name, images.version
    return {key: one for key, one in cache.conditions().items() if (one.data, one.data_version) == wanted}


def choose(images: ImageSet, count: int, steps: int) -> list[Side]:
    """The controls of each model, two in a row."""
    return _trained(images, count, steps) if images.has_pictures else _imported(images, count)


def differences(sides: Sequence[Side]) -> None:
    """In what the models differ."""
    st.markdown(differences_in_words({side.name: side.condition for side in sides}))


def _trained(images: ImageSet, count: int, steps: int) -> list[Side]:
    there, chosen = comparable(images), []
    choices = [condition_controls.AS_SET, *there]
    defaults = plans.find("experiments", usual_condition(images)).conditions
    for column, (name, prefix, default) in widgets.in_pairs(zip(names(count), SIDES, defaults, strict=False)):
        with column:
            asked, called = st.query_params.get(f"{prefix}_model", choices[0]), name.capitalize()
            condition, more = condition_controls.condition_controls(called, prefix, default, steps, images.grouping)
            about = "Any model of these pictures, with its own objective, mitigation or length; also pretrained ones."
            from_disk = widgets.in_address(f"{prefix}_model", f"{about} The settings beside it do not matter then.")
            key = more.selectbox("Or a model from the disk", choices, **from_disk)
            if asked not in choices:
                why = "it was trained on another image set or an older version of it, or never on this server"
                gone = f"There is no model {plain(repr(asked[:80]))} of these pictures here: {why}."
                st.warning(f"{gone} The settings below are shown instead.", icon=":material/link_off:")
            if found := there.get(key):
                trained = f"seed {found.init_seed}, {found.steps:,} steps"
                st.caption(f"From the disk, whatever is set above: {plain(title(found))}, {trained}")
            chosen.append(Side(name, prefix, key if found else condition.key, found or condition))
    return chosen


def _imported(images: ImageSet, count: int) -> list[Side]:
    """Embeddings of the same pictures that were computed elsewhere, each in a set of its own."""
    own, chosen = condition_of(images).key, []
    there = {key: one for key, one in cache.conditions().items() if one.kind is ArtefactKind.IMPORTED}
    pictures = {key: cache.artefact(key).manifest.get("pictures") for key in there}
    keys = [own, *(key for key in there if key != own and pictures[key] == pictures[own])]
    if len(keys) == 1:
        more = (
            "Import those of another encoder with the same names of pictures, and the two stand beside each other here"
        )
        st.info(f"These are the only embeddings of these pictures. {more}; until then each map is the same.")
    for place, (column, (name, prefix)) in enumerate(widgets.in_pairs(zip(names(count), SIDES, strict=False))):
        label, in_address = f"{name.capitalize()} encoder", widgets.in_address(f"{prefix}_encoder_of")
        key = column.selectbox(label, keys, place % len(keys), lambda key: title(there[key]), **in_address)
        chosen.append(Side(name, prefix, key, there[key]))
    return chosen


def wait_for(sides: Sequence[Side]) -> None:
    """Hold the page with the progress and buttons of whatever is still missing, until all are there."""
    if all(work.view(side.key).done for side in sides):
        return
    differences(sides)
    for side in sides:
        absent = side.condition.steps == 0 and work.view(side.key).state is State.ABSENT
        if absent and jobs.chosen_here(side.key):
            work.train(side.condition)  # nothing to train: measured at once, in a few seconds

    def draw(views: list[JobStatus]) -> None:
        for column, (side, view) in widgets.in_pairs(zip(sides, views, strict=True)):
            with column.container(key=f"wait_{side.prefix}"):
                if view.done:
                    st.success("Ready.", icon=":material/check_circle:")
                    continue
                untrained = side.condition.steps == 0
                if view.state is State.ABSENT and untrained:
                    st.info("This untrained encoder has not been measured yet: a few seconds.", icon=":material/info:")
                elif view.state is State.ABSENT:
                    lasts = "A standard one takes about half a minute on two cores, more where pictures are drawn."
                    st.info(f"This model has not been trained yet. {lasts}", icon=":material/info:")
                start, label = partial(work.train, side.condition), "Measure it" if untrained else "Train this model"
                cancel, key = (f"{what}_{side.prefix}" for what in ("cancel", "train"))
                jobs.progress_or_start(view, label, start, cancel_key=cancel, key=key, type="primary")
                if view.state.is_active:
                    widgets.live(side.condition, view, shell.palette(), f"live_{side.prefix}")

    jobs.watch([side.key for side in sides], draw)
    st.stop()


def badges(sides: Sequence[Side]) -> None:
    """What each model is, whether models like it learn at all, whether it collapsed, and in what they differ."""
    differences(sides)
    for column, side in widgets.in_pairs(sides):
        with column.container(horizontal=True):
            st.caption(f"**{side.name.capitalize()}**: {plain(title(side.condition))}", width="content")
            if side.condition.steps:
                widgets.sanity_badge(side.condition)
            artefact = cache.artefact(side.key)
            if artefact.came_with:
                about = "Not trained on this server. Its embeddings and weights are rounded, its numbers are not."
                st.badge("came with this version", icon=":material/inventory_2:", color="gray", help=about)
            if artefact.metrics["end"]["collapsed"]:
                about = "Nearly all variance is gone: what the map shows is residue, blown up to fill it."
                st.badge("collapsed", icon=":material/warning:", color="red", help=about)
