"""Captions that somebody types: what can be asked, what each word is worth, and who cannot be asked."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics.pairwise import cosine_similarity

from tests.runs import watched
from tests.runs.stand_ins import BASE, WIDTH, image_set, made_elsewhere, publish, thumbs, unit
from vlcore.charts.matrices import caption_matrices
from vlcore.charts.theme import LIGHT
from vlcore.compare import comparison
from vlcore.compare.captions import (
    LONGEST,
    MOST_WORDS,
    CaptionLabError,
    ask,
    caption_similarities,
    clean,
    untrained_words,
    untrained_words_warnings,
    without_each_word,
)
from vlcore.compare.model_map import ComparisonError, ModelMap, model_map
from vlcore.core.condition import Condition
from vlcore.core.errors import LabError
from vlcore.core.vocabulary import MAX_WORDS, split_words
from vlcore.runs import load
from vlcore.store import artefacts

IMAGES = image_set()


class Words:
    """A model whose caption is the mean of its words' own vectors; it knows words of at most six letters."""

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> np.ndarray:
        raise AssertionError("no picture is asked for")

    def embed_captions(self, texts: Sequence[str]) -> np.ndarray:
        return unit(np.stack([np.mean([self.vector(word) for word in split_words(text)], axis=0) for text in texts]))

    def unknown(self, text: str) -> list[str]:
        return [word for word in split_words(text) if len(word) > 6]

    def vector(self, word: str) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()[:4], "big")
        return np.random.default_rng(seed).normal(size=WIDTH)


@pytest.fixture(scope="module")
def artefact(home: Path) -> artefacts.Artefact:
    return publish(IMAGES, BASE.replace(init_seed=80, labels="descriptive"))


@pytest.fixture(scope="module")
def model(artefact: artefacts.Artefact) -> ModelMap:
    return model_map(artefact)


@pytest.fixture(scope="module")
def loaded(artefact: artefacts.Artefact) -> load.Loaded:
    return load.load(artefact)


# --- what can be asked


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("a horse", "a horse"),
        ("  a\thorse \n on\r\nthe   grass\v", "a horse on the grass"),
        ("a\x00horse\x1b[31m\x07", "a horse [31m"),
        ("a horse\u200b\u2060", "a horse"),
        ("\u202ehorse\u202c", "horse"),
        ("<b>horse</b>", "<b>horse</b>"),
        ('"><script>alert(1)</script>', '"><script>alert(1)</script>'),
        ("a 🐎 horse", "a 🐎 horse"),
        ("лошадь в пустыне", "лошадь в пустыне"),
        ("砂漠の馬", "砂漠の馬"),
        ("جمل في الصحراء", "جمل في الصحراء"),
        ("horse\ud800", "horse"),
        ("1", "1"),
        ("x" * LONGEST, "x" * LONGEST),
        (" " * 10_000 + "horse" + "\x00" * 10_000, "horse"),
    ],
)
def test_a_caption_becomes_one_line_of_what_can_be_seen(typed: str, asked: str) -> None:
    assert clean(typed) == asked
    assert clean(asked) == asked


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        *(("x" * length, f"{length:,} characters") for length in (LONGEST + 1, 10_000)),
        *((typed, "no words") for typed in ("", "   ", "\x00", "?!…", "🐎🐪", "“”", "<>", "\u200b", "- - -", "\ud800")),
    ],
)
def test_a_caption_that_cannot_be_asked_is_a_sentence(typed: str, said: str) -> None:
    with pytest.raises(CaptionLabError, match=said):
        clean(typed)


@given(st.text(max_size=400))
@settings(max_examples=200)
def test_whatever_is_typed_is_a_caption_or_a_sentence(typed: str) -> None:
    try:
        line = clean(typed)
    except CaptionLabError:
        return
    assert line.isprintable()
    assert line == " ".join(line.split())
    assert 0 < len(line) <= LONGEST
    assert split_words(line) == split_words("".join(c if c.isprintable() else " " for c in typed)), "no word is lost"


# --- one word less


@given(st.lists(st.sampled_from(["a", "horse", "camel,", "-", "🐎", "<b>grass</b>", "砂漠"]), max_size=20))
def test_words_that_are_left_out_against_a_slow_reference(words: list[str]) -> None:
    expected = []
    for place, word in enumerate(words):
        rest = [other for number, other in enumerate(words) if number != place]
        if any(c.isalnum() for c in word):
            expected.append((word, " ".join(rest)))
    expected = [(word, rest) for word, rest in expected[:MOST_WORDS] if any(c.isalnum() for c in rest)]
    assert without_each_word(" ".join(words)) == expected


def test_nothing_is_left_out_where_nothing_would_remain() -> None:
    assert without_each_word("horse !") == []
    assert without_each_word("horse horse") == [("horse", "horse")] * 2


@given(st.lists(st.sampled_from(["a", "horse", "in", "the", "desert", "wonderful", "🐎"]), min_size=1, max_size=9))
@settings(max_examples=40, deadline=None)
def test_what_a_model_makes_of_a_caption_against_a_slow_reference(model: ModelMap, words: list[str]) -> None:
    text, asked_of = " ".join(["camel", *words]), Words()
    found = ask(model, asked_of, text)
    z = np.mean([asked_of.vector(word) for word in split_words(text)], axis=0)
    z /= np.linalg.norm(z)
    assert found.z == pytest.approx(z, abs=1e-5)
    assert found.place == pytest.approx(model.place(z[None])[0], abs=1e-5)
    assert found.unknown == (("wonderful",) if "wonderful" in words else ())
    assert list(found.without.columns) == ["word", "caption", "cosine", "x", "y"]
    assert list(zip(found.without["word"], found.without["caption"], strict=True)) == without_each_word(text)
    for row in found.without.itertuples():
        rest = np.mean([asked_of.vector(word) for word in split_words(row.caption)], axis=0)
        rest /= np.linalg.norm(rest)
        assert row.cosine == pytest.approx(sum(float(a) * float(b) for a, b in zip(z, rest, strict=True)), abs=1e-5)
        assert (row.x, row.y) == pytest.approx(model.place(rest[None])[0], abs=1e-5)


def test_a_caption_of_one_word_has_none_to_leave_out(model: ModelMap) -> None:
    assert ask(model, Words(), "horse").without.to_dict("list") == {
        "word": [], "caption": [], "cosine": [], "x": [], "y": []
    }  # fmt: skip


# --- models that were trained here


def test_a_training_caption_is_embedded_as_the_text_tower_does(model: ModelMap, loaded: load.Loaded) -> None:
    captions = loaded.embed_captions(model.captions)
    assert captions.shape == (4, WIDTH)
    assert np.linalg.norm(captions, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    for text, z in zip(model.captions, captions, strict=True):
        found = ask(model, loaded, text)
        assert found.z == pytest.approx(z, abs=1e-5)
        assert found.unknown == ()
    assert np.linalg.norm(captions[0] - captions[1]) > 1e-3


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("a horse in the desert", ()),
        ("a Horse, in THE desert!", ()),
        ("a zebra on the moon", ("zebra", "moon")),
        ("zebra zebra zebra", ("zebra",)),
        ("<b>horse</b>", ("b",)),
        ("лошадь в пустыне", ("лошадь", "в", "пустыне")),
        ("砂漠の馬", ("砂漠の馬",)),
        ("🐎 horse", ()),
        (" ".join(["horse"] * MAX_WORDS + ["camel", "grass"]), ("camel", "grass")),
        (" ".join(["horse"] * MAX_WORDS + ["zebra"]), ("zebra",)),
        ("horse " * 33, ("horse",)),
    ],
)
def test_words_that_a_model_does_not_read_are_named(
    model: ModelMap, loaded: load.Loaded, text: str, unknown: tuple[str, ...]
) -> None:
    found = ask(model, loaded, clean(text))
    assert found.unknown == unknown
    assert np.isfinite(found.place).all()
    assert np.isfinite(found.without[["cosine", "x", "y"]].to_numpy(float)).all()


@given(st.text(max_size=60))
@settings(max_examples=40, deadline=None)
def test_whatever_is_typed_has_a_place_or_a_sentence(model: ModelMap, loaded: load.Loaded, typed: str) -> None:
    try:
        text = clean(typed)
    except CaptionLabError:
        return
    found = ask(model, loaded, text)
    assert np.isfinite(found.place).all()
    assert len(found.without) <= MOST_WORDS
    assert set(found.unknown) <= set(split_words(text))
    assert found.without["cosine"].between(-1.001, 1.001).all()


def test_a_word_past_the_last_that_is_read_changes_nothing(model: ModelMap, loaded: load.Loaded) -> None:
    text = " ".join(["horse"] * MAX_WORDS)
    assert ask(model, loaded, f"{text} camel").z == pytest.approx(ask(model, loaded, text).z, abs=1e-6)


@pytest.mark.parametrize(
    ("objective", "labels", "sentence"),
    [
        ("captioner", "descriptive", "word by word"),
        ("ce_object", "undescriptive", "is a classifier"),
        ("ce_group", "descriptive", "is a classifier"),
        ("simclr", "constant", "trained without captions"),
    ],
)
def test_models_that_read_no_captions_say_so(home: Path, objective: str, labels: str, sentence: str) -> None:
    artefact = publish(IMAGES, BASE.replace(init_seed=81, objective=objective, labels=labels))
    model, loaded = model_map(artefact), load.load(artefact)
    # As many captions as there are classes, fewer, and more: a classifier must not take the first for its classes.
    for text in ("horse", "red horse", "horse on grass", "a horse in the desert"):
        with pytest.raises(LabError, match=sentence):
            ask(model, loaded, text)


# --- words that a model was never given


def test_words_that_were_in_no_caption_are_said_for_each_model_that_lacks_them(model: ModelMap) -> None:
    short = model_map(publish(IMAGES, BASE.replace(init_seed=81, labels="undescriptive")))
    together = comparison.compare([model, short], IMAGES, thumbs)
    texts = ("a camel in the desert", "a zebra, a zebra")
    left, right = untrained_words_warnings(together, texts)
    assert left == "The left model was never given “zebra” in training: what it makes of such words is chance."
    assert right.startswith("The right model was never given “a”, “in”, “the”, “desert”, “zebra” in training")
    assert untrained_words_warnings(together, ("camel", "horse")) == []


def test_many_and_long_words_stay_one_sentence(model: ModelMap) -> None:
    texts = (" ".join(letter * 100 for letter in "bcdfghjklm"),)
    (sentence,) = untrained_words_warnings(comparison.compare([model], IMAGES, thumbs), texts)
    assert "and 2 more" in sentence
    assert len(sentence) < 400


def test_what_a_model_that_came_from_elsewhere_was_given_is_not_known(artefact: artefacts.Artefact) -> None:
    assert untrained_words(model_map(made_elsewhere(artefact, "imported")), ["a zebra"]) == []


# --- how alike captions are


def test_similarities_are_cosines_of_each_models_captions(tmp_path: Path) -> None:
    left = watched.model(tmp_path, Condition(), seed=1)
    right = watched.model(tmp_path, Condition(labels="descriptive"), seed=2)
    right = dataclasses.replace(right, caption_z=3 * right.caption_z)  # lengths do not matter
    found = caption_similarities({"left": left, "right": right})
    for pane, model in enumerate((left, right)):
        here = found.cells[found.cells["pane"] == pane]
        table = here.pivot(index="row", columns="column", values="similarity")
        table = table.loc[list(model.captions), list(model.captions)]
        assert table.to_numpy() == pytest.approx(cosine_similarity(model.caption_z), abs=1e-6)
    assert (
        f"Left, No bias, short labels: “horse” and “camel” {cosine_similarity(left.caption_z)[0, 1]:.2f}."
        in found.words
    )
    assert found.words.count("; ") == 5  # six pairs of the right model's four captions
    assert caption_matrices(found.cells, found.titles, palette=LIGHT).to_dict()


def test_one_caption_and_many_are_summed_up_in_words(tmp_path: Path) -> None:
    assert "one caption only" in caption_similarities({"": watched.model(tmp_path, Condition(labels="constant"))}).words
    model = watched.model(tmp_path, Condition(labels="partial_50"), seed=1)
    cosines = cosine_similarity(model.caption_z)[np.triu_indices(6, 1)]
    words = caption_similarities({"": model}).words
    assert f"6 captions, {cosines.mean():.2f} on average over 15 pairs; most alike" in words
    assert f"{cosines.max():.2f}, least" in words


def test_captioners_are_left_out_and_alone_say_why(tmp_path: Path) -> None:
    model = watched.model(tmp_path, seed=1)
    captioner = dataclasses.replace(watched.model(tmp_path, seed=2), caption_z=np.zeros((0, watched.WIDTH)))
    found = caption_similarities({"left": captioner, "right": model})
    assert found.titles == ("No bias, short labels",)
    assert "Right, No bias" in found.words
    assert "left out" in found.words
    with pytest.raises(ComparisonError, match="no embeddings"):
        caption_similarities({"first": captioner})
