"""Nearest neighbours, against loops and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.neighbors import NearestNeighbors

from tests.metrics.spaces import cloud, unit
from vlcore.metrics import neighbours
from vlcore.metrics.neighbours import cosines, nearest

# Few values, so that many directions and many cosines are equal.
COARSE = arrays(
    np.float32, st.tuples(st.integers(2, 30), st.just(2)), elements=st.integers(-2, 2).map(float)
)


def slow_cosine(first: np.ndarray, second: np.ndarray) -> float:
    length = math.hypot(*first) * math.hypot(*second)
    return round(math.fsum(a * b for a, b in zip(first, second, strict=True)) / (length or 1), 12)


def slow_nearest(z: np.ndarray, known: np.ndarray, k: int, but: int = -1) -> list[int]:
    numbers = [number for number in range(len(known)) if number != but]
    values = {number: slow_cosine(z.tolist(), known[number].tolist()) for number in numbers}
    return sorted(numbers, key=lambda number: (-values[number], number))[:k]


@settings(max_examples=60, deadline=None)
@given(COARSE, COARSE, st.integers(1, 35))
def test_neighbours_come_nearest_first_and_ties_in_order(
    z: np.ndarray, known: np.ndarray, k: int
) -> None:
    indices, values = nearest(z, known, k)
    assert indices.tolist() == [slow_nearest(line, known, k) for line in z]
    assert values == pytest.approx(np.take_along_axis(cosines(z, known), indices, axis=1), abs=0)
    assert (np.diff(values) <= 0).all()


@settings(max_examples=60, deadline=None)
@given(COARSE, st.integers(1, 35))
def test_no_embedding_is_a_neighbour_of_itself(z: np.ndarray, k: int) -> None:
    indices, values = nearest(z, z, k, apart_from=np.arange(len(z)))
    assert indices.tolist() == [slow_nearest(line, z, k, row) for row, line in enumerate(z)]
    assert np.isfinite(values).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 200), st.integers(2, 16), st.integers(1, 12), st.integers(0, 999))
def test_neighbours_against_scikit_learn(n: int, size: int, k: int, seed: int) -> None:
    known = cloud(n, size, seed) * np.linspace(0.5, 3, n)[:, None]  # lengths do not count
    z, k = cloud(5, size, seed + 1), min(k, n)
    fitted = NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(known)
    distances, expected = fitted.kneighbors(z)
    indices, values = nearest(z, known, k)
    assert values == pytest.approx(1 - distances)
    assert (indices == expected).all()


def test_equal_images_are_ties_though_they_differ_in_the_last_bits() -> None:
    z = unit(cloud(1, 6))
    known = np.concatenate([z, z * 3, z / 7, z + 1e-15])
    assert nearest(z, known, 4)[0].tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_many_are_ranked_in_parts(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    z, known = cloud(9, 5).astype(kind), cloud(60, 5, 2).astype(kind)
    at_once = nearest(z, known, 4, apart_from=np.arange(9))
    monkeypatch.setattr(neighbours, "_BLOCK", 7)
    monkeypatch.setattr(neighbours, "_CELLS", 130)
    in_parts = nearest(z, known, 4, apart_from=np.arange(9))
    assert (in_parts[0] == at_once[0]).all()
    assert in_parts[1] == pytest.approx(at_once[1])
