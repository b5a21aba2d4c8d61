"""Captions put to models: where typed ones lie, what each of their words is worth, and how alike a model's own are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.compare.comparison import Comparison
from vlcore.compare.model_map import ComparisonError, ModelMap
from vlcore.core.errors import LabError
from vlcore.core.options import OBJECTIVES
from vlcore.core.vocabulary import split_words
from vlcore.core.wording import title
from vlcore.runs.load import Loaded

LONGEST = 200  # characters
MOST_WORDS = 12  # that are left out one by one
MOST_NAMED = 8  # words in a sentence
MOST_LISTED = 4  # captions up to which every similarity is said in words


class CaptionLabError(LabError):
    """A caption that cannot be asked for; the message says what to type instead."""


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


def without_each_word(text: str) -> list[tuple[str, str]]:
    """Each word of a caption, and the caption without it; none where nothing would remain."""
    words = text.split()
    chosen = [place for place, word in enumerate(words) if split_words(word)][:MOST_WORDS]
    pairs = [(words[place], " ".join(words[:place] + words[place + 1 :])) for place in chosen]
    return [(word, rest) for word, rest in pairs if split_words(rest)]


@dataclass(frozen=True, eq=False)
class CaptionAnswer:
    """What one model makes of a caption.

    Attributes:
        z: its embedding, (E,).
        place: its place on the model's map, (2,).
        unknown: words that the model does not know or does not read.
        without: one row a word that was left out: ``word``, ``caption`` (what remains), ``cosine`` (with the whole
            caption), ``x``, ``y``.
    """

    z: NDArray[np.float32]
    place: NDArray[np.float64]
    unknown: tuple[str, ...]
    without: pd.DataFrame


def ask(model: ModelMap, loaded: Loaded, text: str) -> CaptionAnswer:
    """Put a caption to a model.

    Raises:
        CaptionLabError: when the model was trained without captions.
        ModelError: when captions have no place in this model.
    """
    if not OBJECTIVES[model.artefact.condition.objective].uses_captions:
        raise CaptionLabError("It was trained without captions: its text encoder has never learnt a word.")
    pairs = without_each_word(text)
    embedded = loaded.embed_captions([text, *(rest for _, rest in pairs)])
    places = model.place(embedded)
    without = pd.DataFrame(pairs, columns=["word", "caption"]).assign(
        cosine=(embedded[1:] @ embedded[0]).astype(float), x=places[1:, 0], y=places[1:, 1]
    )
    return CaptionAnswer(embedded[0], places[0], tuple(dict.fromkeys(loaded.unknown(text))), without)


def named(words: Sequence[str], more: str = "more") -> str:
    """Words that somebody typed, in quotes; of many the first, and how many more there are."""
    listed = ", ".join(f"“{word[:30]}”" for word in words[:MOST_NAMED])
    return f"{listed} and {len(words) - MOST_NAMED} {more}" if len(words) > MOST_NAMED else listed


def untrained_words(model: ModelMap, texts: Sequence[str]) -> list[str]:
    """Words of captions that a model of ours was never given in training, in their order: it has learnt nothing of
    them, whether they are in its vocabulary or not. None of a model that was trained elsewhere is known."""
    if not model.artefact.kind.has_weights:
        return []
    heard = {word for caption in model.captions for word in split_words(caption)}
    return [word for word in dict.fromkeys(word for text in texts for word in split_words(text)) if word not in heard]


def untrained_words_warnings(comparison: Comparison, texts: Sequence[str]) -> list[str]:
    """A sentence for each model that was never given some of the words."""
    return [
        f"The {name} model was never given {named(words)} in training: what it makes of such words is chance."
        for name, model in comparison.named.items()
        if (words := untrained_words(model, texts))
    ]


@dataclass(frozen=True, eq=False)
class Similarities:
    """What `vlcore.charts.matrices.caption_matrices` draws: its `cells` and `titles`, and what it shows in `words`."""

    cells: pd.DataFrame
    titles: tuple[str, ...]
    words: str


def caption_similarities(models: Mapping[str, ModelMap]) -> Similarities:
    """Cosines between the distinct captions of each model, by what the models are called.

    Raises:
        ComparisonError: when no model's captions have embeddings.
    """
    shown = {name: model for name, model in models.items() if len(model.caption_z)}
    if not shown:
        raise ComparisonError("A captioner's captions have no embeddings of their own, so they have no similarities.")
    cells, words = [], ["How alike captions are to each model, as cosines from -1 to 1."]
    for pane, (name, model) in enumerate(shown.items()):
        z = model.caption_z.astype(np.float64)
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        cosines = np.clip(z @ z.T, -1.0, 1.0)
        cells += [
            (pane, one, other, cosines[a, b])
            for a, one in enumerate(model.captions)
            for b, other in enumerate(model.captions)
        ]
        called = "" if len(models) == 1 else f"{name.capitalize()}, "
        words.append(f"{called}{title(model.artefact.condition)}: {_similar(model.captions, cosines)}.")
    if len(shown) < len(models):
        words.append("A captioner's captions have no embeddings, so it is left out.")
    return Similarities(
        pd.DataFrame(cells, columns=["pane", "row", "column", "similarity"]),
        tuple(title(model.artefact.condition) for model in shown.values()),
        " ".join(words),
    )


def _similar(captions: tuple[str, ...], cosines: NDArray[np.float64]) -> str:
    pairs = sorted(combinations(range(len(captions)), 2), key=lambda pair: -cosines[pair])
    if not pairs:
        return "one caption only, which is like itself"
    said = [f"“{captions[a]}” and “{captions[b]}” {cosines[a, b] + 0.0:.2f}" for a, b in pairs]
    if len(captions) <= MOST_LISTED:
        return "; ".join(said)
    mean = float(np.mean([cosines[pair] for pair in pairs]))
    average = f"{mean:.2f} on average over {len(pairs)} pairs"
    return f"{len(captions)} captions, {average}; most alike {said[0]}, least {said[-1]}"
