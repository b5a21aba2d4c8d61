"""Curves of trainings."""

import numpy as np
import pandas as pd
import pytest

from tests.plots import drawn
from vlcore.plots.curves import learning_curve
from vlcore.plots.theme import DARK, LIGHT


def curve() -> pd.DataFrame:
    steps = np.arange(0, 1000)
    wide = {"step": steps, "loss": np.exp(-steps / 200), "right": 1 - np.exp(-steps / 100)}
    return pd.DataFrame(wide).melt("step", var_name="series")


def test_a_curve_is_thinned_and_keeps_its_end() -> None:
    spec = learning_curve(curve(), palette=LIGHT, width=400, height=200).to_dict()
    line = next(rows for rows in spec["datasets"].values() if len(rows) > 2)
    for name in ("loss", "right"):
        steps = [row["step"] for row in line if row["series"] == name]
        assert len(steps) <= 400
        assert (steps[-1], steps) == (999, sorted(steps))


def test_names_of_close_ends_stand_apart() -> None:
    rows = pd.DataFrame({"step": [0, 0, 9, 9], "series": [*"abab"], "value": [0.5, 0.4, 0.9, 0.9]})
    spec = learning_curve(rows, palette=LIGHT, width=400, height=200).to_dict()
    shifts = sorted(row["dy"] for rows in spec["datasets"].values() for row in rows if "dy" in row)
    assert shifts == [-7.5, 7.5]


@pytest.mark.parametrize("values", [[], [0.0], [np.nan], [np.inf, 0.5], [-3.0, -3.0]])
def test_odd_curves_draw(values: list[float]) -> None:
    rows = pd.DataFrame({"value": pd.Series(values, dtype=float)}).assign(series="loss")
    rows["step"] = rows.index
    assert drawn.svg(learning_curve(rows, palette=DARK, width=300, height=150))
