"""Published benchmarks are recognised by their folders and read as their authors lay them out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.datasets.importers.sources import groups, rows_of
from vlcore.datasets.importers import ImportSetError, look

Tree = Any


def test_spawrious(tree: Tree) -> None:
    files = {
        "spawrious224/0/desert/corgi/m_prompt_40_3.png": 1,
        "spawrious224/1/snow/labrador/1.jpg": 2,
        "spawrious224/0/beach/bulldog/m_prompt_99_1.png": 3,
        "spawrious224/readme/desert/poodle/1.png": 4,
    }
    found = look(tree(files))
    assert found.format == "spawrious"
    assert rows_of(found, "object", "context", "split", "factors") == [
        ["bulldog", "beach", "", "{}"],
        # 40 = (2 * 3 + 0) * 6 + 4: the third coat, the first pose, the fifth time of day
        ["corgi", "desert", "", '{"fur": "white", "pose": "sitting", "time of day": "4"}'],
        ["labrador", "snow", "", "{}"],
    ]


def test_metashift(tree: Tree) -> None:
    files = {
        "M/train/cat/cat(indoor)/1.jpg": 1,
        "M/test/cat/cat(outdoor)/1.jpg": 1,
        "M/train/dog/dog(outdoor)/2.jpg": 2,
        "M/test/dog/dog(indoor)/3.jpg": 3,
        "M/cover.jpg": 4,
    }
    found = look(tree(files))
    assert found.format == "metashift"
    assert rows_of(found, "object", "context", "split", "id") == [
        ["cat", "outdoor", "", "1"],
        ["dog", "indoor", "", "3"],
        ["cat", "indoor", "", "1"],
        ["dog", "outdoor", "", "2"],
    ]
    assert found.skipped == [("M/cover.jpg", "lies outside the folders class(context)")]


def test_a_copied_folder_is_not_metashift(tree: Tree) -> None:
    assert look(tree(groups(2, 2, 2, 2) | {"horse_grass (2)/1.png": 9})).format == "folders"


def test_nico(tree: Tree) -> None:
    files: dict[str, Any] = {
        f"public_dg_0416/train/{context}/{name}/{context}_1.jpg": 1
        for context in ("grass", "water")
        for name in ("horse", "hot air balloon", "stray")
    }
    files["dg_label_id_mapping.json"] = json.dumps({"horse": 0, "hot air balloon": 1})
    root = tree(files)
    found = look(root)
    assert found.format == "nico++"
    assert rows_of(found, "object", "context", "split") == [
        ["horse", "grass", ""],
        ["hot air balloon", "grass", ""],
        ["horse", "water", ""],
        ["hot air balloon", "water", ""],
    ]
    assert len(found.skipped) == 2
    (root / "grass_train.txt").write_text("NICO/grass/hot air balloon/grass_1.jpg 1\nNICO/grass/horse/grass_1.jpg 0\n")
    (root / "water_test.txt").write_text("NICO/water/hot air balloon/water_1.jpg 1\n")
    assert look(root).table["split"].tolist() == ["train", "train", "", "test"]
    (root / "dg_label_id_mapping.json").write_text("[]")
    with pytest.raises(ImportSetError, match=r"dg_label_id_mapping\.json is no JSON object of classes"):
        look(root)


def test_nico_is_known_by_its_folder_too(tree: Tree) -> None:
    found = look(tree({"public_dg_0416/train/rock/cow/1.jpg": 1, "public_dg_0416/train/dim/cow/1.jpg": 2}))
    assert (found.format, sorted(found.counts().columns)) == ("nico++", ["dim", "rock"])


def test_imagenet9(tree: Tree) -> None:
    files = {
        "bg_challenge/original/val/00_dog/n1_1.JPEG": b"x",
        "bg_challenge/mixed_rand/val/02_wheeled vehicle/n2_1.JPEG": b"x",
        "bg_challenge/fg_mask/val/00_dog/n1_1.npy": b"x",
    }
    found = look(tree(files))
    assert found.format == "imagenet-9"
    assert rows_of(found, "object", "context", "mask", "id") == [
        ["wheeled vehicle", "mixed rand", "", "02_wheeled vehicle/n2_1"],
        ["dog", "original", "bg_challenge/fg_mask/val/00_dog/n1_1.npy", "00_dog/n1_1"],
    ]


def test_mixed_pictures_of_imagenet9_belong_to_the_animal_that_they_show(tree: Tree) -> None:
    dog, bird = "n02085620_10074", "n01530575_6"
    files = {
        f"original/val/00_dog/{dog}.JPEG": b"x",
        f"mixed_same/val/00_dog/fg_{dog}_bg_n02099601_3.JPEG": b"x",
        f"mixed_rand/val/00_dog/fg_{dog}_bg_{bird}.JPEG": b"x",
        f"mixed_next/val/01_bird/fg_{bird}_bg_{dog}.JPEG": b"x",
        f"original/val/01_bird/{bird}.JPEG": b"x",
        f"only_fg/val/01_bird/{dog}.JPEG": b"x",
    }
    ids = dict(zip(*look(tree(files)).table[["file", "id"]].to_numpy().T, strict=True))
    assert [ids[file] for file in files] == [f"00_dog/{dog}"] * 3 + [f"01_bird/{bird}"] * 2 + [f"01_bird/{dog}"]
