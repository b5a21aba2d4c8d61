"""What a source holds: one row a picture, with the names of its object and its context.

The one idea: readers of formats return rows as they found them; here they become one clean table. Every name and
caption that enters an image set is cleaned once, in this module.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from vlcore.images.groups import SCENES
from vlcore.images.imagesets import SPLITS
from vlcore.images.importers.source import printable
from vlcore.images.vocabulary import split_words

LISTED = ("file", "object", "context", "split", "caption", "mask", "id", "factors")
MOST_FACTORS = 10_000  # characters
MOST_OBJECTS = 300  # among which a usual choice is looked for
_SPLIT_NAMES = {"training": "train", "valid": "val", "validation": "val", "dev": "val", "testing": "test"}


class Row(NamedTuple):
    """One picture as a reader found it; `mask` is a path inside the source, `factors` a JSON object."""

    file: str
    object: str
    context: str
    split: str = ""
    caption: str = ""
    mask: str = ""
    id: str = ""
    factors: str = "{}"


class Found(NamedTuple):
    """What a reader found: a sentence on what was recognised, the rows, and (name, reason) of what was left out."""

    about: str
    rows: list[Row]
    skipped: list[tuple[str, str]]


@dataclass(frozen=True, eq=False)
class Listing:
    """The pictures of a source, none of them decoded yet.

    Attributes:
        format: one of `FORMATS`, never ``auto``.
        about: a sentence for people on what was recognised.
        table: one row a picture, columns `LISTED`, sorted by file. ``split`` is empty where the source has none;
            rows of one ``id`` belong together; ``object`` and ``context`` are empty where only a caption is known.
        skipped: (name, reason) of what was left out.
        altered: what the source calls an object or a context, by its name here, where that is another.
    """

    format: str
    about: str
    table: pd.DataFrame
    skipped: list[tuple[str, str]]
    altered: Mapping[str, set[str]] = field(default_factory=dict)

    def counts(self) -> pd.DataFrame:
        """Number of pictures, one row an object and one column a context."""
        named = self.table[(self.table["object"] != "") & (self.table["context"] != "")]
        counts = pd.crosstab(named["object"], named["context"])
        return counts.reindex(_ours_first(counts.index, SCENES.objects), axis=0).reindex(
            _ours_first(counts.columns, SCENES.contexts), axis=1
        )

    def usual_choice(
        self, objects: Sequence[str] = (), contexts: Sequence[str] = ()
    ) -> tuple[tuple[str, str], tuple[str, str]] | None:
        """Two objects and two contexts with pictures in all four cells, of those given; None where there are none.

        They are those whose smallest cell is largest. The first object in the first context and the second in the
        second are the majority groups: the larger ones, of the training pictures where the source says which.
        """
        counts = self.counts()
        counts = counts.reindex(list(objects) or counts.index, columns=list(contexts) or counts.columns, fill_value=0)
        counts = counts[counts.sum(axis=1).rank(ascending=False, method="first") <= MOST_OBJECTS]
        if min(counts.shape) < 2:
            return None
        cells = counts.to_numpy()
        best, choice = (0, 0), None
        for one in range(len(cells) - 1):
            lower = np.minimum(cells[one], cells[one + 1 :])  # (others, contexts)
            others = np.arange(len(lower))
            first = lower.argmax(axis=1)
            lower[others, first] = -1  # so that the next argmax is the second largest
            second = lower.argmax(axis=1)
            smallest = lower[others, second]
            pairs = np.column_stack([first, second])
            total = cells[one][pairs].sum(axis=1) + cells[one + 1 + others[:, None], pairs].sum(axis=1)
            at = int(np.lexsort((-others, total, smallest))[-1])
            score = int(smallest[at]), int(total[at])
            if score[0] > 0 and score > best:
                best, choice = score, (one, one + 1 + at, *sorted(pairs[at].tolist()))
        if choice is None:
            return None
        one, other, here, there = choice
        objects = str(counts.index[one]), str(counts.index[other])
        return objects, self.majority_order(objects, (str(counts.columns[here]), str(counts.columns[there])))

    def majority_order(self, objects: tuple[str, str], contexts: tuple[str, str]) -> tuple[str, str]:
        """The contexts in the order that makes the larger groups the majority."""
        training = self.table[self.table["split"] == "train"]
        table = training if len(training) else self.table
        cells = table.groupby(["object", "context"]).size()
        (one, other), (here, there) = objects, contexts
        aligned = cells.get((one, here), 0) + cells.get((other, there), 0)
        crossed = cells.get((one, there), 0) + cells.get((other, here), 0)
        return (here, there) if aligned >= crossed else (there, here)

    def by_words(self, objects: Sequence[str], contexts: Sequence[str]) -> Listing:
        """Name object and context of the rows that have none by the words of their captions.

        Rows whose caption has none or several of the objects, or of the contexts, are skipped.
        """
        names = self.table[["object", "context"]].to_numpy(dtype=object)
        keep = np.ones(len(names), dtype=bool)
        skipped = list(self.skipped)
        captions, files = self.table["caption"].tolist(), self.table["file"].tolist()
        for row in np.flatnonzero((names == "").any(axis=1)):
            words = split_words(captions[row])
            named = [[name for name in of if _contains(words, split_words(name))] for of in (objects, contexts)]
            keep[row] = all(len(found) == 1 for found in named)
            if keep[row]:
                names[row] = [found[0] for found in named]
            else:
                reason = "has a caption that does not name exactly one object and one context"
                skipped.append((printable(files[row]), reason))
        table = self.table.assign(object=names[:, 0], context=names[:, 1])[keep].reset_index(drop=True)
        return replace(self, table=table, skipped=skipped)


def listing_of(format: str, found: Found, before: Sequence[tuple[str, str]] = ()) -> Listing:
    """The clean, sorted listing of what a reader found; `before` is what was skipped earlier."""
    rows, skipped = [], [*before, *found.skipped]
    altered: dict[str, set[str]] = {}
    for row in found.rows:
        obj, context = clean_name(row.object), clean_name(row.context)
        if (row.object and not obj) or (row.context and not context):
            skipped.append((row.file, "has an object or context whose name has neither letter nor digit"))
            continue
        for given, name in ((row.object, obj), (row.context, context)):
            if unicodedata.normalize("NFC", given).strip() != name:
                altered.setdefault(name, set()).add(printable(given))
        split, caption = clean_split(row.split), printable(row.caption)
        cleaned = {"caption": caption, "id": printable(row.id), "factors": _json_object(row.factors)}
        rows.append(row._replace(object=obj, context=context, split=split, **cleaned))
    table = pd.DataFrame(rows, columns=list(LISTED)).sort_values("file", kind="stable", ignore_index=True)
    twice = table.duplicated(["file", "object", "context"]) & (table["object"] != "")
    skipped += [(str(file), "is listed more than once; its first line is used") for file in table["file"][twice]]
    shown = [(printable(name), reason) for name, reason in skipped]
    return Listing(format, found.about, table[~twice].reset_index(drop=True), shown, altered)


def clean_name(text: str) -> str:
    """A name with letters, digits, spaces, dashes and parentheses only, composed (NFC), at most 40 characters."""
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" or c in "-()" else " " for c in composed)
    return re.sub(r" +", " ", kept).strip()[:40].rstrip()


def clean_split(text: str) -> str:
    """The name of a split as we call it; empty where it is none."""
    name = text.strip().casefold()
    name = _SPLIT_NAMES.get(name, name)
    return name if name in SPLITS else ""


def _ours_first(names: pd.Index, ours: Sequence[str]) -> list[str]:
    """Names in order, those of `scenes` first: what both sets have is then drawn alike."""
    return [name for name in ours if name in names] + [str(name) for name in names if name not in ours]


def _contains(words: list[str], name: list[str]) -> bool:
    return bool(name) and any(words[at : at + len(name)] == name for at in range(len(words) - len(name) + 1))


def _json_object(text: str) -> str:
    """A JSON object in its plainest writing; an empty one in place of what is none."""
    try:
        value = json.loads(text) if len(text) <= MOST_FACTORS else None
        return json.dumps(value) if isinstance(value, dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"
