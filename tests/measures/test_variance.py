"""Shares of the variance and the axes of the factors, against sums written out, exact permutations and statsmodels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.api import stats
from statsmodels.formula.api import ols

from tests.measures.spaces import Columns, crossed
from vlcore.core.grouping import SCENES
from vlcore.measures.estimate import Estimate, bootstrap
from vlcore.measures.variance import axis_angle, p_values, variance_shares


def uncrossed(*sizes: int) -> Columns:
    """As many images of each group, every one of a scene of its own."""
    rows = [pair for pair, size in zip(SCENES.pairs, sizes, strict=True) for _ in range(size)]
    objects, contexts = (np.array(column) for column in zip(*rows, strict=True))
    return objects, contexts, np.array([f"s{i}" for i in range(len(rows))])


def embed(columns: Columns, size: int, a: float, c: float, both: float, seed: int = 0) -> np.ndarray:
    """Noise, with an axis each for the factors and one for both together."""
    random = np.random.default_rng(seed)
    horse, grass = (np.where(columns[0] == "horse", 1.0, -1.0), np.where(columns[1] == "grass", 1.0, -1.0))
    axes = np.eye(3, size)
    shared = random.normal(size=(len(np.unique(columns[2])), size))[np.unique(columns[2], return_inverse=True)[1]]
    z = random.normal(size=(len(horse), size)) + shared
    return z + a * horse[:, None] * axes[0] + c * grass[:, None] * axes[1] + both * (horse * grass)[:, None] * axes[2]


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
    return [found[name].value for name in ("object", "context", "interaction", "residual")]


@pytest.mark.parametrize(("scenes", "size"), [(1, 3), (6, 4), (30, 32)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_shares_against_sums_of_squares(scenes: int, size: int, kind: type) -> None:
    columns = crossed(scenes)
    z = embed(columns, size, 0.5, 1.0, 0.2, seed=scenes).astype(kind)
    found = variance_shares(z, *columns)
    assert values(found) == pytest.approx(slow_shares(z.astype(float), columns), abs=1e-6)
    assert sum(values(found)) == pytest.approx(1)
    for estimate in found.values():
        assert -1e-12 <= estimate.low <= estimate.value <= estimate.high <= 1 + 1e-12
        assert estimate.n == 4 * scenes


def test_shares_of_one_column_against_an_analysis_of_variance() -> None:
    columns = crossed(12)
    margin = embed(columns, 3, 0.5, 1.0, 0.8).sum(axis=1)
    frame = pd.DataFrame({"m": margin, "a": columns[0], "c": columns[1]})
    table = stats.anova_lm(ols("m ~ C(a) * C(c)", frame).fit())["sum_sq"]
    assert values(variance_shares(margin[:, None], *columns)) == pytest.approx((table / table.sum()).tolist())


def test_the_interval_of_a_share_is_over_scenes() -> None:
    columns = crossed(25)
    z = embed(columns, 4, 0.5, 1.0, 0.2)
    found = variance_shares(z, *columns)["context"]

    def by_copies(weights: np.ndarray) -> float:
        return slow_shares(np.repeat(z, counts := weights.astype(int), axis=0), copies(columns, counts))[1]

    again = bootstrap(by_copies, columns[2])
    assert (found.low, found.high) == pytest.approx((again.low, again.high))
    assert found.high - found.low > 0.02


def copies(columns: Columns, counts: np.ndarray) -> Columns:
    return tuple(np.repeat(column, counts) for column in columns)  # type: ignore[return-value]


def test_groups_of_unequal_size_weigh_the_same() -> None:
    columns = uncrossed(30, 5, 12, 8)
    z = embed(columns, 4, 0.0, 1.5, 0.0)
    found = variance_shares(z, *columns)
    counts = np.array([{"horse_grass": 4, "horse_desert": 24, "camel_desert": 10, "camel_grass": 15}[f"{o}_{c}"]
                       for o, c in zip(*columns[:2], strict=True)])  # fmt: skip
    assert values(found) == pytest.approx(slow_shares(np.repeat(z, counts, axis=0), copies(columns, counts)))
    assert all(0 <= value <= 1 for value in values(found))


def test_a_resample_without_a_group_does_no_harm() -> None:
    columns = uncrossed(2, 1, 1, 2)
    found = variance_shares(embed(columns, 3, 1.0, 1.0, 0.0), *columns)
    for estimate in found.values():
        assert -1e-12 <= estimate.low <= estimate.value <= estimate.high <= 1 + 1e-12


@pytest.mark.parametrize("scenes", [4, 8])
def test_p_values_against_all_exchanges_of_twins(scenes: int) -> None:
    """Every way to exchange the objects (or contexts) of whole scenes, with the share computed anew."""
    columns = crossed(scenes)
    z = embed(columns, 3, 0.25, 0.35, 0.2, seed=3)
    names = sorted(set(columns[2].tolist()))
    p = p_values(z, *columns, permutations=4000)
    reached = {"object": 0, "context": 0}
    whole = dict(zip(("object", "context", "interaction"), slow_shares(z, columns), strict=False))
    for swapped in itertools.product([False, True], repeat=scenes):
        moved = np.isin(columns[2], [name for name, swap in zip(names, swapped, strict=True) if swap])
        objects = np.where(moved, np.where(columns[0] == "horse", "camel", "horse"), columns[0])
        contexts = np.where(moved, np.where(columns[1] == "grass", "desert", "grass"), columns[1])
        reached["object"] += slow_shares(z, (objects, columns[1], columns[2]))[0] >= whole["object"] - 1e-12
        reached["context"] += slow_shares(z, (columns[0], contexts, columns[2]))[1] >= whole["context"] - 1e-12
    assert p["object"] == pytest.approx(reached["object"] / 2**scenes, abs=0.035)
    assert p["context"] == pytest.approx(reached["context"] / 2**scenes, abs=0.035)


@pytest.mark.parametrize("columns", [crossed(12), uncrossed(12, 12, 12, 12), uncrossed(20, 8, 20, 8)])
def test_p_values_of_what_is_not_there_are_spread_evenly(columns: Columns) -> None:
    """Beside effects that are there, and although twins share most of what they are."""
    p = []
    for seed in range(300):
        found = p_values(embed(columns, 3, 0.0, 1.5, 0.0, seed), *columns, permutations=99)
        p.append((found["object"], found["interaction"]))
        assert found["context"] == 0.01
    for column in zip(*p, strict=True):
        assert 0.43 < np.mean(column) < 0.57
        assert 0.05 < np.mean(np.array(column) <= 0.1) < 0.16


def test_p_values_come_out_the_same_again_and_are_never_zero() -> None:
    columns = crossed(20)
    z = embed(columns, 4, 3, 3, 3)
    assert variance_shares(z, *columns) == variance_shares(z, *columns)
    assert p_values(z, *columns) == dict.fromkeys(("object", "context", "interaction"), 0.001)
    assert p_values(embed(crossed(1), 4, 3, 3, 3), *crossed(1))["object"] == 1


def test_one_point_has_no_variance_to_share_out() -> None:
    columns = crossed(3)
    with pytest.raises(ValueError, match="All embeddings are one point, so there is no variance to share out"):
        variance_shares(np.ones((12, 4)), *columns)


@pytest.mark.parametrize("sizes", [(3, 3, 3, 0), (3, 0, 0, 3)])
def test_a_layout_with_an_empty_group_is_refused(sizes: tuple[int, int, int, int]) -> None:
    columns = uncrossed(*sizes)
    for ask in (
        lambda: variance_shares(np.ones((sum(sizes), 2)), *columns),
        lambda: p_values(np.ones((sum(sizes), 2)), *columns),
        lambda: axis_angle(np.ones((sum(sizes), 2)), *columns, SCENES),
    ):
        with pytest.raises(ValueError, match="two objects in two contexts, some of each of the four groups"):
            ask()


# --- axes


@pytest.mark.parametrize("degrees", [0, 30, 90, 150, 180])
def test_a_planted_angle_is_found(degrees: float) -> None:
    columns = crossed(40)
    along, across = (
        np.array([1.0, 0, 0]),
        np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0]),
    )
    horse, grass = (np.where(columns[0] == "horse", 1.0, -1.0), np.where(columns[1] == "grass", 1.0, -1.0))
    z = horse[:, None] * along + grass[:, None] * across + np.random.default_rng(0).normal(size=(160, 3)) * 0.1
    found = axis_angle(z, *columns, SCENES)
    assert found.value == pytest.approx(degrees, abs=5)
    assert 0 <= found.low <= found.value <= found.high <= 180
    assert found.high - found.low < 10
    assert found.n == 160


@pytest.mark.parametrize("seed", range(3))
def test_the_angle_against_means(seed: int) -> None:
    columns = crossed(10)
    z = embed(columns, 5, 0.4, 0.4, 0, seed)

    def mean_of(column: int, name: str) -> np.ndarray:
        return z[columns[column] == name].mean(axis=0)

    a, c = mean_of(0, "horse") - mean_of(0, "camel"), mean_of(1, "grass") - mean_of(1, "desert")
    cosine = sum(a * c) / math.sqrt(sum(a * a)) / math.sqrt(sum(c * c))
    assert axis_angle(z.astype(np.float32), *columns, SCENES).value == pytest.approx(
        math.degrees(math.acos(cosine)), abs=1e-3
    )


def test_a_factor_that_moves_nothing_has_no_axis() -> None:
    columns = crossed(5)
    z = np.where(columns[1] == "grass", 1.0, -1.0)[:, None] * np.ones((1, 3))
    with pytest.raises(ValueError, match="mean images of both objects, or of both contexts, coincide"):
        axis_angle(z, *columns, SCENES)
