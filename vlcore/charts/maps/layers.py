"""The layers of a map: rings, marks, captions, stars, ghosts, lines, arrows, and what lights up under the pointer.

A layer is one function of the tables, a pane and a style, which draws nothing where its table or its option is not
there; any map is a list of layers, from the ground up. Those that would cover the map come only for the picture under
the pointer or the one that was clicked, drawn by the browser from tables that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import altair as alt
import numpy as np
import pandas as pd

from vlcore.charts.maps.labels import LINE, place_labels
from vlcore.charts.maps.panes import PICTURES, MapStyle, Pane
from vlcore.charts.maps.tables import MapTables
from vlcore.charts.scales import IMAGE, SPOKEN
from vlcore.charts.theme import star

LEGEND = "legend_0"  # Altair numbers it as a layer of the first map
Drawn: TypeAlias = list[alt.Chart | alt.LayerChart]
Layer: TypeAlias = Callable[[MapTables, Pane, MapStyle], Drawn]

FRAME = 28  # px, side of a picture that stands for a point
_NO_TRUST = 0.8  # from here on down a mark is as small, and a picture as pale, as they get
_FADED = 0.08  # opacity of what lies outside a brush
_NOT_JUDGED = "!isValid(datum.trust)"
_HEAD = "M0,0L-.55,1.5L.55,1.5Z"  # of an arrow that points up: its tip lies where the arrow ends
_AROUND = 8  # px from the middle of a picture's mark to the circle around it
_HOV, _PICK, _SCENE = (alt.selection_point(name=name, empty=False) for name in ("hov", "pick", "scene"))


def legend(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """No mark, but the legend: only scales over one field become one legend, and a mark's form is of another field."""
    if pane.index or style.guide is None:
        return []
    nothing = alt.Chart(alt.NamedData(name=PICTURES), name=LEGEND).transform_filter("false")
    shape = alt.Shape("colour:N", scale=style.legend.scale("shape"), legend=style.guide)
    mark = nothing.transform_calculate(colour="''").mark_point(opacity=1, aria=False)
    return [mark.encode(stroke=style.stroke(), fill=style.fill(), shape=shape)]


def ghosts(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """Where the untrained encoder has the pictures that are shown."""
    if not style.options.ghost:
        return []
    x, y = (f"g{name}" for name in pane.columns)
    there = pane.pictures(style).transform_filter(f"isValid(datum.{x}) && isValid(datum.{y})")
    mark = there.mark_point(shape="circle", size=14, fill=style.palette.muted, strokeWidth=0, opacity=0.4, aria=False)
    return [mark.encode(**pane.at(x, y))]


def movement(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """Lines from each picture's place in the first map to its place in this one; that of the hovered one stands out."""
    if not (style.options.movement and pane.index):
        return []
    x2, y2 = pane.columns
    there = pane.pictures(style).transform_filter("isValid(datum.x0) && isValid(datum.y0)")
    lines = there.encode(**pane.at("x0", "y0"), x2=f"{x2}:Q", y2=f"{y2}:Q")
    faded = alt.when(style.lit).then(alt.value(0.3)).otherwise(alt.value(0.04))
    return [
        lines.mark_rule(color=style.palette.muted, strokeWidth=1, aria=False).encode(opacity=faded),
        lines.transform_filter(_HOV).mark_rule(color=style.palette.text, strokeWidth=2, opacity=1, aria=False),
    ]


def neighbours(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """Lines from the hovered and the clicked picture to those nearest to it in the full space."""
    if tables.neighbours is None:
        return []
    # A row a picture, its lines as lists: a row a line would be more than Altair takes, and more to send.
    here = pane.rows(tables.neighbours).groupby("id", sort=False)
    rows = here.agg({"x": "first", "y": "first", "x2": list, "y2": list}).reset_index()
    wanted = alt.Chart(rows).transform_filter(_HOV | _PICK if style.pick else _HOV)
    source, ink = wanted.transform_flatten(["x2", "y2"]), style.palette.text
    lines = source.mark_rule(color=ink, strokeWidth=1.2, opacity=0.8, aria=False)
    ends = source.mark_point(shape="circle", size=24, fill=ink, strokeWidth=0, opacity=1, aria=False)
    return [lines.encode(**pane.at("x", "y"), x2="x2:Q", y2="y2:Q"), ends.encode(**pane.at("x2", "y2"))]


def ground(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """What lies under the marks: rings around the minority, frames of pictures. It carries the brush.

    As a layer in the layer: Vega-Lite lays a brush over the layers beside its own, and what lies under a brush gets no
    pointer. The name is that of the group, because Altair renames what is in it.
    """
    place = pane.pictures(style)
    faded = alt.when(style.lit).then(alt.value(0.7)).otherwise(alt.value(0.06))
    rings = place.transform_filter("datum.minority").encode(stroke=style.stroke(), opacity=faded)
    if not style.options.pictures:
        ring = rings.mark_point(shape="circle", size=style.sizes.ring, strokeWidth=1, aria=False)
        return [alt.layer(ring, name=pane.ground)]
    thick, thin = (alt.value((FRAME + by) ** 2) for by in (8, 3))
    frames = place.mark_point(shape="square", strokeWidth=1.2, aria=False).encode(
        stroke=style.stroke(),
        fill=style.fill(),
        size=alt.when("datum.kind == 'training'").then(thick).otherwise(thin),
        opacity=faded,
    )
    second = rings.mark_point(shape="square", size=(FRAME + 13) ** 2, strokeWidth=1, aria=False)
    return [second, alt.layer(frames, name=pane.ground)]


def marks(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """The pictures: as marks, or as pictures in the frames of the ground."""
    tooltip = [
        IMAGE,
        "object:N",
        "context:N",
        alt.Tooltip(f"caption_{pane.index}:N", title="caption"),
        alt.Tooltip(f"predicted_{pane.index}:N", title="prediction at the end" if pane.shows else "prediction"),
    ]
    if style.options.trust:
        tooltip.append(alt.Tooltip("trusted:N", title="trust in this place"))
    place = pane.pictures(style).encode(tooltip=tooltip).properties(name=pane.marks)
    if style.options.pictures:
        picture = place.mark_image(width=FRAME, height=FRAME)
        return [picture.encode(url="thumb:N", opacity=_opacity(style, full=1))]
    mark = place.mark_point(shape=alt.expr(style.legend.form), strokeWidth=1.4).encode(
        stroke=style.stroke(),
        fill=alt.when("datum.kind == 'training'").then(style.fill()).otherwise(alt.value("transparent")),
        size=_size(style),
        opacity=_opacity(style, full=0.9),
    )
    return [mark]


def _size(style: MapStyle) -> Any:
    """A mark under the pointer grows; one whose place is not to be trusted is small."""
    point, grown = style.sizes.point, style.sizes.grown
    if not style.options.trust:
        return alt.when(_HOV).then(alt.value(grown)).otherwise(alt.value(point))
    hovered = {"param": "hov", "empty": False, "value": grown}
    unknown = {"test": _NOT_JUDGED, "value": point}
    return alt.Size("trust:Q", condition=[hovered, unknown], scale=_trusted([6, point * 1.6]), legend=None)


def _opacity(style: MapStyle, full: float) -> Any:
    """Rows outside a brush fade; a picture, which has one size, is faint where its place is not to be trusted."""
    if not (style.options.trust and style.options.pictures):
        return alt.when(style.lit).then(alt.value(full)).otherwise(alt.value(_FADED))
    faded, unknown = {"test": f"!({style.lit})", "value": _FADED}, {"test": _NOT_JUDGED, "value": full}
    return alt.Opacity("trust:Q", condition=[faded, unknown], scale=_trusted([0.2, full]), legend=None)


def _trusted(ends: list[float]) -> alt.Scale:
    """The scale of trust in a place; the legend says what it means, and the tooltip how much it is."""
    return alt.Scale(domain=[_NO_TRUST, 1], range=ends, clamp=True, zero=False, nice=False)


def outlines(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """The pictures as hollow marks that answer to nothing, in place of `ground` and `marks`."""
    place = pane.pictures(style).encode(stroke=style.stroke())
    shape, faint = alt.expr(style.legend.form), tables.typed is not None
    opacity = 0.35 if faint else 0.9
    size = style.sizes.point
    return [
        place.mark_point(shape=shape, fill="transparent", aria=not faint, size=size, strokeWidth=1.4, opacity=opacity)
    ]


def twins(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """The arrows of the clicked scene, and a circle around each of its pictures."""
    if tables.twins is None:
        return []
    ways = _ways(pane.rows(tables.twins), pane, _AROUND)[["scene", "kind", "x", "y", "x2", "y2", "angle"]]
    clicked = alt.Chart(ways).transform_filter(_SCENE).transform_calculate(colour="'arrow: ' + datum.kind")
    shaft, head = _arrows(clicked.encode(stroke=style.stroke()), pane, aria=False)
    pictures = pane.pictures(style).transform_filter(_SCENE)
    return [_circle(pictures, style.sizes.grown, style.palette.text), shaft, head.encode(fill=style.fill())]


def picked(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """A circle around the picture that was clicked."""
    clicked = pane.pictures(style).transform_filter(_PICK)
    return [_circle(clicked, style.sizes.grown * 2, style.palette.accent)] if style.pick else []


def captions(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """Diamonds and their words, muted beside a typed caption; a halo in the colour of the ground keeps the words
    legible over marks."""
    words = pane.own(tables.captions)
    if words.empty:
        return []
    typed = None if tables.typed is None else pane.own(tables.typed)
    colour = style.palette.text if typed is None else style.palette.muted
    stars = tables.uploads if typed is None else typed
    texts = [str(caption) for caption in words["caption"]]
    tops = None if stars is None else pane.pixels(stars)
    chosen = place_labels(texts, pane.pixels(words), pane.pixels(tables.points), pane.side, tops)
    placed = words[["caption", *pane.columns]].assign(
        **{name: [getattr(place, name) for place in chosen] for name in ("dx", "dy", "align")},
        spoken=["caption: " + text for text in texts],
    )
    base, edge, sizes = pane.present(placed), style.palette.ground, style.sizes
    offset = {name: alt.expr(f"datum.{name}") for name in ("dx", "dy", "align")}
    text = {**offset, "fontSize": sizes.words, "fontWeight": 600, "baseline": "middle", "aria": False}
    halo = {"color": edge, "stroke": edge, "strokeWidth": 4, "strokeJoin": "round", "opacity": 0.8}
    x, y = pane.fields
    ends = {f"to_{x}": f"datum.{x} + datum.dx * {pane.unit!r}", f"to_{y}": f"datum.{y} - datum.dy * {pane.unit!r}"}
    far = base.transform_filter(f"abs(datum.dy) > {LINE}").transform_calculate(**ends)
    return [
        far.mark_rule(color=colour, strokeWidth=1, aria=False).encode(x2=f"to_{x}:Q", y2=f"to_{y}:Q"),
        base.mark_point(shape="diamond", size=sizes.diamond, fill=colour, stroke=edge, strokeWidth=1.5, opacity=1),
        base.mark_text(**text, **halo).encode(text="caption:N"),
        base.mark_text(**text, color=colour).encode(text="caption:N"),
    ]


def words_left_out(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """Arrows from a whole caption to the caption without each `word`, with what is left out at their ends."""
    if tables.left_out is None:
        return []
    ways, colour = _ways(pane.rows(tables.left_out), pane, 0), style.palette.accent
    said = ways.assign(said="− " + ways["word"], spoken="without " + ways["word"])
    source = alt.Chart(said).encode(stroke=alt.value(colour), description=SPOKEN)
    shaft, head = _arrows(source, pane, fill=colour)  # the head is spoken, for the whole arrow
    tooltip = [alt.Tooltip("word:N", title="left out"), alt.Tooltip("cosine:Q", format=".2f")]
    text = alt.Chart(said).mark_text(align="left", dx=8, dy=-8, fontSize=12, color=colour, aria=False)
    return [shaft, head.encode(tooltip=tooltip), text.encode(**pane.at("x2", "y2"), text="said:N")]


def typed_caption(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """A caption that somebody typed as a star with its words."""
    if tables.typed is None:
        return []
    here = pane.own(tables.typed)
    base = pane.present(here.assign(spoken="your caption: " + here["caption"]))
    words = base.mark_text(align="left", dx=13, fontSize=13, fontWeight=600, color=style.palette.text, aria=False)
    return [_star(base, style).encode(size=alt.value(320)), words.encode(text="caption:N")]


def uploads(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """A visitor's pictures as stars on top of everything; several have their numbers in them."""
    if tables.uploads is None:
        return []
    tops = pane.present(tables.uploads)
    size = alt.when(_HOV).then(alt.value(520)).otherwise(alt.value(300))
    tooltip = [IMAGE, alt.Tooltip("name:N", title="upload")]
    number = tops.mark_text(color=style.palette.ground, fontSize=10, fontWeight=700, aria=False, tooltip=None)
    stars = _star(tops, style).encode(size=size, tooltip=tooltip)
    return [stars, number.encode(text="number:N")] if len(tables.uploads) > 1 else [stars]


def hovered(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """A circle around the picture under the pointer, and the picture itself beside its mark towards the middle: never
    cut off, never under the pointer."""
    side = style.sizes.picture
    shift = (side / 2 + (FRAME / 2 if style.options.pictures else 9)) * pane.unit
    where = {
        f"lit_{field}": f"datum.{field} + (datum.{field} > {sum(ends) / 2!r} ? -1 : 1) * {shift!r}"
        for field, ends in zip(pane.fields, pane.extent, strict=True)
    }
    sources = [(pane.pictures(style), style.sizes.grown * 1.5)]
    sources += [] if tables.uploads is None else [(pane.present(tables.uploads), 1100)]
    found: Drawn = []
    for source, around in sources:
        lit = source.transform_filter(_HOV)
        picture = lit.transform_calculate(**where).mark_image(width=side, height=side, aria=False)
        found += [_circle(lit, around, style.palette.text), picture.encode(**pane.at(*where), url="thumb:N")]
    return found


# From the ground up.
LAYERS: tuple[Layer, ...] = (
    legend, ghosts, movement, neighbours, ground, marks, twins, picked, captions, words_left_out, typed_caption,
    uploads, hovered,
)  # fmt: skip
STILL: tuple[Layer, ...] = (outlines, captions, words_left_out, typed_caption)  # of a map that answers to nothing


def draw(tables: MapTables, pane: Pane, style: MapStyle, drawn: Sequence[Layer], **properties: Any) -> alt.LayerChart:
    """A map as a square of layers."""
    found = [one for layer in drawn for one in layer(tables, pane, style)]
    return alt.layer(*found, width=pane.side, height=pane.side, **properties)


def _circle(source: alt.Chart, size: float, colour: str) -> alt.Chart:
    return source.mark_point(shape="circle", size=size, stroke=colour, strokeWidth=2.2, opacity=1, aria=False)


def _star(source: alt.Chart, style: MapStyle) -> alt.Chart:
    fill, edge = style.palette.accent, style.palette.ground
    return source.mark_point(shape=star(), fill=fill, stroke=edge, strokeWidth=1, opacity=1)


def _arrows(source: alt.Chart, pane: Pane, **head: Any) -> tuple[alt.Chart, alt.Chart]:
    """Shafts and heads of arrows from `x`, `y` to `x2`, `y2`; `head` are properties of the heads."""
    shaft = source.mark_rule(strokeWidth=2, opacity=1, aria=False).encode(**pane.at("x", "y"), x2="x2:Q", y2="y2:Q")
    heads = source.mark_point(shape=_HEAD, size=150, strokeWidth=1, opacity=1, **head)
    return shaft, heads.encode(**pane.at("x2", "y2"), angle=alt.Angle("angle:Q", scale=None))


def _ways(lines: pd.DataFrame, pane: Pane, around: float) -> pd.DataFrame:
    """Arrows that keep `around` px off both ends, with their `angle` in degrees clockwise from up.

    Both axes have one unit, so an angle on the map is one on the screen. A short arrow keeps half of its length.
    """
    start, end = lines[["x", "y"]].to_numpy(float), lines[["x2", "y2"]].to_numpy(float)
    way = end - start
    length = np.linalg.norm(way, axis=1, keepdims=True) / pane.unit  # px
    cut = way * np.minimum(around / np.maximum(length, 1e-9), 0.25)
    (x, y), (x2, y2) = (start + cut).T, (end - cut).T
    return lines.assign(x=x, y=y, x2=x2, y2=y2, angle=np.degrees(np.arctan2(way[:, 0], way[:, 1])).round(1))
