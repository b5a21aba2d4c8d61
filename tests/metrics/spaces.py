"""Embeddings and test sets that measures are tried on."""

from collections.abc import Callable

import numpy as np
import pytest

from vlcore.experiment.grouping import SCENES
from vlcore.metrics.estimate import Estimate, jackknife

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


def slow_jackknife(statistic: Callable[[np.ndarray], float], scenes: np.ndarray) -> Estimate:
    """One group left out after the other; the statistic is told which images are there."""
    return jackknife(lambda weights: np.array([statistic(one > 0) for one in weights]), scenes)


def coverage(
    of: Callable[[int, np.random.Generator], Estimate], scenes: int = 60, sets: int = 80
) -> float:
    """How often the interval of a measure of simulated sets, from the number of scenes, has what
    4,000 scenes give."""
    truth = of(4000, np.random.default_rng(0)).value
    found = [of(scenes, np.random.default_rng(seed)) for seed in range(1, sets + 1)]
    return float(np.mean([one.low <= truth <= one.high for one in found]))


def sorted_space(scenes: int, random: np.random.Generator) -> np.ndarray:
    """Embeddings of a crossed test set, (4 scenes, 6), by object, context, scene and chance."""
    animal, place = signs(crossed(scenes))
    own = np.repeat(random.normal(size=(scenes, 6)), 4, axis=0) + 0.5 * random.normal(
        size=(4 * scenes, 6)
    )
    return unit(
        np.eye(6)[0]
        + 1.5 * np.outer(animal, np.eye(6)[1])
        + np.outer(place, np.eye(6)[2])
        + 0.7 * own
    )


def interval(estimate: Estimate) -> object:
    """Value and interval, to compare with another estimate's."""
    return pytest.approx((estimate.value, estimate.low, estimate.high), abs=1e-9)


def numbers(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high
