"""Layouts of sources: what the images of a folder or a zip show, a file per layout.

A layout is a module with ``ORDER`` (the first that fits is taken), ``ABOUT`` (a sentence),
``fits(source)``, and ``read(source)``, which returns a table with the columns `NEEDED`, `OPTIONAL`
and the user's own, one row per image, and what is skipped.
"""

import unicodedata
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from vlcore.data import sandbox
from vlcore.data.importers.selection import Listing, clean_name, clean_split
from vlcore.data.importers.source import ImportSetError, Skipped, open_source, printable
from vlcore.experiment import limits
from vlcore.experiment.modules import load_modules
from vlcore.experiment.wording import plural

LABELS = "labels.csv"
NEEDED = ("file", "object", "context")
OPTIONAL = ("split", "caption")


def layouts() -> list[ModuleType]:
    """The layouts, in the order in which they are tried."""
    modules = load_modules(__name__).values()
    return sorted(modules, key=lambda layout: layout.ORDER)


def list_source(source: Path) -> Listing:
    """List the images of a folder or a zip, without decoding any; ImportSetError where it has
    none."""
    with open_source(source) as opened:
        layout = next((layout for layout in layouts() if layout.fits(opened)), None)
        if layout is None:
            raise ImportSetError(f"{opened.name} has no layout that is known here.")
        table, skipped = layout.read(opened)
        listing = _cleaned(table, layout.ABOUT, [*opened.skipped, *skipped])
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
            "no image; it needs PNG, JPEG, WebP, GIF or HEIC files in folders OBJECT/CONTEXT, or a"
            f" {LABELS} with file, object and context."
        )
    file, reason = skipped[0]
    return f"no image that can be used ({plural(len(skipped), 'file')}): {file} {reason}."
