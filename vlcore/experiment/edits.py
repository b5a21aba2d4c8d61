"""Edits: up to twelve changes to a biased training set, as one canonical text that travels in a
`Condition`.

They are a set and no history: order, repetition and what was taken back leave no trace, so equal
training sets that were reached in other ways are one key. Which pictures there are is asked by
`vlcore.data.training_set`, which applies them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, astuple, dataclass, fields
from functools import lru_cache
from typing import Any, ClassVar

from vlcore.experiment.captions import CaptionError, find_style, template_fields
from vlcore.experiment.errors import LabError
from vlcore.scenes import CONTEXTS, OBJECTS
from vlcore.scenes.factors import NAMES, RANGES, Scalar

MOST = 12  # changes of a training set
LONGEST = 20_000  # characters of their text, before it is read
WEIGHTS = (0.1, 20.0)
NUMBERS = 1_000  # pictures that can be drawn of the same factors
NAME_LENGTH = 200  # characters of a group or a label style


class EditError(LabError):
    """Edits that cannot be used; the message says which, and what to give."""


@dataclass(frozen=True)
class Edit:
    """A change of the training set; its fields are those of its JSON object, beside its
    ``kind``."""

    kind: ClassVar[str]

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""
        return True

    def as_json(self) -> dict[str, Any]:
        """The edit as JSON-able values, without what is as usual."""
        values = {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if getattr(self, one.name) != one.default
        }
        return {"kind": self.kind, **values}


@dataclass(frozen=True)
class OfPicture(Edit):
    """A change that names a picture by its row in the image set."""

    picture: int

    def __post_init__(self) -> None:
        _check_whole("picture", self.picture, 10**7)


@dataclass(frozen=True)
class Add(OfPicture):
    """A picture of the pool joins."""

    kind = "add"


@dataclass(frozen=True)
class Draw(Edit):
    """A picture is drawn: its object and place, some factors of the scene, and by its number all
    the others."""

    kind = "draw"
    object: str
    context: str
    number: int = 0
    factors: tuple[tuple[str, Scalar], ...] = ()  # given as a mapping too

    def __post_init__(self) -> None:
        for name, known in (("object", OBJECTS), ("context", CONTEXTS)):
            _check_name(name, getattr(self, name), known)
        _check_whole("number", self.number, NUMBERS - 1)
        try:
            given: dict[Any, Any] = dict(self.factors)
        except (TypeError, ValueError) as error:
            said = f"The factors of a drawn picture are {_cut(self.factors)}"
            raise EditError(f"{said}; give names with values.") from error
        chosen: dict[str, Scalar] = {}
        for name, value in given.items():
            if name in FACTORS:
                _check_name(name, value, FACTORS[name])
                chosen[name] = value
            elif name in RANGES:
                chosen[name] = _number(name, value, *RANGES[name], digits=3)
            else:
                raise EditError(
                    f"No factor is named {_cut(name)}; choose one of"
                    f" {', '.join([*FACTORS, *RANGES])}."
                )
        object.__setattr__(self, "factors", tuple(sorted(chosen.items())))

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | ({"factors": dict(self.factors)} if self.factors else {})


@dataclass(frozen=True)
class Remove(OfPicture):
    """A training picture leaves."""

    kind = "remove"


@dataclass(frozen=True)
class Relabel(OfPicture):
    """A training picture has the caption of another label style, or of a template."""

    kind = "caption"
    style: str
    template: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            find_style(
                self.style if isinstance(self.style, str) and len(self.style) <= NAME_LENGTH else ""
            )
            if self.style == "own":
                template_fields(self.template if isinstance(self.template, str) else "")
        except CaptionError as error:
            raise EditError(str(error)) from error
        if self.template != "" and self.style != "own":
            raise EditError(
                "A caption template is used by the label style own only; give style own with it."
            )


@dataclass(frozen=True)
class Weigh(Edit):
    """A group's training pictures count several times as much in the loss."""

    kind = "weight"
    group: str
    by: float

    def __post_init__(self) -> None:
        if not isinstance(self.group, str) or not 0 < len(self.group) <= NAME_LENGTH:
            raise EditError(f"The group of a weight is {_cut(self.group)}; give its name.")
        object.__setattr__(self, "by", _number("weight", self.by, *WEIGHTS))

    @property
    def changes(self) -> bool:
        return self.by != 1


@dataclass(frozen=True)
class Fade(Edit):
    """The background of the majority's training pictures loses a share of what sets it apart."""

    kind = "fade"
    share: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", _number("faded share", self.share, 0, 1))

    @property
    def changes(self) -> bool:
        return self.share > 0


KINDS: dict[str, type[Edit]] = {one.kind: one for one in (Add, Draw, Remove, Relabel, Weigh, Fade)}
FACTORS = {name: known for name, known in NAMES.items() if name not in ("object", "context")}


def canonical(edits: str | Iterable[Edit | Mapping[str, Any]]) -> str:
    """The text of edits, the same for all that change the same; empty where nothing changes. They
    are given as edits, as mappings, or as the JSON of these; EditError where one cannot be read,
    two contradict each other, or there are more than `MOST`."""
    if not isinstance(edits, Iterable):
        raise EditError(f"The edits are {_cut(edits)}; give a list of them.")
    kept = _kept([_edit(entry) for entry in (_entries(edits) if isinstance(edits, str) else edits)])
    if len(kept) > MOST:
        raise EditError(f"There are {len(kept):,} changes; {MOST} is the most.")
    return json.dumps([one.as_json() for one in kept], separators=(",", ":")) if kept else ""


@lru_cache(maxsize=256)
def read(text: str) -> tuple[Edit, ...]:
    """The edits of a canonical text."""
    return tuple(_edit(entry) for entry in _entries(text))


def _entries(text: str) -> list[Any]:
    if not text.strip():
        return []
    if len(text) > LONGEST:
        raise EditError(
            f"The edits have {len(text):,} characters; {MOST} changes need far fewer than"
            f" {LONGEST:,}."
        )
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EditError(
            "The edits are no JSON; give a list of objects, each with its kind."
        ) from error
    if not isinstance(entries, list):
        raise EditError("The edits are no list; give a JSON list of objects, each with its kind.")
    return entries


def _edit(entry: Any) -> Edit:
    if isinstance(entry, Edit):
        return entry
    named = entry.get("kind") if isinstance(entry, Mapping) else None
    if not isinstance(named, str) or named not in KINDS:
        raise EditError(
            f"No kind of edit is {_cut(named or entry)}; choose one of {', '.join(KINDS)}."
        )
    known, values = (
        fields(KINDS[named]),
        {name: value for name, value in entry.items() if name != "kind"},
    )
    if odd := sorted(map(str, set(values) - {one.name for one in known})):
        raise EditError(
            f"An edit {named} has no {_cut(odd[0])}; it has {', '.join(one.name for one in known)}."
        )
    if missing := [one.name for one in known if one.default is MISSING and one.name not in values]:
        raise EditError(f"An edit {named} lacks its {missing[0]}.")
    return KINDS[named](**values)


def _kept(edits: list[Edit]) -> list[Edit]:
    """Edits in their order, without repetitions, what changes nothing, and what others take
    back."""
    added, removed = (
        {one.picture for one in edits if isinstance(one, kind)} for kind in (Add, Remove)
    )
    kept: dict[tuple[Any, ...], Edit] = {}
    for one in (edit for edit in edits if edit.changes):
        alone: tuple[Any, ...] = (one.kind, *astuple(one))  # of what may be there once
        if isinstance(one, Add | Remove) and one.picture in added & removed:
            continue
        if isinstance(one, Relabel):
            if one.picture in removed:
                continue
            alone = (one.kind, one.picture)
        if isinstance(one, Weigh):
            alone = (one.kind, one.group)
        if isinstance(one, Fade):
            alone = (one.kind,)
        if kept.setdefault(alone, one) != one:
            raise EditError(
                f"There are two different edits {' '.join(map(str, alone))}; give one of them."
            )
    order = list(KINDS)
    return sorted(kept.values(), key=lambda one: (order.index(one.kind), astuple(one)))


def _check_whole(name: str, value: object, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
        raise EditError(
            f"The {name} of an edit is {_cut(value)}; give a whole number from 0 to {high:,}."
        )


def _check_name(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise EditError(f"No {name} is named {_cut(value)}; choose one of {', '.join(known)}.")


def _number(name: str, value: object, low: float, high: float, digits: int = 2) -> float:
    if (
        isinstance(value, bool) or not isinstance(value, float | int) or not low <= value <= high
    ):  # nor is NaN
        raise EditError(
            f"The {name} of an edit is {_cut(value)}; give a number from {low:g} to {high:g}."
        )
    return round(float(value), digits) + 0.0


def _cut(value: object) -> str:
    return repr(value)[:60]
