"""The training film: maps, losses and probes of up to four models, driven through their snapshots by one slider.

The one idea: a picture is one row, and its places at all snapshots are one short text a map, of which the browser takes
the piece that the slider asks for. So pictures are sent once, a film is little more than a map, and nothing goes to the
server while it runs. What plays a film moves its slider: see `vlcore.figures.playing`.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.figures.film_curves import MOMENT, PANELS, curve_panel
from vlcore.figures.keys import caption_key, map_keys
from vlcore.figures.panes import LARGE, circle
from vlcore.figures.placing import place_labels
from vlcore.figures.tables import known_only, need
from vlcore.figures.theme import Palette, across, theme
from vlcore.images.groups import Grouping
from vlcore.images.thumbs import check_uris

UNITS = 5000  # places are whole numbers from 0 to this, from one edge of a map to the other
_ALWAYS = ("id", "object", "context", "group", "kind", "minority", "thumb", "spoken")


@dataclass(frozen=True, eq=False)
class Reel:
    """One model's part of a film, with T snapshots of its own.

    Attributes:
        title: above its map.
        axes: titles of the axes of its map.
        steps: training steps of its snapshots, ascending, T.
        shows: which of them is shown at each moment of the film.
        places: of the pictures at each snapshot, (T, n, 2); NaN where a picture is not in this model's map.
        captions: the captions on its map, K.
        caption_places: their places, (T, K, 2).
        said: a line over the map, for each snapshot.
        curves: `panel` (of `PANELS`), `series`, `step`, `value`: two series a panel at most.
    """

    title: str
    axes: tuple[str, str]
    steps: tuple[int, ...]
    shows: tuple[int, ...]
    places: NDArray[np.float64]
    captions: tuple[str, ...]
    caption_places: NDArray[np.float64]
    said: tuple[str, ...]
    curves: pd.DataFrame


def film_chart(
    points: pd.DataFrame,
    reels: Sequence[Reel],
    steps: Sequence[int],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int = 420,
    spoken: str = "",
) -> alt.ConcatChart:
    """Maps with their curves below, over one slider (`MOMENT`) and one hover (`hov`).

    Args:
        points: one row a picture: `id` (unique str), `object`, `context`, `group`, `kind` ("training" or "test"),
            `minority`, `thumb` (made by `thumb_uri`), `spoken`, and for each map, numbered from 0, `caption_0` and
            `predicted_0`.
        reels: the models' parts, of the same pictures.
        steps: training step of each moment of the film, ascending.
        palette: colours.
        grouping: which groups there are.
        side: of each map in px.
        spoken: what the film says to those who do not see it.

    Raises:
        ValueError: when there is nothing to show, a column is missing, an id occurs twice, a group, kind or panel is
            unknown, a picture is foreign, or a reel does not fit the pictures or the moments.
    """
    table = _checked(points, reels, steps, grouping)
    for number, reel in enumerate(reels):  # all places before any chart: one table is sent for all maps
        for axis, (name, ends) in enumerate(zip("xy", _extent(reel), strict=True)):
            table[f"{name}{number}"] = _texts(reel.places[..., axis], ends)
    curves = pd.concat([reel.curves for reel in reels])
    panels = [panel for panel in PANELS if (curves["panel"] == panel).any()]
    high = dict.fromkeys(panels, 1.0) | {"loss": float(curves.loc[curves["panel"] == "loss", "value"].max())}
    beside = across(len(reels), side)
    panes: list[alt.LayerChart] = []
    views = []
    for start in range(0, len(reels), beside):
        row = list(enumerate(reels))[start : start + beside]
        for number, reel in row:
            # Altair gives a view of a concatenation the number of its pane: it must have it in the first place.
            views.append(f"marks_{len(panes)}")
            panes.append(_map(table, number, reel, views[-1], palette, grouping, side))
        alone = [_empty(side)] * (beside - len(row))  # what is below a map stays below it where none stands beside it
        panes += alone
        for panel in panels:
            for _, reel in row:
                curve = reel.curves[reel.curves["panel"] == panel]
                shown, lowest = [reel.steps[index] for index in reel.shows], panel == panels[-1]
                panes.append(
                    curve_panel(panel, curve, steps, shown, palette=palette, side=side, high=high[panel], lowest=lowest)
                )
            panes += alone
    chart = alt.concat(*panes, columns=beside, spacing={"row": 14, "column": 36}, autosize="pad")
    # Curves have colours and dashes of their own, unlike groups.
    chart = chart.resolve_scale(color="independent", strokeDash="independent").configure(**theme(palette))
    slider = alt.binding_range(min=1, max=len(steps), step=1, name="Moment ")
    hover = {"type": "point", "fields": ["id"], "on": "pointerover", "clear": "pointerout"}
    chart.params = [
        alt.VariableParameter(name=MOMENT, value=len(steps), bind=slider),
        alt.TopLevelSelectionParameter(name="hov", select=hover, views=views),
    ]
    return chart.properties(description=spoken) if spoken else chart


def _empty(side: int) -> alt.LayerChart:
    frame = alt.ViewBackground(stroke=None, fill=None)
    return alt.layer(alt.Chart(alt.Data(values=[])).mark_point()).properties(width=side, height=1, view=frame)


def _map(
    table: pd.DataFrame, number: int, reel: Reel, view: str, palette: Palette, grouping: Grouping, side: int
) -> alt.LayerChart:
    extent = _extent(reel)
    layers = [
        *_marks(table, number, reel, view, palette, grouping, side),
        *_captions(reel, number, extent, palette, side),
        _line(reel, palette),
        *_lit(table, number, reel, palette, side),
    ]
    title = alt.Title(textwrap.wrap(reel.title, max(10, int(side / 7.6))), frame="group", offset=26)
    return alt.layer(*layers).properties(width=side, height=side, title=title)


def _checked(points: pd.DataFrame, reels: Sequence[Reel], steps: Sequence[int], grouping: Grouping) -> pd.DataFrame:
    if not reels or not len(steps):
        raise ValueError("A film needs a model and a moment.")
    own = [f"{what}_{number}" for number in range(len(reels)) for what in ("caption", "predicted")]
    need(points, (*_ALWAYS, *own), "points")
    known_only(points["group"], grouping.names, "group")
    known_only(points["kind"], ("training", "test"), "kind")
    check_uris(points["thumb"])
    if points["id"].duplicated().any():
        raise ValueError("points: every id must occur once")
    for reel in reels:
        known_only(reel.curves["panel"], tuple(PANELS), "panel")
        snapshots, pictures = len(reel.steps), len(points)
        shapes = (reel.places.shape, reel.caption_places.shape, len(reel.said), len(reel.shows))
        if shapes != ((snapshots, pictures, 2), (snapshots, len(reel.captions), 2), snapshots, len(steps)):
            raise ValueError(f"reel {reel.title!r} does not fit {pictures} pictures and {len(steps)} moments")
        if not all(0 <= index < snapshots for index in reel.shows):
            raise ValueError(f"reel {reel.title!r} shows a snapshot that it does not have")
    return points.loc[:, [*_ALWAYS, *own]].reset_index(drop=True)


def _extent(reel: Reel) -> tuple[list[float], list[float]]:
    """Ends of x and y with one span, around all that the film ever shows: the map stands still while it runs."""
    every = np.concatenate([reel.places.reshape(-1, 2), reel.caption_places.reshape(-1, 2)])
    every = every[np.isfinite(every).all(axis=1)]
    if not len(every):
        return [-1.0, 1.0], [-1.0, 1.0]
    low, high = every.min(axis=0), every.max(axis=0)
    half = 0.56 * max(float((high - low).max()), 1e-6)
    x, y = ([float(middle) - half, float(middle) + half] for middle in (low + high) / 2)
    return x, y


def _texts(places: NDArray[np.float64], ends: list[float]) -> list[str | None]:
    """One coordinate of each picture at all snapshots, (T, n), as whole numbers in a text; None where it has none."""
    units = (places - ends[0]) / (ends[1] - ends[0]) * UNITS
    return [None if np.isnan(row).any() else ",".join(str(int(unit)) for unit in row.round()) for row in units.T]


def _now(reel: Reel) -> str:
    """The snapshot of a reel that belongs to the moment that the slider shows, as an expression."""
    return f"{json.dumps(list(reel.shows))}[{MOMENT} - 1]"


def _placed(table: pd.DataFrame, x: str, y: str, reel: Reel, side: int) -> alt.Chart:
    """The rows that are on a map, at their place of the moment.

    What is computed is named after its columns: Vega-Lite takes two maps' computations of one name for the same.
    """
    titles = (textwrap.wrap(title, max(10, side // 6)) for title in reel.axes)
    axes = (alt.Axis(title=title, labels=False, ticks=False, grid=False, domain=False) for title in titles)
    scale = alt.Scale(domain=[0, UNITS], nice=False, zero=False)
    return (
        alt.Chart(table)
        .transform_filter(f"isValid(datum.{x})")
        .transform_calculate(**{f"{name}_all": f"split(datum.{name}, ',')" for name in (x, y)})
        .transform_calculate(**{f"{name}_now": f"toNumber(datum.{name}_all[{_now(reel)}])" for name in (x, y)})
        .encode(
            x=alt.X(f"{x}_now:Q", scale=scale, axis=next(axes)),
            y=alt.Y(f"{y}_now:Q", scale=scale, axis=next(axes)),
            description=alt.Description("spoken:N"),
        )
    )


def _marks(
    table: pd.DataFrame, number: int, reel: Reel, view: str, palette: Palette, grouping: Grouping, side: int
) -> list[alt.Chart]:
    hov = alt.selection_point(name="hov", empty=False)
    keys = map_keys(palette, grouping, more=(caption_key(palette),))
    legend = keys.legend(side)
    stroke = alt.Stroke("colour:N", scale=keys.scale("stroke"), legend=legend)
    fill = alt.Fill("colour:N", scale=keys.scale("fill"), legend=legend)
    shape = alt.Shape("colour:N", scale=keys.scale("shape"), legend=legend)
    place = _placed(table, f"x{number}", f"y{number}", reel, side).transform_calculate(colour=keys.colour(number))
    rings = place.transform_filter("datum.minority").mark_point(
        shape="circle", size=LARGE.ring, strokeWidth=1, opacity=0.7, aria=False
    )
    marks = place.mark_point(strokeWidth=1.4, opacity=0.9).encode(
        shape=shape,
        stroke=stroke,
        fill=alt.when("datum.kind == 'training'").then(fill).otherwise(alt.value("transparent")),
        size=alt.when(hov).then(alt.value(LARGE.grown)).otherwise(alt.value(LARGE.point)),
        tooltip=[
            alt.Tooltip("thumb:N", title="image"),
            alt.Tooltip("object:N"),
            alt.Tooltip("context:N"),
            alt.Tooltip(f"caption_{number}:N", title="caption"),
            alt.Tooltip(f"predicted_{number}:N", title="prediction at the end"),
        ],
    )
    return [rings.encode(stroke=stroke), marks.properties(name=view)]


def _captions(
    reel: Reel, number: int, extent: tuple[list[float], list[float]], palette: Palette, side: int
) -> list[alt.Chart]:
    """Diamonds that move, with their words where there is room for them at the end."""
    if not reel.captions:
        return []
    x, y = (_texts(reel.caption_places[..., axis], extent[axis]) for axis in (0, 1))
    low, span = np.array([extent[0][0], extent[1][0]]), extent[0][1] - extent[0][0]
    last = reel.shows[-1]
    ends = [(places[last] - low) / span * side for places in (reel.caption_places, reel.places)]
    anchors, points = (np.column_stack([end[:, 0], side - end[:, 1]]) for end in ends)
    places = place_labels(reel.captions, anchors, points[np.isfinite(points).all(axis=1)], side)
    table = pd.DataFrame({"caption": reel.captions, f"cx{number}": x, f"cy{number}": y})
    table = table.assign(**{name: [getattr(place, name) for place in places] for name in ("dx", "dy", "align")})
    table["spoken"] = [f"caption: {caption}" for caption in reel.captions]
    base = _placed(table, f"cx{number}", f"cy{number}", reel, side)
    offset = {name: alt.expr(f"datum.{name}") for name in ("dx", "dy", "align")}
    text: dict[str, Any] = {**offset, "fontSize": LARGE.words, "fontWeight": 600, "baseline": "middle", "aria": False}
    halo = {"color": palette.ground, "stroke": palette.ground, "strokeWidth": 4, "strokeJoin": "round", "opacity": 0.8}
    return [
        base.mark_point(
            shape="diamond", size=LARGE.diamond, fill=palette.text, stroke=palette.ground, strokeWidth=1.5, opacity=1
        ),
        base.mark_text(**text, **halo).encode(text="caption:N"),
        base.mark_text(**text, color=palette.text).encode(text="caption:N"),
    ]


def _line(reel: Reel, palette: Palette) -> alt.Chart:
    """What is said of the moment, over the map."""
    table = pd.DataFrame({"snapshot": range(len(reel.said)), "said": reel.said})
    return (
        alt.Chart(table)
        .transform_filter(f"datum.snapshot == {_now(reel)}")
        .mark_text(align="left", baseline="bottom", fontSize=12, color=palette.muted, aria=False)
        .encode(x=alt.value(0), y=alt.value(-8), text="said:N")
    )


def _lit(table: pd.DataFrame, number: int, reel: Reel, palette: Palette, side: int) -> list[alt.Chart]:
    """A circle around the hovered mark, and its picture beside it towards the middle."""
    place = _placed(table, f"x{number}", f"y{number}", reel, side).transform_filter(
        alt.selection_point(name="hov", empty=False)
    )
    shift = (LARGE.picture / 2 + 9) / side * UNITS
    beside = {}
    for axis in "xy":
        at = f"datum.{axis}{number}_now"
        beside[f"lit_{axis}{number}"] = f"{at} + ({at} > {UNITS // 2} ? -1 : 1) * {shift:.0f}"
    picture = place.transform_calculate(**beside).mark_image(width=LARGE.picture, height=LARGE.picture, aria=False)
    scale = alt.Scale(domain=[0, UNITS], nice=False, zero=False)
    where = {"x": alt.X(f"lit_x{number}:Q", scale=scale), "y": alt.Y(f"lit_y{number}:Q", scale=scale)}
    return [circle(place, 1.5 * LARGE.grown, palette.text), picture.encode(**where, url="thumb:N")]
