"""What is trained: one frozen value that holds everything that changes a result.

The one idea: a `Condition` is the only thing that travels. Pages, commands, studies and links make one, its `key`
names the artefact on disk, and everything else is derived from it; two equal conditions are one training.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from vlcore.images.captions import LABEL_STYLES
from vlcore.scenes import RENDERER_VERSION

OBJECTIVES = ("pairwise_bce",)
NEGATIVES = ("filtered_marginal", "none")
ARCHITECTURES = ("conv_stem", "seed_faithful")
PRESETS = {"untrained": 0, "live": 300, "standard": 600, "careful": 2400}  # optimisation steps
STEPS_LIMIT = 100_000

STUDY_N = 48  # images of each group in the study

_SHORT = {"pairwise_bce": "bce"}


class ConditionError(ValueError):
    """A condition that cannot be trained; the message says what to choose instead."""


@dataclass(frozen=True)
class Condition:
    """Everything that changes a result.

    Attributes:
        data: name of the image set.
        data_version: version of its pictures; for `scenes`, left empty, that of the renderer.
        bias: share of each minority group that is removed, 0 to 1.
        labels: label style, one of `LABEL_STYLES`.
        objective: loss, one of `OBJECTIVES`.
        negatives: distribution of the mismatched captions, one of `NEGATIVES`.
        architecture: image tower, one of `ARCHITECTURES`.
        n_per_group: images of each group before any is removed.
        steps: optimisation steps; 0 is the untrained encoder.
        batch_size: images in a step.
        data_seed: which images are drawn from the pool, and which of them the bias removes.
        init_seed: initial weights, image order and augmentation.

    Raises:
        ConditionError: when a value is outside its set or range.
    """

    data: str = "scenes"
    data_version: str = ""
    bias: float = 0.0
    labels: str = "undescriptive"
    objective: str = "pairwise_bce"
    negatives: str = "filtered_marginal"
    architecture: str = "conv_stem"
    n_per_group: int = STUDY_N
    steps: int = PRESETS["standard"]
    batch_size: int = 128
    data_seed: int = 0
    init_seed: int = 0

    def __post_init__(self) -> None:
        if self.data == "scenes" and not self.data_version:
            object.__setattr__(self, "data_version", str(RENDERER_VERSION))
        _one_of("label style", self.labels, LABEL_STYLES)
        _one_of("objective", self.objective, OBJECTIVES)
        _one_of("choice of negatives", self.negatives, NEGATIVES)
        _one_of("architecture", self.architecture, ARCHITECTURES)
        _text("version of the image set", self.data_version)
        number = isinstance(self.bias, float | int) and not isinstance(self.bias, bool)
        if not (number and math.isfinite(self.bias) and 0 <= self.bias <= 1):
            raise ConditionError(f"The bias is {self.bias!r}; give the removed share as a number from 0 to 1.")
        object.__setattr__(self, "bias", round(float(self.bias), 4) + 0.0)  # 0 and 0.0 and -0.0 are one condition
        _whole("n_per_group", self.n_per_group, 2, 10_000)
        _whole("steps", self.steps, 0, STEPS_LIMIT)
        _whole("batch_size", self.batch_size, 2, 4096)
        _whole("data_seed", self.data_seed, 0, 2**31 - 1)
        _whole("init_seed", self.init_seed, 0, 2**31 - 1)
        _text("name of the image set", self.data)
        if not (self.data and set(self.data) <= _NAME_CHARACTERS and self.data[0] not in ".-_"):
            raise ConditionError(
                f"The image set name {self.data!r} is not usable; use lower-case letters, digits, '.', '-' and '_'."
            )

    @property
    def n_minority(self) -> int:
        """Images that are kept of each minority group: ``round(n_per_group * (1 - bias))``."""
        return round(self.n_per_group * (1 - self.bias))

    @property
    def key(self) -> str:
        """Name of the artefact: readable parts and a hash of the whole condition."""
        objective = _SHORT.get(self.objective, self.objective)
        length = "untrained" if self.steps == 0 else self.labels
        seeds = f"s{self.init_seed}" if self.data_seed == self.init_seed else f"d{self.data_seed}s{self.init_seed}"
        digest = hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:8]
        if self.negatives == "none":
            objective += "-positives"
        return f"{self.data}-b{self.bias * 100:g}-{length}-{objective}-{seeds}-{digest}"

    @property
    def preset(self) -> str:
        """Name of the preset with this number of steps, or ``custom``."""
        return next((name for name, steps in PRESETS.items() if steps == self.steps), "custom")

    def as_dict(self) -> dict[str, Any]:
        """The condition as JSON-able values, field by field."""
        return dataclasses.asdict(self)

    def but(self, **changes: Any) -> Condition:
        """The same condition with some fields changed."""
        return dataclasses.replace(self, **changes)

    @property
    def untrained(self) -> Condition:
        """The same encoder before the first step."""
        return self.but(steps=0)


def from_dict(values: Mapping[str, Any]) -> Condition:
    """A condition from its `as_dict`.

    Raises:
        ConditionError: on a field that no condition has, or a value that does not fit.
    """
    known = {field.name for field in fields(Condition)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConditionError(f"No setting is named {unknown[0]!r}; settings are {', '.join(sorted(known))}.")
    return Condition(**values)


def with_settings(base: Condition, settings: Mapping[str, str]) -> Condition:
    """Apply ``KEY=VALUE`` settings, given as text, to a condition (the command line's ``--set``).

    Raises:
        ConditionError: on an unknown key or a value of the wrong kind.
    """
    kinds = {field.name: type(getattr(base, field.name)) for field in fields(Condition)}
    changes: dict[str, Any] = {}
    for name, text in settings.items():
        if name not in kinds:
            raise ConditionError(f"No setting is named {name!r}; settings are {', '.join(sorted(kinds))}.")
        try:
            changes[name] = kinds[name](text)
        except ValueError:
            kind = "whole number" if kinds[name] is int else "number"
            raise ConditionError(f"{name}={text!r} is not a {kind}.") from None
    return base.but(**changes)


def steps_of(preset: str) -> int:
    """Number of steps of a preset.

    Raises:
        ConditionError: when no preset has this name.
    """
    _one_of("preset", preset, PRESETS)
    return PRESETS[preset]


STUDY_BIAS = 0.75  # the study's example: 12 of 48 kept
STYLES_OF_THE_STUDY = ("undescriptive", "descriptive")

GRIDS: dict[str, tuple[float, ...]] = {
    "experiments": (0.0, STUDY_BIAS),
    "paper": (0.0, 0.25, 0.5, 0.75, 0.9, 1.0),
    "class": (0.0, 0.75, 1.0),
    "full": (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0),
}


def grid(name: str, base: Condition | None = None, seeds: int = 1) -> list[Condition]:
    """The conditions of a named grid: every bias with both of the study's label styles, in paired blocks.

    Args:
        name: one of `GRIDS`.
        base: what all conditions share; the defaults when absent.
        seeds: number of blocks; block *s* has data and initialisation seed *s* (on top of the base's).

    Raises:
        ConditionError: when no grid has this name, or `seeds` is below 1.
    """
    _one_of("grid", name, GRIDS)
    _whole("number of seeds", seeds, 1, 1000)
    base = base or Condition()
    return [
        base.but(bias=bias, labels=labels, data_seed=base.data_seed + seed, init_seed=base.init_seed + seed)
        for seed in range(seeds)
        for bias in GRIDS[name]
        for labels in STYLES_OF_THE_STUDY
    ]


def describe_bias(condition: Condition) -> str:
    """The bias in words, always with the counts: ``75 % removed (12 of 48 kept)``."""
    return f"{condition.bias * 100:g} % removed ({condition.n_minority} of {condition.n_per_group} kept)"


_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")


def _one_of(what: str, value: object, known: Any) -> None:
    if not isinstance(value, str) or value not in known:
        raise ConditionError(f"No {what} is named {value!r}; choose one of {', '.join(known)}.")


def _text(what: str, value: object) -> None:
    if not isinstance(value, str):
        raise ConditionError(f"The {what} is {value!r}; give it as text.")


def _whole(what: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConditionError(f"{what} is {value!r}; give a whole number from {low} to {high}.")
