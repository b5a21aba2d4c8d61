"""Folders and zips of strangers: what is read, what is left out, and why."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.datasets.importers.sources import pack
from vlcore.datasets.importers import source as module
from vlcore.datasets.importers.source import ImportSetError, UnreadableError, open_source, printable

Tree = Any


def refused(path: Path) -> str:
    """The one sentence about a source that cannot be opened."""
    with pytest.raises(ImportSetError) as caught, open_source(path):
        pass
    return str(caught.value)


def test_a_folder_and_its_zip_are_the_same(tree: Tree, tmp_path: Path) -> None:
    root = tree({"b/2.txt": "two", "a/1.txt": "one", "a/é.txt": "three"})
    zipped = pack(tmp_path / "source.zip", {f"{p.relative_to(root)}": p.read_bytes() for p in root.rglob("*.txt")})
    for path in (root, zipped):
        with open_source(path) as source:
            assert source.files == ("a/1.txt", "a/é.txt", "b/2.txt")
            assert source.skipped == ()
            assert [source.read(file) for file in source.files] == [b"one", b"three", b"two"]


def test_hidden_files_and_what_systems_leave_are_not_there(tree: Tree, tmp_path: Path) -> None:
    files = {".DS_Store": "x", "a/.hidden/1.png": "x", "__MACOSX/a/._1.png": "x", "a/.git": "x", "a/1.txt": "x"}
    root = tree(files)
    for path in (root, pack(tmp_path / "a.zip", {name: b"x" for name in files})):
        with open_source(path) as source:
            assert (source.files, source.skipped) == (("a/1.txt",), ())


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("nothing", None, "does not exist"),
        *(("a.tar", content, "neither a folder nor a zip") for content in (b"", b"text", b"\x89PNG\r\n")),
        *((name, b"filepath,title", "is a table") for name in ("labels.csv", "labels.TSV", "metadata.jsonl")),
    ],
)
def test_what_is_neither_a_folder_nor_a_zip_is_refused(
    name: str, content: bytes | None, words: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert f"{name} " in refused(tmp_path / name)
    assert words in refused(tmp_path / name)


def test_a_damaged_zip_is_refused_and_a_damaged_member_is_one_file(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.txt": b"a" * 1000, "b.txt": bytes(range(256)) * 40})
    whole = path.read_bytes()
    start = whole.index(b"b.txt") + 10
    path.write_bytes(whole[:start] + bytes(20) + whole[start + 20 :])
    with open_source(path) as source:
        assert source.read("a.txt") == b"a" * 1000
        with pytest.raises(UnreadableError, match="is damaged in the zip"):
            source.read("b.txt")
    directory = whole.index(b"PK\x01\x02")
    path.write_bytes(whole[:directory] + b"PK\x09\x09" + whole[directory + 4 :])
    assert "a.zip is a damaged zip" in refused(path)
    path.write_bytes(whole[: len(whole) // 2])
    assert "a.zip is a damaged or unfinished zip" in refused(path)


def linked(name: str) -> zipfile.ZipInfo:
    link = zipfile.ZipInfo(name)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return link


@pytest.mark.parametrize(
    ("member", "words"),
    [
        *(
            (name, "leads out of the source")
            for name in ("../x.png", "a/../../x.png", "/etc/x.png", "C:/x.png", "..\\x.png", "C:\\x.png")
        ),
        (linked("link.png"), "is a link"),
        ("inner.zip", "is a zip inside the source"),
        ("a\\1.png", "is in the zip twice"),
        ("bomb.png", "unpacks to more than 200 times its size"),
        ("large.png", "has more than 50 MB"),
    ],
)
def test_members_that_are_not_to_be_read_are_left_out(member: Any, words: str, tmp_path: Path) -> None:
    contents = {"bomb.png": bytes(3 * 2**20), "large.png": bytes(50 * 2**20 + 1)}
    path = pack(tmp_path / "a.zip", [("a/1.png", b"first"), (member, contents.get(str(member), b"/etc/passwd"))])
    with open_source(path) as source:
        assert source.files == ("a/1.png",)
        assert source.read("a/1.png") == b"first"
        ((_, reason),) = source.skipped
        assert words in reason
    assert not (tmp_path.parent / "x.png").exists()


def test_encrypted_members_are_left_out(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"secret.png": b"x"})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with open_source(path) as source:
        assert source.skipped == (("secret.png", "is encrypted; unpack it and import the folder"),)


def test_a_zip_or_a_folder_with_more_than_the_limits_is_refused(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree({"a/1.txt": "x" * 50, "a/2.txt": "x"})
    path = pack(tmp_path / "a.zip", {f"{number}.png": os.urandom(2000) for number in range(3)} | {"t.txt": b" " * 9999})
    with open_source(path) as source:
        assert "t.txt" in source.files, "what is small is no bomb, whatever its ratio"
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 49)
    with open_source(root) as source:
        assert source.read("a/2.txt") == b"x"
        with pytest.raises(UnreadableError, match="has more than 50 MB"):
            source.read("a/1.txt")
    monkeypatch.undo()
    monkeypatch.setattr(module, "MAX_ZIP_BYTES", 5000)
    assert "a.zip unpacks to more than 0 GB" in refused(path)
    monkeypatch.setattr(module, "MAX_FILES", 1)
    assert "a.zip has more than 1 files" in refused(path)
    assert "source has more than 1 files" in refused(root)


def test_a_member_that_lies_about_its_size_stays_within_the_limit(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.png": b"z" * 100_000})
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", 10)
    path.write_bytes(data)
    with open_source(path) as source, pytest.raises(UnreadableError, match="is damaged in the zip"):
        source.read("a.png")


def test_links_are_followed_to_files_inside_and_nowhere_else(tree: Tree, tmp_path: Path) -> None:
    root = tree({"a/1.png": b"one"})
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"secret")
    for name, target in {
        "inside.png": root / "a/1.png",
        "outside.png": outside / "secret.png",
        "folder": outside,
        "around": root,
        "nowhere.png": root / "gone.png",
    }.items():
        (root / name).symlink_to(target)
    (root / "itself.png").symlink_to("itself.png")
    with open_source(root) as source:
        assert source.files == ("a/1.png", "inside.png")
        assert source.read("inside.png") == b"one"
        assert [name for name, _ in source.skipped] == ["around", "folder", "itself.png", "nowhere.png", "outside.png"]
        assert all("is a link" in reason for _, reason in source.skipped)


def test_pipes_and_names_that_are_no_text_are_left_out_and_a_file_that_goes_away_is_unreadable(tree: Tree) -> None:
    root = tree({"1.png": b"x"})
    os.mkfifo(root / "pipe.png")
    (root / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    with open_source(root) as source:
        assert source.files == ("1.png",)
        assert [reason for _, reason in source.skipped] == ["has a name that is not text; rename it"]
        (root / "1.png").unlink()
        with pytest.raises(UnreadableError, match=r"cannot be read \(No such file or directory\)"):
            source.read("1.png")


def test_folders_that_may_not_be_read_are_said(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree({"open/1.png": b"x", "locked/2.png": b"x"})
    scan, locked = os.scandir, [root / "locked"]

    def guarded(path: Path) -> Any:
        if path in locked:
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(module.os, "scandir", guarded)
    with open_source(root) as source:
        assert (source.files, source.skipped) == (
            ("open/1.png",),
            (("locked", "cannot be read (Permission denied)"),),
        )
    locked.append(root / "")
    assert "source cannot be read (Permission denied)" in refused(root)


@given(st.text())
def test_printable_text_is_short_visible_and_stays_so(text: str) -> None:
    shown = printable(text)
    assert len(shown) <= 300
    assert not any(ord(character) < 32 or character in "\u200b\u202e\ud800" for character in shown)
    assert printable(shown) == shown


def test_printable_keeps_what_can_be_read() -> None:
    assert printable(" a <b>cat</b>\n\tin  \x00the\u202e hall, 猫 ") == "a <b>cat</b> in the hall, 猫"
