"""Image sets without images, from embeddings that were computed elsewhere: an ``.npz`` from
anybody, checked.

It says the object and context of every row, and holds a vector in place of an image. All names
become clean and all vectors of length 1, for every measure is of directions. The rows go the way of
images: two objects in two contexts are chosen, what belongs together stays in one split.
"""

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.data.imageset import SPLITS, USER
from vlcore.data.importers.importing import (
    check_choice,
    few_tested,
    measured_sample,
    names_in_words,
)
from vlcore.data.importers.selection import (
    Listing,
    choose_groups,
    clean_name,
    clean_split,
    list_apart,
    majority_in_words,
    need_enough,
)
from vlcore.data.importers.source import DAMAGED, ImportSetError, joinable, printable
from vlcore.data.importers.splits import BY_CHANCE, preserve_source_splits, split_by_shares
from vlcore.data.importers.writing import describe
from vlcore.data.subset import limit
from vlcore.experiment import limits
from vlcore.experiment.captions import Caption
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import plural

CLIP_SCALE = 100.0  # what CLIP multiplies its cosines with
REQUIRED = ("z", "object", "context")
OPTIONAL = ("split", "scene", "name", "text", "captions", "text_object", "text_context", "scale")
BLOCK = 8192  # rows whose lengths are taken together
_KINDS = {"f": "floating-point numbers", "fiu": "a number", "U": "text"}  # by numpy's letters


@dataclass(frozen=True, eq=False)
class Npz:
    """An ``.npz`` file: its arrays that are known, columns of the user's own, and the names of
    arrays that are neither."""

    name: str
    arrays: dict[str, NDArray[Any]]
    columns: dict[str, NDArray[Any]]
    others: list[str]

    def wrong(self, array: str, what: str) -> ImportSetError:
        """The error that an array is not what it must be."""
        return ImportSetError(f"{array} in {self.name} {what}.")

    def read(self, array: str, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """An array that must be of a kind, one of `_KINDS`, and of a shape."""
        values = self.arrays[array]
        if values.dtype.kind not in kind:
            raise self.wrong(array, f"holds {values.dtype}; it must hold {_KINDS[kind]}")
        if values.shape != shape:
            raise self.wrong(array, f"has the shape {values.shape}; it must have {shape}")
        return values

    def texts(self, array: str, rows: int) -> list[str]:
        """An array of text, one a row."""
        return self.read(array, "U", (rows,)).tolist()


def open_npz(path: Path) -> Npz:
    """Read the arrays of an ``.npz`` file that are known; pickled ones are never opened."""
    name = printable(path.absolute().name)
    try:
        stored = np.load(path, allow_pickle=False)
        if isinstance(stored, np.ndarray):
            raise ValueError
    except FileNotFoundError as error:
        raise ImportSetError(
            f"{printable(str(path))} does not exist; give the path of an .npz file."
        ) from error
    except OSError as error:
        raise ImportSetError(
            f"{name} cannot be read ({error.strerror}); give the path of an .npz file."
        ) from error
    except (ValueError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ImportSetError(
            f"{name} is no .npz file, or a damaged one; save it again with np.savez."
        ) from error
    file = Npz(name, {}, {}, [])
    with stored:
        for array in stored.files:
            if array not in (*REQUIRED, *OPTIONAL):
                column = _column(stored, array)
                if column is None:
                    file.others.append(printable(array))
                else:
                    file.columns[array] = column
                continue
            try:
                file.arrays[array] = stored[array]
                if isinstance(file.arrays[array], bytes):  # of a member that is no array
                    raise ValueError
            except (*DAMAGED, MemoryError) as error:
                if "Object arrays" in str(error):
                    raise ImportSetError(
                        f"{name} holds Python objects as {array}, which are never read; save"
                        " numbers, or np.array(names, dtype=str), instead."
                    ) from error
                raise file.wrong(array, "is damaged; save it again with np.savez") from error
    return file


def _column(stored: Any, array: str) -> NDArray[Any] | None:
    """An array of one text, number or truth value a row; None of anything else."""
    try:
        values = stored[array]
    except (*DAMAGED, MemoryError):
        return None
    is_column = isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "Ufiub"
    return values if is_column and values.nbytes <= 4 * limits.TABLE_BYTES else None


@dataclass(frozen=True, eq=False)
class Embeddings:
    """What an ``.npz`` holds."""

    source: str  # name of the file
    z: NDArray[np.float32]  # unit vectors of images, (n, E)
    # One row an image: ``object``, ``context``, ``split`` (empty without), ``scene``, ``name``, and
    # columns of the user's own, whose names begin with `USER`.
    table: pd.DataFrame
    text: NDArray[np.float32]  # unit vectors of captions, (K, E)
    captions: tuple[Caption, ...]  # their words and what they name, K
    scale: float  # what a cosine is multiplied with to become a score
    # How the file spells an object or a context, by its name here, where that differs.
    spellings: dict[str, set[str]]
    notes: tuple[str, ...]  # sentences on what was done to it


def read_embeddings(path: Path) -> Embeddings:
    """Read and check an ``.npz`` file of embeddings; its arrays are listed in docs/images.md."""
    file = open_npz(path)
    if missing := [name for name in REQUIRED if name not in file.arrays]:
        arrays = ", ".join([*file.arrays, *file.columns, *file.others][:20]) or "nothing"
        raise ImportSetError(
            f"{file.name} has no array {missing[0]} (it holds {arrays}); save it under the names"
            f" {', '.join(REQUIRED)}."
        )
    rows, width = shape = _checked_shape(file)
    z, notes = _unit(file, "z", shape)
    spellings: dict[str, set[str]] = {}
    columns = {name: _names(file, name, rows, spellings) for name in ("object", "context")}
    columns["split"] = _splits(file, rows) if "split" in file.arrays else [""] * rows
    for name, prefix, clean in (("scene", "s", printable), ("name", "row ", joinable)):
        if name in file.arrays:
            columns[name] = list(map(clean, file.texts(name, rows)))
        else:
            columns[name] = [f"{prefix}{row:06d}" for row in range(rows)]
    columns |= _user_columns(file, rows)
    text, captions = _captions(file, width, spellings)
    if file.others:
        notes.append(f"Not used: {', '.join(file.others[:20])}.")
    table = pd.DataFrame(columns)
    scale = _scale(file)
    return Embeddings(file.name, z, table, text, captions, scale, spellings, tuple(notes))


def _user_columns(file: Npz, rows: int) -> dict[str, Any]:
    """The columns of the user's own by their names in a table; others are listed with the file."""
    columns: dict[str, Any] = {}
    for array, values in file.columns.items():
        name = USER + printable(array, most=60)
        if len(values) != rows or name in columns or len(columns) == limits.USER_COLUMNS:
            file.others.append(printable(array))
        elif values.dtype.kind == "U":
            columns[name] = list(map(joinable, values.tolist()))
        else:
            columns[name] = values
    return columns


def _checked_shape(file: Npz) -> tuple[int, int]:
    shape = file.arrays["z"].shape
    if len(shape) != 2 or shape[1] < 2 or shape[0] == 0:
        rule = "it must have one row an image and two or more columns"
        raise file.wrong("z", f"has the shape {shape}; {rule}")
    rows, width = shape
    most_rows, most_width = limits.EMBEDDING_ROWS, limits.EMBEDDING_WIDTH
    if rows > most_rows or width > most_width:
        rule = f"choose some, for at most {most_rows:,} of {most_width:,} can be imported"
        raise file.wrong("z", f"has {rows:,} rows of {width:,} numbers; {rule}")
    return rows, width


def _scale(file: Npz) -> float:
    if "scale" not in file.arrays:
        return CLIP_SCALE
    shape = (1,) if file.arrays["scale"].shape == (1,) else ()
    scale = float(file.read("scale", "fiu", shape).item())
    if not (np.isfinite(scale) and scale > 0):
        raise file.wrong("scale", f"is {scale}; it must be a number above 0, such as CLIP's 100")
    return scale


def _unit(file: Npz, name: str, shape: tuple[int, ...]) -> tuple[NDArray[np.float32], list[str]]:
    """Vectors at length 1, and a sentence where they had another."""
    vectors = file.read(name, "f", shape)
    unit = np.empty(shape, dtype=np.float32)
    is_changed = False
    for start in range(0, len(vectors), BLOCK):  # all at once would take four times their memory
        block = vectors[start : start + BLOCK]
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            row = start + int(finite.argmin())
            raise file.wrong(name, f"has a number that is not finite (row {row})")
        largest = np.abs(block).max(axis=1, initial=0)
        if not largest.all():
            row = start + int(largest.argmin())
            rule = "which has no direction; leave it out"
            raise file.wrong(name, f"has a vector of zeros (row {row}), {rule}")
        scaled = block.astype(np.float64) / largest[:, None]  # first, so that no square overflows
        lengths = np.linalg.norm(scaled, axis=1)
        unit[start : start + BLOCK] = scaled / lengths[:, None]
        log_lengths = np.log(lengths) + np.log(largest.astype(np.float64))
        is_changed |= bool(np.abs(log_lengths).max(initial=0) > 1e-2)
    return unit, [f"The vectors in {name} were brought to length 1."] if is_changed else []


def _names(
    file: Npz, name: str, rows: int, spellings: dict[str, set[str]], *, may_be_empty: bool = False
) -> list[str]:
    """Names of objects or contexts, cleaned as those of images are."""
    texts = file.texts(name, rows)
    clean = {text: clean_name(text) for text in dict.fromkeys(texts)}
    for text, cleaned in clean.items():
        if not cleaned and not (may_be_empty and not text.strip()):
            row = texts.index(text)
            raise file.wrong(name, f"has no letter or digit in row {row}; name it, or leave it out")
        if cleaned != text:
            spellings.setdefault(cleaned, set()).add(printable(text))
    return [clean[text] for text in texts]


def _splits(file: Npz, rows: int) -> list[str]:
    texts = file.texts("split", rows)
    names = [clean_split(text) for text in texts]
    if "" in names:
        row = names.index("")
        rule = f"it must be one of {', '.join(SPLITS)}"
        raise file.wrong("split", f"is {printable(texts[row])!r} in row {row}; {rule}")
    return names


def _captions(
    file: Npz, width: int, spellings: dict[str, set[str]]
) -> tuple[NDArray[np.float32], tuple[Caption, ...]]:
    """The captions' vectors and what they name; none where the file has none."""
    needed = ("text", "captions", "text_object")
    present = [name for name in (*needed, "text_context") if name in file.arrays]
    if not present:
        return np.zeros((0, width), dtype=np.float32), ()
    if missing := [name for name in needed if name not in present]:
        need = (
            "text (their vectors), captions (their words) and text_object (the object that each"
            " names)"
        )
        raise ImportSetError(
            f"{file.name} has {present[0]} but no {missing[0]}; captions need {need}."
        )
    count = file.arrays["captions"].size
    most = limits.EMBEDDING_CAPTIONS
    if not 0 < count <= most:
        raise ImportSetError(
            f"captions in {file.name} are {count:,}; give 1 to {most:,}, or leave them out."
        )
    words = list(map(printable, file.texts("captions", count)))
    if "" in words:
        raise file.wrong("captions", f"has no words in row {words.index('')}; write them")
    objects = _names(file, "text_object", count, spellings)
    contexts = [""] * count
    if "text_context" in file.arrays:
        contexts = _names(file, "text_context", count, spellings, may_be_empty=True)
    vectors, _ = _unit(file, "text", (count, width))
    return vectors, tuple(map(Caption, words, objects, contexts))


def listing_of_embeddings(embeddings: Embeddings) -> Listing:
    """What the rows show and where, in the order that they have in a set; ``row`` is the number of
    each in its file."""
    count, width = embeddings.z.shape
    about = f"{plural(count, 'embedding')} of {width:,} numbers."
    table = _sorted_by_name(embeddings.table).assign(caption="")
    return Listing("embeddings", about, table, [], embeddings.spellings)


def list_embeddings_apart(source: Path, seconds: float = limits.DECODE_SECONDS) -> Listing:
    """Check an ``.npz`` of a visitor's in a helper process, which may take so many seconds and a
    bounded memory; ImportSetError where it takes more, or holds no embeddings."""
    return list_apart(list_embeddings_as_helper, source, seconds)


def list_embeddings_as_helper(_data: bytes, path: str) -> tuple[dict[str, Any], bytes]:
    """List the rows of an ``.npz`` in the helper process."""
    listing = listing_of_embeddings(read_embeddings(Path(path)))
    table = listing.table[["object", "context", "split", "caption"]]
    return replace(listing, table=table).as_facts(), b""


def choose_rows(
    embeddings: Embeddings,
    objects: Sequence[str],
    contexts: Sequence[str],
    max_per_group: int | None,
    seed: int,
) -> tuple[Embeddings, Grouping]:
    """Two objects in two contexts out of all that a file has, each row with its split; some scenes,
    by chance, where more than asked for. The options are those of
    `vlcore.data.importers.import_set`."""
    check_choice(max_per_group, seed, "rows")
    source, z = embeddings.source, embeddings.z
    listing = listing_of_embeddings(embeddings)
    grouping, table, _ = choose_groups(listing, objects, contexts, source)
    notes = [listing.about, *embeddings.notes, *names_in_words(listing, grouping)]
    if max_per_group is not None:
        scene = pd.factorize(table["scene"], sort=True)[0]
        sampled = limit(table["group"].to_numpy(), scene, max_per_group, seed)
        if len(sampled) < len(table):
            notes.append(
                f"{len(sampled):,} of {len(table):,} rows were chosen by chance (seed {seed}), at"
                f" most {max_per_group:,} of a group."
            )
        table = table.iloc[sampled].reset_index(drop=True)
    split, split_notes = _split(table, seed, source)
    table = table.assign(split=split)[split != ""]
    need_enough(grouping, table["group"], source, [])
    tested = table["group"][table["split"] == "test"].to_numpy()
    fitting, caption_notes = _fitting_captions(embeddings, grouping)
    notes += [*split_notes, *few_tested(tested, grouping, "test set", "row"), *caption_notes]
    chosen = replace(
        embeddings,
        z=z[table["row"].to_numpy()],
        table=table.drop(columns=["row", "group", "caption"]).reset_index(drop=True),
        text=embeddings.text[fitting],
        captions=tuple(embeddings.captions[index] for index in fitting),
        notes=tuple(notes),
    )
    return chosen, grouping


def _sorted_by_name(table: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by name, where names are unique: embeddings of the same images by two encoders then
    make sets of the same images, in whatever order their files list them. ``row`` is the number
    that each has in its file."""
    names = table["name"]
    if not names.is_unique:
        return table.assign(row=np.arange(len(table)))
    order = np.argsort(names.to_numpy(str), kind="stable")
    numbered = [f"s{row:06d}" for row in range(len(names))]
    has_scenes = table["scene"].tolist() != numbered
    table = table.iloc[order].reset_index(drop=True)
    if not has_scenes:  # each row is one
        table["scene"] = numbered
    return table.assign(row=order)


def _split(table: pd.DataFrame, seed: int, source: str) -> tuple[NDArray[np.str_], list[str]]:
    """The split of each row, (n,), empty where it is left out; and what was done, in sentences."""
    before = table["split"].to_numpy(str)
    group = table["group"].to_numpy(dtype=np.int64)
    scene = pd.factorize(table["scene"], sort=True)[0]
    random = np.random.default_rng([seed, len(group)])
    notes = []
    if not (before != "").any():
        split = split_by_shares(group, scene, random)
        notes.append(f"The file has no splits; {BY_CHANCE}")
    else:
        preserved = preserve_source_splits(before, group, scene, random)
        split = np.full(len(group), "") if preserved is None else preserved
        for old, new in permutations(SPLITS, 2):
            if moved := int(((before == old) & (split == new)).sum()):
                notes.append(
                    f"{moved:,} {old} rows, chosen by chance (seed {seed}), became {new} rows:"
                    " there was a group without any."
                )
        if removed := int((split == "").sum()):
            notes.append(
                f"{plural(removed, 'row')} left out: others of their scene are in a later split."
            )
    if any(len(np.unique(group[split == name])) < 4 for name in ("train", "test")):
        raise ImportSetError(
            f"The train and the test rows of {source} must each be of all four groups, in scenes of"
            " their own; mark others in split, or add rows."
        )
    return split, notes


def _fitting_captions(embeddings: Embeddings, grouping: Grouping) -> tuple[list[int], list[str]]:
    """Indices of the captions that name these objects and contexts only, and a sentence on the
    others."""
    captions = embeddings.captions
    contexts = ("", *grouping.contexts)
    fitting = [
        index
        for index, caption in enumerate(captions)
        if caption.object in grouping.objects and caption.context in contexts
    ]
    if captions and {captions[index].object for index in fitting} != set(grouping.objects):
        named = ", ".join(sorted({caption.object for caption in captions}))
        need = f"some must name {' and some '.join(grouping.objects)}, in text_object"
        raise ImportSetError(f"The captions in {embeddings.source} name {named}; {need}.")
    others = len(captions) - len(fitting)
    return fitting, [f"{plural(others, 'caption')} of something else left out."] if others else []


def fitting_caption(captions: Sequence[Caption], obj: str, context: str) -> int | None:
    """Index of the caption that an image has: the first that names its object and context, else its
    object alone."""
    for context_word in (context, ""):
        for index, caption in enumerate(captions):
            if (caption.object, caption.context) == (obj, context_word):
                return index
    return None


def write_set(
    folder: Path, name: str, embeddings: Embeddings, grouping: Grouping, licence: str, seed: int
) -> None:
    """Write ``metadata.csv`` and ``dataset.json`` of a set without images into a folder."""
    texts = {}
    for pair in grouping.pairs:
        index = fitting_caption(embeddings.captions, *pair)
        texts[pair] = "" if index is None else embeddings.captions[index].text
    pairs = zip(embeddings.table["object"], embeddings.table["context"], strict=True)
    table = embeddings.table.assign(
        file=embeddings.table["name"],
        caption=[texts[pair] for pair in pairs],
        digest=_digests(embeddings),
        file_name="",
        mask="",
        factors="{}",
    )
    about: dict[str, Any] = {
        "name": name,
        "source": embeddings.source,
        "format": "embeddings",
        "pictures": "none",
        "licence": printable(licence) or "not stated",
        "objects": list(grouping.objects),
        "contexts": list(grouping.contexts),
        "captions": {},
        "splitting": {"kind": "fixed"},
        "measured": measured_sample(seed),
        # By their numpy kind: text that looks like a number, such as 007, stays text.
        "numbers": [
            name.removeprefix(USER)
            for name in table
            if name.startswith(USER) and table[name].dtype.kind in "fiu"
        ],
        "seed": seed,
        "notes": [*embeddings.notes, majority_in_words(grouping)],
    }
    describe(folder, table, about)


def _digests(embeddings: Embeddings) -> list[str]:
    """A digest of each row, of everything that a measure of it can depend on: the captions too."""
    spelt = [repr(embeddings.scale)]
    for caption in embeddings.captions:
        # "Said" was the name of the class when the first sets were made: it keeps their versions.
        spelt.append(
            f"Said(text={caption.text!r}, object={caption.object!r}, context={caption.context!r})"
        )
    captions = f"[{', '.join(spelt)}]".encode() + embeddings.text.tobytes()
    common = hashlib.sha256(captions).hexdigest().encode()
    return [hashlib.sha256(common + vector.tobytes()).hexdigest() for vector in embeddings.z]
