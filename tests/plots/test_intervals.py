"""Rates and differences: a dot and an interval each, and what they are held against in sight."""

import pandas as pd

from tests.plots import drawn
from vlcore.plots.intervals import forest_chart, paired_forest_chart, rate_chart
from vlcore.plots.theme import LIGHT, PHONE_SIDE


def rates() -> pd.DataFrame:
    views = {"mean colour": (0.52, 0.87), "rim": (0.5, 0.95), "16 x 16": (0.61, 0.95)}
    rows = [
        (view, label, value)
        for view, values in views.items()
        for label, value in zip(("animal", "background"), values, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["view", "label", "value"])
    return table.assign(low=table["value"] - 0.05, high=table["value"] + 0.05, n=1400)


def differing() -> pd.DataFrame:
    rows = [
        ("75 % removed", -0.001, -0.2, 0.198, 6, "not decided"),
        ("90 % removed", -0.2, -0.3, -0.1, 6, "lower"),
    ]
    return pd.DataFrame(rows, columns=["words", "value", "low", "high", "n", "status"])


def test_every_rate_has_a_dot_and_its_interval_and_chance_is_a_dashed_line() -> None:
    chart = rate_chart(rates(), palette=LIGHT, width=400)
    spec = chart.to_dict()
    chance, bars, dots = spec["layer"]
    assert (bars["encoding"]["x"]["field"], bars["encoding"]["x2"]["field"]) == ("low", "high")
    assert dots["encoding"]["x"]["field"] == "value"
    assert bars["encoding"]["x"]["scale"]["domain"] == [0, 1]
    table = drawn.rows(spec, dots)
    assert table[1]["spoken"] == "background from mean colour: right 87\u00a0% (82 to 92) of 1,400"
    assert [row["value"] for row in table] == rates()["value"].tolist()
    fields = [entry["field"] for entry in dots["encoding"]["tooltip"]]
    assert fields == ["view", "label", "value", "low", "high", "n"]
    assert chance["mark"] == {"type": "rule", "strokeDash": [4, 4], "color": LIGHT.muted}
    (at,) = drawn.rows(spec, chance)
    assert (at[chance["encoding"]["x"]["field"]], at["spoken"]) == (0.5, "chance: 50 %")
    # Layers that share an axis would add their columns to its title.
    assert len([text for text in drawn.texts(chart) if "dashed: chance" in text]) == 1
    one_view = rate_chart(rates().iloc[:2], palette=LIGHT, width=400).to_dict()
    assert spec["height"] == 3 * one_view["height"]
    for layer in (bars, dots):
        scale = layer["encoding"]["color"]["scale"]
        assert scale["domain"] == layer["encoding"]["yOffset"]["sort"] == ["animal", "background"]
        assert len(set(scale["range"])) == 2


def test_a_forest_has_room_for_zero_and_no_minus_zero() -> None:
    spec = forest_chart(differing(), palette=LIGHT, width=600, title="points", unit=100).to_dict(
        validate=False
    )
    said = {row["words"]: row["estimate"] for row in drawn.rows(spec) if "estimate" in row}
    assert said["75 % removed"] == "0 (-20 to +20), n = 6 · not decided"
    assert said["90 % removed"] == "-20 (-30 to -10), n = 6 · lower"
    low, high = spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert low < -30
    assert high > 19.8


def test_on_a_phone_words_stand_above_and_below_their_line() -> None:
    wide, narrow = (
        forest_chart(differing(), palette=LIGHT, width=px, title="points", unit=100).to_dict(
            validate=False
        )
        for px in (600, PHONE_SIDE)
    )
    assert narrow["width"] < PHONE_SIDE
    assert narrow["height"] > 2 * wide["height"]
    assert narrow["layer"][1]["encoding"]["y"]["axis"] is None
    texts = [layer for layer in narrow["layer"] if layer["mark"]["type"] == "text"]
    assert [layer["encoding"]["text"]["field"] for layer in texts] == ["words", "estimate"] * 2
    assert [layer["mark"].get("stroke") for layer in texts] == [LIGHT.ground] * 2 + [None] * 2, (
        "first their ground"
    )
    assert "-20 (-30 to -10), n = 6\nlower" in {row.get("estimate") for row in drawn.rows(narrow)}
    assert narrow["description"] == wide["description"]


def test_both_scales_of_paired_differences_share_their_axes_and_a_phone_has_them_in_a_row() -> None:
    rows = pd.DataFrame(
        [
            (images, words, kind, scale, value, value - 1, value + 1)
            for images, value in (("scenes", -6.0), ("renders", -8.0))
            for words, kind in (("20 pairs (one)", "study"), ("all 20 pairs", "pooled"))
            for scale in ("log odds", "points")
        ],
        columns=["images", "words", "kind", "scale", "value", "low", "high"],
    )
    wide, narrow = (
        paired_forest_chart(rows, palette=LIGHT, width=px).to_dict(validate=False)
        for px in (900, PHONE_SIDE)
    )
    panes = [pane for row in wide["vconcat"] for pane in row["hconcat"]]
    domains = [pane["layer"][0]["encoding"]["x"]["scale"]["domain"] for pane in panes]
    assert len(panes) == 4
    assert domains[0] == domains[2]
    assert domains[0][0] < -9
    assert domains[0][1] > 0, "no difference is on the axis"
    assert "all 20 pairs: -8.0 (-9.0 to -7.0) points" in wide["description"]
    phone = [pane for row in narrow["vconcat"] for pane in row["vconcat"]]
    assert [pane["title"] for pane in phone][:2] == ["scenes, log odds", "scenes, points"]
    assert all(pane["width"] < PHONE_SIDE for pane in phone)
