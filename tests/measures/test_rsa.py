"""Shares of distances, against statsmodels and scipy, and on spaces that are sorted by one thing."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import rankdata, spearmanr, zscore
from statsmodels.api import WLS, add_constant

from tests.measures.spaces import Columns, crossed, numbers, signs, unit
from vlcore.measures.estimate import bootstrap
from vlcore.measures.rsa import FEWEST, IMAGES, euclidean_distance, rsa, same_label, sample


def embed(columns: Columns, a: float, c: float, seed: int = 0) -> np.ndarray:
    horse, grass = signs(columns)
    z = np.random.default_rng(seed).normal(size=(len(horse), 6))
    z[:, 0] += a * horse
    z[:, 1] += c * grass
    return unit(z)


def models_of(columns: Columns, seed: int = 1) -> dict[str, np.ndarray]:
    colours = (columns[1] == "grass")[:, None] + np.random.default_rng(seed).normal(size=(len(columns[1]), 3))
    return {"object": same_label(columns[0]), "context": same_label(columns[1]), "colour": euclidean_distance(colours)}


@pytest.mark.parametrize("n", [2, 9])
def test_distances_against_all_pairs(n: int) -> None:
    random = np.random.default_rng(n)
    labels, features = random.choice(["a", "b", "c"], n), random.normal(size=(n, 3))
    pairs = list(itertools.combinations(range(n), 2))
    assert same_label(labels).tolist() == [float(labels[i] != labels[j]) for i, j in pairs]
    assert euclidean_distance(features) == pytest.approx([math.dist(features[i], features[j]) for i, j in pairs])


@pytest.mark.parametrize("scenes", [FEWEST, 25])
def test_coefficients_against_an_ordinary_regression_of_ranks(scenes: int) -> None:
    columns = crossed(scenes)
    z, models = embed(columns, 0.5, 1.0), models_of(columns)
    found = rsa(z.astype(np.float32), models, columns[2])
    ranks = np.column_stack([zscore(rankdata(distances)) for distances in models.values()])
    fitted = WLS(zscore(rankdata(pdist(z, "cosine"))), add_constant(ranks)).fit()
    assert list(found) == list(models)
    assert [estimate.value for estimate in found.values()] == pytest.approx(fitted.params[1:].tolist(), abs=1e-4)
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

    again = bootstrap(by_copies, columns[2])
    assert numbers(rsa(z, models, columns[2])["context"]) == pytest.approx(numbers(again), abs=1e-6)


def test_one_model_has_the_coefficient_of_spearman() -> None:
    columns = crossed(15)
    z, colours = embed(columns, 0.5, 0.5), np.random.default_rng(0).normal(size=(60, 3))
    colours[:, 0] += 3 * z[:, 0]
    found = rsa(z, {"colour": euclidean_distance(colours)}, columns[2])["colour"]
    assert found.value == pytest.approx(spearmanr(pdist(z, "cosine"), pdist(colours)).statistic)
    itself = rsa(z, {"itself": pdist(z, "cosine")}, columns[2])["itself"]
    assert numbers(itself) == pytest.approx((1, 1, 1))


@pytest.mark.parametrize(("a", "c", "largest"), [(2.0, 0.0, "object"), (0.0, 2.0, "context")])
def test_a_space_sorted_by_one_thing_is_accounted_for_by_it(a: float, c: float, largest: str) -> None:
    columns = crossed(25)
    found = rsa(embed(columns, a, c), models_of(columns), columns[2])
    assert found[largest].low > 0.5
    for name, estimate in found.items():
        if name != largest:
            assert abs(estimate.value) < 0.06


def test_a_space_of_colour_is_not_said_to_be_one_of_context() -> None:
    """Although alone, context would seem to account for a good part of it."""
    columns = crossed(25)
    colours = 2.0 * (columns[1] == "grass")[:, None] + np.random.default_rng(2).normal(size=(100, 3))
    z = np.column_stack([colours, np.full(100, 8.0)])  # angles are as distances of colours
    context = same_label(columns[1])
    assert rsa(z, {"context": context}, columns[2])["context"].value > 0.3
    both = rsa(z, {"context": context, "colour": euclidean_distance(colours)}, columns[2])
    assert both["colour"].value > 0.85
    assert abs(both["context"].value) < 0.1


@settings(max_examples=15, deadline=None)
@given(st.integers(FEWEST, 30))
def test_whatever_scenes_a_resample_holds_there_is_an_interval(scenes: int) -> None:
    """One image a scene: a resample may hold few different ones."""
    labels = np.array(["a", "b"])[np.arange(scenes) % 2]
    z = np.random.default_rng(scenes).normal(size=(scenes, 4))
    found = rsa(z, {"object": same_label(labels)}, np.arange(scenes).astype(str))["object"]
    assert -1 <= found.low <= found.value <= found.high <= 1


def test_what_cannot_be_compared_is_refused() -> None:
    columns = crossed(FEWEST)
    z, models, scenes = embed(columns, 1, 1), models_of(columns), columns[2]
    for reason, space, compared, over in (
        ("at least 10 scenes", z, models, np.where(scenes == "s0", "s1", scenes)),
        ("'object' are of other images: 3 pairs, not 780", z, {"object": np.ones(3)}, scenes),
        ("By 'object' all images are equally far apart", z, {"object": np.ones(780)}, scenes),
        ("follows from the others", z, {**models, "again": 1 + 2 * models["context"]}, scenes),
        ("All embeddings are equally far apart", np.ones((40, 4)), models, scenes),
        ("All embeddings are equally far apart", np.ones((40, 4), np.float32) + 1e-6, models, scenes),
    ):
        with pytest.raises(ValueError, match=reason):
            rsa(space, compared, over)


@pytest.mark.parametrize("scenes", [3, 50, 51, 300])
def test_a_sample_is_of_whole_scenes(scenes: int) -> None:
    names = crossed(scenes)[2]
    rows = sample(names)
    assert len(rows) == min(4 * scenes, IMAGES)
    assert (np.diff(rows) > 0).all()
    assert (np.unique(names[rows], return_counts=True)[1] == 4).all()
    assert (sample(names) == rows).all()
    if scenes == 300:
        assert len(set(rows.tolist()) & set(sample(names, seed=1).tolist())) < 100
    with pytest.raises(ValueError, match="A scene with more than 200 images cannot be drawn whole"):
        sample(np.repeat("s0", 201))
