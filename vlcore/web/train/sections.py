"""Sections of the Train page: the settings of a condition, and its model beside its baseline."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from vlcore.api import description, differences, metrics_table
from vlcore.api.model_metrics import describe_measure
from vlcore.data.imageset import ImageSet
from vlcore.experiment import options
from vlcore.experiment.captions import TEMPLATE_LENGTH, about_style, captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES, group_words
from vlcore.experiment.options import Option, objectives_here, style_names
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import title
from vlcore.jobs.jobs import JobStatus
from vlcore.plots.options import PCA
from vlcore.plots.theme import Palette
from vlcore.web import cache, condition_controls, jobs, shell, widgets, work
from vlcore.web.widgets import in_address

# Field of a condition, name of its control, its choices with a sentence each.
CONTROLS: tuple[tuple[str, str, Mapping[str, Option]], ...] = (
    ("objective", "Objective", options.OBJECTIVES),
    ("negatives", "Negative sampling", options.NEGATIVES),
    ("logit", "Logit scale and shift", options.LOGITS),
    ("mitigation", "Bias mitigation", options.MITIGATIONS),
    ("size_mode", "Size of the biased set", options.SIZE_MODES),
    ("architecture", "Image tower", options.ARCHITECTURES),
    ("text", "Text tower", options.TEXTS),
    ("recipe", "Recipe", options.RECIPES),
    ("schedule", "Learning rate", options.SCHEDULES),
)
FIRST_CAPTIONS = 4  # that are quoted


def choose_condition(images: ImageSet, usual: Condition) -> Condition:
    """Show all settings of a condition; ConditionError where they do not go together."""
    with st.container(border=True):
        label_column, bias_column, length_column = st.columns(3)
        with label_column:
            labels, template = _choose_labels(images)
        with bias_column:
            bias = condition_controls.bias_slider("train_bias")
            minority = " and ".join(
                group_words(images.grouping)[group] for group in images.grouping.minority
            )
            st.caption(plain(f"Minority groups: {minority}."))
        with length_column:
            steps = condition_controls.training_length("train_length")
            st.caption(f"{steps:,} steps. Take “live” for a look, “careful” for a claim.")
        with st.expander(f"More: {', '.join(name.lower() for _, name, _ in CONTROLS)}, seed"):
            settings: dict[str, str] = {}
            columns = st.columns(3)
            for number, (field, name, choices) in enumerate(CONTROLS):
                offered = objectives_here() if field == "objective" else choices
                with columns[number % 3]:
                    settings[field] = st.selectbox(
                        name, list(offered), **in_address(f"train_{field}")
                    )
                    st.caption(choices[settings[field]].sentence)
            seed = widgets.seed("train_seed", width=160)
    objective = settings["objective"]
    if implied := options.OBJECTIVES[objective].labels:
        if labels != implied:
            name = condition_controls.STYLE_NAMES.get(implied, implied)
            st.info(f"{objective} reads no label style; {name} stands for what it knows.")
        labels, template = implied, ""
    return usual.replace(
        labels=labels,
        template=template,
        bias=bias,
        steps=steps,
        data_seed=seed,
        init_seed=seed,
        **settings,
    )


def _choose_labels(images: ImageSet) -> tuple[str, str]:
    """Show the choice of a label style; returns it, with a template for the visitor's own."""
    styles = style_names(drawn=bool(images.about.get("recipe")))
    labels = condition_controls.label_style_choice("Labels", styles, styles[0], "train_labels")
    st.caption(about_style(labels))
    if labels != "own":
        return labels, ""
    about = (
        "{object} and {context} become the names, {place} the context with its preposition."
        " [a|one] means one of these, at random."
    )
    if images.about.get("recipe"):
        about += " {sky}, {tone}, {coat}, {pose}, {heading} and {size} say what is drawn."
    template = st.text_input(
        "Template", "a {object} {place}", TEMPLATE_LENGTH, **in_address("train_template", about)
    )
    return labels, template


def describe_training_set(condition: Condition, images: ImageSet) -> None:
    """Say what will be trained, before it is: counts and captions."""
    captions = captions_of(condition.labels, images.grouping, condition.template)
    if options.OBJECTIVES[condition.objective].places:
        captions += captions_of("context", images.grouping)
    quoted = plain(", ".join(f"“{caption.text}”" for caption in captions[:FIRST_CAPTIONS]))
    if len(captions) > FIRST_CAPTIONS:
        quoted += f" and {len(captions) - FIRST_CAPTIONS} more"
    st.markdown(
        f"**{plain(title(condition))}**: {2 * (condition.n_majority + condition.n_minority)}"
        f" training images, {condition.n_majority} of each majority and {condition.n_minority} of"
        f" each minority group (object and background correlate with φ = {condition.phi:.2f})."
        f" Captions: {quoted}."
    )
    if condition.labels == "descriptive" and images.grouping == SCENES:
        st.caption("The words are the study's own; its “a” occurs in one group only.")


def section(condition: Condition, images: ImageSet, palette: Palette) -> None:
    """Show a model beside its baseline, or how far they are in training."""
    baseline, what = differences.controlled_baseline(condition) or (None, "")

    def draw(views: list[JobStatus]) -> None:
        view, baseline_view = views[0], views[-1]
        if not view.done:
            jobs.progress_or_start(
                view,
                "Train this model",
                lambda: work.train(condition),
                cancel_key="train_cancel",
                type="primary",
                icon=":material/model_training:",
            )
            if view.state.is_active:
                widgets.live(condition, view, palette, "train_live")
                _show_probes(view.status.get("probes", []), images, palette, "train_live")
            return
        if baseline and baseline_view.done:
            _show_pair(baseline, what, condition, images, palette)
        else:
            _show_alone(condition, images, palette)
        if baseline and not baseline_view.done:
            st.caption(f"Compare it with its baseline: all the same but {what}.")
            jobs.progress_or_start(
                baseline_view,
                f"Train its baseline: {what}",
                partial(work.train, baseline),
                job="The training of the baseline",
                icon=":material/content_copy:",
            )
        with st.container(horizontal=True):
            widgets.sanity_badge(condition)

    keys = [condition.key]
    if baseline:
        keys.append(baseline.key)
    jobs.watch(keys, draw)


def _show_pair(
    baseline: Condition, what: str, condition: Condition, images: ImageSet, palette: Palette
) -> None:
    st.subheader(f"Beside its baseline: all the same but {what} (left)")
    keys = [baseline.key, condition.key]
    comparison = cache.comparison(keys, PCA)
    words = description.describe_comparison(comparison, images.grouping)
    side, legend_place = shell.map_room(above=0)
    maps = cache.maps(keys, palette, side, legend_place=legend_place)
    cache.show_chart(maps, alt=words, key="train_maps")
    st.markdown(plain(words))
    for name, key in zip(("Left", "Right"), keys, strict=True):
        if quality := metrics_table.describe_map_quality(cache.artifact(key)):
            st.caption(f"{name}: {quality}.")
    with st.expander("All measures, each beside the untrained encoder"):
        table = metrics_table.measures_table(comparison, images.grouping)
        st.dataframe(table, hide_index=True, width="stretch")
    _show_stored_probes(condition, images, palette)


def _show_alone(condition: Condition, images: ImageSet, palette: Palette) -> None:
    left, right = st.columns(2)
    with left:
        small_map = cache.card_map(condition.key, palette, 330)
        cache.show_chart(small_map, alt=f"Map of {title(condition)}", key="train_map")
    with right:
        end = cache.artifact(condition.key).metrics["end"]
        for side in ("minority", "majority"):
            accuracy = describe_measure(end, f"{side}_accuracy")
            st.markdown(f"{side.capitalize()}-group accuracy: **{accuracy}**")
        st.caption("95 % intervals over scenes, of one run: another seed gives other numbers.")
        _show_stored_probes(condition, images, palette)


def _show_stored_probes(condition: Condition, images: ImageSet, palette: Palette) -> None:
    points = cache.artifact(condition.key).checkpoints.curve("probe").tolist()
    _show_probes(points, images, palette, condition.key)


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
