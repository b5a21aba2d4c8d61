"""Captions put to models: positions of typed captions, the worth of each of their words, and
similarities of training captions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.experiment.captions import captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.options import OBJECTIVES, RANDOM
from vlcore.experiment.vocabulary import PAD, WordPieces, reads_pieces, split_words
from vlcore.experiment.wording import decimal, title
from vlcore.model.load import Loaded

LONGEST = 200  # characters
MOST_WORDS = 12  # that are left out one by one
MOST_NAMED = 8  # words in a sentence
MOST_LISTED = 4  # captions up to which every similarity is said in words
FAR = 0.15  # the cosine below which a caption is far from a training caption (docs/results/words)


class CaptionLabError(LabError):
    """A caption that cannot be asked for; the message says what to type instead."""


def clean(text: str) -> str:
    """A caption as it can be asked for: one printable line. Raises where it is too long, or has no
    words."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) > LONGEST:
        rule = f"models read a dozen words, so give at most {LONGEST}"
        raise CaptionLabError(f"This caption has {len(line):,} characters; {rule}.")
    if not split_words(line):
        raise CaptionLabError(
            "This caption has no words; type some, such as “a horse in the desert”."
        )
    return line


def without_each_word(text: str) -> list[tuple[str, str]]:
    """Each word of a caption, and the caption without it; none where nothing would remain."""
    words = text.split()
    pairs = [
        (word, " ".join(words[:place] + words[place + 1 :])) for place, word in enumerate(words)
    ]
    asked = [pair for pair in pairs if split_words(pair[0])][:MOST_WORDS]
    return [pair for pair in asked if split_words(pair[1])]


@dataclass(frozen=True, eq=False)
class CaptionAnswer:
    """What one model makes of a caption: its embedding, (E,), its place on the map, (2,), the words
    it does not know, and one row a word left out: ``word``, ``caption`` (what remains), ``cosine``
    (with the whole), ``x``, ``y``.
    """

    z: NDArray[np.float32]
    place: NDArray[np.float64]
    unknown: tuple[str, ...]
    without: pd.DataFrame


def ask(model: ModelMap, loaded: Loaded, text: str) -> CaptionAnswer:
    """Put a caption to a model; CaptionLabError when it learnt none, ModelError when captions have
    no place in it."""
    condition = model.artifact.condition
    if not OBJECTIVES[condition.objective].uses_captions:
        raise CaptionLabError(
            "It was trained without captions: its text encoder has never learnt a word."
        )
    pairs = without_each_word(text) if condition.text != "codes" else []  # what remains has no code
    embedded = loaded.embed_captions([text, *(rest for _, rest in pairs)])
    places = model.place(embedded)
    cosines = (embedded[1:] @ embedded[0]).astype(float)
    without = pd.DataFrame(pairs, columns=["word", "caption"])
    without = without.assign(cosine=cosines, x=places[1:, 0], y=places[1:, 1])
    return CaptionAnswer(
        embedded[0], places[0], tuple(dict.fromkeys(loaded.unknown(text))), without
    )


def named(words: Sequence[str], more: str = "more") -> str:
    """Words that somebody typed, in quotes; of many the first, and how many more there are."""
    listed = ", ".join(f"“{word[:30]}”" for word in words[:MOST_NAMED])
    return f"{listed} and {len(words) - MOST_NAMED} {more}" if len(words) > MOST_NAMED else listed


def reads_any_words(condition: Condition) -> bool:
    """Whether a model reads captions by word vectors, so that no word is unknown to it."""
    trained_on_captions = OBJECTIVES[condition.objective].uses_captions
    return condition.kind.has_weights and trained_on_captions and reads_pieces(condition.text)


@dataclass(frozen=True)
class NearestTrainingCaption:
    """A typed caption, the training caption nearest to it by the frozen word vectors, and their
    cosine."""

    typed: str
    caption: str
    cosine: float

    @property
    def is_far(self) -> bool:
        """Whether so few captions of its kind work that a page marks it (docs/results/words)."""
        return self.cosine < FAR

    @property
    def sentence(self) -> str:
        nearest = f"“{self.caption}”, cosine {decimal(self.cosine)}"
        if self.is_far:
            return f"“{self.typed}” is far from every training caption (nearest {nearest})."
        return f"The training caption nearest to “{self.typed}” is {nearest}."


def far_from_training(
    model: ModelMap, grouping: Grouping, texts: Sequence[str]
) -> list[NearestTrainingCaption]:
    """The training caption nearest to each typed caption, and whether that is far.

    Args:
        model: a map of the model.
        grouping: the groups of its image set.
        texts: typed captions, each as `clean` returns it.

    Returns:
        One value a text; none of a model that has no word vectors."""
    condition = model.artifact.condition
    if not reads_any_words(condition):
        return []
    return nearest_training_captions(condition, training_captions(model, grouping), texts)


def nearest_training_captions(
    condition: Condition, training: Sequence[str], texts: Sequence[str]
) -> list[NearestTrainingCaption]:
    """Of each text, the nearest of the training captions by the word vectors of a condition."""
    cosines = _word_means(condition, texts) @ _word_means(condition, training).T
    return [
        NearestTrainingCaption(text, training[row.argmax()], float(row.max()))
        for text, row in zip(texts, cosines, strict=True)
    ]


def training_captions(model: ModelMap, grouping: Grouping) -> tuple[str, ...]:
    """All captions that a model was trained on, those of backgrounds included where they are learnt
    apart."""
    if not OBJECTIVES[model.artifact.condition.objective].places:
        return model.captions
    backgrounds = (caption.text for caption in captions_of("context", grouping))
    return (*model.captions, *backgrounds)


def _word_means(condition: Condition, texts: Sequence[str]) -> NDArray[np.float32]:
    """The mean word vector of each caption before any trained layer, (n, 256), of length 1; 0 of no
    words."""
    from vlcore.model.word_vectors import (  # torch, which no page waits for
        random_word_vectors,
        word_vectors,
    )

    is_random = condition.text.endswith(RANDOM)
    vectors = random_word_vectors(condition.init_seed) if is_random else word_vectors()
    tokens = WordPieces().tokens(texts)
    is_word = (tokens != PAD)[..., None]
    sums = (vectors.numpy()[tokens] * is_word).sum(axis=1)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return sums / np.maximum(lengths, 1e-12)


def caption_warnings(
    comparison: ComparedMaps,
    grouping: Grouping,
    texts: Sequence[str],
    names: Sequence[str] | None = None,
) -> list[str]:
    """A sentence for each of the named models, all by default, to which captions are strange.

    With word vectors it names the captions that are far from every training caption. Without, it
    names the words that no training caption contains, in the vocabulary or not. What a model that
    was trained elsewhere was given is not known, and a model of codes reads its training captions
    alone."""
    typed = [
        text for text in dict.fromkeys(texts) if split_words(text)
    ]  # a map without prompts has empty ones
    sentences = []
    for name, model in comparison.named.items():
        condition = model.artifact.condition
        is_named = names is None or name in names
        if not is_named or not condition.kind.has_weights or condition.text == "codes":
            continue
        if reads_any_words(condition):
            distances = far_from_training(model, grouping, typed)
            sentence = _far_words(name, [distance for distance in distances if distance.is_far])
        else:
            sentence = _untrained_words(name, training_captions(model, grouping), typed)
        if sentence:
            sentences.append(sentence)
    return sentences


def _far_words(name: str, far: Sequence[NearestTrainingCaption]) -> str:
    if not far:
        return ""
    listed = [
        f"“{one.typed}” (nearest “{one.caption}”, cosine {decimal(one.cosine)})" for one in far
    ]
    return (
        f"Far from every training caption of the {name} model, so it may mean nothing there:"
        f" {', '.join(listed)}."
    )


def _untrained_words(name: str, training: Sequence[str], texts: Sequence[str]) -> str:
    trained = {word for caption in training for word in split_words(caption)}
    typed = dict.fromkeys(word for text in texts for word in split_words(text))
    untrained = [word for word in typed if word not in trained]
    if not untrained:
        return ""
    never = f"The {name} model was never given {named(untrained)} in training"
    return f"{never}: what it makes of such words is chance."


def caption_similarities(models: Mapping[str, ModelMap]) -> tuple[pd.DataFrame, list[str], str]:
    """Cosines between the captions of each model, by what models are called: the cells and titles
    that `vlcore.plots.matrices.caption_matrices` draws, and words. ComparisonError when no captions
    have embeddings.
    """
    shown = {name: model for name, model in models.items() if len(model.caption_z)}
    if not shown:
        raise ComparisonError(
            "A captioner's captions have no embeddings of their own, so they have no similarities."
        )
    tables, titles, words = (
        [],
        [],
        ["How alike captions are to each model, as cosines from -1 to 1."],
    )
    for pane, (name, model) in enumerate(shown.items()):
        z = model.caption_z.astype(np.float64)
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        cosines = pd.DataFrame(np.clip(z @ z.T, -1.0, 1.0), model.captions, model.captions)
        tables.append(
            cosines.stack()
            .rename_axis(["row", "column"])
            .reset_index(name="similarity")
            .assign(pane=pane)
        )
        titles.append(title(model.artifact.condition))
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
    average = (
        f"{np.mean([cosines.loc[pair] for pair in pairs]):.2f} on average over {len(pairs)} pairs"
    )
    return f"{len(cosines)} captions, {average}; most alike {said[0]}, least {said[-1]}"
