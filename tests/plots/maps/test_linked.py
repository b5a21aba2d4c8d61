"""The linked maps are judged by their specification and drawn; what only a browser does is in
`test_html_browser`."""

import json
import re
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
    EVERYTHING,
    INFO,
    NEIGHBOURS,
    POINTS,
    TWINS,
    UPLOADS,
)
from tests.plots.test_theme import VISIONS, contrast, lab, linear
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.plots.maps import layers as map_layers
from vlcore.plots.maps.legend import map_legend
from vlcore.plots.maps.linked import brushed, linked_maps
from vlcore.plots.maps.panes import MapStyle, Pane
from vlcore.plots.maps.small import MapInfo, small_map
from vlcore.plots.maps.tables import MapTables, extent_of
from vlcore.plots.options import COLOURINGS, MapOptions
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
}  # everything that two maps can show
PLACE = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, width=32), st.sampled_from([0.0, 0.3, 1e9, 1e-7])
)
CELL = {"cell": [{"group": "horse_desert"}]}
ENDS = st.tuples(st.floats(-3, 3), st.floats(-3, 3)).map(list)


def maps(
    panes: int = 2, points: pd.DataFrame = POINTS, captions: pd.DataFrame = CAPTIONS, **more: Any
) -> drawn.Spec:
    """The specification of maps of the first models."""
    captions = captions[captions["pane"].isin(range(panes))]
    given = {"palette": LIGHT, "grouping": SCENES, "infos": [INFO] * panes, **more}
    return linked_maps(points, captions, **given).to_dict()


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
    (found,) = [layer for layer in view["layer"] if layer.get("name") == name]
    return found


def params(spec: drawn.Spec) -> dict[str, drawn.Spec]:
    return {param["name"]: param for param in spec["params"]}


@pytest.mark.parametrize(
    ("panes", "across", "side"), [(1, 1, 300), (3, 2, 300), (4, 2, 300), (2, 1, PHONE_SIDE)]
)
def test_one_to_four_maps_stand_two_in_a_row_or_one_on_a_phone(
    panes: int, across: int, side: int
) -> None:
    stars = pd.concat([UPLOADS, UPLOADS.assign(id="up-2")])
    spec = maps(
        panes,
        side=side,
        options=MapOptions(colour_by="split", trust=True, movement=True, untrained=True),
        uploads=stars,
    )
    assert (len(spec["concat"]), spec["columns"]) == (panes, across)
    assert all(pane["width"] == pane["height"] == side for pane in spec["concat"])
    # Altair names layers anew, by their place: selections must still find them.
    names = [view["name"] for pane in panes_of(spec) for view in pane["layer"] if "name" in view]
    wanted = [view for name in ("brush", "pick", "shown") for view in params(spec)[name]["views"]]
    assert sorted(names) == sorted(wanted)
    assert drawn.svg(spec)


@pytest.mark.parametrize(
    ("more", "message"),
    [({"infos": []}, "one to 4 maps"), ({"infos": [INFO] * 5}, "one to 4 maps")],
)
def test_what_cannot_be_drawn_is_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        maps(**more)


def test_selections_are_named_and_cover_all_maps(full: drawn.Spec, plain: drawn.Spec) -> None:
    found = params(full)
    assert list(found) == ["hov", "kin", "pick", "brush", "shown", "cell", "scene"]
    names = {view["name"] for pane in panes_of(full) for view in pane["layer"] if "name" in view}
    names |= {layer["name"] for layer in full["vconcat"][1]["layer"] if "name" in layer}
    assert set().union(*(param["views"] for param in found.values())) == names
    assert found["brush"]["views"] == ["ground_0", "ground_1"]
    for name, field in (
        ("hov", "id"),
        ("kin", "colour"),
        ("pick", "id"),
        ("scene", "scene"),
        ("cell", "group"),
    ):
        assert found[name]["select"]["fields"] == [field]
        assert found[name]["views"] == ["board_1"] if name == "cell" else ["marks_0", "marks_1"]
    assert list(params(plain)) == ["hov", "kin", "pick", "brush", "shown"]


def test_what_is_coloured_like_the_hovered_mark_stands_out(full: drawn.Spec) -> None:
    """Outside a brush is palest, then what is not of its kin."""
    for spec in (full, maps(), maps(options=MapOptions(trust=True, images=True))):
        opacity = named(panes_of(spec)[0], "marks_0")["encoding"]["opacity"]["condition"]
        assert "brush" in opacity[0]["test"]
        assert (
            opacity[1]["test"]
            == "!(!isValid((kin.colour || [])[0]) || kin.colour[0] === datum.colour)"
        )
        assert 0 < opacity[0]["value"] < opacity[1]["value"] < 0.5


@pytest.mark.parametrize(
    ("place", "side", "columns"),
    [("right", 450, None), ("bottom", 635, 8), ("bottom", 330, 4), ("bottom", PHONE_SIDE, 2)],
)
def test_the_legend_lies_where_there_is_room(place: str, side: int, columns: int | None) -> None:
    spec = maps(side=side, legend_place=place)
    legend = named(panes_of(spec)[0], "legend_0")["encoding"]["shape"]["legend"]
    assert (legend["orient"], legend.get("columns")) == (place, columns)
    assert drawn.svg(spec)


def test_maps_are_square_and_undistorted_and_a_brush_lies_under_the_marks(
    full: drawn.Spec, plain: drawn.Spec
) -> None:
    for spec in (full, plain):
        for index, pane in enumerate(panes_of(spec)):
            encoding = named(pane, f"marks_{index}")["encoding"]
            (left, right), (low, high) = (encoding[axis]["scale"]["domain"] for axis in "xy")
            assert right - left == pytest.approx(high - low, rel=1e-3)
            # Beside the marks, Vega-Lite would lay the brush over them, and no picture in it would
            # light up.
            names = [layer.get("name") for layer in pane["layer"]]
            assert names.index(f"ground_{index}") < names.index(f"marks_{index}")
            (carrier,) = named(pane, f"ground_{index}")["layer"]
            assert (carrier["encoding"]["x"]["field"], carrier["encoding"]["y"]["field"]) == (
                f"x{index}",
                f"y{index}",
            )


def test_a_new_layer_is_on_every_map(monkeypatch: pytest.MonkeyPatch) -> None:
    def crosses(_tables: MapTables, pane: Pane, style: MapStyle) -> map_layers.Layers:
        return [pane.images(style).mark_point(shape="cross", aria=False)]

    monkeypatch.setattr(map_layers, "LAYERS", (*map_layers.LAYERS, crosses))
    small = small_map(POINTS, CAPTIONS, palette=LIGHT, grouping=SCENES, side=200).to_dict()
    for view in (small, *panes_of(maps(**WHOLE))):
        assert drawn.marks(view)[-1]["mark"] == {"type": "point", "shape": "cross", "aria": False}


def test_pictures_travel_once_with_the_columns_that_are_asked_for(
    full: drawn.Spec, plain: drawn.Spec
) -> None:
    found = re.findall(r'"(data:[^"]*)"', json.dumps(full))
    assert len(found) == len(POINTS) + len(UPLOADS)
    assert len(json.dumps(full)) < len("".join(found)) + 500_000
    sent = set(plain["datasets"]["images"][0])
    assert {"x0", "y1", "caption_1"} <= sent
    assert not {"x2", "scene"} & sent
    spec = maps(options=MapOptions(colour_by="prediction", trust=True, untrained=True))
    more = {f"{name}{pane}" for name in ("says_", "trust", "gx", "gy") for pane in (0, 1)}
    assert set(spec["datasets"]["images"][0]) - sent == more
    # Absent pictures are null, and filtered.
    assert sum(row["x1"] is None for row in plain["datasets"]["images"]) == 72
    for layer in drawn.marks(panes_of(plain)[1]):
        if layer.get("data") == {"name": "images"} and "name" not in layer:
            assert {"filter": "isValid(datum.x1) && isValid(datum.y1)"} in layer["transform"]


@given(
    places=st.lists(st.tuples(PLACE, PLACE), max_size=8), spread=st.sampled_from([1e-8, 1.0, 50.0])
)
@settings(max_examples=200)
def test_an_extent_is_square_and_holds_what_it_should(
    places: list[tuple[float, float]], spread: float
) -> None:
    table = np.array(places, dtype=float).reshape(-1, 2) * spread
    (left, right), (low, high) = extent_of([table[:3], table[3:]])
    assert right - left == pytest.approx(high - low, rel=1e-3)
    assert right > left
    for x, y in table[np.isfinite(table).all(axis=1)]:
        assert left < x < right
        assert low < y < high


def test_a_map_has_room_for_all_that_is_drawn() -> None:
    far = POINTS.assign(gx0=50.0, gy0=0.0, x0=POINTS["x0"] - 20)

    def ends(index: int, **options: Any) -> list[float]:
        pane = panes_of(maps(points=far, options=MapOptions(**options)))[index]
        return named(pane, f"marks_{index}")["encoding"]["x"]["scale"]["domain"]

    assert ends(0)[1] < 50 < ends(0, untrained=True)[1]
    assert ends(1, movement=True)[0] < -19 < ends(1)[0]


@pytest.mark.parametrize("colour_by", COLOURINGS)
def test_the_legend_knows_every_colour_of_a_row(colour_by: str) -> None:
    spec = maps(options=MapOptions(colour_by=colour_by))
    legend = named(panes_of(spec)[0], "legend_0")["encoding"]
    domains = {
        json.dumps(legend[channel]["scale"]["domain"]) for channel in ("stroke", "fill", "shape")
    }
    assert len(domains) == 1  # or there would be more than one legend
    column = {"prediction": "says", "right or wrong": "right", "split": "kind"}.get(
        colour_by, colour_by
    )
    for index, pane in enumerate(panes_of(spec)):
        carrier = named(pane, f"ground_{index}")["layer"][0]
        assert carrier["encoding"]["stroke"]["scale"] == legend["stroke"]["scale"]
        name = f"{column}_{index}" if column in ("says", "right") else column
        assert {"calculate": f"'{column} ' + datum.{name}", "as": "colour"} in carrier["transform"]
        assert {f"{column} {value}" for value in POINTS[name]} <= set(
            legend["stroke"]["scale"]["domain"]
        )


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("colour_by", COLOURINGS)
def test_colours_of_rows_stand_off_their_ground_and_apart(palette: Palette, colour_by: str) -> None:
    entries = map_legend(palette, SCENES, NOTHING, MapOptions(colour_by=colour_by)).entries
    count = {"group": 4, "prediction": 3, "right or wrong": 3}.get(colour_by, 2)
    colours = [entry.colour for entry in entries[:count]]
    assert min(contrast(colour, palette.ground) for colour in colours) >= 3
    for vision in VISIONS.values():
        seen = [lab(np.array(vision) @ linear(colour)) for colour in colours]
        assert (
            min(float(np.linalg.norm(one - other)) for one, other in combinations(seen, 2)) >= 23.5
        )


def test_pictures_stand_in_frames(full: drawn.Spec) -> None:
    for index, pane in enumerate(panes_of(full)):
        assert named(pane, f"marks_{index}")["mark"]["type"] == "image"
        (frames,) = named(pane, f"ground_{index}")["layer"]
        assert frames["mark"]["shape"] == "square"
    legend = named(panes_of(full)[0], "legend_0")["encoding"]["shape"]
    assert "thin frame: held out" in legend["legend"]["labelExpr"]
    assert legend["scale"]["range"][:5] == ["square"] * 5  # no circle stands for a horse
    assert "object horse" not in legend["scale"]["domain"]


def test_marks_mean_what_the_legend_says(plain: drawn.Spec, full: drawn.Spec) -> None:
    legend = named(panes_of(plain)[0], "legend_0")["encoding"]
    domain, shapes = (legend["shape"]["scale"][part] for part in ("domain", "range"))
    assert domain[:4] == [f"group {name}" for name in SCENES.names]
    assert shapes[:4] == ["circle", "circle", "triangle-up", "triangle-up"]
    assert legend["stroke"]["scale"]["range"][:4] == list(LIGHT.groups)
    marks = named(panes_of(plain)[0], "marks_0")
    assert marks["mark"]["shape"] == {
        "expr": '({"horse": "circle", "camel": "triangle-up"})[datum.object]'
    }
    assert marks["encoding"]["fill"]["condition"]["test"] == "datum.kind == 'training'"
    assert marks["encoding"]["fill"]["value"] == "transparent"
    assert "hollow: held out" in legend["stroke"]["legend"]["labelExpr"]
    (rings,) = named(panes_of(plain)[0], "ground_0")["layer"]
    assert {"filter": "datum.minority"} in rings["transform"]

    everything = named(panes_of(full)[0], "legend_0")["encoding"]["shape"]["scale"]["domain"]
    also = {
        "upload",
        "trust",
        "untrained",
        "movement",
        "neighbours",
        "arrow: other background",
        "arrow: other animal",
    }
    assert also <= set(everything)
    assert not also & set(domain)


def test_trust_makes_marks_small_and_pictures_pale() -> None:
    small = named(panes_of(maps(options=MapOptions(trust=True)))[0], "marks_0")["encoding"]
    assert small["size"]["field"] == "trust"
    assert small["size"]["scale"]["range"][0] < small["size"]["scale"]["range"][1]
    assert {"test": "!isValid(datum.trust)", "value": 40} in small["size"][
        "condition"
    ]  # not judged: as usual
    assert small["tooltip"][-1]["field"] == "trusted"
    pale = named(panes_of(maps(options=MapOptions(trust=True, images=True)))[0], "marks_0")
    assert (pale["mark"]["type"], pale["encoding"]["opacity"]["field"]) == ("image", "trust")


def test_movement_leads_from_the_first_map(full: drawn.Spec) -> None:
    first, other = panes_of(full)
    assert not [
        layer
        for layer in drawn.marks(first)
        if layer["encoding"].get("x2", {}).get("field") == "x1"
    ]
    every, hovered = [
        layer
        for layer in drawn.marks(other)
        if layer["encoding"].get("x2", {}).get("field") == "x1"
    ]
    for layer in (every, hovered):
        assert [layer["encoding"][end]["field"] for end in ("x", "y", "y2")] == ["x0", "y0", "y1"]
        assert {"filter": "isValid(datum.x0) && isValid(datum.y0)"} in layer["transform"]
    assert {"filter": {"param": "hov", "empty": False}} in hovered["transform"]


def test_lines_to_neighbours_come_for_the_hovered_and_the_clicked_picture(full: drawn.Spec) -> None:
    wanted = {
        "filter": {"or": [{"param": "hov", "empty": False}, {"param": "pick", "empty": False}]}
    }
    for index, pane in enumerate(panes_of(full)):
        lines, ends = [layer for layer in drawn.marks(pane) if wanted in layer.get("transform", [])]
        assert (lines["mark"]["type"], ends["encoding"]["x"]["field"]) == ("rule", "x2")
        assert {"flatten": ["x2", "y2"]} in lines["transform"]
        rows = full["datasets"][lines["data"]["name"]]
        sent = [
            (row["id"], row["x"], row["y"], *end)
            for row in rows
            for end in zip(row["x2"], row["y2"], strict=True)
        ]
        here = NEIGHBOURS[NEIGHBOURS["pane"] == index].drop(columns="pane")
        assert sorted(sent) == sorted(here.itertuples(index=False, name=None))


def test_many_lines_are_no_more_rows_than_pictures() -> None:
    many = pd.concat([NEIGHBOURS.query("pane == 0")] * 8)
    assert len(many) > 5000  # more than Altair takes
    spec = maps(1, options=MapOptions(neighbours=True), neighbours=many)
    assert all(len(rows) <= len(POINTS) for rows in spec["datasets"].values())


def arrow(x2: float, y2: float) -> pd.DataFrame:
    """One arrow, from (-0.2, 0.1)."""
    columns = ["scene", "kind", "pane", "x", "y", "x2", "y2"]
    return pd.DataFrame([("test-1", "other background", 0, -0.2, 0.1, x2, y2)], columns=columns)


@pytest.mark.parametrize(("way", "angle"), [((0, 1), 0), ((-1, 0), -90), ((1, -1), 135)])
def test_arrows_point_where_they_lead(way: tuple[int, int], angle: float) -> None:
    spec = maps(1, options=MapOptions(twins=True), twins=arrow(-0.2 + way[0], 0.1 + way[1]))
    clicked = {"filter": {"param": "scene", "empty": False}}
    found = [
        layer for layer in drawn.marks(panes_of(spec)[0]) if clicked in layer.get("transform", [])
    ]
    shaft, head = (layer for layer in found if layer["data"] != {"name": "images"})
    (row,) = spec["datasets"][shaft["data"]["name"]]
    assert row["angle"] == angle
    assert (head["encoding"]["x"]["field"], head["encoding"]["angle"]["field"]) == ("x2", "angle")
    # It runs from circle to circle, on the line between the two pictures.
    x, y, x2, y2 = (row[name] for name in ("x", "y", "x2", "y2"))
    cut = np.hypot(x + 0.2, y - 0.1)
    low, high = shaft["encoding"]["x"]["scale"]["domain"]
    assert cut == pytest.approx(8 * (high - low) / 420, rel=1e-6)
    assert (x2 - x, y2 - y) == pytest.approx(tuple(np.array(way) * (1 - 2 * cut / np.hypot(*way))))


def test_a_board_has_each_group_once_and_each_models_numbers_in_it(full: drawn.Spec) -> None:
    cells = full["datasets"][named(full["vconcat"][1], "board_1")["data"]["name"]]
    at = {cell["group"]: cell for cell in cells}
    assert (
        at["horse_grass"]["y"]
        == at["horse_desert"]["y"]
        < at["camel_grass"]["y"]
        == at["camel_desert"]["y"]
    )
    assert (
        at["horse_grass"]["x"]
        == at["camel_grass"]["x"]
        < at["horse_desert"]["x"]
        == at["camel_desert"]["x"]
    )
    assert [cell["group"] for cell in cells if "minority" in cell["words"]] == list(SCENES.minority)
    (lines,) = [rows for rows in full["datasets"].values() if "said" in rows[0]]
    assert len(lines) == len(BOARD)
    for line, (_, row) in zip(lines, BOARD.iterrows(), strict=True):
        cell = at[line["group"]]
        assert (
            cell["x"]
            < line["low_x"]
            <= line["right_x"]
            <= line["high_x"]
            < line["said_x"]
            < cell["x2"]
        )
        assert cell["y"] < line["top"] < line["bottom"] < cell["y2"]
        scale = (line["high_x"] - line["low_x"]) / (row["high"] - row["low"])
        assert line["right_x"] - line["half"] == pytest.approx(scale * (row["accuracy"] - 0.5))
    assert lines[5]["said"] == "57\u00a0% (52 to 60)"
    assert (
        lines[5]["spoken"]
        == f"horse in the desert (minority group), bias, short: right {lines[5]['said']} of 1,000"
    )
    measured = BOARD.query("pane == 0").copy()
    measured.loc[1, ["accuracy", "low", "high"]] = np.nan
    (lines,) = [rows for rows in maps(1, board=measured)["datasets"].values() if "said" in rows[0]]
    assert [line["group"] for line in lines] == [
        name for name in SCENES.names if name != "horse_desert"
    ]


def test_long_words_wrap() -> None:
    pane = maps(1, infos=[MapInfo(*["word " * 30] * 4)])["concat"][0]
    axes = named(pane, "marks_0")["encoding"]
    words = (
        pane["title"]["text"],
        pane["title"]["subtitle"],
        axes["x"]["axis"]["title"],
        axes["y"]["axis"]["title"],
    )
    assert all(len(lines) > 1 for lines in words)


def test_an_upload_is_a_small_picture_on_a_star_with_its_name(plain: drawn.Spec) -> None:
    assert maps(uploads=UPLOADS.iloc[:0]) == plain
    spec = maps(uploads=UPLOADS)
    for pane in panes_of(spec):
        own = [
            one for one in drawn.marks(pane) if one.get("data", {}).get("name") in spec["datasets"]
        ]
        own = [
            one
            for one in own
            if spec["datasets"][one["data"]["name"]][0].get("name") == UPLOADS["name"][0]
        ]
        star, picture, halo, name, *hovered = own
        assert star["mark"]["stroke"] == LIGHT.ground
        assert star["mark"]["fill"] == LIGHT.accent
        assert (picture["mark"]["type"], picture["encoding"]["url"]["field"]) == ("image", "thumb")
        assert picture["mark"]["width"] < star["encoding"]["size"]["value"] ** 0.5 / 2
        assert [one["encoding"]["text"]["field"] for one in (halo, name)] == ["name", "name"]
        assert len(hovered) == 2
    many = pd.concat([UPLOADS.assign(id=f"up-{number}") for number in range(5)])
    texts = [
        one["encoding"].get("text", {}).get("field")
        for one in drawn.marks(panes_of(maps(uploads=many))[0])
    ]
    assert "number" in texts
    assert "name" not in texts, "names would lie on each other"


@pytest.mark.parametrize(
    "change",
    [
        {"points": POINTS.assign(x0=0.0, y0=0.0, x1=np.nan, gx0=0.0, gy0=0.0, trust0=np.nan)},
        {"points": POINTS.iloc[:0]},
        {"captions": CAPTIONS.iloc[:0]},
        {"twins": arrow(-0.2, 0.1)},  # of no length, and of one kind
    ],
    ids=["collapsed", "no picture", "no caption", "one arrow"],
)
def test_a_map_of_little_draws(change: dict[str, pd.DataFrame]) -> None:
    spec = maps(**WHOLE | change)
    entries = named(panes_of(spec)[0], "legend_0")["encoding"]["shape"]["scale"]["domain"]
    assert ("caption" in entries) == ("captions" not in change)
    assert ("arrow: other animal" in entries) == ("twins" not in change)
    assert drawn.svg(spec)


def test_words_of_other_sets_and_quotes_in_names() -> None:
    odd = Grouping(('a "b"', "c'd"), ("e", "f"))
    names = dict(zip(SCENES.names, odd.names, strict=True))
    objects = dict(zip(SCENES.objects, odd.objects, strict=True))
    changed = POINTS.assign(group=POINTS["group"].map(names), object=POINTS["object"].map(objects))
    spec = maps(points=changed, grouping=odd, options=MapOptions(colour_by="object"))
    assert (
        'object a "b"'
        in named(panes_of(spec)[0], "legend_0")["encoding"]["stroke"]["scale"]["domain"]
    )
    assert drawn.svg(spec)


@given(pane=st.integers(0, 1), x=ENDS, y=ENDS)
def test_what_a_brush_holds_is_what_lies_in_it(pane: int, x: list[float], y: list[float]) -> None:
    places = zip(POINTS["id"], POINTS[f"x{pane}"], POINTS[f"y{pane}"], strict=True)
    wanted = [name for name, at, up in places if min(x) <= at <= max(x) and min(y) <= up <= max(y)]
    assert brushed({"brush": {f"x{pane}": x, f"y{pane}": y}, "pick": []}, POINTS) == wanted


@pytest.mark.parametrize(
    ("hides", "kept"),
    [
        ({}, "id == id"),
        ({"cell": {}, "shown": {}}, "id == id"),
        (CELL, "group == 'horse_desert'"),
        ({"shown": [{"colour": "object camel"}]}, "object == 'camel'"),
        ({"shown": [{"colour": "minority true"}]}, "minority"),
        ({"shown": [{"colour": "says horse"}, {"colour": "says none"}]}, "says_1 != 'camel'"),
        ({"shown": [{"colour": "caption"}]}, "id == id"),
        ({"shown": [{"colour": "object camel"}, {"colour": "caption"}]}, "id == id"),
        (
            CELL | {"shown": [{"colour": "says horse"}]},
            "group == 'horse_desert' and says_1 == 'horse'",
        ),
    ],
)
def test_what_is_hidden_is_not_in_a_brush(hides: dict[str, Any], kept: str) -> None:
    wanted = POINTS.dropna(subset="x1").query(kept)["id"].tolist()
    assert brushed({"brush": {"x1": [-9, 9], "y1": [9, -9]}} | hides, POINTS) == wanted
    assert wanted


@pytest.mark.parametrize(
    "brush", [None, {}, [], {"x4": [-9, 9], "y4": [-9, 9]}, {"x1": [5, 6], "y1": [5, 6]}]
)
def test_no_brush_or_one_of_a_map_that_is_gone_holds_nothing(brush: Any) -> None:
    assert brushed({"brush": brush, "pick": [{"id": "p1"}]}, POINTS) == []
    assert brushed({}, POINTS) == []
