"""A projector folder: row n of the tensors, line n of the metadata and cell n of the sprite are one picture."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.datasets.importers.sources import encoded
from tests.runs.stand_ins import BASE, colour, middle, pictured, publish
from vlcore.exports.projector import SPRITE_LIMIT, write_projector
from vlcore.exports.table import THUMB_SIDE, MapTable, shown


@pytest.fixture(scope="module")
def export(home: Path, tmp_path_factory: pytest.TempPathFactory) -> MapTable:
    images = pictured(tmp_path_factory.mktemp("pictured"))
    return shown(publish(images, BASE.replace(labels="descriptive")), images)


@pytest.fixture(scope="module")
def folder(export: MapTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("out")
    write_projector(export, target)
    return target


def test_tensors_and_metadata_have_a_line_for_each_row(export: MapTable, folder: Path) -> None:
    tensors = [line.split("\t") for line in (folder / "tensors.tsv").read_text().splitlines()]
    assert np.array_equal(np.array(tensors, dtype=np.float32), export.z), "to the last bit"
    assert f"{len(export.model.rows)} pictures and 4 captions, 32 numbers each" in (folder / "README.txt").read_text()
    lines = [line.split("\t") for line in (folder / "metadata.tsv").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == len(export.z) + 1
    assert {len(line) for line in lines} == {len(lines[0])}
    table = pd.DataFrame(lines[1:], columns=lines[0])
    for column in ("object", "context", "group", "caption", "predicted", "id", "kind"):
        assert table[column].tolist() == [value or "" for value in export.table[column]]
    assert table["right"].tolist() == [{True: "yes", False: "no", None: ""}[value] for value in export.table["right"]]
    assert table["label"].iloc[0] == export.table["group"].iloc[0]
    assert table["label"].iloc[-1] == export.model.captions[-1]


def test_names_cannot_move_the_columns(export: MapTable, tmp_path: Path) -> None:
    odd = dataclasses.replace(export, table=export.table.assign(scene="a\tb\nc\u2028d", group=" two  words "))
    write_projector(odd, tmp_path)
    content = (tmp_path / "metadata.tsv").read_bytes().decode()
    lines = content.removesuffix("\n").split("\n")
    assert len(lines) == len(export.z) + 1
    assert {line.count("\t") for line in lines} == {lines[0].count("\t")}
    assert "a b c d" in lines[1]
    assert "two words" in lines[1]


def test_the_sprite_has_a_cell_for_each_row_in_order(export: MapTable, folder: Path) -> None:
    with Image.open(folder / "sprite.png") as picture:
        sprite = np.asarray(picture)
    across = int(np.ceil(np.sqrt(len(export.z))))
    assert sprite.shape[1] == across * THUMB_SIDE
    assert sprite.shape[0] == int(np.ceil(len(export.z) / across)) * THUMB_SIDE
    for number, row in enumerate(export.model.rows):
        top, left = number // across * THUMB_SIDE, number % across * THUMB_SIDE
        cell = sprite[top : top + THUMB_SIDE, left : left + THUMB_SIDE]
        assert np.allclose(middle(cell), colour(int(row)), atol=12)
        assert (cell[:20] == 255).all()  # a wide picture stands in the middle


def test_many_pictures_get_smaller_cells(export: MapTable, tmp_path: Path) -> None:
    picture = encoded(Image.new("RGB", (4, 2), (200, 30, 30)), "WEBP")
    many = 90 * 90  # of 96 px they would be wider than the projector draws
    table = pd.concat([export.table.iloc[:1]] * many, ignore_index=True)
    z = np.repeat(export.z[:1], many, axis=0)
    write_projector(dataclasses.replace(export, table=table, z=z, pictures=(picture,) * many), tmp_path)
    with Image.open(tmp_path / "sprite.png") as sprite:
        assert max(sprite.size) <= SPRITE_LIMIT
        assert sprite.size == (90 * 91, 90 * 91)
    (config,) = json.loads((tmp_path / "projector_config.json").read_text())["embeddings"]
    assert config["sprite"]["singleImageDim"] == [91, 91]


def test_both_configurations_name_the_files_that_are_there(export: MapTable, folder: Path) -> None:
    config = json.loads((folder / "projector_config.json").read_text())["embeddings"]
    assert [entry["tensorName"] for entry in config] == [export.model.artefact.key]
    assert config[0]["tensorShape"] == list(export.z.shape)
    text = (folder / "projector_config.pbtxt").read_text()
    named = set(re.findall(r'_path: "([^"]*)"', text))
    assert named == {config[0]["tensorPath"], config[0]["metadataPath"], config[0]["sprite"]["imagePath"]}
    assert named < {file.name for file in folder.iterdir()}
    assert text.count(f"single_image_dim: {THUMB_SIDE}") == 2
    assert f'tensor_name: "{export.model.artefact.key}"' in text
