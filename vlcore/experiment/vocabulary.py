"""Tokens of captions: one vocabulary and one length for all label styles of a grouping.

So two styles of one seed differ in their captions and in nothing else; the words of a template
given by a user come on top. With two to four captions the text tower is in effect a lookup table:
its structure matters only for a caption that was never seen in training, such as "horse in the
desert" when every such image was removed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.captions import distinct_captions
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.templates import CaptionError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, UNKNOWN, MAX_WORDS = 0, 1, 12
MAX_PIECES = 32  # of a caption in word pieces
WORD_PIECES = 32_000
_WORD_LLAMA = {
    "tokenizer": (
        "tokenizers/l2_supercat_tokenizer_config.json",
        "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
    ),
    "vectors": (
        "weights/l2_supercat_256.safetensors",
        "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
    ),
}
_BASE_WORDS = "a an the on in of photo picture horse camel grass desert"
# Words of the caption styles of version 0.6, in the order in which it numbered them. The initial
# weights of a text tower depend on the number of words, so this list never changes: other
# words of a style come behind these.
_STYLE_WORDS = "dax wug fep zorp bay chestnut brown black grey cream dun sand"
_PHRASE_WORDS = "one there is single stands look this seen we see here some lone"
_CONTEXT_WORDS = {"grass": "meadow green pasture", "desert": "amid dunes hot"}


class Vocabulary:
    """Words to numbers: 0 is padding, 1 a word that is not known."""

    most = f"{MAX_WORDS} words"  # of a caption

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(dict.fromkeys(words))
        self._index = {word: number for number, word in enumerate(self.words, start=2)}

    @classmethod
    def from_grouping(cls, grouping: Grouping, captions: Sequence[str] = ()) -> Vocabulary:
        """Return the words that caption styles share for a grouping, then those of `captions`.

        `captions` brings other words, such as those of a person's own template.
        """
        first, second = (_CONTEXT_WORDS.get(context, "") for context in grouping.contexts)
        texts = [
            _BASE_WORDS,
            *grouping.objects,
            *grouping.contexts,
            *distinct_captions("undescriptive", grouping),
            *distinct_captions("descriptive", grouping),
            _STYLE_WORDS,
            first,
            _PHRASE_WORDS,
            second,
            *captions,
        ]
        return cls(split_words(" ".join(texts)))

    def __len__(self) -> int:
        return len(self.words) + 2

    def tokens(self, captions: Sequence[str]) -> NDArray[np.int64]:
        """Captions to token numbers, shape (n, MAX_WORDS); words past MAX_WORDS are cut off."""
        table = np.full((len(captions), MAX_WORDS), PAD, dtype=np.int64)
        for row, text in enumerate(captions):
            for column, word in enumerate(split_words(text)[:MAX_WORDS]):
                table[row, column] = self._index.get(word, UNKNOWN)
        return table


class WordPieces:
    """Captions as the word pieces of pretrained word vectors, which read any text: no word is
    unknown."""

    words: tuple[str, ...] = ()  # none: it is the same for all image sets
    most = f"{MAX_PIECES} word pieces"  # of a caption

    def __len__(self) -> int:
        return WORD_PIECES

    def tokens(self, captions: Sequence[str]) -> NDArray[np.int64]:
        """Captions to numbers of word pieces, (n, MAX_PIECES); pieces past MAX_PIECES are cut
        off."""
        table = np.full((len(captions), MAX_PIECES), PAD, dtype=np.int64)
        for row, text in enumerate(captions):
            if words := " ".join(split_words(text)):
                pieces = _tokenizer().encode(words, add_special_tokens=False).ids[:MAX_PIECES]
                table[row, : len(pieces)] = pieces
        return table


AnyVocabulary = Vocabulary | WordPieces


def reads_pieces(text: str) -> bool:
    """Whether a text tower, one of `vlcore.experiment.options.TEXTS`, reads word pieces."""
    return text.startswith("words")


def vocabulary_for(text: str, grouping: Grouping, captions: Sequence[str] = ()) -> AnyVocabulary:
    """The vocabulary of a text tower, for the captions of a grouping and `captions`."""
    return WordPieces() if reads_pieces(text) else Vocabulary.from_grouping(grouping, captions)


def word_vectors_file(kind: str) -> bytes:
    """A file of the WordLlama package, ``tokenizer`` or ``vectors``, whose content is known;
    LabError where it is missing or differs. (The package's own loader asks the hub.)"""
    name, checksum = _WORD_LLAMA[kind]
    # Located and not imported: its code takes 0.7 s and is not needed.
    package = find_spec("wordllama")
    folders = list(package.submodule_search_locations or []) if package else []
    try:
        content = Path(*folders[:1], name).read_bytes()
    except OSError as error:
        raise LabError(
            "The word vectors are not installed; run `pip install wordllama`."
        ) from error
    if hashlib.sha256(content).hexdigest() != checksum:
        raise LabError(
            f"The word vectors ({name}) are not those that this version knows; install the version"
            " of wordllama that requirements.txt names."
        )
    return content


@cache
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_buffer(word_vectors_file("tokenizer"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def check_captions(captions: Sequence[str], vocabulary: AnyVocabulary) -> None:
    """Raise CaptionError unless captions can be trained on: each has words, and no two become the
    same tokens of `vocabulary`, which knows their words."""
    by_tokens: dict[tuple[int, ...], str] = {}
    for text, row in zip(captions, vocabulary.tokens(captions).tolist(), strict=True):
        if not split_words(text):
            raise CaptionError(
                f"The caption {text!r} has no words; choose another caption style or template."
            )
        if tuple(row) in by_tokens:
            raise CaptionError(
                f"The captions {by_tokens[tuple(row)]!r} and {text!r} have the same first"
                f" {vocabulary.most}, which is all that the model reads; choose another caption"
                " style or template."
            )
        by_tokens[tuple(row)] = text


def split_words(text: str) -> list[str]:
    """Lower-case words of a caption; everything that is neither letter nor digit separates."""
    return "".join(letter if letter.isalnum() else " " for letter in text.casefold()).split()
