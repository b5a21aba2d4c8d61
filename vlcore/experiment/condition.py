"""Condition: one frozen value that holds everything that changes a result.

Pages, commands, studies and links make one, and its `key` names the artifact: equal conditions are
one training.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

from vlcore.experiment import options
from vlcore.experiment.edits import Edit, EditError, canonical_edits, read_edits
from vlcore.experiment.errors import LabError
from vlcore.experiment.options import CHOICES, ArtifactKind, shown_name, stored_names
from vlcore.experiment.templates import CaptionError, template_fields
from vlcore.scenes import RENDERER_VERSION

STUDY_BIAS = 0.75  # the study's example: 12 of 48 kept
STYLES_OF_THE_STUDY = ("undescriptive", "descriptive")
GRIDS: dict[str, tuple[float, ...]] = {
    "experiments": (0.0, STUDY_BIAS),
    "paper": (0.0, 0.25, 0.5, 0.75, 0.9, 1.0),
    "class": (0.0, 0.75, 1.0),
}
# Values that a setting had before there was a choice of it. A key leaves such a value out of what
# it hashes, and stored conditions leave it out: without an entry here every key would change.
LEFT_OUT_OF_KEY: dict[str, Any] = {
    "recipe": "classic",
    "width": 64,
    "embedding": 32,
    "edits": "",
    "text": "transformer",
}
# Settings that had a choice in version 0.6, with the value of all models that still open. Keys hash
# the first two, and stored conditions name all three.
_FORMER_CHOICES = {"logit": "learned", "size_mode": "shrink", "schedule": "cosine"}
_TEXTS = {
    "data": "name of the image set",
    "data_version": "version of the image set",
    "template": "caption template",
}
_USUAL_NEGATIVES = "filtered_marginal"
_SEEDS = (0, 2**31 - 1)
_RANGES = {
    "n_per_group": (2, 10_000),
    "steps": (0, 100_000),
    "batch_size": (2, 4096),
    "data_seed": _SEEDS,
    "init_seed": _SEEDS,
    "width": (16, 512),
    "embedding": (2, 512),
}
_TRAINING_SETTINGS = ("width", "embedding", "text")
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
_CHECKPOINT = re.compile(
    r"clip:(?!.*\.\.)[A-Za-z0-9_][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95}|@[0-9a-f]{8})", re.ASCII
)
_NETWORK = re.compile(
    r"timm:(?!.*\.\.)[a-z][a-z0-9_.-]{0,79}(@random)?"
    r"|own:[a-z0-9-]{1,30}-[0-9]{1,5}-[0-9a-f]{8}",
    re.ASCII,
)


class ConditionError(LabError):
    """A condition that cannot be trained; the message says what to choose instead."""


@dataclass(frozen=True)
class Condition:
    """Everything that changes a result.

    An option may be given by the name that pages show, such as ``negatives="matched-only"``; its
    field has the stored name then, here ``none``.

    Raises:
        ConditionError: A value is outside its set, or does not go with another.
    """

    data: str = "scenes"  # name of the image set
    # Version of its images; left empty, that of the renderer for `scenes`, else the current one.
    data_version: str = ""
    bias: float = 0.0  # share of each minority group that is removed, 0 to 1
    labels: str = "undescriptive"  # label style
    template: str = ""  # caption template of the label style ``own``, else empty
    objective: str = "pairwise_bce"  # loss; also the origin of a model that was made elsewhere
    # Distribution of the mismatched captions of ``pairwise_bce``.
    negatives: str = _USUAL_NEGATIVES
    mitigation: str = "none"  # what is done against the bias
    # Image tower: one of `ARCHITECTURES`, or a frozen network of timm such as
    # ``timm:resnet18.a1_in1k``, with ``@random`` for random weights, or ``own:`` and the name of
    # features that were imported with the images. Of a pretrained model:
    # ``clip:`` and the checkpoint's hub name, or a folder's name with ``@`` and a digest of its
    # files.
    architecture: str = "conv_stem"
    n_per_group: int = options.STUDY_N  # images of each group before any is removed
    recipe: str = "fast"  # how the loop trains
    width: int = 64  # of the towers
    embedding: int = 32  # its dimensions
    steps: int = options.PRESETS["standard"]  # of the optimisation; 0 is the untrained encoder
    batch_size: int = 0  # left at 0, that of the recipe
    data_seed: int = 0  # which images are drawn from the pool, and which of them the bias removes
    init_seed: int = 0  # initial weights, image order and augmentation
    text: str = "transformer"  # text tower of objectives that have one
    # Changes of the biased training set, as `canonical_edits` writes them; given as anything that
    # it reads.
    edits: str = ""

    def __post_init__(self) -> None:
        if self.data == "scenes" and not self.data_version:
            self._set("data_version", str(RENDERER_VERSION))
        for name, title in _TEXTS.items():
            if not isinstance(value := getattr(self, name), str):
                raise ConditionError(f"The {title} is {value!r}; give it as text.")
        for name in CHOICES:
            if isinstance(value := getattr(self, name), str):
                self._set(name, stored_names(name).get(value, value))
            if name != "architecture":
                _check_name(name, getattr(self, name))
        if self.batch_size == 0:
            self._set("batch_size", options.RECIPES[self.recipe].batch_size)
        if self.steps and self._objective.elsewhere:
            raise ConditionError(self._objective.elsewhere)
        self._check_architecture()
        self._check_numbers()
        changed = [
            name for name in _TRAINING_SETTINGS if getattr(self, name) != LEFT_OUT_OF_KEY[name]
        ]
        if changed and self.kind is ArtifactKind.PRETRAINED:
            raise ConditionError(
                f"The objective {self._loss} has no choice of {', '.join(_TRAINING_SETTINGS)}."
            )
        self._check_labels()
        self._check_negatives()
        self._check_mitigation()
        self._check_edits()
        if not (self.data and set(self.data) <= _NAME_CHARACTERS and self.data[0] not in ".-_"):
            rule = "use lower-case letters, digits, '.', '-' and '_'"
            raise ConditionError(f"The image set name {self.data!r} is not usable; {rule}.")

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def _objective(self) -> options.Objective:
        return options.OBJECTIVES[self.objective]

    @property
    def _loss(self) -> str:
        return shown_name("objective", self.objective)

    def _check_architecture(self) -> None:
        name = self.architecture if isinstance(self.architecture, str) else ""
        if self._objective.kind is ArtifactKind.PRETRAINED:
            if not _CHECKPOINT.fullmatch(name):
                raise ConditionError(
                    f"The architecture of a pretrained model is {self.architecture!r}; give clip:"
                    " and the checkpoint's name, or run `python -m vlcore pretrained CHECKPOINT`."
                )
            return
        if not _NETWORK.fullmatch(name):
            _check_name("architecture", self.architecture)
        has_text_tower = self._objective.language == "text" and self._objective.uses_captions
        usual = LEFT_OUT_OF_KEY["text"]
        if self.text != usual and not has_text_tower:
            raise ConditionError(
                f"The objective {self._loss} does not use another text encoder; leave text={usual}."
            )

    def _check_numbers(self) -> None:
        bias: object = self.bias  # also a number of numpy, as tables and `arange` give them
        is_number = isinstance(bias, Real) and not isinstance(bias, bool)
        if not (is_number and math.isfinite(self.bias) and 0 <= self.bias <= 1):
            raise ConditionError(
                f"The bias is {self.bias!r}; give the removed share as a number from 0 to 1."
            )
        self._set("bias", round(float(self.bias), 4) + 0.0)  # 0, 0.0 and -0.0 are one condition
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            is_whole = isinstance(value, Integral) and not isinstance(value, bool)
            if not (is_whole and low <= value <= high):
                raise ConditionError(
                    f"{name} is {value!r}; give a whole number from {low} to {high}."
                )
            self._set(name, int(value))
        if self.width % 16:
            raise ConditionError(
                f"width is {self.width}; give a multiple of 16, which four heads can share."
            )

    def _check_labels(self) -> None:
        try:
            if self.labels == "own":
                template_fields(self.template)
        except CaptionError as error:
            raise ConditionError(str(error)) from error
        if self.template and self.labels != "own":
            raise ConditionError(
                "A caption template is used by the caption style own only; set labels=own too."
            )
        wanted = self._objective.labels or self.labels
        if self.labels != wanted:
            raise ConditionError(
                f"The objective {self._loss} does not read captions; choose"
                f" labels={shown_name('labels', wanted)} for it."
            )

    def _check_negatives(self) -> None:
        usual = _USUAL_NEGATIVES
        if self.negatives != usual and not self._objective.draws_negatives:
            raise ConditionError(
                f"The objective {self._loss} has no choice of negatives; leave"
                f" negatives={shown_name('negatives', usual)}."
            )

    def _check_mitigation(self) -> None:
        if options.MITIGATIONS[self.mitigation].needs_groups and self.n_minority == 0:
            raise ConditionError(
                f"{self.mitigation} is not applicable, because no rare training image"
                " is left; choose a bias below 100% or another mitigation."
            )
        allowed = self._objective.mitigations
        if not allowed or self.mitigation in allowed:
            return
        if self._objective.kind is ArtifactKind.TRAINED:
            why = f"{self._loss} has no labels, so no mitigation applies to it"
        else:
            why = (
                f"A pretrained model is not trained here, so {self.mitigation} does not apply to"
                f" {self._loss}"
            )
        instead = " or ".join(f"mitigation={name}" for name in allowed)
        raise ConditionError(f"{why}; choose {instead}.")

    def _check_edits(self) -> None:
        try:
            self._set("edits", canonical_edits(self.edits))
        except EditError as error:
            raise ConditionError(str(error)) from error
        if self.edits and self.kind is ArtifactKind.PRETRAINED:
            raise ConditionError(
                f"The objective {self._loss} trains nothing, so its training set has no edits."
            )

    @property
    def changes(self) -> tuple[Edit, ...]:
        """The edits of the training set, one by one."""
        return read_edits(self.edits)

    @property
    def n_minority(self) -> int:
        """Images of each minority group in training, before edits."""
        return round(self.n_per_group * (1 - self.bias))

    @property
    def kind(self) -> ArtifactKind:
        """Who trained the model."""
        if self._objective.kind is ArtifactKind.TRAINED and self.steps == 0:
            return ArtifactKind.UNTRAINED
        return self._objective.kind

    @property
    def key(self) -> str:
        """Name of the artifact: readable parts and a hash of the whole condition."""
        hashed = self
        if self.steps == 0:  # before the first step all recipes are one
            hashed = self.replace(recipe=LEFT_OUT_OF_KEY["recipe"], batch_size=0)
        former = {name: _FORMER_CHOICES[name] for name in ("logit", "size_mode")}
        text = json.dumps(hashed.settings | former, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        model = self._objective.key or self.objective
        if self.negatives == "none":
            model += "-positives"
        if self.mitigation != "none":
            model += f"-{self.mitigation}"
        labels = self.labels
        if self.kind is ArtifactKind.PRETRAINED:
            labels += f"-{self.checkpoint.lower()[:24].rstrip('.-')}"
        elif self.steps == 0:
            labels = "untrained"
        seeds = f"s{self.init_seed}"
        if self.data_seed != self.init_seed:
            seeds = f"d{self.data_seed}{seeds}"
        return f"{self.data}-b{self.bias * 100:g}-{labels}-{model}-{seeds}-{digest}"

    @property
    def checkpoint(self) -> str:
        """Short name of a pretrained model, without its owner and digest; empty for one that is
        trained here."""
        if self.kind is not ArtifactKind.PRETRAINED:
            return ""
        name = self.architecture.removeprefix("clip:")
        return name.rpartition("/")[2].partition("@")[0]

    @property
    def frozen_tower(self) -> str:
        """The architecture where its features are computed once an image and stored; empty for
        another image tower."""
        return self.architecture if self.architecture.startswith(options.FROZEN) else ""

    @property
    def preset(self) -> str:
        """Name of the preset with this number of steps, or ``custom``."""
        names = {steps: name for name, steps in options.PRESETS.items()}
        return names.get(self.steps, "custom")

    def as_dict(self) -> dict[str, Any]:
        """The condition as JSON-able values, field by field; without edits where there are none."""
        values = dataclasses.asdict(self)
        if not self.edits:
            del values["edits"]
        return values

    @property
    def settings(self) -> dict[str, Any]:
        """The values of `as_dict`, without settings that are as they were before there was a
        choice: later versions with more settings return the same."""
        return {
            name: value
            for name, value in self.as_dict().items()
            if LEFT_OUT_OF_KEY.get(name) != value
        }

    def replace(self, **changes: Any) -> Condition:
        """The same condition with some fields changed; another image set without a version has none
        yet, and another recipe without a batch size has its own."""
        for name, follower, usual in (("data", "data_version", ""), ("recipe", "batch_size", 0)):
            if changes.get(name, getattr(self, name)) != getattr(self, name):
                changes.setdefault(follower, usual)
        return dataclasses.replace(self, **changes)

    @property
    def untrained(self) -> Condition:
        """The same encoder before the first step."""
        return self.replace(steps=0)

    def with_towers(self, name: str) -> Condition:
        """The same condition on a pair of towers, one of `vlcore.experiment.options.TOWERS`."""
        return self.replace(**options.TOWERS[name])

    def with_labels(self, labels: str) -> Condition:
        """The same recipe with another label style."""
        return self.replace(labels=labels, template=self.template if labels == "own" else "")


def from_dict(values: Mapping[str, Any]) -> Condition:
    """A condition from its `as_dict`; ConditionError for a field that no condition has, or a value
    that does not fit."""
    for name, value in _FORMER_CHOICES.items():
        if values.get(name, value) != value:
            raise ConditionError(
                f"This version cannot read {name}={values[name]!r}; use version 0.6 for it."
            )
    values = {name: value for name, value in values.items() if name not in _FORMER_CHOICES}
    _check_fields(values)
    return Condition(**values)


def with_settings(base: Condition, settings: Mapping[str, str]) -> Condition:
    """Apply ``KEY=VALUE`` settings, given as text, to a condition (the command line's ``--set``);
    ConditionError for an unknown key or a value of the wrong kind."""
    _check_fields(settings)
    changes: dict[str, Any] = {}
    for name, text in settings.items():
        kind = type(getattr(base, name))
        try:
            changes[name] = kind(text)
        except ValueError:
            number = "whole number" if kind is int else "number"
            raise ConditionError(f"{name}={text!r} is not a {number}.") from None
    return base.replace(**changes)


def _check_fields(names: Iterable[str]) -> None:
    known = {field.name for field in fields(Condition)}
    if unknown := sorted(set(names) - known):
        raise ConditionError(
            f"No setting is named {unknown[0]!r}; settings are {', '.join(sorted(known))}."
        )


def _check_name(field: str, value: object) -> None:
    title, values = CHOICES[field]
    if not isinstance(value, str) or value not in values:
        offered: Iterable[str] = values
        if field == "objective":
            offered = options.objectives_here()
        elif field == "labels":
            offered = options.style_names()
        names = ", ".join(shown_name(field, name) for name in offered)
        raise ConditionError(f"No {title} is named {value!r}; choose one of {names}.")
