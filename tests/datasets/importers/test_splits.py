"""Splits: no cluster is cut, every group keeps its shares, and a seed is one split."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vlcore.datasets.imageset import SPLITS
from vlcore.datasets.importers.splits import FIXED_FROM, SHARES, assign_splits, choose_splits, quotas

Sets = tuple[NDArray[np.int64], NDArray[np.int64]]


@st.composite
def sets(draw: st.DrawFn, low: int, high: int) -> Sets:
    """Groups and clusters of a set; some clusters have several pictures, some of several groups."""
    sizes = [draw(st.integers(low, high)) for _ in range(4)]
    group = np.repeat(np.arange(4), sizes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    cluster = np.arange(len(group))
    for _ in range(draw(st.integers(0, 10))):
        members = rng.choice(len(group), size=min(len(group), int(rng.integers(2, 6))), replace=False)
        cluster[members] = cluster[members[0]]
    return group, cluster


def splits_of(cluster: NDArray[np.int64], split: NDArray[np.str_]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    for number, name in zip(cluster.tolist(), split.tolist(), strict=True):
        found[number].add(name)
    return found


def cell(split: NDArray[np.str_], group: NDArray[np.int64], name: str, number: int) -> int:
    return int(((split == name) & (group == number)).sum())


def none(group: NDArray[np.int64]) -> NDArray[np.str_]:
    return np.full(len(group), "", dtype="<U5")


@settings(max_examples=25, deadline=None)
@given(sets(FIXED_FROM, FIXED_FROM + 90), st.integers(0, 1000))
def test_a_large_set_is_split_by_shares_and_clusters_stay_whole(of: Sets, seed: int) -> None:
    group, cluster = of
    made = choose_splits(none(group), group, cluster, seed)
    assert made.folds == 0
    assert not made.removed.any()
    assert all(len(names) == 1 for names in splits_of(cluster, made.split).values())
    for number in range(4):
        size = int((group == number).sum())
        for name, share in SHARES.items():
            # Clusters are dealt while there is room for them, and single pictures fill the rest.
            assert abs(cell(made.split, group, name, number) - share * size) < 1
    assert (choose_splits(none(group), group, cluster, seed).split == made.split).all()


def test_other_seeds_are_other_splits() -> None:
    group = np.repeat(np.arange(4), FIXED_FROM)
    made = [choose_splits(none(group), group, np.arange(len(group)), seed).split for seed in range(3)]
    assert all((made[one] != made[other]).any() for one in range(3) for other in range(one))


@settings(max_examples=60, deadline=None)
@given(sets(2, 30), st.integers(0, 1000))
def test_a_small_set_is_a_pool_for_folds(of: Sets, seed: int) -> None:
    group, cluster = of
    scenes = min(len(np.unique(cluster[group == number])) for number in range(4))
    if scenes < 2:
        with pytest.raises(ValueError, match="single cluster"):
            choose_splits(none(group), group, cluster, seed)
        return
    made = choose_splits(none(group), group, cluster, seed)
    assert set(made.split) == {"pool"}
    assert made.folds == min(5, scenes)
    assert f"in {made.folds} folds" in made.note


@settings(max_examples=60, deadline=None)
@given(sets(8, 40), st.integers(0, 1000), st.booleans())
def test_the_source_s_own_test_set_is_kept(of: Sets, seed: int, with_val: bool) -> None:
    group, cluster = of
    names = ["train", "val", "test"] if with_val else ["train", "test"]
    given_split = np.array(names)[np.random.default_rng(seed).integers(0, len(names), len(group))]
    made = choose_splits(given_split, group, cluster, seed)
    if made.folds:
        assert "don't have all four groups" in made.note
        return
    kept = ~made.removed
    assert all(len(found) == 1 for found in splits_of(cluster[kept], made.split[kept]).values())
    assert ((made.split == "test") & kept).sum() == (given_split == "test").sum()
    assert (made.split[given_split == "test"] == "test").all()
    assert not made.removed[given_split == "test"].any()
    in_test = set(cluster[given_split == "test"])
    for place in np.flatnonzero(made.removed):
        later = {"train": {"val", "test"}, "val": {"test"}}[str(given_split[place])]
        assert later & set(given_split[cluster == cluster[place]])
    assert made.removed[(given_split == "train") & np.isin(cluster, list(in_test))].all()
    for number in range(4):
        assert cell(made.split[kept], group[kept], "train", number) > 0
        assert cell(made.split[kept], group[kept], "test", number) > 0


def test_validation_and_probe_come_out_of_train_where_the_source_has_none() -> None:
    group = np.repeat(np.arange(4), 150)
    given_split = np.where(np.arange(600) % 150 < 100, "train", "test")
    made = choose_splits(given_split, group, np.arange(600), 0)
    for number in range(4):
        sizes = {name: cell(made.split, group, name, number) for name in SPLITS}
        assert sizes == {"train": 90, "val": 5, "probe": 5, "test": 50}


def test_half_of_the_source_s_validation_becomes_probe_and_its_own_probe_stays() -> None:
    group = np.repeat(np.arange(4), 100)
    place = np.arange(400) % 100
    given_split = np.select([place < 60, place < 80], ["train", "val"], "test")
    made = choose_splits(given_split, group, np.arange(400), 0)
    assert [cell(made.split, group, name, 2) for name in SPLITS] == [60, 10, 10, 20]
    own = np.select([place < 60, place < 70, place < 80], ["train", "val", "probe"], "test")
    assert (choose_splits(own, group, np.arange(400), 0).split == own).all()


def test_a_group_without_validation_gets_one_and_the_others_keep_theirs() -> None:
    group = np.repeat(np.arange(4), 100)
    place = np.arange(400) % 100
    given_split = np.select([place < 60, (place < 80) & (group != 3)], ["train", "val"], "test")
    made = choose_splits(given_split, group, np.arange(400), 0)
    assert [cell(made.split, group, name, 0) for name in SPLITS] == [60, 10, 10, 20]
    assert [cell(made.split, group, name, 3) for name in SPLITS] == [54, 3, 3, 40]


def test_a_test_set_that_misses_a_group_is_split_anew() -> None:
    group = np.repeat(np.arange(4), FIXED_FROM)
    given_split = np.where((np.arange(len(group)) % 4 == 0) & (group != 1), "test", "train")
    made = choose_splits(given_split, group, np.arange(len(group)), 0)
    assert made.note.startswith("The source's train and test sets don't have all four groups; split by chance")
    assert cell(made.split, group, "test", 1) == 50


def test_one_picture_without_a_split_is_enough_to_split_anew() -> None:
    group = np.repeat(np.arange(4), 10)
    given_split = np.where(np.arange(40) % 2 == 0, "test", "train")
    given_split[7] = ""
    assert choose_splits(given_split, group, np.arange(40), 0).folds == 5


def test_a_cluster_larger_than_a_split_leaves_folds_where_a_cell_would_be_empty() -> None:
    group = np.repeat(np.arange(4), FIXED_FROM)
    cluster = np.arange(len(group))
    cluster[: FIXED_FROM - 3] = 0
    made = choose_splits(none(group), group, cluster, 0)
    assert made.folds == 4


@given(st.lists(st.integers(0, 500), min_size=1, max_size=5))
def test_quotas_add_up_and_are_shares_within_one(sizes: list[int]) -> None:
    room = quotas(np.array(sizes), list(SHARES.values()))
    assert room.sum(axis=0).tolist() == sizes
    assert (np.abs(room - np.outer(list(SHARES.values()), sizes)) < 1).all()
    assert (room >= 0).all()


@settings(max_examples=60, deadline=None)
@given(sets(1, 20), st.integers(0, 100))
def test_dealing_single_pictures_fills_every_split_exactly(of: Sets, seed: int) -> None:
    group, _ = of
    room = quotas(np.bincount(group, minlength=4), [0.3, 0.7])
    dealt = assign_splits(group, np.arange(len(group)), room, np.random.default_rng(seed))
    for split in range(2):
        for number in range(4):
            assert ((dealt == split) & (group == number)).sum() == room[split, number]
