"""Names and captions of strangers, counts, and the choice that a source suggests."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlcore.datasets.importers.selection import LISTED, Found, Listing, Row, clean_name, clean_split, listing_of


def listing(*cells: tuple[str, str, int], split: str = "") -> Listing:
    rows = [
        Row(f"{obj}/{context}/{number}.png", obj, context, split)
        for obj, context, count in cells
        for number in range(count)
    ]
    return listing_of("folders", Found("Found.", rows, []))


@given(st.text(max_size=80))
def test_a_clean_name_holds_only_what_names_may(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= 40
    assert all(unicodedata.category(character)[0] in "LMN" or character in " -()" for character in name)
    assert name == name.strip() == clean_name(name)
    assert "  " not in name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("horse", "horse"),
        ("polar_bear", "polar bear"),
        ("hot air balloon", "hot air balloon"),
        ("<b>cat</b>", "b cat b"),
        ("cafe\u0301", "café"),
        ("ऊँट", "ऊँट"),
        ("a" * 50, "a" * 40),
        ("cat(indoor)-2", "cat(indoor)-2"),
        ("{object}", "object"),
        ("\x00\u202e_", ""),
    ],
)
def test_names_are_cleaned(text: str, name: str) -> None:
    assert clean_name(text) == name


@pytest.mark.parametrize(
    ("text", "split"),
    [("Train", "train"), ("validation", "val"), ("dev", "val"), ("testing", "test"), ("probe", "probe"), ("pool", "")],
)
def test_splits_have_many_names(text: str, split: str) -> None:
    assert clean_split(text) == split


def test_a_listing_is_sorted_and_clean_and_says_what_it_left_out() -> None:
    rows = [
        Row("b.png", "<horse>", "grass", "training", "a\nhorse\x00", "", "7", '{"coat": "bay"}'),
        Row("a.png", "camel", "sand", factors="[1]"),
        Row("a.png", "camel", "sand", caption="again"),
        Row("c.png", "***", "sand"),
    ]
    found = listing_of("folders", Found("Found.", rows, [("d.gif", "is no picture")]), [("e.zip", "is a zip")])
    assert list(found.table.columns) == list(LISTED)
    assert found.table.to_numpy().tolist() == [
        ["a.png", "camel", "sand", "", "", "", "", "{}"],
        ["b.png", "horse", "grass", "train", "a horse", "", "7", '{"coat": "bay"}'],
    ]
    assert dict(found.skipped) == {
        "e.zip": "is a zip",
        "d.gif": "is no picture",
        "c.png": "has an object or context whose name has neither letter nor digit",
        "a.png": "is listed more than once; its first line is used",
    }


@pytest.mark.parametrize("factors", ["", "3", "[]", "{", "[" * 9000, '{"a": "%s"}' % ("x" * 10_000)])
def test_factors_that_are_no_object_are_none(factors: str) -> None:
    found = listing_of("imagefolder", Found("", [Row("a.png", "cat", "snow", factors=factors)], []))
    assert found.table["factors"].tolist() == ["{}"]


def test_counts_are_objects_by_contexts_with_ours_first() -> None:
    counts = listing(("camel", "grass", 2), ("ant", "beach", 1), ("horse", "grass", 3)).counts()
    assert (list(counts.index), list(counts.columns)) == (["horse", "camel", "ant"], ["grass", "beach"])
    assert counts.to_numpy().tolist() == [[3, 0], [2, 0], [0, 1]]


@pytest.mark.parametrize(
    ("sizes", "contexts"),
    [((9, 2, 2, 9), ("grass", "snow")), ((2, 9, 9, 2), ("snow", "grass")), ((3, 3, 3, 3), ("grass", "snow"))],
)
def test_the_larger_groups_are_the_majority(sizes: tuple[int, ...], contexts: tuple[str, str]) -> None:
    pairs = [("cat", "grass"), ("cat", "snow"), ("dog", "grass"), ("dog", "snow")]
    found = listing(*((*pair, size) for pair, size in zip(pairs, sizes, strict=True)))
    assert found.default_choice() == (("cat", "dog"), contexts)


def test_the_majority_is_that_of_the_training_pictures() -> None:
    rows = [Row(f"{split}{pair}{n}", *pair, split) for split, pair, n in _balanced_test_with_biased_train()]
    assert listing_of("folders", Found("", rows, [])).default_choice() == (("cat", "dog"), ("snow", "grass"))


def _balanced_test_with_biased_train() -> list[tuple[str, tuple[str, str], int]]:
    train = {("cat", "grass"): 2, ("cat", "snow"): 6, ("dog", "grass"): 6, ("dog", "snow"): 2}
    test = {("cat", "grass"): 50, ("cat", "snow"): 5, ("dog", "grass"): 5, ("dog", "snow"): 50}
    return [
        (split, pair, number)
        for split, cells in (("train", train), ("test", test))
        for pair, size in cells.items()
        for number in range(size)
    ]


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 5), st.integers(2, 5), st.integers(0, 2**32))
def test_the_usual_choice_has_the_largest_smallest_cell(objects: int, contexts: int, seed: int) -> None:
    cells = np.random.default_rng(seed).integers(0, 4, (objects, contexts))
    found = listing(*((f"o{i}", f"c{j}", int(cells[i, j])) for i in range(objects) for j in range(contexts)))
    best = max(
        int(min(cells[i, k], cells[i, m], cells[j, k], cells[j, m]))
        for i in range(objects)
        for j in range(i)
        for k in range(contexts)
        for m in range(k)
    )
    choice = found.default_choice()
    if best == 0:
        assert choice is None
        return
    assert choice is not None
    (one, other), (here, there) = choice
    chosen = found.counts().loc[[one, other], [here, there]].to_numpy()
    assert chosen.min() == best
    assert chosen[0, 0] + chosen[1, 1] >= chosen[0, 1] + chosen[1, 0]


def test_nothing_to_choose_from_is_no_choice() -> None:
    assert listing(("cat", "snow", 3)).default_choice() is None
    assert listing(("cat", "snow", 3), ("dog", "grass", 3)).default_choice() is None
    captions = listing_of("captions-csv", Found("", [Row("a.png", "", "", caption="a cat")], []))
    assert captions.counts().empty
    assert captions.default_choice() is None


def test_captions_name_groups_by_whole_words() -> None:
    captions = {
        "1.png": "A polar bear, in the SNOW",
        "2.png": "dog on grass.",
        "3.png": "a dogsled in the snow",
        "4.png": "dog and polar bear in the snow",
        "5.png": "polar dog bear snow",
        "6.png": "",
        "7.png": "dog in snow on grass",
    }
    rows = [Row(file, "", "", caption=text) for file, text in captions.items()]
    named = listing_of("captions-csv", Found("", rows, [])).match_names(("polar bear", "dog"), ("snow", "grass"))
    assert named.table[["file", "object", "context"]].to_numpy().tolist() == [
        ["1.png", "polar bear", "snow"],
        ["2.png", "dog", "grass"],
        ["5.png", "dog", "snow"],
    ]
    assert [name for name, _ in named.skipped] == ["3.png", "4.png", "6.png", "7.png"]
