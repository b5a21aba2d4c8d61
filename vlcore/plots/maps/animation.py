"""The training film: maps, losses and probes of up to four models, driven through their snapshots
by one slider.

A picture is one row, with its places as texts (see `vlcore.plots.maps.panes`). So pictures are sent
once, and nothing goes to the server while a film runs. Curves say when, maps say where: under each
map are loss, probes and accuracies with a rule at the moment shown, and beside each curve its
value. To play: see `PLAY_SCRIPT` of `vlcore.plots.html`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import decimal, percent
from vlcore.plots.curves import STEP_TOOLTIP
from vlcore.plots.maps import layers
from vlcore.plots.maps.labels import spread
from vlcore.plots.maps.legend import map_legend
from vlcore.plots.maps.panes import (
    HOVER,
    MOMENT,
    MapStyle,
    Pane,
    at_slider,
    figure_properties,
    selection,
    wrapped,
)
from vlcore.plots.maps.tables import MapTables, extent_of, image_table
from vlcore.plots.scales import PERCENT, SPOKEN, Chart, straight, told_apart
from vlcore.plots.tables import Rows, listed
from vlcore.plots.theme import Palette, across

UNITS = 5000  # places are whole numbers from 0 to this, from one edge of a map to the other
PANELS = {"loss": "loss", "probe": "read off by a linear probe", "right": "right by its captions"}
_HEIGHT = 72  # px
_BESIDE = 116  # px right of a curve, for its words


@dataclass(frozen=True, eq=False)
class ModelTrack:
    """One model's part of a film, with T snapshots of its own, of n pictures and K captions."""

    title: str  # above its map
    axes: tuple[str, str]  # titles of the axes of its map
    steps: tuple[int, ...]  # training steps of its snapshots, ascending, T
    shows: tuple[int, ...]  # which of them is shown at each moment of the film
    places: NDArray[
        np.float64
    ]  # of the pictures, (T, n, 2); NaN where a picture is not in this model's map
    captions: tuple[str, ...]  # on its map, K
    caption_places: NDArray[np.float64]  # (T, K, 2)
    said: tuple[str, ...]  # a line over the map, for each snapshot
    curves: (
        pd.DataFrame
    )  # `panel` (of `PANELS`), `series`, `step`, `value`: two series a panel at most


def film_chart(
    points: Rows,
    tracks: Sequence[ModelTrack],
    steps: Sequence[int],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int,
) -> alt.ConcatChart:
    """Maps of `side` px with their curves below, over one slider (`MOMENT`) and one hover (`hov`).
    The points are those of `vlcore.plots.maps.linked.linked_maps`, of which the places are not
    read; the tracks are the models' parts, of the same pictures; the steps those of each moment,
    ascending. ValueError where there is nothing to show, a table is not whole, or a track does not
    fit."""
    tables = _tables(points, tracks, steps, grouping)
    legend = map_legend(palette, grouping, tables)
    style = MapStyle(palette, legend, guide=legend.guide(side))
    curves = pd.concat([track.curves for track in tracks])
    panels = [panel for panel in PANELS if (curves["panel"] == panel).any()]
    high = dict.fromkeys(panels, 1.0) | {
        "loss": float(curves.loc[curves["panel"] == "loss", "value"].max())
    }
    beside = across(len(tracks), side)
    frame = alt.ViewBackground(stroke=None, fill=None)
    empty = alt.layer(Chart(alt.Data(values=[])).mark_point(), width=side, height=1, view=frame)
    views: list[alt.LayerChart] = []
    marks = []
    for start in range(0, len(tracks), beside):
        row = tracks[start : start + beside]
        for number, track in enumerate(row, start):
            # Altair gives a view of a concatenation its own number: marks must have it in the first
            # place.
            pane = Pane(
                number,
                ([0, UNITS], [0, UNITS]),
                side,
                track.axes,
                view=len(views),
                checkpoints=track.shows,
            )
            marks.append(pane.named("marks"))
            title = alt.Title(wrapped(track.title, side / 7.6), frame="group", offset=26)
            chart = layers.draw(tables, pane, style, layers.LAYERS, title=title)
            said = pd.DataFrame({"snapshot": range(len(track.said)), "said": track.said})
            now = Chart(said).transform_filter(f"datum.snapshot == {at_slider(track.shows)}")
            line = now.mark_text(
                align="left", baseline="bottom", fontSize=12, color=palette.muted, aria=False
            )
            views.append(chart + line.encode(x=alt.value(0), y=alt.value(-8), text="said:N"))
        alone = [empty] * (
            beside - len(row)
        )  # what is below a map stays below it where none stands beside it
        views += alone
        for panel in panels:
            lowest = panel == panels[-1]
            drawn: dict[str, Any] = {
                "palette": palette,
                "side": side,
                "high": high[panel],
                "lowest": lowest,
            }
            views += [curve_panel(panel, track, steps, **drawn) for track in row]
            views += alone
    spacing = {"row": 14, "column": 36}
    slider = alt.binding_range(min=1, max=len(steps), step=1, name="Moment ")
    moment = alt.VariableParameter(name=MOMENT, value=len(steps), bind=slider)
    top = {
        "params": [moment, selection("hov", marks, HOVER)],
        **figure_properties(tables.points, palette),
    }
    chart = alt.concat(*views, columns=beside, spacing=spacing).properties(**top)
    # Curves have colours and dashes of their own, unlike groups.
    return chart.resolve_scale(color="independent", strokeDash="independent")


def _tables(
    points: pd.DataFrame, tracks: Sequence[ModelTrack], steps: Sequence[int], grouping: Grouping
) -> MapTables:
    """Pictures and captions, with one text of all places for each axis of each map: one table is
    sent for all maps."""
    if not tracks or not len(steps):
        raise ValueError("A film needs a model and a moment.")
    table = image_table(points, grouping, len(tracks))
    captions = []
    for number, track in enumerate(tracks):
        listed(track.curves, ["panel"], "curves", panel=PANELS)
        snapshots, pictures = len(track.steps), len(points)
        shapes = (track.places.shape, track.caption_places.shape, len(track.said), len(track.shows))
        fit = shapes == (
            (snapshots, pictures, 2),
            (snapshots, len(track.captions), 2),
            snapshots,
            len(steps),
        )
        if not fit or not all(0 <= index < snapshots for index in track.shows):
            raise ValueError(
                f"track {track.title!r} does not fit {pictures} pictures and {len(steps)} moments"
            )
        words = pd.DataFrame({"caption": track.captions, "pane": number})
        # Around all that the film ever shows: the map stands still while it runs.
        for axis, (name, ends) in enumerate(
            zip("xy", extent_of([track.places, track.caption_places]), strict=True)
        ):
            table[f"{name}{number}"] = _texts(track.places[..., axis], ends)
            words[name] = _texts(track.caption_places[..., axis], ends)
        captions.append(words)
    return MapTables(table, pd.concat(captions, ignore_index=True))


def _texts(places: NDArray[np.float64], ends: list[float]) -> list[str | None]:
    """One coordinate at all snapshots, (T, n), as whole numbers in n texts; None where there is
    none."""
    units = (places - ends[0]) / (ends[1] - ends[0]) * UNITS
    return [
        None if np.isnan(row).any() else ",".join(str(int(unit)) for unit in row.round())
        for row in units.T
    ]


def curve_panel(
    panel: str,
    track: ModelTrack,
    steps: Sequence[int],
    *,
    palette: Palette,
    side: int,
    high: float,
    lowest: bool,
) -> alt.LayerChart:
    """One of `PANELS`: curves of a track over the training steps of each moment, ascending. With
    the words beside the curve it is `side` px wide; its axis ends at `high`, and the `lowest` panel
    carries the axis of steps.
    """
    curves = track.curves.loc[track.curves["panel"] == panel, ["series", "step", "value"]]
    names = curves["series"].unique().tolist()
    write = decimal if panel == "loss" else percent
    ends = curves.groupby("series", sort=False)["value"].last()
    heights = dict(
        zip(ends.index, spread([_HEIGHT * (1 - value / high) for value in ends], 15), strict=True)
    )
    table = curves.assign(height=curves["series"].map(heights))
    table["said"] = [f"{row.series} {write(row.value)}" for row in table.itertuples()]
    table["spoken"] = [f"{row.said} at step {row.step:.0f}" for row in table.itertuples()]
    moments = pd.DataFrame(
        {"step": [int(step) for step in steps], "number": range(1, len(steps) + 1)}
    )
    last = moments["step"].max()
    # Steps on a scale that draws the early ones apart, as the snapshots are taken.
    scale = alt.Scale(type="symlog", constant=1, domain=[0, max(1, last)], nice=False)
    powers = [0, *(10**power for power in range(6) if 2 * 10**power < last), last]
    words = "training step, early ones drawn apart" if lowest else None
    x = alt.X(
        "step:Q",
        scale=scale,
        axis=alt.Axis(title=words, labels=lowest, ticks=lowest, values=powers, grid=False),
    )
    ticks, labels = (
        ([0, high / 2, high], "format(datum.value, '.2f')")
        if panel == "loss"
        else ([0, 0.5, 1], PERCENT)
    )
    y = alt.Y(
        "value:Q",
        scale=straight([0, high]),
        axis=alt.Axis(title=None, values=ticks, labelExpr=labels),
    )
    colour = told_apart(
        alt.Color, "series:N", dict(zip(names, (palette.text, palette.muted), strict=False))
    )
    dash = told_apart(alt.StrokeDash, "series:N", dict(zip(names, ([1, 0], [5, 3]), strict=False)))
    base = Chart(table).encode(x=x, y=y, color=colour, description=SPOKEN)
    now = base.transform_filter(
        f"datum.step == {at_slider([track.steps[index] for index in track.shows])}"
    )
    rule = Chart(moments).transform_filter(f"datum.number == {MOMENT}")
    text = {
        "align": "left",
        "baseline": "middle",
        "dy": alt.expr("datum.height"),
        "fontSize": 12,
        "fontWeight": 600,
    }
    title = alt.Title(
        PANELS[panel],
        fontSize=12,
        fontWeight="normal",
        color=palette.muted,
        frame="group",
        offset=4,
    )
    size = {"width": side - _BESIDE, "height": _HEIGHT, "view": alt.ViewConfig(stroke=None)}
    return alt.layer(
        base.mark_line(strokeWidth=1.6, clip=True).encode(strokeDash=dash, tooltip=STEP_TOOLTIP),
        rule.mark_rule(color=palette.accent, strokeWidth=1.5, aria=False).encode(x=x),
        now.mark_point(filled=True, size=50, opacity=1).encode(tooltip=STEP_TOOLTIP),
        now.mark_text(**text, aria=False).encode(
            x=alt.value(side - _BESIDE + 10), y=alt.value(0), text="said:N"
        ),
        title=title,
        **size,
    )
