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
# dx, dy in px of a text's anchor from its diamond, and how it is aligned to that
Offset = tuple[float, float, str]

_LINES = 9  # above and below a diamond, for long words
# Beside the diamond first; further out for crowds, where a thin line leads back to the diamond.
_NEAR, _FAR = (0.0, -LINE, LINE), (-2 * LINE, 2 * LINE, -3 * LINE, 3 * LINE)
_OFFSETS: tuple[Offset, ...] = (
    *((GAP, dy, "left") for dy in _NEAR),
    *((-GAP, dy, "right") for dy in _NEAR),
    (0.0, LINE, "center"),
    (0.0, -LINE, "center"),
    *((GAP, dy, "left") for dy in _FAR),
    *((-GAP, dy, "right") for dy in _FAR),
)


def place_labels(
    words: Sequence[str], anchors: Points, points: Points, side: float, stars: Points | None = None
) -> list[Offset]:
    """Choose an offset for the words of each of n diamonds, in their order.

    Args:
        words: n texts.
        anchors: the diamonds, (n, 2), in px from the top left corner of the pane, as all positions.
        points: marks that should stay visible, (m, 2).
        side: of the square pane.
        stars: marks on top of everything, (k, 2), which words keep off as they do off diamonds.
    """
    boxes: list[Box] = []
    offsets = []
    for index, (text, anchor) in enumerate(zip(words, anchors, strict=True)):
        diamonds = np.delete(anchors, index, axis=0)
        solid = diamonds if stars is None else np.concatenate([diamonds, stars])
        choices = _choices(text, anchor, side)
        costs = [
            _cost(_box(text, anchor, choice), anchor, diamonds, solid, points, boxes, side)
            + 0.8 * abs(choice[1])
            for choice in choices
        ]
        best = choices[int(np.argmin(costs))]
        boxes.append(_box(text, anchor, best))
        offsets.append(best)
    return offsets


def _overlap(box: Box, others: Sequence[Box]) -> float:
    """How much of a box others hide, in px²."""
    boxes = np.reshape(others, (-1, 4))
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    return float(sides.clip(0).prod(axis=1).sum())


def _cost(
    box: Box,
    anchor: Points,
    diamonds: Points,
    solid: Points,
    points: Points,
    boxes: Sequence[Box],
    side: float,
) -> float:
    """What a box of words hides of the pane's outside, of other words, of marks."""
    left, top, right, bottom = box
    outside = sum(max(0.0, beyond) for beyond in (-left, -top, right - side, bottom - side))
    overlap = _overlap(box, boxes)
    hidden_marks = np.sum(_distance(box, solid) <= 6)
    hidden_points = np.sum(_distance(box, points) <= 0)
    # Words that are nearer to another diamond would be read as that one's.
    is_strange = np.any(_distance(box, diamonds) < _distance(box, anchor[None]))
    return float(
        1000 * outside + 10 * overlap + 40 * hidden_marks + 1.5 * hidden_points + 25 * is_strange
    )


def spread(positions: Sequence[float], gap: float = 15) -> list[float]:
    """Push positions on a line, in px and in any order, apart to at least `gap`, in their order;
    close ones share it."""
    # Here, for it costs as much as all else that maps need.
    from scipy.optimize import isotonic_regression

    order = np.argsort(positions, kind="stable")
    steps = gap * np.arange(len(positions))
    result = np.empty(len(positions))
    ordered = np.asarray(positions, dtype=float)[order]
    result[order] = isotonic_regression(ordered - steps).x + steps
    return result.tolist()


def _choices(text: str, anchor: Points, side: float) -> tuple[Offset, ...]:
    """Where words may be; such as are long for their pane, on a phone, also in lines above and
    below, inside it."""
    width = CHARACTER * len(text)
    if 2 * width <= side:
        return _OFFSETS
    x = float(anchor[0])
    left = min(max(0.0, x - width / 2), max(0.0, side - width))
    lines = [line for line in range(-_LINES, _LINES + 1) if line]
    return (*_OFFSETS, *((left - x, line * LINE, "left") for line in lines))


def _box(text: str, anchor: Points, offset: Offset) -> Box:
    width = CHARACTER * len(text)
    dx, dy, align = offset
    x, y = float(anchor[0]) + dx, float(anchor[1]) + dy
    left = x - {"left": 0.0, "center": width / 2, "right": width}[align]
    return left, y - LINE / 2, left + width, y + LINE / 2


def _distance(box: Box, points: Points) -> Points:
    """From each point to the box in px; 0 inside."""
    inside = np.clip(points, box[:2], box[2:])
    return np.hypot(*(points - inside).T)
