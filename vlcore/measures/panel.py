"""Background-challenge panel: accuracy with the animal or its background removed or exchanged.

The one idea: a mask says which pixels are the animal's, so that from held-out pictures come others that no camera took:
the animal on nothing, the place without it, the animal in another picture's place. Accuracy over such a panel tells
which of the two a model decides on (Xiao et al. 2020, ImageNet-9), without asking it to explain itself. A shadow that
the animal casts belongs to the place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vlcore.images.groups import Grouping
from vlcore.measures.accuracy import difference, scene_correlation
from vlcore.measures.estimate import Estimate, rate

Pixels = NDArray[np.uint8]
Labels = NDArray[np.str_]


def panel(
    pixels: Pixels,
    masks: NDArray[np.uint8],
    objects: Labels,
    contexts: Labels,
    scenes: Labels,
    grouping: Grouping,
    seed: int = 0,
) -> dict[str, Pixels]:
    """The variants of pictures, each (n, S, S, 3), by name:

    - ``original``;
    - ``only_fg``: the animal on black;
    - ``no_fg``: the place, black where the animal stood;
    - ``only_bg``: the place, the animal's bounding box tiled with the wider strip beside it (Only-BG-T);
    - ``mixed_same``: the animal in the place of another picture from its object's majority context;
    - ``mixed_rand``: the same from a random context;
    - ``mixed_next``: the same from its object's minority context.

    Places are tiled before an animal is put in them, and come from other scenes.

    Args:
        pixels: uint8 (n, S, S, 3).
        masks: how far each pixel is the animal's, 0 to 255, (n, S, S).
        objects: object, (n,).
        contexts: context, (n,).
        scenes: scene, (n,).
        grouping: which context is an object's majority.
        seed: of which place an animal gets.

    Raises:
        ValueError: when a mask is empty or leaves no place beside the animal, an object or context is not of the
            grouping, or no other scene shows a context.
    """
    inside = masks > 0
    places = np.stack(
        [_tiled(picture, mask, row) for row, (picture, mask) in enumerate(zip(pixels, inside, strict=True))]
    )
    random = np.random.default_rng(seed)
    own = _positions(objects, grouping.objects)  # an object's majority context has the object's own position
    found = _positions(contexts, grouping.contexts)
    _, scene = np.unique(scenes, return_inverse=True)

    def mixed(wanted: NDArray[np.int64]) -> Pixels:
        return _composed(pixels, masks, places[_donors(wanted, found, scene, grouping, random)])

    return {
        "original": pixels,
        "only_fg": _composed(pixels, masks, np.zeros_like(pixels)),
        "no_fg": np.where(inside[..., None], np.uint8(0), pixels),
        "only_bg": places,
        "mixed_same": mixed(own),
        "mixed_rand": mixed(random.integers(0, 2, len(own))),
        "mixed_next": mixed(1 - own),
    }


def background_gap(right_same: NDArray[np.bool_], right_rand: NDArray[np.bool_], scenes: Labels) -> Estimate:
    """How much the place helps: accuracy on ``mixed_same`` minus accuracy on ``mixed_rand``, -1 to 1, of the same
    animals; (n,) each. Its interval is that of `accuracy.difference`, over the scenes of the animals.

    Raises:
        ValueError: when there is no picture.
    """
    same, rand = rate(right_same, scenes), rate(right_rand, scenes)
    together = scene_correlation(right_same - same.value, right_rand - rand.value, scenes)
    return difference(same, rand, together, same.n)


def _positions(labels: Labels, names: tuple[str, str]) -> NDArray[np.int64]:
    if not np.isin(labels, names).all():
        raise ValueError(f"A picture shows something else than {' or '.join(names)}.")
    return np.asarray(labels == names[1], dtype=np.int64)


def _donors(
    wanted: NDArray[np.int64],
    contexts: NDArray[np.int64],
    scene: NDArray[np.int64],
    grouping: Grouping,
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """A picture of another scene in the context that each picture wants, (n,) row numbers."""
    donors = np.empty_like(wanted)
    for row, context in enumerate(wanted):
        candidates = np.flatnonzero((contexts == context) & (scene != scene[row]))
        if len(candidates) == 0:
            raise ValueError(f"No other scene shows {grouping.contexts[context]}, so no animal can be moved there.")
        donors[row] = random.choice(candidates)
    return donors


def _composed(pixels: Pixels, masks: NDArray[np.uint8], places: Pixels) -> Pixels:
    of_animal = masks[..., None].astype(np.uint16)
    return ((pixels * of_animal + places * (255 - of_animal) + 127) // 255).astype(np.uint8)  # rounded


def _tiled(picture: Pixels, inside: NDArray[np.bool_], row: int) -> Pixels:
    """A picture whose animal's box repeats the wider strip at its left or right, so that ground stays ground and sky
    sky; where the box spans the picture, the higher strip above or below it."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if len(rows) == 0:
        raise ValueError(f"The mask of picture {row} is empty, so there is no animal to move.")
    if len(columns) == inside.shape[1] and len(rows) == inside.shape[0]:
        raise ValueError(f"The animal of picture {row} fills it, so no place is left around it.")
    if columns[0] == 0 and columns[-1] == inside.shape[1] - 1:
        return _tiled(picture.transpose(1, 0, 2), inside.T, row).transpose(1, 0, 2)
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    beside = picture[top:bottom, :left] if left >= picture.shape[1] - right else picture[top:bottom, right:]
    filled = picture.copy()
    filled[top:bottom, left:right] = beside[:, np.arange(right - left) % beside.shape[1]]
    return filled
