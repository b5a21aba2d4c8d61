"""Folders whose names say what is shown, and the masks and captions beside the pictures."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.importers.sources import Tree, groups, rows_of, write
from vlcore.data.importers import list_source
from vlcore.data.importers.folders import cut_names


@pytest.mark.parametrize(
    ("wrap", "pattern"), [("", "{0}/{1}/{2}.png"), ("a/b/", "{0}_{1}/{2}.png")]
)
def test_folders_name_object_and_context_in_splits_too(
    wrap: str, pattern: str, tree: Tree, tmp_path: Path
) -> None:
    found = list_source(tree(groups(3, 1, 2, 1, pattern=wrap + pattern)))
    assert found.format == "folders"
    assert (
        found.about
        == f"Folders named {pattern[: pattern.rindex('/')].format('OBJECT', 'CONTEXT')}."
    )
    assert found.counts.to_dict() == {
        "grass": {"horse": 3, "camel": 1},
        "desert": {"horse": 1, "camel": 2},
    }
    assert found.default_choice() == (("horse", "camel"), ("grass", "desert"))
    assert found.skipped == []
    assert found.table["file"].is_monotonic_increasing
    named = groups(1, 1, 1, 1, pattern=pattern)
    split = list_source(
        write(
            tmp_path / "split",
            {f"{of}/{name}": 1 for of in ("train", "valid", "test") for name in named},
        )
    )
    assert split.table["split"].value_counts().to_dict() == {"train": 4, "val": 4, "test": 4}, (
        "SpuCo's layout too"
    )
    assert sorted(split.counts.columns) == ["desert", "grass"]


@pytest.mark.parametrize(
    ("folders", "format", "pairs"),
    [
        (
            "horse/grass horse/desert",
            "auto",
            [["horse", "desert"], ["horse", "grass"]],
        ),  # no wrapping
        ("snow/cat grass/dog", "context-first", [["dog", "grass"], ["cat", "snow"]]),
        ("snow/cat grass/dog", "auto", [["grass", "dog"], ["snow", "cat"]]),
        (
            "dog_ice dog_new_snow big_cat_ice",
            "auto",
            [["big cat", "ice"], ["dog", "ice"], ["dog", "new snow"]],
        ),
    ],
)
def test_which_part_of_a_name_is_the_object(
    folders: str, format: str, pairs: list[list[str]], tree: Tree
) -> None:
    root = tree({f"{folder}/1.png": seed for seed, folder in enumerate(folders.split())})
    assert rows_of(list_source(root, format), "object", "context") == pairs


def test_an_object_may_be_called_as_a_split(tree: Tree, tmp_path: Path) -> None:
    found = list_source(
        tree(groups(1, 1, 1, 1, pattern="{0}/{1}/{2}.png") | {"train/grass/1.png": 9})
    )
    assert set(found.counts.index) == {"horse", "camel", "train"}
    assert set(found.table["split"]) == {""}
    names = groups(1, 1, 1, 1, pattern="{0}/{1}/{2}.png")
    unlabelled = {f"train/{name}": 1 for name in names} | {"unlabelled/1.png": 9}
    found = list_source(write(tmp_path / "one", unlabelled))
    assert (set(found.counts.index), set(found.table["split"])) == ({"horse", "camel"}, {"train"})
    beside = {"validation/horse/grass/1.png": 8, "notes/1.png": 9}
    found = list_source(write(tmp_path / "two", {f"train/{name}": 1 for name in names} | beside))
    assert set(found.table["split"]) == {"train", "val"}
    cut = {f"train/{name}": 1 for name in groups(1, 1, 1, 1)}
    for number, stray in enumerate(("extra/1.png", "extra/more/1.png")):
        found = list_source(write(tmp_path / f"cut-{number}", cut | {stray: 9}))
        assert set(found.table["split"]) == {"train"}
        assert (set(found.counts.index), len(found.table)) == ({"horse", "camel"}, 4)
        assert [name for name, _ in found.skipped] == [stray]


def test_what_lies_elsewhere_is_listed(tree: Tree) -> None:
    odd = {"cover.png": 1, "horse_grass/deep/er/1.png": 2, "other/1.png": 3}
    skipped = dict(list_source(tree(groups(1, 1, 1, 1) | odd | {"x_y/a.gif": b"g"})).skipped)
    assert skipped.pop("x_y/a.gif").startswith("is not a PNG")
    assert skipped == dict.fromkeys(odd, "lies outside the folders OBJECT_CONTEXT")


word = st.text("abcdef", min_size=1, max_size=3)
name = st.lists(word, min_size=1, max_size=3).map("_".join)


@settings(max_examples=100)
@given(st.sets(name, min_size=2, max_size=4), st.sets(name, min_size=2, max_size=4))
def test_a_full_cross_is_cut_into_as_few_names_as_it_was_made_of(
    firsts: set[str], seconds: set[str]
) -> None:
    cut = cut_names([f"{first}_{second}" for first in firsts for second in seconds])
    assert all("_".join(pair) == whole for whole, pair in cut.items())
    if all("_" not in part for part in firsts | seconds):
        assert {pair[0] for pair in cut.values()} == firsts
        assert {pair[1] for pair in cut.values()} == seconds


def test_masks_and_captions_lie_beside_or_in_a_tree_of_their_own(tree: Tree) -> None:
    names = ("horse/grass/1.png", "horse/desert/1.png", "camel/grass/2.jpg", "camel/desert/3.webp")
    masks = ("masks/horse/grass/1.png", "horse/desert/masks/1.png", "masks/2.png")
    pictures = {name: number for number, name in enumerate(names + masks)}
    assert rows_of(
        list_source(tree(pictures | {"horse/grass/1.txt": "a brown horse"})),
        "file",
        "mask",
        "caption",
    ) == [
        ["camel/desert/3.webp", "", ""],
        ["camel/grass/2.jpg", "masks/2.png", ""],
        ["horse/desert/1.png", "horse/desert/masks/1.png", ""],
        ["horse/grass/1.png", "masks/horse/grass/1.png", "a brown horse"],
    ]


def test_a_stem_of_several_pictures_has_no_mask(tree: Tree) -> None:
    assert set(list_source(tree(groups(1, 1, 1, 1) | {"masks/0.png": 9})).table["mask"]) == {""}
