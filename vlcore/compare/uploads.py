"""What a model makes of new pictures: what it names, what they are near to, what pulls them, whether it knows the land.

The one idea: a verdict is a row, so that four models on fourteen pictures are one table that can be taken along. Each
number that a random encoder has too stands beside the one of the same encoder before training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from vlcore.compare.model_map import ComparisonError, ModelMap, caption_scores, object_scores_of
from vlcore.core.grouping import Grouping
from vlcore.core.wording import number, rate
from vlcore.datasets.imageset import ImageSet
from vlcore.measures.novelty import Novelty, ShortcutAttraction, nearest_group, novelty, shortcut_attraction

NEAREST = 5
AS_HELD_OUT = "as held-out ones"  # no more is known: a photograph may be as near as the drawings are to each other


@dataclass(frozen=True, eq=False)
class UploadReport:
    """What one model says of one picture.

    Attributes:
        says: the object that it names; empty where it names none.
        share: its softmax share among the objects; NaN where none is named.
        why_silent: why no object is named; empty where one is.
        captions: its captions by cosine, best first; none where they have no embeddings.
        nearest: row number and cosine of the nearest pictures, nearest first.
        pull: whether the object or the context pulls it; None where the model's pictures lack a group.
        before: the same before the first step; None where that is not known.
        novelty: how near the nearest training picture is, beside held-out pictures.
        novelty_before: the same before the first step; None where that is not known. It is the better judge: training
            pulls everything into a few clouds, strange pictures too.
    """

    says: str
    share: float
    why_silent: str
    captions: tuple[dict[str, object], ...]
    nearest: tuple[tuple[int, float], ...]
    pull: ShortcutAttraction | None
    before: ShortcutAttraction | None
    novelty: Novelty
    novelty_before: Novelty | None

    @property
    def judged(self) -> Novelty:
        """What says whether the picture is like anything that was seen."""
        return self.novelty_before or self.novelty


@dataclass(frozen=True, eq=False)
class Before:
    """What the same encoder made of pictures before its first step: the new ones, (m, E), and those of the map."""

    z: NDArray[np.floating]
    held_out: NDArray[np.floating]
    train: NDArray[np.floating]


def verdicts(
    model: ModelMap,
    images: ImageSet,
    z: NDArray[np.floating],
    shown: Sequence[tuple[str, str]],
    untrained: Before | None = None,
) -> list[UploadReport]:
    """What a model says of new pictures, (m, E).

    Args:
        model: its map.
        images: the image set of the map.
        z: embeddings of the pictures.
        shown: object and context that each picture is said to show, empty for what nobody said: then the group that is
            nearest in the model decides.
        untrained: the same encoder before its first step, where it is known.
    """
    grouping = images.grouping
    table = images.table.iloc[model.rows[: model.held_out]]
    objects, contexts, scenes = (table[name].to_numpy().astype(str) for name in ("object", "context", "scene"))
    known, trained_on = model.z[: model.held_out], model.z[model.held_out :]
    try:
        near = nearest_group(z, known, objects, contexts, grouping)
        own = [(obj or str(o), context or str(c)) for (obj, context), o, c in zip(shown, *near, strict=True)]
        pulls: Sequence[ShortcutAttraction | None] = shortcut_attraction(
            z, own, known, objects, contexts, scenes, grouping
        )
        before: Sequence[ShortcutAttraction | None] = [None] * len(z)
        if untrained is not None:
            before = shortcut_attraction(untrained.z, own, untrained.held_out, objects, contexts, scenes, grouping)
    except ValueError:  # a small set may hold no picture of a group out
        pulls = before = [None] * len(z)
    names, why = _named(model, z, grouping)
    new = novelty(z, trained_on, known, scenes)
    new_before: Sequence[Novelty | None] = [None] * len(z)
    if untrained is not None:
        new_before = novelty(untrained.z, untrained.train, untrained.held_out, scenes)
    return [
        UploadReport(
            *names[place],
            why,
            tuple(caption_scores(model, vector)) if len(model.caption_z) else (),
            tuple(model.neighbours(vector, NEAREST)),
            pulls[place],
            before[place],
            new[place],
            new_before[place],
        )
        for place, vector in enumerate(z)
    ]


def _named(model: ModelMap, z: NDArray[np.floating], grouping: Grouping) -> tuple[list[tuple[str, float]], str]:
    """Object and share for each picture, and why there is none."""
    silent = [("", float("nan"))] * len(z)
    try:
        scores = object_scores_of(model, z, grouping)
    except ComparisonError as error:
        return silent, str(error)
    if scores is None:
        return silent, f"Its labels name no {grouping.object_word}."
    shares = softmax(scores, axis=1)
    best = shares.argmax(axis=1)
    return [(grouping.objects[k], float(row[k])) for k, row in zip(best, shares, strict=True)], ""


def margin(model: ModelMap, z: NDArray[np.floating], grouping: Grouping, says: str) -> NDArray[np.float64]:
    """Log score of one object minus that of the other, (n, E) to (n,): what is explained when an answer is.

    Raises:
        ComparisonError: when the model names no object.
    """
    scores = object_scores_of(model, z, grouping)
    if scores is None:
        raise ComparisonError(f"This model's labels name no {grouping.object_word}, so there is no answer to explain.")
    place = grouping.objects.index(says)
    return np.asarray(scores[:, place] - scores[:, 1 - place])


def table_of(
    pictures: Sequence[str], models: Sequence[str], found: Sequence[Sequence[UploadReport]], images: ImageSet
) -> pd.DataFrame:
    """All verdicts, one row a picture and model; `found` by model, then by picture."""
    rows = []
    for place, picture in enumerate(pictures):
        for model, verdicts_of in zip(models, found, strict=True):
            verdict = verdicts_of[place]
            row, similarity = verdict.nearest[0]
            facts = images.table.iloc[row]
            best = verdict.captions[0] if verdict.captions else {}
            rows.append(
                {
                    "Picture": picture,
                    "Model": model,
                    "Says": verdict.says or verdict.why_silent,
                    "Share, %": None if np.isnan(verdict.share) else round(100 * verdict.share),
                    "Best caption": best.get("caption", ""),
                    "Nearest picture": f"{facts['object']}, {facts['context']} ({similarity:.2f})",
                    "Pulled by": _pulled(verdict.pull, images.grouping),
                    "Balance": "" if verdict.pull is None else number(verdict.pull.balance.as_dict()),
                    "Balance, untrained": "" if verdict.before is None else number(verdict.before.balance.as_dict()),
                    "Like what was seen": _like(verdict.judged),
                }
            )
    return pd.DataFrame(rows)


def _pulled(found: ShortcutAttraction | None, grouping: Grouping) -> str:
    if found is None:
        return "not defined"
    if found.balance.low > 0:
        return grouping.object_word
    return "background" if found.balance.high < 0 else "not decided"


def pull_in_words(verdict: UploadReport, grouping: Grouping) -> str:
    """What pulls a picture, in a sentence with its numbers."""
    found = verdict.pull
    if found is None:
        return "What pulls it is not defined: a group has no held-out picture."
    other_object = next(name for name in grouping.objects if name != found.object)
    other_context = next(name for name in grouping.contexts if name != found.context)
    pulled = _pulled(found, grouping)
    words = "Neither pulls harder" if pulled == "not decided" else f"Pulled by the **{pulled}**"
    before = "" if verdict.before is None else f"; before training {number(verdict.before.balance.as_dict())}"
    return (
        f"{words}, taken as {found.object} with {found.context}: cosine {found.by_object:.2f} to {found.object} with "
        f"{other_context}, {found.by_context:.2f} to {other_object} with {found.context}; difference "
        f"{number(found.balance.as_dict())}{before}."
    )


def _like(new: Novelty) -> str:
    return "unlike anything" if new.unlike_anything else "hardly" if new.rare else AS_HELD_OUT


def novelty_in_words(verdict: UploadReport) -> str:
    """Whether a picture is like what the model was trained on, in a sentence or two with their numbers."""
    new = verdict.judged
    told = f"cosine {new.similarity:.2f} to the nearest training picture"
    if verdict.novelty_before is not None:
        told += " before training"
    opening = {
        "unlike anything": "**Unlike anything it has seen**",
        "hardly": "**Hardly like anything it has seen**",
        AS_HELD_OUT: "As near to what it has seen as held-out pictures are",
    }[_like(new)]
    far = rate(new.share.as_dict())
    sentence = f"{opening}: {told}; {far} of {new.share.n:,} held-out pictures are at least as far from theirs."
    if verdict.novelty_before is None:
        return sentence
    after = verdict.novelty
    far = rate(after.share.as_dict())
    return f"{sentence} After training: cosine {after.similarity:.2f}, and {far} are at least as far."
