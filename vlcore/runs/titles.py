"""What a condition is called in words, the same on every page and in every file.

The one idea: a title says the bias, the labels, and whatever else is not the usual choice.
"""

from __future__ import annotations

from collections.abc import Mapping

from vlcore.choices import ARCHITECTURES, LABEL_STYLES, LOGITS, MITIGATIONS, NEGATIVES, OBJECTIVES, ArtefactKind, Choice
from vlcore.conditions import Condition, describe_bias

_USUAL = Condition()


def label_words(condition: Condition) -> str:
    """A label style in words."""
    if condition.labels == "own":
        return f"labels “{condition.template}”"
    style = LABEL_STYLES.get(condition.labels)
    return style.words if style and style.words else f"labels {condition.labels}"


def readout_words(condition: Condition) -> str:
    """How the object is read off a pretrained model."""
    new_layer = MITIGATIONS[condition.mitigation].new_layer
    return condition.mitigation if new_layer else OBJECTIVES[condition.objective].words


def title(condition: Condition) -> str:
    """A condition in a few words: ``75 % removed (12 of 48 kept), short labels``."""
    if condition.kind is ArtefactKind.IMPORTED:
        return f"Imported embeddings “{condition.data}”"
    bias = "No bias" if condition.bias == 0 else describe_bias(condition)
    if condition.kind is ArtefactKind.PRETRAINED:
        words = [f"Pretrained {condition.checkpoint}", readout_words(condition), bias.replace("No bias", "no bias")]
        return ", ".join([*words, label_words(condition)])
    chosen: list[tuple[str, Mapping[str, Choice]]] = [
        ("objective", OBJECTIVES), ("negatives", NEGATIVES), ("logit", LOGITS), ("mitigation", MITIGATIONS),
    ]  # fmt: skip
    words = [bias, label_words(condition)]
    for field, choices in chosen:
        if (value := getattr(condition, field)) != getattr(_USUAL, field):
            words.append(choices[value].words or value)
    if condition.backbone:
        name, _, random = condition.backbone.partition("@")
        words.append(f"frozen {'random ' if random else ''}{name}")
    elif condition.architecture != _USUAL.architecture:
        words.append(ARCHITECTURES[condition.architecture].words or condition.architecture)
    return ", ".join(["Untrained encoder", *words[1:]] if condition.kind is ArtefactKind.UNTRAINED else words)
