"""What all visitors share follows the disk: a cache is named by what it read."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.conftest import publish_as
from vlcore.conditions import Condition
from vlcore.images.imagesets import set_stamp
from vlcore.runs import store
from vlcore.ui import work


def test_a_model_that_was_trained_anew_is_read_anew(quick: list[store.Artefact]) -> None:
    first = publish_as(quick[0], Condition(bias=0.31))
    before = work.artefact(first.key)
    assert work.artefact(first.key) is before, "it is read once"
    changed = json.loads((first.path / "metrics.json").read_text())
    changed["end"]["minority_accuracy"]["value"] = 0.123
    shutil.rmtree(first.path)
    second = publish_as(quick[0], Condition(bias=0.31))
    (second.path / "metrics.json").write_text(json.dumps(changed))
    made = store.models_folder() / ".work" / "again"
    shutil.copytree(second.path, made)
    (made / "manifest.json").unlink()
    shutil.rmtree(second.path)
    store.publish(first.key, made, {"seconds": 0})
    after = work.artefact(first.key)
    assert after.digest != before.digest
    assert after.metrics["end"]["minority_accuracy"]["value"] == 0.123


def test_damage_is_found_though_the_model_was_read_before(quick: list[store.Artefact]) -> None:
    artefact = publish_as(quick[0], Condition(bias=0.32))
    assert work.artefact(artefact.key).key == artefact.key
    (artefact.path / "maps.npz").write_bytes(b"damaged")
    with pytest.raises(store.CorruptArtefactError, match="has been set aside"):
        work.artefact(artefact.key)


def test_a_set_that_was_made_anew_is_read_anew(monkeypatch: pytest.MonkeyPatch, quick: list[store.Artefact]) -> None:
    first = work.named_set("scenes")
    assert work.named_set("scenes") is first
    monkeypatch.setattr(work, "set_stamp", lambda name: set_stamp(name) + 1)
    assert work.named_set("scenes") is not first
