"""Folders and zips of strangers: what is read, left out and why, and what asks for too much."""

import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.importers.sources import Tree, groups, pack
from vlcore.data.importers import import_set, list_source, list_source_apart
from vlcore.data.importers import source as module
from vlcore.data.importers.source import ImportSetError, UnreadableError, open_source, printable
from vlcore.experiment import limits


def refused(path: Path) -> str:
    """The one sentence about a source that cannot be opened."""
    with pytest.raises(ImportSetError) as caught, open_source(path):
        pass
    return str(caught.value)


def test_a_folder_and_its_zip_are_the_same_without_what_is_hidden(
    tree: Tree, tmp_path: Path
) -> None:
    files = {"b/2.txt": b"two", "a/1.txt": b"one", "a/é.txt": b"three"}
    hidden = dict.fromkeys((".DS_Store", "a/.hidden/1.png", "__MACOSX/a/._1.png", "a/.git"), b"x")
    for path in (tree(files | hidden), pack(tmp_path / "source.zip", files | hidden)):
        with open_source(path) as source:
            assert source.files == ("a/1.txt", "a/é.txt", "b/2.txt")
            assert source.skipped == ()
            assert [source.read(file) for file in source.files] == [b"one", b"three", b"two"]


def test_what_is_neither_a_folder_nor_a_zip_is_refused(tmp_path: Path) -> None:
    assert "nothing does not exist" in refused(tmp_path / "nothing")
    for content in (b"", b"text", b"\x89PNG\r\n"):
        (tmp_path / "a.tar").write_bytes(content)
        assert "a.tar is neither a folder nor a zip" in refused(tmp_path / "a.tar")
    (tmp_path / "labels.csv").write_bytes(b"file,object")
    assert "labels.csv is a table" in refused(tmp_path / "labels.csv")


METHODS = (zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2)


@pytest.mark.parametrize("method", METHODS)
def test_a_damaged_zip_is_refused_and_a_damaged_member_is_one_file(
    tmp_path: Path, method: int
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.txt", b"a" * 1000)
        archive.writestr("b.txt", bytes(range(256)) * 40)
    whole = path.read_bytes()
    start = whole.index(b"b.txt") + 14
    path.write_bytes(whole[:start] + b"\xff" * 11 + whole[start + 11 :])
    with open_source(path) as source:
        assert source.read("a.txt") == b"a" * 1000
        with pytest.raises(UnreadableError, match="is damaged in the zip"):
            source.read("b.txt")
    directory = whole.index(b"PK\x01\x02")
    path.write_bytes(whole[:directory] + b"PK\x09\x09" + whole[directory + 4 :])
    assert "a.zip is a damaged zip" in refused(path)
    path.write_bytes(whole[: len(whole) // 2])
    assert "a.zip is a damaged or unfinished zip" in refused(path)


def test_members_that_are_not_to_be_read_are_left_out(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    leading_out = ("../x.png", "a/../../x.png", "/etc/x.png", "C:/x.png", "..\\y.png", "C:\\y.png")
    hostile = [
        *((name, b"x", "leads out of the source") for name in leading_out),
        (link, b"/etc/passwd", "is a link"),
        ("inner.zip", b"x", "is a zip inside the source"),
        ("a\\1.png", b"second", "is in the zip twice"),
        ("bomb.png", bytes(3 * 2**20), "unpacks to more than 200 times its size"),
        ("large.png", bytes(50 * 2**20 + 1), "has more than 50 MB"),
    ]
    path = pack(
        tmp_path / "a.zip",
        [("a/1.png", b"first"), *((member, content) for member, content, _ in hostile)],
    )
    with open_source(path) as source:
        assert source.files == ("a/1.png",)
        assert source.read("a/1.png") == b"first"
        said = dict(source.skipped)
    assert len(said) == len(hostile)
    for member, _, words in hostile:
        name = member if isinstance(member, str) else member.filename
        assert words in said[name.replace("\\", "/")]
    assert not (tmp_path.parent / "x.png").exists()


def test_more_than_the_limits_is_refused(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree({"a/1.txt": "x" * 50, "a/2.txt": "x"})
    path = pack(
        tmp_path / "a.zip",
        {f"{number}.png": os.urandom(2000) for number in range(3)} | {"t.txt": b" " * 9999},
    )
    with open_source(path) as source:
        assert "t.txt" in source.files, "what is small is no bomb, whatever its ratio"
    with monkeypatch.context() as patch, open_source(root) as source:
        patch.setattr(limits, "PICTURE_BYTES", 49)
        assert source.read("a/2.txt") == b"x"
        with pytest.raises(UnreadableError, match="has more than 50 MB"):
            source.read("a/1.txt")
    monkeypatch.setattr(limits, "ZIP_BYTES", 5000)
    assert "a.zip unpacks to more than 0 GB" in refused(path)
    monkeypatch.setattr(limits, "ENTRIES", 1)
    monkeypatch.setattr(limits, "FILES", 1)
    assert "a.zip has more than 1 files" in refused(path)
    assert "source has more than 1 files" in refused(root)


def test_a_member_that_is_encrypted_or_lies_about_its_size_is_not_read(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.png": b"z" * 100_000})
    whole = path.read_bytes()
    directory = whole.index(b"PK\x01\x02")
    secret, lie = bytearray(whole), bytearray(whole)
    secret[6] |= 1
    secret[directory + 8] |= 1
    path.write_bytes(secret)
    with open_source(path) as source:
        assert source.skipped == (("a.png", "is encrypted; unpack it and import the folder"),)
    lie[directory + 24 : directory + 28] = struct.pack("<I", 10)
    path.write_bytes(lie)
    with open_source(path) as source, pytest.raises(UnreadableError, match="is damaged in the zip"):
        source.read("a.png")


def test_links_are_followed_to_files_inside_and_nothing_odd_is_read(
    tree: Tree, tmp_path: Path
) -> None:
    root = tree({"a/1.png": b"one"})
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.png").write_bytes(b"secret")
    targets = {
        "inside.png": "a/1.png",
        "outside.png": "../outside/secret.png",
        "folder": "../outside",
        "around": ".",
    }
    for name, target in {**targets, "nowhere.png": "gone.png", "itself.png": "itself.png"}.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "pipe.png")
    (root / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    with open_source(root) as source:
        assert source.files == ("a/1.png", "inside.png")
        assert source.read("inside.png") == b"one"
        said = {name: reason for name, reason in source.skipped if "is a link" in reason}
        assert list(said) == ["around", "folder", "itself.png", "nowhere.png", "outside.png"]
        others = [reason for name, reason in source.skipped if name not in said]
        assert others == ["has a name that is not text; rename it"]
        (root / "a/1.png").unlink()
        with pytest.raises(UnreadableError, match=r"cannot be read \(No such file or directory\)"):
            source.read("a/1.png")


def test_folders_that_may_not_be_read_are_said(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree({"open/1.png": b"x", "locked/2.png": b"x"})
    scan, locked = os.scandir, [root / "locked"]

    def guarded(path: Path) -> Any:
        if path in locked:
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(module.os, "scandir", guarded)
    with open_source(root) as source:
        assert source.files == ("open/1.png",)
        assert source.skipped == (("locked", "cannot be read (Permission denied)"),)
    locked.append(root / "")
    assert "source cannot be read (Permission denied)" in refused(root)


@given(st.text())
def test_printable_text_is_short_visible_and_stays_so(text: str) -> None:
    shown = printable(text)
    assert len(shown) <= 300
    assert not any(ord(character) < 32 or character in "\u200b\u202e\ud800" for character in shown)
    assert printable(shown) == shown
    assert (
        printable(" a <b>cat</b>\n\tin  \x00the\u202e hall, 猫 ") == "a <b>cat</b> in the hall, 猫"
    )


Refused = Callable[[dict[str, bytes]], str]


@pytest.fixture
def refused_zip(tmp_path: Path) -> Refused:
    """The sentence about a zip of some files, in this process."""

    def sentence(files: dict[str, bytes]) -> str:
        with pytest.raises(ImportSetError) as caught:
            list_source(pack(tmp_path / "a.zip", files))
        return str(caught.value)

    return sentence


def test_thousands_of_objects_and_contexts_are_not_crossed(refused_zip: Refused) -> None:
    assert "1,200 objects" in refused_zip({f"o{at}/c{at}/x.jpg": b"" for at in range(1200)})


def test_a_long_name_is_left_out_and_so_is_a_deep_one(tmp_path: Path) -> None:
    odd = {f"{'a_' * 30_000}b/0.jpg": b"x", f"{'猫' * 86}/0.jpg": b"x", f"{'a/' * 5000}0.jpg": b"x"}
    with open_source(pack(tmp_path / "a.zip", {**odd, "cat/home/0.jpg": b"x"})) as source:
        assert source.files == ("cat/home/0.jpg",)
        assert len(source.skipped) == len(odd)


def test_a_look_from_a_helper_is_that_of_this_process(tree: Tree) -> None:
    path = tree(groups(2, 2, 2, 2, pattern="{0}/{1}!/{2}.png") | {"camel/é/0.gif": b"x"})
    here, apart = list_source(path), list_source_apart(path)
    assert here.table.equals(apart.table)
    facts = [(one.about, one.skipped, one.spellings) for one in (here, apart)]
    assert facts[0] == facts[1]


def test_pictures_of_an_import_are_opened_by_the_helper(
    empty_home: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tree(groups(5, 5, 5, 5))
    monkeypatch.setattr(
        "vlcore.data.decoding.Image.open", lambda *_, **__: pytest.fail("opened here")
    )
    report = import_set(source, "pets")
    assert sum(report["counts"].values()) == 20
