"""Report of a study: its parts, which the Findings page shows too, and all of them as one offline file.

A reviewer who has nothing but the file can see what was measured, how, on what, and what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import altair as alt

from vlcore.charts.html import page_html
from vlcore.charts.parts import Chart, Command, Part, Table, Text, on_paper
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
    return page_html(list(on_paper(parts(found), palette, WIDTH)), TITLE, palette=palette)
