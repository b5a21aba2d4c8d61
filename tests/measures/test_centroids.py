"""Centres of groups, against loops; planted layouts are told in the right words."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.measures.spaces import unit
from vlcore.measures.layout import layout

NAMES = ("horse_grass", "horse_desert", "camel_desert", "camel_grass")


def planted(centres: np.ndarray, scenes: int = 15, noise: float = 0.05, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Pictures around the centres, one of each group a scene."""
    random, count = np.random.default_rng(seed), len(centres)
    z = unit(np.tile(centres, (scenes, 1)) + noise * random.normal(size=(scenes * count, centres.shape[1])))
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
def test_distances_against_a_loop(kind: type, noise: float) -> None:
    z, groups, scenes = planted(np.random.default_rng(1).normal(size=(4, 6)), noise=noise)
    found = layout(z.astype(kind), groups, scenes, NAMES)
    assert list(found.distances) == list(combinations(NAMES, 2))
    for (one, other), distance in found.distances.items():
        assert distance.value == pytest.approx(slow_distance(z, groups, one, other), abs=1e-6)
        assert 0 <= distance.low <= distance.value <= distance.high <= 2
        assert distance.n == 30


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 5))
def test_the_order_of_the_pictures_and_a_turn_change_no_distance(seed: int, size: int) -> None:
    z, groups, scenes = planted(np.random.default_rng(seed).normal(size=(3, size)), scenes=4, noise=0.3, seed=seed)
    order = np.random.default_rng(seed).permutation(len(z))
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]
    one, other = layout(z, groups, scenes, NAMES[:3]), layout(z[order] @ turn, groups[order], scenes[order], NAMES[:3])
    for pair, distance in one.distances.items():
        again = other.distances[pair]
        assert [again.value, again.low, again.high] == pytest.approx([distance.value, distance.low, distance.high])
    assert {name: near.name for name, near in one.nearest.items()} == {n: r.name for n, r in other.nearest.items()}


def test_groups_of_one_context_that_lie_together_are_said_to() -> None:
    grass, desert = np.array([1.0, 0, 0, 0]), np.array([0, 1.0, 0, 0])
    object_axis = np.array([0, 0, 0.2, 0])
    z, groups, scenes = planted(
        np.stack([grass + object_axis, desert + object_axis, desert - object_axis, grass - object_axis])
    )
    nearest = layout(z, groups, scenes, NAMES).nearest
    assert {name: near.name for name, near in nearest.items()} == {
        "horse_grass": "camel_grass",
        "camel_grass": "horse_grass",
        "horse_desert": "camel_desert",
        "camel_desert": "horse_desert",
    }
    for near in nearest.values():
        assert near.decided
        assert near.lead is not None
        assert near.lead.low > 0.5
        assert near.lead.n == 60
        assert near.distance.high < 0.2


def test_the_lead_is_the_next_distance_minus_the_nearest() -> None:
    z, groups, scenes = planted(np.random.default_rng(5).normal(size=(4, 6)), noise=0.4)
    found = layout(z, groups, scenes, NAMES)
    for name, near in found.nearest.items():
        others = sorted(slow_distance(z, groups, name, other) for other in NAMES if other != name)
        assert near.distance.value == pytest.approx(others[0])
        assert near.distance in found.distances.values()
        assert near.lead is not None
        assert near.lead.value == pytest.approx(others[1] - others[0])


def test_which_of_two_equally_near_groups_is_nearest_is_not_decided() -> None:
    corners = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    z, groups, scenes = planted(corners, noise=0.4)
    assert not any(near.decided for near in layout(z, groups, scenes, NAMES[:3]).nearest.values())


def test_the_interval_covers_the_distance_of_the_whole_population() -> None:
    """Of scenes drawn from many, about 95 in 100 intervals hold the distance over all; noise leans them upwards."""
    z, groups, scenes = planted(np.random.default_rng(2).normal(size=(2, 6)), scenes=3000, noise=0.5)
    truth = slow_distance(z, groups, *NAMES[:2])
    held = 0
    for start in range(0, 3000, 50):
        part = slice(2 * start, 2 * start + 100)
        found = layout(z[part], groups[part], scenes[part], NAMES[:2]).distances[NAMES[0], NAMES[1]]
        held += found.low <= truth <= found.high
    assert held >= 50  # of 60


def test_two_groups_have_each_other() -> None:
    z, groups, scenes = planted(np.eye(2))
    nearest = layout(z, groups, scenes, NAMES[:2]).nearest
    assert nearest["horse_grass"].name == "horse_desert"
    assert nearest["horse_grass"].lead is None
    assert nearest["horse_grass"].decided


def test_equal_embeddings_lie_together_and_decide_nothing() -> None:
    z, groups, scenes = planted(np.ones((4, 5)), noise=0)
    found = layout(z.astype(np.float32), groups, scenes, NAMES)
    assert all((d.value, d.low, d.high) == (0, 0, 0) for d in found.distances.values())
    assert found.nearest["camel_grass"].name == "horse_grass"
    assert not any(near.decided for near in found.nearest.values())


def test_scenes_of_their_own_and_one_scene_give_finite_intervals() -> None:
    z, groups, _ = planted(np.eye(4), scenes=2)
    for scenes in (np.arange(8), np.zeros(8)):  # resamples of eight can lack a group
        found = layout(z, groups, scenes, NAMES)
        for distance in found.distances.values():
            assert np.isfinite([distance.low, distance.value, distance.high]).all()


def test_what_has_no_centre_is_refused() -> None:
    z, groups, scenes = planted(np.eye(4))
    with pytest.raises(ValueError, match="No picture shows zebra"):
        layout(z, groups, scenes, (*NAMES, "zebra"))
    with pytest.raises(ValueError, match="named twice"):
        layout(z, groups, scenes, ("horse_grass", "horse_grass"))
    with pytest.raises(ValueError, match="One group alone"):
        layout(z, groups, scenes, NAMES[:1])
    with pytest.raises(ValueError, match="pictures of a cancel out"):
        layout(np.array([[1.0, 0], [-1, 0], [0, 1]]), ["a", "a", "b"], [0, 1, 2], ["a", "b"])
