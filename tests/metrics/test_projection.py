"""Maps, against linear algebra done by hand; what is exact is exact, and nothing is ever scaled."""

import math
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tqdm.auto import tqdm

from tests.metrics.spaces import cloud, rotation, unit
from vlcore.metrics import projection
from vlcore.metrics.neighbours import nearest

Project = Callable[[np.ndarray], np.ndarray]
without_tensorflow = pytest.mark.filterwarnings(  # projection.umap says so while it is imported
    "ignore:Tensorflow not installed:ImportWarning"
)


@pytest.mark.parametrize(
    ("n", "size", "components"),
    [(2, 4, 2), (10, 3, 2), (20, 64, 2), (6, 8, 6), (40, 6, 6), (10, 4, 1)],
)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_plane_against_the_singular_values(
    n: int, size: int, components: int, kind: type
) -> None:
    z = cloud(n, size, seed=n).astype(kind)
    plane, exact = projection.fit_plane(z, components), z.astype(float)
    centred = exact - exact.mean(axis=0)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    assert plane.centre == pytest.approx(exact.mean(axis=0))
    assert plane.shares == pytest.approx((singular**2 / (singular**2).sum())[:components], abs=1e-9)
    assert plane.variance == pytest.approx(float(exact.var(axis=0).sum()))
    assert plane.components @ plane.components.T == pytest.approx(np.eye(components), abs=1e-9)
    for axis in range(min(components, np.linalg.matrix_rank(centred))):
        assert abs(plane.components[axis] @ directions[axis]) == pytest.approx(1)
        assert plane.components[axis][np.abs(plane.components[axis]).argmax()] > 0
    assert plane.place(z).var(axis=0) == pytest.approx(plane.shares * plane.variance)
    if components > 2:
        two = projection.fit_plane(z)
        assert plane.components[:2] == pytest.approx(two.components), (
            "more leave the first as they are"
        )
    point = projection.fit_plane(np.repeat(z[:1], max(n, components), axis=0), components)
    assert point.shares.tolist() == [0] * components, "one point has no variance to share"
    assert point.place(z[:1]) == pytest.approx(np.zeros((1, components)), abs=1e-6)


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty rows count as many, in blocks of seven."""
    monkeypatch.setattr(projection, "MANY", 40)
    monkeypatch.setattr(projection, "BLOCK", 7)


@pytest.mark.parametrize("wide", [2_048, 5])
def test_a_plane_of_many_is_that_of_few(wide: int, monkeypatch: pytest.MonkeyPatch) -> None:
    z = (cloud(60, 6, seed=1) * [9, 7, 5, 1, 1, 1] + 3).astype(np.float32)
    exact = projection.fit_plane(z, 3)
    monkeypatch.setattr(projection, "MANY", 40)
    monkeypatch.setattr(projection, "BLOCK", 7)
    monkeypatch.setattr(projection, "WIDE", wide)
    plane = projection.fit_plane(z, 3)
    assert plane.centre == pytest.approx(exact.centre, abs=1e-5)
    assert plane.components == pytest.approx(exact.components, abs=1e-3)
    assert plane.shares == pytest.approx(exact.shares, abs=1e-4)
    assert plane.variance == pytest.approx(exact.variance, rel=1e-5)
    assert plane.place(z) == pytest.approx(exact.place(z), abs=0.02)


def turned(
    points: np.ndarray, angle: float, mirrored: bool, shift: tuple[float, float] = (0, 0)
) -> np.ndarray:
    cos, sin = math.cos(angle), math.sin(angle)
    return points * [-1 if mirrored else 1, 1] @ np.array([[cos, sin], [-sin, cos]]) + shift


@settings(max_examples=60)
@given(
    st.integers(3, 20),
    st.integers(0, 999),
    st.floats(-3.1, 3.1),
    st.booleans(),
    st.tuples(*[st.floats(-5, 5)] * 2),
)
def test_a_known_turn_is_undone(
    n: int, seed: int, angle: float, mirrored: bool, shift: tuple[float, float]
) -> None:
    points = np.random.default_rng(seed).normal(size=(n + 4, 2))
    moved = turned(points, angle, mirrored, shift)
    turn = projection.align(moved[:n], points[:n])
    assert turn.apply(moved) == pytest.approx(points, abs=1e-8), "what was not aligned moves along"
    assert np.linalg.det(turn.rotation) == pytest.approx(-1 if mirrored else 1)


def test_equal_neighbours_count_equally() -> None:
    known, points = np.repeat(cloud(1, 4), 6, axis=0), np.random.default_rng(0).normal(size=(6, 2))
    assert projection.place_among_neighbours(known[:1], known, points)[0] == pytest.approx(
        points[:5].mean(axis=0)
    )


def slow_place(z: np.ndarray, known: np.ndarray, points: np.ndarray, k: int) -> list[float]:
    order = sorted(range(len(known)), key=lambda j: -float(z @ known[j]))[: k + 1]
    farthest = float(z @ known[order[-1]])
    weights = [float(z @ known[j]) - farthest + 1e-9 for j in order[:-1]]
    sides = [
        sum(w * points[j, axis] for w, j in zip(weights, order, strict=False)) for axis in (0, 1)
    ]
    return [side / sum(weights) for side in sides]


@settings(max_examples=40)
@given(st.integers(2, 40), st.integers(2, 8), st.sampled_from([1, 5]), st.integers(0, 1000))
def test_a_place_among_neighbours_against_a_loop(n: int, size: int, k: int, seed: int) -> None:
    """It lies in the neighbours' convex hull: in no direction beyond all of them."""
    z, known = cloud(3, size, seed), cloud(n, size, seed + 1)
    points = np.random.default_rng(seed).normal(size=(n, 2))
    placed, (indices, _) = (
        projection.place_among_neighbours(z, known, points, k),
        nearest(z, known, k),
    )
    for row in range(3):
        assert placed[row] == pytest.approx(slow_place(z[row], known, points, k), abs=1e-6)
        for angle in np.linspace(0, 2 * math.pi, 24, endpoint=False):
            direction = np.array([math.cos(angle), math.sin(angle)])
            assert placed[row] @ direction <= (points[indices[row]] @ direction).max() + 1e-9


@without_tensorflow
@pytest.mark.parametrize(
    "project", [projection.umap, lambda z: projection.tsne(z, perplexity=5)], ids=["umap", "tsne"]
)
def test_a_map_keeps_clusters_apart_and_comes_out_the_same_again(project: Project) -> None:
    """One point is opposite to all others, as far as cosine distance goes, and still has a
    place."""
    few = np.repeat(cloud(1, 6), 39, axis=0).astype(np.float32)
    assert np.isfinite(project(np.concatenate([few, -few[:1]]))).all()
    z = unit(np.repeat(np.eye(2, 6), 15, axis=0) + 0.2 * cloud(30, 6))
    points = project(z)
    assert (points.shape, points.dtype) == ((30, 2), np.float64)
    assert (project(z) == points).all()
    one, two = points[:15], points[15:]
    between = np.linalg.norm(one.mean(axis=0) - two.mean(axis=0))
    assert between > max(
        np.linalg.norm(side - side.mean(axis=0), axis=1).mean() for side in (one, two)
    )


@pytest.mark.parametrize("project", [projection.umap, projection.tsne])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_embeddings_that_are_one_point_are_one_point_on_the_map(
    project: Project, kind: type
) -> None:
    z = np.repeat(cloud(1, 6), 20, axis=0) * np.linspace(1, 2, 20)[:, None]  # lengths do not count
    for point in (z, 0 * z):
        assert (project(point.astype(kind)) == np.zeros((20, 2))).all()


def slow_trust(inside: np.ndarray, outside: np.ndarray, k: int) -> list[float]:
    """Venna and Kaski's formula point by point, from distances (n, n) of the full space and of the
    map."""
    n, found = len(inside), []
    for i in range(n):
        others = [j for j in range(n) if j != i]
        ranked = sorted(others, key=lambda j, i=i: inside[i, j])
        near = sorted(others, key=lambda j, i=i: outside[i, j])[:k]
        excess = sum(max(0, ranked.index(j) + 1 - k) for j in near)
        found.append(1 - 2 / (k * (2 * n - 3 * k - 1)) * excess)
    return found


@pytest.mark.parametrize(("n", "size", "k"), [(7, 3, 3), (40, 8, 5), (40, 8, 15), (12, 2, 1)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_trust_in_a_map_against_the_formula(n: int, size: int, k: int, kind: type) -> None:
    z = (cloud(n, size, 1) * np.linspace(0.5, 2, n)[:, None]).astype(kind)  # lengths do not count
    points, directions = projection.fit_plane(z).place(z), unit(z.astype(float))
    inside = 1 - directions @ directions.T
    outside = np.linalg.norm(points[:, None] - points[None], axis=2)
    by_point = slow_trust(inside, outside, k)
    assert projection.point_trustworthiness(z, points, k) == pytest.approx(by_point)
    quality = projection.map_quality(z, points)
    assert list(quality["continuity"]) == [f"k{size}" for size in (5, 10, 15) if size < n / 2]
    if f"k{k}" in quality["continuity"]:
        assert quality["trustworthiness"][f"k{k}"] == pytest.approx(sum(by_point) / n)
        continuity = sum(slow_trust(outside, inside, k)) / n
        assert quality["continuity"][f"k{k}"] == pytest.approx(continuity)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_map_is_not_blamed_for_the_order_of_equal_pictures(kind: type) -> None:
    """Three clusters of equal pictures that are shown together, but for one that is shown among
    others."""
    z = np.repeat(np.eye(3) @ rotation(3), 10, axis=0).astype(kind)
    points = np.repeat([[0.0, 0], [9, 0], [0, 9]], 10, axis=0) + 0.01 * np.random.default_rng(
        0
    ).normal(size=(30, 2))
    assert projection.point_trustworthiness(z, points) == pytest.approx(np.ones(30))
    points[0] = [9, 0]
    found = projection.point_trustworthiness(z, points)
    assert found[0] == pytest.approx(1 - 2 / (5 * (60 - 15 - 1)) * 5 * (10 - 5)), (
        "all its five neighbours rank tenth"
    )
    assert found[1:10] == pytest.approx(np.ones(9))
    assert projection.point_trustworthiness(z, np.zeros((30, 2))).min() >= 0
    assert (projection.point_trustworthiness(np.repeat(z[:1], 30, axis=0), points) == 1).all()


@without_tensorflow
def test_what_umap_compiles_is_kept_for_the_next_process() -> None:
    projection.umap(cloud(10, 4))
    from umap import layouts, umap_

    for function in (umap_.smooth_knn_dist, layouts._nb_optimize_layout_euclidean_single_epoch):
        assert list(Path(function.stats.cache_path).glob(f"*.{function.py_func.__name__}-*.nbc"))


def test_the_quality_of_a_map_of_many_is_estimated_from_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    z = unit(cloud(60, 5, seed=3)).astype(np.float32)
    points = z[:, :2].astype(np.float64)
    exact = projection.map_quality(z, points)
    monkeypatch.setattr(projection, "MOST_RANKED", 40)
    monkeypatch.setattr(projection, "QUALITY_SAMPLE", 60)  # all of them: the same sum
    estimated = projection.map_quality(z, points)
    assert estimated.keys() == exact.keys()
    for name, values in exact.items():
        assert estimated[name] == pytest.approx(values, abs=1e-9)
    monkeypatch.setattr(projection, "QUALITY_SAMPLE", 40)
    some = projection.map_quality(z, points)["trustworthiness"]["k5"]
    assert 0 < abs(some - exact["trustworthiness"]["k5"]) < 0.1


@without_tensorflow
def test_a_umap_of_many_tells_its_epochs_and_keeps_clusters_apart(few_are_many: None) -> None:
    z = unit(np.repeat(np.eye(3, 60), 30, axis=0) + 0.1 * cloud(90, 60)).astype(np.float32)
    epochs: list[tuple[int, int]] = []
    points = projection.umap(z, progress=lambda *done: epochs.append(done))
    assert (points.shape, points.dtype) == ((90, 2), np.float64)
    assert (projection.umap(z) == points).all()
    assert epochs == sorted(epochs)
    assert epochs[0][0] == 0
    assert epochs[-1][0] == epochs[-1][1] > 100
    centres = points.reshape(3, 30, 2).mean(axis=1, keepdims=True)
    within = np.linalg.norm(points.reshape(3, 30, 2) - centres, axis=2).mean()
    assert np.linalg.norm(centres[0] - centres[1]) > 3 * within
    assert (projection.umap(np.repeat(z[:1], 50, axis=0)) == np.zeros((50, 2))).all()


@without_tensorflow
def test_a_umap_stops_where_its_progress_raises() -> None:
    def cancel(_done: int, _total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        projection.umap(cloud(30, 6), progress=cancel)
    other = Thread(target=lambda: tqdm(disable=True).close(), daemon=True)
    other.start()
    other.join(10)
    assert not other.is_alive()  # a bar of another thread does not wait for the one that ended
