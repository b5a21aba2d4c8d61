"""Where things lie, and that a reader never sees half a file."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vlcore
from vlcore.core import files

DOCUMENTS = st.dictionaries(st.text(), st.integers() | st.text() | st.booleans() | st.none() | st.lists(st.integers()))


def test_the_named_folder_holds_data_and_models(empty_home: Path) -> None:
    assert files.home() == empty_home.resolve()
    assert files.data_folder() == files.home() / "data"
    assert files.models_folder() == files.home() / "models"


@pytest.mark.parametrize("named", [None, ""])
def test_without_a_name_it_is_the_project(named: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if named is None:
        monkeypatch.delenv("VLCORE_HOME")
    else:
        monkeypatch.setenv("VLCORE_HOME", named)
    assert files.home() == Path(str(vlcore.__file__)).resolve().parent.parent


def test_a_name_may_use_a_tilde_and_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VLCORE_HOME", "~/lab")
    assert files.home() == tmp_path.resolve() / "lab"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VLCORE_HOME", "here/../there")
    assert files.home() == tmp_path.resolve() / "there"


def test_a_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    for _ in range(2):  # what is there already is fine
        assert files.make_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
        assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("inside", ["", "deeper", "deeper/still"])
def test_a_place_that_is_a_file_is_refused(tmp_path: Path, inside: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(files.HomeError, match=r"cannot be written .*; make it writable or point VLCORE_HOME"):
        files.make_folder(tmp_path / "file" / inside)


def test_a_folder_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)  # for root, every folder is writable
    with pytest.raises(files.HomeError, match=r"cannot be written \(Permission denied\)"):
        files.make_folder(tmp_path)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DOCUMENTS)
def test_json_survives_and_leaves_nothing_beside_it(tmp_path: Path, document: dict[str, object]) -> None:
    path = tmp_path / "document.json"
    files.write_json(path, document)
    assert json.loads(path.read_text()) == document
    assert [file.name for file in tmp_path.iterdir()] == ["document.json"]


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "document.json"
    files.write_json(path, {"number": 1})

    def full(self: Path, text: str) -> int:
        with self.open("w") as file:
            file.write(text[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_json(path, {"number": 2})
    assert json.loads(path.read_text()) == {"number": 1}
