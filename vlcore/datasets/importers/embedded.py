"""An image set without pictures, from embeddings that were computed elsewhere.

The one idea: the rows take the way of pictures: two objects in two contexts are chosen, what belongs together stays in
one split, and the table of the set is like any other. So whatever reads tables works on it, and what needs pixels is
told that there are none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.core.captions import Caption
from vlcore.core.grouping import Grouping
from vlcore.datasets.imageset import SPLITS
from vlcore.datasets.importers.embeddings import Embeddings
from vlcore.datasets.importers.importing import few_tested, names_in_words
from vlcore.datasets.importers.selection import FEWEST, Listing, choose, majority_in_words, need_enough
from vlcore.datasets.importers.source import ImportSetError, plural, printable
from vlcore.datasets.importers.splits import SHARES, assign_splits, preserve_given_splits, quotas
from vlcore.datasets.importers.writing import describe


@dataclass(frozen=True, eq=False)
class Chosen:
    """The rows that become an image set: `embeddings` of them, their grouping, and (n,) numbers of their groups."""

    embeddings: Embeddings
    grouping: Grouping
    group: NDArray[np.int64]


def choose_rows(
    found: Embeddings, objects: Sequence[str], contexts: Sequence[str], max_per_group: int, seed: int
) -> Chosen:
    """Two objects in two contexts out of all that a file has, each row with its split.

    Args:
        found: of `read_embeddings`.
        objects, contexts: two names each, or none where there are only two; see `vlcore.datasets.importers.import_set`.
        max_per_group: how many rows of a group are used at most: those of scenes that are chosen by chance.
        seed: of that choice and of the splits.

    Raises:
        ImportSetError: when the names leave a choice, or a group has too few rows.
    """
    if max_per_group < FEWEST or seed < 0:
        raise ImportSetError(f"Give at least {FEWEST} rows a group and a seed of at least 0.")
    found = _by_name(found)
    about = f"{plural(len(found.table), 'embedding')} of {found.z.shape[1]:,} numbers."
    number = np.arange(len(found.table))
    table = found.table.assign(row=number, caption="")
    listing = Listing("embeddings", about, table, [], found.altered)
    grouping, table, _ = choose(listing, objects, contexts, found.source)
    group = table["group"].to_numpy(dtype=np.int64)
    notes = [about, *found.notes, *names_in_words(listing, grouping)]
    cluster = np.unique(table["scene"].to_numpy(str), return_inverse=True)[1]
    few = _limited(group, cluster, max_per_group, seed)
    if len(few) < len(table):
        notes.append(
            f"{len(few):,} of {len(table):,} rows were chosen by chance (seed {seed}), at most {max_per_group:,} of a "
            "group."
        )
    table, group, cluster = (
        table.iloc[few].reset_index(drop=True),
        group[few],
        np.unique(cluster[few], return_inverse=True)[1],
    )
    split, said = _split(table["split"].to_numpy(str), group, cluster, seed, found.source)
    stays = np.flatnonzero(split != "")
    table, group, notes = table.assign(split=split).iloc[stays], group[stays], notes + said
    need_enough(grouping, pd.Series(group), found.source, [])
    kept, dropped = _captions_of(found, grouping)
    notes += few_tested(group[(table["split"] == "test").to_numpy()], grouping, "test set", "row") + dropped
    rows = table["row"].to_numpy()
    embeddings = replace(
        found,
        z=found.z[rows],
        table=table.drop(columns=["row", "group", "caption"]).reset_index(drop=True),
        text=found.text[kept],
        said=tuple(found.said[k] for k in kept),
        notes=tuple(notes),
    )
    return Chosen(embeddings, grouping, group)


def _by_name(found: Embeddings) -> Embeddings:
    """The rows in the order of their names, where each has one of its own: embeddings of the same pictures by two
    encoders then make sets of the same pictures, in whatever order their files list them."""
    names = found.table["name"].to_numpy(str)
    if len(np.unique(names)) < len(names):
        return found
    order = np.argsort(names, kind="stable")
    table = found.table.iloc[order].reset_index(drop=True)
    numbered = [f"s{row:06d}" for row in range(len(names))]
    if found.table["scene"].tolist() == numbered:  # no scenes were given: each row is one, by its place
        table["scene"] = numbered
    return replace(found, z=found.z[order], table=table)


def _limited(group: NDArray[np.int64], cluster: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """At most so many rows of each group, sorted; scenes are taken in one order by all groups, so that twins stay."""
    place = np.random.default_rng([seed, len(group)]).permutation(cluster.max() + 1)[cluster]
    chosen = []
    for number in range(4):
        members = np.flatnonzero(group == number)
        chosen.append(members[np.argsort(place[members], kind="stable")[:most]])
    return np.sort(np.concatenate(chosen))


def _split(
    given: NDArray[np.str_], group: NDArray[np.int64], cluster: NDArray[np.int64], seed: int, source: str
) -> tuple[NDArray[np.str_], list[str]]:
    """The split of each row, (n,), empty where it is left out; and what was done, in sentences."""
    rng = np.random.default_rng([seed, len(group)])
    if not (given != "").any():
        dealt = assign_splits(group, cluster, quotas(np.bincount(group, minlength=4), list(SHARES.values())), rng)
        split = np.array(SPLITS)[dealt]
        said = [f"The file has no splits; split by chance: {', '.join(f'{n} {s:.0%}' for n, s in SHARES.items())}."]
    else:
        kept = preserve_given_splits(np.array([SPLITS.index(name) for name in given]), group, cluster, rng)
        split = np.full(len(group), "") if kept is None else np.where(kept.removed, "", kept.split)
        said = _moved(given, split, seed)
    if any(len(np.unique(group[split == name])) < 4 for name in ("train", "test")):
        raise ImportSetError(
            f"The train and the test rows of {source} must each be of all four groups, in scenes of their own; mark "
            "others in split, or add rows."
        )
    return split, said


def _moved(given: NDArray[np.str_], split: NDArray[np.str_], seed: int) -> list[str]:
    """Sentences on rows that are in another split than the file says."""
    said = []
    for before in SPLITS:
        for after in SPLITS:
            moved = int(((given == before) & (split == after)).sum())
            if moved and before != after:
                rows = f"{moved:,} {before} rows, chosen by chance (seed {seed}), became {after} rows"
                said.append(f"{rows}: there was a group without any.")
    if removed := int((split == "").sum()):
        said.append(f"{plural(removed, 'row')} left out: others of their scene are in a later split.")
    return said


def _captions_of(found: Embeddings, grouping: Grouping) -> tuple[list[int], list[str]]:
    """Places of the captions that speak of these objects and contexts only, and a sentence on the others."""
    contexts = ("", *grouping.contexts)
    kept = [k for k, said in enumerate(found.said) if said.object in grouping.objects and said.context in contexts]
    if found.said and {found.said[k].object for k in kept} != set(grouping.objects):
        raise ImportSetError(
            f"The captions in {found.source} speak of {', '.join(sorted({said.object for said in found.said}))}; some "
            f"must speak of {grouping.objects[0]} and some of {grouping.objects[1]}, in text_object."
        )
    others = len(found.said) - len(kept)
    return kept, [f"{plural(others, 'caption')} of something else left out."] if others else []


def own_captions(said: Sequence[Caption], obj: str, context: str) -> int | None:
    """Place of the caption that a picture has: the first that says its object and context, else its object alone."""
    for spoken in ((obj, context), (obj, "")):
        for place, caption in enumerate(said):
            if (caption.object, caption.context) == spoken:
                return place
    return None


def write_set(work: Path, name: str, chosen: Chosen, licence: str, seed: int) -> None:
    """Write ``metadata.csv`` and ``dataset.json`` of a set without pictures into a folder."""
    found, grouping = chosen.embeddings, chosen.grouping
    own = {pair: own_captions(found.said, *pair) for pair in grouping.pairs}
    texts = {pair: "" if place is None else found.said[place].text for pair, place in own.items()}
    pairs = zip(found.table["object"], found.table["context"], strict=True)
    # A version is of everything that a measure can depend on: the vectors of the captions too.
    words = repr([found.scale, *found.said]).encode() + found.text.tobytes()
    common = hashlib.sha256(words).hexdigest()
    table = found.table.assign(
        file=found.table["name"],
        file_name="",
        caption=[texts[pair] for pair in pairs],
        mask="",
        factors="{}",
        digest=[hashlib.sha256(common.encode() + row.tobytes()).hexdigest() for row in found.z],
    )
    about: dict[str, Any] = {
        "name": name,
        "source": found.source,
        "format": "embeddings",
        "pictures": "none",
        "licence": printable(licence) or "not stated",
        "objects": list(grouping.objects),
        "contexts": list(grouping.contexts),
        "captions": {},
        "splitting": {"kind": "fixed"},
        "seed": seed,
        "notes": [*found.notes, majority_in_words(grouping)],
    }
    describe(work, table, about)
