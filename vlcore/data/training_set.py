"""Training sets with the edits of a condition applied: rows, drawn pictures, captions, weights and
pixels.

Edits act on the biased training subset and on nothing else; a mitigation acts on what they leave.
Held-out pictures, and the captions by which an object is read off them, stay as they are. A picture
that is drawn in another place than the set's two belongs to its object's minority group, for that
place is not its usual one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
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
from vlcore.experiment.vocabulary import check_captions
from vlcore.scenes import CONTEXTS, Scene, draw, sample

SEED = (
    1  # of drawn pictures: no picture of a set, and no example of a page, shows one of their scenes
)
# No edit draws in these, unless they are the set's own: `vlcore.api.unseen_scenes` asks models
# there.
HIDDEN_CONTEXTS, HIDDEN_STYLES = ("beach", "street"), ("watercolour", "night")
FEWEST = 2  # pictures to train on
_TRIES = 1_000


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """The pictures that a model is trained on: those of some rows of a set, and after them what was
    drawn."""

    images: ImageSet
    rows: NDArray[np.int64]  # (m,), in a fixed order
    drawn: tuple[Draw, ...] = ()  # n - m
    own: NDArray[np.int64] = field(
        default_factory=lambda: np.empty(0, np.int64)
    )  # see `said`, (n,); (0,) without
    said: tuple[
        Caption, ...
    ] = ()  # the different captions: those of the label style, and what edits say besides
    weights: NDArray[np.float64] | None = (
        None  # how much each picture counts, (n,); None where all count alike
    )
    fade: float = 0.0  # share that the majority's background loses

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a picture, (n,), with the columns of the set's table."""
        known = self.images.table.iloc[self.rows].reset_index(drop=True)
        return (
            pd.concat([known, _table(self.drawn, self.images)], ignore_index=True)
            if self.drawn
            else known
        )

    @cached_property
    def altered(self) -> NDArray[np.int64]:
        """Places, of n, of the images that are not as the set has them: drawn, or with a faded
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
                raise EditError(
                    f"The image set {self.images.name!r} has no masks, so no background can be"
                    " faded."
                )
            return _faded(self.images.pixels(rows, size), masks, self.fade)
        is_majority = self.table["group"].isin(self.images.grouping.majority).to_numpy()
        images = []
        for place in self.altered:
            scene = Scene.from_factors(json.loads(self.table["factors"].iat[place]))
            if is_majority[place]:
                scene = scene.replace(context_contrast=scene.context_contrast * (1 - self.fade))
            images.append(averaged(draw(scene, drawn.SIZE).image, size))
        return np.stack(images)


def _faded(pixels: NDArray[np.uint8], masks: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    outside = 1 - masks[..., None] / 255  # (n, S, S, 1)
    if not (masks == 0).any():
        raise EditError("The masks of these pictures leave no background, so none can be faded.")
    grey = pixels[masks == 0].mean(axis=0)  # of all places
    return np.rint(pixels + share * outside * (grey - pixels)).astype(np.uint8)


def _table(drawn_ones: Sequence[Draw], images: ImageSet) -> pd.DataFrame:
    rows = []
    for edit in drawn_ones:
        scene, name = (
            scene_of_edit(edit, images),
            hashlib.sha256(canonical_edits([edit]).encode()).hexdigest()[:8],
        )
        said = caption("descriptive", edit.object, edit.context, images.grouping)
        facts = (
            "",
            edit.object,
            edit.context,
            "train",
            said,
            "",
            f"drawn-{name}",
            json.dumps(scene.factors()),
        )
        rows.append((*facts, images.grouping.group_of(edit.object, edit.context)))
    return pd.DataFrame(rows, columns=[*COLUMNS, "group"])


def scene_of_edit(edit: Draw, images: ImageSet) -> Scene:
    """The scene of a drawn picture, as the set's recipe shows it but for a style that was chosen;
    EditError where the set is not drawn, or place or style are kept to ask models in."""
    recipe, factors = drawn.recipe_of(images.name), dict(edit.factors)
    if recipe is None:
        raise EditError(
            f"The pictures of {images.name!r} are not drawn, so none can be drawn for it."
        )
    style = {name: factors.pop(name) for name in ("style",) if name in factors}
    scene = sample(edit.object, edit.context, split="demo", index=edit.number, seed=SEED)
    scene = recipe.apply(scene.replace(**factors)).replace(**style)
    hidden = {*HIDDEN_CONTEXTS, *HIDDEN_STYLES} - {*recipe.contexts, recipe.style}
    if kept := hidden & {scene.context, scene.style}:
        raise EditError(
            f"No edit draws in {kept.pop()!r}, which is kept to ask models in; choose another one."
        )
    return scene


def training_sets(images: Sequence[ImageSet], condition: Condition) -> list[TrainingSet]:
    """The training sets of a condition on the parts of its set (`vlcore.data.subset.parts`). In a
    set in folds an edit of a picture holds in the models that train on it. ImageSetError where the
    set is too small; EditError where an edit names what there is not, changes nothing, or does not
    go with the condition; CaptionError where a caption needs what the pictures lack."""
    made, idle = [], []
    for part in images:
        reasons: dict[Edit, str] = {}
        made.append(_training_set(part, condition, reasons))
        idle.append(reasons)
    for edit in condition.changes:
        if all(edit in reasons for reasons in idle):
            raise EditError(idle[0][edit])
    return made


def _training_set(images: ImageSet, condition: Condition, idle: dict[Edit, str]) -> TrainingSet:
    """The training set on one part, and why which edits change nothing in it."""
    grouping, edits = images.grouping, condition.changes
    for edit in edits:
        _check(edit, images)
    rows = training_rows(
        images, condition.replace(edits="", mitigation="none") if edits else condition
    )
    rows = _edited_rows(rows, images, edits, idle)
    kept = TrainingSet(images, rows, tuple(edit for edit in edits if isinstance(edit, Draw)))
    if edits and condition.mitigation == "subsample":
        kept = _subsampled(kept, condition.data_seed)
    groups = kept.table["group"].to_numpy()
    counts = {group: int((groups == group).sum()) for group in grouping.names}
    if edits and len(groups) < FEWEST:
        raise EditError(
            f"After these changes {len(groups)} training pictures are left; remove fewer."
        )
    if edits and MITIGATIONS[condition.mitigation].needs_groups and 0 in counts.values():
        lacking = next(group for group, count in counts.items() if count == 0)
        raise EditError(
            f"After these changes no training picture of {lacking} is left for"
            f" {condition.mitigation}."
        )
    weights = np.ones(len(groups))
    for edit in edits:
        if isinstance(edit, Weigh):
            weights[groups == edit.group] = edit.by
            if counts[edit.group] == 0:
                idle[edit] = f"No training picture of {edit.group} is there to be weighed."
    fade = next((edit.share for edit in edits if isinstance(edit, Fade)), 0.0)
    weighed = None if (weights == 1).all() else weights
    return TrainingSet(images, kept.rows, kept.drawn, *_captions(kept, condition), weighed, fade)


def _check(edit: Edit, images: ImageSet) -> None:
    """Refuse what is right on no training set of these pictures."""
    if isinstance(edit, ImageEdit) and edit.picture >= len(images.table):
        last = f"the image set {images.name!r} has pictures 0 to {len(images.table) - 1:,}"
        raise EditError(f"There is no picture {edit.picture}; {last}.")
    if isinstance(edit, Weigh) and edit.group not in images.grouping.names:
        raise EditError(
            f"No group is named {edit.group!r}; choose one of {', '.join(images.grouping.names)}."
        )
    if isinstance(edit, Draw):
        scene_of_edit(edit, images)
    is_drawn = drawn.recipe_of(images.name) is not None
    if isinstance(edit, Draw | Fade) and is_drawn and images.version != drawn.VERSION:
        raise EditError(
            f"The pictures of {images.name!r} are of an older renderer; none can be drawn beside"
            " them."
        )
    of_majority = images.table["group"].isin(images.grouping.majority)
    if (
        isinstance(edit, Fade)
        and not is_drawn
        and (images.table.loc[of_majority, "mask"] == "").any()
    ):
        raise EditError(
            f"The image set {images.name!r} has no masks, so no background can be faded."
        )


def _edited_rows(
    rows: NDArray[np.int64], images: ImageSet, edits: Sequence[Edit], idle: dict[Edit, str]
) -> NDArray[np.int64]:
    """Rows without those that are removed, then those that join."""
    splits, before, after = images.table["split"].to_numpy(), set(rows.tolist()), rows.tolist()
    for edit in (one for one in edits if isinstance(one, ImageEdit)):  # captions come last
        there = edit.picture in (after if isinstance(edit, Relabel) else before)
        if splits[edit.picture] != "train":
            idle[edit] = (
                f"Picture {edit.picture} is held out ({splits[edit.picture]}); edits change"
                " training pictures."
            )
        elif isinstance(edit, Add) and there:
            idle[edit] = f"Picture {edit.picture} is in the training set already; add another one."
        elif not isinstance(edit, Add) and not there:
            what = "cannot be removed" if isinstance(edit, Remove) else "has no caption to change"
            idle[edit] = f"Picture {edit.picture} is not in this training set, so it {what}."
        elif isinstance(edit, Add):
            after.append(edit.picture)
        elif isinstance(edit, Remove):
            after.remove(edit.picture)
    return np.array(after, dtype=np.int64)


def _subsampled(kept: TrainingSet, seed: int) -> TrainingSet:
    """Each group cut to the smallest by chance, whether its pictures were drawn or are the
    set's."""
    groups, chosen = kept.table["group"].to_numpy(), []
    members = [np.flatnonzero(groups == group) for group in kept.images.grouping.names]
    for number, of_group in enumerate(members):
        order = np.random.default_rng([seed, number, 2]).permutation(of_group)
        chosen += sorted(order[: min(map(len, members))].tolist())
    rows = [kept.rows[place] for place in chosen if place < len(kept.rows)]
    scenes = [kept.drawn[place - len(kept.rows)] for place in chosen if place >= len(kept.rows)]
    return TrainingSet(kept.images, np.array(rows, dtype=np.int64), tuple(scenes))


def _captions(
    kept: TrainingSet, condition: Condition
) -> tuple[NDArray[np.int64], tuple[Caption, ...]]:
    """The index of each picture's caption, (n,), and the captions."""
    images, said = kept.images, learnt_captions(kept.images, condition)
    number = {one.text: number for number, one in enumerate(said)}
    of_style = (
        condition.labels,
        images.table,
        kept.rows,
        images.grouping,
        condition.data_seed,
        condition.template,
    )
    own = caption_index(*of_style)
    for edit, one in relabelled(images, condition).items():
        own[kept.rows == edit.picture] = number[one.text]
    of_drawn = [number[_caption(edit, images, condition).text] for edit in kept.drawn]
    return np.concatenate([own, np.array(of_drawn, np.int64)]), said


def learnt_captions(images: ImageSet, condition: Condition) -> tuple[Caption, ...]:
    """The different captions of a training set: those of the label style, then what edits say
    besides; EditError where the condition's objective or negatives cannot take one, CaptionError
    where models read two alike.
    """
    grouping, objective = images.grouping, OBJECTIVES[condition.objective]
    said = {one.text: one for one in captions_of(condition.labels, grouping, condition.template)}
    for edit in condition.changes:
        if not isinstance(edit, Draw | Relabel):
            continue
        one = _caption(edit, images, condition)
        elsewhere = isinstance(edit, Draw) and edit.context not in grouping.contexts
        if (one.text not in said and objective.labels) or (elsewhere and objective.places):
            places = " or ".join(grouping.contexts)
            raise EditError(
                f"{condition.objective} knows the set's places alone; draw in {places}."
            )
        if NEGATIVES[condition.negatives].both and not (one.object and one.context):
            needed = f"Negatives {condition.negatives} need captions that name object and context"
            raise EditError(f"{needed}, which {one.text!r} does not.")
        said.setdefault(one.text, one)
    check_captions(list(said))
    return tuple(said.values())


def relabelled(images: ImageSet, condition: Condition) -> dict[Relabel, Caption]:
    """The caption of each picture that has another one by an edit."""
    return {
        edit: _caption(edit, images, condition)
        for edit in condition.changes
        if isinstance(edit, Relabel)
    }


def _caption(edit: Draw | Relabel, images: ImageSet, condition: Condition) -> Caption:
    rest = images.grouping, condition.data_seed
    if isinstance(edit, Relabel):
        return row_captions(
            edit.style, images.table, np.array([edit.picture]), *rest, edit.template
        )[0]
    # Which of several captions it gets is its own affair, whatever else was drawn.
    text = f"{condition.data_seed} {canonical_edits([edit])}"
    rest = images.grouping, int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    return row_captions(
        condition.labels, _table([edit], images), np.array([0]), *rest, condition.template
    )[0]


def by_chance(images: ImageSet, condition: Condition, seed: int, budget: int = MOST) -> str:
    """So many changes of single pictures by chance, as edits of a condition on the part of its set
    that is shown: the kind of each is drawn first, each that the condition allows being equally
    likely, and then what it changes. Weights and fading change whole groups; one fade outweighs all
    else in a list, and would be in nearly every one. EditError where there is not so much to
    change."""
    random, grouping = np.random.default_rng([seed, budget]), images.grouping
    plain = condition.replace(edits="")
    chosen = training_rows(images, plain.replace(mitigation="none"))
    pool = np.setdiff1d(images.rows("train"), chosen)
    places = [
        place for place in CONTEXTS if place not in HIDDEN_CONTEXTS or place in grouping.contexts
    ]
    styles = [style for style in STYLES_OF_THE_STUDY if style != condition.labels]
    kinds: list[Callable[[], Edit]] = [
        lambda: Add(int(random.choice(pool))),
        lambda: Draw(
            str(random.choice(grouping.objects)),
            str(random.choice(places)),
            int(random.integers(NUMBERS)),
        ),
        lambda: Remove(int(random.choice(chosen))),
        lambda: Relabel(int(random.choice(chosen)), str(random.choice(styles))),
    ]
    found = ""
    for _ in range(_TRIES):
        if len(read_edits(found)) == budget:
            return found
        with suppress(
            LabError, ValueError
        ):  # the condition does not allow it, or it contradicts what is there
            more = canonical_edits(
                [*read_edits(found), random.choice(np.array(kinds, dtype=object))()]
            )
            if len(read_edits(more)) > len(read_edits(found)):
                training_sets([images], plain.replace(edits=more))
                found = more
    raise EditError(f"There are not {budget} changes to be made here by chance; give fewer.")
