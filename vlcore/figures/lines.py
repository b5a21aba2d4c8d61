"""What can be laid under and over the marks of a map: ghosts, movement, true neighbours, counterfactual arrows.

The one idea: each shows something that two dimensions leave out, so none is there unless asked for. Lines that would
cover the map come only for the picture under the pointer or the one that was clicked, drawn by the browser from tables
that it already has.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from vlcore.figures.keys import ARROW_SHAPE, DOT, LINE_SHAPE, Key
from vlcore.figures.panes import Look, Pane, circle, fill, keyed, stroke
from vlcore.figures.theme import Palette

_HEAD = "M0,0L-.55,1.5L.55,1.5Z"  # of an arrow that points up: its tip lies where the arrow ends
_AROUND = 8  # px from the middle of a picture's mark to the circle around it


def line_keys(palette: Palette, *, ghost: bool, movement: bool, neighbours: bool, arrows: Sequence[str]) -> list[Key]:
    """The keys that explain what is drawn; `arrows` are the kinds of arrows, two at most."""
    wanted = [
        (ghost, Key("ghost", "faint: before training", palette.muted, DOT)),
        (movement, Key("movement", "from its place in the first map", palette.muted, LINE_SHAPE)),
        (neighbours, Key("neighbours", "to its true neighbours", palette.text, LINE_SHAPE)),
    ]
    keys = [key for drawn, key in wanted if drawn]
    for kind, colour in zip(arrows, (palette.text, palette.accent), strict=False):
        keys.append(Key(f"arrow: {kind}", f"arrow: {kind}", colour, ARROW_SHAPE))
    return keys


def ghosts(pane: Pane, look: Look) -> alt.Chart:
    """Where the untrained encoder has the pictures that are shown."""
    return (
        keyed(pane, look)
        .transform_filter(f"isValid(datum.gx{pane.index}) && isValid(datum.gy{pane.index})")
        .mark_point(shape="circle", size=14, fill=look.palette.muted, strokeWidth=0, opacity=0.4, aria=False)
        .encode(**pane.at(f"gx{pane.index}", f"gy{pane.index}"))
    )


def movement(pane: Pane, look: Look) -> list[alt.Chart]:
    """Lines from each picture's place in the first map to its place in this one; that of the hovered one stands out."""
    lines = (
        keyed(pane, look)
        .transform_filter("isValid(datum.x0) && isValid(datum.y0)")
        .encode(**pane.at("x0", "y0"), x2=f"x{pane.index}:Q", y2=f"y{pane.index}:Q")
    )
    hov = alt.selection_point(name="hov", empty=False)
    faded = alt.when(look.lit).then(alt.value(0.3)).otherwise(alt.value(0.04))
    return [
        lines.mark_rule(color=look.palette.muted, strokeWidth=1, aria=False).encode(opacity=faded),
        lines.transform_filter(hov).mark_rule(color=look.palette.text, strokeWidth=2, opacity=1, aria=False),
    ]


def neighbours(lines: pd.DataFrame, pane: Pane, look: Look) -> list[alt.Chart]:
    """Lines from the hovered and the clicked picture to those nearest to it in the full space."""
    hov, pick = (alt.selection_point(name=name, empty=False) for name in ("hov", "pick"))
    # A row a picture, its lines as lists: a row a line would be more than Altair takes, and more to send.
    here = lines[lines["pane"] == pane.index].groupby("id", sort=False)
    rows = here.agg({"x": "first", "y": "first", "x2": list, "y2": list}).reset_index()
    source = alt.Chart(rows).transform_filter(hov | pick).transform_flatten(["x2", "y2"])
    ends = source.mark_point(shape="circle", size=24, fill=look.palette.text, strokeWidth=0, opacity=1, aria=False)
    return [
        source.mark_rule(color=look.palette.text, strokeWidth=1.2, opacity=0.8, aria=False)
        .encode(**pane.at("x", "y"), x2="x2:Q", y2="y2:Q"),
        ends.encode(**pane.at("x2", "y2")),
    ]  # fmt: skip


def arrows(lines: pd.DataFrame, pane: Pane, look: Look) -> list[alt.Chart]:
    """The arrows of the clicked scene, and a circle around each of its pictures."""
    scene = alt.selection_point(name="scene", empty=False)
    source = (
        alt.Chart(_between_circles(lines[lines["pane"] == pane.index], pane))
        .transform_filter(scene)
        .transform_calculate(colour="'arrow: ' + datum.kind")
        .encode(stroke=stroke(look))
    )
    head = source.mark_point(shape=_HEAD, size=150, strokeWidth=1, opacity=1, aria=False)
    return [
        circle(keyed(pane, look).transform_filter(scene), look.sizes.grown, look.palette.text),
        source.mark_rule(strokeWidth=2, opacity=1, aria=False).encode(**pane.at("x", "y"), x2="x2:Q", y2="y2:Q"),
        head.encode(
            **pane.at("x2", "y2"),
            fill=fill(look),
            angle=alt.Angle("angle:Q", scale=None),
        ),
    ]


def _between_circles(lines: pd.DataFrame, pane: Pane) -> pd.DataFrame:
    """Arrows from the edge of one circle to the edge of the other, with their `angle` in degrees clockwise from up.

    Both axes have one unit, so an angle on the map is one on the screen. A short arrow keeps half of its length.
    """
    start, end = lines[["x", "y"]].to_numpy(float), lines[["x2", "y2"]].to_numpy(float)
    way = end - start
    length = np.linalg.norm(way, axis=1, keepdims=True) / pane.unit  # px
    cut = way * np.minimum(_AROUND / np.maximum(length, 1e-9), 0.25)
    start, end = start + cut, end - cut
    return lines[["scene", "kind"]].assign(
        x=start[:, 0],
        y=start[:, 1],
        x2=end[:, 0],
        y2=end[:, 1],
        angle=np.degrees(np.arctan2(way[:, 0], way[:, 1])).round(1),
    )
