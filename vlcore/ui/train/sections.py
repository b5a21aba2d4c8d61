"""Sections of the Train page: every knob of a condition with what it is for, and what came of it beside its twin."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from vlcore.charts.theme import Palette
from vlcore.compare import description, metrics_table
from vlcore.compare.twin import twin_of
from vlcore.core.captions import about_style, captions_of
from vlcore.core.condition import Condition
from vlcore.core.grouping import SCENES, group_words
from vlcore.core.options import (
    ARCHITECTURES,
    LOGITS,
    MITIGATIONS,
    NEGATIVES,
    OBJECTIVES,
    PRESETS,
    SIZE_MODES,
    ArtefactKind,
    Choice,
    objectives_here,
    style_names,
)
from vlcore.core.wording import title
from vlcore.datasets.imageset import ImageSet
from vlcore.runs import imported
from vlcore.runs.maps import PCA
from vlcore.store import artefacts
from vlcore.store.jobs import JobStatus
from vlcore.store.snapshots import StoredSnapshots
from vlcore.ui import cache, condition_controls, jobs, shell, widgets

# Field of a condition, name of the knob, its choices with a sentence each.
KNOBS: tuple[tuple[str, str, Mapping[str, Choice]], ...] = (
    ("objective", "Objective", OBJECTIVES),
    ("negatives", "Mismatched captions", NEGATIVES),
    ("logit", "From cosine to score", LOGITS),
    ("mitigation", "Against the bias", MITIGATIONS),
    ("size_mode", "Size of the biased set", SIZE_MODES),
    ("architecture", "Image encoder", ARCHITECTURES),
)


def knobs(images: ImageSet, usual: Condition) -> Condition:
    """All settings of a condition, in the address; those that most visitors leave alone stand behind "more".

    Raises:
        ConditionError: when choices do not go together.
    """
    styles = style_names(drawn=bool(images.about.get("recipe")))
    with st.container(border=True):
        first, second, third = st.columns(3)
        with first:
            labels = st.selectbox("Labels", styles, key="train_labels", bind="query-params")
            st.caption(about_style(labels))
            template = ""
            if labels == "own":
                template = st.text_input(
                    "Template", value="a {object} {place}", max_chars=100, key="train_template", bind="query-params",
                    help="{object} and {context} become the names, {place} the context with its preposition.",
                )  # fmt: skip
        with second:
            bias = condition_controls.bias_slider("train_bias")
            minority = " and ".join(group_words(images.grouping)[group] for group in images.grouping.minority)
            st.caption(f"Minority groups: {minority}.")
        with third:
            length = st.segmented_control(
                "Training length", condition_controls.LENGTHS, default="standard", required=True, key="train_length",
                bind="query-params",
            )  # fmt: skip
            steps = PRESETS[length or "standard"]
            st.caption(f"{steps:,} steps. Take “live” for a look, “careful” for a claim.")
        with st.expander("More: objective, mismatched captions, mitigation, size, encoder, seed"):
            chosen, columns = {}, st.columns(3)
            for place, (field, name, choices) in enumerate(KNOBS):
                offered = objectives_here() if field == "objective" else choices
                with columns[place % 3]:
                    chosen[field] = st.selectbox(name, list(offered), key=f"train_{field}", bind="query-params")
                    st.caption(choices[chosen[field]].sentence)
            seed = st.number_input(
                "Seed", 0, 999, 0, key="train_seed", bind="query-params", width=160,
                help="Decides which pictures are drawn and removed, the first weights and the order of the pictures.",
            )  # fmt: skip
    if wanted := OBJECTIVES[chosen["objective"]].labels:
        if labels != wanted:
            st.info(f"{chosen['objective']} reads no label style; {wanted} stands for what it knows.")
        labels, template = wanted, ""
    return usual.replace(
        labels=labels, template=template, bias=bias, steps=steps, data_seed=int(seed), init_seed=int(seed), **chosen
    )


def in_words(condition: Condition, images: ImageSet) -> None:
    """What will be trained, before it is: counts and captions."""
    said = captions_of(condition.labels, images.grouping, condition.template)
    some = ", ".join(f"“{caption.text}”" for caption in said[:4])
    more = f" and {len(said) - 4} more" if len(said) > 4 else ""
    st.markdown(
        f"**{title(condition)}**: {2 * (condition.n_majority + condition.n_minority)} training pictures, "
        f"{condition.n_majority} of each majority and {condition.n_minority} of each minority group "
        f"(object and background correlate with φ = {condition.phi:.2f}). Captions: {some}{more}."
    )
    if condition.labels == "descriptive" and images.grouping == SCENES:
        st.caption("The words are the study's own; its “a” stands in one group only.")


def section(condition: Condition, images: ImageSet, palette: Palette) -> None:
    """What came out of a condition, or where it is on its way; followed as long as it or its twin is in training."""
    twin = twin_of(condition)

    def draw(views: list[JobStatus]) -> None:
        if not views[0].done:
            jobs.progress_or_start(
                views[0], "Train this model", lambda: jobs.train(condition), cancel_key="train_cancel", type="primary",
                icon=":material/model_training:",
            )  # fmt: skip
            if views[0].state.is_active:
                widgets.live(condition, views[0], palette, "train_live")
                _probes(views[0].status.get("probes", []), images, palette, "train_live")
            return
        if twin and views[1].done:
            _beside(*twin, condition, images, palette)
        else:
            _alone(condition, images, palette)
            if twin:
                _offer(*twin, views[1])
        with st.container(horizontal=True):
            widgets.traffic_light(condition)

    jobs.watch([condition.key, *([twin[0].key] if twin else [])], draw)


def _beside(twin: Condition, what: str, condition: Condition, images: ImageSet, palette: Palette) -> None:
    """A finished model: its map beside its twin's, its curves and its numbers."""
    st.subheader(f"Beside its twin: all the same but {what} (left)")
    keys = [twin.key, condition.key]
    both = cache.comparison(keys, PCA)
    said = description.summary(both, images.grouping)
    cache.show(cache.maps(keys, palette, shell.map_side()), alt=said, key="train_maps")
    st.markdown(said)
    for side, key in zip(("Left", "Right"), keys, strict=True):
        if quality := metrics_table.map_quality(cache.artefact(key)):
            st.caption(f"{side}: {quality}.")
    with st.expander("Everything that was measured, each beside the untrained encoder"):
        table = metrics_table.measures_table(both, images.grouping)
        st.dataframe(table, hide_index=True, width="stretch")
    _probes_of(condition, images, palette)


def _alone(condition: Condition, images: ImageSet, palette: Palette) -> None:
    left, right = st.columns(2)
    with left:
        cache.show(cache.card_map(condition.key, palette, 330), alt=f"Map of {title(condition)}", key="train_map")
    with right:
        end = cache.artefact(condition.key).metrics["end"]
        st.markdown(f"Right on minority pictures: **{metrics_table.cell(end, 'minority_accuracy')}**")
        st.markdown(f"Right on majority pictures: **{metrics_table.cell(end, 'majority_accuracy')}**")
        st.caption("95 % intervals over scenes, of one run: another seed gives other numbers.")
        _probes_of(condition, images, palette)


def _offer(twin: Condition, what: str, view: JobStatus) -> None:
    """The progress of a twin, or the button that trains it."""
    st.caption(f"Beside it belongs its twin: all the same but {what}.")
    if view.state.is_active:
        jobs.progress(view)
    elif st.button(f"Train its twin: {what}", icon=":material/content_copy:"):
        jobs.train(twin)
        st.rerun()


def _probes_of(condition: Condition, images: ImageSet, palette: Palette) -> None:
    curve = StoredSnapshots(cache.artefact(condition.key)).probes
    _probes(curve.tolist(), images, palette, condition.key)


def _probes(points: list[list[float]], images: ImageSet, palette: Palette, key: str) -> None:
    """What linear probes read off the space over the steps so far."""
    names, alt = (images.grouping.object_word, "background"), "Accuracy of linear probes over the steps"
    if widgets.curves(points, names, palette, alt=alt, key=f"{key}_probes", width=420, height=190):
        st.caption(
            "What can be read off the space by a linear probe, on validation pictures, over the steps: which of the "
            "two is there first?"
        )


def on_disk(images: ImageSet) -> None:
    """The models of an image set that are there: what they are and what they were measured at."""
    rows = []
    with shell.errors_as_sentences():
        for key in artefacts.model_keys():
            artefact = cache.artefact(key)
            condition = artefact.condition
            of_these = (condition.data, condition.data_version) == (images.name, images.version)
            if not of_these or condition.kind not in (ArtefactKind.TRAINED, ArtefactKind.PRETRAINED):
                continue
            seconds, device = artefact.manifest.get("training_seconds"), artefact.manifest.get("device")
            rows.append(
                {
                    "model": title(condition),
                    "steps": condition.steps,
                    "seed": condition.init_seed,
                    "minority right": metrics_table.cell(artefact.metrics["end"], "minority_accuracy"),
                    "trained in": "" if seconds is None else f"{seconds:.0f} s on {device}",
                    "key": key,
                }
            )
    if not rows:
        st.caption("Models of this image set will be listed here, with what they were measured at.")
        return
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
    st.caption("Every model is offered on the Upload page too. From the command line: `python -m vlcore status`.")


def measured_and_mapped(images: ImageSet, palette: Palette) -> None:
    """The map of imported embeddings beside what matters most, and all that was measured below."""
    condition = imported.condition_of(images)
    source = images.about.get("source", "a file")
    if not artefacts.published(condition.key):
        st.error(
            f"The measures of {images.name} are not on the disk; remove it with `python -m vlcore data remove "
            f"{images.name}` and import {source} again.",
            icon=":material/error:",
        )
        return
    with shell.errors_as_sentences():
        artefact = cache.artefact(condition.key)
        st.markdown(
            f"Embeddings that were computed elsewhere and imported from `{source}`: there are no pictures, and nothing "
            "is trained here. They are measured and mapped like those of a model of the lab."
        )
        left, right = st.columns([3, 2])
        with left:
            chart = cache.card_map(condition.key, palette, shell.map_side())
            cache.show(chart, alt=f"Map of {title(condition)}", key="imported_map")
        with right:
            end = artefact.metrics["end"]
            for words, measure in (
                ("Right on minority rows", "minority_accuracy"),
                ("Right on majority rows", "majority_accuracy"),
                ("A linear probe reads the object", "probe_object"),
                ("A linear probe reads the background", "probe_context"),
            ):
                st.markdown(f"{words}: **{metrics_table.cell(end, measure)}**")
            few = description.small_sample_warning(artefact, images.grouping)
            for sentence in (metrics_table.map_quality(artefact), few, *images.about.get("notes", ())):
                if sentence:
                    st.caption(sentence)
        st.subheader("Everything that was measured")
        table = metrics_table.measures_of(artefact, images.grouping)
        reasons = st.column_config.TextColumn(width="large")
        st.dataframe(table, hide_index=True, width="stretch", column_config={"Measured": reasons})
    st.caption(f"As a file to keep: `python -m vlcore compare {condition.key} {condition.key} --out map.html`.")
