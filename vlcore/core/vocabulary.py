"""Tokens of captions: one vocabulary and one length for all label styles of a grouping.

So two styles of one seed differ in what is said and in nothing else; the words of an own template come on top. With two
to four captions the text tower is in effect a lookup table: its structure matters only for a caption that was never
seen in training, such as "horse in the desert" when every such picture was removed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vlcore.core.captions import CaptionError, distinct_captions
from vlcore.core.grouping import Grouping
from vlcore.core.options import LABEL_STYLES

PAD, UNKNOWN, MAX_WORDS = 0, 1, 12
_BASE_WORDS = ("a", "an", "the", "on", "in", "of", "photo", "picture", "horse", "camel", "grass", "desert")


class Vocabulary:
    """Words to numbers: 0 is padding, 1 a word that is not known."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(dict.fromkeys(words))
        self._index = {word: number for number, word in enumerate(self.words, start=2)}

    @classmethod
    def of(cls, grouping: Grouping, captions: Sequence[str] = ()) -> Vocabulary:
        """The words that any style can use for a grouping, the same for every style, and those of given captions."""
        texts = [*grouping.objects, *grouping.contexts]
        for name, style in LABEL_STYLES.items():
            if name != "own":
                texts += distinct_captions(f"{name}_{style.numbers[1]}" if style.numbers else name, grouping)
        return cls([*_BASE_WORDS, *(word for text in (*texts, *captions) for word in split_words(text))])

    def __len__(self) -> int:
        return len(self.words) + 2

    def tokens(self, captions: Sequence[str]) -> NDArray[np.int64]:
        """Captions to token numbers, shape (n, MAX_WORDS); words past MAX_WORDS are cut off."""
        table = np.full((len(captions), MAX_WORDS), PAD, dtype=np.int64)
        for row, text in enumerate(captions):
            for column, word in enumerate(split_words(text)[:MAX_WORDS]):
                table[row, column] = self._index.get(word, UNKNOWN)
        return table

    def unknown(self, text: str) -> list[str]:
        """The words of a caption that the vocabulary does not hold."""
        return [word for word in split_words(text) if word not in self._index]


def check_captions(captions: Sequence[str]) -> None:
    """A CaptionError unless captions can be trained on: each has words, and no two have the same first `MAX_WORDS`."""
    read: dict[tuple[str, ...], str] = {}
    for text in captions:
        words = tuple(split_words(text)[:MAX_WORDS])
        if not words:
            raise CaptionError(f"The caption {text!r} has no words; choose another label style or template.")
        if words in read:
            alike = f"The captions {read[words]!r} and {text!r} have the same first {MAX_WORDS} words"
            raise CaptionError(f"{alike}, which is all that models read; choose another label style or template.")
        read[words] = text


def split_words(text: str) -> list[str]:
    """Lower-case words of a caption; everything that is neither letter nor digit separates."""
    return "".join(c if c.isalnum() else " " for c in text.casefold()).split()
