"""Folders whose names say what is shown: ``[split/]<object>/<context>/*`` and
``[split/]<object>_<context>/*``.

One folder name may be read in many ways: it is cut where both halves are met in most other folders.
"""

import posixpath
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import PurePosixPath

from vlcore.data.importers.selection import Found, Row, clean_split
from vlcore.data.importers.source import ImportSetError, Skipped, Source, UnreadableError, utf8
from vlcore.experiment import limits

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_FOREIGN = (".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".jfif")
MOST_CAPTION = 4096  # bytes that are read
_MASK_FOLDERS = ("masks", "fg_mask", "segmentations")


def pictures(
    source: Source, suffixes: tuple[str, ...] = SUFFIXES, *, masks: bool = False
) -> list[str]:
    """The files that are pictures, sorted: those that are masks or the others."""
    files = (file for file in source.files if file.lower().endswith(suffixes))
    return [
        file for file in files if masks == (not set(_MASK_FOLDERS).isdisjoint(file.split("/")[:-1]))
    ]


def foreign_pictures(source: Source) -> Skipped:
    """Pictures in formats that are not read, with the reason."""
    return [
        (file, "is not a PNG, JPEG or WebP picture; convert it")
        for file in pictures(source, _FOREIGN)
    ]


def read_folders(source: Source, *, context_first: bool = False) -> Found | None:
    """``<object>/<context>`` or ``<object>_<context>``; or contexts first, as DomainBed's
    environments are laid out."""
    files = pictures(source)
    folders = {file: PurePosixPath(file).parts[:-1] for file in files}
    wrapping = posixpath.commonpath(
        ["/".join(parts) for parts in folders.values() if parts] or [""]
    )
    # A wrapping folder says nothing. But the one object of a source with a single object wraps
    # everything too, so where the rest cannot be read, less is taken for wrapping. Pictures beside
    # the folders don't count.
    for outer in range(len(PurePosixPath(wrapping).parts), -1, -1):
        splits = {
            file: clean_split(parts[outer]) if parts[outer:] else ""
            for file, parts in folders.items()
        }
        inner = {
            file: (split, folders[file][outer + bool(split) :]) for file, split in splits.items()
        }
        depths = Counter(len(parts) for _, parts in inner.values())
        underscored = {
            parts[0]
            for _, parts in inner.values()
            if len(parts) == 1 and "_" in parts[0].strip("_")
        }
        single = sum(len(parts) == 1 and parts[0] in underscored for _, parts in inner.values())
        if depths[2] or single:
            break
    else:
        return None
    deep = depths[2] >= single
    if not deep and len(underscored) > limits.FOLDER_NAMES:
        raise ImportSetError(
            f"{source.name} has more than {limits.FOLDER_NAMES:,} folders; import a part of it."
        )
    cut = {} if deep else cut_names(underscored)
    layout = ("/" if deep else "_").join(
        ("CONTEXT", "OBJECT") if context_first else ("OBJECT", "CONTEXT")
    )
    find_mask, texts = (
        _mask_finder(source, files),
        {file for file in source.files if file.endswith(".txt")},
    )
    rows, skipped = [], foreign_pictures(source)
    for file, (split, parts) in inner.items():
        pair = (parts if len(parts) == 2 else None) if deep else cut.get("/".join(parts))
        if pair is None:
            skipped.append((file, f"lies outside the folders {layout}"))
        else:
            beside, caption = str(PurePosixPath(file).with_suffix(".txt")), ""
            if beside in texts:
                with suppress(UnreadableError):
                    caption = utf8(
                        source.text(beside, MOST_CAPTION + 4), f"The caption {beside}", MOST_CAPTION
                    )
            obj, context = reversed(pair) if context_first else pair
            rows.append(Row(file, obj, context, split, caption, find_mask(file)))
    return Found(f"Folders named {layout}.", rows, skipped)


def cut_names(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Cut each name at one of its underscores, so that all of them fit together best."""
    places = {
        name: [at for at in range(1, len(name) - 1) if name[at] == "_"]
        for name in sorted(set(names))
    }
    cuts = {
        name: [(name[:at], name[at + 1 :]) for at in options] for name, options in places.items()
    }
    firsts = Counter(
        first for options in cuts.values() for first in {first for first, _ in options}
    )
    seconds = Counter(
        second for options in cuts.values() for second in {second for _, second in options}
    )

    def fit(pair: tuple[str, str]) -> tuple[int, int, int]:
        first, second = firsts[pair[0]], seconds[pair[1]]
        return min(first, second), first * second, len(pair[0])

    return {name: max(options, key=fit) for name, options in cuts.items() if options}


def _mask_finder(source: Source, files: list[str]) -> Callable[[str], str]:
    """A function from a picture to its mask: in a tree ``masks/`` of the same shape, or
    ``masks/<stem>.png``."""
    masks = {
        PurePosixPath(file).with_suffix(""): file
        for file in pictures(source, (".png",), masks=True)
    }
    exact = {
        "/".join(part for part in path.parts if part not in _MASK_FOLDERS): file
        for path, file in masks.items()
    }
    by_stem = {path.name: file for path, file in masks.items()}
    stems, mask_stems = (
        Counter(PurePosixPath(file).stem for file in files),
        Counter(path.name for path in masks),
    )

    def find(file: str) -> str:
        path = PurePosixPath(file)
        alone = stems[path.stem] == mask_stems[path.stem] == 1
        return exact.get(str(path.with_suffix("")), by_stem[path.stem] if alone else "")

    return find
