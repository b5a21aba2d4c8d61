"""Commands about the disk: usage, deleting and restoring, free space."""

from pathlib import Path

import pytest

from tests.cli.conftest import Document
from tests.conftest import Cli, publish_as
from vlcore.artifacts import disk, store
from vlcore.artifacts.store import Artifact
from vlcore.experiment import limits, trash
from vlcore.experiment.files import models_folder


@pytest.fixture
def models(empty_home: Path, quick: list[Artifact], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of a model and of its untrained encoder, on a disk with 3 GB free."""
    monkeypatch.setattr(disk, "free_bytes", lambda: 3 * 2**30)
    monkeypatch.setattr(disk, "_COUNT_VALID", 0.0)
    for condition in (quick[0].condition, quick[0].condition.untrained):
        publish_as(quick[0], condition)
    return [quick[0].key, quick[0].condition.untrained.key]


def test_a_model_is_deleted_and_restored_and_removed_for_good_after_a_week(
    models: list[str], document: Document, cli: Cli
) -> None:
    before = document("disk")["bytes"]
    code, _, error = cli("delete", models[0], "wrong")
    assert (code, "No model 'wrong'" in error) == (2, True)
    assert store.read(models[0]), "nothing is deleted where a key is wrong"
    assert document("delete", models[0])["deleted"] == [models[0]]
    after = document("disk")
    assert after["deleted"] == [models[0]]
    assert after["bytes"]["deleted"] == before["models"] - after["bytes"]["models"] > 0
    assert document("restore", models[0])["restored"] == [str(models_folder() / models[0])]
    assert store.read(models[0])
    for arguments in (("restore", models[0]), ("delete", "nothing"), ("delete", "../data")):
        assert cli(*arguments)[0] == 2
    document("delete", models[0])
    assert document("clean")["removed"] == [], "it has not been a week"
    (models_folder() / models[0]).mkdir()
    assert cli("restore", models[0])[0] == 2, "another one is there"
    assert document("disk")["deleted"] == [models[0]]
    document("delete", models[1])
    assert trash.empty(0.0) == [models[1], models[0]]
    assert document("disk")["deleted"] == []


def test_only_what_can_be_made_again_is_removed_to_free_space(
    models: list[str], document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.make_room()
    assert document("prune")["removed"] == [], "enough is free"
    assert document("prune", "--free", "4")["removed"] == [models[1]]
    monkeypatch.setattr(disk, "free_bytes", lambda: 0)
    with pytest.raises(disk.NoRoomError):
        disk.make_room()
    assert store.published_keys() == [models[0]], "never a model that was trained"


def test_a_home_has_a_maximum_size(
    models: list[str], document: Document, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert document("disk")["most"] is None
    monkeypatch.setenv("VLCORE_HOME_MAX", "10")
    disk.make_room()
    assert document("disk")["most"] == 10 * 2**30
    assert set(store.published_keys()) == set(models)
    monkeypatch.setattr(limits, "GB", (disk.size_of(models_folder()) - 1) / 10)
    disk.make_room()
    assert store.published_keys() == [models[0]]
    monkeypatch.setattr(limits, "GB", 1)
    with pytest.raises(disk.NoRoomError):
        disk.make_room()
    assert store.published_keys() == [models[0]]
    monkeypatch.setattr(limits, "GB", disk.size_of(models_folder()))
    monkeypatch.setenv("VLCORE_HOME_MAX", "1")
    (models_folder() / "later").mkdir()
    for key in (models[0], "later"):
        trash.discard([models_folder() / key])
    (models_folder() / "more").write_bytes(b"x")
    assert document("prune")["removed"] == [], "it has not been a week"
    disk.make_room()
    assert document("disk")["deleted"] == ["later"], "the oldest goes where room is needed"
    monkeypatch.setenv("VLCORE_HOME_MAX", "a lot")
    assert cli("disk")[0] == 2


def test_holes_of_files_take_no_room(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**30)
    (tmp_path / "whole").write_bytes(b"x" * 5000)
    assert 5000 <= disk.size_of(tmp_path) < 2**20


def test_bundled_models_cannot_be_deleted(
    cli: Cli, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VLCORE_SHIPPED")
    key = store.model_keys()[0]
    assert cli("delete", key)[0] == 2
    assert key in store.model_keys()
