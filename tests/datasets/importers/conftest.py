"""Sources for importers: little pictures of random fields of colour, whose perceptual hashes are far apart."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


@lru_cache(maxsize=4096)
def picture(seed: int, kind: str = "PNG", size: tuple[int, int] = (64, 48)) -> bytes:
    """A picture of its own for each seed."""
    field = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    out = BytesIO()
    Image.fromarray(field).resize(size, Image.Resampling.BICUBIC).save(out, kind)
    return out.getvalue()


Content = int | str | bytes
Tree = Callable[[dict[str, Content]], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Writes files under ``source/``: bytes and text as they are, a number as the picture of that seed."""

    def write(files: dict[str, Content]) -> Path:
        root = tmp_path / "source"
        root.mkdir(exist_ok=True)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, int):
                content = picture(content, KINDS[path.suffix.lower()])
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return write


@pytest.fixture
def picture_of() -> Callable[..., bytes]:
    return picture


@pytest.fixture
def groups() -> Callable[..., dict[str, Content]]:
    """Files of four groups, so many each: ``horse_grass`` and so on, or by another pattern."""

    def files(*sizes: int, pattern: str = "{0}_{1}/{2}.png", start: int = 0) -> dict[str, Content]:
        pairs = [("horse", "grass"), ("horse", "desert"), ("camel", "desert"), ("camel", "grass")]
        names = [
            pattern.format(obj, context, number)
            for (obj, context), size in zip(pairs, sizes, strict=True)
            for number in range(size)
        ]
        return {name: start + seed for seed, name in enumerate(names)}

    return files
