"""Figures of a study over training time: linear probes while runs train, and measures at first fit and at the end.

A difference between label styles at one moment may be a difference in how fast they learn, so the moments stand beside
each other.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from vlcore.charts.scales import (
    CELL,
    FEWEST,
    SPOKEN,
    Scale,
    bias_levels,
    cell_tooltip,
    checked,
    dashes,
    finished,
    in_rows,
    interval_lines,
    straight,
    style_scales,
)
from vlcore.charts.tables import known_only
from vlcore.charts.theme import Palette
from vlcore.core.wording import STYLE_WORDS


def probe_curves(curves: pd.DataFrame, fits: pd.DataFrame, *, palette: Palette, width: int) -> alt.VConcatChart:
    """How early object and context can be read off, while runs train: a pane for each bias.

    Args:
        curves: `labels`, `bias`, `phi`, `removed`, `step`, `probe` (``object`` or ``context``), `value`, `low`,
            `high`, `n`.
        fits: when the training captions were first fitted: `labels`, `bias`, `step`, `n` of `of` blocks.
        palette: colours.
        width: of the whole figure in px.

    Raises:
        ValueError: as `heat_map`.
    """
    table = checked(curves, (*CELL, "step", "probe"))
    known_only(table["probe"], ("object", "context"), "probe")
    scale = Scale("read off by a linear probe", True, (0.45, 1.0))
    table["spoken"] = [
        f"{row.probe}, {row.style}, step {row.step}: {scale.interval(row)}" for row in table.itertuples()
    ]
    marks = fits.assign(style=fits["labels"].map(STYLE_WORDS), value=scale.domain[0]).astype({"step": float})
    marks["spoken"] = [
        f"{row.style}: training captions first fitted at step {row.step:.0f} (median of {row.n} of {row.of} blocks)"
        for row in marks.itertuples()
    ]
    _, colour, _ = style_scales(table, palette)
    dash = dashes("probe:N", {"object": [1, 0], "context": [5, 4]})
    columns = 3 if width >= 640 else 2
    x = alt.X("step:Q", scale=straight([0, int(table["step"].max())]), axis=alt.Axis(tickCount=3))
    tooltip = [*cell_tooltip(scale), "step:Q", "probe:N"]
    panes = []
    for bias in sorted(table["bias"].unique()):
        part, fitted = table[table["bias"] == bias], marks[marks["bias"] == bias]
        base = alt.Chart(part).encode(x=x, color=colour, description=SPOKEN)
        band = base.transform_filter(alt.datum.n >= FEWEST).mark_area(opacity=0.12, clip=True, aria=False)
        fit = alt.Chart(fitted).encode(x=x, y=scale.y(), color=colour, description=SPOKEN, tooltip=SPOKEN)
        layers = [
            band.encode(y=scale.y("low"), y2="high:Q", detail="probe:N"),
            base.mark_line(strokeWidth=2).encode(y=scale.y(), strokeDash=dash, tooltip=tooltip),
            fit.mark_point(
                shape="triangle-up", filled=True, size=90, opacity=1, yOffset=-5, aria=not fitted.empty
            ),
        ]  # fmt: skip
        title = alt.Title(part["removed"].iat[0], fontSize=13)
        panes.append(alt.layer(*layers, width=max(110, width // columns - 58), height=140, title=title))
    fitted_at = "; ".join(f"{row.removed}: {row.spoken}" for row in marks.itertuples())
    spoken = f"Linear probes for object and context over training steps, a pane for each bias; {fitted_at}"
    return in_rows(panes, columns, palette, spoken)


def moments(rows: pd.DataFrame, scale: Scale, *, palette: Palette, width: int) -> alt.LayerChart:
    """A measure of the untrained encoder, at first fit and at the end, side by side at each bias.

    Args:
        rows: one row a cell and moment: as in `heat_map`, and `moment` in words, in order of appearance.
        scale, palette: as in `by_bias`.
        width: of the whole figure in px.

    Raises:
        ValueError: as `heat_map`.
    """
    table = checked(rows, (*CELL, "moment"))
    levels, names = sorted(table["bias"].unique()), list(dict.fromkeys(table["moment"]))
    styles, colour, shape = style_scales(table, palette)
    step = 0.76 / max(1, len(names) - 1)
    table["x"] = [
        levels.index(row.bias) - 0.38 + step * names.index(row.moment)
        + 0.05 * (styles.index(row.labels) - (len(styles) - 1) / 2)
        for row in table.itertuples()
    ]  # fmt: skip
    table["spoken"] = [f"{row.style}, {row.removed}, {row.moment}: {scale.interval(row)}" for row in table.itertuples()]
    base = alt.Chart(table).encode(
        x=bias_levels(levels, f"share removed; from left to right: {', '.join(names)}"),
        color=colour,
        description=SPOKEN,
        tooltip=[*cell_tooltip(scale), "moment:N"],
    )
    lines = base.mark_line(strokeWidth=1.5, opacity=0.6, aria=False)
    dots = base.mark_point(filled=True, size=60, opacity=1)
    return finished(
        alt.layer(
            lines.encode(y=scale.y(), detail=["bias:Q", "labels:N"]),
            interval_lines(base),
            dots.encode(y=scale.y(), shape=shape),
        ),
        palette,
        description=f"{scale.words}: " + "; ".join(table["spoken"]),
        width=max(200, width - 70),
        height=210,
    )
