"""Sources with a table: Hugging Face's imagefolder and our own sets, image-text lists, and Waterbirds.

The one idea: a table is believed in what it says and in nothing else. A line that names a file which is missing or
lies outside is left out and listed; the other lines stand.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import PurePosixPath
from typing import NamedTuple

from vlcore.images.importers.listing import Found, Row, clean_split
from vlcore.images.importers.source import ImportSetError, Source, UnreadableError

_PATHS = ("filepath", "file_path", "filename", "file_name", "image_path", "image", "path")
_CAPTIONS = ("caption", "text", "title")


class _Table(NamedTuple):
    file: str
    columns: tuple[str, ...]
    records: list[dict[str, str]]

    @property
    def folder(self) -> PurePosixPath:
        return PurePosixPath(self.file).parent

    def first(self, names: tuple[str, ...]) -> str:
        """The first of some columns that the table has; empty where it has none."""
        return next((name for name in names if name in self.columns), "")


def metadata_columns(source: Source) -> tuple[str, ...]:
    """The columns of the first ``metadata.csv`` or ``.jsonl``, for messages; none where there is no such table."""
    return next((table.columns for table in _tables(source, _is_metadata)), ())


def read_imagefolder(source: Source) -> Found | None:
    """``metadata.csv`` or ``metadata.jsonl`` with ``file_name`` and either object and context or a caption.

    One table may lie in each split's folder; `file_name` is relative to its table.
    """
    tables = [
        table
        for table in _tables(source, _is_metadata)
        if "file_name" in table.columns and ({"object", "context"} <= {*table.columns} or table.first(_CAPTIONS))
    ]
    return _labelled(source, tables, "file_name")


def read_captions(source: Source) -> Found | None:
    """A CSV, by tabs or commas, with a column of paths and one of captions, such as open_clip's ``filepath, title``."""
    tables = [
        table
        for table in _tables(source, lambda file: file.lower().endswith((".csv", ".tsv")))
        if table.first(_PATHS) and table.first(_CAPTIONS)
    ]
    return _labelled(source, tables, "")


def _labelled(source: Source, tables: list[_Table], path_column: str) -> Found | None:
    if not tables:
        return None
    there = frozenset(source.files)
    rows: list[Row] = []
    skipped: list[tuple[str, str]] = []
    for table in tables:
        text = table.first(_CAPTIONS)
        split = clean_split(table.folder.name) or clean_split(PurePosixPath(table.file).stem)
        for record in table.records:
            named = record[path_column or table.first(_PATHS)]
            file, reason = _inside(table.folder, named, there)
            if reason:
                skipped.append((named or table.file, reason))
                continue
            mask, no_mask = _inside(table.folder, record.get("mask", ""), there)
            rows.append(
                Row(
                    file,
                    record.get("object", ""),
                    record.get("context", ""),
                    record.get("split", split),
                    record.get(text, ""),
                    "" if no_mask else mask,
                    record.get("scene", ""),
                    record.get("factors", ""),
                )
            )
    names = ", ".join(sorted({PurePosixPath(table.file).name for table in tables}))
    labelled = any(row.object and row.context for row in rows)
    return Found(f"A table {names} with {'objects and contexts' if labelled else 'captions only'}.", rows, skipped)


def read_waterbirds(source: Source) -> Found | None:
    """Waterbirds of Sagawa et al. (2020), ``metadata.csv``, or as SubpopBench lists it, ``metadata_waterbirds.csv``.

    CUB's ``segmentations/<species>/<picture>.png`` are used as masks where they lie in the source too.
    """
    columns = {"metadata.csv": ("img_filename", "place"), "metadata_waterbirds.csv": ("filename", "a")}
    for table in _tables(source, lambda file: PurePosixPath(file).name in columns):
        path, place = columns[PurePosixPath(table.file).name]
        if {path, place, "y", "split"} <= set(table.columns):
            return _waterbirds(source, table, path, place)
    return None


def _waterbirds(source: Source, table: _Table, path: str, place: str) -> Found:
    there = frozenset(source.files)
    masks = {file.partition("segmentations/")[2]: file for file in there if "segmentations/" in file}
    rows: list[Row] = []
    skipped: list[tuple[str, str]] = []
    for record in table.records:
        name = PurePosixPath(record[path])
        # SubpopBench's paths start above the pictures' folder; the last two parts are species and picture.
        options = [_inside(table.folder, str(option), there) for option in (name, PurePosixPath(*name.parts[-2:]))]
        file, reason = next((option for option in options if not option[1]), options[0])
        if reason or not {record["y"], record[place]} <= {"0", "1"}:
            skipped.append((str(name), reason or "has a y or a place that is neither 0 nor 1"))
            continue
        species = re.sub(r"^\d+\.", "", PurePosixPath(file).parent.name).replace("_", " ")
        rows.append(
            Row(
                file,
                "waterbird" if record["y"] == "1" else "landbird",
                "water" if record[place] == "1" else "land",
                {"0": "train", "1": "val", "2": "test"}.get(record["split"], ""),
                mask=masks.get(str(PurePosixPath(*PurePosixPath(file).parts[-2:]).with_suffix(".png")), ""),
                factors=json.dumps({"species": species}),
            )
        )
    about = (
        "Waterbirds; Eastern Towhee, Western Meadowlark and Western Wood Pewee are known to be labelled waterbirds "
        "by mistake."
    )
    return Found(about, rows, skipped)


def _is_metadata(file: str) -> bool:
    return PurePosixPath(file).name in ("metadata.csv", "metadata.jsonl")


def _tables(source: Source, wanted: Callable[[str], bool]) -> Iterator[_Table]:
    for file in source.files:
        if wanted(file):
            try:
                text = source.read(file).decode("utf-8-sig", errors="replace").replace("\0", "")
            except UnreadableError as error:
                raise ImportSetError(f"The table {file} {error}; put one there that can be read.") from error
            yield _from_lines(file, text) if file.endswith(".jsonl") else _from_csv(file, text)


def _from_csv(file: str, text: str) -> _Table:
    header = text.partition("\n")[0]
    reader = csv.DictReader(StringIO(text, newline=""), delimiter="\t" if "\t" in header else ",", restval="")
    try:
        columns = tuple(reader.fieldnames or ())
        return _Table(file, columns, [{name: record[name] for name in columns} for record in reader])
    except csv.Error as error:
        raise ImportSetError(f"The table {file} is no readable CSV ({error}); save it again.") from error


def _from_lines(file: str, text: str) -> _Table:
    records: list[dict[str, str]] = []
    for number, line in enumerate(filter(None, map(str.strip, text.split("\n"))), start=1):
        try:
            record = json.loads(line)
            records.append({str(name): _as_text(value) for name, value in record.items()})
        except (ValueError, AttributeError, RecursionError) as error:
            raise ImportSetError(f"Line {number} of the table {file} is no JSON object; correct it.") from error
    columns = tuple(dict.fromkeys(name for record in records for name in record))
    return _Table(file, columns, [{name: record.get(name, "") for name in columns} for record in records])


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _inside(folder: PurePosixPath, name: str, there: frozenset[str]) -> tuple[str, str]:
    """(path inside the source, "") of a file that a table names, or ("", reason)."""
    path = PurePosixPath(name.strip().replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        return "", "is a path that leads out of the table's folder"
    file = str(folder / path)
    return (file, "") if file in there else ("", "is in the table, but no such file is there")
