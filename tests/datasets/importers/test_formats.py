"""Every format is recognised by its marks and read as its authors lay it out."""

from __future__ import annotations

import csv
import json
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlcore.datasets.catalogue import open_set
from vlcore.datasets.importers import ImportSetError, Listing, format_names, formats, look
from vlcore.datasets.importers.folders import cut_names
from vlcore.datasets.importers.selection import Found, Row
from vlcore.datasets.importers.source import Source

Tree = Any


def table(*rows: tuple[Any, ...], tabs: bool = False) -> str:
    out = StringIO()
    csv.writer(out, delimiter="\t" if tabs else ",").writerows(rows)
    return out.getvalue()


def rows_of(listing: Listing, *columns: str) -> list[list[str]]:
    return listing.table[list(columns)].to_numpy().tolist()


PLACED = ("file", "object", "context", "split")


# --- folders


@pytest.mark.parametrize("wrap", ["", "pictures/", "a/b/"])
@pytest.mark.parametrize("pattern", ["{0}/{1}/{2}.png", "{0}_{1}/{2}.png"])
def test_folders_name_object_and_context(wrap: str, pattern: str, tree: Tree, groups: Any) -> None:
    found = look(tree({wrap + name: seed for name, seed in groups(3, 1, 2, 1, pattern=pattern).items()}))
    assert found.format == "folders"
    assert found.about == f"Folders named {pattern[: pattern.rindex('/')].format('OBJECT', 'CONTEXT')}."
    assert found.counts().to_dict("split") == {
        "index": ["horse", "camel"],
        "columns": ["grass", "desert"],
        "data": [[3, 1], [1, 2]],
    }
    assert found.default_choice() == (("horse", "camel"), ("grass", "desert"))
    assert found.skipped == []
    assert found.table["file"].is_monotonic_increasing


@pytest.mark.parametrize("pattern", ["{0}/{1}/{2}.jpg", "{0}_{1}/{2}.jpg"])
def test_folders_may_lie_in_splits(pattern: str, tree: Tree, groups: Any) -> None:
    """SpuCo's ``split/<class>/<spurious>`` is this too."""
    files = {
        f"{split}/{name}": 1 for split in ("train", "valid", "test") for name in groups(1, 1, 1, 1, pattern=pattern)
    }
    found = look(tree(files))
    assert found.table["split"].value_counts().to_dict() == {"train": 4, "val": 4, "test": 4}
    assert sorted(found.counts().columns) == ["desert", "grass"]


def test_one_object_is_an_object_and_no_wrapping(tree: Tree) -> None:
    found = look(tree({"horse/grass/1.png": 1, "horse/desert/1.png": 2}))
    assert found.counts().to_dict() == {"grass": {"horse": 1}, "desert": {"horse": 1}}


def test_contexts_first_when_it_is_said(tree: Tree) -> None:
    root = tree({"snow/cat/1.png": 1, "grass/dog/1.png": 2})
    assert rows_of(look(root, "context-first"), "object", "context") == [["dog", "grass"], ["cat", "snow"]]
    assert rows_of(look(root), "object", "context") == [["grass", "dog"], ["snow", "cat"]]


def test_what_lies_elsewhere_is_listed(tree: Tree, groups: Any) -> None:
    root = tree(
        groups(1, 1, 1, 1) | {"cover.png": 1, "horse_grass/deep/er/1.png": 2, "other/1.png": 3, "x_y/a.gif": b"g"}
    )
    assert dict(look(root).skipped) == {
        "cover.png": "lies outside the folders OBJECT_CONTEXT",
        "horse_grass/deep/er/1.png": "lies outside the folders OBJECT_CONTEXT",
        "other/1.png": "lies outside the folders OBJECT_CONTEXT",
        "x_y/a.gif": "is not a PNG, JPEG or WebP picture; convert it",
    }


def test_several_underscores_are_cut_where_all_names_fit(tree: Tree) -> None:
    names = ["polar_bear_deep_snow", "polar_bear_grass", "dog_deep_snow", "dog_grass"]
    found = look(tree({f"{name}/1.png": seed for seed, name in enumerate(names)}))
    assert sorted(found.counts().index) == ["dog", "polar bear"]
    assert sorted(found.counts().columns) == ["deep snow", "grass"]


word = st.text("abcdef", min_size=1, max_size=3)
name = st.lists(word, min_size=1, max_size=3).map("_".join)


@settings(max_examples=100, deadline=None)
@given(st.sets(name, min_size=2, max_size=4), st.sets(name, min_size=2, max_size=4))
def test_a_full_cross_is_cut_into_as_few_names_as_it_was_made_of(firsts: set[str], seconds: set[str]) -> None:
    cut = cut_names([f"{first}_{second}" for first in firsts for second in seconds])
    assert all("_".join(pair) == whole for whole, pair in cut.items())
    single = all("_" not in part for part in firsts | seconds)
    if single:
        assert {pair[0] for pair in cut.values()} == firsts
        assert {pair[1] for pair in cut.values()} == seconds


def test_masks_and_captions_lie_beside_or_in_a_tree_of_their_own(tree: Tree) -> None:
    files = {
        "horse/grass/1.png": 1,
        "horse/grass/1.txt": "a brown horse",
        "horse/desert/1.png": 2,
        "camel/grass/2.jpg": 3,
        "camel/desert/3.webp": 4,
        "masks/horse/grass/1.png": 5,
        "horse/desert/masks/1.png": 5,
        "masks/2.png": 5,
    }
    assert rows_of(look(tree(files)), "file", "mask", "caption") == [
        ["camel/desert/3.webp", "", ""],
        ["camel/grass/2.jpg", "masks/2.png", ""],
        ["horse/desert/1.png", "horse/desert/masks/1.png", ""],
        ["horse/grass/1.png", "masks/horse/grass/1.png", "a brown horse"],
    ]


def test_a_mask_by_its_stem_is_used_where_only_one_picture_has_it(tree: Tree, groups: Any) -> None:
    found = look(tree(groups(1, 1, 1, 1) | {"masks/0.png": 9}))
    assert set(found.table["mask"]) == {""}


# --- tables


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_imagefolder_with_objects_and_contexts(kind: str, tree: Tree) -> None:
    records = [
        {"file_name": "a/1.png", "object": "cat", "context": "snow", "split": "train", "text": "me", "mask": "m/1.png"},
        {"file_name": "a/2.png", "object": "dog", "context": "grass", "split": "test", "text": "", "mask": "m/2.png"},
        {"file_name": "../out.png", "object": "dog", "context": "grass"},
        {"file_name": "/etc/passwd", "object": "dog", "context": "grass"},
        {"file_name": "gone.png", "object": "dog", "context": "grass"},
    ]
    text = pd.DataFrame(records).to_csv(index=False) if kind == "csv" else "\n".join(map(json.dumps, records))
    found = look(tree({f"set/metadata.{kind}": text, "set/a/1.png": 1, "set/a/2.png": 2, "set/m/1.png": 3}))
    assert found.format == "imagefolder"
    assert found.about == f"A table metadata.{kind} with objects and contexts."
    assert rows_of(found, *PLACED, "caption", "mask") == [
        ["set/a/1.png", "cat", "snow", "train", "me", "set/m/1.png"],
        ["set/a/2.png", "dog", "grass", "test", "", ""],
    ]
    assert dict(found.skipped) == {
        "../out.png": "is a path that leads out of the table's folder",
        "/etc/passwd": "is a path that leads out of the table's folder",
        "gone.png": "is in the table, but no such file is there",
    }


def test_an_imagefolder_with_a_table_in_each_split(tree: Tree) -> None:
    files: dict[str, Any] = {}
    for split in ("train", "test"):
        files[f"{split}/metadata.csv"] = table(("file_name", "text"), ("1.png", "a cat in the snow"))
        files[f"{split}/1.png"] = 1
    found = look(tree(files))
    assert found.about == "A table metadata.csv with captions only."
    assert rows_of(found, *PLACED) == [["test/1.png", "", "", "test"], ["train/1.png", "", "", "train"]]


def test_an_own_set_keeps_its_scenes_and_factors(tree: Tree) -> None:
    columns = ("file_name", "object", "context", "split", "caption", "mask", "scene", "factors")
    row = ("1.png", "cat", "snow", "train", "cat", "", "s1", '{"coat": "grey"}')
    found = look(tree({"metadata.csv": table(columns, row), "1.png": 1}))
    assert rows_of(found, "id", "factors") == [["s1", '{"coat": "grey"}']]


def test_text_that_is_no_text_is_cleaned_out_of_a_table(tree: Tree) -> None:
    half = "\\ud800"  # half of a character, which JSON can write and no file can hold
    record = f'{{"file_name": "1.png", "object": "a{half}", "context": "b", "scene": "s{half}", "text": "{half}c"}}'
    names = f'{{"file_name": "{half}.png", "object": "a", "context": "b"}}'
    found = look(tree({"metadata.jsonl": f"{record}\n{names}", "1.png": 1}))
    assert rows_of(found, "object", "context", "id", "caption") == [["a", "b", "s", "c"]]
    assert found.skipped == [(".png", "is in the table, but no such file is there")]


@pytest.mark.parametrize("tabs", [True, False])
@pytest.mark.parametrize("names", [("filepath", "title"), ("image", "caption"), ("file_name", "text")])
def test_a_list_of_paths_and_captions(tabs: bool, names: tuple[str, str], tree: Tree) -> None:
    lines = [names, ("p/1.png", "a cat, in the snow"), ("p/2.png", 'a "dog"'), ("p/2.png", "once more"), ("q.png", "")]
    found = look(tree({"lists/train.csv": table(*lines, tabs=tabs), "lists/p/1.png": 1, "lists/p/2.png": 2}))
    assert found.format == "captions-csv"
    assert rows_of(found, "file", "caption", "split")[:2] == [
        ["lists/p/1.png", "a cat, in the snow", "train"],
        ["lists/p/2.png", 'a "dog"', "train"],
    ]
    assert found.skipped == [("q.png", "is in the table, but no such file is there")]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_with_semicolons_between_its_columns(mark: str, tree: Tree) -> None:
    text = f'{mark}file_name;object;context;text\n1.png;cat;snow;"a cat; in snow, alone"\n2.png;dog;grass;\n'
    found = look(tree({"metadata.csv": text, "1.png": 1, "2.png": 2}))
    assert rows_of(found, *PLACED, "caption") == [
        ["1.png", "cat", "snow", "", "a cat; in snow, alone"],
        ["2.png", "dog", "grass", "", ""],
    ]
    root = tree({"metadata.csv": "file_name;label", "1.png": 1})
    (root / "metadata.csv").write_text("file_name,text\n1.png,one; two; three\n")
    assert rows_of(look(root), "caption") == [["one; two; three"]], "commas, where there are more of them in the head"


@pytest.mark.parametrize("file", ["metadata.csv", "metadata.jsonl", "list.tsv"])
def test_a_table_in_another_encoding_is_refused_and_never_guessed_at(file: str, tree: Tree) -> None:
    text = {
        "metadata.csv": "file_name,object,context\n1.png,Hünd,sofa\n",
        "metadata.jsonl": '{"file_name": "1.png", "object": "Hünd", "context": "sofa"}\n',
        "list.tsv": "filepath\ttitle\n1.png\tein Hünd\n",
    }[file]
    root = tree({file: text, "1.png": 1})
    assert "Hünd" in str(rows_of(look(root), "object", "caption"))
    (root / file).write_bytes(text.encode("latin-1"))
    with pytest.raises(ImportSetError, match=rf"The table {file} is not written in UTF-8; save it as UTF-8\.$"):
        look(root)


def test_other_files_of_text_are_utf_8_too(tree: Tree, groups: Any) -> None:
    root = tree(groups(1, 1, 1, 1) | {"horse_grass/0.txt": "ä" * 4096, "camel_grass/0.txt": "Hünd".encode("latin-1")})
    with pytest.raises(ImportSetError, match=r"The caption camel_grass/0\.txt is not written in UTF-8; save it as"):
        look(root)
    (root / "camel_grass/0.txt").unlink()
    assert "ä" * 300 in set(look(root).table["caption"]), "cut within a letter, which is no fault of the file's"
    nico = tree({"public_dg_0416/train/rock/cow/1.jpg": 1, "rock_train.txt": "é/rock/cow/1.jpg 1".encode("latin-1")})
    with pytest.raises(ImportSetError, match=r"The list rock_train\.txt is not written in UTF-8; save it as UTF-8"):
        look(nico, "nico++")


def test_tables_about_other_things_are_passed_over(tree: Tree, groups: Any) -> None:
    notes = {"sizes.csv": "größe;zahl".encode("latin-1"), "empty.csv": "", "cut.csv": 'a,"b'}
    assert look(tree(groups(1, 1, 1, 1) | notes)).format == "folders"


def test_a_table_in_which_nothing_stands_is_refused(tree: Tree) -> None:
    for text in ("", "\n\n", "file_name,object,context\n"):
        with pytest.raises(ImportSetError, match=r"The table metadata\.csv has no lines; fill it, or take it away\.$"):
            look(tree({"metadata.csv": text, "1.png": 1}))


def test_a_quotation_mark_that_is_never_closed_is_refused_with_its_line(tree: Tree) -> None:
    text = 'file_name,object,context\n1.png,"big ""old"" cat",snow\n\n"2.png,cat,snow\n3.png,cat,snow\n'
    files: dict[str, Any] = {f"{number}.png": number for number in (1, 2, 3)}
    with pytest.raises(ImportSetError, match=r"quotation mark that is never closed, in line 4 or below"):
        look(tree(files | {"metadata.csv": text}))
    found = look(tree(files | {"metadata.csv": text.replace('"2', "2")}))
    assert rows_of(found, "file", "object") == [["1.png", "big old cat"], ["2.png", "cat"], ["3.png", "cat"]]


def test_lines_that_name_neither_object_nor_caption_are_left_out(tree: Tree) -> None:
    lines = ("file_name", "object", "context", "text"), ("1.png", "cat", "snow", ""), ("2.png", "", "snow", "")
    root = tree({"metadata.csv": table(*lines, ("3.png", "", "", "a dog")), **{f"{n}.png": n for n in (1, 2, 3)}})
    found = look(root)
    assert rows_of(found, "file", "object", "caption") == [["1.png", "cat", ""], ["3.png", "", "a dog"]]
    assert found.skipped == [("2.png", "has neither an object and a context nor a caption in the table")]
    (root / "metadata.csv").write_text(table(lines[0], ("1.png", "", "", ""), ("2.png", "", "", "")))
    with pytest.raises(ImportSetError, match=r"that can be used: 1\.png has neither an object and a context"):
        look(root)


@pytest.mark.parametrize(("text", "line"), [("{not json}", 1), ('{"a": 1}\n[1]', 2), ("[" * 100_000, 1)])
def test_broken_lines_are_named(text: str, line: int, tree: Tree) -> None:
    with pytest.raises(ImportSetError, match=rf"Line {line} of the table metadata\.jsonl is no JSON object"):
        look(tree({"metadata.jsonl": text, "1.png": 1}))


def test_a_csv_with_an_endless_field_is_refused(tree: Tree) -> None:
    with pytest.raises(ImportSetError, match=r"The table metadata\.csv is no readable CSV"):
        look(tree({"metadata.csv": 'file_name,object,context\n"' + "x" * 200_000, "1.png": 1}))


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)), st.sampled_from(["csv", "jsonl"]))
def test_any_table_is_read_or_one_clear_error(tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: str) -> None:
    root = tmp_path_factory.mktemp("tables")
    (root / f"metadata.{kind}").write_bytes((b"file_name,object,context\n1.png," if kind == "csv" else b"") + data)
    (root / "1.png").write_bytes(b"x")
    try:
        files = set(look(root).table["file"])
    except ImportSetError:
        return
    assert files == {"1.png"}


def damaged_zip(path: Path, members: dict[str, bytes]) -> Path:
    """A zip in which every ``DAMAGE`` has been changed after it was packed."""
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in members.items():
            archive.writestr(file, content)
    path.write_bytes(path.read_bytes().replace(b"DAMAGE", b"damage"))
    return path


def test_a_damaged_table_is_refused_and_a_damaged_caption_is_none(tmp_path: Path) -> None:
    pictures = {f"{name}/1.png": b"x" for name in ("horse_grass", "camel_sand")}
    with pytest.raises(ImportSetError, match=r"The table metadata\.csv is damaged in the zip; put one there"):
        look(damaged_zip(tmp_path / "a.zip", pictures | {"metadata.csv": b"file_name,DAMAGE"}))
    nico = {"public_dg_0416/train/rock/cow/1.jpg": b"x", "grass_train.txt": b"DAMAGE"}
    with pytest.raises(ImportSetError, match=r"The list grass_train\.txt is damaged in the zip; put one there"):
        look(damaged_zip(tmp_path / "b.zip", nico))
    found = look(damaged_zip(tmp_path / "c.zip", pictures | {"horse_grass/1.txt": b"DAMAGE"}))
    assert rows_of(found, "caption") == [[""], [""]]


def test_lines_may_leave_things_out_or_null_and_numbers_become_text(tree: Tree) -> None:
    lines = [
        '{"file_name": "1.png", "object": "cat", "context": 7, "split": null}',
        '{"file_name": "2.png", "text": "x"}',
    ]
    found = look(tree({"metadata.jsonl": "\n".join(lines), "1.png": 1, "2.png": 2}))
    assert rows_of(found, *PLACED, "caption") == [["1.png", "cat", "7", "", ""], ["2.png", "", "", "", "x"]]


def waterbirds_rows() -> list[tuple[Any, ...]]:
    return [
        (n, f"{n:03d}.Black_footed_Albatross/bird_{n}.jpg", n % 2, n % 3, n // 2 % 2, "/o/ocean/1.jpg")
        for n in range(1, 7)
    ]


def test_waterbirds(tree: Tree) -> None:
    rows = waterbirds_rows()
    wrap = "waterbird_complete95_forest2water2"
    header = ("img_id", "img_filename", "y", "split", "place", "place_filename")
    files: dict[str, Any] = {f"{wrap}/{row[1]}": row[0] for row in rows}
    files[f"{wrap}/metadata.csv"] = table(header, *rows, (9, "009.No/1.jpg", 0, 0, 0, ""), (1, rows[0][1], 7, 0, 0, ""))
    files["CUB/segmentations/001.Black_footed_Albatross/bird_1.png"] = 1
    found = look(tree(files))
    assert found.format == "waterbirds"
    assert rows_of(found, *PLACED)[:3] == [
        [f"{wrap}/{rows[0][1]}", "waterbird", "land", "val"],
        [f"{wrap}/{rows[1][1]}", "landbird", "water", "test"],
        [f"{wrap}/{rows[2][1]}", "waterbird", "water", "train"],
    ]
    assert found.table["mask"].iat[0] == "CUB/segmentations/001.Black_footed_Albatross/bird_1.png"
    assert json.loads(found.table["factors"].iat[0]) == {"species": "Black footed Albatross"}
    assert "Western Meadowlark" in found.about
    assert [reason for _, reason in found.skipped] == [
        "is in the table, but no such file is there",
        "has a y or a place that is neither 0 nor 1",
    ]


def test_waterbirds_as_subpopbench_lists_it(tree: Tree) -> None:
    rows = [(n, f"waterbirds/pictures/{name}", split, y, place) for n, name, y, split, place, _ in waterbirds_rows()]
    files: dict[str, Any] = {f"data/pictures/{name}": n for n, name, *_ in waterbirds_rows()}
    beside: dict[str, Any] = {f"data/{name}": n for n, name, *_ in waterbirds_rows()}
    files["data/metadata_waterbirds.csv"] = table(("id", "filename", "split", "y", "a"), *rows)
    found = look(tree(files | beside))
    assert found.format == "waterbirds"
    assert len(found.table) == 6


# --- benchmarks in folders


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


def test_a_copied_folder_is_not_metashift(tree: Tree, groups: Any) -> None:
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


# --- what is none of them


def test_the_formats_are_named() -> None:
    assert format_names() == (
        "auto", "imagefolder", "captions-csv", "waterbirds", "spawrious", "metashift", "nico++", "imagenet-9",
        "folders", "context-first",
    )  # fmt: skip


@pytest.mark.parametrize("format", [name for name in format_names()[1:] if name not in ("folders", "context-first")])
def test_a_source_that_is_not_what_it_is_said_to_be_is_refused(format: str, tree: Tree, groups: Any) -> None:
    root = tree(groups(1, 1, 1, 1))
    with pytest.raises(ImportSetError, match=rf"source is not of the format {format.replace('+', '.')}, which needs"):
        look(root, format)


def test_an_unknown_layout_says_what_to_do(tree: Tree) -> None:
    root = tree({"1.png": 1, "2.png": 2})
    with pytest.raises(ImportSetError, match=r"The layout of source is not known; name its folders OBJECT/CONTEXT"):
        look(root)
    (root / "metadata.csv").write_text("file_name,label\n1.png,3\n")
    with pytest.raises(ImportSetError, match=r"Its metadata has the columns file_name, label\."):
        look(root)


def test_an_empty_source_and_one_without_pictures(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImportSetError, match="empty holds no picture; it needs PNG, JPEG or WebP files"):
        look(tmp_path / "empty")
    with pytest.raises(ImportSetError, match=r"source holds no picture that can be used: a.tif is not a PNG"):
        look(tree({"a.tif": b"x", "b.txt": "x"}))


def test_a_table_of_which_nothing_is_there(tree: Tree) -> None:
    root = tree({"metadata.csv": table(("file_name", "object", "context"), ("1.png", "a", "b"), ("2.png", "a", "b"))})
    with pytest.raises(ImportSetError, match=r"read as imagefolder .*: 1\.png is in the table.*so on for 1 more"):
        look(root)


def test_a_new_importer_is_one_entry(tree: Tree, cli: Any, empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_flat(source: Source) -> Found | None:
        """Files named ``<object>+<context>+<anything>``."""
        rows = [Row(file, *file.split("+")[:2]) for file in source.files if file.count("+") == 2]
        return Found("Names with plus signs.", rows, []) if rows else None

    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, formats.Format("flat", read_flat, "names a+b+c.png")))
    monkeypatch.setenv("COLUMNS", "400")
    code, out, _ = cli("data", "import", "--help")
    assert (code, "nico++, imagenet-9, folders, context-first, flat" in out) == (0, True)
    pairs = [(obj, context) for obj in ("cat", "dog") for context in ("sofa", "snow")]
    source = tree({f"{obj}+{place}+{at}.png": 10 * at + n for n, (obj, place) in enumerate(pairs) for at in range(4)})
    code, out, _ = cli("data", "import", source, "--name", "pets")
    assert (code, "format: flat\n" in out) == (0, True)
    assert set(open_set("pets").counts()["pool"].values()) == {4}
