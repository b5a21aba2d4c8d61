"""Sources for tests of importers: little pictures of random fields of colour, whose perceptual
hashes are far apart."""

import csv
import zipfile
from functools import lru_cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
PAIRS = (("horse", "grass"), ("horse", "desert"), ("camel", "desert"), ("camel", "grass"))


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


def groups(*sizes: int, pattern: str = "{0}/{1}/{2}.png", start: int = 0) -> dict[str, Content]:
    """Files of four groups, so many each: ``horse/grass`` and so on, or by another pattern."""
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


def table(*rows: tuple[Any, ...]) -> str:
    out = StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def pets(folder: Path, per_group: int = 6, suffix: str = "") -> Path:
    """A folder of noise: cats and dogs, at home and outside."""
    random = np.random.default_rng(0)
    for group in ("cat/home", "cat/park", "dog/home", "dog/park"):
        (folder / group).mkdir(parents=True)
        for number in range(per_group):
            small = random.integers(0, 255, (6, 6, 3), dtype=np.uint8)
            Image.fromarray(small).resize((80, 80)).save(folder / group / f"{number}{suffix}.png")
    return folder
