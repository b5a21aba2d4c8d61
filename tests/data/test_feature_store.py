"""Features: each image is computed once, and they are the image's whatever happens to the file."""

import dataclasses
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.faults import disks
from vlcore.data import catalogue, feature_store
from vlcore.data.feature_store import FeatureStore, TowerSpec, stored_precision
from vlcore.data.imageset import COLUMNS, ImageSet, ImageSetError, read_set
from vlcore.experiment import trash
from vlcore.experiment.files import data_folder, write_json
from vlcore.experiment.grouping import SCENES

IMAGES = 22
SPEC = TowerSpec("net", "random", 6)
KINDS = ("whole", "upside_down")
Queries = list[list[int]]


class Tower:
    """The mean and deviation of each colour: what computes features, and counts the images it is
    asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        self.asked += len(images)
        return computed(images)

    def opened(self) -> "Tower":
        return self


def computed(images: Sequence[np.ndarray]) -> np.ndarray:
    numbers = [[*image.mean(axis=(0, 1)), *image.std(axis=(0, 1))] for image in images]
    return np.array(numbers, np.float32).reshape(-1, 6)


def expected(images: ImageSet, rows: Sequence[int]) -> np.ndarray:
    return stored_precision(computed([images.image(row) for row in rows]))


def never_opened() -> Tower:
    raise AssertionError("nothing is missing, so no network is loaded")


def write_set(root: Path, count: int = IMAGES) -> ImageSet:
    """A set of small images of noise, with masks."""
    root.mkdir(parents=True)
    random, rows = np.random.default_rng(0), []
    for number in range(count):
        pixels = random.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
        Image.fromarray(pixels[..., 0]).save(root / f"mask-{number}.png")
        obj, context = SCENES.pairs[number % 4]
        rows.append(
            (f"{number}.png", obj, context, "train", "", f"mask-{number}.png", f"{number}", "{}")
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table.to_csv(root / "metadata.csv", index=False)
    write_json(
        root / "dataset.json",
        {"version": "1", "objects": SCENES.objects, "contexts": SCENES.contexts},
    )
    return read_set(root)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_store, "CHUNK", 4)


@pytest.fixture
def images(empty_home: Path) -> ImageSet:
    return write_set(data_folder() / "noise")


@pytest.fixture
def tower() -> Tower:
    return Tower()


def store_of(images: ImageSet, tower: Tower) -> FeatureStore:
    return FeatureStore(images, SPEC, tower.opened)


def read(images: ImageSet, tower: Tower, rows: Sequence[int] = range(IMAGES)) -> int:
    """Read rows, which are right; returns how many images were computed for it."""
    before = tower.asked
    values = store_of(images, tower).rows(np.array(rows, np.int64))
    assert values.dtype == np.float32
    assert (values == expected(images, rows)).all()
    return tower.asked - before


def file_of(images: ImageSet) -> Path:
    return images.root / feature_store.FOLDER / f"{SPEC.name}.safetensors"


def test_features_are_computed_once_and_shared(images: ImageSet, tower: Tower) -> None:
    store = store_of(images, tower)
    assert store.missing(range(IMAGES)) == list(range(IMAGES))
    assert read(images, tower, [3, 0, 9]) == 3
    assert store.missing(range(10)) == [1, 2, 4, 5, 6, 7, 8]
    assert read(images, tower, range(10)) == 7
    again = FeatureStore(read_set(images.root), SPEC, never_opened)
    assert (again.rows(np.arange(10)) == expected(images, range(10))).all()
    assert again.missing(range(10)) == []
    assert again.rows(np.array([], np.int64)).shape == (0, 6)
    other = TowerSpec("net", "random", 6, side=160)
    assert (
        FeatureStore(images, other, tower.opened).rows(np.arange(3)) == expected(images, range(3))
    ).all()
    assert tower.asked == 13, "another preparation has a store of its own"


@given(st.lists(st.lists(st.integers(0, IMAGES - 1), max_size=30), min_size=1, max_size=6))
def test_any_rows_in_any_order_are_those_computed_directly(
    tmp_path_factory: pytest.TempPathFactory, queries: Queries
) -> None:
    root = tmp_path_factory.getbasetemp() / "shared-noise"
    images, tower = read_set(root) if root.exists() else write_set(root), Tower()
    spec = dataclasses.replace(SPEC, weights=f"{next(_numbers)}")
    store = FeatureStore(images, spec, tower.opened)
    for rows in queries:
        assert (store.rows(np.array(rows, np.int64)) == expected(images, rows)).all()
    assert tower.asked == len(set().union(*queries)), "each image once"


_numbers = itertools.count()


def test_whatever_changes_features_has_a_folder_of_its_own() -> None:
    others = {"str": "lanczos", "int": 7, "float": 0.5, "tuple[float, ...]": (0.1, 0.2, 0.3)}
    for field in dataclasses.fields(TowerSpec):
        changed = dataclasses.replace(SPEC, **{field.name: others[str(field.type)]})
        assert changed.name != SPEC.name


def test_a_changed_image_is_computed_again(images: ImageSet, tower: Tower) -> None:
    read(images, tower)
    images.path(4).write_bytes(images.path(5).read_bytes())
    assert read(images, tower) == 1
    times = images.path(7).stat()
    os.utime(images.path(7), ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    assert read(images, tower) == 1
    images.path(2).unlink()
    with pytest.raises(ImageSetError, match="cannot be read"):
        store_of(images, tower).rows(np.array([2]))
    assert read(images, tower, [0, 1, 3]) == 0


def test_rows_of_another_table_are_not_taken_for_those_of_this_one(
    images: ImageSet, tower: Tower
) -> None:
    read(images, tower)
    for row in range(IMAGES):  # alike in all but name and pixels
        os.utime(images.path(row), ns=(5, 5))
        images.path(row).write_bytes(images.path(row).read_bytes().ljust(2000, b"\0"))
        os.utime(images.path(row), ns=(5, 5))
    assert (read(images, tower), read(images, tower)) == (IMAGES, 0)
    turned = dataclasses.replace(images, table=images.table.iloc[::-1].reset_index(drop=True))
    assert (read(turned, tower), read(turned, tower)) == (IMAGES, 0)


@settings(max_examples=25)
@given(st.integers(0), st.integers(0, 7))
def test_a_flipped_bit_is_computed_again(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    root, tower = tmp_path_factory.getbasetemp() / "flipped-noise", Tower()
    images = read_set(root) if root.exists() else write_set(root)
    read(images, tower)
    whole = bytearray(file_of(images).read_bytes())
    whole[place % len(whole)] ^= 1 << bit
    file_of(images).write_bytes(whole)
    assert (read(images, tower) <= IMAGES, read(images, tower)) == (True, 0)


@pytest.mark.parametrize("length", [0, 200])
def test_a_store_that_was_cut_short_is_made_again(
    images: ImageSet, tower: Tower, length: int
) -> None:
    read(images, tower)
    file_of(images).write_bytes(file_of(images).read_bytes()[:length])
    assert (read(images, tower), read(images, tower)) == (IMAGES, 0)


FULL_DISKS: dict[str, Callable[[ImageSet], AbstractContextManager[None]]] = {
    "full": lambda _images: disks.full(),
    "read-only": lambda images: disks.read_only(images.root),
}


@pytest.mark.parametrize("fault", FULL_DISKS)
def test_a_store_that_cannot_be_written_changes_no_value(
    images: ImageSet, tower: Tower, fault: str
) -> None:
    read(images, tower, [0, 1, 2])
    with FULL_DISKS[fault](images):
        assert read(images, tower) == IMAGES - 3
    assert read(images, tower) == IMAGES - 3
    assert read(images, tower) == 0


def test_a_set_that_is_removed_meanwhile_is_not_made_anew(images: ImageSet, tower: Tower) -> None:
    """Else its name would be taken, and what was removed could not be put back."""

    def removes(asked: Sequence[np.ndarray]) -> np.ndarray:
        if images.root.exists():
            catalogue.discard_set("noise")
        return tower(asked)

    with pytest.raises(ImageSetError, match="cannot be read"):
        FeatureStore(images, SPEC, lambda: removes).rows(np.arange(IMAGES))
    assert not images.root.exists()
    trash.restore_deleted("noise")
    assert read(images, tower) == IMAGES


def test_progress_grows_to_all_that_was_asked_for(images: ImageSet, tower: Tower) -> None:
    read(images, tower, range(5))
    news: list[tuple[int, int]] = []
    store_of(images, tower).rows(np.arange(IMAGES), lambda done, of: news.append((done, of)))
    assert news[0] == (5, IMAGES)
    assert news[-1] == (IMAGES, IMAGES)
    assert news == sorted(news)
    assert len(news) > IMAGES // 4


def composites(images: ImageSet, rows: Sequence[int]) -> dict[str, np.ndarray]:
    whole = np.stack([images.image(row) for row in rows])
    return {"whole": whole, "upside_down": whole[:, ::-1] // 2}


def read_panel(images: ImageSet, tower: Tower, rows: Sequence[int]) -> int:
    """Read the panel of rows, which is right; returns how many composites were computed for it."""
    before, made = tower.asked, composites(images, rows)
    panel = store_of(images, tower).panel(np.array(rows), KINDS, lambda: made)
    assert list(panel) == list(KINDS)
    for kind, values in panel.items():
        assert (values == stored_precision(computed(list(made[kind])))).all()
    return tower.asked - before


def test_the_panel_belongs_to_its_images_and_masks(images: ImageSet, tower: Tower) -> None:
    assert (read_panel(images, tower, [3, 1, 8]), read_panel(images, tower, [3, 1, 8])) == (6, 0)
    panel = FeatureStore(images, SPEC, never_opened).panel(np.array([3, 1, 8]), KINDS, never_opened)
    assert {kind: len(values) for kind, values in panel.items()} == {"whole": 3, "upside_down": 3}
    (images.root / "mask-1.png").write_bytes((images.root / "mask-2.png").read_bytes())
    assert (read_panel(images, tower, [3, 1, 8]), read_panel(images, tower, [3, 1, 8])) == (6, 0)
    images.path(8).write_bytes(images.path(9).read_bytes())
    assert (read_panel(images, tower, [3, 1, 8]), read_panel(images, tower, [3, 1, 8])) == (6, 0)
    (images.root / "mask-4.png").unlink()  # of no row of the panel
    assert read_panel(images, tower, [3, 1, 8]) == 0


def test_panels_of_several_folds_do_not_push_each_other_out(images: ImageSet, tower: Tower) -> None:
    folds = ([3, 1, 8], [1, 3, 8], [0, 2])
    assert [read_panel(images, tower, rows) for rows in folds] == [6, 6, 4]
    assert [read_panel(images, tower, rows) for rows in folds] == [0, 0, 0]


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, np.ndarray]]:
    """A bundle of `scenes` with three components of six numbers for five rows."""
    random = np.random.default_rng(0)
    axes = np.linalg.qr(random.normal(size=(6, 3)))[0].T
    arrays = {
        "components": axes.astype(np.float16),
        "centre": random.normal(size=6).astype(np.float16),
        "rows": random.normal(size=(5, 3)).astype(np.float16),
        "panel_cut_out": np.ones((2, 3), np.float16),
        "pixel_colour": random.random((2, 3)),
    }
    monkeypatch.setattr(feature_store, "BUNDLED", tmp_path)
    np.savez(tmp_path / f"{catalogue.open_set('scenes').root.name}-{SPEC.name}.npz", **arrays)
    feature_store._bundle.cache_clear()
    yield arrays
    feature_store._bundle.cache_clear()


def test_a_bundle_needs_neither_network_nor_images(
    empty_home: Path, bundled: dict[str, np.ndarray]
) -> None:
    images = catalogue.open_set("scenes")
    store = FeatureStore(images, SPEC, never_opened)
    rows = store.rows(np.array([4, 0]))
    whole = (
        bundled["rows"].astype(np.float32) @ bundled["components"].astype(np.float32)
        + bundled["centre"]
    )
    assert (rows == stored_precision(whole[[4, 0]])).all()
    assert store.missing(range(7)) == [5, 6]
    assert set(store.panel(np.array([9]), ["cut_out"], never_opened)) == {"cut_out"}
    assert not images.root.exists()
    assert feature_store.bundle_of(dataclasses.replace(images, version="0"), SPEC) is None
    assert feature_store.bundle_of(images, dataclasses.replace(SPEC, side=160)) is None
