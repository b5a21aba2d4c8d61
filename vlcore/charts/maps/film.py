"""The training film: maps, losses and probes of up to four models, driven through their snapshots by one slider.

The one idea: a picture is one row, and its places at all snapshots are one short text a map, of which the browser takes
the piece that the slider asks for. So pictures are sent once, a film is little more than a map, and nothing goes to the
server while it runs. Curves say when, maps say where: under each map are loss, probes and accuracies with a rule at the
moment shown, and beside each curve its value in the snapshot that the map shows. To play is to move the slider: see
`PLAY_SCRIPT` of `vlcore.charts.html`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.charts.maps import layers
from vlcore.charts.maps.labels import spread
from vlcore.charts.maps.legend import caption_entry, map_keys
from vlcore.charts.maps.panes import MOMENT, MapStyle, Pane, hover, sent, wrapped
from vlcore.charts.tables import extent_of, known_only, pictures_table
from vlcore.charts.theme import Palette, across, theme
from vlcore.core.grouping import Grouping

UNITS = 5000  # places are whole numbers from 0 to this, from one edge of a map to the other
PANELS = {"loss": "loss", "probe": "read off by a linear probe", "right": "right by its captions"}
_HEIGHT = 72  # px
_BESIDE = 116  # px right of a curve, for its words


@dataclass(frozen=True, eq=False)
class ModelTrack:
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
    tracks: Sequence[ModelTrack],
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
        tracks: the models' parts, of the same pictures.
        steps: training step of each moment of the film, ascending.
        palette: colours.
        grouping: which groups there are.
        side: of each map in px.
        spoken: what the film says to those who do not see it.

    Raises:
        ValueError: when there is nothing to show, a column is missing, an id occurs twice, a group, kind or panel is
            unknown, a picture is foreign, or a track does not fit the pictures or the moments.
    """
    table = _checked(points, tracks, steps, grouping)
    keys = map_keys(palette, grouping, more=(caption_entry(palette),))
    style = MapStyle(palette, keys, legend=keys.legend(side))
    curves = pd.concat([track.curves for track in tracks])
    panels = [panel for panel in PANELS if (curves["panel"] == panel).any()]
    high = dict.fromkeys(panels, 1.0) | {"loss": float(curves.loc[curves["panel"] == "loss", "value"].max())}
    beside = across(len(tracks), side)
    views: list[alt.LayerChart] = []
    marks = []
    for start in range(0, len(tracks), beside):
        row = list(enumerate(tracks))[start : start + beside]
        for number, track in row:
            axes = (wrapped(track.axes[0], side / 6), wrapped(track.axes[1], side / 6))
            # Altair gives a view of a concatenation its own number: marks must have it in the first place.
            pane = Pane(number, ([0, UNITS], [0, UNITS]), axes, side, view=len(views), shows=track.shows)
            marks.append(pane.marks)
            views.append(_map(table, track, pane, style))
        alone = [_empty(side)] * (beside - len(row))  # what is below a map stays below it where none stands beside it
        views += alone
        for panel in panels:
            for _, track in row:
                curve = track.curves[track.curves["panel"] == panel]
                shown, lowest = [track.steps[index] for index in track.shows], panel == panels[-1]
                views.append(
                    curve_panel(panel, curve, steps, shown, palette=palette, side=side, high=high[panel], lowest=lowest)
                )
            views += alone
    spacing = {"row": 14, "column": 36}
    chart = alt.concat(*views, columns=beside, spacing=spacing, autosize="pad", datasets=sent(table))
    # Curves have colours and dashes of their own, unlike groups.
    chart = chart.resolve_scale(color="independent", strokeDash="independent").configure(**theme(palette))
    slider = alt.binding_range(min=1, max=len(steps), step=1, name="Moment ")
    chart.params = [alt.VariableParameter(name=MOMENT, value=len(steps), bind=slider), hover(marks)]
    return chart.properties(description=spoken) if spoken else chart


def _empty(side: int) -> alt.LayerChart:
    frame = alt.ViewBackground(stroke=None, fill=None)
    return alt.layer(alt.Chart(alt.Data(values=[])).mark_point()).properties(width=side, height=1, view=frame)


def _checked(
    points: pd.DataFrame, tracks: Sequence[ModelTrack], steps: Sequence[int], grouping: Grouping
) -> pd.DataFrame:
    """The pictures, with one text of all places for each axis of each map: one table is sent for all maps."""
    if not tracks or not len(steps):
        raise ValueError("A film needs a model and a moment.")
    table = pictures_table(points, grouping, len(tracks))
    for number, track in enumerate(tracks):
        known_only(track.curves["panel"], tuple(PANELS), "panel")
        snapshots, pictures = len(track.steps), len(points)
        shapes = (track.places.shape, track.caption_places.shape, len(track.said), len(track.shows))
        if shapes != ((snapshots, pictures, 2), (snapshots, len(track.captions), 2), snapshots, len(steps)):
            raise ValueError(f"track {track.title!r} does not fit {pictures} pictures and {len(steps)} moments")
        if not all(0 <= index < snapshots for index in track.shows):
            raise ValueError(f"track {track.title!r} shows a snapshot that it does not have")
        for name, axis, ends in zip("xy", np.moveaxis(track.places, -1, 0), _extent(track), strict=True):
            table[f"{name}{number}"] = _texts(axis, ends)
    return table


def _extent(track: ModelTrack) -> tuple[list[float], list[float]]:
    """Around all that the film ever shows: the map stands still while it runs."""
    return extent_of([track.places, track.caption_places])


def _texts(places: NDArray[np.float64], ends: list[float]) -> list[str | None]:
    """One coordinate at all snapshots, (T, n), as whole numbers in n texts; None where there is none."""
    units = (places - ends[0]) / (ends[1] - ends[0]) * UNITS
    return [None if np.isnan(row).any() else ",".join(str(int(unit)) for unit in row.round()) for row in units.T]


def _map(table: pd.DataFrame, track: ModelTrack, pane: Pane, style: MapStyle) -> alt.LayerChart:
    under = [] if pane.index else [layers.legend(style)]
    found = layers.linked(
        table, _captions(track, pane), None, pane, style, under=under, over=[_line(track, pane, style)]
    )
    title = alt.Title(wrapped(track.title, pane.side / 7.6), frame="group", offset=26)
    return alt.layer(*found).properties(width=pane.side, height=pane.side, title=title)


def _captions(track: ModelTrack, pane: Pane) -> pd.DataFrame:
    places = zip(pane.columns, np.moveaxis(track.caption_places, -1, 0), _extent(track), strict=True)
    return pd.DataFrame({"caption": track.captions, **{name: _texts(axis, ends) for name, axis, ends in places}})


def _line(track: ModelTrack, pane: Pane, style: MapStyle) -> alt.Chart:
    """What is said of the moment, over the map."""
    table = pd.DataFrame({"snapshot": range(len(track.said)), "said": track.said})
    return (
        alt.Chart(table)
        .transform_filter(f"datum.snapshot == {pane.now}")
        .mark_text(align="left", baseline="bottom", fontSize=12, color=style.palette.muted, aria=False)
        .encode(x=alt.value(0), y=alt.value(-8), text="said:N")
    )


def curve_panel(
    panel: str,
    curves: pd.DataFrame,
    steps: Sequence[int],
    shown: Sequence[int],
    *,
    palette: Palette,
    side: int,
    high: float,
    lowest: bool,
) -> alt.LayerChart:
    """One panel of curves over training steps.

    Args:
        panel: one of `PANELS`.
        curves: `series`, `step`, `value`: at most two series.
        steps: training step of each moment of the film, ascending.
        shown: step of the snapshot that is shown at each moment.
        palette: colours.
        side: width with the words beside the curve, in px.
        high: end of the axis.
        lowest: whether it is the one that carries the axis of steps.
    """
    names = list(dict.fromkeys(curves["series"]))
    said = [f"{row.value:.2f}" if panel == "loss" else f"{100 * row.value:.0f} %" for row in curves.itertuples()]
    said = [f"{name} {words}" for name, words in zip(curves["series"], said, strict=True)]
    ends = curves.groupby("series", sort=False)["value"].last()
    heights = dict(zip(ends.index, spread([_HEIGHT * (1 - value / high) for value in ends], 15), strict=True))
    table = curves.loc[:, ["series", "step", "value"]].assign(said=said, height=curves["series"].map(heights))
    table["spoken"] = [f"{row.said} at step {row.step:.0f}" for row in table.itertuples()]
    x = _step_axis(int(max(steps)), lowest)
    y = _value_axis(panel, high)
    colours, dashes = [palette.text, palette.muted][: len(names)], [[1, 0], [5, 3]][: len(names)]
    colour = alt.Color("series:N", scale=alt.Scale(domain=names, range=colours), legend=None)
    dash = alt.StrokeDash("series:N", scale=alt.Scale(domain=names, range=dashes), legend=None)
    base = alt.Chart(table).encode(x=x, y=y, color=colour, description=alt.Description("spoken:N"))
    now = base.transform_filter(f"datum.step == {json.dumps([int(step) for step in shown])}[{MOMENT} - 1]")
    moments = pd.DataFrame({"step": [int(step) for step in steps], "number": range(1, len(steps) + 1)})
    tooltip = [alt.Tooltip("series:N"), alt.Tooltip("step:Q"), alt.Tooltip("value:Q", format=".3f")]
    words = {"align": "left", "baseline": "middle", "dy": alt.expr("datum.height"), "fontSize": 12, "fontWeight": 600}
    return alt.layer(
        base.mark_line(strokeWidth=1.6, clip=True).encode(strokeDash=dash, tooltip=tooltip),
        alt.Chart(moments)
        .transform_filter(f"datum.number == {MOMENT}")
        .mark_rule(color=palette.accent, strokeWidth=1.5, aria=False)
        .encode(x=x),
        now.mark_point(filled=True, size=50, opacity=1).encode(tooltip=tooltip),
        now.mark_text(**words, aria=False).encode(x=alt.value(side - _BESIDE + 10), y=alt.value(0), text="said:N"),
    ).properties(
        width=side - _BESIDE,
        height=_HEIGHT,
        view=alt.ViewConfig(stroke=None),
        title=alt.Title(PANELS[panel], fontSize=12, fontWeight="normal", color=palette.muted, frame="group", offset=4),
    )


def _step_axis(last: int, lowest: bool) -> alt.X:
    """Steps on a scale that draws the early ones apart, as the snapshots are taken."""
    ticks = [0, *(10**power for power in range(6) if 2 * 10**power < last), last]
    axis = alt.Axis(
        title="training step, early ones drawn apart" if lowest else None,
        labels=lowest,
        ticks=lowest,
        values=ticks,
        grid=False,
    )
    scale = alt.Scale(type="symlog", constant=1, domain=[0, max(1, last)], nice=False)
    return alt.X("step:Q", scale=scale, axis=axis)


def _value_axis(panel: str, high: float) -> alt.Y:
    if panel == "loss":
        axis = alt.Axis(title=None, values=[0, high / 2, high], labelExpr="format(datum.value, '.2f')")
    else:
        axis = alt.Axis(title=None, values=[0, 0.5, 1], labelExpr="round(100 * datum.value) + ' %'")
    return alt.Y("value:Q", scale=alt.Scale(domain=[0, high], nice=False), axis=axis)
