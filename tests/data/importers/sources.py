"""Sources for tests of importers: little pictures of random fields of colour, whose perceptual
hashes are far apart; an ``.npz`` of embeddings of two birds in two places, sorted by both."""

import csv
import zipfile
from functools import lru_cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vlcore.data.imageset import ImageSet
from vlcore.data.importers import Listing

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
PAIRS = (("horse", "grass"), ("horse", "desert"), ("camel", "desert"), ("camel", "grass"))

WIDTH = 8  # of embeddings

Content = int | str | bytes
Tree = Any  # the fixture: writes files under ``source/``


@lru_cache(maxsize=4096)
def picture(
    seed: int, kind: str = "PNG", size: tuple[int, int] = (64, 48), mode: str = "RGB"
) -> bytes:
    """A picture of its own for each seed."""
    bands = {"RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    field = np.random.default_rng(seed).integers(0, 256, (8, 8, bands), dtype=np.uint8)
    image = Image.fromarray(field, mode if mode == "CMYK" else None)
    return encoded(image.resize(size, Image.Resampling.BICUBIC), kind)


def encoded(image: Image.Image | np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    out = BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, kind, **options)
    return out.getvalue()


def groups(*sizes: int, pattern: str = "{0}_{1}/{2}.png", start: int = 0) -> dict[str, Content]:
    """Files of four groups, so many each: ``horse_grass`` and so on, or by another pattern."""
    cells = zip(PAIRS, sizes, strict=True)
    names = [pattern.format(*pair, number) for pair, size in cells for number in range(size)]
    return {name: start + seed for seed, name in enumerate(names)}


def cells(sizes: dict[tuple[str, str], int]) -> dict[str, Content]:
    """Files of any objects and contexts, so many each, in folders of both."""
    names = [
        f"{obj}/{context}/{number}.png"
        for (obj, context), size in sizes.items()
        for number in range(size)
    ]
    return {name: seed for seed, name in enumerate(names)}


def write(root: Path, files: dict[str, Content]) -> Path:
    """Files in a folder: bytes and text as they are, a number as the picture of that seed."""
    root.mkdir(exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, int):
            content = picture(content, KINDS[path.suffix.lower()])
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def pack(
    path: Path, members: dict[str, bytes] | list[tuple[Any, bytes]], *, compressed: bool = True
) -> Path:
    """A zip; of a list, two members may have one name."""
    with zipfile.ZipFile(
        path, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    ) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
    return path


def table(*rows: tuple[Any, ...], tabs: bool = False) -> str:
    out = StringIO()
    csv.writer(out, delimiter="\t" if tabs else ",").writerows(rows)
    return out.getvalue()


def rows_of(listing: Listing, *columns: str) -> list[list[str]]:
    return listing.table[list(columns)].to_numpy().tolist()


def mask_of(images: ImageSet, row: int) -> np.ndarray:
    with Image.open(images.root / images.table["mask"].iat[row]) as image:
        return np.asarray(image)


def arrays(
    per_group: tuple[int, int, int, int] = (20, 12, 16, 12), **changes: Any
) -> dict[str, Any]:
    """The arrays of a file that can be imported, with changes; None takes an array out.

    Groups: gull on sea, gull on land, crow on land, crow on sea.
    """
    random = np.random.default_rng(len(changes))
    pairs = [("gull", "sea"), ("gull", "land"), ("crow", "land"), ("crow", "sea")]
    names = np.array(
        [pair for pair, count in zip(pairs, per_group, strict=True) for _ in range(count)]
    )
    names = names[random.permutation(len(names))]
    objects, contexts = names.T
    axes = np.eye(WIDTH)
    z = random.normal(0, 0.3, (len(names), WIDTH))
    z += np.where((objects == "gull")[:, None], axes[0], axes[1])
    z += np.where((contexts == "sea")[:, None], axes[2], axes[3])
    captions = np.array(["a photo of a gull", "a photo of a crow"])
    spoken_of = np.array(["gull", "crow"])
    text = {"text": axes[:2] * 3, "captions": captions, "text_object": spoken_of}
    made = {"z": z, "object": objects, "context": contexts} | text | changes
    return {name: array for name, array in made.items() if array is not None}


def save(path: Path, **made: Any) -> Path:
    np.savez(path, **made)
    return path
