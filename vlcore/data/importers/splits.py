"""Splits of imported images: as the source has them, else by shares, else in folds; near-duplicates
stay together.

A cluster of near-duplicates moves as one. Large clusters are assigned first, by chance among the
splits with room for them; single images then fill every split of every group to its exact share."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from vlcore.data.imageset import POOL, SPLITS
from vlcore.data.importers.selection import FEWEST

Numbers = NDArray[np.int64]
Names = NDArray[np.str_]
SHARES = {"train": 0.5, "val": 0.1, "probe": 0.15, "test": 0.25}
BY_CHANCE = (
    f"split by chance: {', '.join(f'{name} {share:.0%}' for name, share in SHARES.items())}."
)
VAL_OF_TRAIN = 0.1  # where a source has no validation images
FIXED_FROM = 200  # images of the smallest group; fewer leave too small a test set
FOLDS = 5
# Positions in SPLITS; a later one keeps a cluster that straddles two.
_TRAIN, _VAL, _PROBE, _TEST = range(4)
NEAR = 4  # of 64 bits of a perceptual hash
_AT_ONCE = 1024  # hashes that are compared with all of their band


def perceptual_hash(image: Image.Image) -> int:
    """The 64-bit perceptual hash (pHash) of an image: signs of the low frequencies of its cosine
    transform."""
    import imagehash

    return int(str(imagehash.phash(image)), 16)


def clusters(hashes: Sequence[int]) -> Numbers:
    """Number of the cluster of each image, (n,), counted from 0 in the order of the images: those
    whose hashes differ in at most `NEAR` bits are in one, and so is what is linked by others.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    distinct, hash_number = np.unique(np.array(hashes, dtype=np.uint64), return_inverse=True)
    pairs = _near_pairs(distinct)
    size = len(distinct)
    links = coo_array((np.ones(len(pairs[0])), pairs), shape=(size, size))
    _, components = connected_components(links, directed=False)
    return pd.factorize(components[hash_number])[0]


def _near_pairs(hashes: NDArray[np.uint64]) -> tuple[Numbers, Numbers]:
    """Numbers of the hashes that differ in at most `NEAR` bits, in pairs. Of `NEAR` + 1 bands of
    bits such hashes have one in common: only hashes that share a band are compared."""
    pairs = [np.empty((2, 0), dtype=np.int64)]
    edges = np.linspace(0, 64, NEAR + 2).astype(int).tolist()
    for low, high in pairwise(edges):
        band = (hashes >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1)
        order = np.argsort(band, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(band[order])) + 1):
            if len(members) == 1:
                continue
            for start in range(0, len(members), _AT_ONCE):
                block = members[start : start + _AT_ONCE]
                differing = np.bitwise_count(hashes[block, None] ^ hashes[members])
                row, column = np.nonzero(differing <= NEAR)
                pairs.append(np.stack([block[row], members[column]]))
    first, second = np.concatenate(pairs, axis=1)
    return first, second


def choose_splits(
    source_split: Names, group: Numbers, cluster: Numbers, seed: int
) -> tuple[Names, int, str]:
    """Split a set: as its source does where that says the splits of most images and of enough of
    each group, else by shares where there is enough, else in folds.

    Args:
        source_split: of each image, (n,), empty where the source says none.
        group: number of its group, 0 to 3, (n,).
        cluster: number of its cluster of near-duplicates, (n,).

    Returns:
        The split of each image, (n,), empty where it is left out because a near-duplicate is in a
        later one or the source has a split of others alone, and `POOL` in a set in folds; the
        number of folds, 0 where splits are fixed; and how it came about, a sentence.

    Raises:
        ValueError: where a group is of one cluster alone.
    """
    random = np.random.default_rng([seed, len(group)])
    missing = [name for name in ("train", "test") if name not in source_split]
    why_not = f"The source has no {' and '.join(missing)} set{'s' if len(missing) > 1 else ''}"
    marked = np.isin(source_split, SPLITS)
    fewest = np.bincount(group[marked], minlength=4).min()
    if not missing and (2 * marked.sum() < len(group) or fewest < FEWEST):
        share = f"{marked.sum():,} of {len(group):,}"
        why_not = f"The source says the split of too few images ({share})"
    elif not missing:
        preserved = preserve_source_splits(
            source_split[marked], group[marked], cluster[marked], random
        )
        if preserved is not None:
            split = np.full(len(group), "", dtype=preserved.dtype)
            split[marked] = preserved
            return split, 0, "Train and test sets are the source's own."
        why_not = "The source's train and test sets don't have all four groups"
    if np.bincount(group, minlength=4).min() >= FIXED_FROM:
        split = split_by_shares(group, cluster, random)
        cells = set(zip(split.tolist(), group.tolist(), strict=True))
        if len(cells) == 4 * len(SPLITS):
            return split, 0, f"{why_not}; {BY_CHANCE}"
    folds = min(FOLDS, *(len(np.unique(cluster[group == number])) for number in range(4)))
    if folds < 2:
        raise ValueError("A group has a single cluster.")
    note = (
        f"{why_not}; too small for a test set of its own, so every image is held out once, in"
        f" {folds} folds."
    )
    return np.full(len(group), POOL), folds, note


def preserve_source_splits(
    source_split: Names, group: Numbers, cluster: Numbers, random: np.random.Generator
) -> Names | None:
    """The source's own splits, with `val` and `probe` where missing; None where a group lacks train
    or test rows."""
    split = np.array([SPLITS.index(name) for name in source_split])
    latest = np.zeros(cluster.max() + 1, dtype=np.int64)
    np.maximum.at(latest, cluster, split)
    split[split < latest[cluster]] = -1
    for source, target, share, least in ((_TRAIN, _VAL, VAL_OF_TRAIN, 2), (_VAL, _PROBE, 0.5, 1)):
        cells = _cell_sizes(split, group)
        present = cells[_VAL] + cells[_PROBE] if target == _VAL else cells[target]
        wanted = np.maximum(least, np.round(cells[source] * share)).astype(np.int64)
        wanted = np.minimum(wanted, cells[source] // 2)  # the source keeps its larger half
        wanted[present > 0] = 0
        rows = np.flatnonzero(split == source)
        room = np.stack([cells[source] - wanted, wanted])
        moved = assign_splits(group[rows], cluster[rows], room, random) == 1
        split[rows[moved]] = target
    if (_cell_sizes(split, group)[[_TRAIN, _TEST]] == 0).any():
        return None
    return np.array([*SPLITS, ""])[split]


def split_by_shares(group: Numbers, cluster: Numbers, random: np.random.Generator) -> Names:
    """The split of each image, (n,), by `SHARES` of each group."""
    room = quotas(np.bincount(group, minlength=4), list(SHARES.values()))
    return np.array(SPLITS)[assign_splits(group, cluster, room, random)]


def quotas(sizes: Numbers, shares: list[float]) -> Numbers:
    """How many images of each group go to each split, (splits, groups); each column adds up to its
    group's size."""
    exact = np.outer(shares, sizes)
    counts = np.floor(exact).astype(np.int64)
    for group, missing in enumerate(sizes - counts.sum(axis=0)):
        largest = np.argsort(-(exact - counts)[:, group], kind="stable")[:missing]
        counts[largest, group] += 1
    return counts


def assign_splits(
    group: Numbers, cluster: Numbers, room: Numbers, random: np.random.Generator
) -> Numbers:
    """Assign images to splits by clusters: the number of the split of each image, (n,). `room` is
    how many images of each group each split should get, (splits, groups), and adds up to n."""
    room = room.copy()
    _, numbers = np.unique(cluster, return_inverse=True)
    # Images of each group in each cluster, (clusters, groups).
    contents = np.zeros((numbers.max(initial=-1) + 1, room.shape[1]), dtype=np.int64)
    np.add.at(contents, (numbers, group), 1)
    shuffled = random.permutation(len(contents))
    order = shuffled[np.argsort(-contents[shuffled].sum(axis=1), kind="stable")]
    split = np.empty(len(contents), dtype=np.int64)
    for number, draw in zip(order, random.random(len(order)), strict=True):
        content = contents[number]
        present = content > 0
        left = room[:, present].sum(axis=1)
        fits = (room[:, present] >= content[present]).all(axis=1)
        if fits.any():
            weights = np.cumsum(np.where(fits, left, 0))
            split[number] = np.searchsorted(weights, draw * weights[-1], side="right")
        else:
            split[number] = left.argmax()  # the emptiest
        room[split[number]] -= content
    return split[numbers]


def _cell_sizes(split: Numbers, group: Numbers) -> Numbers:
    """Number of images by split and group, (4, 4); a split of -1 is not counted."""
    return np.bincount((4 * split + group)[split >= 0], minlength=16).reshape(4, 4)
