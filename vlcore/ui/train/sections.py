"""The Train page's pieces: every knob of a condition with what it is for, and what came out of it beside its twin.

The one idea: a trained model says little alone. What is shown beside it is its *twin*: the same seeds, pictures and
steps with the one choice that was changed last set back to the usual one, so that what differs has one cause.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from vlcore.charts.curves import learning_curve
from vlcore.charts.theme import Palette
from vlcore.compare import description, metrics_table
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

    Stops the page with a sentence where choices do not go together.
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
            bias = st.select_slider(
                "Bias: share of each minority group removed", list(condition_controls.BIASES), value="75 %",
                key="train_bias",
                bind="query-params",
            )  # fmt: skip
            minority = " and ".join(group_words(images.grouping)[group] for group in images.grouping.minority)
            st.caption(f"Minority groups: {minority}.")
        with third:
            length = st.segmented_control(
                "Training length", condition_controls.LENGTHS, default="standard", required=True, key="train_length",
                bind="query-params",
            )  # fmt: skip
            st.caption(f"{PRESETS[length or 'standard']:,} steps. Take “live” for a look, “careful” for a claim.")
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
    with shell.errors_as_sentences():
        return usual.replace(
            labels=labels,
            template=template,
            bias=condition_controls.BIASES[bias],
            steps=PRESETS[length or "standard"],
            data_seed=int(seed),
            init_seed=int(seed),
            **chosen,
        )


def twin_of(condition: Condition) -> tuple[Condition, str] | None:
    """What a condition is shown beside, and the one thing in which the two differ; None for the plainest of all.

    That is the last of these that is not the usual one: mitigation, size of the set, objective, mismatched captions,
    logit, encoder, labels, bias.
    """
    usual = Condition()
    for field, what in (
        ("mitigation", "no mitigation"),
        ("size_mode", "a set that shrinks"),
        ("objective", "the pairwise objective"),
        ("negatives", "the usual mismatched captions"),
        ("logit", "the usual score"),
        ("architecture", "the usual encoder"),
    ):
        if getattr(condition, field) != getattr(usual, field):
            return condition.replace(**{field: getattr(usual, field)}), what
    if condition.labels != usual.labels:
        return condition.with_labels(usual.labels), "short labels"
    if condition.bias:
        return condition.replace(bias=0.0), "no bias"
    return None


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
    if condition.labels in ("descriptive",) and images.grouping == SCENES:
        st.caption("The words are the study's own; its “a” stands in one group only.")


def probes(rows: list[list[float]], animal: str, palette: Palette, key: str) -> None:
    """What linear probes read off the space over the steps so far."""
    if len(rows) < 3:
        return
    table = pd.DataFrame(
        [
            {"step": step, "series": name, "value": value}
            for step, by_object, by_context in rows
            for name, value in ((animal, by_object), ("background", by_context))
        ]
    )
    chart = learning_curve(table, palette=palette, width=420, height=190)
    cache.show(cache.finished(chart), alt="Accuracy of linear probes over the steps", key=f"{key}_probes")
    st.caption(
        "What can be read off the space by a linear probe, on validation pictures, over the steps: which of the two "
        "is there first?"
    )


def section(condition: Condition, images: ImageSet, palette: Palette) -> None:
    """What came out of a condition, or where it is on its way; followed as long as it or its twin is in training."""

    def draw(views: list[JobStatus]) -> None:
        if views[0].done:
            _result(condition, images, palette)
        else:
            _waiting(condition, views[0], palette)

    twin = twin_of(condition)
    jobs.watch([condition.key, *([twin[0].key] if twin else [])], draw)


def _waiting(condition: Condition, view: JobStatus, palette: Palette) -> None:
    """The state of a model that is not there yet: a button, or its progress, live."""
    jobs.progress_or_start(
        view, "Train this model", lambda: jobs.train(condition), cancel_key="train_cancel", type="primary",
        icon=":material/model_training:",
    )  # fmt: skip
    if view.state.is_active:
        widgets.live(condition, view, palette, "train_live")
        widgets.curve(view, palette, "train_live")
        animal = cache.named_set(condition.data).grouping.object_word
        probes(view.status.get("probes", []), animal, palette, "train_live")


def _result(condition: Condition, images: ImageSet, palette: Palette) -> None:
    """A finished model: its map beside its twin's, its curves and its numbers."""
    found = twin_of(condition)
    if found is None:
        _alone(condition, palette)
        return
    twin, what = found
    view = jobs.view(twin.key)
    if not view.done:
        _alone(condition, palette)
        st.caption(f"Beside it belongs its twin: all the same but {what}.")
        if view.state.is_active:
            jobs.progress(view)
        elif st.button(f"Train its twin: {what}", icon=":material/content_copy:"):
            jobs.train(twin)
            st.rerun()
        return
    st.subheader(f"Beside its twin: all the same but {what} (left)")
    both = cache.comparison([twin.key, condition.key], PCA)
    said = description.in_words(both, images.grouping)
    cache.show(cache.maps([twin.key, condition.key], palette, shell.map_side()), alt=said, key="train_maps")
    st.markdown(said)
    for side, key in (("Left", twin.key), ("Right", condition.key)):
        if quality := metrics_table.map_quality(cache.artefact(key)):
            st.caption(f"{side}: {quality}.")
    with st.expander("Everything that was measured, each beside the untrained encoder"):
        table = metrics_table.measures_table(both, images.grouping)
        st.dataframe(table, hide_index=True, width="stretch")
    _curves(condition, palette)


def _alone(condition: Condition, palette: Palette) -> None:
    left, right = st.columns(2)
    with left:
        cache.show(cache.card_map(condition.key, palette, 330), alt=f"Map of {title(condition)}", key="train_map")
    with right:
        end = cache.artefact(condition.key).metrics["end"]
        st.markdown(f"Right on minority pictures: **{metrics_table.cell(end, 'minority_accuracy')}**")
        st.markdown(f"Right on majority pictures: **{metrics_table.cell(end, 'majority_accuracy')}**")
        st.caption("95 % intervals over scenes, of one run: another seed gives other numbers.")
        _curves(condition, palette)


def _curves(condition: Condition, palette: Palette) -> None:
    curve = cache.snapshots(condition.key).get("probe_curve")
    if curve is not None and len(curve):
        probes(curve.tolist(), cache.named_set(condition.data).grouping.object_word, palette, condition.key)


def on_disk(images: ImageSet) -> pd.DataFrame:
    """The models of an image set that are there: what they are and what they were measured at."""
    rows = []
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
    return pd.DataFrame(rows)


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
            st.markdown(f"Right on minority rows: **{metrics_table.cell(end, 'minority_accuracy')}**")
            st.markdown(f"Right on majority rows: **{metrics_table.cell(end, 'majority_accuracy')}**")
            st.markdown(f"A linear probe reads the object: **{metrics_table.cell(end, 'probe_object')}**")
            st.markdown(f"A linear probe reads the background: **{metrics_table.cell(end, 'probe_context')}**")
            for sentence in (
                metrics_table.map_quality(artefact),
                description.small_sample_warning(artefact, images.grouping),
            ):
                if sentence:
                    st.caption(sentence)
            for note in images.about.get("notes", ()):
                st.caption(note)
        st.subheader("Everything that was measured")
        table = metrics_table.measures_of(artefact, images.grouping)
        reasons = st.column_config.TextColumn(width="large")
        st.dataframe(table, hide_index=True, width="stretch", column_config={"Measured": reasons})
    st.caption(f"As a file to keep: `python -m vlcore compare {condition.key} {condition.key} --out map.html`.")
