"""The knobs of one condition, each in the address, and links that name all of them, so that what a visitor chose before
never shines through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.core import options
from vlcore.core.captions import quoted_captions
from vlcore.core.condition import GRIDS, Condition
from vlcore.core.grouping import SCENES, Grouping, group_words
from vlcore.core.options import PRESETS

LABELS = options.controls_of(options.LABEL_STYLES)
NEGATIVES = options.controls_of(options.NEGATIVES)
ENCODERS = options.controls_of(options.ARCHITECTURES)
AS_SET = "as set here"  # no model from the disk
LENGTHS = tuple(name for name, steps in PRESETS.items() if steps)
BIASES = {f"{bias * 100:g} %": bias for bias in GRIDS["paper"]}


def name_of(choices: Mapping[str, Any], value: object) -> str:
    """What a value is called among choices."""
    return next(name for name, meant in choices.items() if meant == value)


def bias_slider(key: str, bias: float = 0.75, *, label: str = "", **options: Any) -> float:
    """The share of each minority group that is removed."""
    chosen = st.select_slider(
        label or "Bias: share of each minority group removed", list(BIASES), value=name_of(BIASES, bias), key=key,
        bind="query-params", **options,
    )  # fmt: skip
    return BIASES[chosen]


def condition_controls(
    side: str, prefix: str, default: Condition, preset: str, grouping: Grouping
) -> tuple[Condition, DeltaGenerator]:
    """The knobs of one model, and the place of further ones; every value is in the URL, and one that is not known falls
    back to the default."""
    minority = " and ".join(group_words(grouping)[group] for group in grouping.minority)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.markdown(f"**{side}**", width="content")
    labels = row.segmented_control(
        "Labels",
        options=list(LABELS),
        default=name_of(LABELS, default.labels),
        required=True,
        key=f"{prefix}_labels",
        bind="query-params",
        help=f"Short: {quoted_captions('undescriptive', grouping)}. "
        f"Descriptive: {quoted_captions('descriptive', grouping)}."
        + (" The words, “a” included, are the study's own." if grouping == SCENES else ""),
    )
    bias = bias_slider(
        f"{prefix}_bias",
        default.bias,
        help=f"Minority groups are {minority}. The training set keeps {default.n_per_group} pictures of each majority "
        "group, and fewer of each minority group.",
    )
    more = row.popover("More settings", icon=":material/tune:")
    with more:
        trained = st.toggle(
            "Trained", value=True, key=f"{prefix}_trained", bind="query-params",
            help="Off shows the same encoder before its first step. It sorts by background already.",
        )  # fmt: skip
        seed = st.number_input(
            "Seed", 0, 999, default.init_seed, key=f"{prefix}_seed", bind="query-params",
            help="Decides which pictures are drawn and removed, the starting weights and the order of the pictures.",
        )  # fmt: skip
        negatives = st.selectbox(
            "Pairs in the loss", list(NEGATIVES), key=f"{prefix}_pairs", bind="query-params",
            help="The study's text, taken literally, has matched pairs only; then one point for everything is optimal.",
        )  # fmt: skip
        encoder = st.selectbox(
            "Image encoder", list(ENCODERS), key=f"{prefix}_encoder", bind="query-params",
            help="Both are small transformers; they differ in how a picture is cut into tokens. The study's is on "
            "linear patches.",
        )  # fmt: skip
    condition = default.replace(
        bias=bias,
        labels=LABELS.get(labels or "", default.labels),
        negatives=NEGATIVES[negatives],
        architecture=ENCODERS[encoder],
        data_seed=int(seed),
        init_seed=int(seed),
        steps=PRESETS[preset] if trained else 0,
    )
    return condition, more


def address(prefix: str, condition: Condition) -> dict[str, str]:
    """What `condition_controls` reads from the address, all of it: a link that left out what is usual would show what
    the visitor chose before."""
    values = {
        "labels": name_of(LABELS, condition.labels),
        "bias": name_of(BIASES, condition.bias),
        "trained": "true" if condition.steps else "false",
        "seed": str(condition.init_seed),
        "pairs": name_of(NEGATIVES, condition.negatives),
        "encoder": name_of(ENCODERS, condition.architecture),
        "model": AS_SET,
    }
    return {f"{prefix}_{name}": value for name, value in values.items()}


def link_to_compare(left: Condition, right: Condition, label: str, icon: str) -> None:
    """A link that shows exactly these two models, whatever the visitor looked at before."""
    st.page_link(
        "pages/3_Compare.py",
        label=label,
        icon=icon,
        query_params={
            "data": left.data,
            "models": "2",
            "map": "PCA",
            "length": next(name for name in LENGTHS if PRESETS[name] == left.steps),
            **address("left", left),
            **address("right", right),
        },
        width="content",
    )


def link_to_training(data: str) -> None:
    """The next step after a set is there: its four experiments."""
    st.page_link(
        "app.py", label="Train on it", icon=":material/play_arrow:", query_params={"data": data}, width="content"
    )
