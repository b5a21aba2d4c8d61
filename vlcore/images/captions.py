"""Label style to caption, and caption to tokens.

The one idea: a label style is a function of (object, context) alone, so the captions of a set are known before any
picture is looked at, and every style shares one vocabulary and one length: no style has a text tower of its own shape.

With two to four distinct captions the text transformer is in effect a lookup table. Its structure matters only for a
caption that was never seen in training, such as "horse in the desert" when every such picture was removed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vlcore.images.groups import SCENES, Grouping

# The study's exact strings. Its "a" stands in one group only, which makes that word a group label: kept, because it is
# what the study trained on.
_STUDY = {
    ("horse", "grass"): "horse on the grass",
    ("horse", "desert"): "horse in the desert",
    ("camel", "desert"): "a camel in the desert",
    ("camel", "grass"): "camel on the grass",
}
# Names of places that something is on; it is in all others.
_ON = {"grass", "beach", "street", "land", "water", "dirt", "mountain", "rock", "road", "table"}


def _place(context: str) -> str:
    """A context with its preposition, such as "on the grass"."""
    return f"{'on' if context in _ON else 'in'} the {context}"


def _descriptive(obj: str, context: str) -> str:
    return _STUDY.get((obj, context)) or f"{obj} {_place(context)}"


_STYLES: dict[str, Callable[[str, str], str]] = {
    "undescriptive": lambda obj, _context: obj,
    "descriptive": _descriptive,
}
LABEL_STYLES = tuple(_STYLES)

PAD, UNKNOWN = 0, 1
MAX_WORDS = 8
_BASE_WORDS = ("a", "an", "the", "on", "in", "of", "photo", "picture", "horse", "camel", "grass", "desert")


def caption(style: str, obj: str, context: str, grouping: Grouping = SCENES) -> str:
    """The caption of an object in a context under a label style, by the grouping's own template where it has one."""
    template = dict(grouping.templates).get(style)
    if template is None:
        return _STYLES[style](obj, context)
    return filled(template, obj, context)


def filled(template: str, obj: str, context: str) -> str:
    """A caption template with its fields filled in: ``{object}``, ``{context}``, and ``{place}``, the context with its
    preposition, such as "on the grass"."""
    return template.format(object=obj, context=context, place=_place(context))


def distinct_captions(style: str, grouping: Grouping) -> tuple[str, ...]:
    """The different captions of a style, in the order of the groups."""
    return tuple(dict.fromkeys(caption(style, *pair, grouping) for pair in grouping.pairs))


def objects_of(style: str, grouping: Grouping) -> dict[str, str]:
    """Which object each caption of a style speaks of: caption to object."""
    return {caption(style, obj, context, grouping): obj for obj, context in grouping.pairs}


class Vocabulary:
    """Words to numbers: 0 is padding, 1 a word that is not known."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(dict.fromkeys(words))
        self._index = {word: number for number, word in enumerate(self.words, start=2)}

    @classmethod
    def of(cls, grouping: Grouping) -> Vocabulary:
        """The words that any style can use for a grouping; the same for every style."""
        words = list(_BASE_WORDS)
        said = (filled(template, *pair) for _, template in grouping.templates for pair in grouping.pairs)
        for text in (*grouping.objects, *grouping.contexts, *said):
            words.extend(split_words(text))
        return cls(words)

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


def split_words(text: str) -> list[str]:
    """Lower-case words of a caption; everything that is neither letter nor digit separates."""
    return "".join(c if c.isalnum() else " " for c in text.casefold()).split()
