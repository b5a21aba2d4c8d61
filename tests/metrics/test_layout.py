"""Centres of groups and movement between models, against loops, on layouts that are known."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.spaces import cloud, numbers, unit
from vlcore.metrics.agreement import shared_neighbours
from vlcore.metrics.estimate import mean
from vlcore.metrics.layout import displacement, group_movement, layout

NAMES = ("horse_grass", "horse_desert", "camel_desert", "camel_grass")


@settings(max_examples=40)
@given(st.integers(2, 20), st.integers(0, 1000), st.floats(0.01, 100))
def test_displacement_against_a_loop_in_sizes_of_the_map(n: int, seed: int, scale: float) -> None:
    points, onto = np.random.default_rng(seed).normal(size=(2, n, 2)) * scale + 3
    x, y = sum(p[0] for p in points) / n, sum(p[1] for p in points) / n
    radius = (sum((p[0] - x) ** 2 + (p[1] - y) ** 2 for p in points) / n) ** 0.5
    ways = [
        ((q[0] - p[0]) ** 2 + (q[1] - p[1]) ** 2) ** 0.5 / radius
        for p, q in zip(points, onto, strict=True)
    ]
    assert displacement(points, onto) == pytest.approx(ways)
    assert (displacement(points, points) == 0).all()


def test_movement_is_its_parts() -> None:
    points, onto = np.random.default_rng(0).normal(size=(2, 48, 2))
    one = cloud(48, 8, 1)
    other = cloud(48, 6, 2)
    groups = np.tile(NAMES, 12)
    scenes = np.repeat(np.arange(12), 4)
    found = group_movement((points, onto), (one, other), groups, scenes, NAMES)
    assert (found.displacement == displacement(points, onto)).all()
    both = shared_neighbours(one, other, scenes)
    assert (found.overlap == both.overlap).all()
    assert found.chance == 10 / 47
    assert list(found.drift) == list(found.overlap_by_group) == list(NAMES)
    for name in NAMES:
        assert found.drift[name] == mean(found.displacement[groups == name], scenes[groups == name])
        assert found.overlap_by_group[name] == both.mean_overlap(groups == name)


def planted(
    centres: np.ndarray, scenes: int = 15, noise: float = 0.05, seed: int = 0
) -> tuple[np.ndarray, ...]:
    """Pictures around the centres, one of each group a scene."""
    random, count = np.random.default_rng(seed), len(centres)
    z = unit(
        np.tile(centres, (scenes, 1))
        + noise * random.normal(size=(scenes * count, centres.shape[1]))
    )
    return z, np.tile(NAMES[:count], scenes), np.repeat([f"s{i}" for i in range(scenes)], count)


def slow_distance(z: np.ndarray, groups: np.ndarray, one: str, other: str) -> float:
    means = []
    for name in (one, other):
        own = [row for row, group in zip(z, groups, strict=True) if group == name]
        means.append([sum(row[d] for row in own) / len(own) for d in range(z.shape[1])])
    dot = sum(a * b for a, b in zip(*means, strict=True))
    return 1 - dot / math.prod(math.sqrt(sum(a * a for a in mean)) for mean in means)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("noise", [0.0, 0.3, 2.0])
def test_distances_and_leads_against_a_loop(kind: type, noise: float) -> None:
    z, groups, scenes = planted(np.random.default_rng(1).normal(size=(4, 6)), noise=noise)
    distances, nearest = layout(z.astype(kind), groups, scenes, NAMES)
    assert list(distances) == list(combinations(NAMES, 2))
    for (one, other), distance in distances.items():
        assert distance.value == pytest.approx(slow_distance(z, groups, one, other), abs=1e-6)
        assert 0 <= distance.low <= distance.value <= distance.high <= 2
        assert distance.n == 30
    for name, near in nearest.items():
        others = sorted(slow_distance(z, groups, name, other) for other in NAMES if other != name)
        assert near.distance.value == pytest.approx(others[0], abs=1e-6)
        assert near.distance in distances.values()
        assert near.lead.value == pytest.approx(others[1] - others[0], abs=1e-6)
        assert near.lead.n == 60
        assert near.decided == (near.lead.low > 0)


def test_equally_near_groups_and_equal_embeddings_decide_nothing() -> None:
    z, groups, scenes = planted(np.eye(3), noise=0.4)
    assert not any(near.decided for near in layout(z, groups, scenes, NAMES[:3])[1].values())
    # Resamples can lack a picture of a group.
    alone = layout(z, groups, np.arange(45), NAMES[:3])[0].values()
    assert all(np.isfinite(numbers(one)).all() for one in alone)
    z, groups, scenes = planted(np.ones((4, 5)), noise=0)
    distances, nearest = layout(z.astype(np.float32), groups, scenes, NAMES)
    assert {numbers(distance) for distance in distances.values()} == {(0, 0, 0)}
    assert nearest["camel_grass"].name == "horse_grass"
    assert not any(near.decided for near in nearest.values())


def test_what_is_not_defined_is_refused() -> None:
    z = cloud(20, 2)
    with pytest.raises(ValueError, match="The first map is one point"):
        displacement(np.ones((5, 2)), np.ones((5, 2)))
    with pytest.raises(ValueError, match="No image of b"):
        group_movement((z, z), (z, z), ["a"] * 20, range(20), ["a", "b"])
    with pytest.raises(ValueError, match="zebra"):
        layout(*planted(np.eye(4)), [*NAMES, "zebra"])
