"""What holds of every chart: it is drawn in its palette, spoken, made of whole tables, and safe."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import altair as alt
import pandas as pd
import pytest
from altair.utils import schemapi

from tests.plots import drawn
from tests.plots.maps.examples import BOARD, POINTS
from tests.plots.test_classroom import standings, votes
from tests.plots.test_contact_sheets import table as sheets
from tests.plots.test_curves import curve
from tests.plots.test_intervals import differing, rates
from tests.plots.test_matrices import similarities
from vlcore.experiment.grouping import SCENES
from vlcore.plots import scales
from vlcore.plots.classroom import ranking_chart, votes_chart
from vlcore.plots.contact_sheets import contact_sheets
from vlcore.plots.curves import learning_curve
from vlcore.plots.group_accuracy import group_panel
from vlcore.plots.intervals import forest_chart, rate_chart
from vlcore.plots.matrices import caption_matrices
from vlcore.plots.theme import DARK, LIGHT, Palette
from vlcore.plots.thumbnails import SAFE_URI

IN_GROUPS = ("contact sheets", "accuracy by group")  # in the colours of groups


# What draws each chart, the tables that it checks, and what else it is told.
Chart = tuple[Callable[..., Any], dict[str, pd.DataFrame], dict[str, Any]]
CHARTS: dict[str, Chart] = {
    "forest": (forest_chart, {"rows": differing()}, {"width": 600, "title": "points", "unit": 100}),
    "rates": (rate_chart, {"rows": rates()}, {"width": 400}),
    "ranking": (
        ranking_chart,
        {"rows": standings(3)},
        {
            "width": 900,
            "height": 400,
            "title": "right; hollow: majority",
            "second_title": "majority",
            "baseline": "as it was",
        },
    ),
    "votes": (votes_chart, {"rows": votes()}, {"width": 520}),
    "curve": (learning_curve, {"rows": curve()}, {"width": 400, "height": 200}),
    "caption matrices": (
        caption_matrices,
        {"cells": similarities(("horse", "camel"), ("a", "b", "c"))},
        {"titles": ["left", "right"]},
    ),
    "contact sheets": (contact_sheets, {"rows": sheets(SCENES)}, {"grouping": SCENES, "side": 300}),
    "accuracy by group": (group_panel, {"rows": BOARD}, {"grouping": SCENES, "width": 600}),
}


def draw(name: str, palette: Palette = LIGHT, **changed: Any) -> Any:
    function, tables, more = CHARTS[name]
    return function(**tables | more | changed, palette=palette)


@pytest.fixture(autouse=True)
def held_to_the_schema() -> Iterator[None]:
    with schemapi.debug_mode(True):
        yield


@pytest.mark.parametrize("name", list(CHARTS))
def test_every_chart(name: str) -> None:
    """In the dark palette: the light one is what a chart would have that takes none."""
    palette = DARK
    hidden = {
        table: rows.assign(path="secret") for table, rows in CHARTS[name][1].items()
    }  # nobody asked for it
    spec = draw(name, palette, **hidden).to_dict()
    text = json.dumps(spec)
    assert text == json.dumps(draw(name, palette).to_dict()), (
        "equal input gives an equal specification"
    )
    assert "secret" not in text
    assert spec["config"]["background"] == "transparent"
    assert LIGHT.accent not in text
    for mark in drawn.marks(spec):
        spoken = mark["encoding"].get("description", {}).get("field") == "spoken"
        assert spoken or mark["mark"].get("aria") is False, mark
    assert all(SAFE_URI.match(uri) for uri in re.findall(r'"(data:[^"]*)"', text))

    picture = drawn.svg(spec)
    assert "NaN" not in picture
    assert "undefined" not in picture
    assert not re.search(r'aria-label="[^"]*base64', picture), (
        "Vega-Lite would read out pictures as data"
    )
    used = {colour.upper() for colour in re.findall(r"#[0-9A-Fa-f]{6}", picture)}
    wanted = dict.fromkeys(IN_GROUPS, palette.groups) | {"curve": palette.groups[1:3]}
    assert set(wanted.get(name, ())) <= used


@pytest.mark.parametrize("name", [name for name, (_, tables, _) in CHARTS.items() if tables])
def test_what_is_missing_or_foreign_is_refused(name: str) -> None:
    for table, rows in CHARTS[name][1].items():
        with pytest.raises(KeyError):
            draw(name, **{table: rows.drop(columns=rows.columns[-1])})
        if "thumb" in rows:
            for foreign in ("https://example.org/x.png", 'data:image/png;base64,A" onerror="x'):
                with pytest.raises(ValueError, match="image 0 is not a data URI"):
                    draw(name, **{table: rows.assign(thumb=foreign)})


ROWS = ("forest", "rates", "votes", "ranking", "caption matrices", "contact sheets")


@pytest.mark.parametrize("name", ROWS)
def test_a_table_without_rows_is_refused(name: str) -> None:
    for table in CHARTS[name][1]:
        with pytest.raises(ValueError, match="there is nothing to show"):
            draw(name, **{table: CHARTS[name][1][table].iloc[:0]})


def test_our_charts_are_altairs_and_what_is_made_of_one_leaves_it_as_it_is() -> None:
    def composed(kind: type[alt.Chart]) -> list[drawn.Spec]:
        dots = kind(POINTS).mark_point().encode(x="x0:Q", xOffset="group:N", description="spoken:N")
        red = dots.transform_filter("datum.minority").encode(
            color=alt.value("red"), description="id:N"
        )
        every = [
            dots,
            red,
            alt.layer(dots, red, width=90),
            dots.properties(name="dots") | alt.layer(dots.copy(), red),
        ]
        return [chart.to_dict() for chart in every]

    assert composed(scales.QuickChart) == composed(alt.Chart)
