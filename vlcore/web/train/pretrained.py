"""A pretrained CLIP or SigLIP of others on the Train page, measured like the lab's own models."""

from functools import partial
from pathlib import Path

import streamlit as st

from vlcore.api.model_metrics import describe_measure
from vlcore.api.pretrained import READOUTS, make_pretrained, pretrained_condition
from vlcore.classroom.teacher import Right
from vlcore.data.imageset import ImageSet
from vlcore.experiment.captions import about_style
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import models_folder
from vlcore.experiment.limits import LONG_JOB_SECONDS
from vlcore.experiment.options import style_names
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import title
from vlcore.web import cache, condition_controls, jobs, visitors, widgets, work
from vlcore.web.widgets import in_address

FROM_HUB = "from the hub"
SUGGESTED = "openai/clip-vit-base-patch32"
_STYLES = [style for style in style_names() if style not in ("own", "constant")]


def show_pretrained(images: ImageSet, usual: Condition) -> None:
    """Show the choice of a checkpoint and a readout, and its measures or how far they are."""
    st.markdown(
        "Does a big model have the same problem? Bring one that others trained: it is put to the"
        " same questions, and is shown on the Compare and Upload pages beside ours."
    )
    checkpoint_column, readout_column, bias_column = st.columns(3)
    with checkpoint_column:
        source, is_from_hub = _choose_checkpoint()
    with readout_column:
        readout = st.selectbox(
            "How the object is read off", list(READOUTS), **in_address("bring_readout")
        )
        st.caption(READOUTS[readout])
        style = condition_controls.option_choice(
            "Captions", "labels", _STYLES, "bring_labels", "clip_template"
        )
        st.caption(about_style(style))
    with bias_column:
        about = "What a probe is fitted on. Zero-shot and dfr see none of it."
        bias = condition_controls.bias_slider(
            "bring_bias", about=about, label="Bias of the training images"
        )
    if not source:
        return
    from vlcore.model.hub_checkpoints import is_hub_name  # torch, which no page waits for

    if is_from_hub and not is_hub_name(source):
        st.warning(
            f"A name on the hub has an owner and a model, such as {SUGGESTED}.",
            icon=":material/edit:",
        )
        return
    condition = pretrained_condition(
        source, usual.replace(labels=style, template="", bias=bias), readout=readout
    )
    if work.view(condition.key).done:
        _show_measured(condition)
    else:
        _measure(source, condition, is_from_hub)


def _choose_checkpoint() -> tuple[str, bool]:
    """Show the choice of a checkpoint; returns it, and whether it is a name on the hub.

    Else it is a folder under the server's ``models/checkpoints``: no typed path is ever looked at.
    """
    folder = models_folder() / "checkpoints"
    names = sorted(path.name for path in folder.glob("[!.]*") if path.is_dir())
    place = st.selectbox("Checkpoint", [FROM_HUB, *names], **in_address("bring_place"))
    source = str(folder / Path(place).name)
    if place == FROM_HUB:
        about = "A CLIP or SigLIP with safetensors weights. No code of a checkpoint is ever run."
        options = in_address("bring_name", about, placeholder=SUGGESTED, max_chars=190)
        source = st.text_input("Name on the hub", **options).strip()
    st.caption(
        "Downloading a usual CLIP takes 600 MB. Without a network: put the checkpoint's folder into"
        " `models/checkpoints/` on the server."
    )
    return source, place == FROM_HUB


def _show_measured(condition: Condition) -> None:
    end = cache.artifact(condition.key).metrics["end"]
    minority, majority = (
        describe_measure(end, f"{side}_accuracy") for side in ("minority", "majority")
    )
    st.success(
        f"{plain(title(condition))} is measured: minority-group accuracy {minority}, majority"
        f" {majority}.",
        icon=":material/check_circle:",
    )
    widgets.link_to_models("Compare it with a model of ours", condition.data, [condition.key])


def _measure(source: str, condition: Condition, is_from_hub: bool) -> None:
    def ask() -> None:
        if is_from_hub:
            visitors.require_right(Right.HUB)
        work.ask(
            condition.key, make_pretrained, source, condition, short=False, limit=LONG_JOB_SECONDS
        )

    offer = partial(
        jobs.progress_or_start,
        label="Measure it",
        start=ask,
        job="Measuring it",
        cancel_key="bring_cancel",
        key="bring_go",
        type="primary",
        icon=":material/download:",
    )
    jobs.watch([condition.key], lambda views: offer(views[0]))
