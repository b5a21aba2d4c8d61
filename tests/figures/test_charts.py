"""Charts are judged by their specification, and drawn once in each palette."""

from __future__ import annotations

import json
import re
from io import BytesIO
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert
from PIL import Image

from vlcore.figures.charts import DARK, LIGHT, MapInfo, Palette, group_board, learning_curve, linked_maps, small_map
from vlcore.images.groups import SCENES, Grouping
from vlcore.images.thumbs import SAFE_URI

INFO = MapInfo("No bias", "trained in 21 s", "1st component, 61 %", "2nd component, 14 %")


def maps(points: pd.DataFrame, captions: pd.DataFrame, **more: Any) -> alt.HConcatChart:
    return linked_maps(points, captions, INFO, INFO, **{"palette": LIGHT, "grouping": SCENES, **more})


def curve() -> pd.DataFrame:
    steps = np.arange(0, 1000)
    values = {"loss": np.exp(-steps / 200), "right": 1 - np.exp(-steps / 100)}
    return pd.concat([pd.DataFrame({"step": steps, "series": name, "value": value}) for name, value in values.items()])


def layers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    panes = spec.get("hconcat", [spec])
    return [layer for pane in panes for layer in pane["layer"]]


def drawn(chart: alt.TopLevelMixin) -> Image.Image:
    version = ".".join(alt.SCHEMA_VERSION[1:].split(".")[:2])
    png = vl_convert.vegalite_to_png(chart.to_json(), vl_version=version)
    return Image.open(BytesIO(png)).convert("RGBA")


def test_the_tooltip_shows_the_picture_first(points: pd.DataFrame, captions: pd.DataFrame) -> None:
    spec = maps(points, captions).to_dict()
    for pane, side in zip(spec["hconcat"], ("left", "right"), strict=True):
        (marks,) = [layer for layer in pane["layer"] if layer.get("name", "").startswith("marks")]
        tooltip = marks["encoding"]["tooltip"]
        assert isinstance(tooltip, list)
        assert (tooltip[0]["field"], tooltip[0]["title"]) == ("thumb", "image")
        shown = [entry["field"] for entry in tooltip[1:]]
        assert shown == ["object", "context", f"caption_{side}", f"predicted_{side}"]


def test_every_layer_is_spoken(points: pd.DataFrame, captions: pd.DataFrame, uploads: pd.DataFrame) -> None:
    for chart in (maps(points, captions, uploads=uploads), small_map(points, captions, palette=DARK, grouping=SCENES)):
        for layer in layers(chart.to_dict()):
            assert layer["encoding"]["description"]["field"] == "spoken"


def test_both_selections_are_named_and_cover_both_maps(points: pd.DataFrame, captions: pd.DataFrame) -> None:
    spec = maps(points, captions).to_dict()
    hov, pick = spec["params"]
    assert (hov["name"], hov["select"]["on"], hov["select"]["clear"]) == ("hov", "pointerover", "pointerout")
    assert (pick["name"], pick["select"]["on"], pick["select"]["toggle"]) == ("pick", "click", False)
    views = [layer["name"] for layer in layers(spec) if "name" in layer]
    assert hov["views"] == pick["views"] == views == ["marks_0", "marks_1"]
    assert hov["select"]["fields"] == pick["select"]["fields"] == ["id"]
    small = small_map(points, captions, palette=LIGHT, grouping=SCENES).to_dict()
    assert [param["name"] for param in small["params"]] == ["hov"]


def test_the_hovered_picture_lights_up_in_both_maps(
    points: pd.DataFrame, captions: pd.DataFrame, uploads: pd.DataFrame
) -> None:
    for pane in maps(points, captions, uploads=uploads).to_dict()["hconcat"]:
        pictures = [layer for layer in pane["layer"] if layer["mark"]["type"] == "image"]
        assert len(pictures) == 2  # of a point, of an upload
        for layer in pictures:
            assert {"filter": {"param": "hov", "empty": False}} in layer["transform"]
            assert layer["encoding"]["url"]["field"] == "thumb"
            assert 56 <= layer["mark"]["width"] <= 72


def test_pictures_travel_once_and_are_safe(points: pd.DataFrame, captions: pd.DataFrame, uploads: pd.DataFrame) -> None:
    text = maps(points, captions, uploads=uploads).to_json()
    found = re.findall(r'"(data:[^"]*)"', text)
    assert len(found) == len(points) + len(uploads)
    assert all(SAFE_URI.match(uri) for uri in found)


def test_equal_input_gives_an_equal_specification(points: pd.DataFrame, captions: pd.DataFrame) -> None:
    once, again = (maps(points.copy(), captions.copy()).to_json() for _ in range(2))
    assert once == again


def test_a_class_of_pictures_stays_below_two_thousand_marks(points: pd.DataFrame, captions: pd.DataFrame) -> None:
    minority = int(points["minority"].sum())
    assert len(points) == 392
    assert 2 * (len(points) + minority) + 4 * len(captions) < 2000
    assert maps(points, captions).to_dict()


@pytest.mark.parametrize(
    "change",
    [
        lambda points: points,
        lambda points: points.assign(xl=points["xl"] * 50),
        lambda points: points.assign(xl=0.3, yl=-0.2),
        lambda points: points.assign(xl=1e-7, yl=1e9),
        lambda points: points.assign(xl=np.nan),
        lambda points: points.assign(xl=np.inf),
        lambda points: points.assign(xl=points["xl"] * 1e-8),
    ],
)
def test_maps_are_square_and_undistorted(points: pd.DataFrame, captions: pd.DataFrame, change: Any) -> None:
    changed, none_left = change(points), captions[captions["side"] == "right"]
    spec = maps(changed, none_left).to_dict()
    for pane, sides in zip(spec["hconcat"], (("xl", "yl"), ("xr", "yr")), strict=True):
        assert pane["width"] == pane["height"] == 420
        encoding = pane["layer"][1]["encoding"]
        spans = []
        for axis, column in zip("xy", sides, strict=True):
            low, high = encoding[axis]["scale"]["domain"]
            spans.append(high - low)
            there = changed.loc[np.isfinite(changed[[*sides]]).all(axis=1), column]
            assert there.empty or low < there.min() <= there.max() < high
        assert spans[0] == pytest.approx(spans[1], rel=1e-3)
        assert spans[0] > 0


def test_a_collapsed_map_and_absent_pictures_draw(points: pd.DataFrame, captions: pd.DataFrame) -> None:
    assert drawn(maps(points.assign(xl=0.0, yl=0.0, xr=np.nan), captions.iloc[:0])).size[0] > 840


def test_absent_pictures_are_null_and_filtered(points: pd.DataFrame, captions: pd.DataFrame) -> None:
    spec = maps(points, captions).to_dict()
    (table,) = [rows for rows in spec["datasets"].values() if "thumb" in rows[0]]
    assert sum(row["xr"] is None for row in table) == 72
    right = spec["hconcat"][1]["layer"]
    for layer in right:
        if "thumb" in json.dumps(layer) or "group" in json.dumps(layer["encoding"]):
            assert {"filter": "isValid(datum.xr) && isValid(datum.yr)"} in layer["transform"]


def test_only_listed_columns_travel(points: pd.DataFrame, captions: pd.DataFrame) -> None:
    assert "secret" not in maps(points.assign(path="secret"), captions.assign(path="secret")).to_json()


def test_marks_mean_what_the_legend_says(points: pd.DataFrame, captions: pd.DataFrame, uploads: pd.DataFrame) -> None:
    plain, starred = maps(points, captions).to_dict(), maps(points, captions, uploads=uploads).to_dict()
    encoding = layers(plain)[1]["encoding"]
    domain, shapes = (encoding["shape"]["scale"][part] for part in ("domain", "range"))
    assert domain[:4] == list(SCENES.names)
    assert shapes[:4] == ["circle", "circle", "triangle-up", "triangle-up"]
    assert encoding["stroke"]["scale"]["range"][:4] == list(LIGHT.groups)
    assert encoding["fill"]["condition"]["test"] == "datum.kind == 'training'"
    assert encoding["fill"]["value"] == "transparent"
    legend = encoding["shape"]["legend"]
    assert "hollow: held out" in legend["labelExpr"]
    assert "key upload" not in legend["values"]
    assert "key upload" in layers(starred)[1]["encoding"]["shape"]["legend"]["values"]
    for layer in layers(plain)[:1]:
        assert {"filter": "datum.minority"} in layer["transform"]


def test_no_map_zooms_under_a_scrolling_page(points: pd.DataFrame, captions: pd.DataFrame) -> None:
    assert "scales" not in json.dumps(maps(points, captions).to_dict()["params"])


def test_words_of_other_sets_and_quotes_in_names(points: pd.DataFrame, captions: pd.DataFrame) -> None:
    odd = Grouping(('a "b"', "c'd"), ("e", "f"))
    names = dict(zip(SCENES.names, odd.names, strict=True))
    chart = maps(points.assign(group=points["group"].map(names)), captions, grouping=odd)
    assert drawn(chart).size[0] > 840


def test_long_titles_wrap(points: pd.DataFrame, captions: pd.DataFrame) -> None:
    info = MapInfo("word " * 30, "word " * 30, "x", "y")
    chart = linked_maps(points, captions, info, info, palette=LIGHT, grouping=SCENES)
    assert len(chart.to_dict()["hconcat"][0]["title"]["text"]) > 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda points: points.drop(columns=["thumb", "xl"]), "missing columns xl, thumb|missing columns thumb, xl"),
        (lambda points: points.assign(id="same"), "every id"),
        (lambda points: points.assign(group="zebra_ice"), "unknown group zebra_ice"),
        (lambda points: points.assign(kind="val"), "unknown kind val"),
        (lambda points: points.assign(thumb='data:image/png;base64,A" onerror="x'), "not a data URI"),
    ],
)
def test_bad_points_are_refused(points: pd.DataFrame, captions: pd.DataFrame, change: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        maps(change(points), captions)
    with pytest.raises(ValueError, match=words):
        small_map(change(points), captions, palette=LIGHT, grouping=SCENES)


def test_bad_captions_and_uploads_are_refused(
    points: pd.DataFrame, captions: pd.DataFrame, uploads: pd.DataFrame
) -> None:
    with pytest.raises(ValueError, match="unknown side up"):
        maps(points, captions.assign(side="up"))
    with pytest.raises(ValueError, match="captions: missing columns caption"):
        maps(points, captions.drop(columns="caption"))
    with pytest.raises(ValueError, match="uploads: missing columns name"):
        maps(points, captions, uploads=uploads.drop(columns="name"))
    with pytest.raises(ValueError, match="in no point"):
        maps(points, captions, uploads=uploads.assign(id=points["id"][0]))
    with pytest.raises(ValueError, match="not a data URI"):
        maps(points, captions, uploads=uploads.assign(thumb="https://example.org/x.png"))


def test_no_uploads_is_no_stars(points: pd.DataFrame, captions: pd.DataFrame, uploads: pd.DataFrame) -> None:
    assert maps(points, captions, uploads=uploads.iloc[:0]).to_json() == maps(points, captions).to_json()


def test_a_small_map_reads_the_left_side_only(points: pd.DataFrame, captions: pd.DataFrame) -> None:
    left = points.drop(columns=["xr", "yr", "caption_right", "predicted_right"])
    spec = small_map(left, captions[["caption", "x", "y"]], palette=LIGHT, grouping=SCENES, side=180).to_dict()
    assert (spec["width"], spec["height"]) == (180, 180)
    assert spec["layer"][1]["encoding"]["shape"]["legend"] is None
    assert isinstance(spec["padding"], dict)  # a number crashes Streamlit's browser part


def test_a_board_has_a_dot_and_an_interval_a_row(board: pd.DataFrame) -> None:
    spec = group_board(board, palette=LIGHT, grouping=SCENES, width=560).to_dict()
    rule, text, interval, dot, said = spec["layer"]
    assert (rule["mark"]["type"], text["mark"]["type"]) == ("rule", "text")
    assert (interval["encoding"]["x"]["field"], interval["encoding"]["x2"]["field"]) == ("low", "high")
    assert dot["encoding"]["x"]["scale"]["domain"] == [0, 1]
    assert dot["encoding"]["color"]["scale"]["range"] == list(LIGHT.groups)
    assert dot["encoding"]["yOffset"]["scale"]["domain"] == ["no bias, short", "bias, short"]
    assert said["encoding"]["text"]["field"] == "said"
    rows = next(rows for rows in spec["datasets"].values() if "said" in rows[0])
    assert rows[5]["said"] == "57 % (52 to 60) · bias, short"
    assert rows[5]["spoken"] == "horse in the desert, bias, short: right 57 % (52 to 60) of 1,000"
    assert all("description" in layer["encoding"] for layer in spec["layer"])


def test_a_board_of_one_model_does_not_name_it(board: pd.DataFrame) -> None:
    spec = group_board(board.iloc[:4], palette=LIGHT, grouping=SCENES, width=400).to_dict()
    rows = next(rows for rows in spec["datasets"].values() if "said" in rows[0])
    assert rows[0]["said"] == "98 % (93 to 100)"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda board: board.drop(columns="n"), "missing columns n"),
        (lambda board: board.iloc[:0], "nothing to show"),
        (lambda board: board.assign(group="x"), "unknown group x"),
        (lambda board: board.assign(accuracy=57.0), "fractions"),
        (lambda board: board.assign(low=np.nan), "needs its interval"),
    ],
)
def test_bad_boards_are_refused(board: pd.DataFrame, change: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        group_board(change(board), palette=LIGHT, grouping=SCENES, width=500)


def test_a_board_leaves_out_what_was_not_measured(board: pd.DataFrame) -> None:
    board.loc[1, ["accuracy", "low", "high"]] = np.nan
    spec = group_board(board, palette=LIGHT, grouping=SCENES, width=500).to_dict()
    assert len(next(rows for rows in spec["datasets"].values() if "said" in rows[0])) == 7


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
    points: pd.DataFrame, captions: pd.DataFrame, uploads: pd.DataFrame, board: pd.DataFrame, palette: Palette
) -> None:
    charts = {
        "maps": maps(points, captions, uploads=uploads, palette=palette),
        "small": small_map(points, captions, palette=palette, grouping=SCENES),
        "board": group_board(board, palette=palette, grouping=SCENES, width=560),
        "curve": learning_curve(curve(), palette=palette, width=400, height=200),
    }
    for name, chart in charts.items():
        picture = np.asarray(drawn(chart))
        assert picture[0, 0, 3] == 0, f"{name}: the ground is transparent"
        solid = {"#{:02X}{:02X}{:02X}".format(*pixel[:3]) for pixel in picture[picture[..., 3] == 255]}
        wanted = {palette.groups[1], palette.groups[2]} | ({palette.accent} if name == "maps" else set())
        assert wanted <= solid, name
