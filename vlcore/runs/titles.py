"""What a condition is called in words, the same on every page and in every file.

The one idea: a title says the bias, the labels, and whatever else is not the usual choice.
"""

from __future__ import annotations

from vlcore.choices import ArtefactKind
from vlcore.conditions import Condition, describe_bias

_LABEL_WORDS = {"undescriptive": "short labels", "descriptive": "descriptive labels"}


def label_words(condition: Condition) -> str:
    """A label style in words."""
    if condition.labels == "own":
        return f"labels “{condition.template}”"
    return _LABEL_WORDS.get(condition.labels, f"labels {condition.labels}")


_OBJECTIVE_WORDS = {"ce_object": "classifier of objects", "ce_group": "classifier of groups", "simclr": "SimCLR"}
_NEGATIVE_WORDS = {"none": "positives only"}


def readout_words(condition: Condition) -> str:
    """How the object is read off a pretrained model."""
    if condition.mitigation == "dfr":
        return "dfr"
    return "linear probe" if condition.objective == "pretrained_probe" else "zero-shot"


def title(condition: Condition) -> str:
    """A condition in a few words: ``75 % removed (12 of 48 kept), short labels``."""
    if condition.kind is ArtefactKind.IMPORTED:
        return f"Imported embeddings “{condition.data}”"
    bias = "No bias" if condition.bias == 0 else describe_bias(condition)
    if condition.kind is ArtefactKind.PRETRAINED:
        words = [f"Pretrained {condition.checkpoint}", readout_words(condition), bias.replace("No bias", "no bias")]
        return ", ".join([*words, label_words(condition)])
    words = [bias, label_words(condition)]
    words += [
        said.get(value, value)
        for said, value, usual in (
            (_OBJECTIVE_WORDS, condition.objective, "pairwise_bce"),
            (_NEGATIVE_WORDS, condition.negatives, "filtered_marginal"),
            ({}, condition.logit, "learned"),
            ({}, condition.mitigation, "none"),
            ({"seed_faithful": "linear patches"}, _encoder(condition), "conv_stem"),
        )
        if value != usual
    ]
    return ", ".join(["Untrained encoder", *words[1:]] if condition.kind is ArtefactKind.UNTRAINED else words)


def _encoder(condition: Condition) -> str:
    name, _, random = condition.backbone.partition("@")
    return f"frozen {'random ' if random else ''}{name}" if name else condition.architecture
