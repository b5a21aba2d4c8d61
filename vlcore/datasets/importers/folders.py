"""Folders whose names say what is shown: ``[split/]<object>/<context>/*`` and ``[split/]<object>_<context>/*``.

One folder name may be read in many ways, all folder names together hardly. A name with several underscores is cut where
both halves are met in most other folders.
"""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from vlcore.datasets.importers.selection import Found, Row, clean_split
from vlcore.datasets.importers.source import Source, UnreadableError, utf8

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_FOREIGN = (".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".jfif")
MOST_CAPTION = 4096  # bytes that are read
_MASK_FOLDERS = ("masks", "fg_mask", "segmentations")


def pictures(source: Source) -> list[str]:
    """The files that are pictures and no masks, sorted."""
    return [file for file in source.files if file.lower().endswith(SUFFIXES) and not _is_mask(file)]


def foreign_pictures(source: Source) -> list[tuple[str, str]]:
    """Pictures in formats that are not read, with the reason."""
    reason = "is not a PNG, JPEG or WebP picture; convert it"
    return [(file, reason) for file in source.files if file.lower().endswith(_FOREIGN) and not _is_mask(file)]


def read_folders(source: Source) -> Found | None:
    """Objects first: ``<object>/<context>`` or ``<object>_<context>``."""
    return _read(source, lambda first, second: (first, second), "OBJECT", "CONTEXT")


def read_context_first(source: Source) -> Found | None:
    """Contexts first: ``<context>/<object>`` or ``<context>_<object>``, as DomainBed's environments are laid out."""
    return _read(source, lambda first, second: (second, first), "CONTEXT", "OBJECT")


def _read(source: Source, order: Callable[[str, str], tuple[str, str]], first: str, second: str) -> Found | None:
    files = pictures(source)
    folders = {file: PurePosixPath(file).parts[:-1] for file in files}
    wrapping = posixpath.commonpath(["/".join(parts) for parts in folders.values() if parts] or [""])
    # A wrapping folder says nothing. But the one object of a source with a single object wraps everything too, so
    # where the rest cannot be read, less is taken for wrapping. Pictures beside the folders don't count.
    for outer in range(len(PurePosixPath(wrapping).parts), -1, -1):
        inner = {file: _without_split(parts[outer:]) for file, parts in folders.items()}
        depths = Counter(len(parts) for _, parts in inner.values())
        underscored = {parts[0] for _, parts in inner.values() if len(parts) == 1 and "_" in parts[0].strip("_")}
        single = sum(len(parts) == 1 and parts[0] in underscored for _, parts in inner.values())
        if depths[2] or single:
            break
    else:
        return None
    deep = depths[2] >= single
    cut = {} if deep else cut_names(underscored)
    layout = f"{first}/{second}" if deep else f"{first}_{second}"
    find_mask, find_caption = mask_finder(source, files), caption_finder(source)
    rows, skipped = [], foreign_pictures(source)
    for file, (split, parts) in inner.items():
        pair = (parts if len(parts) == 2 else None) if deep else cut.get("/".join(parts))
        if pair is None:
            skipped.append((file, f"lies outside the folders {layout}"))
        else:
            rows.append(Row(file, *order(*pair), split, find_caption(file), find_mask(file)))
    return Found(f"Folders named {layout}.", rows, skipped)


def cut_names(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Cut each name at one of its underscores, so that all of them fit together best."""
    cuts = {
        name: [(name[:at], name[at + 1 :]) for at in range(1, len(name) - 1) if name[at] == "_"]
        for name in sorted(set(names))
    }
    firsts = Counter(first for options in cuts.values() for first in {first for first, _ in options})
    seconds = Counter(second for options in cuts.values() for second in {second for _, second in options})

    def fit(pair: tuple[str, str]) -> tuple[int, int, int]:
        first, second = firsts[pair[0]], seconds[pair[1]]
        return min(first, second), first * second, len(pair[0])

    return {name: max(options, key=fit) for name, options in cuts.items() if options}


def mask_finder(source: Source, files: list[str]) -> Callable[[str], str]:
    """A function from a picture to its mask: in a tree ``masks/`` of the same shape, or ``masks/<stem>.png``."""
    there = [file for file in source.files if file.lower().endswith(".png") and _is_mask(file)]
    stems = Counter(PurePosixPath(file).stem for file in files)
    exact: dict[str, str] = {}
    by_stem: dict[str, list[str]] = defaultdict(list)
    for file in there:
        path = PurePosixPath(file).with_suffix("")
        exact["/".join(part for part in path.parts if part not in _MASK_FOLDERS)] = file
        by_stem[path.name].append(file)

    def find(file: str) -> str:
        path = PurePosixPath(file)
        alone = by_stem.get(path.stem, []) if stems[path.stem] == 1 else []
        return exact.get(str(path.with_suffix(""))) or (alone[0] if len(alone) == 1 else "")

    return find


def caption_finder(source: Source) -> Callable[[str], str]:
    """A function from a picture to the text of ``<stem>.txt`` beside it; empty where there is none."""
    texts = {file for file in source.files if file.endswith(".txt")}

    def find(file: str) -> str:
        beside = str(PurePosixPath(file).with_suffix(".txt"))
        if beside not in texts:
            return ""
        try:
            data = source.read(beside)
        except UnreadableError:
            return ""
        return utf8(data, f"The caption {beside}", MOST_CAPTION)

    return find


def _is_mask(file: str) -> bool:
    return any(part in _MASK_FOLDERS for part in file.split("/")[:-1])


def _without_split(parts: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    split = clean_split(parts[0]) if parts else ""
    return (split, parts[1:]) if split else ("", parts)
