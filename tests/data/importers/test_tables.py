"""Tables are believed in what they say and nothing else; an unreadable one is one sentence."""

import json
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.importers.sources import Tree, groups, pack, rows_of, table, write
from vlcore.data.catalogue import open_set
from vlcore.data.importers import ImportSetError, import_set, list_source
from vlcore.experiment import limits

PLACED = ("file", "object", "context", "split")
GONE = "is in the table, but no such file is there"
OUTSIDE = "is a path that leads out of the table's folder"
SEMICOLONS = 'file_name;object;context;text\n1.png;cat;snow;"a cat; alone"\n2.png;dog;grass;\n'
HEAD = "file_name,object,context"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_imagefolder_with_objects_and_contexts(kind: str, tree: Tree) -> None:
    head = ("file_name", "object", "context", "split", "text", "mask")
    lines = [
        ("a/1.png", "cat", "snow", "train", "me", "m/1.png"),
        ("a/2.png", "dog", "grass", "test", "", "m/2.png"),
        *((name, "dog", "grass") for name in ("../out.png", "/etc/x", "gone.png")),
    ]
    records = [dict(zip(head, line, strict=False)) for line in lines]
    text = (
        pd.DataFrame(records).to_csv(index=False)
        if kind == "csv"
        else "\n".join(map(json.dumps, records))
    )
    found = list_source(
        tree({f"set/metadata.{kind}": text, "set/a/1.png": 1, "set/a/2.png": 2, "set/m/1.png": 3})
    )
    assert found.format == "imagefolder"
    assert found.about == f"A table metadata.{kind} with objects and contexts."
    one, other = ("cat", "snow", "train", "me", "set/m/1.png"), ("dog", "grass", "test", "", "")
    placed = [["set/a/1.png", *one], ["set/a/2.png", *other]]
    assert rows_of(found, *PLACED, "caption", "mask") == placed
    outside = {"../out.png": OUTSIDE, "/etc/x": OUTSIDE}
    assert dict(found.skipped) == outside | {"gone.png": GONE, "m/2.png": f"is a mask that {GONE}"}


def test_a_table_may_lie_in_each_split_and_say_captions_scenes_and_factors(tree: Tree) -> None:
    lines = (
        ("file_name", "text", "scene", "factors"),
        ("1.png", "a cat in the snow", "s1", '{"coat": "grey"}'),
    )
    splits = ("train", "test")
    files = {f"{split}/metadata.csv": table(*lines) for split in splits} | {
        f"{split}/1.png": 1 for split in splits
    }
    found = list_source(tree(files))
    assert found.about == "A table metadata.csv with captions only."
    assert rows_of(found, *PLACED) == [
        ["test/1.png", "", "", "test"],
        ["train/1.png", "", "", "train"],
    ]
    assert rows_of(found, "id", "factors") == [["s1", '{"coat": "grey"}']] * 2


def test_lines_may_leave_things_out_and_text_that_is_no_text_is_cleaned_out(tree: Tree) -> None:
    half = "\\ud800"  # half of a character, which JSON can write and no file can hold
    lines = [
        f'{{"file_name": "1.png", "object": "a{half}", "context": "b", "text": "{half}c"}}',
        f'{{"file_name": "{half}.png", "object": "a", "context": "b"}}',
        '{"file_name": "2.png", "object": "cat", "context": 7, "split": null}',
        '{"file_name": "3.png", "text": "x"}',
        '{"file_name": "4.png", "object": "", "context": "snow"}',
    ]
    found = list_source(
        tree(
            {
                "metadata.jsonl": "\n".join(lines),
                **{f"{number}.png": number for number in (1, 2, 3, 4)},
            }
        )
    )
    assert rows_of(found, "object", "context", "split", "caption") == [
        ["a", "b", "", "c"],
        ["cat", "7", "", ""],
        ["", "", "", "x"],
    ]
    nothing = "has neither an object and a context nor a caption in the table"
    assert sorted(found.skipped) == [(".png", GONE), ("4.png", nothing)]


@pytest.mark.parametrize(
    ("tabs", "names"), [(True, ("filepath", "title")), (False, ("image", "caption"))]
)
def test_a_list_of_paths_and_captions(tabs: bool, names: tuple[str, str], tree: Tree) -> None:
    lines = [
        names,
        ("p/1.png", "a cat, in the snow"),
        ("p/2.png", 'a "dog"'),
        ("p/2.png", "once more"),
        ("q.png", ""),
    ]
    found = list_source(
        tree({"lists/train.csv": table(*lines, tabs=tabs), "lists/p/1.png": 1, "lists/p/2.png": 2})
    )
    assert found.format == "captions-csv"
    placed = [
        ["lists/p/1.png", "a cat, in the snow", "train"],
        ["lists/p/2.png", 'a "dog"', "train"],
    ]
    assert rows_of(found, "file", "caption", "split")[:2] == placed
    assert found.skipped == [("q.png", GONE)]


def test_the_head_says_what_stands_between_columns_and_of_what_use_it_is(
    tree: Tree, tmp_path: Path
) -> None:
    commas = "file_name,text\n1.png,one; two; three\n2.png,four\n"
    for text, captions in (
        (SEMICOLONS, ["a cat; alone", ""]),
        (commas, ["one; two; three", "four"]),
    ):
        found = list_source(tree({"metadata.csv": f"\ufeff{text}", "1.png": 1, "2.png": 2}))
        assert rows_of(found, "file", "caption") == [["1.png", captions[0]], ["2.png", captions[1]]]
    notes = {"sizes.csv": "größe;zahl".encode("latin-1"), "empty.csv": "", "cut.csv": 'a,"b'}
    assert list_source(write(tmp_path / "other", groups(1, 1, 1, 1) | notes)).format == "folders"


def test_separators_at_the_end_of_lines_are_no_cells_and_no_warning(
    tree: Tree, recwarn: pytest.WarningsRecorder
) -> None:
    for ends in (",", ","), (", ", ",,"), ("", ", "):
        text = "file_name,text\n1.png,a cat{}\n2.png,a dog{}\n".format(*ends)
        found = list_source(tree({"metadata.csv": text, "1.png": 1, "2.png": 2}))
        assert rows_of(found, "caption") == [["a cat"], ["a dog"]]
    assert recwarn.list == []


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["of a\nnight", "of a\u2028night", "of a\r\nnight", " "])
def test_a_head_is_as_wide_as_the_lines_below_it(mark: str, name: str, tree: Tree) -> None:
    head = mark.join([f'"{name}"', "file_name", "text"])
    lines = [mark.join(["x", f"{number}.png", "a cat"]) for number in (1, 2)]
    found = list_source(tree({"metadata.csv": "\n".join([head, *lines]), "1.png": 1, "2.png": 2}))
    assert rows_of(found, "caption") == [["a cat"], ["a cat"]]
    with pytest.raises(ImportSetError, match="has more cells than the head"):
        list_source(tree({"metadata.csv": "\n".join([head, *lines, f"{lines[0]}{mark}y"])}))


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_name_is_the_same_however_its_accents_are_written(
    forms: tuple[str, str], tree: Tree
) -> None:
    named, written = (unicodedata.normalize(form, "é.png") for form in forms)
    assert named != written
    found = list_source(tree({"metadata.csv": f"{HEAD}\n{named},cat,snow\n", written: 1}))
    assert rows_of(found, "file") == [[written]]


def test_two_files_that_differ_in_accents_alone_are_told_apart(tree: Tree) -> None:
    composed, apart = (unicodedata.normalize(form, "é.png") for form in ("NFC", "NFD"))
    lines = f"{HEAD}\n{composed},cat,snow\n{apart},dog,grass\n"
    found = list_source(tree({"metadata.csv": lines, composed: 1, apart: 2}))
    assert dict(rows_of(found, "file", "object")) == {composed: "cat", apart: "dog"}


def test_folders_of_the_files_say_splits_where_the_table_does_not(tree: Tree) -> None:
    lines = ["train/1.png,cat,snow", "test/1.png,dog,grass"]
    files = {"train/1.png": 1, "test/1.png": 2}
    found = list_source(tree({"metadata.csv": "\n".join([HEAD, *lines])} | files))
    assert rows_of(found, "file", "split") == [["test/1.png", "test"], ["train/1.png", "train"]]


def test_columns_that_are_called_as_ours_and_hold_something_else_stay_the_users(tree: Tree) -> None:
    head = ("file_name", "object", "context", "scene", "mask", "factors", "split")
    lines = [
        ("1.png", "cat", "snow", "beach", "yes", "tall", "night"),
        ("2.png", "dog", "grass", "beach", "", "", "train"),
    ]
    found = list_source(tree({"metadata.csv": table(head, *lines), "1.png": 1, "2.png": 2}))
    values = [dict(zip(head[3:], line[3:], strict=True)) for line in lines]
    assert own(rows_of(found, "columns")) == values
    assert rows_of(found, "id", "mask", "split") == [["beach", "", ""], ["beach", "", "train"]]
    ours = [
        ("1.png", "cat", "snow", "s00001", "2.png", '{"a": 1}', "val"),
        ("2.png", "dog", "grass", *[""] * 4),
    ]
    found = list_source(tree({"metadata.csv": table(head, *ours)}))
    assert own(rows_of(found, "columns")) == [{}, {}]


def test_a_row_may_have_long_cells(tree: Tree) -> None:
    text = "猫" * 3_000
    lines = [("1.png", "cat", "snow", text), ("2.png", "dog", "grass", "")]
    head = ("file_name", "object", "context", "note")
    found = list_source(tree({"metadata.csv": table(head, *lines), "1.png": 1, "2.png": 2}))
    assert own(rows_of(found, "columns")) == [{"note": text}, {"note": ""}]


def test_a_table_in_another_encoding_is_refused_and_never_guessed_at(tmp_path: Path) -> None:
    tables = {
        "metadata.csv": "file_name,object,context\n1.png,Hünd,sofa\n",
        "metadata.jsonl": '{"file_name": "1.png", "object": "Hünd", "context": "sofa"}\n',
    }
    for file, text in tables.items():
        root = write(tmp_path / file, {file: text, "1.png": 1})
        assert "Hünd" in str(rows_of(list_source(root), "object", "caption"))
        (root / file).write_bytes(text.encode("latin-1"))
        with pytest.raises(ImportSetError, match=rf"The table {file} is not written in UTF-8"):
            list_source(root)


COMMAS = "file_name,text\n1.png,a cat\n2.png,a dog, alone,\n"
FIRST = "file_name,text\n1.png,a cat, alone\n2.png,a dog, alone\n"
QUOTE = f'{HEAD}\n1.png,"a ""b"" c",snow\n\n"2.png,cat,snow\n3.png,cat,snow\n'
REFUSED = [
    ("csv", f"{HEAD}\n", "has no lines"),
    ("csv", COMMAS, "Line 3 of the table metadata.csv has more cells than the head"),
    ("csv", FIRST, "Line 2 of the table metadata.csv has more cells than the head"),
    ("csv", QUOTE, "never closed, in line 4 or"),
    ("jsonl", '{"a": 1}\n\n[1]', "Line 3 of the table"),
    ("jsonl", "[" * 100_000, "Line 1 of the table"),
    ("csv", f"{HEAD}\n7.png,a,b\n8.png,a,b", r"7\.png is in the table.*so on for 1 more"),
]


@pytest.mark.parametrize(("kind", "text", "words"), REFUSED)
def test_a_table_that_cannot_be_used_is_a_sentence(
    kind: str, text: str, words: str, tree: Tree
) -> None:
    with pytest.raises(ImportSetError, match=words):
        list_source(tree({f"metadata.{kind}": text, "1.png": 1}))


@given(
    st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)),
    st.sampled_from(["csv", "jsonl"]),
)
def test_any_table_is_read_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: str
) -> None:
    root = tmp_path_factory.mktemp("tables")
    (root / f"metadata.{kind}").write_bytes(
        (f"{HEAD}\n1.png,".encode() if kind == "csv" else b"") + data
    )
    (root / "1.png").write_bytes(b"x")
    with suppress(ImportSetError):
        assert set(list_source(root).table["file"]) == {"1.png"}


DAMAGED = [
    ("metadata.csv", b"file_name,text\nDAMAGE", r"The table metadata\.csv is damaged in the zip"),
    ("horse_grass/1.txt", "Hünd".encode("latin-1"), r"The caption horse_grass/1\.txt is not writ"),
    ("horse_grass/1.txt", b"DAMAGE", ""),
]


@pytest.mark.parametrize(("file", "content", "words"), DAMAGED)
def test_damage_in_a_zip_is_named_but_of_captions(
    file: str, content: bytes, words: str, tmp_path: Path
) -> None:
    files = {"horse_grass/1.png": b"x", "camel_sand/1.png": b"x", file: content}
    path = pack(tmp_path / "a.zip", files, compressed=False)
    path.write_bytes(path.read_bytes().replace(b"DAMAGE", b"damage"))
    if words:
        with pytest.raises(ImportSetError, match=words):
            list_source(path)
    else:
        assert set(list_source(path).table["caption"]) == {""}


def test_waterbirds_as_published_and_as_subpopbench_lists_them(tree: Tree, tmp_path: Path) -> None:
    name = "{0:03d}.Black_footed_Albatross/bird_{0}.jpg"
    rows = [(n, name.format(n), n % 2, n % 3, n // 2 % 2, "/o/ocean/1.jpg") for n in range(1, 7)]
    wrap = "waterbird_complete95_forest2water2"
    header = ("img_id", "img_filename", "y", "split", "place", "place_filename")
    files: dict[str, Any] = {f"{wrap}/{row[1]}": row[0] for row in rows}
    files[f"{wrap}/metadata.csv"] = table(
        header,
        *rows,
        (7, "999.Tern/é.jpg", 0, 0, 0, ""),
        (9, "009.No/1.jpg", 0, 0, 0, ""),
        (1, rows[0][1], 7, 0, 0, ""),
    )
    files["CUB/segmentations/001.Black_footed_Albatross/bird_1.png"] = 1
    composed, apart = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    files[f"{wrap}/999.Tern/{composed}.jpg"] = 7
    files[f"CUB/segmentations/999.Tern/{apart}.png"] = 1
    found = list_source(tree(files))
    assert found.format == "waterbirds"
    facts = "waterbird land val", "landbird water test", "waterbird water train"
    placed = [[f"{wrap}/{row[1]}", *fact.split()] for row, fact in zip(rows, facts, strict=False)]
    assert rows_of(found, *PLACED)[:3] == placed
    assert found.table["mask"].iat[0] == "CUB/segmentations/001.Black_footed_Albatross/bird_1.png"
    assert found.table["mask"].iat[-1] == f"CUB/segmentations/999.Tern/{apart}.png"
    assert json.loads(found.table["factors"].iat[0]) == {"species": "Black footed Albatross"}
    assert "Western Meadowlark" in found.about
    assert [reason for _, reason in found.skipped] == [
        GONE,
        "has a y or a place that is neither 0 nor 1",
    ]
    above = "waterbirds/pictures/"
    files = {f"data/{above if n < 4 else ''}{name}": n for n, name, *_ in rows}
    listed = [(n, f"{above}{name}", split, y, place) for n, name, y, split, place, _ in rows]
    files["data/metadata_waterbirds.csv"] = table(("id", "filename", "split", "y", "a"), *listed)
    found = list_source(write(tmp_path / "subpop", files))
    assert (found.format, len(found.table)) == ("waterbirds", 6)


def own(rows: list[list[str]]) -> list[dict[str, str]]:
    return [json.loads(text) for (text,) in rows]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_other_columns_of_a_table_stay_as_they_are(kind: str, tree: Tree) -> None:
    lines = [
        {"file_name": "1.png", "object": "cat", "context": "snow", "title": "", "code": "007"},
        {"file_name": "2.png", "object": "dog", "context": "sea", "title": "b", "code": "-1"},
    ]
    for line in lines:
        line |= {"text": "a caption", "tag ": '=x, "y"'}
    text = pd.DataFrame(lines).to_csv(index=False)
    if kind == "jsonl":
        lines[0]["code"] = None  # nothing, and a value that is no text
        lines[1]["code"] = -1
        text = "\n".join(map(json.dumps, lines))
    found = list_source(tree({f"metadata.{kind}": text, "1.png": 1, "2.png": 2}))
    first, second = own(rows_of(found, "columns"))
    assert first == {"title": "", "code": "007" if kind == "csv" else "", "tag": '=x, "y"'}
    assert second == {"title": "b", "code": "-1", "tag": '=x, "y"'}


def test_other_columns_reach_the_set_and_its_second_import(tree: Tree) -> None:
    files = groups(4, 4, 4, 4)
    lines = [(name, *name.split("/")[0].split("_"), name[-5]) for name in files]
    listing = table(("file", "label", "background", "number"), *lines)
    report = import_set(tree({**files, "labels.csv": listing}), "mine")
    assert report["own_columns"] == ["number"]
    images = open_set("mine")
    assert list(images.user_columns) == ["source", "number"]
    for source, number in images.user_columns.itertuples(index=False):
        assert source[-5] == number
    import_set(images.root, "again")
    again = open_set("again").user_columns
    assert set(again["source"]) == set(images.table["file_name"])
    assert set(again["source (yours)"]) == set(files), "the names of the first import stay too"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_break_within_a_cell_is_no_line_of_its_own(kind: str, tree: Tree) -> None:
    files = groups(4, 4, 4, 4)
    head = ("file_name", "object", "context", "note", "number")
    lines = [(name, *name.split("/")[0].split("_"), "a\rb", name[-5]) for name in files]
    text = table(head, *lines)
    if kind == "jsonl":
        text = "\n".join(json.dumps(dict(zip(head, line, strict=True))) for line in lines)
    import_set(tree({**files, f"metadata.{kind}": text}), "mine")
    images = open_set("mine")
    assert len(images.table) == 16
    assert set(images.user_columns["note"]) == {"a b"}
    assert set(images.user_columns["number"]) == set("0123")


@pytest.mark.parametrize(
    "head",
    [
        ("file", "animal", "place", "photographer"),
        ("filename", "class", "context", "photographer"),
        ("image", "object", "location", "class"),
        (" File", "LABEL", "Background ", "Photographer"),
    ],
)
def test_a_table_of_labels_is_read_by_other_names_of_its_columns(
    tree: Tree, head: tuple[str, ...]
) -> None:
    listing = table(head, ("a.png", "cat", "snow", "Kim"), ("b.png", "dog", "sea", "Luis"))
    found = list_source(tree({"labels.csv": listing, "a.png": 1, "b.png": 2}))
    assert rows_of(found, "object", "context") == [["cat", "snow"], ["dog", "sea"]]
    assert own(rows_of(found, "columns")) == [{head[3]: "Kim"}, {head[3]: "Luis"}]


def test_of_two_spellings_of_a_column_the_first_counts_and_the_other_stays(tree: Tree) -> None:
    head = ("file", "Label", "LABEL", "background")
    listing = table(head, ("a.png", "cat", "7", "snow"), ("b.png", "dog", "8", "sea"))
    found = list_source(tree({"labels.csv": listing, "a.png": 1, "b.png": 2}))
    assert rows_of(found, "object", "context") == [["cat", "snow"], ["dog", "sea"]]
    assert own(rows_of(found, "columns")) == [{"LABEL": "7"}, {"LABEL": "8"}]


def test_a_table_of_labels_says_splits_or_its_folders_do(tree: Tree) -> None:
    head = ("file", "label", "background", "split")
    lines = [("a.png", "cat", "snow", "Training"), ("test/b.png", "dog", "sea", "")]
    files = {"a.png": 1, "test/b.png": 2}
    found = list_source(tree({"labels.csv": table(head, *lines)} | files))
    assert rows_of(found, "split", "columns") == [["train", "{}"], ["test", "{}"]]
    odd = [("a.png", "cat", "snow", "night"), ("test/b.png", "dog", "sea", "train")]
    found = list_source(tree({"labels.csv": table(head, *odd)} | files))
    assert rows_of(found, "split") == [[""], ["train"]]
    assert own(rows_of(found, "columns")) == [{"split": "night"}, {"split": "train"}]


def test_a_set_keeps_so_many_columns(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "USER_COLUMNS", 2)
    head = ("file_name", "object", "context", "a", "b", "c")
    listing = table(head, ("1.png", "cat", "snow", *"123"), ("2.png", "dog", "sea", *"456"))
    found = list_source(tree({"metadata.csv": listing, "1.png": 1, "2.png": 2}))
    assert own(rows_of(found, "columns")) == [{"a": "1", "b": "2"}, {"a": "4", "b": "5"}]
