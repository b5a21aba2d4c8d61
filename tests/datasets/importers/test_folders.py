"""Folders whose names say what is shown, and the masks and captions beside the pictures."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datasets.importers.sources import groups, rows_of
from vlcore.datasets.importers import look
from vlcore.datasets.importers.folders import cut_names

Tree = Any


@pytest.mark.parametrize("wrap", ["", "pictures/", "a/b/"])
@pytest.mark.parametrize("pattern", ["{0}/{1}/{2}.png", "{0}_{1}/{2}.png"])
def test_folders_name_object_and_context(wrap: str, pattern: str, tree: Tree) -> None:
    found = look(tree(groups(3, 1, 2, 1, pattern=wrap + pattern)))
    assert found.format == "folders"
    assert found.about == f"Folders named {pattern[: pattern.rindex('/')].format('OBJECT', 'CONTEXT')}."
    assert found.counts().to_dict() == {"grass": {"horse": 3, "camel": 1}, "desert": {"horse": 1, "camel": 2}}
    assert found.default_choice() == (("horse", "camel"), ("grass", "desert"))
    assert found.skipped == []
    assert found.table["file"].is_monotonic_increasing


@pytest.mark.parametrize("pattern", ["{0}/{1}/{2}.jpg", "{0}_{1}/{2}.jpg"])
def test_folders_may_lie_in_splits(pattern: str, tree: Tree) -> None:
    """SpuCo's ``split/<class>/<spurious>`` is this too."""
    named = groups(1, 1, 1, 1, pattern=pattern)
    found = look(tree({f"{split}/{name}": 1 for split in ("train", "valid", "test") for name in named}))
    assert found.table["split"].value_counts().to_dict() == {"train": 4, "val": 4, "test": 4}
    assert sorted(found.counts().columns) == ["desert", "grass"]


def test_one_object_is_an_object_and_no_wrapping(tree: Tree) -> None:
    found = look(tree({"horse/grass/1.png": 1, "horse/desert/1.png": 2}))
    assert found.counts().to_dict() == {"grass": {"horse": 1}, "desert": {"horse": 1}}


def test_contexts_first_when_it_is_said(tree: Tree) -> None:
    root = tree({"snow/cat/1.png": 1, "grass/dog/1.png": 2})
    assert rows_of(look(root, "context-first"), "object", "context") == [["dog", "grass"], ["cat", "snow"]]
    assert rows_of(look(root), "object", "context") == [["grass", "dog"], ["snow", "cat"]]


def test_what_lies_elsewhere_is_listed(tree: Tree) -> None:
    odd = {"cover.png": 1, "horse_grass/deep/er/1.png": 2, "other/1.png": 3}
    skipped = dict(look(tree(groups(1, 1, 1, 1) | odd | {"x_y/a.gif": b"g"})).skipped)
    assert skipped.pop("x_y/a.gif").startswith("is not a PNG")
    assert skipped == dict.fromkeys(odd, "lies outside the folders OBJECT_CONTEXT")


def test_several_underscores_are_cut_where_all_names_fit(tree: Tree) -> None:
    names = ["polar_bear_deep_snow", "polar_bear_grass", "dog_deep_snow", "dog_grass"]
    found = look(tree({f"{name}/1.png": seed for seed, name in enumerate(names)}))
    assert sorted(found.counts().index) == ["dog", "polar bear"]
    assert sorted(found.counts().columns) == ["deep snow", "grass"]


word = st.text("abcdef", min_size=1, max_size=3)
name = st.lists(word, min_size=1, max_size=3).map("_".join)


@settings(max_examples=100, deadline=None)
@given(st.sets(name, min_size=2, max_size=4), st.sets(name, min_size=2, max_size=4))
def test_a_full_cross_is_cut_into_as_few_names_as_it_was_made_of(firsts: set[str], seconds: set[str]) -> None:
    cut = cut_names([f"{first}_{second}" for first in firsts for second in seconds])
    assert all("_".join(pair) == whole for whole, pair in cut.items())
    if all("_" not in part for part in firsts | seconds):
        assert {pair[0] for pair in cut.values()} == firsts
        assert {pair[1] for pair in cut.values()} == seconds


def test_masks_and_captions_lie_beside_or_in_a_tree_of_their_own(tree: Tree) -> None:
    files = {
        "horse/grass/1.png": 1,
        "horse/grass/1.txt": "a brown horse",
        "horse/desert/1.png": 2,
        "camel/grass/2.jpg": 3,
        "camel/desert/3.webp": 4,
        **dict.fromkeys(("masks/horse/grass/1.png", "horse/desert/masks/1.png", "masks/2.png"), 5),
    }
    assert rows_of(look(tree(files)), "file", "mask", "caption") == [
        ["camel/desert/3.webp", "", ""],
        ["camel/grass/2.jpg", "masks/2.png", ""],
        ["horse/desert/1.png", "horse/desert/masks/1.png", ""],
        ["horse/grass/1.png", "masks/horse/grass/1.png", "a brown horse"],
    ]


def test_a_mask_by_its_stem_is_used_where_only_one_picture_has_it(tree: Tree) -> None:
    assert set(look(tree(groups(1, 1, 1, 1) | {"masks/0.png": 9})).table["mask"]) == {""}


def test_a_caption_is_cut_within_a_letter_and_its_file_is_not_to_blame(tree: Tree) -> None:
    assert "ä" * 300 in set(look(tree(groups(1, 1, 1, 1) | {"horse_grass/0.txt": "ä" * 4096})).table["caption"])
