"""Pair matrix of a loss: pictures against captions, what the loss counts each pair as, and how the
model scores it.

A loss calls a pair matched or mismatched by its rule, and a caption is true of a picture or not by
what it speaks of. Where the two disagree there is a false negative (a true caption used as a wrong
one) or a false pair (a wrong one used as true). Everything comes from the artifact: nothing is
embedded anew."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.compared_maps import Thumbs
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.data.imageset import ImageSet
from vlcore.data.training_set import learnt_captions
from vlcore.experiment.captions import Caption, captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import group_words
from vlcore.experiment.options import NEGATIVES, OBJECTIVES, Objective
from vlcore.experiment.wording import title
from vlcore.metrics.negatives import negative_shares
from vlcore.model.artifact_files import StoredEmbeddings
from vlcore.plots.matrices import (
    BOTH,
    FALSE_NEGATIVE,
    FALSE_PAIR,
    KINDS,
    TRUE_NEGATIVE,
    TRUE_PAIR,
    UNUSED,
)

_MANY = {
    BOTH: "true pairs and false negatives",
    UNUSED: UNUSED,
}  # of other kinds of cells, with an s


class PairMatrix(NamedTuple):
    """What `vlcore.plots.matrices.pair_matrix` draws: `cells`, `pictures`, `middle`; and what it
    shows in `words`."""

    cells: pd.DataFrame
    pictures: pd.DataFrame
    middle: float
    words: str


def pairs(model: ModelMap, images: ImageSet, thumbs: Thumbs, *, pictures: int = 16) -> PairMatrix:
    """What a model's loss made of training pictures paired with captions, with its scores at the
    end. A loss that looks at each picture alone is shown with as many pictures of each group,
    against the distinct captions; one that looks at a whole batch with pictures drawn as a batch
    is, against each other's captions. There are so many `pictures` at most, and the draw belongs to
    the condition's seeds. ComparisonError when the loss has no pairs.
    """
    condition = model.artifact.condition
    objective = OBJECTIVES[condition.objective]
    if objective.no_pairs:
        raise ComparisonError(objective.no_pairs)
    stored = StoredEmbeddings(model.artifact)
    every_own = stored.own
    rows = model.rows[model.held_out :]
    table = images.table.iloc[rows]
    said = captions_of(condition.labels, images.grouping, condition.template)
    plain = np.flatnonzero(
        every_own < len(said)
    )  # not those with a caption of their own, by an edit
    chosen = plain[
        _drawn(condition, table["group"].iloc[plain].tolist(), images.grouping.names, pictures)
    ]
    own, table = every_own[chosen], table.iloc[chosen]
    true = _truth(condition, said, table, own)  # (B, K)
    scores = model.scores[model.held_out :][chosen]  # (B, K)
    columns = np.arange(len(said))
    if objective.whole_batch:  # each other's captions
        columns = own
        matched = own[:, None] == own if objective.equal_is_right else np.eye(len(own), dtype=bool)
        weights, true, scores = (~matched).astype(float), true[:, own], scores[:, own]
    else:
        matched = own[:, None] == columns
        weights = 1.0 - np.eye(
            len(said)
        )  # how much each counts as a wrong one, by own caption: alike in a softmax
        if objective.draws_negatives:
            from vlcore.model.losses import counted  # torch, which no page waits for

            groups = images.table["group"].to_numpy()[rows].astype(str)
            learnt, trained_on = learnt_captions(images, condition), stored.caption_counts
            if trained_on is None:
                trained_on = counted(
                    every_own, len(said), condition.mitigation, groups, stored.jtt_wrong
                )
            weights = negative_shares(condition.negatives, trained_on, learnt).astype(np.float64)[
                :, : len(said)
            ]
        weights = weights[own]
    as_right = np.where(true, np.where(weights > 0, BOTH, TRUE_PAIR), FALSE_PAIR)
    as_wrong = np.where(weights > 0, np.where(true, FALSE_NEGATIVE, TRUE_NEGATIVE), UNUSED)
    kinds = np.where(matched, as_right, as_wrong)
    cells = []
    for i, k in np.ndindex(scores.shape):
        whose = "its own" if i == k else "an equal" if own[i] == columns[k] else "another picture's"
        note, counts = _counted_as(objective, bool(matched[i, k]), float(weights[i, k]), whose)
        cells.append(
            (i, k, said[columns[k]].text, float(scores[i, k]), str(kinds[i, k]), note, counts)
        )
    found = pd.DataFrame(
        cells, columns=["row", "column", "caption", "score", "kind", "note", "counts"]
    )
    shown = pd.DataFrame({"label": table["group"].map(group_words(images.grouping)).tolist()})
    shown = shown.assign(
        own=[said[k].text for k in own], thumb=thumbs(images, rows[chosen].tolist())
    )
    # A softmax reads differences of scores alone, so its scores have no zero of their own.
    middle = float(found["score"].min() + found["score"].max()) / 2 if objective.softmax else 0.0
    return PairMatrix(found, shown, middle, _words(condition, found, len(chosen)))


def _drawn(
    condition: Condition, groups: list[str], names: Sequence[str], pictures: int
) -> NDArray[np.int64]:
    random = np.random.default_rng([condition.data_seed, condition.init_seed])
    number = np.array([names.index(group) for group in groups])
    if OBJECTIVES[condition.objective].whole_batch:
        sizes = np.bincount(number, minlength=len(names))[number]
        shares = 1 / sizes if condition.mitigation == "resample" else np.ones(len(groups))
        drawn = random.choice(
            len(groups), min(pictures, len(groups)), replace=False, p=shares / shares.sum()
        )
    else:
        each = max(1, pictures // len(names))
        drawn = np.concatenate(
            [random.permutation(np.flatnonzero(number == n))[:each] for n in range(len(names))]
        )
    return drawn[np.lexsort((drawn, number[drawn]))].astype(np.int64)


def _truth(
    condition: Condition, said: Sequence[Caption], table: pd.DataFrame, own: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each caption is true of each picture, (B, K): it speaks of no other object and no
    other context. The placebo's places cannot be wrong. Of coats nothing is known: there a
    picture's own caption alone is true.
    """
    if condition.labels == "attribute_other":
        return own[:, None] == np.arange(len(said))
    true = np.ones((len(table), len(said)), dtype=bool)
    for name in ("object", "context"):
        spoken_of = np.array([getattr(caption, name) for caption in said])
        true &= (spoken_of == "") | (spoken_of == table[[name]].to_numpy().astype(str))
    return true


def _counted_as(objective: Objective, matched: bool, weight: float, whose: str) -> tuple[str, str]:
    """Note and sentence of a cell: how a loss counts a pair, drawn as a wrong one with a
    probability of `weight`."""
    if objective.whole_batch:
        how = (
            "in the softmax with the right one"
            if objective.softmax
            else "all pairs of the batch weigh alike"
        )
        return "", f"{whose} caption, {'taken as right' if matched else 'taken as wrong'}; {how}"
    if not objective.draws_negatives:
        return "", "its own class" if matched else "another class, in the softmax with its own"
    often = f"drawn as a wrong caption with probability {weight:.2f}"
    if matched and weight:
        return f"matched, {weight:.2f}", f"its own caption, and also {often}"
    if matched:
        return "matched", "its own caption"
    return (
        (f"{weight:.2f}", often)
        if weight
        else ("0", "never drawn as a wrong caption of this picture")
    )


def _words(condition: Condition, cells: pd.DataFrame, pictures: int) -> str:
    objective = OBJECTIVES[condition.objective]
    across, how = f"{cells['column'].nunique()} captions", "each group alike"
    if objective.whole_batch:
        across, how = "each other's captions", "as a batch is"
    rule = objective.sentence
    if objective.draws_negatives:
        negatives = NEGATIVES[condition.negatives].sentence.removesuffix(" The default.")
        rule += f" Wrong captions: {negatives[0].lower()}{negatives[1:]}"
        rule += " Below a score stands the probability with which the pair is drawn as a wrong one."
    scores = {kind: here["score"] for kind, here in cells.groupby("kind")}
    found = [
        f"{len(of)} {_MANY.get(kind, f'{kind}s') if len(of) > 1 else kind} "
        f"(score {of.mean():.1f} on average, {of.min():.1f} to {of.max():.1f})"
        for kind in KINDS
        if (of := scores.get(kind)) is not None
    ]
    shown = (
        f"{pictures} training pictures (drawn at random, {how}) with {across}, and the model's"
        " scores at the end"
    )
    return (
        f"Pairs of the loss, {title(condition)}: {shown}. {rule} Of {len(cells)} cells:"
        f" {'; '.join(found)}."
    )
