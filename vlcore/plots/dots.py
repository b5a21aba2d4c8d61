"""The dots of a room: a difference a block, stacked where they are alike, with their mean, its
interval and 0.

Beneath the line, mirrored, stand the differences that others have published. A dot says what it is
by its fill, not by its colour alone: of the plan filled, beyond it hollow, one's own a diamond."""

import altair as alt
import numpy as np
import pandas as pd

from vlcore.experiment.wording import signed
from vlcore.plots.scales import SPOKEN, Chart, finished, rule_at, straight, told_apart
from vlcore.plots.tables import whole
from vlcore.plots.theme import Palette

PLANNED, BEYOND, OWN, PUBLISHED = "of the plan", "beyond the plan", "yours", "published"
KINDS = (PLANNED, BEYOND, OWN, PUBLISHED)
_LARGEST, _SMALLEST = 26, 5  # px of a dot
_BAND = 26  # px of the line with the mean, between the two stacks
_AROUND = 62  # px of axis and legend


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
    """Rows have `difference`, `kind` (one of `KINDS`) and `words` (what a dot says to those who do
    not see it); `mean` is one with the ends of its interval. All are multiplied by `unit`, 100 for
    points; the title is of the axis. Width and height, in px, are the whole figure's. ValueError as
    `whole`, or where a difference is no number.
    """
    table = whole(rows, ("difference", "kind", "words"), "rows", kind=KINDS)
    table["x"] = table["difference"].astype(float) * unit
    if not np.isfinite(table["x"]).all():
        raise ValueError("a difference is not a number")
    middle = [] if mean is None else [unit * end for end in mean]
    low, high = min(0.0, *table["x"], *middle), max(0.0, *table["x"], *middle)
    room = max(0.06 * (high - low), 0.005 * unit)
    low, high, plot, tall = low - room, high + room, max(120, width - 40), max(60, height - _AROUND)
    below = table["kind"] == PUBLISHED
    size = next(
        (
            one
            for one in range(_LARGEST, _SMALLEST, -1)
            if _fits(table, one, plot, tall, high - low)
        ),
        _SMALLEST,
    )
    table["x"], rank = _stacked(table, size * (high - low) / plot)
    deep = size * (int(rank[below].max()) + 1 if below.any() else 0)
    table["y"] = np.where(below, -_BAND / 2 - size * (rank + 0.5), _BAND / 2 + size * (rank + 0.5))
    table["spoken"] = table["words"]
    y = alt.Y("y:Q", axis=None, scale=straight([-_BAND / 2 - deep, tall - _BAND / 2 - deep]))
    across = straight([low, high])
    x = alt.X("x:Q", scale=across, axis=alt.Axis(title=title, grid=False, tickCount=8))
    fills = {
        PLANNED: palette.accent,
        BEYOND: palette.ground,
        OWN: palette.text,
        PUBLISHED: palette.muted,
    }
    lines = {
        PLANNED: palette.accent,
        BEYOND: palette.accent,
        OWN: palette.text,
        PUBLISHED: palette.muted,
    }
    shapes = {PLANNED: "circle", BEYOND: "circle", OWN: "diamond", PUBLISHED: "circle"}
    there = [kind for kind in KINDS if (table["kind"] == kind).any()]
    legend = alt.Legend(title=None, orient="top", symbolSize=90) if len(there) > 1 else None
    looks = {
        name: told_apart(channel, "kind:N", {kind: of[kind] for kind in there}, legend)
        for name, channel, of in (
            ("fill", alt.Fill, fills),
            ("stroke", alt.Stroke, lines),
            ("shape", alt.Shape, shapes),
        )
    }
    base = Chart(table).encode(
        x=x, y=y, description=SPOKEN, tooltip=[alt.Tooltip("words:N", title="block")]
    )
    marks = base.mark_point(size=0.62 * size * size, strokeWidth=1.5, opacity=1).encode(**looks)
    layers = [rule_at("x", 0.0, "no difference", palette, strokeDash=[4, 4]).encode(x=x), marks]
    said = f"{title}: {len(table)} dots"
    if mean is not None:
        digits = 1 if unit == 100 else 3
        value, *ends = (signed(one, digits) for one in middle)
        said = f"{said}; mean {value} ({' to '.join(ends)})"
        drawn = pd.DataFrame(
            {
                "x": [middle[0]],
                "low": [middle[1]],
                "high": [middle[2]],
                "y": [0.0],
                "spoken": [said],
            }
        )
        line = Chart(drawn).encode(y=y, description=SPOKEN)
        layers += [
            line.mark_rule(strokeWidth=5, color=palette.text).encode(
                x=alt.X("low:Q", scale=across), x2="high:Q"
            ),
            line.mark_tick(thickness=5, size=_BAND - 4, color=palette.text, opacity=1).encode(
                x="x:Q"
            ),
        ]
    more = {} if head is None else {"title": head}
    return finished(alt.layer(*layers), palette, description=said, width=plot, height=tall, **more)


def _stacked(table: pd.DataFrame, step: float) -> tuple[pd.Series, pd.Series]:
    """Places on the axis, in columns that are `step` apart, and the place in its column, above and
    below the line."""
    column = np.round(table["x"] / step)
    return column * step, table.groupby([column, table["kind"] == PUBLISHED]).cumcount()


def _fits(table: pd.DataFrame, size: int, plot: int, tall: int, span: float) -> bool:
    _, rank = _stacked(table, size * span / plot)
    below = table["kind"] == PUBLISHED
    return (
        sum(size * (int(one.max()) + 1) for one in (rank[below], rank[~below]) if len(one)) + _BAND
        <= tall
    )
