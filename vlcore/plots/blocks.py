"""Blocks: what a panel consists of. A page, a notebook, a command and an offline page each show all
of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import altair as alt
import pandas as pd
from PIL import Image

from vlcore.plots.theme import Palette


@dataclass(frozen=True)
class Heading:
    """A heading within a panel."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph, set smaller where it is a note, with an icon where it warns."""

    text: str
    note: bool = False
    icon: str = ""


@dataclass(frozen=True)
class Command:
    """A line to type, and what it does."""

    text: str
    does: str


@dataclass(frozen=True)
class Table:
    """A table of words and numbers; on paper a table for each value of the column `by`."""

    rows: pd.DataFrame
    by: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart with its words for screen readers; `draw` makes it for a palette and a width in px,
    or raises ValueError from too little."""

    words: str
    draw: Callable[[Palette, int], alt.TopLevelMixin]


@dataclass(frozen=True)
class Images:
    """Images of the set in a row.

    Attributes:
        lines: the lines of text below each image, by its row in the set.
        selects: rows of images that a click on a page selects; none without.
        words: how these were chosen.
        opens: whether a click on a page looks closer at an image.
    """

    lines: Mapping[int, Sequence[str]]
    selects: Sequence[int] = ()
    words: str = ""
    opens: bool = False


@dataclass(frozen=True)
class Pictures:
    """Images that are not of the set, by their words, each with lines of text below it."""

    pictures: Mapping[str, Image.Image]
    lines: Mapping[str, Sequence[str]]


class DrawnMaps(Protocol):
    """Maps that answer to the pointer, as the component takes them."""

    @property
    def words(self) -> str:
        """What the maps show, for screen readers."""

    def drawing(self, palette: Palette, side: int) -> dict[str, Any]:
        """Describe how the maps look, each `side` px wide."""

    def table(self) -> dict[str, Any]:
        """Pack the columns of the images."""

    def inline(self, palette: Palette, side: int) -> dict[str, Any]:
        """Give all that the component needs where there is no server."""


@dataclass(frozen=True)
class Moving:
    """Maps that move, such as the training animation."""

    maps: DrawnMaps


@dataclass(frozen=True)
class Download:
    """A file that is made when somebody asks for it.

    Attributes:
        label: of the button.
        name: of the file.
        kind: media type.
        make: makes the content, or what `write` makes it of.
        write: makes the content in a worker process, for it takes a second.
        about: what the file is for.
    """

    label: str
    name: str
    kind: str
    make: Callable[[], Any]
    write: Callable[[Any], bytes | str] | None = None
    about: str = ""

    def content(self) -> bytes | str:
        """Make the file here."""
        return self.make() if self.write is None else self.write(self.make())


@dataclass(frozen=True)
class Columns:
    """Blocks beside each other, a column per model."""

    columns: Sequence[Sequence["Block"]]


@dataclass(frozen=True)
class Trainings:
    """Trainings that a panel needs before it can go on.

    Attributes:
        conditions: what is trained.
        label: of the button that starts them.
        about: what they are for.
        then: makes the blocks that follow when all are trained.
    """

    conditions: Sequence[Any]
    label: str
    about: str
    then: Callable[[], Iterable["Block"]]


Block: TypeAlias = (
    Heading
    | Text
    | Command
    | Table
    | Chart
    | Images
    | Pictures
    | Moving
    | Download
    | Columns
    | Trainings
)


def flat(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks with those of columns one after the other."""
    for block in blocks:
        if isinstance(block, Columns):
            for column in block.columns:
                yield from flat(column)
        else:
            yield block
