"""Splits of imported pictures: as the source has them, else by shares, else in folds;
near-duplicates stay together.

A cluster of near-duplicates moves as one. Large clusters are dealt first, by chance among the
splits with room for them; single pictures then fill every split of every group to its exact share.
Two hashes that differ in at most four of 64 bits agree in one of five bands of bits: only pictures
that share a band are compared."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from vlcore.data.imageset import POOL, SPLITS

Numbers = NDArray[np.int64]
Names = NDArray[np.str_]
SHARES = {"train": 0.5, "val": 0.1, "probe": 0.15, "test": 0.25}
BY_CHANCE = (
    f"split by chance: {', '.join(f'{name} {share:.0%}' for name, share in SHARES.items())}."
)
VAL_OF_TRAIN = 0.1  # where a source has no validation pictures
FIXED_FROM = 200  # pictures of the smallest group; fewer leave too small a test set
FOLDS = 5
_TRAIN, _VAL, _PROBE, _TEST = range(
    4
)  # places in SPLITS; a later one keeps a cluster that straddles two
NEAR = 4  # of 64 bits of a perceptual hash; as many as five bands find
_BANDS = ((0, 13), (13, 13), (26, 13), (39, 13), (52, 12))  # first bit, number of bits
_ONES = np.array([bin(number).count("1") for number in range(2**16)], dtype=np.uint8)


def perceptual_hash(image: Image.Image) -> int:
    """The 64-bit perceptual hash (pHash) of a picture: signs of the low frequencies of its cosine
    transform."""
    import imagehash

    return int(str(imagehash.phash(image)), 16)


def near_pairs(hashes: NDArray[np.uint64]) -> Numbers:
    """All pairs of hashes, (n,), that differ in 1 to `NEAR` bits: places, (pairs, 2), ordered, the
    smaller first."""
    found = [np.empty((0, 2), dtype=np.int64)]
    for first, bits in _BANDS:
        bands = (hashes >> np.uint64(first)) & np.uint64(2**bits - 1)
        order = np.argsort(bands, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(bands[order])) + 1):
            for at in range(len(members) - 1):
                others = members[at + 1 :]
                different = _ONES[(hashes[others] ^ hashes[members[at]]).view(np.uint16)].reshape(
                    -1, 4
                )
                close = others[different.sum(axis=1, dtype=np.int64) <= NEAR]
                found.append(np.column_stack([np.full(len(close), members[at]), close]))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def clusters(hashes: Sequence[int], ids: Sequence[str]) -> Numbers:
    """Number of the cluster of each picture, (n,), counted from 0 in the order of the pictures:
    those whose hashes are near, or that have the same `id` (other than an empty one), are in one,
    and so is what is linked by others.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    distinct, first, hash_of = np.unique(
        np.array(hashes, dtype=np.uint64), return_index=True, return_inverse=True
    )
    of_id: dict[str, int] = {}
    links = [(picture, int(first[number])) for picture, number in enumerate(hash_of)]
    links += [
        (picture, of_id.setdefault(name, picture)) for picture, name in enumerate(ids) if name
    ]
    edges = np.concatenate(
        [np.array(links, dtype=np.int64).reshape(-1, 2), first[near_pairs(distinct)]]
    )
    n = len(hash_of)
    graph = coo_array(
        (np.ones(len(edges), dtype=np.int8), (edges[:, 0], edges[:, 1])), shape=(n, n)
    )
    return pd.factorize(connected_components(graph, directed=False)[1])[0]


def choose_splits(
    given: Names, group: Numbers, cluster: Numbers, seed: int
) -> tuple[Names, int, str]:
    """Split a set: as its source does, else by shares where there is enough, else in folds. Of the
    source's splits, empty where it has none, and numbers of groups, 0 to 3, and of clusters of
    near-duplicates, (n,) each: the split of each picture, (n,), empty where it is left out because
    a near-duplicate is in a later one, and `POOL` in a set in folds; the number of folds, 0 where
    splits are fixed; how it came about, a sentence. ValueError where a group is of one cluster
    alone."""
    rng = np.random.default_rng([seed, len(group)])
    sizes = np.bincount(group, minlength=4)
    why_not = "The source has no train and test sets"
    if np.isin(given, SPLITS).all() and {"train", "test"} <= set(given):
        kept = preserve_given_splits(given, group, cluster, rng)
        if kept is not None:
            return kept, 0, "Train and test sets are the source's own."
        why_not = "The source's train and test sets don't have all four groups"
    if sizes.min() >= FIXED_FROM:
        split = split_by_shares(group, cluster, rng)
        if len(set(zip(split.tolist(), group.tolist(), strict=True))) == 4 * len(SPLITS):
            return split, 0, f"{why_not}; {BY_CHANCE}"
    folds = min(FOLDS, *(len(np.unique(cluster[group == number])) for number in range(4)))
    if folds < 2:
        raise ValueError("A group has a single cluster.")
    note = (
        f"{why_not}; too small for a test set of its own, so every picture is held out once, in"
        f" {folds} folds."
    )
    return np.full(len(group), POOL), folds, note


def preserve_given_splits(
    given: Names, group: Numbers, cluster: Numbers, rng: np.random.Generator
) -> Names | None:
    """The source's own splits, with `val` and `probe` where missing; None where a group lacks train
    or test rows."""
    split = np.array([SPLITS.index(name) for name in given])
    latest = np.zeros(cluster.max() + 1, dtype=np.int64)
    np.maximum.at(latest, cluster, split)
    split[split < latest[cluster]] = -1
    for source, target, share, least in ((_TRAIN, _VAL, VAL_OF_TRAIN, 2), (_VAL, _PROBE, 0.5, 1)):
        cells = _cells(split, group)
        missing = cells[_VAL] + cells[_PROBE] == 0 if target == _VAL else cells[target] == 0
        wanted = np.where(missing, np.maximum(least, np.round(cells[source] * share)), 0).astype(
            np.int64
        )
        wanted = np.minimum(wanted, cells[source] // 2)  # the source keeps its larger half
        rows = np.flatnonzero(split == source)
        dealt = assign_splits(
            group[rows], cluster[rows], np.stack([cells[source] - wanted, wanted]), rng
        )
        split[rows[dealt == 1]] = target
    if (_cells(split, group)[[_TRAIN, _TEST]] == 0).any():
        return None
    return np.array([*SPLITS, ""])[split]


def split_by_shares(group: Numbers, cluster: Numbers, rng: np.random.Generator) -> Names:
    """The split of each picture, (n,), by `SHARES` of each group."""
    room = quotas(np.bincount(group, minlength=4), list(SHARES.values()))
    return np.array(SPLITS)[assign_splits(group, cluster, room, rng)]


def quotas(sizes: Numbers, shares: list[float]) -> Numbers:
    """How many pictures of each group go to each split, (splits, groups); each column adds up to
    its group's size."""
    exact = np.outer(shares, sizes)
    whole = np.floor(exact).astype(np.int64)
    for group, left in enumerate(sizes - whole.sum(axis=0)):
        largest = np.argsort(-(exact - whole)[:, group], kind="stable")[:left]
        whole[largest, group] += 1
    return whole


def assign_splits(
    group: Numbers, cluster: Numbers, room: Numbers, rng: np.random.Generator
) -> Numbers:
    """Deal pictures out by clusters: the number of the split of each picture, (n,). `room` is how
    many pictures of each group each split should get, (splits, groups), and adds up to n."""
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
        chosen[number] = (
            np.searchsorted(weights, draw * weights[-1], side="right")
            if fits.any()
            else left.argmax()
        )
        room[chosen[number]] -= content
    return chosen[numbers]


def _cells(split: Numbers, group: Numbers) -> Numbers:
    """Number of pictures by split and group, (4, 4); a split of -1 is not counted."""
    return np.bincount((4 * split + group)[split >= 0], minlength=16).reshape(4, 4)
