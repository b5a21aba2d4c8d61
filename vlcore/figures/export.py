"""A whole report as one file that works without a network.

The one idea: the browser part of Vega is bundled into the page once, each chart is a block of JSON that can
not end its own script tag, and a content security policy forbids every request. So the file can be mailed,
opened from a disk in ten years, and neither a caption nor a file name in it can run or fetch anything.
"""

from __future__ import annotations

import html
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from vlcore.figures.theme import FONT, LIGHT, Palette

_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline' 'unsafe-eval'"  # Vega compiles its expressions
)
_START = """
for (const block of document.querySelectorAll("script[type='application/json']")) {
  vegaEmbed(block.previousElementSibling, JSON.parse(block.textContent),
    {renderer: "svg", actions: {export: {png: true, svg: true}, source: false, compiled: false, editor: false}})
    .catch(error => { block.previousElementSibling.textContent = "This chart could not be drawn: " + error; });
}
"""


@dataclass(frozen=True)
class Heading:
    """A heading between the parts of a page."""

    text: str


def page_html(charts_and_text: Sequence[Any], title: str, *, palette: Palette = LIGHT) -> str:
    """One offline HTML page.

    Args:
        charts_and_text: In order of appearance: Altair charts, strings (a paragraph each, shown as they are),
            `Heading`s and pandas DataFrames (a table each, numbers to three digits).
        title: Of the page and its tab.
        palette: The one that the charts were made with.

    Returns:
        The page; its scripts are inlined and it sends no request.

    Raises:
        TypeError: Something in the list is none of these.
    """
    body = "\n".join(_part(part) for part in charts_and_text)
    scripts = f"<script>{_bundle()}</script>\n<script>{_START}</script>" if "application/json" in body else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width">
<title>{html.escape(title)}</title>
<style>{_style(palette)}</style>
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


def write_text_atomic(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 file so that a reader sees the old one or the new one, never half of it.

    Args:
        path: Its folder must exist.
        text: The whole content; line ends stay as they are.

    Raises:
        OSError: The folder is missing, or the disk is full or read-only; an old file is left as it was.
    """
    target = Path(path)
    descriptor, aside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o644)  # mkstemp makes files that only their owner reads
        os.replace(aside, target)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _part(part: Any) -> str:
    if isinstance(part, Heading):
        return f"<h2>{html.escape(part.text)}</h2>"
    if isinstance(part, str):
        return f"<p>{html.escape(part)}</p>"
    if isinstance(part, pd.DataFrame):
        table = part.to_html(index=False, border=0, escape=True, float_format="{:.3g}".format, na_rep="")
        return f'<div class="wide">{table}</div>'
    if isinstance(part, alt.TopLevelMixin):
        # "<" can't end the script element early when it is written as an escape.
        spec = json.dumps(part.to_dict(), sort_keys=True).replace("<", "\\u003c")
        return f'<div class="wide"></div><script type="application/json">{spec}</script>'
    raise TypeError(f"a page holds charts, text, headings and tables, not {type(part).__name__}")


@cache
def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, of the version that Altair writes for."""
    import vl_convert  # 60 MB that only an export needs

    version = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
    return script.replace("</script", "<\\/script")


def _style(palette: Palette) -> str:
    return f"""
body {{ margin: 0; background: {palette.ground}; color: {palette.text}; font: 16px/1.5 {FONT}; }}
main {{ max-width: 62rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }}
h1 {{ font-size: 1.8rem; line-height: 1.2; }}
h2 {{ font-size: 1.25rem; margin-top: 2.2rem; }}
p {{ max-width: 44rem; }}
.wide {{ overflow-x: auto; margin: 1.2rem 0; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .3rem .9rem .3rem 0; text-align: left; border-bottom: 1px solid {palette.line}; }}
th {{ color: {palette.muted}; font-weight: 600; }}
"""
