"""Curves of trainings, and the small maps beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.charts import drawn
from tests.charts.maps.examples import CAPTIONS, POINTS
from vlcore.charts.curves import learning_curve
from vlcore.charts.maps.small import small_map
from vlcore.charts.theme import DARK, LIGHT
from vlcore.core.grouping import SCENES


def curve() -> pd.DataFrame:
    steps = np.arange(0, 1000)
    values = {"loss": np.exp(-steps / 200), "right": 1 - np.exp(-steps / 100)}
    return pd.concat([pd.DataFrame({"step": steps, "series": name, "value": value}) for name, value in values.items()])


def test_a_small_map_reads_the_first_map_only() -> None:
    one = POINTS.drop(columns=[name for name in POINTS if name[-1] in "123" and name[-2:] != "id"])
    spec = small_map(one, CAPTIONS, palette=LIGHT, grouping=SCENES, side=180).to_dict()
    assert (spec["width"], spec["height"]) == (180, 180)
    assert [param["name"] for param in spec["params"]] == ["hov"]
    assert spec["params"][0]["views"] == [layer["name"] for layer in spec["layer"] if "marks" in layer.get("name", "")]
    strokes = [layer["encoding"]["stroke"] for layer in drawn.marks(spec) if "stroke" in layer["encoding"]]
    assert strokes
    assert all(stroke["legend"] is None for stroke in strokes)
    assert isinstance(spec["padding"], dict)  # a number crashes Streamlit's browser part
    assert sum("caption" in row for rows in spec["datasets"].values() for row in rows) == 2
    assert spec == small_map(POINTS, CAPTIONS, palette=LIGHT, grouping=SCENES, side=180).to_dict()


def test_a_small_map_needs_no_captions() -> None:
    assert drawn.svg(small_map(POINTS, CAPTIONS.iloc[:0], palette=LIGHT, grouping=SCENES))


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
    assert drawn.svg(learning_curve(rows, palette=DARK, width=300, height=150))


def test_bad_curves_are_refused() -> None:
    with pytest.raises(ValueError, match="missing columns value"):
        learning_curve(curve().drop(columns="value"), palette=LIGHT, width=300, height=200)
    many = pd.DataFrame({"step": 0, "series": list("abcdef"), "value": 0.1})
    with pytest.raises(ValueError, match="at most 5"):
        learning_curve(many, palette=LIGHT, width=300, height=200)
