"""A style is a fixed filter: the same bits again, unlike the others, and blind to what lies further
off."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from vlcore.scenes import OBJECTS, STYLES, Drawing, Scene, draw, sample

DRAWN = [style for style in STYLES if style != "photo"]


def scene(**changes: object) -> Scene:
    return sample("horse", "grass", split="test", index=4).replace(**changes)


@pytest.mark.parametrize("style", STYLES)
def test_the_same_bits_again_and_the_same_mask(style: str) -> None:
    one, two = draw(scene(style=style), 96), draw(scene(style=style), 96)
    assert (one.image == two.image).all()
    assert one.image.dtype == np.uint8
    assert (one.mask == draw(scene(), 96).mask).all()


def test_pencil_is_nearly_grey_and_night_is_dark_and_blue() -> None:
    for index in range(6):
        one = sample("camel", "desert", split="test", index=index)
        pencil = draw(one.replace(style="pencil"), 64).image.astype(float)
        assert np.ptp(pencil, axis=-1).max() < 16
        night, day = (
            draw(one.replace(style=style), 64).image.mean((0, 1)) for style in ("night", "photo")
        )
        assert night.mean() < 0.6 * day.mean()
        assert night[2] > 1.3 * night[0]


def contrast(drawing: Drawing) -> float:
    """How far the animal's brightness is from that of its surroundings, in 8-bit steps."""
    inside = drawing.mask == 255
    ring = binary_dilation(drawing.mask > 0, iterations=6) & (drawing.mask == 0)
    grey = drawing.image.mean(-1)
    return float(np.abs(grey[inside].mean() - grey[ring].mean()))


@pytest.mark.parametrize("style", DRAWN)
def test_the_animal_can_still_be_seen(style: str) -> None:
    gaps = [
        contrast(draw(sample("horse", "grass", split="test", index=i).replace(style=style), 64))
        for i in range(20)
    ]
    assert np.median(gaps) > 8


@pytest.mark.parametrize("style", DRAWN)
def test_twins_agree_a_few_pixels_away_from_the_animal(style: str) -> None:
    for index in range(5):
        one = sample("horse", "snow", split="test", index=index).replace(style=style)
        horse, camel = (draw(one.replace(object=name), 96) for name in OBJECTS)
        free = ~binary_dilation((horse.mask > 0) | (camel.mask > 0), iterations=12)
        assert free.any()
        assert (horse.image[free] == camel.image[free]).all()
