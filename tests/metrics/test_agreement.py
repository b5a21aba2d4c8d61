"""Agreement of two models on neighbours, against sets and loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from tests.metrics.spaces import cloud, names, rotation, sorted_space, unit
from vlcore.metrics import agreement
from vlcore.metrics.agreement import SharedNeighbours, mean_ranks, shared_neighbours
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.neighbours import nearest


def related(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two spaces of the same images that agree in part."""
    random = np.random.default_rng(seed)
    common = random.normal(size=(n, 6))
    first, second = (common + random.normal(size=(n, 6)) for _ in range(2))
    return unit(first), unit(second)


def slow_overlap(first: np.ndarray, second: np.ndarray, k: int) -> np.ndarray:
    sets = []
    for z in (first, second):
        order = np.argsort(-unit(z) @ unit(z).T, axis=1)
        sets.append([set(near[near != image][:k]) for image, near in enumerate(order)])
    return np.array([len(one & other) / k for one, other in zip(*sets, strict=True)])


@pytest.mark.parametrize(
    ("n", "one", "other", "k"), [(12, 3, 3, 10), (40, 8, 5, 10), (30, 4, 16, 1), (25, 8, 8, 5)]
)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_overlap_against_sets_of_neighbours(
    n: int, one: int, other: int, k: int, kind: type
) -> None:
    first = cloud(n, one, 1).astype(kind)
    second = (cloud(n, other, 2) * 3).astype(kind)  # lengths do not count
    fitted = (NearestNeighbors(n_neighbors=k, metric="cosine").fit(z) for z in (first, second))
    sets = [one.kneighbors(return_distance=False) for one in fitted]
    by_hand = [len(set(a) & set(b)) / k for a, b in zip(*sets, strict=True)]
    assert shared_neighbours(first, second, names(n), k).overlap == pytest.approx(by_hand)
    assert shared_neighbours(second, first, names(n), k).overlap == pytest.approx(by_hand)


def test_equal_images_are_neighbours_alike_in_both_models() -> None:
    z = np.repeat(cloud(4, 6), 8, axis=0).astype(np.float32)
    turned = (z @ rotation(6, 3)).astype(np.float32)
    assert (shared_neighbours(z, turned, names(32), 5).overlap == 1).all()


def test_more_neighbours_than_others_are_refused() -> None:
    with pytest.raises(ValueError, match="compare fewer than those"):
        shared_neighbours(cloud(11, 3), cloud(11, 3), names(11), 10)


@settings(max_examples=20, deadline=None)
@given(st.integers(15, 120), st.integers(1, 10), st.integers(0, 100))
def test_a_model_agrees_with_itself_however_it_is_turned(n: int, k: int, seed: int) -> None:
    z = cloud(n, 5, seed)
    itself = shared_neighbours(z, 2 * z @ rotation(5, seed), names(n), k)
    assert itself.mean_overlap() == Estimate(1, 1, 1, n)


@pytest.mark.parametrize("k", [3, 10])
def test_permuted_spaces_share_what_chance_says(k: int) -> None:
    first, second = related(60)
    random = np.random.default_rng(0)
    shared = [
        shared_neighbours(first, second[random.permutation(60)], names(60), k) for _ in range(200)
    ]
    overlap = np.mean([one.overlap.mean() for one in shared])
    assert overlap == pytest.approx(shared[0].chance, rel=0.05)


@pytest.mark.parametrize("n", [60, 600])  # with all neighbours known, and with few
def test_the_interval_against_models_without_images(n: int) -> None:
    first, second = related(n)
    scenes = np.repeat(names(n // 2), 2)

    def without(weights: np.ndarray) -> np.ndarray:
        values = []
        for included in weights > 0:
            values.append(slow_overlap(first[included], second[included], 5).mean())
        return np.array(values)

    by_hand = agreement.jackknife(without, scenes)
    half = (by_hand.high - by_hand.low) / 2
    found = shared_neighbours(first, second, scenes, 5).mean_overlap()
    assert found.value == pytest.approx(by_hand.value)
    assert (found.high - found.low) / 2 == pytest.approx(half)
    assert (found.high + found.low) / 2 == pytest.approx(found.value)


def test_the_interval_covers_what_other_images_of_the_same_number_give() -> None:
    """The spread of overlaps between images would cover 80%."""

    def drawn(seed: int) -> SharedNeighbours:
        random = np.random.default_rng(seed)
        scenes = 50
        common = sorted_space(scenes, random)
        first, second = (common + 0.2 * random.normal(size=common.shape) for _ in range(2))
        return shared_neighbours(first, second, np.repeat(names(scenes), 4))

    found = [drawn(seed).mean_overlap() for seed in range(100)]
    truth = np.mean([one.value for one in found])
    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.92
    widths = np.array([one.high - one.low for one in found])
    assert np.std([one.value for one in found]) > widths.mean() / 8, "not wider than it must be"


@settings(max_examples=20, deadline=None)
@given(st.integers(12, 60), st.integers(0, 100))
def test_ranks_against_a_sort(n: int, seed: int) -> None:
    first, second = related(n, seed)
    rows = np.arange(n)[:: 1 + seed % 3]
    others, _ = nearest(first[rows], first, 4, apart_from=rows)
    cosines = unit(second) @ unit(second).T
    by_hand = []
    for row, near in zip(rows, others, strict=True):
        order = sorted(set(range(n)) - {row}, key=lambda j: -cosines[row, j])
        by_hand.append(np.mean([1 + order.index(other) for other in near]))
    assert mean_ranks(second, rows, others) == pytest.approx(by_hand)
    closest, _ = nearest(second[rows], second, 4, apart_from=rows)
    assert (mean_ranks(second, rows, closest) == 2.5).all()
