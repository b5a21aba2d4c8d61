"""Charts as files: the ground is filled, thumbnails are seen, and nothing is fetched."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vlcore.plots.rendering import chart_png, chart_svg
from vlcore.plots.theme import DARK, LIGHT, Palette, theme
from vlcore.plots.thumbnails import thumb_uri

RED = (220, 20, 30)
THUMB = thumb_uri(np.full((32, 32, 3), RED, dtype=np.uint8), side=32)


def spec_of(url: str = THUMB, **more: Any) -> dict[str, Any]:
    spec = {
        "data": {"values": [{"x": 1, "url": url, "words": "url(http://a) <b>"}]},
        "mark": {"type": "image", "width": 40, "height": 40},
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "url": {"field": "url"},
            "description": {"field": "words"},
        },
        "config": theme(LIGHT),
    }
    return spec | {"width": 100, "height": 100} | more


def pixels(png: bytes) -> NDArray[np.uint8]:
    with Image.open(BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGBA"))


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
def test_the_ground_is_filled_though_the_chart_has_none(palette: Palette) -> None:
    assert spec_of()["config"]["background"] == "transparent"
    drawn = pixels(chart_png(spec_of(), palette))
    assert (drawn[..., 3] == 255).all()
    for corner in (drawn[0, 0], drawn[0, -1], drawn[-1, 0], drawn[-1, -1]):
        assert bytes(corner[:3]) == bytes.fromhex(palette.ground[1:])


def test_a_thumbnail_is_painted_and_carried(capfd: pytest.CaptureFixture[str]) -> None:
    drawn = pixels(chart_png(spec_of()))[..., :3].astype(int)
    red = (abs(drawn - RED).sum(axis=2) < 30).sum()
    assert red == pytest.approx(80 * 80, rel=0.05)
    assert THUMB in chart_svg(spec_of())
    assert capfd.readouterr().err == ""


FOREIGN = ("http://localhost:1/x.png", "file:///etc/passwd", "x.png", "data:text/html,<b>AA</b>")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *(({"url": url}, "another place") for url in FOREIGN),
        ({"mark": "point", "encoding": {"href": {"value": "https://a.example"}}}, "another place"),
        ({"mark": "point", "encoding": {"fill": {"value": "url(http://a/#b)"}}}, "another place"),
        ({"data": {"url": "http://localhost:1/data.csv"}}, "not allowed"),
        ({"mark": "nothing"}, "SVG"),
    ],
)
def test_ways_out_and_what_is_no_chart_are_refused(change: dict[str, Any], message: str) -> None:
    for draw in (chart_png, chart_svg):
        with pytest.raises(ValueError, match=message):
            draw(spec_of(**change))
