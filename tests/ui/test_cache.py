"""What all visitors share follows the disk: a cache is named by what it read."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest

from tests.runs import stand_ins
from vlcore.datasets.catalogue import set_stamp
from vlcore.runs.maps import PCA, Projection
from vlcore.store import artefacts
from vlcore.ui import cache

BASE = stand_ins.BASE.replace(data="stand-ins", data_version="1")
IMAGES = dataclasses.replace(stand_ins.image_set(), name="stand-ins", version="1")


@pytest.fixture
def models(home: object, monkeypatch: pytest.MonkeyPatch) -> list[artefacts.Artefact]:
    """Three models of a set whose pictures are tiles with their names."""
    shown = dataclasses.replace(IMAGES, about={"pictures": "none"})
    monkeypatch.setattr(cache, "open_set", lambda name, version=None: {"stand-ins": shown}[name])
    conditions = [BASE, BASE.replace(bias=0.5), BASE.replace(labels="descriptive")]
    return [
        artefacts.read(one.key) if artefacts.published(one.key) else stand_ins.publish(IMAGES, one)
        for one in conditions
    ]


def test_a_map_is_read_once_for_each_way_to_lay_it_out(models: list[artefacts.Artefact]) -> None:
    key = models[0].key
    plain, turned = cache.model_map(key, PCA, ()), cache.model_map(key, Projection(components=(2, 1)), ())
    assert cache.model_map(key, PCA, ()) is plain
    assert turned is not plain
    assert turned.points == pytest.approx(plain.points[:, ::-1], abs=1e-5)
    assert cache.model_map(models[1].key, PCA, ()) is not plain


def test_prompt_axes_are_those_of_the_models_own_text_tower(models: list[artefacts.Artefact]) -> None:
    prompts = ("a horse", "a camel", "the grass", "the desert")
    found = cache.model_map(models[0].key, Projection("prompts", prompts=prompts), ())
    z = cache.model(models[0].key).embed_captions(prompts)
    across = z[1] - z[0]
    assert found.points[:, 0] == pytest.approx(found.z @ across / np.linalg.norm(across), abs=1e-5)
    other = cache.model_map(models[0].key, Projection("prompts", prompts=prompts[::-1]), ())
    assert not np.allclose(other.points, found.points)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_comparison_is_put_together_once(models: list[artefacts.Artefact], count: int) -> None:
    keys = [model.key for model in models[:count]]
    found = cache.comparison(keys, PCA)
    assert cache.comparison(list(keys), PCA) is found
    assert [model.artefact.key for model in found.models] == keys
    assert found.models[0].z is cache.model_map(keys[0], PCA, ()).z, "others matter to a common fit alone"
    assert cache.comparison(keys[::-1] * 2 if count == 1 else keys[::-1], PCA) is not found


def test_a_model_beside_itself_is_read_once(models: list[artefacts.Artefact]) -> None:
    same = cache.comparison([models[0].key] * 2, PCA)
    assert same.models[0].z is same.models[1].z
    assert same.infos[0] == same.infos[1]


def test_what_was_trained_anew_is_read_anew(models: list[artefacts.Artefact]) -> None:
    condition = BASE.replace(init_seed=96)
    key = stand_ins.publish(IMAGES, condition).key
    artefact, together = cache.artefact(key), cache.comparison([key], PCA)
    assert cache.artefact(key) is artefact, "it is read once"
    shutil.rmtree(artefact.path)
    stand_ins.publish(IMAGES, condition, stand_ins.space(IMAGES, 97))
    assert cache.artefact(key).digest != artefact.digest
    assert not np.allclose(cache.comparison([key], PCA).models[0].z, together.models[0].z)


def test_damage_is_found_though_the_model_was_read_before(models: list[artefacts.Artefact]) -> None:
    key = stand_ins.publish(IMAGES, BASE.replace(init_seed=98)).key
    (cache.artefact(key).path / "maps.npz").write_bytes(b"damaged")
    with pytest.raises(artefacts.CorruptArtefactError, match="has been set aside"):
        cache.artefact(key)


def test_a_set_that_was_made_anew_is_read_anew(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cache.named_set("scenes")
    assert cache.named_set("scenes") is first
    monkeypatch.setattr(cache, "set_stamp", lambda name: set_stamp(name) + 1)
    assert cache.named_set("scenes") is not first
