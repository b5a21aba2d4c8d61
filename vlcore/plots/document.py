"""Offline pages: text, tables, images, charts and maps as one HTML file that works without a
network.

A chart is an SVG image in the page, so nothing in it can run. Maps answer to the pointer: their
script is ours, their data are blocks of JSON that cannot end their own script tag, and a content
security policy runs no other script, by its digest, and forbids every request. So neither a caption
nor a file name can run or fetch anything."""

import base64
import hashlib
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

import altair as alt
import pandas as pd

from vlcore.experiment.files import text_beside
from vlcore.plots.blocks import Heading
from vlcore.plots.maps.script import INLINE_SCRIPT, page_block
from vlcore.plots.rendering import chart_svg
from vlcore.plots.theme import FONT, LIGHT, Palette
from vlcore.plots.thumbnails import check_uris

_DIGEST = base64.b64encode(hashlib.sha256(INLINE_SCRIPT.encode()).digest()).decode()
_FRAME_HEIGHT = 640  # px of a page in a notebook, until its script has measured it


@dataclass(frozen=True)
class Figure:
    """A chart with its words for screen readers."""

    chart: alt.TopLevelMixin
    words: str


@dataclass(frozen=True)
class Maps:
    """Maps that answer to the pointer, as `vlcore.api.map_component.inline` describes them."""

    data: Mapping[str, Any]


@dataclass(frozen=True)
class ImageRow:
    """A row of images, data URIs that `thumb_uri` made; words are below each, and read out for it;
    below the row is a line of attribution, where there is one."""

    uris: Sequence[str]
    words: Sequence[str]
    attribution: str = ""


def page_html(
    parts: Sequence[Any], title: str, *, palette: Palette = LIGHT, extra_css: str = ""
) -> str:
    """Write one offline HTML page, which sends no request.

    Args:
        parts: in order of appearance `Figure`s, `Maps`, `ImageRow`s, strings (a paragraph each,
            shown as they are), `Heading`s and pandas DataFrames (a table each, numbers to three
            digits).
        title: of the page.
        palette: that of the charts.
        extra_css: such as for print, is last and as it is: ours, no visitor's.

    Raises:
        TypeError: for something else in the list.
        ValueError: for an image that was not made by `thumb_uri`, and a chart that cannot be drawn.
    """
    heading = f"<h1>{html.escape(title)}</h1>"
    return _page(heading, parts, title, palette, extra_css)


def frame_html(parts: Sequence[Any], title: str, palette: Palette = LIGHT) -> str:
    """Write parts as an offline page in a frame of a notebook, as high as they are; the frame needs
    no kernel."""
    page = html.escape(_page("", parts, title, palette, "main { padding: .25rem; }"))
    # A host that names no encoding would read other letters into the script, and its digest fail.
    page = page.encode("ascii", "xmlcharrefreplace").decode("ascii")
    look = f"border: 0; height: {_FRAME_HEIGHT}px; width: 100%"
    return f'<iframe title="{html.escape(title)}" style="{look}" srcdoc="{page}"></iframe>'


def _page(heading: str, parts: Sequence[Any], title: str, palette: Palette, extra_css: str) -> str:
    has_maps = any(isinstance(part, Maps) for part in parts)
    css = Template(text_beside(__file__, "page.css")).substitute(vars(palette), font=FONT)
    return Template(text_beside(__file__, "page.html")).substitute(
        title=html.escape(title),
        style=css + extra_css,
        body="\n".join([heading, *(_part(part, palette) for part in parts)]),
        digest=_DIGEST,
        scripts=f"<script>{INLINE_SCRIPT}</script>" if has_maps else "",
    )


def _part(part: Any, palette: Palette) -> str:
    match part:
        case Heading():
            return f"<h2>{html.escape(part.text)}</h2>"
        case str():
            return f"<p>{html.escape(part)}</p>"
        case pd.DataFrame():
            table = part.to_html(
                index=False, border=0, escape=True, float_format="{:.3g}".format, na_rep=""
            )
            return f'<div class="wide">{table}</div>'
        case ImageRow():
            check_uris(part.uris)
            figures = [
                f'<figure><img src="{uri}" alt="{text}"><figcaption>{text}</figcaption></figure>'
                for uri, text in zip(part.uris, map(html.escape, part.words), strict=True)
            ]
            line = f"<p>{html.escape(part.attribution)}</p>" if part.attribution else ""
            return f'<div class="row">{"".join(figures)}</div>{line}'
        case Figure():
            drawing = chart_svg(part.chart.to_dict(), palette).encode()
            uri = f"data:image/svg+xml;base64,{base64.b64encode(drawing).decode()}"
            return f'<div class="wide"><img src="{uri}" alt="{html.escape(part.words)}"></div>'
        case Maps():
            return f'<div class="wide">{page_block(part.data)}</div>'
    raise TypeError(f"a page holds charts, text, headings and tables, not {type(part).__name__}")
