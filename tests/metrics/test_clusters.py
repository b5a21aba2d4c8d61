"""Clusters of positions, on known blobs; what tells them apart, against every correlation."""

import numpy as np
import pytest

from vlcore.metrics.clusters import LEAST, NO_CLUSTER, distinctions, find_clusters


def blobs(sizes: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Positions around corners of a grid, far from each other, in an order by chance; with the
    number of each one's blob."""
    random = np.random.default_rng(seed)
    of_blob = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    middles = 10.0 * np.column_stack([of_blob % 3, of_blob // 3])
    return middles + random.normal(0, 0.3, (len(of_blob), 2)), of_blob


@pytest.mark.parametrize("sizes", [[30, 20], [60, 25, 50, 24], [400, 30, 200, 100, 60]])
def test_blobs_are_clusters_the_largest_first(sizes: list[int]) -> None:
    points, of_blob = blobs(sizes)
    clusters = find_clusters(points)
    order = np.argsort(-np.array(sizes))
    for number, blob in enumerate(order):
        inside = clusters == number
        assert set(of_blob[inside]) == {blob}
        assert inside.sum() >= 0.8 * sizes[blob], "few lie at the rim"
    assert set(clusters) <= {NO_CLUSTER, *range(len(sizes))}


def test_clusters_do_not_depend_on_how_a_map_is_turned_and_what_lies_apart_is_in_none() -> None:
    points, _ = blobs([40, 30])
    between = np.array([[5.0, 30.0], [-30.0, 5.0]])
    clusters = find_clusters(np.concatenate([points, between]))
    assert (clusters[-2:] == NO_CLUSTER).all()
    turned = np.concatenate([points, between]) @ np.array([[0.6, -0.8], [0.8, 0.6]]) + 3
    np.testing.assert_array_equal(find_clusters(turned), clusters)


@pytest.mark.parametrize("count", [0, 1, 2 * LEAST - 1])
def test_few_images_have_no_clusters(count: int) -> None:
    points = np.random.default_rng(0).normal(size=(count, 2))
    assert find_clusters(points).tolist() == [NO_CLUSTER] * count


def slow_distinctions(clusters: np.ndarray, columns: list[np.ndarray]) -> list[float]:
    """The highest correlation of each cluster with a value that half of it has; else 0."""
    best = []
    for cluster in range(clusters.max() + 1):
        inside = clusters == cluster
        correlations = [0.0]
        for codes in columns:
            for code in range(codes.max() + 1):
                has = codes == code
                if has.all() or inside.all():
                    continue
                if has[inside].mean() >= 0.5:
                    correlations.append(float(np.corrcoef(inside, has)[0, 1]))
        best.append(max(correlations))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_the_best_value_is_that_of_every_correlation(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(20, 200))
    clusters = random.integers(-1, 4, n)
    clusters[:4] = range(4)
    columns = [random.integers(-1, count, n) for count in (2, 5, 1, 9)]
    columns.append(np.where(random.random(n) < 0.7, clusters, -1))
    found = distinctions(clusters, columns)
    assert any(found)
    for cluster, (best, slow) in enumerate(
        zip(found, slow_distinctions(clusters, columns), strict=True)
    ):
        if best is None:
            assert slow <= 0
            continue
        assert best.phi == pytest.approx(slow)
        has = columns[best.column] == best.code
        assert np.corrcoef(clusters == cluster, has)[0, 1] == pytest.approx(slow)


def test_of_equal_columns_the_first_names_and_one_value_for_all_tells_nothing_apart() -> None:
    clusters = np.repeat([0, 1, NO_CLUSTER], 10)
    same = np.zeros(30, dtype=int)
    telling = np.repeat([2, 0, 1], 10)
    first, second = distinctions(clusters, [same, telling, telling])
    assert first is not None
    assert second is not None
    assert (first.column, first.code, first.phi) == (1, 2, pytest.approx(1))
    assert (second.column, second.code) == (1, 0)
    assert distinctions(clusters, [same, np.full(30, -1)]) == [None, None]
    assert distinctions(np.full(5, NO_CLUSTER), [np.zeros(5, dtype=int)]) == []
