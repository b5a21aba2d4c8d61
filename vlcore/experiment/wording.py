"""Names of conditions and numbers with their intervals as text, the same on every page and in every
file."""

import math
import textwrap
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from vlcore.experiment.condition import Condition
from vlcore.experiment.options import MITIGATIONS, ArtifactKind, shown_name

_WHOLE = 99.5  # numbers from here on are rounded to whole ones
FEW = 20  # images below which a rate says little: its interval is wider than 40 points
TOWERS_SEEN = {  # before they are trained
    "pretrained": (
        "Image encoder: EfficientNet-Lite0, pretrained on ImageNet (which includes horses and"
        " camels) and frozen. Text encoder: pretrained word vectors. Training fits only a"
        " projection of each."
    ),
    "scratch": ("Both encoders are trained from scratch, on the training images of this set only."),
    "phones": (
        "Each phone trains its two models. Image encoder: EfficientNet-Lite0, pretrained on"
        " ImageNet (which includes horses and camels) and frozen; models read 128 principal"
        " components of its features. Text encoder: pretrained word vectors. Training fits only a"
        " projection of each."
    ),
}
_USUAL = Condition()
# Settings that a title names where they are not as usual.
_NAMED_IN_TITLES = {
    "objective": "objective",
    "negatives": "negatives",
    "mitigation": "mitigation",
    "recipe": "training",
    "architecture": "image encoder",
    "text": "text encoder",
    "width": "width",
    "embedding": "embedding",
}


def label_words(condition: Condition) -> str:
    if condition.labels == "own":
        return f"captions “{condition.template}”"
    return f"{shown_name('labels', condition.labels)} captions"


def describe_bias(condition: Condition) -> str:
    """The bias in words, always with the counts: ``bias 75% (12 of 48 rare images kept)``."""
    counts = f"{condition.n_minority} of {condition.n_per_group} rare images kept"
    return f"bias {condition.bias * 100:g}% ({counts})"


def titles(conditions: Sequence[Condition]) -> list[str]:
    """Return the titles of models beside each other: of the settings besides bias and captions,
    a title names those in which the models differ."""
    values = {
        field: {getattr(condition, field) for condition in conditions} for field in _NAMED_IN_TITLES
    }
    is_pair = len(conditions) > 1
    shared = {field for field in values if is_pair and len(values[field]) == 1}
    return [title(condition, shared) for condition in conditions]


def title(condition: Condition, left_out: Collection[str] = ()) -> str:
    """A condition in a few words: ``Bias 75% (12 of 48 rare images kept), short captions``.

    Args:
        condition: to be named.
        left_out: names of settings that it does not tell.
    """
    bias = describe_bias(condition).capitalize() if condition.bias else "No bias"
    labels = label_words(condition)
    if condition.kind is ArtifactKind.PRETRAINED:
        new_layer = MITIGATIONS[condition.mitigation].new_layer
        readout = (
            condition.mitigation if new_layer else shown_name("objective", condition.objective)
        )
        bias = bias[0].lower() + bias[1:]
        return f"Pretrained {condition.checkpoint}, {readout}, {bias}, {labels}"
    if condition.kind is ArtifactKind.UNTRAINED:
        bias = "Untrained encoder"
    words = [bias, labels]
    for field, noun in _NAMED_IN_TITLES.items():
        value = getattr(condition, field)
        if field not in left_out and value != getattr(_USUAL, field):
            words.append(f"{noun} {shown_name(field, value)}")
    if changes := len(condition.changes):
        words.append(plural(changes, "change"))
    return ", ".join(words)


def run_name(condition: Condition) -> str:
    """A run in words that name its seed and its length too."""
    length = f", {condition.steps:,} steps" if condition.steps else ""
    return f"{title(condition)} · seed {condition.init_seed}{length}"


def lasting_name(key: str, condition: Condition) -> str:
    """A run in words that stay, and are no other run's, when further runs come."""
    return f"{run_name(condition)} · {key.rpartition('-')[2]}"


def distinct_names(runs: Mapping[str, Condition]) -> dict[str, str]:
    """A name for each run, by key, all different: the browser tells choices apart by their names
    alone."""
    names = {key: run_name(condition) for key, condition in runs.items()}
    counts = Counter(names.values())
    return {
        key: name if counts[name] == 1 else lasting_name(key, runs[key])
        for key, name in names.items()
    }


def job_title(condition: Condition) -> str:
    """Making the model of a condition, as a noun phrase that tells it from others."""
    work = "training" if condition.kind is ArtifactKind.TRAINED else "measurement"
    return f"{work} of “{title(condition)}” on {condition.data}, seed {condition.init_seed}"


def duration_words(seconds: float) -> str:
    """A duration to the nearest that people say: ``about 40 minutes``."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return "about half a minute" if seconds < 40 else "about a minute"
    minutes = seconds / 60
    if minutes <= 10:
        return f"about {minutes:.0f} minutes"
    if minutes < 90:
        return f"about {5 * round(minutes / 5)} minutes"
    return f"about {minutes / 60:.0f} hours" if minutes >= 150 else "about two hours"


def shortened(text: str, most: int) -> str:
    """A text on one line of at most so many letters: cut between two words, or inside a word that
    would leave less than half of them."""
    text = " ".join(text.split())
    cut = textwrap.shorten(text, most, placeholder=" …")
    return f"{text[: most - 2]} …" if len(text) > most and len(cut) < most / 2 else cut


def plural(number: int, noun: str) -> str:
    """A number with its noun: ``1 image``, ``2,000 images``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first_names(names: Sequence[str], most: int) -> str:
    """The first of some names: ``size, coat, …``; ``none`` of none."""
    return ", ".join(names[:most]) + ", …" * (len(names) > most) or "none"


def percent(value: float) -> str:
    """``95%`` of a fraction."""
    return f"{_whole_percent(value)}%"


def _whole_percent(value: float) -> str:
    """``63`` of .625: halves are rounded up, as browsers round them."""
    return f"{math.floor(100 * value + 0.5)}"


def decimal(value: float) -> str:
    """``0.62``, never -0.00"""
    return f"{round(value, 2) + 0.0:.2f}"


def signed(value: float, digits: int) -> str:
    """A difference with its sign; without one where it is rounded to 0."""
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}" if rounded else f"{0:.{digits}f}"


def between(estimate: Mapping[str, Any], write: Callable[[float], str]) -> str:
    """The ends of an interval: ``0.68 to 0.74``"""
    return f"{write(estimate['low'])} to {write(estimate['high'])}"


def interval(estimate: Mapping[str, Any], write: Callable[[float], str], unit: str = "") -> str:
    """The value of an estimate, the unit, and the ends of its interval: ``0.71 (0.68 to 0.74)``"""
    return f"{write(estimate['value'])}{unit} ({between(estimate, write)})"


def rate_words(estimate: Mapping[str, Any]) -> str:
    """``95% (93 to 96)`` of a fraction."""
    return interval(estimate, _whole_percent, "%")


def share(estimate: Mapping[str, Any]) -> str:
    """``95% (93 to 96)`` of a fraction that was counted on images; with their number where it is
    small."""
    words = rate_words(estimate)
    return words if estimate["n"] >= FEW else f"{words} of only {estimate['n']}"


def number(estimate: Mapping[str, Any]) -> str:
    """``0.71 (0.68 to 0.74)``, two digits that count; of large numbers the whole ones."""
    return interval(
        estimate, lambda value: f"{value:.0f}" if abs(value) >= _WHOLE else f"{value:.2g}"
    )


def difference(estimate: Mapping[str, Any], digits: int = 2) -> str:
    """``-0.12 (-0.20 to -0.04)``"""
    return interval(estimate, lambda value: signed(value, digits))


def points(estimate: Mapping[str, Any], digits: int = 0) -> str:
    """``-10 points (-13 to -7)`` of a difference of fractions; with a digit where an end is rounded
    to 0."""
    ends = [100 * estimate[name] for name in ("low", "high")]
    if any(round(end) == 0 != round(end, 1) for end in ends):
        digits = max(digits, 1)
    return interval(estimate, lambda value: signed(100 * value, digits), " points")
