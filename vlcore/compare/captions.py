"""What models make of a caption that somebody types, and of the same caption with one word less.

The one idea: a caption is one more point of a model's space, so everything that can be asked of a picture can be asked
of it; and leaving a word out shows what the word is worth to the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.compare import comparison
from vlcore.compare.comparison import Comparison
from vlcore.compare.model_map import ComparisonError, ModelMap
from vlcore.core.errors import LabError
from vlcore.core.options import OBJECTIVES
from vlcore.core.vocabulary import split_words
from vlcore.core.wording import title
from vlcore.runs.load import Loaded

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


MOST_LISTED = 4  # captions up to which every similarity is said in words


@dataclass(frozen=True, eq=False)
class Similarities:
    """What `vlcore.charts.matrices.caption_matrices` draws: its `cells` and `titles`, and what it shows in `words`."""

    cells: pd.DataFrame
    titles: tuple[str, ...]
    words: str


def caption_similarities(models: Sequence[ModelMap]) -> Similarities:
    """Cosines between the distinct captions of each model.

    Raises:
        ComparisonError: when no model's captions have embeddings.
    """
    shown = [model for model in models if len(model.caption_z)]
    if not shown:
        raise ComparisonError("A captioner's captions have no embeddings of their own, so they have no similarities.")
    names = dict(zip(map(id, models), comparison.names(len(models)), strict=True))
    tables, words = [], []
    for pane, model in enumerate(shown):
        cosines = _cosines(model.caption_z)
        rows, columns = (axis.ravel() for axis in np.indices(cosines.shape))
        captions = np.array(model.captions)
        tables.append(
            pd.DataFrame(
                {"pane": pane, "row": captions[rows], "column": captions[columns], "similarity": cosines.ravel()}
            )
        )
        name = "" if len(models) == 1 else f"{names[id(model)].capitalize()}, "
        words.append(f"{name}{title(model.artefact.condition)}: {_similar(model.captions, cosines)}.")
    if len(shown) < len(models):
        words.append("A captioner's captions have no embeddings, so it is left out.")
    titles = tuple(title(model.artefact.condition) for model in shown)
    opening = "How alike captions are to each model, as cosines from -1 to 1."
    return Similarities(pd.concat(tables, ignore_index=True), titles, " ".join([opening, *words]))


def _cosines(z: NDArray[np.floating]) -> NDArray[np.float64]:
    z = z.astype(np.float64)
    lengths = np.linalg.norm(z, axis=1, keepdims=True)
    if (lengths == 0).any():
        raise ValueError("A caption without length has no cosine.")
    return np.clip((z / lengths) @ (z / lengths).T, -1.0, 1.0)


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
