"""Exports of a model: rows of its map, their types in parquet, and what fails."""

import dataclasses
import json
import stat
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.api.stand_ins import BASE, colour, middle, pictured, publish
from vlcore.api import exports
from vlcore.api.compared_maps import compare_maps, points_table
from vlcore.api.exports import NEIGHBOURS, THUMB_SIDE, export, parquet_bytes
from vlcore.api.model_map import ModelMap, model_map
from vlcore.artifacts.store import Artifact
from vlcore.data.imageset import ImageSet, ImageSetError
from vlcore.experiment.files import HomeError

CONDITION = BASE.replace(labels="descriptive", bias=0.5)


@pytest.fixture
def images(empty_home: Path) -> ImageSet:
    (empty_home / "pictures").mkdir()
    return pictured(empty_home / "pictures")


@pytest.fixture
def model(images: ImageSet) -> Any:
    """The parts of a model that `export` reads."""
    return SimpleNamespace(artifact=publish(images, CONDITION), images=images)


@pytest.fixture
def model_view(model: Any) -> ModelMap:
    return model_map(model.artifact)


def read(artifact: Artifact, images: ImageSet) -> pd.DataFrame:
    """An export, as pandas reads it."""
    return pq.read_table(BytesIO(parquet_bytes(artifact, images))).to_pandas()


@pytest.fixture
def exported(model: Any) -> pd.DataFrame:
    return read(model.artifact, model.images)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_image_rows_agree_with_the_compare_page(
    exported: pd.DataFrame, model_view: ModelMap, images: ImageSet
) -> None:
    rows = exported[exported["kind"] != "caption"].set_index("id")
    points = compare_maps([model_view], images).points.set_index("id").loc[rows.index]
    for column in ("object", "context", "group", "kind", "minority", "scene"):
        assert rows[column].tolist() == points[column].tolist(), column
    assert rows["caption"].tolist() == points["caption_0"].tolist()
    assert rows["predicted"].tolist() == points["says_0"].tolist()
    assert rows["right"].map({True: "right", False: "wrong"}).tolist() == points["right_0"].tolist()
    assert {True, False} <= set(rows["right"])
    files = images.table["file_name"].iloc[model_view.rows].tolist()
    assert rows["file_name"].tolist() == files
    assert rows["source"].tolist() == files, "a drawn set has no others"


def test_caption_rows_follow_the_images(exported: pd.DataFrame, model_view: ModelMap) -> None:
    captions = exported.iloc[len(model_view.rows) :]
    assert captions["kind"].tolist() == ["caption"] * 4
    assert captions["caption"].tolist() == list(model_view.captions)
    absent = ["object", "context", "group", "minority", "predicted", "right", "scene"]
    assert captions[absent].isna().all(axis=None)
    z = np.concatenate([model_view.z, model_view.caption_z])
    assert np.array_equal(np.stack(exported["embedding"]), z)
    positions = np.concatenate([model_view.points, model_view.caption_points])
    assert np.array_equal(exported[["x", "y"]], positions)
    assert exported["id"].is_unique
    paths = [image["path"] for image in exported["image"]]
    assert paths == [f"{name}.webp" for name in exported["id"]]


def test_rows_join_the_users_own_table(model: Any) -> None:
    images = model.images
    rows = np.arange(len(images.table))
    table = images.table.assign(
        **{
            "source": [f"mine/{row}.jpg" for row in rows],
            "user:code": [f"={row:03d}" for row in rows],
            "user:object": "thing",
            "user:object (yours)": "another",
            "user:image": [f"IMG{row}" for row in rows],
        }
    )
    images = dataclasses.replace(images, table=table)
    content = BytesIO(parquet_bytes(model.artifact, images))
    exported = pq.read_table(content).to_pandas()
    types = {field.name: field.type for field in pq.read_schema(content)}
    assert types["code"] == pa.string()
    is_image = exported["kind"] != "caption"
    of_user = exported.loc[is_image, ["source", "code"]]
    numbers = exported.loc[is_image, "id"].str[1:].astype(int)
    assert of_user["source"].tolist() == [f"mine/{row}.jpg" for row in numbers]
    assert of_user["code"].tolist() == [f"={row:03d}" for row in numbers]
    assert set(exported.loc[is_image, "object (yours)"]) == {"thing"}
    assert set(exported.loc[is_image, "object (yours) (yours)"]) == {"another"}
    assert exported.loc[is_image, "image (yours)"].tolist() == [f"IMG{row}" for row in numbers]
    assert exported.loc[~is_image, ["source", "code"]].isna().all(axis=None)
    points = compare_maps([model_map(model.artifact)], images)
    some = points.points.iloc[[5, 2]]
    listed = points_table(points, some)
    numbers = some["id"].str[1:].astype(int)
    assert listed["source"].tolist() == [f"mine/{row}.jpg" for row in numbers]
    assert listed["code"].tolist() == [f"={row:03d}" for row in numbers]
    assert set(listed["object"]) <= {"horse", "camel"}
    assert set(listed["object (yours)"]) == {"thing"}


def test_many_rows_are_written_in_parts_and_without_their_neighbours(
    model: Any, exported: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "BATCH", 7)
    monkeypatch.setattr(exports, "MANY", 20)
    content = BytesIO(parquet_bytes(model.artifact, model.images))
    assert pq.ParquetFile(content).num_row_groups == -(-len(exported) // 7)
    parted = pq.read_table(content).to_pandas()
    assert parted["neighbors"].isna().all()
    columns = [name for name in exported if name not in ("neighbors", "embedding")]
    assert parted[columns].equals(exported[columns])
    assert np.array_equal(np.stack(parted["embedding"]), np.stack(exported["embedding"]))


def test_absent_values_are_null(images: ImageSet) -> None:
    conditions = (
        BASE.replace(labels="own", template="{context}"),
        BASE.replace(objective="captioner"),
    )
    unnamed, captioner = (read(publish(images, condition), images) for condition in conditions)
    assert unnamed[["predicted", "right"]].isna().all(axis=None)
    assert not (captioner["kind"] == "caption").any()


def opened(image: dict[str, Any]) -> Image.Image:
    return Image.open(BytesIO(image["bytes"]))


def test_thumbs_are_small_and_in_order(exported: pd.DataFrame, model_view: ModelMap) -> None:
    for row, image in zip(model_view.rows, exported["image"], strict=False):
        with opened(image) as thumb:
            assert (thumb.format, thumb.size) == ("WEBP", (THUMB_SIDE, THUMB_SIDE // 2))
            pixels = np.asarray(thumb.convert("RGB"))
            assert np.allclose(middle(pixels), colour(int(row)), atol=12)
    with opened(exported["image"].iat[-4]) as thumb:
        ink = np.asarray(thumb.convert("L")) < 120
        assert 0.01 < ink.mean() < 0.2, "the words of a caption"


def test_missing_images_are_drawn_with_progress(model: Any, model_view: ModelMap) -> None:
    calls: list[list[int]] = []
    progress: list[tuple[int, int]] = []

    def ensure_rendered(rows: list[int], report: Any) -> None:
        calls.append(list(rows))
        report(1, 2)

    images = dataclasses.replace(model.images, ensure_rendered=ensure_rendered)
    parquet_bytes(model.artifact, images, lambda *counts: progress.append(counts))
    assert (calls, progress) == ([model_view.rows.tolist()], [(1, 2)])
    images.path(int(model_view.rows[0])).unlink()
    with pytest.raises(ImageSetError):
        parquet_bytes(model.artifact, images)


@pytest.mark.parametrize("labels", ["descriptive", "constant"])  # the second predicts nothing
def test_parquet_types_are_those_that_other_tools_expect(labels: str, images: ImageSet) -> None:
    artifact = publish(images, CONDITION.replace(labels=labels))
    content = parquet_bytes(artifact, images)
    assert parquet_bytes(artifact, images) == content, "equal models are equal files"
    schema = pq.read_schema(BytesIO(content))
    texts = dict.fromkeys(("id", "caption", "predicted", "group"), pa.string())
    assert {name: schema.field(name).type for name in schema.names}.items() >= {
        "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "embedding": pa.list_(pa.float32()),
        "neighbors": pa.struct({"ids": pa.list_(pa.int64()), "distances": pa.list_(pa.float32())}),
        "x": pa.float64(),
        "right": pa.bool_(),
        "minority": pa.bool_(),
        **texts,
    }.items()
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features == {"image": {"_type": "Image"}}
    about = json.loads(schema.metadata[b"vlcore"])
    assert (about["key"], about["condition"]) == (artifact.key, artifact.condition.as_dict())


def test_neighbours_are_the_nearest_other_rows(exported: pd.DataFrame) -> None:
    z = np.stack(exported["embedding"]).astype(float)
    cosines = z @ z.T
    np.fill_diagonal(cosines, -2)
    for row, nearest in enumerate(exported["neighbors"]):
        similarities = 1 - nearest["distances"]
        assert np.allclose(similarities, np.sort(cosines[row])[::-1][:NEIGHBOURS], atol=1e-5)
        assert np.allclose(similarities, cosines[row, nearest["ids"]], atol=1e-5)


def test_an_export_is_one_readable_file_in_place_of_an_older_one(model: Any, out: Path) -> None:
    file = out / "model.parquet"
    file.write_text("an older file")
    assert export(model, file) == file.stat().st_size > 1000
    assert list(out.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) & 0o044 == 0o044


@pytest.mark.parametrize("place", ["mine.txt/model.parquet", "taken.parquet"])
def test_places_that_cannot_be_written_stay_as_they_are(place: str, model: Any, out: Path) -> None:
    (out / "mine.txt").write_text("mine")
    (out / "taken.parquet").mkdir()
    with pytest.raises(HomeError):
        export(model, out / place)
    assert sorted(path.name for path in out.iterdir()) == ["mine.txt", "taken.parquet"]
    assert (out / "mine.txt").read_text() == "mine"
