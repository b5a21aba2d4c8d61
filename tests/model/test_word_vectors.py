"""Text towers: the mean of frozen word vectors under a trained map, codes for captions, and what
trains with which."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from tests.model.builders import pictures, run, same
from vlcore.experiment.captions import captions_of
from vlcore.experiment.condition import Condition, ConditionError
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import OBJECTIVES, TEXTS, objectives_here
from vlcore.experiment.vocabulary import PAD, WORD_PIECES, WordPieces, vocabulary_for
from vlcore.model import dual_encoder, inference
from vlcore.model.device import ModelError
from vlcore.model.dual_encoder import CaptionCodes, Encoder, WordVectors, build
from vlcore.model.load import OwnModel
from vlcore.model.loop import TrainingData

FEATURES = 1280  # of an image, of the pretrained tower
SHORT = Condition(architecture="pretrained", text="words", steps=4, batch_size=8)
UNSEEN = ["a pony on the lawn", "sahara", "llama"]


def data_of(condition: Condition, n: int = 16) -> TrainingData:
    """Made-up images of four groups, with the captions of a condition: features, or pixels."""
    captions = captions_of(condition.labels, SCENES, condition.template)
    vocabulary = vocabulary_for(condition.text, SCENES, [caption.text for caption in captions])
    groups = np.arange(n) % 4
    images = np.random.default_rng(0).normal(size=(n, FEATURES)).astype(np.float32)
    images[:, :4] += 5 * np.eye(4, dtype=np.float32)[groups]
    tokens = vocabulary.tokens([caption.text for caption in captions])
    data = TrainingData(
        images if condition.frozen_tower else pictures(n),
        groups % len(captions),
        tokens,
        len(vocabulary),
        captions,
        groups,
    )
    if OBJECTIVES[condition.objective].places:
        places = captions_of("context", SCENES)
        texts = vocabulary.tokens([caption.text for caption in places])
        data = dataclasses.replace(
            data,
            backgrounds=dataclasses.replace(
                data, caption_index=groups // 2, tokens=texts, captions=places
            ),
        )
    return data


def trained(condition: Condition) -> tuple[Encoder, TrainingData]:
    data = data_of(condition)
    return run(condition, data).model, data


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("objective", objectives_here())
def test_every_objective_trains_with_a_text_tower_or_says_that_it_has_none(
    objective: str, text: str
) -> None:
    traits = OBJECTIVES[objective]
    changes = {"objective": objective, "labels": traits.labels or "descriptive", "text": text}
    if (traits.language != "text" or not traits.uses_captions) and text != "transformer":
        with pytest.raises(
            ConditionError,
            match=f"{objective} has no choice of a text tower; leave text=transformer",
        ):
            SHORT.replace(**changes)
        return
    condition = SHORT.replace(**changes)
    data = data_of(condition)
    result = run(condition, data)
    assert np.isfinite([progress.loss for progress in result.history]).all()
    first = build(condition, data.words, len(data.tokens), torch.from_numpy(data.tokens))
    assert not torch.equal(first.image.adapt.weight, result.model.image.adapt.weight)
    again = run(condition, data)
    assert [progress.loss for progress in again.history] == [
        progress.loss for progress in result.history
    ]
    assert same(again.model, result.model)


def test_words_are_the_mean_of_their_vectors_under_a_linear_map() -> None:
    model, pieces = build(SHORT, WORD_PIECES).eval(), WordPieces()
    texts = ["horse", "camel in the desert", *UNSEEN]
    table = dual_encoder.word_vectors("words", 0).numpy()
    weight = model.text.project.weight.detach().numpy()
    for text, row in zip(texts, pieces.tokens(texts), strict=True):
        total = np.zeros(dual_encoder.WORD_VECTOR_SIZE)
        for number in row[row != PAD]:
            total += table[number]
        vector = weight @ (total / np.linalg.norm(total))
        (found,) = inference.embed_captions(model, pieces, [text])
        assert found == pytest.approx(vector / np.linalg.norm(vector), abs=1e-5)
    assert OwnModel(model, pieces).unknown("a dromedary of the sahara") == []


@pytest.mark.parametrize("text", ["words", "words@random"])
def test_the_table_of_vectors_is_neither_trained_nor_saved(text: str, tmp_path: Path) -> None:
    condition, file = SHORT.replace(text=text), tmp_path / "model.safetensors"
    model, _ = trained(condition)
    before = build(condition, WORD_PIECES)
    assert isinstance(model.text, WordVectors)
    assert torch.equal(model.text.table, before.text.table)
    assert not torch.equal(model.text.project.weight, before.text.project.weight)
    assert {name for name, _ in model.text.named_parameters()} == {"project.weight"}
    pieces = WordPieces()
    inference.save_encoder(model, pieces, file)
    with safe_open(file, framework="pt") as saved:
        names = list(saved.keys())
        assert [name for name in names if name.startswith("text.")] == ["text.project.weight"]
    assert file.stat().st_size < 1_000_000
    again, vocabulary = inference.load_encoder(file)
    assert isinstance(vocabulary, WordPieces)
    assert (
        inference.embed_captions(again, vocabulary, UNSEEN)
        == inference.embed_captions(model, pieces, UNSEEN)
    ).all()


@pytest.mark.parametrize("objective", ["pairwise_bce", "two_part", "infonce"])
def test_codes_know_their_captions_and_no_other(objective: str, tmp_path: Path) -> None:
    labels = OBJECTIVES[objective].labels or "descriptive"
    condition = SHORT.replace(objective=objective, labels=labels, text="codes")
    model, data = trained(condition)
    vocabulary = vocabulary_for("codes", SCENES)
    texts = [caption.text for part in data.parts for caption in part.captions]
    assert isinstance(model.text, CaptionCodes)
    assert len(model.text.vectors) == len(texts) == 4
    codes = inference.embed_captions(model, vocabulary, texts)
    assert codes == pytest.approx(
        torch.nn.functional.normalize(model.text.vectors.detach(), dim=1).numpy(), abs=1e-6
    )
    backwards = inference.embed_captions(model, vocabulary, texts[::-1])
    assert (backwards == codes[::-1]).all()
    for stranger in ("a horse of another colour", "grass horse desert"):
        with pytest.raises(ModelError, match=f"none for '{stranger}'"):
            inference.embed_captions(model, vocabulary, [texts[0], stranger])
    with pytest.raises(ModelError, match="none for"):
        OwnModel(model, vocabulary).embed_captions(["zebra"])
    file = tmp_path / "model.safetensors"
    inference.save_encoder(model, vocabulary, file)
    again, _ = inference.load_encoder(file)
    assert (inference.embed_captions(again, vocabulary, texts) == codes).all()


def test_word_vectors_that_are_missing_are_a_sentence_wherever_they_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, file = build(SHORT, WORD_PIECES), tmp_path / "model.safetensors"
    inference.save_encoder(model, WordPieces(), file)
    dual_encoder._stored_word_vectors.cache_clear()
    monkeypatch.setattr("vlcore.experiment.vocabulary.find_spec", lambda _name: None)
    for attempt in (lambda: build(SHORT, WORD_PIECES), lambda: inference.load_encoder(file)):
        with pytest.raises(LabError, match="pip install wordllama"):
            attempt()
    assert build(SHORT.replace(text="words@random"), WORD_PIECES).text.table.any()
