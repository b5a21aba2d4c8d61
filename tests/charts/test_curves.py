"""Charts are judged by their specification, and drawn once in each palette."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert
from PIL import Image

from vlcore.charts.curves import learning_curve
from vlcore.charts.maps.small import small_map
from vlcore.charts.theme import DARK, LIGHT, Palette
from vlcore.core.grouping import SCENES


def curve() -> pd.DataFrame:
    steps = np.arange(0, 1000)
    values = {"loss": np.exp(-steps / 200), "right": 1 - np.exp(-steps / 100)}
    return pd.concat([pd.DataFrame({"step": steps, "series": name, "value": value}) for name, value in values.items()])


def layers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """All layers, those within layers too."""
    return [inner for layer in spec["layer"] for inner in (layers(layer) if "layer" in layer else [layer])]


def drawn(chart: alt.TopLevelMixin) -> Image.Image:
    version = ".".join(alt.SCHEMA_VERSION[1:].split(".")[:2])
    png = vl_convert.vegalite_to_png(chart.to_json(), vl_version=version)
    return Image.open(BytesIO(png)).convert("RGBA")


def test_a_small_map_reads_the_first_map_only(points: pd.DataFrame, captions: pd.DataFrame) -> None:
    one = points.drop(columns=[name for name in points if name[-1] in "123" and name[-2:] != "id"])
    spec = small_map(one, captions, palette=LIGHT, grouping=SCENES, side=180).to_dict()
    assert (spec["width"], spec["height"]) == (180, 180)
    assert [param["name"] for param in spec["params"]] == ["hov"]
    assert spec["params"][0]["views"] == [layer["name"] for layer in spec["layer"] if "marks" in layer.get("name", "")]
    strokes = [layer["encoding"]["stroke"] for layer in layers(spec) if "stroke" in layer["encoding"]]
    assert strokes
    assert all(stroke["legend"] is None for stroke in strokes)
    assert isinstance(spec["padding"], dict)  # a number crashes Streamlit's browser part
    assert sum("caption" in row for rows in spec["datasets"].values() for row in rows) == 2
    assert spec == small_map(points, captions, palette=LIGHT, grouping=SCENES, side=180).to_dict()


def test_a_small_map_needs_no_captions(points: pd.DataFrame, captions: pd.DataFrame) -> None:
    assert drawn(small_map(points, captions.iloc[:0], palette=LIGHT, grouping=SCENES)).size[0] > 200


def test_a_curve_is_thinned_and_keeps_its_end() -> None:
    spec = learning_curve(curve(), palette=LIGHT, width=400, height=200).to_dict()
    line = next(rows for rows in spec["datasets"].values() if len(rows) > 2)
    for name in ("loss", "right"):
        steps = [row["step"] for row in line if row["series"] == name]
        assert len(steps) <= 400
        assert steps[-1] == 999
        assert steps == sorted(steps)


def test_names_of_close_ends_stand_apart() -> None:
    rows = pd.DataFrame({"step": [0, 0, 9, 9], "series": ["a", "b"] * 2, "value": [0.5, 0.4, 0.9, 0.9]})
    spec = learning_curve(rows, palette=LIGHT, width=400, height=200).to_dict()
    shifts = sorted(row["dy"] for rows in spec["datasets"].values() for row in rows if "dy" in row)
    assert shifts == [-7.5, 7.5]


@pytest.mark.parametrize("values", [[], [0.0], [np.nan], [np.inf, 0.5], [-3.0, -3.0]])
def test_odd_curves_draw(values: list[float]) -> None:
    rows = pd.DataFrame({"step": range(len(values)), "series": "loss", "value": pd.Series(values, dtype=float)})
    assert drawn(learning_curve(rows, palette=DARK, width=300, height=150)).size[0] > 100


def test_bad_curves_are_refused() -> None:
    with pytest.raises(ValueError, match="missing columns value"):
        learning_curve(curve().drop(columns="value"), palette=LIGHT, width=300, height=200)
    many = pd.DataFrame({"step": 0, "series": list("abcdef"), "value": 0.1})
    with pytest.raises(ValueError, match="at most 5"):
        learning_curve(many, palette=LIGHT, width=300, height=200)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_chart_draws_in_the_colours_of_its_palette(
    points: pd.DataFrame, captions: pd.DataFrame, board: pd.DataFrame, palette: Palette
) -> None:
    charts = {
        "small": small_map(points, captions, palette=palette, grouping=SCENES),
        "curve": learning_curve(curve(), palette=palette, width=400, height=200),
    }
    for name, chart in charts.items():
        picture = np.asarray(drawn(chart))
        assert picture[0, 0, 3] == 0, f"{name}: the ground is transparent"
        solid = {"#{:02X}{:02X}{:02X}".format(*pixel[:3]) for pixel in picture[picture[..., 3] == 255]}
        assert {palette.groups[1], palette.groups[2]} <= solid, name
