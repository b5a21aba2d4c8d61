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
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from vlcore.experiment import options
from vlcore.experiment.captions import CaptionError, captions_of, find_style, template_fields
from vlcore.experiment.edits import Edit, EditError, Relabel, Weigh, canonical, read
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import SCENES
from vlcore.scenes import RENDERER_VERSION


class ConditionError(LabError):
    """A condition that cannot be trained; the message says what to choose instead."""


@dataclass(frozen=True)
class Condition:
    """Everything that changes a result; a ConditionError when a value is outside its set, or goes
    not with another."""

    data: str = "scenes"  # name of the image set
    data_version: (
        str
        # of its pictures; left empty, that of the renderer for `scenes`, else the one there is now
    ) = ""
    bias: float = 0.0  # share of each minority group that is removed, 0 to 1
    labels: str = (
        "undescriptive"  # label style, a name that `vlcore.experiment.captions.find_style` knows
    )
    template: str = ""  # caption template of the label style ``own``, else empty
    objective: str = (
        "pairwise_bce"  # loss; also where a model or embeddings come from that were made elsewhere
    )
    negatives: str = (
        "filtered_marginal"  # distribution of the mismatched captions of ``pairwise_bce``
    )
    logit: str = "learned"  # how a cosine becomes a score in ``pairwise_bce``
    mitigation: str = "none"  # what is done against the bias
    size_mode: str = "shrink"  # what happens to the size of the training set under bias
    # Image tower: one of `ARCHITECTURES`, or a frozen network of timm such as
    # ``timm:resnet18.a1_in1k``, with ``@random`` for random weights. Of a pretrained model:
    # ``clip:`` and the checkpoint's hub name, or a folder's name with ``@`` and a digest of its
    # files. Models of older versions may have ``torchvision:`` and a network's name.
    architecture: str = "conv_stem"
    n_per_group: int = options.STUDY_N  # images of each group before any is removed
    recipe: str = "fast"  # how the loop trains
    schedule: str = "cosine"  # how its rates change
    width: int = 64  # of the towers
    embedding: int = 32  # dimensions of it
    steps: int = options.PRESETS["standard"]  # of the optimisation; 0 is the untrained encoder
    batch_size: int = 0  # left at 0, that of the recipe
    data_seed: int = 0  # which images are drawn from the pool, and which of them the bias removes
    init_seed: int = 0  # initial weights, image order and augmentation
    text: str = "transformer"  # text tower of objectives that have one
    # Changes of the biased training set, as `vlcore.experiment.edits.canonical` writes them; given
    # as anything that it reads.
    edits: str = ""

    def __post_init__(self) -> None:
        if self.data == "scenes" and not self.data_version:
            object.__setattr__(self, "data_version", str(RENDERER_VERSION))
        for name, what in _TEXTS.items():
            if not isinstance(value := getattr(self, name), str):
                raise ConditionError(f"The {what} is {value!r}; give it as text.")
        object.__setattr__(self, "labels", options.LABEL_ALIASES.get(self.labels, self.labels))
        for name, (what, known) in options.CHOICES.items():
            _check_name(what, getattr(self, name), known)
        if self.batch_size == 0:
            object.__setattr__(self, "batch_size", options.RECIPES[self.recipe].batch_size)
        if self.steps and (elsewhere := options.OBJECTIVES[self.objective].elsewhere):
            raise ConditionError(elsewhere)
        self._check_architecture()
        number = isinstance(self.bias, float | int) and not isinstance(self.bias, bool)
        if not (number and math.isfinite(self.bias) and 0 <= self.bias <= 1):
            raise ConditionError(
                f"The bias is {self.bias!r}; give the removed share as a number from 0 to 1."
            )
        object.__setattr__(
            self, "bias", round(float(self.bias), 4) + 0.0
        )  # 0 and 0.0 and -0.0 are one condition
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ConditionError(
                    f"{name} is {value!r}; give a whole number from {low} to {high}."
                )
        if self.width % 16:
            raise ConditionError(
                f"width is {self.width}; give a multiple of 16, which four heads can share."
            )
        if self.kind in _ELSEWHERE and any(
            getattr(self, name) != _FIRST[name] for name in _OF_A_TRAINING
        ):
            raise ConditionError(
                f"The objective {self.objective} has no choice of {', '.join(_OF_A_TRAINING)}."
            )
        self._check_labels()
        self._check_mitigation()
        self._check_edits()
        if not (self.data and set(self.data) <= _NAME_CHARACTERS and self.data[0] not in ".-_"):
            rule = "use lower-case letters, digits, '.', '-' and '_'"
            raise ConditionError(f"The image set name {self.data!r} is not usable; {rule}.")

    def _check_architecture(self) -> None:
        named = self.architecture if isinstance(self.architecture, str) else ""
        if options.OBJECTIVES[self.objective].kind is not options.ArtifactKind.PRETRAINED:
            if not _NETWORK.fullmatch(named):
                _check_name("architecture", self.architecture, options.ARCHITECTURES)
            objective = options.OBJECTIVES[self.objective]
            reads_captions = objective.language == "text" and objective.uses_captions
            if self.text != _FIRST["text"] and not reads_captions:
                instead = f"leave text={_FIRST['text']}"
                raise ConditionError(
                    f"The objective {self.objective} has no choice of a text tower; {instead}."
                )
        elif not _CHECKPOINT.fullmatch(named):
            instead = (
                "give clip: and the checkpoint's name, or run `python -m vlcore pretrained"
                " CHECKPOINT`"
            )
            raise ConditionError(
                f"The architecture of a pretrained model is {self.architecture!r}; {instead}."
            )

    def _check_labels(self) -> None:
        objective = options.OBJECTIVES[self.objective]
        try:
            find_style(self.labels)
            if self.labels == "own":
                template_fields(self.template)
        except CaptionError as error:
            raise ConditionError(str(error)) from error
        if self.template and self.labels != "own":
            raise ConditionError(
                "A caption template is used by the label style own only; set labels=own too."
            )
        if self.labels != (wanted := objective.labels or self.labels):
            raise ConditionError(
                f"The objective {self.objective} does not read labels; choose labels={wanted}"
                " for it."
            )
        if options.NEGATIVES[self.negatives].both:
            captions = captions_of(self.labels, SCENES, self.template)
            if not all(caption.object and caption.context for caption in captions):
                need = f"Negatives {self.negatives} need labels that name object and context"
                raise ConditionError(f"{need}; choose descriptive ones.")
        if not objective.draws_negatives and (self.negatives, self.logit) != (
            "filtered_marginal",
            "learned",
        ):
            usual = "leave negatives=filtered_marginal and logit=learned"
            raise ConditionError(
                f"The objective {self.objective} has no choice of negatives or logit; {usual}."
            )

    def _check_mitigation(self) -> None:
        if options.MITIGATIONS[self.mitigation].needs_groups and self.n_minority == 0:
            none = (
                "no training picture of a minority group is left; choose a bias below 100 % or"
                " another mitigation"
            )
            raise ConditionError(f"{self.mitigation} is not applicable: {none}.")
        objective = options.OBJECTIVES[self.objective]
        if objective.mitigations and self.mitigation not in objective.mitigations:
            why = f"{self.objective} has no labels, so no mitigation applies to it"
            if objective.kind is not options.ArtifactKind.TRAINED:
                why = (
                    f"A pretrained model is not trained here, so {self.mitigation} does not apply"
                    f" to {self.objective}"
                )
            allowed = " or ".join(f"mitigation={name}" for name in objective.mitigations)
            raise ConditionError(f"{why}; choose {allowed}.")

    def _check_edits(self) -> None:
        try:
            object.__setattr__(self, "edits", canonical(self.edits))
        except EditError as error:
            raise ConditionError(str(error)) from error
        kinds, objective = {type(one) for one in self.changes}, options.OBJECTIVES[self.objective]
        if kinds and self.kind in _ELSEWHERE:
            raise ConditionError(
                f"The objective {self.objective} trains nothing, so its training set has no edits."
            )
        if Relabel in kinds and objective.labels:
            raise ConditionError(
                f"{self.objective} reads no captions of single pictures; leave edits of captions"
                " out."
            )
        if Weigh in kinds and options.MITIGATIONS[self.mitigation].weighs:
            which = f"{self.mitigation} says itself how much a picture counts"
            raise ConditionError(f"{which}; leave edits of weights out, or choose mitigation=none.")

    @property
    def changes(self) -> tuple[Edit, ...]:
        """The edits of the training set, one by one."""
        return read(self.edits)

    @property
    def n_minority(self) -> int:
        """Images of each minority group in training, before edits."""
        return self._counts[1]

    @property
    def n_majority(self) -> int:
        """Images of each majority group in training, before edits."""
        return self._counts[0]

    @property
    def _counts(self) -> tuple[int, int]:
        return options.SIZE_MODES[self.size_mode].counts(
            self.n_per_group, round(self.n_per_group * (1 - self.bias))
        )

    @property
    def phi(self) -> float:
        """Correlation of object and context in training, ``bias / (2 - bias)`` but for the rounding
        of counts."""
        return (self.n_majority - self.n_minority) / (self.n_majority + self.n_minority)

    @property
    def kind(self) -> options.ArtifactKind:
        """Who trained the model."""
        kind = options.OBJECTIVES[self.objective].kind
        return (
            options.ArtifactKind.UNTRAINED
            if kind is options.ArtifactKind.TRAINED and self.steps == 0
            else kind
        )

    @property
    def key(self) -> str:
        """Name of the artifact: readable parts and a hash of the whole condition."""
        objective = options.OBJECTIVES[self.objective].key or self.objective
        length = "untrained" if self.steps == 0 else self.labels
        seeds = (
            f"s{self.init_seed}"
            if self.data_seed == self.init_seed
            else f"d{self.data_seed}s{self.init_seed}"
        )
        # Before the first step all recipes and schedules are one: the first.
        first = (
            self
            if self.steps
            else self.replace(recipe=_FIRST["recipe"], schedule=_FIRST["schedule"], batch_size=0)
        )
        digest = hashlib.sha256(json.dumps(first.settings, sort_keys=True).encode()).hexdigest()[:8]
        if self.kind is options.ArtifactKind.IMPORTED:
            return f"{self.data}-{objective}-{digest}"
        if self.kind is options.ArtifactKind.PRETRAINED:
            length = f"{self.labels}-{self.checkpoint.lower()[:24].rstrip('.-')}"
        if mark := options.NEGATIVES[self.negatives].key:
            objective += f"-{mark}"
        if self.mitigation != "none":
            objective += f"-{self.mitigation}"
        return f"{self.data}-b{self.bias * 100:g}-{length}-{objective}-{seeds}-{digest}"

    @property
    def checkpoint(self) -> str:
        """Short name of a pretrained model, without its owner and digest; empty of one that is
        trained here."""
        name = (
            self.architecture.removeprefix("clip:")
            if self.kind is options.ArtifactKind.PRETRAINED
            else ""
        )
        return name.rpartition("/")[2].partition("@")[0]

    @property
    def network(self) -> str:
        """Name of a frozen network of timm or torchvision, ``@random`` where its weights are; empty
        of another image tower."""
        library, _, name = self.architecture.partition(":")
        return name if library in ("timm", "torchvision") else ""

    @property
    def frozen_tower(self) -> str:
        """The architecture where its features are computed once an image and stored; empty of
        another image tower."""
        return self.architecture if self.architecture.startswith(options.FROZEN) else ""

    @property
    def preset(self) -> str:
        """Name of the preset with this number of steps, or ``custom``."""
        return next(
            (name for name, steps in options.PRESETS.items() if steps == self.steps), "custom"
        )

    def as_dict(self) -> dict[str, Any]:
        """The condition as JSON-able values, field by field; without edits where there are none."""
        return {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if name != "edits" or value
        }

    @property
    def settings(self) -> dict[str, Any]:
        """What `as_dict` has, without settings that stand as they were before there was a choice:
        later versions with more of them give the same."""
        return {name: value for name, value in self.as_dict().items() if _FIRST.get(name) != value}

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
        return self.replace(labels=labels, template="" if labels != "own" else self.template)


def from_dict(values: Mapping[str, Any]) -> Condition:
    """A condition from its `as_dict`; ConditionError on a field that no condition has, or a value
    that does not fit."""
    _check_fields(values)
    return Condition(**{**_FIRST, **values})


def with_settings(base: Condition, settings: Mapping[str, str]) -> Condition:
    """Apply ``KEY=VALUE`` settings, given as text, to a condition (the command line's ``--set``); a
    ConditionError on an unknown key or a value of the wrong kind."""
    _check_fields(settings)
    changes: dict[str, Any] = {}
    for name, text in settings.items():
        kind = type(getattr(base, name))
        try:
            changes[name] = kind(text)
        except ValueError:
            raise ConditionError(
                f"{name}={text!r} is not a {'whole ' * (kind is int)}number."
            ) from None
    return base.replace(**changes)


def _check_fields(names: Iterable[str]) -> None:
    known = {field.name for field in fields(Condition)}
    if unknown := sorted(set(names) - known):
        raise ConditionError(
            f"No setting is named {unknown[0]!r}; settings are {', '.join(sorted(known))}."
        )


def _check_name(what: str, value: object, known: Collection[str]) -> None:
    if not isinstance(value, str) or value not in known:
        offered = options.objectives_here() if known is options.OBJECTIVES else known
        raise ConditionError(f"No {what} is named {value!r}; choose one of {', '.join(offered)}.")


STUDY_BIAS = 0.75  # the study's example: 12 of 48 kept
STYLES_OF_THE_STUDY = ("undescriptive", "descriptive")
GRIDS: dict[str, tuple[float, ...]] = {
    "experiments": (0.0, STUDY_BIAS),
    "paper": (0.0, 0.25, 0.5, 0.75, 0.9, 1.0),
    "class": (0.0, 0.75, 1.0),
    "full": (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0),
}
_TEXTS = {
    "data": "name of the image set",
    "data_version": "version of the image set",
    "labels": "label style",
    "template": "caption template",
}
# Of conditions that were saved before there was a choice, whose keys stay.
_FIRST: dict[str, Any] = {
    "recipe": "classic",
    "schedule": "cosine",
    "width": 64,
    "embedding": 32,
    "edits": "",
    "text": "transformer",
}
_OF_A_TRAINING = ("schedule", "width", "embedding", "text")
_ELSEWHERE = (options.ArtifactKind.PRETRAINED, options.ArtifactKind.IMPORTED)
_SEEDS = (0, 2**31 - 1)
_RANGES = {
    "n_per_group": (2, 10_000),
    "steps": (0, options.STEPS_LIMIT),
    "batch_size": (2, 4096),
    "data_seed": _SEEDS,
    "init_seed": _SEEDS,
    "width": (16, 512),
    "embedding": (2, 512),
}
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
_CHECKPOINT = re.compile(
    r"clip:(?!.*\.\.)[A-Za-z0-9_][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95}|@[0-9a-f]{8})", re.ASCII
)
_NETWORK = re.compile(r"(timm|torchvision):(?!.*\.\.)[a-z][a-z0-9_.-]{0,79}(@random)?", re.ASCII)
