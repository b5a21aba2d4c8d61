"""What models make of a caption that somebody types, and of the same caption with one word less.

The one idea: a caption is one more point of a model's space, so everything that can be asked of a picture can be asked
of it; and leaving a word out shows what the word is worth to the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.choices import OBJECTIVES
from vlcore.core.errors import LabError
from vlcore.images.vocabulary import split_words
from vlcore.runs.compare import Comparison
from vlcore.runs.model_maps import ModelMap
from vlcore.runs.placement import Loaded

LONGEST = 200  # characters
MOST_WORDS = 12  # that are left out one by one


class CaptionLabError(LabError):
    """A caption that cannot be asked for; the message says what to type instead."""


@dataclass(frozen=True, eq=False)
class CaptionAnswer:
    """What one model makes of a caption.

    Attributes:
        z: its embedding, (E,).
        place: its place on the model's map, (2,).
        unknown: words that the model does not know or does not read.
        without: one row a word that was left out: ``word``, ``caption`` (what remains), ``cosine`` (with the whole
            caption), ``x``, ``y``.
        captions: cosine with each of the model's own captions, (K,).
    """

    z: NDArray[np.float32]
    place: NDArray[np.float64]
    unknown: tuple[str, ...]
    without: pd.DataFrame
    captions: NDArray[np.float64]


def clean(text: str) -> str:
    """A caption as it can be asked for: one line without what cannot be seen.

    Raises:
        CaptionLabError: when it is too long, or has no words.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) > LONGEST:
        raise CaptionLabError(
            f"This caption has {len(line):,} characters; models read a dozen words, so give at most {LONGEST}."
        )
    if not split_words(line):
        raise CaptionLabError("This caption has no words; type some, such as “a horse in the desert”.")
    return line


def unheard(model: ModelMap, texts: Sequence[str]) -> list[str]:
    """Words of captions that a model of ours was never given in training, in their order: it has learnt nothing of
    them, whether they are in its vocabulary or not. None of a model that was trained elsewhere is known."""
    if not model.artefact.kind.has_weights:
        return []
    heard = {word for caption in model.captions for word in split_words(caption)}
    return [word for word in dict.fromkeys(word for text in texts for word in split_words(text)) if word not in heard]


def unheard_in_words(comparison: Comparison, texts: Sequence[str]) -> list[str]:
    """A sentence for each model that was never given some of the words."""
    sentences = []
    for name, model in zip(comparison.names, comparison.models, strict=True):
        if words := unheard(model, texts):
            listed = ", ".join(f"“{word[:30]}”" for word in words[:8])
            more = f" and {len(words) - 8} more" if len(words) > 8 else ""
            sentences.append(
                f"The {name} model was never given {listed}{more} in training: what it makes of such words is chance."
            )
    return sentences


def left_out(text: str) -> list[tuple[str, str]]:
    """Each word of a caption, and the caption without it; none where nothing would remain."""
    words = text.split()
    chosen = [place for place, word in enumerate(words) if split_words(word)][:MOST_WORDS]
    pairs = [(words[place], " ".join(words[:place] + words[place + 1 :])) for place in chosen]
    return [(word, rest) for word, rest in pairs if split_words(rest)]


def ask(model: ModelMap, loaded: Loaded, text: str) -> CaptionAnswer:
    """Put a caption to a model.

    Raises:
        CaptionLabError: when the model was trained without captions.
        ModelError: when captions have no place in this model.
    """
    if not OBJECTIVES[model.artefact.condition.objective].uses_captions:
        raise CaptionLabError("It was trained without captions: its text encoder has never learnt a word.")
    pairs = left_out(text)
    embedded = loaded.embed_captions([text, *(rest for _, rest in pairs)])
    places = model.place(embedded)
    without = pd.DataFrame(
        {
            "word": [word for word, _ in pairs],
            "caption": [rest for _, rest in pairs],
            "cosine": (embedded[1:] @ embedded[0]).astype(float),
            "x": places[1:, 0],
            "y": places[1:, 1],
        }
    )
    own = (model.caption_z @ embedded[0]).astype(np.float64)
    return CaptionAnswer(embedded[0], places[0], tuple(dict.fromkeys(loaded.unknown(text))), without, own)
