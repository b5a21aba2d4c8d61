"""Paint over a picture: the sign decides the colour, the size how much of it, and the picture stays in sight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from vlcore.charts.heat import AGAINST, FOR, SIDE, painted
from vlcore.datasets.uploads import square

GRIDS = arrays.arrays(
    np.float64,
    st.tuples(st.sampled_from([1, 2, 4, 7, 8]), st.sampled_from([1, 2, 4, 7, 8])),
    elements=st.floats(-1e6, 1e6),
)


def noise(width: int = 90, height: int = 70, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


def grey(level: int = 100) -> Image.Image:
    return Image.new("RGB", (64, 64), (level, level, level))


def patch(image: np.ndarray, grid: np.ndarray, row: int, column: int) -> np.ndarray:
    """The pixels of a patch, slowly: those whose middle lies in it."""
    height, width = grid.shape
    rows = [y for y in range(SIDE) if row <= y * height / SIDE < row + 1]
    columns = [x for x in range(SIDE) if column <= x * width / SIDE < column + 1]
    return image[np.ix_(rows, columns)].astype(int)


@given(grid=GRIDS, seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_every_patch_is_painted_by_its_own_number(grid: np.ndarray, seed: int) -> None:
    picture, strongest = noise(seed=seed), np.abs(grid).max()
    image, plain = painted(picture, grid), painted(picture, np.zeros_like(grid))
    assert (image.shape, image.dtype) == ((SIDE, SIDE, 3), np.uint8)
    for (row, column), value in np.ndenumerate(grid):
        share = 0.75 * (abs(value) / strongest) if strongest else 0.0
        colour = np.array(FOR if value >= 0 else AGAINST)
        expected = patch(plain, grid, row, column) * (1 - share) + colour * share
        assert np.abs(patch(image, grid, row, column) - expected).max() <= 1.01


def test_warm_speaks_for_it_and_cool_against() -> None:
    image = painted(grey(), np.array([[1.0, -1.0], [0.0, 0.5]])).astype(int)
    warm, cool, none, less = image[10, 10], image[10, -10], image[-10, 10], image[-10, -10]
    assert warm[0] > none[0] > warm[2]
    assert cool[2] > none[2] > cool[0]
    assert none[0] == none[1] == none[2]
    assert np.abs(less - none).max() < np.abs(warm - none).max()


def test_where_nothing_counts_the_picture_is_pale_and_grey() -> None:
    for grid in (np.zeros((8, 8)), np.zeros((1, 1))):
        image = painted(noise(), grid)
        assert (image == image[..., :1]).all()
        assert image.min() >= 90


def test_the_picture_stays_in_sight_under_the_strongest_paint() -> None:
    image = painted(noise(), np.ones((8, 8))).astype(int)
    assert np.ptp(image[..., 0]) > 10


@given(grid=GRIDS, factor=st.floats(1e-3, 1e3))
@settings(max_examples=20, deadline=None)
def test_the_unit_of_the_numbers_does_not_matter(grid: np.ndarray, factor: float) -> None:
    first, other = painted(grey(), grid).astype(int), painted(grey(), grid * factor).astype(int)
    assert np.abs(first - other).max() <= 1


def test_one_top_compares_two_maps() -> None:
    weak, strong = np.full((2, 2), 1.0), np.full((2, 2), 4.0)
    assert np.array_equal(painted(grey(), weak), painted(grey(), strong)), "each on its own fills the scale"
    ground = painted(grey(), np.zeros((2, 2))).astype(int)
    against_ground = [np.abs(painted(grey(), grid, top=4.0) - ground).max() for grid in (weak, strong)]
    assert against_ground[0] == pytest.approx(against_ground[1] / 4, abs=1)
    assert np.array_equal(painted(grey(), 2 * strong, top=4.0), painted(grey(), strong, top=4.0)), "no more than all"


@pytest.mark.parametrize("size", [(200, 100), (100, 200), (8, 1024), (300, 300)])
def test_it_is_the_square_that_models_see(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, "black")
    side = min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    picture.paste((255, 255, 255), (left, top, left + side, top + side))
    assert (square(picture, 8) == 255).all()
    inner = painted(picture, np.zeros((4, 4)))[32:-32, 32:-32]  # enlarging mixes what is beside into the border
    assert (inner == 255).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_refused(bad: float) -> None:
    grid = np.zeros((4, 4))
    grid[1, 2] = bad
    with pytest.raises(ValueError, match="A map over a picture needs a finite number for each patch"):
        painted(grey(), grid)
