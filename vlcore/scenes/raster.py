"""Rasteriser of tapered capsules: depth, direction, tone and coverage.

Seen along parallel rays, the best sphere of a capsule's sweep at a pixel has a closed form, so a capsule costs a few
array operations on its own box, and a soft depth test melts neighbours into one skin.

For a ray w + t d and a sweep from radius r to r - s over the axis b, the swept cone is
(b.b - s^2) |X|^2 - (b.X)^2 + 2 s r (b.X) - r^2 b.b = 0 (Inigo Quilez, "Rounded cone - intersection", 2018); its root
names the sphere, and the ray meets that sphere. A sideways squash is undone by stretching ray and axis instead.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.scenes.animals.skeleton import Capsules

Floats = NDArray[np.floating[Any]]
BEHIND = -8.0  # a depth behind every animal
BATCH = 8000  # pixels


@dataclasses.dataclass(frozen=True)
class Frame:
    """A window of `width` x `height` pixels onto the view plane: pixel (0, 0) starts at (left, top) and `pixel` is
    the length of its side, in units of the capsules; `view` holds right, up and towards the viewer as rows."""

    view: NDArray[np.float64]  # (3, 3)
    left: float
    top: float
    pixel: float
    width: int
    height: int


@dataclasses.dataclass(frozen=True)
class Surface:
    """What a frame sees."""

    planes: Floats  # (5, h, w): depth towards the viewer; normal right, up, towards the viewer; tone
    coverage: Floats  # (h, w), 0 to 1; where it is 0 the planes mean nothing


def rasterise(capsules: Capsules, frame: Frame) -> Surface:
    """See `capsules` through `frame`."""
    planes = np.zeros((5, frame.height, frame.width), np.float32)  # depth, normal x 3, tone
    planes[0] = BEHIND
    coverage = np.zeros((frame.height, frame.width), np.float32)
    boxes, rows = bounds(capsules, frame), constants(capsules, frame)
    areas = (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])
    for batch in batches(areas.tolist()):
        values, cover = sweep(rows[:, batch], boxes[batch], frame)
        last = 0
        for (x0, x1, y0, y1), blend in zip(boxes[batch].tolist(), rows[-1, batch].tolist(), strict=True):
            first, last, shape = last, last + (x1 - x0) * (y1 - y0), (y1 - y0, x1 - x0)
            melt(
                values[:, first:last].reshape(5, *shape),
                cover[first:last].reshape(shape),
                blend,
                planes[:, y0:y1, x0:x1],
                coverage[y0:y1, x0:x1],
            )
    return Surface(planes, coverage)


def batches(areas: list[int]) -> Iterator[slice]:
    """Runs of capsules small enough for the processor's cache, so that little ones share numpy's cost of a call."""
    first, total = 0, 0
    for i, area in enumerate(areas):
        if total and total + area > BATCH:
            yield slice(first, i)
            first, total = i, 0
        total += area
    yield slice(first, len(areas))


def bounds(capsules: Capsules, frame: Frame) -> NDArray[np.int64]:
    """The pixels (n, 4) as x0, x1, y0, y1 that each capsule can touch; x1 = x0 or y1 = y0 where it is out of sight."""
    starts, ends = capsules.start @ frame.view[:2].T, capsules.end @ frame.view[:2].T  # (n, 2)
    low = np.minimum(starts - capsules.start_radius[:, None], ends - capsules.end_radius[:, None])
    high = np.maximum(starts + capsules.start_radius[:, None], ends + capsules.end_radius[:, None])
    x0, x1 = (low[:, 0] - frame.left) / frame.pixel - 1, (high[:, 0] - frame.left) / frame.pixel + 2
    y0, y1 = (frame.top - high[:, 1]) / frame.pixel - 1, (frame.top - low[:, 1]) / frame.pixel + 2
    limits = np.array([frame.width, frame.width, frame.height, frame.height])
    return np.clip(np.stack([x0, x1, y0, y1], 1), 0, limits).astype(np.int64)


def constants(capsules: Capsules, frame: Frame) -> Floats:
    """What `sweep` needs of each capsule, (21, n): products of its axis and start with the stretched view, its radii
    and tones, how fast it steps back past its ends, and last its blend."""
    stretch = np.ones((len(capsules.squash), 3))
    stretch[:, 2] = 1 / capsules.squash
    view = frame.view[None] * stretch[:, None]  # (n, 3, 3)
    start = capsules.start * stretch
    axis = capsules.end * stretch - start
    gram = (view @ view.transpose(0, 2, 1)).reshape(-1, 9)[:, [0, 1, 2, 4, 5, 8]]
    start_in_view = (view @ start[:, :, None])[..., 0]
    axis_in_view = (view @ axis[:, :, None])[..., 0]
    length2 = (axis**2).sum(1) + 1e-9  # a capsule without a length is a ball
    along, start2 = (axis * start).sum(1), (start**2).sum(1)
    taper = capsules.start_radius - capsules.end_radius
    columns = [
        *gram.T,
        *start_in_view.T,
        *axis_in_view.T,
        length2,
        along,
        start2,
        capsules.start_radius,
        taper,
        capsules.start_tone,
        capsules.end_tone - capsules.start_tone,
        2 * np.sqrt(length2) / capsules.start_radius,
        capsules.blend,
    ]
    return np.array(columns, np.float32)


def sweep(rows: Floats, boxes: NDArray[np.int64], frame: Frame) -> tuple[Floats, Floats]:
    """Depth, normal and tone (5, p), and coverage (p,), of some capsules, each alone, on all p pixels of their boxes,
    box after box."""
    widths = boxes[:, 1] - boxes[:, 0]
    areas = widths * (boxes[:, 3] - boxes[:, 2])
    spread = rows if len(areas) == 1 else np.repeat(rows, areas, axis=1)
    width, x0, y0, first = np.repeat([widths, boxes[:, 0], boxes[:, 2], np.cumsum(areas) - areas], areas, axis=1)
    down, across = np.divmod(np.arange(len(width)) - first, width)
    u = (frame.left + (x0 + across + 0.5) * frame.pixel).astype(np.float32)
    v = (frame.top - (y0 + down + 0.5) * frame.pixel).astype(np.float32)

    g00, g01, g02, g11, g12, g22, p0, p1, p2, b0, b1, b2, bb, bp, pp, r, s, tone, tone_step, recede, blend = spread
    along = u * b0 + v * b1 - bp  # axis . w
    ray = u * g02 + v * g12 - p2  # d . w
    square = u * (u * g00 + v * (2 * g01) - 2 * p0) + v * (v * g11 - 2 * p1) + pp  # w . w

    slope = np.maximum(bb - s * s, 1e-5 * bb)
    k2 = np.maximum(slope * g22 - b2 * b2, 1e-5 * bb)
    k1 = slope * ray - b2 * (along - s * r)
    k0 = slope * square - along * (along - 2 * s * r) - r * r * bb
    t = (np.sqrt(np.maximum(k1 * k1 - k2 * k0, 0)) - k1) / k2
    place = (along + t * b2 - s * r) / slope
    where = clamp(place.copy())  # which sphere of the sweep
    # Past its ends a capsule steps back, so that a joint shows the skin of the capsules, not the ball between them.
    back = np.minimum(np.abs(place - where) * recede, 1) * blend

    radius = r - where * s
    ray -= where * b2
    square += where * (where * bb - 2 * along)
    inside = ray * ray - g22 * (square - radius * radius)
    cover = clamp(0.5 + inside / (radius * (2 * frame.pixel) * g22))
    t = (np.sqrt(np.maximum(inside, 0)) - ray) / g22

    values = np.empty((5, len(u)), np.float32)
    values[0] = t - back
    values[1] = u * g00 + v * g01 - p0 + t * g02 - where * b0
    values[2] = u * g01 + v * g11 - p1 + t * g12 - where * b1
    values[3] = u * g02 + v * g12 - p2 + t * g22 - where * b2
    normal = values[1:4]
    normal /= np.sqrt(np.add.reduce(normal * normal) + 1e-12)
    values[4] = tone + where * tone_step
    return values, cover


def melt(values: Floats, cover: Floats, blend: float, planes: Floats, coverage: Floats) -> None:
    """Blend one capsule into the window of what was seen before: a depth test that is soft over `blend`."""
    near = clamp(0.5 + (values[0] - planes[0]) * (0.5 / blend))
    near *= cover > 0
    values -= planes
    values *= near
    planes += values
    np.maximum(coverage, cover, out=coverage)


def clamp(plane: Floats) -> Floats:
    """To between 0 and 1, in place; np.clip costs more than the sums on these small windows."""
    np.maximum(plane, 0, out=plane)
    np.minimum(plane, 1, out=plane)
    return plane


def view_of(heading: float, pitch: float) -> NDArray[np.float64]:
    """Rows right, up and towards the viewer in body coordinates, for an animal turned by `heading` and seen from
    `pitch` above the horizon, both in radians."""
    cos, sin, cosp, sinp = math.cos(heading), math.sin(heading), math.cos(pitch), math.sin(pitch)
    return np.array([[cos, 0, -sin], [-sin * sinp, cosp, -cos * sinp], [sin * cosp, sinp, cos * cosp]])
