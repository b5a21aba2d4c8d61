"""Formats of sources: names, readers, and which one a source has.

A reader returns what it read, or None where the source is not of its format. The most telling marks are asked for
first, and whoever knows better names the format.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vlcore.datasets.importers.benchmarks import read_imagenet9, read_metashift, read_nico, read_spawrious
from vlcore.datasets.importers.folders import foreign_pictures, pictures, read_context_first, read_folders
from vlcore.datasets.importers.selection import Found, Listing, listing_of
from vlcore.datasets.importers.source import ImportSetError, Source, open_source
from vlcore.datasets.importers.tables import metadata_columns, read_captions, read_imagefolder, read_waterbirds


@dataclass(frozen=True)
class Format:
    """A name, how to read it, and what a source needs to be read so.

    `one_group_per_id`: two groups that hold one id contradict each other; elsewhere an id only keeps pictures together.
    `detected`: False where nothing in a source tells that it has this format, so that it must be named.
    """

    name: str
    read: Callable[[Source], Found | None]
    needs: str
    one_group_per_id: bool = False
    detected: bool = True


FORMATS = (
    Format("imagefolder", read_imagefolder, "a metadata.csv or .jsonl with file_name, and object and context or text"),
    Format("captions-csv", read_captions, "a CSV with the columns filepath and title"),
    Format("waterbirds", read_waterbirds, "a metadata.csv with img_filename, y, split and place"),
    Format("spawrious", read_spawrious, "folders such as 0/desert/corgi"),
    Format("metashift", read_metashift, "folders such as cat(indoor)", one_group_per_id=True),
    Format("nico++", read_nico, "dg_label_id_mapping.json and folders such as train/grass/horse"),
    Format("imagenet-9", read_imagenet9, "folders such as mixed_rand/val/00_dog"),
    Format("folders", read_folders, "folders named OBJECT/CONTEXT or OBJECT_CONTEXT"),
    Format("context-first", read_context_first, "folders named CONTEXT/OBJECT or CONTEXT_OBJECT", detected=False),
)


def format_names() -> tuple[str, ...]:
    """What ``--format`` takes."""
    return ("auto", *(format.name for format in FORMATS))


def look(source: Path, format: str = "auto") -> Listing:
    """List the pictures of a folder or a zip, without decoding any.

    Args:
        source: a folder or a zip.
        format: one of `format_names`; ``auto`` finds out.

    Raises:
        ImportSetError: when the source cannot be read or has not this format, or none that is known.
    """
    with open_source(source) as opened:
        return listed(opened, format)


def format_of(name: str) -> Format:
    """A format by its name, other than ``auto``.

    Raises:
        ImportSetError: when there is none.
    """
    for format in FORMATS:
        if format.name == name:
            return format
    raise ImportSetError(f"No format is named {name!r}; choose one of {', '.join(format_names())}.")


def listed(source: Source, format: str) -> Listing:
    """`look` for a source that is open."""
    for option in [one for one in FORMATS if one.detected] if format == "auto" else [format_of(format)]:
        found = option.read(source)
        if found is not None:
            listing = listing_of(option.name, found, source.skipped)
            if listing.table.empty:
                raise ImportSetError(f"{source.name} was read as {option.name} and holds {_nothing(listing.skipped)}")
            return listing
    if not pictures(source):
        raise ImportSetError(f"{source.name} holds {_nothing([*source.skipped, *foreign_pictures(source)])}")
    if format != "auto":
        raise ImportSetError(f"{source.name} is not of the format {format}, which needs {format_of(format).needs}.")
    columns = metadata_columns(source)
    has = f" Its metadata has the columns {', '.join(columns)}." if columns else ""
    raise ImportSetError(
        f"The layout of {source.name} is not known; name its folders OBJECT/CONTEXT or OBJECT_CONTEXT, or add "
        f"a metadata.csv with the columns file_name, object and context.{has}"
    )


def _nothing(skipped: list[tuple[str, str]]) -> str:
    """The end of a sentence on why nothing is left."""
    if not skipped:
        return "no picture; it needs PNG, JPEG or WebP files."
    name, reason = skipped[0]
    more = f", and so on for {len(skipped) - 1} more" if len(skipped) > 1 else ""
    return f"no picture that can be used: {name} {reason}{more}."
