"""Training sets with the edits of a condition applied: rows, drawn images, captions, weights and
pixels.

Edits change the biased training subset and nothing else; a mitigation is applied to what they
leave. Held-out images, and the captions by which objects are predicted, stay as they are. An image
that is drawn in a context other than the set's two belongs to its object's minority group."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.data import drawn
from vlcore.data.imageset import COLUMNS, TRAINING_SIZE, ImageSet, averaged
from vlcore.data.subset import training_rows
from vlcore.experiment.captions import Caption, caption, caption_index, captions_of, row_captions
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.edits import (
    MOST,
    NUMBERS,
    Add,
    Draw,
    Edit,
    EditError,
    Fade,
    ImageEdit,
    Relabel,
    Remove,
    Weigh,
    canonical_edits,
    read_edits,
)
from vlcore.experiment.errors import LabError
from vlcore.experiment.options import MITIGATIONS, NEGATIVES, OBJECTIVES
from vlcore.experiment.vocabulary import check_captions, vocabulary_for
from vlcore.scenes import CONTEXTS, Scene, draw_scene, sample

# Of drawn images: no image of a set, and no example of a page, shows one of their scenes.
SEED = 1
# No edit draws in these, unless they are the set's own: `vlcore.api.unseen_scenes` asks models
# there.
HIDDEN_CONTEXTS = ("beach", "street")
FEWEST = 2  # images to train on
_TRIES = 1_000


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """The images that a model is trained on: those of some rows of a set, then the drawn ones."""

    images: ImageSet
    rows: NDArray[np.int64]  # (m,), in a fixed order
    drawn: tuple[Draw, ...] = ()  # n - m
    # Index in `captions` of each image's, (n,); (0,) without.
    caption_index: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    # The different captions: those of the label style, then those of edits.
    captions: tuple[Caption, ...] = ()
    # How much each image counts, (n,); None where all count alike.
    weights: NDArray[np.float64] | None = None
    fade: float = 0.0  # share that the majority's background loses

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row an image, (n,), with the columns of the set's table."""
        table = self.images.table.iloc[self.rows].reset_index(drop=True)
        if not self.drawn:
            return table
        return pd.concat([table, _table_of_drawn(self.drawn, self.images)], ignore_index=True)

    @cached_property
    def groups(self) -> NDArray[np.str_]:
        """The group of each image, (n,); the whole table takes ten times as long."""
        groups = self.images.table["group"].to_numpy()[self.rows]
        if not self.drawn:
            return groups
        drawn_groups = _table_of_drawn(self.drawn, self.images)["group"].to_numpy()
        return np.concatenate([groups, drawn_groups])

    @cached_property
    def altered(self) -> NDArray[np.int64]:
        """Indices, of n, of the images that are not as the set has them: drawn, or with a faded
        background."""
        is_drawn = np.arange(len(self.table)) >= len(self.rows)
        fades = self.table["group"].isin(self.images.grouping.majority).to_numpy() & (self.fade > 0)
        return np.flatnonzero(is_drawn | fades)

    def pixels(self) -> NDArray[np.uint8]:
        """The images at training size, uint8 (n, S, S, 3)."""
        pixels = np.empty((len(self.table), TRAINING_SIZE, TRAINING_SIZE, 3), np.uint8)
        pixels[: len(self.rows)] = self.images.pixels(self.rows)
        pixels[self.altered] = self.altered_pixels(TRAINING_SIZE)
        return pixels

    def altered_pixels(self, size: int) -> NDArray[np.uint8]:
        """The images at `altered`, uint8 (m, size, size, 3). Where the majority's background is
        faded, a drawn set's images are drawn anew, as far towards bare land under the same sky, the
        same for all backgrounds; in another set, what is outside the masks goes as far towards the
        mean colour of all backgrounds. EditError where it has no masks."""
        if len(self.altered) == 0:
            return np.empty((0, size, size, 3), np.uint8)
        if drawn.recipe_of(self.images.name) is None:
            rows = self.rows[self.altered]
            masks = self.images.masks(rows, size)
            if masks is None:
                raise EditError(_no_masks(self.images))
            return _faded(self.images.pixels(rows, size), masks, self.fade)
        is_majority = self.table["group"].isin(self.images.grouping.majority).to_numpy()
        pixels = []
        for index in self.altered:
            scene = Scene.from_factors(json.loads(self.table["factors"].iat[index]))
            if is_majority[index]:
                scene = scene.replace(context_contrast=scene.context_contrast * (1 - self.fade))
            pixels.append(averaged(draw_scene(scene, drawn.SIZE).image, size))
        return np.stack(pixels)


def _no_masks(images: ImageSet) -> str:
    return f"The image set {images.name!r} has no masks, so no background can be faded."


def _faded(pixels: NDArray[np.uint8], masks: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    outside = 1 - masks[..., None] / 255  # (n, S, S, 1)
    if not (masks == 0).any():
        raise EditError("The masks of these images leave no background, so none can be faded.")
    mean_background = pixels[masks == 0].mean(axis=0)
    return np.rint(pixels + share * outside * (mean_background - pixels)).astype(np.uint8)


def _table_of_drawn(edits: Sequence[Draw], images: ImageSet) -> pd.DataFrame:
    rows = []
    for edit in edits:
        digest = hashlib.sha256(canonical_edits([edit]).encode()).hexdigest()
        row = {
            "file_name": "",
            "object": edit.object,
            "context": edit.context,
            "split": "train",
            "caption": caption("descriptive", edit.object, edit.context, images.grouping),
            "mask": "",
            "scene": f"drawn-{digest[:8]}",
            "factors": json.dumps(scene_of_edit(edit, images).factors()),
            "group": images.grouping.group_of(edit.object, edit.context),
        }
        rows.append(row)
    return pd.DataFrame(rows, columns=[*COLUMNS, "group"])


def scene_of_edit(edit: Draw, images: ImageSet) -> Scene:
    """The scene of a drawn image, as the set's recipe shows it; EditError where the set is not
    drawn, or the context is reserved for unseen scenes."""
    recipe = drawn.recipe_of(images.name)
    if recipe is None:
        raise EditError(
            f"The images of {images.name!r} are not drawn, so none can be drawn for it."
        )
    if edit.context in HIDDEN_CONTEXTS and edit.context not in recipe.contexts:
        raise EditError(
            f"No edit draws in {edit.context!r}, which is kept to ask models in; choose another"
            " one."
        )
    scene = sample(edit.object, edit.context, split="demo", index=edit.number, seed=SEED)
    return recipe.apply(scene.replace(**dict(edit.factors)))


def training_sets(
    images: Sequence[ImageSet], condition: Condition, *, stored: bool = False
) -> list[TrainingSet]:
    """The training sets of a condition on the parts of its set (`split_parts`). In a set in folds,
    an edit of an image applies to the models that are trained on it.

    Args:
        images: the parts.
        condition: of the models.
        stored: whether the model, or the list of its edits, is there already: in one from before
            0.6 an edit of a caption may change nothing.

    Raises:
        ImageSetError: where the set is too small.
        EditError: where an edit names what there is not, changes nothing, or does not go with the
            condition.
        CaptionError: where a caption needs what the images lack.
    """
    sets = []
    idle = []  # of each part, why edits change nothing in it
    for part in images:
        reasons: dict[Edit, str] = {}
        sets.append(_training_set(part, condition, reasons))
        idle.append(reasons)
    for edit in condition.changes:
        if all(edit in reasons for reasons in idle):
            raise EditError(idle[0][edit])
    if not stored:
        _check_captions_change(images[0], condition)
    return sets


def _check_captions_change(images: ImageSet, condition: Condition) -> None:
    """Refuse a new caption that is the image's own; it is the same in all parts of a set."""
    changed = relabelled(images, condition)
    rows = np.array([edit.picture for edit in changed], np.int64)
    captions = captions_of(condition.labels, images.grouping, condition.template)
    indices = caption_indices(images, rows, condition)
    for (edit, changed_caption), index in zip(changed.items(), indices, strict=True):
        if changed_caption.text == captions[index].text:
            raise EditError(
                f"Image {edit.picture} has the caption {changed_caption.text!r} already; give it"
                " another one."
            )


def caption_indices(
    images: ImageSet, rows: NDArray[np.int64], condition: Condition
) -> NDArray[np.int64]:
    """Index of each row's caption among the captions of a condition, before edits, (n,)."""
    seed, template = condition.data_seed, condition.template
    return caption_index(condition.labels, images.table, rows, images.grouping, seed, template)


def _training_set(images: ImageSet, condition: Condition, idle: dict[Edit, str]) -> TrainingSet:
    """The training set on one part; `idle` is filled with the reasons why edits change nothing."""
    edits = condition.changes
    for edit in edits:
        _check(edit, images)
    plain = condition.replace(edits="", mitigation="none") if edits else condition
    unedited = training_rows(images, plain)
    rows = _edited_rows(unedited, images, edits, idle)
    training = TrainingSet(images, rows, tuple(edit for edit in edits if isinstance(edit, Draw)))
    if edits and condition.mitigation == "subsample":
        training = _subsampled(training, unedited)
        idle |= _idle_in_subsample(training, unedited, edits)
    groups = training.groups
    counts = {group: int((groups == group).sum()) for group in images.grouping.names}
    if edits:
        _check_counts(counts, condition.mitigation)
    weights = np.ones(len(groups))
    fade = 0.0
    for edit in edits:
        if isinstance(edit, Fade):
            fade = edit.share
        elif isinstance(edit, Weigh):
            weights[groups == edit.group] = edit.by
            if counts[edit.group] == 0:
                idle[edit] = f"No training image of {edit.group} is there to be weighed."
    index, captions = _captions(training, condition)
    return replace(
        training,
        caption_index=index,
        captions=captions,
        weights=None if (weights == 1).all() else weights,
        fade=fade,
    )


def _check(edit: Edit, images: ImageSet) -> None:
    """Refuse an edit that is valid on no training set of these images."""
    grouping = images.grouping
    if isinstance(edit, ImageEdit) and edit.picture >= len(images.table):
        last = f"the image set {images.name!r} has images 0 to {len(images.table) - 1:,}"
        raise EditError(f"There is no image {edit.picture}; {last}.")
    if isinstance(edit, Weigh) and edit.group not in grouping.names:
        raise EditError(
            f"No group is named {edit.group!r}; choose one of {', '.join(grouping.names)}."
        )
    if isinstance(edit, Draw):
        scene_of_edit(edit, images)
    if not isinstance(edit, Draw | Fade):
        return
    if drawn.recipe_of(images.name) is not None:
        if images.version != drawn.VERSION:
            raise EditError(
                f"The images of {images.name!r} are of an older renderer; none can be drawn beside"
                " them."
            )
    elif (images.table["mask"][images.table["group"].isin(grouping.majority)] == "").any():
        raise EditError(_no_masks(images))


def _check_counts(counts: dict[str, int], mitigation: str) -> None:
    """Refuse edits that leave too little to train on; `counts` is by group."""
    if sum(counts.values()) < FEWEST:
        raise EditError(
            f"After these changes {sum(counts.values())} training images are left; remove fewer."
        )
    empty = [group for group, count in counts.items() if count == 0]
    if empty and MITIGATIONS[mitigation].needs_groups:
        raise EditError(
            f"After these changes no training image of {empty[0]} is left for {mitigation}."
        )


def _edited_rows(
    rows: NDArray[np.int64], images: ImageSet, edits: Sequence[Edit], idle: dict[Edit, str]
) -> NDArray[np.int64]:
    """Rows without those that are removed, then those that join."""
    splits = images.table["split"].to_numpy()
    before, after = set(rows.tolist()), rows.tolist()
    for edit in edits:
        if not isinstance(edit, ImageEdit):
            continue
        row = edit.picture
        is_present = row in (after if isinstance(edit, Relabel) else before)
        if splits[row] != "train":
            idle[edit] = f"Image {row} is held out ({splits[row]}); edits change training images."
        elif isinstance(edit, Add) and is_present:
            idle[edit] = f"Image {row} is in the training set already; add another one."
        elif not isinstance(edit, Add) and not is_present:
            what = "cannot be removed" if isinstance(edit, Remove) else "has no caption to change"
            idle[edit] = f"Image {row} is not in this training set, so it {what}."
        elif isinstance(edit, Add):
            after.append(row)
        elif isinstance(edit, Remove):
            after.remove(row)
    return np.array(after, dtype=np.int64)


def _subsampled(training: TrainingSet, unedited: NDArray[np.int64]) -> TrainingSet:
    """Each group cut to the smallest: to what joined it, then to its first rows, of which the
    subsample without edits is made."""
    groups = training.table["group"].to_numpy()
    has_joined = np.arange(len(groups)) >= len(training.rows)
    has_joined[: len(training.rows)] = ~np.isin(training.rows, unedited)
    order = np.argsort(~has_joined, kind="stable")
    members = [order[groups[order] == group] for group in training.images.grouping.names]
    smallest = min(map(len, members))
    chosen = np.sort(np.concatenate([indices[:smallest] for indices in members]))
    count = len(training.rows)
    added = tuple(training.drawn[index - count] for index in chosen[chosen >= count])
    return replace(training, rows=training.rows[chosen[chosen < count]], drawn=added)


def _idle_in_subsample(
    training: TrainingSet, unedited: NDArray[np.int64], edits: Sequence[Edit]
) -> dict[Edit, str]:
    """Why edits change nothing in a subsample, because of images that it leaves out anyway."""
    images = training.images
    plain = _subsampled(TrainingSet(images, unedited), unedited)
    is_as_large = len(training.rows) + len(training.drawn) == len(plain.rows)
    reasons: dict[Edit, str] = {}
    for edit in edits:
        is_removed = isinstance(edit, Remove) and is_as_large and edit.picture not in plain.rows
        is_renamed = isinstance(edit, Relabel) and edit.picture not in training.rows
        if (is_removed or is_renamed) and isinstance(edit, ImageEdit):
            reasons[edit] = (
                f"Image {edit.picture} is not among the {len(plain.rows)} images that subsample"
                " keeps; change one of those."
            )
    return reasons


def _captions(
    training: TrainingSet, condition: Condition
) -> tuple[NDArray[np.int64], tuple[Caption, ...]]:
    """The index of each image's caption, (n,), and the captions."""
    images = training.images
    captions = learnt_captions(images, condition)
    numbers = {caption.text: number for number, caption in enumerate(captions)}
    index = caption_indices(images, training.rows, condition)
    for edit, changed in relabelled(images, condition).items():
        index[training.rows == edit.picture] = numbers[changed.text]
    drawn_index = [numbers[_edit_caption(edit, images, condition).text] for edit in training.drawn]
    return np.concatenate([index, np.array(drawn_index, np.int64)]), captions


def learnt_captions(images: ImageSet, condition: Condition) -> tuple[Caption, ...]:
    """The different captions of a training set: those of the label style, then those of edits;
    EditError where the condition's objective or negatives cannot take one, CaptionError where
    models read two alike.
    """
    grouping, objective = images.grouping, OBJECTIVES[condition.objective]
    named = NEGATIVES[condition.negatives].named
    style_captions = captions_of(condition.labels, grouping, condition.template)
    captions = {caption.text: caption for caption in style_captions}
    for edit in condition.changes:
        if not isinstance(edit, Draw | Relabel):
            continue
        added = _edit_caption(edit, images, condition)
        is_elsewhere = isinstance(edit, Draw) and edit.context not in grouping.contexts
        is_new = added.text not in captions
        if (is_new and objective.labels) or (is_elsewhere and objective.places):
            contexts = " or ".join(grouping.contexts)
            raise EditError(
                f"{condition.objective} knows the set's contexts alone; draw in {contexts}."
            )
        if not all(getattr(added, name) for name in named):
            raise EditError(
                f"Negatives {condition.negatives} need captions that name {' and '.join(named)},"
                f" which {added.text!r} does not."
            )
        captions.setdefault(added.text, added)
    texts = list(captions)
    check_captions(texts, vocabulary_for(condition.text, grouping, texts))
    return tuple(captions.values())


def relabelled(images: ImageSet, condition: Condition) -> dict[Relabel, Caption]:
    """The caption of each image that has another one by an edit."""
    return {
        edit: _edit_caption(edit, images, condition)
        for edit in condition.changes
        if isinstance(edit, Relabel)
    }


def _edit_caption(edit: Draw | Relabel, images: ImageSet, condition: Condition) -> Caption:
    if isinstance(edit, Relabel):
        row, table, seed = edit.picture, images.table, condition.data_seed
        style, template = edit.style, edit.template
    else:
        # Which of several captions it gets does not depend on what else was drawn.
        text = f"{condition.data_seed} {canonical_edits([edit])}"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
        row, table = 0, _table_of_drawn([edit], images)
        style, template = condition.labels, condition.template
    return row_captions(style, table, np.array([row]), images.grouping, seed, template)[0]


def by_chance(images: ImageSet, condition: Condition, seed: int, budget: int = MOST) -> str:
    """Random edits of single images, so many, on the part of the condition's set that is shown.

    The kind of each is drawn first, each that the condition allows being equally likely, and then
    what it changes. Weights and fading change whole groups: one fade outweighs all else in a list,
    and would be in nearly every one. EditError where there is not so much to change."""
    random, grouping = np.random.default_rng([seed, budget]), images.grouping
    plain = condition.replace(edits="")
    chosen = training_rows(images, plain.replace(mitigation="none"))
    pool = np.setdiff1d(images.rows("train"), chosen)
    contexts = [
        context
        for context in CONTEXTS
        if context not in HIDDEN_CONTEXTS or context in grouping.contexts
    ]
    styles = [style for style in STYLES_OF_THE_STUDY if style != condition.labels]

    def random_draw() -> Edit:
        obj, context = str(random.choice(grouping.objects)), str(random.choice(contexts))
        return Draw(obj, context, int(random.integers(NUMBERS)))

    kinds: list[Callable[[], Edit]] = [
        lambda: Add(int(random.choice(pool))),
        random_draw,
        lambda: Remove(int(random.choice(chosen))),
        lambda: Relabel(int(random.choice(chosen)), str(random.choice(styles))),
    ]
    edits = ""
    for _ in range(_TRIES):
        if len(read_edits(edits)) == budget:
            return edits
        # The condition may not allow an edit, or it contradicts an earlier one.
        with suppress(LabError, ValueError):
            kind = random.choice(np.array(kinds, dtype=object))
            longer = canonical_edits([*read_edits(edits), kind()])
            if len(read_edits(longer)) > len(read_edits(edits)):
                training_sets([images], plain.replace(edits=longer))
                edits = longer
    raise EditError(f"There are not {budget} changes to be made here by chance; give fewer.")
