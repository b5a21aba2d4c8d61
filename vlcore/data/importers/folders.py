"""Readers of folders whose names say what is shown: ``[split/]<object>/<context>/*`` and
``[split/]<object>_<context>/*``.

A folder name with several underscores is cut where both halves are met in most other folders.
"""

import posixpath
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import PurePosixPath

from vlcore.data.decoding import SUFFIXES
from vlcore.data.importers.selection import clean_split
from vlcore.data.importers.source import (
    Contents,
    ImportSetError,
    Row,
    Skipped,
    Source,
    UnreadableError,
    utf8,
)
from vlcore.experiment import limits

_OTHER_SUFFIXES = (".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".jfif")
_MASK_FOLDERS = {"masks", "fg_mask", "segmentations"}


def image_files(source: Source, suffixes: tuple[str, ...] = SUFFIXES) -> list[str]:
    """The files that are images other than masks, sorted."""
    return [file for file in _with_suffix(source, suffixes) if not _is_mask(file)]


def unsupported_images(source: Source) -> Skipped:
    """Images in formats that are not read, with the reason."""
    reason = "is not a PNG, JPEG or WebP image; convert it"
    return [(file, reason) for file in image_files(source, _OTHER_SUFFIXES)]


def _with_suffix(source: Source, suffixes: tuple[str, ...]) -> list[str]:
    return [file for file in source.files if file.lower().endswith(suffixes)]


def _is_mask(file: str) -> bool:
    return not _MASK_FOLDERS.isdisjoint(file.split("/")[:-1])


def read_folders(source: Source, *, context_first: bool = False) -> Contents | None:
    """``<object>/<context>`` or ``<object>_<context>``; or contexts first, as DomainBed's
    environments are laid out."""
    files = image_files(source)
    folders = _inner_folders(files)
    inner = [parts for _, parts in folders.values()]
    is_nested = sum(len(parts) == 2 for parts in inner) >= sum(map(_can_be_cut, inner))
    names = {parts[0] for parts in inner if _can_be_cut(parts)}
    if not folders:
        return None
    if not is_nested and len(names) > limits.FOLDER_NAMES:
        raise ImportSetError(
            f"{source.name} has more than {limits.FOLDER_NAMES:,} folders; import a part of it."
        )
    cuts = {} if is_nested else cut_names(names)
    words = ("CONTEXT", "OBJECT") if context_first else ("OBJECT", "CONTEXT")
    pattern = ("/" if is_nested else "_").join(words)
    find_mask = _mask_finder(source, files)
    texts = {file for file in source.files if file.endswith(".txt")}
    rows = []
    skipped = unsupported_images(source)
    for file, (split, parts) in folders.items():
        pair = parts if is_nested else cuts.get("/".join(parts), ())
        if len(pair) != 2:
            skipped.append((file, f"lies outside the folders {pattern}"))
            continue
        obj, context = reversed(pair) if context_first else pair
        text = str(PurePosixPath(file).with_suffix(".txt"))
        caption = ""
        if text in texts:
            with suppress(UnreadableError):
                caption = utf8(source.text(text), f"The caption {text}")
        rows.append(Row(file, obj, context, split, caption, find_mask(file)))
    return Contents(f"Folders named {pattern}.", rows, skipped)


def _inner_folders(files: list[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Split and folders below it of each file; empty where no folders name an object and a
    context."""
    folders = {file: PurePosixPath(file).parts[:-1] for file in files}
    paths = ["/".join(parts) for parts in folders.values() if parts]
    wrapping = PurePosixPath(posixpath.commonpath(paths or [""])).parts
    # A wrapping folder says nothing. But the one object of a source with a single object wraps
    # everything too: where the inner folders cannot be read, less is taken for wrapping. Images
    # that lie beside the folders don't count.
    for depth in range(len(wrapping), -1, -1):
        inner = {}
        below: dict[str, set[tuple[str, ...]]] = {}  # folders below each split, and below none
        for parts in folders.values():
            if parts[depth + 1 :]:
                below.setdefault(clean_split(parts[depth]), set()).add(parts[depth + 1 :])
        others = below.pop("", set())
        # One folder that has the name of a split, and contexts that other folders have too, may be
        # an object of that name.
        are_splits = len(below) != 1 or others.isdisjoint(*below.values())
        for file, parts in folders.items():
            may_be = are_splits or len(parts[depth:]) == 3
            split = clean_split(parts[depth]) if may_be and parts[depth:] else ""
            inner[file] = split, parts[depth + bool(split) :]
        if any(len(parts) == 2 or _can_be_cut(parts) for _, parts in inner.values()):
            return inner
    return {}


def _can_be_cut(folders: tuple[str, ...]) -> bool:
    return len(folders) == 1 and "_" in folders[0].strip("_")


def cut_names(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Cut each name at one of its underscores, so that all of them fit together best."""
    cuts: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(set(names)):
        underscores = [index for index in range(1, len(name) - 1) if name[index] == "_"]
        cuts[name] = [(name[:index], name[index + 1 :]) for index in underscores]
    firsts: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for pairs in cuts.values():
        firsts.update({first for first, _ in pairs})
        seconds.update({second for _, second in pairs})

    def fit(pair: tuple[str, str]) -> tuple[int, int, int]:
        first, second = firsts[pair[0]], seconds[pair[1]]
        return min(first, second), first * second, len(pair[0])

    return {name: max(pairs, key=fit) for name, pairs in cuts.items() if pairs}


def _mask_finder(source: Source, files: list[str]) -> Callable[[str], str]:
    """A function from an image to its mask: in a tree ``masks/`` of the same shape, or
    ``masks/<stem>.png`` where the stem is that of one image and one mask."""
    masks = [file for file in _with_suffix(source, (".png",)) if _is_mask(file)]
    by_path = {}
    for mask in masks:
        parts = PurePosixPath(mask).with_suffix("").parts
        by_path["/".join(part for part in parts if part not in _MASK_FOLDERS)] = mask
    by_stem = {PurePosixPath(mask).stem: mask for mask in masks}
    stems = Counter(PurePosixPath(file).stem for file in files)
    mask_stems = Counter(PurePosixPath(mask).stem for mask in masks)

    def find(file: str) -> str:
        path = PurePosixPath(file)
        is_unique = stems[path.stem] == mask_stems[path.stem] == 1
        return by_path.get(str(path.with_suffix("")), by_stem[path.stem] if is_unique else "")

    return find
