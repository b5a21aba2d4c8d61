"""Embeddings and test sets that measures are tried on."""

from __future__ import annotations

import numpy as np

from vlcore.core.grouping import SCENES

Columns = tuple[np.ndarray, np.ndarray, np.ndarray]


def unit(z: np.ndarray) -> np.ndarray:
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def cloud(n: int, size: int, seed: int = 0) -> np.ndarray:
    """Directions drawn evenly."""
    return unit(np.random.default_rng(seed).normal(size=(n, size)))


def names(n: int) -> np.ndarray:
    """A scene for each image."""
    return np.array([f"s{i}" for i in range(n)])


def crossed(scenes: int) -> Columns:
    """Objects, contexts and scenes of a crossed test set."""
    rows = [(o, c, f"s{i}") for i in range(scenes) for o in SCENES.objects for c in SCENES.contexts]
    return tuple(np.array(column) for column in zip(*rows, strict=True))  # type: ignore[return-value]
