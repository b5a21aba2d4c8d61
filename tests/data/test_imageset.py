"""What is kept at a bias, what is never seen in training, and pixels as the encoders see them."""

import itertools
import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vlcore.data.catalogue import open_set, set_names
from vlcore.data.drawn import SCENES_RECIPE, drawn_set
from vlcore.data.imageset import COLUMNS, ImageSet, ImageSetError, averaged, read_set
from vlcore.data.subset import map_rows, reference_rows, training_rows
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.experiment.progress import silent
from vlcore.scenes import RENDERER_VERSION

IMAGES = drawn_set(SCENES_RECIPE)
GROUPS = IMAGES.table["group"].to_numpy()
# Of a set on the disk.
GOOD = {"version": "3", "objects": ["cat", "dog"], "contexts": ["sofa", "snow"]}
LEVELS = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)


def of_group(rows: np.ndarray, group: str) -> set[int]:
    return {int(row) for row in rows if GROUPS[row] == group}


@settings(max_examples=20)
@given(st.integers(0, 2**31 - 1), st.integers(2, 480), st.floats(0, 1))
def test_rows_are_distinct_and_a_higher_bias_keeps_part_of_a_lower_ones(
    seed: int, n: int, bias: float
) -> None:
    conditions = [
        Condition(bias=level, data_seed=seed, n_per_group=n) for level in sorted({*LEVELS, bias})
    ]
    kept = [training_rows(IMAGES, condition) for condition in conditions]
    for condition, rows in zip(conditions, kept, strict=True):
        assert len(set(rows)) == len(rows)
        assert set(IMAGES.table["split"].iloc[rows]) == {"train"}
        counts = Counter(GROUPS[rows].tolist())
        assert [counts[group] for group in SCENES.names] == [n, condition.n_minority] * 2
    for lower, higher in itertools.pairwise(kept):
        for group in SCENES.minority:
            assert of_group(higher, group) <= of_group(lower, group)
        for group in SCENES.majority:
            assert of_group(higher, group) == of_group(lower, group)


@pytest.mark.parametrize("bias", [0.0, 0.75])
def test_the_images_depend_on_the_data_seed_and_not_on_labels_or_training(bias: float) -> None:
    base = Condition(bias=bias)
    rows = training_rows(IMAGES, base)
    other: dict[str, Any] = {
        "steps": 1,
        "negatives": "none",
        "architecture": "seed_faithful",
        "batch_size": 7,
    }
    for changes in ({"labels": "descriptive"}, {"init_seed": 9}, other):
        assert (training_rows(IMAGES, base.replace(**changes)) == rows).all()
    drawn = [training_rows(IMAGES, base.replace(data_seed=seed)) for seed in range(4)]
    for group in SCENES.names:
        assert len({frozenset(of_group(rows, group)) for rows in drawn}) == 4


def test_groups_take_different_members_of_the_pool() -> None:
    """One permutation for all groups would tie the numbers of the scenes together."""
    rows = training_rows(IMAGES, Condition())
    pools = {
        group: IMAGES.rows("train")[GROUPS[IMAGES.rows("train")] == group] for group in SCENES.names
    }
    members = [np.searchsorted(pool, [*of_group(rows, group)]) for group, pool in pools.items()]
    assert len(set(map(frozenset, members))) == 4


def test_the_map_of_drawn_scenes_shows_whole_scenes_in_balance() -> None:
    assert map_rows(IMAGES).tolist() == reference_rows(IMAGES).tolist()
    rows = reference_rows(IMAGES, 7)
    table = IMAGES.table.iloc[rows]
    assert (np.diff(rows) > 0).all()
    assert set(table["split"]) == {"test"}
    assert table["group"].value_counts().to_dict() == dict.fromkeys(SCENES.names, 7)
    assert set(table["scene"].value_counts()) == {4}


@pytest.fixture
def pets(empty_home: Path) -> Path:
    """The folder of the set `pets`, two pictures a group."""
    root = empty_home / "data" / "pets"
    root.mkdir(parents=True)
    rows = []
    for obj, context, index in itertools.product(("cat", "dog"), ("sofa", "snow"), range(2)):
        name = f"{obj}-{context}-{index}.png"
        noise = np.random.default_rng(len(rows)).integers(0, 256, (128, 128, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / name)
        rows.append((name, obj, context, "train", f"{obj} on {context}", "", name, "{}"))
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(root / "metadata.csv", index=False)
    (root / "dataset.json").write_text(json.dumps(GOOD))
    return root


def test_a_folder_is_a_set_and_what_is_not_there_is_refused(pets: Path) -> None:
    images = open_set("pets")
    assert (images.name, images.version) == ("pets", "3")
    assert images.grouping == Grouping(("cat", "dog"), ("sofa", "snow"))
    assert images.counts() == {
        "train": {"cat_sofa": 2, "cat_snow": 2, "dog_snow": 2, "dog_sofa": 2}
    }
    assert set_names() == ["scenes", "balanced-cues", "renders", "pets"]
    assert open_set("pets", "3").table.equals(images.table)
    images.ensure_rendered([0, 1], silent)  # what is not drawn has nothing to complete
    assert len(training_rows(images, Condition(data="pets", n_per_group=2, bias=0.5))) == 6
    others = {
        ("pets", "2"): "'pets' is version '3' now, not '2'",
        ("scenes", "none"): f"'scenes' is version '{RENDERER_VERSION}' now, not 'none'",
        ("ponies", None): "named 'ponies'; there are: scenes, balanced-cues, renders, pets",
    }
    for (name, version), words in others.items():
        with pytest.raises(ImageSetError, match=words):
            open_set(name, version)


BROKEN = [
    ("dataset.json", None),
    ("metadata.csv", None),
    ("dataset.json", b"[]"),
    ("metadata.csv", b"\xff\xfe\x00"),
    ("dataset.json", json.dumps({"version": "3", "objects": ["cat", "dog"]}).encode()),
    ("dataset.json", json.dumps(GOOD | {"objects": 2}).encode()),
    ("metadata.csv", ",".join(COLUMNS).replace("mask", "x").encode()),
]


@pytest.mark.parametrize(("file", "content"), BROKEN)
def test_a_folder_that_describes_no_set_is_refused(file: str, content: Any, pets: Path) -> None:
    (pets / file).unlink()
    if content is not None:
        (pets / file).write_bytes(content)
    with pytest.raises(ImageSetError, match="no usable image set named 'pets'"):
        read_set(pets)


@pytest.mark.parametrize("size", [64, 32])
def test_pixels_are_averages_of_boxes(size: int, pets: Path) -> None:
    images = read_set(pets)
    rows = [5, 0, 2]
    pixels = images.pixels(rows, size)
    assert (pixels.shape, pixels.dtype) == ((3, size, size, 3), np.uint8)
    assert images.pixels([], size).shape == (0, size, size, 3)
    box = 128 // size
    for place, row in enumerate(rows):
        means = images.image(row).astype(float).reshape(size, box, size, box, 3).mean(axis=(1, 3))
        assert np.abs(pixels[place] - means).max() <= 1, (
            "the library rounds after the rows and after the columns"
        )


def test_decoded_pictures_are_kept_until_one_is_replaced(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = read_set(pets)
    opened: list[int] = []
    decode = ImageSet.image

    def note_and_decode(images: ImageSet, row: int) -> np.ndarray:
        opened.append(row)
        return decode(images, row)

    monkeypatch.setattr(ImageSet, "image", note_and_decode)
    rows = [4, 1, 1, 6]

    def read() -> set[int]:
        opened.clear()
        pixels = images.pixels(rows)
        seen = set(opened)
        for row, image in zip(rows, pixels, strict=True):
            assert (image == averaged(decode(images, row))).all()
        return seen

    assert (read(), read()) == ({4, 1, 6}, set())
    images.path(4).write_bytes(images.path(5).read_bytes())
    assert (read(), read()) == ({4}, set())


@pytest.mark.parametrize("content", [None, b"", b"not a picture"])
def test_a_picture_that_is_missing_or_broken_is_refused(content: bytes | None, pets: Path) -> None:
    images = read_set(pets)
    images.path(0).unlink()
    if content is not None:
        images.path(0).write_bytes(content)
    for read in (lambda: images.image(0), lambda: images.pixels([1, 0])):
        with pytest.raises(ImageSetError, match=r"cat-sofa-0.png of the image set 'pets' cannot"):
            read()


@given(st.data())
def test_damage_is_a_picture_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.getbasetemp()
    Image.fromarray(np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3)).save(root / "a.png")
    content = bytearray((root / "a.png").read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[place] = data.draw(st.integers(0, 255))
    (root / "a.png").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    table = pd.DataFrame(
        [("a.png", "horse", "grass", "train", "", "", "a", "{}")], columns=list(COLUMNS)
    )
    with suppress(ImageSetError):
        picture = ImageSet(
            "damaged", "1", root, SCENES, table, lambda _rows, _progress: None
        ).image(0)
        assert (picture.dtype, picture.shape[2]) == (np.uint8, 3)
