"""Embeddings and test sets that measures are tried on."""

from __future__ import annotations

import numpy as np
import pytest

from vlcore.core.grouping import SCENES
from vlcore.measures.estimate import Estimate

Columns = tuple[np.ndarray, np.ndarray, np.ndarray]


def unit(z: np.ndarray) -> np.ndarray:
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def cloud(n: int, size: int, seed: int = 0) -> np.ndarray:
    """Directions drawn evenly."""
    return unit(np.random.default_rng(seed).normal(size=(n, size)))


def rotation(size: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def names(n: int) -> np.ndarray:
    """A scene for each image."""
    return np.array([f"s{i}" for i in range(n)])


def crossed(scenes: int) -> Columns:
    """Objects, contexts and scenes of a crossed test set."""
    rows = [(o, c, f"s{i}") for i in range(scenes) for o in SCENES.objects for c in SCENES.contexts]
    return tuple(np.array(column) for column in zip(*rows, strict=True))  # type: ignore[return-value]


def groups_of(columns: Columns) -> np.ndarray:
    return np.array([f"{obj}_{context}" for obj, context in zip(*columns[:2], strict=True)])


def signs(columns: Columns) -> tuple[np.ndarray, np.ndarray]:
    """1 or -1 for each image: a horse or a camel, and grass or desert."""
    return np.where(columns[0] == "horse", 1.0, -1.0), np.where(columns[1] == "grass", 1.0, -1.0)


def interval(estimate: Estimate) -> object:
    """Value and interval, to compare with another estimate's."""
    return pytest.approx((estimate.value, estimate.low, estimate.high), abs=1e-9)


def numbers(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high
