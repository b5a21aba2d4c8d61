"""Listings of sources, one row an image, and the choice of two objects in two contexts.

Exactly two objects and contexts are taken. Where there are more, the message lists them with their
counts and suggests two, and the user decides.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, product
from typing import Any, Self

import numpy as np
import pandas as pd

from vlcore.data.imageset import SPLITS
from vlcore.data.importers.source import ImportSetError, Skipped, printable
from vlcore.experiment import limits
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.experiment.templates import CaptionError, fixed_fields
from vlcore.experiment.wording import plural

Pair = tuple[str, str]
# Templates of captions and the licence, where nobody says others.
SHORT, DESCRIPTIVE, NOT_STATED = "{object}", "{object} {place}", "not stated"
MOST_OBJECTS = 100  # among which a default choice is looked for
FEWEST = 4  # images of a group
_LISTED = 100  # names in a message
_SPLIT_NAMES = {name: name for name in SPLITS} | {
    "training": "train",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "testing": "test",
}


@dataclass(frozen=True, eq=False)
class Listing:
    """The images of a source, none of them decoded yet."""

    about: str  # a sentence for people on what was recognised
    # One row an image, sorted by file: ``file``, ``object``, ``context``, ``split``, ``caption``
    # and columns of the user's own.
    table: pd.DataFrame
    skipped: Skipped
    # How the source spells an object or a context, by its name here, where that differs.
    spellings: Mapping[str, set[str]]

    def __post_init__(self) -> None:
        for kind in ("object", "context"):
            count = self.table[kind].nunique()
            if count > limits.NAMES:
                raise ImportSetError(
                    f"The source has {count:,} {kind}s, and two are chosen of at most"
                    f" {limits.NAMES:,}; import a part of it."
                )

    def as_facts(self) -> dict[str, Any]:
        """The listing as values that JSON can hold."""
        return {
            "about": self.about,
            "table": self.table.to_dict("list"),
            "skipped": self.skipped,
            "spellings": {name: sorted(spellings) for name, spellings in self.spellings.items()},
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """The listing that `as_facts` gave."""
        return cls(
            facts["about"],
            pd.DataFrame(facts["table"]),
            [(file, reason) for file, reason in facts["skipped"]],
            {name: set(spellings) for name, spellings in facts["spellings"].items()},
        )

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Number of images, one row an object and one column a context."""
        counts = pd.crosstab(self.table["object"], self.table["context"])
        objects = _ours_first(counts.index, SCENES.objects)
        return counts.reindex(objects, columns=_ours_first(counts.columns, SCENES.contexts))

    def default_choice(
        self, objects: Sequence[str] = (), contexts: Sequence[str] = ()
    ) -> tuple[Pair, Pair] | None:
        """Two objects and two contexts with images in all four cells, among some or all; None where
        there are none. They are those whose smallest cell is largest. The first object in the first
        context and the second in the second are the majority groups: the larger ones, of the
        training images where the source says which.
        """
        counts = self.counts
        counts = counts.reindex(
            list(objects) or counts.index, columns=list(contexts) or counts.columns, fill_value=0
        )
        counts = counts[counts.sum(axis=1).rank(ascending=False, method="first") <= MOST_OBJECTS]
        if min(counts.shape) < 2:
            return None
        cells = counts.to_numpy()
        choices = []
        for rows in combinations(range(len(cells)), 2):
            both = cells[list(rows)]
            best = np.argsort(-both.min(axis=0), kind="stable")[:2]
            four = both[:, best]
            choices.append((four.min(), four.sum(), rows, sorted(best)))
        smallest, _, rows, columns = max(choices, key=lambda choice: choice[:2])
        if smallest == 0:
            return None
        first, second = (str(counts.index[row]) for row in rows)
        left, right = (str(counts.columns[column]) for column in columns)
        return (first, second), self.majority_order((first, second), (left, right))

    def majority_order(self, objects: Pair, contexts: Pair) -> Pair:
        """The contexts in the order that makes the larger groups the majority."""
        training = self.table["split"] == "train"
        sizes = self.table[training | ~training.any()].groupby(["object", "context"]).size()
        cells = np.array([sizes.get(pair, 0) for pair in product(objects, contexts)]).reshape(2, 2)
        return contexts if np.trace(cells) >= np.trace(cells[:, ::-1]) else contexts[::-1]


def _ours_first(names: pd.Index, ours: Sequence[str]) -> list[str]:
    """Names with those of `scenes` first: what both sets have is then drawn alike."""
    return [*(name for name in ours if name in names), *names.difference(ours)]


def clean_name(text: str) -> str:
    """A name with letters, digits, spaces, dashes and parentheses only, composed (NFC), at most 40
    characters."""
    letters = [
        letter if unicodedata.category(letter)[0] in "LMN" or letter in "-()" else " "
        for letter in unicodedata.normalize("NFC", text)
    ]
    return re.sub(r" +", " ", "".join(letters)).strip()[:40].rstrip()


def clean_split(text: str) -> str:
    """The name of a split as we call it; empty where it is none."""
    return _SPLIT_NAMES.get(text.strip().casefold(), "")


def checked_template(label: str, template: str) -> str:
    """A caption template that can be filled in; ImportSetError where it cannot."""
    text = printable(template)
    try:
        fields = fixed_fields(text)
    except CaptionError as error:
        raise ImportSetError(f"The {label} caption cannot be filled in. {error}") from error
    if "object" not in fields:
        raise ImportSetError(
            f"The {label} caption {text!r} does not name the object; write {{object}} in it."
        )
    return text


def choose_groups(
    listing: Listing, objects: Sequence[str], contexts: Sequence[str], source: str
) -> tuple[Grouping, pd.DataFrame, Skipped]:
    """Choose the four groups of a set.

    Args:
        objects, contexts: two names each, or none where the source has only two. Where both are
            given, their order says which groups are the majority, else the larger groups are.
        source: its name, for messages.

    Returns:
        The grouping; the rows of its groups, with ``group``, 0 to 3 in the order of its pairs; and
        what was skipped.

    Raises:
        ImportSetError: where the choice cannot be used, or leaves a group with too few images.
    """
    counts = listing.counts
    available = {"object": counts.sum(axis=1), "context": counts.sum(axis=0)}
    chosen = {"object": tuple(objects), "context": tuple(contexts)}
    for kind, names in chosen.items():
        if names:
            chosen[kind] = _check_names(kind, names, available[kind], source)
        elif len(available[kind]) == 1:
            raise ImportSetError(
                f"{source} has only one {kind} ({_counted(available[kind])}); a set needs two"
                " objects, each in two contexts."
            )
    if any(not chosen[kind] and len(available[kind]) > 2 for kind in chosen):
        raise ImportSetError(_question(listing, chosen, source))
    first, second = chosen["object"] or map(str, counts.index)
    left, right = chosen["context"] or map(str, counts.columns)
    grouping = Grouping((first, second), (left, right))
    if not (objects and contexts):
        order = listing.majority_order(grouping.objects, grouping.contexts)
        if order != grouping.contexts and contexts:
            grouping = replace(grouping, objects=grouping.objects[::-1])
        else:
            grouping = replace(grouping, contexts=order)
    pairs = pd.MultiIndex.from_frame(listing.table[["object", "context"]])
    groups = pd.MultiIndex.from_tuples(grouping.pairs).get_indexer(pairs)
    table = listing.table.assign(group=groups)[groups >= 0].reset_index(drop=True)
    need_enough(grouping, table["group"], source, listing.skipped)
    return grouping, table, listing.skipped


def majority_in_words(grouping: Grouping) -> str:
    """Which object belongs where, and how to have it the other way round."""
    first, second = grouping.objects
    swap = _options(grouping.objects, grouping.contexts[::-1])
    return (
        f"{first} is usually on {grouping.contexts[0]} and {second} on {grouping.contexts[1]}:"
        f" these images are common. Swap them with {swap}."
    )


def need_enough(grouping: Grouping, group: pd.Series, source: str, skipped: Sequence[Pair]) -> None:
    """Refuse a set of which a group has too few images; the message says how many each has and what
    was left out last."""
    sizes = group.value_counts().reindex(range(4), fill_value=0).tolist()
    smallest = min(sizes)
    if smallest >= FEWEST:
        return
    left_out = ""
    if skipped:
        example = ": {} {}" if len(skipped) == 1 else ", such as {}: it {}"
        last = example.format(*skipped[-1]).rstrip(".")
        left_out = f" (left out: {plural(len(skipped), 'file')}{last})"
    by_group = ", ".join(f"{name} {size}" for name, size in zip(grouping.names, sizes, strict=True))
    raise ImportSetError(
        f"{source} has {plural(smallest, 'usable image')} of"
        f" {grouping.names[sizes.index(smallest)]} and a group needs at least {FEWEST}"
        f" ({by_group}); add images or choose other objects and contexts{left_out}."
    )


def _check_names(kind: str, names: Sequence[str], available: pd.Series, source: str) -> Pair:
    """Two objects or contexts that a user names, as the source writes them."""
    by_lower_case = {str(name).casefold(): str(name) for name in reversed(available.index)}
    chosen = []
    for name in map(clean_name, names):
        is_exact = name in available.index
        chosen.append(name if is_exact else by_lower_case.get(name.casefold(), name))
    if not len(chosen) == len(set(chosen)) == 2 or not all(chosen):
        wrong = printable(",".join(names))
        raise ImportSetError(f"Give two different {kind}s, not {wrong!r}.")
    for name in chosen:
        if name not in available.index:
            raise ImportSetError(
                f"{source} has no {kind} named {name!r}; it has {_counted(available)}."
            )
    return chosen[0], chosen[1]


def _question(listing: Listing, chosen: dict[str, tuple[str, ...]], source: str) -> str:
    """What there is to choose from, and a choice that works, as a shell reads it."""
    counts = listing.counts
    objects = f"{plural(len(counts), 'object')} ({_counted(counts.sum(axis=1))})"
    contexts = f"{plural(len(counts.columns), 'context')} ({_counted(counts.sum(axis=0))})"
    available = f"{source} has {objects} and {contexts}"
    suggestion = listing.default_choice(chosen["object"], chosen["context"])
    if suggestion is None:
        names = chosen["object"] or chosen["context"]
        among = f" among {' and '.join(names)}" if names else ""
        return (
            f"{available}, but no two objects are in the same two contexts{among}; add images or"
            " choose others."
        )
    ask = "choose two of each with --objects A,B --contexts C,D"
    return f"{available}; {ask}, for example {_options(*suggestion)}."


def _options(objects: Sequence[str], contexts: Sequence[str]) -> str:
    """A choice as a shell reads it."""
    options = []
    for option, names in (("--objects", objects), ("--contexts", contexts)):
        value = shlex.quote(",".join(names))
        options.append(f"{option}{'=' if value.startswith('-') else ' '}{value}")
    return " ".join(options)


def _counted(sizes: pd.Series) -> str:
    """Names with their counts, the largest first."""
    largest = sizes.sort_values(ascending=False, kind="stable")
    names = ", ".join(f"{name} {count}" for name, count in largest[:_LISTED].items())
    return f"{names} and {len(sizes) - _LISTED} more" if len(sizes) > _LISTED else names
