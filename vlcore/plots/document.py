"""Documents: parts (texts, commands, tables and figures), which a page of the app and a file both
render, and offline pages: text, tables, images and charts as one HTML file that works without a
network.

The browser part of Vega is bundled into an offline page once, each chart is a block of JSON that
can not end its own script tag, and a content security policy forbids every request (it allows eval,
for Vega compiles its expressions). So neither a caption nor a file name in it can run or fetch
anything. A training animation plays there too: its slider is in the page, and so is the script that
moves it."""

import html
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from string import Template
from typing import Any

import altair as alt
import pandas as pd

from vlcore.experiment.files import text_beside
from vlcore.plots.rendering import VEGA_LITE, Spec
from vlcore.plots.theme import FONT, LIGHT, Palette
from vlcore.plots.thumbnails import check_uris

# Vega-Lite's own timer draws nothing in Streamlit, but a slider that is bound to a parameter moves
# a chart, on a page and in a file. So to play is to move the slider as a hand would, once through.
# Where little motion is asked for, a press is one step. `filmPlayer(button)` makes a button play
# and returns what takes that back.
PLAY_SCRIPT = text_beside(__file__, "play.js")


@dataclass(frozen=True)
class Text:
    """A paragraph, set smaller where it is a note, with an icon where it warns."""

    text: str
    note: bool = False
    icon: str = ""


@dataclass(frozen=True)
class Command:
    text: str
    does: str


@dataclass(frozen=True)
class Table:
    rows: pd.DataFrame
    by: str = ""  # on paper a table for each value of this column


@dataclass(frozen=True)
class Chart:
    """A figure, by its name; `draw` makes it for a palette and a width in px, or raises ValueError
    from too little."""

    name: str
    draw: Callable[[Palette, int], alt.TopLevelMixin]


@dataclass(frozen=True)
class Part:
    """A part of what is shown; its heading is empty where it goes on."""

    name: str
    heading: str
    content: tuple[Text | Command | Table | Chart, ...]


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Figure:
    """A chart, or its specification, with its words for screen readers."""

    chart: alt.TopLevelMixin | Spec
    alt: str = ""
    slider: str = ""  # name of the parameter that a Play button moves; empty where nothing plays


@dataclass(frozen=True)
class ImageRow:
    """A row of images, data URIs that `thumb_uri` made; words are below each, and read out for it;
    below the row is a line of attribution, where there is one."""

    uris: Sequence[str]
    words: Sequence[str]
    attribution: str = ""


def on_paper(parts: Iterable[Part], palette: Palette, width: int) -> Iterator[Any]:
    """Parts as `page_html` takes them, with figures `width` px wide."""
    for part in parts:
        if part.heading:
            yield Heading(part.heading)
        for content in part.content:
            match content:
                case Text():
                    yield content.text
                case Command():
                    yield f"{content.does}: {content.text}"
                case Table(by=""):
                    yield content.rows
                case Table():
                    for name, rows in content.rows.groupby(content.by, sort=False):
                        yield f"{name}:"
                        yield rows.drop(columns=content.by)
                case Chart():
                    try:
                        yield content.draw(palette, width)
                    except ValueError as error:
                        yield f"There is no figure here ({error})."


def page_html(
    charts_and_text: Sequence[Any], title: str, *, palette: Palette = LIGHT, extra_css: str = ""
) -> str:
    """One offline HTML page; its scripts are inlined and it sends no request.

    Args:
        charts_and_text: in order of appearance Altair charts, Vega-Lite specifications, `Figure`s,
            `ImageRow`, strings (a paragraph each, shown as they are), `Heading`s and pandas
            DataFrames (a table each, numbers to three digits).
        title: of the page.
        palette: that of the charts.
        extra_css: such as for print, is last and as it is: ours, no visitor's.

    Raises:
        TypeError: for something else in the list.
        ValueError: for an image that was not made by `thumb_uri`.
    """
    body = "\n".join(_part(part, palette) for part in charts_and_text)
    scripts = ""
    if '<script type="application/json">' in body:  # words can't hold that: their "<" is escaped
        start = text_beside(__file__, "start.js")
        scripts = f"<script>{_bundle()}</script>\n<script>\n{PLAY_SCRIPT}\n{start}</script>"
    css = Template(text_beside(__file__, "page.css")).substitute(vars(palette), font=FONT)
    page = Template(text_beside(__file__, "page.html"))
    return page.substitute(
        title=html.escape(title), style=css + extra_css, body=body, scripts=scripts
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
        case alt.TopLevelMixin() | Mapping():
            return _part(Figure(part), palette)
        case Figure():
            spec = part.chart.to_dict() if isinstance(part.chart, alt.TopLevelMixin) else part.chart
            # Charts have no ground, and a reader may save one. An escaped "<" can't end the script
            # element early.
            block = json.dumps({**spec, "background": palette.ground}, sort_keys=True).replace(
                "<", "\\u003c"
            )
            spoken = f' role="figure" aria-label="{html.escape(part.alt)}"' if part.alt else ""
            slider = html.escape(part.slider)
            play = f'<button type="button" data-slider="{slider}">Play</button>' if slider else ""
            return (
                f'{play}<div class="wide"{spoken}></div><script'
                f' type="application/json">{block}</script>'
            )
    raise TypeError(f"a page holds charts, text, headings and tables, not {type(part).__name__}")


@cache
def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, of the version that Altair writes for."""
    import vl_convert  # 60 MB that only an export needs

    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    return bundle.replace("</script", "<\\/script")
