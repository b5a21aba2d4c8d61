"""Embeddings, and a model that comes back from its file the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.learning.builders import CAPTIONS, TOKENS, WORDS, inputs, pictures
from vlcore.core.captions import distinct_captions
from vlcore.core.condition import Condition
from vlcore.core.grouping import SCENES, Grouping
from vlcore.core.options import ARCHITECTURES
from vlcore.core.vocabulary import Vocabulary
from vlcore.learning import device, inference
from vlcore.learning.device import ModelError
from vlcore.learning.model import DualEncoder, ModelConfig, build

PICTURES = pictures(20)


@pytest.fixture(scope="module")
def model() -> DualEncoder:
    return build(Condition(), len(WORDS)).eval()


def test_embeddings_are_those_of_the_towers(model: DualEncoder) -> None:
    z, t = inference.embed_images(model, PICTURES), inference.embed_captions(model, WORDS, CAPTIONS)
    assert (z.shape, t.shape) == ((20, 32), (4, 32))
    assert z.dtype == t.dtype == np.float32
    with torch.no_grad():
        assert z == pytest.approx(model.image(inputs(20)).numpy(), abs=1e-5)
        assert t == pytest.approx(model.text(TOKENS).numpy())


@pytest.mark.parametrize("batch", [1, 3, 7, 20, 256])
def test_embeddings_do_not_depend_on_the_batch(batch: int, model: DualEncoder) -> None:
    whole = inference.embed_images(model, PICTURES, batch=20)
    assert inference.embed_images(model, PICTURES, batch=batch) == pytest.approx(whole, abs=1e-5)


def test_scale_and_bias_turn_a_cosine_into_a_logit(model: DualEncoder) -> None:
    z, t = inference.embed_images(model, PICTURES), inference.embed_captions(model, WORDS, CAPTIONS)
    scale, bias = inference.scale_and_bias(model)
    with torch.no_grad():
        logits = model.logits(torch.from_numpy(z), torch.from_numpy(t)).numpy()
    assert scale * z @ t.T + bias == pytest.approx(logits, abs=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("grouping", [SCENES, Grouping(("Katze", "Bär"), ("東京", "sea side"))])
def test_a_model_comes_back_from_its_file_bit_for_bit(architecture: str, grouping: Grouping, tmp_path: Path) -> None:
    words = Vocabulary.of(grouping)
    model = build(Condition(architecture=architecture, init_seed=3), len(words)).eval()
    with torch.no_grad():
        model.tau.add_(0.5)
        model.bias.sub_(1.25)
    path = tmp_path / "model.safetensors"
    inference.save(model, words, path)
    again, vocabulary = inference.load(path)
    assert vocabulary.words == words.words
    assert again.config == model.config
    assert (inference.embed_images(again, PICTURES) == inference.embed_images(model, PICTURES)).all()
    captions = distinct_captions("descriptive", grouping)
    assert (
        inference.embed_captions(again, vocabulary, captions) == inference.embed_captions(model, words, captions)
    ).all()
    assert inference.scale_and_bias(again) == inference.scale_and_bias(model)
    assert not again.training
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_equal_models_are_equal_files(model: DualEncoder, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        inference.save(build(Condition(), len(WORDS)), WORDS, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() == (tmp_path / "three").read_bytes()
    inference.save(model, Vocabulary(WORDS.words[::-1]), tmp_path / "other")
    assert (tmp_path / "other").read_bytes() != (tmp_path / "one").read_bytes()


def test_a_file_that_is_missing_or_broken_is_refused(model: DualEncoder, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    inference.save(model, WORDS, path)
    whole = path.read_bytes()
    for content in (None, b"", b"weights", whole[:100], whole[: len(whole) // 2], b"\xff" * 8 + whole[8:]):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ModelError, match=r"model\.safetensors cannot be read"):
            inference.load(path)
        path.touch()
    with pytest.raises(ModelError, match="cannot be read"):
        inference.load(tmp_path)
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(ModelError, match="cannot be read"):
        inference.load(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"vocabulary": None}, {"width": "many"}, {"width": "32"}, {"colour": "red"}, {"architecture": "seed_faithful"},
        {"words": "5"},
    ],
)  # fmt: skip
def test_a_file_that_describes_another_model_is_refused(
    changes: dict[str, str | None], model: DualEncoder, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    inference.save(model, WORDS, path)
    shape = {name: str(value) for name, value in model.config.as_dict().items()}
    about = {**shape, "vocabulary": " ".join(WORDS.words), **changes}
    save_file(load_file(path), path, metadata={name: value for name, value in about.items() if value is not None})
    with pytest.raises(ModelError, match="cannot be read"):
        inference.load(path)


def test_a_config_of_other_sizes_comes_back(tmp_path: Path) -> None:
    small = DualEncoder(ModelConfig(words=len(WORDS), width=16, depth=1, heads=2, embedding=8))
    inference.save(small, WORDS, tmp_path / "small.safetensors")
    again, _ = inference.load(tmp_path / "small.safetensors")
    assert again.config == small.config
    assert inference.embed_images(again, PICTURES[:2]).shape == (2, 8)


@pytest.mark.parametrize(("cuda", "mps", "chosen"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_the_device_is_the_named_one(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, chosen: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.delenv("VLCORE_DEVICE")
    assert device.choose_device() == chosen
    for named, found in (("auto", chosen), (chosen, chosen), ("cpu", "cpu")):
        monkeypatch.setenv("VLCORE_DEVICE", named)
        assert device.choose_device() == found


@pytest.mark.parametrize("named", ["cuda", "mps", "tpu", "", "CPU"])
def test_a_device_that_is_not_there_is_refused(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setenv("VLCORE_DEVICE", named)
    with pytest.raises(ModelError, match=f"VLCORE_DEVICE='{named}' is not available here; use auto or one of cpu"):
        device.choose_device()


@pytest.mark.parametrize("caption", ["", "!!!", " \n"])
def test_a_caption_without_words_is_refused(caption: str, model: DualEncoder) -> None:
    with pytest.raises(ModelError, match="at least one word"):
        inference.embed_captions(model, WORDS, ["horse", caption])


# --- models without a text tower


@pytest.mark.parametrize(
    "condition",
    [
        Condition(objective="ce_group", labels="descriptive"),
        Condition(objective="captioner", labels="descriptive"),
        Condition(logit="affine"),
    ],
    ids=lambda c: c.objective,
)
def test_other_kinds_come_back_from_their_file(condition: Condition, tmp_path: Path) -> None:
    model = build(condition, len(WORDS), classes=4).eval()
    inference.save(model, WORDS, tmp_path / "model.safetensors")
    again, vocabulary = inference.load(tmp_path / "model.safetensors")
    assert type(again) is type(model)
    scores = [inference.score_captions(one, vocabulary, CAPTIONS, PICTURES, batch=7) for one in (model, again)]
    assert scores[0].shape == (20, 4)
    assert (scores[0] == scores[1]).all()


def test_a_captioner_has_no_vectors_of_captions() -> None:
    model = build(Condition(objective="captioner"), len(WORDS)).eval()
    assert inference.embed_captions(model, WORDS, CAPTIONS).shape == (0, 32)
    assert inference.scale_and_bias(model) == (1, 0)


def test_a_classifier_reads_no_captions() -> None:
    model = build(Condition(objective="ce_object"), len(WORDS), classes=2).eval()
    assert inference.embed_captions(model, WORDS, ["horse", "camel"]).shape == (2, 32)
    with pytest.raises(ModelError, match="is a classifier"):
        inference.embed_captions(model, WORDS, ["horse"])
