"""Captions put to models: typed ones with each of their words left out, their distance from the
training captions, and the similarities of these."""

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
from vlcore.experiment.options import OBJECTIVES
from vlcore.experiment.vocabulary import PAD, WordPieces, reads_pieces, split_words
from vlcore.experiment.wording import decimal, title
from vlcore.model.load import Loaded

LONGEST = 200  # characters
MOST_WORDS = 12  # that are left out one by one
MOST_NAMED = 8  # words in a sentence
MOST_LISTED = 4  # captions up to which every similarity is in the words
# The cosine below which a caption is far from a training caption. Below it lay 95 % of 1,000 random
# words in version 0.5; it was not fitted to the captions that it warns of.
FAR = 0.15


class CaptionLabError(LabError):
    """A caption that no model can be given; the message says what to type instead."""


def clean_caption(text: str) -> str:
    """A typed caption as one printable line; CaptionLabError where it is too long or has no
    words."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) > LONGEST:
        raise CaptionLabError(
            f"This caption has {len(line):,} characters; models read a dozen words, so give at most"
            f" {LONGEST}."
        )
    if not split_words(line):
        raise CaptionLabError(
            "This caption has no words; type some, such as “a horse in the desert”."
        )
    return line


def without_each_word(text: str) -> list[tuple[str, str]]:
    """Each word of a caption, and the caption without it; none where nothing would remain."""
    words = text.split()
    pairs = []
    for index, word in enumerate(words):
        remainder = " ".join(words[:index] + words[index + 1 :])
        if split_words(word) and split_words(remainder):
            pairs.append((word, remainder))
    return pairs[:MOST_WORDS]


@dataclass(frozen=True, eq=False)
class CaptionAnswer:
    """A caption as one model embeds it.

    Attributes:
        z: its embedding, (E,).
        position: on the map, (2,).
        unknown: the words that the model does not know.
        without: one row a word left out: ``word``, ``caption`` (what remains), ``cosine`` (with the
            full caption), ``x``, ``y``.
    """

    z: NDArray[np.float32]
    position: NDArray[np.float64]
    unknown: tuple[str, ...]
    without: pd.DataFrame


def ask_caption(model: ModelMap, loaded: Loaded, text: str) -> CaptionAnswer:
    """Embed a caption by a model, whole and without each of its words.

    Raises:
        CaptionLabError: when the model learnt no captions.
        ModelError: when captions have no embedding in it.
    """
    condition = model.artifact.condition
    if not OBJECTIVES[condition.objective].uses_captions:
        raise CaptionLabError(
            "It was trained without captions: its text encoder has never learnt a word."
        )
    pairs = without_each_word(text)
    if condition.text == "codes":  # what remains has no code
        pairs = []
    z = loaded.embed_captions([text, *(remainder for _, remainder in pairs)])
    positions = model.place(z)
    without = pd.DataFrame(pairs, columns=["word", "caption"])
    without["cosine"] = (z[1:] @ z[0]).astype(float)
    without[["x", "y"]] = positions[1:]
    unknown = tuple(dict.fromkeys(loaded.unknown(text)))
    return CaptionAnswer(z[0], positions[0], unknown, without)


def quote_words(words: Sequence[str], noun: str = "more") -> str:
    """Typed words in quotes; of many the first, and how many `noun` there are."""
    quoted = ", ".join(f"“{word[:30]}”" for word in words[:MOST_NAMED])
    if len(words) <= MOST_NAMED:
        return quoted
    return f"{quoted} and {len(words) - MOST_NAMED} {noun}"


def reads_any_words(condition: Condition) -> bool:
    """Whether a model reads captions by word vectors, so that it knows every word."""
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
        """Whether a page warns, because few captions at this cosine work."""
        return self.cosine < FAR

    @property
    def sentence(self) -> str:
        nearest = f"“{self.caption}”, cosine {decimal(self.cosine)}"
        return f"The training caption nearest to “{self.typed}” is {nearest}."


def far_from_training(
    model: ModelMap, grouping: Grouping, texts: Sequence[str]
) -> list[NearestTrainingCaption]:
    """The training caption nearest to each typed caption, and whether that is far.

    Args:
        model: a map of the model.
        grouping: the groups of its image set.
        texts: typed captions, each as `clean_caption` returns it.

    Returns:
        One value a text; none of a model that has no word vectors."""
    condition = model.artifact.condition
    if not reads_any_words(condition):
        return []
    return nearest_training_captions(condition, training_captions(model, grouping), texts)


def nearest_training_captions(
    condition: Condition, training: Sequence[str], texts: Sequence[str]
) -> list[NearestTrainingCaption]:
    """The training caption nearest to each text by the word vectors of a condition."""
    cosines = _word_means(condition, texts) @ _word_means(condition, training).T
    return [
        NearestTrainingCaption(text, training[row.argmax()], float(row.max()))
        for text, row in zip(texts, cosines, strict=True)
    ]


def training_captions(model: ModelMap, grouping: Grouping) -> tuple[str, ...]:
    """All captions that a model was trained on, with those of backgrounds where they are learnt
    apart."""
    if not OBJECTIVES[model.artifact.condition.objective].places:
        return model.captions
    backgrounds = (caption.text for caption in captions_of("context", grouping))
    return (*model.captions, *backgrounds)


def _word_means(condition: Condition, texts: Sequence[str]) -> NDArray[np.float32]:
    """The mean word vector of each caption before any trained layer, (n, 256), of length 1; 0 of no
    words."""
    from vlcore.model.dual_encoder import word_vectors  # torch, which no page waits for

    vectors = word_vectors(condition.text, condition.init_seed)
    tokens = WordPieces().tokens(texts)
    is_word = (tokens != PAD)[..., None]
    sums = (vectors.numpy()[tokens] * is_word).sum(axis=1)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return sums / np.maximum(lengths, 1e-12)


def caption_warnings(
    comparison: ComparedMaps, texts: Sequence[str], names: Sequence[str] | None = None
) -> list[str]:
    """Warn of captions that models were not trained for, a sentence a model.

    With word vectors it names the captions that are far from every training caption. Without, it
    names the words that no training caption contains, in the vocabulary or not. Nothing is known of
    models that were trained elsewhere, and a model of codes reads its training captions alone.

    Args:
        comparison: the models.
        texts: typed captions; empty ones are ignored.
        names: of the models to warn of, all by default.
    """
    grouping = comparison.images.grouping
    typed = [text for text in dict.fromkeys(texts) if split_words(text)]
    warnings = []
    for name, model in comparison.named.items():
        condition = model.artifact.condition
        if names is not None and name not in names:
            continue
        if not condition.kind.has_weights or condition.text == "codes":
            continue
        if reads_any_words(condition):
            warnings.append(_warn_of_far(name, far_from_training(model, grouping, typed)))
        else:
            warnings.append(_warn_of_words(name, training_captions(model, grouping), typed))
    return [warning for warning in warnings if warning]


def _warn_of_far(name: str, captions: Sequence[NearestTrainingCaption]) -> str:
    far = [
        f"“{nearest.typed}” (nearest “{nearest.caption}”, cosine {decimal(nearest.cosine)})"
        for nearest in captions
        if nearest.is_far
    ]
    if not far:
        return ""
    return (
        f"Far from every training caption of the {name} model, which may not know their meaning:"
        f" {', '.join(far)}."
    )


def _warn_of_words(name: str, training: Sequence[str], texts: Sequence[str]) -> str:
    trained = {word for caption in training for word in split_words(caption)}
    typed = dict.fromkeys(word for text in texts for word in split_words(text))
    untrained = [word for word in typed if word not in trained]
    if not untrained:
        return ""
    return (
        f"The {name} model was not trained on {quote_words(untrained)}: its embedding of such words"
        " is chance."
    )


def caption_similarities(models: Mapping[str, ModelMap]) -> tuple[pd.DataFrame, list[str], str]:
    """Cosines between the captions of each model.

    Args:
        models: by name.

    Returns:
        The cells and titles that `vlcore.plots.matrices.caption_matrices` draws, and words.

    Raises:
        ComparisonError: when no model has embeddings of captions.
    """
    reasons = {name: model.why_no_caption_z for name, model in models.items()}
    embedded = {name: model for name, model in models.items() if not reasons[name]}
    if not embedded:
        raise ComparisonError(" ".join(dict.fromkeys(reasons.values())))
    tables, titles = [], []
    words = ["Similarity of captions in each model, as cosines from -1 to 1."]
    for pane, (name, model) in enumerate(embedded.items()):
        z = model.caption_z.astype(np.float64)
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        cosines = pd.DataFrame((z @ z.T).clip(-1.0, 1.0), model.captions, model.captions)
        cells = cosines.stack().rename_axis(["row", "column"]).reset_index(name="similarity")
        tables.append(cells.assign(pane=pane))
        titles.append(title(model.artifact.condition))
        prefix = "" if len(models) == 1 else f"{name.capitalize()}, "
        words.append(f"{prefix}{titles[-1]}: {_describe_cosines(cosines)}.")
    words += [
        f"{name.capitalize()} is left out. {reason}" for name, reason in reasons.items() if reason
    ]
    return pd.concat(tables, ignore_index=True), titles, " ".join(words)


def _describe_cosines(cosines: pd.DataFrame) -> str:
    pairs = {pair: float(cosines.loc[pair]) for pair in combinations(cosines.columns, 2)}
    if not pairs:
        return "one caption only"
    phrases = [
        f"“{first}” and “{second}” {decimal(cosine)}"
        for (first, second), cosine in sorted(pairs.items(), key=lambda item: -item[1])
    ]
    if len(cosines) <= MOST_LISTED:
        return "; ".join(phrases)
    mean = np.mean(list(pairs.values()))
    return (
        f"{len(cosines)} captions, {mean:.2f} on average over {len(pairs)} pairs; most alike"
        f" {phrases[0]}, least {phrases[-1]}"
    )
