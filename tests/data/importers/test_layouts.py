"""Folders and tables of strangers: what they say of each image, and what is left out and why."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.importers.sources import Tree, groups, pack, table, write
from vlcore.data.catalogue import open_set
from vlcore.data.importers import ImportSetError, Listing, import_set, list_source
from vlcore.experiment import limits

HEAD = ("file", "object", "context")


def rows_of(listing: Listing, *columns: str) -> list[list[str]]:
    return listing.table[list(columns)].to_numpy().tolist()


def labels(*lines: tuple[str, ...], head: tuple[str, ...] = HEAD) -> str:
    return table(head, *lines)


def refused(source: Path) -> str:
    with pytest.raises(ImportSetError) as caught:
        list_source(source)
    return str(caught.value)


def test_the_two_inner_folders_are_object_and_context(tree: Tree) -> None:
    files = ("train/polar_bear/snow/1.PNG", "Validation/cat/<b>snow/2.jpeg", "cat/snow/3.webp")
    odd = {"pets/cover.png": "x", "pets/cat/snow/4.bmp": "x", "pets/cat/snow/notes.txt": "x"}
    found = list_source(tree({f"pets/{file}": "x" for file in files} | odd))
    assert rows_of(found, "file", "object", "context", "split") == [
        ["pets/Validation/cat/<b>snow/2.jpeg", "cat", "b snow", "val"],
        ["pets/cat/snow/3.webp", "cat", "snow", ""],
        ["pets/train/polar_bear/snow/1.PNG", "polar bear", "snow", "train"],
    ]
    assert found.spellings == {"polar bear": {"polar_bear"}, "b snow": {"<b>snow"}}
    assert dict(found.skipped) == {
        "pets/cat/snow/4.bmp": "is not a PNG, JPEG, WebP, GIF or HEIC image; convert it",
        "pets/cover.png": "lies outside the folders OBJECT/CONTEXT, such as horse/grass",
    }


def test_a_name_without_letters_is_left_out(tree: Tree) -> None:
    found = list_source(tree({"cat/***/1.png": "x", "cat/snow/2.png": "x"}))
    assert rows_of(found, "file") == [["cat/snow/2.png"]]
    assert "neither letter nor digit" in dict(found.skipped)["cat/***/1.png"]


def test_what_holds_no_image_says_what_it_needs(tree: Tree, tmp_path: Path) -> None:
    assert "needs PNG, JPEG, WebP, GIF or HEIC files in folders" in refused(tree({"a.txt": "x"}))
    odd = write(tmp_path / "odd", {"cat/snow/a.tif": b"x"})
    assert "no image that can be used (1 file): cat/snow/a.tif is not a PNG" in refused(odd)


def test_a_table_says_what_images_show(tree: Tree) -> None:
    lines = [
        ("1.png", "cat", "sofa", "Train", "a\ncat\x00", "7"),
        ("p\\2.png", "dog", "snow", "", "", ""),
        ("2.png", "dog", "", "", "", ""),
        ("2.png", "dog", "sea", "", "", ""),
        ("2.png", "dog", "sea", "", "", "second"),
        ("gone.png", "cat", "sofa", "", "", ""),
        ("../out.png", "cat", "sofa", "", "", ""),
        ("/etc/passwd", "cat", "sofa", "", "", ""),
    ]
    head = ("FILE ", "Object", "context", "split", "caption", "Note")
    files = dict.fromkeys(("m/1.png", "m/p/2.png", "m/2.png", "out.png", "m/cat/snow/3.png"), "x")
    found = list_source(tree(files | {"m/labels.csv": labels(*lines, head=head)}))
    assert rows_of(found, *HEAD, "split", "caption", "user:Note") == [
        ["m/1.png", "cat", "sofa", "train", "a cat", "7"],
        ["m/2.png", "dog", "sea", "", "", ""],
        ["m/p/2.png", "dog", "snow", "", "", ""],
    ]
    assert [reason for name, reason in found.skipped if name == "2.png"] == [
        "lacks an object or a context"
    ]
    said = dict(found.skipped)
    assert said["m/2.png"] == "is listed more than once; its first line is used"
    assert "no such file is there" in said["gone.png"]
    assert "leads out" in said["../out.png"]
    assert "leads out" in said["/etc/passwd"]


def test_decomposed_names_semicolons_and_a_byte_order_mark_are_read(tree: Tree) -> None:
    text = "\ufefffile;object;context\nbär.png;cat;sofa\n"
    found = list_source(tree({"ba\u0308r.png": "x", "labels.csv": text}))
    assert rows_of(found, *HEAD) == [["ba\u0308r.png", "cat", "sofa"]]


BAD = {
    "file,label\n1.png,cat\n": "has the columns file, label; it needs file, object and context",
    "": "cannot be read as CSV",
    "file,object,context\n1.png,cat,sofa,x\n": "cannot be read as CSV",
    "file,object,context\n1.png,cat,sofa\n1.png,cat,sofa,x\n": "cannot be read as CSV",
    'file,object,context\n1.png,"cat,sofa\n': "cannot be read as CSV",
    "file,object,context,split\n1.png,cat,sofa,holdout\n": "has a split 'holdout'; write train",
    "file,object,context\n": "holds no image",
}


@pytest.mark.parametrize(("text", "words"), BAD.items())
def test_a_table_that_cannot_be_used_is_one_sentence(text: str, words: str, tree: Tree) -> None:
    source = tree({"1.png": "x", "cat/sofa/2.png": "x", "labels.csv": text})
    assert words in refused(source)


def test_a_table_that_is_not_utf_8_or_too_long_is_refused(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latin = "file,object,context\nbär.png,cat,sofa\n".encode("latin-1")
    assert "not written in UTF-8" in refused(tree({"labels.csv": latin}))
    monkeypatch.setattr(limits, "ROWS", 1)
    many = labels(("1.png", "cat", "sofa"), ("2.png", "cat", "sofa"))
    assert "more than 1 lines" in refused(write(tmp_path / "many", {"labels.csv": many}))
    monkeypatch.setattr(limits, "PICTURE_BYTES", 10)
    assert "has more than 50 MB" in refused(write(tmp_path / "many", {}))


def test_columns_of_a_users_own_stay_with_the_set(tree: Tree) -> None:
    files = groups(4, 4, 4, 4)
    lines = [(name, *name.split("/")[:2], f"=1+{seed}\u202e", "x") for name, seed in files.items()]
    head = (*HEAD, "mask", "source")
    report = import_set(tree(files | {"labels.csv": labels(*lines, head=head)}), "mine")
    images = open_set("mine")
    assert report["own_columns"] == ["mask", "source"]
    assert list(images.user_columns) == ["source", "mask", "source (yours)"]
    assert sorted(images.user_columns["mask"]) == sorted(f"=1+{seed}" for seed in files.values())
    assert set(images.table["mask"]) == {""}
    many = tuple(f"c{number}" for number in range(limits.USER_COLUMNS + 9))
    wide = labels(*((*line[:3], *many) for line in lines), head=(*HEAD, *many))
    report = import_set(tree(files | {"labels.csv": wide}), "wide")
    assert report["own_columns"] == list(many[: limits.USER_COLUMNS])


BENCHMARKS = {
    "waterbirds": ("001.Auklet/a.jpg", "002.Gull/b.jpg"),
    "spawrious224": ("0/desert/corgi/1.png", "1/snow/bulldog/2.png"),
    "MetaShift": ("train/cat/cat(indoor)/1.jpg", "test/dog/dog(outdoor)/2.jpg"),
    "public_dg_0416": ("train/grass/horse/1.jpg", "train/water/hot air balloon/2.jpg"),
    "bg_challenge": (
        "original/val/00_dog/n02085620_10074.JPEG",
        "mixed_rand/val/00_dog/fg_n02085620_10074_bg_n01530575_6.JPEG",
    ),
}
SHOWN = {
    "waterbirds": [["landbird", "water", "train"], ["waterbird", "land", "test"]],
    "spawrious224": [["corgi", "desert", ""], ["bulldog", "snow", ""]],
    "MetaShift": [["dog", "outdoor", ""], ["cat", "indoor", ""]],
    "public_dg_0416": [["horse", "grass", ""], ["hot air balloon", "water", ""]],
}


def test_the_recipes_of_the_manual_write_tables_of_benchmarks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, files in BENCHMARKS.items():
        write(tmp_path / name, dict.fromkeys(files, "x"))
    head = ("img_id", "img_filename", "y", "split", "place")
    birds = zip(BENCHMARKS["waterbirds"], ((0, 0, 1), (1, 2, 0)), strict=True)
    lines = [(number, file, *values) for number, (file, values) in enumerate(birds)]
    (tmp_path / "waterbirds" / "metadata.csv").write_text(table(head, *lines))
    manual = Path(__file__).parents[3] / "docs" / "images.md"
    known: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", manual.read_text(), re.DOTALL):
        exec(code, known)
    for name, shown in SHOWN.items():
        assert rows_of(list_source(Path(name)), "object", "context", "split") == shown
    rows = rows_of(list_source(Path("bg_challenge")), "object", "context", "split")
    assert [row[:2] for row in rows] == [["dog", "mixed rand"], ["dog", "original"]]
    assert rows[0][2] == rows[1][2] != "", "both show one animal"


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def test_own_features_are_those_of_a_frozen_tower(tree: Tree, tmp_path: Path) -> None:
    from vlcore.api.training import train_condition
    from vlcore.artifacts import store
    from vlcore.data.subset import usual_condition
    from vlcore.model.frozen_towers import TowerError
    from vlcore.model.image_features import feature_store
    from vlcore.model.load import load_model

    files = groups(6, 6, 6, 6)
    names = np.array([*reversed(files)])
    features = np.random.default_rng(0).normal(size=(24, 5)).astype(np.float32)
    npz = saved(tmp_path / "My CLIP.npz", files=names, features=features)
    report = import_set(tree(files), "mine", features=npz)
    images, architecture = open_set("mine"), report["architecture"]
    assert architecture.startswith("own:my-clip-5-")
    assert images.about["architecture"] == architecture
    known = feature_store(images, architecture).rows(np.arange(24))
    by_name = dict(zip(names, features, strict=True))
    expected = np.array([by_name[name] for name in images.table["source"]])
    assert np.allclose(known, expected, atol=1e-2)
    condition = usual_condition(images).replace(architecture=architecture, steps=2)
    assert train_condition(condition) == "trained"
    model = load_model(store.read(condition.key))
    with pytest.raises(TowerError, match="cannot embed another image"):
        model.embed_pixels([images.image(0)])


def test_features_that_do_not_fit_the_images_are_refused(tree: Tree, tmp_path: Path) -> None:
    files = groups(4, 4, 4, 4)
    names, good = np.array(list(files)), np.ones((16, 3), np.float32)
    source = tree(files)
    pickled = np.array([print] * 16, dtype=object)
    for arrays, words in (
        ({"files": names[1:], "features": good[1:]}, f"lacks: {names[0]}"),
        (
            {"files": np.append(names, "x.png"), "features": np.ones((17, 3))},
            "names an unknown image: x.png",
        ),
        ({"files": names, "features": good[1:]}, "one row of floats for each name"),
        ({"files": names, "features": good * np.nan}, "none of them above"),
        ({"files": names, "features": good * 1e9}, "none of them above 65,504"),
        ({"files": names, "features": pickled}, "no .npz with the arrays"),
        ({"names": names, "features": good}, "no .npz with the arrays"),
    ):
        npz = saved(tmp_path / "a.npz", **arrays)
        with pytest.raises(ImportSetError, match=words):
            import_set(source, "mine", features=npz)
    with pytest.raises(ImportSetError, match=r"no \.npz"):
        import_set(source, "mine", features=pack(tmp_path / "b.npz", {"x": b"y"}))
