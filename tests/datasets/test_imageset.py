"""What is kept at a bias, what is never seen in training, and pixels as the encoders see them."""

from __future__ import annotations

import itertools
import json
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vlcore.core.condition import Condition
from vlcore.core.grouping import SCENES, Grouping
from vlcore.datasets.catalogue import open_set, set_names
from vlcore.datasets.drawn import SCENES_RECIPE, drawn_set
from vlcore.datasets.imageset import COLUMNS, TILE_SIDE, ImageSet, ImageSetError, read_set, silent, tile, with_groups
from vlcore.datasets.subset import map_rows, training_rows
from vlcore.scenes import RENDERER_VERSION
from vlcore.studies import plans

IMAGES = drawn_set(SCENES_RECIPE)
GROUPS = IMAGES.table["group"].to_numpy()
GOOD = {"version": "3", "objects": ["cat", "dog"], "contexts": ["sofa", "snow"]}  # of a set on the disk
LEVELS = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)


def of_group(rows: np.ndarray, group: str) -> set[int]:
    return {int(row) for row in rows if GROUPS[row] == group}


def test_counts_by_split_and_group() -> None:
    assert IMAGES.counts() == {
        split: dict.fromkeys(SCENES.names, number)
        for split, number in {"train": 480, "val": 48, "probe": 100, "test": 500}.items()
    }
    assert len(IMAGES.table) == 4 * (480 + 48 + 100 + 500)
    rows = np.concatenate([IMAGES.rows(split) for split in ("train", "val", "probe", "test")])
    assert sorted(rows) == list(range(len(IMAGES.table)))
    assert len(IMAGES.rows("demo")) == 0


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(2, 480))
def test_what_a_higher_bias_keeps_is_part_of_what_a_lower_one_keeps(seed: int, n: int) -> None:
    kept = [training_rows(IMAGES, Condition(bias=bias, data_seed=seed, n_per_group=n)) for bias in LEVELS]
    for lower, higher in itertools.pairwise(kept):
        for group in SCENES.minority:
            assert of_group(higher, group) <= of_group(lower, group)
        for group in SCENES.majority:
            assert of_group(higher, group) == of_group(lower, group)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(2, 480), st.floats(0, 1))
def test_training_rows_are_distinct_training_images_in_the_promised_numbers(seed: int, n: int, bias: float) -> None:
    condition = Condition(bias=bias, data_seed=seed, n_per_group=n)
    rows = training_rows(IMAGES, condition)
    assert len(set(rows)) == len(rows)
    assert set(IMAGES.table["split"].iloc[rows]) == {"train"}
    counts = Counter(GROUPS[rows].tolist())
    assert {group: counts[group] for group in SCENES.majority} == dict.fromkeys(SCENES.majority, n)
    assert {group: counts[group] for group in SCENES.minority} == dict.fromkeys(SCENES.minority, condition.n_minority)


@pytest.mark.parametrize("bias", [0.0, 0.75])
def test_the_images_depend_on_the_data_seed_and_not_on_labels_or_training(bias: float) -> None:
    base = Condition(bias=bias)
    rows = training_rows(IMAGES, base)
    for same in (
        base.replace(labels="descriptive"),
        base.replace(init_seed=9),
        base.replace(steps=1, negatives="none", architecture="seed_faithful", batch_size=7),
    ):
        assert (training_rows(IMAGES, same) == rows).all()
    drawn = [training_rows(IMAGES, base.replace(data_seed=seed)) for seed in range(4)]
    for one in range(4):
        for other in range(one):
            for group in SCENES.names:
                assert of_group(drawn[one], group) != of_group(drawn[other], group)


def test_groups_take_different_members_of_the_pool() -> None:
    """One permutation for all groups would tie the numbers of the scenes together."""
    rows = training_rows(IMAGES, Condition())
    pool = IMAGES.rows("train")
    places = [
        {int(np.searchsorted(pool[GROUPS[pool] == name], row)) for row in of_group(rows, name)} for name in SCENES.names
    ]
    assert len({frozenset(place) for place in places}) == 4


def test_more_than_the_pool_holds_is_refused() -> None:
    assert len(training_rows(IMAGES, Condition(n_per_group=480))) == 4 * 480
    with pytest.raises(ImageSetError, match=r"has 480 training images of horse_grass; .* instead of 481"):
        training_rows(IMAGES, Condition(n_per_group=481))


@pytest.mark.parametrize("scenes", [1, 7, 50])
def test_the_map_shows_whole_scenes_in_balance(scenes: int) -> None:
    rows = map_rows(IMAGES, scenes)
    table = IMAGES.table.iloc[rows]
    assert (np.diff(rows) > 0).all()
    assert set(table["split"]) == {"test"}
    assert table["group"].value_counts().to_dict() == dict.fromkeys(SCENES.names, scenes)
    assert set(table["scene"].value_counts()) == {4}
    assert (map_rows(IMAGES) == map_rows(IMAGES, 50)).all()


# --- sets that lie on the disk


@pytest.fixture
def pets(empty_home: Path) -> Callable[[], Path]:
    """Writes the set `pets`, two pictures a group."""

    def write() -> Path:
        root = empty_home / "data" / "pets"
        root.mkdir(parents=True, exist_ok=True)
        rows = []
        for obj, context, index in itertools.product(("cat", "dog"), ("sofa", "snow"), range(2)):
            name = f"{obj}-{context}-{index}.png"
            noise = np.random.default_rng(len(rows)).integers(0, 256, (128, 128, 3), dtype=np.uint8)
            Image.fromarray(noise).save(root / name)
            rows.append((name, obj, context, "train", f"{obj} on {context}", "", name, "{}"))
        pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(root / "metadata.csv", index=False)
        (root / "dataset.json").write_text(json.dumps(GOOD))
        return root

    return write


def test_a_folder_is_a_set(pets: Callable[[], Path]) -> None:
    pets()
    images = open_set("pets")
    assert (images.name, images.version) == ("pets", "3")
    assert images.grouping == Grouping(("cat", "dog"), ("sofa", "snow"))
    assert images.counts() == {"train": {"cat_sofa": 2, "cat_snow": 2, "dog_snow": 2, "dog_sofa": 2}}
    assert set_names() == ["scenes", "balanced-cues", "pets"]
    assert open_set("pets", "3").table.equals(images.table)
    images.ensure_rendered([0, 1], silent)  # what is not drawn has nothing to complete
    assert len(training_rows(images, Condition(data="pets", n_per_group=2, bias=0.5))) == 6
    with pytest.raises(ImageSetError, match="'pets' has 2 training images of cat_sofa"):
        training_rows(images, Condition(data="pets", n_per_group=3))


def test_what_is_not_there_is_refused_and_the_others_are_named(pets: Callable[[], Path]) -> None:
    pets()
    for name, version, words in (
        ("pets", "2", "'pets' is version '3' now, not '2'"),
        ("scenes", "none", f"'scenes' is version '{RENDERER_VERSION}' now, not 'none'"),
        ("ponies", None, "named 'ponies'; there are: scenes, balanced-cues, pets"),
    ):
        with pytest.raises(ImageSetError, match=words):
            open_set(name, version)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        *(
            (name, content)
            for name in ("dataset.json", "metadata.csv")
            for content in (None, b"", b"{", b"\xff\xfe\x00")
        ),
        *(("dataset.json", {name: GOOD[name] for name in GOOD if name != missing}) for missing in GOOD),
        ("dataset.json", GOOD | {"objects": 2}),
        ("dataset.json", []),
        *(("metadata.csv", ",".join(name for name in COLUMNS if name != missing)) for missing in ("mask", "object")),
    ],
)
def test_a_folder_that_describes_no_set_is_refused(file: str, content: object, pets: Callable[[], Path]) -> None:
    root = pets()
    (root / file).unlink()
    if content is not None:
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        (root / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ImageSetError, match="no usable image set named 'pets'"):
        read_set(root)


@pytest.mark.parametrize("size", [64, 32, 128, 1])
def test_pixels_are_averages_of_boxes(size: int, pets: Callable[[], Path]) -> None:
    images = read_set(pets())
    rows = [5, 0, 2]
    pixels = images.pixels(rows, size)
    assert pixels.shape == (3, size, size, 3)
    assert pixels.dtype == np.uint8
    assert images.pixels([], size).shape == (0, size, size, 3)
    box = 128 // size
    for place, row in enumerate(rows):
        picture = images.image(row).astype(float)
        for y, x in {(0, 0), (size - 1, size - 1), (size // 3, size // 2)}:
            for channel in range(3):
                total = 0.0
                for dy in range(box):
                    for dx in range(box):
                        total += picture[y * box + dy, x * box + dx, channel]
                # The library rounds once after the rows and once after the columns.
                assert abs(int(pixels[place, y, x, channel]) - total / box**2) <= 1


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_other_kinds_of_pictures_become_rgb(mode: str, pets: Callable[[], Path]) -> None:
    root = pets()
    grey = np.repeat(np.random.default_rng(0).integers(0, 2, (20, 30, 1), dtype=np.uint8) * 255, 3, axis=2)
    Image.fromarray(grey).convert(mode).save(root / "cat-sofa-0.png")
    assert (read_set(root).image(0) == grey).all()


def test_a_picture_that_is_missing_or_broken_is_refused(pets: Callable[[], Path]) -> None:
    root = pets()
    images = read_set(root)
    whole = images.path(0).read_bytes()
    data = whole.index(b"IDAT")
    short_data = whole[: data - 4] + (4).to_bytes(4, "big") + whole[data:]
    header = b"IHDR" + whole[16:21]
    short_header = whole[:8] + (5).to_bytes(4, "big") + header + zlib.crc32(header).to_bytes(4, "big") + whole[33:]
    broken = {content: OSError for content in (b"", b"not a picture", whole[:20], whole[:9999], bytes(8) + whole[8:])}
    # Of chunks whose length is wrong Pillow raises others.
    for content, kind in {None: OSError, **broken, short_data: SyntaxError, short_header: ValueError}.items():
        images.path(0).unlink(missing_ok=True)
        if content is not None:
            images.path(0).write_bytes(content)
        for read in (lambda: images.image(0), lambda: images.pixels([1, 0])):
            with pytest.raises(ImageSetError, match=r"cat-sofa-0.png of the image set 'pets' cannot be read") as caught:
                read()
            assert isinstance(caught.value.__cause__, kind)


def damaged_set(root: Path) -> ImageSet:
    table = pd.DataFrame([("a.png", "horse", "grass", "train", "", "", "a", "{}")], columns=list(COLUMNS))
    return ImageSet("damaged", "1", root, SCENES, with_groups(table), lambda _rows, _progress: None)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_picture_is_a_picture_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.getbasetemp()
    Image.fromarray(np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3)).save(root / "a.png")
    content = bytearray((root / "a.png").read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[place] = data.draw(st.integers(0, 255))
    (root / "a.png").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    images = damaged_set(root)
    try:
        picture = images.image(0)
    except ImageSetError:
        return
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3


def test_every_condition_of_the_grid_has_its_images() -> None:
    sizes = {condition.bias: len(training_rows(IMAGES, condition)) for condition in plans.find("full").conditions}
    assert sizes == {0.0: 192, 0.25: 168, 0.5: 144, 0.75: 120, 0.9: 106, 0.95: 100, 1.0: 96}


def test_a_tile_is_a_picture_that_nobody_can_change() -> None:
    made = tile("gull", "sea")
    assert (made.shape, made.dtype) == ((TILE_SIDE, TILE_SIDE, 3), np.uint8)
    with pytest.raises(ValueError, match="read-only"):
        made[0] = 0


def test_different_names_look_different() -> None:
    tiles = [tile(obj, context).tobytes() for obj in ("gull", "crow") for context in ("sea", "land")]
    assert len(set(tiles)) == 4


@pytest.mark.parametrize("name", ["x", "a name of thirty-eight letters or more", "möwe", "鷗"])
def test_words_stay_within_the_tile(name: str) -> None:
    ink = (tile(name, name) < 120).all(axis=2)
    assert ink.any()
    assert not ink[:, : TILE_SIDE // 20].any()
    assert not ink[:, -TILE_SIDE // 20 :].any()
