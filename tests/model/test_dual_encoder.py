"""The dual encoder: unit vectors, seeds, padding, and its other text towers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from torch.nn import functional as F

from tests.model.builders import TOKENS, WORDS, inputs, pictures, readable, run, same
from vlcore.experiment.captions import captions_of
from vlcore.experiment.condition import Condition, ConditionError
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import ARCHITECTURES, OBJECTIVES, TEXTS, objectives_here, style_names
from vlcore.experiment.vocabulary import MAX_WORDS, PAD, WORD_PIECES, WordPieces, vocabulary_for
from vlcore.metrics.accuracy import logits
from vlcore.model import dual_encoder, inference
from vlcore.model.device import ModelError
from vlcore.model.dual_encoder import CaptionCodes, Encoder, WordVectors, build, to_input
from vlcore.model.load import OwnModel
from vlcore.model.loop import TrainingData


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_small_model_gives_unit_vectors_and_uses_all_its_parameters(architecture: str) -> None:
    model = build(Condition(architecture=architecture), len(WORDS))
    assert 150_000 <= sum(value.numel() for value in model.state_dict().values()) <= 350_000
    for n in (1, 5):
        z, t = model.image(to_input(torch.from_numpy(readable(model, n)))), model.text(TOKENS)
        assert (z.shape, t.shape) == ((n, 32), (4, 32))
        for vectors in (z, t):
            assert vectors.norm(dim=1).detach().numpy() == pytest.approx(
                np.ones(len(vectors)), abs=1e-5
            )
    (model.logits(z, t) ** 2).sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_conditions_of_one_seed_start_from_one_image_tower() -> None:
    torch.manual_seed(5)
    before, first = torch.get_rng_state(), build(Condition(), len(WORDS))
    assert torch.equal(torch.get_rng_state(), before), "the global random state is left alone"
    for style in (name for name in style_names() if name != "own"):
        assert same(
            build(Condition(labels=style, bias=0.75, steps=7, data_seed=3), len(WORDS)), first
        )
    for name, objective in objectives_here().items():
        kind = Condition(objective=name, labels=objective.labels or "descriptive")
        assert same(build(kind, len(WORDS), 4).image, first.image)
    other = build(Condition(architecture="seed_faithful"), len(WORDS))
    assert same(other.text, first.text)  # the towers are seeded apart
    more_words = build(Condition(), len(WORDS) + 9)
    assert same(more_words.image, first.image)
    assert not torch.equal(more_words.text.project.weight, first.text.project.weight)
    another_seed = build(Condition(init_seed=1), len(WORDS))
    for tower in ("image", "text"):
        assert not torch.equal(
            getattr(another_seed, tower).project.weight, getattr(first, tower).project.weight
        )


def short_attention(model: Encoder, tokens: list[int]) -> torch.Tensor:
    """The embedding of a caption, computed on its words alone: no padding, no mask."""
    tower = model.text
    x = tower.embed(torch.tensor([tokens])) + tower.position[: len(tokens)]
    for block in tower.blocks:
        x = block(x)
    return F.normalize(tower.project(tower.norm(x).mean(dim=1)), dim=-1)


@settings(max_examples=25)
@given(st.lists(st.integers(1, len(WORDS) - 1), min_size=1, max_size=MAX_WORDS))
def test_neither_padding_nor_neighbours_change_a_caption(tokens: list[int]) -> None:
    model = build(Condition(), len(WORDS)).eval()
    padded = torch.tensor([tokens + [PAD] * (MAX_WORDS - len(tokens))])
    with torch.no_grad():
        plain = model.text(padded)
        assert plain.numpy() == pytest.approx(short_attention(model, tokens).numpy(), abs=1e-5)
        assert model.text(torch.cat([TOKENS, padded]))[4:].numpy() == pytest.approx(
            plain.numpy(), abs=1e-6
        )
        model.text.embed.weight[PAD] += 100  # what padding looks like does not matter either
        assert model.text(padded).numpy() == pytest.approx(plain.numpy(), abs=1e-6)


def test_a_classifier_has_a_free_vector_for_each_class_and_reads_nothing_else() -> None:
    model = build(Condition(objective="ce_object"), len(WORDS), classes=2)
    t = model.text(TOKENS)
    assert torch.equal(t, model.text(torch.zeros_like(TOKENS)))
    assert t.norm(dim=1).detach().numpy() == pytest.approx(np.ones(2), abs=1e-5)
    assert torch.equal(model.score(inputs(3), TOKENS), model.logits(model.image(inputs(3)), t))


def slow_log_likelihood(model: Encoder, image: torch.Tensor, caption: list[int]) -> float:
    """Words one after the other, each from a decoder that has seen only what came before."""
    total, decoder, picture = 0.0, model.decoder, model.image.tokens(image)
    said, seen = [word for word in caption if word != PAD], picture.shape[1]
    for place, target in enumerate([*said, PAD]):
        known = torch.full((1, MAX_WORDS), PAD)
        known[0, :place] = torch.tensor(said[:place])
        words = (
            torch.cat([decoder.begin[None, None], decoder.embed(known)], dim=1) + decoder.position
        )
        x = torch.cat([picture, words[:, : place + 1]], dim=1)
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool)
        for row in range(x.shape[1]):
            for column in range(x.shape[1]):
                mask[row, column] = column < seen or seen <= column <= row
        for block in decoder.blocks:
            x = block(x, mask)
        total += decoder.predict(decoder.norm(x[:, -1])).log_softmax(dim=-1)[0, target].item()
    return total


@pytest.mark.parametrize(
    "caption", [TOKENS[0], TOKENS[2], torch.full((MAX_WORDS,), 5)], ids=["5", "6", "full"]
)
def test_a_captioner_scores_a_caption_word_by_word_up_to_its_end(caption: torch.Tensor) -> None:
    model = build(Condition(objective="captioner", labels="descriptive"), len(WORDS)).eval()
    images = inputs(2)
    with torch.no_grad():
        expected = [
            slow_log_likelihood(model, images[row : row + 1], caption.tolist()) for row in range(2)
        ]
        assert model.score(images, caption[None])[:, 0].tolist() == pytest.approx(
            expected, abs=1e-3
        )
        words = int((caption != PAD).sum()) + 1
        found = model.caption_loss(model.image.tokens(images), caption.repeat(2, 1)).tolist()
        assert found == pytest.approx([-total / words for total in expected], rel=1e-4)


def test_scores_outside_torch_are_those_of_the_model() -> None:
    model = build(Condition(), len(WORDS))
    with torch.no_grad():
        z, t = model.image(inputs(6)), model.text(TOKENS)
        found = logits(z.numpy(), t.numpy(), float(model.tau.exp()), float(model.bias))
        assert found == pytest.approx(model.logits(z, t).numpy(), abs=1e-4)


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
    return TrainingData(
        images if condition.frozen_tower else pictures(n),
        groups % len(captions),
        tokens,
        len(vocabulary),
        groups,
    )


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
        with pytest.raises(ConditionError, match="does not use another text encoder"):
            SHORT.replace(**changes)
        return
    condition = SHORT.replace(**changes)
    data = data_of(condition)
    result = run(condition, data)
    assert np.isfinite([progress.loss for progress in result.history]).all()
    first = build(condition, data.words, len(data.tokens), torch.from_numpy(data.tokens))
    assert not torch.equal(first.image.adapt.weight, result.model.image.adapt.weight)


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


@pytest.mark.parametrize("objective", ["pairwise_bce", "infonce"])
def test_codes_know_their_captions_and_no_other(objective: str, tmp_path: Path) -> None:
    condition = SHORT.replace(objective=objective, labels="descriptive", text="codes")
    model, _ = trained(condition)
    vocabulary = vocabulary_for("codes", SCENES)
    texts = [caption.text for caption in captions_of("descriptive", SCENES)]
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
