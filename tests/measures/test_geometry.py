"""The shape of the space, against scikit-learn and against spaces whose shape is known."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from sklearn.metrics import silhouette_score

from tests.measures.spaces import cloud, interval, names, numbers, unit
from vlcore.core.grouping import SCENES
from vlcore.measures import geometry
from vlcore.measures.estimate import bootstrap, rate
from vlcore.measures.readouts import nearest_neighbours


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
        outside = min(mean_distance(i, [j for j, o in enumerate(labels) if o == other]) for other in elsewhere)
        values.append((outside - inside) / max(inside, outside))
    return sum(values) / len(values)


@pytest.mark.parametrize(("n", "size", "kinds"), [(12, 3, 2), (30, 8, 3), (40, 32, 2)])
def test_silhouette_against_the_definition_and_scikit_learn(n: int, size: int, kinds: int) -> None:
    z = cloud(n, size, seed=n)
    labels = np.array([f"k{i % kinds}" for i in range(n)])
    z = unit(z + 0.5 * np.eye(size)[np.arange(n) % kinds])
    estimate = geometry.silhouette(z, labels, names(n))
    assert estimate.value == pytest.approx(silhouette_score(z, labels, metric="cosine"))
    assert estimate.value == pytest.approx(slow_silhouette(z, labels.tolist()))
    assert estimate.low < estimate.value < estimate.high
    assert estimate.n == n


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 30), st.integers(1, 12), st.integers(0, 1000))
def test_total_variance_is_the_sum_of_variances(n: int, size: int, seed: int) -> None:
    z = cloud(n, size, seed)
    estimate = geometry.total_variance(z, names(n))
    assert estimate.value == pytest.approx(sum(float(np.var(z[:, d])) for d in range(size)), abs=1e-12)
    assert estimate.value == pytest.approx(1 - float((z.mean(axis=0) ** 2).sum()), abs=1e-9)  # unit vectors
    assert geometry.total_variance(z.astype(np.float32), names(n)).value == pytest.approx(estimate.value, abs=1e-6)
    assert -1e-12 <= estimate.low <= estimate.high <= 1 + 1e-9
    point = geometry.total_variance(np.repeat(z[:1], 10, axis=0), names(10))
    assert numbers(point) == pytest.approx((0, 0, 0), abs=1e-12)


def test_the_interval_of_the_variance_is_over_scenes() -> None:
    z = cloud(60, 4)
    alone = geometry.total_variance(z, names(60))
    copied = geometry.total_variance(np.repeat(z, 4, axis=0), np.repeat(names(60), 4))
    assert numbers(copied) == interval(alone)
    assert (alone.n, copied.n) == (60, 240)


@pytest.mark.parametrize("size", [1, 2, 5, 16])
def test_effective_rank_of_equal_axes_is_their_number(size: int) -> None:
    z = np.concatenate([np.eye(size), -np.eye(size)] * 4)
    estimate = geometry.effective_rank(z, names(len(z)))
    assert estimate.value == pytest.approx(size)
    assert estimate.high <= size + 1e-9  # 1 to E


@pytest.mark.parametrize("size", [2, 7])
def test_effective_rank_of_a_line_is_one(size: int) -> None:
    along = np.linspace(-1, 1, 20)[:, None] * cloud(1, size) + cloud(1, size, 1)
    estimate = geometry.effective_rank(along, names(20))
    assert numbers(estimate) == pytest.approx((1, 1, 1), abs=1e-6)


@pytest.mark.parametrize(("n", "size"), [(10, 3), (40, 8), (5, 12)])
def test_effective_rank_against_its_formula(n: int, size: int) -> None:
    z = cloud(n, size, seed=size) * np.linspace(1, 0.1, size)
    spectrum = [s * s for s in np.linalg.svd(z - z.mean(axis=0), compute_uv=False)]
    shares = [s / sum(spectrum) for s in spectrum]
    entropy = -sum(p * math.log(p) for p in shares if p > 1e-15)
    assert geometry.effective_rank(z, names(n)).value == pytest.approx(math.exp(entropy))


def test_one_point_has_no_effective_rank() -> None:
    with pytest.raises(ValueError, match="All embeddings are one point, so their effective rank is not defined"):
        geometry.effective_rank(np.repeat(cloud(1, 8), 10, axis=0), names(10))


def test_a_few_scenes_have_a_rank_although_a_resample_may_be_one_scene() -> None:
    estimate = geometry.effective_rank(np.eye(3), names(3))
    assert estimate.value == pytest.approx(2)
    assert estimate.low == pytest.approx(1)


@pytest.mark.parametrize(
    ("variance", "rank", "collapsed"),
    [(0.5, 3.0, False), (0.0099, 3.0, True), (0.01, 1.5, False), (0.5, 1.49, True), (0.0, 1.0, True)],
)
def test_what_counts_as_collapsed(variance: float, rank: float, collapsed: bool) -> None:
    assert geometry.is_collapsed(variance, rank) is collapsed


def labels_of(n: int) -> np.ndarray:
    return np.array(["horse", "camel"])[np.arange(n) % 2]


def test_a_probe_of_noise_guesses() -> None:
    values = [
        geometry.probe_accuracy(
            cloud(100, 8, s), labels_of(100), cloud(200, 8, s + 50), labels_of(200), names(200)
        ).value
        for s in range(5)
    ]
    assert abs(np.mean(values) - 0.5) < 0.08


def test_a_probe_does_not_care_about_the_scale_of_a_feature() -> None:
    fit, test = cloud(60, 4, 0), cloud(60, 4, 1)
    labels = np.where(fit[:, 0] > 0, "a", "b")
    truth = np.where(test[:, 0] > 0, "a", "b")
    squeezed = np.array([1e-4, 1, 1, 1])
    plain = geometry.probe_accuracy(fit, labels, test, truth, names(60))
    assert geometry.probe_accuracy(fit * squeezed, labels, test * squeezed, truth, names(60)) == plain
    assert plain.value > 0.85


def test_neighbours_are_right_as_often_as_their_vote_is() -> None:
    fit, test = cloud(60, 4, 0), cloud(80, 4, 1)
    labels, truth = (np.where(z[:, 0] > 0, "a", "b") for z in (fit, test))
    right = nearest_neighbours(fit, labels, test, 3) == truth
    assert geometry.neighbour_accuracy(fit, labels, test, truth, names(80), k=3) == rate(right, names(80))


def test_the_silhouette_of_the_majority_pair_does_not_see_the_minority() -> None:
    groups = np.repeat(SCENES.names, 10)
    z = unit(np.repeat(np.eye(4, 6), 10, axis=0) + 0.3 * cloud(40, 6))
    majority = np.isin(groups, ["horse_grass", "camel_desert"])
    estimate = geometry.majority_silhouette(z, groups, names(40), SCENES)
    assert estimate.value == pytest.approx(slow_silhouette(z[majority], groups[majority].tolist()))
    assert estimate.n == 20
    between = z.copy()
    between[~majority] = cloud(20, 6, 9)
    assert geometry.majority_silhouette(between, groups, names(40), SCENES) == estimate


@pytest.mark.parametrize("shown", [["horse_grass"] * 6 + ["camel_grass"] * 6, ["horse_grass", "camel_desert"]])
def test_one_majority_group_alone_has_no_silhouette(shown: list[str]) -> None:
    with pytest.raises(ValueError, match="Only one of the majority groups has held-out images, or both have one"):
        geometry.majority_silhouette(cloud(len(shown), 4), np.array(shown), names(len(shown)), SCENES)


# --- pairs of images


@pytest.mark.parametrize(("n", "size"), [(2, 3), (12, 4), (48, 32)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_dispersion_and_uniformity_against_all_pairs(n: int, size: int, kind: type) -> None:
    z = cloud(n, size, n)
    pairs = list(itertools.combinations(range(n), 2))
    spread = sum(1 - float(z[i] @ z[j]) for i, j in pairs) / len(pairs)
    dispersion, uniformity = (f(z.astype(kind), names(n)) for f in (geometry.dispersion, geometry.uniformity))
    assert dispersion.value == pytest.approx(spread, rel=1e-5)
    assert uniformity.value == pytest.approx(float(np.log(np.exp(-2 * pdist(z) ** 2).mean())), rel=1e-5)
    for estimate in (dispersion, uniformity):
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.n == n


def around(n: int, seed: int) -> np.ndarray:
    """Images of one population."""
    return unit(np.eye(1, 8) + 0.4 * np.random.default_rng(seed).normal(size=(n, 8)))


def test_dispersion_of_few_and_of_many_is_the_same_on_average() -> None:
    """As ``1 - length of the mean`` is not."""
    few = [geometry.dispersion(around(12, seed), names(12)).value for seed in range(300)]
    many = [geometry.dispersion(around(400, seed), names(400)).value for seed in range(5)]
    error = np.std(few) / np.sqrt(len(few))
    assert abs(np.mean(few) - np.mean(many)) < 4 * error < 0.03
    biased = [1 - np.linalg.norm(around(12, seed).mean(axis=0)) for seed in range(300)]
    assert np.mean(biased) < 1 - np.linalg.norm(around(5000, 0).mean(axis=0)) - 4 * np.std(biased) / np.sqrt(300)


@pytest.mark.parametrize("measure", [geometry.dispersion, geometry.uniformity])
def test_intervals_over_pairs_hold_what_they_promise(measure: Callable[..., geometry.Estimate]) -> None:
    """Of samples of one population, 95 in 100 intervals should hold its value."""
    truth = measure(around(3000, 10**6), names(3000)).value
    found = [measure(around(40, seed), names(40)) for seed in range(300)]
    assert 0.88 < np.mean([estimate.low <= truth <= estimate.high for estimate in found]) < 0.99


def test_one_point_is_not_dispersed_and_opposite_points_are() -> None:
    point = geometry.dispersion(np.repeat(cloud(1, 8), 10, axis=0), names(10))
    assert numbers(point) == pytest.approx((0, 0, 0), abs=1e-12)
    assert geometry.dispersion(np.array([[1.0, 0], [-1, 0]]), names(2)).value == pytest.approx(2)
    assert geometry.uniformity(np.repeat(cloud(1, 8), 10, axis=0), names(10)).value == pytest.approx(0)
    assert geometry.dispersion(np.eye(5), names(5)).value == pytest.approx(1)


def test_an_image_alone_makes_no_pair() -> None:
    for measure in (geometry.dispersion, geometry.uniformity):
        with pytest.raises(ValueError, match="Pairs of images need at least two images"):
            measure(cloud(1, 4), names(1))


def test_the_interval_over_pairs_is_over_scenes() -> None:
    z = cloud(60, 4) + 0.5
    alone = geometry.dispersion(unit(z), names(60))
    twins = geometry.dispersion(unit(np.repeat(z, 4, axis=0)), np.repeat(names(60), 4))
    assert twins.high - twins.low == pytest.approx(alone.high - alone.low, rel=0.05)


# --- images and captions


@pytest.mark.parametrize("n", [1, 30])
def test_alignment_against_a_loop(n: int) -> None:
    z, t = cloud(n, 8, 1), cloud(n, 8, 2)
    estimate = geometry.alignment(z.astype(np.float32), t.astype(np.float32), names(n))
    assert estimate.value == pytest.approx(sum(float(((a - b) ** 2).sum()) for a, b in zip(z, t, strict=True)) / n)
    assert geometry.alignment(z, z, names(n)).value == 0
    assert geometry.alignment(z, -z, names(n)).value == pytest.approx(4)


def test_the_modality_gap_weighs_captions_by_their_images() -> None:
    z, t = cloud(30, 8, 1), cloud(3, 8, 2)
    counts = [20, 0, 10]
    estimate = geometry.modality_gap(z, t, counts, names(30))
    captions = np.repeat(t, counts, axis=0)
    assert estimate.value == pytest.approx(math.dist(z.mean(axis=0), captions.mean(axis=0)))
    assert estimate.low < estimate.value < estimate.high
    assert geometry.modality_gap(z, t, [2, 0, 1], names(30)) == estimate
    weighted = bootstrap(lambda w: math.dist((w[:, None] * z).sum(axis=0) / 30, captions.mean(axis=0)), names(30))
    assert numbers(estimate) == interval(weighted)
    for wrong in ([0, 0, 0], [3, -1, 0]):
        with pytest.raises(ValueError, match="weighted by how many images have them"):
            geometry.modality_gap(z, t, wrong, names(30))
