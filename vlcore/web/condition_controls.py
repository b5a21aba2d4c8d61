"""Controls of one condition, each in the address, and links to Compare that name all of them."""

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.experiment import options
from vlcore.experiment.captions import quoted_captions
from vlcore.experiment.condition import GRIDS, STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.grouping import SCENES, Grouping, group_words
from vlcore.experiment.options import shown_name
from vlcore.experiment.plain_text import plain
from vlcore.web import widgets

LABELS = {shown_name("labels", style): style for style in STYLES_OF_THE_STUDY}
AS_SET = "as set here"  # no model from the disk
LENGTHS = {f"{steps:,} steps": steps for steps in options.PRESETS.values() if steps}
LENGTHS_ABOUT = (
    f"Take {options.PRESETS['live']} steps for a quick look, {options.PRESETS['careful']:,} for a"
    " claim. Commands call them live, standard and careful."
)
BIASES = {f"{bias * 100:g} %": bias for bias in GRIDS["paper"]}
_BIAS_WIDTH = 320  # px of the slider with the button beside it: a row of a phone


def name_of(choices: Mapping[str, Any], value: object) -> str:
    """Return the name of a value among choices."""
    return next(name for name, meant in choices.items() if meant == value)


def bias_slider(key: str, bias: float = 0.75, about: str | None = None, **options: Any) -> float:
    """Show the choice of the bias: the share of each minority group that is removed."""
    label = options.pop("label", "Bias: share of each minority group removed")
    options = widgets.in_address(key, about, **options)
    return BIASES[st.select_slider(label, list(BIASES), name_of(BIASES, bias), **options)]


def training_length(key: str, label: str = "Training length") -> int:
    """Show the choice of the number of steps."""
    usual = name_of(LENGTHS, options.PRESETS["standard"])
    return LENGTHS[widgets.choose_one(label, LENGTHS, key, usual, LENGTHS_ABOUT)]


def option_choice(label: str, field: str, offered: Iterable[str], key: str) -> str:
    """Show the choice of a value of a setting, by its name on pages and in the address."""
    names = {shown_name(field, value): value for value in offered}
    return names[st.selectbox(label, list(names), **widgets.in_address(key))]


def condition_controls(
    side: str, prefix: str, default: Condition, steps: int, grouping: Grouping
) -> tuple[Condition, DeltaGenerator]:
    """Show the controls of one model.

    Args:
        side: what the model is called.
        prefix: of its settings in the address, where an unknown value means the default.
        default: its settings at first.
        steps: of its training.
        grouping: groups of its image set.

    Returns:
        The condition, and the container of further controls.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # On a phone these two are rows below each other.
        label_row = st.container(horizontal=True, vertical_alignment="bottom", width="content")
        bias_row = st.container(horizontal=True, vertical_alignment="bottom", width=_BIAS_WIDTH)
    with label_row:
        st.markdown(f"**{side}**", width="content")
        short, descriptive = (
            quoted_captions(style, grouping) for style in ("undescriptive", "descriptive")
        )
        wording = " The words, “a” included, are the study's own." if grouping == SCENES else ""
        about = plain(f"Short: {short}. Descriptive: {descriptive}.{wording}")
        usual = name_of(LABELS, default.labels)
        labels = widgets.choose_one("Labels", LABELS, f"{prefix}_labels", usual, about)
    with bias_row:
        minority = " and ".join(group_words(grouping)[group] for group in grouping.minority)
        about = plain(
            f"The share of each minority group that is removed: {minority}. The training set keeps"
            f" {default.n_per_group} images of each majority group, and fewer of each minority"
            " group."
        )
        bias = bias_slider(f"{prefix}_bias", default.bias, about, label="Bias: minority removed")
        further = st.popover("More", icon=":material/tune:")
    with further:
        about = "Off shows the same encoder before its first step. It sorts by background already."
        trained = st.toggle("Trained", value=True, **widgets.in_address(f"{prefix}_trained", about))
        seed = widgets.seed(f"{prefix}_seed", default.init_seed)
    condition = default.replace(
        bias=bias,
        steps=steps if trained else 0,
        data_seed=seed,
        init_seed=seed,
        labels=LABELS[labels],
    )
    return condition, further


def towers_name(condition: Condition) -> str:
    """Return the pair of towers of a condition; scratch for another pair, which links name too."""
    pairs = (name for name in options.TOWERS if condition.with_towers(name) == condition)
    return next(pairs, "scratch")


def link_to_compare(left: Condition, right: Condition, label: str, icon: str) -> None:
    """Link to exactly these two trained models, whatever the visitor chose before."""
    address = {
        "data": left.data,
        "map": "PCA",
        "length": name_of(LENGTHS, left.steps),
        "towers": towers_name(left),
    }
    for prefix, condition in (("left", left), ("right", right)):
        settings = {
            "labels": name_of(LABELS, condition.labels),
            "bias": name_of(BIASES, condition.bias),
            "trained": "true",
            "seed": str(condition.init_seed),
            "model": AS_SET,
        }
        address |= {f"{prefix}_{name}": value for name, value in settings.items()}
    widgets.link("pages/3_Compare.py", label, icon, **address)
