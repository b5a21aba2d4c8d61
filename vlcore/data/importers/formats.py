"""Formats of sources: names, readers, and which one a source has; the readers of published
benchmarks.

A reader returns what it read, or None where the source is not of its format. The most telling marks
are asked for first, and whoever knows better names the format. A benchmark is recognised by folder
names that nothing else has, wherever they lie in the source, so it does not matter how much of it
was downloaded or what it was unpacked into.
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from vlcore.data import sandbox
from vlcore.data.importers.folders import foreign_pictures, pictures, read_folders
from vlcore.data.importers.selection import Found, Listing, Row, listing_of
from vlcore.data.importers.source import (
    ImportSetError,
    Source,
    UnreadableError,
    open_source,
    printable,
    read_needed,
    utf8,
)
from vlcore.data.importers.tables import (
    is_metadata,
    read_captions,
    read_imagefolder,
    read_tables,
    read_waterbirds,
)
from vlcore.experiment import limits

_SPAWRIOUS = re.compile(
    r"(?:.*/)?(?:0|1|domain_adaptation_ds)/(?P<context>desert|jungle|dirt|mountain|snow|beach)"
    r"/(?P<object>bulldog|corgi|dachshund|labrador)/[^/]+"
)
_PROMPT = re.compile(r"_prompt_(\d{1,4})_")
_LOOKS = list(
    product(("black", "brown", "white", "any"), ("sitting", "any", "running"), "012345")
)  # fur, pose, time

_METASHIFT = re.compile(
    r"(?:.*/)?(?P<object>[^/()]*[^/()\s])\((?P<context>[^/()]+)\)/(?P<id>[^/]+)\.[^./]+"
)

_NICO = re.compile(
    r"(?:.*/)?(?P<context>autumn|dim|grass|outdoor|rock|water)/(?P<object>[^/]+)/[^/]+"
)
_NICO_FOLDER = "public_dg_0416/"
_NICO_MAPPING = "dg_label_id_mapping.json"
_NICO_LIST = re.compile(
    r"(?:.*/)?(?:autumn|dim|grass|outdoor|rock|water)_(?P<phase>train|val|test)\.txt"
)

_IMAGENET9 = re.compile(
    r"(?P<root>(?:.*/)?)(?P<context>original|mixed_same|mixed_rand|mixed_next|only_fg|no_fg|only_bg_b|only_bg_t)/val"
    r"/(?P<folder>0\d_(?P<object>[^/]+))/[^/]+"
)
_MIXED = re.compile(r"fg_(?P<object>.+?)_bg_.+")


def read_spawrious(source: Source) -> Found | None:
    """Spawrious of Lynch et al. (2023): ``{0,1,domain_adaptation_ds}/<location>/<class>/*``; it has
    no splits."""
    rows = []
    for file in pictures(source):
        if match := _SPAWRIOUS.fullmatch(file):
            factors = {}
            # What the generator was asked for, where the file still has the name that it was given.
            prompt = _PROMPT.search(PurePosixPath(file).name)
            if prompt and int(prompt[1]) < len(_LOOKS):
                factors = dict(
                    zip(("fur", "pose", "time of day"), _LOOKS[int(prompt[1])], strict=True)
                )
            rows.append(Row(file, match["object"], match["context"], factors=json.dumps(factors)))
    return Found("Spawrious; all its parts together, split anew.", rows, []) if rows else None


def read_metashift(source: Source) -> Found | None:
    """MetaShift of Liang and Zou (2022): folders such as ``cat(indoor)``; the file name is the
    image's id, where files are equal too. Its train and test folders hold what a shortcut predicts
    and what it does not: no split here.
    """
    matches = [(file, _METASHIFT.fullmatch(file)) for file in pictures(source)]
    rows = [
        Row(file, match["object"], match["context"], id=match["id"])
        for file, match in matches
        if match
    ]
    if (
        len(rows) <= len(matches) / 2
    ):  # parentheses alone mean little: copies of folders have them too
        return None
    skipped = [
        (file, "lies outside the folders class(context)") for file, match in matches if not match
    ]
    return Found("MetaShift, folders named class(context); split anew.", rows, skipped)


def read_nico(source: Source) -> Found | None:
    """NICO++ of Zhang et al. (2023), public track: ``train/<context>/<class>/*`` and a mapping of
    classes. The lists ``<context>_<phase>.txt`` of a domain generalisation benchmark give the
    splits where they are there.
    """
    mapping = next(
        (file for file in source.files if PurePosixPath(file).name == _NICO_MAPPING), None
    )
    if mapping is None and not any(
        _NICO_FOLDER in f"{source.name}/{file}" for file in source.files
    ):
        return None
    classes = None
    if mapping is not None:
        with suppress(UnreadableError, ValueError, RecursionError):
            classes = json.loads(source.text(mapping))
        if not isinstance(classes, dict):
            raise ImportSetError(f"{mapping} is no JSON object of classes; download it again.")
    splits = {}  # by the last three parts of a path
    for file in source.files:
        if match := _NICO_LIST.fullmatch(file):
            for line in utf8(read_needed(source, file, "list"), f"The list {file}").splitlines():
                path = line.strip().rpartition(" ")[0]  # before a label; classes have spaces too
                splits["/".join(path.split("/")[-3:])] = match["phase"]
    rows, skipped = [], []
    for file in pictures(source):
        match = _NICO.fullmatch(file)
        if match is None or (classes is not None and match["object"] not in classes):
            skipped.append((file, f"is no picture of a class and a context in {_NICO_MAPPING}"))
            continue
        rows.append(
            Row(
                file,
                match["object"],
                match["context"],
                splits.get("/".join(file.split("/")[-3:]), ""),
            )
        )
    return Found(
        f"NICO++, {'with lists of its splits' if splits else 'without splits'}.", rows, skipped
    )


def read_imagenet9(source: Source) -> Found | None:
    """ImageNet-9 of Xiao et al. (2021), the Backgrounds Challenge: ``<variant>/val/0k_<class>/*``.
    The variant takes the place of the context: pictures of one class differ in what is behind it.
    Mixed pictures are named ``fg_<stem>_bg_<stem>``; the id is the object's, so that one animal is
    never both trained on and tested on. Masks come from ``fg_mask/val/<class>/<stem>.npy``, and fit
    the variants that keep the object where it was.
    """
    there = frozenset(source.files)
    rows = []
    for file in pictures(source):
        if match := _IMAGENET9.fullmatch(file):
            stem = PurePosixPath(file).stem
            mask = f"{match['root']}fg_mask/val/{match['folder']}/{stem}.npy"
            mixed = _MIXED.fullmatch(stem)
            id = f"{match['folder']}/{mixed['object'] if mixed else stem}"
            rows.append(
                Row(
                    file,
                    match["object"],
                    match["context"],
                    mask=mask if mask in there else "",
                    id=id,
                )
            )
    return Found("ImageNet-9; the variants are the contexts.", rows, []) if rows else None


@dataclass(frozen=True)
class Format:
    """A name, how to read it, and what a source needs to be read so."""

    name: str
    read: Callable[[Source], Found | None]
    needs: str
    one_group_per_id: bool = (
        False  # two groups that hold one id contradict each other; else it keeps pictures together
    )
    # False where nothing in a source tells that it has this format, so that it must be named
    detected: bool = True


_context_first = partial(read_folders, context_first=True)
FORMATS = (
    Format(
        "imagefolder",
        read_imagefolder,
        "a metadata.csv or .jsonl with file_name, and object and context or text",
    ),
    Format("captions-csv", read_captions, "a CSV with the columns filepath and title"),
    Format("waterbirds", read_waterbirds, "a metadata.csv with img_filename, y, split and place"),
    Format("spawrious", read_spawrious, "folders such as 0/desert/corgi"),
    Format("metashift", read_metashift, "folders such as cat(indoor)", one_group_per_id=True),
    Format("nico++", read_nico, "dg_label_id_mapping.json and folders such as train/grass/horse"),
    Format("imagenet-9", read_imagenet9, "folders such as mixed_rand/val/00_dog"),
    Format("folders", read_folders, "folders named OBJECT/CONTEXT or OBJECT_CONTEXT"),
    Format(
        "context-first",
        _context_first,
        "folders named CONTEXT/OBJECT or CONTEXT_OBJECT",
        detected=False,
    ),
)


def format_names() -> tuple[str, ...]:
    """What ``--format`` takes."""
    return ("auto", *(format.name for format in FORMATS))


def look(source: Path, format: str = "auto") -> Listing:
    """List the pictures of a folder or a zip, without decoding any; `format` is one of
    `format_names`."""
    with open_source(source) as opened:
        return listed(opened, format)


def look_apart(
    source: Path, format: str = "auto", seconds: float = limits.DECODE_SECONDS
) -> Listing:
    """`look` in a helper process, which may take so many seconds; ImportSetError also where it
    takes longer."""
    called, path = printable(source.absolute().name), str(source.absolute())
    found, _ = sandbox.run(
        looked, called=called, error=ImportSetError, seconds=seconds, path=path, name=format
    )
    table = pd.DataFrame(found["table"], columns=Row._fields)
    altered = {name: set(given) for name, given in found["altered"].items()}
    return Listing(
        found["format"],
        found["about"],
        table,
        [(file, why) for file, why in found["skipped"]],
        altered,
    )


def looked(_data: bytes, path: str, name: str) -> tuple[dict[str, Any], bytes]:
    """`look` as a helper does it."""
    listing = look(Path(path), name)
    altered = {name: sorted(given) for name, given in listing.altered.items()}
    facts = {
        "format": listing.format,
        "about": listing.about,
        "skipped": listing.skipped,
        "altered": altered,
    }
    return {**facts, "table": listing.table.to_dict("list")}, b""


def format_of(name: str) -> Format:
    """A format by its name, other than ``auto``."""
    if name not in format_names():
        raise ImportSetError(
            f"No format is named {name!r}; choose one of {', '.join(format_names())}."
        )
    return next(format for format in FORMATS if format.name == name)


def listed(source: Source, format: str) -> Listing:
    """`look` for a source that is open."""
    for option in (
        [one for one in FORMATS if one.detected] if format == "auto" else [format_of(format)]
    ):
        found = option.read(source)
        if found is not None:
            listing = listing_of(option.name, found, source.skipped)
            if listing.table.empty:
                raise ImportSetError(
                    f"{source.name} was read as {option.name} and holds {_nothing(listing.skipped)}"
                )
            return listing
    if not pictures(source):
        raise ImportSetError(
            f"{source.name} holds {_nothing([*source.skipped, *foreign_pictures(source)])}"
        )
    if format != "auto":
        raise ImportSetError(
            f"{source.name} is not of the format {format}, which needs {format_of(format).needs}."
        )
    columns = next((table.columns for table in read_tables(source, is_metadata)), ())
    has = f" Its metadata has the columns {', '.join(columns)}." if columns else ""
    layout = (
        f"The layout of {source.name} is not known; name its folders OBJECT/CONTEXT or"
        " OBJECT_CONTEXT"
    )
    raise ImportSetError(
        f"{layout}, or add a metadata.csv with the columns file_name, object and context.{has}"
    )


def _nothing(skipped: list[tuple[str, str]]) -> str:
    """The end of a sentence on why nothing is left."""
    if not skipped:
        return "no picture; it needs PNG, JPEG or WebP files."
    more = f", and so on for {len(skipped) - 1} more" if len(skipped) > 1 else ""
    return f"no picture that can be used: {' '.join(skipped[0])}{more}."
