"""A typed caption on the maps: a star in every model that reads it, and an arrow for each of its words."""

from __future__ import annotations

import json
import re
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert

from vlcore.figures.caption_map import caption_map
from vlcore.figures.maps import MapInfo
from vlcore.figures.theme import DARK, LIGHT, Palette
from vlcore.images.groups import SCENES, Grouping

VERSION = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
HOSTILE = '"><script>window.hit = 1</script>{{datum}} 🐎'
ARROWS = ["pane", "word", "cosine", "x", "y", "x2", "y2"]


def pictures(panes: int = 2, grouping: Grouping = SCENES) -> pd.DataFrame:
    """Twelve pictures; the last is in the first map only."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"id": [f"p{row}" for row in range(12)], "group": np.resize(grouping.names, 12)})
    for pane in range(panes):
        table[f"x{pane}"], table[f"y{pane}"] = random.normal(size=(2, 12))
        if pane:
            table.loc[11, [f"x{pane}", f"y{pane}"]] = np.nan
    return table


def diamonds(panes: int = 2) -> pd.DataFrame:
    rows = [("horse", pane, 0.5, 0.5) for pane in range(panes)] + [("camel", pane, -0.5, 0.25) for pane in range(panes)]
    return pd.DataFrame(rows, columns=["caption", "pane", "x", "y"])


def typed(panes: int = 2, text: str = "a horse") -> pd.DataFrame:
    return pd.DataFrame({"pane": range(panes), "x": 0.25, "y": -0.5, "caption": text})


def words(panes: int = 2, word: str = "horse") -> pd.DataFrame:
    """One word of each map leads straight up, one to the right, one down and to the left."""
    ends = [(0.25, 0.5), (1.25, -0.5), (-0.75, -1.5)]
    rows = [(pane, f"{word}", 0.5, 0.25, -0.5, *end) for pane in range(panes) for end in ends]
    return pd.DataFrame(rows, columns=ARROWS)


def drawn(
    panes: int = 2, palette: Palette = LIGHT, grouping: Grouping = SCENES, **tables: pd.DataFrame
) -> dict[str, Any]:
    """The specification, which Vega-Lite has drawn without a complaint."""
    given = {
        "points": pictures(panes, grouping), "captions": diamonds(panes), "asked": typed(panes), "without": words(panes)
    } | tables  # fmt: skip
    infos = [MapInfo(f"Model {pane}", "subtitle", f"component of {pane}", "") for pane in range(panes)]
    chart = caption_map(**given, infos=infos, palette=palette, grouping=grouping, side=300)
    spec: dict[str, Any] = chart.to_dict()
    assert spec == caption_map(**given, infos=infos, palette=palette, grouping=grouping, side=300).to_dict()
    assert vl_convert.vegalite_to_svg(json.dumps(spec), vl_version=VERSION).startswith("<svg")
    return spec


def maps(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [pane for row in spec["vconcat"] for pane in row["hconcat"]]


def rows(spec: dict[str, Any], layer: dict[str, Any]) -> list[dict[str, Any]]:
    return spec["datasets"][layer["data"]["name"]]


def layers(pane: dict[str, Any], mark: str, **properties: Any) -> list[dict[str, Any]]:
    return [
        layer
        for layer in pane["layer"]
        if layer["mark"]["type"] == mark and properties.items() <= layer["mark"].items()
    ]


@pytest.mark.parametrize(("panes", "shape"), [(1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2])])
def test_one_to_four_maps_stand_two_in_a_row(panes: int, shape: list[int]) -> None:
    spec = drawn(panes)
    assert [len(row["hconcat"]) for row in spec["vconcat"]] == shape
    assert [pane["title"]["text"] for pane in maps(spec)] == [f"Model {pane}" for pane in range(panes)]
    assert [pane["title"]["subtitle"] for pane in maps(spec)] == [f"component of {pane}" for pane in range(panes)]


def test_every_map_shows_its_own_pictures_and_captions() -> None:
    spec = drawn()
    for number, pane in enumerate(maps(spec)):
        (faint,) = layers(pane, "point", size=26)
        here = pictures()[["group", f"x{number}", f"y{number}"]].dropna()
        assert [(row["group"], row["x"], row["y"]) for row in rows(spec, faint)] == list(
            here.itertuples(index=False, name=None)
        )
        assert faint["mark"]["opacity"] < 0.5
        (caption,) = layers(pane, "point", shape="diamond")
        assert [row["caption"] for row in rows(spec, caption)] == ["horse", "camel"]
        assert {row["spoken"] for row in rows(spec, caption)} == {"caption: horse", "caption: camel"}
        (star,) = layers(pane, "point", size=320)
        assert [(row["x"], row["y"], row["spoken"]) for row in rows(spec, star)] == [
            (0.25, -0.5, "your caption: a horse")
        ]


def test_an_arrow_points_from_the_caption_to_what_is_left() -> None:
    for pane in maps(spec := drawn()):
        (lines,) = layers(pane, "rule")
        assert {name: lines["encoding"][name]["field"] for name in ("x", "y", "x2", "y2")} == {
            "x": "x", "y": "y", "x2": "x2", "y2": "y2"
        }  # fmt: skip
        (heads,) = layers(pane, "point", shape="triangle-up")
        assert (heads["encoding"]["x"]["field"], heads["encoding"]["y"]["field"]) == ("x2", "y2")
        for row in rows(spec, heads):
            assert (row["said"], row["spoken"]) == ("− horse", "without horse")
            # Vega turns a mark clockwise, and the head of a triangle that is not turned points up.
            way = np.array([row["x2"] - row["x"], row["y2"] - row["y"]])
            turned = [np.sin(np.radians(row["angle"])), np.cos(np.radians(row["angle"]))]
            assert turned == pytest.approx(way / np.linalg.norm(way))
        assert heads["encoding"]["angle"]["scale"] == {"domain": [0, 360], "range": [0, 360]}


def test_one_unit_is_as_long_across_as_up_and_nothing_is_cut_off() -> None:
    spec = drawn()
    for pane in maps(spec):
        domains = {
            json.dumps([layer["encoding"][axis].get("scale", {}).get("domain") for axis in "xy"])
            for layer in pane["layer"]
        } - {"[null, null]"}  # those without take the pane's
        ((across, up),) = (json.loads(domain) for domain in domains)
        assert across[1] - across[0] == pytest.approx(up[1] - up[0])
        for row in (row for layer in pane["layer"] for row in rows(spec, layer)):
            for x, y in (("x", "y"), ("x2", "y2")):
                assert across[0] < row.get(x, row["x"]) < across[1]
                assert up[0] < row.get(y, row["y"]) < up[1]


def test_places_have_no_axes() -> None:
    svg = vl_convert.vegalite_to_svg(json.dumps(drawn(1)), vl_version=VERSION)
    texts = [re.sub(r"<[^>]+>", "", text) for text in re.findall(r"<text.*?</text>", svg)]
    assert sorted(texts) == sorted(["Model 0", "component of 0", "horse", "camel", *["− horse"] * 3, "a horse"])


def test_a_model_that_cannot_be_asked_has_a_map_without_star_and_arrows() -> None:
    spec = drawn(asked=typed().query("pane == 1"), without=words().query("pane == 1"))
    for number, pane in enumerate(maps(spec)):
        (star,) = layers(pane, "point", size=320)
        (heads,) = layers(pane, "point", shape="triangle-up")
        assert (len(rows(spec, star)), len(rows(spec, heads))) == ((0, 0), (1, 3))[number]


def test_a_caption_of_one_word_has_no_arrows() -> None:
    spec = drawn(without=pd.DataFrame([], columns=ARROWS))
    for pane in maps(spec):
        (star,) = layers(pane, "point", size=320)
        assert len(rows(spec, star)) == 1
        assert rows(spec, layers(pane, "rule")[0]) == []


def test_a_captioner_has_no_diamonds() -> None:
    spec = drawn(captions=diamonds().query("pane == 0"))
    assert len(rows(spec, layers(maps(spec)[1], "point", shape="diamond")[0])) == 0


def test_maps_of_one_point_have_a_span() -> None:
    points = pictures(1).assign(x0=0.25, y0=-0.5)
    still = words(1).assign(x2=0.25, y2=-0.5)
    for pane in maps(drawn(1, points=points, captions=diamonds(1).assign(x=0.25, y=-0.5), without=still)):
        low, high = pane["layer"][0]["encoding"]["x"]["scale"]["domain"]
        assert high > low


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
def test_groups_have_their_colours_and_objects_their_shapes(palette: Palette) -> None:
    cups = Grouping(("cup", "plate"), ("table", "shelf"))
    for grouping in (SCENES, cups):
        (faint,) = layers(maps(drawn(1, palette, grouping))[0], "point", size=26)
        colour, shape = (faint["encoding"][name]["scale"] for name in ("color", "shape"))
        assert dict(zip(colour["domain"], colour["range"], strict=True)) == palette.colours(grouping)
        assert shape["domain"] == list(grouping.names)
        assert len(set(shape["range"][:2])) == len(set(shape["range"][2:])) == 1


def test_what_somebody_types_is_text_and_nothing_else() -> None:
    spec = drawn(asked=typed(text=HOSTILE), without=words(word=HOSTILE))
    svg = vl_convert.vegalite_to_svg(json.dumps(spec), vl_version=VERSION)
    assert "<script" not in svg
    assert "&lt;script" in svg
    text = json.dumps({name: value for name, value in spec.items() if name != "datasets"})
    assert "window.hit" not in text, "it is data and no part of an expression"
    for field in re.findall(r'"title": "([^"]*)"', text):
        assert field != "image", "a tooltip of this name would show a picture"
