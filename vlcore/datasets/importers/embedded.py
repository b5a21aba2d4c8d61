"""Image sets without pictures, from embeddings that were computed elsewhere.

The rows take the way of pictures: two objects in two contexts are chosen, what belongs together stays in one split, and
the table of the set is like any other. What needs pixels is told that there are none.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
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
from vlcore.datasets.importers.splits import BY_CHANCE, SHARES, assign_splits, preserve_given_splits, quotas
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
    table = found.table.assign(row=np.arange(len(found.table)), caption="")
    listing = Listing("embeddings", about, table, [], found.altered)
    grouping, table, _ = choose(listing, objects, contexts, found.source)
    notes = [about, *found.notes, *names_in_words(listing, grouping)]
    few = limit(table["group"].to_numpy(), _numbers(table["scene"]), max_per_group, seed)
    if len(few) < len(table):
        notes.append(
            f"{len(few):,} of {len(table):,} rows were chosen by chance (seed {seed}), at most {max_per_group:,} of a "
            "group."
        )
    table = table.iloc[few].reset_index(drop=True)
    split, moved = _split(table, seed, found.source)
    table = table.assign(split=split)[split != ""]
    group = table["group"].to_numpy(dtype=np.int64)
    need_enough(grouping, table["group"], found.source, [])
    kept, dropped = _captions_of(found, grouping)
    few_of = few_tested(group[(table["split"] == "test").to_numpy()], grouping, "test set", "row")
    embeddings = replace(
        found,
        z=found.z[table["row"].to_numpy()],
        table=table.drop(columns=["row", "group", "caption"]).reset_index(drop=True),
        text=found.text[kept],
        captions=tuple(found.captions[k] for k in kept),
        notes=(*notes, *moved, *few_of, *dropped),
    )
    return Chosen(embeddings, grouping, group)


def _numbers(scenes: pd.Series) -> NDArray[np.int64]:
    """Numbers of scenes, (n,), in the order of their names."""
    return np.unique(scenes.to_numpy(str), return_inverse=True)[1]


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


def limit(group: NDArray[np.int64], scene: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """Rows of at most so many of each group, sorted; all groups take scenes in one order, so that twins stay."""
    place = np.random.default_rng([seed, len(group)]).permutation(scene.max() + 1)[scene]
    chosen = []
    for number in range(4):
        members = np.flatnonzero(group == number)
        chosen.append(members[np.argsort(place[members], kind="stable")[:most]])
    return np.sort(np.concatenate(chosen))


def _split(table: pd.DataFrame, seed: int, source: str) -> tuple[NDArray[np.str_], list[str]]:
    """The split of each row, (n,), empty where it is left out; and what was done, in sentences."""
    given, group = table["split"].to_numpy(str), table["group"].to_numpy(dtype=np.int64)
    scene, rng = _numbers(table["scene"]), np.random.default_rng([seed, len(group)])
    notes = []
    if not (given != "").any():
        dealt = assign_splits(group, scene, quotas(np.bincount(group, minlength=4), list(SHARES.values())), rng)
        split = np.array(SPLITS)[dealt]
        notes.append(f"The file has no splits; {BY_CHANCE}")
    else:
        kept = preserve_given_splits(np.array([SPLITS.index(name) for name in given]), group, scene, rng)
        split = np.full(len(group), "") if kept is None else np.where(kept.removed, "", kept.split)
        moves = Counter(zip(given.tolist(), split.tolist(), strict=True))
        for before, after in permutations(SPLITS, 2):
            if moved := moves[before, after]:
                rows = f"{moved:,} {before} rows, chosen by chance (seed {seed}), became {after} rows"
                notes.append(f"{rows}: there was a group without any.")
        if removed := int((split == "").sum()):
            notes.append(f"{plural(removed, 'row')} left out: others of their scene are in a later split.")
    if any(len(np.unique(group[split == name])) < 4 for name in ("train", "test")):
        raise ImportSetError(
            f"The train and the test rows of {source} must each be of all four groups, in scenes of their own; mark "
            "others in split, or add rows."
        )
    return split, notes


def _captions_of(found: Embeddings, grouping: Grouping) -> tuple[list[int], list[str]]:
    """Places of the captions that speak of these objects and contexts only, and a sentence on the others."""
    contexts = ("", *grouping.contexts)
    kept = [k for k, one in enumerate(found.captions) if one.object in grouping.objects and one.context in contexts]
    if found.captions and {found.captions[k].object for k in kept} != set(grouping.objects):
        spoken_of = ", ".join(sorted({one.object for one in found.captions}))
        raise ImportSetError(
            f"The captions in {found.source} speak of {spoken_of}; some must speak of {grouping.objects[0]} and some "
            f"of {grouping.objects[1]}, in text_object."
        )
    others = len(found.captions) - len(kept)
    return kept, [f"{plural(others, 'caption')} of something else left out."] if others else []


def fitting_caption(captions: Sequence[Caption], obj: str, context: str) -> int | None:
    """Index of the caption that a picture has: the first that says its object and context, else its object alone."""
    meanings = [(caption.object, caption.context) for caption in captions]
    return next((meanings.index(pair) for pair in ((obj, context), (obj, "")) if pair in meanings), None)


def write_set(work: Path, name: str, chosen: Chosen, licence: str, seed: int) -> None:
    """Write ``metadata.csv`` and ``dataset.json`` of a set without pictures into a folder."""
    found, grouping = chosen.embeddings, chosen.grouping
    own = {pair: fitting_caption(found.captions, *pair) for pair in grouping.pairs}
    texts = {pair: "" if index is None else found.captions[index].text for pair, index in own.items()}
    pairs = zip(found.table["object"], found.table["context"], strict=True)
    # A version is of everything that a measure can depend on: the vectors of the captions too.
    spelt = [f"Said(text={one.text!r}, object={one.object!r}, context={one.context!r})" for one in found.captions]
    words = f"[{', '.join([repr(found.scale), *spelt])}]"  # no name of a class in our code may change it
    common = hashlib.sha256(words.encode() + found.text.tobytes()).hexdigest()
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
