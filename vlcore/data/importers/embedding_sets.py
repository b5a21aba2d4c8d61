"""Image sets without pictures, from embeddings that were computed elsewhere: an ``.npz`` from
anybody, checked.

It says of every row its object and context, and holds a vector in place of a picture. All names
become clean and all vectors of length 1, for every measure is of directions. The rows take the way
of pictures: two objects in two contexts are chosen, what belongs together stays in one split. What
needs pixels is told that there are none.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.data.imageset import SPLITS
from vlcore.data.importers import selection
from vlcore.data.importers.importing import few_tested, names_in_words
from vlcore.data.importers.selection import (
    FEWEST,
    Listing,
    choose,
    clean_name,
    clean_split,
    majority_in_words,
)
from vlcore.data.importers.source import ImportSetError, Npz, open_npz, plural, printable
from vlcore.data.importers.splits import BY_CHANCE, preserve_given_splits, split_by_shares
from vlcore.data.importers.writing import describe
from vlcore.experiment import limits
from vlcore.experiment.captions import Caption
from vlcore.experiment.grouping import Grouping

CLIP_SCALE = 100.0  # what CLIP multiplies its cosines with
REQUIRED = ("z", "object", "context")
OPTIONAL = ("split", "scene", "name", "text", "captions", "text_object", "text_context", "scale")


@dataclass(frozen=True, eq=False)
class Embeddings:
    """What an ``.npz`` holds."""

    source: str  # name of the file
    z: NDArray[np.float32]  # unit vectors of pictures, (n, E)
    table: (
        pd.DataFrame
    )  # one row a picture: ``object``, ``context``, ``split`` (empty without), ``scene``, ``name``
    text: NDArray[np.float32]  # unit vectors of captions, (K, E)
    captions: tuple[Caption, ...]  # their words and what they speak of, K
    scale: float  # what a cosine is multiplied with to become a score
    altered: dict[
        str, set[str]
    ]  # what the file calls an object or a context, by its name here, where that is another
    notes: tuple[str, ...]  # sentences on what was done to it


def read_embeddings(path: Path) -> Embeddings:
    """Read and check an ``.npz`` file of embeddings; its arrays are listed in docs/images.md."""
    with open_npz(path) as file:
        if missing := [name for name in REQUIRED if name not in file.arrays]:
            there = ", ".join(map(printable, file.arrays[:20])) or "nothing"
            raise ImportSetError(
                f"{file.name} has no array {missing[0]} (it holds {there}); save it with np.savez."
            )
        shape = file.shape("z")
        if len(shape) != 2 or shape[1] < 2 or shape[0] == 0:
            rule = "it must have one row a picture and two or more columns"
            raise file.wrong("z", f"has the shape {shape}; {rule}")
        rows, width = shape
        most_rows, most_width = limits.EMBEDDING_ROWS, limits.EMBEDDING_WIDTH
        if rows > most_rows or width > most_width:
            rule = f"choose some, for at most {most_rows:,} of {most_width:,} can be imported"
            raise file.wrong("z", f"has {rows:,} rows of {width:,} numbers; {rule}")
        z, notes = _unit(file, "z", shape)
        altered: dict[str, set[str]] = {}
        table = pd.DataFrame(
            {name: _names(file, name, rows, altered) for name in ("object", "context")}
        )
        table["split"] = _splits(file, rows) if "split" in file.arrays else ""
        for name, usual in (("scene", "s"), ("name", "row ")):
            numbered = [f"{usual}{row:06d}" for row in range(rows)]
            table[name] = _texts(file, name, rows) if name in file.arrays else numbered
        text, captions = _captions(file, width, altered)
        scale = CLIP_SCALE
        if "scale" in file.arrays:
            scale = float(
                file.read("scale", "fiu", (1,) if file.shape("scale") == (1,) else ()).item()
            )
        if not (np.isfinite(scale) and scale > 0):
            raise file.wrong(
                "scale", f"is {scale}; it must be a number above 0, such as CLIP's 100"
            )
        unused = [printable(name) for name in file.arrays if name not in (*REQUIRED, *OPTIONAL)]
        notes += [f"Not used: {', '.join(unused[:20])}."] if unused else []
        return Embeddings(file.name, z, table, text, captions, scale, altered, tuple(notes))


def _unit(file: Npz, name: str, shape: tuple[int, ...]) -> tuple[NDArray[np.float32], list[str]]:
    """Vectors at length 1, and a sentence where they had another."""
    vectors = file.read(name, "f", shape)
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise file.wrong(name, f"has a number that is not finite (row {finite.argmin()})")
    largest = np.abs(vectors).max(axis=1, initial=0)
    if not largest.all():
        raise file.wrong(
            name,
            f"has a vector of zeros (row {largest.argmin()}), which has no direction; leave it out",
        )
    scaled = vectors.astype(np.float64) / largest[:, None]  # first, so that no square overflows
    lengths = np.linalg.norm(scaled, axis=1)
    unit = (scaled / lengths[:, None]).astype(np.float32)
    had_other = np.abs(np.log(lengths) + np.log(largest.astype(np.float64))).max(initial=0) > 1e-2
    return unit, [f"The vectors in {name} were brought to length 1."] if had_other else []


def _texts(file: Npz, name: str, rows: int) -> list[str]:
    return list(map(printable, file.read(name, "U", (rows,)).tolist()))


def _names(
    file: Npz, name: str, rows: int, altered: dict[str, set[str]], *, may_be_empty: bool = False
) -> list[str]:
    """Names of objects or contexts, cleaned as those of pictures are."""
    given = file.read(name, "U", (rows,)).tolist()
    names = {kind: clean_name(kind) for kind in dict.fromkeys(given)}
    for kind, cleaned in names.items():
        if not cleaned and not (may_be_empty and not kind.strip()):
            raise file.wrong(
                name, f"has no letter or digit in row {given.index(kind)}; name it, or leave it out"
            )
        if cleaned != kind:
            altered.setdefault(cleaned, set()).add(printable(kind))
    return [names[kind] for kind in given]


def _splits(file: Npz, rows: int) -> list[str]:
    given = file.read("split", "U", (rows,)).tolist()
    names = [clean_split(split) for split in given]
    if "" in names:
        row = names.index("")
        one_of = f"it must be one of {', '.join(SPLITS)}"
        raise file.wrong("split", f"is {printable(given[row])!r} in row {row}; {one_of}")
    return names


def _captions(
    file: Npz, width: int, altered: dict[str, set[str]]
) -> tuple[NDArray[np.float32], tuple[Caption, ...]]:
    """The captions' vectors and what they speak of; none where the file has none."""
    needed = ("text", "captions", "text_object")
    there = [name for name in (*needed, "text_context") if name in file.arrays]
    if not there:
        return np.zeros((0, width), dtype=np.float32), ()
    if missing := [name for name in needed if name not in there]:
        need = (
            "text (their vectors), captions (their words) and text_object (the object that each"
            " speaks of)"
        )
        raise ImportSetError(
            f"{file.name} has {there[0]} but no {missing[0]}; captions need {need}."
        )
    count = file.shape("captions")[0] if file.shape("captions") else 0
    most = limits.EMBEDDING_CAPTIONS
    if not 0 < count <= most:
        raise ImportSetError(
            f"captions in {file.name} are {count:,}; give 1 to {most:,}, or leave them out."
        )
    words = _texts(file, "captions", count)
    if "" in words:
        raise file.wrong("captions", f"has no words in row {words.index('')}; write them")
    objects = _names(file, "text_object", count, altered)
    contexts = [""] * count
    if "text_context" in file.arrays:
        contexts = _names(file, "text_context", count, altered, may_be_empty=True)
    return _unit(file, "text", (count, width))[0], tuple(map(Caption, words, objects, contexts))


def choose_rows(
    found: Embeddings,
    objects: Sequence[str],
    contexts: Sequence[str],
    max_per_group: int,
    seed: int,
) -> tuple[Embeddings, Grouping]:
    """Two objects in two contexts out of all that a file has, each row with its split; some scenes,
    by chance, where there are too many. The options are those of
    `vlcore.data.importers.import_set`."""
    if max_per_group < FEWEST or seed < 0:
        raise ImportSetError(f"Give at least {FEWEST} rows a group and a seed of at least 0.")
    found = _by_name(found)
    about = f"{plural(len(found.table), 'embedding')} of {found.z.shape[1]:,} numbers."
    table = found.table.assign(row=np.arange(len(found.table)), caption="")
    listing = Listing("embeddings", about, table, [], found.altered)
    grouping, table, _ = choose(listing, objects, contexts, found.source)
    notes = [about, *found.notes, *names_in_words(listing, grouping)]
    few = limit(
        table["group"].to_numpy(), pd.factorize(table["scene"], sort=True)[0], max_per_group, seed
    )
    if len(few) < len(table):
        how = f"chosen by chance (seed {seed}), at most {max_per_group:,} of a group"
        notes.append(f"{len(few):,} of {len(table):,} rows were {how}.")
    table = table.iloc[few].reset_index(drop=True)
    split, moved = _split(table, seed, found.source)
    table = table.assign(split=split)[split != ""]
    selection.need_enough(grouping, table["group"], found.source, [])
    kept, dropped = _captions_of(found, grouping)
    few_of = few_tested(
        table["group"][table["split"] == "test"].to_numpy(), grouping, "test set", "row"
    )
    z, captions = found.z[table["row"].to_numpy()], tuple(found.captions[k] for k in kept)
    table = table.drop(columns=["row", "group", "caption"]).reset_index(drop=True)
    told = (*notes, *moved, *few_of, *dropped)
    return (
        replace(found, z=z, table=table, text=found.text[kept], captions=captions, notes=told),
        grouping,
    )


def _by_name(found: Embeddings) -> Embeddings:
    """The rows in the order of their names, where each has one of its own: embeddings of the same
    pictures by two encoders then make sets of the same pictures, in whatever order their files list
    them."""
    names = found.table["name"]
    if not names.is_unique:
        return found
    order = np.argsort(names.to_numpy(str), kind="stable")
    table = found.table.iloc[order].reset_index(drop=True)
    numbered = [f"s{row:06d}" for row in range(len(names))]
    if (
        found.table["scene"].tolist() == numbered
    ):  # no scenes were given: each row is one, by its place
        table["scene"] = numbered
    return replace(found, z=found.z[order], table=table)


def limit(
    group: NDArray[np.int64], scene: NDArray[np.int64], most: int, seed: int
) -> NDArray[np.int64]:
    """Rows of at most so many of each group, sorted; all groups take scenes in one order, so that
    twins stay."""
    place = np.random.default_rng([seed, len(group)]).permutation(scene.max() + 1)[scene]
    order = np.argsort(place, kind="stable")
    turn = pd.Series(order).groupby(group[order]).cumcount().to_numpy()
    return np.sort(order[turn < most])


def _split(table: pd.DataFrame, seed: int, source: str) -> tuple[NDArray[np.str_], list[str]]:
    """The split of each row, (n,), empty where it is left out; and what was done, in sentences."""
    given, group = table["split"].to_numpy(str), table["group"].to_numpy(dtype=np.int64)
    scene, rng = (
        pd.factorize(table["scene"], sort=True)[0],
        np.random.default_rng([seed, len(group)]),
    )
    notes = []
    if not (given != "").any():
        split = split_by_shares(group, scene, rng)
        notes.append(f"The file has no splits; {BY_CHANCE}")
    else:
        kept = preserve_given_splits(given, group, scene, rng)
        split = np.full(len(group), "") if kept is None else kept
        for before, after in permutations(SPLITS, 2):
            if moved := int(((given == before) & (split == after)).sum()):
                rows = (
                    f"{moved:,} {before} rows, chosen by chance (seed {seed}), became {after} rows"
                )
                notes.append(f"{rows}: there was a group without any.")
        if removed := int((split == "").sum()):
            notes.append(
                f"{plural(removed, 'row')} left out: others of their scene are in a later split."
            )
    if any(len(np.unique(group[split == name])) < 4 for name in ("train", "test")):
        rule = (
            "must each be of all four groups, in scenes of their own; mark others in split, or add"
            " rows"
        )
        raise ImportSetError(f"The train and the test rows of {source} {rule}.")
    return split, notes


def _captions_of(found: Embeddings, grouping: Grouping) -> tuple[list[int], list[str]]:
    """Places of the captions that speak of these objects and contexts only, and a sentence on the
    others."""
    contexts = ("", *grouping.contexts)
    kept = [
        k
        for k, one in enumerate(found.captions)
        if one.object in grouping.objects and one.context in contexts
    ]
    if found.captions and {found.captions[k].object for k in kept} != set(grouping.objects):
        spoken_of = ", ".join(sorted({one.object for one in found.captions}))
        need = f"some must speak of {' and some of '.join(grouping.objects)}, in text_object"
        raise ImportSetError(f"The captions in {found.source} speak of {spoken_of}; {need}.")
    others = len(found.captions) - len(kept)
    return kept, [f"{plural(others, 'caption')} of something else left out."] if others else []


def fitting_caption(captions: Sequence[Caption], obj: str, context: str) -> int | None:
    """Index of the caption that a picture has: the first that says its object and context, else its
    object alone."""
    meanings = [(caption.object, caption.context) for caption in captions]
    return next(
        (meanings.index(pair) for pair in ((obj, context), (obj, "")) if pair in meanings), None
    )


def write_set(
    work: Path, name: str, found: Embeddings, grouping: Grouping, licence: str, seed: int
) -> None:
    """Write ``metadata.csv`` and ``dataset.json`` of a set without pictures into a folder."""
    own = {pair: fitting_caption(found.captions, *pair) for pair in grouping.pairs}
    texts = {
        pair: "" if index is None else found.captions[index].text for pair, index in own.items()
    }
    pairs = zip(found.table["object"], found.table["context"], strict=True)
    # A version is of everything that a measure can depend on: the vectors of the captions too.
    spelt = [
        f"Said(text={one.text!r}, object={one.object!r}, context={one.context!r})"
        for one in found.captions
    ]
    words = (  # no name of a class in our code may change it
        f"[{', '.join([repr(found.scale), *spelt])}]"
    )
    common = hashlib.sha256(words.encode() + found.text.tobytes()).hexdigest()
    digests = [hashlib.sha256(common.encode() + row.tobytes()).hexdigest() for row in found.z]
    usual = {"file_name": "", "mask": "", "factors": "{}"}
    captions = [texts[pair] for pair in pairs]
    table = found.table.assign(file=found.table["name"], caption=captions, digest=digests, **usual)
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
