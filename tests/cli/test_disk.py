"""Commands about the disk: sizes, deleting with a way back, room where it is short."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, publish_as
from vlcore.artifacts import disk, store
from vlcore.artifacts.store import Artifact
from vlcore.experiment import limits, trash
from vlcore.experiment.files import models_folder


@pytest.fixture
def models(empty_home: Path, quick: list[Artifact]) -> list[str]:
    """Keys of a model and of its untrained encoder."""
    for condition in (quick[0].condition, quick[0].condition.untrained):
        publish_as(quick[0], condition)
    return [quick[0].key, quick[0].condition.untrained.key]


def test_a_model_is_deleted_and_put_back_and_removed_for_good_after_a_week(
    models: list[str], document: Callable[..., Any], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = document("disk")["bytes"]
    assert document("delete", models[0])["deleted"] == [models[0]]
    after = document("disk")
    assert after["deleted"] == [models[0]]
    assert before["models"] > after["bytes"]["models"] > 0
    assert before["models"] == after["bytes"]["models"] + after["bytes"]["deleted"]
    assert document("restore", models[0])["restored"] == [str(models_folder() / models[0])]
    assert store.read(models[0])
    assert (
        cli("restore", models[0])[0]
        == cli("delete", "nothing")[0]
        == cli("delete", "../data")[0]
        == 2
    )
    document("delete", models[0])
    publish_as(store.read(models[1]), store.read(models[1]).condition.replace(steps=12))
    assert document("clean")["removed"] == [], "it has not been a week"
    monkeypatch.setattr(trash, "KEPT_SECONDS", 0.0)
    document("delete", models[1])
    assert trash.empty(0.0) == [models[1], models[0]]
    assert document("disk")["deleted"] == []


def test_what_is_there_again_is_not_overwritten(
    models: list[str], document: Callable[..., Any], cli: Cli
) -> None:
    document("delete", models[0])
    (models_folder() / models[0]).mkdir()
    assert "again; delete it first" in cli("restore", models[0])[2]
    assert document("disk")["deleted"] == [models[0]]


def test_room_is_made_of_what_can_be_made_again_and_of_nothing_else(
    models: list[str], document: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "free", lambda: 3 * 2**30)
    disk.make_room()
    assert document("prune")["removed"] == [], "enough is free"
    assert document("prune", "--free", "4")["removed"] == [models[1]]
    assert store.published_keys() == [models[0]]
    monkeypatch.setattr(disk, "free", lambda: 0)
    with pytest.raises(disk.NoRoomError):
        disk.make_room()
    assert store.published_keys() == [models[0]], "never a model that was trained"


def test_a_home_takes_no_more_than_it_may(
    models: list[str], document: Callable[..., Any], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "free", lambda: 3 * 2**30)
    monkeypatch.setattr(disk, "_COUNTED", 0.0)
    disk.make_room()
    assert document("disk")["most"] is None
    monkeypatch.setenv("VLCORE_HOME_MAX", "10")
    disk.make_room()
    assert document("disk")["most"] == 10 * 2**30
    assert set(store.published_keys()) == set(models)
    taken = disk.size_of(models_folder())
    monkeypatch.setattr(limits, "GB", (taken - 1) / 10)
    disk.make_room()
    assert store.published_keys() == [models[0]]
    monkeypatch.setattr(limits, "GB", 1)
    with pytest.raises(disk.NoRoomError, match="no more than 10 GB"):
        disk.make_room()
    assert store.published_keys() == [models[0]]
    monkeypatch.setenv("VLCORE_HOME_MAX", "a lot")
    code, _, said = cli("disk")
    assert (code, said.count("\n")) == (2, 1)


def test_what_comes_with_the_version_stays(
    cli: Cli, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VLCORE_SHIPPED")
    key = store.model_keys()[0]
    code, _, said = cli("delete", key)
    assert (code, "came with this version" in said) == (2, True)
