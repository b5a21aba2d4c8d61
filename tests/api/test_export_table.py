"""What is exported of a map: a row for each picture and caption, and what each is."""

import dataclasses
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.api.stand_ins import BASE, colour, image_set, middle, pictured, publish, thumbs
from vlcore.api.compared_maps import compare_maps
from vlcore.api.export_table import THUMB_SIDE, MapTable, shown
from vlcore.data.imageset import ImageSet, ImageSetError, tile
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import IMPORTED

DESCRIPTIVE = BASE.replace(labels="descriptive", bias=0.5)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return pictured(tmp_path_factory.mktemp("pictured"))


@pytest.fixture(scope="module")
def export(home: Path, images: ImageSet) -> MapTable:
    return shown(publish(images, DESCRIPTIVE), images)


def test_every_row_says_what_the_compare_page_says(export: MapTable, images: ImageSet) -> None:
    page = compare_maps([export.model], images, thumbs)
    pictures = export.table[export.table["kind"] != "caption"].set_index("id")
    seen = page.points.set_index("id").loc[pictures.index]
    for column in ("object", "context", "group", "kind", "minority", "scene"):
        assert pictures[column].tolist() == seen[column].tolist(), column
    assert pictures["caption"].tolist() == seen["caption_0"].tolist()
    assert pictures["predicted"].tolist() == seen["says_0"].tolist()
    assert [{True: "right", False: "wrong"}[value] for value in pictures["right"]] == seen[
        "right_0"
    ].tolist()
    assert {True, False} <= set(pictures["right"])
    assert (
        pictures["file_name"].tolist() == images.table["file_name"].iloc[export.model.rows].tolist()
    )


def test_captions_follow_the_pictures(export: MapTable) -> None:
    captions = export.table.iloc[len(export.model.rows) :]
    assert captions["kind"].tolist() == ["caption"] * 4
    assert captions["caption"].tolist() == list(export.model.captions)
    assert (
        captions[["object", "context", "group", "minority", "predicted", "right", "scene"]]
        .isna()
        .all(axis=None)
    )
    assert np.array_equal(export.z, np.concatenate([export.model.z, export.model.caption_z]))
    places = np.concatenate([export.model.points, export.model.caption_points])
    assert np.array_equal(export.table[["x", "y"]].to_numpy(float), places)
    assert export.table["id"].is_unique
    about = export.about
    assert (about["key"], about["licence_of_pictures"]) == (export.model.artifact.key, "not stated")
    assert about["title"].startswith("50 % removed")
    assert Condition(**about["condition"]) == DESCRIPTIVE


def test_what_a_model_does_not_have_is_none(images: ImageSet) -> None:
    conditions = BASE.replace(labels="context"), BASE.replace(objective="captioner")
    unread, captioner = (shown(publish(images, condition), images) for condition in conditions)
    for column in ("predicted", "right"):
        assert all(value is None for value in unread.table[column])
    assert (
        len(captioner.table)
        == len(captioner.z)
        == len(captioner.pictures)
        == len(captioner.model.rows)
    )
    assert not (captioner.table["kind"] == "caption").any()
    assert captioner.about["captions"] == ["horse", "camel"]


def test_a_picture_is_small_and_its_own(export: MapTable) -> None:
    assert len(export.pictures) == len(export.table)
    for row, content in zip(export.model.rows, export.pictures, strict=False):
        with Image.open(BytesIO(content)) as picture:
            assert (picture.format, picture.size) == ("WEBP", (THUMB_SIDE, THUMB_SIDE // 2))
            assert np.allclose(
                middle(np.asarray(picture.convert("RGB"))), colour(int(row)), atol=12
            )
    with Image.open(BytesIO(export.pictures[-4])) as words:
        expected = Image.fromarray(tile("horse on", "the grass")).resize(
            words.size, Image.Resampling.BICUBIC
        )
        assert abs(np.asarray(words.convert("RGB"), int) - np.asarray(expected, int)).mean() < 6


def test_embeddings_without_pictures_get_tiles(empty_home: Path) -> None:
    images = dataclasses.replace(image_set(), about={"pictures": "none"})
    images.table["caption"] = np.where(images.table["object"] == "horse", "a horse", "")
    artifact = publish(image_set(), BASE)
    vars(artifact)["condition"] = Condition(objective=IMPORTED, labels="constant", steps=0)
    export = shown(artifact, images)
    horse = export.table["object"] == "horse"
    assert set(export.table.loc[horse, "caption"]) == {"a horse"}
    assert export.table.loc[export.table["object"] == "camel", "caption"].isna().all()
    with Image.open(BytesIO(export.pictures[0])) as picture:
        assert picture.size == (THUMB_SIDE, THUMB_SIDE)


def test_pictures_are_drawn_where_they_are_missing_or_said_to_be_gone(empty_home: Path) -> None:
    images = pictured(empty_home)
    asked: list[list[int]] = []
    told: list[tuple[int, int]] = []

    def ensure_rendered(rows: list[int], progress: object) -> None:
        asked.append(list(rows))
        progress(1, 2)  # type: ignore[operator]

    drawing = dataclasses.replace(images, ensure_rendered=ensure_rendered)
    export = shown(publish(images, BASE), drawing, lambda done, of: told.append((done, of)))
    assert asked == [export.model.rows.tolist()]
    assert told == [(1, 2)]
    images.path(int(export.model.rows[0])).unlink()
    with pytest.raises(ImageSetError, match="cannot be read"):
        shown(export.model.artifact, images)
