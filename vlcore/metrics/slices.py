"""Slices of held-out images: attribute values, their accuracy, and their rank correlation with a
score.

Attributes are columns of words, one row an image; an empty word is no attribute. What is chosen on
some images is measured on others, so that no interval has to make up for the choice among hundreds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from vlcore.metrics.estimate import Estimate, bootstrap_each, rate, wilson

LEAST = 20  # images of a slice
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Cell:
    """The images of an object, or of all for an empty one, that have one or two words."""

    object: str
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        return ", ".join(filter(None, (self.object, *self.words)))

    def contains(self, objects: NDArray[np.str_], attributes: pd.DataFrame) -> Mask:
        """Which images are in the cell, (n,)."""
        inside = (objects == self.object) | (not self.object)
        for word in self.words:
            inside = inside & (attributes == word).any(axis=1).to_numpy()
        return np.asarray(inside, bool)


def attribute_words(attributes: pd.DataFrame) -> list[tuple[str, str]]:
    """Every column with each of its words, in order; empty words are excluded."""
    return [
        (str(column), str(word))
        for column in attributes
        for word in sorted(attributes[column].unique())
        if word
    ]


def indicators(attributes: pd.DataFrame, words: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
    """1 where an image has a word, (n, words)."""
    columns = [(attributes[column] == word).to_numpy(float) for column, word in words]
    return np.stack(columns, axis=1) if columns else np.empty((len(attributes), 0))


def worst_cells(
    right: Mask, objects: NDArray[np.str_], attributes: pd.DataFrame, most: int
) -> list[Cell]:
    """The cells with the lowest accuracy among all of an object and one or two words of different
    columns with at least `LEAST` images.

    They are ordered by the upper end of their intervals. One that shares more than half of its
    images, or of the other's, with a cell before it is excluded, and so is one that is not below
    the accuracy of its object.
    """
    words = attribute_words(attributes)
    candidates: list[tuple[float, Cell]] = []
    for name in np.unique(objects):
        inside = objects == name
        has = indicators(attributes[inside], words)
        sizes, hits = has.T @ has, has.T @ (has * right[inside, None])
        ceiling = float(right[inside].mean())
        pairs = [(number, number) for number in range(len(words))]
        pairs += combinations(range(len(words)), 2)
        for first, second in pairs:
            n = sizes[first, second]
            if n < LEAST or (first != second and words[first][0] == words[second][0]):
                continue
            high = wilson(hits[first, second], n)[1]
            if high < ceiling:
                chosen = dict.fromkeys([words[first][1], words[second][1]])
                candidates.append((high, Cell(str(name), tuple(chosen))))
    cells: list[Cell] = []
    masks: list[Mask] = []
    for _, cell in sorted(candidates, key=lambda candidate: candidate[0]):
        mask = cell.contains(objects, attributes)
        if any(2 * (mask & other).sum() > min(mask.sum(), other.sum()) for other in masks):
            continue
        cells.append(cell)
        masks.append(mask)
        if len(cells) == most:
            break
    return cells


def adjusted_rate(right: Mask, scenes: NDArray[np.str_], tests: int) -> Estimate:
    """Accuracy of a slice with an interval that is adjusted for so many slices (Bonferroni)."""
    return rate(right, scenes, float(ndtri(1 - 0.025 / max(tests, 1))))


def rank_correlations(
    scores: NDArray[np.floating], values: NDArray[np.floating], scenes: NDArray[np.str_]
) -> list[Estimate]:
    """Spearman's correlation of scores, (n,), with each column of values, (n, k), with intervals
    over resampled scenes; 0 of a column or scores without variance."""
    from scipy.stats import rankdata  # takes 0.4 s, for which a page does not wait

    if not values.shape[1]:
        return []
    ranked = np.column_stack([rankdata(scores), np.apply_along_axis(rankdata, 0, values)])
    ranked = (ranked - ranked.mean(axis=0)) / np.maximum(ranked.std(axis=0), 1e-12)
    first, others = ranked[:, :1], ranked[:, 1:]

    def correlations(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        n = len(first)
        means, mean = weights @ others / n, weights @ first / n
        covariance = weights @ (first * others) / n - mean * means
        spread = (weights @ others**2 / n - means**2) * (weights @ first**2 / n - mean**2)
        return covariance / np.sqrt(np.maximum(spread, 1e-12))

    return bootstrap_each(correlations, scenes)
