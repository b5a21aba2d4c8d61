"""Typed captions: what a model can be given, and which are far from its training captions."""

import dataclasses
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

from tests.api.stand_ins import BASE, image_set, publish
from vlcore.api import captions
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.model_map import ModelMap, model_map
from vlcore.artifacts.store import Artifact
from vlcore.experiment.errors import LabError
from vlcore.experiment.vocabulary import WordPieces, split_words
from vlcore.model import load

IMAGES = image_set()


def publish_seed(seed: int, **changes: object) -> Artifact:
    return publish(IMAGES, BASE.replace(init_seed=seed, **changes))


def compare(*models: ModelMap) -> ComparedMaps:
    return compare_maps(models, IMAGES)


@pytest.fixture(scope="module")
def artifact(home: Path) -> Artifact:
    return publish_seed(80, labels="descriptive")


@pytest.fixture(scope="module")
def model(artifact: Artifact) -> ModelMap:
    return model_map(artifact)


@pytest.fixture(scope="module")
def loaded(artifact: Artifact) -> load.Loaded:
    return load.load_model(artifact)


@pytest.mark.parametrize(
    ("typed", "caption"),
    [
        ("  a\thorse \n on\r\nthe   grass\v", "a horse on the grass"),
        ("a\x00horse\x1b[31m\x07", "a horse [31m"),
        ("\u202ehorse\u200b\u2060\ud800", "horse"),
        (" " * 10_000 + "horse" + "\x00" * 10_000, "horse"),
        ("砂漠の馬 🐎", "砂漠の馬 🐎"),
        ("x" * captions.LONGEST, "x" * captions.LONGEST),
    ],
)
def test_a_typed_caption_becomes_one_printable_line(typed: str, caption: str) -> None:
    assert captions.clean_caption(typed) == caption


@pytest.mark.parametrize(
    "typed", ["x" * (captions.LONGEST + 1), "", "\x00", "?!…", "🐎🐪", "- - -", "\ud800"]
)
def test_a_caption_that_is_too_long_or_has_no_words_is_refused(typed: str) -> None:
    with pytest.raises(captions.CaptionLabError):
        captions.clean_caption(typed)


@given(st.text(max_size=400))
def test_cleaning_loses_no_word(typed: str) -> None:
    try:
        line = captions.clean_caption(typed)
    except captions.CaptionLabError:
        return
    assert line.isprintable()
    assert line == " ".join(line.split())
    assert 0 < len(line) <= captions.LONGEST
    printable = "".join(c if c.isprintable() else " " for c in typed)
    assert split_words(line) == split_words(printable)


@pytest.mark.parametrize(
    ("objective", "labels", "message"),
    [
        ("captioner", "descriptive", "word by word"),
        ("ce_object", "short", "is a classifier"),
        ("simclr", "constant", "trained without captions"),
    ],
)
def test_models_that_read_no_captions(
    home: Path, objective: str, labels: str, message: str
) -> None:
    artifact = publish_seed(81, objective=objective, labels=labels)
    model, loaded = model_map(artifact), load.load_model(artifact)
    # A classifier must not take captions for its classes.
    for text in ("horse", "red horse", "a horse in the desert"):
        with pytest.raises(LabError, match=message):
            captions.embed_caption(model, loaded, text)


def publish_tower(text: str, labels: str = "undescriptive", **changes: str) -> Artifact:
    return publish_seed(82, text=text, labels=labels, **changes)


@pytest.mark.parametrize("text", ["words", "words@random"])
def test_captions_are_far_by_the_means_of_the_models_word_vectors(home: Path, text: str) -> None:
    artifact = publish_tower(text, "descriptive")
    model, tower = model_map(artifact), load.load_model(artifact).encoder.text
    texts = ["pony", "a horse in the sahara", "horse on the grass", "骆驼", "music"]
    means = []
    tower.project.register_forward_pre_hook(lambda _layer, inputs: means.append(inputs[0].numpy()))
    for texts_of_tower in (texts, model.captions):
        tower(torch.from_numpy(WordPieces().tokens(texts_of_tower)))
    cosines = means[0] @ means[1].T
    warnings = " ".join(captions.caption_warnings(compare(model), texts))
    for typed, row in zip(texts, cosines, strict=True):
        nearest = f"“{typed}” (nearest “{model.captions[row.argmax()]}”, cosine {row.max():.2f})"
        assert (nearest in warnings) == (row.max() < captions.FAR)
    assert "horse on the grass” (" not in warnings


def test_a_model_of_codes_reads_its_training_captions_alone(home: Path) -> None:
    artifact = publish_tower("codes", "descriptive")
    model = model_map(artifact)
    with pytest.raises(LabError, match="none for 'a pony'"):
        captions.embed_caption(model, load.load_model(artifact), "a pony")
    assert captions.caption_warnings(compare(model), ["a pony"]) == []


def test_similarities_are_cosines_of_each_models_captions(model: ModelMap) -> None:
    other = model_map(publish_seed(81))
    other = dataclasses.replace(other, caption_z=3 * other.caption_z)  # lengths do not matter
    models = {"left": other, "right": model}
    cells, titles, words = captions.caption_similarities(models)
    for pane, shown in enumerate(models.values()):
        table = cells[cells["pane"] == pane].pivot(
            index="row", columns="column", values="similarity"
        )
        table = table.loc[list(shown.captions), list(shown.captions)]
        assert table.to_numpy() == pytest.approx(cosine_similarity(shown.caption_z), abs=1e-6)
    cosine = cosine_similarity(other.caption_z)[0, 1]
    assert f"left, 2 captions, mean cosine {cosine:.2f}; right, 4 captions" in words
    assert len(titles) == 2
