"""The linked maps are judged by their specification and drawn; what only a browser does is in
`test_html_browser`."""

import json
import re
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from altair.utils import schemapi
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plots import drawn
from tests.plots.maps.examples import (
    BOARD,
    CAPTIONS,
    COLOURINGS,
    EVERYTHING,
    INFO,
    NEIGHBOURS,
    POINTS,
    TWINS,
    UPLOADS,
)
from tests.plots.test_theme import VISIONS, contrast, lab, linear
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.plots.colouring import OBJECTS, OUTCOMES, PREDICTIONS, SPLIT
from vlcore.plots.maps import layers as map_layers
from vlcore.plots.maps.drawing import MapInfo, extent_of
from vlcore.plots.maps.linked import brushed, linked_maps
from vlcore.plots.maps.panes import MapStyle, Pane, map_legend
from vlcore.plots.maps.small import small_map
from vlcore.plots.maps.tables import MapTables
from vlcore.plots.options import OVERLAYS, MapOptions
from vlcore.plots.theme import DARK, LIGHT, PHONE_SIDE, Palette

NOTHING = MapTables(pd.DataFrame(), pd.DataFrame())
WHOLE = {
    "points": POINTS,
    "captions": CAPTIONS,
    "uploads": UPLOADS,
    "neighbours": NEIGHBOURS.query("pane < 2"),
    "twins": TWINS.query("pane < 2"),
    "board": BOARD,
    "options": EVERYTHING,
    "colouring": OUTCOMES,
}  # everything that two maps can show
COORDINATE = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, width=32), st.sampled_from([0.0, 0.3, 1e9, 1e-7])
)
ENDS = st.tuples(st.floats(-3, 3), st.floats(-3, 3)).map(list)


def maps(
    panes: int = 2, points: pd.DataFrame = POINTS, captions: pd.DataFrame = CAPTIONS, **more: Any
) -> drawn.Spec:
    """The specification of maps of the first models."""
    captions = captions[captions["pane"].isin(range(panes))]
    arguments = {"palette": LIGHT, "grouping": SCENES, "infos": [INFO] * panes, **more}
    return linked_maps(points, captions, **arguments).to_dict(validate=False)


@pytest.fixture(scope="module")
def full() -> drawn.Spec:
    with schemapi.debug_mode(True):
        return maps(**WHOLE)


@pytest.fixture(scope="module")
def plain() -> drawn.Spec:
    return maps()


def panes_of(spec: drawn.Spec) -> list[drawn.Spec]:
    return spec["concat"] if "concat" in spec else spec["vconcat"][0]["concat"]


def named(view: drawn.Spec, name: str) -> drawn.Spec:
    (layer,) = [layer for layer in view["layer"] if layer.get("name") == name]
    return layer


def legend_of(spec: drawn.Spec, channel: str = "shape") -> drawn.Spec:
    encoding: drawn.Spec = named(panes_of(spec)[0], "legend_0")["encoding"]
    return encoding[channel]


def params(spec: drawn.Spec) -> dict[str, drawn.Spec]:
    return {param["name"]: param for param in spec["params"]}


def names_of(view: drawn.Spec) -> list[str]:
    return [layer["name"] for layer in view["layer"] if "name" in layer]


@pytest.mark.parametrize(
    ("panes", "columns", "side"), [(1, 1, 300), (3, 2, 300), (4, 2, 300), (2, 1, PHONE_SIDE)]
)
def test_one_to_four_maps_are_two_in_a_row_or_one_on_a_phone(
    panes: int, columns: int, side: int
) -> None:
    stars = pd.concat([UPLOADS, UPLOADS.assign(id="up-2")])
    options = MapOptions(trust=True, untrained=True)
    spec = maps(panes, side=side, options=options, colouring=SPLIT, uploads=stars)
    assert (len(spec["concat"]), spec["columns"]) == (panes, columns)
    assert all(pane["width"] == pane["height"] == side for pane in spec["concat"])
    # Altair names layers anew, by their place: selections must still find them.
    names = [name for pane in panes_of(spec) for name in names_of(pane)]
    views = [view for name in ("brush", "pick", "shown") for view in params(spec)[name]["views"]]
    assert sorted(names) == sorted(views)
    assert drawn.svg(spec)


@pytest.mark.parametrize("options", [MapOptions(), MapOptions(trust=True, images=True)])
def test_marks_outside_a_brush_fade_more_than_those_of_another_colour(options: MapOptions) -> None:
    marks = named(panes_of(maps(options=options))[0], "marks_0")
    outside, beside = marks["encoding"]["opacity"]["condition"][:2]
    assert "brush" in outside["test"]
    assert "kin.colour" in beside["test"]
    assert 0 < outside["value"] < beside["value"] < 0.5


@pytest.mark.parametrize(
    ("place", "side", "columns"),
    [("right", 450, None), ("bottom", 635, 8), ("bottom", 330, 4), ("bottom", PHONE_SIDE, 2)],
)
def test_the_legend_is_where_there_is_room(place: str, side: int, columns: int | None) -> None:
    legend = legend_of(maps(side=side, legend_place=place))["legend"]
    assert (legend["orient"], legend.get("columns")) == (place, columns)


def test_maps_are_square_and_a_brush_lies_under_the_marks(full: drawn.Spec) -> None:
    for index, pane in enumerate(panes_of(full)):
        encoding = named(pane, f"marks_{index}")["encoding"]
        (left, right), (low, high) = (encoding[axis]["scale"]["domain"] for axis in "xy")
        assert right - left == pytest.approx(high - low, rel=1e-3)
        # Beside the marks, Vega-Lite would lay the brush over them.
        names = names_of(pane)
        assert names.index(f"ground_{index}") < names.index(f"marks_{index}")


def test_a_new_layer_is_on_every_map(monkeypatch: pytest.MonkeyPatch) -> None:
    def crosses(_tables: MapTables, pane: Pane, style: MapStyle) -> map_layers.Layers:
        return [pane.images(style).mark_point(shape="cross", aria=False)]

    monkeypatch.setattr(map_layers, "LAYERS", (*map_layers.LAYERS, crosses))
    small = small_map(POINTS, CAPTIONS, palette=LIGHT, grouping=SCENES, side=200).to_dict(
        validate=False
    )
    for view in (small, *panes_of(maps(**WHOLE))):
        assert drawn.marks(view)[-1]["mark"] == {"type": "point", "shape": "cross", "aria": False}


def test_images_travel_once_with_the_columns_that_are_drawn(
    full: drawn.Spec, plain: drawn.Spec
) -> None:
    uris = re.findall(r'"(data:[^"]*)"', json.dumps(full))
    assert len(uris) == len(POINTS) + len(UPLOADS)
    assert len(json.dumps(full)) < len("".join(uris)) + 500_000
    columns = set(plain["datasets"]["images"][0])
    assert {"x0", "y1", "caption_1"} <= columns
    assert not {"x2", "scene"} & columns
    options = MapOptions(trust=True, untrained=True)
    more = {f"{name}{pane}" for name in ("says_", "trust", "gx", "gy") for pane in (0, 1)}
    recoloured = maps(options=options, colouring=PREDICTIONS)
    assert set(recoloured["datasets"]["images"][0]) - columns == more
    # Absent images are null, and filtered.
    assert sum(row["x1"] is None for row in plain["datasets"]["images"]) == 72
    marks = named(panes_of(plain)[1], "marks_1")
    assert {"filter": "isValid(datum.x1) && isValid(datum.y1)"} in marks["transform"]


@given(
    positions=st.lists(st.tuples(COORDINATE, COORDINATE), max_size=8),
    spread=st.sampled_from([1e-8, 1.0, 50.0]),
)
@settings(max_examples=200)
def test_an_extent_is_square_and_holds_all_finite_positions(
    positions: list[tuple[float, float]], spread: float
) -> None:
    table = np.array(positions, dtype=float).reshape(-1, 2) * spread
    (left, right), (low, high) = extent_of([table[:3], table[3:]])
    assert right - left == pytest.approx(high - low, rel=1e-3)
    assert right > left
    finite = table[np.isfinite(table).all(axis=1)]
    assert ((left < finite[:, 0]) & (finite[:, 0] < right)).all()
    assert ((low < finite[:, 1]) & (finite[:, 1] < high)).all()


def test_a_map_has_room_for_all_that_is_drawn() -> None:
    far = POINTS.assign(gx0=50.0, gy0=0.0)

    def domain(index: int, **options: Any) -> list[float]:
        pane = panes_of(maps(points=far, options=MapOptions(**options)))[index]
        return named(pane, f"marks_{index}")["encoding"]["x"]["scale"]["domain"]

    assert domain(0)[1] < 50 < domain(0, untrained=True)[1]


@pytest.mark.parametrize("colour_by", COLOURINGS)
def test_one_legend_knows_every_colour_of_a_row(colour_by: str) -> None:
    spec = maps(colouring=COLOURINGS[colour_by])
    stroke, fill, shape = (legend_of(spec, name) for name in ("stroke", "fill", "shape"))
    names = stroke["scale"]["domain"]
    # Or there would be more than one legend.
    assert names == fill["scale"]["domain"] == shape["scale"]["domain"]
    colouring = COLOURINGS[colour_by]
    titles = {legend_of(spec, name)["legend"].get("title") for name in ("stroke", "fill", "shape")}
    assert titles == {colouring.title or None}
    for index, pane in enumerate(panes_of(spec)):
        (carrier,) = named(pane, f"ground_{index}")["layer"]
        assert carrier["encoding"]["stroke"]["scale"] == stroke["scale"]
        values = POINTS.loc[POINTS[f"x{index}"].notna(), colouring.column_of(index)]
        assert {f"{colouring.column} {value}" for value in values} <= set(names)


# Those of any column are in `test_theme`.
WITH_COLOURS_OF_THEIR_OWN = [name for name, colouring in COLOURINGS.items() if not colouring.title]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("colour_by", WITH_COLOURS_OF_THEIR_OWN)
def test_colours_of_rows_differ_from_their_ground_and_each_other(
    palette: Palette, colour_by: str
) -> None:
    colouring = COLOURINGS[colour_by]
    entries = map_legend(palette, SCENES, replace(NOTHING, colouring=colouring)).entries
    count = len(colouring.entries(palette, SCENES))
    colours = [entry.colour for entry in entries[:count]]
    assert min(contrast(colour, palette.ground) for colour in colours) >= 3
    for vision in VISIONS.values():
        tones = [lab(np.array(vision) @ linear(colour)) for colour in colours]
        distances = [np.linalg.norm(first - second) for first, second in combinations(tones, 2)]
        assert min(distances) >= 23.5


def test_marks_mean_what_the_legend_says(plain: drawn.Spec, full: drawn.Spec) -> None:
    names, shapes = (legend_of(plain)["scale"][part] for part in ("domain", "range"))
    assert names[:4] == [f"group {name}" for name in SCENES.names]
    assert shapes[:4] == ["circle", "circle", "triangle-up", "triangle-up"]
    assert legend_of(plain, "stroke")["scale"]["range"][:4] == list(LIGHT.groups)
    marks = named(panes_of(plain)[0], "marks_0")
    shape = '({"horse": "circle", "camel": "triangle-up"})[datum.object]'
    assert marks["mark"]["shape"] == {"expr": shape}
    fill = marks["encoding"]["fill"]
    assert (fill["condition"]["test"], fill["value"]) == ("datum.kind == 'training'", "transparent")
    (rings,) = named(panes_of(plain)[0], "ground_0")["layer"]
    assert {"filter": "datum.minority"} in rings["transform"]
    # In frames, no circle stands for a horse.
    everything = legend_of(full)["scale"]
    assert everything["range"][:5] == ["square"] * 5
    assert "object horse" not in everything["domain"]
    more = {"upload", "arrow: other background", "arrow: other animal"}
    more |= set(OVERLAYS) - {"images", "twins"}
    assert more <= set(everything["domain"])
    assert not more & set(names)


def test_trust_makes_marks_small_and_images_pale() -> None:
    marks = named(panes_of(maps(options=MapOptions(trust=True)))[0], "marks_0")["encoding"]
    low, high = marks["size"]["scale"]["range"]
    assert (marks["size"]["field"], low < high) == ("trust", True)
    # One that is not judged is as usual.
    assert {"test": "!isValid(datum.trust)", "value": 40} in marks["size"]["condition"]
    assert marks["tooltip"][-1]["field"] == "trusted"
    images = named(panes_of(maps(options=MapOptions(trust=True, images=True)))[0], "marks_0")
    assert images["encoding"]["opacity"]["field"] == "trust"


def test_lines_to_neighbours_come_for_the_hovered_and_the_clicked_image(full: drawn.Spec) -> None:
    either = {"or": [{"param": "hov", "empty": False}, {"param": "pick", "empty": False}]}
    for index, pane in enumerate(panes_of(full)):
        lines, ends = [
            mark for mark in drawn.marks(pane) if {"filter": either} in mark.get("transform", [])
        ]
        assert (lines["mark"]["type"], ends["encoding"]["x"]["field"]) == ("rule", "x2")
        assert {"flatten": ["x2", "y2"]} in lines["transform"]
        sent = [
            (row["id"], row["x"], row["y"], *end)
            for row in drawn.rows(full, lines)
            for end in zip(row["x2"], row["y2"], strict=True)
        ]
        expected = NEIGHBOURS[NEIGHBOURS["pane"] == index].drop(columns="pane")
        assert sorted(sent) == sorted(expected.itertuples(index=False, name=None))
        # As rows, many lines would be more than Altair takes.
        assert len(drawn.rows(full, lines)) <= len(POINTS) < len(sent)


def arrow(x2: float, y2: float) -> pd.DataFrame:
    """One arrow, from (-0.2, 0.1)."""
    columns = ["scene", "kind", "pane", "x", "y", "x2", "y2"]
    return pd.DataFrame([("test-1", "other background", 0, -0.2, 0.1, x2, y2)], columns=columns)


@pytest.mark.parametrize(("way", "angle"), [((0, 1), 0), ((-1, 0), -90), ((1, -1), 135)])
def test_arrows_point_where_they_lead(way: tuple[int, int], angle: float) -> None:
    spec = maps(1, options=MapOptions(twins=True), twins=arrow(-0.2 + way[0], 0.1 + way[1]))
    clicked = {"filter": {"param": "scene", "empty": False}}
    shaft, head = [
        mark
        for mark in drawn.marks(panes_of(spec)[0])
        if clicked in mark.get("transform", []) and mark["data"] != {"name": "images"}
    ]
    (row,) = drawn.rows(spec, shaft)
    assert row["angle"] == angle
    assert (head["encoding"]["x"]["field"], head["encoding"]["angle"]["field"]) == ("x2", "angle")
    # It runs from circle to circle, on the line between the two images, however far one zooms.
    assert (row["x2"] - row["x"], row["y2"] - row["y"]) == pytest.approx(way)
    assert (row["dx"], -row["dy"]) == pytest.approx(8 * np.array(way) / np.hypot(*way), abs=0.01)
    offsets = [shaft["mark"][f"{name}Offset"]["expr"] for name in ("x", "y", "x2", "y2")]
    assert offsets == ["datum.dx", "datum.dy", "-datum.dx", "-datum.dy"]
    assert [head["mark"][f"{name}Offset"]["expr"] for name in "xy"] == offsets[2:]


def test_a_panel_has_each_group_once_and_each_models_numbers_in_it(full: drawn.Spec) -> None:
    cells = {row["group"]: row for row in drawn.rows(full, named(full["vconcat"][1], "board_1"))}
    x, y = ({name: cell[axis] for name, cell in cells.items()} for axis in "xy")
    assert y["horse_grass"] == y["horse_desert"] < y["camel_grass"] == y["camel_desert"]
    assert x["horse_grass"] == x["camel_grass"] < x["horse_desert"] == x["camel_desert"]
    minority = {name for name, cell in cells.items() if "minority" in cell["words"]}
    assert minority == set(SCENES.minority)
    (lines,) = [rows for rows in full["datasets"].values() if "rate" in rows[0]]
    for line, row in zip(lines, BOARD.itertuples(), strict=True):
        cell = cells[line["group"]]
        across = [line[name] for name in ("low_x", "right_x", "high_x", "rate_x")]
        assert cell["x"] < across[0] <= across[1] <= across[2] < across[3] < cell["x2"]
        assert cell["y"] < line["top"] < line["bottom"] < cell["y2"]
        scale = (line["high_x"] - line["low_x"]) / (row.high - row.low)
        assert line["right_x"] - line["half"] == pytest.approx(scale * (row.accuracy - 0.5))
    assert lines[5]["rate"] == "57\u00a0% (52 to 60)"
    measured = BOARD.query("pane == 0").copy()
    measured.loc[1, ["accuracy", "low", "high"]] = np.nan
    tables = maps(1, board=measured)["datasets"].values()
    (lines,) = [rows for rows in tables if "rate" in rows[0]]
    assert {line["group"] for line in lines} == set(SCENES.names) - {"horse_desert"}


def test_long_words_wrap() -> None:
    pane = maps(1, infos=[MapInfo(*["word " * 30] * 4)])["concat"][0]
    titles = [named(pane, "marks_0")["encoding"][axis]["axis"]["title"] for axis in "xy"]
    assert min(map(len, (pane["title"]["text"], pane["title"]["subtitle"], *titles))) > 1


def test_an_upload_is_a_small_image_on_a_star_with_its_name(plain: drawn.Spec) -> None:
    assert maps(uploads=UPLOADS.iloc[:0]) == plain
    spec = maps(uploads=UPLOADS)
    tables = {name for name, rows in spec["datasets"].items() if rows[0].get("name")}
    for pane in panes_of(spec):
        layers = [mark for mark in drawn.marks(pane) if mark.get("data", {}).get("name") in tables]
        star, image, halo, name, *hovered = layers
        assert (star["mark"]["stroke"], star["mark"]["fill"]) == (LIGHT.ground, LIGHT.accent)
        assert (image["mark"]["type"], image["encoding"]["url"]["field"]) == ("image", "thumb")
        assert image["mark"]["width"] < star["encoding"]["size"]["value"] ** 0.5 / 2
        assert [layer["encoding"]["text"]["field"] for layer in (halo, name)] == ["words"] * 2
        assert {row["words"] for row in drawn.rows(spec, name)} == {UPLOADS["name"].iat[0]}
        assert len(hovered) == 2
    many = pd.concat([UPLOADS.assign(id=f"up-{number}") for number in range(5)])
    spec = maps(uploads=many)
    (numbers,) = {
        tuple(row["words"] for row in rows)
        for rows in spec["datasets"].values()
        if rows[0].get("words")
    }
    assert numbers == ("1", "2", "3", "4", "5")


@pytest.mark.parametrize(
    "change",
    [
        {"points": POINTS.assign(x0=0.0, y0=0.0, x1=np.nan, gx0=0.0, gy0=0.0, trust0=np.nan)},
        {"points": POINTS.iloc[:0]},
        {"captions": CAPTIONS.iloc[:0]},
        {"twins": arrow(-0.2, 0.1)},  # of no length, and of one kind
        {"options": EVERYTHING.replace(groups=("horse_desert",), split="training")},
    ],
    ids=["collapsed", "no image", "no caption", "one arrow", "filtered"],
)
def test_a_map_of_little_is_drawn(change: dict[str, Any]) -> None:
    spec = maps(**WHOLE | change)
    names = legend_of(spec)["scale"]["domain"]
    assert ("caption" in names) == ("captions" not in change)
    assert ("arrow: other animal" in names) == ("twins" not in change)
    assert ("kind test" in names) == ("options" not in change)
    assert drawn.svg(spec)


def test_words_of_other_sets_and_quotes_in_names() -> None:
    odd = Grouping(('a "b"', "c'd"), ("e", "f"))
    groups = dict(zip(SCENES.names, odd.names, strict=True))
    objects = dict(zip(SCENES.objects, odd.objects, strict=True))
    changed = POINTS.assign(group=POINTS["group"].map(groups), object=POINTS["object"].map(objects))
    spec = maps(points=changed, grouping=odd, colouring=OBJECTS)
    assert 'object a "b"' in legend_of(spec, "stroke")["scale"]["domain"]
    assert drawn.svg(spec)


@given(pane=st.integers(0, 1), x=ENDS, y=ENDS)
def test_a_brush_holds_what_lies_in_it(pane: int, x: list[float], y: list[float]) -> None:
    across, up = POINTS[f"x{pane}"], POINTS[f"y{pane}"]
    inside = across.between(min(x), max(x)) & up.between(min(y), max(y))
    selection = {"brush": {f"x{pane}": x, f"y{pane}": y}, "pick": []}
    assert brushed(selection, POINTS) == POINTS.loc[inside, "id"].tolist()


CELL = {"cell": [{"group": "horse_desert"}]}


@pytest.mark.parametrize(
    ("selections", "condition"),
    [
        ({"cell": {}, "shown": {}}, "id == id"),
        (CELL, "group == 'horse_desert'"),
        ({"shown": [{"colour": "object camel"}]}, "object == 'camel'"),
        ({"shown": [{"colour": "minority true"}]}, "minority"),
        ({"shown": [{"colour": "says horse"}, {"colour": "says none"}]}, "says_1 != 'camel'"),
        ({"shown": [{"colour": "object camel"}, {"colour": "caption"}]}, "id == id"),
        (
            CELL | {"shown": [{"colour": "says horse"}]},
            "group == 'horse_desert' and says_1 == 'horse'",
        ),
    ],
)
def test_hidden_images_are_not_in_a_brush(selections: dict[str, Any], condition: str) -> None:
    ids = POINTS.dropna(subset="x1").query(condition)["id"].tolist()
    assert brushed({"brush": {"x1": [-9, 9], "y1": [9, -9]}} | selections, POINTS) == ids != []


@pytest.mark.parametrize(
    "brush", [None, {}, [], {"x4": [-9, 9], "y4": [-9, 9]}, {"x1": [5, 6], "y1": [5, 6]}]
)
def test_no_brush_or_one_of_a_map_that_is_gone_holds_nothing(brush: Any) -> None:
    assert brushed({"brush": brush, "pick": [{"id": "p1"}]}, POINTS) == []
    assert brushed({}, POINTS) == []
