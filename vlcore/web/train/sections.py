"""Sections of the Train page: every knob of a condition with what it is for, and what came of it
beside its twin."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from vlcore.api import description, differences, imports, metrics_table
from vlcore.api.pretrained import READOUTS, condition_of, is_hub_name, make_pretrained
from vlcore.artifacts import store
from vlcore.classroom.teacher import Right
from vlcore.data.imageset import ImageSet
from vlcore.experiment import options
from vlcore.experiment.captions import about_style, captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import models_folder
from vlcore.experiment.grouping import SCENES, group_words
from vlcore.experiment.limits import LONG_JOB_SECONDS
from vlcore.experiment.options import Option, objectives_here, style_names
from vlcore.experiment.plain_text import as_code, plain
from vlcore.experiment.wording import title
from vlcore.jobs.jobs import JobStatus
from vlcore.plots.options import PCA
from vlcore.plots.theme import Palette
from vlcore.web import cache, condition_controls, jobs, shell, visitors, widgets, work
from vlcore.web.widgets import in_address

# Field of a condition, name of the knob, its choices with a sentence each.
KNOBS: tuple[tuple[str, str, Mapping[str, Option]], ...] = (
    ("objective", "Objective", options.OBJECTIVES),
    ("negatives", "Mismatched captions", options.NEGATIVES),
    ("logit", "From cosine to score", options.LOGITS),
    ("mitigation", "Against the bias", options.MITIGATIONS),
    ("size_mode", "Size of the biased set", options.SIZE_MODES),
    ("architecture", "Image tower", options.ARCHITECTURES),
    ("text", "Text tower", options.TEXTS),
    ("recipe", "Recipe", options.RECIPES),
    ("schedule", "Learning rate", options.SCHEDULES),
)
FROM_HUB = "from the hub"
SUGGESTED = "openai/clip-vit-base-patch32"
_STYLES = [style for style in style_names() if style not in ("own", "constant")]


def knobs(images: ImageSet, usual: Condition) -> Condition:
    """All settings of a condition, in the address; ConditionError where they do not go together."""
    styles = style_names(drawn=bool(images.about.get("recipe")))
    with st.container(border=True):
        first, second, third = st.columns(3)
        with first:
            labels = st.selectbox("Labels", styles, **in_address("train_labels"))
            st.caption(about_style(labels))
            template = ""
            if labels == "own":
                about = (
                    "{object} and {context} become the names, {place} the context with its"
                    " preposition."
                )
                template = st.text_input(
                    "Template", "a {object} {place}", 100, **in_address("train_template", about)
                )
        with second:
            bias = condition_controls.bias_slider("train_bias")
            minority = " and ".join(
                group_words(images.grouping)[group] for group in images.grouping.minority
            )
            st.caption(plain(f"Minority groups: {minority}."))
        with third:
            steps = condition_controls.training_length("train_length")
            st.caption(f"{steps:,} steps. Take “live” for a look, “careful” for a claim.")
        with st.expander(f"More: {', '.join(name.lower() for _, name, _ in KNOBS)}, seed"):
            chosen, columns = {}, st.columns(3)
            for place, (field, name, choices) in enumerate(KNOBS):
                offered = objectives_here() if field == "objective" else choices
                with columns[place % 3]:
                    chosen[field] = st.selectbox(
                        name, list(offered), **in_address(f"train_{field}")
                    )
                    st.caption(choices[chosen[field]].sentence)
            seed = widgets.seed("train_seed", width=160)
    if wanted := options.OBJECTIVES[chosen["objective"]].labels:
        if labels != wanted:
            st.info(
                f"{chosen['objective']} reads no label style; {wanted} stands for what it knows."
            )
        labels, template = wanted, ""
    seeds = {"data_seed": seed, "init_seed": seed}
    return usual.replace(
        labels=labels, template=template, bias=bias, steps=steps, **seeds, **chosen
    )


def in_words(condition: Condition, images: ImageSet) -> None:
    """What will be trained, before it is: counts and captions."""
    said = captions_of(condition.labels, images.grouping, condition.template)
    if options.OBJECTIVES[condition.objective].places:
        said += captions_of("context", images.grouping)
    some = plain(", ".join(f"“{caption.text}”" for caption in said[:4]))
    more = f" and {len(said) - 4} more" if len(said) > 4 else ""
    st.markdown(
        f"**{plain(title(condition))}**: {2 * (condition.n_majority + condition.n_minority)}"
        f" training pictures, {condition.n_majority} of each majority and {condition.n_minority} of"
        f" each minority group (object and background correlate with φ = {condition.phi:.2f})."
        f" Captions: {some}{more}."
    )
    if condition.labels == "descriptive" and images.grouping == SCENES:
        st.caption("The words are the study's own; its “a” stands in one group only.")


def section(condition: Condition, images: ImageSet, palette: Palette) -> None:
    """What came out of a condition, or where it is on its way; followed as long as it or its twin
    is in training."""
    twin, what = differences.controlled_baseline(condition) or (None, "")

    def draw(views: list[JobStatus]) -> None:
        one, other = views[0], views[-1]
        if not one.done:
            button = {
                "cancel_key": "train_cancel",
                "type": "primary",
                "icon": ":material/model_training:",
            }
            jobs.progress_or_start(one, "Train this model", lambda: work.train(condition), **button)
            if one.state.is_active:
                widgets.live(condition, one, palette, "train_live")
                _probes(one.status.get("probes", []), images, palette, "train_live")
            return
        if twin and other.done:
            _beside(twin, what, condition, images, palette)
        else:
            _alone(condition, images, palette)
        if twin and not other.done:
            st.caption(f"Beside it belongs its twin: all the same but {what}.")
            start, icon = partial(work.train, twin), ":material/content_copy:"
            jobs.progress_or_start(
                other, f"Train its twin: {what}", start, job="The training of the twin", icon=icon
            )
        with st.container(horizontal=True):
            widgets.sanity_badge(condition)

    jobs.watch([condition.key, *([twin.key] if twin else [])], draw)


def _beside(
    twin: Condition, what: str, condition: Condition, images: ImageSet, palette: Palette
) -> None:
    st.subheader(f"Beside its twin: all the same but {what} (left)")
    keys = [twin.key, condition.key]
    both = cache.comparison(keys, PCA)
    said = description.describe_comparison(both, images.grouping)
    side, place = shell.map_room(above=0)
    cache.show(cache.maps(keys, palette, side, legend_place=place), alt=said, key="train_maps")
    st.markdown(plain(said))
    for name, key in zip(("Left", "Right"), keys, strict=True):
        if quality := metrics_table.describe_map_quality(cache.artifact(key)):
            st.caption(f"{name}: {quality}.")
    with st.expander("Everything that was measured, each beside the untrained encoder"):
        st.dataframe(
            metrics_table.measures_table(both, images.grouping), hide_index=True, width="stretch"
        )
    _probes(
        cache.artifact(condition.key).checkpoints.curve("probe").tolist(),
        images,
        palette,
        condition.key,
    )


def _alone(condition: Condition, images: ImageSet, palette: Palette) -> None:
    left, right = st.columns(2)
    with left:
        cache.show(
            cache.card_map(condition.key, palette, 330),
            alt=f"Map of {title(condition)}",
            key="train_map",
        )
    with right:
        end = cache.artifact(condition.key).metrics["end"]
        for side in ("minority", "majority"):
            st.markdown(
                f"Right on {side} pictures: **{metrics_table.cell(end, f'{side}_accuracy')}**"
            )
        st.caption("95 % intervals over scenes, of one run: another seed gives other numbers.")
        _probes(
            cache.artifact(condition.key).checkpoints.curve("probe").tolist(),
            images,
            palette,
            condition.key,
        )


def _probes(points: list[list[float]], images: ImageSet, palette: Palette, key: str) -> None:
    names, alt = (
        (images.grouping.object_word, "background"),
        "Accuracy of linear probes over the steps",
    )
    if widgets.curves(points, names, palette, alt=alt, key=f"{key}_probes", width=420, height=190):
        read_off = (
            "What can be read off the space by a linear probe, on validation pictures, over the"
            " steps"
        )
        st.caption(f"{read_off}: which of the two is there first?")


def pretrained(images: ImageSet, usual: Condition) -> None:
    """A pretrained CLIP or SigLIP: which one, read how, and where it is on its way. It is a hub
    name, or a folder under the server's ``models/checkpoints``: a path that is typed is never
    looked at."""
    why = "Does a big model have the same problem? Bring one that others trained"
    st.markdown(
        f"{why}: it is put to the same questions, and stands on the Compare and Upload pages beside"
        " ours."
    )
    on_server = models_folder() / "checkpoints"
    folders = sorted(path.name for path in on_server.glob("[!.]*") if path.is_dir())
    first, second, third = st.columns(3)
    with first:
        place = st.selectbox("Checkpoint", [FROM_HUB, *folders], **in_address("bring_place"))
        source = str(on_server / place)
        if place == FROM_HUB:
            about = (
                "A CLIP or SigLIP with safetensors weights. No code of a checkpoint is ever run."
            )
            options = in_address("bring_name", about, placeholder=SUGGESTED, max_chars=190)
            source = st.text_input("Name on the hub", **options).strip()
        size = "Downloading a usual CLIP takes 600 MB. Without a network"
        st.caption(f"{size}: put the checkpoint's folder into `models/checkpoints/` on the server.")
    with second:
        readout = st.selectbox(
            "How the object is read off", list(READOUTS), **in_address("bring_readout")
        )
        st.caption(READOUTS[readout])
        style = st.selectbox(
            "Captions", _STYLES, _STYLES.index("clip_template"), **in_address("bring_labels")
        )
        st.caption(about_style(style))
    with third:
        about = "What a probe is fitted on. Zero-shot and dfr see none of it."
        bias = condition_controls.bias_slider(
            "bring_bias", about=about, label="Bias of the training pictures"
        )
    if not source:
        return
    if place == FROM_HUB and not is_hub_name(source):
        st.warning(
            f"A name on the hub has an owner and a model, such as {SUGGESTED}.",
            icon=":material/edit:",
        )
        return
    condition = condition_of(
        source, usual.replace(labels=style, template="", bias=bias), readout=readout
    )
    if work.view(condition.key).done:
        end = cache.artifact(condition.key).metrics["end"]
        minority, majority = (
            metrics_table.cell(end, f"{side}_accuracy") for side in ("minority", "majority")
        )
        right = f"minority pictures right {minority}, majority {majority}"
        st.success(
            f"{plain(title(condition))} is measured: {right}.", icon=":material/check_circle:"
        )
        address = {"data": condition.data, "models": "2", "left_model": condition.key}
        widgets.link("pages/3_Compare.py", "Compare it with a model of ours", "compare", **address)
        return

    def ask() -> None:
        if place == FROM_HUB:
            visitors.require(Right.HUB)
        work.ask(
            condition.key, make_pretrained, source, condition, short=False, limit=LONG_JOB_SECONDS
        )

    button: dict[str, Any] = {"key": "bring_go", "type": "primary", "icon": ":material/download:"}
    button |= {"job": "Measuring it", "cancel_key": "bring_cancel"}
    jobs.watch(
        [condition.key], lambda views: jobs.progress_or_start(views[0], "Measure it", ask, **button)
    )


def measured_and_mapped(images: ImageSet, palette: Palette) -> None:
    """The map of imported embeddings beside what matters most, and all that was measured below."""
    condition = imports.condition_of(images)
    source = images.about.get("source", "a file")
    if not store.published(condition.key):
        remedy = (
            f"remove it with `python -m vlcore data remove {images.name}` and import {source} again"
        )
        raise LabError(f"The measures of {images.name} are not on the disk; {remedy}.")
    artifact = cache.artifact(condition.key)
    given = f"Embeddings that were computed elsewhere and imported from {as_code(source)}"
    like = "They are measured and mapped like those of a model of the lab."
    st.markdown(f"{given}: there are no pictures, and nothing is trained here. {like}")
    left, right = st.columns([3, 2])
    with left:
        chart = cache.card_map(condition.key, palette, shell.map_side())
        cache.show(chart, alt=f"Map of {title(condition)}", key="imported_map")
    with right:
        for words, measure in (
            ("Right on minority rows", "minority_accuracy"),
            ("Right on majority rows", "majority_accuracy"),
            ("A linear probe reads the object", "probe_object"),
            ("A linear probe reads the background", "probe_context"),
        ):
            st.markdown(f"{words}: **{metrics_table.cell(artifact.metrics['end'], measure)}**")
        few = description.small_sample_warning(artifact, images.grouping)
        for sentence in filter(
            None,
            (metrics_table.describe_map_quality(artifact), few, *images.about.get("notes", ())),
        ):
            st.caption(plain(sentence))
    st.subheader("Everything that was measured")
    columns = {"Measured": st.column_config.TextColumn(width="large")}  # there is room for reasons
    table = metrics_table.measures_of(artifact, images.grouping)
    st.dataframe(table, hide_index=True, width="stretch", column_config=columns)
    st.caption(f"As a file to keep: `python -m vlcore compare {condition.key} --out map.html`.")
