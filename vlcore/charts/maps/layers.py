"""The layers of a map: rings, marks, captions, stars, ghosts, lines, arrows, and what lights up under the pointer.

The one idea: a layer is one function of a pane and a style, and any map is a list of layers, from the ground up. Each
line shows something that two dimensions leave out, so none is there unless asked for; those that would cover the map
come only for the picture under the pointer or the one that was clicked, drawn by the browser from tables that it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import altair as alt
import numpy as np
import pandas as pd

from vlcore.charts.maps.labels import LINE, place_labels
from vlcore.charts.maps.panes import PICTURES, MapStyle, Pane, circle, fill, keyed, present, stroke
from vlcore.charts.theme import star

LEGEND = "legend_0"  # Altair numbers it as a layer of the first map
Layer: TypeAlias = alt.Chart | alt.LayerChart

FRAME = 28  # px, side of a picture that stands for a point
_NO_TRUST = 0.8  # from here on down a mark is as small, and a picture as pale, as they get
_FADED = 0.08  # opacity of what lies outside a brush
_NOT_JUDGED = "!isValid(datum.trust)"
_HEAD = "M0,0L-.55,1.5L.55,1.5Z"  # of an arrow that points up: its tip lies where the arrow ends
_AROUND = 8  # px from the middle of a picture's mark to the circle around it
_HOV, _PICK, _SCENE = (alt.selection_point(name=name, empty=False) for name in ("hov", "pick", "scene"))


def linked(
    table: pd.DataFrame,
    words: pd.DataFrame,
    stars: pd.DataFrame | None,
    pane: Pane,
    style: MapStyle,
    *,
    under: Sequence[Layer] = (),
    over: Sequence[Layer] = (),
) -> list[Layer]:
    """All layers of a map that answers to the pointer, from the ground up.

    Args:
        table: what `points_table` returns, for words to keep off it; the marks read the dataset `PICTURES`.
        words: captions of this pane, as `captions` takes them.
        stars: what `uploads_table` returns, or None.
        pane: the pane.
        style: of the figure.
        under: more layers, under the marks.
        over: more layers, over the marks.
    """
    place = keyed(pane, style)
    found: list[Layer] = [*under, *ground(pane, style), marks(pane, style), *over]
    if style.pick:
        found.append(circle(place.transform_filter(_PICK), style.sizes.grown * 2, style.palette.accent))
    found += captions(words, pane, style, table, stars)
    lit = [(place, style.sizes.grown * 1.5)]
    if stars is not None:
        found += uploads(stars, pane, style)
        lit.append((present(stars, pane), 1100))
    for source, around in lit:
        hovered = source.transform_filter(_HOV)
        found += [circle(hovered, around, style.palette.text), picture_beside(hovered, pane, style)]
    return found


def legend(style: MapStyle) -> alt.Chart:
    """No mark, but the legend: only scales over one field become one legend, and a mark's form is of another field."""
    return (
        alt.Chart(alt.NamedData(name=PICTURES), name=LEGEND)
        .transform_filter("false")
        .transform_calculate(colour="''")
        .mark_point(opacity=1, aria=False)
        .encode(
            stroke=stroke(style),
            fill=fill(style),
            shape=alt.Shape("colour:N", scale=style.keys.scale("shape"), legend=style.legend),
        )
    )


def ground(pane: Pane, style: MapStyle) -> list[Layer]:
    """What lies under the marks: rings around the minority, frames of pictures. It carries the brush."""
    place = keyed(pane, style)
    faded = alt.when(style.lit).then(alt.value(0.7)).otherwise(alt.value(0.06))
    rings = place.transform_filter("datum.minority").encode(stroke=stroke(style), opacity=faded)
    if not style.pictures:
        return [_brushed(rings.mark_point(shape="circle", size=style.sizes.ring, strokeWidth=1, aria=False), pane)]
    thick, thin = (alt.value((FRAME + by) ** 2) for by in (8, 3))
    frames = place.mark_point(shape="square", strokeWidth=1.2, aria=False).encode(
        stroke=stroke(style),
        fill=fill(style),
        size=alt.when("datum.kind == 'training'").then(thick).otherwise(thin),
        opacity=faded,
    )
    second = rings.mark_point(shape="square", size=(FRAME + 13) ** 2, strokeWidth=1, aria=False)
    return [second, _brushed(frames, pane)]


def _brushed(source: alt.Chart, pane: Pane) -> alt.LayerChart:
    """A layer in the layer: Vega-Lite lays a brush over the layers beside its own, and what lies under a brush gets no
    pointer. The name is that of the group, because Altair renames what is in it."""
    return alt.layer(source, name=pane.ground)


def marks(pane: Pane, style: MapStyle) -> alt.Chart:
    """The pictures: as marks, or as pictures in the frames of the ground."""
    tooltip = [
        alt.Tooltip("thumb:N", title="image"),
        alt.Tooltip("object:N"),
        alt.Tooltip("context:N"),
        alt.Tooltip(f"caption_{pane.index}:N", title="caption"),
        alt.Tooltip(f"predicted_{pane.index}:N", title="prediction at the end" if pane.shows else "prediction"),
    ]
    if style.trust:
        tooltip.append(alt.Tooltip("trusted:N", title="trust in this place"))
    place = keyed(pane, style).encode(tooltip=tooltip).properties(name=pane.marks)
    if style.pictures:
        return place.mark_image(width=FRAME, height=FRAME).encode(url="thumb:N", opacity=_opacity(style, full=1))
    return place.mark_point(shape=alt.expr(style.keys.form), strokeWidth=1.4).encode(
        stroke=stroke(style),
        fill=alt.when("datum.kind == 'training'").then(fill(style)).otherwise(alt.value("transparent")),
        size=_size(style),
        opacity=_opacity(style, full=0.9),
    )


def outlines(pane: Pane, style: MapStyle, opacity: float, *, aria: bool) -> alt.Chart:
    """The pictures as hollow marks that answer to nothing, spoken or not."""
    place = keyed(pane, style).encode(stroke=stroke(style))
    look: dict[str, Any] = {"size": style.sizes.point, "strokeWidth": 1.4, "opacity": opacity}
    return place.mark_point(shape=alt.expr(style.keys.form), fill="transparent", aria=aria, **look)


def _size(style: MapStyle) -> Any:
    """A mark under the pointer grows; one whose place is not to be trusted is small."""
    if not style.trust:
        return alt.when(_HOV).then(alt.value(style.sizes.grown)).otherwise(alt.value(style.sizes.point))
    grown = {"param": "hov", "empty": False, "value": style.sizes.grown}
    unknown = {"test": _NOT_JUDGED, "value": style.sizes.point}
    return alt.Size("trust:Q", condition=[grown, unknown], **_trusted([6, style.sizes.point * 1.6]))


def _opacity(style: MapStyle, full: float) -> Any:
    """Rows outside a brush fade; a picture, which has one size, is faint where its place is not to be trusted."""
    if not (style.trust and style.pictures):
        return alt.when(style.lit).then(alt.value(full)).otherwise(alt.value(_FADED))
    faded, unknown = {"test": f"!({style.lit})", "value": _FADED}, {"test": _NOT_JUDGED, "value": full}
    return alt.Opacity("trust:Q", condition=[faded, unknown], **_trusted([0.2, full]))


def _trusted(ends: list[float]) -> dict[str, Any]:
    """The scale of trust in a place; a key says what it means, and the tooltip how much it is."""
    scale = alt.Scale(domain=[_NO_TRUST, 1], range=ends, clamp=True, zero=False, nice=False)
    return {"scale": scale, "legend": None}


def picture_beside(source: alt.Chart, pane: Pane, style: MapStyle) -> alt.Chart:
    """The pictures of rows, beside their marks towards the middle: never cut off, never under the pointer."""
    side = style.sizes.picture
    shift = (side / 2 + (FRAME / 2 if style.pictures else 9)) * pane.unit
    where = {
        f"lit_{field}": f"datum.{field} + (datum.{field} > {sum(ends) / 2!r} ? -1 : 1) * {shift!r}"
        for field, ends in zip(pane.fields, pane.extent, strict=True)
    }
    picture = source.transform_calculate(**where).mark_image(width=side, height=side, aria=False)
    return picture.encode(**pane.at(*where), url="thumb:N")


def captions(
    words: pd.DataFrame,
    pane: Pane,
    style: MapStyle,
    table: pd.DataFrame,
    stars: pd.DataFrame | None = None,
    colour: str | None = None,
) -> list[alt.Chart]:
    """Diamonds and their words; a halo in the colour of the ground keeps the words legible over marks.

    Args:
        words: `caption`, and its place in the columns of the pane.
        pane, style: of the map.
        table: pictures, and
        stars: uploads that words keep off, with the same columns of places.
        colour: of diamonds and words; that of text where none is given.
    """
    if words.empty:
        return []
    colour = colour or style.palette.text
    texts = [str(caption) for caption in words["caption"]]
    tops = None if stars is None else pane.pixels(stars)
    chosen = place_labels(texts, pane.pixels(words), pane.pixels(table), pane.side, tops)
    placed = words[["caption", *pane.columns]].assign(
        **{name: [getattr(place, name) for place in chosen] for name in ("dx", "dy", "align")},
        spoken=["caption: " + text for text in texts],
    )
    base, edge = present(placed, pane), style.palette.ground
    offset = {name: alt.expr(f"datum.{name}") for name in ("dx", "dy", "align")}
    text = {**offset, "fontSize": style.sizes.words, "fontWeight": 600, "baseline": "middle", "aria": False}
    halo = {"color": edge, "stroke": edge, "strokeWidth": 4, "strokeJoin": "round", "opacity": 0.8}
    x, y = pane.fields
    ends = {f"to_{x}": f"datum.{x} + datum.dx * {pane.unit!r}", f"to_{y}": f"datum.{y} - datum.dy * {pane.unit!r}"}
    return [
        base.transform_filter(f"abs(datum.dy) > {LINE}")
        .transform_calculate(**ends)
        .mark_rule(color=colour, strokeWidth=1, aria=False)
        .encode(x2=f"to_{x}:Q", y2=f"to_{y}:Q"),
        base.mark_point(
            shape="diamond", size=style.sizes.diamond, fill=colour, stroke=edge, strokeWidth=1.5, opacity=1
        ),
        base.mark_text(**text, **halo).encode(text="caption:N"),
        base.mark_text(**text, color=colour).encode(text="caption:N"),
    ]


def uploads(stars: pd.DataFrame, pane: Pane, style: MapStyle) -> list[alt.Chart]:
    """A visitor's pictures as stars on top of everything; several have their numbers in them."""
    tops = present(stars, pane)
    found = [
        _star(tops, style).encode(
            size=alt.when(_HOV).then(alt.value(520)).otherwise(alt.value(300)),
            tooltip=[alt.Tooltip("thumb:N", title="image"), alt.Tooltip("name:N", title="upload")],
        )
    ]
    if len(stars) > 1:
        number = tops.mark_text(color=style.palette.ground, fontSize=10, fontWeight=700, aria=False, tooltip=None)
        found.append(number.encode(text="number:N"))
    return found


def typed_caption(asked: pd.DataFrame, pane: Pane, style: MapStyle) -> list[alt.Chart]:
    """A caption that somebody typed as a star with its words: `caption`, and its place in the columns of the pane."""
    base = present(asked.assign(spoken="your caption: " + asked["caption"]), pane)
    words = base.mark_text(align="left", dx=13, fontSize=13, fontWeight=600, color=style.palette.text, aria=False)
    return [_star(base, style).encode(size=alt.value(320)), words.encode(text="caption:N")]


def _star(source: alt.Chart, style: MapStyle) -> alt.Chart:
    fill, edge = style.palette.accent, style.palette.ground
    return source.mark_point(shape=star(), fill=fill, stroke=edge, strokeWidth=1, opacity=1)


def ghosts(pane: Pane, style: MapStyle) -> alt.Chart:
    """Where the untrained encoder has the pictures that are shown."""
    x, y = (f"g{name}" for name in pane.columns)
    return (
        keyed(pane, style)
        .transform_filter(f"isValid(datum.{x}) && isValid(datum.{y})")
        .mark_point(shape="circle", size=14, fill=style.palette.muted, strokeWidth=0, opacity=0.4, aria=False)
        .encode(**pane.at(x, y))
    )


def movement(pane: Pane, style: MapStyle) -> list[alt.Chart]:
    """Lines from each picture's place in the first map to its place in this one; that of the hovered one stands out."""
    x2, y2 = pane.columns
    lines = (
        keyed(pane, style)
        .transform_filter("isValid(datum.x0) && isValid(datum.y0)")
        .encode(**pane.at("x0", "y0"), x2=f"{x2}:Q", y2=f"{y2}:Q")
    )
    faded = alt.when(style.lit).then(alt.value(0.3)).otherwise(alt.value(0.04))
    return [
        lines.mark_rule(color=style.palette.muted, strokeWidth=1, aria=False).encode(opacity=faded),
        lines.transform_filter(_HOV).mark_rule(color=style.palette.text, strokeWidth=2, opacity=1, aria=False),
    ]


def neighbours(lines: pd.DataFrame, pane: Pane, style: MapStyle) -> list[alt.Chart]:
    """Lines from the hovered and the clicked picture to those nearest to it in the full space."""
    # A row a picture, its lines as lists: a row a line would be more than Altair takes, and more to send.
    here = lines[lines["pane"] == pane.index].groupby("id", sort=False)
    rows = here.agg({"x": "first", "y": "first", "x2": list, "y2": list}).reset_index()
    source = alt.Chart(rows).transform_filter(_HOV | _PICK).transform_flatten(["x2", "y2"])
    ends = source.mark_point(shape="circle", size=24, fill=style.palette.text, strokeWidth=0, opacity=1, aria=False)
    return [
        source.mark_rule(color=style.palette.text, strokeWidth=1.2, opacity=0.8, aria=False)
        .encode(**pane.at("x", "y"), x2="x2:Q", y2="y2:Q"),
        ends.encode(**pane.at("x2", "y2")),
    ]  # fmt: skip


def twins(lines: pd.DataFrame, pane: Pane, style: MapStyle) -> list[alt.Chart]:
    """The arrows of the clicked scene, and a circle around each of its pictures."""
    ways = _ways(lines[lines["pane"] == pane.index], pane, _AROUND)
    source = (
        alt.Chart(ways[["scene", "kind", "x", "y", "x2", "y2", "angle"]])
        .transform_filter(_SCENE)
        .transform_calculate(colour="'arrow: ' + datum.kind")
        .encode(stroke=stroke(style))
    )
    ring = circle(keyed(pane, style).transform_filter(_SCENE), style.sizes.grown, style.palette.text)
    shaft, head = _arrows(source, pane, aria=False)
    return [ring, shaft, head.encode(fill=fill(style))]


def words_left_out(lines: pd.DataFrame, pane: Pane, style: MapStyle) -> list[alt.Chart]:
    """Arrows from a whole caption to the caption without each `word`, with what is left out at their ends."""
    ways = _ways(lines[lines["pane"] == pane.index], pane, 0)
    said = ways.assign(said="− " + ways["word"], spoken="without " + ways["word"])
    source = alt.Chart(said).encode(stroke=alt.value(style.palette.accent), description=alt.Description("spoken:N"))
    shaft, head = _arrows(source, pane, fill=style.palette.accent)  # the head is spoken, for the whole arrow
    tooltip = [alt.Tooltip("word:N", title="left out"), alt.Tooltip("cosine:Q", format=".2f")]
    text = alt.Chart(said).mark_text(align="left", dx=8, dy=-8, fontSize=12, color=style.palette.accent, aria=False)
    return [shaft, head.encode(tooltip=tooltip), text.encode(**pane.at("x2", "y2"), text="said:N")]


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
