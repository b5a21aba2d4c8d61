"""Any text becomes tokens, and every style's captions fit the one vocabulary."""

import hashlib
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from tests.experiment.test_captions import FIXED, PETS
from vlcore.experiment import vocabulary
from vlcore.experiment.captions import distinct_captions
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.experiment.options import TEXTS
from vlcore.experiment.templates import CaptionError
from vlcore.experiment.vocabulary import (
    MAX_PIECES,
    MAX_WORDS,
    PAD,
    UNKNOWN,
    Vocabulary,
    WordPieces,
    check_captions,
    split_words,
    vocabulary_for,
    word_vectors_file,
)

WORDS, PIECES = Vocabulary.from_grouping(SCENES), WordPieces()

# Version 0.6 numbered its words in this order, and the initial weights of a text tower depend on
# their number. A caption style with other words adds them behind these.
WORDS_OF_0_6 = (
    "a an the on in of photo picture horse camel grass desert dax wug fep zorp bay chestnut brown"
    " black grey cream dun sand meadow green pasture one there is single stands look this seen we"
    " see here some lone amid dunes hot"
)


def test_the_words_of_version_0_6_keep_their_numbers() -> None:
    assert " ".join(WORDS.words) == WORDS_OF_0_6


def test_another_set_has_the_words_of_its_own_groups_in_the_same_places() -> None:
    grouping = Grouping(("wolf", "cow"), ("beach", "grass"))
    assert " ".join(Vocabulary.from_grouping(grouping).words) == (
        "a an the on in of photo picture horse camel grass desert wolf cow beach dax wug fep zorp"
        " bay chestnut brown black grey cream dun sand one there is single stands look this seen we"
        " see here some lone meadow green pasture"
    )


@pytest.mark.parametrize("grouping", [SCENES, PETS])
def test_the_words_of_every_style_fit_and_change_no_number(grouping: Grouping) -> None:
    words = Vocabulary.from_grouping(grouping).words
    for style in FIXED:
        captions = distinct_captions(style, grouping)
        known = vocabulary_for("transformer", grouping, captions)
        check_captions(captions, known)
        assert isinstance(known, Vocabulary)
        assert known.words[: len(words)] == words
        assert UNKNOWN not in known.tokens(captions)


@pytest.mark.parametrize("text", TEXTS)
def test_the_words_of_an_own_template_come_on_top_and_change_no_number(text: str) -> None:
    words = vocabulary_for(text, SCENES, ["a splendid camel"])
    assert isinstance(words, WordPieces) is text.startswith("words")
    assert UNKNOWN not in words.tokens(["a splendid camel"])
    if isinstance(words, Vocabulary):
        assert words.words == (*WORDS.words, "splendid")
        known = ["camel on the grass"]
        np.testing.assert_array_equal(words.tokens(known), WORDS.tokens(known))


@pytest.mark.parametrize(
    ("text", "long", "same"),
    [
        ("transformer", "very " * MAX_WORDS, f"same first {MAX_WORDS} words"),
        ("words", "very " * MAX_PIECES, f"same first {MAX_PIECES} word pieces"),
        ("words", "σε αυτή τη φωτογραφία βλέπουμε ένα ζώο, το", "word pieces"),
    ],
)
def test_captions_that_cannot_be_trained_on_are_refused(text: str, long: str, same: str) -> None:
    def check(*captions: str) -> None:
        check_captions(captions, vocabulary_for(text, SCENES, captions))

    with pytest.raises(CaptionError, match="has no words"):
        check("horse", "…")
    with pytest.raises(CaptionError, match=same):
        check(f"{long} horse", f"{long} camel")
    check(f"horse {long}", f"camel {long}")


@given(st.lists(st.text(), max_size=5))
def test_any_text_becomes_tokens(texts: list[str]) -> None:
    rows = WORDS.tokens(texts)
    assert (rows.shape, rows.dtype) == ((len(texts), MAX_WORDS), np.int64)
    number = {word: place + 2 for place, word in enumerate(WORDS.words)}
    for text, row in zip(texts, rows, strict=True):
        expected = [number.get(word, UNKNOWN) for word in split_words(text)[:MAX_WORDS]]
        assert row.tolist() == expected + [PAD] * (MAX_WORDS - len(expected))


@given(st.lists(st.text(), max_size=5))
def test_any_text_becomes_word_pieces_and_no_word_is_unknown(texts: list[str]) -> None:
    rows = PIECES.tokens(texts)
    assert (rows.shape, rows.dtype) == ((len(texts), MAX_PIECES), np.int64)
    assert rows.min(initial=0) >= 0
    assert rows.max(initial=0) < len(PIECES)
    for text, row in zip(texts, rows, strict=True):
        length = int((row != PAD).sum())
        assert (row[length:] == PAD).all()
        assert (length > 0) == bool(split_words(text))


@given(st.text(), st.text(st.characters(codec="ascii")))
def test_words_are_letters_and_digits_without_case_and_marks(text: str, plain: str) -> None:
    words = split_words(text)
    assert all(word.isalnum() for word in words)
    assert split_words(" ".join(words)) == words
    assert split_words(plain.upper()) == split_words(plain.lower()) == split_words(f"...{plain}!?")


def test_word_pieces_are_those_of_the_tokenizer() -> None:
    tokenizer = Tokenizer.from_buffer(word_vectors_file("tokenizer"))
    texts = ["A Horse, on the GRASS!", "a dromedary", "", "…", "東京 möwe"]
    table = PIECES.tokens(texts)
    for text, row in zip(texts, table, strict=True):
        assert tokenizer.decode(row[row != PAD].tolist()) == " ".join(split_words(text))
    long = "horse " * 40
    cut, cut_too = PIECES.tokens([long, f"{long} camel"])
    assert (cut == cut_too).all()


@pytest.mark.parametrize("kind", ["tokenizer", "vectors"])
def test_word_vectors_that_are_missing_or_other_ones_are_a_sentence(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, checksum = vocabulary._WORD_LLAMA[kind]
    assert hashlib.sha256(word_vectors_file(kind)).hexdigest() == checksum
    package = ModuleSpec("wordllama", None, is_package=True)
    package.submodule_search_locations = [str(tmp_path)]
    for spec in (None, package):
        monkeypatch.setattr(vocabulary, "find_spec", lambda _name, spec=spec: spec)
        with pytest.raises(LabError, match="pip install wordllama"):
            word_vectors_file(kind)
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_bytes(b"others")
    with pytest.raises(LabError, match="not those that this version knows"):
        word_vectors_file(kind)
