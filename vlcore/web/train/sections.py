"""Sections of the Train page: the settings of a condition, and its model beside its baseline; all
runs of an image set; and of imported embeddings, for which nothing is trained, their map and
measures."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

import streamlit as st

from vlcore.api import description
from vlcore.api.differences import controlled_baseline
from vlcore.api.panels import TRAIN
from vlcore.api.tried_settings import SeedStack, stack_seeds
from vlcore.artifacts.store import StoreError
from vlcore.data.imageset import ImageSet
from vlcore.experiment import options
from vlcore.experiment.captions import captions_of
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.grouping import group_words
from vlcore.experiment.options import ArtifactKind, Option, objectives_here, shown_name, style_names
from vlcore.experiment.plain_text import plain
from vlcore.experiment.templates import TRAITS
from vlcore.experiment.wording import title
from vlcore.jobs.jobs import JobStatus, State
from vlcore.metrics import catalogue
from vlcore.plots.maps.legend import LegendPlace
from vlcore.plots.options import PLAIN
from vlcore.plots.theme import Palette
from vlcore.web import cache, jobs, linked_maps, shell, widgets, work
from vlcore.web.address import TrainState
from vlcore.web.compare.models import comparable
from vlcore.web.condition_controls import BIASES, LENGTHS, LENGTHS_ABOUT
from vlcore.web.linked_maps import LinkedMaps
from vlcore.web.model_picker import (
    SEED,
    TEMPLATE,
    ModelInAddress,
    choose_seed,
    choose_start,
    choose_template,
    control,
    model_in_address,
    read_settings,
    settings_text,
)
from vlcore.web.panels import Stage, choose_panel

# Field of a condition, name of its control, its choices with a sentence each.
CONTROLS: tuple[tuple[str, str, Mapping[str, Option]], ...] = (
    ("objective", "Objective", options.OBJECTIVES),
    ("mitigation", "Bias mitigation", options.MITIGATIONS),
    ("architecture", "Image encoder", options.ARCHITECTURES),
    ("text", "Text encoder", options.TEXTS),
)
FIRST_CAPTIONS = 4  # that are quoted
_SEEDS = 1000  # that the page offers
_LABELS, _SLIDER, _MORE = 220, 340, 640  # px of controls
_ABOVE = 330  # px of the page over the maps


def choose_condition(images: ImageSet, usual: Condition) -> Condition:
    """Show all settings of a condition; ConditionError where they do not go together."""
    model = model_in_address("model", usual, {})
    if model.value("labels") == "own" and not model.value("template"):
        model = model.with_changes(template=TEMPLATE)
    minority = " and ".join(
        group_words(images.grouping)[group] for group in images.grouping.minority
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="train-settings"):
        _choose_labels(model, images)
        about = plain(f"Rare images: {minority}.")
        label = "Bias: share of rare images removed"
        bias = control(model, "bias", BIASES)
        st.select_slider(label, list(BIASES), help=about, width=_SLIDER, **bias)
        st.segmented_control(
            "Training length",
            list(LENGTHS),
            required=True,
            help=LENGTHS_ABOUT,
            **control(model, "steps", LENGTHS),
        )
        more = st.popover("More settings", icon=":material/tune:")
    settings = more.container(width=_MORE)
    with settings:
        choose_start(model)
    columns = settings.columns(2)
    for number, (field, name, choices) in enumerate(CONTROLS):
        offered = objectives_here() if field == "objective" else choices
        names = {shown_name(field, value): value for value in offered}
        with columns[number % 2]:
            chosen = st.selectbox(name, list(names), **control(model, field, names))
            st.caption(choices[names[chosen]].sentence)
    with columns[1]:
        choose_seed(model)
    implied = options.OBJECTIVES[model.value("objective")].labels
    if implied and model.value("labels") != implied:
        loss = shown_name("objective", model.value("objective"))
        name = shown_name("labels", implied)
        st.info(f"{loss} reads no captions; {name} stands for what it knows.")
        model = model.with_changes(labels=implied, template="")
    return model.condition()


def _choose_labels(model: ModelInAddress, images: ImageSet) -> None:
    """Show the choice of a label style, with a template for the visitor's own."""
    styles = {shown_name("labels", style): style for style in style_names(images.traits)}
    with st.container(width=_LABELS):
        st.selectbox("Captions", list(styles), **control(model, "labels", styles))
    if model.value("labels") != "own":
        return
    about = (
        "{object} and {context} become the names, {place} the background with its preposition."
        " [a|one] means one of these, at random."
    )
    if images.traits:
        names = ", ".join(f"{{{name}}}" for name in TRAITS if name in images.traits)
        about += f" Known of each image: {names}."
    choose_template(model, about)


def describe_training_set(condition: Condition, images: ImageSet) -> None:
    """Say what will be trained, before it is: counts and captions."""
    majority, minority = condition.n_per_group, condition.n_minority
    captions = captions_of(condition.labels, images.grouping, condition.template)
    quoted = plain(", ".join(f"“{caption.text}”" for caption in captions[:FIRST_CAPTIONS]))
    if len(captions) > FIRST_CAPTIONS:
        quoted += f" and {len(captions) - FIRST_CAPTIONS} more"
    st.markdown(
        f"**{plain(title(condition))}**: {2 * (majority + minority)} training images, {majority} of"
        f" each common and {minority} of each rare combination."
        f" Captions: {quoted}."
    )
    if condition.labels not in STYLES_OF_THE_STUDY:
        st.caption(plain(options.LABEL_STYLES[condition.labels].sentence))


def show_model(condition: Condition, images: ImageSet, palette: Palette) -> None:
    """Show a model beside its baseline, or how far they are in training."""
    baseline, what = controlled_baseline(condition) or (None, "")
    # Here and not below: what tells the window also runs the page again in another theme, and in a
    # part of the page it would run that part alone, in the colours of before.
    side, legend_place = shell.map_room(_ABOVE)

    def draw(views: list[JobStatus]) -> None:
        widgets.live(condition, views[0], palette, "train_live")
        _show_probes(views[0].status.get("probes", []), images, palette, "train_live")

    with st.container(key="train-state"):
        if not jobs.need_models([condition], draw=draw):
            return
        is_pair = baseline is not None and work.view(baseline.key).done
        _show_trained(condition, baseline if is_pair else None, what)
        keys = [baseline.key, condition.key] if baseline and is_pair else [condition.key]
        _show_result(keys, images, palette, side, legend_place)
        if baseline and not is_pair:
            st.caption(f"The baseline has {what}. Everything else is equal.")
            jobs.need_models([baseline], f"Train its baseline: {what}", key="train_baseline")


def _show_trained(condition: Condition, baseline: Condition | None, what: str) -> None:
    """Say that a model is there, beside its baseline or alone; links and a button lead on."""
    keys = [baseline.key, condition.key] if baseline else [condition.key]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge("trained", icon=":material/check:", color="green")
        if baseline:
            sentence = (
                f"Model B is your model. Its baseline, Model A, has {what}. Everything else"
                " is equal."
            )
            st.markdown(sentence, width="content")
        widgets.link_to_models("Open in Compare", condition.data, keys)
        other = next(
            candidate
            for candidate in (
                condition.replace(data_seed=seed, init_seed=seed) for seed in range(_SEEDS)
            )
            if work.view(candidate.key).state is not State.DONE
        )
        label = f"Train another seed ({other.init_seed})"
        if st.button(label, icon=":material/casino:", key="train_another"):
            work.train(other)
            settings = read_settings(TrainState.now().model)
            TrainState.write(model=settings_text({**settings, SEED: str(other.init_seed)}))
            st.rerun()


def _show_result(
    keys: list[str], images: ImageSet, palette: Palette, side: int, legend_place: LegendPlace
) -> None:
    """Show the maps of a model, beside its baseline that is the first, and the panels of both."""
    comparison = cache.models_together(keys, PLAIN)
    words = description.describe_comparison(comparison.maps)
    linked_maps.show(
        LinkedMaps(keys, comparison.maps, images, PLAIN, palette, side, legend_place), words
    )
    choose_panel(TRAIN, Stage(comparison, keys, images, palette, side))


def _show_probes(points: list[list[float]], images: ImageSet, palette: Palette, key: str) -> None:
    is_drawn = widgets.curves(
        points,
        (images.grouping.object_word, "background"),
        palette,
        alt="Accuracy of linear probes over the steps",
        key=f"{key}_probes",
        width=420,
        height=190,
    )
    if is_drawn:
        st.caption("Linear-probe accuracy during training, on validation images.")


def show_tried_settings(images: ImageSet) -> None:
    """Show the table of runs when it is opened, and links for the row that is ticked."""
    label = f"All runs of {plain(images.name)}"
    runs = st.expander(label, key="runs", bind="query-params", on_change="rerun")
    if runs.open:
        with runs:
            _show_runs(images)


def _show_runs(images: ImageSet) -> None:
    models = {}
    for key, condition in comparable(images).items():
        if condition.kind in (ArtifactKind.TRAINED, ArtifactKind.PRETRAINED):
            with suppress(StoreError):  # a damaged one is set aside by being read
                models[key] = condition, cache.artifact(key).metrics["end"]
    stacks = stack_seeds(models)
    if not stacks:
        st.caption("Models of this image set will be listed here, with their measures.")
        return
    words = catalogue.words_of(catalogue.PRIMARY, images.grouping)
    columns = {
        name: st.column_config.NumberColumn(label, format="percent")
        for name, label in {"value": words, "From": "From", "To": "To"}.items()
    }
    ticked = st.dataframe(
        list(map(_row, stacks)),
        column_config=columns,
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="single-row",
        key=f"tried_{len(stacks)}",
    )
    st.caption(
        "“From” and “to” are a 95% interval: over the seeds of a row, or over the test scenes of"
        " its one run. Click a header to sort; tick a row to open it."
    )
    for number in ticked.selection["rows"][:1]:
        link_stack(stacks[number], set(models))


def _row(stack: SeedStack) -> dict[str, Any]:
    row = {"Model": stack.words, "Steps": stack.condition.steps, "Seeds": len(stack.keys)}
    if estimate := stack.estimate(catalogue.PRIMARY):
        row |= {"value": estimate.value, "From": estimate.low, "To": estimate.high}
    return row


def link_stack(stack: SeedStack, trained: Collection[str]) -> None:
    """Link to Compare: the model beside its baseline if that is trained, and two of its seeds."""
    baseline, what = controlled_baseline(stack.condition) or (None, "")
    links = {"Open in Compare": stack.keys[:1]}
    if baseline and baseline.key in trained:
        links = {f"Compare with {what}": (baseline.key, stack.keys[0])}
    if len(stack.keys) > 1:
        links["Compare two of its seeds"] = stack.keys[:2]
    with st.container(horizontal=True):
        for label, keys in links.items():
            widgets.link_to_models(label, stack.condition.data, keys)
