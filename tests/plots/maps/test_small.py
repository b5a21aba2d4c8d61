"""Small maps: the first of the linked maps alone, a typed caption as a star with an arrow for each
of its words, and a grid with a rate under each map and empty places."""

import re
from typing import Any

import numpy as np
import pytest
from altair.utils import schemapi

from tests.plots import drawn
from tests.plots.maps.examples import CAPTIONS, POINTS
from vlcore.experiment.grouping import SCENES
from vlcore.plots.colouring import OUTCOMES
from vlcore.plots.maps.small import HELD_OUT, OPEN, GridPlace, map_grid, small_map
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


def layers(pane: drawn.Spec, mark: str, **properties: Any) -> list[drawn.Spec]:
    wanted = {"type": mark, **properties}
    return [layer for layer in pane["layer"] if wanted.items() <= layer["mark"].items()]


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
