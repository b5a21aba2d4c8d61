"""Counterfactual effects: how far a decision moves when only a scene's object or only its context
changes.

Held-out images come four a scene, both objects in both contexts from the same draw of everything
else, so differences inside a scene are effects of the factor that was swapped and of nothing
else."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.grouping import Grouping
from vlcore.metrics.accuracy import paired_difference, scene_correlation
from vlcore.metrics.estimate import Estimate, Labels, bootstrap, rate

Pixels = NDArray[np.uint8]

# An effect that rounding alone can have, of float32 log scores.
NOTHING = 1e-6


@dataclass(frozen=True, eq=False)
class Crossing:
    """The four images of each scene."""

    # Of each scene, object and context, in the order of the grouping, (scenes, 2, 2).
    rows: NDArray[np.int64]
    scenes: Labels  # of each image, in the order of ``rows.ravel()``, (n,)


def crossing(objects: Labels, contexts: Labels, scenes: Labels, grouping: Grouping) -> Crossing:
    """Finds the four images of each scene, (n,) labels each; ValueError when a scene lacks one or
    has one twice."""
    names, scene = np.unique(scenes, return_inverse=True)
    # An image's number among the four of its scene.
    cells = 2 * (objects == grouping.objects[1]) + (contexts == grouping.contexts[1])
    counts = np.bincount(scene * 4 + cells, minlength=4 * len(names))
    if (counts != 1).any():
        index, cell = divmod(int((counts != 1).argmax()), 4)
        pair = f"{grouping.objects[cell // 2]} in {grouping.contexts[cell % 2]}"
        raise ValueError(
            "Swapping needs each scene once with both objects in both contexts, but scene"
            f" {str(names[index])!r} has {counts[4 * index + cell]} images of {pair}."
        )
    rows = np.argsort(scene * 4 + cells, kind="stable")
    return Crossing(rows.reshape(-1, 2, 2), np.asarray(scenes)[rows])


def background_reliance(margin: NDArray[np.floating], crossed: Crossing) -> Estimate:
    """Background Reliance Index ``D_C / (D_A + D_C)``, 0 (decides on the object) to 1 (on the
    background); margin (n,). A ratio of means over scenes, with a bootstrap interval over scenes,
    which holds the truth in 93 to 96% of simulated sets; ValueError when
    neither swap moves the score: a collapsed model decides on nothing."""
    cells = np.asarray(margin, dtype=np.float64)[crossed.rows]
    # The letters are the object and the context, first or second.
    (aa, ab), (ba, bb) = cells.transpose(1, 2, 0)
    by_object, by_context = np.abs(aa - ba + ab - bb) / 2, np.abs(aa - ab + ba - bb) / 2
    both = by_object + by_context
    if both.mean() <= NOTHING:
        raise ValueError(
            "Swapping moves nothing in this model, so what it relies on is not defined."
        )

    def share(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        scene_weights = weights[:, ::4]  # the four images of a scene weigh the same
        moved = scene_weights @ both
        # Not defined for a resample of scenes in which no swap moves anything.
        return scene_weights @ by_context / np.where(moved > 0, moved, np.nan)

    return bootstrap(share, crossed.scenes)


def flip_rate(
    predicted: Labels, crossed: Crossing, swapped: Literal["object", "context"]
) -> Estimate:
    """Share of images whose predicted object, (n,), changes when their context is swapped, 0 at
    best, or their object, 1 at best."""
    before, after = np.moveaxis(predicted[crossed.rows], 1 if swapped == "object" else 2, 0)
    return rate(np.repeat(before != after, 2), crossed.scenes)


PANEL_KINDS = ("cut_out", "only_bg", "mixed_same", "mixed_rand")


def usable_for_panel(
    masks: NDArray[np.uint8], contexts: Labels, scenes: Labels, grouping: Grouping
) -> NDArray[np.bool_]:
    """Which images a panel can be made of, (n,): those whose mask, (n, S, S), leaves an animal and
    a place around it. None where fewer than two scenes of them show a context."""
    rows, columns = masks.max(axis=2) > 0, masks.max(axis=1) > 0  # that show the animal, (n, S)
    spans_image = rows[:, 0] & rows[:, -1] & columns[:, 0] & columns[:, -1]
    usable = rows.any(axis=1) & ~spans_image
    for context in grouping.contexts:
        if len(np.unique(scenes[usable & (contexts == context)])) < 2:
            return np.zeros_like(usable)
    return usable


def panel(
    pixels: Pixels,
    masks: NDArray[np.uint8],
    objects: Labels,
    contexts: Labels,
    scenes: Labels,
    grouping: Grouping,
) -> dict[str, Pixels]:
    """The variants of images, uint8 (n, S, S, 3) each, by name (Xiao et al. 2020):

    - ``cut_out``: the animal on the mean colour of all places, so that the image is about as
    bright as any;
    - ``only_bg``: the place, the animal's bounding box tiled with the wider strip beside it
    (Only-BG-T);
    - ``mixed_same``: the animal in the place of another image from its object's majority context;
    - ``mixed_rand``: the same from a random context.

    Places are tiled before an animal is put in them, and come from other scenes by chance. `masks`
    say how far each pixel is the animal's, 0 to 255, (n, S, S); labels are (n,). ValueError when a
    mask is empty or leaves no place beside the animal, or no other scene shows a context
    (`usable_for_panel` says which images are safe).
    """
    inside = masks > 0
    places = np.stack([_tiled(pixels[row], inside[row], row) for row in range(len(pixels))])
    random = np.random.default_rng(0)
    grey = pixels[~inside].mean(axis=0).round().astype(np.uint8)  # of all places
    # An object's majority context has the index of the object.
    majority = (objects == grouping.objects[1]).astype(int)

    def mixed(wanted: NDArray[np.int64]) -> Pixels:
        donors = np.empty_like(wanted)
        for row, position in enumerate(wanted):
            context = grouping.contexts[position]
            candidates = np.flatnonzero((contexts == context) & (scenes != scenes[row]))
            if len(candidates) == 0:
                raise ValueError(
                    f"No other scene shows {context}, so no animal can be moved there."
                )
            donors[row] = random.choice(candidates)
        return _composed(pixels, masks, places[donors])

    return {
        "cut_out": _composed(pixels, masks, np.broadcast_to(grey, pixels.shape)),
        "only_bg": places,
        "mixed_same": mixed(majority),
        "mixed_rand": mixed(random.integers(0, 2, len(majority))),
    }


def background_gap(
    right_same: NDArray[np.bool_], right_rand: NDArray[np.bool_], scenes: Labels
) -> Estimate:
    """How much the place helps: accuracy on ``mixed_same`` minus accuracy on ``mixed_rand``, -1 to
    1, of the same animals; (n,) each. Its interval is that of `accuracy.difference`, over the
    scenes of the animals.
    """
    same, rand = rate(right_same, scenes), rate(right_rand, scenes)
    correlation = scene_correlation(right_same - same.value, right_rand - rand.value, scenes)
    return paired_difference(same, rand, correlation, same.n)


def _composed(pixels: Pixels, masks: NDArray[np.uint8], places: Pixels) -> Pixels:
    share = masks[..., None].astype(np.uint16)
    rounded = (pixels * share + places * (255 - share) + 127) // 255
    return rounded.astype(np.uint8)


def _tiled(image: Pixels, inside: NDArray[np.bool_], row: int) -> Pixels:
    """An image whose animal's box repeats the wider strip at its left or right, so that ground
    stays ground and sky sky; where the box spans the image, the higher strip above or below
    it."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if len(rows) == 0:
        raise ValueError(f"The mask of image {row} is empty, so there is no animal to move.")
    if columns[0] == 0 and columns[-1] == inside.shape[1] - 1:
        if rows[0] == 0 and rows[-1] == inside.shape[0] - 1:
            raise ValueError(f"The animal of image {row} fills it, so no place is left around it.")
        return _tiled(image.transpose(1, 0, 2), inside.T, row).transpose(1, 0, 2)
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    strip = (
        image[top:bottom, :left] if left >= image.shape[1] - right else image[top:bottom, right:]
    )
    filled = image.copy()
    filled[top:bottom, left:right] = strip[:, np.arange(right - left) % strip.shape[1]]
    return filled
