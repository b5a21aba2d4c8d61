"""Curves over training steps: of one training, and the linear probes of a study."""

import altair as alt
import numpy as np
import pandas as pd

from vlcore.experiment.wording import STYLE_WORDS
from vlcore.plots.maps.labels import spread
from vlcore.plots.measure_by_bias import CELL, DASH_LEGEND, FEWEST, Scale, in_rows, style_scales
from vlcore.plots.scales import SPOKEN, Chart, finished, straight, told_apart
from vlcore.plots.tables import listed
from vlcore.plots.theme import Palette

_MOST_POINTS = 400  # of one curve: a screen shows no more, and a live chart is sent again and again
STEP_TOOLTIP = ["series:N", "step:Q", alt.Tooltip("value:Q", format=".3f")]


def learning_curve(
    rows: pd.DataFrame, *, palette: Palette, width: int, height: int
) -> alt.LayerChart:
    """Lines over training steps, each with its name at its end, in a figure of roughly `width` by
    `height` px. Rows have `step` (int), `series` (name), `value` (float), finite ones. Long curves
    are thinned to 400 points each; the last one stays. ValueError as `listed`, or where there are
    more series than colours (5)."""
    table = listed(rows, ["step", "series", "value"], "rows")
    names = table["series"].astype(str).unique().tolist()
    # In this order neighbours in a figure differ most; the accent stays last.
    colours = [
        palette.groups[1],
        palette.groups[2],
        palette.groups[0],
        palette.groups[3],
        palette.accent,
    ]
    if len(names) > len(colours):
        raise ValueError(f"at most {len(colours)} series fit one chart, not {len(names)}")
    table = (
        table.replace([np.inf, -np.inf], np.nan)
        .dropna()
        .sort_values(["series", "step"], kind="stable")
    )
    curves = table.groupby("series", sort=False)
    every = np.ceil(curves["step"].transform("size") / _MOST_POINTS)
    table = table[curves.cumcount(ascending=False) % every == 0].reset_index(drop=True)
    table["spoken"] = [
        f"{row.series} at step {row.step}: {row.value:.3g}" for row in table.itertuples()
    ]
    ends = table.groupby("series", sort=False).tail(1)
    last = max([1, *table["step"]])
    top, low = max(table["value"], default=1.0), min([0.0, *table["value"]])
    high = 1.0 if 0.5 < top <= 1 else max(top, low + 1e-6)
    plot = max(60, height - 50)
    wanted = [plot * (high - value) / (high - low) for value in ends["value"]]
    ends = ends.assign(dy=[to - at for to, at in zip(spread(wanted, 15), wanted, strict=True)])
    x = alt.X("step:Q", title="step", scale=straight([0, last]), axis=alt.Axis(tickCount=5))
    y = alt.Y("value:Q", title=None, scale=straight([low, high]), axis=alt.Axis(tickCount=4))
    colour, both = (
        told_apart(alt.Color, "series:N", dict(zip(names, colours, strict=False))),
        (table, ends),
    )
    lines, last_points = (
        Chart(part).encode(x=x, y=y, color=colour, description=SPOKEN) for part in both
    )
    words = {
        "align": "left",
        "dx": 9,
        "dy": alt.expr("datum.dy"),
        "fontSize": 12,
        "fontWeight": 600,
        "aria": False,
    }
    layers = alt.layer(
        lines.mark_line(strokeWidth=2).encode(tooltip=STEP_TOOLTIP),
        last_points.mark_point(filled=True, size=60, opacity=1).encode(tooltip=STEP_TOOLTIP),
        last_points.mark_text(**words).encode(text="series:N"),
    )
    beside = 60 + 7 * max((len(name) for name in names), default=0)
    return finished(layers, palette, width=max(120, width - beside), height=plot)


def probe_curves(
    curves: pd.DataFrame, fits: pd.DataFrame, *, palette: Palette, width: int
) -> alt.VConcatChart:
    """How early object and context can be read off while runs train, a pane for each bias. The
    curves are rows of `CELL`, `step` and `probe` (``object`` or ``context``); `fits` say when
    training captions were first fitted: `labels`, `bias`, `removed`, `step`, `n` of `of` blocks.
    The width, in px, is the whole figure's.
    """
    scale = Scale("read off by a linear probe", True, (0.45, 1.0))
    probes = {"object": [1, 0], "context": [5, 4]}
    table = scale.checked(
        curves, (*CELL, "step", "probe"), "{probe}, {style}, step {step}", probe=probes
    )
    marks = fits.assign(style=fits["labels"].map(STYLE_WORDS), value=scale.domain[0]).astype(
        {"step": float}
    )
    marks["spoken"] = [
        f"{row.style}: training captions first fitted at step {row.step:.0f} (median of {row.n} of"
        f" {row.of} blocks)"
        for row in marks.itertuples()
    ]
    _, colour, _ = style_scales(table, palette)
    dash = told_apart(alt.StrokeDash, "probe:N", probes, alt.Legend(**DASH_LEGEND))
    across = 3 if width >= 640 else 2
    x = alt.X("step:Q", scale=straight([0, int(table["step"].max())]), axis=alt.Axis(tickCount=3))
    tooltip = [*scale.tooltip(), "step:Q", "probe:N"]
    panes = []
    for bias, part in table.groupby("bias"):
        fitted = marks[marks["bias"] == bias]
        base = Chart(part).encode(x=x, color=colour, description=SPOKEN)
        band = base.transform_filter(alt.datum.n >= FEWEST).mark_area(
            opacity=0.12, clip=True, aria=False
        )
        fit = Chart(fitted).encode(
            x=x, y=scale.y(), color=colour, description=SPOKEN, tooltip=SPOKEN
        )
        layers = [
            band.encode(y=scale.y("low"), y2="high:Q", detail="probe:N"),
            base.mark_line(strokeWidth=2).encode(y=scale.y(), strokeDash=dash, tooltip=tooltip),
            fit.mark_point(
                shape="triangle-up",
                filled=True,
                size=90,
                opacity=1,
                yOffset=-5,
                aria=not fitted.empty,
            ),
        ]
        title = alt.Title(part["removed"].iat[0], fontSize=13)
        panes.append(
            alt.layer(*layers, width=max(110, width // across - 58), height=140, title=title)
        )
    fitted_at = "; ".join(f"{row.removed}: {row.spoken}" for row in marks.itertuples())
    spoken = (
        "Linear probes for object and context over training steps, a pane for each bias;"
        f" {fitted_at}"
    )
    return in_rows(panes, across, palette, spoken)
