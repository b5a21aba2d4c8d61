"""Captions put to models: where typed ones lie, what each of their words is worth, and how alike a model's own are."""

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
from vlcore.core.wording import decimal, title
from vlcore.runs.load import Loaded

LONGEST = 200  # characters
MOST_WORDS = 12  # that are left out one by one
MOST_NAMED = 8  # words in a sentence
MOST_LISTED = 4  # captions up to which every similarity is said in words


class CaptionLabError(LabError):
    """A caption that cannot be asked for; the message says what to type instead."""


def clean(text: str) -> str:
    """A caption as it can be asked for: one printable line. Raises where it is too long, or has no words."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) > LONGEST:
        rule = f"models read a dozen words, so give at most {LONGEST}"
        raise CaptionLabError(f"This caption has {len(line):,} characters; {rule}.")
    if not split_words(line):
        raise CaptionLabError("This caption has no words; type some, such as “a horse in the desert”.")
    return line


def without_each_word(text: str) -> list[tuple[str, str]]:
    """Each word of a caption, and the caption without it; none where nothing would remain."""
    words = text.split()
    pairs = [(word, " ".join(words[:place] + words[place + 1 :])) for place, word in enumerate(words)]
    asked = [pair for pair in pairs if split_words(pair[0])][:MOST_WORDS]
    return [pair for pair in asked if split_words(pair[1])]


@dataclass(frozen=True, eq=False)
class CaptionAnswer:
    """What one model makes of a caption: its embedding, (E,), its place on the map, (2,), the words it does not know,
    and one row a word left out: ``word``, ``caption`` (what remains), ``cosine`` (with the whole), ``x``, ``y``."""

    z: NDArray[np.float32]
    place: NDArray[np.float64]
    unknown: tuple[str, ...]
    without: pd.DataFrame


def ask(model: ModelMap, loaded: Loaded, text: str) -> CaptionAnswer:
    """Put a caption to a model; CaptionLabError when it learnt none, ModelError when captions have no place in it."""
    if not OBJECTIVES[model.artefact.condition.objective].uses_captions:
        raise CaptionLabError("It was trained without captions: its text encoder has never learnt a word.")
    pairs = without_each_word(text)
    embedded = loaded.embed_captions([text, *(rest for _, rest in pairs)])
    places = model.place(embedded)
    cosines = (embedded[1:] @ embedded[0]).astype(float)
    without = pd.DataFrame(pairs, columns=["word", "caption"])
    without = without.assign(cosine=cosines, x=places[1:, 0], y=places[1:, 1])
    return CaptionAnswer(embedded[0], places[0], tuple(dict.fromkeys(loaded.unknown(text))), without)


def named(words: Sequence[str], more: str = "more") -> str:
    """Words that somebody typed, in quotes; of many the first, and how many more there are."""
    listed = ", ".join(f"“{word[:30]}”" for word in words[:MOST_NAMED])
    return f"{listed} and {len(words) - MOST_NAMED} {more}" if len(words) > MOST_NAMED else listed


def untrained_words_warnings(comparison: Comparison, texts: Sequence[str]) -> list[str]:
    """A sentence for each model of ours that was never given some words of captions in training: it has learnt nothing
    of them, in its vocabulary or not. What a model that was trained elsewhere was given is not known."""
    asked, sentences = dict.fromkeys(word for text in texts for word in split_words(text)), []
    for name, model in comparison.named.items():
        heard = {word for caption in model.captions for word in split_words(caption)}
        words = [word for word in asked if word not in heard]
        if words and model.artefact.kind.has_weights:
            never = f"The {name} model was never given {named(words)} in training"
            sentences.append(f"{never}: what it makes of such words is chance.")
    return sentences


def caption_similarities(models: Mapping[str, ModelMap]) -> tuple[pd.DataFrame, list[str], str]:
    """Cosines between the captions of each model, by what models are called: the cells and titles that
    `vlcore.charts.matrices.caption_matrices` draws, and words. ComparisonError when no captions have embeddings."""
    shown = {name: model for name, model in models.items() if len(model.caption_z)}
    if not shown:
        raise ComparisonError("A captioner's captions have no embeddings of their own, so they have no similarities.")
    tables, titles, words = [], [], ["How alike captions are to each model, as cosines from -1 to 1."]
    for pane, (name, model) in enumerate(shown.items()):
        z = model.caption_z.astype(np.float64)
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        cosines = pd.DataFrame(np.clip(z @ z.T, -1.0, 1.0), model.captions, model.captions)
        tables.append(cosines.stack().rename_axis(["row", "column"]).reset_index(name="similarity").assign(pane=pane))
        titles.append(title(model.artefact.condition))
        called = "" if len(models) == 1 else f"{name.capitalize()}, "
        words.append(f"{called}{titles[-1]}: {_similar(cosines)}.")
    if len(shown) < len(models):
        words.append("A captioner's captions have no embeddings, so it is left out.")
    return pd.concat(tables, ignore_index=True), titles, " ".join(words)


def _similar(cosines: pd.DataFrame) -> str:
    pairs = sorted(combinations(cosines.columns, 2), key=lambda pair: -cosines.loc[pair])
    if not pairs:
        return "one caption only, which is like itself"
    said = [f"“{one}” and “{other}” {decimal(cosines.loc[one, other])}" for one, other in pairs]
    if len(cosines) <= MOST_LISTED:
        return "; ".join(said)
    average = f"{np.mean([cosines.loc[pair] for pair in pairs]):.2f} on average over {len(pairs)} pairs"
    return f"{len(cosines)} captions, {average}; most alike {said[0]}, least {said[-1]}"
