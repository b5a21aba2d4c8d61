"""Formats are named, found out, refused where a source has another, and added by one entry."""

import json
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tests.data.importers.sources import Tree, groups, rows_of, table, write
from vlcore.data.catalogue import open_set
from vlcore.data.importers import (
    ImportSetError,
    format_names,
    format_titles,
    formats,
    importing,
    list_source,
)
from vlcore.data.importers.source import Contents, Row, Source
from vlcore.data.importers.tables import path_inside, read_tables
from vlcore.experiment import limits

DETECTED = (
    "imagefolder",
    "labels-csv",
    "captions-csv",
    "waterbirds",
    "spawrious",
    "metashift",
    "nico++",
    "imagenet-9",
)


def test_a_source_that_is_not_what_it_is_said_to_be_is_refused(tree: Tree) -> None:
    assert format_names() == ("auto", *DETECTED, "folders", "context-first")
    root = tree(groups(1, 1, 1, 1))
    with pytest.raises(ImportSetError, match=r"source is not of the format nico\+\+, which needs"):
        list_source(root, "nico++")


def test_what_holds_nothing_or_is_not_known_says_what_to_do(tree: Tree, tmp_path: Path) -> None:
    root = tree({"1.png": 1, "2.png": 2})
    with pytest.raises(ImportSetError, match=r"source is not known; .* OBJECT/CONTEXT"):
        list_source(root)
    (root / "metadata.csv").write_text("file_name,label\n1.png,3\n")
    with pytest.raises(ImportSetError, match=r"metadata.csv has the columns file_name, label\."):
        list_source(root)
    with pytest.raises(ImportSetError, match="empty holds no image; it needs PNG, JPEG or WebP"):
        list_source(write(tmp_path / "empty", {}))
    with pytest.raises(ImportSetError, match=r"odd holds no image .*: a.tif is not a PNG"):
        list_source(write(tmp_path / "odd", {"a.tif": b"x", "b.txt": "x"}))


def read_tags(source: Source) -> Contents | None:
    """A reader of a table tags.csv."""

    def is_tags(file: str) -> bool:
        return PurePosixPath(file).name == "tags.csv"

    rows, skipped = [], []
    for tags in read_tables(source, is_tags, ("file", "label", "background")):
        for record in tags.records:
            file, reason = path_inside(tags.folder, record["file"], source.by_name)
            if reason:
                skipped.append((record["file"], reason))
            else:
                rows.append(Row(file, record["label"], record["background"]))
    return Contents("A table tags.csv.", rows, skipped) if rows else None


def test_a_new_importer_is_one_entry(tree: Tree, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = formats.Format("tags", "tables tags.csv", read_tags, "a tags.csv")
    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, tags))
    # In this process, for a helper does not know the new entry.
    monkeypatch.setattr(
        importing, "list_source_apart", lambda path, name, _seconds: list_source(path, name)
    )
    monkeypatch.setenv("COLUMNS", "400")
    code, out, _ = cli("data", "import", "--help")
    assert (code, "imagenet-9,folders,context-first,tags" in out.replace(", ", ",")) == (0, True)
    assert "tables tags.csv" in format_titles(), "the page names it"
    pairs = [(obj, context) for obj in ("cat", "dog") for context in ("sofa", "snow")]
    lines = [(f"{n}.png", *pairs[n % 4]) for n in range(16)]
    files = {f"{n}.png": n for n in range(16)}
    text = table(("file", "label", "background"), *lines, ("gone.png", "cat", "sofa"))
    code, out, _ = cli("data", "import", tree(files | {"tags.csv": text}), "--name", "pets")
    assert (code, "format: tags\n" in out) == (0, True)
    assert set(open_set("pets").counts()["pool"].values()) == {4}
    assert open_set("pets").about["skipped"] == 1


def test_labels_and_backgrounds_in_a_table(tree: Tree, tmp_path: Path) -> None:
    head = ("file", "label", "background")
    lines = [("1.png", "cat", "sofa"), ("p/2.png", "dog", "snow"), ("3.png", "cat", "")]
    files = {"m/1.png": 1, "m/p/2.png": 2, "m/3.png": 3}
    found = list_source(
        tree(files | {"m/labels.csv": table(head, *lines, ("gone.png", "cat", "sofa"))})
    )
    assert found.format == "labels-csv"
    assert rows_of(found, "file", "object", "context") == [
        ["m/1.png", "cat", "sofa"],
        ["m/p/2.png", "dog", "snow"],
    ]
    assert [name for name, _ in found.skipped] == ["3.png", "gone.png"]
    assert not found.warnings
    other = groups(1, 1, 1, 1) | {"labels.csv": table(("file", "label"), ("1.png", "cat"))}
    found = list_source(write(tmp_path / "other", other))
    assert found.format == "folders"
    ((name, reason),) = found.skipped
    assert (name, reason.startswith("has the columns file, label;")) == ("labels.csv", True)
    (warning,) = found.warnings
    assert warning.startswith("labels.csv has no column background (or context, place …), so its")
    odd = {"labels.csv": table(("Datei", "Klasse"), ("1.png", "cat")), "1.png": 1}
    source = write(tmp_path / "odd", odd)
    for format in ("auto", "labels-csv"):
        with pytest.raises(ImportSetError, match=r"Its labels\.csv has the columns Datei, Klasse"):
            list_source(source, format)
    (source / "labels.csv").write_text("")
    with pytest.raises(ImportSetError, match="not of the format folders, which needs"):
        list_source(source, "folders")


STRAYS = {
    "predictions.csv": table(("image", "text"), ("horse_grass/0.png", "a horse")).encode(),
    "latin.csv": table(("image", "text"), ("horse_grass/0.png", "Bär")).encode("latin-1"),
    "log.csv": b"a,b\n" + b"1,2\n" * 30,
    "metadata.csv": b"name,size\n0.png,1,2\n",
}


@pytest.mark.parametrize("stray", STRAYS)
def test_a_stray_table_does_not_decide_what_folders_say(
    stray: str, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PICTURE_BYTES", 100)
    files = {stray: STRAYS[stray], "sizes.csv": "name,size\n"}
    found = list_source(tree({**dict.fromkeys(groups(2, 2, 2, 2), "x"), **files}))
    assert (found.format, len(found.table)) == ("folders", 8)
    assert [name for name, _ in found.skipped] == [stray] * (stray != "metadata.csv")


def test_captions_of_a_metadata_table_are_read_unless_the_format_says_folders(tree: Tree) -> None:
    listing = table(("file_name", "text"), ("horse_grass/0.png", "a horse"))
    root = tree({**dict.fromkeys(groups(2, 2, 2, 2), "x"), "metadata.csv": listing})
    found = list_source(root)
    assert (found.format, found.table["caption"].tolist()) == ("imagefolder", ["a horse"])
    assert len(list_source(root, "folders").table) == 8


def test_a_table_of_captions_is_read_where_folders_say_nothing(tree: Tree) -> None:
    root = tree({"horse_grass/0.png": "x", "a.csv": STRAYS["predictions.csv"]})
    assert list_source(root).format == "captions-csv"
    (root / "b.csv").write_bytes(STRAYS["latin.csv"])
    found = list_source(root)
    assert found.table["caption"].tolist() == ["a horse"]
    assert found.skipped == [("b.csv", "is a table that cannot be read")]
    (root / "a.csv").write_bytes(STRAYS["latin.csv"])
    with pytest.raises(ImportSetError, match="not written in UTF-8"):
        list_source(root)


def test_spawrious_and_metashift(tree: Tree, tmp_path: Path) -> None:
    names = (
        "0/desert/corgi/m_prompt_40_3 1/snow/labrador/1 0/beach/bulldog/m_prompt_99_1"
        " readme/desert/poodle/1"
    )
    found = list_source(
        tree({f"spawrious224/{name}.png": number for number, name in enumerate(names.split())})
    )
    assert found.format == "spawrious"
    assert rows_of(found, "object", "context", "split", "factors") == [
        ["bulldog", "beach", "", "{}"],
        # 40 = (2 * 3 + 0) * 6 + 4: the third coat, the first pose, the fifth time of day
        ["corgi", "desert", "", '{"fur": "white", "pose": "sitting", "time of day": "4"}'],
        ["labrador", "snow", "", "{}"],
    ]
    names = (
        "train/cat/cat(indoor)/1 test/cat/cat(outdoor)/1 train/dog/dog(outdoor)/2"
        " test/dog/dog(indoor)/3 cover"
    )
    found = list_source(write(tmp_path / "meta", {f"M/{name}.jpg": 1 for name in names.split()}))
    assert found.format == "metashift"
    assert rows_of(found, "object", "context", "split", "id") == [
        ["cat", "outdoor", "", "1"],
        ["dog", "indoor", "", "3"],
        ["cat", "indoor", "", "1"],
        ["dog", "outdoor", "", "2"],
    ]
    assert found.skipped == [("M/cover.jpg", "lies outside the folders class(context)")]
    copied = write(tmp_path / "copied", groups(2, 2, 2, 2) | {"horse_grass (2)/1.png": 9})
    assert list_source(copied).format == "folders", "copies of folders are not metashift"


def test_nico(tree: Tree, tmp_path: Path) -> None:
    alone = {"public_dg_0416/train/rock/cow/1.jpg": 1, "public_dg_0416/train/dim/cow/1.jpg": 2}
    assert list_source(write(tmp_path / "alone", alone)).format == "nico++", (
        "the folders alone tell it"
    )
    names = product(("grass", "water"), ("horse", "hot air balloon", "stray"))
    files: dict[str, Any] = {
        f"public_dg_0416/train/{place}/{name}/{place}_1.jpg": 1 for place, name in names
    }
    files["dg_label_id_mapping.json"] = json.dumps({"horse": 0, "hot air balloon": 1})
    root = tree(files)
    found = list_source(root)
    assert found.format == "nico++"
    assert rows_of(found, "object", "context", "split") == [
        ["horse", "grass", ""],
        ["hot air balloon", "grass", ""],
        ["horse", "water", ""],
        ["hot air balloon", "water", ""],
    ]
    assert len(found.skipped) == 2
    (root / "grass_train.txt").write_text(
        "NICO/grass/hot air balloon/grass_1.jpg 1\nNICO/grass/horse/grass_1.jpg 0\n"
    )
    (root / "water_test.txt").write_text("NICO/water/hot air balloon/water_1.jpg 1\n")
    assert list_source(root).table["split"].tolist() == ["train", "train", "", "test"]
    (root / "dg_label_id_mapping.json").write_text("[]")
    with pytest.raises(ImportSetError, match=r"mapping\.json is no JSON object of classes"):
        list_source(root)


def test_pictures_of_imagenet9_belong_to_the_animal_that_they_show(tree: Tree) -> None:
    dog, bird = "n02085620_10074", "n01530575_6"
    root = tree(
        {
            f"original/val/00_dog/{dog}.JPEG": b"x",
            f"mixed_same/val/00_dog/fg_{dog}_bg_n02099601_3.JPEG": b"x",
            f"mixed_rand/val/02_wheeled vehicle/fg_{bird}_bg_{dog}.JPEG": b"x",
            f"only_fg/val/01_bird/{dog}.JPEG": b"x",
            f"fg_mask/val/00_dog/{dog}.npy": b"x",
        }
    )
    found = list_source(root)
    assert found.format == "imagenet-9"
    assert rows_of(found, "object", "context", "mask", "id") == [
        ["wheeled vehicle", "mixed rand", "", f"02_wheeled vehicle/{bird}"],
        ["dog", "mixed same", "", f"00_dog/{dog}"],
        ["bird", "only fg", "", f"01_bird/{dog}"],
        ["dog", "original", f"fg_mask/val/00_dog/{dog}.npy", f"00_dog/{dog}"],
    ]
