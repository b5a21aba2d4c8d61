"""The curves under a map of the training film: loss, probes and accuracies, with a rule at the moment shown.

The one idea: a curve says when, its map says where. Both obey one slider, and beside each curve stands its value in the
snapshot that the map shows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import altair as alt
import pandas as pd

from vlcore.figures.placing import spread
from vlcore.figures.theme import Palette

PANELS = {"loss": "loss", "probe": "read off by a linear probe", "right": "right by its captions"}
MOMENT = "moment"  # the parameter that the slider of a film sets: number of the moment shown, from 1
_HEIGHT = 72  # px
_BESIDE = 116  # px right of a curve, for its words


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
    x = _steps(int(max(steps)), lowest)
    y = _values(panel, high)
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


def _steps(last: int, lowest: bool) -> alt.X:
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


def _values(panel: str, high: float) -> alt.Y:
    if panel == "loss":
        axis = alt.Axis(title=None, values=[0, high / 2, high], labelExpr="format(datum.value, '.2f')")
    else:
        axis = alt.Axis(title=None, values=[0, 0.5, 1], labelExpr="round(100 * datum.value) + ' %'")
    return alt.Y("value:Q", scale=alt.Scale(domain=[0, high], nice=False), axis=axis)
