"""What holds of every chart: it is drawn in its palette, spoken, made of what is listed, and safe."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.charts import drawn
from tests.charts.maps import test_captions as caption_maps
from tests.charts.maps import test_linked as linked
from tests.charts.maps import tracks
from tests.charts.test_bias import FIGURES
from tests.charts.test_contact_sheets import table as sheets
from tests.charts.test_curves import curve
from tests.charts.test_matrices import pairs, similarities
from tests.charts.test_rates import rates
from tests.charts.test_votes import votes
from vlcore.charts.contact_sheets import contact_sheets
from vlcore.charts.curves import learning_curve
from vlcore.charts.maps.film import film_chart
from vlcore.charts.maps.small import live_map, small_map
from vlcore.charts.matrices import caption_matrices, pair_matrix
from vlcore.charts.rates import rate_chart
from vlcore.charts.theme import DARK, LIGHT, Palette
from vlcore.charts.thumbnails import SAFE_URI
from vlcore.charts.votes import votes_chart
from vlcore.core.grouping import SCENES

MAPS = ("linked maps", "small map", "caption map", "film", "contact sheets")
HIDDEN = {"path": "secret"}  # a column that nobody asked for


def small(palette: Palette) -> Any:
    points, captions = (linked.WHOLE[name].assign(**HIDDEN) for name in ("points", "captions"))
    return small_map(points, captions, palette=palette, grouping=SCENES)


def film(palette: Palette) -> Any:
    points = tracks.pictures().assign(**HIDDEN)
    both = [tracks.track(points, tracks.STEPS, seed) for seed in (1, 2)]
    return film_chart(points, both, tracks.STEPS, palette=palette, grouping=SCENES)


def everything(palette: Palette) -> Any:
    tables = {name: table.assign(**HIDDEN) for name, table in linked.WHOLE.items() if name != "options"}
    tables["captions"] = tables["captions"].query("pane < 2")
    infos = [linked.INFO] * 2
    return linked.linked_maps(infos=infos, options=linked.EVERYTHING, palette=palette, grouping=SCENES, **tables)


CHARTS: dict[str, Callable[[Palette], Any]] = FIGURES | {
    "linked maps": everything,
    "small map": small,
    "live map": lambda palette: live_map(
        [(0, 1), (1, 0)], ["horse_desert", "camel_desert"], palette=palette, grouping=SCENES
    ),
    "caption map": lambda palette: caption_maps.chart(palette=palette),
    "film": film,
    "contact sheets": lambda palette: contact_sheets(
        sheets(SCENES).assign(**HIDDEN), palette=palette, grouping=SCENES, side=300
    ),
    "curve": lambda palette: learning_curve(curve().assign(**HIDDEN), palette=palette, width=400, height=200),
    "caption matrices": lambda palette: caption_matrices(
        similarities(("horse", "camel"), ("a", "b", "c")).assign(**HIDDEN), ["left", "right"], palette=palette
    ),
    "pair matrix": lambda palette: pair_matrix(*(one.assign(**HIDDEN) for one in pairs()), palette=palette),
    "rates": lambda palette: rate_chart(rates().assign(**HIDDEN), palette=palette, width=400),
    "votes": lambda palette: votes_chart(votes().assign(**HIDDEN), palette=palette, width=520),
}


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
@pytest.mark.parametrize("name", list(CHARTS))
def test_every_chart(name: str, palette: Palette) -> None:
    spec = CHARTS[name](palette).to_dict()
    text = json.dumps(spec)
    assert text == json.dumps(CHARTS[name](palette).to_dict()), "equal input gives an equal specification"
    assert "secret" not in text
    assert spec["config"]["background"] == "transparent"
    assert (DARK if palette is LIGHT else LIGHT).accent not in text
    for mark in drawn.marks(spec):
        spoken = mark["encoding"].get("description", {}).get("field") == "spoken"
        assert spoken or mark["mark"].get("aria") is False, mark
        tooltip = mark["encoding"].get("tooltip")
        if isinstance(tooltip, list) and any(entry["field"] == "thumb" for entry in tooltip):
            assert (tooltip[0]["field"], tooltip[0]["title"]) == ("thumb", "image")
    assert all(SAFE_URI.match(uri) for uri in re.findall(r'"(data:[^"]*)"', text))
    assert "scales" not in json.dumps(spec.get("params", [])), "no chart zooms under a scrolling page"

    picture = drawn.svg(spec)
    assert "NaN" not in picture
    assert "undefined" not in picture
    assert not re.search(r'aria-label="[^"]*base64', picture), "Vega-Lite would read out pictures as data"
    used = {colour.upper() for colour in re.findall(r"#[0-9A-Fa-f]{6}", picture)}
    wanted = dict.fromkeys(MAPS, palette.groups) | {
        "curve": palette.groups[1:3],
        "rates": (palette.accent, palette.groups[0]),
        "votes": (palette.accent,),
    }
    assert set(wanted.get(name, ())) <= used
