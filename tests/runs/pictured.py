"""The set of the stand-ins with small pictures on the disk: wide ones, each in a colour of its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image

from tests.runs.stand_ins import image_set
from vlcore.datasets.imageset import ImageSet

SIZE = (40, 20)  # width, height


def colour(row: int) -> tuple[int, int, int]:
    """Far enough apart to survive compression."""
    return (row % 8) * 32, (row // 8 % 8) * 32, 100


def pictured(folder: Path, folds: int = 0) -> ImageSet:
    images = dataclasses.replace(image_set(folds), root=folder)
    for row in range(len(images.table)):
        Image.new("RGB", SIZE, colour(row)).save(images.path(row))
    return images


def middle(content: np.ndarray) -> tuple[int, ...]:
    """The colour in the middle of a picture."""
    return tuple(int(value) for value in content[content.shape[0] // 2, content.shape[1] // 2])
