"""Any text becomes tokens, and every style's captions fit the one vocabulary."""

import hashlib
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.experiment.test_captions import FIXED, PETS
from vlcore.experiment import vocabulary
from vlcore.experiment.captions import CaptionError, distinct_captions, find_style
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.experiment.options import LABEL_STYLES, TEXTS
from vlcore.experiment.vocabulary import (
    MAX_PIECES,
    MAX_WORDS,
    PAD,
    UNKNOWN,
    WORD_PIECES,
    Vocabulary,
    WordPieces,
    _tokenizer,
    check_captions,
    reads_pieces,
    split_words,
    vocabulary_for,
)

WORDS = Vocabulary.of(SCENES)

# A word more gives every text encoder of the set other first weights: what is shipped and published
# could not be trained again to the same numbers. So a new style takes known words, or the release
# says so and ships anew.
PUBLISHED_WORDS = (
    "a an the on in of photo picture horse camel grass desert dax wug fep zorp bay chestnut brown"
    " black grey cream dun sand meadow green pasture one there is single stands look this seen we"
    " see here some lone amid dunes hot"
)


def test_the_words_of_published_runs_are_all_there_are() -> None:
    assert " ".join(WORDS.words) == PUBLISHED_WORDS


@pytest.mark.parametrize("grouping", [SCENES, PETS])
def test_every_style_uses_known_words_that_fit(grouping: Grouping) -> None:
    words = Vocabulary.of(grouping)
    for style in FIXED:
        captions = distinct_captions(style, grouping)
        check_captions(captions)
        if LABEL_STYLES[find_style(style)[0]].own_words:
            words = Vocabulary.of(grouping, captions)
        assert [words.unknown(text) for text in captions] == [[]] * len(captions)
        assert all(len(split_words(text)) <= MAX_WORDS for text in captions)
        assert len({tuple(row) for row in words.tokens(captions)}) == len(captions)


def test_the_words_of_an_own_template_come_on_top_and_change_no_number() -> None:
    more = Vocabulary.of(SCENES, ["a splendid camel"])
    assert more.words == (*WORDS.words, "splendid")
    assert (
        more.tokens(["camel on the grass"]).tolist()
        == WORDS.tokens(["camel on the grass"]).tolist()
    )


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


PIECES = WordPieces()


def test_word_pieces_are_those_of_the_tokenizer() -> None:
    texts = ["horse", "A Horse, on the GRASS!", "a dromedary", "", "…", "東京 möwe"]
    table = PIECES.tokens(texts)
    assert (table.shape, table.dtype) == ((6, MAX_PIECES), np.int64)
    for text, row in zip(texts, table, strict=True):
        words = " ".join(split_words(text))
        assert _tokenizer().decode(row[row != PAD].tolist()) == words
    lengths = (table != PAD).sum(axis=1)
    assert lengths[0] < lengths[2], "a rare word is made of pieces"
    assert lengths[3] == lengths[4] == 0
    assert PIECES.tokens(["a HORSE on the grass"]).tolist() == table[1:2].tolist(), (
        "case and marks do not matter"
    )


@given(st.lists(st.text(), max_size=5))
def test_any_text_becomes_word_pieces_and_no_word_is_unknown(texts: list[str]) -> None:
    rows = PIECES.tokens(texts)
    assert (rows.shape, rows.dtype) == ((len(texts), MAX_PIECES), np.int64)
    assert rows.min(initial=0) >= 0
    assert rows.max(initial=0) < len(PIECES) == WORD_PIECES
    for text, row in zip(texts, rows, strict=True):
        length = int((row != PAD).sum())
        assert (row[length:] == PAD).all()
        assert (length > 0) == bool(split_words(text))
        assert PIECES.unknown(text) == []


def test_long_captions_are_cut_after_so_many_pieces() -> None:
    long = "horse " * 40
    assert (PIECES.tokens([long]) != PAD).all()
    assert PIECES.tokens([long]).tolist() == PIECES.tokens([f"{long} camel"]).tolist()


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_tower_names_its_vocabulary(text: str) -> None:
    words = vocabulary_for(text, SCENES, ["a splendid camel"])
    assert isinstance(words, WordPieces) is reads_pieces(text) is text.startswith("words")
    assert words.unknown("a splendid camel") == []
    if not reads_pieces(text):
        assert words.words == (*WORDS.words, "splendid")


@pytest.mark.parametrize("kind", ["tokenizer", "vectors"])
def test_word_vectors_that_are_missing_or_other_ones_are_a_sentence(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(vocabulary.word_vectors_file(kind)) > 100_000
    name, checksum = vocabulary._WORD_LLAMA[kind]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "wordllama", None)
        with pytest.raises(LabError, match="pip install wordllama"):
            vocabulary.word_vectors_file(kind)
    here = ModuleSpec("wordllama", None, is_package=True)
    here.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(vocabulary, "find_spec", lambda _name: here)
    with pytest.raises(LabError, match="pip install wordllama"):
        vocabulary.word_vectors_file(kind)
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_bytes(b"others")
    with pytest.raises(LabError, match="not those that this version knows"):
        vocabulary.word_vectors_file(kind)
    monkeypatch.setitem(vocabulary._WORD_LLAMA, kind, (name, hashlib.sha256(b"others").hexdigest()))
    assert vocabulary.word_vectors_file(kind) == b"others" != checksum


def test_captions_are_cut_without_running_the_code_of_the_vectors() -> None:
    code = (
        "import sys; from vlcore.experiment.vocabulary import WordPieces as W;"
        " W().tokens(['horse']); print(*sys.modules)"
    )
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert {"tokenizers", "vlcore.experiment.vocabulary"} <= set(loaded)
    assert {"wordllama", "torch", "transformers", "requests"} & set(loaded) == set()
