"""Captions are the study's, to the letter; any text becomes tokens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlcore.images.captions import (
    LABEL_STYLES,
    MAX_WORDS,
    PAD,
    UNKNOWN,
    Vocabulary,
    caption,
    distinct_captions,
    objects_of,
    split_words,
)
from vlcore.images.groups import SCENES, Grouping

PETS = Grouping(("cat", "Sheep-dog"), ("sea side", "snow"))
WORDS = Vocabulary.of(SCENES)


def test_the_strings_of_the_study() -> None:
    assert distinct_captions("undescriptive", SCENES) == ("horse", "camel")
    assert distinct_captions("descriptive", SCENES) == (
        "horse on the grass",
        "horse in the desert",
        "a camel in the desert",
        "camel on the grass",
    )


@pytest.mark.parametrize(
    ("obj", "context", "words"),
    [
        ("cat", "snow", "cat in the snow"),
        ("cat", "beach", "cat on the beach"),
        ("horse", "attic", "horse in the attic"),
    ],
)
def test_other_objects_and_contexts_have_a_caption(obj: str, context: str, words: str) -> None:
    assert caption("descriptive", obj, context) == words
    assert caption("undescriptive", obj, context) == obj


@pytest.mark.parametrize("style", LABEL_STYLES)
@pytest.mark.parametrize("grouping", [SCENES, PETS])
def test_every_caption_speaks_of_its_object(style: str, grouping: Grouping) -> None:
    spoken = objects_of(style, grouping)
    assert tuple(spoken) == distinct_captions(style, grouping)
    for obj, context in grouping.pairs:
        assert spoken[caption(style, obj, context)] == obj


@pytest.mark.parametrize("grouping", [SCENES, PETS])
def test_every_style_uses_known_words_that_fit(grouping: Grouping) -> None:
    vocabulary = Vocabulary.of(grouping)
    for style in LABEL_STYLES:
        captions = distinct_captions(style, grouping)
        assert [vocabulary.unknown(text) for text in captions] == [[]] * len(captions)
        assert all(len(split_words(text)) <= MAX_WORDS for text in captions)
        tokens = vocabulary.tokens(captions)
        assert len({tuple(row) for row in tokens}) == len(captions)


def test_a_style_that_does_not_exist_has_no_caption() -> None:
    with pytest.raises(KeyError):
        caption("poetic", "horse", "grass")


def test_tokens_by_hand() -> None:
    vocabulary = Vocabulary(["horse", "on", "the", "grass", "horse"])
    assert len(vocabulary) == 6
    rows = vocabulary.tokens(["Horse, on the GRASS!", "", "a horse", "on " * 20])
    assert rows.dtype == np.int64
    assert rows.tolist() == [
        [2, 3, 4, 5, PAD, PAD, PAD, PAD],
        [PAD] * 8,
        [UNKNOWN, 2, PAD, PAD, PAD, PAD, PAD, PAD],
        [3] * 8,
    ]
    assert vocabulary.tokens([]).shape == (0, MAX_WORDS)
    assert vocabulary.unknown("A horse in the grass") == ["a", "in"]


@given(st.lists(st.text(), max_size=5))
def test_any_text_becomes_tokens(texts: list[str]) -> None:
    rows = WORDS.tokens(texts)
    assert rows.shape == (len(texts), MAX_WORDS)
    assert rows.min(initial=0) >= 0
    assert rows.max(initial=0) < len(WORDS)
    for text, row in zip(texts, rows, strict=True):
        words = split_words(text)[:MAX_WORDS]
        assert (row[len(words) :] == PAD).all()
        for word, token in zip(words, row, strict=False):
            assert token == (WORDS.words.index(word) + 2 if word in WORDS.words else UNKNOWN)
        assert (UNKNOWN in row) == any(word not in WORDS.words for word in words)


@given(st.text())
def test_words_are_letters_and_digits_and_survive_a_second_cut(text: str) -> None:
    words = split_words(text)
    assert all(word.isalnum() for word in words)
    assert split_words(" ".join(words)) == words


@given(st.text(st.characters(codec="ascii")))
def test_case_and_punctuation_do_not_matter(text: str) -> None:
    assert split_words(text.upper()) == split_words(text.lower()) == split_words(f"...{text}!?")
