"""Training sets with the edits of a condition applied: their rows and captions.

Edits change the biased training subset and nothing else; a mitigation is applied to what they
leave. Held-out images stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.data.imageset import ImageSet
from vlcore.data.subset import training_rows
from vlcore.experiment.captions import Caption, caption_index, captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import MOST, Add, Edit, EditError, Remove, canonical_edits
from vlcore.experiment.options import MITIGATIONS
from vlcore.experiment.vocabulary import check_captions, vocabulary_for

FEWEST = 2  # images to train on


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """The images that a model is trained on.

    Attributes:
        images: the image set.
        rows: in the image set, (n,), in a fixed order.
        caption_index: index in `captions` of each image's, (n,).
        captions: the different captions of the label style.
    """

    images: ImageSet
    rows: NDArray[np.int64]
    caption_index: NDArray[np.int64]
    captions: tuple[Caption, ...] = ()

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per image, (n,), with the columns of the set's table."""
        return self.images.table.iloc[self.rows].reset_index(drop=True)


def training_sets(images: Sequence[ImageSet], condition: Condition) -> list[TrainingSet]:
    """Return the training sets of a condition on the parts of its set (`split_parts`).

    In a set in folds, an edit applies to the models that are trained on its image.

    Raises:
        ImageSetError: where the set is too small.
        EditError: where an edit names an image that does not exist, or changes nothing.
        CaptionError: where a caption needs what the images lack, or models read two alike.
    """
    grouping = images[0].grouping
    captions = captions_of(condition.labels, grouping, condition.template)
    texts = [caption.text for caption in captions]
    check_captions(texts, vocabulary_for(condition.text, grouping, texts))
    sets = []
    idle = []  # of each part, why edits change nothing in it
    for part in images:
        reasons: dict[Edit, str] = {}
        rows = _edited_rows(part, condition, reasons)
        sets.append(TrainingSet(part, rows, caption_indices(part, rows, condition), captions))
        idle.append(reasons)
    for edit in condition.changes:
        if all(edit in reasons for reasons in idle):
            raise EditError(idle[0][edit])
    return sets


def caption_indices(
    images: ImageSet, rows: NDArray[np.int64], condition: Condition
) -> NDArray[np.int64]:
    """Return the index of each row's caption among the captions of a condition, (n,)."""
    seed, template = condition.data_seed, condition.template
    return caption_index(condition.labels, images.table, rows, images.grouping, seed, template)


def _edited_rows(
    images: ImageSet, condition: Condition, idle: dict[Edit, str]
) -> NDArray[np.int64]:
    """Return the rows without those that leave, then those that join.

    Args:
        images: a part of the set.
        condition: of the model.
        idle: filled with the reasons why edits change nothing.
    """
    rows = training_rows(images, condition)
    if not condition.edits:
        return rows
    splits = images.table["split"].to_numpy()
    before, after = set(rows.tolist()), rows.tolist()
    for edit in condition.changes:
        row = edit.picture
        if row >= len(splits):
            raise EditError(
                f"There is no image {row}; the image set {images.name!r} has images 0 to"
                f" {len(splits) - 1:,}."
            )
        if splits[row] != "train":
            idle[edit] = f"Image {row} is held out ({splits[row]}); edits change training images."
        elif isinstance(edit, Add):
            if row in before:
                idle[edit] = f"Image {row} is in the training set already; add another one."
            else:
                after.append(row)
        elif row in before:
            after.remove(row)
        else:
            idle[edit] = f"Image {row} is not in this training set, so it cannot be removed."
    edited = np.array(after, dtype=np.int64)
    _check_left(images, edited, condition.mitigation)
    return edited


def _check_left(images: ImageSet, rows: NDArray[np.int64], mitigation: str) -> None:
    """Refuse edits that leave too little to train on."""
    if len(rows) < FEWEST:
        raise EditError(f"After these changes {len(rows)} training images are left; remove fewer.")
    groups = set(images.table["group"].to_numpy()[rows])
    empty = [group for group in images.grouping.names if group not in groups]
    if empty and MITIGATIONS[mitigation].needs_groups:
        raise EditError(
            f"After these changes no training image of {empty[0]} is left for {mitigation}."
        )


def by_chance(images: ImageSet, condition: Condition, seed: int, budget: int = MOST) -> str:
    """Return random edits, so many, for the part of the condition's set that is shown.

    Adding and removing are equally likely. EditError where there is not so much to change.
    """
    random = np.random.default_rng([seed, budget])
    chosen = training_rows(images, condition)
    pool = np.setdiff1d(images.rows("train"), chosen)
    adds = min(int(random.binomial(budget, 0.5)), len(pool))
    if budget - adds > len(chosen):
        raise EditError(f"There are not {budget} changes to be made here by chance; give fewer.")
    added = random.choice(pool, adds, replace=False)
    removed = random.choice(chosen, budget - adds, replace=False)
    edits = canonical_edits([*map(Add, added), *map(Remove, removed)])
    training_sets([images], condition.replace(edits=edits))
    return edits
