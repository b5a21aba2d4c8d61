"""Models of older versions that hold a frozen network of torchvision: they are read, and no new one
is trained."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torchvision import models

from tests.model.builders import WORDS, pictures, same
from vlcore.experiment.condition import Condition
from vlcore.model import inference
from vlcore.model.device import ModelError
from vlcore.model.dual_encoder import Encoder, ModelConfig, build, to_input
from vlcore.model.load import OwnModel
from vlcore.model.torchvision_towers import DEVIATION, MEAN, Backbone, BackboneError

RESNET = ModelConfig(len(WORDS), "torchvision:resnet18")
LATER = ("text", "features", "tower")  # fields of a model's shape that files of version 0.5 lack


def old_file(config: ModelConfig, path: Path) -> Encoder:
    """Write a model as version 0.5 wrote it."""
    model = Encoder(config).eval()
    inference.save_encoder(model, WORDS, path)
    with safe_open(path, framework="pt") as file:
        about = {name: value for name, value in file.metadata().items() if name not in LATER}
    assert about.keys() >= {"words", "architecture", "embedding", "vocabulary"}
    save_file(load_file(path), path, metadata=about)
    return model


def test_features_are_those_before_torchvisions_last_layer() -> None:
    backbone, network = Backbone("torchvision:resnet18"), models.resnet18(weights=None).eval()
    weights = network.state_dict()
    backbone.network.load_state_dict(
        {name: weights[name] for name in backbone.network.state_dict()}
    )
    images = torch.rand(3, 3, 64, 64)
    normal = (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]
    with torch.inference_mode():
        logits = network.fc(backbone(images * 2 - 1))
        expected = network(normal)
    assert backbone.features == 512
    assert torch.allclose(logits, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "features"),
    [("mobilenet_v3_small", 1024), ("convnext_tiny", 768), ("vit_b_32", 768), ("vgg11", 4096)],
)
def test_networks_of_several_kinds_lose_their_last_layer(name: str, features: int) -> None:
    with torch.device("meta"):  # shapes are enough
        backbone = Backbone(f"torchvision:{name}@random")
        assert backbone.features == features
        assert backbone(torch.zeros(2, 3, 64, 64)).shape == (2, features)


@pytest.mark.parametrize(
    "architecture", ["conv_stem", "torchvision:resnet18", "torchvision:resnet18@random"]
)
def test_a_model_of_an_older_version_is_read(tmp_path: Path, architecture: str) -> None:
    path = tmp_path / "model.safetensors"
    model = old_file(ModelConfig(len(WORDS), architecture, init_seed=3), path)
    again, vocabulary = inference.load_encoder(path)
    assert vocabulary.words == WORDS.words
    assert again.config == model.config
    assert same(again, model)
    assert (
        inference.embed_images(again, pictures(4)) == inference.embed_images(model, pictures(4))
    ).all()
    captions = ["horse", "camel in the desert"]
    assert (
        inference.embed_captions(again, vocabulary, captions)
        == inference.embed_captions(model, WORDS, captions)
    ).all()
    assert OwnModel(again, vocabulary).frozen_tower == "", "it reads pixels"


@pytest.mark.parametrize("architecture", ["torchvision:resnet18", "torchvision:vit_b_16@random"])
def test_no_new_model_has_such_a_network(architecture: str) -> None:
    instead = architecture.replace("torchvision", "timm")
    with pytest.raises(ModelError, match=f"choose {instead} "):
        build(Condition(architecture=architecture), len(WORDS))


def test_the_network_stays_in_evaluation_mode() -> None:
    model = Encoder(RESNET).train()
    assert model.image.project.training
    assert not any(part.training for part in model.image.backbone.modules())
    assert not any(parameter.requires_grad for parameter in model.image.backbone.parameters())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *(
            (name, f"no classifier named '{name}'")
            for name in ("resnet19", "fasterrcnn_resnet50_fpn", "r3d_18")
        ),
        ("squeezenet1_1@random", "squeezenet1_1 does not end in a linear layer"),
    ],
)
def test_what_is_no_classifier_of_pictures_is_a_sentence(name: str, reason: str) -> None:
    with pytest.raises(BackboneError, match=reason):
        Backbone(f"torchvision:{name}")


def test_before_its_first_step_a_model_has_the_same_frozen_network() -> None:
    last = Encoder(RESNET)
    with torch.no_grad():
        last.image.project.weight.zero_()
        last.image.backbone.network.conv1.weight.mul_(2)  # unlike what the seed makes
    first = OwnModel(last, WORDS).before().encoder
    images = to_input(torch.from_numpy(pictures(2)))
    assert torch.equal(first.image.backbone(images), last.image.backbone(images))
    assert first.image.project.weight.any()
    assert np.abs(inference.embed_images(first, pictures(2))).max() > 0
