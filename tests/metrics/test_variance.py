"""Shares of the variance and the axes of the factors, against sums that are written out."""

import numpy as np
import pytest

from tests.metrics.spaces import (
    Columns,
    crossed,
    groups_of,
    interval,
    names,
    numbers,
    signs,
    slow_jackknife,
)
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.variance import FACTORS, variance_shares


def uncrossed(*sizes: int) -> Columns:
    """As many images of each group, every one of a scene of its own."""
    objects, contexts = (
        np.repeat([pair[place] for pair in SCENES.pairs], sizes) for place in (0, 1)
    )
    return objects, contexts, names(len(objects))


def embed(
    columns: Columns, size: int, a: float, c: float, both: float, seed: int = 0
) -> np.ndarray:
    """Noise, with an axis each for the factors and one for both together."""
    random = np.random.default_rng(seed)
    horse, grass = signs(columns)
    axes = np.eye(3, size)
    shared = random.normal(size=(len(np.unique(columns[2])), size))[
        np.unique(columns[2], return_inverse=True)[1]
    ]
    z = random.normal(size=(len(horse), size)) + shared
    return (
        z
        + a * horse[:, None] * axes[0]
        + c * grass[:, None] * axes[1]
        + both * (horse * grass)[:, None] * axes[2]
    )


def slow_shares(z: np.ndarray, columns: Columns) -> list[float]:
    """Sums of squares of a balanced two-way layout, the long way."""
    mu = z.mean(axis=0)
    total = sum(float(((row - mu) ** 2).sum()) for row in z)
    of_object = of_context = of_group = 0.0
    for row in range(len(z)):
        same_object, same_context = columns[0] == columns[0][row], columns[1] == columns[1][row]
        of_object += float(((z[same_object].mean(axis=0) - mu) ** 2).sum())
        of_context += float(((z[same_context].mean(axis=0) - mu) ** 2).sum())
        of_group += float(((z[same_object & same_context].mean(axis=0) - mu) ** 2).sum())
    interaction = of_group - of_object - of_context
    return [of_object / total, of_context / total, interaction / total, (total - of_group) / total]


def values(found: dict[str, Estimate]) -> list[float]:
    return [found[name].value for name in (*FACTORS, "residual")]


@pytest.mark.parametrize(
    ("columns", "size"),
    [(crossed(2), 3), (crossed(6), 4), (crossed(30), 32), (uncrossed(2, 1, 1, 2), 3)],
)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_shares_against_sums_of_squares(columns: Columns, size: int, kind: type) -> None:
    """Of the last, a resample can lack a group."""
    z = embed(columns, size, 0.5, 1.0, 0.2).astype(kind)
    found = variance_shares(z, *columns)
    if len(set(np.unique(groups_of(columns), return_counts=True)[1])) == 1:
        assert values(found) == pytest.approx(slow_shares(z.astype(float), columns), abs=1e-6)
    assert sum(values(found)) == pytest.approx(1)
    for estimate in found.values():
        assert 0 <= estimate.low <= estimate.high <= 1
        assert estimate.n == len(z)


def test_the_interval_of_a_share_is_over_scenes() -> None:
    columns = crossed(25)
    z = embed(columns, 4, 0.5, 1.0, 0.2)
    found = variance_shares(z, *columns)["context"]

    def left(here: np.ndarray) -> float:
        return slow_shares(z[here], tuple(column[here] for column in columns))[1]  # type: ignore[arg-type]

    assert numbers(found) == interval(slow_jackknife(left, columns[2]))
    assert found.high - found.low > 0.02


def test_groups_of_unequal_size_weigh_the_same() -> None:
    columns = uncrossed(30, 5, 12, 8)
    z = embed(columns, 4, 0.0, 1.5, 0.0)
    found, counts = variance_shares(z, *columns), np.repeat([4, 24, 10, 15], [30, 5, 12, 8])
    copied = [np.repeat(part, counts, axis=0) for part in (z, *columns)]
    assert values(found) == pytest.approx(slow_shares(copied[0], tuple(copied[1:])))  # type: ignore[arg-type]
