"""Typed captions: what a model can be given, what each word is worth, and which are far."""

import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

from tests.api import watched
from tests.api.stand_ins import BASE, WIDTH, image_set, made_elsewhere, publish, thumbs, unit
from vlcore.api import captions
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.model_map import WITHOUT_CAPTIONS, ComparisonError, ModelMap, model_map
from vlcore.artifacts.store import Artifact
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.vocabulary import MAX_WORDS, WordPieces, split_words
from vlcore.model import load
from vlcore.plots.matrices import caption_matrices
from vlcore.plots.theme import LIGHT

IMAGES = image_set()
FAR_WORDS = ["racehorse", "music", "music"]


class MeanOfWords:
    """A model whose caption is the mean of its words' vectors; it knows those of six letters at
    most."""

    def embed_captions(self, texts: Sequence[str]) -> np.ndarray:
        return unit(np.stack([self.mean(text) for text in texts]))

    def unknown(self, text: str) -> list[str]:
        return [word for word in split_words(text) if len(word) > 6]

    def mean(self, text: str) -> np.ndarray:
        return np.mean([self.vector(word) for word in split_words(text)], axis=0)

    def vector(self, word: str) -> np.ndarray:
        digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
        return np.random.default_rng(list(digest[:4])).normal(size=WIDTH)


def publish_seed(seed: int, **changes: object) -> Artifact:
    return publish(IMAGES, BASE.replace(init_seed=seed, **changes))


def compare(*models: ModelMap) -> ComparedMaps:
    return compare_maps(models, IMAGES, thumbs)


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
    ("text", "words"),
    [
        ("", []),
        ("- horse", []),
        ("- red horse", ["red", "horse"]),
        (" ".join("abcdefghijklmnopq"), list("abcdefghijkl")),
    ],
)
def test_the_first_words_are_left_out_where_some_remain(text: str, words: list[str]) -> None:
    pairs = captions.without_each_word(text)
    assert [word for word, _ in pairs] == words
    for word, remainder in pairs:
        assert Counter(remainder.split()) == Counter(text.split()) - Counter([word])


@given(
    st.lists(
        st.sampled_from(["a", "horse", "in", "the", "desert", "wonderful", "🐎"]),
        min_size=1,
        max_size=9,
    )
)
def test_a_caption_and_its_parts_are_embedded(model: ModelMap, words: list[str]) -> None:
    text, by_words = " ".join(["camel", *words]), MeanOfWords()
    answer = captions.ask_caption(model, by_words, text)
    (z,) = unit(by_words.mean(text)[None])
    assert answer.z == pytest.approx(z, abs=1e-5)
    assert answer.position == pytest.approx(model.place(z[None])[0], abs=1e-5)
    assert answer.unknown == (("wonderful",) if "wonderful" in words else ())
    without = answer.without
    pairs = list(zip(without["word"], without["caption"], strict=True))
    assert pairs == captions.without_each_word(text)
    for row in without.itertuples():
        (part,) = unit(by_words.mean(row.caption)[None])
        assert row.cosine == pytest.approx(float(z @ part), abs=1e-5)
        assert (row.x, row.y) == pytest.approx(model.place(part[None])[0], abs=1e-5)
    assert captions.ask_caption(model, by_words, "horse").without.empty


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("a Horse, in THE desert! 🐎", ()),
        ("zebra zebra on the луна", ("zebra", "луна")),
        (" ".join(["horse"] * MAX_WORDS + ["camel", "grass"]), ("camel", "grass")),
        ("horse " * 33, ("horse",)),
    ],
)
def test_words_that_a_model_does_not_read_are_named(
    model: ModelMap, loaded: load.Loaded, text: str, unknown: tuple[str, ...]
) -> None:
    caption = captions.clean_caption(text)
    assert captions.ask_caption(model, loaded, caption).unknown == unknown


@pytest.mark.parametrize(
    ("objective", "labels", "message"),
    [
        ("captioner", "descriptive", "word by word"),
        ("ce_group", "descriptive", "is a classifier"),
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
            captions.ask_caption(model, loaded, text)


def test_models_without_word_vectors_warn_of_words_in_no_training_caption(model: ModelMap) -> None:
    both = compare(model, model_map(publish_seed(81, labels="undescriptive")))
    texts = ("a camel in the desert", "a zebra, a zebra")
    left, right = captions.caption_warnings(both, texts)
    assert "on “zebra”:" in left
    assert "on “a”, “in”, “the”, “desert”, “zebra”:" in right
    assert captions.caption_warnings(both, ("camel", "horse")) == []
    assert captions.caption_warnings(both, texts, ["right"]) == [right]


def test_backgrounds_that_are_learnt_apart_are_training_captions(home: Path) -> None:
    model = model_map(publish_seed(81, objective="two_part", labels="undescriptive"))
    assert captions.training_captions(model, SCENES) == ("horse", "camel", "grass", "desert")
    assert captions.caption_warnings(compare(model), ("horse", "grass")) == []


def test_warnings_are_short_and_only_for_models_trained_here(
    model: ModelMap, artifact: Artifact
) -> None:
    texts = (" ".join(letter * 100 for letter in "bcdfghjklm"),)
    (warning,) = captions.caption_warnings(compare(model), texts)
    assert "and 2 more" in warning
    assert len(warning) < 400
    imported = dataclasses.replace(model, artifact=made_elsewhere(artifact, "imported"))
    comparison = dataclasses.replace(compare(model), models=(imported,))
    assert captions.caption_warnings(comparison, texts) == []


def publish_tower(text: str, labels: str = "undescriptive", **changes: str) -> Artifact:
    return publish_seed(82, text=text, labels=labels, **changes)


@pytest.mark.parametrize("text", ["words", "words@random"])
def test_distances_are_those_of_the_models_word_means(home: Path, text: str) -> None:
    artifact = publish_tower(text, "descriptive")
    model, tower = model_map(artifact), load.load_model(artifact).encoder.text
    texts = ["pony", "a horse in the sahara", "horse on the grass", "骆驼"]
    means = []
    tower.project.register_forward_pre_hook(lambda _layer, inputs: means.append(inputs[0].numpy()))
    for texts_of_tower in (texts, model.captions):
        tower(torch.from_numpy(WordPieces().tokens(texts_of_tower)))
    cosines = means[0] @ means[1].T
    nearest = captions.far_from_training(model, SCENES, texts)
    assert [caption.typed for caption in nearest] == texts
    expected = [model.captions[index] for index in cosines.argmax(axis=1)]
    assert [caption.caption for caption in nearest] == expected
    distances = [caption.cosine for caption in nearest]
    assert distances == pytest.approx(cosines.max(axis=1).tolist(), abs=1e-6)
    assert distances[2] == pytest.approx(1.0, abs=1e-6)


def test_far_captions_are_named_with_the_nearest_training_caption(home: Path) -> None:
    artifact = publish_tower("words")
    model = model_map(artifact)
    every_word = captions.ask_caption(model, load.load_model(artifact), "лошадь on 骆驼")
    assert every_word.unknown == ()
    near, far = captions.far_from_training(model, SCENES, FAR_WORDS[:2])
    assert (near.is_far, near.caption, far.is_far) == (False, "horse", True)
    assert f"{near.cosine:.2f}" in near.sentence
    (warning,) = captions.caption_warnings(compare(model), FAR_WORDS)
    assert warning.count("“music”") == 1
    assert "racehorse" not in warning
    assert f"“{far.caption}”" in warning
    assert captions.caption_warnings(compare(model), ["racehorse", "camels"]) == []
    no_prompts = model.projection.prompts
    assert captions.caption_warnings(compare(model), no_prompts) == []


@pytest.mark.parametrize("text", ["transformer", "codes"])
def test_only_models_with_word_vectors_have_distances(home: Path, text: str) -> None:
    model = model_map(publish_tower(text))
    assert captions.far_from_training(model, SCENES, ["pony"]) == []


def test_a_model_of_codes_reads_its_training_captions_alone(home: Path) -> None:
    artifact = publish_tower("codes", "descriptive")
    model = model_map(artifact)
    with pytest.raises(LabError, match="none for 'a pony'"):
        captions.ask_caption(model, load.load_model(artifact), "a pony")
    assert captions.ask_caption(model, MeanOfWords(), "horse on the grass").without.empty
    assert captions.caption_warnings(compare(model), ["a pony"]) == []


def test_similarities_are_cosines_of_each_models_captions(tmp_path: Path) -> None:
    left = watched.model(tmp_path, Condition(), seed=1)
    right = watched.model(tmp_path, Condition(labels="descriptive"), seed=2)
    right = dataclasses.replace(right, caption_z=3 * right.caption_z)  # lengths do not matter
    cells, titles, words = captions.caption_similarities({"left": left, "right": right})
    for pane, model in enumerate((left, right)):
        table = cells[cells["pane"] == pane].pivot(
            index="row", columns="column", values="similarity"
        )
        table = table.loc[list(model.captions), list(model.captions)]
        assert table.to_numpy() == pytest.approx(cosine_similarity(model.caption_z), abs=1e-6)
    cosine = cosine_similarity(left.caption_z)[0, 1]
    assert f"Left, No bias, short labels: “horse” and “camel” {cosine:.2f}." in words
    assert words.count("; ") == 5  # six pairs of the right model's four captions
    assert caption_matrices(cells, titles, palette=LIGHT).to_dict()


def test_similarities_of_one_caption_many_and_none(tmp_path: Path) -> None:
    constant = watched.model(tmp_path, Condition(labels="constant"))
    assert "one caption only" in captions.caption_similarities({"": constant})[2]
    model = watched.model(tmp_path, Condition(labels="partial_50"), seed=1)
    captioner = dataclasses.replace(model, caption_z=np.zeros((0, watched.WIDTH)))
    _, titles, words = captions.caption_similarities({"left": captioner, "right": model})
    assert "6 captions, " in words
    assert "on average over 15 pairs" in words
    assert len(titles) == 1
    with pytest.raises(ComparisonError, match="word by word"):
        captions.caption_similarities({"first": captioner})
    imported = dataclasses.replace(captioner, artifact=made_elsewhere(model.artifact, "imported"))
    assert WITHOUT_CAPTIONS in captions.caption_similarities({"a": imported, "b": model})[2]
    with pytest.raises(ComparisonError, match=re.escape(WITHOUT_CAPTIONS)):
        captions.caption_similarities({"first": imported})
    with pytest.raises(ComparisonError, match=re.escape(WITHOUT_CAPTIONS)):
        imported.logits(imported.z)
