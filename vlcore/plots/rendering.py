"""Charts as image files: PNG for slides, SVG for papers.

A PNG is the SVG, painted, so one place sees to it that nothing is fetched: an SVG that points
anywhere but into itself is refused. (The list of allowed addresses that vl-convert takes holds for
data and not for images.)
"""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import altair as alt
from PIL import Image, ImageOps

from vlcore.plots.theme import LIGHT, Palette
from vlcore.plots.thumbnails import SAFE_URI

SLIDE = (1920, 1080)
Spec = Mapping[str, Any]
# The version that Altair writes for.
VEGA_LITE = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
_ELSEWHERE = re.compile(r"url\((?!['\"]?#)")  # a paint or a clip that another file describes


def chart_png(spec: Spec, palette: Palette = LIGHT) -> bytes:
    """A chart as a PNG file of two pixels for one of the chart; the rest as `chart_svg`."""
    import vl_convert  # 60 MB that only an export needs

    return vl_convert.svg_to_png(chart_svg(spec, palette), scale=2)


def chart_slide(spec: Spec, palette: Palette = LIGHT) -> bytes:
    """A chart as the PNG file of a slide of `SLIDE` px, as large as it fits, in the middle of its
    ground."""
    with Image.open(BytesIO(chart_png(spec, palette))) as drawn:
        chart = ImageOps.contain(drawn.convert("RGB"), SLIDE)
    slide = Image.new("RGB", SLIDE, palette.ground)
    slide.paste(chart, ((SLIDE[0] - chart.width) // 2, (SLIDE[1] - chart.height) // 2))
    out = BytesIO()
    slide.save(out, "PNG")
    return out.getvalue()


def chart_svg(spec: Spec, palette: Palette = LIGHT) -> str:
    """A chart, as its `to_dict` gives it, as an SVG file with its thumbnails inside. The
    palette is that of the chart; its ground is filled in, since charts have none. ValueError where
    the chart cannot be drawn, or has an image or data from elsewhere."""
    import vl_convert

    on_ground = {**spec, "background": palette.ground, "padding": 16}
    drawing: str = vl_convert.vegalite_to_svg(on_ground, vl_version=VEGA_LITE, allowed_base_urls=[])
    links = _Links()
    links.feed(drawing)
    if links.elsewhere:
        raise ValueError(
            "the chart shows something from another place than itself, which nobody fetches"
        )
    return drawing


class _Links(HTMLParser):
    """Finds whether a drawing points out of itself."""

    elsewhere = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "xlink:href", "src"):
                self.elsewhere |= SAFE_URI.match(value or "") is None
            elif not name.startswith("aria-"):  # words of ours may be like an address
                self.elsewhere |= _ELSEWHERE.search(value or "") is not None
