"""Script and style sheet of maps: a page asks for them by address, a file has them inside."""

import html
import json
from collections.abc import Mapping
from typing import Any

from vlcore.experiment.files import text_beside
from vlcore.plots.theme import FONT, Palette

_PARTS = ("table", "points", "geometry", "layout", "overlay", "card", "hand", "moments", "maps")
SCRIPT = "".join(text_beside(__file__, f"{name}.js") for name in _PARTS)
STYLE = text_beside(__file__, "maps.css")
# In files and notebooks, after the blocks of `page_block`.
INLINE_SCRIPT = f"{SCRIPT}const STYLE = {json.dumps(STYLE)};\n{text_beside(__file__, 'inline.js')}"


def page_block(data: Mapping[str, Any]) -> str:
    """Write maps as HTML: an element with their words, and the data that `INLINE_SCRIPT` draws in
    it.

    Args:
        data: as `vlcore.api.map_component.inline` describes maps, with their tables inside.
    """
    # An escaped "<" cannot end the script element early.
    block = json.dumps(data).replace("<", "\\u003c")
    words = html.escape(data["alt"])
    return f'<div>{words}</div><script type="application/json" class="maps-data">{block}</script>'


def moving_look(palette: Palette) -> dict[str, Any]:
    """Describe the look of two maps that move, coloured by group; a style sheet has their side."""
    return {
        "kind": "frames",
        "side": None,
        "gap": 0,
        "across": 2,
        "legendPlace": "none",
        "legend": [],
        "legendTitle": "",
        "colours": palette.groups,
        "colourColumns": ["group", "group"],
        "overlays": [],
        "font": FONT,
        "ink": palette.ink,
        "colourTable": None,
        "thumbs": "",
        "alt": "",
    }
