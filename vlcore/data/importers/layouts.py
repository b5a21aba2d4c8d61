"""Layouts of sources: what the images of a folder or a zip show.

A source has a table ``labels.csv`` with the columns ``file``, ``object`` and ``context``, or its
folders say it: ``OBJECT/CONTEXT/*``, in folders of splits or not.
"""

import unicodedata
import warnings
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from vlcore.data import sandbox
from vlcore.data.decoding import SUFFIXES
from vlcore.data.imageset import USER
from vlcore.data.importers.selection import Listing, clean_name, clean_split
from vlcore.data.importers.source import (
    ImportSetError,
    Skipped,
    Source,
    UnreadableError,
    joinable,
    open_source,
    path_inside,
    printable,
)
from vlcore.experiment import limits
from vlcore.experiment.wording import plural

LABELS = "labels.csv"
NEEDED = ("file", "object", "context")
OPTIONAL = ("split", "caption")
_OTHER_SUFFIXES = (".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".jfif")


def list_source(source: Path) -> Listing:
    """List the images of a folder or a zip, without decoding any; ImportSetError where it has
    none."""
    with open_source(source) as opened:
        tables = [file for file in opened.files if PurePosixPath(file).name == LABELS]
        if tables:
            table, skipped = _read_labels(opened, min(tables, key=lambda file: file.count("/")))
            about = f"A table {LABELS} with objects and contexts."
        else:
            table, skipped = _read_folders(opened)
            about = "Folders named OBJECT/CONTEXT."
        listing = _cleaned(table, about, [*opened.skipped, *skipped])
    if listing.table.empty:
        raise ImportSetError(f"{opened.name} holds {_no_image(listing.skipped)}")
    return listing


def list_source_apart(source: Path, seconds: float = limits.DECODE_SECONDS) -> Listing:
    """`list_source` in a helper process, which may take so many seconds; ImportSetError also where
    it takes longer."""
    path = source.absolute()
    facts, _ = sandbox.run_apart(
        list_source_as_helper,
        called=printable(path.name),
        error=ImportSetError,
        seconds=seconds,
        path=str(path),
    )
    return Listing.from_facts(facts)


def list_source_as_helper(_data: bytes, path: str) -> tuple[dict[str, Any], bytes]:
    """`list_source` in the helper process."""
    return list_source(Path(path)).as_facts(), b""


def _read_folders(source: Source) -> tuple[pd.DataFrame, Skipped]:
    """One row an image, by the two folders that it lies in, and a split of the folders above."""
    rows = []
    skipped: Skipped = []
    for file in source.files:
        if file.lower().endswith(_OTHER_SUFFIXES):
            skipped.append((file, "is not a PNG, JPEG or WebP image; convert it"))
        if not file.lower().endswith(SUFFIXES):
            continue
        folders = PurePosixPath(file).parts[:-1]
        *above, obj, context = ("", "", *folders)
        split = next(filter(None, map(clean_split, above)), "")
        rows.append((file, obj, context, split, "", len(folders) - bool(split)))
    table = pd.DataFrame(rows, columns=[*NEEDED, *OPTIONAL, "depth"])
    # Images of objects in contexts lie equally deep; others lie above or below them.
    usual_depth = table["depth"].mode().max()
    is_outside = (table["depth"] != usual_depth) | (table["depth"] < 2)
    skipped += [
        (file, "lies outside the folders OBJECT/CONTEXT") for file in table["file"][is_outside]
    ]
    return table[~is_outside].drop(columns="depth"), skipped


def _read_labels(source: Source, file: str) -> tuple[pd.DataFrame, Skipped]:
    """One row an image that a table names, and the lines that cannot be used."""
    table = _read_csv(source, file)
    folder = PurePosixPath(file).parent
    places = [path_inside(folder, name, source.by_name) for name in table["file"]]
    reasons = pd.Series([reason for _, reason in places], table.index, dtype=object)
    lacks_label = (table["object"] == "") | (table["context"] == "")
    reasons = reasons.mask(lacks_label & (reasons == ""), "lacks an object or a context")
    for name in table["split"][table["split"].map(clean_split) != table["split"]].unique():
        if not clean_split(name):
            raise ImportSetError(
                f"{file} has a split {printable(name)!r}; write train, val, probe or test, or"
                " leave it empty."
            )
    is_bad = reasons != ""
    named = table["file"].where(table["file"] != "", file)
    skipped = list(zip(named[is_bad], reasons[is_bad], strict=True))
    return table.assign(file=[path for path, _ in places])[~is_bad], skipped


def _read_csv(source: Source, file: str) -> pd.DataFrame:
    """A table of labels as text; the user's own columns have `USER` before their names."""
    called = f"The table {file}"
    try:
        text = source.read(file).decode("utf-8-sig").replace("\0", "")
    except UnicodeDecodeError as error:
        raise ImportSetError(f"{called} is not written in UTF-8; save it as UTF-8.") from error
    except UnreadableError as error:
        raise ImportSetError(f"{called} {error}; put one there that can be read.") from error
    head = text.partition("\n")[0]
    separator = ";" if ";" in head and "," not in head else ","
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                StringIO(text), sep=separator, dtype=str, keep_default_na=False, index_col=False
            )
    except (ValueError, pd.errors.ParserWarning) as error:  # of pandas, also of an empty file
        raise ImportSetError(
            f"{called} cannot be read as CSV ({printable(str(error))}); save it again."
        ) from error
    if len(table) > limits.ROWS:
        raise ImportSetError(f"{called} has more than {limits.ROWS:,} lines; import a part of it.")
    table = table.fillna("").map(str.strip)
    names = [printable(str(name), most=60) for name in table]
    folded = [name.casefold() for name in names]
    if not set(NEEDED) <= set(folded):
        raise ImportSetError(
            f"{called} has the columns {', '.join(names)}; it needs file, object and context."
        )
    ours = {*NEEDED, *OPTIONAL}
    table.columns = [
        lower if lower in ours else f"{USER}{name}"
        for lower, name in zip(folded, names, strict=True)
    ]
    table = table.loc[:, ~table.columns.duplicated() & (table.columns != USER)]
    of_user = [name for name in table if name.startswith(USER)][: limits.USER_COLUMNS]
    table[of_user] = table[of_user].map(joinable)
    return table.reindex(columns=[*NEEDED, *OPTIONAL, *of_user], fill_value="")


def _cleaned(table: pd.DataFrame, about: str, skipped: Skipped) -> Listing:
    """The listing of a table with clean names, sorted by file."""
    spellings: dict[str, set[str]] = {}
    for kind in ("object", "context"):
        for written in table[kind].unique():
            name = clean_name(written)
            if name != unicodedata.normalize("NFC", written):
                spellings.setdefault(name, set()).add(printable(written))
        table[kind] = table[kind].map(clean_name)
    table["split"] = table["split"].map(clean_split)
    table["caption"] = table["caption"].map(printable)
    table = table.sort_values("file", kind="stable", ignore_index=True)
    reason = pd.Series("", table.index)
    reason[table.duplicated(list(NEEDED))] = "is listed more than once; its first line is used"
    nameless = (table["object"] == "") | (table["context"] == "")
    reason[nameless] = "has an object or context whose name has neither letter nor digit"
    left_out = reason != ""
    skipped += zip(table["file"][left_out], reason[left_out], strict=True)
    table = table[~left_out].reset_index(drop=True)
    readable = [(printable(file), reason) for file, reason in skipped]
    return Listing(about, table, readable, spellings)


def _no_image(skipped: Skipped) -> str:
    """The end of a sentence on why no image is left."""
    if not skipped:
        return (
            "no image; it needs PNG, JPEG or WebP files in folders OBJECT/CONTEXT, or a"
            f" {LABELS} with file, object and context."
        )
    file, reason = skipped[0]
    return f"no image that can be used ({plural(len(skipped), 'file')}): {file} {reason}."
