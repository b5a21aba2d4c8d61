"""Formats of sources: the table of all that can be imported.

A new importer is an entry in `FORMATS` and a reader, a function that is given a `Source` and
returns its `Contents`, or None where the source has another format. `tables.read_labels` is a
short one to start from. The first entry that reads a source is its format.

Readers stand in `tables` (CSV and JSON lines), `folders` and `benchmarks`; limits, cleaning of
names, the choice of groups, decoding and splitting are none of their business. The command, the
page and the messages take what they say of a format from its entry.
"""

import json
import posixpath
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from vlcore.data.importers.benchmarks import (
    read_imagenet9,
    read_metashift,
    read_nico,
    read_spawrious,
)
from vlcore.data.importers.folders import image_files, read_folders, unsupported_images
from vlcore.data.importers.selection import (
    STATED,
    Listing,
    checked_template,
    list_apart,
    listing_of,
)
from vlcore.data.importers.source import (
    Contents,
    ImportSetError,
    Skipped,
    Source,
    UnreadableError,
    open_source,
    printable,
)
from vlcore.data.importers.tables import (
    columns_of,
    has_captions,
    is_csv,
    is_labels,
    is_metadata,
    missing_labels,
    read_captions,
    read_imagefolder,
    read_labels,
    read_tables,
    read_waterbirds,
)
from vlcore.experiment import limits

LABEL_COLUMNS = "file, label (or object, animal …) and background (or context, place …)"


@dataclass(frozen=True)
class Format:
    """A format of sources."""

    name: str  # for ``--format``
    title: str  # for people
    read: Callable[[Source], Contents | None]
    needs: str  # what a source of it holds
    # Two groups that hold one id contradict each other; else an id keeps images together.
    one_group_per_id: bool = False
    # Where it names no groups, or cannot be read, a later format that names two objects in two
    # contexts is preferred.
    is_doubtful: bool = False
    # Whether a file may be its table: messages then say which columns that has.
    is_table: Callable[[str], bool] | None = None
    # Nothing in a source tells that it has this format, so the user must name it.
    only_by_name: bool = False


# The first that reads a source is its format: the most telling marks come first.
FORMATS = (
    Format(
        "imagefolder",
        "Hugging Face folders (`metadata.csv`)",
        read_imagefolder,
        "a metadata.csv or .jsonl with file_name, and object and context or text",
        is_table=is_metadata,
    ),
    Format(
        "labels-csv",
        "tables of labels (`labels.csv` with file, label and background)",
        read_labels,
        f"a labels.csv with {LABEL_COLUMNS}",
        is_table=is_labels,
    ),
    Format(
        "captions-csv",
        "tables of images and captions",
        read_captions,
        "a CSV with the columns filepath and title",
        is_doubtful=True,
    ),
    Format(
        "waterbirds",
        "Waterbirds",
        read_waterbirds,
        "a metadata.csv with img_filename, y, split and place",
    ),
    Format("spawrious", "Spawrious", read_spawrious, "folders such as 0/desert/corgi"),
    Format(
        "metashift",
        "MetaShift",
        read_metashift,
        "folders such as cat(indoor)",
        one_group_per_id=True,
    ),
    Format(
        "nico++",
        "NICO++",
        read_nico,
        "dg_label_id_mapping.json and folders such as train/grass/horse",
    ),
    Format("imagenet-9", "ImageNet-9", read_imagenet9, "folders such as mixed_rand/val/00_dog"),
    Format(
        "folders",
        "folders named object/context or object_context",
        read_folders,
        "folders named OBJECT/CONTEXT or OBJECT_CONTEXT",
    ),
    Format(
        "context-first",
        "folders named context/object or context_object",
        partial(read_folders, context_first=True),
        "folders named CONTEXT/OBJECT or CONTEXT_OBJECT",
        only_by_name=True,
    ),
)


def format_names() -> tuple[str, ...]:
    """What ``--format`` takes."""
    return ("auto", *(format.name for format in FORMATS))


def format_titles() -> str:
    """The formats that are recognised, for people."""
    *first, last = (format.title for format in FORMATS if not format.only_by_name)
    return f"{', '.join(first)} and {last}"


def find_format(name: str) -> Format:
    """A format by its name, other than ``auto``."""
    for format in FORMATS:
        if format.name == name:
            return format
    raise ImportSetError(f"No format is named {name!r}; choose one of {', '.join(format_names())}.")


def list_source(source: Path, format: str = "auto") -> Listing:
    """List the images of a folder or a zip, without decoding any; `format` is one of
    `format_names`."""
    with open_source(source) as opened:
        return _listing(opened, format)


def list_source_apart(
    source: Path, format: str = "auto", seconds: float = limits.DECODE_SECONDS
) -> Listing:
    """`list_source` in a helper process, which may take so many seconds; ImportSetError also where
    it takes longer."""
    return list_apart(list_source_as_helper, source, seconds, name=format)


def list_source_as_helper(_data: bytes, path: str, name: str) -> tuple[dict[str, Any], bytes]:
    """`list_source` in the helper process."""
    return list_source(Path(path), name).as_facts(), b""


def _listing(source: Source, name: str) -> Listing:
    listing = _detected(source) if name == "auto" else _read(find_format(name), source)
    if listing is not None:
        return replace(listing, stated=_stated(source))
    if not image_files(source):
        skipped = [*source.skipped, *unsupported_images(source)]
        raise ImportSetError(f"{source.name} holds {_no_image(skipped)}")
    has = ""
    for is_table in filter(None, (format.is_table for format in FORMATS)):
        with suppress(ImportSetError):  # of a table that says nothing
            for table in islice(read_tables(source, is_table, ()), 1):
                table_name = PurePosixPath(table.file).name
                has += f" Its {table_name} has the columns {_listed(table.columns)}."
    if name != "auto":
        needs = find_format(name).needs
        raise ImportSetError(
            f"{source.name} is not of the format {name}, which needs {needs}.{has}"
        )
    raise ImportSetError(
        f"The layout of {source.name} is not known; name its folders OBJECT/CONTEXT or"
        " OBJECT_CONTEXT, or add a metadata.csv with the columns file_name, object and"
        f" context.{has}"
    )


def _read(format: Format, source: Source) -> Listing | None:
    """The images of a source that has a format; None where it has another."""
    contents = format.read(source)
    if contents is None:
        return None
    listing = listing_of(format.name, contents, source.skipped)
    if listing.table.empty:
        raise ImportSetError(
            f"{source.name} was read as {format.name} and holds {_no_image(listing.skipped)}"
        )
    return listing


def _detected(source: Source) -> Listing | None:
    """The images of a source by the first format that reads it. A doubtful one that names no groups
    or cannot be read counts only where no other names two objects in two contexts."""
    doubtful: Listing | ImportSetError | None = None
    for format in FORMATS:
        if format.only_by_name:
            continue
        try:
            listing = _read(format, source)
        except ImportSetError as error:
            if doubtful is None and not format.is_doubtful:
                raise
            doubtful = doubtful or error
            continue
        if listing is None:
            continue
        if format.is_doubtful and not listing.is_named.any():
            doubtful = listing
        elif doubtful is None or listing.default_choice() is not None:
            if format.name == "folders":
                aside, warnings = _left_aside(source, is_doubtful=doubtful is not None)
                # First, for the last is an example of a missing image.
                skipped = [*aside, *listing.skipped]
                listing = replace(listing, skipped=skipped, warnings=warnings)
            return listing
    if isinstance(doubtful, ImportSetError):
        raise doubtful
    return doubtful


def _left_aside(source: Source, *, is_doubtful: bool) -> tuple[Skipped, list[str]]:
    """Tables that were left aside for folders, with the reason, and a sentence where columns of the
    first table of labels are lost."""
    aside = "says no objects and contexts, or cannot be read; the folders say them"
    skipped: Skipped = []
    warnings: list[str] = []
    for file in filter(is_csv, source.files):
        columns = None
        with suppress(ImportSetError):
            columns = columns_of(source, file)
        if is_labels(file) and columns is not None:
            reason = f"has the columns {_listed(columns)}; {LABEL_COLUMNS} were looked for"
            skipped.append((file, reason))
            missing = " and no column ".join(missing_labels(columns))
            if columns and missing and not warnings:
                warnings = [
                    f"{printable(file)} has no column {missing}, so its columns were not read:"
                    " objects and contexts are those of the folders."
                ]
        elif is_doubtful and (columns is None or has_captions(columns)):
            skipped.append((file, aside))
    return skipped, warnings


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(printable, columns)) or "none"


def _stated(source: Source) -> dict[str, str]:
    """What the export of a set says of itself in ``dataset.json``, beside its table; nothing of
    other sources."""
    for file in source.files:
        folder, name = posixpath.split(file)
        if name != "dataset.json" or posixpath.join(folder, "metadata.csv") not in source.files:
            continue
        try:
            about = json.loads(source.text(file))
            stated = STATED | {"licence": printable(about["licence"])}
            if attribution := printable(str(about.get("attribution", ""))):
                stated["attribution"] = attribution
            for label, style in (("short", "undescriptive"), ("descriptive", "descriptive")):
                # Built-in sets have no templates of their own.
                template = about["captions"][style] if "captions" in about else stated[label]
                with suppress(ImportSetError):  # one that cannot be filled in
                    stated[label] = checked_template(label, template)
            return stated
        except (UnreadableError, ImportSetError, ValueError, KeyError, TypeError, RecursionError):
            continue  # of another program
    return STATED


def _no_image(skipped: Skipped) -> str:
    """The end of a sentence on why no image is left."""
    if not skipped:
        return "no image; it needs PNG, JPEG or WebP files."
    others = f", and so on for {len(skipped) - 1} more" if len(skipped) > 1 else ""
    return f"no image that can be used: {' '.join(skipped[0])}{others}."
