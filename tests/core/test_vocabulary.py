"""Any text becomes tokens, and every style's captions fit the one vocabulary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.test_captions import FIXED, PETS
from vlcore.core.captions import CaptionError, distinct_captions
from vlcore.core.grouping import SCENES, Grouping
from vlcore.core.vocabulary import MAX_WORDS, PAD, UNKNOWN, Vocabulary, check_captions, split_words

WORDS = Vocabulary.of(SCENES)

# A word more gives every text encoder of the set other first weights: what is shipped and published could not be
# trained again to the same numbers. So a new style takes known words, or the release says so and ships anew.
PUBLISHED_WORDS = (
    "a an the on in of photo picture horse camel grass desert dax wug fep zorp bay chestnut brown black grey cream dun "
    "sand meadow green pasture one there is single stands look this seen we see here some lone amid dunes hot"
)


def test_the_words_of_published_runs_are_all_there_are() -> None:
    assert " ".join(WORDS.words) == PUBLISHED_WORDS


@pytest.mark.parametrize("grouping", [SCENES, PETS])
def test_every_style_uses_known_words_that_fit(grouping: Grouping) -> None:
    vocabulary = Vocabulary.of(grouping)
    for style in FIXED:
        captions = distinct_captions(style, grouping)
        check_captions(captions)
        assert [vocabulary.unknown(text) for text in captions] == [[]] * len(captions)
        assert all(len(split_words(text)) <= MAX_WORDS for text in captions)
        assert len({tuple(row) for row in vocabulary.tokens(captions)}) == len(captions)


def test_the_words_of_an_own_template_come_on_top_and_change_no_number() -> None:
    more = Vocabulary.of(SCENES, ["a splendid camel"])
    assert more.words == (*WORDS.words, "splendid")
    assert more.tokens(["camel on the grass"]).tolist() == WORDS.tokens(["camel on the grass"]).tolist()


def test_captions_that_cannot_be_trained_on_are_refused() -> None:
    with pytest.raises(CaptionError, match="has no words"):
        check_captions(["horse", "…"])
    long = "very " * MAX_WORDS
    with pytest.raises(CaptionError, match=f"same first {MAX_WORDS} words"):
        check_captions([f"{long} horse", f"{long} camel"])
    check_captions([f"horse {long}", f"camel {long}"])


@given(st.lists(st.text(), max_size=5))
def test_any_text_becomes_tokens(texts: list[str]) -> None:
    rows = WORDS.tokens(texts)
    assert (rows.shape, rows.dtype) == ((len(texts), MAX_WORDS), np.int64)
    assert WORDS.unknown("A horse, in the zebra!") == ["zebra"]
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
