"""Small maps: the first of the linked maps alone, a typed caption as a star with an arrow for each
of its words, and a grid with a rate under each map and empty places."""

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from altair.utils import schemapi

from tests.plots import drawn
from tests.plots.maps.examples import CAPTIONS, POINTS
from vlcore.experiment.grouping import SCENES
from vlcore.plots.colouring import OUTCOMES
from vlcore.plots.maps.small import (
    HELD_OUT,
    OPEN,
    GridPlace,
    MapInfo,
    caption_map,
    map_grid,
    small_map,
)
from vlcore.plots.options import MapOptions
from vlcore.plots.theme import DARK, LIGHT, star

STAR = star()
HOSTILE = '"><script>window.hit = 1</script>{{datum}} 🐎'
ARROWS = ["pane", "word", "cosine", "x", "y", "x2", "y2"]


def test_a_small_map_reads_the_first_map_only() -> None:
    one = POINTS.drop(columns=[name for name in POINTS if name[-1] in "123" and name[-2:] != "id"])
    spec = small_map(one, CAPTIONS, palette=LIGHT, grouping=SCENES, side=180).to_dict(
        validate=False
    )
    assert (spec["width"], spec["height"]) == (180, 180)
    (hover,) = spec["params"]
    marks = [layer["name"] for layer in spec["layer"] if "marks" in layer.get("name", "")]
    assert (hover["name"], hover["views"]) == ("hov", marks)
    strokes = [
        layer["encoding"]["stroke"] for layer in drawn.marks(spec) if "stroke" in layer["encoding"]
    ]
    assert {stroke["legend"] for stroke in strokes} == {None}
    assert isinstance(spec["padding"], dict)  # a number crashes Streamlit's browser part
    assert sum("caption" in row for rows in spec["datasets"].values() for row in rows) == 2
    assert spec == small_map(POINTS, CAPTIONS, palette=LIGHT, grouping=SCENES, side=180).to_dict(
        validate=False
    )
    bare = small_map(POINTS, CAPTIONS.iloc[:0], palette=LIGHT, grouping=SCENES, side=180)
    assert drawn.svg(bare), "it needs no captions"


@pytest.mark.parametrize(("side", "has_words"), [(214, True), (120, False)])
def test_captions_have_their_words_where_there_is_room(side: int, has_words: bool) -> None:
    svg = drawn.svg(small_map(POINTS, CAPTIONS, palette=LIGHT, grouping=SCENES, side=side))
    words = re.findall(r"<text[^>]*>([^<]+)</text>", svg)
    assert any(caption in words for caption in CAPTIONS["caption"]) == has_words
    assert svg.count('aria-roledescription="point"') > len(POINTS), "diamonds are there"


def pictures(panes: int = 2) -> pd.DataFrame:
    """Twelve pictures; the last is in the first map only."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"group": np.resize(SCENES.names, 12)})
    table["object"] = np.resize([obj for obj, _ in SCENES.pairs], 12)
    for pane in range(panes):
        table[f"x{pane}"], table[f"y{pane}"] = random.normal(size=(2, 12))
        if pane:
            table.loc[11, [f"x{pane}", f"y{pane}"]] = np.nan
    return table


def diamonds(panes: int = 2) -> pd.DataFrame:
    rows = [("horse", pane, 0.5, 0.5) for pane in range(panes)] + [
        ("camel", pane, -0.5, 0.25) for pane in range(panes)
    ]
    return pd.DataFrame(rows, columns=["caption", "pane", "x", "y"])


def typed(panes: int = 2, text: str = "a horse") -> pd.DataFrame:
    return pd.DataFrame({"pane": range(panes), "x": 0.25, "y": -0.5, "caption": text})


def words(panes: int = 2, word: str = "horse") -> pd.DataFrame:
    """One word of each map leads straight up, one to the right, one down and to the left."""
    ends = [(0.25, 0.5), (1.25, -0.5), (-0.75, -1.5)]
    return pd.DataFrame(
        [(pane, word, 0.5, 0.25, -0.5, *end) for pane in range(panes) for end in ends],
        columns=ARROWS,
    )


TABLES = {"points": pictures(), "captions": diamonds(), "typed": typed(), "shortened": words()}


def spec_of(panes: int = 2, **tables: Any) -> drawn.Spec:
    """The specification, which Vega-Lite has drawn without a complaint."""
    makers = {"points": pictures, "captions": diamonds, "typed": typed, "shortened": words}
    given = {name: make(panes) for name, make in makers.items()} | tables
    infos = [MapInfo(f"Model {pane}", "", f"component of {pane}", "") for pane in range(panes)]
    chart = caption_map(**given, infos=infos, palette=LIGHT, grouping=SCENES, side=300)
    spec: drawn.Spec = chart.to_dict(validate=False)
    return spec


def layers(pane: drawn.Spec, mark: str, **properties: Any) -> list[drawn.Spec]:
    wanted = {"type": mark, **properties}
    return [layer for layer in pane["layer"] if wanted.items() <= layer["mark"].items()]


def arrows(pane: drawn.Spec, mark: str) -> list[drawn.Spec]:
    there = [layer for layer in layers(pane, mark) if {"x2", "angle"} & set(layer["encoding"])]
    return [layer for layer in there if layer["encoding"]["x"]["field"] in ("x", "x2")]


def test_every_map_shows_its_own_pictures_and_captions() -> None:
    spec = spec_of(3)
    assert spec["columns"] == 2
    titles = {words for pane in range(3) for words in (f"Model {pane}", f"component of {pane}")}
    captions = {"horse", "camel", "− horse", "a horse"}
    assert set(drawn.texts(spec)) == titles | captions  # and no axes
    for number, pane in enumerate(spec["concat"]):
        (faint,) = layers(pane, "point", size=26)
        x, y = f"x{number}", f"y{number}"
        assert (faint["encoding"]["x"]["field"], faint["encoding"]["y"]["field"]) == (x, y)
        assert {"filter": f"isValid(datum.{x}) && isValid(datum.{y})"} in faint["transform"]
        assert faint["mark"]["opacity"] < 0.5
        (caption,) = layers(pane, "point", shape="diamond")
        spoken = [row["spoken"] for row in drawn.rows(spec, caption)]
        assert spoken == ["caption: horse", "caption: camel"]
        ((star,),) = (drawn.rows(spec, one) for one in layers(pane, "point", shape=STAR))
        assert (star[x], star[y], star["spoken"]) == (0.25, -0.5, "your caption: a horse")


def test_an_arrow_points_from_the_caption_to_what_is_left() -> None:
    for pane in (spec := spec_of())["concat"]:
        (lines,), (heads,) = arrows(pane, "rule"), arrows(pane, "point")
        fields = [lines["encoding"][name]["field"] for name in ("x", "y", "x2", "y2")]
        assert fields == ["x", "y", "x2", "y2"]
        assert (heads["encoding"]["x"]["field"], heads["encoding"]["y"]["field"]) == ("x2", "y2")
        ends = words(1)[["x2", "y2"]].itertuples(index=False)
        for row, end in zip(drawn.rows(spec, heads), ends, strict=True):
            assert (row["words"], row["spoken"]) == ("− horse", "without horse")
            assert (row["x"], row["y"], row["x2"], row["y2"]) == (0.25, -0.5, *end)
            # Vega turns a mark clockwise, and the head of an arrow that is not turned points up.
            way = np.array([row["x2"] - row["x"], row["y2"] - row["y"]])
            turned = [np.sin(np.radians(row["angle"])), np.cos(np.radians(row["angle"]))]
            assert turned == pytest.approx(way / np.linalg.norm(way), abs=0.001)


@pytest.mark.parametrize("collapsed", [False, True])
def test_one_unit_is_as_long_across_as_up_and_nothing_is_cut_off(collapsed: bool) -> None:
    at = {"x": 0.25, "y": -0.5} if collapsed else {}
    points = pictures(1).assign(**{f"{axis}0": value for axis, value in at.items()})
    still = words(1).assign(**{f"{axis}2": value for axis, value in at.items()})
    spec = spec_of(1, points=points, captions=diamonds(1).assign(**at), shortened=still)
    (pane,) = spec["concat"]
    across, up = (pane["layer"][0]["encoding"][axis]["scale"]["domain"] for axis in "xy")
    assert across[1] - across[0] == pytest.approx(up[1] - up[0], rel=1e-3)
    for layer in pane["layer"]:
        for axis, (low, high) in (("x", across), ("y", up)):
            field = layer["encoding"][axis]["field"]
            drawn_at = [row[field] for row in drawn.rows(spec, layer) if row[field] is not None]
            assert all(low < position < high for position in drawn_at)


def test_a_map_has_only_what_its_model_can_say() -> None:
    spec = spec_of(typed=typed().query("pane == 1"), shortened=words().query("pane == 1"))
    for number, pane in enumerate(spec["concat"]):  # the first model cannot be asked
        (star,), (heads,) = layers(pane, "point", shape=STAR), arrows(pane, "point")
        counts = len(drawn.rows(spec, star)), len(drawn.rows(spec, heads))
        assert counts == ((0, 0), (1, 3))[number]
    nothing = pd.DataFrame([], columns=ARROWS)
    spec = spec_of(shortened=nothing, captions=diamonds().query("pane == 0"))
    # A caption of one word; the second model has no captions.
    for number, pane in enumerate(spec["concat"]):
        assert len(drawn.rows(spec, layers(pane, "point", shape=STAR)[0])) == 1
        assert drawn.rows(spec, arrows(pane, "rule")[0]) == []
        assert len(layers(pane, "point", shape="diamond")) == 1 - number


def test_what_somebody_types_is_text_and_nothing_else() -> None:
    spec = spec_of(typed=typed(text=HOSTILE), shortened=words(word=HOSTILE))
    svg = drawn.svg(spec)
    assert "<script" not in svg
    text = json.dumps({name: value for name, value in spec.items() if name != "datasets"})
    assert "window.hit" not in text, "it is data and no part of an expression"
    assert '"title": "image"' not in text, "a tooltip of this name would show a picture"


SIDE = 100
RATE = {"value": 0.5, "low": 0.4, "high": 0.7}
CAPTIONS_OF_TWO = CAPTIONS[CAPTIONS["pane"] < 2]
ROWS = [
    [GridPlace("0-0", "50 % (40 to 70)", "first", 0, RATE), GridPlace("0-1", "none yet", "empty")],
    [GridPlace("1-0", "not defined", "third", 1), GridPlace("1-1", "none yet", "empty too")],
]


def grid_spec(options: MapOptions = HELD_OUT, can_open: bool = False) -> drawn.Spec:
    chart = map_grid(
        POINTS,
        CAPTIONS_OF_TWO,
        ROWS,
        row_titles=["short", "long"],
        column_titles=["no bias", "half removed"],
        palette=LIGHT,
        grouping=SCENES,
        side=SIDE,
        options=options,
        can_open=can_open,
    )
    spec: drawn.Spec = chart.to_dict(validate=False)
    return spec


def params(spec: drawn.Spec) -> dict[str, list[str]]:
    return {param["name"]: param["views"] for param in spec["params"]}


def test_the_hovered_image_is_lit_in_every_map_and_a_click_names_its_place() -> None:
    spec = grid_spec(can_open=True)
    names = {layer.get("name") for layer in drawn.marks(spec)}
    assert params(spec) == {
        "hov": ["marks_0", "marks_2"],
        OPEN[0]: [f"place_{number}" for number in range(4)],
        OPEN[1]: ["marks_0", "marks_2"],
    }
    assert {view for views in params(spec).values() for view in views} <= names
    assert {"lit_0", "lit_2"} <= names
    assert "lit_1" not in names, "there is no map"
    assert [len(names) for names in params(grid_spec()).values()] == [2]  # of the hover alone
    grounds = [layer for layer in drawn.marks(spec) if layer.get("name", "").startswith("place_")]
    spoken = [row["spoken"] for layer in grounds for row in layer["data"]["values"]]
    assert spoken == ["first", "empty", "third", "empty too"]


def test_rates_are_written_and_drawn_from_0_to_100_per_cent() -> None:
    spec = grid_spec()
    words = drawn.texts(spec)
    assert words.count("none yet") == 2
    for text in ("short", "long", "no bias", "half removed", "50 % (40 to 70)", "not defined"):
        assert words.count(text) == 1
    bars = [
        (encoding["x"]["value"], encoding["x2"]["value"])
        for encoding in (layer["encoding"] for layer in drawn.marks(spec))
        if "value" in encoding.get("x2", {}) and "y2" not in encoding
    ]
    assert bars == [(0, SIDE), (pytest.approx(40), pytest.approx(70))]


def test_only_held_out_images_are_drawn_and_filters_leave_the_extents() -> None:
    everything, some = grid_spec(), grid_spec(HELD_OUT.replace(groups=("horse_grass",)))
    images = [row for row in everything["datasets"]["images"] if "id" in row]
    assert {row["kind"] for row in images} == {"test"}
    assert len(images) == 200
    assert {row["group"] for row in some["datasets"]["images"]} == {"horse_grass"}

    def extents(spec: drawn.Spec) -> list[object]:
        marks = [layer for layer in drawn.marks(spec) if "marks_" in layer.get("name", "")]
        return [layer["encoding"][axis]["scale"]["domain"] for layer in marks for axis in "xy"]

    assert extents(everything) == extents(some)
    assert np.ptp(extents(everything)[0]) > 0


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_it_is_valid_and_drawn_in_any_colours(palette: object) -> None:
    chart = map_grid(
        POINTS,
        CAPTIONS_OF_TWO.iloc[:0],
        ROWS,
        row_titles=["short", "long"],
        column_titles=["no bias", "half removed"],
        palette=palette,
        grouping=SCENES,
        side=SIDE,
        colouring=OUTCOMES,
    )
    with schemapi.debug_mode(True):
        spec = chart.to_dict()
    assert "wrong" in drawn.texts(spec)
