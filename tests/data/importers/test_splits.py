"""Splits: near-duplicates are found, clusters stay whole, groups keep shares, by the seed."""

from io import BytesIO
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.data.importers.sources import encoded, picture
from vlcore.data.imageset import SPLITS
from vlcore.data.importers import splits
from vlcore.data.importers.splits import FIXED_FROM, NEAR, SHARES, choose_splits, clusters

Sets = tuple[NDArray[np.int64], NDArray[np.int64]]
LARGE = np.repeat(np.arange(4), FIXED_FROM)
GROUP, PLACE = np.repeat(np.arange(4), 100), np.tile(np.arange(100), 4)


@st.composite
def sets(draw: st.DrawFn, low: int, high: int) -> Sets:
    """Groups and clusters of a set; some clusters have several pictures, some of several groups."""
    sizes = [draw(st.integers(low, high)) for _ in range(4)]
    group = np.repeat(np.arange(4), sizes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    cluster = np.arange(len(group))
    for _ in range(draw(st.integers(0, 10))):
        members = rng.choice(
            len(group), size=min(len(group), int(rng.integers(2, 6))), replace=False
        )
        cluster[members] = cluster[members[0]]
    return group, cluster


def none(group: NDArray[np.int64]) -> NDArray[np.str_]:
    return np.full(len(group), "", dtype="<U5")


def whole(cluster: NDArray[np.int64], split: NDArray[np.str_]) -> bool:
    """Whether no cluster is cut; what was left out does not count."""
    kept = split != ""
    return bool((pd.Series(split[kept]).groupby(cluster[kept]).nunique() == 1).all())


def sizes_of(split: NDArray[np.str_], group: NDArray[np.int64], number: int) -> list[int]:
    return [int(((split == name) & (group == number)).sum()) for name in SPLITS]


@settings(max_examples=10)
@given(sets(FIXED_FROM, FIXED_FROM + 90), st.integers(0, 1000))
def test_a_large_set_is_split_by_shares_and_clusters_stay_whole(of: Sets, seed: int) -> None:
    group, cluster = of
    split, folds, _ = choose_splits(none(group), group, cluster, seed)
    assert folds == 0
    assert set(split) == set(SPLITS)
    assert whole(cluster, split)
    for number in range(4):
        wanted = np.array(list(SHARES.values())) * (group == number).sum()
        # Clusters are dealt while there is room for them, and single pictures fill the rest.
        assert (np.abs(sizes_of(split, group, number) - wanted) < 1).all()
    assert (choose_splits(none(group), group, cluster, seed)[0] == split).all()
    assert (choose_splits(none(group), group, cluster, seed + 1)[0] != split).any()


@given(sets(2, 30), st.integers(0, 1000))
def test_a_small_set_is_a_pool_for_folds(of: Sets, seed: int) -> None:
    group, cluster = of
    scenes = min(len(np.unique(cluster[group == number])) for number in range(4))
    if scenes < 2:
        with pytest.raises(ValueError, match="single cluster"):
            choose_splits(none(group), group, cluster, seed)
        return
    split, folds, note = choose_splits(none(group), group, cluster, seed)
    assert (set(split), folds) == ({"pool"}, min(5, scenes))
    assert f"in {folds} folds" in note


@given(sets(8, 40), st.integers(0, 1000), st.booleans())
def test_the_source_s_own_test_set_is_kept(of: Sets, seed: int, with_val: bool) -> None:
    group, cluster = of
    names = ["train", "val", "test"] if with_val else ["train", "test"]
    own = np.array(names)[np.random.default_rng(seed).integers(0, len(names), len(group))]
    split, folds, note = choose_splits(own, group, cluster, seed)
    if folds:
        assert "don't have all four groups" in note
        return
    assert whole(cluster, split)
    assert ((split == "test") == (own == "test")).all()
    for place in np.flatnonzero(split == ""):
        later = {"train": {"val", "test"}, "val": {"test"}}[str(own[place])]
        assert later & set(own[cluster == cluster[place]])
    in_test = np.isin(cluster, cluster[own == "test"])
    assert (split[(own == "train") & in_test] == "").all()
    for number in range(4):
        train, _, _, test = sizes_of(split, group, number)
        assert min(train, test) > 0


@pytest.mark.parametrize(
    ("own", "sizes"),
    [
        (np.where(PLACE < 60, "train", "test"), [[54, 3, 3, 40]] * 4),
        (
            np.select([PLACE < 60, PLACE < 70, PLACE < 80], ["train", "val", "probe"], "test"),
            [[60, 10, 10, 20]] * 4,
        ),
        (
            np.select([PLACE < 60, (PLACE < 80) & (GROUP != 3)], ["train", "val"], "test"),
            [*[[60, 10, 10, 20]] * 3, [54, 3, 3, 40]],
        ),
    ],
    ids=["none has validation", "all is there", "one group has no validation"],
)
def test_what_a_group_lacks_comes_out_of_what_it_has(
    own: NDArray[np.str_], sizes: list[list[int]]
) -> None:
    split, _, _ = choose_splits(own, GROUP, np.arange(400), 0)
    assert [sizes_of(split, GROUP, number) for number in range(4)] == sizes


def test_a_test_set_that_misses_a_group_or_is_missing_is_made_anew() -> None:
    own = np.where((np.arange(len(LARGE)) % 4 == 0) & (LARGE != 1), "test", "train")
    split, _, note = choose_splits(own, LARGE, np.arange(len(LARGE)), 0)
    assert note.startswith(
        "The source's train and test sets don't have all four groups; split by chance"
    )
    assert sizes_of(split, LARGE, 1)[-1] == 50
    for names, words in ((("train", "val"), "no test set;"), (("val",) * 2, "no train and test")):
        own = np.array(names)[np.arange(40) % 2]
        _, folds, note = choose_splits(own, np.repeat(np.arange(4), 10), np.arange(40), 0)
        assert folds == 5
        assert f"The source has {words}" in note


def test_an_image_without_a_split_is_left_out_of_the_source_s_own() -> None:
    own = np.where(np.arange(40) % 2 == 0, "test", "train")
    own[7] = ""
    split, folds, _ = choose_splits(own, np.repeat(np.arange(4), 10), np.arange(40), 0)
    assert (folds, np.flatnonzero(split == "").tolist()) == (0, [7])
    assert ((split == "test") == (own == "test")).all()


def test_a_cluster_larger_than_a_split_leaves_folds_where_a_cell_would_be_empty() -> None:
    cluster = np.arange(len(LARGE))
    cluster[: FIXED_FROM - 3] = 0
    assert choose_splits(none(LARGE), LARGE, cluster, 0)[1] == 4


def bits(one: int, other: int) -> int:
    return (one ^ other).bit_count()


@st.composite
def related_hashes(draw: st.DrawFn) -> list[int]:
    """Hashes with relatives at every small distance: random ones alone are never near."""
    hashes = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=8))
    for _ in range(draw(st.integers(0, 12))):
        changed = draw(st.lists(st.integers(0, 63), max_size=7, unique=True))
        hashes.append(draw(st.sampled_from(hashes)) ^ sum(1 << bit for bit in changed))
    return hashes


@settings(max_examples=100)
@given(related_hashes())
def test_clusters_are_what_near_pairs_link(hashes: list[int]) -> None:
    expected = list(range(len(hashes)))
    # As slowly and plainly as can be: the smaller number along every link, until nothing changes.
    for _, one, other in product(hashes, range(len(hashes)), range(len(hashes))):
        if bits(hashes[one], hashes[other]) <= NEAR:
            expected[one] = expected[other] = min(expected[one], expected[other])
    numbers = {first: number for number, first in enumerate(dict.fromkeys(expected))}
    assert clusters(hashes).tolist() == [numbers[first] for first in expected]


def test_a_small_change_is_near() -> None:
    image, other = (Image.open(BytesIO(picture(seed, size=(192, 192)))) for seed in (1, 2))
    again = Image.open(BytesIO(encoded(image.resize((100, 100)), "JPEG", quality=60))).resize(
        (192, 192)
    )
    assert bits(splits.perceptual_hash(image), splits.perceptual_hash(again)) <= NEAR
    assert bits(splits.perceptual_hash(image), splits.perceptual_hash(other)) > 2 * NEAR
