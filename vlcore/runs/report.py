"""A study as one offline file: the answer, the ledger, the figures, how it was done, and every run by its checksum.

The one idea: a reviewer who has nothing but this file can see what was measured, how, on what, and what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from vlcore.figures.export import Heading, page_html
from vlcore.figures.theme import LIGHT, Palette
from vlcore.measures.catalogue import PRIMARY, words_of
from vlcore.runs import findings_figures as figures
from vlcore.runs import findings_words as words
from vlcore.runs.findings import Findings
from vlcore.runs.methods import command, methods

TITLE = "Can more descriptive labels help a vision-language model that learns from biased pictures?"
WIDTH = 900  # px of a figure
_RUN_COLUMNS = {
    "key": "Run", "first_fit_step": "First fit at step", "seconds": "Seconds", "device": "Device",
    "checksum": "Checksum of its files",
}  # fmt: skip


def report_html(found: Findings, palette: Palette = LIGHT) -> str:
    """The whole study as one offline HTML page.

    Args:
        found: of `vlcore.runs.findings.findings`.
        palette: colours of page and figures.
    """
    return page_html(list(_parts(found, palette)), TITLE, palette=palette)


def _parts(found: Findings, palette: Palette) -> Iterator[Any]:
    condition, planned = found.study.conditions[0], len(found.study.conditions)
    yield (
        "Made by VL Bias Lab, after “Understanding Limitations of Vision-Language Models” (Choi and Somasundaram, MIT, "
        f"2023): the grid {found.study.name!r} on {words.pictures(condition)}, {condition.steps:,} steps. "
        f"{found.there} of {planned} planned runs are there, in {found.blocks} blocks of seeds."
    )
    yield Heading("The answer")
    yield words.answer(found)
    yield from found.end.notes if found.end else ()
    yield Heading("What the study claims, and what was measured")
    yield words.ledger_table(found.verdicts)
    yield from (f"{verdict.claim.id}. {verdict.sentence}" for verdict in found.verdicts)
    yield Heading("Bias and labels")
    yield figures.legend()
    yield from _drawn(figures.by_bias, found, PRIMARY, palette, WIDTH)
    for measure in figures.reported(found):
        yield f"{words_of(measure, found.grouping)}:"
        yield from _drawn(figures.heat_map, found, measure, palette, WIDTH)
    yield Heading("Block by block")
    yield from _drawn(figures.paired_slopes, found, PRIMARY, palette, WIDTH)
    if found.end is not None:
        yield from _drawn(figures.forest, found, found.end.primary, palette, WIDTH)
    yield Heading("Group by group")
    yield from _drawn(figures.groups, found, palette, WIDTH)
    yield Heading("While training")
    yield figures.LEGEND_OF_CURVES
    yield from _drawn(figures.curves, found, palette, WIDTH)
    yield f"{words_of(PRIMARY, found.grouping)}, before training, at first fit and at the end:"
    yield from _drawn(figures.moments, found, PRIMARY, palette, WIDTH)
    yield Heading("Every comparison")
    for measure, rows in words.comparisons_table(found).groupby(["Measure", "Role"], sort=False):
        yield f"{measure[0]} ({measure[1]}):"
        yield rows.drop(columns=["Measure", "Role"])
    yield Heading("Methods")
    yield from (f"{title}. {text}" for title, text in methods(found).items())
    yield f"To run it again: {command(found.study)}"
    yield Heading("What is missing")
    yield _missing(found)
    yield Heading("Runs")
    yield found.runs[list(_RUN_COLUMNS)].rename(columns=_RUN_COLUMNS)


def _drawn(draw: Callable[..., Any], *arguments: Any) -> Iterator[Any]:
    """A figure, or why it cannot be drawn from what is there."""
    try:
        yield draw(*arguments)
    except ValueError as error:
        yield f"There is no figure here yet ({error})."


def _missing(found: Findings) -> str:
    there = set(found.runs["key"])
    lost = [condition.key for condition in found.study.conditions if condition.key not in there]
    if not lost:
        return "Nothing: every planned run is there."
    return f"{len(lost)} of {len(found.study.conditions)} planned runs are not there: {', '.join(lost)}."


def comparisons(found: Findings) -> pd.DataFrame:
    """The analysis as numbers, one row a comparison, at both moments; no rows while a label style has no run."""
    tables = [analysis.tables()["comparisons"] for analysis in (found.end, found.first_fit) if analysis is not None]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
