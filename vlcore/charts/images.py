"""Charts as picture files: PNG for slides, SVG for papers.

A PNG is the SVG, painted, so one place sees to it that nothing is fetched: an SVG that points anywhere but into itself
is refused. (The list of allowed addresses that vl-convert takes holds for data and not for pictures.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import altair as alt

from vlcore.charts.theme import LIGHT, Palette
from vlcore.charts.thumbnails import SAFE_URI

Spec = Mapping[str, Any]
PADDING = 16  # px around a chart
_ELSEWHERE = re.compile(r"url\((?!['\"]?#)")  # a paint or a clip that another file describes


def chart_png(spec: Spec, palette: Palette = LIGHT, scale: float = 2.0) -> bytes:
    """A chart as a PNG file.

    Args:
        spec: of Vega-Lite, as a chart's `to_dict` gives it. A film shows the moment that its slider stands at.
        palette: the one that the chart was made with; its ground is filled in, since charts have none.
        scale: pixels of the picture for one of the chart.

    Raises:
        ValueError: the chart cannot be drawn, or has a picture or data from elsewhere.
    """
    import vl_convert  # 60 MB that only an export needs

    picture: bytes = vl_convert.svg_to_png(chart_svg(spec, palette), scale=scale)
    return picture


def chart_svg(spec: Spec, palette: Palette = LIGHT) -> str:
    """A chart as an SVG file, with its thumbnails inside; arguments and errors are those of `chart_png`."""
    import vl_convert

    on_ground = {**spec, "background": palette.ground, "padding": PADDING}
    drawing: str = vl_convert.vegalite_to_svg(on_ground, vl_version=vega_lite_version(), allowed_base_urls=[])
    links = _Links()
    links.feed(drawing)
    if links.elsewhere:
        raise ValueError("the chart shows something from another place than itself, which nobody fetches")
    return drawing


def vega_lite_version() -> str:
    """The version of Vega-Lite that Altair writes for, such as ``6.1``."""
    return ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])


class _Links(HTMLParser):
    """Finds whether a drawing points out of itself."""

    def __init__(self) -> None:
        super().__init__()
        self.elsewhere = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "xlink:href", "src"):
                self.elsewhere |= SAFE_URI.match(value or "") is None
            elif not name.startswith("aria-"):  # words of ours may be like an address
                self.elsewhere |= _ELSEWHERE.search(value or "") is not None
