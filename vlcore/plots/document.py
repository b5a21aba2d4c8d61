"""Parts of what is shown: texts, commands, tables and figures, which a page of the app and a file
both render."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from vlcore.plots.html import Heading
from vlcore.plots.theme import Palette


@dataclass(frozen=True)
class Text:
    """A paragraph; under a title where it has one, set smaller where it is a note, with an icon
    where it warns."""

    text: str
    title: str = ""
    note: bool = False
    icon: str = ""


@dataclass(frozen=True)
class Command:
    text: str
    does: str


@dataclass(frozen=True)
class Table:
    rows: pd.DataFrame
    by: tuple[str, ...] = ()  # on paper a table for each value of these columns


@dataclass(frozen=True)
class Chart:
    """A figure, by its name; `draw` makes it for a palette and a width in px, or raises ValueError
    from too little."""

    name: str
    draw: Callable[[Palette, int], alt.TopLevelMixin]


@dataclass(frozen=True)
class Part:
    """A part of what is shown; its heading is empty where it goes on."""

    name: str
    heading: str
    content: tuple[Text | Command | Table | Chart, ...]


def on_paper(parts: Iterable[Part], palette: Palette, width: int) -> Iterator[Any]:
    """Parts as `vlcore.plots.html.page_html` takes them, with figures `width` px wide."""
    for part in parts:
        if part.heading:
            yield Heading(part.heading)
        for content in part.content:
            match content:
                case Text():
                    yield f"{content.title}. {content.text}" if content.title else content.text
                case Command():
                    yield f"{content.does}: {content.text}"
                case Table(by=()):
                    yield content.rows
                case Table():
                    for names, rows in content.rows.groupby(list(content.by), sort=False):
                        yield f"{names[0]} ({', '.join(names[1:])}):"
                        yield rows.drop(columns=list(content.by))
                case Chart():
                    try:
                        yield content.draw(palette, width)
                    except ValueError as error:
                        yield f"There is no figure here yet ({error})."
