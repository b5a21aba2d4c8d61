"""What the plans beyond the answer (docs/results/plans/beyond.md) ask, as weighted sums of arms."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import log2, sqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from benchmarks.results_data import bias_slope, in_common_pairs, slope_on
from vlcore.experiment.condition import STUDY_BIAS
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study import published
from vlcore.study.answer import DESCRIPTIVE_COST, WORDS_LESS_CODES
from vlcore.study.contrasts import Contrast, published_contrast
from vlcore.study.statistics.paired import ALPHA

# Arms by how many attributes their captions name beside the object.
ATTRIBUTES = {0: "short", 1: "sky", 3: "3 attributes", 5: "5 attributes"}
WITH_PLACE = {0: "short", 1: "place", 3: "place and 2", 5: "place and 4"}
WORDINGS = " in 20 wordings"
SIZES = {size: f" of {size} images" for size in (24, 48, 96, 192, 384)}
WIDTHS = {32: " of width 32", 64: " of 48 images", 128: " of width 128"}
LEVELS = (0.0, STUDY_BIAS, 0.9)
# Studies of changes of training with descriptive labels, with their image sets.
CHANGED = {"cause-scenes": "scenes", "cause": "balanced-cues", "again": "balanced-cues"}
SETS_OF_IMAGES = range(1, 7)
CONTRASTS = (8, 12, 25, 40, 70)
# The sets of the answer by their contrast of the background, and the plans with their runs.
USUAL_CONTRASTS = {17: "-cues", 100: ""}


def slope_weights(arms: Mapping[float, str]) -> dict[str, float]:
    """The weights that give the least-squares slope of arms on a number."""
    x = np.array(list(arms))
    centred = x - x.mean()
    return dict(zip(arms.values(), (centred / (centred**2).sum()).tolist(), strict=True))


def attributes_slope(study: str, arms: Mapping[float, str], measure: str = PRIMARY) -> Contrast:
    """Log odds an attribute, over 0, 1, 3 and 5 of them, captions in one wording; the arms are
    `ATTRIBUTES` or `WITH_PLACE`, here and below."""
    return published_contrast(study, slope_weights(arms), measure=measure)


def first_attribute(study: str, arms: Mapping[float, str]) -> Contrast:
    """Log odds of the first attribute: the background, or the sky."""
    return published_contrast(study, {arms[1]: 1, arms[0]: -1})


def further_attributes(study: str, arms: Mapping[float, str]) -> Contrast:
    """Log odds an attribute after the first, over 1, 3 and 5 of them."""
    return published_contrast(study, slope_weights({number: arms[number] for number in (1, 3, 5)}))


def wordings_cost(study: str) -> Contrast:
    """Twenty wordings less one, over all numbers of attributes."""
    arms = [*ATTRIBUTES.values(), *list(WITH_PLACE.values())[1:]]
    weights = {arm + WORDINGS: 1 / len(arms) for arm in arms}
    return published_contrast(study, weights | {arm: -1 / len(arms) for arm in arms})


def cost_of_size(named: str, ending: str) -> Contrast:
    """What naming the background or the sky costs in the arms of `size` whose names end so."""
    return published_contrast("size", {named + ending: 1, f"short{ending}": -1})


def images_slope(named: str) -> Contrast:
    """How the cost of naming the background or the sky grows with each doubling of the images of a
    group, at 700 steps."""
    return slope_on({log2(size): cost_of_size(named, ending) for size, ending in SIZES.items()})


def width_slope(named: str) -> Contrast:
    """The same with each doubling of the width."""
    return slope_on({log2(width): cost_of_size(named, ending) for width, ending in WIDTHS.items()})


def steps_slope(named: str) -> Contrast:
    """The same with each doubling of the steps, from 700 to 2,800, with 48 and 192 images."""
    weights: dict[str, float] = {}
    for arm, sign in ((named, 1), ("short", -1)):
        for size in (48, 192):
            weights[f"{arm} of {size} images in 2800 steps"] = sign / 4
            weights[f"{arm} of {size} images"] = -sign / 4
    return published_contrast("size", weights)


@cache
def words_less_codes(tower: str) -> dict[float, Contrast]:
    """What descriptive labels cost as words less what they cost as codes, by the contrast of the
    background, in the seed pairs that have all seven."""
    by_contrast: dict[float, Contrast] = {}
    for percentage in CONTRASTS:
        weights = {
            f"{arm.replace('descriptive', 'place')} at {percentage:02}": sign
            for arm, sign in WORDS_LESS_CODES.items()
        }
        by_contrast[percentage] = published_contrast(f"contrast-words-{tower}", weights)
    for percentage, ending in USUAL_CONTRASTS.items():
        study = f"made-of-words-{tower}{ending}"
        by_contrast[percentage] = published_contrast(study, WORDS_LESS_CODES)
    return in_common_pairs(by_contrast)


def contrast_slope(tower: str) -> Contrast:
    """How words less codes grows with each doubling of the contrast of the background."""
    by_contrast = words_less_codes(tower)
    return slope_on({log2(percentage): result for percentage, result in by_contrast.items()})


def levels_slope(study: str) -> Contrast:
    """The slope of descriptive less short labels on φ, over the levels that a study of the answer
    has, with a transformer for captions."""
    return bias_slope(study, DESCRIPTIVE_COST, LEVELS)


def gain(study: str, arm: str, measure: str = PRIMARY) -> Contrast:
    """What an arm of a study of `CHANGED` gains over short labels."""
    return published_contrast(study, {arm: 1, "short": -1}, measure=measure)


def told_by_captions(studies: Iterable[str]) -> pd.Series:
    """How many of 100 pairs are told matched from mismatched by their captions alone in studies, by
    negatives and label style."""
    wanted = set(studies)
    runs = published.read_rows(measure="text_only_match", bias=STUDY_BIAS)
    runs = runs[runs["studies"].map(lambda names: not wanted.isdisjoint(names.split()))]
    return 100 * runs.groupby(["negatives", "labels"])["value"].mean()


@dataclass(frozen=True)
class CrossedMean:
    """A mean over images and initialisations as crossed random factors.

    Attributes:
        mean: with a 95 % interval.
        by_images: the standard deviation between sets of images.
        by_initialisation: the same between initialisations.
        residual: the same of what is left.
    """

    mean: Estimate
    by_images: float
    by_initialisation: float
    residual: float


def crossed_images(study: str, *, shares: bool = False) -> CrossedMean:
    """The cost of naming the background over sets of images and initialisations, in log odds or as
    a difference of shares."""
    costs = {}
    for number in SETS_OF_IMAGES:
        weights = {f"place of images {number}": 1, f"short of images {number}": -1}
        result = published_contrast(study, weights)
        costs[number] = result.points_by_pair if shares else result.log_odds_by_pair
    return crossed_mean(pd.DataFrame(costs).dropna().to_numpy().T)


def crossed_mean(table: NDArray[np.float64]) -> CrossedMean:
    """The mean of differences, (images, initialisations), and what they vary by.

    The variance of the mean is (mean square of rows + that of columns - the residual's) / cells,
    with the degrees of freedom of Satterthwaite (1946).
    """
    n_rows, n_columns = table.shape
    mean = table.mean()
    row_effects, column_effects = table.mean(axis=1) - mean, table.mean(axis=0) - mean
    interaction = table - mean - row_effects[:, None] - column_effects
    freedoms = (n_rows - 1, n_columns - 1, (n_rows - 1) * (n_columns - 1))
    sums = (
        n_columns * (row_effects**2).sum(),
        n_rows * (column_effects**2).sum(),
        (interaction**2).sum(),
    )
    rows, columns, residual = (
        total / freedom for total, freedom in zip(sums, freedoms, strict=True)
    )
    of_mean = max(rows + columns - residual, residual)
    parts = zip((rows, columns, residual), freedoms, strict=True)
    freedom = of_mean**2 / sum(square**2 / freedom for square, freedom in parts)
    half = float(stdtrit(freedom, 1 - ALPHA / 2)) * sqrt(of_mean / table.size)
    return CrossedMean(
        Estimate(float(mean), float(mean - half), float(mean + half), table.size),
        sqrt(max(0.0, rows - residual) / n_columns),
        sqrt(max(0.0, columns - residual) / n_rows),
        sqrt(residual),
    )
