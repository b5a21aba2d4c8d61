"""What lies at a distance in px from its place keeps it in a map that is zoomed."""

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import vl_convert

from tests.plots import drawn
from tests.plots.maps.examples import INFO, POINTS
from vlcore.experiment.grouping import SCENES
from vlcore.plots.maps.labels import LINE
from vlcore.plots.maps.layers import placed_captions
from vlcore.plots.maps.linked import linked_maps
from vlcore.plots.maps.panes import LARGE, Pane
from vlcore.plots.maps.tables import MapTables
from vlcore.plots.theme import LIGHT

SIDE = 400
IMAGE = POINTS.iloc[0]
AT = IMAGE[["x0", "y0"]].to_numpy(float)
CROWD = pd.DataFrame({"caption": [f"caption {n}" for n in range(8)], "pane": 0}).assign(
    x=AT[0], y=AT[1]
)
# Where the hovered image is in what is visible, from the left and from the bottom; None is a map
# that is not zoomed.
PLACES = [None, (0.02, 0.02), (0.98, 0.02), (0.02, 0.98), (0.7, 0.6)]


def zoomed(place: tuple[float, float] | None) -> ET.Element:
    """A map as a browser draws it, with a hovered image, zoomed in four times."""
    chart = linked_maps(POINTS, CROWD, [INFO], palette=LIGHT, grouping=SCENES, side=SIDE)
    spec = chart.to_dict(validate=False)
    (hover,) = [param for param in spec["params"] if param["name"] == "hov"]
    hover["value"] = [{"id": IMAGE["id"]}]
    vega = vl_convert.vegalite_to_vega(spec, vl_version=drawn.VERSION)
    if place:
        visible = {
            f"zoom0_{axis}0": [at - share * 0.8, at + (1 - share) * 0.8]
            for axis, at, share in zip("xy", AT, place, strict=True)
        }
        signals = {signal["name"]: signal for signal in vega["signals"]}
        for name, ends in visible.items():
            signals[name]["value"] = ends
    return ET.fromstring(vl_convert.vega_to_svg(vega))


def place_of(mark: ET.Element) -> np.ndarray:
    return np.array(mark.attrib["transform"][len("translate(") : -1].split(","), float)


@pytest.mark.parametrize("place", PLACES)
def test_the_lit_image_is_at_its_circle_and_whole(place: tuple[float, float] | None) -> None:
    svg = zoomed(place)
    (circle,) = [mark for mark in svg.iter() if mark.get("stroke-width") == "2.2"]
    (image,) = [mark for mark in svg.iter() if mark.get("width") == str(LARGE.image)]
    corner = place_of(image)
    if place:
        share = np.array([place[0], 1 - place[1]])
        assert place_of(circle) == pytest.approx(share * SIDE)
    assert abs(corner + LARGE.image / 2 - place_of(circle)) == pytest.approx(LARGE.image / 2 + 9)
    assert (corner >= 0).all()
    assert (corner + LARGE.image <= SIDE).all()


@pytest.mark.parametrize("place", PLACES)
def test_lines_lead_to_the_words_of_captions(place: tuple[float, float] | None) -> None:
    tables = MapTables(POINTS, CROWD)
    placed = placed_captions(tables, Pane(0, tables.extent(0), SIDE))
    far = placed.loc[placed["dy"].abs() > LINE, ["dx", "dy"]].to_numpy(float)
    assert len(far) > 1
    (rules,) = [
        group
        for group in zoomed(place).iter()
        if "mark-rule" in group.get("class", "") and len(group)
    ]
    lines = [[float(rule.attrib[name]) for name in ("x2", "y2")] for rule in rules]
    assert np.array(lines) == pytest.approx(far)
