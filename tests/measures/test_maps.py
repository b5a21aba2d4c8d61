"""Maps, against linear algebra done by hand; what is exact is exact, and nothing is ever scaled."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlcore.measures.maps import (
    align,
    continuity,
    fit_plane,
    nearest,
    place_among_neighbours,
    point_trustworthiness,
    trustworthiness,
    umap,
)


def unit(z: np.ndarray) -> np.ndarray:
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def cloud(n: int, size: int, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(n, size)))


SHAPES = [(2, 4), (3, 2), (10, 3), (50, 32), (20, 64)]


@pytest.mark.parametrize(("n", "size"), SHAPES)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_plane_against_the_singular_values(n: int, size: int, kind: type) -> None:
    z = cloud(n, size, seed=n).astype(kind)
    plane = fit_plane(z)
    centred = z.astype(float) - z.astype(float).mean(axis=0)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    spread = singular**2 / (singular**2).sum()
    assert plane.centre == pytest.approx(z.astype(float).mean(axis=0))
    assert plane.shares == pytest.approx(spread[:2], abs=1e-9)
    assert plane.variance == pytest.approx(float(z.astype(float).var(axis=0).sum()))
    assert plane.components @ plane.components.T == pytest.approx(np.eye(2), abs=1e-9)
    for axis in range(min(2, np.linalg.matrix_rank(centred))):
        assert abs(plane.components[axis] @ directions[axis]) == pytest.approx(1)
        assert plane.components[axis][np.abs(plane.components[axis]).argmax()] > 0


@pytest.mark.parametrize(("n", "size"), SHAPES)
def test_places_are_dot_products_with_the_axes(n: int, size: int) -> None:
    reference, new = cloud(n, size, 1), cloud(4, size, 2)
    plane = fit_plane(reference)
    placed = plane.place(new)
    assert placed.shape == (4, 2)
    for point, (x, y) in zip(new, placed, strict=True):
        for axis, coordinate in enumerate((x, y)):
            by_hand = sum((point[d] - plane.centre[d]) * plane.components[axis, d] for d in range(size))
            assert coordinate == pytest.approx(by_hand, abs=1e-12)
    assert plane.place(reference).mean(axis=0) == pytest.approx([0, 0], abs=1e-12)


def test_on_the_map_variance_is_what_the_shares_say() -> None:
    z = cloud(40, 8)
    plane = fit_plane(z)
    assert plane.place(z).var(axis=0) == pytest.approx(plane.shares * plane.variance)
    assert plane.shares[0] >= plane.shares[1] > 0


@pytest.mark.parametrize("n", [2, 5, 40])
def test_one_point_has_no_variance_to_share(n: int) -> None:
    point = cloud(1, 8)
    plane = fit_plane(np.repeat(point, n, axis=0))
    assert plane.shares.tolist() == [0, 0]
    assert plane.variance == pytest.approx(0, abs=1e-12)
    assert np.isfinite(plane.components).all()
    assert plane.place(point) == pytest.approx(np.zeros((1, 2)), abs=1e-12)


# --- alignment


def turned(points: np.ndarray, angle: float, mirrored: bool, shift: tuple[float, float]) -> np.ndarray:
    out = []
    for x, y in points:
        if mirrored:
            x = -x
        out.append(
            (
                math.cos(angle) * x - math.sin(angle) * y + shift[0],
                math.sin(angle) * x + math.cos(angle) * y + shift[1],
            )
        )
    return np.array(out)


@settings(max_examples=60)
@given(
    st.integers(3, 20),
    st.integers(0, 1000),
    st.floats(-math.pi, math.pi),
    st.booleans(),
    st.tuples(st.floats(-5, 5), st.floats(-5, 5)),
)
def test_a_known_turn_is_undone(n: int, seed: int, angle: float, mirrored: bool, shift: tuple[float, float]) -> None:
    points = np.random.default_rng(seed).normal(size=(n, 2))
    moved = turned(points, angle, mirrored, shift)
    turn = align(moved, points)
    assert turn.apply(moved) == pytest.approx(points, abs=1e-8)
    assert np.linalg.det(turn.rotation) == pytest.approx(-1 if mirrored else 1)


@settings(max_examples=60)
@given(st.integers(1, 12), st.integers(0, 1000), st.floats(0.01, 100))
def test_aligning_never_scales(n: int, seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    points, onto = random.normal(size=(n, 2)) * scale, random.normal(size=(n, 2))
    turn = align(points, onto)
    moved = turn.apply(points)
    for i in range(n):
        for j in range(i):
            assert np.linalg.norm(moved[i] - moved[j]) == pytest.approx(np.linalg.norm(points[i] - points[j]))
    assert moved.mean(axis=0) == pytest.approx(onto.mean(axis=0), abs=1e-6)


def test_no_other_turn_comes_closer() -> None:
    random = np.random.default_rng(4)
    points, onto = random.normal(size=(9, 2)), random.normal(size=(9, 2))
    best = ((align(points, onto).apply(points) - onto) ** 2).sum()
    centred = points - points.mean(axis=0)
    for angle in np.linspace(0, 2 * math.pi, 200):
        for mirrored in (True, False):
            tried = turned(centred, float(angle), mirrored, tuple(onto.mean(axis=0)))
            assert ((tried - onto) ** 2).sum() >= best - 1e-9


def test_what_was_not_aligned_moves_along() -> None:
    points = np.random.default_rng(5).normal(size=(10, 2))
    moved = turned(points, 1.0, True, (2, 3))
    assert align(moved[:6], points[:6]).apply(moved) == pytest.approx(points)


def test_maps_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="aligned over the images that both show; give the same number of points"):
        align(np.zeros((3, 2)), np.zeros((4, 2)))


# --- neighbours


@pytest.mark.parametrize(("m", "n", "size", "k"), [(1, 1, 2, 1), (4, 20, 8, 5), (3, 7, 4, 7), (0, 5, 3, 2)])
def test_nearest_against_sorting(m: int, n: int, size: int, k: int) -> None:
    z, known = cloud(m, size, 1), cloud(n, size, 2)
    indices, cosines = nearest(z, known, k)
    assert indices.shape == cosines.shape == (m, k)
    for row in range(m):
        by_hand = sorted(range(n), key=lambda j, row=row: -sum(a * b for a, b in zip(z[row], known[j], strict=True)))
        assert indices[row].tolist() == by_hand[:k]
        assert cosines[row] == pytest.approx([float(z[row] @ known[j]) for j in by_hand[:k]])


def test_equal_neighbours_come_in_their_own_order() -> None:
    known = np.repeat(cloud(1, 4), 6, axis=0)
    assert nearest(known[:1], known, 4)[0].tolist() == [[0, 1, 2, 3]]


def slow_place(z: np.ndarray, known: np.ndarray, points: np.ndarray, k: int) -> list[float]:
    order = sorted(range(len(known)), key=lambda j: -float(z @ known[j]))[: k + 1]
    farthest = float(z @ known[order[-1]])
    x = y = total = 0.0
    for j in order[:-1]:
        weight = float(z @ known[j]) - farthest + 1e-9
        x, y, total = x + weight * points[j, 0], y + weight * points[j, 1], total + weight
    return [x / total, y / total]


@pytest.mark.parametrize(("n", "size", "k"), [(30, 8, 5), (6, 3, 5), (12, 32, 1)])
def test_a_place_among_neighbours_against_a_loop(n: int, size: int, k: int) -> None:
    z, known = cloud(7, size, 1), cloud(n, size, 2)
    points = np.random.default_rng(3).normal(size=(n, 2))
    placed = place_among_neighbours(z, known, points, k)
    for row in range(7):
        assert placed[row] == pytest.approx(slow_place(z[row], known, points, k), abs=1e-9)


@settings(max_examples=40)
@given(st.integers(2, 40), st.integers(2, 8), st.integers(0, 1000))
def test_a_place_lies_between_its_neighbours(n: int, size: int, seed: int) -> None:
    """In their convex hull: no direction in which it lies beyond all of them."""
    z, known = cloud(3, size, seed), cloud(n, size, seed + 1)
    points = np.random.default_rng(seed).normal(size=(n, 2))
    placed = place_among_neighbours(z, known, points)
    indices, _ = nearest(z, known, 5)
    for row in range(3):
        for angle in np.linspace(0, 2 * math.pi, 24, endpoint=False):
            direction = np.array([math.cos(angle), math.sin(angle)])
            assert placed[row] @ direction <= (points[indices[row]] @ direction).max() + 1e-9


def test_a_known_picture_far_from_all_others_lands_on_its_own_place() -> None:
    known, points = np.eye(8), np.arange(16.0).reshape(8, 2)
    assert place_among_neighbours(known, known, points) == pytest.approx(points, abs=1e-6)


def test_equally_near_neighbours_count_equally() -> None:
    known, points = np.repeat(np.eye(1, 4), 6, axis=0), np.random.default_rng(0).normal(size=(6, 2))
    assert place_among_neighbours(known[:1], known, points)[0] == pytest.approx(points[:5].mean(axis=0))


# --- UMAP


@pytest.mark.filterwarnings("ignore:Tensorflow not installed:ImportWarning")  # umap says so while it is imported
def test_umap_is_finite_keeps_clusters_apart_and_comes_out_the_same_again() -> None:
    z = unit(np.repeat(np.eye(2, 6), 12, axis=0) + 0.2 * cloud(24, 6))
    points = umap(z)
    assert points.shape == (24, 2)
    assert points.dtype == np.float64
    assert np.isfinite(points).all()
    assert (umap(z.astype(np.float32)) == points).all()
    one, two = points[:12], points[12:]
    between = np.linalg.norm(one.mean(axis=0) - two.mean(axis=0))
    assert between > max(np.linalg.norm(side - side.mean(axis=0), axis=1).mean() for side in (one, two))
    smallest = umap(cloud(4, 6))
    assert smallest.shape == (4, 2)
    assert np.isfinite(smallest).all()


@pytest.mark.parametrize("n", [0, 1, 3])
def test_umap_of_too_few_points_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="UMAP needs at least four images"):
        umap(np.zeros((n, 4)))


def test_one_known_point_is_no_neighbourhood() -> None:
    with pytest.raises(ValueError, match="at least two known points"):
        place_among_neighbours(np.eye(2), np.eye(2)[:1], np.zeros((1, 2)))


# --- how far to believe a map


def slow_trust(inside: np.ndarray, outside: np.ndarray, k: int) -> list[float]:
    """Venna and Kaski's formula point by point, from distances (n, n) of the full space and of the map."""
    n, found = len(inside), []
    for i in range(n):
        others = [j for j in range(n) if j != i]
        ranked = sorted(others, key=lambda j, i=i: inside[i, j])
        near = sorted(others, key=lambda j, i=i: outside[i, j])[:k]
        excess = sum(max(0, ranked.index(j) + 1 - k) for j in near)
        found.append(1 - 2 / (k * (2 * n - 3 * k - 1)) * excess)
    return found


def distances(z: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cosines = z @ z.T / np.linalg.norm(z, axis=1) / np.linalg.norm(z, axis=1)[:, None]
    return 1 - cosines, np.linalg.norm(points[:, None] - points[None], axis=2)


@pytest.mark.parametrize(("n", "size", "k"), [(7, 3, 3), (40, 8, 5), (40, 8, 19), (12, 2, 1)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_trust_in_a_map_against_the_formula(n: int, size: int, k: int, kind: type) -> None:
    z = (cloud(n, size, 1) * np.linspace(0.5, 2, n)[:, None]).astype(kind)  # lengths do not count
    points = fit_plane(z).place(z)
    inside, outside = distances(z.astype(float), points)
    by_point = slow_trust(inside, outside, k)
    assert trustworthiness(z, points, (k,)) == pytest.approx({k: sum(by_point) / n})
    assert point_trustworthiness(z, points, k) == pytest.approx(by_point)
    assert continuity(z, points, (k,)) == pytest.approx({k: sum(slow_trust(outside, inside, k)) / n})


def test_points_are_trusted_as_much_as_their_map() -> None:
    z = cloud(80, 16)
    points = fit_plane(z).place(z)
    whole = trustworthiness(z, points)
    assert list(whole) == list(continuity(z, points)) == [5, 10, 15]
    for k, value in whole.items():
        assert point_trustworthiness(z, points, k).mean() == pytest.approx(value)


def test_a_faithful_map_is_trusted_and_a_shuffled_one_is_not() -> None:
    angles = np.linspace(0.3, 1.7, 60) ** 2  # no two neighbours equally far
    z = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    shuffled = z[np.random.default_rng(0).permutation(60)]
    for measure in (trustworthiness, continuity):
        assert measure(z, z) == dict.fromkeys((5, 10, 15), 1.0)
        assert all(value < 0.7 for value in measure(z, shuffled).values())
    torn = z + np.where(angles > 1.5, 50.0, 0.0)[:, None]  # neighbours are torn apart, none are made up
    assert trustworthiness(z, torn, (5,))[5] > continuity(z, torn, (5,))[5]


def test_one_misplaced_point_is_told_from_the_others() -> None:
    angles = np.linspace(0.3, 1.7, 60) ** 2  # no two neighbours equally far
    z = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = z.copy()
    points[7] = points[50] + 1e-3
    found = point_trustworthiness(z, points)
    assert found.argmin() == 7
    assert np.median(found) > 0.99


@pytest.mark.parametrize(("n", "k"), [(10, 5), (4, 2), (30, 15), (30, 0)])
def test_more_neighbours_than_half_the_points_are_refused(n: int, k: int) -> None:
    z = cloud(n, 4)
    for ask in (
        lambda: trustworthiness(z, z[:, :2], (1, k)),
        lambda: continuity(z, z[:, :2], (1, k)),
        lambda: point_trustworthiness(z, z[:, :2], k),
    ):
        with pytest.raises(
            ValueError, match=f"A map of {n} points is judged by 1 to fewer than .* neighbours, not {k}"
        ):
            ask()
