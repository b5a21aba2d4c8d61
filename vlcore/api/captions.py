"""Captions put to models: typed ones, warnings of those that models were not trained for, and the
similarities of training captions."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.compared_maps import ComparedMaps, in_sentence
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.options import OBJECTIVES
from vlcore.experiment.vocabulary import PAD, WordPieces, reads_pieces, split_words
from vlcore.experiment.wording import decimal, plural, title
from vlcore.model.load import Loaded

LONGEST = 200  # characters
MOST_NAMED = 8  # words in a sentence
# The cosine below which a caption is far from a training caption. Below it lay 95% of 1,000 random
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


def embed_caption(model: ModelMap, loaded: Loaded, text: str) -> NDArray[np.float32]:
    """Embed a caption by a model, (E,).

    Raises:
        CaptionLabError: when the model learnt no captions.
        ModelError: when captions have no embedding in it.
    """
    if not OBJECTIVES[model.artifact.condition.objective].uses_captions:
        raise CaptionLabError(
            "It was trained without captions: its text encoder has never learnt a word."
        )
    return loaded.embed_captions([text])[0]


def reads_any_words(condition: Condition) -> bool:
    """Whether a model reads captions by word vectors, so that it knows every word."""
    trained_on_captions = OBJECTIVES[condition.objective].uses_captions
    return condition.kind.has_weights and trained_on_captions and reads_pieces(condition.text)


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


def caption_warnings(comparison: ComparedMaps, texts: Sequence[str]) -> list[str]:
    """Warn of captions that models were not trained for, a sentence per model.

    With word vectors it names the captions that are far from every training caption. Without, it
    names the words that no training caption contains, in the vocabulary or not. Nothing is known of
    models that were trained elsewhere, and a model of codes reads its training captions alone.
    """
    typed = [text for text in dict.fromkeys(texts) if split_words(text)]
    warnings = []
    for name, model in comparison.named.items():
        condition = model.artifact.condition
        if not typed or not condition.kind.has_weights or condition.text == "codes":
            continue
        if reads_any_words(condition):
            warnings.append(_warn_of_far(name, condition, model.captions, typed))
        else:
            warnings.append(_warn_of_words(name, model.captions, typed))
    return [warning for warning in warnings if warning]


def _warn_of_far(
    name: str, condition: Condition, training: Sequence[str], texts: Sequence[str]
) -> str:
    cosines = _word_means(condition, texts) @ _word_means(condition, training).T
    far = [
        f"“{text}” (nearest “{training[row.argmax()]}”, cosine {decimal(row.max())})"
        for text, row in zip(texts, cosines, strict=True)
        if row.max() < FAR
    ]
    if not far:
        return ""
    return (
        f"Far from every training caption of {in_sentence(name)}, which may not know their meaning:"
        f" {', '.join(far)}."
    )


def _warn_of_words(name: str, training: Sequence[str], texts: Sequence[str]) -> str:
    trained = {word for caption in training for word in split_words(caption)}
    typed = dict.fromkeys(word for text in texts for word in split_words(text))
    untrained = [f"“{word[:30]}”" for word in typed if word not in trained]
    if not untrained:
        return ""
    more = len(untrained) - MOST_NAMED
    words = ", ".join(untrained[:MOST_NAMED]) + f" and {more} more" * (more > 0)
    return (
        f"Not in the training captions of {in_sentence(name)}: {words}; their embedding is chance."
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
    tables, titles, parts = [], [], []
    for pane, (name, model) in enumerate(embedded.items()):
        z = model.caption_z.astype(np.float64)
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        cosines = pd.DataFrame((z @ z.T).clip(-1.0, 1.0), model.captions, model.captions)
        cells = cosines.stack().rename_axis(["row", "column"]).reset_index(name="similarity")
        tables.append(cells.assign(pane=pane))
        titles.append(title(model.artifact.condition))
        others = cosines.to_numpy()[~np.eye(len(z), dtype=bool)]
        mean = f", mean cosine {others.mean():.2f}" if len(others) else ""
        parts.append(f"{name}, {plural(len(z), 'caption')}{mean}")
    words = f"Cosines between the captions of each model: {'; '.join(parts)}."
    return pd.concat(tables, ignore_index=True), titles, words
