"""The rows that an experiment uses: its biased training subset, the rows of its maps, and the folds
of a small set.

The biased subset is chosen by fixed permutations, one a group and data seed, of which every bias
level takes a prefix.

A set with a few dozen images a group is too small for a test set of its own. So it is cut into
folds; one model is trained without each, each image is judged by the model that was not trained on
it, and the answers are counted together. A data seed is one way of cutting. Near-duplicates share a
scene, and a scene is never cut."""

import dataclasses
import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.data.catalogue import open_set
from vlcore.data.drawn import VERSION, recipe_of
from vlcore.data.imageset import SPLITS, ImageSet, ImageSetError
from vlcore.experiment.condition import Condition
from vlcore.experiment.memo import made_once
from vlcore.experiment.options import STUDY_N

# Images of a group, by split, that measures of an imported set rest on at most: 2,000 in all. Their
# intervals are narrow by then, and some measures take the square of the images in time.
MEASURED = {"train": 1000, "val": 200, "probe": 300, "test": 500}


def training_rows(images: ImageSet, condition: Condition) -> NDArray[np.int64]:
    """The biased training subset of a condition, before edits, in a fixed order, (n,); refused
    where there is too little."""
    grouping = images.grouping
    pool = images.rows("train")
    groups = images.table["group"].to_numpy()[pool]
    members = {group: pool[groups == group] for group in grouping.names}
    chosen: dict[str, NDArray[np.int64]] = {}
    # The smallest group first: what is advised for it holds for all.
    for group in sorted(grouping.names, key=lambda group: len(members[group])):
        available, n_per_group = len(members[group]), condition.n_per_group
        if available < n_per_group:
            raise ImageSetError(
                f"The image set {images.name!r} has {available} training images of {group}; choose"
                f" at most that many as n_per_group instead of {n_per_group}."
            )
        random = np.random.default_rng([condition.data_seed, grouping.names.index(group)])
        count = condition.n_minority if group in grouping.minority else n_per_group
        chosen[group] = members[group][random.permutation(available)[:count]]
    return np.concatenate([chosen[group] for group in grouping.names])


def map_rows(images: ImageSet) -> NDArray[np.int64]:
    """Row numbers of the held-out images that maps are fitted on and show, (m,), rising.

    Of a drawn set a balanced reference, whose images come with the package and of which all groups
    show the same scenes; of other sets all that are measured."""
    return reference_rows(images) if images.about.get("recipe") else measured_rows(images, "test")


def reference_rows(images: ImageSet, scenes: int = 50) -> NDArray[np.int64]:
    """Row numbers of the first test scenes of each group, (r,), rising: a balanced reference for
    measures of pairs of images."""
    test = measured_rows(images, "test")
    per_group = [
        test[images.table["group"].to_numpy()[test] == group][:scenes]
        for group in images.grouping.names
    ]
    return np.sort(np.concatenate(per_group))


def measured_rows(images: ImageSet, split: str) -> NDArray[np.int64]:
    """Row numbers of the images of a split that measures rest on, (n,), rising.

    All of them, but of a set whose description limits them (`MEASURED`) a sample by its seed.
    """
    rows = images.rows(split)
    sample = images.about.get("measured", {})
    most = sample.get("per_group", {}).get(split)
    if most is None or len(rows) <= most:
        return rows
    table = images.table.iloc[rows]
    group = pd.factorize(table["group"], sort=True)[0]
    scene = pd.factorize(table["scene"], sort=True)[0]
    return rows[limit(group, scene, most, sample["seed"])]


def limit(
    group: NDArray[np.int64], scene: NDArray[np.int64], most: int, seed: int
) -> NDArray[np.int64]:
    """Rows of at most so many of each group, sorted; all groups take scenes in one order, so that
    twins stay."""
    rank = np.random.default_rng([seed, len(group)]).permutation(scene.max() + 1)[scene]
    order = np.argsort(rank, kind="stable")
    number_in_group = pd.Series(order).groupby(group[order]).cumcount().to_numpy()
    return np.sort(order[number_in_group < most])


@made_once(maxsize=8)
def describe_sample(images: ImageSet) -> str:
    """A sentence on which images of a large set are measured; empty where all are."""
    if images.folds:
        images = split_parts(images, data_seed=0)[0]
    splits = [part for part in SPLITS[1:] if len(images.rows(part))]
    rows = [measured_rows(images, part) for part in splits]
    every = [images.rows(part) for part in splits]
    if sum(map(len, rows)) == sum(map(len, every)):
        return ""
    groups = images.table["group"].to_numpy()
    measured, total = (
        np.unique(groups[np.concatenate(numbers)], return_counts=True)[1]
        for numbers in (rows, every)
    )
    if len({*measured}) == len({*total}) == 1:
        counts = f"{measured[0]:,} of {total[0]:,} held-out images a group"
    else:
        counts = (
            f"{measured.sum():,} of {total.sum():,} held-out images, at most"
            f" {measured.max():,} a group"
        )
    seed = images.about["measured"]["seed"]
    return f"Measured on {counts}, chosen by chance (seed {seed})."


def split_parts(images: ImageSet, data_seed: int) -> list[ImageSet]:
    """A set as it is split under a seed: itself where its splits are fixed, else one part for each
    fold, which is the whole set with the fold's images in the split ``test`` and all others in
    ``train``."""
    if not images.folds:
        return [images]
    fold = fold_numbers(images, data_seed)
    splits = [np.where(fold == number, "test", "train") for number in range(images.folds)]
    return [dataclasses.replace(images, table=images.table.assign(split=split)) for split in splits]


def fold_numbers(images: ImageSet, data_seed: int) -> NDArray[np.int64]:
    """The fold of each image, (n,): every group is spread over all folds as evenly as its scenes
    allow."""
    scenes, first, scene_of = np.unique(
        images.table["scene"].to_numpy(str), return_index=True, return_inverse=True
    )
    sizes = np.bincount(scene_of)
    # Near-duplicates in two groups count as of the first.
    groups = images.table["group"].to_numpy()[first]
    fold = np.empty(len(scenes), dtype=np.int64)
    for number, group in enumerate(images.grouping.names):
        members = np.flatnonzero(groups == group)
        order = members[np.random.default_rng([data_seed, number, 1]).permutation(len(members))]
        # Large scenes first, each to the fold that has least; the start moves, so that no fold is
        # always the largest.
        filled = np.zeros(images.folds)
        filled[np.arange(images.folds)] = 1e-6 * ((np.arange(images.folds) + number) % images.folds)
        for scene in sorted(order, key=lambda scene: -sizes[scene]):
            fold[scene] = int(filled.argmin())
            filled[fold[scene]] += sizes[scene]
    return fold[scene_of]


def usual_n_per_group(images: ImageSet) -> int:
    """How many training images a group has unless a user says otherwise: the study's 48, or what
    the smallest group has."""
    smallest = smallest_training_group(images)
    if smallest < 2:
        too_few = "fewer than two different images of a group to train on"
        raise ImageSetError(
            f"The image set {images.name!r} leaves {too_few}; import it again with more."
        )
    return min(STUDY_N, smallest)


@made_once(maxsize=8)
def smallest_training_group(images: ImageSet) -> int:
    """Number of training images in the smallest group; of a set in folds, what each of the first
    ten seeds leaves for training."""
    seeds = range(10 if images.folds else 1)
    counts = [
        part.counts().get("train", {}) for seed in seeds for part in split_parts(images, seed)
    ]
    return min(min(by_group.values(), default=0) for by_group in counts)


def few_training_images(images: ImageSet) -> str:
    """A sentence where models are trained on fewer images of a group than in the study; else
    empty."""
    smallest = smallest_training_group(images)
    if smallest >= STUDY_N:
        return ""
    few = f"{smallest} images of a group to train on, fewer than the study's {STUDY_N}"
    if not images.folds:
        return f"The training set has only {few}; import more to train on {STUDY_N}."
    needed = math.ceil(STUDY_N * images.folds / (images.folds - 1))
    return (
        f"Each of the {images.folds} folds leaves only {few}; import at least {needed} of each"
        f" group to train on {STUDY_N}."
    )


def usual_condition(images: ImageSet) -> Condition:
    """The default condition on a set; an `ImageSetError` where there is too little to train on."""
    return Condition(images.name, images.version, n_per_group=usual_n_per_group(images))


def on_its_set(condition: Condition) -> Condition:
    """A condition as it is trained: one that names an image set without a version means the one
    that is there now, with as many images of a group as that has where it has fewer than the
    study; ImageSetError where there is no such set.
    """
    if condition.data_version:
        return condition
    if recipe_of(condition.data) is not None:  # it has enough; its table takes half a second
        return condition.replace(data_version=VERSION)
    usual = usual_condition(open_set(condition.data))
    n_per_group = usual.n_per_group if condition.n_per_group == STUDY_N else condition.n_per_group
    return condition.replace(data_version=usual.data_version, n_per_group=n_per_group)
