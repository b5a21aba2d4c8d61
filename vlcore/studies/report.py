"""Report of a study: its parts, which the Findings page shows too, and all of them as one offline file.

A reviewer who has nothing but the file can see what was measured, how, on what, and what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import altair as alt
import pandas as pd

from vlcore.charts.html import Heading, page_html
from vlcore.charts.theme import LIGHT, Palette
from vlcore.measures.catalogue import PRIMARY, words_of
from vlcore.studies import figures, tables
from vlcore.studies import text as words
from vlcore.studies.findings import Findings
from vlcore.studies.methods import command, methods

TITLE = "Can more descriptive labels help a vision-language model that learns from biased pictures?"
WIDTH = 900  # px of a figure
_RUN_COLUMNS = {
    "key": "Run", "first_fit_step": "First fit at step", "seconds": "Seconds", "device": "Device",
    "checksum": "Checksum of its files",
}  # fmt: skip


@dataclass(frozen=True)
class Text:
    """A paragraph; under a title where it has one, and set smaller where it is a note."""

    text: str
    title: str = ""
    note: bool = False


@dataclass(frozen=True)
class Command:
    """A command line, and what it does."""

    text: str
    does: str


@dataclass(frozen=True)
class Table:
    """Rows; on paper a table for each value of the columns `by`."""

    rows: pd.DataFrame
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chart:
    """A figure that is drawn when it is shown.

    Attributes:
        name: tells it from the other figures of a study.
        draw: a palette and a width in px to the figure; ValueError where there is too little to draw it from.
    """

    name: str
    draw: Callable[[Palette, int], alt.TopLevelMixin]


@dataclass(frozen=True)
class Part:
    """A part of what is shown of a study: its name, its heading (empty where it goes on), and what it holds."""

    name: str
    heading: str
    content: tuple[Text | Command | Table | Chart, ...]


def chart(draw: Callable[..., alt.TopLevelMixin], found: Findings, *about: str) -> Chart:
    """A figure of `vlcore.studies.figures`, about a measure or a claim where it can show several."""
    return Chart("_".join((draw.__name__, *about)), partial(draw, found, *about))


def parts(found: Findings) -> list[Part]:
    """Everything that is said of a study, in the order of the report.

    Args:
        found: of `vlcore.studies.findings.findings`.
    """
    condition, planned = found.study.conditions[0], found.study.conditions
    start = (
        "Made by VL Bias Lab, after “Understanding Limitations of Vision-Language Models” (Choi and Somasundaram, MIT, "
        f"2023): the grid {found.study.name!r} on {words.pictures(condition)}, {condition.steps:,} steps. "
        f"{found.there} of {len(planned)} planned runs are there, in {found.blocks} blocks of seeds."
    )
    answer = [
        Text(words.answer(found)),
        *(Text(one, note=True) for one in (words.notes(found.end) if found.end else ())),
    ]
    claims = [Text(f"{one.claim.id}. {words.claim_sentence(one)}") for one in found.claims]
    over_bias: list[Text | Chart] = [Text(figures.legend(), note=True), chart(figures.by_bias, found, PRIMARY)]
    for measure in figures.reported(found):
        over_bias += [Text(f"{words_of(measure, found.grouping)}:"), chart(figures.heat_map, found, measure)]
    blocks = [chart(figures.paired_slopes, found, PRIMARY)]
    blocks += [chart(figures.forest, found, PRIMARY)] if found.end is not None else []
    moments = f"{words_of(PRIMARY, found.grouping)}, before training, at first fit and at the end:"
    how = [Text(text, title) for title, text in methods(found).items()]
    there = set(found.runs["key"])
    lost = [one.key for one in planned if one.key not in there]
    missing = (
        f"{len(lost)} of {len(planned)} planned runs are not there: {', '.join(lost)}."
        if lost
        else "Nothing: every planned run is there."
    )
    runs = found.runs[list(_RUN_COLUMNS)].rename(columns=_RUN_COLUMNS)
    return [
        Part("start", "", (Text(start),)),
        Part("answer", "The answer", tuple(answer)),
        Part(
            "claims",
            "What the study claims, and what was measured",
            (Table(tables.ledger_table(found.claims)), *claims),
        ),
        Part("over_bias", "Bias and labels", tuple(over_bias)),
        Part("blocks", "Block by block", tuple(blocks)),
        Part("groups", "Group by group", (chart(figures.groups, found),)),
        Part("training", "While training", (Text(figures.LEGEND_OF_CURVES, note=True), chart(figures.curves, found))),
        Part("moments", "", (Text(moments), chart(figures.moments, found, PRIMARY))),
        Part("comparisons", "Every comparison", (Table(tables.comparisons_table(found), ("Measure", "Role")),)),
        Part("methods", "Methods", (*how, Command(command(found.study), "To run it again"))),
        Part("missing", "What is missing", (Text(missing),)),
        Part("runs", "Runs", (Table(runs),)),
    ]


def report_html(found: Findings, palette: Palette = LIGHT) -> str:
    """The whole study as one offline HTML page.

    Args:
        found: of `vlcore.studies.findings.findings`.
        palette: colours of page and figures.
    """
    return page_html(list(_on_paper(parts(found), palette)), TITLE, palette=palette)


def _on_paper(shown: list[Part], palette: Palette) -> Iterator[Any]:
    """Parts as `page_html` takes them."""
    for part in shown:
        if part.heading:
            yield Heading(part.heading)
        for one in part.content:
            match one:
                case Text():
                    yield f"{one.title}. {one.text}" if one.title else one.text
                case Command():
                    yield f"{one.does}: {one.text}"
                case Table(by=()):
                    yield one.rows
                case Table():
                    for names, rows in one.rows.groupby(list(one.by), sort=False):
                        yield f"{names[0]} ({', '.join(names[1:])}):"
                        yield rows.drop(columns=list(one.by))
                case Chart():
                    try:
                        yield one.draw(palette, WIDTH)
                    except ValueError as error:
                        yield f"There is no figure here yet ({error})."
