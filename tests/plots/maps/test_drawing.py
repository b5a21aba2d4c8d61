"""How maps look: extents, captions, stars, the legend and the filters, as browsers read them."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plots.maps.examples import CAPTIONS, COLOURINGS, EVERYTHING, INFO, POINTS, UPLOADS
from vlcore.experiment.grouping import SCENES
from vlcore.plots.colouring import GROUPS, Colouring
from vlcore.plots.maps import drawing as map_drawings
from vlcore.plots.maps.drawing import extent_of, map_drawing
from vlcore.plots.maps.labels import LINE
from vlcore.plots.maps.legend import rows_of_entries
from vlcore.plots.maps.table import colour_columns, image_columns, rows_of_bitmask
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import LIGHT

COLUMNS = image_columns(POINTS, np.arange(len(POINTS)), 2, SCENES)
OPTIONS = [
    *((PLAIN, colouring) for colouring in COLOURINGS.values()),
    (MapOptions(groups=("horse_desert",), split="held out"), GROUPS),
    (EVERYTHING, GROUPS),
]
ARROWS = (("other animal", "horse_grass", "camel_grass"),)
COORDINATE = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, width=32), st.sampled_from([0.0, 0.3, 1e9, 1e-7])
)


def drawing(
    panes: int = 2, points: pd.DataFrame = POINTS, captions: pd.DataFrame = CAPTIONS, **more: Any
) -> dict[str, Any]:
    """The drawing of the first maps, as a browser reads it."""
    arguments = {"palette": LIGHT, "grouping": SCENES, "side": 400, **more}
    captions = captions[captions["pane"] < panes]
    sent = map_drawing(points, captions, [INFO] * panes, **arguments)
    return json.loads(json.dumps(sent, allow_nan=False))


@pytest.mark.parametrize(("options", "colouring"), OPTIONS)
def test_each_entry_of_the_legend_finds_its_images(
    options: MapOptions, colouring: Colouring
) -> None:
    arrows = ARROWS if options.twins else ()
    sent = drawing(options=options, arrows=arrows, colouring=colouring)
    drawn = rows_of_bitmask(sent["drawn"], len(POINTS))
    assert POINTS[drawn]["id"].tolist() == options.drawn(POINTS, SCENES)["id"].tolist()
    columns = COLUMNS | colour_columns(POINTS, 2, SCENES, colouring)
    belonging = 0
    for entry in sent["legend"]:
        for pane, column in enumerate(entry["columns"]):
            rows = columns[column] == entry["code"]
            np.testing.assert_array_equal(rows, rows_of_entries(POINTS, [entry["name"]], str(pane)))
            belonging += rows.sum()
    assert belonging > 0
    entries = colouring.entries(LIGHT, SCENES)
    assert sent["colours"] == [entry.colour for entry in entries]
    assert sent["colourColumns"] == [colouring.column_of(pane) for pane in (0, 1)]
    assert sent["legendTitle"] == colouring.title


def test_every_map_has_its_words_and_captions() -> None:
    sent = drawing(4, kind="grid")
    assert (sent["kind"], len(sent["panes"])) == ("grid", 4)
    for pane, shown in enumerate(sent["panes"]):
        captions = CAPTIONS[CAPTIONS["pane"] == pane]
        placed = pd.DataFrame(shown["captions"])
        assert placed[["caption", "x", "y"]].to_numpy().tolist() == (
            captions[["caption", "x", "y"]].to_numpy().tolist()
        )
        left, right, low, high = shown["extent"]
        assert POINTS[f"x{pane}"].dropna().between(left, right).all()
        assert POINTS[f"y{pane}"].dropna().between(low, high).all()
        assert shown["axes"] == [INFO.x_title, INFO.y_title]


def test_words_of_captions_in_a_crowd_lie_apart() -> None:
    x, y = POINTS[["x0", "y0"]].iloc[0]
    crowd = pd.DataFrame({"caption": [f"caption {n}" for n in range(8)], "pane": 0, "x": x, "y": y})
    placed = pd.DataFrame(drawing(1, captions=crowd)["panes"][0]["captions"])
    for _, beside in placed.groupby("align"):
        assert np.diff(np.sort(beside["dy"])).min(initial=LINE) >= LINE


def test_captions_without_a_position_have_no_words() -> None:
    absent = CAPTIONS.assign(x=CAPTIONS["x"].where(CAPTIONS["caption"] != "horse"))
    (pane,) = drawing(1, captions=absent)["panes"]
    assert [caption["caption"] for caption in pane["captions"]] == ["camel"]


def test_every_map_has_the_images_of_a_visitor_inside_it() -> None:
    assert all(shown["uploads"] == [] for shown in drawing()["panes"])
    assert drawing(uploads=UPLOADS.iloc[:0]) == drawing()
    far = UPLOADS.assign(x1=9.0)
    sent = drawing(uploads=far)
    for pane, shown in enumerate(sent["panes"]):
        (star,) = shown["uploads"]
        assert [star[name] for name in ("x", "y")] == [far[f"{axis}{pane}"].iat[0] for axis in "xy"]
        assert (star["words"], star["thumb"]) == (far["name"].iat[0], far["thumb"].iat[0])
        left, right, low, high = shown["extent"]
        assert left < star["x"] < right
        assert low < star["y"] < high
    assert "upload" in {entry["name"] for entry in sent["legend"]}
    both = drawing(uploads=pd.concat([far, far.assign(id="up-2")]))
    assert [star["words"] for star in both["panes"][0]["uploads"]] == ["1", "2"]


def test_an_image_of_a_stranger_is_refused() -> None:
    with pytest.raises(ValueError, match="thumb_uri"):
        drawing(uploads=UPLOADS.assign(thumb="javascript:alert(1)"))


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


def test_a_map_has_room_for_the_untrained_baseline_where_it_is_drawn() -> None:
    far = POINTS.assign(gx0=50.0, gy0=0.0)
    right = [
        drawing(1, far, options=MapOptions(untrained=untrained))["panes"][0]["extent"][1]
        for untrained in (False, True)
    ]
    assert right[0] < 50 < right[1]


def test_filters_change_no_extent_and_a_host_may_say_another() -> None:
    whole = drawing()
    some = drawing(options=MapOptions(groups=("horse_desert",)))
    assert [pane["extent"] for pane in some["panes"]] == [pane["extent"] for pane in whole["panes"]]
    (pane,) = drawing(1, extents=[([-9.0, 9.0], [-8.0, 10.0])])["panes"]
    assert pane["extent"] == [-9.0, 9.0, -8.0, 10.0]


@pytest.mark.parametrize(
    "change",
    [
        {"points": POINTS.assign(x0=0.0, y0=0.0, x1=np.nan)},
        {"points": POINTS.iloc[:0]},
        {"captions": CAPTIONS.iloc[:0]},
        {"options": EVERYTHING.replace(groups=("horse_desert",), split="training")},
    ],
    ids=["collapsed", "no image", "no caption", "filtered"],
)
def test_a_map_of_little_has_a_drawing(change: dict[str, Any]) -> None:
    sent = drawing(**change)
    names = {entry["name"] for entry in sent["legend"]}
    assert ("caption" in names) == ("captions" not in change)
    assert ("kind test" in names) == ("options" not in change)
    for pane in sent["panes"]:
        left, right, low, high = pane["extent"]
        assert right - left == pytest.approx(high - low, rel=1e-3)


def test_overlays_of_few_images_are_named() -> None:
    assert map_drawings.undrawn_overlays(PLAIN) == []
    assert len(map_drawings.undrawn_overlays(EVERYTHING)) == len(map_drawings.OF_FEW)
    left = map_drawings.without_overlays_of_few(EVERYTHING).overlays
    assert not set(left) & set(map_drawings.OF_FEW)
    assert set(left) | set(map_drawings.OF_FEW) == set(EVERYTHING.overlays)
