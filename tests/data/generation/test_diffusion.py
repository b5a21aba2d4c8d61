"""Drawing on this machine: a tiny diffusion pipeline with random weights, in safetensors."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import constants
from PIL import Image

from tests.data.generation import stand_ins
from vlcore.data.generation import find_backend, generate_images
from vlcore.data.generation.plan import GenerateError, GenerationPlan
from vlcore.model.device import ModelError, choose_device

WEIGHTS = "diffusion_pytorch_model"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.data.generation.tiny_diffusion import make_pipeline

    return make_pipeline(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def copied(pipeline: Path, tmp_path: Path) -> Path:
    """A pipeline that a test may damage."""
    return shutil.copytree(pipeline, tmp_path / "model")


def study(model: Path | str, **options: Any) -> GenerationPlan:
    return stand_ins.study(1, **({"backend": "local", "model": str(model), "steps": 2} | options))


def test_four_pictures_are_drawn_and_the_same_seeds_draw_the_same_bytes(
    pipeline: Path, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        made = study(pipeline)
        assert generate_images(made, find_backend(made, batch=4)(), tmp_path / name) == 4
    files = [image.file_name for image in made.images]
    contents = [(tmp_path / "first" / file).read_bytes() for file in files]
    assert contents == [(tmp_path / "second" / file).read_bytes() for file in files]
    assert len(set(contents)) == 4
    with Image.open(tmp_path / "first" / files[0]) as picture:
        assert (picture.mode, picture.size) == ("RGB", (32, 32))
        first = np.asarray(picture)
    other = study(pipeline, seed=1)
    (drawn,) = find_backend(other)().draw(other.images[:1])
    assert (np.asarray(drawn) != first).any()


def test_a_picture_does_not_depend_on_its_batch(pipeline: Path) -> None:
    made = study(pipeline, size=64)
    artist = find_backend(made, batch=4)()
    together = np.array([np.asarray(image, dtype=int) for image in artist.draw(made.images)])
    apart = artist.draw(made.images[:3]) + artist.draw(made.images[3:])
    assert np.abs(together - np.array([np.asarray(image, dtype=int) for image in apart])).max() <= 1


def test_a_picture_that_the_safety_checker_blanks_counts_as_refused(tmp_path: Path) -> None:
    from tests.data.generation.tiny_diffusion import make_strict_pipeline

    made = study(make_strict_pipeline(tmp_path / "watched"))
    assert generate_images(made, find_backend(made, batch=2)(), tmp_path / "set") == 0
    assert "safety checker" in (tmp_path / "set/generation.jsonl").read_text()


# So diffusers calls its hub.
@pytest.mark.filterwarnings("ignore:The `local_dir_use_symlinks` argument:UserWarning")
def test_a_name_of_nothing_and_a_hub_that_cannot_be_reached_are_sentences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    names = dict.fromkeys(
        ("no/such/folder", "/nowhere", "https://example.org/model"), "There is no folder"
    )
    names["nobody/no-such-model"] = "cannot be downloaded from the hub"
    for model, words in names.items():
        with pytest.raises(GenerateError, match=words):
            find_backend(study(model))()


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("model_index.json", None, "has no model_index"),
        ("model_index.json", b"{}", "cannot be used as a text-to-image"),
        (f"unet/{WEIGHTS}.safetensors", b"123", "cannot be used .* Unable to load weights"),
        (f"unet/{WEIGHTS}.safetensors", None, "lacks weights in safetensors"),
        ("text_encoder/model.safetensors", None, "lacks weights in safetensors"),
    ],
)
def test_a_folder_of_something_else_is_a_sentence(
    file: str, content: bytes | None, words: str, copied: Path
) -> None:
    damaged = copied / file
    if content is None:
        damaged.rename(damaged.with_suffix(".bin"))
    else:
        damaged.write_bytes(content)
    with pytest.raises(GenerateError, match=words):
        find_backend(study(copied))()


def test_code_beside_a_model_is_not_run(copied: Path) -> None:
    index = json.loads((copied / "model_index.json").read_text())
    (copied / "model_index.json").write_text(json.dumps(index | {"unet": ["own", "Own"]}))
    for place in (copied, copied / "unet"):
        (place / "own.py").write_text(f"open({str(copied / 'ran')!r}, 'w')\nclass Own: pass\n")
    with pytest.raises(GenerateError, match="cannot be used as a text-to-image pipeline"):
        find_backend(study(copied))()
    assert not (copied / "ran").exists()


def test_an_absent_device_and_a_model_that_fails(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(copied / "tokenizer")
    made = study(copied)
    with pytest.raises(GenerateError, match="cannot draw this"):
        generate_images(made, find_backend(made)(), tmp_path / "set")
    assert '"failed"' in (tmp_path / "set/generation.jsonl").read_text()
    monkeypatch.setenv("VLCORE_DEVICE", "abacus")
    with pytest.raises(ModelError, match="not available"):
        find_backend(made, choose_device=choose_device)()
