"""A frozen network: its features are torchvision's own, nothing of it is trained, and it is saved with the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision import models

from tests.learning.builders import WORDS, pictures, run, same
from vlcore.core.captions import Caption
from vlcore.core.condition import Condition
from vlcore.learning import inference
from vlcore.learning.backbones import DEVIATION, MEAN, Backbone, BackboneError, load_weights, name_in
from vlcore.learning.model import Encoder, build
from vlcore.learning.train import TrainingData

RANDOM = "torchvision:resnet18@random"
CONDITION = Condition(architecture=RANDOM, steps=3, batch_size=8)


def trained(condition: Condition = CONDITION) -> Encoder:
    said = (Caption("horse", "horse"), Caption("camel", "camel"))
    data = TrainingData(pictures(8), np.array([0, 1] * 4), WORDS.tokens(["horse", "camel"]), len(WORDS), said)
    return run(condition, data).model


def weights_of(name: str, seed: int) -> dict[str, torch.Tensor]:
    """Weights as torchvision would give them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return dict(models.get_model(name, weights=None).state_dict())


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """torchvision's weights without a network: random ones; remembers how they were asked for."""
    asked: list[dict[str, Any]] = []

    def state(self: models.WeightsEnum, **options: Any) -> dict[str, torch.Tensor]:
        asked.append(options)
        return weights_of("resnet18", 7)

    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", state)
    return asked


def test_features_are_those_before_torchvisions_last_layer(served: list[dict[str, Any]]) -> None:
    backbone = Backbone("torchvision:resnet18")
    load_weights(backbone, "torchvision:resnet18")
    assert served == [{"progress": False, "check_hash": True, "weights_only": True}]
    network = models.resnet18()
    network.load_state_dict(weights_of("resnet18", 7))
    images = torch.rand(3, 3, 64, 64)
    normal = (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]
    with torch.inference_mode():
        found = network.fc(backbone(images * 2 - 1))
        expected = network.eval()(normal)
    assert backbone.features == 512
    assert torch.allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "features"), [("mobilenet_v3_small", 1024), ("convnext_tiny", 768), ("vit_b_32", 768), ("vgg11", 4096)]
)
def test_networks_of_several_kinds_lose_their_last_layer(name: str, features: int) -> None:
    with torch.device("meta"):  # shapes are enough
        backbone = Backbone(f"torchvision:{name}@random")
        assert backbone.features == features
        assert backbone(torch.zeros(2, 3, 64, 64)).shape == (2, features)


@pytest.mark.parametrize("architecture", [RANDOM, "torchvision:resnet18"])
def test_training_leaves_the_network_as_it_is(served: list[dict[str, Any]], architecture: str) -> None:
    condition = CONDITION.replace(architecture=architecture)
    before = build(condition, 200)
    model = trained(condition)
    assert len(model.image.backbone.state_dict()) > 100
    assert same(before.image.backbone, model.image.backbone)
    assert not torch.equal(before.image.adapt.weight, model.image.adapt.weight)
    assert not any(parameter.requires_grad for parameter in model.image.backbone.parameters())
    assert len(served) == (0 if architecture == RANDOM else 2)


def test_it_stays_in_evaluation_mode() -> None:
    model = build(CONDITION, 200).train()
    assert model.training
    assert not any(part.training for part in model.image.backbone.modules())


def test_a_seed_gives_the_same_random_network_and_another_another() -> None:
    one, again, other = (build(CONDITION.replace(init_seed=seed), 200).image.state_dict() for seed in (0, 0, 1))
    name = "backbone.network.conv1.weight"
    assert torch.equal(one[name], again[name])
    assert not torch.equal(one[name], other[name])


def test_it_is_read_back_without_asking_for_weights(tmp_path: Path, served: list[dict[str, Any]]) -> None:
    model = trained(CONDITION.replace(architecture="torchvision:resnet18"))
    inference.save(model, WORDS, tmp_path / "model.safetensors")
    served.clear()
    again, _ = inference.load(tmp_path / "model.safetensors")
    assert served == []
    assert np.allclose(*(inference.embed_images(one, pictures(8)) for one in (again, model)), atol=1e-6)
    assert again.device.type == "cpu"


def test_other_objectives_take_it_too() -> None:
    for objective, labels in (("simclr", "constant"), ("captioner", "undescriptive"), ("ce_object", "undescriptive")):
        model = trained(CONDITION.replace(objective=objective, labels=labels, steps=1))
        z = inference.embed_images(model, pictures(8))
        assert np.allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)


def test_weights_that_cannot_be_fetched_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: models.WeightsEnum, **_options: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", failing)
    with pytest.raises(BackboneError, match="cannot be fetched; check the connection, or choose architecture"):
        build(CONDITION.replace(architecture="torchvision:resnet18"), 200)


@pytest.mark.parametrize("name", ["resnet19", "fasterrcnn_resnet50_fpn", "r3d_18"])
def test_what_is_no_classifier_of_pictures_is_a_sentence(name: str) -> None:
    with pytest.raises(BackboneError, match=f"no classifier named '{name}'"):
        name_in(f"torchvision:{name}")


def test_a_network_without_a_linear_last_layer_is_a_sentence() -> None:
    with pytest.raises(BackboneError, match="squeezenet1_1 does not end in a linear layer"):
        Backbone("torchvision:squeezenet1_1@random")
