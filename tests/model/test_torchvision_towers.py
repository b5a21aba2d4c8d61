"""Models of older versions that hold a frozen network of torchvision: they are read, and no new one
is trained."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.model.builders import WORDS, pictures, same
from vlcore.experiment.condition import Condition
from vlcore.model import inference
from vlcore.model.device import ModelError
from vlcore.model.dual_encoder import Encoder, ModelConfig, build
from vlcore.model.frozen_towers import IMAGENET_DEVIATION, IMAGENET_MEAN, TorchvisionBackbone
from vlcore.model.load import OwnModel

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
    from torchvision import models  # seconds, which not each process of the tests needs

    backbone, network = (
        TorchvisionBackbone("torchvision:resnet18"),
        models.resnet18(weights=None).eval(),
    )
    weights = network.state_dict()
    backbone.network.load_state_dict(
        {name: weights[name] for name in backbone.network.state_dict()}
    )
    images = torch.rand(3, 3, 64, 64)
    mean, deviation = (torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_DEVIATION))
    normal = (images - mean[:, None, None]) / deviation[:, None, None]
    with torch.inference_mode():
        logits = network.fc(backbone(images * 2 - 1))
        expected = network(normal)
    assert backbone.features == 512
    assert torch.allclose(logits, expected, atol=1e-4)


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
    if architecture != "conv_stem":
        assert not any(part.training for part in again.train().image.backbone.modules())


@pytest.mark.parametrize("architecture", ["torchvision:resnet18", "torchvision:vit_b_16@random"])
def test_no_new_model_has_such_a_network(architecture: str) -> None:
    instead = architecture.replace("torchvision", "timm")
    with pytest.raises(ModelError, match=f"choose {instead} "):
        build(Condition(architecture=architecture), len(WORDS))
