"""Edits: up to twelve changes to a biased training set, as one canonical text that travels in a
`Condition`.

They are a set and no history: order, repetition and what was undone leave no trace, so equal
training sets that were reached in other ways are one key. `vlcore.data.training_set` applies them
and checks that the images exist."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, astuple, dataclass, fields
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, ClassVar

from vlcore.experiment.captions import CaptionError, find_style, fixed_fields
from vlcore.experiment.errors import LabError
from vlcore.experiment.option_names import stored_name
from vlcore.scenes import CONTEXTS, OBJECTS
from vlcore.scenes.factors import NAMES, RANGES, Scalar

MOST = 12  # changes of a training set
LONGEST = 20_000  # characters of their text, before it is read
WEIGHTS = (0.1, 20.0)
NUMBERS = 1_000  # images that can be drawn with the same factors
NAME_LENGTH = 200  # characters of a group or a label style


class EditError(LabError):
    """Edits that cannot be used; the message says which, and what to give."""


@dataclass(frozen=True)
class Edit:
    """A change of the training set; its JSON object has its fields and its ``kind``."""

    kind: ClassVar[str]

    @property
    def has_effect(self) -> bool:
        """Whether it changes anything."""
        return True

    @property
    def subject(self) -> tuple[Any, ...]:
        """What the edit is about: of one subject, a list has one edit."""
        return astuple(self)

    def as_json(self) -> dict[str, Any]:
        """The edit as JSON-able values, without defaults."""
        document: dict[str, Any] = {"kind": self.kind}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                document[field.name] = value
        return document


@dataclass(frozen=True)
class ImageEdit(Edit):
    """A change that names an image by its row in the image set."""

    picture: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "picture", _whole("picture", self.picture, 10**7))


@dataclass(frozen=True)
class Add(ImageEdit):
    """An image of the pool joins."""

    kind = "add"


@dataclass(frozen=True)
class Draw(Edit):
    """An image is drawn: with its object and context, some factors of the scene, and by its number
    all the others."""

    kind = "draw"
    object: str
    context: str
    number: int = 0
    factors: tuple[tuple[str, Scalar], ...] = ()  # given as a mapping too

    def __post_init__(self) -> None:
        for name, known in (("object", OBJECTS), ("context", CONTEXTS)):
            _check_name(name, getattr(self, name), known)
        object.__setattr__(self, "number", _whole("number", self.number, NUMBERS - 1))
        try:
            factors: dict[Any, Any] = dict(self.factors)
        except (TypeError, ValueError) as error:
            raise EditError(
                f"The factors of a drawn image are {_cut(self.factors)}; give names with values."
            ) from error
        checked: dict[str, Scalar] = {}
        for name, value in factors.items():
            if name in FACTORS:
                _check_name(name, value, FACTORS[name])
                checked[name] = value
            elif name in RANGES:
                checked[name] = _number(name, value, *RANGES[name], digits=3)
            else:
                names = ", ".join([*FACTORS, *RANGES])
                raise EditError(f"No factor is named {_cut(name)}; choose one of {names}.")
        object.__setattr__(self, "factors", tuple(sorted(checked.items())))

    def as_json(self) -> dict[str, Any]:
        document = super().as_json()
        if self.factors:
            document["factors"] = dict(self.factors)
        return document


@dataclass(frozen=True)
class Remove(ImageEdit):
    """A training image leaves."""

    kind = "remove"


@dataclass(frozen=True)
class Relabel(ImageEdit):
    """A training image has the caption of another label style, or of a template."""

    kind = "caption"
    style: str  # as `labels` of a condition
    template: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        is_name = isinstance(self.style, str) and len(self.style) <= NAME_LENGTH
        if is_name:
            object.__setattr__(self, "style", stored_name("labels", self.style))
        try:
            find_style(self.style if is_name else "")
            if self.style == "own":
                fixed_fields(self.template if isinstance(self.template, str) else "")
        except CaptionError as error:
            raise EditError(str(error)) from error
        if self.template != "" and self.style != "own":
            raise EditError(
                "A caption template is used by the label style own only; give style own with it."
            )

    @property
    def subject(self) -> tuple[Any, ...]:
        return (self.picture,)


@dataclass(frozen=True)
class Weigh(Edit):
    """A group's training images count several times as much in the loss."""

    kind = "weight"
    group: str
    by: float

    def __post_init__(self) -> None:
        if not isinstance(self.group, str) or not 0 < len(self.group) <= NAME_LENGTH:
            raise EditError(f"The group of a weight is {_cut(self.group)}; give its name.")
        object.__setattr__(self, "by", _number("weight", self.by, *WEIGHTS))

    @property
    def has_effect(self) -> bool:
        return self.by != 1

    @property
    def subject(self) -> tuple[Any, ...]:
        return (self.group,)


@dataclass(frozen=True)
class Fade(Edit):
    """The background of the majority's training images loses a share of what sets it apart."""

    kind = "fade"
    share: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", _number("faded share", self.share, 0, 1))

    @property
    def has_effect(self) -> bool:
        return self.share > 0

    @property
    def subject(self) -> tuple[Any, ...]:
        return ()


KINDS: dict[str, type[Edit]] = {
    edit.kind: edit for edit in (Add, Draw, Remove, Relabel, Weigh, Fade)
}
FACTORS = {name: known for name, known in NAMES.items() if name not in ("object", "context")}


def canonical_edits(edits: str | Iterable[Edit | Mapping[str, Any]]) -> str:
    """The text of edits, the same for all that change the same; empty where nothing changes.

    Args:
        edits: Edits, mappings, or the JSON of these.

    Raises:
        EditError: One cannot be read, two contradict each other, or there are more than `MOST`.
    """
    if not isinstance(edits, Iterable):
        raise EditError(f"The edits are {_cut(edits)}; give a list of them.")
    entries = _entries(edits) if isinstance(edits, str) else edits
    effective = _effective([_edit(entry) for entry in entries])
    if len(effective) > MOST:
        raise EditError(f"There are {len(effective):,} changes; {MOST} is the most.")
    if not effective:
        return ""
    return json.dumps([edit.as_json() for edit in effective], separators=(",", ":"))


@lru_cache(maxsize=256)
def read_edits(text: str) -> tuple[Edit, ...]:
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
    kind = entry.get("kind") if isinstance(entry, Mapping) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise EditError(
            f"No kind of edit is {_cut(kind or entry)}; choose one of {', '.join(KINDS)}."
        )
    values = {name: value for name, value in entry.items() if name != "kind"}
    names = [field.name for field in fields(KINDS[kind])]
    if unknown := sorted(map(str, set(values) - set(names))):
        raise EditError(f"An edit {kind} has no {_cut(unknown[0])}; it has {', '.join(names)}.")
    required = [field.name for field in fields(KINDS[kind]) if field.default is MISSING]
    if missing := [name for name in required if name not in values]:
        raise EditError(f"An edit {kind} lacks its {missing[0]}.")
    return KINDS[kind](**values)


def _effective(edits: list[Edit]) -> list[Edit]:
    """Edits in their order, without repetitions, without those that change nothing and those that
    others undo."""
    added = {edit.picture for edit in edits if isinstance(edit, Add)}
    removed = {edit.picture for edit in edits if isinstance(edit, Remove)}
    by_subject: dict[tuple[Any, ...], Edit] = {}
    for edit in edits:
        undone = (isinstance(edit, Add | Remove) and edit.picture in added & removed) or (
            isinstance(edit, Relabel) and edit.picture in removed
        )
        if undone or not edit.has_effect:
            continue
        subject = (edit.kind, *edit.subject)
        if by_subject.setdefault(subject, edit) != edit:
            words = " ".join(map(str, subject))
            raise EditError(f"There are two different edits {words}; give one of them.")
    order = list(KINDS)
    return sorted(by_subject.values(), key=lambda edit: (order.index(edit.kind), astuple(edit)))


def _whole(name: str, value: Any, high: int) -> int:
    # Also a number of numpy, as tables give them.
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if is_whole and 0 <= value <= high:
        return int(value)
    raise EditError(
        f"The {name} of an edit is {_cut(value)}; give a whole number from 0 to {high:,}."
    )


def _check_name(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise EditError(f"No {name} is named {_cut(value)}; choose one of {', '.join(known)}.")


def _number(name: str, value: Any, low: float, high: float, digits: int = 2) -> float:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if is_number and low <= value <= high:  # NaN is in no range
        return round(float(value), digits) + 0.0
    raise EditError(
        f"The {name} of an edit is {_cut(value)}; give a number from {low:g} to {high:g}."
    )


def _cut(value: object) -> str:
    return repr(value)[:60]
