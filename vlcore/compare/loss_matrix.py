"""Pairs: how alike captions are to a model, and what its loss made of pictures paired with captions.

The one idea: a loss calls a pair matched or mismatched by its rule, and a caption is true of a picture or not by what
it speaks of. Where the two disagree there is a false negative (a true caption used as a wrong one) or a false pair (a
wrong one used as true). Everything comes from the artefact: nothing is embedded anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.charts.matrices import BOTH, FALSE_NEGATIVE, FALSE_PAIR, KINDS, TRUE_NEGATIVE, TRUE_PAIR, UNUSED
from vlcore.compare.comparison import Thumbs
from vlcore.compare.model_map import ComparisonError, ModelMap
from vlcore.core.captions import Caption, captions_of
from vlcore.core.condition import Condition
from vlcore.core.grouping import group_words
from vlcore.core.options import NEGATIVES, OBJECTIVES, Objective
from vlcore.core.wording import title
from vlcore.datasets.imageset import ImageSet
from vlcore.runs.embeddings import StoredEmbeddings

PICTURES = 16  # rows of a pair matrix


@dataclass(frozen=True, eq=False)
class PairMatrix:
    """What `vlcore.charts.matrices.pair_matrix` draws: `cells`, `pictures`, `middle`; and what it shows in `words`."""

    cells: pd.DataFrame
    pictures: pd.DataFrame
    middle: float
    words: str


def pairs(model: ModelMap, images: ImageSet, thumbs: Thumbs, *, pictures: int = PICTURES) -> PairMatrix:
    """What a model's loss made of training pictures paired with captions, with its scores at the end.

    A loss that looks at each picture alone is shown with as many pictures of each group, against the distinct
    captions; one that looks at a whole batch with pictures drawn as a batch is, against each other's captions. The
    draw belongs to the condition's seeds.

    Args:
        model: the model.
        images: its image set.
        thumbs: small pictures of rows, as data URIs.
        pictures: how many training pictures, at most.

    Raises:
        ComparisonError: when the loss has no pairs.
    """
    condition = model.artefact.condition
    objective = OBJECTIVES[condition.objective]
    if objective.no_pairs:
        raise ComparisonError(objective.no_pairs)
    own = StoredEmbeddings(model.artefact).own
    rows = model.rows[model.held_out :]
    groups = images.table["group"].to_numpy()[rows].astype(str)
    batchwise = objective.whole_batch
    chosen = _drawn(condition, groups, images.grouping.names, pictures, batchwise)
    said = captions_of(condition.labels, images.grouping, condition.template)
    table = images.table.iloc[rows[chosen]]
    true = _truth(condition, said, table, own[chosen])  # (B, K)
    scores = model.scores[model.held_out :][chosen]  # (B, K)
    if batchwise:
        columns = own[chosen]
        kinds, notes, counts = _of_batch(objective, columns, true)
        true, scores = true[:, columns], scores[:, columns]
    else:
        columns = np.arange(len(said))
        weights = _weights(condition, own, said)[own[chosen]]
        kinds, notes, counts = _of_captions(own[chosen], true, weights, objective.draws_negatives)
    row, column = (axis.ravel() for axis in np.indices(scores.shape))
    cells = pd.DataFrame(
        {
            "row": row,
            "column": column,
            "caption": [said[columns[k]].text for k in column],
            "score": scores.ravel().astype(float),
            "kind": kinds.ravel(),
            "note": notes.ravel(),
            "counts": counts.ravel(),
        }
    )
    words = group_words(images.grouping)
    shown = pd.DataFrame(
        {
            "label": [words[group] for group in groups[chosen]],
            "own": [said[k].text for k in own[chosen]],
            "thumb": thumbs(images, rows[chosen].tolist()),
        }
    )
    # A softmax reads differences of scores alone, so its scores have no zero of their own.
    middle = float(cells["score"].min() + cells["score"].max()) / 2 if objective.softmax else 0.0
    return PairMatrix(cells, shown, middle, _words(condition, cells, len(chosen), batchwise))


def _drawn(
    condition: Condition, groups: NDArray[np.str_], names: Sequence[str], pictures: int, batchwise: bool
) -> NDArray[np.int64]:
    """Which training pictures to show, sorted by group."""
    random = np.random.default_rng([condition.data_seed, condition.init_seed])
    number = np.array([list(names).index(group) for group in groups])
    if batchwise:
        sizes = np.bincount(number, minlength=len(names))[number]
        shares = 1 / sizes if condition.mitigation == "resample" else np.ones(len(groups))
        drawn = random.choice(len(groups), min(pictures, len(groups)), replace=False, p=shares / shares.sum())
    else:
        each = max(1, pictures // len(names))
        drawn = np.concatenate([random.permutation(np.flatnonzero(number == n))[:each] for n in range(len(names))])
    return drawn[np.lexsort((drawn, number[drawn]))].astype(np.int64)


def _truth(
    condition: Condition, said: Sequence[Caption], table: pd.DataFrame, own: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each caption is true of each picture, (B, K): it speaks of no other object and no other context.

    The placebo's places mean nothing, so they cannot be wrong. A coat is no part of what a caption is known to speak
    of: with that style a picture's own caption alone is true.
    """
    if condition.labels == "attribute_other":
        return own[:, None] == np.arange(len(said))[None, :]
    return np.array(
        [
            [(caption.object or obj) == obj and (caption.context or context) == context for caption in said]
            for obj, context in zip(table["object"], table["context"], strict=True)
        ]
    )


def _weights(condition: Condition, own: NDArray[np.int64], said: Sequence[Caption]) -> NDArray[np.float64]:
    """How much each caption counts as a wrong one, by own caption, (K, K): its probability; alike in a softmax."""
    if not OBJECTIVES[condition.objective].draws_negatives:
        return 1.0 - np.eye(len(said))
    from vlcore.learning.losses import negative_shares  # torch, which no page waits for

    counts = np.bincount(own, minlength=len(said))
    return negative_shares(condition.negatives, counts, said).astype(np.float64)


Cells = tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.object_]]  # kinds, notes, sentences


def _of_captions(own: NDArray[np.int64], true: NDArray[np.bool_], weights: NDArray[np.float64], drawn: bool) -> Cells:
    """Kinds, notes and sentences of pictures against captions, (B, K) each; `drawn`: wrong ones are, with `weights`."""
    kinds, notes, counts = (np.full(true.shape, "", dtype=object) for _ in range(3))
    for i, k in np.ndindex(true.shape):
        matched, weight = k == own[i], weights[i, k]
        kinds[i, k] = _kind(bool(matched), bool(weight > 0), bool(true[i, k]))
        if not drawn:
            counts[i, k] = "its own class" if matched else "another class, in the softmax with its own"
            continue
        often = f"drawn as a wrong caption with probability {weight:.2f}"
        notes[i, k] = "matched" if matched and not weight else f"{'matched, ' * bool(matched)}{weight:.2f}"
        if matched:
            counts[i, k] = "its own caption" + (f", and also {often}" if weight else "")
        else:
            counts[i, k] = often if weight else "never drawn as a wrong caption of this picture"
        if not matched and not weight:
            notes[i, k] = "0"
    return kinds, notes, counts


def _of_batch(objective: Objective, own: NDArray[np.int64], true: NDArray[np.bool_]) -> Cells:
    """Kinds, notes and sentences of pictures against each other's captions, (B, B) each."""
    equal = own[:, None] == own[None, :]
    matched = equal if objective.equal_is_right else np.eye(len(own), dtype=bool)
    kinds, counts = (np.full(equal.shape, "", dtype=object) for _ in range(2))
    how = "in the softmax with the right one" if objective.softmax else "all pairs of the batch weigh alike"
    for i, j in np.ndindex(equal.shape):
        kinds[i, j] = _kind(bool(matched[i, j]), not matched[i, j], bool(true[i, own[j]]))
        whose = "its own caption" if i == j else "an equal caption" if equal[i, j] else "another picture's caption"
        counts[i, j] = f"{whose}, {'taken as right' if matched[i, j] else 'taken as wrong'}; {how}"
    return kinds, np.full(equal.shape, "", dtype=object), counts


def _kind(matched: bool, negative: bool, true: bool) -> str:
    if matched:
        return FALSE_PAIR if not true else BOTH if negative else TRUE_PAIR
    if not negative:
        return UNUSED
    return FALSE_NEGATIVE if true else TRUE_NEGATIVE


def _words(condition: Condition, cells: pd.DataFrame, pictures: int, batchwise: bool) -> str:
    """What the matrix shows: the loss, how many cells count as what, and how they score."""
    across = "each other's captions" if batchwise else f"{cells['column'].nunique()} captions"
    how = "drawn at random, as a batch is" if batchwise else "drawn at random, each group alike"
    rule = OBJECTIVES[condition.objective].sentence
    if OBJECTIVES[condition.objective].draws_negatives:
        negatives = NEGATIVES[condition.negatives].sentence.removesuffix(" The default.")
        rule += f" Wrong captions: {negatives[0].lower()}{negatives[1:]}"
        rule += " Below a score stands the probability with which the pair is drawn as a wrong one."
    found = []
    for kind in KINDS:
        scores = cells.loc[cells["kind"] == kind, "score"]
        if len(scores):
            found.append(
                f"{len(scores)} {_many(kind) if len(scores) > 1 else kind} "
                f"(score {scores.mean():.1f} on average, {scores.min():.1f} to {scores.max():.1f})"
            )
    return (
        f"Pairs of the loss, {title(condition)}: {pictures} training pictures ({how}) with {across}, and the model's "
        f"scores at the end. {rule} Of {len(cells)} cells: {'; '.join(found)}."
    )


def _many(kind: str) -> str:
    return kind if kind == UNUSED else " and ".join(f"{part}s" for part in kind.split(" and "))
