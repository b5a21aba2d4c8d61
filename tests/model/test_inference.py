"""Embeddings, and a model that comes back from its file the same."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.model.builders import CAPTIONS, TOKENS, WORDS, inputs, pictures, readable
from vlcore.experiment.captions import distinct_captions
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.experiment.options import ARCHITECTURES
from vlcore.experiment.vocabulary import Vocabulary
from vlcore.model import device, inference
from vlcore.model.device import ModelError
from vlcore.model.dual_encoder import Encoder, build
from vlcore.model.load import OwnModel

PICTURES = pictures(20)


@pytest.fixture(scope="module")
def model() -> Encoder:
    return build(Condition(), len(WORDS)).eval()


def test_embeddings_are_those_of_the_towers_whatever_the_batch(
    model: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    z, t = inference.embed_images(model, PICTURES), inference.embed_captions(model, WORDS, CAPTIONS)
    assert (z.shape, t.shape) == ((20, 32), (4, 32))
    assert z.dtype == t.dtype == np.float32
    scale, bias = inference.scale_and_bias(model)
    with torch.no_grad():
        assert z == pytest.approx(model.image(inputs(20)).numpy(), abs=1e-5)
        assert t == pytest.approx(model.text(TOKENS).numpy())
        logits = model.logits(torch.from_numpy(z), torch.from_numpy(t)).numpy()
    assert scale * z @ t.T + bias == pytest.approx(logits, abs=1e-5)
    for batch in (1, 7):
        monkeypatch.setattr(inference, "BATCH", batch)
        assert inference.embed_images(model, PICTURES) == pytest.approx(z, abs=1e-5)


@pytest.mark.parametrize(
    "condition",
    [
        *(Condition(architecture=name, init_seed=3) for name in ARCHITECTURES),
        Condition(objective="ce_object"),
        Condition(objective="captioner", labels="descriptive"),
    ],
    ids=lambda c: f"{c.architecture}-{c.objective}",
)
@pytest.mark.parametrize("grouping", [SCENES, Grouping(("Katze", "Bär"), ("東京", "sea side"))])
def test_a_model_comes_back_from_its_file_bit_for_bit(
    condition: Condition, grouping: Grouping, tmp_path: Path
) -> None:
    words, path = Vocabulary.from_grouping(grouping), tmp_path / "model.safetensors"
    model = build(condition, len(words), classes=4).eval()
    if condition.objective != "captioner":
        model.tau.data += 0.5
        model.bias.data -= 1.25
    inference.save_encoder(model, words, path)
    again, vocabulary = inference.load_encoder(path)
    assert vocabulary.words == words.words
    assert again.config == model.config
    captions, images = distinct_captions("descriptive", grouping), readable(model, 20)
    scores = [
        inference.score_captions(encoder, vocabulary, captions, images)
        for encoder in (model, again)
    ]
    assert scores[0].shape == (20, 4)
    assert (scores[0] == scores[1]).all()
    assert (inference.embed_images(again, images) == inference.embed_images(model, images)).all()
    assert inference.scale_and_bias(again) == inference.scale_and_bias(model)
    assert not again.training
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_a_file_that_is_missing_or_broken_is_refused(model: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    inference.save_encoder(model, WORDS, path)
    whole = path.read_bytes()
    save_file({"weight": torch.zeros(2)}, path)
    contents = [
        path.read_bytes(),
        b"",
        b"weights",
        whole[:100],
        whole[: len(whole) // 2],
        b"\xff" * 8 + whole[8:],
    ]
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"model\.safetensors cannot be read"):
            inference.load_encoder(path)
    path.unlink()
    for absent in (path, tmp_path):
        with pytest.raises(ModelError, match="cannot be read"):
            inference.load_encoder(absent)


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_device_is_the_named_one(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, chosen: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.delenv("VLCORE_DEVICE")
    assert device.choose_device() == chosen
    for named, found in (("auto", chosen), (chosen, chosen), ("cpu", "cpu")):
        monkeypatch.setenv("VLCORE_DEVICE", named)
        assert device.choose_device() == found
    for named in ("tpu", "", "CPU", *(["cuda"] if not cuda else [])):
        monkeypatch.setenv("VLCORE_DEVICE", named)
        with pytest.raises(ModelError, match=f"VLCORE_DEVICE='{named}' is not available here"):
            device.choose_device()


@pytest.mark.parametrize("caption", ["", "!!!", " \n"])
def test_a_caption_without_words_is_refused(caption: str, model: Encoder) -> None:
    with pytest.raises(ModelError, match="at least one word"):
        inference.embed_captions(model, WORDS, ["horse", caption])


def test_what_has_no_text_tower_reads_no_captions() -> None:
    captioner = build(Condition(objective="captioner"), len(WORDS)).eval()
    assert inference.embed_captions(captioner, WORDS, CAPTIONS).shape == (0, 32)
    assert inference.scale_and_bias(captioner) == (1, 0)
    classifier = build(Condition(objective="ce_object"), len(WORDS), classes=2).eval()
    assert inference.embed_captions(classifier, WORDS, ["horse", "camel"]).shape == (2, 32)
    for model in (captioner, classifier):
        with pytest.raises(ModelError, match=r"is a classifier|word by word"):
            OwnModel(model, WORDS).embed_captions(["horse", "camel"])
