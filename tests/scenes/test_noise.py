"""Noise is fixed, tiles, and is read between its points."""

import numpy as np
import pytest

from vlcore.scenes.noise import TILE, lookup, noise


def test_noise_is_read_only_wraps_round_and_is_interpolated() -> None:
    field = noise("clouds")
    with pytest.raises(ValueError, match="read-only"):
        field[0, 0] = 1
    x, y = np.array([3.0, 3.5, TILE + 3.0, -1.0]), np.full(4, 7.0)
    expected = [field[7, 3], (field[7, 3] + field[7, 4]) / 2, field[7, 3], field[7, -1]]
    np.testing.assert_allclose(lookup("clouds", x, y), expected, rtol=1e-5, atol=1e-6)
