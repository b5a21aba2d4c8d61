"""What the page docs/try reads is what Python trains on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tools.browser import browser_condition
from tools.site_data import write_sheet, write_site_data
from vlcore.data.catalogue import open_set
from vlcore.data.feature_store import components
from vlcore.data.subset import training_rows
from vlcore.model.dual_encoder import WORD_VECTOR_SIZE

SETS, SEEDS, WORDS = ("scenes", "renders"), 3, 40


@pytest.fixture(scope="module")
def folder(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site_data(folder, SETS, SEEDS, WORDS, with_pictures=False)
    return folder


@pytest.fixture(scope="module")
def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def test_the_manifest_names_each_file_with_its_size(folder: Path, manifest: dict[str, Any]) -> None:
    sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
    assert manifest["files"].items() <= sizes.items()
    assert set(sizes) - set(manifest["files"]) == {"manifest.json"}
    assert sizes["manifest.json"] < 10_000
    assert sizes["scenes.bin"] < 600_000


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_the_draws_and_the_features_of_training(
    folder: Path, manifest: dict[str, Any], name: str
) -> None:
    images, content = open_set(name), (folder / f"{name}.bin").read_bytes()
    entry, recipe = manifest["sets"][name], manifest["recipe"]
    shape = (SEEDS, len(manifest["groups"]), recipe["per_group"])
    start = 4 * recipe["features"]
    units = np.frombuffer(content[:start], "<f4")
    end = start + 2 * int(np.prod(shape))
    draws = np.frombuffer(content[start:end], "<u2").reshape(shape)
    numbers = np.frombuffer(content[end:], "i1").reshape(-1, recipe["features"])
    features = numbers * units
    rows = np.concatenate([images.rows("train"), images.rows("test")])
    assert np.array_equal(features, components(images).values[rows])
    for seed in range(SEEDS):
        condition = browser_condition(name, 0.75, "short", seed)
        chosen = [
            number * entry["pool"] + place
            for number, group in enumerate(manifest["groups"])
            for place in draws[seed, number, : 12 if group["rare"] else 48]
        ]
        assert np.array_equal(rows[chosen], training_rows(images, condition))


def test_a_caption_is_the_sum_of_its_words(folder: Path, manifest: dict[str, Any]) -> None:
    words = json.loads((folder / "words.json").read_text())
    content = (folder / "words.bin").read_bytes()
    units = np.frombuffer(content[: 4 * len(words)], "<f4")
    numbers = np.frombuffer(content[4 * len(words) :], "i1").reshape(-1, WORD_VECTOR_SIZE)
    vectors = dict(zip(words, numbers * units[:, None], strict=True))
    assert len(vectors) >= WORDS
    captions = np.fromfile(folder / "captions.bin", "<f4").reshape(-1, WORD_VECTOR_SIZE)
    for style in manifest["styles"]:
        assert len(style["of_group"]) == len(manifest["groups"])
        for number, text in enumerate(style["captions"], start=style["first"]):
            total = sum(vectors[word] for word in text.split())
            assert captions[number] @ total / np.linalg.norm(total) > 0.999


def test_small_images_are_tiles_of_one_row_by_row(tmp_path: Path) -> None:
    images = open_set("scenes")
    rows = images.rows("train")[[0, 1, 2, -1, -2]]
    entry = write_sheet(images, rows, 16, tmp_path / "small.webp")
    assert entry == {"file": "small.webp", "tile": 16, "across": 3}
    with Image.open(tmp_path / "small.webp") as sheet:
        assert sheet.size == (48, 32)
        last = np.asarray(sheet.convert("RGB"))[16:, 32:]
    assert last.mean() < 8, "there is no sixth image"
