"""Sources with a table: Hugging Face's imagefolder and our own sets, image-text lists, and
Waterbirds.

A line that names a file which is missing or lies outside is left out and listed; the other lines
stand.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import PurePosixPath
from typing import NamedTuple

from vlcore.data.importers.selection import Found, Row, clean_split
from vlcore.data.importers.source import ImportSetError, Skipped, Source, read_needed, utf8
from vlcore.experiment import limits
from vlcore.experiment.plain_text import as_written

_PATHS = ("filepath", "file_path", "filename", "file_name", "image_path", "image", "path")
_CAPTIONS = ("caption", "text", "title")
_MORE = ("scene", "factors")  # of our own sets
_WATERBIRDS = {
    "metadata.csv": ("img_filename", "place"),
    "metadata_waterbirds.csv": ("filename", "a"),
}
# What is kept of a table; of a foreign one the others may be many.
_KEPT = {
    *_PATHS,
    *_CAPTIONS,
    *_MORE,
    "object",
    "context",
    "mask",
    "split",
    "y",
    *sum(_WATERBIRDS.values(), ()),
}
_END = "(the end of the table)"


class _Table(NamedTuple):
    file: str
    columns: tuple[str, ...]
    records: list[dict[str, str]]  # what `_KEPT` names of each line

    @property
    def folder(self) -> PurePosixPath:
        return PurePosixPath(self.file).parent

    def first(self, names: tuple[str, ...]) -> str:
        """The first of some columns that the table has; empty where it has none."""
        return next((name for name in names if name in self.columns), "")


def read_imagefolder(source: Source) -> Found | None:
    """``metadata.csv`` or ``metadata.jsonl`` with ``file_name`` and either object and context or a
    caption. One table may lie in each split's folder; `file_name` is relative to its table."""
    tables = [table for table in read_tables(source, is_metadata) if "file_name" in table.columns]
    told = [
        one for one in tables if {"object", "context"} <= {*one.columns} or one.first(_CAPTIONS)
    ]
    return _labelled(source, told, "file_name")


def read_captions(source: Source) -> Found | None:
    """A CSV, by tabs or commas, with a column of paths and one of captions, such as open_clip's
    ``filepath, title``."""

    def is_list(columns: tuple[str, ...]) -> bool:
        return bool({*columns} & {*_PATHS} and {*columns} & {*_CAPTIONS})

    tables = read_tables(source, lambda file: file.lower().endswith((".csv", ".tsv")), is_list)
    return _labelled(source, list(tables), "")


def _labelled(source: Source, tables: list[_Table], path_column: str) -> Found | None:
    if not tables:
        return None
    there = frozenset(source.files)
    rows: list[Row] = []
    skipped: Skipped = []
    for table in tables:
        text = table.first(_CAPTIONS)
        placed = {"object", "context"} <= {*table.columns}
        split = clean_split(table.folder.name) or clean_split(PurePosixPath(table.file).stem)
        for record in table.records:
            named = record[path_column or table.first(_PATHS)]
            file, reason = _inside(table.folder, named, there)
            if reason:
                skipped.append((named or table.file, reason))
                continue
            if placed and not (record["object"] and record["context"]) and not record.get(text, ""):
                skipped.append(
                    (named, "has neither an object and a context nor a caption in the table")
                )
                continue
            mask, _ = _inside(table.folder, record.get("mask", ""), there)
            obj, context, caption, id, factors = (
                record.get(name, "") for name in ("object", "context", text, *_MORE)
            )
            rows.append(
                Row(file, obj, context, record.get("split", split), caption, mask, id, factors)
            )
    names = ", ".join(sorted({PurePosixPath(table.file).name for table in tables}))
    labelled = any(row.object and row.context for row in rows)
    return Found(
        f"A table {names} with {'objects and contexts' if labelled else 'captions only'}.",
        rows,
        skipped,
    )


def read_waterbirds(source: Source) -> Found | None:
    """Waterbirds of Sagawa et al. (2020), ``metadata.csv``, or as SubpopBench lists it,
    ``metadata_waterbirds.csv``. CUB's ``segmentations/<species>/<picture>.png`` are used as masks
    where they lie in the source too.
    """
    for table in read_tables(source, lambda file: PurePosixPath(file).name in _WATERBIRDS):
        path, place = _WATERBIRDS[PurePosixPath(table.file).name]
        if {path, place, "y", "split"} <= {*table.columns}:
            break
    else:
        return None
    there = frozenset(source.files)
    masks = {
        file.partition("segmentations/")[2]: file for file in there if "segmentations/" in file
    }
    rows: list[Row] = []
    skipped: Skipped = []
    for record in table.records:
        name = PurePosixPath(record[path])
        # SubpopBench's paths start above the pictures' folder; the last two parts are species and
        # picture.
        options = [
            _inside(table.folder, str(option), there)
            for option in (name, PurePosixPath(*name.parts[-2:]))
        ]
        file, reason = next((option for option in options if not option[1]), options[0])
        if reason or not {record["y"], record[place]} <= {"0", "1"}:
            skipped.append((str(name), reason or "has a y or a place that is neither 0 nor 1"))
            continue
        species = re.sub(r"^\d+\.", "", PurePosixPath(file).parent.name).replace("_", " ")
        bird = "waterbird" if record["y"] == "1" else "landbird"
        background = "water" if record[place] == "1" else "land"
        split = {"0": "train", "1": "val", "2": "test"}.get(record["split"], "")
        mask = masks.get(
            str(PurePosixPath(*PurePosixPath(file).parts[-2:]).with_suffix(".png")), ""
        )
        rows.append(
            Row(file, bird, background, split, mask=mask, factors=json.dumps({"species": species}))
        )
    wrong = (
        "Eastern Towhee, Western Meadowlark and Western Wood Pewee are known to be labelled"
        " waterbirds by mistake"
    )
    return Found(f"Waterbirds; {wrong}.", rows, skipped)


def is_metadata(file: str) -> bool:
    return PurePosixPath(file).name in ("metadata.csv", "metadata.jsonl")


def read_tables(
    source: Source,
    wanted: Callable[[str], bool],
    useful: Callable[[tuple[str, ...]], bool] | None = None,
) -> Iterator[_Table]:
    """The tables with a wanted name, but for those whose head row says that they are of no use."""
    room = limits.ROWS
    for file in filter(wanted, source.files):
        data = read_needed(source, file, "table")
        if useful is not None and not useful(_head(data.decode("utf-8-sig", errors="replace"))[0]):
            continue
        text = utf8(data, f"The table {file}").replace("\0", "")
        table = (_from_lines if file.endswith(".jsonl") else _from_csv)(file, text, room)
        if not table.records:
            raise ImportSetError(f"The table {file} has no lines; fill it, or take it away.")
        room -= len(table.records)
        yield table


def _head(text: str) -> tuple[tuple[str, ...], str]:
    """The columns of a CSV and what stands between them: tabs, commas or semicolons."""
    line = text[: limits.LINE_CHARACTERS].replace("\0", "").lstrip("\r\n").splitlines()[:1]
    delimiter = "\t" if "\t" in "".join(line) else max(",;", key="".join(line).count)
    try:
        return tuple(next(csv.reader(line, delimiter=delimiter), ())), delimiter
    except csv.Error:
        return (), delimiter


def _from_csv(file: str, text: str, room: int) -> _Table:
    head, delimiter = _head(text)
    _check_size(file, len(head), 0, room)
    # A line of our own at the end is swallowed by a quotation mark that is never closed, and by
    # nothing else.
    reader = csv.reader(StringIO(f"{text}\n{_END}\n", newline=""), delimiter=delimiter)
    records: list[dict[str, str]] = []
    try:
        rows = filter(None, reader)
        columns = last = next(rows)
        kept = [(place, name) for place, name in enumerate(columns) if name in _KEPT]
        for row in rows:
            if last is not columns:
                records.append(
                    {
                        name: as_written(last[place]) if place < len(last) else ""
                        for place, name in kept
                    }
                )
                _check_size(file, len(columns), len(records), room)
            last = row
    except csv.Error as error:
        raise ImportSetError(
            f"The table {file} is no readable CSV ({error}); save it again."
        ) from error
    if last != [_END]:
        line = reader.line_num + 1 - "".join(last).count("\n")
        where = f"that is never closed, in line {line} or below"
        raise ImportSetError(f"The table {file} has a quotation mark {where}; correct it.")
    return _Table(file, () if last is columns else tuple(columns), records)


def _from_lines(file: str, text: str, room: int) -> _Table:
    records: list[dict[str, str]] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(filter(None, map(str.strip, text.split("\n"))), start=1):
        try:
            if len(line) > limits.LINE_CHARACTERS:
                raise ValueError
            found = json.loads(line)
            columns |= dict.fromkeys(found)
            given = {
                name: "" if found[name] is None else found[name] for name in _KEPT & found.keys()
            }
            records.append(
                {name: v if isinstance(v, str) else json.dumps(v) for name, v in given.items()}
            )
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ImportSetError(
                f"Line {number} of the table {file} is no JSON object; correct it."
            ) from error
        _check_size(file, len(columns), number, room)
    kept = [name for name in columns if name in _KEPT]
    return _Table(file, tuple(columns), [dict.fromkeys(kept, "") | record for record in records])


def _check_size(file: str, columns: int, rows: int, room: int) -> None:
    if columns > limits.COLUMNS or rows > room:
        most = f"{limits.COLUMNS} columns, or with the other tables more than {limits.ROWS:,} lines"
        raise ImportSetError(f"The table {file} has more than {most}; import a part of it.")


def _inside(folder: PurePosixPath, name: str, there: frozenset[str]) -> tuple[str, str]:
    """(path inside the source, "") of a file that a table names, or ("", reason)."""
    path = PurePosixPath(name.strip().replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        return "", "is a path that leads out of the table's folder"
    file = str(folder / path)
    return (file, "") if file in there else ("", "is in the table, but no such file is there")
