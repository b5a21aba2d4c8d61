"""Listings of sources, one row an image, and the choice of two objects in two contexts.

Readers of formats return rows as they are in the source; here they become one clean table. Exactly
two objects and contexts are taken. Where there are more, the message lists them with their counts
and suggests two, and the user decides.
"""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations, product
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from vlcore.data import sandbox
from vlcore.data.imageset import SPLITS
from vlcore.data.importers.source import Contents, ImportSetError, Row, Skipped, printable
from vlcore.experiment import limits
from vlcore.experiment.captions import CaptionError, fixed_fields
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.experiment.vocabulary import split_words
from vlcore.experiment.wording import plural

Pair = tuple[str, str]
MOST_FACTORS = 10_000  # characters
# Templates of captions and the licence, where nobody says others.
STATED = {"short": "{object}", "descriptive": "{object} {place}", "licence": "not stated"}
MOST_OBJECTS = 100  # among which a default choice is looked for
FEWEST = 4  # images of a group
_LISTED = 100  # names in a message
_CONTEXT_WORD = re.compile(
    r"\b(autumn|beach|bed|bush|city|couch|desert|dim|dirt|farm|field|forest|garden|grass|hill|home|"
    r"ice|indoor|jungle|kitchen|lake|land|meadow|mountain|night|ocean|office|outdoor|park|plain|"
    r"river|road|rock|room|sand|sea|sky|snow|sofa|street|tree|water|wood)(e?s)?\b"
)
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

    format: str
    about: str  # a sentence for people on what was recognised
    table: pd.DataFrame  # one row an image, the fields of `Row` as columns, sorted by file
    skipped: Skipped
    # How the source spells an object or a context, by its name here, where that differs.
    spellings: Mapping[str, set[str]]
    # What the export of a set says of itself: "short", "descriptive" (templates) and "licence".
    stated: dict[str, str] = field(default_factory=STATED.copy)
    warnings: Sequence[str] = ()  # sentences on what was not read

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
            "format": self.format,
            "about": self.about,
            "table": self.table.to_dict("list"),
            "skipped": self.skipped,
            "spellings": {name: sorted(spellings) for name, spellings in self.spellings.items()},
            "stated": self.stated,
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """The listing that `as_facts` gave."""
        return cls(
            facts["format"],
            facts["about"],
            pd.DataFrame(facts["table"]),
            [(file, reason) for file, reason in facts["skipped"]],
            {name: set(spellings) for name, spellings in facts["spellings"].items()},
            facts["stated"],
            facts["warnings"],
        )

    @cached_property
    def is_named(self) -> pd.Series:
        """Whether object and context of each row are known, without its caption."""
        return (self.table["object"] != "") & (self.table["context"] != "")

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Number of images, one row an object and one column a context."""
        named = self.table[self.is_named]
        counts = pd.crosstab(named["object"], named["context"])
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

    def match_names(self, objects: Sequence[str], contexts: Sequence[str]) -> Listing:
        """Name object and context of rows by the words of their captions; unclear captions are
        skipped."""
        table = self.table.copy()
        captions = [
            f" {' '.join(split_words(caption))} " for caption in table["caption"][~self.is_named]
        ]
        for column, names in (("object", objects), ("context", contexts)):
            words = {name: " ".join(split_words(name)) for name in names}
            matches = []
            for caption in captions:
                named = [name for name in names if words[name] and f" {words[name]} " in caption]
                matches.append(named[0] if len(named) == 1 else "")
            table.loc[~self.is_named, column] = matches
        listing = replace(self, table=table)
        reason = "has a caption that does not name exactly one object and one context"
        unclear = table["file"][~listing.is_named]
        skipped = [*self.skipped, *((printable(file), reason) for file in unclear)]
        named_rows, repeated = _first_lines(table[listing.is_named].reset_index(drop=True))
        skipped += ((printable(file), reason) for file, reason in repeated)
        return replace(self, table=named_rows, skipped=skipped)


def list_apart(task: sandbox.Task, source: Path, seconds: float, **options: Any) -> Listing:
    """The listing whose facts a task makes of a source's path in a helper process; ImportSetError
    where it takes more than so many seconds, or refuses."""
    path = source.absolute()
    facts, _ = sandbox.run_apart(
        task,
        called=printable(path.name),
        error=ImportSetError,
        seconds=seconds,
        path=str(path),
        **options,
    )
    return Listing.from_facts(facts)


def _ours_first(names: pd.Index, ours: Sequence[str]) -> list[str]:
    """Names with those of `scenes` first: what both sets have is then drawn alike."""
    return [*(name for name in ours if name in names), *names.difference(ours)]


def _first_lines(table: pd.DataFrame) -> tuple[pd.DataFrame, Skipped]:
    """The first line of each file in each group, and the others with the reason."""
    repeated = table.duplicated(["file", "object", "context"]) & (table["object"] != "")
    reason = "is listed more than once; its first line is used"
    skipped = [(str(file), reason) for file in table["file"][repeated]]
    return table[~repeated].reset_index(drop=True), skipped


def listing_of(format: str, contents: Contents, before: Sequence[Pair] = ()) -> Listing:
    """The clean, sorted listing of what a reader returned; `before` is what was skipped earlier."""
    rows = []
    skipped = [*before, *contents.skipped]
    spellings: dict[str, set[str]] = {}
    for row in contents.rows:
        names = {"object": clean_name(row.object), "context": clean_name(row.context)}
        if (row.object and not names["object"]) or (row.context and not names["context"]):
            reason = "has an object or context whose name has neither letter nor digit"
            skipped.append((row.file, reason))
            continue
        for kind, name in names.items():
            spelling = getattr(row, kind)
            if unicodedata.normalize("NFC", spelling).strip() != name:
                spellings.setdefault(name, set()).add(printable(spelling))
        cleaned = row._replace(
            **names,
            split=clean_split(row.split),
            caption=printable(row.caption),
            id=printable(row.id),
            factors=_json_object(row.factors),
        )
        rows.append(cleaned)
    table = pd.DataFrame(rows, columns=Row._fields)
    table, repeated = _first_lines(table.sort_values("file", kind="stable", ignore_index=True))
    skipped += repeated
    readable = [(printable(name), reason) for name, reason in skipped]
    return Listing(format, contents.about, table, readable, spellings)


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
    by_caption = not bool(listing.is_named.all())
    if counts.empty and not (objects and contexts):
        ask = (
            f"The captions in {source} do not say what are objects and contexts; name two of each,"
            " as whole words"
        )
        how = "with --objects A,B --contexts C,D, or give --format folders if the folders say it"
        raise ImportSetError(f"{ask}, {how}.", f"{ask}.")
    available = {"object": counts.sum(axis=1), "context": counts.sum(axis=0)}
    chosen = {"object": tuple(objects), "context": tuple(contexts)}
    for kind, names in chosen.items():
        if names:
            chosen[kind] = _check_names(kind, names, available[kind], by_caption, source)
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
    if by_caption:
        listing = listing.match_names(grouping.objects, grouping.contexts)
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
        f"{first} belongs in {grouping.contexts[0]} and {second} in {grouping.contexts[1]}: those"
        f" are the majority groups; swap them with {swap}."
    )


def swapped_names_hint(listing: Listing) -> str:
    """A hint, without a full stop, where what was read as objects has names of contexts, and the
    contexts have not."""
    names = listing.counts
    objects, contexts = (
        [_CONTEXT_WORD.search(name.casefold()) for name in axis]
        for axis in (names.index, names.columns)
    )
    if listing.format != "folders" or not all(objects) or all(contexts):
        return ""
    examples = " and ".join(map(str, names.index[:2]))
    return (
        f"{examples} were read as objects; if they are contexts, the format context-first reads"
        " them so"
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
    too_few = (
        f"{source} has {plural(smallest, 'usable image')} of"
        f" {grouping.names[sizes.index(smallest)]} and a group needs at least {FEWEST}"
        f" ({by_group}); add images or choose others"
    )
    raise ImportSetError(
        f"{too_few} with --objects and --contexts{left_out}.", f"{too_few}{left_out}."
    )


def _check_names(
    kind: str, names: Sequence[str], available: pd.Series, by_caption: bool, source: str
) -> Pair:
    """Two objects or contexts that a user names, as the source writes them."""
    by_lower_case = {str(name).casefold(): str(name) for name in reversed(available.index)}
    chosen = []
    for name in map(clean_name, names):
        is_exact = name in available.index
        chosen.append(name if is_exact else by_lower_case.get(name.casefold(), name))
    if not len(chosen) == len(set(chosen)) == 2 or not all(chosen):
        ask, wrong = f"Give two different {kind}s", printable(",".join(names))
        raise ImportSetError(f"{ask} with --{kind}s A,B, not {wrong!r}.", f"{ask}, not {wrong!r}.")
    for name in chosen:
        if name not in available.index and not by_caption:
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
    hint = swapped_names_hint(listing)
    example = f"{_options(*suggestion)} ({hint})" if hint else _options(*suggestion)
    ask = "choose two of each with --objects A,B --contexts C,D"
    return f"{available}; {ask}, for example {example}."


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


def _json_object(text: str) -> str:
    """A JSON object in its plainest writing; an empty one in place of what is none."""
    try:
        value = json.loads(text) if len(text) <= MOST_FACTORS else None
        return json.dumps(value) if isinstance(value, dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"
