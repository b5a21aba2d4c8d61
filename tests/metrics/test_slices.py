"""Slices of held-out images against slow references: exhaustive search, scipy and statsmodels."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from statsmodels.stats.proportion import proportion_confint

from vlcore.metrics.estimate import wilson
from vlcore.metrics.slices import LEAST, Cell, adjusted_rate, rank_correlations, worst_cells


@pytest.fixture
def attributes() -> pd.DataFrame:
    random = np.random.default_rng(3)
    columns = {
        "place": random.choice(["grass", "desert"], 400),
        "coat": random.choice(["pale", "dark", "patched"], 400, p=[0.1, 0.6, 0.3]),
        "word": random.choice(["tree", ""], 400),
    }
    return pd.DataFrame(columns)


def searched_slowly(
    right: np.ndarray, objects: np.ndarray, attributes: pd.DataFrame
) -> list[tuple[float, Cell]]:
    """Every cell below its object, with the upper end of its interval, lowest first."""
    words = [(c, w) for c in attributes for w in sorted(attributes[c].unique()) if w]
    candidates = []
    for name in sorted(set(objects)):
        usual = right[objects == name].mean()
        for chosen in [*combinations(words, 1), *combinations(words, 2)]:
            if len({column for column, _ in chosen}) < len(chosen):
                continue
            inside = objects == name
            for column, word in chosen:
                inside = inside & (attributes[column] == word).to_numpy()
            if inside.sum() >= LEAST:
                high = wilson(int(right[inside].sum()), int(inside.sum()))[1]
                if high < usual:
                    candidates.append((high, Cell(name, tuple(word for _, word in chosen))))
    return sorted(candidates, key=lambda candidate: candidate[0])


def test_the_worst_cell_is_that_of_an_exhaustive_search(attributes: pd.DataFrame) -> None:
    random = np.random.default_rng(0)
    objects = random.choice(["camel", "horse"], 400)
    on_grass = (objects == "camel") & (attributes["place"] == "grass").to_numpy()
    patched = (objects == "horse") & (attributes["coat"] == "patched").to_numpy()
    right = random.random(400) > np.where(on_grass | patched, 0.7, 0.1)
    reference = searched_slowly(right, objects, attributes)
    cells = worst_cells(right, objects, attributes, most=10)
    assert len(cells) > 1
    assert cells[0] == reference[0][1]
    assert set(cells) <= {cell for _, cell in reference}
    for first, second in combinations(cells, 2):
        masks = [cell.contains(objects, attributes) for cell in (first, second)]
        assert 2 * (masks[0] & masks[1]).sum() <= min(mask.sum() for mask in masks)


def test_no_cell_is_worse_where_all_are_right(attributes: pd.DataFrame) -> None:
    objects = np.repeat(["camel", "horse"], 200)
    assert worst_cells(np.ones(400, bool), objects, attributes, most=5) == []


def test_an_empty_word_is_no_attribute(attributes: pd.DataFrame) -> None:
    objects = np.repeat(["camel", "horse"], 200)
    right = (attributes["word"] != "").to_numpy()
    named = {word for cell in worst_cells(right, objects, attributes, 50) for word in cell.words}
    assert "" not in named


def test_intervals_are_adjusted_as_by_bonferroni() -> None:
    right = np.repeat([True, False], [30, 20])
    scenes = np.arange(50).astype(str)
    adjusted = adjusted_rate(right, scenes, tests=5)
    low, high = proportion_confint(30, 50, alpha=0.05 / 5, method="wilson")
    # Korn and Graubard's effective number has the variance with n - 1.
    assert (adjusted.low, adjusted.high) == pytest.approx((low, high), abs=0.003)
    assert adjusted.n == 50


def test_rank_correlations_are_those_of_scipy_and_their_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(1)
    scores = random.normal(size=300)
    values = np.column_stack([scores + random.normal(size=300), random.integers(2, size=300)])
    correlations = rank_correlations(scores, values, np.arange(300).astype(str))
    for number, correlation in enumerate(correlations):
        assert correlation.value == pytest.approx(spearmanr(scores, values[:, number])[0])
    assert correlations[0].low > 0.5
    assert correlations[1].low < 0 < correlations[1].high
