"""The layers of a map: rings, marks, captions, stars, ghosts, lines, arrows, and what lights up
under the pointer.

A layer is one function of the tables, a pane and a style, which draws nothing where its table or
its option is not there; any map is a list of layers, from the ground up. Those that would cover the
map come only for the picture under the pointer or the one that was clicked, drawn by the browser
from tables that it has."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import altair as alt
import numpy as np
import pandas as pd

from vlcore.plots.maps.labels import LINE, place_labels
from vlcore.plots.maps.panes import PICTURES, MapStyle, Pane
from vlcore.plots.maps.tables import MapTables
from vlcore.plots.scales import IMAGE, SPOKEN, Chart, composed, either, told_apart, tooltips
from vlcore.plots.theme import star

LEGEND = "legend_0"  # Altair numbers it as a layer of the first map
Drawn: TypeAlias = list[alt.Chart | alt.LayerChart]
Layer: TypeAlias = Callable[[MapTables, Pane, MapStyle], Drawn]

FRAME = 28  # px, side of a picture that stands for a point
_STAR = 4.7  # area of the square around the star behind a visitor's picture, in squares of its own
# What of a visitor's picture words should not hide, in its sides from its middle: itself and its
# name.
_SOLID = np.array([(x, y) for x in (-0.7, 0, 0.7) for y in (-0.4, 0.2, 1)])
_FADED, _BACK = (
    0.08,
    0.2,
)  # opacity of what lies outside a brush, and at most of what is not of the hovered group
_HEAD = "M0,0L-.55,1.5L.55,1.5Z"  # of an arrow that points up: its tip lies where the arrow ends
_AROUND = 8  # px from the middle of a picture's mark to the circle around it
_HOVERED = {"param": "hov", "empty": False}  # as a condition
_HOV, _PICK, _SCENE = (
    alt.selection_point(name=name, empty=False) for name in ("hov", "pick", "scene")
)


def legend(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """No mark, but the legend: only scales over one field become one legend, and a mark's form is
    of another field."""
    if pane.index or style.guide is None:
        return []
    nothing = Chart(alt.NamedData(name=PICTURES), name=LEGEND).transform_filter("false")
    shape = told_apart(
        alt.Shape, "colour:N", {one.name: one.shape for one in style.legend.entries}, style.guide
    )
    mark = nothing.transform_calculate(colour="''").mark_point(opacity=1, aria=False)
    return [mark.encode(stroke=style.stroke(), fill=style.fill(), shape=shape)]


def ghosts(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """Where the untrained encoder has the pictures that are shown."""
    if not style.options.ghost:
        return []
    x, y = (f"g{name}" for name in pane.columns)
    there = pane.pictures(style).transform_filter(f"isValid(datum.{x}) && isValid(datum.{y})")
    mark = there.mark_point(
        shape="circle", size=14, fill=style.palette.muted, strokeWidth=0, opacity=0.4, aria=False
    )
    return [mark.encode(**pane.at(x, y))]


def movement(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """Lines from each picture's place in the first map to its place in this one; that of the
    hovered one stands out."""
    if not (style.options.movement and pane.index):
        return []
    x2, y2 = pane.columns
    there = pane.pictures(style).transform_filter("isValid(datum.x0) && isValid(datum.y0)")
    lines = there.encode(**pane.at("x0", "y0"), x2=f"{x2}:Q", y2=f"{y2}:Q")
    every = lines.mark_rule(color=style.palette.muted, strokeWidth=1, aria=False)
    hovered = lines.mark_rule(color=style.palette.text, strokeWidth=2, opacity=1, aria=False)
    return [every.encode(opacity=_lit(style, 0.3, 0.04)), hovered.transform_filter(_HOV)]


def neighbours(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """Lines from the hovered and the clicked picture to those nearest to it in the full space."""
    if tables.neighbours is None:
        return []
    # A row a picture, its lines as lists: a row a line would be more than Altair takes, and more to
    # send.
    here = tables.neighbours[tables.neighbours["pane"] == pane.index].groupby("id", sort=False)
    rows = here.agg({"x": "first", "y": "first", "x2": list, "y2": list}).reset_index()
    wanted = Chart(rows).transform_filter(_HOV | _PICK if style.pick else _HOV)
    source, ink = wanted.transform_flatten(["x2", "y2"]), style.palette.text
    lines = source.mark_rule(color=ink, strokeWidth=1.2, opacity=0.8, aria=False)
    ends = source.mark_point(
        shape="circle", size=24, fill=ink, strokeWidth=0, opacity=1, aria=False
    )
    return [
        lines.encode(**pane.at("x", "y"), x2="x2:Q", y2="y2:Q"),
        ends.encode(**pane.at("x2", "y2")),
    ]


def ground(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """What lies under the marks: rings around the minority, frames of pictures. It carries the
    brush, as a layer in a layer, for what lies under a brush gets no pointer. Its name is the
    group's: Altair renames what is in it.
    """
    place = pane.pictures(style).encode(stroke=style.stroke(), opacity=_lit(style, 0.7, 0.06))
    minority = place.transform_filter("datum.minority")
    if not style.options.pictures:
        ring = minority.mark_point(shape="circle", size=style.sizes.ring, strokeWidth=1, aria=False)
        return [alt.layer(ring, name=pane.named("ground"))]
    thick, thin = (alt.value((FRAME + by) ** 2) for by in (8, 3))
    size = alt.when("datum.kind == 'training'").then(thick).otherwise(thin)
    frames = place.mark_point(shape="square", strokeWidth=1.2, aria=False).encode(
        fill=style.fill(), size=size
    )
    second = minority.mark_point(shape="square", size=(FRAME + 13) ** 2, strokeWidth=1, aria=False)
    return [second, alt.layer(frames, name=pane.named("ground"))]


def marks(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """The pictures: as marks, or as pictures in the frames of the ground. A mark under the pointer
    grows, and what is outside a brush fades. Where a place is not to be trusted (from 0.8 on down
    as little as can be), a mark is small, and a picture, which has one size, is faint; one not
    judged is as usual."""
    options, point, grown = style.options, style.sizes.point, style.sizes.grown
    predicted = "prediction at the end" if pane.shows else "prediction"
    said = tooltips({f"caption_{pane.index}:N": "caption", f"predicted_{pane.index}:N": predicted})
    said += tooltips({"trusted:N": "trust in this place"}) if options.trust else []
    place = pane.pictures(style).encode(
        tooltip=[IMAGE, *(alt.Tooltip(name) for name in ("object:N", "context:N")), *said]
    )
    full = 1 if options.pictures else 0.9
    size = either(alt.SizeValue, _HOVERED, grown, point)
    opacity = _lit(style, full, _FADED)
    trusted = {"domain": [0.8, 1], "clamp": True, "zero": False, "nice": False}
    unknown = "!isValid(datum.trust)"
    if options.trust and options.pictures:
        away = [(style.lit, _FADED), (style.kin, _BACK)]
        conditions = [{"test": f"!({inside})", "value": value} for inside, value in away]
        conditions.append({"test": unknown, "value": full})
        scale = alt.Scale(**trusted, range=[0.2, full])
        opacity = alt.Opacity("trust:Q", condition=conditions, scale=scale, legend=None)
    elif options.trust:
        conditions = [{**_HOVERED, "value": grown}, {"test": unknown, "value": point}]
        scale = alt.Scale(**trusted, range=[6, point * 1.6])
        size = alt.Size("trust:Q", condition=conditions, scale=scale, legend=None)
    place = place.properties(name=pane.named("marks"))
    if options.pictures:
        return [place.mark_image(width=FRAME, height=FRAME).encode(url="thumb:N", opacity=opacity)]
    fill = alt.FillValue(
        "transparent", condition={"test": "datum.kind == 'training'", **style.fill().to_dict()}
    )
    mark = place.mark_point(shape=alt.expr(style.legend.form), strokeWidth=1.4)
    return [mark.encode(stroke=style.stroke(), fill=fill, size=size, opacity=opacity)]


def outlines(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """The pictures as hollow marks that answer to nothing, in place of `ground` and `marks`; faint
    beside a caption."""
    mark = {
        "shape": alt.expr(style.legend.form),
        "fill": "transparent",
        "size": style.sizes.point,
        "strokeWidth": 1.4,
    }
    look = (
        {"aria": True, "opacity": 0.9} if tables.typed is None else {"aria": False, "opacity": 0.35}
    )
    return [pane.pictures(style).encode(stroke=style.stroke()).mark_point(**mark, **look)]


def twins(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """The arrows of the clicked scene, and a circle around each of its pictures."""
    if tables.twins is None:
        return []
    ways = _ways(tables.twins, pane, _AROUND)[["scene", "kind", "x", "y", "x2", "y2", "angle"]]
    clicked = (
        Chart(ways).transform_filter(_SCENE).transform_calculate(colour="'arrow: ' + datum.kind")
    )
    shaft, head = _arrows(clicked.encode(stroke=style.stroke()), pane, aria=False)
    pictures = pane.pictures(style).transform_filter(_SCENE)
    return [
        _circle(pictures, style.sizes.grown, style.palette.text),
        shaft,
        head.encode(fill=style.fill()),
    ]


def picked(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    clicked = pane.pictures(style).transform_filter(_PICK)
    return [_circle(clicked, style.sizes.grown * 2, style.palette.accent)] if style.pick else []


def captions(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """Diamonds and their words, muted beside a typed caption; a halo keeps the words legible over
    marks."""
    words = pane.own(tables.captions)
    if words.empty:
        return []
    typed = None if tables.typed is None else pane.own(tables.typed)
    colour = style.palette.text if typed is None else style.palette.muted
    stars = tables.uploads if typed is None else typed
    tops = (
        None
        if stars is None
        else (pane.pixels(stars)[:, None] + _upload(pane) * _SOLID).reshape(-1, 2)
    )
    texts = words["caption"].astype(str)
    chosen = place_labels(
        texts.tolist(), pane.pixels(words), pane.pixels(tables.points), pane.side, tops
    )
    placed = words[["caption", *pane.columns]].assign(spoken="caption: " + texts)
    placed[["dx", "dy", "align"]] = chosen
    base, edge, sizes = pane.present(placed), style.palette.ground, style.sizes
    offset = {name: alt.expr(f"datum.{name}") for name in ("dx", "dy", "align")}
    text = {
        **offset,
        "fontSize": sizes.words,
        "fontWeight": 600,
        "baseline": "middle",
        "aria": False,
    }
    halo = {"color": edge, "stroke": edge, "strokeWidth": 4, "strokeJoin": "round", "opacity": 0.8}
    x, y = pane.fields
    ends = {
        f"to_{x}": f"datum.{x} + datum.dx * {pane.unit!r}",
        f"to_{y}": f"datum.{y} - datum.dy * {pane.unit!r}",
    }
    far = base.transform_filter(f"abs(datum.dy) > {LINE}").transform_calculate(**ends)
    return [
        far.mark_rule(color=colour, strokeWidth=1, aria=False).encode(
            x2=f"to_{x}:Q", y2=f"to_{y}:Q"
        ),
        base.mark_point(
            shape="diamond",
            size=sizes.diamond,
            fill=colour,
            stroke=edge,
            strokeWidth=1.5,
            opacity=1,
        ),
        base.mark_text(**text, **halo).encode(text="caption:N"),
        base.mark_text(**text, color=colour).encode(text="caption:N"),
    ]


def words_left_out(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """Arrows from a whole caption to the caption without each `word`, with what is left out at
    their ends."""
    if tables.left_out is None:
        return []
    ways, colour = _ways(tables.left_out, pane, 0), style.palette.accent
    said = ways.assign(said="− " + ways["word"], spoken="without " + ways["word"])
    source = Chart(said).encode(stroke=alt.value(colour), description=SPOKEN)
    shaft, head = _arrows(source, pane, fill=colour)  # the head is spoken, for the whole arrow
    tooltip = [alt.Tooltip("word:N", title="left out"), alt.Tooltip("cosine:Q", format=".2f")]
    text = Chart(said).mark_text(align="left", dx=8, dy=-8, fontSize=12, color=colour, aria=False)
    return [shaft, head.encode(tooltip=tooltip), text.encode(**pane.at("x2", "y2"), text="said:N")]


def typed_caption(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """A caption that somebody typed as a star with its words."""
    if tables.typed is None:
        return []
    here = pane.own(tables.typed)
    base = pane.present(here.assign(spoken="your caption: " + here["caption"]))
    words = base.mark_text(
        align="left", dx=13, fontSize=13, fontWeight=600, color=style.palette.text, aria=False
    )
    return [_star(base, style).encode(size=alt.value(320)), words.encode(text="caption:N")]


def uploads(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """A visitor's pictures, each before a star with its name below, or its number where there are
    several, on top of everything."""
    if tables.uploads is None:
        return []
    tops, palette, side = pane.present(tables.uploads), style.palette, _upload(pane)
    size = either(alt.SizeValue, _HOVERED, _STAR * 1.2 * side**2, _STAR * side**2)
    stars = _star(tops, style).encode(
        size=size, tooltip=[IMAGE, alt.Tooltip("name:N", title="upload")]
    )
    pictures = tops.mark_image(width=side, height=side, aria=False, tooltip=None).encode(
        url="thumb:N"
    )
    text = {"dy": side, "fontSize": 12, "fontWeight": 700, "aria": False, "tooltip": None}
    halo = {
        "color": palette.ground,
        "stroke": palette.ground,
        "strokeWidth": 4,
        "strokeJoin": "round",
        "opacity": 0.8,
    }
    said = "name:N" if len(tables.uploads) == 1 else "number:N"
    names = [
        tops.mark_text(**text, **look).encode(text=said)
        for look in (halo, {"color": palette.accent})
    ]
    return [stars, pictures, *names]


def hovered(tables: MapTables, pane: Pane, style: MapStyle) -> Drawn:
    """A circle around the picture under the pointer, and the picture beside it, towards the middle:
    never cut off."""
    side = style.sizes.picture
    shift = (side / 2 + (FRAME / 2 if style.options.pictures else 9)) * pane.unit
    where = {
        f"lit_{field}": f"datum.{field} + (datum.{field} > {sum(ends) / 2!r} ? -1 : 1) * {shift!r}"
        for field, ends in zip(pane.fields, pane.extent, strict=True)
    }
    sources = [(pane.pictures(style), style.sizes.grown * 1.5)]
    sources += (
        []
        if tables.uploads is None
        else [(pane.present(tables.uploads), _STAR * _upload(pane) ** 2)]
    )
    found: Drawn = []
    for source, around in sources:
        lit = source.transform_filter(_HOV)
        picture = lit.transform_calculate(**where).mark_image(width=side, height=side, aria=False)
        found += [
            _circle(lit, around, style.palette.text),
            picture.encode(**pane.at(*where), url="thumb:N"),
        ]
    return found


LAYERS: tuple[Layer, ...] = (
    legend,
    ghosts,
    movement,
    neighbours,
    ground,
    marks,
    twins,
    picked,
    captions,
    words_left_out,
    typed_caption,
    uploads,
    hovered,
)
STILL: tuple[Layer, ...] = (
    outlines,
    captions,
    words_left_out,
    typed_caption,
)  # of a map that answers to nothing


def draw(
    tables: MapTables, pane: Pane, style: MapStyle, drawn: Sequence[Layer], **properties: Any
) -> alt.LayerChart:
    """A map as a square of layers."""
    found = [one for layer in drawn for one in layer(tables, pane, style)]
    return composed(alt.layer, *found, width=pane.side, height=pane.side, **properties)


def _lit(style: MapStyle, opacity: float, faded: float) -> Any:
    """The opacity of rows inside and outside a brush, and inside of one where another group is
    under the pointer."""
    away = [(style.lit, faded), (style.kin, min(opacity, _BACK))]
    conditions = [{"test": f"!({inside})", "value": value} for inside, value in away]
    return alt.OpacityValue(opacity, condition=conditions)


def _circle(source: alt.Chart, size: float, colour: str) -> alt.Chart:
    return source.mark_point(
        shape="circle", size=size, stroke=colour, strokeWidth=2.2, opacity=1, aria=False
    )


def _upload(pane: Pane) -> int:
    """The side of a visitor's picture, in px."""
    return min(32, max(20, pane.side // 15))


def _star(source: alt.Chart, style: MapStyle) -> alt.Chart:
    colours = {"fill": style.palette.accent, "stroke": style.palette.ground}
    return source.mark_point(shape=star(), strokeWidth=1, opacity=1, **colours)


def _arrows(source: alt.Chart, pane: Pane, **head: Any) -> tuple[alt.Chart, alt.Chart]:
    """Shafts and heads of arrows from `x`, `y` to `x2`, `y2`; `head` are properties of the
    heads."""
    shaft = source.mark_rule(strokeWidth=2, opacity=1, aria=False).encode(
        **pane.at("x", "y"), x2="x2:Q", y2="y2:Q"
    )
    heads = source.mark_point(shape=_HEAD, size=150, strokeWidth=1, opacity=1, **head)
    return shaft, heads.encode(**pane.at("x2", "y2"), angle=alt.Angle("angle:Q", scale=None))


def _ways(every: pd.DataFrame, pane: Pane, around: float) -> pd.DataFrame:
    """Arrows of a pane that keep `around` px off both ends, a short one half of its length, with
    their `angle` in degrees clockwise from up: both axes have one unit, so an angle on the map is
    one on the screen.
    """
    lines = every[every["pane"] == pane.index]
    start, end = lines[["x", "y"]].to_numpy(float), lines[["x2", "y2"]].to_numpy(float)
    way = end - start
    length = np.linalg.norm(way, axis=1, keepdims=True) / pane.unit  # px
    cut = way * np.minimum(around / np.maximum(length, 1e-9), 0.25)
    (x, y), (x2, y2) = (start + cut).T, (end - cut).T
    return lines.assign(
        x=x, y=y, x2=x2, y2=y2, angle=np.degrees(np.arctan2(way[:, 0], way[:, 1])).round(1)
    )
