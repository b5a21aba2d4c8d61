"""Proving ground of finders: training sets with planted biases, and how well slices match them.

A plant is one-sided: one object is shown with an attribute value in a small share of its training
images, the other object in half of them. So the model learns the value as a sign of the other
object, and fails in one cell of held-out images, which is balanced there. A plant counts only if it
*took*: accuracy in its cell is below that of the object's other images, its interval clear of 0.

Slices are offered on discovery images and judged on fresh ones, by the definitions of SpotCheck
(Plumb et al. 2023): a slice belongs to a plant when `LINE` of its images are in the cell; a plant
is discovered when the slices that belong to it cover `LINE` of the cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.metrics.estimate import Estimate, mean, rate
from vlcore.metrics.slices import Cell, Mask
from vlcore.study.finders import LabelledImages, OfferedSlice
from vlcore.study.statistics.paired import ALPHA, holm

BUDGET = 3  # slices, in the finder's own order
LINE = 0.8  # of precision and of recall
SHUFFLED = "shuffled"  # begins the name of a set whose errors were dealt out by chance
TOP = 10  # fresh images of the first slice, for its precision
PLANTS = {  # by attribute: the object that is seldom shown with a word
    "place": Cell("camel", ("grass",)),
    "sky": Cell("horse", ("dim sky",)),
    "coat": Cell("camel", ("pale coat",)),
    "size": Cell("horse", ("small",)),
}


@dataclass(frozen=True)
class PlantedSet:
    """A training set with planted biases.

    Attributes:
        plants: attributes, of `PLANTS`.
        strength: share of the object's training images that do not have the word.
        seed: of the training images, of the model and of discovery and fresh images.
    """

    plants: tuple[str, ...]
    strength: float
    seed: int

    @property
    def name(self) -> str:
        strength = f"-{100 * self.strength:.0f}" if self.plants else ""
        return f"{'+'.join(self.plants) or 'none'}{strength}-s{self.seed}"


def planted_sets(seeds: Sequence[int], strengths: Sequence[float]) -> list[PlantedSet]:
    """For each seed a set with nothing planted, and at each strength sets with one, two and three
    plants, which change with the seed."""
    names, sets = list(PLANTS), []
    for seed in seeds:
        sets.append(PlantedSet((), 0.5, seed))
        for strength in strengths:
            for count in (1, 2, 3):
                plants = tuple(names[(seed + step) % len(names)] for step in range(count))
                sets.append(PlantedSet(plants, strength, seed))
    return sets


def planted_rows(
    planted: PlantedSet,
    pool: NDArray[np.int64],
    objects: NDArray[np.str_],
    attributes: pd.DataFrame,
    per_object: int,
) -> NDArray[np.int64]:
    """Rows to train on: of each object as many, drawn so that words of no plant are had by half.

    Args:
        planted: the set.
        pool: rows to draw from, (m,).
        objects: of the pool, (m,).
        attributes: of the pool, m rows.
        per_object: images of each object.
    """
    random = np.random.default_rng([planted.seed, 31])
    chosen = []
    for name in np.unique(objects):
        inside = np.flatnonzero(objects == name)
        weights = np.ones(len(inside))
        for attribute, cell in PLANTS.items():
            is_planted = attribute in planted.plants and cell.object == name
            share = 1 - planted.strength if is_planted else 0.5
            has = Cell("", cell.words).contains(objects[inside], attributes.iloc[inside])
            weights *= np.where(has, share / has.mean(), (1 - share) / (1 - has.mean()))
        drawn = random.choice(inside, per_object, replace=False, p=weights / weights.sum())
        chosen.append(pool[drawn])
    return np.concatenate(chosen)


def gap(images: LabelledImages, cell: Cell) -> Estimate:
    """Accuracy of an object outside a cell less that inside it, with an interval over scenes."""
    of_object = images.among(images.objects == cell.object)
    inside = cell.contains(of_object.objects, of_object.attributes)
    right = of_object.right.astype(float)
    usual, in_cell = right[~inside].mean(), right[inside].mean()
    weights = np.where(inside, -1 / inside.mean(), 1 / (1 - inside.mean()))
    deviations = weights * (right - np.where(inside, in_cell, usual))
    return mean(usual - in_cell + deviations, of_object.scenes)


@dataclass(frozen=True)
class Judgement:
    """How slices match the plants of one set, on fresh images.

    Attributes:
        plants: that took.
        discovered: of these.
        slices: that were offered, at most `BUDGET`.
        false: of these, those that belong to no plant.
        precision_at_10: of the first slice, for the plant that has most of its `TOP` images; None
            without slices or plants.
        named: plants whose object and word are in the name of a slice.
        tested: names of slices, each a hypothesis that fresh images can confirm.
        correct: of these, those in whose cell fresh images are predicted right less often than
            elsewhere (Fisher's exact test, Holm over the slices).
    """

    plants: int
    discovered: int
    slices: int
    false: int
    precision_at_10: float | None
    named: int
    tested: int
    correct: int


def judge(
    slices: Sequence[tuple[Cell | None, NDArray[np.float64], Mask]],
    truth: Sequence[Cell],
    fresh: LabelledImages,
) -> Judgement:
    """Judge slices of fresh images.

    Args:
        slices: in the finder's own order, each with its name, scores, (n,), and members, (n,).
        truth: cells of the plants that took.
        fresh: the images, n.
    """
    slices = slices[:BUDGET]
    cells = [cell.contains(fresh.objects, fresh.attributes) for cell in truth]
    covered = [np.zeros(len(fresh.objects), bool) for _ in cells]
    false = 0
    for _, _, members in slices:
        matches = [number for number, cell in enumerate(cells) if _share(cell, members) >= LINE]
        false += not matches
        for number in matches:
            covered[number] |= members
    discovered = sum(
        _share(covering, cell) >= LINE for covering, cell in zip(covered, cells, strict=True)
    )
    precision = None
    if slices and cells:
        scores = slices[0][1]
        top = np.argsort(-scores, kind="stable")[:TOP]
        precision = max(float(cell[top].mean()) for cell in cells)
    names = [cell for cell, _, _ in slices if cell is not None and cell.words]
    p = [p_below(fresh, cell) for cell in names]
    named = sum(
        any(cell.object == plant.object and set(plant.words) <= set(cell.words) for cell in names)
        for plant in truth
    )
    correct = sum(value <= ALPHA for value in holm(p)) if p else 0
    return Judgement(
        len(cells), discovered, len(slices), false, precision, named, len(names), correct
    )


def judge_offers(
    offers: Sequence[OfferedSlice], truth: Sequence[Cell], fresh: LabelledImages
) -> Judgement:
    """Judge what a finder offered on other images."""
    return judge([offer.on(fresh) for offer in offers], truth, fresh)


def _share(part: Mask, images: Mask) -> float:
    return float(part[images].mean()) if images.any() else 0.0


def p_below(images: LabelledImages, cell: Cell) -> float:
    """One-sided p of a lower accuracy in a cell than of the object's other images; 1 where either
    side is empty."""
    from scipy.stats import fisher_exact

    of_object = images.objects == cell.object
    inside = cell.contains(images.objects, images.attributes)[of_object]
    right = images.right[of_object]
    if not inside.any() or inside.all():
        return 1.0
    counts = [[int(np.sum(~right[side])), int(np.sum(right[side]))] for side in (inside, ~inside)]
    return float(fisher_exact(counts, alternative="greater").pvalue)


def finder_summary(judged: pd.DataFrame) -> pd.DataFrame:
    """A row a finder: estimates over all sets, with intervals over sets.

    Args:
        judged: a row a set and finder: ``set``, ``finder``, ``planted`` and the fields of
            `Judgement`.

    Returns:
        By ``finder`` in their order: ``discovery`` (of plants that took), ``false`` (of slices in
        sets with such a plant), ``alarm`` (of sets with nothing planted, those with a slice),
        ``chance`` (the same of sets `SHUFFLED`), ``precision`` (at `TOP`), ``named`` (of plants
        that took) and ``correct`` (of names in sets with such a plant). None where there is
        nothing to count.
    """
    rows = []
    for finder, table in judged.groupby("finder", sort=False):
        has_plants, empty = table[table["plants"] > 0], table[table["planted"] == 0]
        empty = empty.assign(total=1, alarms=empty["slices"] > 0)
        is_shuffled = empty["set"].str.startswith(SHUFFLED)
        precise = has_plants.dropna(subset=["precision_at_10"])
        rows.append(
            {
                "finder": finder,
                "discovery": _counted(has_plants, "discovered", "plants"),
                "false": _counted(has_plants, "false", "slices"),
                "alarm": _counted(empty[~is_shuffled], "alarms", "total"),
                "chance": _counted(empty[is_shuffled], "alarms", "total"),
                "precision": _precision(precise),
                "named": _counted(has_plants, "named", "plants"),
                "correct": _counted(has_plants, "correct", "tested"),
            }
        )
    return pd.DataFrame(rows)


def _precision(precise: pd.DataFrame) -> Estimate | None:
    """The mean precision over sets; of one set it may be anything from 0 to 1."""
    values = precise["precision_at_10"]
    if len(precise) < 2:
        return None if precise.empty else Estimate(float(values.iloc[0]), 0, 1, 1)
    return mean(values, precise["set"]).within(0, 1)


def _counted(table: pd.DataFrame, hits: str, totals: str) -> Estimate | None:
    """A share over sets, such as of plants that are discovered."""
    counts = table[totals].astype(int)
    if counts.sum() == 0:
        return None
    flags = [
        number < hit
        for hit, total in zip(table[hits].astype(int), counts, strict=True)
        for number in range(total)
    ]
    return rate(flags, np.repeat(table["set"].to_numpy(str), counts))
