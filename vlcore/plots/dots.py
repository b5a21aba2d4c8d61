"""The dots of a class session: a difference a seed pair, stacked where they are alike, with their
mean, its interval and 0.

Beneath the line, mirrored, are the differences that others have published. Not the colour of a dot
alone tells its kind: of the plan it is filled, beyond it hollow, a visitor's own is a diamond."""

from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from vlcore.experiment.wording import signed
from vlcore.plots.scales import finished, rule_at, spoken_chart, straight, told_apart
from vlcore.plots.tables import filled_columns
from vlcore.plots.theme import Palette

PLANNED, BEYOND, OWN, PUBLISHED = "of the plan", "beyond the plan", "yours", "published"
KINDS = (PLANNED, BEYOND, OWN, PUBLISHED)
_LARGEST, _SMALLEST = 26, 5  # px of a dot
_BAND = 26  # px of the line with the mean, between the two stacks
_AROUND = 62  # px of axis and legend


@dataclass(frozen=True)
class _Plot:
    """The plot in px, and the differences at its ends."""

    width: int
    height: int
    low: float
    high: float

    @property
    def per_px(self) -> float:
        return (self.high - self.low) / self.width


def dots_chart(
    rows: pd.DataFrame,
    *,
    palette: Palette,
    width: int,
    height: int,
    title: str,
    unit: float = 1.0,
    mean: tuple[float, float, float] | None = None,
    head: alt.Title | None = None,
) -> alt.LayerChart:
    """Differences as dots.

    Args:
        rows: `difference`, `kind` (one of `KINDS`) and `words` (of a dot, for screen readers).
        width, height: of the whole figure, in px.
        title: of the axis.
        unit: all values are multiplied by it, such as 100 for points.
        mean: with the ends of its interval.
        head: the title of the figure.

    Raises:
        ValueError: as `filled_columns`.
    """
    table = filled_columns(rows, ("difference", "kind", "words"))
    table["x"] = table["difference"].astype(float) * unit
    interval = [] if mean is None else [unit * end for end in mean]
    low = min(0.0, *table["x"], *interval)
    high = max(0.0, *table["x"], *interval)
    room = max(0.06 * (high - low), 0.005 * unit)
    plot = _Plot(max(120, width - 40), max(60, height - _AROUND), low - room, high + room)
    size, depth = _stack(table, plot)
    table["spoken"] = table["words"]
    x_scale = straight([plot.low, plot.high])
    y_scale = straight([-_BAND / 2 - depth, plot.height - _BAND / 2 - depth])
    x = alt.X("x:Q", scale=x_scale, axis=alt.Axis(title=title, grid=False, tickCount=8))
    y = alt.Y("y:Q", axis=None, scale=y_scale)
    base = spoken_chart(table, x=x, y=y, tooltip=[alt.Tooltip("words:N", title="seed pair")])
    marks = base.mark_point(size=0.62 * size * size, strokeWidth=1.5, opacity=1)
    layers = [
        rule_at("x", 0.0, "no difference", palette, strokeDash=[4, 4]).encode(x=x),
        marks.encode(**_looks(table, palette)),
    ]
    words = f"{title}: {len(table)} dots"
    if mean is not None:
        digits = 1 if unit == 100 else 3
        value, start, end = (signed(number, digits) for number in interval)
        words = f"{words}; mean {value} ({start} to {end})"
        row = dict(zip(("x", "low", "high"), interval, strict=True))
        line = spoken_chart(pd.DataFrame([{**row, "y": 0.0, "spoken": words}]), y=y)
        ends = line.mark_rule(strokeWidth=5, color=palette.text)
        tick = line.mark_tick(thickness=5, size=_BAND - 4, color=palette.text, opacity=1)
        layers.append(ends.encode(x=alt.X("low:Q", scale=x_scale), x2="high:Q"))
        layers.append(tick.encode(x="x:Q"))
    properties = {} if head is None else {"title": head}
    return finished(
        alt.layer(*layers),
        palette,
        description=words,
        width=plot.width,
        height=plot.height,
        **properties,
    )


def _looks(table: pd.DataFrame, palette: Palette) -> dict[str, object]:
    """Fill, stroke and shape of the kinds of dots, with one legend where there are several."""
    accent, text, muted = palette.accent, palette.text, palette.muted
    fills = dict(zip(KINDS, (accent, palette.ground, text, muted), strict=True))
    strokes = dict(zip(KINDS, (accent, accent, text, muted), strict=True))
    shapes = dict(zip(KINDS, ("circle", "circle", "diamond", "circle"), strict=True))
    kinds = [kind for kind in KINDS if (table["kind"] == kind).any()]
    legend = alt.Legend(title=None, orient="top", symbolSize=90) if len(kinds) > 1 else None

    def look(channel: type, values: dict[str, str]) -> object:
        return told_apart(channel, "kind:N", {kind: values[kind] for kind in kinds}, legend)

    return {
        "fill": look(alt.Fill, fills),
        "stroke": look(alt.Stroke, strokes),
        "shape": look(alt.Shape, shapes),
    }


def _stack(table: pd.DataFrame, plot: _Plot) -> tuple[int, int]:
    """Stack the dots of a table, as large as they fit: its `x` in columns, its `y` in px from the
    line. Returns the size of a dot and the depth of the stack below the line, in px."""
    is_below = table["kind"] == PUBLISHED
    for size in range(_LARGEST, _SMALLEST - 1, -1):
        column = np.round(table["x"] / (size * plot.per_px))
        rank = table.groupby([column, is_below]).cumcount()
        heights = [
            size * (int(ranks.max()) + 1) if len(ranks) else 0
            for ranks in (rank[is_below], rank[~is_below])
        ]
        if sum(heights) + _BAND <= plot.height:
            break
    table["x"] = column * size * plot.per_px
    table["y"] = np.where(is_below, -1, 1) * (_BAND / 2 + size * (rank + 0.5))
    return size, heights[0]
