"""Names and captions of strangers, counts, and the choice of two objects in two contexts."""

import shlex
import unicodedata
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.importers.sources import Tree, cells, groups
from vlcore.data.catalogue import open_set
from vlcore.data.importers import ImportSetError, import_set
from vlcore.data.importers.selection import Listing, clean_name, clean_split
from vlcore.experiment.files import data_folder


def listing(*cells: tuple[str, str, int]) -> Listing:
    rows = [(obj, place, "") for obj, place, size in cells for _ in range(size)]
    return Listing("Found.", pd.DataFrame(rows, columns=["object", "context", "split"]), [], {})


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


def test_the_larger_groups_of_the_training_pictures_are_the_majority() -> None:
    sizes = {"train": (2, 6, 6, 2), "test": (50, 5, 5, 50)}
    pairs = list(product(("cat", "dog"), ("grass", "snow")))
    rows = [
        (*pair, split)
        for split in sizes
        for pair, size in zip(pairs, sizes[split], strict=True)
        for _ in range(size)
    ]
    table = pd.DataFrame(rows, columns=["object", "context", "split"])
    choice = Listing("", table, [], {}).default_choice()
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
    assert listing(("cat", "snow", 3), ("dog", "grass", 3)).default_choice() is None


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


TWO = {"objects": ("cat", "dog")}
# No two objects share two contexts.
RING = cells(dict.fromkeys(zip("aabbcc", "xyyzzx", strict=True), 4))
BROKEN = groups(5, 4, 5, 4) | {"horse/desert/0.png": b"broken"}


THERE = r"3 objects \(dog 10, cat 9, cow 1\) and 2 contexts \(snow 11, sofa 9\); .*"
REFUSED: list[tuple[Any, dict[str, Any], str]] = [
    (PETS, {}, rf"{THERE} --objects cat,dog --contexts sofa,snow\.$"),
    (PETS, {"objects": ("cat", "zebra")}, r"no object named 'zebra'; it has dog 10, cat 9, cow 1"),
    (PETS, {"objects": ("cat", "CAT")}, "two different objects"),
    (PETS, {"objects": ("a", "?")}, "two different objects"),
    (PETS, {"objects": ("cat", "cow")}, r"0 usable images of cow_sofa and a group needs at least"),
    (RING, {}, "no two objects are in the same two contexts; add"),
    (RING, {"objects": ("a", "b")}, "in the same two contexts among a and b; add"),
    (PETS, TWO | {"max_per_group": 3}, "at least 4 images a group"),
    (PETS, TWO | {"short": "{context}"}, "does not name the object"),
    (PETS, TWO | {"descriptive": "{object.__class__}"}, "cannot be filled in"),
    ({"cat/snow/1.png": 1, "cat/grass/2.png": 2}, {}, r"one object \(cat 2"),
    (groups(5, 4, 5, 3), {}, r"3 usable images of camel_grass .* at least 4 \(horse_grass 5, "),
    (BROKEN, {}, r"3 usable .* \(left out: 1 file: horse/desert/0\.png is not"),
]


@pytest.mark.parametrize(("files", "choice", "words"), REFUSED)
def test_a_choice_that_cannot_be_used_is_refused(
    files: Any, choice: Any, words: str, tree: Tree
) -> None:
    with pytest.raises(ImportSetError, match=words):
        import_set(tree(files), "pets", **choice)
    assert not [path for path in data_folder().rglob("*") if path.is_file()], "nothing is left"
