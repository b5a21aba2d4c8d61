"""The shape of the space, against scikit-learn and against spaces whose shape is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from sklearn.metrics import silhouette_score

from tests.metrics import spaces
from tests.metrics.spaces import cloud, crossed, groups_of, interval, names, numbers, unit
from vlcore.metrics import geometry
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.variance import variance_shares


def slow_silhouette(z: np.ndarray, labels: list[str]) -> float:
    """Rousseeuw's definition, with cosine distance."""

    def mean_distance(i: int, members: list[int]) -> float:
        return sum(1 - float(z[i] @ z[j]) for j in members) / len(members)

    values = []
    for i, label in enumerate(labels):
        own = [j for j, other in enumerate(labels) if other == label and j != i]
        if not own:
            values.append(0.0)
            continue
        inside = mean_distance(i, own)
        elsewhere = set(labels) - {label}
        outside = min(
            mean_distance(i, [j for j, o in enumerate(labels) if o == other]) for other in elsewhere
        )
        values.append((outside - inside) / max(inside, outside))
    return sum(values) / len(values)


@pytest.mark.parametrize(("n", "size", "kinds"), [(12, 3, 2), (30, 8, 3), (40, 32, 2)])
def test_silhouette_against_the_definition_and_scikit_learn(n: int, size: int, kinds: int) -> None:
    z = cloud(n, size, seed=n)
    labels = np.array([f"k{i % kinds}" for i in range(n)])
    z = unit(z + 0.5 * np.eye(size)[np.arange(n) % kinds])
    estimate = geometry.silhouette(z, labels, names(n))
    assert estimate.value == pytest.approx(silhouette_score(z, labels, metric="cosine"))
    by_hand = spaces.slow_jackknife(
        lambda here: slow_silhouette(z[here], labels[here].tolist()), names(n)
    )
    assert numbers(estimate) == interval(by_hand)
    assert estimate.n == n


@pytest.mark.parametrize("kind", ["object", "context", "group", "rank", "interaction"])
def test_intervals_cover(kind: str) -> None:
    """The spread between images covered 59 to 78% of silhouettes, and resamples too few of what
    small sets bias."""

    def of(scenes: int, random: np.random.Generator) -> Estimate:
        columns, z = crossed(scenes), spaces.sorted_space(scenes, random)
        if kind == "rank":
            return geometry.effective_rank(z, columns[2])
        if kind == "interaction":
            return variance_shares(z, *columns)["interaction"]
        labels = {"object": columns[0], "context": columns[1], "group": groups_of(columns)}[kind]
        return geometry.silhouette(z, labels, columns[2])

    assert spaces.coverage(of) > 0.88


@settings(max_examples=20)
@given(st.integers(2, 30), st.integers(1, 12), st.integers(0, 1000))
def test_total_variance_is_the_sum_of_variances_with_an_interval_over_scenes(
    n: int, size: int, seed: int
) -> None:
    z = cloud(n, size, seed)
    estimate = geometry.total_variance(z, names(n))
    assert estimate.value == pytest.approx(
        sum(float(np.var(z[:, d])) for d in range(size)), abs=1e-12
    )
    # Unit vectors.
    assert estimate.value == pytest.approx(1 - float((z.mean(axis=0) ** 2).sum()), abs=1e-9)
    assert geometry.total_variance(z.astype(np.float32), names(n)).value == pytest.approx(
        estimate.value, abs=1e-6
    )
    assert -1e-12 <= estimate.low <= estimate.high <= 1 + 1e-9
    copied = geometry.total_variance(np.repeat(z, 4, axis=0), np.repeat(names(n), 4))
    assert (numbers(copied), estimate.n, copied.n) == (interval(estimate), n, 4 * n)
    point = geometry.total_variance(np.repeat(z[:1], 10, axis=0), names(10))
    assert numbers(point) == pytest.approx((0, 0, 0), abs=1e-12)


@pytest.mark.parametrize(("n", "size"), [(10, 3), (40, 8), (5, 12)])
def test_effective_rank_against_its_formula(n: int, size: int) -> None:
    z = cloud(n, size, seed=size) * np.linspace(1, 0.1, size)
    spectrum = [s * s for s in np.linalg.svd(z - z.mean(axis=0), compute_uv=False)]
    shares = [s / sum(spectrum) for s in spectrum]
    entropy = -sum(p * math.log(p) for p in shares if p > 1e-15)
    assert geometry.effective_rank(z, names(n)).value == pytest.approx(math.exp(entropy))


@pytest.mark.parametrize(
    ("variance", "rank", "collapsed"),
    [
        (0.5, 3.0, False),
        (0.0099, 3.0, True),
        (0.01, 1.5, False),
        (0.2, 1.49, True),
        (0.0, 1.0, True),
        (0.98, 1.1, False),
    ],
)
def test_what_counts_as_collapsed(variance: float, rank: float, collapsed: bool) -> None:
    assert geometry.is_collapsed(variance, rank) is collapsed


@pytest.mark.parametrize(("n", "size"), [(2, 3), (12, 4), (48, 32)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_uniformity_against_all_pairs(n: int, size: int, kind: type) -> None:
    z = cloud(n, size, n)
    found = geometry.uniformity(z.astype(kind), names(n))
    assert found.value == pytest.approx(float(np.log(np.exp(-2 * pdist(z) ** 2).mean())), rel=1e-5)
    assert found.low <= found.value <= found.high
    assert found.n == n


def test_the_modality_gap_weighs_captions_by_their_images() -> None:
    z, t = cloud(30, 8, 1), cloud(3, 8, 2)
    counts = [20, 0, 10]
    estimate = geometry.modality_gap(z, t, counts, names(30))
    captions = np.repeat(t, counts, axis=0)
    assert estimate.value == pytest.approx(math.dist(z.mean(axis=0), captions.mean(axis=0)))
    assert geometry.modality_gap(z, t, [2, 0, 1], names(30)) == estimate

    def left(here: np.ndarray) -> float:
        return math.dist(z[here].mean(axis=0), captions.mean(axis=0))

    assert numbers(estimate) == interval(spaces.slow_jackknife(left, names(30)))


def test_the_uniformity_of_one_image_is_refused() -> None:
    with pytest.raises(ValueError, match="two images"):
        geometry.uniformity(cloud(1, 4), names(1))
