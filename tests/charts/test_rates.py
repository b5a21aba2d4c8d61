"""Rates: a dot and an interval for each view and label, chance in sight, and nothing that is no rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.charts import drawn
from vlcore.charts.rates import rate_chart
from vlcore.charts.theme import LIGHT


def rates() -> pd.DataFrame:
    rows = [
        (view, label, value, value - 0.05, value + 0.05, 1400)
        for view, values in (("mean colour", (0.52, 0.87)), ("rim", (0.5, 0.95)), ("picture at 16 x 16", (0.61, 0.95)))
        for label, value in zip(("animal", "background"), values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["view", "label", "value", "low", "high", "n"])


def test_every_rate_has_a_dot_and_its_interval() -> None:
    spec = rate_chart(rates(), palette=LIGHT, width=400).to_dict()
    _, bars, dots = spec["layer"]
    assert (bars["encoding"]["x"]["field"], bars["encoding"]["x2"]["field"]) == ("low", "high")
    assert dots["encoding"]["x"]["field"] == "value"
    assert bars["encoding"]["x"]["scale"]["domain"] == [0, 1]
    table = drawn.rows(spec, dots)
    assert table[1]["spoken"] == "background from mean colour: right 87\u00a0% (82 to 92) of 1,400"
    assert [row["value"] for row in table] == rates()["value"].tolist()
    assert [entry["title"] for entry in dots["encoding"]["tooltip"]] == [
        "seen", "to be told", "right", "from", "to", "pictures",
    ]  # fmt: skip


def test_chance_is_a_dashed_line_at_a_half() -> None:
    spec = rate_chart(rates(), palette=LIGHT, width=400).to_dict()
    chance = spec["layer"][0]
    assert chance["mark"] == {"type": "rule", "strokeDash": [4, 4], "color": LIGHT.muted}
    (at,) = drawn.rows(spec, chance)
    assert (at[chance["encoding"]["x"]["field"]], at["spoken"]) == (0.5, "chance: 50 %")


def test_both_labels_keep_their_order_and_differ_in_colour() -> None:
    for rows, labels in ((rates(), ["animal", "background"]), (rates().iloc[::-1], ["background", "animal"])):
        for layer in rate_chart(rows, palette=LIGHT, width=400).to_dict()["layer"][1:]:
            scale = layer["encoding"]["color"]["scale"]
            assert scale["domain"] == layer["encoding"]["yOffset"]["sort"] == labels
            assert len(set(scale["range"])) == 2


def test_the_axis_says_what_is_shown_and_nothing_else() -> None:
    """Layers that share an axis would add their columns to its title."""
    said = drawn.texts(rate_chart(rates(), palette=LIGHT, width=400))
    assert "named right by a linear probe; dashed: chance" in said


def test_the_chart_grows_with_the_views() -> None:
    one, three = (rate_chart(rows, palette=LIGHT, width=400).to_dict() for rows in (rates().iloc[:2], rates()))
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
def test_what_is_no_rate_is_refused(change: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rate_chart(change(rates()), palette=LIGHT, width=400)
