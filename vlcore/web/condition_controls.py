"""The knobs of one condition, each in the address, and links that name all: no earlier choice
shines through."""

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.experiment import options
from vlcore.experiment.captions import quoted_captions
from vlcore.experiment.condition import GRIDS, Condition
from vlcore.experiment.grouping import SCENES, Grouping, group_words
from vlcore.experiment.plain_text import plain
from vlcore.web import widgets

LABELS = options.controls_of(options.LABEL_STYLES)
NEGATIVES = options.controls_of(options.NEGATIVES)
ENCODERS = options.controls_of(options.ARCHITECTURES)
TEXTS = options.controls_of(options.TEXTS)
AS_TOWERS = "as chosen above"  # the image or text tower that the choice of towers brings
AS_SET = "as set here"  # no model from the disk
LENGTHS = {name: steps for name, steps in options.PRESETS.items() if steps}
LENGTHS_IN_WORDS = ", ".join(f"{name}: {steps:,} steps" for name, steps in LENGTHS.items())
BIASES = {f"{bias * 100:g} %": bias for bias in GRIDS["paper"]}
_HOW_MUCH = 320  # px of the slider with what stands beside it: a row of a phone


def name_of(choices: Mapping[str, Any], value: object) -> str:
    """What a value is called among choices."""
    return next(name for name, meant in choices.items() if meant == value)


def bias_slider(key: str, bias: float = 0.75, about: str | None = None, **options: Any) -> float:
    """The share of each minority group that is removed."""
    label = options.pop("label", "Bias: share of each minority group removed")
    options = widgets.in_address(key, about, **options)
    return BIASES[st.select_slider(label, list(BIASES), name_of(BIASES, bias), **options)]


def towers_choice(default: str = "scratch") -> str:
    """The choice of the pair of towers for all models of a page, a name of
    `vlcore.experiment.options.TOWERS`, in the address."""
    about = options.TOWERS_HELP
    return widgets.one_of(
        "Towers", options.TOWERS, "towers", default, about, label_visibility="collapsed"
    )


def training_length(key: str, label: str = "Training length", **options: Any) -> int:
    """The number of steps."""
    return LENGTHS[widgets.one_of(label, LENGTHS, key, "standard", **options)]


def condition_controls(
    side: str, prefix: str, default: Condition, steps: int, grouping: Grouping
) -> tuple[Condition, DeltaGenerator]:
    """The knobs of one model, and the place of further ones; in the URL, an unknown value means the
    default."""
    minority = " and ".join(group_words(grouping)[group] for group in grouping.minority)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # On a phone these two are rows below each other.
        which = st.container(horizontal=True, vertical_alignment="bottom", width="content")
        how_much = st.container(horizontal=True, vertical_alignment="bottom", width=_HOW_MUCH)
    with which:
        st.markdown(f"**{side}**", width="content")
        short, descriptive = (
            quoted_captions(style, grouping) for style in ("undescriptive", "descriptive")
        )
        wording = " The words, “a” included, are the study's own." if grouping == SCENES else ""
        about, usual = (
            f"Short: {short}. Descriptive: {descriptive}.{wording}",
            name_of(LABELS, default.labels),
        )
        labels = widgets.one_of("Labels", LABELS, f"{prefix}_labels", usual, plain(about))
    with how_much:
        kept = f"The training set keeps {default.n_per_group} pictures of each majority group"
        about = (
            f"The share of each minority group that is removed: {minority}. {kept}, and fewer of"
            " each minority group."
        )
        bias = bias_slider(
            f"{prefix}_bias", default.bias, plain(about), label="Bias: minority removed"
        )
        more = st.popover("More", icon=":material/tune:")
    with more:
        about = "Off shows the same encoder before its first step. It sorts by background already."
        trained = st.toggle("Trained", value=True, **widgets.in_address(f"{prefix}_trained", about))
        seed = widgets.seed(f"{prefix}_seed", default.init_seed)
        about = (
            "The study's text, taken literally, has matched pairs only; then one point for"
            " everything is optimal."
        )
        pairs = st.selectbox(
            "Pairs in the loss", list(NEGATIVES), **widgets.in_address(f"{prefix}_pairs", about)
        )
        about = (
            "Transformers on convolutions or, as the study's, on linear patches; or a frozen"
            " network."
        )
        encoder = st.selectbox(
            "Image tower", [AS_TOWERS, *ENCODERS], **widgets.in_address(f"{prefix}_encoder", about)
        )
        about = (
            "What turns a caption into a vector: a transformer, word vectors, or a code for each"
            " caption."
        )
        text = st.selectbox(
            "Text tower", [AS_TOWERS, *TEXTS], **widgets.in_address(f"{prefix}_text", about)
        )
    own = {
        "labels": LABELS[labels],
        "negatives": NEGATIVES[pairs],
        "architecture": ENCODERS.get(encoder, default.architecture),
        "text": TEXTS.get(text, default.text),
    }
    seeds = {"data_seed": seed, "init_seed": seed}
    return default.replace(bias=bias, steps=steps if trained else 0, **seeds, **own), more


def towers_of(condition: Condition) -> str:
    """The pair of towers of a condition; scratch where it has another pair, which a link names
    besides."""
    pairs = {name for name in options.TOWERS if condition.with_towers(name) == condition}
    return pairs.pop() if pairs else "scratch"


def link_to_compare(left: Condition, right: Condition, label: str, icon: str) -> None:
    """A link that shows exactly these two trained models, whatever the visitor chose before: it
    names all settings."""
    address = {
        "data": left.data,
        "models": "2",
        "map": "PCA",
        "length": name_of(LENGTHS, left.steps),
    }
    address["towers"] = towers_of(left)
    for prefix, one in (("left", left), ("right", right)):
        settings = {
            "labels": name_of(LABELS, one.labels),
            "bias": name_of(BIASES, one.bias),
            "trained": "true",
            "seed": str(one.init_seed),
            "pairs": name_of(NEGATIVES, one.negatives),
            "encoder": name_of(ENCODERS, one.architecture),
            "text": name_of(TEXTS, one.text),
            "model": AS_SET,
        }
        address |= {f"{prefix}_{name}": value for name, value in settings.items()}
    widgets.link("pages/3_Compare.py", label, icon, **address)
