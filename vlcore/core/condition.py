"""What is trained: one frozen value that holds everything that changes a result.

The one idea: a `Condition` is the only thing that travels. Pages, commands, studies and links make one, its `key`
names the artefact on disk, and everything else is derived from it; two equal conditions are one training.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from vlcore.core.captions import CaptionError, captions_of, find_style, template_fields
from vlcore.core.errors import LabError
from vlcore.core.grouping import SCENES
from vlcore.core.options import (
    ARCHITECTURES,
    LOGITS,
    MITIGATIONS,
    NEGATIVES,
    OBJECTIVES,
    PRESETS,
    SIZE_MODES,
    STEPS_LIMIT,
    STUDY_N,
    ArtefactKind,
    objectives_here,
)
from vlcore.scenes import RENDERER_VERSION

_CHECKPOINT = re.compile(r"clip:(?!.*\.\.)[A-Za-z0-9_][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95}|@[0-9a-f]{8})", re.ASCII)
_BACKBONE = re.compile(r"torchvision:[a-z][a-z0-9_]{0,39}(@random)?", re.ASCII)


class ConditionError(LabError):
    """A condition that cannot be trained; the message says what to choose instead."""


@dataclass(frozen=True)
class Condition:
    """Everything that changes a result.

    Attributes:
        data: name of the image set.
        data_version: version of its pictures; for `scenes`, left empty, that of the renderer.
        bias: share of each minority group that is removed, 0 to 1.
        labels: label style, a name that `vlcore.core.captions.find_style` knows.
        template: caption template of the label style ``own``, else empty.
        objective: loss, one of `OBJECTIVES`; also where a model or embeddings come from that were made elsewhere.
        negatives: distribution of the mismatched captions of ``pairwise_bce``, one of `NEGATIVES`.
        logit: how a cosine becomes a score in ``pairwise_bce``, one of `LOGITS`.
        mitigation: what is done against the bias, one of `MITIGATIONS`.
        size_mode: what happens to the size of the training set under bias, one of `SIZE_MODES`.
        architecture: image tower, one of `ARCHITECTURES`, or a frozen network of torchvision such as
            ``torchvision:resnet18``, with ``@random`` for random weights; of a pretrained model ``clip:`` and the
            checkpoint's name, a hub name or a folder's name with ``@`` and a digest of its files.
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
    template: str = ""
    objective: str = "pairwise_bce"
    negatives: str = "filtered_marginal"
    logit: str = "learned"
    mitigation: str = "none"
    size_mode: str = "shrink"
    architecture: str = "conv_stem"
    n_per_group: int = STUDY_N
    steps: int = PRESETS["standard"]
    batch_size: int = 128
    data_seed: int = 0
    init_seed: int = 0

    def __post_init__(self) -> None:
        if self.data == "scenes" and not self.data_version:
            object.__setattr__(self, "data_version", str(RENDERER_VERSION))
        _text("label style", self.labels)
        _text("caption template", self.template)
        _one_of("objective", self.objective, OBJECTIVES, objectives_here())
        if self.steps and (elsewhere := OBJECTIVES[self.objective].elsewhere):
            raise ConditionError(elsewhere)
        _one_of("choice of negatives", self.negatives, NEGATIVES)
        _one_of("logit", self.logit, LOGITS)
        _one_of("mitigation", self.mitigation, MITIGATIONS)
        _one_of("size mode", self.size_mode, SIZE_MODES)
        self._check_architecture()
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
        self._check_labels()
        self._check_mitigation()
        if not (self.data and set(self.data) <= _NAME_CHARACTERS and self.data[0] not in ".-_"):
            raise ConditionError(
                f"The image set name {self.data!r} is not usable; use lower-case letters, digits, '.', '-' and '_'."
            )

    def _check_architecture(self) -> None:
        if OBJECTIVES[self.objective].kind is not ArtefactKind.PRETRAINED:
            if not (isinstance(self.architecture, str) and _BACKBONE.fullmatch(self.architecture)):
                _one_of("architecture", self.architecture, ARCHITECTURES)
        elif not isinstance(self.architecture, str) or not _CHECKPOINT.fullmatch(self.architecture):
            raise ConditionError(
                f"The architecture of a pretrained model is {self.architecture!r}; give clip: and the checkpoint's "
                "name, or run `python -m vlcore pretrained CHECKPOINT`."
            )

    def _check_labels(self) -> None:
        objective = OBJECTIVES[self.objective]
        try:
            find_style(self.labels)
            if self.labels == "own":
                template_fields(self.template)
        except CaptionError as error:
            raise ConditionError(str(error)) from error
        if self.template and self.labels != "own":
            raise ConditionError("A caption template is used by the label style own only; set labels=own too.")
        wanted = objective.labels or self.labels
        if self.labels != wanted:
            raise ConditionError(f"The objective {self.objective} does not read labels; choose labels={wanted} for it.")
        if NEGATIVES[self.negatives].both:
            said = captions_of(self.labels, SCENES, self.template)
            if not all(caption.object and caption.context for caption in said):
                raise ConditionError(
                    "Counterfactual negatives need labels that name object and context; choose descriptive ones."
                )
        if not objective.draws_negatives and (self.negatives, self.logit) != ("filtered_marginal", "learned"):
            raise ConditionError(
                f"The objective {self.objective} has no choice of negatives or logit; leave "
                "negatives=filtered_marginal and logit=learned."
            )

    def _check_mitigation(self) -> None:
        if MITIGATIONS[self.mitigation].needs_groups and self.n_minority == 0:
            raise ConditionError(
                f"{self.mitigation} is not applicable: no training picture of a minority group is left; choose a bias "
                "below 100 % or another mitigation."
            )
        objective = OBJECTIVES[self.objective]
        if objective.mitigations and self.mitigation not in objective.mitigations:
            why = f"{self.objective} has no labels, so no mitigation applies to it"
            if not objective.trains_here:
                why = f"A pretrained model is not trained here, so {self.mitigation} does not apply to {self.objective}"
            allowed = " or ".join(f"mitigation={name}" for name in objective.mitigations)
            raise ConditionError(f"{why}; choose {allowed}.")

    @property
    def n_minority(self) -> int:
        """Images of each minority group in training, by `vlcore.core.options.SizeMode.counts`."""
        return self._counts[1]

    @property
    def n_majority(self) -> int:
        """Images of each majority group in training, by `vlcore.core.options.SizeMode.counts`."""
        return self._counts[0]

    @property
    def _counts(self) -> tuple[int, int]:
        kept = round(self.n_per_group * (1 - self.bias))
        return SIZE_MODES[self.size_mode].counts(self.n_per_group, kept)

    @property
    def phi(self) -> float:
        """Correlation of object and context in training, ``bias / (2 - bias)`` up to rounding; 0 to 1.

        Computed from the counts, as ``(n_majority - n_minority) / (n_majority + n_minority)``.
        """
        return (self.n_majority - self.n_minority) / (self.n_majority + self.n_minority)

    @property
    def kind(self) -> ArtefactKind:
        """Who trained the model."""
        kind = OBJECTIVES[self.objective].kind
        return ArtefactKind.UNTRAINED if kind is ArtefactKind.TRAINED and self.steps == 0 else kind

    @property
    def key(self) -> str:
        """Name of the artefact: readable parts and a hash of the whole condition."""
        objective = OBJECTIVES[self.objective].key or self.objective
        length = "untrained" if self.steps == 0 else self.labels
        seeds = f"s{self.init_seed}" if self.data_seed == self.init_seed else f"d{self.data_seed}s{self.init_seed}"
        digest = hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:8]
        if self.kind is ArtefactKind.IMPORTED:
            return f"{self.data}-{objective}-{digest}"
        if self.kind is ArtefactKind.PRETRAINED:
            length = f"{self.labels}-{self.checkpoint.lower()[:24].rstrip('.-')}"
        if mark := NEGATIVES[self.negatives].key:
            objective += f"-{mark}"
        if self.mitigation != "none":
            objective += f"-{self.mitigation}"
        return f"{self.data}-b{self.bias * 100:g}-{length}-{objective}-{seeds}-{digest}"

    @property
    def checkpoint(self) -> str:
        """Short name of a pretrained model, without its owner and digest; empty of one that is trained here."""
        name = self.architecture.removeprefix("clip:") if self.kind is ArtefactKind.PRETRAINED else ""
        return name.rpartition("/")[2].partition("@")[0]

    @property
    def backbone(self) -> str:
        """Name of a frozen torchvision network, ``@random`` where its weights are; empty of another image tower."""
        name = self.architecture
        return name.removeprefix("torchvision:") if name.startswith("torchvision:") else ""

    @property
    def preset(self) -> str:
        """Name of the preset with this number of steps, or ``custom``."""
        return next((name for name, steps in PRESETS.items() if steps == self.steps), "custom")

    def as_dict(self) -> dict[str, Any]:
        """The condition as JSON-able values, field by field."""
        return dataclasses.asdict(self)

    def replace(self, **changes: Any) -> Condition:
        """The same condition with some fields changed."""
        return dataclasses.replace(self, **changes)

    @property
    def untrained(self) -> Condition:
        """The same encoder before the first step."""
        return self.replace(steps=0)

    def with_labels(self, labels: str) -> Condition:
        """The same recipe with another label style."""
        return self.replace(labels=labels, template="" if labels != "own" else self.template)


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
    return base.replace(**changes)


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


def describe_bias(condition: Condition) -> str:
    """The bias in words, always with the counts: ``75 % removed (12 of 48 kept)``."""
    return SIZE_MODES[condition.size_mode].bias.format(
        share=f"{condition.bias * 100:g} % removed",
        majority=condition.n_majority,
        minority=condition.n_minority,
        n=condition.n_per_group,
    )


_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")


def _one_of(what: str, value: object, known: Collection[str], offered: Collection[str] = ()) -> None:
    if not isinstance(value, str) or value not in known:
        raise ConditionError(f"No {what} is named {value!r}; choose one of {', '.join(offered or known)}.")


def _text(what: str, value: object) -> None:
    if not isinstance(value, str):
        raise ConditionError(f"The {what} is {value!r}; give it as text.")


def _whole(what: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConditionError(f"{what} is {value!r}; give a whole number from {low} to {high}.")
