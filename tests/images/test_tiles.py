"""A tile in place of a picture: it says two names, and looks different for different ones."""

from __future__ import annotations

import numpy as np
import pytest

from vlcore.images.imagesets import TILE_SIDE, tile


def test_a_tile_is_a_picture_that_nobody_can_change() -> None:
    made = tile("gull", "sea")
    assert (made.shape, made.dtype) == ((TILE_SIDE, TILE_SIDE, 3), np.uint8)
    with pytest.raises(ValueError, match="read-only"):
        made[0] = 0


def test_different_names_look_different() -> None:
    tiles = [tile(obj, context).tobytes() for obj in ("gull", "crow") for context in ("sea", "land")]
    assert len(set(tiles)) == 4


@pytest.mark.parametrize("name", ["x", "a name of thirty-eight letters or more", "möwe", "鷗"])
def test_words_stay_within_the_tile(name: str) -> None:
    ink = (tile(name, name) < 120).all(axis=2)
    assert ink.any()
    assert not ink[:, : TILE_SIDE // 20].any()
    assert not ink[:, -TILE_SIDE // 20 :].any()
