"""Movement between two models, against loops and scikit-learn; what does not change moves nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from tests.measures.spaces import cloud
from vlcore.measures.estimate import mean
from vlcore.measures.layout import displacement, movement, neighbour_overlap

GROUPS = ("a", "b", "c", "d")


# --- neighbours


@pytest.mark.parametrize(("n", "one", "other", "k"), [(12, 3, 3, 10), (40, 8, 5, 10), (30, 4, 16, 1), (25, 8, 8, 5)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_overlap_against_sets_of_neighbours(n: int, one: int, other: int, k: int, kind: type) -> None:
    first, second = cloud(n, one, 1).astype(kind), (cloud(n, other, 2) * 3).astype(kind)  # lengths do not count
    sets = [
        NearestNeighbors(n_neighbors=k, metric="cosine").fit(z).kneighbors(return_distance=False)
        for z in (first, second)
    ]
    by_hand = [len(set(a) & set(b)) / k for a, b in zip(*sets, strict=True)]
    assert neighbour_overlap(first, second, k) == pytest.approx(by_hand)
    assert neighbour_overlap(second, first, k) == pytest.approx(by_hand)


@settings(max_examples=40, deadline=None)
@given(st.integers(13, 40), st.integers(2, 8), st.integers(0, 1000))
def test_a_turned_space_keeps_every_neighbour(n: int, size: int, seed: int) -> None:
    z = cloud(n, size, seed)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]
    assert (neighbour_overlap(z, z @ turn) == 1).all()
    assert (neighbour_overlap(z, np.pad(z, ((0, 0), (0, 3)))) == 1).all()


def test_unrelated_models_agree_by_chance() -> None:
    found = [neighbour_overlap(cloud(60, 8, seed), cloud(60, 8, seed + 500)).mean() for seed in range(40)]
    assert np.mean(found) == pytest.approx(10 / 59, abs=0.015)


def test_equal_pictures_are_neighbours_alike_in_both_models() -> None:
    z = np.repeat(cloud(4, 6), 8, axis=0).astype(np.float32)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0]
    assert (neighbour_overlap(z, (z @ turn).astype(np.float32), 5) == 1).all()
    assert (neighbour_overlap(np.repeat(z[:1], 20, axis=0), np.repeat(z[9:10], 20, axis=0)) == 1).all()


@pytest.mark.parametrize("n", [0, 1, 2, 11])
def test_more_neighbours_than_others_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"Of {n} pictures, each has {max(n - 1, 0)} others; .*, not 10"):
        neighbour_overlap(cloud(n, 4), cloud(n, 4))


def test_no_neighbours_and_different_numbers_and_zeros_are_refused() -> None:
    z = cloud(20, 4)
    with pytest.raises(ValueError, match="not 0"):
        neighbour_overlap(z, z, 0)
    with pytest.raises(ValueError, match="give the same number"):
        neighbour_overlap(z, z[:19])
    with pytest.raises(ValueError, match="points nowhere"):
        neighbour_overlap(z, np.vstack([z[:19], np.zeros((1, 4))]))


# --- ways


def test_ways_against_a_loop() -> None:
    random = np.random.default_rng(0)
    points, onto = random.normal(size=(15, 2)) * 4 + 7, random.normal(size=(15, 2))
    x, y = sum(p[0] for p in points) / 15, sum(p[1] for p in points) / 15
    radius = (sum((p[0] - x) ** 2 + (p[1] - y) ** 2 for p in points) / 15) ** 0.5
    ways = [((q[0] - p[0]) ** 2 + (q[1] - p[1]) ** 2) ** 0.5 / radius for p, q in zip(points, onto, strict=True)]
    assert displacement(points, onto) == pytest.approx(ways)


@settings(max_examples=40)
@given(st.integers(2, 20), st.integers(0, 1000), st.floats(0.01, 100))
def test_a_way_is_told_in_sizes_of_the_map(n: int, seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    points, onto = random.normal(size=(n, 2)), random.normal(size=(n, 2))
    assert displacement(points * scale + 3, onto * scale + 3) == pytest.approx(displacement(points, onto))
    assert (displacement(points, points) == 0).all()


def test_a_map_of_one_point_has_no_size() -> None:
    for points in (np.ones((5, 2)), np.ones((1, 2)), np.ones((0, 2))):
        with pytest.raises(ValueError, match="The first map is one point"):
            displacement(points, points + 1)
    with pytest.raises(ValueError, match="give the same number of points"):
        displacement(np.eye(2), np.ones((3, 2)))
    assert np.isfinite(displacement(np.eye(2), np.ones((2, 2)))).all()


# --- both, by group


def test_movement_is_its_parts() -> None:
    random = np.random.default_rng(0)
    points, onto = random.normal(size=(2, 48, 2))
    one, other = cloud(48, 8, 1), cloud(48, 6, 2)
    groups, scenes = np.tile(GROUPS, 12), np.repeat(np.arange(12), 4)
    found = movement((points, onto), (one, other), groups, scenes, GROUPS, k=7)
    assert (found.displacement == displacement(points, onto)).all()
    assert (found.overlap == neighbour_overlap(one, other, 7)).all()
    assert found.chance == 7 / 47
    assert list(found.drift) == list(found.kept) == list(GROUPS)
    for name in GROUPS:
        own = groups == name
        assert found.drift[name] == mean(found.displacement[own], scenes[own])
        assert found.kept[name] == mean(found.overlap[own], scenes[own])
        assert found.drift[name].n == 12
        assert found.drift[name].low < found.drift[name].value < found.drift[name].high


def test_the_group_that_was_moved_is_the_one_that_drifts() -> None:
    points = np.random.default_rng(0).normal(size=(48, 2))
    groups, scenes = np.tile(GROUPS, 12), np.repeat(np.arange(12), 4)
    onto = points + np.where(groups == "c", 2.0, 0.0)[:, None]
    found = movement((points, onto), (points, onto), groups, scenes, GROUPS)
    assert found.drift["c"].low > 1
    assert all(found.drift[name].high == 0 for name in "abd")
    assert set(groups[found.largest_displacements(12)]) == {"c"}


def test_those_that_moved_most_come_first_and_equals_in_order() -> None:
    points = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]] * 4)
    onto = points.copy()
    onto[[5, 3, 9]] += [[3, 0], [1, 0], [1, 0]]
    found = movement((points, onto), (cloud(16, 3), cloud(16, 3)), ["a"] * 16, range(16), ["a"])
    assert found.largest_displacements(5).tolist() == [5, 3, 9, 0, 1]
    assert len(found.largest_displacements(100)) == 16


def test_rows_that_do_not_fit_and_absent_groups_are_refused() -> None:
    z = cloud(20, 2)
    with pytest.raises(ValueError, match="same number of rows everywhere"):
        movement((z, z), (z, z), ["a"] * 20, range(19), ["a"])
    with pytest.raises(ValueError, match="No picture of b is in both models"):
        movement((z, z), (z, z), ["a"] * 20, range(20), ["a", "b"])
