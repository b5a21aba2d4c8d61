"""Pair matrix of a loss: images against captions, what the loss counts each pair as, and the score
that the model gives it.

A loss calls a pair matched or mismatched by its rule, and a caption is true of an image or not by
what it names. Where the two disagree there is a false negative (a true caption used as a wrong one)
or a false pair (a wrong one used as true). Everything is read from the artifact; nothing is
embedded anew."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.compared_maps import Thumbs
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.artifacts.embeddings import StoredEmbeddings
from vlcore.data.imageset import ImageSet
from vlcore.data.training_set import learnt_captions
from vlcore.experiment.captions import Caption, captions_of, traits_named
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import group_words
from vlcore.experiment.options import NEGATIVES, OBJECTIVES, Objective
from vlcore.experiment.wording import title
from vlcore.metrics.negatives import negative_shares
from vlcore.plots.matrices import (
    BOTH,
    FALSE_NEGATIVE,
    FALSE_PAIR,
    KINDS,
    TRUE_NEGATIVE,
    TRUE_PAIR,
    UNUSED,
)

MOST_IMAGES = 16  # that are shown
_PLURALS = {kind: f"{kind}s" for kind in KINDS}
_PLURALS |= {BOTH: "true pairs and false negatives", UNUSED: UNUSED}


class LossPairs(NamedTuple):
    """Arguments of `vlcore.plots.matrices.pair_matrix`, and what it shows in `words`."""

    cells: pd.DataFrame
    images: pd.DataFrame
    middle: float
    words: str


def loss_pairs(model: ModelMap, images: ImageSet, thumbs: Thumbs) -> LossPairs:
    """Pair training images with captions as a model's loss does, with the scores at the end.

    A loss that looks at each image alone is shown with as many images of each group, against the
    distinct captions; one that looks at a whole batch with images drawn as a batch is, against each
    other's captions. The draw follows the condition's seeds.

    Args:
        model: its map.
        images: the image set.
        thumbs: makes small images of rows.

    Raises:
        ComparisonError: when the loss has no pairs.
    """
    condition = model.artifact.condition
    objective = OBJECTIVES[condition.objective]
    if objective.no_pairs:
        raise ComparisonError(objective.no_pairs)
    stored = model.artifact.embeddings
    captions = captions_of(condition.labels, images.grouping, condition.template)
    rows = model.rows[model.n_held_out :]
    # An edit may give an image a caption that is none of these.
    indices = np.flatnonzero(stored.caption_index < len(captions))
    groups = images.table["group"].to_numpy()[rows[indices]]
    indices = indices[_sample(condition, groups, images.grouping.names, MOST_IMAGES)]
    rows, caption_index = rows[indices], stored.caption_index[indices]
    table = images.table.iloc[rows]
    is_true = _truth(condition, captions, table, caption_index)  # (B, K)
    scores = model.scores[model.n_held_out :][indices]  # (B, K)
    if objective.whole_batch:
        columns = caption_index
        is_matched = np.eye(len(columns), dtype=bool)
        if objective.equal_is_right:
            is_matched = columns[:, None] == columns
        weights = (~is_matched).astype(float)
        is_true, scores = is_true[:, columns], scores[:, columns]
    else:
        columns = np.arange(len(captions))
        is_matched = caption_index[:, None] == columns
        weights = _negative_weights(model, images, stored, len(captions))[caption_index]
    is_used = weights > 0
    kinds = np.select(
        [is_matched & ~is_true, is_matched & is_used, is_matched, ~is_used, is_true],
        [FALSE_PAIR, BOTH, TRUE_PAIR, UNUSED, FALSE_NEGATIVE],
        TRUE_NEGATIVE,
    )
    cells = []
    for row, column in np.ndindex(scores.shape):
        is_equal = caption_index[row] == columns[column]
        source = "its own" if row == column else "an equal" if is_equal else "another image's"
        matched, weight = bool(is_matched[row, column]), float(weights[row, column])
        note, counts = _describe_pair(objective, matched, weight, source)
        text, kind = captions[columns[column]].text, str(kinds[row, column])
        cells.append((row, column, text, float(scores[row, column]), kind, note, counts))
    cell_table = pd.DataFrame(
        cells, columns=["row", "column", "caption", "score", "kind", "note", "counts"]
    )
    labels = table["group"].map(group_words(images.grouping)).tolist()
    image_table = pd.DataFrame({"label": labels, "thumb": thumbs(images, rows.tolist())})
    middle = 0.0
    if objective.softmax:  # which reads differences of scores alone, so they have no zero
        middle = float(cell_table["score"].min() + cell_table["score"].max()) / 2
    words = _describe(condition, cell_table, len(image_table))
    return LossPairs(cell_table, image_table, middle, words)


def _sample(
    condition: Condition, groups: NDArray[np.str_], names: Sequence[str], count: int
) -> NDArray[np.int64]:
    """Positions of images drawn as a loss draws them, by group, from the `groups` of all, (n,)."""
    random = np.random.default_rng([condition.data_seed, condition.init_seed])
    numbers = np.array([names.index(group) for group in groups])
    if OBJECTIVES[condition.objective].whole_batch:
        weights = np.ones(len(groups))
        if condition.mitigation == "resample":
            weights = 1 / np.bincount(numbers, minlength=len(names))[numbers]
        count = min(count, len(groups))
        drawn = random.choice(len(groups), count, replace=False, p=weights / weights.sum())
    else:
        members = [np.flatnonzero(numbers == number) for number in range(len(names))]
        n_group = max(1, count // len(names))
        drawn = np.concatenate([random.permutation(rows)[:n_group] for rows in members])
    return drawn[np.lexsort((drawn, numbers[drawn]))].astype(np.int64)


def _truth(
    condition: Condition,
    captions: Sequence[Caption],
    table: pd.DataFrame,
    caption_index: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether each caption is true of each image, (B, K): it names no other object and no other
    context. The placebo's contexts cannot be wrong. Where a style names another factor of a scene,
    an image's own caption alone is true.
    """
    if traits_named(condition.labels, condition.template):
        return caption_index[:, None] == np.arange(len(captions))
    is_true = np.ones((len(table), len(captions)), dtype=bool)
    for factor in ("object", "context"):
        named = np.array([getattr(caption, factor) for caption in captions])
        is_true &= (named == "") | (named == table[[factor]].to_numpy().astype(str))
    return is_true


def _negative_weights(
    model: ModelMap, images: ImageSet, stored: StoredEmbeddings, count: int
) -> NDArray[np.float64]:
    """How much each of the captions counts as a wrong one, by an image's own caption, (K, K)."""
    condition = model.artifact.condition
    if not OBJECTIVES[condition.objective].draws_negatives:
        return 1.0 - np.eye(count)  # all count alike in a softmax
    caption_counts = stored.caption_counts
    if caption_counts is None:
        from vlcore.model.losses import (
            caption_counts as weighted_caption_counts,  # torch, which no page waits for
        )

        groups = images.table["group"].to_numpy()[model.rows[model.n_held_out :]].astype(str)
        caption_counts = weighted_caption_counts(
            stored.caption_index, count, condition.mitigation, groups, stored.jtt_wrong
        )
    learnt = learnt_captions(images, condition)
    return negative_shares(condition.negatives, caption_counts, learnt).astype(float)[:, :count]


def _describe_pair(
    objective: Objective, matched: bool, weight: float, source: str
) -> tuple[str, str]:
    """Note and sentence of a pair: how a loss counts it.

    Args:
        objective: the loss.
        matched: whether it takes the caption as right.
        weight: the probability with which it draws the caption as a wrong one.
        source: whose caption it is.
    """
    if objective.whole_batch:
        use = "taken as right" if matched else "taken as wrong"
        weighing = "in the softmax with the right one"
        if not objective.softmax:
            weighing = "all pairs of the batch weigh alike"
        return "", f"{source} caption, {use}; {weighing}"
    if not objective.draws_negatives:
        return "", "its own class" if matched else "another class, in the softmax with its own"
    draw = f"drawn as a wrong caption with probability {weight:.2f}"
    if matched and weight:
        return f"matched, {weight:.2f}", f"its own caption, and also {draw}"
    if matched:
        return "matched", "its own caption"
    if weight:
        return f"{weight:.2f}", draw
    return "0", "never drawn as a wrong caption of this image"


def _describe(condition: Condition, cells: pd.DataFrame, image_count: int) -> str:
    objective = OBJECTIVES[condition.objective]
    draw, captions = "each group alike", f"{cells['column'].nunique()} captions"
    if objective.whole_batch:
        draw, captions = "as a batch is", "each other's captions"
    rule = objective.sentence
    if objective.draws_negatives:
        negatives = NEGATIVES[condition.negatives].sentence.removesuffix(" The default.")
        rule += (
            f" Wrong captions: {negatives[0].lower()}{negatives[1:]} Below a score is the"
            " probability that the pair is drawn as a wrong one."
        )
    phrases = []
    for kind in KINDS:
        scores = cells.loc[cells["kind"] == kind, "score"]
        if len(scores):
            phrases.append(
                f"{len(scores)} {_PLURALS[kind] if len(scores) > 1 else kind} (score"
                f" {scores.mean():.1f} on average, {scores.min():.1f} to {scores.max():.1f})"
            )
    return (
        f"Pairs of the loss, {title(condition)}: {image_count} training images (drawn at random,"
        f" {draw}) with {captions}, and the model's scores at the end. {rule} Of {len(cells)}"
        f" cells: {'; '.join(phrases)}."
    )
