"""Names and captions of strangers, counts, and the choice of two objects in two contexts."""

from __future__ import annotations

import shlex
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datasets.importers.sources import cells, groups
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.importers import ImportSetError, import_set
from vlcore.datasets.importers.selection import Found, Listing, Row, clean_name, clean_split, listing_of


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
    assert list(found.table.columns) == list(Row._fields)
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
    pairs = [("cat", "grass"), ("cat", "snow"), ("dog", "grass"), ("dog", "snow")]
    sizes = {"train": (2, 6, 6, 2), "test": (50, 5, 5, 50)}
    rows = [
        Row(f"{split}{pair}{number}", *pair, split)
        for split, of_split in sizes.items()
        for pair, size in zip(pairs, of_split, strict=True)
        for number in range(size)
    ]
    assert listing_of("folders", Found("", rows, [])).default_choice() == (("cat", "dog"), ("snow", "grass"))


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


# --- the choice of an import

PETS = cells({("cat", "sofa"): 5, ("cat", "snow"): 4, ("dog", "sofa"): 4, ("dog", "snow"): 6, ("cow", "snow"): 1})


def test_more_than_two_must_be_chosen_from(tree: Any, empty_home: Path) -> None:
    source = tree(PETS)
    there = r"3 objects \(dog 10, cat 9, cow 1\) and 2 contexts \(snow 11, sofa 9\)"
    with pytest.raises(ImportSetError, match=rf"{there}; .* --objects cat,dog --contexts sofa,snow\.$"):
        import_set(source, "pets")
    import_set(source, "pets", objects=("dog", "cat"))
    assert open_set("pets").grouping.contexts == ("snow", "sofa")
    import_set(source, "by-order", objects=("cat", "dog"), contexts=("snow", "sofa"))
    assert open_set("by-order").grouping.contexts == ("snow", "sofa")


def test_the_example_can_be_typed_and_works(tree: Any, cli: Any, empty_home: Path) -> None:
    sizes = {"hot air balloon": (5, 4, 1), "dog's": (4, 4, 9), "cow": (0, 9, 9)}
    contexts = ("at (my) home", "grass", "snow")
    pairs = {(obj, context): size for obj in sizes for context, size in zip(contexts, sizes[obj], strict=True)}
    source = tree(cells(pairs))
    with pytest.raises(ImportSetError, match=r"3 objects .* and 3 contexts ") as caught:
        import_set(source, "all")
    for name in ("hot air balloon 10", "dog s 17", "cow 18", "at (my) home 9", "grass 17", "snow 19"):
        assert name in str(caught.value)
    for number, options in enumerate(
        ([], ["--objects", "dog s,hot air balloon"], ["--contexts", "grass,at (my) home"])
    ):
        _, _, err = cli("data", "import", source, "--name", f"set-{number}", *options)
        typed = shlex.split(err.partition("for example ")[2].strip().removesuffix("."))
        code, _, err = cli("data", "import", source, "--name", f"set-{number}", *typed)
        assert code == 0, err
        images = open_set(f"set-{number}")
        assert set(images.grouping.objects) == {"hot air balloon", "dog s"} or not options
        assert min(images.counts()["pool"].values()) >= 4


def test_where_no_two_objects_share_two_contexts_no_example_is_made_up(tree: Any, empty_home: Path) -> None:
    names = ("cat/sofa", "cat/snow", "dog/snow", "dog/sea", "cow/sea", "cow/sofa")
    source = tree({f"{name}/{number}.png": 1 for name in names for number in range(4)})
    for objects, among in (((), ";"), (("cat", "dog"), " among cat and dog;")):
        with pytest.raises(ImportSetError, match=f"in the same two contexts{among}"):
            import_set(source, "pets", objects=objects)


def test_the_report_says_what_belongs_where_and_how_to_swap_it(tree: Any, empty_home: Path) -> None:
    sizes = {("a cat", "in snow"): 4, ("a cat", "sofa"): 6, ("dog", "in snow"): 6, ("dog", "sofa"): 4}
    source = tree(cells(sizes))
    report = import_set(source, "pets")
    grouping = open_set("pets").grouping
    assert grouping.majority == ("a cat_sofa", "dog_in snow")
    assert "--objects 'a cat,dog' --contexts 'in snow,sofa'" in report.majority
    import_set(source, "swapped", objects=("a cat", "dog"), contexts=("in snow", "sofa"))
    assert open_set("swapped").grouping.majority == grouping.minority


def test_names_of_places_in_the_place_of_objects_are_pointed_at(tree: Any, empty_home: Path) -> None:
    source = tree(groups(4, 4, 4, 4, pattern="{1}/{0}/{2}.png"))
    assert any("format context-first" in said for said in import_set(source, "wrong").warnings)
    assert not any("context-first" in said for said in import_set(source, "right", format="context-first").warnings)
    files = {f"more/{place}/{obj}/1.png": 1 for place in ("deep snow", "Beaches", "rocks") for obj in ("cat", "dog")}
    with pytest.raises(ImportSetError, match=r"were read as objects; .*context-first reads them so\)\.$"):
        import_set(tree(files) / "more", "more")


def test_given_contexts_keep_their_order_where_the_objects_are_found(tree: Any, empty_home: Path) -> None:
    import_set(tree(groups(9, 4, 9, 4)), "mine", contexts=("desert", "grass"))
    grouping = open_set("mine").grouping
    assert (grouping.objects, grouping.contexts) == (("camel", "horse"), ("desert", "grass"))


def test_captions_alone_are_read_by_the_words_that_are_given(tree: Any, empty_home: Path) -> None:
    files = groups(5, 5, 5, 5, pattern="{0} {1} {2}.png")
    lines = ["{}\tA {} somewhere in {}!".format(name, *name.split(" ")) for name in files]
    source = tree(files | {"list.tsv": "\n".join(["filepath\ttitle", *lines]), "odd.png": 99})
    with pytest.raises(ImportSetError, match=r"captions in source do not say .* --objects A,B --contexts C,D"):
        import_set(source, "mine")
    report = import_set(source, "mine", objects=("Horse", "camel"), contexts=("desert", "grass"))
    images = open_set("mine")
    assert (report.format, images.grouping.contexts) == ("captions-csv", ("desert", "grass"))
    assert "A horse somewhere in grass!" in set(images.table["caption"])
    with pytest.raises(ImportSetError, match="0 usable pictures of zebra_grass"):
        import_set(source, "zebras", objects=("zebra", "camel"), contexts=("grass", "desert"))


TWO = {"objects": ("cat", "dog")}


@pytest.mark.parametrize(
    ("files", "choice", "words"),
    [
        (PETS, {"objects": ("cat", "zebra")}, r"no object named 'zebra'; it has dog 10, cat 9, cow 1\."),
        *(
            (PETS, {"objects": objects}, "two different objects")
            for objects in (("cat", "cat"), ("cat", "CAT"), ("cat", "dog", "cow"), ("cat",), ("cat", "?"))
        ),
        (PETS, TWO | {"contexts": ("snow", "sea")}, "no context named 'sea'"),
        (PETS, {"objects": ("cat", "cow")}, r"0 usable pictures of cow_sofa and a group needs at least 4 \("),
        (PETS, TWO | {"max_per_group": 3}, "at least 4 pictures a group"),
        (PETS, TWO | {"seed": -1}, "seed of at least 0"),
        (PETS, TWO | {"short": "{context}"}, "does not name the object"),
        (PETS, TWO | {"short": "thing"}, "does not name the object"),
        *(
            (PETS, TWO | {"descriptive": text}, "unknown fields")
            for text in ("{object} {colour}", "{object.__class__}", "{object!r}", "{object:>999999999}")
        ),
        (PETS, TWO | {"descriptive": "{object} {"}, "a brace too many or too few"),
        ({"cat/snow/1.png": 1, "cat/grass/2.png": 2}, {}, r"one object \(cat 2"),
        ({"cat/snow/1.png": 1, "dog/snow/2.png": 2}, {}, r"one context \(snow"),
        (groups(5, 4, 5, 3), {}, r"3 usable pictures of camel_grass .* needs at least 4 \(horse_grass 5, "),
        (
            groups(5, 4, 5, 4) | {"horse_desert/0.png": b"broken"},
            {},
            r"3 usable .* \(1 file was left out: horse_desert/0\.png is not",
        ),
    ],
)
def test_a_choice_that_cannot_be_used_is_refused(
    files: dict[str, Any], choice: dict[str, Any], words: str, tree: Any, empty_home: Path
) -> None:
    with pytest.raises(ImportSetError, match=words):
        import_set(tree(files), "pets", **choice)
    assert not [path for path in (empty_home / "data").rglob("*") if path.is_file()], "nothing is left"
