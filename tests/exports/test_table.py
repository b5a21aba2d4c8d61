"""What is exported of a map: a row for each picture and caption, and what each is."""

from __future__ import annotations

import dataclasses
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.runs.pictured import colour, middle, pictured
from tests.runs.stand_ins import BASE, image_set, publish
from vlcore.compare.comparison import compare
from vlcore.compare.model_map import model_map
from vlcore.core.condition import Condition
from vlcore.core.options import IMPORTED
from vlcore.datasets.imageset import ImageSetError, tile
from vlcore.exports.table import THUMB_SIDE, MapTable, shown

DESCRIPTIVE = BASE.replace(labels="descriptive", bias=0.5)


def show(condition: Condition, folder: Path) -> MapTable:
    images = pictured(folder)
    return shown(publish(images, condition), images)


def test_every_row_says_what_the_compare_page_says(empty_home: Path) -> None:
    images = pictured(empty_home)
    artefact = publish(images, DESCRIPTIVE)
    export, page = shown(artefact, images), compare([model_map(artefact)], images, lambda _, rows: ["x"] * len(rows))
    pictures = export.table[export.table["kind"] != "caption"].set_index("id")
    seen = page.points.set_index("id").loc[pictures.index]
    for column in ("object", "context", "group", "kind", "minority", "scene"):
        assert pictures[column].tolist() == seen[column].tolist(), column
    assert pictures["caption"].tolist() == seen["caption_0"].tolist()
    assert pictures["predicted"].tolist() == seen["says_0"].tolist()
    assert [{True: "right", False: "wrong"}[value] for value in pictures["right"]] == seen["right_0"].tolist()
    assert {True, False} <= set(pictures["right"])
    assert pictures["file_name"].tolist() == images.table["file_name"].iloc[export.model.rows].tolist()
    # The page turns its map onto itself and rounds.
    distances = [np.linalg.norm(np.diff(places.to_numpy(float), axis=0), axis=1) for places in (
        pictures[["x", "y"]], seen[["x0", "y0"]])]  # fmt: skip
    assert np.allclose(*distances, atol=1e-4)


def test_captions_follow_the_pictures(empty_home: Path) -> None:
    export = show(DESCRIPTIVE, empty_home)
    n = len(export.model.rows)
    captions = export.table.iloc[n:]
    assert captions["kind"].tolist() == ["caption"] * 4
    assert captions["caption"].tolist() == list(export.model.captions)
    assert captions[["object", "context", "group", "minority", "predicted", "right", "scene"]].isna().all(axis=None)
    assert np.array_equal(export.z, np.concatenate([export.model.z, export.model.caption_z]))
    places = np.concatenate([export.model.points, export.model.caption_points])
    assert np.array_equal(export.table[["x", "y"]].to_numpy(float), places)
    assert export.table["id"].is_unique
    about = export.about
    assert (about["key"], about["licence_of_pictures"]) == (export.model.artefact.key, "not stated")
    assert about["title"].startswith("50 % removed")
    assert Condition(**about["condition"]) == DESCRIPTIVE


def test_what_a_model_does_not_have_is_none(empty_home: Path) -> None:
    images = pictured(empty_home)
    unread, captioner = (
        shown(publish(images, condition), images)
        for condition in (BASE.replace(labels="context"), BASE.replace(objective="captioner"))
    )
    for column in ("predicted", "right"):
        assert all(value is None for value in unread.table[column])
    assert len(captioner.table) == len(captioner.z) == len(captioner.pictures) == len(captioner.model.rows)
    assert not (captioner.table["kind"] == "caption").any()
    assert captioner.about["captions"] == ["horse", "camel"]


def test_a_picture_is_small_and_its_own(empty_home: Path) -> None:
    export = show(DESCRIPTIVE, empty_home)
    assert len(export.pictures) == len(export.table)
    for row, content in zip(export.model.rows, export.pictures, strict=False):
        with Image.open(BytesIO(content)) as picture:
            assert (picture.format, picture.size) == ("WEBP", (THUMB_SIDE, THUMB_SIDE // 2))
            assert np.allclose(middle(np.asarray(picture.convert("RGB"))), colour(int(row)), atol=12)
    with Image.open(BytesIO(export.pictures[-4])) as words:  # horse on / the grass
        expected = Image.fromarray(tile("horse on", "the grass")).resize(
            (THUMB_SIDE, THUMB_SIDE), Image.Resampling.BICUBIC
        )
        assert abs(np.asarray(words.convert("RGB"), int) - np.asarray(expected, int)).mean() < 6


def test_embeddings_without_pictures_get_tiles(empty_home: Path) -> None:
    images = image_set()
    images = dataclasses.replace(images, about={"pictures": "none"})
    images.table["caption"] = np.where(images.table["object"] == "horse", "a horse", "")
    artefact = publish(image_set(), BASE)
    vars(artefact)["condition"] = Condition(objective=IMPORTED, labels="constant", steps=0)
    export = shown(artefact, images)
    horse = export.table["object"] == "horse"
    assert set(export.table.loc[horse, "caption"]) == {"a horse"}
    assert export.table.loc[export.table["object"] == "camel", "caption"].isna().all()
    with Image.open(BytesIO(export.pictures[0])) as picture:
        assert picture.size == (THUMB_SIDE, THUMB_SIDE)


def test_a_picture_that_is_gone_is_a_sentence(empty_home: Path) -> None:
    images = pictured(empty_home)
    artefact = publish(images, BASE)
    images.path(int(model_map(artefact).rows[0])).unlink()
    with pytest.raises(ImageSetError, match="cannot be read"):
        shown(artefact, images)


def test_pictures_are_drawn_where_they_are_missing(empty_home: Path) -> None:
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
    assert isinstance(export.table, pd.DataFrame)
