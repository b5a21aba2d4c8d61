"""Drawing on this machine: a tiny diffusion pipeline with random weights, in safetensors."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from huggingface_hub import constants
from PIL import Image

from vlcore.data.importers import list_source

WEIGHTS = "diffusion_pytorch_model"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.data.tiny_diffusion import make_pipeline

    return make_pipeline(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def copied(pipeline: Path, tmp_path: Path) -> Path:
    """A pipeline that a test may damage."""
    return shutil.copytree(pipeline, tmp_path / "model")


def draw(folder: Path, model: Path | str, per_group: int = 1, **options: Any) -> int:
    from vlcore.data.generate import generate_images

    small = {"height": 32, "width": 32, "num_inference_steps": 2}
    return generate_images(
        folder,
        ("horse", "camel"),
        ("grass", "desert"),
        str(model),
        per_group=per_group,
        **small,
        **options,
    )


def refused(words: str) -> Any:
    from vlcore.data.generate import GenerateError

    return pytest.raises(GenerateError, match=words)


def test_a_folder_is_drawn_that_can_be_imported(pipeline: Path, tmp_path: Path) -> None:
    assert draw(tmp_path / "made", pipeline) == 4
    listing = list_source(tmp_path / "made")
    labels = pd.read_csv(tmp_path / "made" / "labels.csv")
    assert listing.counts.to_numpy().tolist() == [[1, 1], [1, 1]]
    assert "a photo of a camel in the desert" in set(labels["caption"])
    with Image.open(tmp_path / "made" / listing.table["file"][0]) as picture:
        assert (picture.mode, picture.size) == ("RGB", (32, 32))


def test_the_same_seed_draws_the_same_bytes_and_a_run_goes_on(
    pipeline: Path, tmp_path: Path
) -> None:
    for name, seed in (("first", 0), ("second", 0), ("other", 1)):
        draw(tmp_path / name, pipeline, seed=seed)
    file = "camel_grass/0000.png"
    first, second, other = ((tmp_path / name / file) for name in ("first", "second", "other"))
    assert first.read_bytes() == second.read_bytes() != other.read_bytes()
    pictures = [np.asarray(Image.open(path)) for path in (tmp_path / "first").rglob("*.png")]
    assert len({picture.tobytes() for picture in pictures}) == 4
    before = first.stat().st_mtime_ns
    second.unlink()
    assert draw(tmp_path / "first", pipeline, per_group=2) == 8
    assert first.stat().st_mtime_ns == before, "what is there is not drawn again"
    draw(tmp_path / "second", pipeline)
    assert first.read_bytes() == second.read_bytes()


def test_an_image_that_the_safety_checker_withholds_is_left_out(tmp_path: Path) -> None:
    from tests.data.tiny_diffusion import make_strict_pipeline

    assert draw(tmp_path / "set", make_strict_pipeline(tmp_path / "watched")) == 0
    assert pd.read_csv(tmp_path / "set" / "labels.csv").empty


# So diffusers calls its hub.
@pytest.mark.filterwarnings("ignore:The `local_dir_use_symlinks` argument:UserWarning")
@pytest.mark.parametrize(
    "model", ["no/such/folder", "/nowhere", "https://example.org/model", "nobody/no-such-model"]
)
def test_a_name_of_nothing_and_a_hub_that_cannot_be_reached_are_sentences(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with refused("cannot be opened as a text-to-image pipeline"):
        draw(tmp_path / "set", model)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model_index.json", None),
        ("model_index.json", b"{}"),
        (f"unet/{WEIGHTS}.safetensors", b"123"),
        (f"unet/{WEIGHTS}.safetensors", None),
        ("text_encoder/model.safetensors", None),
    ],
)
def test_a_folder_of_something_else_is_a_sentence(
    file: str, content: bytes | None, copied: Path, tmp_path: Path
) -> None:
    damaged = copied / file
    if content is None:
        damaged.rename(damaged.with_suffix(".bin"))
    else:
        damaged.write_bytes(content)
    with refused("cannot be opened as a text-to-image pipeline"):
        draw(tmp_path / "set", copied)


def test_code_beside_a_model_is_not_run(copied: Path, tmp_path: Path) -> None:
    index = json.loads((copied / "model_index.json").read_text())
    (copied / "model_index.json").write_text(json.dumps(index | {"unet": ["own", "Own"]}))
    for place in (copied, copied / "unet"):
        (place / "own.py").write_text(f"open({str(copied / 'ran')!r}, 'w')\nclass Own: pass\n")
    with refused("cannot be opened as a text-to-image pipeline"):
        draw(tmp_path / "set", copied)
    assert not (copied / "ran").exists()


def test_a_model_that_fails_and_words_that_cannot_be_used(copied: Path, tmp_path: Path) -> None:
    with refused("lacks {place}"):
        draw(tmp_path / "set", copied, prompt="a {object}")
    shutil.rmtree(copied / "tokenizer")
    with refused("cannot draw this"):
        draw(tmp_path / "set", copied)
