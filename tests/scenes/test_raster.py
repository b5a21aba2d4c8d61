"""The closed form against the slow, obvious way: march many spheres along every capsule."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vlcore.scenes.animals.skeleton import Capsules
from vlcore.scenes.raster import Frame, rasterise, view_of

POINTS = st.tuples(*[st.floats(-0.5, 0.5)] * 3)
RADII = st.floats(0.05, 0.3)
FRAME = {"left": -1.0, "top": 1.0, "pixel": 1 / 16, "width": 32, "height": 32}


def capsule(
    start: tuple[float, ...], end: tuple[float, ...], radii: tuple[float, float], squash: float
) -> Capsules:
    numbers = (start, end, *radii, 0.0, 1.0, squash, 0.01)
    return Capsules(*(np.array([number]) for number in numbers))


def marched(capsules: Capsules, view: np.ndarray) -> np.ndarray:
    """Depth (32, 32) of 200 ellipsoids along the sweep, seen pixel by pixel; -inf where none is."""
    axis = (np.arange(32) + 0.5) / 16 - 1
    u, v = np.meshgrid(axis, -axis)
    stretch = np.array([1, 1, 1 / capsules.squash[0]])
    origin = (u[..., None] * view[0] + v[..., None] * view[1]) * stretch
    ray = view[2] * stretch
    depth = np.full((32, 32), -np.inf)
    for s in np.linspace(0, 1, 200):
        centre = (capsules.start[0] + s * (capsules.end[0] - capsules.start[0])) * stretch
        radius = capsules.start_radius[0] + s * (capsules.end_radius[0] - capsules.start_radius[0])
        offset = origin - centre
        b, c = offset @ ray, (offset**2).sum(-1) - radius**2
        inside = b * b - ray @ ray * c
        hit = np.where(inside > 0, (np.sqrt(np.maximum(inside, 0)) - b) / (ray @ ray), -np.inf)
        depth = np.maximum(depth, hit)
    return depth


@settings(max_examples=12)
@given(POINTS, POINTS, RADII, RADII, st.floats(0.5, 1), st.floats(-0.9, 0.9))
def test_a_capsule_is_the_sweep_of_its_spheres(start, end, first, last, squash, heading) -> None:
    """For capsules like those of an animal: not seen along their axis, and neither end inside the
    other."""
    view = view_of(heading, 0.1)
    length = np.linalg.norm(np.subtract(end, start))
    assume(np.linalg.norm(view[:2] @ np.subtract(end, start)) > 0.6 * length)
    assume(abs(first - last) < 0.6 * length)
    capsules = capsule(start, end, (first, last), squash)
    surface = rasterise(capsules, Frame(view=view, **FRAME))
    expected = marched(capsules, view)
    covered, hit = surface.coverage > 0.99, np.isfinite(expected)
    assert not (covered & ~hit).any()
    assert not (hit & (surface.coverage == 0)).any()
    error = np.abs(surface.planes[0][covered] - expected[covered])
    # Past its ends a capsule steps back by at most its blend, 0.01.
    assert error.max(initial=0) < 0.02


def test_a_ball_has_round_normals_and_the_right_area() -> None:
    ball = capsule((0, 0, 0), (0, 0, 0.001), (0.5, 0.5), 1.0)
    surface = rasterise(ball, Frame(view=np.eye(3), **FRAME))
    assert abs(surface.coverage.sum() / 16**2 - np.pi / 4) < 0.01
    axis = (np.arange(32) + 0.5) / 16 - 1
    inside = surface.coverage == 1
    right = np.broadcast_to(axis / 0.5, (32, 32))
    np.testing.assert_allclose(surface.planes[1][inside], right[inside], atol=0.02)
