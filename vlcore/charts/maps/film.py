"""The training film: maps, losses and probes of up to four models, driven through their snapshots by one slider.

A picture is one row, and its places at all snapshots are one short text a map, of which the browser takes the piece
that the slider asks for. So pictures are sent once, a film is little more than a map, and nothing goes to the server
while it runs. Curves say when, maps say where: under each map are loss, probes and accuracies with a rule at the moment
shown, and beside each curve its value in the snapshot that the map shows. To play is to move the slider: see
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

from vlcore.charts.curves import STEP_TOOLTIP
from vlcore.charts.maps import layers
from vlcore.charts.maps.labels import spread
from vlcore.charts.maps.legend import map_legend
from vlcore.charts.maps.panes import MOMENT, MapStyle, Pane, figure, hover, wrapped
from vlcore.charts.maps.tables import Extent, MapTables, extent_of, pictures_table
from vlcore.charts.scales import PERCENT, SPOKEN, named_colours, straight
from vlcore.charts.tables import known_only
from vlcore.charts.theme import Palette, across
from vlcore.core.grouping import Grouping
from vlcore.core.wording import decimal, percent

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

    @property
    def extent(self) -> Extent:
        """Around all that the film ever shows: the map stands still while it runs."""
        return extent_of([self.places, self.caption_places])


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
    tables = _tables(points, tracks, steps, grouping)
    legend = map_legend(palette, grouping, tables)
    style = MapStyle(palette, legend, guide=legend.guide(side))
    curves = pd.concat([track.curves for track in tracks])
    panels = [panel for panel in PANELS if (curves["panel"] == panel).any()]
    high = dict.fromkeys(panels, 1.0) | {"loss": float(curves.loc[curves["panel"] == "loss", "value"].max())}
    beside = across(len(tracks), side)
    frame = alt.ViewBackground(stroke=None, fill=None)
    empty = alt.layer(alt.Chart(alt.Data(values=[])).mark_point(), width=side, height=1, view=frame)
    views: list[alt.LayerChart] = []
    marks = []
    for start in range(0, len(tracks), beside):
        row = list(enumerate(tracks))[start : start + beside]
        for number, track in row:
            # Altair gives a view of a concatenation its own number: marks must have it in the first place.
            pane = Pane(number, ([0, UNITS], [0, UNITS]), side, track.axes, view=len(views), shows=track.shows)
            marks.append(pane.marks)
            title = alt.Title(wrapped(track.title, side / 7.6), frame="group", offset=26)
            chart = layers.draw(tables, pane, style, layers.LAYERS, title=title)
            views.append(chart + _line(track, pane, style))
        alone = [empty] * (beside - len(row))  # what is below a map stays below it where none stands beside it
        views += alone
        for panel in panels:
            lowest = panel == panels[-1]
            for _, track in row:
                curve = track.curves[track.curves["panel"] == panel]
                shown = [track.steps[index] for index in track.shows]
                views.append(
                    curve_panel(panel, curve, steps, shown, palette=palette, side=side, high=high[panel], lowest=lowest)
                )
            views += alone
    spacing = {"row": 14, "column": 36}
    chart = alt.concat(*views, columns=beside, spacing=spacing, **figure(tables.points, palette))
    # Curves have colours and dashes of their own, unlike groups.
    chart = chart.resolve_scale(color="independent", strokeDash="independent")
    slider = alt.binding_range(min=1, max=len(steps), step=1, name="Moment ")
    chart.params = [alt.VariableParameter(name=MOMENT, value=len(steps), bind=slider), hover(marks)]
    return chart.properties(description=spoken) if spoken else chart


def _tables(points: pd.DataFrame, tracks: Sequence[ModelTrack], steps: Sequence[int], grouping: Grouping) -> MapTables:
    """Pictures and captions, with one text of all places for each axis of each map: one table is sent for all maps."""
    if not tracks or not len(steps):
        raise ValueError("A film needs a model and a moment.")
    table = pictures_table(points, grouping, len(tracks))
    captions = []
    for number, track in enumerate(tracks):
        known_only(track.curves["panel"], tuple(PANELS), "panel")
        snapshots, pictures = len(track.steps), len(points)
        shapes = (track.places.shape, track.caption_places.shape, len(track.said), len(track.shows))
        if shapes != ((snapshots, pictures, 2), (snapshots, len(track.captions), 2), snapshots, len(steps)):
            raise ValueError(f"track {track.title!r} does not fit {pictures} pictures and {len(steps)} moments")
        if not all(0 <= index < snapshots for index in track.shows):
            raise ValueError(f"track {track.title!r} shows a snapshot that it does not have")
        words = pd.DataFrame({"caption": track.captions, "pane": number})
        for axis, (name, ends) in enumerate(zip("xy", track.extent, strict=True)):
            table[f"{name}{number}"] = _texts(track.places[..., axis], ends)
            words[name] = _texts(track.caption_places[..., axis], ends)
        captions.append(words)
    return MapTables(table, pd.concat(captions, ignore_index=True))


def _texts(places: NDArray[np.float64], ends: list[float]) -> list[str | None]:
    """One coordinate at all snapshots, (T, n), as whole numbers in n texts; None where there is none."""
    units = (places - ends[0]) / (ends[1] - ends[0]) * UNITS
    return [None if np.isnan(row).any() else ",".join(str(int(unit)) for unit in row.round()) for row in units.T]


def _line(track: ModelTrack, pane: Pane, style: MapStyle) -> alt.Chart:
    """What is said of the moment, over the map."""
    table = pd.DataFrame({"snapshot": range(len(track.said)), "said": track.said})
    now = alt.Chart(table).transform_filter(f"datum.snapshot == {pane.now}")
    words = now.mark_text(align="left", baseline="bottom", fontSize=12, color=style.palette.muted, aria=False)
    return words.encode(x=alt.value(0), y=alt.value(-8), text="said:N")


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
    write = decimal if panel == "loss" else percent
    ends = curves.groupby("series", sort=False)["value"].last()
    heights = dict(zip(ends.index, spread([_HEIGHT * (1 - value / high) for value in ends], 15), strict=True))
    table = curves.loc[:, ["series", "step", "value"]].assign(height=curves["series"].map(heights))
    table["said"] = [f"{row.series} {write(row.value)}" for row in table.itertuples()]
    table["spoken"] = [f"{row.said} at step {row.step:.0f}" for row in table.itertuples()]
    moments = pd.DataFrame({"step": [int(step) for step in steps], "number": range(1, len(steps) + 1)})
    x = _step_axis(int(max(steps)), lowest)
    ticks, labels = ([0, high / 2, high], "format(datum.value, '.2f')") if panel == "loss" else ([0, 0.5, 1], PERCENT)
    y = alt.Y("value:Q", scale=straight([0, high]), axis=alt.Axis(title=None, values=ticks, labelExpr=labels))
    colour = named_colours("series:N", dict(zip(names, (palette.text, palette.muted), strict=False)))
    patterns = alt.Scale(domain=names, range=[[1, 0], [5, 3]][: len(names)])
    dash = alt.StrokeDash("series:N", scale=patterns, legend=None)
    base = alt.Chart(table).encode(x=x, y=y, color=colour, description=SPOKEN)
    now = base.transform_filter(f"datum.step == {json.dumps([int(step) for step in shown])}[{MOMENT} - 1]")
    rule = alt.Chart(moments).transform_filter(f"datum.number == {MOMENT}")
    words = {"align": "left", "baseline": "middle", "dy": alt.expr("datum.height"), "fontSize": 12, "fontWeight": 600}
    title = alt.Title(PANELS[panel], fontSize=12, fontWeight="normal", color=palette.muted, frame="group", offset=4)
    return alt.layer(
        base.mark_line(strokeWidth=1.6, clip=True).encode(strokeDash=dash, tooltip=list(STEP_TOOLTIP)),
        rule.mark_rule(color=palette.accent, strokeWidth=1.5, aria=False).encode(x=x),
        now.mark_point(filled=True, size=50, opacity=1).encode(tooltip=list(STEP_TOOLTIP)),
        now.mark_text(**words, aria=False).encode(x=alt.value(side - _BESIDE + 10), y=alt.value(0), text="said:N"),
        width=side - _BESIDE,
        height=_HEIGHT,
        view=alt.ViewConfig(stroke=None),
        title=title,
    )


def _step_axis(last: int, lowest: bool) -> alt.X:
    """Steps on a scale that draws the early ones apart, as the snapshots are taken."""
    ticks = [0, *(10**power for power in range(6) if 2 * 10**power < last), last]
    title = "training step, early ones drawn apart" if lowest else None
    axis = alt.Axis(title=title, labels=lowest, ticks=lowest, values=ticks, grid=False)
    scale = alt.Scale(type="symlog", constant=1, domain=[0, max(1, last)], nice=False)
    return alt.X("step:Q", scale=scale, axis=axis)
