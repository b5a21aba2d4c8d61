"""The training animation: maps, losses and probes of one or two models, driven through their
checkpoints by one slider.

An image is one row, with its positions as texts (see `vlcore.plots.maps.panes`). So images are sent
once, and nothing goes to the server while an animation runs. Curves show when, maps show where:
under each map are loss, probes and accuracies with a rule at the checkpoint shown, and beside each
curve its value. To play: see `PLAY_SCRIPT` of `vlcore.plots.document`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import decimal, percent
from vlcore.plots.curves import STEP_TOOLTIP
from vlcore.plots.maps import layers
from vlcore.plots.maps.drawing import extent_of
from vlcore.plots.maps.labels import spread
from vlcore.plots.maps.panes import (
    HOVER,
    MOMENT,
    MapStyle,
    Pane,
    at_slider,
    figure_properties,
    map_legend,
    selection,
    wrapped,
)
from vlcore.plots.maps.tables import MapTables, image_table
from vlcore.plots.scales import PERCENT, SPOKEN, QuickChart, straight, told_apart
from vlcore.plots.theme import Palette, across

UNITS = 5000  # positions are whole numbers from 0 to this, from one edge of a map to the other
PANELS = {"loss": "loss", "probe": "read off by a linear probe", "right": "accuracy by captions"}
_HEIGHT = 72  # px of a panel
_BESIDE = 116  # px right of a curve, for its words


@dataclass(frozen=True, eq=False)
class ModelTrack:
    """One model's part of an animation, with T checkpoints of its own, of n images and K captions.

    Positions are NaN where an image is not in this model's map. The curves have `panel` (of
    `PANELS`), `series`, `step` and `value`: two series a panel at most.
    """

    title: str  # above its map
    axes: tuple[str, str]  # titles of the axes of its map
    steps: tuple[int, ...]  # training steps of its checkpoints, ascending, T
    checkpoints: tuple[int, ...]  # the index of the one that each position of the slider shows
    positions: NDArray[np.float64]  # of the images, (T, n, 2)
    captions: tuple[str, ...]  # on its map, K
    caption_positions: NDArray[np.float64]  # (T, K, 2)
    lines: tuple[str, ...]  # the words over the map, for each checkpoint
    curves: pd.DataFrame


def animation_chart(
    points: pd.DataFrame,
    tracks: Sequence[ModelTrack],
    steps: Sequence[int],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int,
) -> alt.ConcatChart:
    """Maps with their curves below, over one slider (`MOMENT`) and one hover (`hov`).

    Args:
        points: those of `vlcore.plots.maps.linked.linked_maps`, of which the positions are not
            read.
        tracks: the models' parts, of the same images.
        steps: the training step of each position of the slider, ascending.
        side: of a map in px.
    """
    tables = _tables(points, tracks)
    legend = map_legend(palette, grouping, tables)
    style = MapStyle(palette, legend, guide=legend.guide(side))
    highest = _highest_values(tracks)
    columns = across(len(tracks), side)
    views: list[alt.LayerChart] = []
    marks = []
    for start in range(0, len(tracks), columns):
        row = tracks[start : start + columns]
        for index, track in enumerate(row, start):
            # Altair gives a view of a concatenation its own number: marks must have it in the first
            # place.
            pane = Pane(
                index,
                ([0, UNITS], [0, UNITS]),
                side,
                track.axes,
                view=len(views),
                checkpoints=track.checkpoints,
            )
            marks.append(pane.named("marks"))
            views.append(_map_view(tables, pane, style, track))
        for panel, high in highest.items():
            is_lowest = panel == list(highest)[-1]
            views += [
                curve_panel(
                    panel, track, steps, palette=palette, side=side, high=high, lowest=is_lowest
                )
                for track in row
            ]
    slider = alt.binding_range(min=1, max=len(steps), step=1, name="Checkpoint ")
    position = alt.VariableParameter(name=MOMENT, value=len(steps), bind=slider)
    chart = alt.concat(*views, columns=columns, spacing={"row": 14, "column": 36})
    chart = chart.properties(
        params=[position, selection("hov", marks, HOVER)],
        **figure_properties(tables.points, palette),
    )
    # Curves have colours and dashes of their own, unlike groups.
    return chart.resolve_scale(color="independent", strokeDash="independent")


def _highest_values(tracks: Sequence[ModelTrack]) -> dict[str, float]:
    """The panels that some model has curves for, with the end of their axis."""
    curves = pd.concat([track.curves for track in tracks])
    highest = {panel: 1.0 for panel in PANELS if (curves["panel"] == panel).any()}
    if "loss" in highest:
        highest["loss"] = float(curves.loc[curves["panel"] == "loss", "value"].max())
    return highest


def _map_view(tables: MapTables, pane: Pane, style: MapStyle, track: ModelTrack) -> alt.LayerChart:
    """A map with the words of its checkpoint over it."""
    title = alt.Title(wrapped(track.title, pane.side / 7.6), frame="group", offset=26)
    chart = layers.draw_map(tables, pane, style, layers.LAYERS, title=title)
    lines = pd.DataFrame({"checkpoint": range(len(track.lines)), "words": track.lines})
    now = QuickChart(lines).transform_filter(f"datum.checkpoint == {at_slider(track.checkpoints)}")
    text = now.mark_text(
        align="left", baseline="bottom", fontSize=12, color=style.palette.muted, aria=False
    )
    return chart + text.encode(x=alt.value(0), y=alt.value(-8), text="words:N")


def _tables(points: pd.DataFrame, tracks: Sequence[ModelTrack]) -> MapTables:
    """Images and captions, with one text of all positions for each axis of each map: one table is
    sent for all maps."""
    table = image_table(points, len(tracks))
    captions = []
    for pane, track in enumerate(tracks):
        rows = pd.DataFrame({"caption": track.captions, "pane": pane})
        # Around all that the animation ever shows: the axes stay as they are while it runs.
        extent = extent_of([track.positions, track.caption_positions])
        for axis, name in enumerate("xy"):
            table[f"{name}{pane}"] = _texts(track.positions[..., axis], extent[axis])
            rows[name] = _texts(track.caption_positions[..., axis], extent[axis])
        captions.append(rows)
    return MapTables(table, pd.concat(captions, ignore_index=True))


def _texts(values: NDArray[np.float64], ends: list[float]) -> list[str | None]:
    """One coordinate at all checkpoints, (T, n), as whole numbers in n texts; None where there is
    none."""
    units = (values - ends[0]) / (ends[1] - ends[0]) * UNITS
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
    """One of `PANELS`: curves of a track over the training steps of each position of the slider,
    ascending. With the words beside the curve it is `side` px wide; its axis ends at `high`, and
    the `lowest` panel carries the axis of steps.
    """
    width = side - _BESIDE
    curves = track.curves.loc[track.curves["panel"] == panel, ["series", "step", "value"]]
    table = _with_words(curves, decimal if panel == "loss" else percent, high)
    names = curves["series"].unique().tolist()
    colours = dict(zip(names, (palette.text, palette.muted), strict=False))
    dashes = dict(zip(names, ([1, 0], [5, 3]), strict=False))
    x = _step_axis(steps, lowest)
    base = QuickChart(table).encode(
        x=x,
        y=_value_axis(panel, high),
        color=told_apart(alt.Color, "series:N", colours),
        description=SPOKEN,
    )
    curve = base.mark_line(strokeWidth=1.6, clip=True).encode(
        strokeDash=told_apart(alt.StrokeDash, "series:N", dashes), tooltip=STEP_TOOLTIP
    )
    positions = pd.DataFrame(
        {"step": [int(step) for step in steps], "number": range(1, len(steps) + 1)}
    )
    rule = QuickChart(positions).transform_filter(f"datum.number == {MOMENT}")
    step_shown = at_slider([track.steps[index] for index in track.checkpoints])
    now = base.transform_filter(f"datum.step == {step_shown}")
    words = now.mark_text(
        align="left",
        baseline="middle",
        dy=alt.expr("datum.height"),
        fontSize=12,
        fontWeight=600,
        aria=False,
    )
    title = alt.Title(
        PANELS[panel],
        fontSize=12,
        fontWeight="normal",
        color=palette.muted,
        frame="group",
        offset=4,
    )
    return alt.layer(
        curve,
        rule.mark_rule(color=palette.accent, strokeWidth=1.5, aria=False).encode(x=x),
        now.mark_point(filled=True, size=50, opacity=1).encode(tooltip=STEP_TOOLTIP),
        words.encode(x=alt.value(width + 10), y=alt.value(0), text="words:N"),
        title=title,
        width=width,
        height=_HEIGHT,
        view=alt.ViewConfig(stroke=None),
    )


def _with_words(curves: pd.DataFrame, write: Callable[[float], str], high: float) -> pd.DataFrame:
    """Curves with the words beside them (`words`, at a `height` in px that other words leave free)
    and those for screen readers (`spoken`)."""
    ends = curves.groupby("series", sort=False)["value"].last()
    heights = spread([_HEIGHT * (1 - value / high) for value in ends])
    table = curves.assign(
        height=curves["series"].map(dict(zip(ends.index, heights, strict=True))),
        words=[f"{row.series} {write(row.value)}" for row in curves.itertuples()],
    )
    table["spoken"] = [f"{row.words} at step {row.step:.0f}" for row in table.itertuples()]
    return table


def _step_axis(steps: Sequence[int], lowest: bool) -> alt.X:
    """Training steps, with the early ones further apart, as the checkpoints are taken."""
    last = int(max(steps))
    powers = [10**power for power in range(6) if 2 * 10**power < last]
    axis = alt.Axis(
        title="training step, early ones drawn apart" if lowest else None,
        labels=lowest,
        ticks=lowest,
        values=[0, *powers, last],
        grid=False,
    )
    scale = alt.Scale(type="symlog", constant=1, domain=[0, max(1, last)], nice=False)
    return alt.X("step:Q", scale=scale, axis=axis)


def _value_axis(panel: str, high: float) -> alt.Y:
    ticks, labels = [0, 0.5, 1], PERCENT
    if panel == "loss":
        ticks, labels = [0, high / 2, high], "format(datum.value, '.2f')"
    axis = alt.Axis(title=None, values=ticks, labelExpr=labels)
    return alt.Y("value:Q", scale=straight([0, high]), axis=axis)
