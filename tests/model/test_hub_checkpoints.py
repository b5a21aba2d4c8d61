"""Folders that are no CLIP, lack files, hold pickles or lie: one sentence, and nothing runs."""

import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from tests.model.tiny_clip import save_clip
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.model import hub_checkpoints, pretrained
from vlcore.model.hub_checkpoints import (
    INDEX,
    WEIGHTS,
    PretrainedError,
    checkpoint_name,
    digest,
    find_checkpoint,
)
from vlcore.model.pretrained import load_checkpoint


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("saved") / "tiny")


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A checkpoint that a test may spoil."""
    return Path(shutil.copytree(saved, tmp_path / "tiny"))


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_folder_has_a_name_that_changes_with_its_files(folder: Path, tmp_path: Path) -> None:
    found, first = find_checkpoint(str(folder)), digest(folder)
    assert found.name == checkpoint_name(str(folder)) == f"tiny@{first[:8]}"
    assert (found.kind, found.revision, found.folder) == ("clip", "", folder)
    assert found.numbers == sum(array.size for array in load_file(folder / WEIGHTS).values())
    assert found.bytes == (folder / WEIGHTS).stat().st_size
    assert digest(Path(shutil.copytree(folder, tmp_path / "copy"))) == first
    before = hub_checkpoints._digest.cache_info().misses
    (folder / "README.md").write_text("nothing is read of this")
    assert digest(folder) == first
    assert hub_checkpoints._digest.cache_info().misses == before, "hashed once"
    change(folder / "tokenizer_config.json", padding_side="left")
    assert checkpoint_name(str(folder)) != found.name


@pytest.mark.parametrize("called", ["My CLIP (v2)", "..hidden..", "沙漠", "a..b", "-", "x" * 200])
def test_any_folder_name_makes_a_condition(folder: Path, called: str) -> None:
    name = checkpoint_name(str(folder.rename(folder.with_name(called))))
    condition = Condition(objective="pretrained", architecture=f"clip:{name}", steps=0)
    assert condition.checkpoint == name.partition("@")[0]


def test_weights_in_several_files_are_read(folder: Path) -> None:
    before = load_checkpoint(str(folder)).embed_captions(["horse"])
    numbers = find_checkpoint(str(folder)).numbers
    in_shards(folder)
    found = load_checkpoint(str(folder))
    assert found.checkpoint.numbers == numbers
    assert np.allclose(found.embed_captions(["horse"]), before, atol=1e-6)


def in_shards(folder: Path) -> None:
    arrays = load_file(folder / WEIGHTS)
    names = [f"model-{number}-of-2.safetensors" for number in (1, 2)]
    where = {name: names[place % 2] for place, name in enumerate(arrays)}
    for file in names:
        save_file(
            {name: array for name, array in arrays.items() if where[name] == file}, folder / file
        )
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": where}))
    (folder / WEIGHTS).unlink()


def outside(folder: Path) -> None:
    in_shards(folder)
    (folder / INDEX).write_text(
        json.dumps({"weight_map": {"a": "../tiny/model-1-of-2.safetensors"}})
    )


def without_shard(folder: Path) -> None:
    in_shards(folder)
    (folder / "model-2-of-2.safetensors").unlink()


def settings(name: str, **values: Any) -> Callable[[Path], Any]:
    return lambda folder: change(folder / name, **values)


def projection(
    spoiled: Callable[[np.ndarray], np.ndarray], **more: np.ndarray
) -> Callable[[Path], Any]:
    """Weights of which one layer is spoiled; a layer of no numbers is left out."""

    def spoil(folder: Path) -> None:
        arrays = load_file(folder / WEIGHTS)
        name = "visual_projection.weight"
        arrays |= {name: spoiled(arrays[name]), **more}
        save_file({name: array for name, array in arrays.items() if array.size}, folder / WEIGHTS)

    return spoil


def config(tower: str, **values: int) -> Callable[[Path], Any]:
    """A configuration that asks for more of a tower; what would need gigabytes is found out before
    that."""
    path = "config.json"
    return lambda folder: change(
        folder / path, **{tower: {**json.loads((folder / path).read_text())[tower], **values}}
    )


def write(name: str, text: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(text)


def remove(name: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (remove("config.json"), "is no checkpoint: it has no config.json"),
        (write("config.json", "[" * 100_000), "config.json of tiny holds no settings"),
        (write("config.json", "[]"), "holds no settings"),
        (write("config.json", " " * 2**21), "larger than any configuration"),
        (write("config.json", '{"model_type": "bert"}'), "type 'bert'"),
        (write("config.json", '{"model_type": ["clip"]}'), "choose a CLIP or SigLIP"),
        (settings("config.json", projection_dim="wide"), "cannot be loaded"),
        (write("config.json", '{"model_type": "clip"}'), "lacks weights: it has"),
        (config("text_config", vocab_size=9_000_000), "lacks weights: it has"),
        (config("vision_config", num_hidden_layers=10**6), "asks for num_hidden_layers = 1000000"),
        (
            config("text_config", max_position_embeddings=1025),
            "asks for max_position_embeddings = 1025",
        ),
        (
            settings("preprocessor_config.json", crop_size={"height": 10**6, "width": 9}),
            "height = 1000000",
        ),
        (settings("preprocessor_config.json", size=[9, 20_000]), "size = 20000"),
        (settings("preprocessor_config.json", crop_size=float("nan")), "crop_size = nan"),
        (
            write(
                "processor_config.json", '{"image_processor": {"size": {"shortest_edge": 20000}}}'
            ),
            "edge = 20000",
        ),
        (
            settings("preprocessor_config.json", image_processor_type="LlavaNextImageProcessor"),
            "prepares images by|preparation of images",
        ),
        (
            settings(
                "preprocessor_config.json",
                image_processor_type=None,
                feature_extractor_type="ViTFeatureExtractor",
            ),
            "prepares images by",
        ),
        (remove("preprocessor_config.json"), "lacks preprocessor_config.json"),
        (remove(WEIGHTS), f"lacks {WEIGHTS}"),
        (
            lambda folder: (folder / WEIGHTS).rename(folder / "pytorch_model.bin"),
            "weights as pickles, which can run",
        ),
        (write(WEIGHTS, ""), f"{WEIGHTS} of tiny is damaged"),
        (outside, "names no weights beside it"),
        (without_shard, "lacks model-2-of-2.safetensors"),
        (projection(lambda layer: layer[:0]), "lacks weights, such as visual_projection.weight"),
        (
            projection(lambda layer: layer[:, :8].copy(), rest=np.ones(5000, np.float32)),
            "other shapes than",
        ),
        (
            projection(lambda layer: layer * np.float32("nan")),
            "holds or makes numbers that are not finite",
        ),
        (remove("tokenizer.json"), "lacks its tokenizer"),
        (write("tokenizer.json", "{}"), "The preparation of words of tiny@"),
    ],
)
def test_a_folder_that_cannot_be_used_is_a_sentence(
    folder: Path, spoil: Callable[[Path], Any], sentence: str
) -> None:
    spoil(folder)
    with pytest.raises(PretrainedError, match=sentence) as raised:
        load_checkpoint(str(folder))
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


def test_a_checkpoint_that_takes_too_much_memory_is_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    monkeypatch.setattr(limits, "CHECKPOINT_SLACK", 512 * limits.MB)

    def greedy(*_: object, **__: object) -> object:
        return torch.zeros(2**30)

    monkeypatch.setattr(pretrained, "_unit", greedy)
    with pytest.raises(PretrainedError, match="cannot embed an image and a caption"):
        load_checkpoint(str(folder))
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_code_in_a_checkpoint_does_not_run_and_pickles_beside_it_are_left_alone(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\n")
    for name in ("config.json", "tokenizer_config.json", "preprocessor_config.json"):
        kinds = ("AutoConfig", "AutoModel", "AutoProcessor", "AutoImageProcessor")
        change(
            folder / name,
            auto_map={**dict.fromkeys(kinds, "evil.Evil"), "AutoTokenizer": ["evil.Evil", None]},
        )
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    assert load_checkpoint(str(folder)).embed_captions(["horse"]).shape == (1, 16)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "source",
    [
        "",
        " ",
        "nowhere",
        "/no/such/folder",
        "../..//x",
        "a/b/c",
        "a\0b",
        "~nobody/x",
        "x" * 5000,
        "a/..b",
    ],
)
def test_what_is_neither_folder_nor_hub_name_is_a_sentence(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PretrainedError, match="There is no folder"):
        checkpoint_name(source)
    monkeypatch.chdir(Path(__file__).parents[2])
    assert checkpoint_name("vlcore/web") == "vlcore/web", "whether such a path is here is not told"
    assert checkpoint_name("google/siglip-base-patch16-224") == "google/siglip-base-patch16-224"
