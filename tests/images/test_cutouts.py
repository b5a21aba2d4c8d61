"""Cut-outs: the background changes, what was cut out does not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from vlcore.images import uploads
from vlcore.images.uploads import GROUND, open_cutout, open_upload
from vlcore.scenes import CONTEXTS


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def disc() -> Image.Image:
    """A red disc on nothing; the invisible pixels are green, which nobody may see."""
    y, x = np.mgrid[:300, :400]
    inside = (y - 150) ** 2 + (x - 200) ** 2 < 80**2
    pixels = np.zeros((300, 400, 4), np.uint8)
    pixels[..., 1] = 255
    pixels[inside] = (200, 20, 20, 255)
    return Image.fromarray(pixels)


def test_it_stands_on_every_place_and_on_grey(disc: Image.Image) -> None:
    placed = uploads.on_backgrounds(disc)
    assert list(placed) == [uploads.GREY, *CONTEXTS]
    for name, picture in placed.items():
        pixels = np.asarray(picture).astype(int)
        assert picture.size == (uploads.BACKDROP_SIDE, uploads.BACKDROP_SIDE)
        assert np.abs(pixels[100:156, 100:156] - (200, 20, 20)).max() <= 1, "the disc is the same everywhere"
        corner = np.full(3, GROUND[0]) if name == uploads.GREY else uploads.background(name)[2, 2]
        assert pixels[2, 2] == pytest.approx(corner, abs=1)


def test_invisible_colour_does_not_bleed_into_the_edge(disc: Image.Image) -> None:
    grey = np.asarray(uploads.on_backgrounds(disc)[uploads.GREY]).astype(int)
    assert grey[..., 1].max() <= GROUND[1] + 2, "green of invisible pixels would show as a rim"


def test_backgrounds_differ_and_have_nobody_in_them() -> None:
    backs = {context: uploads.background(context) for context in CONTEXTS}
    assert len({back.tobytes() for back in backs.values()}) == len(CONTEXTS)
    from vlcore.scenes import draw, sample

    camel = sample("camel", "desert", split="demo", index=uploads._INDEX).replace(object_contrast=0.0)
    assert np.array_equal(draw(camel, uploads.BACKDROP_SIDE).image, backs["desert"])


def test_what_is_whole_or_invisible_is_no_cutout(disc: Image.Image) -> None:
    assert uploads.is_cutout(disc)
    whole, nothing = disc.copy(), disc.copy()
    whole.putalpha(255)
    nothing.putalpha(0)
    for picture in (whole, nothing, disc.convert("RGB")):
        assert not uploads.is_cutout(picture)
        with pytest.raises(ValueError, match="partly see-through"):
            uploads.on_backgrounds(picture)


def test_an_upload_keeps_what_is_see_through(disc: Image.Image) -> None:
    opened = open_cutout(png(disc))
    assert opened.mode == "RGBA"
    assert uploads.is_cutout(opened)
    assert np.asarray(opened.getchannel("A"))[0, 0] == 0
    assert open_upload(png(disc)).mode == "RGB"
    assert open_cutout(png(disc.convert("RGB"))).mode == "RGB"
