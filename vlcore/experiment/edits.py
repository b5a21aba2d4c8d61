"""Edits: up to twelve changes to a biased training set, as one canonical text that travels in a
`Condition`.

They are a set and no history: order, repetition and what was undone leave no trace, so equal
training sets that were reached in other ways are one key. `vlcore.data.training_set` applies them
and checks that the images exist."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral
from typing import Any, ClassVar

from vlcore.experiment.errors import LabError

MOST = 12  # changes of a training set
LONGEST = 20_000  # characters of their text, before it is read
_LAST_ROW = 10**7


class EditError(LabError):
    """Edits that cannot be used; the message says which, and what to give."""


@dataclass(frozen=True)
class Edit:
    """A change of the training set by one image, which is named by its row in the image set."""

    kind: ClassVar[str]
    picture: int

    def __post_init__(self) -> None:
        row: Any = self.picture  # also a number of numpy, as tables give them
        is_whole = isinstance(row, Integral) and not isinstance(row, bool)
        if not is_whole or not 0 <= row <= _LAST_ROW:
            raise EditError(
                f"The picture of an edit is {_cut(row)}; give a whole number from 0 to"
                f" {_LAST_ROW:,}."
            )
        object.__setattr__(self, "picture", int(row))

    def as_json(self) -> dict[str, Any]:
        """Return the edit as JSON-able values."""
        return {"kind": self.kind, "picture": self.picture}


class Add(Edit):
    """An image of the pool joins."""

    kind = "add"


class Remove(Edit):
    """A training image leaves."""

    kind = "remove"


KINDS: dict[str, type[Edit]] = {edit.kind: edit for edit in (Add, Remove)}


def canonical_edits(edits: str | Iterable[Edit | Mapping[str, Any]]) -> str:
    """Return the text of edits, the same for all that change the same; empty where nothing changes.

    Args:
        edits: Edits, mappings, or the JSON of these.

    Raises:
        EditError: One cannot be read, or there are more than `MOST`.
    """
    if not isinstance(edits, Iterable):
        raise EditError(f"The edits are {_cut(edits)}; give a list of them.")
    entries = _entries(edits) if isinstance(edits, str) else edits
    unique = {_edit(entry) for entry in entries}
    added = {edit.picture for edit in unique if isinstance(edit, Add)}
    removed = {edit.picture for edit in unique if isinstance(edit, Remove)}
    effective = [edit for edit in unique if edit.picture not in added & removed]
    if len(effective) > MOST:
        raise EditError(f"There are {len(effective):,} changes; {MOST} is the most.")
    if not effective:
        return ""
    effective.sort(key=lambda edit: (edit.kind, edit.picture))
    return json.dumps([edit.as_json() for edit in effective], separators=(",", ":"))


@lru_cache(maxsize=256)
def read_edits(text: str) -> tuple[Edit, ...]:
    """Return the edits of a canonical text."""
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
    if set(entry) != {"kind", "picture"}:
        raise EditError(f"An edit {kind} has a kind and a picture alone; give these two.")
    return KINDS[kind](entry["picture"])


def _cut(value: object) -> str:
    return repr(value)[:60]
