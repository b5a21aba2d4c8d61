"""Panels: what pages, notebooks, commands and offline pages show of a comparison or a study.

A panel is a function from a comparison and its inputs to blocks (`vlcore.plots.blocks`), in a file
of its own. `panel` registers it; everything that lists or shows panels asks `panels`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from vlcore.experiment.errors import LabError
from vlcore.experiment.modules import hanging_packages, load_modules
from vlcore.plots.blocks import (
    Block,
    Chart,
    Columns,
    Command,
    Download,
    Heading,
    Images,
    Moving,
    Pictures,
    Table,
    Text,
    Trainings,
)

__all__ = [
    "Between",
    "Block",
    "Chart",
    "Columns",
    "Command",
    "Download",
    "Heading",
    "Images",
    "Moving",
    "OneOf",
    "Pictures",
    "Table",
    "Text",
    "Trainings",
    "Typed",
    "panel",
    "panels",
]
COMPARE, UPLOAD, TRAIN, STUDY = "compare", "upload", "train", "study"  # where panels are shown
# Inputs that no control has: the row of the clicked image, the selection, the uploaded image, and
# how the maps are drawn.
PAGE_INPUTS = ("image", "selection", "upload", "options")


class PanelError(LabError):
    """A panel or an input that does not exist; the message names those that do."""


@dataclass(frozen=True)
class Between:
    """An input that is a whole number within bounds."""

    low: int
    high: int
    label: str = ""
    about: str = ""

    def read(self, value: Any) -> int:
        """The number; ValueError of anything else."""
        try:
            number = int(value)
        except ValueError:
            number = self.low - 1
        if not self.low <= number <= self.high:
            raise ValueError(f"a whole number from {self.low} to {self.high}")
        return number


@dataclass(frozen=True)
class Typed:
    """An input that somebody types, of so many characters at most, with an example of it."""

    most: int
    label: str = ""
    example: str = ""
    about: str = ""

    def read(self, value: Any) -> str:
        """The text; ValueError where it is too long."""
        text = str(value)
        if len(text) > self.most:
            raise ValueError(f"at most {self.most} characters")
        return text


@dataclass(frozen=True)
class OneOf:
    """An input that is one of the names that a subject has, each with its words for people."""

    names: Callable[[Any], Mapping[str, str]]
    label: str = ""
    about: str = ""

    def read(self, value: Any) -> str:
        """The name, which the panel itself checks."""
        return str(value)


@dataclass(frozen=True)
class Input:
    """An input of a panel that has a control: its name, what it may be, and its usual value."""

    name: str
    kind: Between | Typed | OneOf
    usual: Any

    @property
    def label(self) -> str:
        """What the control is called."""
        return self.kind.label or self.name.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Panel:
    """A panel.

    Attributes:
        name: in addresses and commands.
        title: for people.
        question: that it answers.
        make: from a subject and inputs to blocks.
        pages: that show it.
        order: its place among the panels of a page.
        slow: the button that starts what takes seconds, in a worker process; empty of a quick one.
        on_paper: whether an offline page has it where no panels are named.
    """

    name: str
    title: str
    question: str
    make: Callable[..., Iterator[Block]]
    pages: tuple[str, ...]
    order: int
    slow: str
    on_paper: bool

    @property
    def inputs(self) -> list[Input]:
        """The inputs that have controls."""
        hints = get_type_hints(self.make, include_extras=True)
        usual = inspect.signature(self.make).parameters
        return [
            Input(name, get_args(hint)[1], usual[name].default)
            for name, hint in hints.items()
            if get_origin(hint) is Annotated
        ]

    @property
    def page_inputs(self) -> list[str]:
        """The inputs that a page gives without a control, of `PAGE_INPUTS`."""
        return [name for name in inspect.signature(self.make).parameters if name in PAGE_INPUTS]

    def blocks(self, subject: Any, **inputs: Any) -> list[Block]:
        """Run the panel.

        Args:
            subject: a comparison, or a study.
            inputs: by name; usual values are taken for the others.

        Raises:
            PanelError: an input is unknown, wrong or missing.
            LabError: the subject has no such thing.
        """
        values = self._checked(inputs)
        if "image" in values:
            values["image"] = _row(values["image"], len(subject.images.table))
        if "upload" in values:
            values["upload"] = subject.upload(values["upload"])
        return list(self.make(subject, **values))

    def _checked(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs as the panel takes them; PanelError for what it does not take."""
        with_control = {each.name: each for each in self.inputs}
        names = [*with_control, *self.page_inputs]
        values: dict[str, Any] = {}
        for name, value in inputs.items():
            if name not in names:
                takes = f"it takes {', '.join(names)}" if names else "it takes none"
                raise PanelError(f"The panel {self.name} has no input {name}; {takes}.")
            values[name] = value
            if name in with_control:
                try:
                    values[name] = with_control[name].kind.read(value)
                except ValueError as error:
                    raise PanelError(f"{name} is {value!r}; give {error}.") from None
        if not self.fits({*values, "options"}):
            needed = " or ".join(name for name in self.page_inputs if name != "options")
            raise PanelError(f"The panel {self.name} needs an input {needed}; give it.")
        return values

    def fits(self, inputs: Collection[str]) -> bool:
        """Whether the inputs that a page gives are enough: all that have no usual value, and one of
        several that have."""
        parameters = inspect.signature(self.make).parameters
        names = [name for name in self.page_inputs if name != "options"]
        needed = [name for name in names if parameters[name].default is inspect.Parameter.empty]
        others = [name for name in names if name not in needed]
        is_one_there = not others or any(name in inputs for name in others)
        return set(needed) <= set(inputs) and is_one_there


def _row(image: int | str, images: int) -> int:
    """The row of an image in a set of so many, from its row or its id, such as ``p12``."""
    row = str(image).removeprefix("p")
    if not row.isdecimal() or int(row) >= images:
        raise PanelError(f"There is no image {image}; give a row from 0 to {images - 1:,}.")
    return int(row)


_PANELS: dict[str, Panel] = {}


def panel(
    title: str,
    question: str,
    *,
    pages: Sequence[str] = (COMPARE,),
    order: int = 50,
    slow: str = "",
    on_paper: bool = False,
) -> Callable[[Callable[..., Iterator[Block]]], Callable[..., Iterator[Block]]]:
    """Register a function as a panel, under its name with hyphens; see `Panel`."""

    def register(make: Callable[..., Iterator[Block]]) -> Callable[..., Iterator[Block]]:
        name = make.__name__.replace("_", "-")
        _PANELS[name] = Panel(name, title, question, make, tuple(pages), order, slow, on_paper)
        return make

    return register


def panels(page: str = "") -> list[Panel]:
    """The panels of a page in their order; all where none is named."""
    for package in hanging_packages:
        load_modules(package)
    listed = [each for each in _PANELS.values() if not page or page in each.pages]
    return sorted(listed, key=lambda each: (each.order, each.title))


def find_panel(name: str, page: str = "") -> Panel:
    """A panel by its name, of a page or of all that are about comparisons; PanelError that lists
    the names where there is none."""
    by_name = {each.name: each for each in panels(page) if page or STUDY not in each.pages}
    if name not in by_name:
        raise PanelError(f"There is no panel {name!r}; choose one of {', '.join(by_name)}.")
    return by_name[name]
