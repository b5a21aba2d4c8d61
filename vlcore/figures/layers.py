"""The layers of one map: rings, marks, words, stars, and what lights up under the pointer.

The one idea: a layer is one call over the rows that a pane shows, and the order of the calls is what lies over what.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import altair as alt
import pandas as pd

from vlcore.figures.panes import PICTURES, Look, Pane, circle, fill, keyed, present, stroke
from vlcore.figures.placing import LINE, place_labels
from vlcore.figures.theme import star

LEGEND = "legend_0"  # Altair numbers it as a layer of the first map
Layer: TypeAlias = alt.Chart | alt.LayerChart

FRAME = 28  # px, side of a picture that stands for a point
_NO_TRUST = 0.8  # from here on down a mark is as small, and a picture as pale, as they get
_FADED = 0.08  # opacity of what lies outside a brush
_NOT_JUDGED = "!isValid(datum.trust)"


def layers(
    table: pd.DataFrame,
    captions: pd.DataFrame,
    stars: pd.DataFrame | None,
    pane: Pane,
    look: Look,
    *,
    under: Sequence[Layer] = (),
    over: Sequence[Layer] = (),
) -> list[Layer]:
    """All layers of a pane, from the ground up.

    Args:
        table: what `points_table` returns, for words to keep off it; the marks read the dataset `PICTURES`.
        captions: those of this pane: `caption`, `x`, `y`.
        stars: what `uploads_table` returns, or None.
        pane: the pane.
        look: of the figure.
        under: more layers, under the marks.
        over: more layers, over the marks.
    """
    hov, pick = (alt.selection_point(name=name, empty=False) for name in ("hov", "pick"))
    place = keyed(pane, look)
    found: list[Layer] = [*under, *_ground(place, pane, look), _marks(place, hov, pane, look), *over]
    if look.pick:
        found.append(circle(place.transform_filter(pick), look.sizes.grown * 2, look.palette.accent))
    found += _words(captions, pane, look, table, stars)
    lit = [(place, look.sizes.grown * 1.5)]
    if stars is not None:
        tops = present(stars, pane)
        found += _stars(tops, hov, look, numbered=len(stars) > 1)
        lit.append((tops, 1100))
    for source, around in lit:
        found.append(circle(source.transform_filter(hov), around, look.palette.text))
        found.append(_lit(source.transform_filter(hov), pane, look))
    return found


def legend_layer(look: Look) -> alt.Chart:
    """No mark, but the legend: only scales over one field become one legend, and a mark's form is of another field."""
    return (
        alt.Chart(alt.NamedData(name=PICTURES), name=LEGEND)
        .transform_filter("false")
        .transform_calculate(colour="''")
        .mark_point(opacity=1, aria=False)
        .encode(
            stroke=stroke(look),
            fill=fill(look),
            shape=alt.Shape("colour:N", scale=look.keys.scale("shape"), legend=look.legend),
        )
    )


def _ground(place: alt.Chart, pane: Pane, look: Look) -> list[Layer]:
    """What lies under the marks: rings around the minority, frames of pictures. It carries the brush."""
    faded = alt.when(look.lit).then(alt.value(0.7)).otherwise(alt.value(0.06))
    rings = place.transform_filter("datum.minority").encode(stroke=stroke(look), opacity=faded)
    if not look.pictures:
        return [_brushed(rings.mark_point(shape="circle", size=look.sizes.ring, strokeWidth=1, aria=False), pane)]
    thick, thin = (alt.value((FRAME + by) ** 2) for by in (8, 3))
    frames = place.mark_point(shape="square", strokeWidth=1.2, aria=False).encode(
        stroke=stroke(look),
        fill=fill(look),
        size=alt.when("datum.kind == 'training'").then(thick).otherwise(thin),
        opacity=faded,
    )
    second = rings.mark_point(shape="square", size=(FRAME + 13) ** 2, strokeWidth=1, aria=False)
    return [second, _brushed(frames, pane)]


def _brushed(source: alt.Chart, pane: Pane) -> alt.LayerChart:
    """A layer in the layer: Vega-Lite lays a brush over the layers beside its own, and what lies under a brush gets no
    pointer. The name is that of the group, because Altair renames what is in it."""
    return alt.layer(source, name=pane.ground)


def _marks(place: alt.Chart, hov: alt.Parameter, pane: Pane, look: Look) -> alt.Chart:
    tooltip = [
        alt.Tooltip("thumb:N", title="image"),
        alt.Tooltip("object:N"),
        alt.Tooltip("context:N"),
        alt.Tooltip(f"caption_{pane.index}:N", title="caption"),
        alt.Tooltip(f"predicted_{pane.index}:N", title="prediction"),
    ]
    if look.trust:
        tooltip.append(alt.Tooltip("trusted:N", title="trust in this place"))
    place = place.encode(tooltip=tooltip).properties(name=pane.marks)
    if look.pictures:
        return place.mark_image(width=FRAME, height=FRAME).encode(url="thumb:N", opacity=_opacity(look, full=1))
    return place.mark_point(shape=alt.expr(look.keys.form), strokeWidth=1.4).encode(
        stroke=stroke(look),
        fill=alt.when("datum.kind == 'training'").then(fill(look)).otherwise(alt.value("transparent")),
        size=_size(hov, look),
        opacity=_opacity(look, full=0.9),
    )


def _size(hov: alt.Parameter, look: Look) -> Any:
    """A mark under the pointer grows; one whose place is not to be trusted is small."""
    if not look.trust:
        return alt.when(hov).then(alt.value(look.sizes.grown)).otherwise(alt.value(look.sizes.point))
    grown = {"param": "hov", "empty": False, "value": look.sizes.grown}
    unknown = {"test": _NOT_JUDGED, "value": look.sizes.point}
    return alt.Size("trust:Q", condition=[grown, unknown], **_trusted([6, look.sizes.point * 1.6]))


def _opacity(look: Look, full: float) -> Any:
    """Rows outside a brush fade; a picture, which has one size, is faint where its place is not to be trusted."""
    if not (look.trust and look.pictures):
        return alt.when(look.lit).then(alt.value(full)).otherwise(alt.value(_FADED))
    faded, unknown = {"test": f"!({look.lit})", "value": _FADED}, {"test": _NOT_JUDGED, "value": full}
    return alt.Opacity("trust:Q", condition=[faded, unknown], **_trusted([0.2, full]))


def _trusted(ends: list[float]) -> dict[str, Any]:
    """The scale of trust in a place; a key says what it means, and the tooltip how much it is."""
    scale = alt.Scale(domain=[_NO_TRUST, 1], range=ends, clamp=True, zero=False, nice=False)
    return {"scale": scale, "legend": None}


def _stars(tops: alt.Chart, hov: alt.Parameter, look: Look, *, numbered: bool) -> list[alt.Chart]:
    accent, ground = look.palette.accent, look.palette.ground
    found = [
        tops.mark_point(shape=star(), fill=accent, stroke=ground, strokeWidth=1, opacity=1).encode(
            size=alt.when(hov).then(alt.value(520)).otherwise(alt.value(300)),
            tooltip=[alt.Tooltip("thumb:N", title="image"), alt.Tooltip("name:N", title="upload")],
        )
    ]
    if numbered:
        number = tops.mark_text(color=ground, fontSize=10, fontWeight=700, aria=False, tooltip=None)
        found.append(number.encode(text="number:N"))
    return found


def _lit(source: alt.Chart, pane: Pane, look: Look) -> alt.Chart:
    """The picture of the hovered mark, beside it towards the middle: never cut off, never under the pointer."""
    where = {}
    picture = look.sizes.picture
    shift = (picture / 2 + (FRAME / 2 if look.pictures else 9)) * pane.unit
    for axis, ends in zip("xy", pane.extent, strict=True):
        field = f"datum.{axis}{pane.index}"
        where[f"lit_{axis}"] = f"{field} + ({field} > {sum(ends) / 2!r} ? -1 : 1) * {shift!r}"
    return (
        source.transform_calculate(**where)
        .mark_image(width=picture, height=picture, aria=False)
        .encode(**pane.at("lit_x", "lit_y"), url="thumb:N")
    )


def _words(
    words: pd.DataFrame, pane: Pane, look: Look, table: pd.DataFrame, stars: pd.DataFrame | None
) -> list[alt.Chart]:
    """Diamonds and their words; a halo in the colour of the ground keeps the words legible over marks."""
    if words.empty:
        return []
    where, palette = [f"x{pane.index}", f"y{pane.index}"], look.palette
    anchors = pane.pixels(words[["x", "y"]].to_numpy(float))
    points = pane.pixels(table[where].dropna().to_numpy(float))
    tops = None if stars is None else pane.pixels(stars[where].dropna().to_numpy(float))
    chosen = place_labels([str(caption) for caption in words["caption"]], anchors, points, pane.side, tops)
    placed = words.assign(
        dx=[place.dx for place in chosen],
        dy=[place.dy for place in chosen],
        align=[place.align for place in chosen],
        tx=[x + place.dx * pane.unit for x, place in zip(words["x"], chosen, strict=True)],
        ty=[y - place.dy * pane.unit for y, place in zip(words["y"], chosen, strict=True)],
        spoken=["caption: " + str(caption) for caption in words["caption"]],
    )
    base = alt.Chart(placed).encode(**pane.at("x", "y"), description=alt.Description("spoken:N"))
    offset = {name: alt.expr(f"datum.{name}") for name in ("dx", "dy", "align")}
    text = {**offset, "fontSize": look.sizes.words, "fontWeight": 600, "baseline": "middle", "aria": False}
    halo = {"color": palette.ground, "stroke": palette.ground, "strokeWidth": 4, "strokeJoin": "round", "opacity": 0.8}
    return [
        base.transform_filter(f"abs(datum.dy) > {LINE}")
        .mark_rule(color=palette.text, strokeWidth=1, aria=False)
        .encode(x2="tx:Q", y2="ty:Q"),
        base.mark_point(
            shape="diamond",
            size=look.sizes.diamond,
            fill=palette.text,
            stroke=palette.ground,
            strokeWidth=1.5,
            opacity=1,
        ),
        base.mark_text(**text, **halo).encode(text="caption:N"),
        base.mark_text(**text, color=palette.text).encode(text="caption:N"),
    ]
