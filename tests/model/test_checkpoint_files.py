"""Checkpoints of strangers and of the hub: one sentence where one cannot be used; nothing runs."""

import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub import constants
from safetensors.numpy import load_file, save_file

from tests.model.tiny_clip import save_clip
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import hub_folder
from vlcore.model import pretrained
from vlcore.model.pretrained import PretrainedError, checkpoint_name, fetch, load_checkpoint

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
NAME, COMMIT = "somebody/tiny-clip", "a" * 40


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
    first = checkpoint_name(str(folder))
    assert first.startswith("tiny@")
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert checkpoint_name(str(copy)).partition("@")[2] == first.partition("@")[2]
    (folder / "README.md").write_text("nothing is read of this")
    assert checkpoint_name(str(folder)) == first
    change(folder / "tokenizer_config.json", padding_side="left")
    assert checkpoint_name(str(folder)) != first


@pytest.mark.parametrize("called", ["My CLIP (v2)", "..hidden..", "沙漠", "a..b", "-", "x" * 200])
def test_any_folder_name_makes_a_condition(folder: Path, called: str) -> None:
    name = checkpoint_name(str(folder.rename(folder.with_name(called))))
    condition = Condition(objective="pretrained", architecture=f"clip:{name}", steps=0)
    assert condition.checkpoint == name.partition("@")[0]


def test_weights_in_several_files_are_read(folder: Path) -> None:
    before = load_checkpoint(str(folder)).embed_captions(["horse"])
    in_shards(folder)
    assert np.allclose(load_checkpoint(str(folder)).embed_captions(["horse"]), before, atol=1e-6)


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
    """A configuration that asks for more of a tower than any model has."""
    path = "config.json"
    return lambda folder: change(
        folder / path, **{tower: {**json.loads((folder / path).read_text())[tower], **values}}
    )


def write(name: str, text: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(text)


def remove(name: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (remove("config.json"), ""),
        (write("config.json", "[" * 100_000), ""),
        (write("config.json", "[]"), ""),
        (write("config.json", '{"model_type": "bert"}'), "its type is bert"),
        (write("config.json", '{"model_type": ["clip"]}'), ""),
        (settings("config.json", projection_dim="wide"), ""),
        (write("config.json", '{"model_type": "clip"}'), ""),
        (config("text_config", vocab_size=90_000_000), ""),
        (config("vision_config", num_hidden_layers=10**6), "layers"),
        (config("text_config", max_position_embeddings=10**9), ""),
        (settings("preprocessor_config.json", crop_size={"height": 10**6, "width": 9}), ""),
        (settings("preprocessor_config.json", size=[9, 20_000]), ""),
        (settings("preprocessor_config.json", crop_size=float("nan")), ""),
        (settings("preprocessor_config.json", image_processor_type="LlavaNextImageProcessor"), ""),
        (remove("preprocessor_config.json"), ""),
        (remove(WEIGHTS), ""),
        (lambda folder: (folder / WEIGHTS).rename(folder / "pytorch_model.bin"), ""),
        (write(WEIGHTS, ""), ""),
        (without_shard, ""),
        (projection(lambda layer: layer[:0]), "lacks weights, such as visual_projection.weight"),
        (projection(lambda layer: layer[:, :8].copy(), rest=np.ones(5000, np.float32)), ""),
        (projection(lambda layer: layer * np.float32("nan")), "does not tell"),
        (remove("tokenizer.json"), ""),
        (write("tokenizer.json", "{}"), ""),
    ],
)
def test_a_folder_that_cannot_be_used_is_a_sentence(
    folder: Path, spoil: Callable[[Path], Any], reason: str
) -> None:
    spoil(folder)
    with pytest.raises(PretrainedError, match=r"choose a CLIP or SigLIP") as raised:
        load_checkpoint(str(folder))
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


def test_a_checkpoint_that_takes_too_much_memory_is_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    monkeypatch.setattr(limits, "CHECKPOINT_SLACK", 512 * limits.MB)
    monkeypatch.setattr(pretrained, "_unit", lambda *_, **__: torch.zeros(2**30))
    with pytest.raises(PretrainedError, match="cannot be used"):
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


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, as `HF_HUB_OFFLINE` makes it for a process that starts with it."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.mark.usefixtures("offline", "empty_home")
def test_an_earlier_download_does_without_the_hub() -> None:
    with pytest.raises(PretrainedError, match="is not on this machine"):
        fetch(NAME)
    kept = hub_folder() / "models--somebody--tiny-clip"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text(COMMIT)
    folder = save_clip(kept / "snapshots" / COMMIT)
    for revision in ("", COMMIT):
        encoder = load_checkpoint(NAME, revision=revision)
        assert (encoder.name, encoder.folder) == (NAME, folder)
    assert encoder.embed_captions(["horse"]).shape == (1, 16)


def test_a_checkpoint_that_is_too_large_is_not_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Mock(return_value=[SimpleNamespace(file_size=40 * 2**30)])
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub)
    with pytest.raises(PretrainedError, match="40 GB; choose a smaller"):
        fetch(NAME)
    assert [call.kwargs.get("dry_run") for call in hub.call_args_list] == [True]
    assert not any(
        ".bin" in name or ".py" in name for name in hub.call_args.kwargs["allow_patterns"]
    )
