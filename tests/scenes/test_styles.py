"""A style is a fixed filter: the same bits again, unlike the others, and of near pixels alone."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from vlcore.scenes import OBJECTS, STYLES, Drawing, Scene, draw_scene, sample

DRAWN = [style for style in STYLES if style != "photo"]


def scene(style: str, index: int) -> Scene:
    return sample("horse", "grass", split="test", index=index).replace(style=style)


@pytest.mark.parametrize("style", DRAWN)
def test_twins_agree_a_few_pixels_away_from_the_animal_which_is_where_it_was(style: str) -> None:
    for index in range(5):
        snowy = scene(style, index).replace(context="snow")
        horse, camel = (draw_scene(snowy.replace(object=name), 96) for name in OBJECTS)
        free = ~binary_dilation((horse.mask > 0) | (camel.mask > 0), iterations=12)
        assert free.any()
        assert (horse.image[free] == camel.image[free]).all()
        assert (horse.mask == draw_scene(snowy.replace(style="photo"), 96).mask).all()


def test_pencil_is_nearly_grey_and_night_is_dark_and_blue() -> None:
    for index in range(6):
        pencil, night, photo = (
            draw_scene(scene(style, index), 64).image.astype(float)
            for style in ("pencil", "night", "photo")
        )
        assert np.ptp(pencil, axis=-1).max() < 16
        red, _, blue = night.mean((0, 1))
        assert night.mean() < 0.6 * photo.mean()
        assert blue > 1.3 * red


@pytest.mark.parametrize("style", DRAWN)
def test_the_animal_can_still_be_seen(style: str) -> None:
    assert np.median([contrast(draw_scene(scene(style, index), 64)) for index in range(20)]) > 8


def contrast(drawing: Drawing) -> float:
    """How far the animal's brightness is from that of its surroundings, in 8-bit steps."""
    inside = drawing.mask == 255
    ring = binary_dilation(drawing.mask > 0, iterations=6) & (drawing.mask == 0)
    grey = drawing.image.mean(-1)
    return float(np.abs(grey[inside].mean() - grey[ring].mean()))
