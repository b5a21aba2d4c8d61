"""Captions that somebody types: what can be asked, what each word is worth, and who cannot be
asked."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

from tests.api import watched
from tests.api.stand_ins import BASE, WIDTH, image_set, made_elsewhere, publish, thumbs, unit
from vlcore.api import captions
from vlcore.api.compared_maps import compare_maps
from vlcore.api.model_map import ComparisonError, ModelMap, model_map
from vlcore.artifacts import store
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.vocabulary import MAX_WORDS, WordPieces, split_words
from vlcore.model import load
from vlcore.plots.matrices import caption_matrices
from vlcore.plots.theme import LIGHT

IMAGES = image_set()


class Words:
    """A model whose caption is the mean of its words' own vectors; of words it knows those of six
    letters at most."""

    def embed_captions(self, texts: Sequence[str]) -> np.ndarray:
        return unit(
            np.stack(
                [
                    np.mean([self.vector(word) for word in split_words(text)], axis=0)
                    for text in texts
                ]
            )
        )

    def unknown(self, text: str) -> list[str]:
        return [word for word in split_words(text) if len(word) > 6]

    def vector(self, word: str) -> np.ndarray:
        seed = int.from_bytes(
            hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()[:4], "big"
        )
        return np.random.default_rng(seed).normal(size=WIDTH)


@pytest.fixture(scope="module")
def artifact(home: Path) -> store.Artifact:
    return publish(IMAGES, BASE.replace(init_seed=80, labels="descriptive"))


@pytest.fixture(scope="module")
def model(artifact: store.Artifact) -> ModelMap:
    return model_map(artifact)


@pytest.fixture(scope="module")
def loaded(artifact: store.Artifact) -> load.Loaded:
    return load.load(artifact)


def test_a_caption_becomes_one_line_of_what_can_be_seen() -> None:
    for typed, asked in {
        "  a\thorse \n on\r\nthe   grass\v": "a horse on the grass",
        "a\x00horse\x1b[31m\x07": "a horse [31m",
        "a horse\u200b\u2060": "a horse",
        "\u202ehorse\u202c": "horse",
        "horse\ud800": "horse",
        " " * 10_000 + "horse" + "\x00" * 10_000: "horse",
    }.items():
        assert captions.clean_caption(typed) == asked
    long = "x" * captions.LONGEST
    for plain in (
        '"><script>alert(1)</script>',
        "a 🐎 horse",
        "砂漠の馬",
        "جمل في الصحراء",
        "1",
        long,
    ):
        assert captions.clean_caption(plain) == plain


@pytest.mark.parametrize(
    "typed",
    [
        "x" * (captions.LONGEST + 1),
        "",
        "   ",
        "\x00",
        "?!…",
        "🐎🐪",
        "“”",
        "<>",
        "\u200b",
        "- - -",
        "\ud800",
    ],
)
def test_a_caption_that_cannot_be_asked_is_a_sentence(typed: str) -> None:
    with pytest.raises(
        captions.CaptionLabError, match="201 characters" if typed[:1] == "x" else "no words"
    ):
        captions.clean_caption(typed)


@given(st.text(max_size=400))
@settings(max_examples=200)
def test_whatever_is_typed_is_a_caption_or_a_sentence(typed: str) -> None:
    try:
        line = captions.clean_caption(typed)
    except captions.CaptionLabError:
        return
    assert line.isprintable()
    assert line == " ".join(line.split())
    assert 0 < len(line) <= captions.LONGEST
    assert split_words(line) == split_words(
        "".join(c if c.isprintable() else " " for c in typed)
    ), "no word is lost"


@given(
    st.lists(
        st.sampled_from(["a", "horse", "camel,", "-", "🐎", "<b>grass</b>", "砂漠"]), max_size=20
    )
)
def test_words_that_are_left_out_against_a_slow_reference(words: list[str]) -> None:
    expected = []
    for place, word in enumerate(words):
        rest = [other for number, other in enumerate(words) if number != place]
        if any(c.isalnum() for c in word):
            expected.append((word, " ".join(rest)))
    expected = [
        (word, rest)
        for word, rest in expected[: captions.MOST_WORDS]
        if any(c.isalnum() for c in rest)
    ]
    assert captions.without_each_word(" ".join(words)) == expected


@given(
    st.lists(
        st.sampled_from(["a", "horse", "in", "the", "desert", "wonderful", "🐎"]),
        min_size=1,
        max_size=9,
    )
)
def test_what_a_model_makes_of_a_caption_against_a_slow_reference(
    model: ModelMap, words: list[str]
) -> None:
    text, asked_of = " ".join(["camel", *words]), Words()
    assert captions.ask_caption(model, asked_of, "horse").without.empty, (
        "of one word there is none to leave out"
    )
    found = captions.ask_caption(model, asked_of, text)
    z = np.mean([asked_of.vector(word) for word in split_words(text)], axis=0)
    z /= np.linalg.norm(z)
    assert found.z == pytest.approx(z, abs=1e-5)
    assert found.position == pytest.approx(model.place(z[None])[0], abs=1e-5)
    assert found.unknown == (("wonderful",) if "wonderful" in words else ())
    assert list(found.without.columns) == ["word", "caption", "cosine", "x", "y"]
    assert list(
        zip(found.without["word"], found.without["caption"], strict=True)
    ) == captions.without_each_word(text)
    for row in found.without.itertuples():
        rest = np.mean([asked_of.vector(word) for word in split_words(row.caption)], axis=0)
        rest /= np.linalg.norm(rest)
        assert row.cosine == pytest.approx(
            sum(float(a) * float(b) for a, b in zip(z, rest, strict=True)), abs=1e-5
        )
        assert (row.x, row.y) == pytest.approx(model.place(rest[None])[0], abs=1e-5)


def test_words_that_a_model_does_not_read_are_named(model: ModelMap, loaded: load.Loaded) -> None:
    text = " ".join(["horse"] * MAX_WORDS)
    read, longer = (
        captions.ask_caption(model, loaded, words).z for words in (text, f"{text} camel")
    )
    assert longer == pytest.approx(read, abs=1e-6)
    for text, unknown in {
        "a Horse, in THE desert!": (),
        "zebra zebra on the moon": ("zebra", "moon"),
        "<b>horse</b>": ("b",),
        "лошадь в пустыне": ("лошадь", "в", "пустыне"),
        "🐎 horse": (),
        " ".join(["horse"] * MAX_WORDS + ["camel", "grass"]): ("camel", "grass"),
        "horse " * 33: ("horse",),
    }.items():
        assert captions.ask_caption(model, loaded, captions.clean_caption(text)).unknown == unknown


@given(st.text(max_size=60))
def test_whatever_is_typed_has_a_place_or_a_sentence(
    model: ModelMap, loaded: load.Loaded, typed: str
) -> None:
    try:
        text = captions.clean_caption(typed)
    except captions.CaptionLabError:
        return
    found = captions.ask_caption(model, loaded, text)
    assert np.isfinite(found.position).all()
    assert np.isfinite(found.without[["cosine", "x", "y"]].to_numpy(float)).all()
    assert len(found.without) <= captions.MOST_WORDS
    assert set(found.unknown) <= set(split_words(text))
    assert found.without["cosine"].between(-1.001, 1.001).all()


@pytest.mark.parametrize(
    ("objective", "labels", "sentence"),
    [
        ("captioner", "descriptive", "word by word"),
        ("ce_group", "descriptive", "is a classifier"),
        ("simclr", "constant", "trained without captions"),
    ],
)
def test_models_that_read_no_captions_say_so(
    home: Path, objective: str, labels: str, sentence: str
) -> None:
    artifact = publish(IMAGES, BASE.replace(init_seed=81, objective=objective, labels=labels))
    model, loaded = model_map(artifact), load.load(artifact)
    for text in (
        "horse",
        "red horse",
        "a horse in the desert",
    ):  # a classifier must not take them for its classes
        with pytest.raises(LabError, match=sentence):
            captions.ask_caption(model, loaded, text)


def test_words_of_no_training_caption_are_named_for_each_model_without_word_vectors(
    model: ModelMap,
) -> None:
    short = model_map(publish(IMAGES, BASE.replace(init_seed=81, labels="undescriptive")))
    together = compare_maps([model, short], IMAGES, thumbs)
    texts = ("a camel in the desert", "a zebra, a zebra")
    left, right = captions.caption_warnings(together, SCENES, texts)
    assert (
        left == "The left model was never given “zebra” in training: what it makes of such words is"
        " chance."
    )
    assert right.startswith(
        "The right model was never given “a”, “in”, “the”, “desert”, “zebra” in training"
    )
    assert captions.caption_warnings(together, SCENES, ("camel", "horse")) == []
    assert captions.caption_warnings(together, SCENES, texts, ["right"]) == [right]


def test_backgrounds_that_are_learnt_apart_are_training_captions() -> None:
    model = model_map(
        publish(IMAGES, BASE.replace(init_seed=81, objective="two_part", labels="undescriptive"))
    )
    assert captions.training_captions(model, SCENES) == ("horse", "camel", "grass", "desert")
    alone = compare_maps([model], IMAGES, thumbs)
    assert captions.caption_warnings(alone, SCENES, ("horse", "grass")) == []


def test_many_words_stay_one_sentence_and_none_from_elsewhere(
    model: ModelMap, artifact: store.Artifact
) -> None:
    texts = (" ".join(letter * 100 for letter in "bcdfghjklm"),)
    (sentence,) = captions.caption_warnings(compare_maps([model], IMAGES, thumbs), SCENES, texts)
    assert "and 2 more" in sentence
    assert len(sentence) < 400
    elsewhere = dataclasses.replace(model, artifact=made_elsewhere(artifact, "imported"))
    alone = dataclasses.replace(compare_maps([model], IMAGES, thumbs), models=(elsewhere,))
    assert captions.caption_warnings(alone, SCENES, texts) == []


def stand_in(text: str, labels: str = "undescriptive", **settings: str) -> store.Artifact:
    return publish(IMAGES, BASE.replace(init_seed=82, text=text, labels=labels, **settings))


@pytest.mark.parametrize("text", ["words", "words@random"])
def test_distances_in_the_word_space_against_the_models_own_mean(home: Path, text: str) -> None:
    artifact = stand_in(text, "descriptive")
    model, tower = model_map(artifact), load.load(artifact).encoder.text
    texts = ["pony", "a horse in the sahara", "horse on the grass", "骆驼"]
    inputs = []
    tower.project.register_forward_pre_hook(lambda _layer, given: inputs.append(given[0]))
    for captions_of_one in (texts, model.captions):
        tower(torch.from_numpy(WordPieces().tokens(captions_of_one)))
    typed_means, training_means = (mean.numpy() for mean in inputs)
    cosines = typed_means @ training_means.T
    distances = captions.far_from_training(model, SCENES, texts)
    assert [one.typed for one in distances] == texts
    assert [one.caption for one in distances] == [model.captions[k] for k in cosines.argmax(axis=1)]
    assert [one.cosine for one in distances] == pytest.approx(
        cosines.max(axis=1).tolist(), abs=1e-6
    )
    assert [one.is_far for one in distances] == [one.cosine < captions.FAR for one in distances]
    assert distances[2].cosine == pytest.approx(1.0, abs=1e-6)


def test_far_captions_are_marked_with_the_nearest_training_caption_and_the_cosine(
    home: Path,
) -> None:
    model = model_map(stand_in("words"))
    near, far = captions.far_from_training(model, SCENES, ["racehorse", "music"])
    assert (near.is_far, near.caption, far.is_far) == (False, "horse", True)
    assert f"{near.cosine:.2f}" in near.sentence
    assert far.caption in far.sentence
    alone = compare_maps([model], IMAGES, thumbs)
    (warning,) = captions.caption_warnings(alone, SCENES, ["racehorse", "music", "music"])
    assert (warning.count("“music”"), "racehorse" in warning, f"“{far.caption}”" in warning) == (
        1,
        False,
        True,
    )
    assert captions.caption_warnings(alone, SCENES, ["racehorse", "camels"]) == []
    assert (
        captions.caption_warnings(alone, SCENES, model.projection.prompts) == []
    )  # a map without prompts


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("transformer", {}),
        ("codes", {}),
        ("transformer", {"objective": "simclr", "labels": "constant"}),
    ],
)
def test_only_models_with_word_vectors_have_distances(
    home: Path, text: str, settings: dict[str, str]
) -> None:
    model = model_map(stand_in(text, **settings))
    assert not captions.reads_any_words(model.artifact.condition)
    assert captions.far_from_training(model, SCENES, ["pony"]) == []


def test_word_vectors_read_every_word(home: Path) -> None:
    artifact = stand_in("words")
    model, loaded = model_map(artifact), load.load(artifact)
    for text in ("a pony on the lawn", "лошадь в пустыне", " ".join(["horse"] * 40), "骆驼"):
        answer = captions.ask_caption(model, loaded, text)
        assert answer.unknown == ()
        assert np.isfinite(answer.position).all()


def test_a_model_of_codes_answers_to_its_training_captions_alone(home: Path) -> None:
    artifact = stand_in("codes", "descriptive")
    model = model_map(artifact)
    with pytest.raises(LabError, match="a code for each training caption and none for 'a pony'"):
        captions.ask_caption(model, load.load(artifact), "a pony")
    answer = captions.ask_caption(
        model, Words(), "horse on the grass"
    )  # what remains without a word has no code
    assert answer.without.empty
    alone = compare_maps([model], IMAGES, thumbs)
    assert captions.caption_warnings(alone, SCENES, ["a pony"]) == []


def test_similarities_are_cosines_of_each_models_captions(tmp_path: Path) -> None:
    left = watched.model(tmp_path, Condition(), seed=1)
    right = watched.model(tmp_path, Condition(labels="descriptive"), seed=2)
    right = dataclasses.replace(right, caption_z=3 * right.caption_z)  # lengths do not matter
    cells, titles, words = captions.caption_similarities({"left": left, "right": right})
    for pane, model in enumerate((left, right)):
        here = cells[cells["pane"] == pane]
        table = here.pivot(index="row", columns="column", values="similarity")
        table = table.loc[list(model.captions), list(model.captions)]
        assert table.to_numpy() == pytest.approx(cosine_similarity(model.caption_z), abs=1e-6)
    cosine = cosine_similarity(left.caption_z)[0, 1]
    assert f"Left, No bias, short labels: “horse” and “camel” {cosine:.2f}." in words
    assert words.count("; ") == 5  # six pairs of the right model's four captions
    assert caption_matrices(cells, titles, palette=LIGHT).to_dict()


def test_one_caption_many_and_none_are_summed_up_in_words(tmp_path: Path) -> None:
    alone = watched.model(tmp_path, Condition(labels="constant"))
    assert "one caption only" in captions.caption_similarities({"": alone})[2]
    model = watched.model(tmp_path, Condition(labels="partial_50"), seed=1)
    cosines = cosine_similarity(model.caption_z)[np.triu_indices(6, 1)]
    captioner = dataclasses.replace(model, caption_z=np.zeros((0, watched.WIDTH)))
    _, titles, words = captions.caption_similarities({"left": captioner, "right": model})
    assert f"6 captions, {cosines.mean():.2f} on average over 15 pairs; most alike" in words
    assert f"{cosines.max():.2f}, least" in words
    assert (len(titles), "Left" in words, "left out" in words) == (1, False, True)
    with pytest.raises(ComparisonError, match="no embeddings"):
        captions.caption_similarities({"first": captioner})
