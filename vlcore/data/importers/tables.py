"""Readers of sources with a table: Hugging Face's imagefolder and our own sets, image-text lists,
lists of labels, and Waterbirds.

A line that names a file which is missing or lies outside is left out and listed; the other lines
count. A line of JSON that is broken ends the import.
"""

import csv
import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from io import StringIO
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pandas as pd

from vlcore.data.decoding import SUFFIXES
from vlcore.data.imageset import POOL
from vlcore.data.importers.selection import clean_split
from vlcore.data.importers.source import (
    Contents,
    ImportSetError,
    Row,
    Skipped,
    Source,
    printable,
    utf8,
)
from vlcore.experiment import limits
from vlcore.experiment.plain_text import as_written

_PATHS = ("filepath", "file_path", "filename", "file_name", "image_path", "image", "path")
_CAPTIONS = ("caption", "text", "title")
_GROUP = {"object", "context"}
_LABELLED = {*_PATHS, *_CAPTIONS, *_GROUP, "split", "mask", "scene", "factors"}
# Names of the columns of a ``labels.csv``; of several the first counts.
_FILES = ("file", *_PATHS)
_OBJECTS = ("label", "object", "class", "category", "species", "animal")
_CONTEXTS = ("background", "context", "place", "location", "environment")
_LABEL_ROLES = {
    "file": _FILES,
    "label (or object, animal …)": _OBJECTS,
    "background (or context, place …)": _CONTEXTS,
}
# Columns of path and background, by file: as published, and as SubpopBench lists it.
_WATERBIRDS = {
    "metadata.csv": ("img_filename", "place"),
    "metadata_waterbirds.csv": ("filename", "a"),
}


class Table(NamedTuple):
    """A table of a source."""

    file: str
    columns: list[str]  # all that its head names
    records: list[dict[str, str]]  # one a line, the columns that a reader asked for
    # One a line, a JSON object of the other columns, which stay with the set as they are.
    others: list[str]

    @property
    def folder(self) -> PurePosixPath:
        return PurePosixPath(self.file).parent

    def first(self, names: tuple[str, ...]) -> str:
        """The first of some columns that the table has; empty where it has none."""
        return next((name for name in names if name in self.columns), "")


def read_imagefolder(source: Source) -> Contents | None:
    """``metadata.csv`` or ``metadata.jsonl`` with ``file_name`` and either object and context or a
    caption. One table may lie in each split's folder; `file_name` is relative to its table."""

    def is_labelled(columns: Collection[str]) -> bool:
        says_something = _GROUP.issubset(columns) or not set(_CAPTIONS).isdisjoint(columns)
        return "file_name" in columns and says_something

    tables = read_tables(source, is_metadata, _LABELLED, is_labelled)
    return _labelled(source, list(tables), ("file_name",))


def has_captions(columns: Collection[str]) -> bool:
    """Whether a table has a column of paths and one of captions."""
    return not (set(_PATHS).isdisjoint(columns) or set(_CAPTIONS).isdisjoint(columns))


def read_captions(source: Source) -> Contents | None:
    """A CSV, by tabs or commas, with a column of paths and one of captions, such as open_clip's
    ``filepath, title``."""
    unreadable: list[tuple[str, ImportSetError]] = []
    tables = list(read_tables(source, is_csv, _LABELLED, has_captions, unreadable=unreadable))
    contents = _labelled(source, tables, _PATHS)
    if contents is None and unreadable:
        raise unreadable[0][1]
    if contents is not None:
        contents.skipped.extend((file, "is a table that cannot be read") for file, _ in unreadable)
    return contents


def _labelled(
    source: Source, tables: list[Table], path_columns: tuple[str, ...]
) -> Contents | None:
    """The rows of tables that say objects and contexts, or captions."""
    if not tables:
        return None
    files = source.by_name
    rows: list[Row] = []
    skipped: Skipped = []
    for table in tables:
        path_column = table.first(path_columns)
        caption_column = table.first(_CAPTIONS)
        says_groups = _GROUP.issubset(table.columns)
        split = clean_split(table.folder.name) or clean_split(PurePosixPath(table.file).stem)
        spare = [
            name
            for name in table.columns
            if name in (*_PATHS, *_CAPTIONS) and name not in (path_column, caption_column)
        ] + _not_ours(table, files)
        for record, others in zip(table.records, table.others, strict=True):
            path = record[path_column]
            file, reason = path_inside(table.folder, path, files)
            obj, context = record.get("object", ""), record.get("context", "")
            caption = record.get(caption_column, "")
            if not reason and says_groups and not (obj and context) and not caption:
                reason = "has neither an object and a context nor a caption in the table"
            if reason:
                skipped.append((path or table.file, reason))
                continue
            named_mask = record.get("mask", "")
            mask, reason = path_inside(table.folder, named_mask, files)
            if reason and named_mask.lower().endswith((*SUFFIXES, ".npy")):
                skipped.append((named_mask, f"is a mask that {reason}"))
            row = Row(file, obj, context, _split_of(record, file) or split, caption, mask)
            if spare:
                others = _with_columns(others, record, spare)
            row = row._replace(id=record.get("scene", ""), factors=record.get("factors", ""))
            rows.append(row._replace(columns=others))
    names = ", ".join(sorted({PurePosixPath(table.file).name for table in tables}))
    has_groups = any(row.object and row.context for row in rows)
    content = "objects and contexts" if has_groups else "captions only"
    return Contents(f"A table {names} with {content}.", rows, skipped)


def _with_columns(others: str, record: Mapping[str, str], names: Iterable[str]) -> str:
    """The other columns of a line, a JSON object, with those of some names."""
    return json.dumps(json.loads(others) | {name: record[name] for name in names})


def _split_of(record: dict[str, str], file: str) -> str:
    """The split that a line says, else a folder of its file."""
    folders = map(clean_split, PurePosixPath(file).parts[:-1])
    return clean_split(record.get("split", "")) or next(filter(None, folders), "")


def _not_ours(table: Table, files: Mapping[str, str]) -> list[str]:
    """Columns that are called as ours and hold something else too: they stay the user's."""

    def is_object(text: str) -> bool:
        try:
            return isinstance(json.loads(text), dict)
        except (ValueError, RecursionError):
            return False

    is_ours: dict[str, Callable[[str], object]] = {
        "split": lambda name: name == POOL or clean_split(name),
        "mask": lambda name: path_inside(table.folder, name, files)[0],
        "scene": re.compile(r"s\d{5,}").fullmatch,
        "factors": is_object,
    }
    return [
        name
        for name, test in is_ours.items()
        if not all(test(record[name]) for record in table.records if record.get(name))
    ]


def is_labels(file: str) -> bool:
    return PurePosixPath(file).name == "labels.csv"


def missing_labels(columns: Iterable[str]) -> list[str]:
    """Which columns a table of labels lacks, with the names that each may have."""
    folded = {name.casefold() for name in columns}
    return [words for words, names in _LABEL_ROLES.items() if folded.isdisjoint(names)]


def read_labels(source: Source) -> Contents | None:
    """``labels.csv`` with a column of files, relative to the table, one of objects and one of
    contexts, as `_FILES`, `_OBJECTS` and `_CONTEXTS` name them. The split of a line is that of its
    column ``split``, else of a folder of its file."""
    roles = _LABEL_ROLES.values()

    def has_all(columns: Collection[str]) -> bool:
        return not missing_labels(columns)

    names = {name for role in roles for name in role}
    wanted = {*names, "split"}
    tables = list(read_tables(source, is_labels, wanted, has_all, any_case=True))
    if not tables:
        return None
    files = source.by_name
    rows: list[Row] = []
    skipped: Skipped = []
    for table in tables:
        chosen = [table.first(role) for role in roles]
        spare = [name for name in table.columns if name in names and name not in chosen]
        spare += _not_ours(table, files)
        for record, others in zip(table.records, table.others, strict=True):
            path, obj, context = (record[name] for name in chosen)
            file, reason = path_inside(table.folder, path, files)
            if not reason and not (obj and context):
                reason = "lacks a label or a background in the table"
            if reason:
                skipped.append((path or table.file, reason))
                continue
            if spare:
                others = _with_columns(others, record, spare)
            rows.append(Row(file, obj, context, _split_of(record, file), columns=others))
    return Contents("A table labels.csv with labels and backgrounds.", rows, skipped)


def read_waterbirds(source: Source) -> Contents | None:
    """Waterbirds of Sagawa et al. (2020), ``metadata.csv``, or as SubpopBench lists it,
    ``metadata_waterbirds.csv``. CUB's ``segmentations/<species>/<image>.png`` are used as masks
    where they lie in the source too.
    """

    def is_listing(file: str) -> bool:
        return PurePosixPath(file).name in _WATERBIRDS

    def is_waterbirds(columns: Collection[str]) -> bool:
        return any({*names, "y", "split"}.issubset(columns) for names in _WATERBIRDS.values())

    columns = {"y", "split", *(name for names in _WATERBIRDS.values() for name in names)}
    for table in read_tables(source, is_listing, columns, is_waterbirds):
        path_column, background_column = _WATERBIRDS[PurePosixPath(table.file).name]
        if {path_column, background_column, "y", "split"}.issubset(table.columns):
            break
    else:
        return None
    files = source.by_name
    masks = {name.partition("segmentations/")[2]: file for name, file in files.items()}
    rows: list[Row] = []
    skipped: Skipped = []
    for record, others in zip(table.records, table.others, strict=True):
        path = PurePosixPath(record[path_column])
        file, reason = path_inside(table.folder, str(path), files)
        if reason:
            # SubpopBench's paths start above the images' folder, with species and image at the end.
            shorter = PurePosixPath(*path.parts[-2:])
            file, still_missing = path_inside(table.folder, str(shorter), files)
            reason = reason if still_missing else ""
        if not reason and not {record["y"], record[background_column]} <= {"0", "1"}:
            reason = "has a y or a place that is neither 0 nor 1"
        if reason:
            skipped.append((str(path), reason))
            continue
        bird = "waterbird" if record["y"] == "1" else "landbird"
        background = "water" if record[background_column] == "1" else "land"
        split = {"0": "train", "1": "val", "2": "test"}.get(record["split"], "")
        inner = PurePosixPath(*PurePosixPath(file).parts[-2:])
        mask = masks.get(str(inner.with_suffix(".png")), "")
        species = re.sub(r"^\d+\.", "", PurePosixPath(file).parent.name).replace("_", " ")
        factors = json.dumps({"species": species})
        row = Row(file, bird, background, split, mask=mask, factors=factors, columns=others)
        rows.append(row)
    about = (
        "Waterbirds; Eastern Towhee, Western Meadowlark and Western Wood Pewee are known to be"
        " labelled waterbirds by mistake."
    )
    return Contents(about, rows, skipped)


def is_metadata(file: str) -> bool:
    return PurePosixPath(file).name in ("metadata.csv", "metadata.jsonl")


def is_csv(file: str) -> bool:
    return file.lower().endswith((".csv", ".tsv"))


def read_tables(
    source: Source,
    is_wanted: Callable[[str], bool],
    columns: Collection[str],
    is_useful: Callable[[Collection[str]], bool] = lambda _columns: True,
    *,
    any_case: bool = False,
    unreadable: list[tuple[str, ImportSetError]] | None = None,
) -> Iterator[Table]:
    """The tables of a source whose file is wanted, one after the other.

    Args:
        is_wanted: told the path of a file.
        columns: names of those that the records hold where the table has them.
        is_useful: told all columns of a table; others are left aside.
        any_case: whether the head of a CSV may have the names in capital letters.
        unreadable: takes the tables that cannot be read, with the error, where they do not matter.

    Raises:
        ImportSetError: where a table cannot be read, is empty or above the limits.
    """
    rows = 0
    for file in filter(is_wanted, source.files):
        try:
            table = _read_table(source, file, columns, is_useful, columns if any_case else ())
        except ImportSetError as error:
            if unreadable is None:
                raise
            unreadable.append((file, error))
            continue
        if table is None:
            continue
        rows += len(table.records)
        if rows > limits.ROWS:
            most = f"more than {limits.ROWS:,} lines with the other tables"
            raise ImportSetError(f"The table {file} has {most}; import a part of it.")
        yield table


def _read_table(
    source: Source,
    file: str,
    columns: Collection[str],
    is_useful: Callable[[Collection[str]], bool],
    cases: Collection[str],
) -> Table | None:
    """A table; None where it is of no use."""
    data = source.needed_bytes(file, "table")
    if is_csv(file):
        head = _head(data.decode("utf-8-sig", "replace"))[0]
        if not is_useful(_names(head, cases)):
            return None
    text = utf8(data, f"The table {file}").replace("\0", "")
    if is_csv(file):
        table = _from_csv(file, text, columns, cases)
    else:
        table = _from_json_lines(file, text, columns)
    if not table.records:
        raise ImportSetError(f"The table {file} has no lines; fill it, or take it away.")
    return table if is_useful(table.columns) else None


def columns_of(source: Source, file: str) -> list[str]:
    """The columns that the head of a CSV names."""
    return _names(_head(source.needed_bytes(file, "table").decode("utf-8-sig", "replace"))[0], ())


def _head(text: str) -> tuple[list[str], str]:
    """The columns of a CSV, and what separates them: tabs, commas or semicolons."""
    text = text.replace("\0", "")
    heads = {delimiter: next(_lines(text, delimiter), (0, []))[1] for delimiter in "\t,;"}
    delimiter = "\t" if heads["\t"][1:] else max(",;", key=lambda other: len(heads[other]))
    return heads[delimiter], delimiter


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a CSV that are not blank, each with the number of its last line of text, up to
    one that the reader refuses."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
    with suppress(csv.Error):
        yield from ((reader.line_num, cells) for cells in reader if any(map(str.strip, cells)))


def _names(head: Iterable[str], cases: Collection[str]) -> list[str]:
    """The names of a head without the spaces around them, and those of `cases` as they are
    there."""
    names = [name.strip() for name in head]
    for position, name in enumerate(names):
        if name.casefold() in cases and name.casefold() not in names:
            names[position] = name.casefold()
    return names


def _longer_line(text: str, delimiter: str) -> int | None:
    """The number of the first line with something in more cells than there are columns."""
    lines = _lines(text, delimiter)
    width = len(next(lines, (0, []))[1])
    return next((number for number, cells in lines if any(map(str.strip, cells[width:]))), None)


def _from_csv(file: str, text: str, columns: Collection[str], cases: Collection[str]) -> Table:
    head, delimiter = _head(text)
    try:
        frame = pd.read_csv(
            StringIO(text),
            sep=delimiter,
            dtype=str,
            keep_default_na=False,
            index_col=False,
            usecols=range(len(head)),  # lines may end in separators
        )
    except pd.errors.EmptyDataError:
        return Table(file, head, [], [])
    except (pd.errors.ParserError, ValueError) as error:
        if unclosed := re.search(r"EOF inside string starting at row (\d+)", str(error)):
            where = f"that is never closed, in line {int(unclosed[1]) + 1} or below"
            raise ImportSetError(
                f"The table {file} has a quotation mark {where}; correct it."
            ) from error
        raise ImportSetError(
            f"The table {file} is no readable CSV ({error}); save it again."
        ) from error
    if longer := _longer_line(text, delimiter):
        raise ImportSetError(
            f"Line {longer} of the table {file} has more cells than the head; put cells with"
            f" {delimiter!r} in quotation marks."
        )
    frame = frame.map(as_written).set_axis(_names(frame.columns, cases), axis=1)
    head = _names(head, cases)
    records = frame[frame.columns.intersection(list(columns))].to_dict("records")
    others = frame[_other_names(frame.columns, columns)]
    return Table(file, head, records, _as_objects(others))


def _other_names(names: Iterable[str], columns: Collection[str]) -> list[str]:
    """The columns that no reader asked for, as many as a set keeps."""
    return [name for name in names if name not in columns][: limits.USER_COLUMNS]


def _as_objects(frame: pd.DataFrame) -> list[str]:
    """Each row of text as a JSON object, its names readable."""
    named = frame.set_axis([printable(name, most=60) for name in frame.columns], axis=1)
    named = named.loc[:, ~named.columns.duplicated() & (named.columns != "")]
    if not len(named.columns):
        return ["{}"] * len(frame)
    return named.to_json(orient="records", lines=True).splitlines()


def _from_json_lines(file: str, text: str, columns: Collection[str]) -> Table:
    records: list[dict[str, str]] = []
    others: list[dict[str, str]] = []
    names: dict[str, None] = {}  # in the order in which they are met
    for number, line in enumerate(map(str.strip, text.split("\n")), start=1):
        if not line:
            continue
        try:
            values = json.loads(line)
            names |= dict.fromkeys(values)
            record = {name: _as_text(values[name]) for name in values.keys() & columns}
            other = {
                name: _as_text(values[name]).encode("utf-8", "replace").decode()  # no half letters
                for name in _other_names(values, columns)
            }
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ImportSetError(
                f"Line {number} of the table {file} is no JSON object; correct it."
            ) from error
        records.append(record)
        others.append(other)
    empty = dict.fromkeys(names.keys() & columns, "")
    return Table(
        file,
        list(names),
        [empty | record for record in records],
        _as_objects(pd.DataFrame(others, index=range(len(records)), dtype=str).fillna("")),
    )


def _as_text(value: Any) -> str:
    """A value of a JSON line as text; empty of null."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def path_inside(folder: PurePosixPath, name: str, by_name: Mapping[str, str]) -> tuple[str, str]:
    """(path inside the source, "") of a file that a table names, by `Source.by_name`, or ("",
    reason)."""
    path = PurePosixPath(name.strip().replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        return "", "is a path that leads out of the table's folder"
    named = str(folder / path)
    file = by_name.get(named) or by_name.get(unicodedata.normalize("NFC", named), "")
    return file, "" if file else "is in the table, but no such file is there"
