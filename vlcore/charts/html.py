"""Offline pages: text, tables, pictures and charts as one HTML file that works without a network.

The browser part of Vega is bundled into the page once, each chart is a block of JSON that can not end its own script
tag, and a content security policy forbids every request. So neither a caption nor a file name in it can run or fetch
anything. A film plays there too: its slider is in the page, and so is the script that moves it.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from vlcore.charts.images import Spec, vega_lite_version
from vlcore.charts.theme import FONT, LIGHT, Palette
from vlcore.charts.thumbnails import check_uris

# Vega-Lite's own timer draws nothing in Streamlit, but a slider that is bound to a parameter moves a chart, on a page
# and in a file. So to play is to move the slider as a hand would, from its beginning where it stands at its end, once
# through. Where the visitor asked for little motion, a press is one step. `filmPlayer(button)` makes a button play and
# gives what takes that back.
PLAY_SCRIPT = """
function filmPlayer(button, name, pause = 450) {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const sliders = () => [...document.querySelectorAll(".vega-bind input[type=range]")].filter(s => s.name === name);
  const atEnd = slider => Number(slider.value) >= Number(slider.max);
  const move = (slider, value) => {
    slider.value = value;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
  };
  let timer = null;
  const say = () => { button.textContent = still ? "Next moment" : timer === null ? "Play" : "Pause"; };
  const stop = () => { clearInterval(timer); timer = null; say(); };
  const step = () => {
    const moving = sliders().filter(slider => !atEnd(slider));
    moving.forEach(slider => move(slider, Number(slider.value) + 1));
    if (moving.every(atEnd)) stop();
  };
  const press = () => {
    if (timer !== null) return stop();
    if (sliders().every(atEnd)) sliders().forEach(slider => move(slider, Number(slider.min)));
    else if (still) return step();
    if (!still) { timer = setInterval(step, pause); say(); }
  };
  button.addEventListener("click", press);
  say();
  return () => { stop(); button.removeEventListener("click", press); };
}
"""
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline' 'unsafe-eval'"  # Vega compiles its expressions
)
_START = """
for (const block of document.querySelectorAll("script[type='application/json']")) {
  vegaEmbed(block.previousElementSibling, JSON.parse(block.textContent),
    {renderer: "svg", actions: {export: {png: true, svg: true}, source: false, compiled: false, editor: false}})
    .catch(error => { block.previousElementSibling.textContent = "This chart could not be drawn: " + error; });
}
for (const button of document.querySelectorAll("button[data-slider]")) filmPlayer(button, button.dataset.slider);
"""


@dataclass(frozen=True)
class Heading:
    """A heading between the parts of a page."""

    text: str


@dataclass(frozen=True)
class Figure:
    """A chart, with more than is drawn.

    Attributes:
        chart: an Altair chart or a Vega-Lite specification.
        alt: what is said to those who do not see it.
        slider: name of the parameter that a Play button moves; empty where nothing plays.
    """

    chart: alt.TopLevelMixin | Spec
    alt: str = ""
    slider: str = ""


@dataclass(frozen=True)
class Pictures:
    """A row of pictures.

    Attributes:
        uris: data URIs that `thumb_uri` made.
        words: what stands below each, and is said of it.
    """

    uris: Sequence[str]
    words: Sequence[str]


def page_html(charts_and_text: Sequence[Any], title: str, *, palette: Palette = LIGHT, extra_css: str = "") -> str:
    """One offline HTML page.

    Args:
        charts_and_text: In order of appearance: Altair charts, Vega-Lite specifications, `Figure`s, `Pictures`,
            strings (a paragraph each, shown as they are), `Heading`s and pandas DataFrames (a table each, numbers to
            three digits).
        title: Of the page and its tab.
        palette: The one that the charts were made with.
        extra_css: Rules that stand last, such as for print. They go into the page as they are: ours, no visitor's.

    Returns:
        The page; its scripts are inlined and it sends no request.

    Raises:
        TypeError: Something in the list is none of these.
        ValueError: A picture was not made by `thumb_uri`.
    """
    body = "\n".join(_part(part, palette) for part in charts_and_text)
    has_charts = '<script type="application/json">' in body  # words can't hold that: their "<" is escaped
    scripts = f"<script>{_bundle()}</script>\n<script>{PLAY_SCRIPT}{_START}</script>" if has_charts else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width">
<title>{html.escape(title)}</title>
<style>{_style(palette)}{extra_css}</style>
</head>
<body>
<main>
<h1>{html.escape(title)}</h1>
{body}
</main>
{scripts}
</body>
</html>
"""


def _part(part: Any, palette: Palette) -> str:
    match part:
        case Heading():
            return f"<h2>{html.escape(part.text)}</h2>"
        case str():
            return f"<p>{html.escape(part)}</p>"
        case pd.DataFrame():
            table = part.to_html(index=False, border=0, escape=True, float_format="{:.3g}".format, na_rep="")
            return f'<div class="wide">{table}</div>'
        case Pictures():
            check_uris(part.uris)
            words = [html.escape(text) for text in part.words]
            shown = [
                f'<figure><img src="{uri}" alt="{text}"><figcaption>{text}</figcaption></figure>'
                for uri, text in zip(part.uris, words, strict=True)
            ]
            return f'<div class="row">{"".join(shown)}</div>'
        case Figure():
            return _figure(part, palette)
        case alt.TopLevelMixin() | Mapping():
            return _figure(Figure(part), palette)
    raise TypeError(f"a page holds charts, text, headings and tables, not {type(part).__name__}")


def _figure(figure: Figure, palette: Palette) -> str:
    spec = figure.chart.to_dict() if isinstance(figure.chart, alt.TopLevelMixin) else figure.chart
    # Charts have no ground of their own, and a reader may save one as a picture. "<" can't end the script element
    # early when it is written as an escape.
    block = json.dumps({**spec, "background": palette.ground}, sort_keys=True).replace("<", "\\u003c")
    spoken = f' role="figure" aria-label="{html.escape(figure.alt)}"' if figure.alt else ""
    play = f'<button type="button" data-slider="{html.escape(figure.slider)}">Play</button>' if figure.slider else ""
    return f'{play}<div class="wide"{spoken}></div><script type="application/json">{block}</script>'


@cache
def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, of the version that Altair writes for."""
    import vl_convert  # 60 MB that only an export needs

    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=vega_lite_version())
    return script.replace("</script", "<\\/script")


def _style(palette: Palette) -> str:
    return f"""
body {{ margin: 0; background: {palette.ground}; color: {palette.text}; font: 16px/1.5 {FONT}; }}
main {{ max-width: 62rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }}
h1 {{ font-size: 1.8rem; line-height: 1.2; }}
h2 {{ font-size: 1.25rem; margin-top: 2.2rem; }}
p {{ max-width: 44rem; }}
.wide {{ overflow-x: auto; margin: 1.2rem 0; }}
.row {{ display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.2rem 0; }}
figure {{ margin: 0; }}
figure img {{ display: block; width: 9.5rem; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .3rem .9rem .3rem 0; text-align: left; border-bottom: 1px solid {palette.line}; }}
th {{ color: {palette.muted}; font-weight: 600; }}
button {{ font: inherit; color: inherit; background: none; border: 1px solid {palette.muted}; border-radius: .4rem;
  padding: .25rem .9rem; cursor: pointer; }}
.vega-bind input {{ accent-color: {palette.accent}; width: 16rem; vertical-align: middle; }}
@media print {{ button, .vega-bind, .vega-embed details {{ display: none; }} }}
"""
