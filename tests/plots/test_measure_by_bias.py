"""Figures of a study: what they show, what they say, and what they refuse."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.plots import drawn
from vlcore.plots.curves import probe_chart
from vlcore.plots.measure_by_bias import (
    RUN,
    Scale,
    by_bias_chart,
    heat_map_chart,
    moments_chart,
    paired_slopes_chart,
    small_multiples,
)
from vlcore.plots.theme import LIGHT, PHONE_SIDE

SHARE = Scale("Right", True, (0.0, 1.0))
INDEX = Scale("Index", False, (-1.0, 1.0), 0.0)
LEVELS = {0.0: 0.0, 0.5: 1 / 3, 1.0: 1.0}


def runs(blocks: int = 3) -> pd.DataFrame:
    rows = [
        (labels, bias, phi, f"{100 * bias:g} % removed", f"d{s}s{s}", best - 0.5 * phi + 0.01 * s)
        for labels, best in (("undescriptive", 0.9), ("descriptive", 0.8))
        for bias, phi in LEVELS.items()
        for s in range(blocks)
    ]
    return pd.DataFrame(rows, columns=RUN)


def cells(blocks: int = 3) -> pd.DataFrame:
    found = runs(blocks).groupby(["labels", "bias", "phi", "removed"], sort=False)["value"]
    rows = found.agg(value="mean", low="min", high="max", n="size").reset_index()
    return rows if blocks > 1 else rows.assign(low=np.nan, high=np.nan)


CURVES = pd.concat(
    [cells().assign(step=at, probe=one) for at in (0, 100) for one in ("object", "context")]
)
FITS = cells()[["labels", "bias", "phi", "removed"]].assign(step=60.0, n=2, of=3)
MOMENTS = pd.concat(
    [cells().assign(moment=name) for name in ("untrained", "at the end")], ignore_index=True
)
REFERENCES = pd.DataFrame({"reference": ["Bayes line", "untrained encoder"]})
REFERENCES = REFERENCES.assign(labels="descriptive", phi=0.0, value=0.5, n=3)


def heat(rows: pd.DataFrame, scale: Scale = SHARE) -> drawn.Spec:
    return heat_map_chart(rows, scale, palette=LIGHT, width=700).to_dict()


def against_phi(references: pd.DataFrame = REFERENCES) -> drawn.Spec:
    return by_bias_chart(
        runs(), cells(), SHARE, palette=LIGHT, width=600, height=300, references=references
    ).to_dict()


def test_a_cell_carries_value_interval_and_blocks_and_an_index_has_one_colour_for_nothing() -> None:
    spec = heat(cells())
    first = next(
        row
        for row in drawn.rows(spec)
        if row["style"] == "descriptive labels" and row["bias"] == 0.5
    )
    assert (first["number"], first["ends"], first["blocks"]) == ("64\u00a0%", "(63 to 65)", "n = 3")
    assert first["spoken"] == "descriptive labels, 50 % removed: 64\u00a0% (63 to 65), n = 3"
    words = spec["layer"][0]["encoding"]["x"]["axis"]["labelExpr"].removeprefix("[datum.label, ")
    assert json.loads(words.removesuffix("[datum.label]]"))["50 %"] == "φ 0.33"
    titles = {tip["title"] for tip in spec["layer"][0]["encoding"]["tooltip"]}
    assert {"labels", "bias", "95 % low", "95 % high", "seed pairs"} <= titles
    alone = drawn.rows(heat(cells(1)))[0]
    assert (alone["ends"], alone["blocks"], alone["low"]) == ("", "one pair", None)
    colour = heat(cells(), INDEX)["layer"][0]["encoding"]["color"]["scale"]
    assert (colour["domain"], colour["range"][1]) == ([-1.0, 0.0, 1.0], LIGHT.ground)


def test_every_block_is_a_dot_at_its_phi() -> None:
    spec = against_phi()
    dots = [row for row in drawn.rows(spec) if "block" in row]
    assert len(dots) == len(runs())
    assert all(abs(row["x"] - row["phi"]) < 0.02 for row in dots)
    beside = {row["labels"]: row["x"] for row in dots if row["bias"] == 0.5}
    assert beside["undescriptive"] < beside["descriptive"], "two styles do not cover each other"
    x = [mark["encoding"].get("x", {}) for mark in drawn.marks(spec)]
    axes = [channel["axis"]["values"] for channel in x if "axis" in channel]
    assert axes == [[0.0, pytest.approx(1 / 3), 1.0]] * len(axes) != []


def test_references_are_dashed_each_in_its_own_way() -> None:
    def dashes(references: pd.DataFrame) -> dict[str, list[float]]:
        encodings = [mark["encoding"] for mark in drawn.marks(against_phi(references))]
        (scale,) = [found["strokeDash"]["scale"] for found in encodings if "strokeDash" in found]
        return dict(zip(scale["domain"], scale["range"], strict=True))

    both = dashes(REFERENCES)
    assert list(both) == ["Bayes line", "untrained encoder"]
    assert both["Bayes line"] != both["untrained encoder"]
    assert dashes(REFERENCES[1:]).items() <= both.items(), "the same with and without the other"


def test_a_label_style_looks_the_same_everywhere() -> None:
    looks = {"color": [LIGHT.muted, LIGHT.accent], "shape": ["circle", "square"]}
    slopes = paired_slopes_chart(runs(), SHARE, palette=LIGHT, width=600).to_dict()
    in_time = moments_chart(MOMENTS, SHARE, palette=LIGHT, width=600).to_dict()
    for spec in (against_phi(), slopes, in_time):
        found = [mark["encoding"] for mark in drawn.marks(spec)]
        for channel, look in looks.items():
            scale = next(one[channel]["scale"] for one in found if channel in one)
            assert (scale["domain"], scale["range"]) == (
                ["short labels", "descriptive labels"],
                look,
            )


def test_a_line_joins_the_two_runs_of_a_block() -> None:
    lonely = runs().query("not (labels == 'descriptive' and block == 'd2s2' and bias == 0.5)")
    spec = paired_slopes_chart(lonely, SHARE, palette=LIGHT, width=600).to_dict()
    rows = drawn.rows(spec)
    assert len(rows) == len(runs()) - 2, "the run without its pair is left out too"
    assert {row["direction"] for row in rows} == {"lower or equal"}
    with pytest.raises(ValueError, match="no seed pair has both label styles"):
        paired_slopes_chart(runs().assign(labels="descriptive"), SHARE, palette=LIGHT, width=600)


def test_curves_have_a_pane_for_each_bias_and_mark_the_first_fit() -> None:
    spec = probe_chart(CURVES, FITS, palette=LIGHT, width=700).to_dict()
    panes = [pane["title"]["text"] for row in spec["vconcat"] for pane in row["hconcat"]]
    assert panes == ["0 % removed", "50 % removed", "100 % removed"]
    assert "first fitted at step 60 (median of 2 of 3 seed pairs)" in spec["description"]


PAGE = 390 - 2 * 16  # px between the margins of a phone's page


@pytest.mark.parametrize(
    "figure", [heat_map_chart, by_bias_chart, small_multiples, moments_chart, paired_slopes_chart]
)
def test_on_a_phone_six_levels_of_three_label_styles_are_no_wider_than_its_page(
    figure: Callable[..., Any],
) -> None:
    middle = cells().query("bias == 0.5")
    two = pd.concat(middle.assign(bias=bias, phi=bias) for bias in (0, 0.25, 0.5, 0.75, 0.9, 1))
    placebo = two[two["labels"] == "descriptive"].assign(labels="shuffled_context")
    means = pd.concat([two, placebo], ignore_index=True)
    single = pd.concat(means.assign(block=f"d{block}s{block}")[list(RUN)] for block in range(3))
    given: dict[Any, tuple[Any, ...]] = {
        heat_map_chart: (means,),
        by_bias_chart: (single, means),
        small_multiples: ([("Right on horse in the desert", single, means)] * 2,),
        moments_chart: (
            pd.concat(means.assign(moment=name) for name in ("untrained", "at the end")),
        ),
        paired_slopes_chart: (single,),
    }
    more = {"height": 300, "references": REFERENCES} if figure is by_bias_chart else {}
    drawing = drawn.svg(figure(*given[figure], SHARE, palette=LIGHT, width=PHONE_SIDE, **more))
    assert float(re.search(r'width="([\d.]+)"', drawing)[1]) <= PAGE
