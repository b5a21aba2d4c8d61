"""A frozen network: its features are torchvision's own, nothing of it is trained, and it is saved with the model."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision import models

from tests.learning.builders import WORDS, pictures, run, same
from vlcore.core.captions import Caption
from vlcore.core.condition import Condition
from vlcore.learning import inference
from vlcore.learning.backbones import DEVIATION, MEAN, Backbone, BackboneError
from vlcore.learning.model import Encoder, build
from vlcore.learning.train import TrainingData
from vlcore.runs.load import OwnModel

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
    backbone.load_weights()
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
    before, model = build(condition, 200), trained(condition)
    assert len(model.image.backbone.state_dict()) > 100
    assert same(before.image.backbone, model.image.backbone)
    assert not torch.equal(before.image.adapt.weight, model.image.adapt.weight)
    assert not any(parameter.requires_grad for parameter in model.image.backbone.parameters())
    assert not any(part.training for part in model.train().image.backbone.modules())
    assert len(served) == (0 if architecture == RANDOM else 2)
    other = build(condition.replace(init_seed=1), 200)
    assert same(before.image.backbone, other.image.backbone) is (architecture != RANDOM), "of random ones by the seed"


def test_it_is_read_back_without_asking_for_weights(tmp_path: Path, served: list[dict[str, Any]]) -> None:
    model = trained(CONDITION.replace(architecture="torchvision:resnet18"))
    inference.save(model, WORDS, tmp_path / "model.safetensors")
    served.clear()
    again, _ = inference.load(tmp_path / "model.safetensors")
    assert served == []
    assert np.allclose(*(inference.embed_images(one, pictures(8)) for one in (again, model)), atol=1e-6)
    assert again.device.type == "cpu"


def test_weights_that_cannot_be_fetched_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", Mock(side_effect=URLError("no route to host")))
    with pytest.raises(BackboneError, match=r"cannot be fetched; .* or choose torchvision:resnet18@random"):
        build(CONDITION.replace(architecture="torchvision:resnet18"), 200)


@pytest.mark.parametrize(("name", "reason"), [
    *((name, f"no classifier named '{name}'") for name in ("resnet19", "fasterrcnn_resnet50_fpn", "r3d_18")),
    ("squeezenet1_1@random", "squeezenet1_1 does not end in a linear layer"),
])  # fmt: skip
def test_what_is_no_classifier_of_pictures_is_a_sentence(name: str, reason: str) -> None:
    with pytest.raises(BackboneError, match=reason):
        Backbone(f"torchvision:{name}")


def test_before_its_first_step_a_model_has_the_same_frozen_network(served: list[dict[str, Any]]) -> None:
    last = build(Condition(architecture="torchvision:resnet18"), words=len(WORDS))
    with torch.no_grad():
        last.image.project.weight.zero_()
    first = OwnModel(last, WORDS).before().encoder
    pixels = torch.rand(2, 3, 64, 64)
    assert torch.equal(first.image.backbone(pixels), last.image.backbone(pixels))
    assert first.image.project.weight.any()
