"""Rasteriser of tapered capsules: depth, direction, tone and coverage.

Seen along parallel rays, the best sphere of a capsule's sweep at a pixel has a closed form, and a
soft depth test melts neighbours into one skin.

For a ray w + t d and a sweep from radius r to r - s over the axis b, the swept cone is (b.b - s^2)
|X|^2 - (b.X)^2 + 2 s r (b.X) - r^2 b.b = 0 (Inigo Quilez, "Rounded cone - intersection", 2018); its
root names the sphere, and the ray meets that sphere. A sideways squash is undone by stretching ray
and axis instead.
"""

import dataclasses
import functools
import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.scenes.animals.skeleton import Capsules

Floats = NDArray[np.floating[Any]]
BEHIND = -8.0  # a depth behind every animal
ZERO, HALF, ONE, TWO, LEAST, FAINT = map(np.float32, (0, 0.5, 1, 2, 1e-5, 1e-12))


@functools.cache
def compiled(loop: Callable[..., None]) -> Callable[..., None]:
    """An inner loop as machine code, which rounds as numpy does. Compiling takes a second, so the
    result is cached beside this file for the next process."""
    from numba import njit

    fast: Callable[..., None] = njit(loop, cache=os.access(os.path.dirname(__file__), os.W_OK))
    return fast


@dataclasses.dataclass(frozen=True)
class Frame:
    """A window of `width` x `height` pixels onto the view plane: pixel (0, 0) starts at (left, top)
    and `pixel` is the length of its side, in units of the capsules; `view` holds right, up and
    towards the viewer as rows.
    """

    view: NDArray[np.float64]  # (3, 3)
    left: float
    top: float
    pixel: float
    width: int
    height: int


@dataclasses.dataclass(frozen=True)
class Surface:
    """The capsules that a frame shows, by pixel."""

    # (5, h, w): depth towards the viewer; normal right, up and towards the viewer; tone
    planes: Floats
    coverage: Floats  # (h, w), 0 to 1; where it is 0 the planes mean nothing


def rasterise(capsules: Capsules, frame: Frame) -> Surface:
    """The surface of `capsules` through `frame`."""
    planes = np.zeros((5, frame.height, frame.width), np.float32)
    planes[0] = BEHIND
    coverage = np.zeros((frame.height, frame.width), np.float32)
    boxes, terms = bounds(capsules, frame), constants(capsules, frame)
    compiled(sweep)(terms, boxes, frame.left, frame.top, frame.pixel, planes, coverage)
    return Surface(planes, coverage)


def bounds(capsules: Capsules, frame: Frame) -> NDArray[np.int64]:
    """The pixels (n, 4) as x0, x1, y0, y1 that each capsule can touch; x1 = x0 or y1 = y0 where it
    is out of sight."""
    screen = frame.view[:2].T
    starts, ends = capsules.start @ screen, capsules.end @ screen  # (n, 2)
    start_radii, end_radii = capsules.start_radius[:, None], capsules.end_radius[:, None]
    low = np.minimum(starts - start_radii, ends - end_radii)
    high = np.maximum(starts + start_radii, ends + end_radii)
    x0 = (low[:, 0] - frame.left) / frame.pixel - 1
    x1 = (high[:, 0] - frame.left) / frame.pixel + 2
    y0 = (frame.top - high[:, 1]) / frame.pixel - 1
    y1 = (frame.top - low[:, 1]) / frame.pixel + 2
    limits = np.array([frame.width, frame.width, frame.height, frame.height])
    return np.clip(np.stack([x0, x1, y0, y1], 1), 0, limits).astype(np.int64)


def constants(capsules: Capsules, frame: Frame) -> Floats:
    """Terms of each capsule for `sweep`, (n, 22): products of its axis and start with the
    stretched view, its radii and tones, how fast it steps back past its ends, its blend, and half
    the inverse of that."""
    stretch = np.ones((len(capsules.squash), 3))
    stretch[:, 2] = 1 / capsules.squash
    view = frame.view[None] * stretch[:, None]  # (n, 3, 3)
    start = capsules.start * stretch
    axis = capsules.end * stretch - start
    gram = (view @ view.transpose(0, 2, 1)).reshape(-1, 9)[:, [0, 1, 2, 4, 5, 8]]
    start_in_view = (view @ start[:, :, None])[..., 0]
    axis_in_view = (view @ axis[:, :, None])[..., 0]
    length2 = (axis**2).sum(1) + 1e-9  # a capsule without a length is a ball
    along = (axis * start).sum(1)
    start2 = (start**2).sum(1)
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
        0.5 / capsules.blend.astype(np.float32).astype(np.float64),
    ]
    return np.array(columns, np.float32).T


def sweep(
    terms: Floats,
    boxes: NDArray[np.int64],
    left: float,
    top: float,
    pixel: float,
    planes: Floats,
    coverage: Floats,
) -> None:
    """Draw capsules, one after the other, over `planes` (5, h, w) and `coverage` (h, w).

    Args:
        terms: Of each capsule, by `constants`.
        boxes: The pixels that each capsule can touch, by `bounds`.
        left: Of the frame, as `top` and `pixel`.
        top: See `left`.
        pixel: See `left`.
        planes: The planes of a `Surface`, changed in place.
        coverage: The coverage of a `Surface`, changed in place.
    """
    rim = np.float32(2 * pixel)
    for capsule, (x0, x1, y0, y1) in zip(terms, boxes):  # noqa: B905 (numba knows no strict)
        g00, g01, g02, g11, g12, g22, p0, p1, p2, b0, b1, b2 = capsule[:12]
        bb, bp, pp, r, s, tone, tone_step, recede, blend, near = capsule[12:]
        slope = max(bb - s * s, LEAST * bb)
        k2 = max(slope * g22 - b2 * b2, LEAST * bb)
        for y in range(y0, y1):
            v = np.float32(top - (y + 0.5) * pixel)
            for x in range(x0, x1):
                u = np.float32(left + (x + 0.5) * pixel)
                along = u * b0 + v * b1 - bp  # axis . w
                ray = u * g02 + v * g12 - p2  # d . w
                square = (
                    u * (u * g00 + v * (TWO * g01) - TWO * p0) + v * (v * g11 - TWO * p1) + pp
                )  # w . w
                k1 = slope * ray - b2 * (along - s * r)
                k0 = slope * square - along * (along - TWO * s * r) - r * r * bb
                t = (np.sqrt(max(k1 * k1 - k2 * k0, ZERO)) - k1) / k2
                position = (along + t * b2 - s * r) / slope
                where = min(max(position, ZERO), ONE)  # which sphere of the sweep
                radius = r - where * s
                ray -= where * b2
                square += where * (where * bb - TWO * along)
                inside = ray * ray - g22 * (square - radius * radius)
                cover = min(max(HALF + inside / (radius * rim * g22), ZERO), ONE)
                if cover == 0:
                    continue
                # Past its ends a capsule steps back, so that a joint shows the skin, not the ball
                # between two.
                back = min(abs(position - where) * recede, ONE) * blend
                t = (np.sqrt(max(inside, ZERO)) - ray) / g22
                right = u * g00 + v * g01 - p0 + t * g02 - where * b0
                up = u * g01 + v * g11 - p1 + t * g12 - where * b1
                front = u * g02 + v * g12 - p2 + t * g22 - where * b2
                length = np.sqrt(right * right + up * up + front * front + FAINT)
                surface = planes[:, y, x]
                # A depth test that is soft over the blend.
                share = min(max(HALF + (t - back - surface[0]) * near, ZERO), ONE)
                normal = (right / length, up / length, front / length)
                for i, value in enumerate((t - back, *normal, tone + where * tone_step)):
                    surface[i] += (value - surface[i]) * share
                coverage[y, x] = max(coverage[y, x], cover)


def clamp(plane: Floats) -> Floats:
    """Limit to 0 to 1, in place; np.clip costs more than the sums on these small windows."""
    np.maximum(plane, 0, out=plane)
    np.minimum(plane, 1, out=plane)
    return plane


def soft_edge(distance: Floats, scale: float | Floats) -> Floats:
    """Coverage by a shape with an edge one pixel soft.

    Args:
        distance: How far the pixel centres lie inside the edge, negative outside.
        scale: Pixels in a unit of the distance.
    """
    return clamp(distance * scale + 0.5)


def view_of(heading: float, pitch: float) -> NDArray[np.float64]:
    """Rows right, up and towards the viewer in body coordinates, for an animal turned by `heading`
    and seen from `pitch` above the horizon, both in radians."""
    cos, sin = math.cos(heading), math.sin(heading)
    cosp, sinp = math.cos(pitch), math.sin(pitch)
    right = [cos, 0, -sin]
    up = [-sin * sinp, cosp, -cos * sinp]
    front = [sin * cosp, sinp, cos * cosp]
    return np.array([right, up, front])
