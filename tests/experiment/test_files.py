"""Where things lie, and that a reader never sees half a file."""

import errno
import os
from pathlib import Path

import pytest
from filelock import FileLock

import vlcore
from vlcore.experiment import files


def test_home_is_the_named_folder_else_the_project_else_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, folder in (("~/lab", "lab"), ("here/../there", "there")):
        monkeypatch.setenv("VLCORE_HOME", name)
        assert files.home() == tmp_path.resolve() / folder
    assert files.data_folder() == files.home() / "data"
    assert files.models_folder() == files.home() / "models"
    monkeypatch.setenv("VLCORE_HOME", "")
    assert files.home() == Path(str(vlcore.__file__)).resolve().parent.parent
    installed = tmp_path / "site-packages" / "vlcore" / "experiment" / "files.py"
    monkeypatch.setattr(files, "__file__", str(installed))
    assert files.home() == tmp_path


def test_a_place_that_is_a_file_or_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    for _ in range(2):  # what is there already is fine
        assert files.make_folder(tmp_path / "a" / "b").is_dir()
    for inside in ("", "deeper", "deeper/still"):
        with pytest.raises(files.HomeError, match="VLCORE_HOME"):
            files.make_folder(tmp_path / "file" / inside)
    # For root, every folder is writable.
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)
    with pytest.raises(files.HomeError, match="Permission denied"):
        files.make_folder(tmp_path)


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_or_folder_appears_when_all_of_it_is_there(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "report.html"
    for content in ("one\n", "zwei ä\n"):
        with files.atomic(path, durable=durable) as aside:
            aside.write_text(content)
            assert not path.exists() or path.read_text() == "one\n"
        assert path.read_text() == content
    with pytest.raises(UnicodeEncodeError), files.atomic(path, durable=durable) as aside:
        aside.write_text("thr\ud800")
    assert path.read_text() == "zwei ä\n"
    with pytest.raises(FileExistsError), files.atomic(tmp_path / "folder") as aside:
        [(aside / name).mkdir(parents=True) for name in ("deeper", "deeper")]
    assert list(tmp_path.iterdir()) == [path]
    with files.atomic(tmp_path / "folder") as aside:
        (aside / "deeper").mkdir(parents=True)
    assert (tmp_path / "folder" / "deeper").is_dir()


def test_what_the_system_refuses_is_a_sentence_and_a_mistake_is_none() -> None:
    for number in (errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.EACCES, errno.ENOENT):
        with (
            pytest.raises(files.HomeError, match="/a/place cannot be used now"),
            files.system_errors(),
        ):
            raise OSError(number, os.strerror(number), "/a/place")
    sentence = files.HomeError("A sentence.")
    for other in (sentence, ValueError("a mistake"), BrokenPipeError(errno.EPIPE, "Broken pipe")):
        with pytest.raises(type(other)) as caught, files.system_errors():
            raise other
        assert caught.value is other


def test_what_a_killed_process_left_among_temporary_files_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kinds = {name: tmp_path / f"vlcore-{name}" for name in ("left", "used", "foreign")}
    for name, folder in kinds.items():
        folder.mkdir()
        (folder / "upload.zip").write_text("a visitor's")
        if name != "foreign":
            (folder / "lock").touch()
    with FileLock(kinds["used"] / "lock"):
        files.clear_scratch()
    assert {name for name, folder in kinds.items() if folder.exists()} == {"used", "foreign"}
    own = files.scratch_folder.__wrapped__()
    files.clear_scratch()
    assert {*tmp_path.iterdir()} == {own, kinds["foreign"]}


def test_a_file_in_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(files.HomeError, match="folder that exists"):
        files.write_file(tmp_path / "gone" / "maps.html", "maps")
    assert not list(tmp_path.iterdir())
