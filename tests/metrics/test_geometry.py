"""The shape of the space, against scikit-learn and against spaces whose shape is known."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import rankdata, zscore
from sklearn.metrics import silhouette_score
from statsmodels.regression.linear_model import WLS
from statsmodels.tools import add_constant

from tests.metrics import spaces
from tests.metrics.spaces import (
    Columns,
    cloud,
    crossed,
    groups_of,
    interval,
    names,
    numbers,
    signs,
    unit,
)
from vlcore.experiment.captions import captions_of
from vlcore.experiment.grouping import SCENES, group_name
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


@pytest.mark.parametrize("kind", ["object", "context", "group", "pair", "rank", "interaction"])
def test_intervals_cover(kind: str) -> None:
    """The spread between images covered 59 to 78 % of silhouettes, and resamples too few of what
    small sets bias."""

    def of(scenes: int, random: np.random.Generator) -> Estimate:
        columns, z = crossed(scenes), spaces.sorted_space(scenes, random)
        if kind == "rank":
            return geometry.effective_rank(z, columns[2])
        if kind == "interaction":
            return variance_shares(z, *columns)["interaction"]
        if kind == "pair":
            return geometry.majority_silhouette(z, groups_of(columns), columns[2], SCENES)
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


@pytest.mark.parametrize(("n", "size"), [(2, 3), (12, 4), (48, 32)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_dispersion_and_uniformity_against_all_pairs(n: int, size: int, kind: type) -> None:
    z = cloud(n, size, n)
    pairs = list(itertools.combinations(range(n), 2))
    spread = sum(1 - float(z[i] @ z[j]) for i, j in pairs) / len(pairs)
    dispersion, uniformity = (
        f(z.astype(kind), names(n)) for f in (geometry.dispersion, geometry.uniformity)
    )
    assert dispersion.value == pytest.approx(spread, rel=1e-5)
    assert uniformity.value == pytest.approx(
        float(np.log(np.exp(-2 * pdist(z) ** 2).mean())), rel=1e-5
    )
    for estimate in (dispersion, uniformity):
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.n == n


def test_minority_collapse_is_the_cosine_of_what_is_said_of_the_rare_groups() -> None:
    t = np.eye(4, 6)
    said = captions_of("descriptive", SCENES)
    rare = [
        index
        for index, one in enumerate(said)
        if group_name(one.object, one.context) in SCENES.minority
    ]
    assert geometry.minority_collapse(t, said, SCENES) == 0
    t[rare[0]] = 3 * t[rare[1]]
    assert geometry.minority_collapse(t, said, SCENES) == pytest.approx(1)
    many = captions_of("paraphrase_2", SCENES)
    angles = np.linspace(0, 1, len(many))
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    groups = np.array([group_name(one.object, one.context) for one in many])
    middles = [angles[groups == group].mean() for group in SCENES.minority]
    assert geometry.minority_collapse(vectors, many, SCENES) == pytest.approx(
        np.cos(middles[0] - middles[1])
    )
    for style in ("undescriptive", "context"):
        with pytest.raises(ValueError, match="both object and context"):
            geometry.minority_collapse(np.eye(2), captions_of(style, SCENES), SCENES)


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


def embed(columns: Columns, a: float, c: float, seed: int = 0) -> np.ndarray:
    horse, grass = signs(columns)
    z = np.random.default_rng(seed).normal(size=(len(horse), 6))
    z[:, 0] += a * horse
    z[:, 1] += c * grass
    return unit(z)


def models_of(columns: Columns, seed: int = 1) -> dict[str, np.ndarray]:
    colours = (columns[1] == "grass")[:, None] + np.random.default_rng(seed).normal(
        size=(len(columns[1]), 3)
    )
    models = {
        name: geometry.same_label(columns[place])
        for place, name in enumerate(("object", "context"))
    }
    return {**models, "colour": geometry.euclidean_distance(colours)}


@pytest.mark.parametrize("scenes", [geometry.FEWEST, 25])
def test_coefficients_against_an_ordinary_regression_of_ranks(scenes: int) -> None:
    columns = crossed(scenes)
    z, models = embed(columns, 0.5, 1.0), models_of(columns)
    found = geometry.rsa(z.astype(np.float32), models, columns[2])
    ranks = np.column_stack([zscore(rankdata(distances)) for distances in models.values()])
    fitted = WLS(zscore(rankdata(pdist(z, "cosine"))), add_constant(ranks)).fit()
    assert list(found) == list(models)
    assert [estimate.value for estimate in found.values()] == pytest.approx(
        fitted.params[1:].tolist(), abs=1e-4
    )
    for estimate in found.values():
        assert estimate.low < estimate.value < estimate.high
        assert estimate.n == 4 * scenes


def test_the_interval_is_over_scenes_and_pairs_no_image_with_itself() -> None:
    columns = crossed(12)
    z, models = embed(columns, 0.8, 0.8), models_of(columns)
    ranks = np.column_stack([rankdata(distances) for distances in models.values()])
    embedded = rankdata(pdist(z, "cosine"))

    def by_copies(weights: np.ndarray) -> float:
        counts = weights.astype(int).tolist()
        of_pair = [counts[i] * counts[j] for i, j in itertools.combinations(range(48), 2)]
        x, y = np.repeat(ranks, of_pair, axis=0), np.repeat(embedded, of_pair)
        return float(WLS(zscore(y), add_constant(zscore(x))).fit().params[2])

    again = spaces.slow_bootstrap(by_copies, columns[2])
    assert numbers(geometry.rsa(z, models, columns[2])["context"]) == pytest.approx(
        numbers(again), abs=1e-6
    )


def test_what_cannot_be_compared_is_refused() -> None:
    columns = crossed(geometry.FEWEST)
    z, models, scenes = embed(columns, 1, 1), models_of(columns), columns[2]
    point = np.ones((40, 4), np.float32) + 1e-6
    for reason, space, compared, over in (
        ("at least 10 scenes", z, models, np.where(scenes == "s0", "s1", scenes)),
        ("By 'object' all images are equally far apart", z, {"object": np.ones(780)}, scenes),
        ("follows from the others", z, {**models, "again": 1 + 2 * models["context"]}, scenes),
        ("All embeddings are equally far apart", point, models, scenes),
    ):
        with pytest.raises(ValueError, match=reason):
            geometry.rsa(space, compared, over)
    with pytest.raises(ValueError, match="two images"):
        geometry.uniformity(cloud(1, 4), names(1))
