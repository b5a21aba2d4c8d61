"""Names and captions of strangers, counts, and the choice of two objects in two contexts."""

import shlex
import unicodedata
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.importers.sources import Tree, cells, groups
from vlcore.data.catalogue import open_set
from vlcore.data.importers import ImportSetError, import_set
from vlcore.data.importers.selection import Listing, clean_name, clean_split, listing_of
from vlcore.data.importers.source import Contents, Row
from vlcore.experiment.files import data_folder


def listing(*cells: tuple[str, str, int]) -> Listing:
    rows = [
        Row(f"{obj}/{place}/{number}.png", obj, place)
        for obj, place, size in cells
        for number in range(size)
    ]
    return listing_of("folders", Contents("Found.", rows, []))


@settings(max_examples=50)
@given(st.text(max_size=80))
def test_a_clean_name_holds_only_what_names_may(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= 40
    assert all(unicodedata.category(letter)[0] in "LMN" or letter in " -()" for letter in name)
    assert name == name.strip() == clean_name(name)


def test_names_of_objects_and_splits_are_cleaned() -> None:
    names = {
        "polar_bear": "polar bear",
        "<b>cat</b>": "b cat b",
        "cafe\u0301": "café",
        "ऊँट": "ऊँट",
        "\x00\u202e_": "",
    }
    assert {text: clean_name(text) for text in names} == names
    splits = {"Train": "train", "dev": "val", "testing": "test", "probe": "probe", "pool": ""}
    assert {text: clean_split(text) for text in splits} == splits


NO_FACTORS = ("[]", "{", "[" * 9000, '{"a": "%s"}' % ("x" * 10_000))


def test_a_listing_is_sorted_and_clean_and_says_what_it_left_out() -> None:
    rows = [
        Row("b.png", "<horse>", "grass", "training", "a\nhorse\x00", "", "7", '{"coat": "bay"}'),
        Row("a.png", "camel", "sand", factors="[1]"),
        Row("a.png", "camel", "sand", caption="again"),
        Row("c.png", "***", "sand"),
    ]
    found = listing_of(
        "folders", Contents("Found.", rows, [("d.gif", "is no picture")]), [("e.zip", "is a zip")]
    )
    assert list(found.table.columns) == list(Row._fields)
    assert found.table.to_numpy().tolist() == [
        ["a.png", "camel", "sand", "", "", "", "", "{}", "{}"],
        ["b.png", "horse", "grass", "train", "a horse", "", "7", '{"coat": "bay"}', "{}"],
    ]
    assert dict(found.skipped) == {
        "e.zip": "is a zip",
        "d.gif": "is no picture",
        "c.png": "has an object or context whose name has neither letter nor digit",
        "a.png": "is listed more than once; its first line is used",
    }
    odd = [
        Row(f"{number}.png", "cat", "snow", factors=factors)
        for number, factors in enumerate(NO_FACTORS)
    ]
    assert set(listing_of("imagefolder", Contents("", odd, [])).table["factors"]) == {"{}"}


def test_the_larger_groups_of_the_training_pictures_are_the_majority() -> None:
    sizes = {"train": (2, 6, 6, 2), "test": (50, 5, 5, 50)}
    pairs = list(product(("cat", "dog"), ("grass", "snow")))
    rows = [
        Row(f"{split}{pair}{number}", *pair, split)
        for split in sizes
        for pair, size in zip(pairs, sizes[split], strict=True)
        for number in range(size)
    ]
    choice = listing_of("folders", Contents("", rows, [])).default_choice()
    assert choice == (("cat", "dog"), ("snow", "grass"))


@settings(max_examples=40)
@given(st.integers(2, 5), st.integers(2, 5), st.integers(0, 2**32))
def test_the_usual_choice_has_the_largest_smallest_cell(
    objects: int, contexts: int, seed: int
) -> None:
    cells = np.random.default_rng(seed).integers(0, 4, (objects, contexts))
    found = listing(
        *((f"o{i}", f"c{j}", int(cells[i, j])) for i in range(objects) for j in range(contexts))
    )
    twos = product(combinations(range(objects), 2), combinations(range(contexts), 2))
    best = max(int(cells[np.ix_(rows, columns)].min()) for rows, columns in twos)
    choice = found.default_choice()
    if best == 0:
        assert choice is None
        return
    (one, other), (here, there) = choice
    chosen = found.counts.loc[[one, other], [here, there]].to_numpy()
    assert chosen.min() == best
    assert chosen[0, 0] + chosen[1, 1] >= chosen[0, 1] + chosen[1, 0]


def test_counts_have_ours_first_and_nothing_to_choose_from_is_no_choice() -> None:
    counts = listing(("camel", "grass", 2), ("ant", "beach", 1), ("horse", "grass", 3)).counts
    assert list(counts.index) == ["horse", "camel", "ant"]
    assert list(counts.columns) == ["grass", "beach"]
    assert counts.to_numpy().tolist() == [[3, 0], [2, 0], [0, 1]]
    captions = listing_of("captions-csv", Contents("", [Row("a.png", "", "", caption="a cat")], []))
    assert captions.counts.empty
    for found in (captions, listing(("cat", "snow", 3), ("dog", "grass", 3))):
        assert found.default_choice() is None


def test_captions_name_groups_by_whole_words() -> None:
    captions = {
        "A polar bear, in the SNOW": ("polar bear", "snow"),
        "dog on grass.": ("dog", "grass"),
        "polar dog bear snow": ("dog", "snow"),
        **dict.fromkeys(
            ("a dogsled in the snow", "dog and polar bear in the snow", "", "dog in snow on grass")
        ),
    }
    rows = [Row(f"{number}.png", "", "", caption=text) for number, text in enumerate(captions)]
    named = listing_of("captions-csv", Contents("", rows, [])).match_names(
        ("polar bear", "dog"), ("snow", "grass")
    )
    found = {row.caption: (row.object, row.context) for row in named.table.itertuples()}
    assert found == {text: pair for text, pair in captions.items() if pair}
    assert [name for name, _ in named.skipped] == ["3.png", "4.png", "5.png", "6.png"]


def test_an_image_with_several_captions_is_one_image() -> None:
    captions = ("a dog in snow", "snow and a dog", "a dog on grass", "something else")
    rows = [Row("1.png", "", "", caption=caption) for caption in captions]
    named = listing_of("captions-csv", Contents("", rows, [])).match_names(
        ("bear", "dog"), ("snow", "grass")
    )
    assert named.table["caption"].tolist() == ["a dog in snow", "a dog on grass"]
    assert named.skipped[-1] == ("1.png", "is listed more than once; its first line is used")


PETS = cells(
    {
        ("cat", "sofa"): 5,
        ("cat", "snow"): 4,
        ("dog", "sofa"): 4,
        ("dog", "snow"): 6,
        ("cow", "snow"): 1,
    }
)


def test_the_example_can_be_typed_and_works(tree: Tree, cli: Any) -> None:
    sizes = {"hot air balloon": (5, 4, 1), "dog's": (4, 4, 9), "cow": (0, 9, 9)}
    contexts = ("at (my) home", "grass", "snow")
    source = tree(
        cells({(obj, contexts[at]): of[at] for obj, of in sizes.items() for at in range(3)})
    )
    with pytest.raises(ImportSetError, match=r"3 objects .* and 3 contexts ") as caught:
        import_set(source, "all")
    for name in ("hot air balloon 10", "dog s 17", "at (my) home 9", "snow 19"):
        assert name in str(caught.value)
    given = ([], ["--objects", "dog s,hot air balloon"], ["--contexts", "grass,at (my) home"])
    for number, options in enumerate(given):
        command = ["data", "import", source, "--name", f"set-{number}"]
        _, _, err = cli(*command, *options)
        typed = shlex.split(err.partition("for example ")[2].strip().removesuffix("."))
        code, _, err = cli(*command, *typed)
        assert code == 0, err
        images = open_set(f"set-{number}")
        assert set(images.grouping.objects) == {"hot air balloon", "dog s"} or not options
        assert min(images.counts()["pool"].values()) >= 4


def test_names_that_begin_with_a_dash_are_suggested_as_a_shell_reads_them(
    tree: Tree, cli: Any
) -> None:
    source = tree(cells(dict.fromkeys(product(("cat", "dog"), ("-10C", "20C", "30C")), 4)))
    command = ["data", "import", source, "--name", "mine"]
    _, _, err = cli(*command)
    typed = shlex.split(err.partition("for example ")[2].strip().removesuffix("."))
    assert "--contexts=-10C,20C" in typed
    code, _, err = cli(*command, *typed)
    assert code == 0, err


def test_the_report_says_what_belongs_where_and_how_to_swap_it(tree: Tree) -> None:
    sizes = {
        ("a cat", "in snow"): 4,
        ("a cat", "sofa"): 6,
        ("dog", "in snow"): 6,
        ("dog", "sofa"): 4,
    }
    source = tree(cells(sizes))
    swap = "--objects 'a cat,dog' --contexts 'in snow,sofa'"
    assert swap in import_set(source, "pets")["majority"]
    assert open_set("pets").grouping.majority == ("a cat_sofa", "dog_in snow")
    import_set(source, "by-contexts", contexts=("in snow", "sofa"))
    assert open_set("by-contexts").grouping.majority == ("dog_in snow", "a cat_sofa"), (
        "given contexts keep their order"
    )


def test_captions_alone_are_read_by_the_words_that_are_given(tree: Tree) -> None:
    files = groups(5, 5, 5, 5, pattern="{0} {1} {2}.png")
    lines = ["{}\tA {} somewhere in {}!".format(name, *name.split(" ")) for name in files]
    source = tree(files | {"list.tsv": "\n".join(["filepath\ttitle", *lines]), "odd.png": 99})
    with pytest.raises(ImportSetError, match=r"do not say .* --objects A,B --contexts C,D"):
        import_set(source, "mine")
    report = import_set(source, "mine", objects=("Horse", "camel"), contexts=("desert", "grass"))
    images = open_set("mine")
    assert (report["format"], images.grouping.contexts) == ("captions-csv", ("desert", "grass"))
    assert "A horse somewhere in grass!" in set(images.table["caption"])
    with pytest.raises(ImportSetError, match="0 usable images of zebra_grass"):
        import_set(source, "zebras", objects=("zebra", "camel"), contexts=("grass", "desert"))


TWO = {"objects": ("cat", "dog")}
# No two objects share two contexts.
RING = cells(dict.fromkeys(zip("aabbcc", "xyyzzx", strict=True), 4))
PLACES = cells(dict.fromkeys(product(("deep snow", "Beaches", "rocks"), ("cat", "dog")), 1))
BROKEN = groups(5, 4, 5, 4) | {"horse_desert/0.png": b"broken"}
FEW = groups(5, 4, 5, 3) | {
    "a.csv": "image,text\nhorse_grass/0.png,a horse\n",
    "camel_grass/x.gif": b"none",
    "labels.csv": "file,label\n",
}


THERE = r"3 objects \(dog 10, cat 9, cow 1\) and 2 contexts \(snow 11, sofa 9\); .*"
REFUSED: list[tuple[Any, dict[str, Any], str]] = [
    (PETS, {}, rf"{THERE} --objects cat,dog --contexts sofa,snow\.$"),
    (PETS, {"objects": ("cat", "zebra")}, r"no object named 'zebra'; it has dog 10, cat 9, cow 1"),
    (PETS, {"objects": ("cat", "CAT")}, "two different objects"),
    (PETS, {"objects": ("a", "?")}, "two different objects"),
    (PETS, {"objects": ("cat", "cow")}, r"0 usable images of cow_sofa and a group needs at least"),
    (RING, {}, "no two objects are in the same two contexts; add"),
    (RING, {"objects": ("a", "b")}, "in the same two contexts among a and b; add"),
    (PLACES, {}, r"were read as objects; .*context-first reads them so\)\.$"),
    (PETS, TWO | {"max_per_group": 3}, "at least 4 images a group"),
    (PETS, TWO | {"short": "{context}"}, "does not name the object"),
    (PETS, TWO | {"descriptive": "{object.__class__}"}, "cannot be filled in"),
    ({"cat/snow/1.png": 1, "cat/grass/2.png": 2}, {}, r"one object \(cat 2"),
    (groups(5, 4, 5, 3), {}, r"3 usable images of camel_grass .* at least 4 \(horse_grass 5, "),
    (FEW, {}, r"3 usable .* \(left out: 3 files, such as camel_grass/x\.gif: it is not"),
    (BROKEN, {}, r"3 usable .* \(left out: 1 file: horse_desert/0\.png is not"),
]


@pytest.mark.parametrize(("files", "choice", "words"), REFUSED)
def test_a_choice_that_cannot_be_used_is_refused(
    files: Any, choice: Any, words: str, tree: Tree
) -> None:
    with pytest.raises(ImportSetError, match=words):
        import_set(tree(files), "pets", **choice)
    assert not [path for path in data_folder().rglob("*") if path.is_file()], "nothing is left"
