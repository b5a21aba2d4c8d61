"""A pretrained CLIP or SigLIP for everybody's pages: which one, read how, and where it is on its way.

It is a hub name, or a folder that whoever runs the server has put under ``models/checkpoints``; a path that a visitor
types is never looked at.
"""

from __future__ import annotations

import re
from pathlib import Path

import streamlit as st

from vlcore.compare import metrics_table
from vlcore.core.captions import about_style
from vlcore.core.condition import Condition
from vlcore.core.files import models_folder
from vlcore.core.options import style_names
from vlcore.core.wording import title
from vlcore.datasets.imageset import ImageSet
from vlcore.runs.pretrained import READOUTS, condition_of
from vlcore.store.jobs import JobStatus
from vlcore.ui import cache, condition_controls, jobs, shell

HUB_NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
FROM_HUB = "from the hub"
SUGGESTED = "openai/clip-vit-base-patch32"
_STYLES = [style for style in style_names() if style not in ("own", "constant")]


def section(images: ImageSet, usual: Condition) -> None:
    """Choose a checkpoint and how it is read; measure it; say where it is."""
    st.markdown(
        "Does a big model have the same problem? Bring one that others trained: it is put to the same questions, and "
        "stands on the Compare and Upload pages beside ours."
    )
    on_server = models_folder() / "checkpoints"
    folders = sorted(path.name for path in on_server.glob("[!.]*") if path.is_dir())
    first, second, third = st.columns(3)
    with first:
        place = st.selectbox("Checkpoint", [FROM_HUB, *folders], key="bring_place", bind="query-params")
        name = ""
        if place == FROM_HUB:
            name = st.text_input(
                "Name on the hub", placeholder=SUGGESTED, max_chars=190, key="bring_name", bind="query-params",
                help="A CLIP or SigLIP with safetensors weights. No code of a checkpoint is ever run.",
            ).strip()  # fmt: skip
        st.caption(
            "Downloading a usual CLIP takes 600 MB. Without a network: put the checkpoint's folder into "
            "`models/checkpoints/` on the server."
        )
    with second:
        readout = st.selectbox("How the object is read off", list(READOUTS), key="bring_readout", bind="query-params")
        st.caption(READOUTS[readout])
        style = st.selectbox(
            "Captions", _STYLES, index=_STYLES.index("clip_template"), key="bring_labels", bind="query-params"
        )
        st.caption(about_style(style))
    with third:
        bias = condition_controls.bias_slider(
            "bring_bias",
            label="Bias of the training pictures",
            help="What a probe is fitted on. Zero-shot and dfr see none of it.",
        )
    source = name if place == FROM_HUB else str(on_server / place)
    if not source:
        return
    # Transformers would take a folder of this name for the checkpoint.
    if place == FROM_HUB and (Path(name).exists() or not HUB_NAME.fullmatch(name)):
        st.warning(f"A name on the hub has an owner and a model, such as {SUGGESTED}.", icon=":material/edit:")
        return
    with shell.errors_as_sentences():
        base = usual.replace(labels=style, template="", bias=bias)
        _state(source, condition_of(source, base, readout=readout))


def _state(source: str, condition: Condition) -> None:
    """A button, progress, or what was measured."""
    if jobs.view(condition.key).done:
        end = cache.artefact(condition.key).metrics["end"]
        minority, majority = (metrics_table.cell(end, f"{side}_accuracy") for side in ("minority", "majority"))
        st.success(
            f"{title(condition)} is measured: minority pictures right {minority}, majority {majority}.",
            icon=":material/check_circle:",
        )
        st.page_link(
            "pages/3_Compare.py",
            label="Compare it with a model of ours",
            icon=":material/compare:",
            query_params={"data": condition.data, "models": "2", "left_model": condition.key},
            width="content",
        )
        return

    def draw(views: list[JobStatus]) -> None:
        jobs.progress_or_start(
            views[0], "Measure it", lambda: jobs.queue_pretrained(source, condition), cancel_key="bring_cancel",
            job="Measuring it", key="bring_go", type="primary", icon=":material/download:",
        )  # fmt: skip

    jobs.watch([condition.key], draw)
