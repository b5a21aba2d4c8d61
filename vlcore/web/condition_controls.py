"""Controls of one condition, each in the address, and links to Compare that name all of them."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment import options
from vlcore.experiment.captions import quoted_captions
from vlcore.experiment.condition import GRIDS, STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.grouping import SCENES, Grouping, group_words
from vlcore.experiment.options import shown_name
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import lasting_name, title
from vlcore.study import plans
from vlcore.web import cache, widgets
from vlcore.web.address import CompareState
from vlcore.web.model_picker import (
    ModelInAddress,
    choose_saved,
    choose_seed,
    choose_trained,
    condition_or_usual,
    control,
    text_of,
)

LABELS = {shown_name("labels", style): style for style in STYLES_OF_THE_STUDY}
LENGTHS = {f"{steps:,} steps": steps for steps in options.PRESETS.values() if steps}
LENGTHS_ABOUT = (
    f"{options.PRESETS['live']} steps are enough for a first look. Use"
    f" {options.PRESETS['careful']:,} for results."
)
BIASES = {f"{bias * 100:g}%": bias for bias in GRIDS["paper"]}
_BIAS_WIDTH = 320  # px of the slider with the button beside it: a row of a phone


def name_of(choices: Mapping[str, Any], value: object) -> str:
    """Return the name of a value among choices."""
    return next(name for name, meant in choices.items() if meant == value)


def bias_slider(key: str, bias: float = 0.75, about: str | None = None, **options: Any) -> float:
    """Show the choice of the bias: the share of each minority group that is removed."""
    label = options.pop("label", "Bias: share of rare images removed")
    options = widgets.in_address(key, about, **options)
    return BIASES[st.select_slider(label, list(BIASES), name_of(BIASES, bias), **options)]


def training_length(key: str, label: str = "Training length") -> int:
    """Show the choice of the number of steps."""
    usual = name_of(LENGTHS, options.PRESETS["standard"])
    return LENGTHS[widgets.choose_one(label, LENGTHS, key, usual, LENGTHS_ABOUT)]


def choose_model(model: ModelInAddress, name: str, grouping: Grouping) -> tuple[str, Condition]:
    """Show the controls of one model of Compare; returns its key and its condition."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # On a phone these two are rows below each other.
        label_row = st.container(horizontal=True, vertical_alignment="bottom", width="content")
        bias_row = st.container(horizontal=True, vertical_alignment="bottom", width=_BIAS_WIDTH)
    with label_row:
        st.markdown(f"**{name}**", width="content")
        short, descriptive = (
            quoted_captions(style, grouping) for style in ("undescriptive", "descriptive")
        )
        wording = " The words, “a” included, are the study's own." if grouping == SCENES else ""
        about = plain(f"Short: {short}. Descriptive: {descriptive}.{wording}")
        styles = dict(LABELS)
        labels = model.value("labels")
        if labels in options.LABEL_STYLES:
            styles.setdefault(shown_name("labels", labels), labels)
        st.segmented_control(
            "Captions", list(styles), required=True, help=about, **control(model, "labels", styles)
        )
    with bias_row:
        minority = " and ".join(group_words(grouping)[group] for group in grouping.minority)
        about = plain(
            f"The share of rare images that is removed: {minority}. The training set keeps"
            f" {model.usual.n_per_group} images of each common combination."
        )
        st.select_slider("Bias", list(BIASES), help=about, **control(model, "bias", BIASES))
        further = st.popover("More", icon=":material/tune:")
    with further:
        choose_trained(model)
        choose_seed(model)
        names = {key: lasting_name(key, saved) for key, saved in model.saved.items()}
        about = (
            "Any model trained on this image set, including pretrained ones. It overrides the"
            " settings next to it."
        )
        choose_saved(model, "Or load a saved model", names, about)
    condition = condition_or_usual(model)
    if model.key:
        st.caption(
            f"Saved model, whatever is set above: {plain(title(condition))}, seed"
            f" {condition.init_seed}, {condition.steps:,} steps"
        )
    return model.key or condition.key, condition


def towers_name(condition: Condition) -> str:
    """Return the pair of towers of a condition; scratch for another pair, which links name too."""
    return options.towers_of(condition.architecture, condition.text) or options.SCRATCH


def usual_pair(images: ImageSet, steps: int, towers: str) -> tuple[Condition, Condition]:
    """The two models that Compare opens with: both caption styles, with the study's bias.

    Images of a visitor's own have a bias already: nothing is removed from them.
    """
    base = usual_condition(images).with_towers(towers).replace(steps=steps)
    conditions = plans.find("experiments", base).conditions  # first without bias, then with it
    left, right = conditions[2:] if images.is_built_in else conditions[:2]
    return left, right


def compared(left: Condition, right: Condition) -> CompareState:
    """The address of Compare with exactly these two models."""
    towers = towers_name(left)
    usual = usual_pair(cache.named_set(left.data), left.steps, towers)
    first, second = (text_of(*both) for both in zip((left, right), usual, strict=True))
    length = name_of(LENGTHS, left.steps)
    return CompareState(data=left.data, length=length, towers=towers, left=first, right=second)
