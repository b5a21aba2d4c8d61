"""The layers of a map: rings, marks, captions, stars, baseline, lines, arrows, and what lights up
under the pointer.

A layer is one function of the tables, a pane and a style, which draws nothing where its table or
its option is absent; any map is a list of layers, from the ground up. Those that would cover the
map come only for the image under the pointer or the one that was clicked, drawn by the browser from
tables that it has."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import altair as alt
import numpy as np
import pandas as pd

from vlcore.plots.maps.labels import LINE, place_labels
from vlcore.plots.maps.panes import IMAGES, MapStyle, Pane
from vlcore.plots.maps.tables import MapTables
from vlcore.plots.scales import IMAGE, QuickChart, either, told_apart, tooltips
from vlcore.plots.theme import star

LEGEND = "legend_0"  # Altair numbers it as a layer of the first map
Layers: TypeAlias = list[alt.Chart | alt.LayerChart]
Layer: TypeAlias = Callable[[MapTables, Pane, MapStyle], Layers]

FRAME = 28  # px, side of an image that stands for a point
_STAR = 4.7  # area of the square around the star behind an upload, in squares of its side
# What of an upload captions should not hide, in its sides from its middle: itself and its name.
_UPLOAD_CORNERS = np.array([(x, y) for x in (-0.7, 0, 0.7) for y in (-0.4, 0.2, 1)])
_FADED = 0.08  # opacity outside a brush
_BACK = 0.2  # opacity at most of what has not the colour of the hovered mark
_HEAD = "M0,0L-.55,1.5L.55,1.5Z"  # of an arrow that points up: its tip lies where the arrow ends
_MOST_AVOIDED = 5000  # images that the words of captions keep off
_AROUND = 8  # px from the middle of an image's mark to the circle around it
_IS_HOVERED = {"param": "hov", "empty": False}  # as a condition
_HOVERED = alt.selection_point(name="hov", empty=False)
_PICKED = alt.selection_point(name="pick", empty=False)
_IN_SCENE = alt.selection_point(name="scene", empty=False)
_BOLD = {"fontWeight": 600, "aria": False}


def legend(_tables: MapTables, pane: Pane, style: MapStyle) -> Layers:
    """No mark, but the legend: only scales over one field become one legend, and a mark's shape is
    of another field."""
    if pane.index or style.guide is None:
        return []
    shapes = {entry.name: entry.shape for entry in style.legend.entries}
    shape = told_apart(alt.Shape, "colour:N", shapes, style.guide)
    nothing = QuickChart(alt.NamedData(name=IMAGES), name=LEGEND).transform_filter("false")
    mark = nothing.transform_calculate(colour="''").mark_point(opacity=1, aria=False)
    return [mark.encode(stroke=style.stroke(), fill=style.fill(), shape=shape)]


def untrained_baseline(_tables: MapTables, pane: Pane, style: MapStyle) -> Layers:
    """The positions of the drawn images in the untrained encoder, faint."""
    if not style.options.untrained:
        return []
    x, y = (f"g{name}" for name in pane.columns)
    images = pane.images(style).transform_filter(f"isValid(datum.{x}) && isValid(datum.{y})")
    mark = images.mark_point(
        shape="circle", size=14, fill=style.palette.muted, strokeWidth=0, opacity=0.4, aria=False
    )
    return [mark.encode(**pane.at(x, y))]


def neighbours(tables: MapTables, pane: Pane, style: MapStyle) -> Layers:
    """Lines from the hovered and the clicked image to those nearest to it in the full space."""
    if tables.neighbours is None:
        return []
    # A row an image, its lines as lists: a row a line would be more than Altair takes, and more to
    # send.
    lines = tables.neighbours[tables.neighbours["pane"] == pane.index]
    aggregates = {"x": "first", "y": "first", "x2": list, "y2": list}
    rows = lines.groupby("id", sort=False).agg(aggregates).reset_index()
    chosen = QuickChart(rows).transform_filter(_HOVERED | _PICKED if style.pick else _HOVERED)
    source = chosen.transform_flatten(["x2", "y2"])
    ink = style.palette.text
    rules = source.mark_rule(color=ink, strokeWidth=1.2, opacity=0.8, aria=False)
    ends = source.mark_point(
        shape="circle", size=24, fill=ink, strokeWidth=0, opacity=1, aria=False
    )
    return [
        rules.encode(**pane.at("x", "y"), x2="x2:Q", y2="y2:Q"),
        ends.encode(**pane.at("x2", "y2")),
    ]


def ground(_tables: MapTables, pane: Pane, style: MapStyle) -> Layers:
    """What lies under the marks: rings around the minority, frames of images. It carries the brush,
    as a layer in a layer, for what lies under a brush gets no pointer. Its name is the group's:
    Altair renames what is in it.
    """
    images = pane.images(style).encode(stroke=style.stroke(), opacity=_lit(style, 0.7, 0.06))
    minority = images.transform_filter("datum.minority")
    name = pane.named("ground")
    if not style.options.images:
        ring = minority.mark_point(shape="circle", size=style.sizes.ring, strokeWidth=1, aria=False)
        return [alt.layer(ring, name=name)]
    thick, thin = alt.value((FRAME + 8) ** 2), alt.value((FRAME + 3) ** 2)
    size = alt.when("datum.kind == 'training'").then(thick).otherwise(thin)
    frames = images.mark_point(shape="square", strokeWidth=1.2, aria=False)
    frames = frames.encode(fill=style.fill(), size=size)
    second = minority.mark_point(shape="square", size=(FRAME + 13) ** 2, strokeWidth=1, aria=False)
    return [second, alt.layer(frames, name=name)]


def marks(_tables: MapTables, pane: Pane, style: MapStyle) -> Layers:
    """The images: as marks, or as images in the frames of the ground. A mark under the pointer
    grows, and what is outside a brush fades."""
    options = style.options
    at_end = " at the end" if pane.checkpoints else ""
    tooltip = [IMAGE, alt.Tooltip("object:N"), alt.Tooltip("context:N")]
    tooltip += tooltips(
        {f"caption_{pane.index}:N": "caption", f"predicted_{pane.index}:N": f"prediction{at_end}"}
    )
    colouring = style.legend.colouring
    if colouring.value_column:
        tooltip += tooltips({f"{colouring.value_column_of(pane.index)}:N": colouring.title})
    if options.trust:
        tooltip += tooltips({"trusted:N": "trust in this position"})
    images = pane.images(style).encode(tooltip=tooltip).properties(name=pane.named("marks"))
    if options.images:
        opacity = _lit(style, 1, _FADED)
        if options.trust:  # an image has one size: it is faint
            fades = _fade_conditions(style, _FADED, _BACK)
            opacity = _by_trust(alt.Opacity, fades, 1, [0.2, 1])
        mark = images.mark_image(width=FRAME, height=FRAME)
        return [mark.encode(url="thumb:N", opacity=opacity)]
    size = either(alt.SizeValue, _IS_HOVERED, style.sizes.grown, style.sizes.point)
    if options.trust:
        grown = {**_IS_HOVERED, "value": style.sizes.grown}
        size = _by_trust(alt.Size, [grown], style.sizes.point, [6, style.sizes.point * 1.6])
    filled = {"test": "datum.kind == 'training'", **style.fill().to_dict()}
    fill = alt.FillValue("transparent", condition=filled)
    mark = images.mark_point(shape=alt.expr(style.legend.shape_of), strokeWidth=1.4)
    return [
        mark.encode(stroke=style.stroke(), fill=fill, size=size, opacity=_lit(style, 0.9, _FADED))
    ]


def _by_trust(
    channel: Any, conditions: Sequence[dict[str, Any]], usual: float, ends: Sequence[float]
) -> Any:
    """A channel of Altair's that is less of itself down to a trust of 0.8; `usual` where a position
    was not judged, unless other conditions hold before."""
    unjudged = {"test": "!isValid(datum.trust)", "value": usual}
    scale = alt.Scale(domain=[0.8, 1], range=list(ends), clamp=True, zero=False, nice=False)
    return channel("trust:Q", condition=[*conditions, unjudged], scale=scale, legend=None)


def outlines(tables: MapTables, pane: Pane, style: MapStyle) -> Layers:
    """The images as hollow marks that answer to nothing, in place of `ground` and `marks`."""
    mark = pane.images(style).mark_point(
        shape=alt.expr(style.legend.shape_of),
        fill="transparent",
        size=style.sizes.point,
        strokeWidth=1.4,
        opacity=0.9,
    )
    return [mark.encode(stroke=style.stroke())]


def twin_arrows(tables: MapTables, pane: Pane, style: MapStyle) -> Layers:
    """The arrows of the clicked scene, and a circle around each of its images."""
    if tables.twins is None:
        return []
    arrows = _arrow_rows(tables.twins, pane, _AROUND)
    arrows = arrows[["scene", "kind", "x", "y", "x2", "y2", "angle", "dx", "dy"]]
    clicked = QuickChart(arrows).transform_filter(_IN_SCENE)
    clicked = clicked.transform_calculate(colour="'arrow: ' + datum.kind")
    shaft, head = _arrows(clicked.encode(stroke=style.stroke()), pane, aria=False)
    images = pane.images(style).transform_filter(_IN_SCENE)
    circles = _circle(images, style.sizes.grown, style.palette.text)
    return [circles, shaft, head.encode(fill=style.fill())]


def picked(_tables: MapTables, pane: Pane, style: MapStyle) -> Layers:
    """A circle around the clicked image."""
    if not style.pick:
        return []
    clicked = pane.images(style).transform_filter(_PICKED)
    return [_circle(clicked, style.sizes.grown * 2, style.palette.accent)]


def placed_captions(tables: MapTables, pane: Pane) -> pd.DataFrame:
    """The captions of a map with the offsets of their words in px (`dx`, `dy`, `align`)."""
    rows = pane.rows(tables.captions)
    corners = None
    if tables.uploads is not None:
        around = upload_side(pane) * _UPLOAD_CORNERS
        corners = (pane.pixels(tables.uploads)[:, None] + around).reshape(-1, 2)
    texts = rows["caption"].astype(str)
    # Of very many images, evenly spaced ones say well enough where words hide little.
    images = tables.points.iloc[:: 1 + len(tables.points) // _MOST_AVOIDED]
    offsets = place_labels(
        texts.tolist(), pane.pixels(rows), pane.pixels(images), pane.side, corners
    )
    placed = rows[["caption", *pane.columns]].assign(spoken="caption: " + texts)
    placed[["dx", "dy", "align"]] = pd.DataFrame(
        offsets, index=placed.index, columns=["dx", "dy", "align"]
    )
    return placed


def captions(tables: MapTables, pane: Pane, style: MapStyle) -> Layers:
    """Diamonds and their words; a halo keeps the words legible over marks."""
    placed = placed_captions(tables, pane)
    if placed.empty:
        return []
    colour = style.palette.text
    base = pane.present(placed)
    text = {
        **_BOLD,
        **_by_row("dx", "dy", "align"),
        "fontSize": style.sizes.words,
        "baseline": "middle",
    }
    diamond = base.mark_point(
        shape="diamond",
        size=style.sizes.diamond,
        fill=colour,
        stroke=style.palette.ground,
        strokeWidth=1.5,
        opacity=1,
    )
    return [
        _leaders(base, pane, colour),
        diamond,
        *_words_over_marks(base, "caption:N", colour, style, text),
    ]


def _leaders(base: alt.Chart, pane: Pane, colour: str) -> alt.Chart:
    """Lines from diamonds to their words, where these are far."""
    x, y = pane.fields
    ends = {"x2Offset": alt.expr("datum.dx"), "y2Offset": alt.expr("datum.dy")}
    far = base.transform_filter(f"abs(datum.dy) > {LINE}")
    rule = far.mark_rule(color=colour, strokeWidth=1, aria=False, **ends)
    return rule.encode(x2=f"{x}:Q", y2=f"{y}:Q")


def uploads(tables: MapTables, pane: Pane, style: MapStyle) -> Layers:
    """A visitor's images, each before a star with its name below, or its number where there are
    several, on top of everything."""
    if tables.uploads is None:
        return []
    rows = pane.present(tables.uploads)
    side = upload_side(pane)
    area = _STAR * side**2
    stars = _star(rows, style).encode(
        size=either(alt.SizeValue, _IS_HOVERED, 1.2 * area, area),
        tooltip=[IMAGE, alt.Tooltip("name:N", title="upload")],
    )
    images = rows.mark_image(width=side, height=side, aria=False, tooltip=None)
    text = {"dy": side, "fontSize": 12, "fontWeight": 700, "aria": False, "tooltip": None}
    return [
        stars,
        images.encode(url="thumb:N"),
        *_words_over_marks(rows, "words:N", style.palette.accent, style, text),
    ]


def hovered(tables: MapTables, pane: Pane, style: MapStyle) -> Layers:
    """A circle around the image under the pointer, and the image beside it, towards the middle of
    what is visible of the map: never cut off."""
    side = style.sizes.image
    shift = side / 2 + (FRAME / 2 if style.options.images else 9)
    is_right, is_above = (
        f"datum.{field} > lerp({ends}, 0.5)"
        for field, ends in zip(pane.fields, pane.visible, strict=True)
    )
    offsets = {
        "xOffset": alt.expr(f"{is_right} ? {-shift} : {shift}"),
        "yOffset": alt.expr(f"{is_above} ? {shift} : {-shift}"),
    }
    sources = [(pane.images(style), style.sizes.grown * 1.5)]
    if tables.uploads is not None:
        sources.append((pane.present(tables.uploads), _STAR * upload_side(pane) ** 2))
    drawn: Layers = []
    for rows, size in sources:
        source = rows.transform_filter(_HOVERED)
        image = source.mark_image(width=side, height=side, aria=False, **offsets)
        drawn.append(_circle(source, size, style.palette.text))
        drawn.append(image.encode(url="thumb:N"))
    return drawn


LAYERS: tuple[Layer, ...] = (
    legend,
    untrained_baseline,
    neighbours,
    ground,
    marks,
    twin_arrows,
    picked,
    captions,
    uploads,
    hovered,
)
# Of a map that answers to nothing.
STILL: tuple[Layer, ...] = (outlines, captions)


def draw_map(
    tables: MapTables, pane: Pane, style: MapStyle, layers: Sequence[Layer], **properties: Any
) -> alt.LayerChart:
    """A map as a square of layers."""
    charts = [chart for layer in layers for chart in layer(tables, pane, style)]
    return alt.layer(*charts, width=pane.side, height=pane.side, **properties)


def _fade_conditions(style: MapStyle, faded: float, back: float) -> list[dict[str, Any]]:
    """Conditions for the opacity outside a brush, and for that beside a hovered colour."""
    return [{"test": f"!({style.lit})", "value": faded}, {"test": f"!({style.kin})", "value": back}]


def _lit(style: MapStyle, opacity: float, faded: float) -> alt.OpacityValue:
    """The opacity of rows inside and outside a brush, and beside a hovered colour."""
    return alt.OpacityValue(opacity, condition=_fade_conditions(style, faded, min(opacity, _BACK)))


def _by_row(*properties: str) -> dict[str, alt.ExprRef]:
    """Properties of marks that each row has in a field of the same name."""
    return {name: alt.expr(f"datum.{name}") for name in properties}


def _words_over_marks(
    source: alt.Chart, field: str, colour: str, style: MapStyle, text: dict[str, Any]
) -> Layers:
    """The words of a field, above a halo that keeps them legible over marks.

    Args:
        source: the rows, at their positions.
        field: of the words.
        colour: of the words.
        style: of the map.
        text: further properties of both marks; the halo is never read out.
    """
    ground = style.palette.ground
    halo = {"color": ground, "stroke": ground, "strokeWidth": 4, "strokeJoin": "round"}
    halo |= {"opacity": 0.8, "aria": False}
    behind = source.mark_text(**(text | halo))
    words = source.mark_text(**text, color=colour)
    return [behind.encode(text=field), words.encode(text=field)]


def _circle(source: alt.Chart, size: float, colour: str) -> alt.Chart:
    return source.mark_point(
        shape="circle", size=size, stroke=colour, strokeWidth=2.2, opacity=1, aria=False
    )


def upload_side(pane: Pane) -> int:
    """The side of a visitor's image, in px."""
    return min(32, max(20, pane.side // 15))


def _star(source: alt.Chart, style: MapStyle) -> alt.Chart:
    colours = {"fill": style.palette.accent, "stroke": style.palette.ground}
    return source.mark_point(shape=star(), strokeWidth=1, opacity=1, **colours)


def _arrows(source: alt.Chart, pane: Pane, **head: Any) -> tuple[alt.Chart, alt.Chart]:
    """Shafts and heads of arrows from `x`, `y` to `x2`, `y2`, each end cut by `dx`, `dy` in px;
    `head` are properties of the heads."""
    x, y = alt.expr("-datum.dx"), alt.expr("-datum.dy")
    starts = {"xOffset": alt.expr("datum.dx"), "yOffset": alt.expr("datum.dy")}
    shaft = source.mark_rule(strokeWidth=2, opacity=1, aria=False, **starts, x2Offset=x, y2Offset=y)
    heads = source.mark_point(
        shape=_HEAD, size=150, strokeWidth=1, opacity=1, xOffset=x, yOffset=y, **head
    )
    return (
        shaft.encode(**pane.at("x", "y"), x2="x2:Q", y2="y2:Q"),
        heads.encode(**pane.at("x2", "y2"), angle=alt.Angle("angle:Q", scale=None)),
    )


def _arrow_rows(arrows: pd.DataFrame, pane: Pane, around: float) -> pd.DataFrame:
    """Arrows of a pane with the `dx`, `dy` in px by which they keep `around` px off both ends, a
    short one half of its length, and their `angle` in degrees clockwise from up: both axes have one
    unit, so an angle on the map is one on the screen.
    """
    rows = arrows[arrows["pane"] == pane.index]
    ways = (rows[["x2", "y2"]].to_numpy(float) - rows[["x", "y"]].to_numpy(float)) / pane.unit
    lengths = np.linalg.norm(ways, axis=1, keepdims=True)
    dx, up = (ways * np.minimum(around / np.maximum(lengths, 1e-9), 0.25)).round(2).T
    angle = np.degrees(np.arctan2(ways[:, 0], ways[:, 1])).round(1)
    return rows.assign(dx=dx, dy=-up, angle=angle)
