"""Figures of a study: what they show, what they say, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.charts import drawn
from vlcore.charts import differences, training
from vlcore.charts.bias import by_bias, heat_map, small_multiples
from vlcore.charts.scales import CELL, Scale, checked
from vlcore.charts.theme import LIGHT, Palette

SHARE = Scale("Right", True, (0.0, 1.0))
INDEX = Scale("Index", False, (-1.0, 1.0), 0.0)
LEVELS = {0.0: 0.0, 0.5: 1 / 3, 1.0: 1.0}


def runs(blocks: int = 3) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "labels": labels, "bias": bias, "phi": phi, "removed": f"{100 * bias:g} % removed",
                "block": f"d{s}s{s}",
                "value": 0.9 - 0.5 * phi - 0.1 * (labels == "descriptive") + 0.01 * s,
            }
            for labels in ("undescriptive", "descriptive") for bias, phi in LEVELS.items() for s in range(blocks)
        ]
    )  # fmt: skip


def cells(blocks: int = 3) -> pd.DataFrame:
    found = runs(blocks).groupby(["labels", "bias", "phi", "removed"], sort=False)["value"]
    rows = found.agg(value="mean", low="min", high="max", n="size").reset_index()
    return rows if blocks > 1 else rows.assign(low=np.nan, high=np.nan)


def curves() -> pd.DataFrame:
    return pd.concat(
        [cells().assign(step=step, probe=probe) for step in (0, 100) for probe in ("object", "context")],
        ignore_index=True,
    )


def fits() -> pd.DataFrame:
    return cells()[["labels", "bias", "phi", "removed"]].assign(step=60.0, n=2, of=3)


def at_moments() -> pd.DataFrame:
    return pd.concat([cells().assign(moment=name) for name in ("untrained", "at the end")], ignore_index=True)


def differing() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"words": "75 % removed", "value": -0.001, "low": -0.2, "high": 0.198, "n": 6, "status": "not decided"},
            {"words": "90 % removed", "value": -0.2, "low": -0.3, "high": -0.1, "n": 6, "status": "lower"},
        ]
    )


REFERENCES = pd.DataFrame(
    {"reference": ["Bayes line", "untrained encoder"], "labels": "descriptive", "phi": 0.0, "value": 0.5, "n": 3}
)
Drawn = Callable[[Palette], Any]
FIGURES: dict[str, Drawn] = {
    "heat map": lambda palette: heat_map(cells(), SHARE, palette=palette, width=700),
    "index": lambda palette: heat_map(cells(), INDEX, palette=palette, width=700),
    "by bias": lambda palette: by_bias(runs(), cells(), SHARE, palette=palette, width=600, references=REFERENCES),
    "panes": lambda palette: small_multiples(
        [("one", runs(), cells()), ("two", runs(), cells()), ("three", runs(), cells())],
        SHARE,
        palette=palette,
        width=600,
    ),
    "slopes": lambda palette: differences.paired_slopes(runs(), SHARE, palette=palette, width=600),
    "forest": lambda palette: differences.forest(differing(), palette=palette, width=600, title="points", unit=100),
    "curves": lambda palette: training.probe_curves(curves(), fits(), palette=palette, width=700),
    "moments": lambda palette: training.moments(at_moments(), SHARE, palette=palette, width=600),
}


@pytest.mark.parametrize("name", list(FIGURES))
def test_every_figure_says_what_it_shows_to_those_who_do_not_see_it(name: str) -> None:
    assert len(FIGURES[name](LIGHT).to_dict()["description"]) > 20


def test_a_cell_carries_value_interval_and_blocks() -> None:
    spec = FIGURES["heat map"](LIGHT).to_dict()
    first = next(row for row in drawn.rows(spec) if row["style"] == "descriptive labels" and row["bias"] == 0.5)
    assert (first["big"], first["ends"], first["blocks"]) == ("64\u00a0%", "(63 to 65)", "n = 3")
    assert first["spoken"] == "descriptive labels, 50 % removed: 64\u00a0% (63 to 65), n = 3"
    words = spec["layer"][0]["encoding"]["x"]["axis"]["labelExpr"].removeprefix("[datum.label, ")
    assert json.loads(words.removesuffix("[datum.label]]"))["50 %"] == "φ 0.33"
    titles = {tip["title"] for tip in spec["layer"][0]["encoding"]["tooltip"]}
    assert {"labels", "bias", "95 % low", "95 % high", "blocks"} <= titles


def test_one_block_has_no_interval() -> None:
    spec = heat_map(cells(1), SHARE, palette=LIGHT, width=700).to_dict()
    row = drawn.rows(spec)[0]
    assert (row["ends"], row["blocks"]) == ("", "one block")
    assert row["low"] is None


def test_an_index_has_one_colour_for_nothing() -> None:
    colour = FIGURES["index"](LIGHT).to_dict()["layer"][0]["encoding"]["color"]["scale"]
    assert colour["domain"] == [-1.0, 0.0, 1.0]
    assert colour["range"][1] == LIGHT.ground


def test_every_block_is_a_dot_at_its_phi() -> None:
    spec = FIGURES["by bias"](LIGHT).to_dict()
    dots = [row for row in drawn.rows(spec) if "block" in row]
    assert len(dots) == len(runs())
    assert all(abs(row["x"] - row["phi"]) < 0.02 for row in dots)
    beside = {row["labels"]: row["x"] for row in dots if row["bias"] == 0.5}
    assert beside["undescriptive"] < beside["descriptive"], "two styles do not cover each other"
    axes = [mark["encoding"]["x"]["axis"] for mark in drawn.marks(spec) if "axis" in mark["encoding"].get("x", {})]
    assert axes
    assert all(axis["values"] == [0.0, pytest.approx(1 / 3), 1.0] for axis in axes)


def test_references_are_dashed_each_in_its_own_way() -> None:
    spec = FIGURES["by bias"](LIGHT).to_dict()
    (dash,) = [mark["encoding"]["strokeDash"] for mark in drawn.marks(spec) if "strokeDash" in mark["encoding"]]
    assert dash["scale"]["domain"] == ["Bayes line", "untrained encoder"]
    assert len({tuple(one) for one in dash["scale"]["range"]}) == 2
    alone = REFERENCES[REFERENCES["reference"] == "untrained encoder"]
    spec = by_bias(runs(), cells(), SHARE, palette=LIGHT, width=600, references=alone).to_dict()
    (same,) = [mark["encoding"]["strokeDash"] for mark in drawn.marks(spec) if "strokeDash" in mark["encoding"]]
    assert same["scale"]["range"] == [dash["scale"]["range"][1]], "a line looks the same with and without the other"


def test_a_label_style_looks_the_same_everywhere() -> None:
    for name in ("by bias", "slopes", "moments"):
        found = [mark["encoding"] for mark in drawn.marks(FIGURES[name](LIGHT).to_dict())]
        colour, shape = (
            next(one[channel]["scale"] for one in found if channel in one) for channel in ("color", "shape")
        )
        assert dict(zip(colour["domain"], colour["range"], strict=True)) == {
            "short labels": LIGHT.muted,
            "descriptive labels": LIGHT.accent,
        }
        assert dict(zip(shape["domain"], shape["range"], strict=True)) == {
            "short labels": "circle",
            "descriptive labels": "square",
        }


def test_a_line_joins_the_two_runs_of_a_block() -> None:
    lonely = runs().query("not (labels == 'descriptive' and block == 'd2s2' and bias == 0.5)")
    spec = differences.paired_slopes(lonely, SHARE, palette=LIGHT, width=600).to_dict()
    rows = drawn.rows(spec)
    assert len(rows) == len(runs()) - 2, "the run without its pair is left out too"
    assert {row["direction"] for row in rows} == {"lower or equal"}
    with pytest.raises(ValueError, match="no block has both label styles"):
        differences.paired_slopes(runs().query("labels == 'descriptive'"), SHARE, palette=LIGHT, width=600)


def test_a_forest_has_room_for_zero_and_no_minus_zero() -> None:
    spec = FIGURES["forest"](LIGHT).to_dict()
    said = {row["words"]: row["said"] for row in drawn.rows(spec) if "said" in row}
    assert said["75 % removed"] == "+0 (-20 to +20), n = 6 · not decided"
    assert said["90 % removed"] == "-20 (-30 to -10), n = 6 · lower"
    low, high = spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert low < -30
    assert high > 19.8
    with pytest.raises(ValueError, match="nothing to show"):
        differences.forest(differing().iloc[:0], palette=LIGHT, width=600, title="")


def test_curves_have_a_pane_for_each_bias_and_mark_the_first_fit() -> None:
    spec = FIGURES["curves"](LIGHT).to_dict()
    panes = [pane["title"]["text"] for row in spec["vconcat"] for pane in row["hconcat"]]
    assert panes == ["0 % removed", "50 % removed", "100 % removed"]
    assert "first fitted at step 60 (median of 2 of 3 blocks)" in spec["description"]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (cells().drop(columns="n"), "missing columns n"),
        (cells().iloc[:0], "nothing to show"),
        (cells().assign(labels="long"), "unknown label style long"),
    ],
)
def test_a_table_with_a_hole_is_refused(rows: pd.DataFrame, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        checked(rows, CELL)


def test_nothing_to_show_is_refused() -> None:
    with pytest.raises(ValueError, match="panes"):
        small_multiples([], SHARE, palette=LIGHT, width=600)
    with pytest.raises(ValueError, match="probe"):
        training.probe_curves(curves().assign(probe="depth"), fits(), palette=LIGHT, width=600)
