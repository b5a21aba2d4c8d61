"""Splits of imported pictures: as the source has them, else by shares, else in folds.

A cluster of near-duplicates moves as one. Large clusters are dealt first, by chance among the splits that still have
room for them; single pictures then fill every split of every group to its exact share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.datasets.imageset import POOL, SPLITS

SHARES = {"train": 0.5, "val": 0.1, "probe": 0.15, "test": 0.25}
BY_CHANCE = f"split by chance: {', '.join(f'{name} {share:.0%}' for name, share in SHARES.items())}."
VAL_OF_TRAIN = 0.1  # where a source has no validation pictures
FIXED_FROM = 200  # pictures of the smallest group; fewer leave too small a test set
FOLDS = 5
_TRAIN, _VAL, _PROBE, _TEST = range(4)  # places in SPLITS; a later one keeps a cluster that straddles two


@dataclass(frozen=True, eq=False)
class Splitting:
    """The splits of n pictures.

    Attributes:
        split: (n,), one of `SPLITS`; in a set in folds, `POOL`.
        removed: (n,), true where a picture is left out because a near-duplicate is in a later split.
        folds: number of folds; 0 where the splits are fixed.
        note: how it came about, a sentence for people.
    """

    split: NDArray[np.str_]
    removed: NDArray[np.bool_]
    folds: int
    note: str

    @property
    def kind(self) -> dict[str, Any]:
        """What ``dataset.json`` says of it: ``{"kind": "fixed"}`` or ``{"kind": "folds", "folds": k}``."""
        return {"kind": "folds", "folds": self.folds} if self.folds else {"kind": "fixed"}


def choose_splits(
    given: NDArray[np.str_], group: NDArray[np.int64], cluster: NDArray[np.int64], seed: int
) -> Splitting:
    """Split a set: as its source does, else by shares where there is enough, else in folds.

    Args:
        given: (n,), the source's splits, empty where it has none.
        group: (n,), number of the group, 0 to 3.
        cluster: (n,), number of the cluster of near-duplicates.
        seed: of every choice by chance.

    Raises:
        ValueError: when a group has a single cluster, of which no part can be held out.
    """
    rng = np.random.default_rng([seed, len(group)])
    sizes, none = np.bincount(group, minlength=4), np.zeros(len(group), dtype=bool)
    why_not = "The source has no train and test sets"
    if np.isin(given, SPLITS).all() and {"train", "test"} <= set(given):
        kept = preserve_given_splits(np.array([SPLITS.index(name) for name in given]), group, cluster, rng)
        if kept is not None:
            return kept
        why_not = "The source's train and test sets don't have all four groups"
    if sizes.min() >= FIXED_FROM:
        dealt = assign_splits(group, cluster, quotas(sizes, list(SHARES.values())), rng)
        if (_cells(dealt, group) > 0).all():
            return Splitting(np.array(SPLITS)[dealt], none, 0, f"{why_not}; {BY_CHANCE}")
    smallest = min(len(np.unique(cluster[group == number])) for number in range(4))
    if smallest < 2:
        raise ValueError("A group has a single cluster.")
    folds = min(FOLDS, smallest)
    note = f"{why_not}; too small for a test set of its own, so every picture is held out once, in {folds} folds."
    return Splitting(np.full(len(group), POOL), none, folds, note)


def preserve_given_splits(
    split: NDArray[np.int64], group: NDArray[np.int64], cluster: NDArray[np.int64], rng: np.random.Generator
) -> Splitting | None:
    """The source's own splits, with `val` and `probe` where they are missing; None where a group would have none.

    Args:
        split: (n,), place of each picture's split in `SPLITS`.
        group, cluster: (n,), as of `choose_splits`.
        rng: of every choice by chance.
    """
    latest = np.zeros(cluster.max() + 1, dtype=np.int64)
    np.maximum.at(latest, cluster, split)
    removed = split < latest[cluster]
    split = np.where(removed, -1, split)
    for source, target, share, least in ((_TRAIN, _VAL, VAL_OF_TRAIN, 2), (_VAL, _PROBE, 0.5, 1)):
        cells = _cells(split, group)
        missing = cells[_VAL] + cells[_PROBE] == 0 if target == _VAL else cells[target] == 0
        wanted = np.where(missing, np.maximum(least, np.round(cells[source] * share)), 0).astype(np.int64)
        wanted = np.minimum(wanted, cells[source] // 2)  # the source keeps its larger half
        rows = np.flatnonzero(split == source)
        dealt = assign_splits(group[rows], cluster[rows], np.stack([cells[source] - wanted, wanted]), rng)
        split[rows[dealt == 1]] = target
    if (_cells(split, group)[[_TRAIN, _TEST]] == 0).any():
        return None
    return Splitting(
        np.array(SPLITS)[np.where(removed, 0, split)], removed, 0, "Train and test sets are the source's own."
    )


def quotas(sizes: NDArray[np.int64], shares: list[float]) -> NDArray[np.int64]:
    """How many pictures of each group go to each split, (splits, groups); each column adds up to its group's size."""
    exact = np.outer(shares, sizes)
    whole = np.floor(exact).astype(np.int64)
    for group, left in enumerate(sizes - whole.sum(axis=0)):
        largest = np.argsort(-(exact - whole)[:, group], kind="stable")[:left]
        whole[largest, group] += 1
    return whole


def assign_splits(
    group: NDArray[np.int64], cluster: NDArray[np.int64], room: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Deal pictures out by clusters.

    Args:
        group: (n,), number of the group.
        cluster: (n,), number of the cluster.
        room: (splits, groups), how many pictures of each group each split should get; adds up to n.
        rng: decides among the splits that have room.

    Returns:
        Number of the split of each picture, (n,).
    """
    room = room.copy()
    _, numbers = np.unique(cluster, return_inverse=True)
    contents = np.zeros((numbers.max(initial=-1) + 1, room.shape[1]), dtype=np.int64)
    np.add.at(contents, (numbers, group), 1)
    shuffled = rng.permutation(len(contents))
    order = shuffled[np.argsort(-contents[shuffled].sum(axis=1), kind="stable")]
    chosen = np.empty(len(contents), dtype=np.int64)
    for number, draw in zip(order, rng.random(len(order)), strict=True):
        content = contents[number]
        here = content > 0
        left = room[:, here].sum(axis=1)
        fits = (room[:, here] >= content[here]).all(axis=1)
        weights = np.cumsum(np.where(fits, left, 0))
        # Where a cluster fits nowhere, the emptiest split takes it.
        chosen[number] = np.searchsorted(weights, draw * weights[-1], side="right") if fits.any() else left.argmax()
        room[chosen[number]] -= content
    return chosen[numbers]


def _cells(split: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of pictures by split and group, (4, 4); a split of -1 is not counted."""
    cells = np.zeros((len(SPLITS), 4), dtype=np.int64)
    there = split >= 0
    np.add.at(cells, (split[there], group[there]), 1)
    return cells
