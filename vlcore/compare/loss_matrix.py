"""Pair matrix of a loss: pictures against captions, what the loss counts each pair as, and how the model scores it.

A loss calls a pair matched or mismatched by its rule, and a caption is true of a picture or not by what it speaks of.
Where the two disagree there is a false negative (a true caption used as a wrong one) or a false pair (a wrong one used
as true). Everything comes from the artefact: nothing is embedded anew.
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
_MANY = {BOTH: "true pairs and false negatives", UNUSED: UNUSED}  # of other kinds of cells, with an s


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
    every_own = StoredEmbeddings(model.artefact).own
    rows = model.rows[model.held_out :]
    groups = images.table["group"].to_numpy()[rows].astype(str)
    chosen = _drawn(condition, groups, images.grouping.names, pictures, objective.whole_batch)
    said = captions_of(condition.labels, images.grouping, condition.template)
    own = every_own[chosen]
    true = _truth(condition, said, images.table.iloc[rows[chosen]], own)  # (B, K)
    scores = model.scores[model.held_out :][chosen]  # (B, K)
    if objective.whole_batch:  # each other's captions
        columns = own
        matched = own[:, None] == own if objective.equal_is_right else np.eye(len(own), dtype=bool)
        weights, true, scores = (~matched).astype(float), true[:, own], scores[:, own]
    else:
        columns = np.arange(len(said))
        matched = own[:, None] == columns
        weights = _weights(condition, every_own, said)[own]
    cells = []
    for i, k in np.ndindex(scores.shape):
        whose = "its own" if i == k else "an equal" if own[i] == columns[k] else "another picture's"
        note, counts = _counted_as(objective, bool(matched[i, k]), float(weights[i, k]), whose)
        kind = _kind(bool(matched[i, k]), bool(weights[i, k] > 0), bool(true[i, k]))
        cells.append((i, k, said[columns[k]].text, float(scores[i, k]), kind, note, counts))
    table = pd.DataFrame(cells, columns=["row", "column", "caption", "score", "kind", "note", "counts"])
    words = group_words(images.grouping)
    shown = pd.DataFrame(
        {
            "label": [words[group] for group in groups[chosen]],
            "own": [said[k].text for k in own],
            "thumb": thumbs(images, rows[chosen].tolist()),
        }
    )
    # A softmax reads differences of scores alone, so its scores have no zero of their own.
    middle = float(table["score"].min() + table["score"].max()) / 2 if objective.softmax else 0.0
    return PairMatrix(table, shown, middle, _words(condition, table, len(chosen)))


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


def _counted_as(objective: Objective, matched: bool, weight: float, whose: str) -> tuple[str, str]:
    """Note and sentence of a cell: how a loss counts a pair, drawn as a wrong one with a probability of `weight`."""
    if objective.whole_batch:
        how = "in the softmax with the right one" if objective.softmax else "all pairs of the batch weigh alike"
        return "", f"{whose} caption, {'taken as right' if matched else 'taken as wrong'}; {how}"
    if not objective.draws_negatives:
        return "", "its own class" if matched else "another class, in the softmax with its own"
    often = f"drawn as a wrong caption with probability {weight:.2f}"
    if matched:
        return (
            (f"matched, {weight:.2f}", f"its own caption, and also {often}")
            if weight
            else ("matched", "its own caption")
        )
    return (f"{weight:.2f}", often) if weight else ("0", "never drawn as a wrong caption of this picture")


def _kind(matched: bool, negative: bool, true: bool) -> str:
    if matched:
        return FALSE_PAIR if not true else BOTH if negative else TRUE_PAIR
    if not negative:
        return UNUSED
    return FALSE_NEGATIVE if true else TRUE_NEGATIVE


def _words(condition: Condition, cells: pd.DataFrame, pictures: int) -> str:
    """What the matrix shows: the loss, how many cells count as what, and how they score."""
    objective = OBJECTIVES[condition.objective]
    across, how = f"{cells['column'].nunique()} captions", "each group alike"
    if objective.whole_batch:
        across, how = "each other's captions", "as a batch is"
    rule = objective.sentence
    if objective.draws_negatives:
        negatives = NEGATIVES[condition.negatives].sentence.removesuffix(" The default.")
        rule += f" Wrong captions: {negatives[0].lower()}{negatives[1:]}"
        rule += " Below a score stands the probability with which the pair is drawn as a wrong one."
    found = []
    for kind in KINDS:
        scores = cells.loc[cells["kind"] == kind, "score"]
        if len(scores):
            many = _MANY.get(kind, f"{kind}s")
            found.append(
                f"{len(scores)} {many if len(scores) > 1 else kind} "
                f"(score {scores.mean():.1f} on average, {scores.min():.1f} to {scores.max():.1f})"
            )
    return (
        f"Pairs of the loss, {title(condition)}: {pictures} training pictures (drawn at random, {how}) with {across}, "
        f"and the model's scores at the end. {rule} Of {len(cells)} cells: {'; '.join(found)}."
    )
