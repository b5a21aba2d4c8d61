"""Rates: a dot and an interval for each view and label, chance in sight, and nothing that is no rate."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert
from PIL import Image

from vlcore.charts.rates import rate_chart
from vlcore.charts.theme import DARK, LIGHT, Palette

VERSION = ".".join(alt.SCHEMA_VERSION[1:].split(".")[:2])


@pytest.fixture
def rates() -> pd.DataFrame:
    rows = [
        (view, label, value, value - 0.05, value + 0.05, 1400)
        for view, values in (("mean colour", (0.52, 0.87)), ("rim", (0.5, 0.95)), ("picture at 16 x 16", (0.61, 0.95)))
        for label, value in zip(("animal", "background"), values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["view", "label", "value", "low", "high", "n"])


def drawn(rows: pd.DataFrame, palette: Palette = LIGHT) -> np.ndarray:
    chart = rate_chart(rows, palette=palette, width=400)
    return np.asarray(Image.open(BytesIO(vl_convert.vegalite_to_png(chart.to_json(), vl_version=VERSION))))


def test_every_rate_has_a_dot_and_its_interval(rates: pd.DataFrame) -> None:
    spec = rate_chart(rates, palette=LIGHT, width=400).to_dict()
    _, bars, dots = spec["layer"]
    assert (bars["encoding"]["x"]["field"], bars["encoding"]["x2"]["field"]) == ("low", "high")
    assert dots["encoding"]["x"]["field"] == "value"
    assert bars["encoding"]["x"]["scale"]["domain"] == [0, 1]
    table = spec["datasets"][dots["data"]["name"]]
    assert [row["value"] for row in table] == rates["value"].tolist()
    assert [entry["title"] for entry in dots["encoding"]["tooltip"]] == [
        "seen", "to be told", "right", "from", "to", "pictures",
    ]  # fmt: skip


def test_chance_is_a_dashed_line_at_a_half(rates: pd.DataFrame) -> None:
    spec = rate_chart(rates, palette=LIGHT, width=400).to_dict()
    chance = spec["layer"][0]
    assert chance["mark"] == {"type": "rule", "strokeDash": [4, 4], "color": LIGHT.muted}
    (at,) = spec["datasets"][chance["data"]["name"]]
    assert at[chance["encoding"]["x"]["field"]] == 0.5


def test_both_labels_keep_their_order_and_differ_in_colour(rates: pd.DataFrame) -> None:
    for rows, labels in ((rates, ["animal", "background"]), (rates.iloc[::-1], ["background", "animal"])):
        for layer in rate_chart(rows, palette=LIGHT, width=400).to_dict()["layer"][1:]:
            scale = layer["encoding"]["color"]["scale"]
            assert scale["domain"] == layer["encoding"]["yOffset"]["sort"] == labels
            assert len(set(scale["range"])) == 2


def test_the_axis_says_what_is_shown_and_nothing_else(rates: pd.DataFrame) -> None:
    """Layers that share an axis would add their columns to its title."""
    compiled = vl_convert.vegalite_to_vega(rate_chart(rates, palette=LIGHT, width=400).to_json(), vl_version=VERSION)
    titles = [axis["title"] for axis in compiled["axes"] if "title" in axis]
    assert titles == ["named right by a linear probe; dashed: chance"]


def test_marks_are_spoken_in_words(rates: pd.DataFrame) -> None:
    spec = rate_chart(rates, palette=LIGHT, width=400).to_dict()
    assert {layer["encoding"]["description"]["field"] for layer in spec["layer"]} == {"spoken"}
    said = [row["spoken"] for rows in spec["datasets"].values() for row in rows]
    assert "background from mean colour: right 87\u00a0% (82 to 92) of 1,400" in said
    assert "chance: 50 %" in said


def test_only_listed_columns_travel(rates: pd.DataFrame) -> None:
    assert "secret" not in rate_chart(rates.assign(path="secret"), palette=LIGHT, width=400).to_json()


def test_the_chart_grows_with_the_views(rates: pd.DataFrame) -> None:
    one, three = (rate_chart(rows, palette=LIGHT, width=400).to_dict() for rows in (rates.iloc[:2], rates))
    assert 3 * one["height"] == three["height"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rates: rates.drop(columns=["n", "low"]), "rows: missing columns low, n"),
        (lambda rates: rates.iloc[:0], "nothing to show"),
        (lambda rates: rates.assign(value=57.0), "fractions from 0 to 1"),
        (lambda rates: rates.assign(low=-0.1), "fractions from 0 to 1"),
        (lambda rates: rates.assign(high=[np.nan] + [0.9] * 5), "fractions from 0 to 1"),
    ],
)
def test_what_is_no_rate_is_refused(rates: pd.DataFrame, change: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rate_chart(change(rates), palette=LIGHT, width=400)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_it_draws_in_the_colours_of_its_palette(rates: pd.DataFrame, palette: Palette) -> None:
    picture = drawn(rates, palette)
    assert picture[0, 0, 3] == 0
    solid = {"#{:02X}{:02X}{:02X}".format(*pixel[:3]) for pixel in picture[picture[..., 3] == 255]}
    assert {palette.accent, palette.groups[0]} <= solid
