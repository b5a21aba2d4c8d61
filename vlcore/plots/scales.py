"""What all charts share: the guard of what travels to a browser, scales, axes, tooltips and lines,
and the theme of every chart that is no map.

Of a table, `checked_columns` lets only the columns travel that a chart names, and only images that
are ours."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from vlcore.plots.theme import PHONE_SIDE, Palette, theme
from vlcore.plots.thumbnails import check_uris

SPOKEN = "spoken:N"  # the words of a mark for screen readers
# Comes first: Vega shows a field of this name as an image.
IMAGE = alt.Tooltip("thumb:N", title="image")
PERCENT = "round(100 * datum.value) + '%'"  # the labels of an axis of fractions


def filled_columns(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """As `checked_columns`; ValueError where there is no row."""
    rows = checked_columns(table, columns)
    if rows.empty:
        raise ValueError("there is nothing to show")
    return rows


def checked_columns(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The columns of a table alone, so that no other travels to a browser; KeyError where one is
    missing, ValueError where a `thumb` was not made by `thumb_uri`."""
    rows = table[list(columns)].reset_index(drop=True)
    if "thumb" in rows:
        check_uris(rows["thumb"])
    return rows


def straight(domain: Sequence[float]) -> alt.Scale:
    """A scale that ends where it is told to."""
    return alt.Scale(domain=list(domain), nice=False)


def wrapped(text: str, width: float) -> list[str]:
    """A title as lines of `width` characters, and of ten at least."""
    return textwrap.wrap(text, max(10, int(width))) or [""]


def click(
    name: str, field: str, views: Sequence[str], toggle: bool | str = False
) -> alt.TopLevelSelectionParameter:
    """A selection over views of what was clicked, by a field."""
    select = {"type": "point", "on": "click", "toggle": toggle, "fields": [field]}
    # At the top: added to each view, Altair would merge it with a warning.
    return alt.TopLevelSelectionParameter(name=name, select=select, views=list(views))


def told_apart(
    channel: Any, field: str, looks: Mapping[str, Any], legend: alt.Legend | None = None
) -> Any:
    """A channel of Altair's, such as `alt.Color` or `alt.StrokeDash`, that gives each name of a
    field its look."""
    return channel(
        field, scale=alt.Scale(domain=list(looks), range=list(looks.values())), legend=legend
    )


def either(channel: Any, condition: Mapping[str, Any], value: Any, otherwise: Any) -> Any:
    """A channel of Altair's for values, such as `alt.OpacityValue`: one where a condition holds,
    another elsewhere. The condition is as Vega-Lite writes it: Altair's `when`, as any dictionary,
    is looked up among all classes each time.
    """
    return channel(otherwise, condition={**condition, "value": value})


def words_axis(palette: Palette, **options: Any) -> alt.Axis:
    """An axis of words, without a line."""
    return alt.Axis(domain=False, ticks=False, labelColor=palette.text, title=None, **options)


def spoken_chart(table: pd.DataFrame, **channels: Any) -> "QuickChart":
    """A chart of a table whose marks say their `spoken` words to screen readers."""
    return QuickChart(table).encode(description=SPOKEN, **channels)


def tooltips(titles: Mapping[str, str], number: str = "") -> list[alt.Tooltip]:
    """Fields by their titles, with a format of numbers."""
    return [
        alt.Tooltip(field, title=title, format=number or alt.Undefined)
        for field, title in titles.items()
    ]


class QuickChart(alt.Chart):  # type: ignore[misc]  # Altair's types are not read
    """A chart that Altair composes in a third of the time, to the same specification. Put into
    another, Altair copies it down to its last field: here nothing changes the fields of a chart
    that is made, so its outermost level is enough. A channel that is given as a word has its class
    by its name: Altair would look through all there are.
    """

    def __deepcopy__(self, _: object = None) -> "QuickChart":
        return self.copy()

    def copy(
        self, deep: bool | Sequence[str] = True, ignore: list[str] | None = None
    ) -> "QuickChart":
        return super().copy(deep is not True and deep, ignore)

    def encode(self, **channels: Any) -> "QuickChart":
        for name, channel in channels.items():
            if isinstance(channel, str):
                channels[name] = getattr(alt, name[0].upper() + name[1:])(channel)
        return super().encode(**channels)


def rule_at(
    field: str, value: float, spoken: str, palette: Palette, *, dash: Sequence[float] = (4, 4)
) -> alt.Chart:
    """A line at a value of `field`, which is to be encoded."""
    table = pd.DataFrame({field: [value], "spoken": [spoken]})
    return spoken_chart(table).mark_rule(color=palette.muted, strokeDash=list(dash))


def finished(
    chart: alt.TopLevelMixin, palette: Palette, narrow: bool = False, **properties: Any
) -> Any:
    """A chart in the theme, without a frame."""
    look = theme(palette, frame=False)
    if narrow or properties.get("width", math.inf) <= PHONE_SIDE:
        look["legend"]["columns"] = 1  # a row of names would be wider than the plot
    # Streamlit fits a single plot into its own idea of a height unless it is told to pad.
    return chart.properties(autosize="pad", **properties).configure(**look)
