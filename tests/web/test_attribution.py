"""Paint over a picture: the sign decides the colour, the size how much of it, and the picture stays
in sight."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from vlcore.data.decoding import square
from vlcore.web.upload.attribution import AGAINST, FOR, SIDE, painted

SIDES = st.sampled_from([1, 2, 4, 7, 8])
GRIDS = arrays.arrays(np.float64, st.tuples(SIDES, SIDES), elements=st.floats(-1e6, 1e6))
GREY = Image.new("RGB", (64, 64), (100, 100, 100))


def noise(seed: int = 0) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(seed).integers(0, 255, (70, 90, 3), dtype=np.uint8)
    )


def patch(image: np.ndarray, grid: np.ndarray, row: int, column: int) -> np.ndarray:
    """The pixels of a patch, slowly: those whose middle lies in it."""
    height, width = grid.shape
    rows = [y for y in range(SIDE) if row <= y * height / SIDE < row + 1]
    columns = [x for x in range(SIDE) if column <= x * width / SIDE < column + 1]
    return image[np.ix_(rows, columns)].astype(int)


@given(grid=GRIDS, seed=st.integers(0, 99))
def test_every_patch_is_painted_by_its_own_number(grid: np.ndarray, seed: int) -> None:
    picture, strongest = noise(seed), np.abs(grid).max()
    image, plain = painted(picture, grid), painted(picture, np.zeros_like(grid))
    assert (image.shape, image.dtype) == ((SIDE, SIDE, 3), np.uint8)
    for (row, column), value in np.ndenumerate(grid):
        share = 0.75 * (abs(value) / strongest) if strongest else 0.0
        colour = np.array(FOR if value >= 0 else AGAINST)
        expected = patch(plain, grid, row, column) * (1 - share) + colour * share
        assert np.abs(patch(image, grid, row, column) - expected).max() <= 1.01


def test_the_picture_stays_in_sight() -> None:
    pale = painted(noise(), np.zeros((8, 8)))  # nothing counts
    assert (pale == pale[..., :1]).all()
    assert pale.min() >= 90
    assert np.ptp(painted(noise(), np.ones((8, 8)))[..., 0].astype(int)) > 10


@given(grid=GRIDS, factor=st.floats(1e-3, 1e3))
@settings(max_examples=20)
def test_the_unit_of_the_numbers_does_not_matter(grid: np.ndarray, factor: float) -> None:
    first, other = painted(GREY, grid).astype(int), painted(GREY, grid * factor).astype(int)
    assert np.abs(first - other).max() <= 1


@pytest.mark.parametrize("size", [(200, 100), (100, 200), (8, 1024), (300, 300)])
def test_it_is_the_square_that_models_see(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, "black")
    side = min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    picture.paste((255, 255, 255), (left, top, left + side, top + side))
    assert (square(picture, 8) == 255).all()
    # Enlarging mixes what is beside into the border.
    assert (painted(picture, np.zeros((4, 4)))[32:-32, 32:-32] == 255).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="a finite number for each patch"):
        painted(GREY, np.array([[0, bad]]))
