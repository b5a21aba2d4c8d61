"""Formats are named, found out, refused where a source has another, and added by one entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.datasets.importers.sources import groups
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.importers import ImportSetError, format_names, formats, look
from vlcore.datasets.importers.selection import Found, Row
from vlcore.datasets.importers.source import Source

Tree = Any


def test_the_formats_are_named() -> None:
    assert format_names() == (
        "auto", "imagefolder", "captions-csv", "waterbirds", "spawrious", "metashift", "nico++", "imagenet-9",
        "folders", "context-first",
    )  # fmt: skip


@pytest.mark.parametrize("format", [name for name in format_names()[1:] if name not in ("folders", "context-first")])
def test_a_source_that_is_not_what_it_is_said_to_be_is_refused(format: str, tree: Tree) -> None:
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


def test_a_new_importer_is_one_entry(tree: Tree, cli: Any, empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_flat(source: Source) -> Found | None:
        """Files named ``<object>+<context>+<anything>``."""
        rows = [Row(file, *file.split("+")[:2]) for file in source.files if file.count("+") == 2]
        return Found("Names with plus signs.", rows, []) if rows else None

    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, formats.Format("flat", read_flat, "names a+b+c.png")))
    monkeypatch.setenv("COLUMNS", "400")
    code, out, _ = cli("data", "import", "--help")
    assert (code, "imagenet-9,folders,context-first,flat" in out.replace(", ", ",")) == (0, True)
    pairs = [(obj, context) for obj in ("cat", "dog") for context in ("sofa", "snow")]
    source = tree({f"{obj}+{place}+{at}.png": 10 * at + n for n, (obj, place) in enumerate(pairs) for at in range(4)})
    code, out, _ = cli("data", "import", source, "--name", "pets")
    assert (code, "format: flat\n" in out) == (0, True)
    assert set(open_set("pets").counts()["pool"].values()) == {4}
