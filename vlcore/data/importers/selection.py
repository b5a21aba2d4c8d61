"""Listings of sources, one row a picture, and the choice of two objects in two contexts.

Readers of formats return rows as they found them; here they become one clean table. Exactly two
objects and contexts are taken; where there are more, the message lists them with their counts and
suggests two, and whoever imports decides.
"""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from vlcore.data.imageset import SPLITS
from vlcore.data.importers.source import ImportSetError, Skipped, plural, printable
from vlcore.experiment import limits
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.experiment.vocabulary import split_words

Pair = tuple[str, str]
MOST_FACTORS = 10_000  # characters
MOST_OBJECTS = 300  # among which a usual choice is looked for
FEWEST = 4  # pictures of a group
_SHOWN = 100  # names in a message
_PLACE = re.compile(
    r"\b(autumn|beach|bed|bush|city|couch|desert|dim|dirt|farm|field|forest|garden|grass|hill|home|ice|indoor|jungle|"
    r"kitchen|lake|land|meadow|mountain|night|ocean|office|outdoor|park|plain|river|road|rock|room|sand|sea|sky|snow|"
    r"sofa|street|tree|water|wood)(e?s)?\b"
)
_SPLIT_NAMES = {name: name for name in SPLITS} | {
    "training": "train",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "testing": "test",
}


class Row(NamedTuple):
    """One picture as a reader found it."""

    file: str
    object: str  # empty where only a caption is known, as is the context
    context: str
    split: str = ""
    caption: str = ""
    mask: str = ""  # a path inside the source
    id: str = ""  # rows of one belong together
    factors: str = "{}"  # a JSON object


class Found(NamedTuple):
    """What a reader found, and a sentence on what it recognised."""

    about: str
    rows: list[Row]
    skipped: Skipped


@dataclass(frozen=True, eq=False)
class Listing:
    """The pictures of a source, none of them decoded yet."""

    format: str
    about: str  # a sentence for people on what was recognised
    table: pd.DataFrame  # one row a picture, the fields of `Row` as columns, sorted by file
    skipped: Skipped
    altered: Mapping[
        str, set[str]
    ]  # what the source calls an object or a context, by its name here, if it is another

    def __post_init__(self) -> None:
        for kind in ("object", "context"):
            if (count := self.table[kind].nunique()) > limits.NAMES:
                most = f"two are chosen of at most {limits.NAMES:,}"
                raise ImportSetError(
                    f"The source has {count:,} {kind}s, and {most}; import a part of it."
                )

    def counts(self) -> pd.DataFrame:
        """Number of pictures, one row an object and one column a context."""
        return self._counts

    @cached_property
    def _counts(self) -> pd.DataFrame:
        named = self.table[(self.table["object"] != "") & (self.table["context"] != "")]
        counts = pd.crosstab(named["object"], named["context"])
        # Those of `scenes` first: what both sets have is then drawn alike.
        both = ((counts.index, SCENES.objects), (counts.columns, SCENES.contexts))
        objects, contexts = (
            [*(one for one in ours if one in there), *there.difference(ours)]
            for there, ours in both
        )
        return counts.reindex(objects, columns=contexts)

    def default_choice(
        self, objects: Sequence[str] = (), contexts: Sequence[str] = ()
    ) -> tuple[Pair, Pair] | None:
        """Two objects and two contexts with pictures in all four cells, of those given; None where
        there are none. They are those whose smallest cell is largest. The first object in the first
        context and the second in the second are the majority groups: the larger ones, of the
        training pictures where the source says which.
        """
        return self._choice(objects, contexts) if objects or contexts else self._usual_choice

    @cached_property  # pages ask in every run
    def _usual_choice(self) -> tuple[Pair, Pair] | None:
        return self._choice((), ())

    def _choice(self, objects: Sequence[str], contexts: Sequence[str]) -> tuple[Pair, Pair] | None:
        counts = self.counts()
        counts = counts.reindex(
            list(objects) or counts.index, columns=list(contexts) or counts.columns, fill_value=0
        )
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
            total = cells[one][pairs].sum(axis=1) + cells[one + 1 + others[:, None], pairs].sum(
                axis=1
            )
            at = int(np.lexsort((-others, total, smallest))[-1])
            score = int(smallest[at]), int(total[at])
            if score[0] > 0 and score > best:
                best, choice = score, (one, one + 1 + at, *sorted(pairs[at].tolist()))
        if choice is None:
            return None
        one, other, here, there = choice
        pair = str(counts.index[one]), str(counts.index[other])
        return pair, self.majority_order(
            pair, (str(counts.columns[here]), str(counts.columns[there]))
        )

    def majority_order(self, objects: Pair, contexts: Pair) -> Pair:
        """The contexts in the order that makes the larger groups the majority."""
        training = self.table["split"] == "train"
        cells = self.table[training | ~training.any()].groupby(["object", "context"]).size()
        one_here, one_there, other_here, other_there = (
            cells.get(pair, 0) for pair in product(objects, contexts)
        )
        return contexts if one_here + other_there >= one_there + other_here else contexts[::-1]

    def match_names(self, objects: Sequence[str], contexts: Sequence[str]) -> Listing:
        """Name object and context of rows by the words of their captions; unclear captions are
        skipped."""
        table = self.table.copy()
        unnamed = (table["object"] == "") | (table["context"] == "")
        captions = [f" {' '.join(split_words(caption))} " for caption in table["caption"][unnamed]]
        for column, names in (("object", objects), ("context", contexts)):
            words = {name: " ".join(split_words(name)) for name in names}
            said = (
                [name for name in names if words[name] and f" {words[name]} " in caption]
                for caption in captions
            )
            table.loc[unnamed, column] = [found[0] if len(found) == 1 else "" for found in said]
        keep = (table["object"] != "") & (table["context"] != "")
        reason = "has a caption that does not name exactly one object and one context"
        skipped = [*self.skipped, *((printable(file), reason) for file in table["file"][~keep])]
        return replace(self, table=table[keep].reset_index(drop=True), skipped=skipped)


def listing_of(format: str, found: Found, before: Sequence[tuple[str, str]] = ()) -> Listing:
    """The clean, sorted listing of what a reader found; `before` is what was skipped earlier."""
    rows, skipped = [], [*before, *found.skipped]
    altered: dict[str, set[str]] = {}
    for row in found.rows:
        obj, context = clean_name(row.object), clean_name(row.context)
        if (row.object and not obj) or (row.context and not context):
            skipped.append(
                (row.file, "has an object or context whose name has neither letter nor digit")
            )
            continue
        for given, name in ((row.object, obj), (row.context, context)):
            if unicodedata.normalize("NFC", given).strip() != name:
                altered.setdefault(name, set()).add(printable(given))
        split, caption = clean_split(row.split), printable(row.caption)
        cleaned = {
            "caption": caption,
            "id": printable(row.id),
            "factors": _json_object(row.factors),
        }
        rows.append(row._replace(object=obj, context=context, split=split, **cleaned))
    table = pd.DataFrame(rows, columns=Row._fields).sort_values(
        "file", kind="stable", ignore_index=True
    )
    twice = table.duplicated(["file", "object", "context"]) & (table["object"] != "")
    skipped += [
        (str(file), "is listed more than once; its first line is used")
        for file in table["file"][twice]
    ]
    shown = [(printable(name), reason) for name, reason in skipped]
    return Listing(format, found.about, table[~twice].reset_index(drop=True), shown, altered)


def clean_name(text: str) -> str:
    """A name with letters, digits, spaces, dashes and parentheses only, composed (NFC), at most 40
    characters."""
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(
        c if unicodedata.category(c)[0] in "LMN" or c in "-()" else " " for c in composed
    )
    return re.sub(r" +", " ", kept).strip()[:40].rstrip()


def clean_split(text: str) -> str:
    """The name of a split as we call it; empty where it is none."""
    return _SPLIT_NAMES.get(text.strip().casefold(), "")


def choose(
    listing: Listing, objects: Sequence[str], contexts: Sequence[str], source: str
) -> tuple[Grouping, pd.DataFrame, Skipped]:
    """The grouping; the rows of its four groups, with ``group``, 0 to 3 in the order of its pairs;
    what was skipped. `objects` and `contexts` are two names each, or none where the source has only
    two. Where both are given, their order says which groups are the majority, else the larger
    groups are."""
    counts = listing.counts()
    unnamed = bool(((listing.table["object"] == "") | (listing.table["context"] == "")).any())
    if counts.empty and not (objects and contexts):
        ask = (
            f"The captions in {source} do not say what are objects and contexts; name two of each,"
            " as whole words"
        )
        how = "with --objects A,B --contexts C,D, or give --format folders if the folders say it"
        raise ImportSetError(f"{ask}, {how}.", f"{ask}.")
    found = {"object": counts.sum(axis=1), "context": counts.sum(axis=0)}
    given = {"object": tuple(objects), "context": tuple(contexts)}
    for kind, names in given.items():
        if names:
            given[kind] = _named(kind, names, found[kind], unnamed, source)
        elif len(found[kind]) == 1:
            only = f"{source} has only one {kind} ({_counted(found[kind])})"
            raise ImportSetError(f"{only}; a set needs two objects, each in two contexts.")
    if any(not given[kind] and len(found[kind]) > 2 for kind in given):
        raise ImportSetError(_question(listing, given, source))
    one, other = given["object"] or tuple(map(str, counts.index))
    here, there = given["context"] or tuple(map(str, counts.columns))
    named = listing.match_names((one, other), (here, there)) if unnamed else listing
    grouping = Grouping((one, other), (here, there))
    if not (objects and contexts) and named.majority_order((one, other), (here, there)) != (
        here,
        there,
    ):
        grouping = (
            Grouping((other, one), (here, there))
            if contexts
            else Grouping((one, other), (there, here))
        )
    pairs = pd.MultiIndex.from_frame(named.table[["object", "context"]])
    table = named.table.assign(group=pd.MultiIndex.from_tuples(grouping.pairs).get_indexer(pairs))
    table = table[table["group"] >= 0].reset_index(drop=True)
    need_enough(grouping, table["group"], source, named.skipped)
    return grouping, table, named.skipped


def majority_in_words(grouping: Grouping) -> str:
    """Which object belongs where, and how to have it the other way round."""
    (one, other), (here, there) = grouping.objects, grouping.contexts
    swap = _options(grouping.objects, (there, here))
    return (
        f"{one} belongs in {here} and {other} in {there}: those are the majority groups; swap them"
        f" with {swap}."
    )


def infer_context_column(listing: Listing) -> str:
    """A hint, without a full stop, where what was taken for objects has names of places, and the
    contexts have not."""
    counts = listing.counts()
    objects, contexts = (
        [_PLACE.search(name.casefold()) for name in names]
        for names in (counts.index, counts.columns)
    )
    if listing.format != "folders" or not all(objects) or all(contexts):
        return ""
    places = " and ".join(map(str, counts.index[:2]))
    return (
        f"{places} were read as objects; if they are contexts, the format context-first reads"
        " them so"
    )


def need_enough(
    grouping: Grouping, group: pd.Series, source: str, skipped: Sequence[tuple[str, str]]
) -> None:
    """Refuse a set of which a group has too few pictures; says how many each has and what was left
    out last."""
    sizes = [int((group == number).sum()) for number in range(4)]
    smallest = min(sizes)
    if smallest >= FEWEST:
        return
    all_sizes = ", ".join(
        f"{name} {size}" for name, size in zip(grouping.names, sizes, strict=True)
    )
    left_out = ""
    if skipped:
        such = ": {} {}" if len(skipped) == 1 else ", such as {}: it {}"
        left_out = (
            f" (left out: {plural(len(skipped), 'file')}{such.format(*skipped[-1]).rstrip('.')})"
        )
    there = (
        f"{source} has {plural(smallest, 'usable picture')} of"
        f" {grouping.names[sizes.index(smallest)]}"
    )
    too_few = (
        f"{there} and a group needs at least {FEWEST} ({all_sizes}); add pictures or choose others"
    )
    raise ImportSetError(
        f"{too_few} with --objects and --contexts{left_out}.", f"{too_few}{left_out}."
    )


def _named(kind: str, given: Sequence[str], found: pd.Series, unnamed: bool, source: str) -> Pair:
    """Two names of objects or contexts that were given, as the source writes them."""
    names = {str(name).casefold(): str(name) for name in reversed(found.index)}
    cleaned = [clean_name(name) for name in given]
    chosen = [name if name in found.index else names.get(name.casefold(), name) for name in cleaned]
    if not len(chosen) == len(set(chosen)) == 2 or not all(chosen):
        two, said = f"Give two different {kind}s", printable(",".join(given))
        raise ImportSetError(f"{two} with --{kind}s A,B, not {said!r}.", f"{two}, not {said!r}.")
    for name in chosen:
        if name not in found.index and not unnamed:
            raise ImportSetError(
                f"{source} has no {kind} named {name!r}; it has {_counted(found)}."
            )
    return chosen[0], chosen[1]


def _question(listing: Listing, given: dict[str, tuple[str, ...]], source: str) -> str:
    """What there is to choose from, and a choice that works, as a shell reads it."""
    counts = listing.counts()
    objects = f"{plural(len(counts), 'object')} ({_counted(counts.sum(axis=1))})"
    contexts = f"{plural(len(counts.columns), 'context')} ({_counted(counts.sum(axis=0))})"
    there = f"{source} has {objects} and {contexts}"
    suggested = listing.default_choice(given["object"], given["context"])
    if suggested is None:
        chosen = given["object"] or given["context"]
        among = f" among {' and '.join(chosen)}" if chosen else ""
        return (
            f"{there}, but no two objects are in the same two contexts{among}; add pictures or"
            " choose others."
        )
    hint = infer_context_column(listing)
    example = f"{_options(*suggested)} ({hint})" if hint else _options(*suggested)
    return f"{there}; choose two of each with --objects A,B --contexts C,D, for example {example}."


def _options(objects: Sequence[str], contexts: Sequence[str]) -> str:
    """A choice as a shell reads it."""
    return (
        f"--objects {shlex.quote(','.join(objects))} --contexts {shlex.quote(','.join(contexts))}"
    )


def _counted(found: pd.Series) -> str:
    largest = found.sort_values(ascending=False, kind="stable")
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(f"{name} {count}" for name, count in largest[:_SHOWN].items()) + more


def _json_object(text: str) -> str:
    """A JSON object in its plainest writing; an empty one in place of what is none."""
    try:
        value = json.loads(text) if len(text) <= MOST_FACTORS else None
        return json.dumps(value) if isinstance(value, dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"
