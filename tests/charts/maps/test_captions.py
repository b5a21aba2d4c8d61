"""A typed caption on the maps: a star in every model that reads it, and an arrow for each of its words."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.charts import drawn
from vlcore.charts.maps.captions import caption_map
from vlcore.charts.maps.small import MapInfo
from vlcore.charts.theme import DARK, LIGHT, Palette, star
from vlcore.core.grouping import SCENES, Grouping

STAR = star()
HOSTILE = '"><script>window.hit = 1</script>{{datum}} 🐎'
ARROWS = ["pane", "word", "cosine", "x", "y", "x2", "y2"]


def pictures(panes: int = 2, grouping: Grouping = SCENES) -> pd.DataFrame:
    """Twelve pictures; the last is in the first map only."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"group": np.resize(grouping.names, 12)})
    table["object"] = np.resize([obj for obj, _ in grouping.pairs], 12)
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


def chart(panes: int = 2, palette: Palette = LIGHT, grouping: Grouping = SCENES, **tables: pd.DataFrame) -> Any:
    given = {
        "points": pictures(panes, grouping), "captions": diamonds(panes), "asked": typed(panes), "without": words(panes)
    } | tables  # fmt: skip
    infos = [MapInfo(f"Model {pane}", "subtitle", f"component of {pane}", "") for pane in range(panes)]
    return caption_map(**given, infos=infos, palette=palette, grouping=grouping, side=300)


def spec_of(*given: Any, **tables: pd.DataFrame) -> drawn.Spec:
    """The specification, which Vega-Lite has drawn without a complaint."""
    spec: drawn.Spec = chart(*given, **tables).to_dict()
    assert drawn.svg(spec).startswith("<svg")
    return spec


def maps(spec: drawn.Spec) -> list[drawn.Spec]:
    return spec["concat"]


def layers(pane: drawn.Spec, mark: str, **properties: Any) -> list[drawn.Spec]:
    return [
        layer
        for layer in pane["layer"]
        if layer["mark"]["type"] == mark and properties.items() <= layer["mark"].items()
    ]


def arrows(pane: drawn.Spec, mark: str) -> list[drawn.Spec]:
    """The shafts or the heads of the arrows."""
    there = [layer for layer in layers(pane, mark) if {"x2", "angle"} & set(layer["encoding"])]
    return [layer for layer in there if layer["encoding"]["x"]["field"] in ("x", "x2")]


@pytest.mark.parametrize(("panes", "across"), [(1, 1), (2, 2), (3, 2), (4, 2)])
def test_one_to_four_maps_stand_two_in_a_row(panes: int, across: int) -> None:
    spec = spec_of(panes)
    assert spec["columns"] == across
    assert [pane["title"]["text"] for pane in maps(spec)] == [f"Model {pane}" for pane in range(panes)]
    assert [pane["title"]["subtitle"] for pane in maps(spec)] == [f"component of {pane}" for pane in range(panes)]


def test_every_map_shows_its_own_pictures_and_captions() -> None:
    spec = spec_of()
    for number, pane in enumerate(maps(spec)):
        (faint,) = layers(pane, "point", size=26)
        x, y = f"x{number}", f"y{number}"
        assert (faint["encoding"]["x"]["field"], faint["encoding"]["y"]["field"]) == (x, y)
        assert {"filter": f"isValid(datum.{x}) && isValid(datum.{y})"} in faint["transform"]
        assert faint["mark"]["opacity"] < 0.5
        assert [(row["group"], row[x]) for row in drawn.rows(spec, faint)] == [
            (row["group"], None if np.isnan(row[x]) else pytest.approx(row[x])) for _, row in pictures().iterrows()
        ]
        (caption,) = layers(pane, "point", shape="diamond")
        assert [row["caption"] for row in drawn.rows(spec, caption)] == ["horse", "camel"]
        assert {row["spoken"] for row in drawn.rows(spec, caption)} == {"caption: horse", "caption: camel"}
        (star,) = layers(pane, "point", shape=STAR)
        assert [(row[x], row[y], row["spoken"]) for row in drawn.rows(spec, star)] == [
            (0.25, -0.5, "your caption: a horse")
        ]


def test_an_arrow_points_from_the_caption_to_what_is_left() -> None:
    for pane in maps(spec := spec_of()):
        (lines,), (heads,) = arrows(pane, "rule"), arrows(pane, "point")
        assert [lines["encoding"][name]["field"] for name in ("x", "y", "x2", "y2")] == ["x", "y", "x2", "y2"]
        assert (heads["encoding"]["x"]["field"], heads["encoding"]["y"]["field"]) == ("x2", "y2")
        for row, end in zip(drawn.rows(spec, heads), words()[["x2", "y2"]].itertuples(index=False), strict=False):
            assert (row["said"], row["spoken"]) == ("− horse", "without horse")
            assert (row["x"], row["y"], row["x2"], row["y2"]) == (0.25, -0.5, *end)
            # Vega turns a mark clockwise, and the head of an arrow that is not turned points up.
            way = np.array([row["x2"] - row["x"], row["y2"] - row["y"]])
            turned = [np.sin(np.radians(row["angle"])), np.cos(np.radians(row["angle"]))]
            assert turned == pytest.approx(way / np.linalg.norm(way), abs=0.001)


def test_one_unit_is_as_long_across_as_up_and_nothing_is_cut_off() -> None:
    spec = spec_of()
    for pane in maps(spec):
        domains = {
            json.dumps([layer["encoding"][axis].get("scale", {}).get("domain") for axis in "xy"])
            for layer in pane["layer"]
        }
        ((across, up),) = (json.loads(domain) for domain in domains)
        assert across[1] - across[0] == pytest.approx(up[1] - up[0], rel=1e-3)
        for layer in pane["layer"]:
            fields = [(layer["encoding"][axis]["field"], ends) for axis, ends in (("x", across), ("y", up))]
            for row in drawn.rows(spec, layer):
                assert all(ends[0] < row[field] < ends[1] for field, ends in fields if row[field] is not None)


def test_places_have_no_axes() -> None:
    assert set(drawn.texts(chart(1))) == {"Model 0", "component of 0", "horse", "camel", "− horse", "a horse"}


def test_a_model_that_cannot_be_asked_has_a_map_without_star_and_arrows() -> None:
    spec = spec_of(asked=typed().query("pane == 1"), without=words().query("pane == 1"))
    for number, pane in enumerate(maps(spec)):
        (star,), (heads,) = layers(pane, "point", shape=STAR), arrows(pane, "point")
        assert (len(drawn.rows(spec, star)), len(drawn.rows(spec, heads))) == ((0, 0), (1, 3))[number]


def test_a_caption_of_one_word_has_no_arrows_and_a_captioner_no_diamonds() -> None:
    spec = spec_of(without=pd.DataFrame([], columns=ARROWS), captions=diamonds().query("pane == 0"))
    for number, pane in enumerate(maps(spec)):
        assert len(drawn.rows(spec, layers(pane, "point", shape=STAR)[0])) == 1
        assert drawn.rows(spec, arrows(pane, "rule")[0]) == []
        assert len(layers(pane, "point", shape="diamond")) == 1 - number


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"points": pictures().drop(columns="x1")}, "points: missing columns x1"),
        ({"points": pictures().assign(group="zebra_ice")}, "unknown group zebra_ice"),
        ({"without": words().assign(pane=2)}, "unknown pane 2"),
    ],
)
def test_what_is_not_whole_is_refused(table: dict[str, pd.DataFrame], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spec_of(**table)


def test_maps_of_one_point_have_a_span() -> None:
    points = pictures(1).assign(x0=0.25, y0=-0.5)
    still = words(1).assign(x2=0.25, y2=-0.5)
    for pane in maps(spec_of(1, points=points, captions=diamonds(1).assign(x=0.25, y=-0.5), without=still)):
        low, high = pane["layer"][0]["encoding"]["x"]["scale"]["domain"]
        assert high > low


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
def test_groups_have_their_colours_and_objects_their_shapes(palette: Palette) -> None:
    cups = Grouping(("cup", "plate"), ("table", "shelf"))
    for grouping in (SCENES, cups):
        (faint,) = layers(maps(spec_of(1, palette, grouping))[0], "point", size=26)
        scale = faint["encoding"]["stroke"]["scale"]
        colours = dict(zip(scale["domain"], scale["range"], strict=True))
        assert [colours[f"group {name}"] for name in grouping.names] == list(palette.groups)
        forms = json.loads(re.findall(r"\{.*\}", faint["mark"]["shape"]["expr"])[0])
        assert list(forms) == list(grouping.objects)
        assert len(set(forms.values())) == 2


def test_what_somebody_types_is_text_and_nothing_else() -> None:
    spec = spec_of(asked=typed(text=HOSTILE), without=words(word=HOSTILE))
    svg = drawn.svg(spec)
    assert "<script" not in svg
    assert "&lt;script" in svg
    text = json.dumps({name: value for name, value in spec.items() if name != "datasets"})
    assert "window.hit" not in text, "it is data and no part of an expression"
    for field in re.findall(r'"title": "([^"]*)"', text):
        assert field != "image", "a tooltip of this name would show a picture"
