"""Placement of labels: words beside the diamonds of captions, and names at the ends of curves.

Of a few places around each diamond, the one that hides the least: in the pane, off other words, off diamonds, off
points. Greedy and in order, so that equal input gives equal charts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

GAP = 10.0  # px from the centre of a diamond to its words
LINE = 16.0  # px, height of a line of words
CHARACTER = 6.7  # px, a generous width of one character at 12 px semi-bold

Box = tuple[float, float, float, float]  # left, top, right, bottom in px


@dataclass(frozen=True)
class Place:
    """Offset in px of a text's anchor from its diamond, and how the text is aligned to that anchor."""

    dx: float
    dy: float
    align: str


# Beside the diamond first; further out for crowds, where a thin line leads back to the diamond.
_PLACES = (
    *(Place(GAP, dy, "left") for dy in (0.0, -LINE, LINE)),
    *(Place(-GAP, dy, "right") for dy in (0.0, -LINE, LINE)),
    Place(0.0, LINE, "center"),
    Place(0.0, -LINE, "center"),
    *(Place(GAP, step * LINE, "left") for step in (-2.0, 2.0, -3.0, 3.0)),
    *(Place(-GAP, step * LINE, "right") for step in (-2.0, 2.0, -3.0, 3.0)),
)


def place_labels(
    words: Sequence[str],
    anchors: npt.NDArray[np.float64],
    points: npt.NDArray[np.float64],
    side: float,
    stars: npt.NDArray[np.float64] | None = None,
) -> list[Place]:
    """Choose a place for the words of each diamond.

    Args:
        words: n texts.
        anchors: Shape (n, 2): the diamonds, in px from the top left corner of the pane.
        points: Shape (m, 2): marks that should stay visible, in px.
        side: Side of the square pane in px.
        stars: Shape (k, 2): marks on top of everything, which words keep off as they do off diamonds.

    Returns:
        n places, in order.
    """
    taken: list[Box] = []
    chosen = []
    for index, (text, anchor) in enumerate(zip(words, anchors, strict=True)):
        others = np.delete(anchors, index, axis=0)
        solid = others if stars is None else np.concatenate([others, stars])
        costs = []
        for place in _PLACES:
            box = _box(text, anchor, place)
            outside = sum(max(0.0, beyond) for beyond in (-box[0], -box[1], box[2] - side, box[3] - side))
            overlap = sum(_shared(box, other) for other in taken)
            hidden = 40 * np.sum(_distance(box, solid) <= 6) + 1.5 * np.sum(_distance(box, points) <= 0)
            # Words that are nearer to another diamond would be read as that one's.
            strange = 25 * float(np.any(_distance(box, others) < _distance(box, anchor[None])))
            costs.append(1000 * outside + 10 * overlap + hidden + strange + 0.8 * abs(place.dy))
        best = _PLACES[int(np.argmin(costs))]
        taken.append(_box(text, anchor, best))
        chosen.append(best)
    return chosen


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Push places on a line apart to at least `gap`, keeping their order; close ones share the shift.

    Args:
        places: Positions in px, in any order.
        gap: The least distance in px.

    Returns:
        The new positions, in the order given.
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    # Each cluster is a run of places at distance `gap` around the mean of where they want to be.
    clusters: list[tuple[float, list[int]]] = []
    for index in order:
        middle, members = places[index], [index]
        while clusters and middle - clusters[-1][0] < gap * (len(members) + len(clusters[-1][1])) / 2:
            members = clusters.pop()[1] + members
            middle = sum(places[member] for member in members) / len(members)
        clusters.append((middle, members))
    result = [0.0] * len(places)
    for middle, members in clusters:
        for rank, member in enumerate(members):
            result[member] = middle + gap * (rank - (len(members) - 1) / 2)
    return result


def _box(text: str, anchor: npt.NDArray[np.float64], place: Place) -> Box:
    width = CHARACTER * len(text)
    x, y = float(anchor[0]) + place.dx, float(anchor[1]) + place.dy
    left = x - {"left": 0.0, "center": width / 2, "right": width}[place.align]
    return left, y - LINE / 2, left + width, y + LINE / 2


def _shared(one: Box, other: Box) -> float:
    """The shared area in px²."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _distance(box: Box, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """From each point to the box in px; 0 inside."""
    x = np.maximum(np.maximum(box[0] - points[:, 0], points[:, 0] - box[2]), 0)
    y = np.maximum(np.maximum(box[1] - points[:, 1], points[:, 1] - box[3]), 0)
    return np.hypot(x, y)
