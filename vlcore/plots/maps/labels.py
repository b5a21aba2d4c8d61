"""Placement of labels: words beside the diamonds of captions, and names at the ends of curves.

Greedy and in order: of a few places around each diamond, the one that hides least of words,
diamonds, points.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

GAP = 10.0  # px from the centre of a diamond to its words
LINE = 16.0  # px, height of a line of words
CHARACTER = 6.7  # px, a generous width of one character at 12 px semi-bold

Box = tuple[float, float, float, float]  # left, top, right, bottom in px
Points = npt.NDArray[np.float64]
Place = tuple[
    float, float, str
]  # dx, dy in px of a text's anchor from its diamond, and how it is aligned to that

_LINES = 9  # above and below a diamond, for long words
# Beside the diamond first; further out for crowds, where a thin line leads back to the diamond.
_NEAR, _FAR = (0.0, -LINE, LINE), (-2 * LINE, 2 * LINE, -3 * LINE, 3 * LINE)
_PLACES = (
    *((GAP, dy, "left") for dy in _NEAR),
    *((-GAP, dy, "right") for dy in _NEAR),
    *((0.0, dy, "center") for dy in (LINE, -LINE)),
    *((GAP, dy, "left") for dy in _FAR),
    *((-GAP, dy, "right") for dy in _FAR),
)


def place_labels(
    words: Sequence[str], anchors: Points, points: Points, side: float, stars: Points | None = None
) -> list[Place]:
    """Choose a place for the words of each of n diamonds, in their order. All places are in px from
    the top left corner of the square pane: `anchors`, the diamonds, (n, 2); `points`, marks that
    should stay visible, (m, 2); and `stars`, marks on top of everything, which words keep off as
    they do off diamonds, (k, 2)."""
    taken: list[Box] = []
    chosen = []
    for index, (text, anchor) in enumerate(zip(words, anchors, strict=True)):
        others = np.delete(anchors, index, axis=0)
        solid = others if stars is None else np.concatenate([others, stars])
        costs, boxes, places = [], np.reshape(taken, (-1, 4)), _places(text, anchor, side)
        for place in places:
            box = _box(text, anchor, place)
            outside = sum(
                max(0.0, beyond) for beyond in (-box[0], -box[1], box[2] - side, box[3] - side)
            )
            sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(
                box[:2], boxes[:, :2]
            )  # of what each one shares
            overlap = sides.clip(0).prod(axis=1).sum()  # px²
            hidden = 40 * np.sum(_distance(box, solid) <= 6) + 1.5 * np.sum(
                _distance(box, points) <= 0
            )
            # Words that are nearer to another diamond would be read as that one's.
            strange = 25 * float(np.any(_distance(box, others) < _distance(box, anchor[None])))
            costs.append(1000 * outside + 10 * overlap + hidden + strange + 0.8 * abs(place[1]))
        best = places[int(np.argmin(costs))]
        taken.append(_box(text, anchor, best))
        chosen.append(best)
    return chosen


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Push places on a line, in px and in any order, apart to at least `gap`, in their order; close
    ones share it."""
    from scipy.optimize import (
        isotonic_regression,  # here, for it costs as much as all else that maps need
    )

    order, steps = np.argsort(places, kind="stable"), gap * np.arange(len(places))
    result = np.empty(len(places))
    result[order] = isotonic_regression(np.asarray(places, dtype=float)[order] - steps).x + steps
    return result.tolist()


def _places(text: str, anchor: Points, side: float) -> tuple[Place, ...]:
    """Where words may stand; such as are long for their pane, on a phone, also in lines above and
    below, inside it."""
    width = CHARACTER * len(text)
    if 2 * width <= side:
        return _PLACES
    left = min(max(0.0, float(anchor[0]) - width / 2), max(0.0, side - width)) - float(anchor[0])
    return (*_PLACES, *((left, line * LINE, "left") for line in range(-_LINES, _LINES + 1) if line))


def _box(text: str, anchor: Points, place: Place) -> Box:
    width, (dx, dy, align) = CHARACTER * len(text), place
    x, y = float(anchor[0]) + dx, float(anchor[1]) + dy
    left = x - {"left": 0.0, "center": width / 2, "right": width}[align]
    return left, y - LINE / 2, left + width, y + LINE / 2


def _distance(box: Box, points: Points) -> Points:
    """From each point to the box in px; 0 inside."""
    inside = np.clip(points, box[:2], box[2:])
    return np.hypot(*(points - inside).T)
