"""Rates and differences: a dot and an interval each, and what they are held against in sight."""

import pandas as pd

from tests.plots import drawn
from vlcore.plots.intervals import answer_chart, forest_chart, rate_chart
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
        ("Bias 75%", -0.001, -0.2, 0.198, 6, "not decided"),
        ("Bias 90%", -0.2, -0.3, -0.1, 6, "lower"),
    ]
    return pd.DataFrame(rows, columns=["words", "value", "low", "high", "n", "status"])


def test_every_rate_has_a_dot_and_its_interval_and_chance_is_a_dashed_line() -> None:
    chart = rate_chart(rates(), palette=LIGHT, width=400)
    spec = chart.to_dict()
    chance, bars, dots = spec["layer"]
    assert bars["encoding"]["x"]["scale"]["domain"] == [0, 1]
    table = drawn.rows(spec, dots)
    assert table[1]["spoken"] == "background from mean colour: right 87% (82 to 92) of 1,400"
    assert [row["value"] for row in table] == rates()["value"].tolist()
    (at,) = drawn.rows(spec, chance)
    assert (at[chance["encoding"]["x"]["field"]], at["spoken"]) == (0.5, "chance: 50%")
    # Layers that share an axis would add their columns to its title.
    assert len([text for text in drawn.texts(chart) if "dashed: chance" in text]) == 1
    for layer in (bars, dots):
        scale = layer["encoding"]["color"]["scale"]
        assert scale["domain"] == layer["encoding"]["yOffset"]["sort"] == ["animal", "background"]
        assert len(set(scale["range"])) == 2


def test_a_forest_has_room_for_zero() -> None:
    spec = forest_chart(differing(), palette=LIGHT, width=600, title="points", unit=100).to_dict(
        validate=False
    )
    said = {row["words"]: row["estimate"] for row in drawn.rows(spec) if "estimate" in row}
    assert said["Bias 75%"] == "-0.1 (-20.0 to +19.8), n = 6 · not decided"
    assert said["Bias 90%"] == "-20.0 (-30.0 to -10.0), n = 6 · lower"
    low, high = spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert low < -30
    assert high > 19.8


def test_a_forest_fits_a_phone_in_the_same_words() -> None:
    wide, narrow = (
        forest_chart(differing(), palette=LIGHT, width=px, title="points", unit=100).to_dict(
            validate=False
        )
        for px in (600, PHONE_SIDE)
    )
    assert narrow["width"] < PHONE_SIDE
    assert narrow["height"] > wide["height"]
    assert "-20.0 (-30.0 to -10.0), n = 6\nlower" in {
        row.get("estimate") for row in drawn.rows(narrow)
    }
    assert narrow["description"] == wide["description"]


def answered() -> pd.DataFrame:
    rows = [
        ("from scratch", "true background", "scenes", -5.3, -6.4, -4.2, 140),
        ("from scratch", "true background", "renders", -9.6, -14.4, -4.7, 20),
        ("from scratch", "sky", "scenes", -17.0, -19.4, -14.7, 50),
        ("pretrained", "true background", "scenes", 0.4, 0.1, 0.7, 1),
    ]
    columns = ["group", "row", "images", "value", "low", "high", "pairs"]
    return pd.DataFrame(rows, columns=columns)


def test_the_answer_has_a_pane_per_group_and_one_scale_and_look_for_each_image_set() -> None:
    spec = answer_chart(answered(), LIGHT, 900).to_dict()
    domains: list[list[float]] = []
    for pane in spec["vconcat"]:
        _, bars, dots = pane["layer"]
        domains.append(bars["encoding"]["x"]["scale"]["domain"])
        for channel in ("color", "shape", "yOffset"):
            assert dots["encoding"][channel]["scale"]["domain"] == ["scenes", "renders"]
    (low, high), other = domains
    assert other == [low, high]
    assert low < -19.4 < 0.7 < high


def test_the_answer_says_every_difference_with_its_interval() -> None:
    rows = answered()
    points = answer_chart(rows, LIGHT, 900).to_dict()["description"]
    for row in rows.itertuples():
        pairs = "1 seed pair" if row.pairs == 1 else f"{row.pairs} seed pairs"
        numbers = f"{row.value:+.1f} ({row.low:+.1f} to {row.high:+.1f}) points, {pairs}"
        assert f"{row.row}, {row.images}: {numbers}" in points


def test_the_answer_fits_a_phone_in_the_same_words() -> None:
    spec = answer_chart(answered(), LIGHT, PHONE_SIDE).to_dict()
    assert max(pane["width"] for pane in spec["vconcat"]) < PHONE_SIDE
    assert drawn.texts(spec).count("true background") == 2
