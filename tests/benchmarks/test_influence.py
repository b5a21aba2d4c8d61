"""The page of retrainings, and the correlation that it states."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from benchmarks.influence import influence_page, rank_correlation
from vlcore.web.training_images import HALVES, SINGLES

RESULTS = Path("docs/results")


def test_correlations_are_the_mean_of_spearmans_over_images() -> None:
    rng = np.random.default_rng(0)
    runs, images = 30, 5
    table = pd.DataFrame(
        {
            "run": np.repeat(np.arange(runs), images),
            "row": np.tile(np.arange(images), runs),
            "true": rng.integers(0, 9, runs * images),  # with ties
            "predicted": rng.normal(size=runs * images),
        }
    )
    estimate = rank_correlation(table, "run", "true", "predicted")
    each = [
        spearmanr(of_image["true"], of_image["predicted"]).statistic
        for _, of_image in table.groupby("row")
    ]
    assert estimate.value == pytest.approx(np.mean(each))
    assert estimate.n == runs
    assert estimate.low < estimate.value < estimate.high


def test_the_published_page_follows_from_its_tables() -> None:
    names = "halves", "singles", "changes"
    tables = [pd.read_csv(RESULTS / "influence" / f"{name}.csv") for name in names]
    text = influence_page(*tables)
    assert text == (RESULTS / "influence.md").read_text()
    first = next(line for line in text.splitlines() if line.startswith("| sum of the influences"))
    assert first.split(" | ")[1:] == [HALVES, f"{SINGLES} |"], "what Compare says of TracIn"
    lesson = Path("docs/teaching.md").read_text()
    assert (
        f"retrainings on halves is {HALVES}, with those without a single image {SINGLES}" in lesson
    )
