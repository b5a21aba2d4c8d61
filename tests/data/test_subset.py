"""Folds: every picture is held out once, no scene is cut, and groups are spread evenly."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlcore.data import subset
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import COLUMNS, POOL, ImageSet, ImageSetError, with_groups
from vlcore.data.importers.splits import SHARES
from vlcore.data.subset import training_rows
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import STUDY_N

Scenes = list[list[int]]  # of each group the sizes of its scenes


def small_set(of: Scenes, count: int, split: str = POOL) -> ImageSet:
    """A set in folds, whose scenes have given sizes."""
    rows = [
        (f"{number}-{scene}-{copy}.jpg", *pair, split, "", "", f"s{number:02d}-{scene:03d}", "")
        for number, (pair, sizes) in enumerate(zip(SCENES.pairs, of, strict=True))
        for scene, size in enumerate(sizes)
        for copy in range(size)
    ]
    splitting = {"kind": "folds", "folds": count} if count else {"kind": "fixed"}
    table = with_groups(pd.DataFrame(rows, columns=list(COLUMNS)))
    return ImageSet(
        "small", "1", Path(), SCENES, table, lambda _rows, _progress: None, {"splitting": splitting}
    )


sets = st.integers(2, 5).flatmap(
    lambda count: st.builds(
        small_set,
        st.lists(st.lists(st.integers(1, 5), min_size=count, max_size=25), min_size=4, max_size=4),
        st.just(count),
    )
)


@settings(max_examples=20)
@given(sets, st.integers(0, 2**31 - 1))
def test_every_picture_is_held_out_once_and_groups_are_spread_as_scenes_allow(
    images: ImageSet, seed: int
) -> None:
    parts = subset.split_parts(images, seed)
    assert len(parts) == images.folds
    held_out = np.concatenate([part.rows("test") for part in parts])
    assert sorted(held_out.tolist()) == list(range(len(images.table)))
    for part in parts:
        assert set(part.table["split"]) == {"train", "test"}
        assert part.table.drop(columns="split").equals(images.table.drop(columns="split"))
        assert (part.name, part.version, part.folds) == (images.name, images.version, images.folds)
    assert set(images.table["split"]) == {POOL}, "the set itself is as it was"
    table = images.table.assign(fold=subset.fold_numbers(images, seed))
    assert (table.groupby("scene")["fold"].nunique() == 1).all()
    for _, members in table.groupby("group"):
        in_fold = np.bincount(members["fold"], minlength=images.folds)
        assert in_fold.min() > 0, "every fold tests every group"
        assert in_fold.max() - in_fold.min() <= members["scene"].value_counts().max()


@settings(max_examples=5)
@given(sets)
def test_the_usual_number_is_what_every_seed_leaves(images: ImageSet) -> None:
    left = [
        min(part.counts()["train"].values())
        for seed in range(10)
        for part in subset.split_parts(images, seed)
    ]
    if min(left) < 2:
        with pytest.raises(ImageSetError, match="fewer than two different images of a group"):
            subset.usual_n_per_group(images)
        return
    assert subset.usual_n_per_group(images) == min(STUDY_N, *left)
    condition = subset.usual_condition(images)
    for seed in range(10):
        for part in subset.split_parts(images, seed):
            assert (
                len(training_rows(part, condition.replace(data_seed=seed)))
                == 4 * condition.n_per_group
            )


def test_a_scene_of_two_groups_is_not_cut_and_no_fold_is_the_largest_in_every_group() -> None:
    images = small_set([[1] * 9] * 4, 3)
    images.table.loc[[0, 9, 30], "scene"] = "s-shared"
    assert all(
        len(set(subset.fold_numbers(images, seed)[[0, 9, 30]].tolist())) == 1 for seed in range(20)
    )
    # Thirteen pictures in five folds: three folds have one more, others in each group.
    sizes = np.bincount(subset.fold_numbers(small_set([[1] * 13] * 4, 5), 0))
    assert sizes.max() - sizes.min() <= 2


def test_a_seed_is_one_way_of_cutting_each_group_by_itself() -> None:
    images = small_set([[1] * 12, [2] * 6, [1] * 12, [3, 2, 2, 1, 1, 1, 1, 1]], 4)
    cuts = [tuple(subset.fold_numbers(images, seed)) for seed in (*range(8), *range(8))]
    assert cuts[:8] == cuts[8:]
    assert len(set(cuts)) == 8
    one, other = (small_set([[1] * 10, [1] * 10, [1] * 10, [1] * size], 5) for size in (10, 14))
    assert subset.fold_numbers(one, 3)[:30].tolist() == subset.fold_numbers(other, 3)[:30].tolist()


def test_a_set_with_splits_of_its_own_is_itself_and_gives_what_it_has(empty_home: Path) -> None:
    images = open_set("scenes")
    assert subset.split_parts(images, 0) == subset.split_parts(images, 7) == [images]
    condition = subset.usual_condition(images)
    assert condition == Condition("scenes", images.version, n_per_group=STUDY_N)
    few = small_set([[1] * 30, [1] * 7, [1] * 30, [1] * 9], 0, "train")
    assert subset.usual_n_per_group(few) == 7


def test_too_few_pictures_are_told_of_the_smallest_group() -> None:
    images = small_set([[1] * 5, [1] * 4, [1] * 3, [1] * 5], 0, "train")
    with pytest.raises(ImageSetError, match=f"3 training images of {SCENES.names[2]}; .* of 9"):
        training_rows(images, Condition(n_per_group=9))
    assert len(training_rows(images, Condition(n_per_group=3))) == 12


def large_set(twins: int = 30, alone: int = 10, **sample: Any) -> ImageSet:
    """Test scenes in all four groups, and others in the first alone."""
    sizes = [[1] * (twins + alone), [1] * twins, [1] * twins, [1] * twins]
    images = small_set(sizes, 0, "test")
    scenes = images.table["scene"].str.split("-").str[1]  # the same of every group
    about = {**images.about, "measured": sample} if sample else images.about
    return dataclasses.replace(images, table=images.table.assign(scene=scenes), about=about)


def test_measures_of_a_large_set_rest_on_a_seeded_sample_with_its_twins() -> None:
    every = large_set()
    assert subset.measured_rows(every, "test").tolist() == list(range(130))
    images = large_set(per_group={"test": 20}, seed=3)
    rows = subset.measured_rows(images, "test")
    assert (np.diff(rows) > 0).all()
    table = images.table.iloc[rows]
    assert table["group"].value_counts().tolist() == [20] * 4
    of_groups = [set(scenes) for _, scenes in table.groupby("group")["scene"]]
    assert len(set.intersection(*of_groups)) >= 10, "all groups take scenes in one order"
    assert rows.tolist() == subset.measured_rows(images, "test").tolist()
    other = large_set(per_group={"test": 20}, seed=4)
    assert rows.tolist() != subset.measured_rows(other, "test").tolist()
    assert subset.map_rows(images).tolist() == rows.tolist(), "the map shows what is measured"
    reference = subset.reference_rows(images, 7)
    assert set(reference) < set(rows)
    assert images.table["group"].iloc[reference].value_counts().tolist() == [7] * 4


def test_a_sample_has_the_shares_of_a_set_that_is_split_by_chance() -> None:
    total = sum(subset.MEASURED.values())
    assert {split: count / total for split, count in subset.MEASURED.items()} == SHARES
