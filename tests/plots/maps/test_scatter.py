"""The still figure of maps: each image where the drawing says, in the look that its codes mean."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from altair.utils import schemapi

from tests.plots import drawn
from tests.plots.maps.examples import CAPTIONS, COLOURINGS, EVERYTHING, INFO, POINTS, UPLOADS
from vlcore.experiment.grouping import SCENES
from vlcore.plots.colouring import GROUPS, Colouring
from vlcore.plots.maps.drawing import MapInfo, map_drawing
from vlcore.plots.maps.labels import LINE
from vlcore.plots.maps.scatter import scatter
from vlcore.plots.maps.table import colour_columns, image_columns
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import LIGHT

ROWS = np.arange(len(POINTS))
STILL = EVERYTHING.replace(neighbours=False, twins=False)


def figure(
    options: MapOptions = PLAIN,
    colouring: Colouring = GROUPS,
    points: pd.DataFrame = POINTS,
    across: int = 2,
    **more: Any,
) -> drawn.Spec:
    """The specification of two maps, checked against Vega-Lite's schema."""
    look = {"palette": LIGHT, "grouping": SCENES, "side": 360, "options": options, **more}
    captions, infos = look.pop("captions", CAPTIONS), look.pop("infos", [INFO, INFO])
    captions = captions[captions["pane"] < 2]
    drawing = map_drawing(points, captions, infos, colouring=colouring, **look)
    columns = image_columns(points, ROWS[: len(points)], 2, SCENES, options)
    columns |= colour_columns(points, 2, SCENES, colouring)
    thumbs = points["thumb"].tolist() if options.images else ()
    with schemapi.debug_mode(True):
        return scatter(drawing, columns, across=across, thumbs=thumbs).to_dict()


def layers(spec: drawn.Spec, pane: int, kind: str) -> list[list[dict[str, Any]]]:
    """The rows of each layer of a kind of mark in a map, from the ground up."""
    marks = [layer for layer in spec["concat"][pane]["layer"] if layer["mark"]["type"] == kind]
    return [drawn.rows(spec, layer) for layer in marks if "name" in layer["data"]]


def positions(rows: list[dict[str, Any]]) -> list[tuple[float, float]]:
    return sorted((row["x"], row["y"]) for row in rows)


@pytest.mark.parametrize("name", COLOURINGS)
def test_each_image_is_in_its_place_in_its_colour_shape_and_filling(name: str) -> None:
    colouring = COLOURINGS[name]
    colours = {entry.name: entry.colour for entry in colouring.entries(LIGHT, SCENES)}
    spec = figure(colouring=colouring)
    for pane in (0, 1):
        rings, marks, *_ = layers(spec, pane, "point")
        points = POINTS.dropna(subset=f"x{pane}")
        by_place = {
            (row["x"], row["y"]): (row["fill"], row["stroke"], row["shape"] == "circle")
            for row in marks
        }
        assert len(marks) == len(points) == len(by_place)
        for point in points.to_dict("records"):
            place = tuple(float(np.float32(point[f"{axis}{pane}"])) for axis in "xy")
            colour = colours[point[colouring.column_of(pane)]]
            fill, stroke = (colour, "transparent")
            if point["kind"] == "test":
                fill, stroke = stroke, fill
            assert by_place[place] == (fill, stroke, point["object"] == SCENES.objects[0])
        assert len(rings) == points["minority"].sum()


def test_rare_colours_lie_on_top() -> None:
    _, marks, *_ = layers(figure(colouring=COLOURINGS["weather"]), 1, "point")
    colours = [row["fill"] if row["fill"] != "transparent" else row["stroke"] for row in marks]
    counts = pd.Series(colours).value_counts()
    rare = set(counts.index[counts < counts.max() / 4])
    assert rare
    assert set(colours[-counts[list(rare)].sum() :]) == rare


def test_filters_leave_images_out_and_keep_the_extent() -> None:
    options = MapOptions(groups=("horse_desert",), split="held out")
    some, whole = figure(options), figure()
    _, marks, *_ = layers(some, 0, "point")
    kept = options.drawn(POINTS, SCENES)
    expected = kept[["x0", "y0"]].astype(np.float32).astype(float)
    assert positions(marks) == sorted(expected.itertuples(index=False, name=None))
    scales = [
        [spec["concat"][0]["layer"][1]["encoding"][axis]["scale"] for axis in "xy"]
        for spec in (some, whole)
    ]
    assert scales[0] == scales[1]


def test_a_position_that_deceives_is_small_and_the_baseline_is_faint() -> None:
    options = MapOptions(trust=True, untrained=True)
    before, _, marks, *_ = layers(figure(options), 0, "point")
    assert positions(before) == sorted(
        POINTS[["gx0", "gy0"]].astype(np.float32).astype(float).itertuples(index=False, name=None)
    )
    assert {row["opacity"] for row in before} == {0.3}
    trust = {np.float32(x): trust for x, trust in zip(POINTS["x0"], POINTS["trust0"], strict=True)}
    by_trust = pd.Series({trust[np.float32(row["x"])]: row["size"] for row in marks}).sort_index()
    assert by_trust.is_monotonic_increasing
    assert by_trust.iloc[-1] / by_trust.iloc[0] == pytest.approx(1.6 / 0.15)
    unjudged = figure(options, points=POINTS.assign(trust0=np.nan))
    _, _, usual, *_ = layers(unjudged, 0, "point")
    assert {row["size"] for row in usual} == {4 * 4.5**2}


def test_images_stand_for_their_marks_in_frames_thick_or_thin() -> None:
    spec = figure(STILL)
    for pane in (0, 1):
        points = POINTS.dropna(subset=f"x{pane}")
        _, second, frames, *_ = layers(spec, pane, "point")
        (pictures,) = layers(spec, pane, "image")[:1]
        assert positions(pictures) == positions(frames)
        assert len(second) == points["minority"].sum()
        thin = sum(row["size"] < 32**2 for row in frames)
        assert thin == (points["kind"] == "test").sum()
        thumbs = {np.float32(row[f"x{pane}"]): row["thumb"] for row in points.to_dict("records")}
        assert all(row["thumb"] == thumbs[np.float32(row["x"])] for row in pictures)
    faint = {row["opacity"] for row in layers(spec, 0, "image")[0]}
    assert min(faint) == pytest.approx(0.2)
    assert max(faint) == pytest.approx(1)


def test_images_of_strangers_are_refused() -> None:
    with pytest.raises(ValueError, match="thumb_uri"):
        figure(STILL, points=POINTS.assign(thumb="javascript:alert(1)"))


def test_the_legend_is_that_of_the_drawing() -> None:
    spec = figure(STILL, COLOURINGS["weather"], uploads=UPLOADS)
    look = {"palette": LIGHT, "grouping": SCENES, "side": 360, "options": STILL}
    look |= {"colouring": COLOURINGS["weather"], "uploads": UPLOADS}
    drawing = map_drawing(POINTS, CAPTIONS.query("pane < 2"), [INFO, INFO], **look)
    names = [entry["name"] for entry in drawing["legend"]]
    encoding = spec["concat"][0]["layer"][0]["encoding"]
    for channel, look in (("stroke", "colour"), ("shape", "shape")):
        # Over other names there would be more than one legend.
        assert encoding[channel]["scale"]["domain"] == names
        assert encoding[channel]["scale"]["range"] == [entry[look] for entry in drawing["legend"]]
    said = drawn.texts(spec)
    for entry in drawing["legend"]:
        assert entry["words"] in said


def test_words_of_captions_are_legible_and_lines_lead_to_far_ones() -> None:
    x, y = POINTS[["x0", "y0"]].iloc[0]
    crowd = pd.DataFrame({"caption": [f"caption {n}" for n in range(8)], "pane": 0, "x": x, "y": y})
    spec = figure(captions=crowd)
    halo, words = layers(spec, 0, "text")[:2]
    assert halo == words
    assert {row["caption"] for row in words} == set(crowd["caption"])
    (lines,) = layers(spec, 0, "rule")
    assert [row["caption"] for row in lines] == [
        row["caption"] for row in words if abs(row["dy"]) > LINE
    ]
    assert len(lines) > 1


def test_an_upload_is_a_small_image_on_a_star_with_its_name() -> None:
    spec = figure(uploads=UPLOADS)
    for pane in (0, 1):
        *_, stars = layers(spec, pane, "point")
        (images,) = layers(spec, pane, "image")
        assert (
            positions(stars)
            == positions(images)
            == [tuple(UPLOADS[[f"x{pane}", f"y{pane}"]].iloc[0])]
        )
        assert stars[0]["fill"] == LIGHT.accent
        assert images[0]["side"] ** 2 < stars[0]["size"]
    assert UPLOADS["name"].iat[0] in drawn.texts(spec)


@pytest.mark.parametrize(
    "change",
    [
        {"points": POINTS.assign(x0=0.0, y0=0.0, x1=np.nan)},
        {"points": POINTS.iloc[:0]},
        {"captions": CAPTIONS.iloc[:0]},
        {"infos": [MapInfo(*["word " * 30] * 4)] * 2},
        {"side": 120},
    ],
    ids=["collapsed", "no image", "no caption", "long words", "small"],
)
def test_a_map_of_little_is_drawn(change: dict[str, Any]) -> None:
    assert drawn.svg(figure(**change))


def test_maps_stand_in_rows_and_fetch_nothing() -> None:
    spec = figure(STILL, uploads=UPLOADS, across=1)
    assert spec["columns"] == 1
    assert "params" not in spec
    spec.pop("$schema")
    assert "http" not in json.dumps(spec)
