"""Sections of the Findings page: what is missing, the ledger, the figures, what to take away.

A section takes a study as it stands and draws it; it decides nothing.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from vlcore.charts.parts import Part
from vlcore.charts.theme import Palette
from vlcore.core.condition import Condition
from vlcore.core.wording import signed
from vlcore.measures.catalogue import PRIMARY, words_of
from vlcore.store.jobs import JobStatus, State
from vlcore.store.queue import default_workers
from vlcore.studies import methods
from vlcore.studies import text as words
from vlcore.studies.evidence import ClaimResult
from vlcore.studies.figures import (
    by_bias,
    charted,
    claim_chart,
    forest,
    heat_map,
    legend,
    moments,
    paired_slopes,
    readings,
)
from vlcore.studies.findings import Findings
from vlcore.studies.report import chart
from vlcore.studies.results import StudyResults
from vlcore.studies.statistics.paired import Status
from vlcore.ui import jobs, widgets
from vlcore.ui.findings.figures import figure, file

STUDY_DOCUMENT = Path(__file__).parents[3] / "docs" / "study.md"
# Of what is published; a guess where nothing is: a step takes 65 ms on a core, drawing and measuring the rest.
_STEP_SECONDS, _OTHER_SECONDS = 0.065, 20.0
_BADGES = {
    Status.SUPPORTED: ("green", "check_circle"),
    Status.CONTRADICTED: ("red", "cancel"),
    Status.DEPENDS: ("orange", "alt_route"),
    Status.NOT_DECIDED: ("gray", "help"),
}


def queue(one: StudyResults) -> None:
    """How many of the planned runs are there, and the button that makes the rest; follows them while they train."""
    missing, planned = one.missing, len(one.study.conditions)
    if not missing:
        st.caption(f"All {planned} planned runs are there.")
        return

    def draw(views: list[JobStatus]) -> None:
        active = [view for view in views if view.state.is_active]
        if active:
            _progress(one, active, sum(view.done for view in views))
        else:
            _offer(one, [condition for condition, view in zip(missing, views, strict=True) if not view.done])
            for sentence in dict.fromkeys(filter(None, map(jobs.ended_badly, views))):
                st.warning(sentence)

    jobs.watch([condition.key for condition in missing], draw)


def _offer(one: StudyResults, missing: list[Condition]) -> None:
    there, planned = one.there, len(one.study.conditions)
    seconds = len(missing) * seconds_a_run(one) / default_workers()
    row = st.container(horizontal=True, vertical_alignment="center")
    pressed = row.button(
        "Run what is missing" if there else "Run this study",
        type="secondary" if there else "primary",
        icon=":material/play_arrow:",
        help="Trains in the background, a few at a time; you can leave this page.",
    )
    row.caption(
        f"{there} of {planned} planned runs are there; the other {len(missing)} take {words.how_long(seconds)} here.",
        width="content",
    )
    if pressed:
        for condition in missing:
            jobs.train(condition)
        st.rerun()
    with st.expander("Run it over night, from the command line"):
        st.code(methods.command(one.study), language="sh")
        st.caption(
            "With `--controls` it runs what the claims must beat too: labels with a random context, and as many "
            "pictures removed from all groups alike. What is there is not trained again."
        )


def _progress(one: StudyResults, active: list[JobStatus], done: int) -> None:
    running = [view for view in active if view.state is State.RUNNING]
    planned = len(one.study.conditions)
    total = (one.there + done + sum(view.fraction for view in running)) / planned
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.progress(
        min(total, 1.0),
        text=f"{one.there + done} of {planned} runs are there, {len(running)} are training. You can leave this page.",
    )
    if done and row.button("Show them", icon=":material/refresh:", help="Analyses again, with what is new."):
        st.rerun()
    if row.button("Stop", icon=":material/stop:"):
        jobs.cancel(view.key for view in active)


def seconds_a_run(one: StudyResults) -> float:
    """How long a run takes: the median of those that are there, else a guess from its steps."""
    import statistics

    taken = [float(run.manifest.get("seconds", 0)) for run in one.published]
    known = [seconds for seconds in taken if seconds > 0]
    return statistics.median(known) if known else _OTHER_SECONDS + _STEP_SECONDS * one.study.conditions[0].steps


def nothing_yet(one: StudyResults) -> None:
    """What would be here."""
    blocks = len({condition.data_seed for condition in one.study.conditions})
    st.info(
        f"None of the {len(one.study.conditions)} runs of this study is there yet. When they are, this page answers "
        "the study's question with an interval, puts the study's eight claims to the test, and shows every run. "
        f"Each run is one model: {blocks} pairs of seeds, each with every bias and both label styles.",
        icon=":material/science:",
    )


def show(one: StudyResults, part: Part, palette: Palette, width: int) -> None:
    """A part of a study as the report has it, without its heading."""
    widgets.show_part(part, lambda chart: figure(one, chart, palette, width))


def headline(result: Findings) -> None:
    """The answer at one level of bias, in large numbers."""
    if first := result.headline:
        st.markdown(f"**Right on minority pictures, with {words.bias_words(result, first)}**")
        with st.container(horizontal=True, gap="large"):
            for label, one, write, unit in (
                ("short labels", first.short, "{:.0f}".format, "\u00a0%"),
                ("descriptive labels", first.descriptive, "{:.0f}".format, "\u00a0%"),
                (words.level_words(first.level), first.difference, partial(signed, digits=0), " points"),
            ):
                value, low, high = (write(100 * end) for end in (one.value, one.low, one.high))
                st.metric(label, f"{value}{unit}", help=f"95 % interval over blocks: {low} to {high}", width="content")


def badge(result: ClaimResult) -> str:
    """A status as coloured words with an icon, for markdown."""
    colour, icon = _BADGES[result.status]
    said = words.depends_words(result) if result.status is Status.DEPENDS else words.claim_words(result)
    return f":{colour}-badge[:material/{icon}: {said}]"


def ledger(result: Findings) -> None:
    """The claims of the study, a line each."""
    head = "| | The study says | Test | Must beat | Estimate (95 % interval) | Status |\n|---|---|---|---|---|---|\n"
    st.markdown(
        head
        + "\n".join(
            f"| **{one.claim.id}** | {one.claim.says} | {one.claim.test} | {one.claim.null} | "
            f"{words.estimate_words(one.estimate)} | {badge(one)} |"
            for one in result.claims
        )
    )


def claim(one: StudyResults, result: Findings, palette: Palette, width: int) -> None:
    """One claim, chosen by its number: what was measured, how else it was read, and the runs in it."""
    ids = [one.claim.id for one in result.claims]
    chosen = st.segmented_control(
        "Look behind a claim", ids, default="C7", required=True, key="claim", bind="query-params"
    )
    found = result.claim(chosen or "C7")
    name = found.claim.id
    st.markdown(f"**{name} · {found.claim.says}** {badge(found)}")
    st.markdown(words.claim_sentence(found) or "Nothing was measured for this claim yet.")
    with st.container(horizontal=True, gap="large"):
        for draw in (claim_chart, readings):
            figure(one, chart(draw, result, name), palette, width)
    unread = [f"{reading.words} ({reading.reason})" for reading in (*found.nulls, *found.readings) if reading.reason]
    if unread:
        st.caption(f"Not read: {'; '.join(unread)}.")
    with st.expander(f"The {len(found.runs)} runs in it"):
        rows = result.runs[result.runs["key"].isin(found.runs)]
        columns = ["key", "labels", "removed", "size_mode", "data_seed", "init_seed", "first_fit_step", "checksum"]
        st.dataframe(rows[columns], hide_index=True, width="stretch")


def over_bias(one: StudyResults, result: Findings, palette: Palette, width: int, whole: int) -> None:
    """One measure over bias and labels: cells, lines, pairs, moments."""
    names = {words_of(measure, result.grouping): measure for measure in charted(result)}
    first = words_of(PRIMARY, result.grouping)
    chosen = st.selectbox(
        "Measure", list(names), index=list(names).index(first) if first in names else 0, key="measure",
        bind="query-params", width=460,
        help="The first is the study's own question; all others are secondary and decide nothing.",
    )  # fmt: skip
    measure = names.get(chosen or "", PRIMARY)
    figure(one, chart(heat_map, result, measure), palette, whole)
    with st.container(horizontal=True, gap="large"):
        figure(one, chart(by_bias, result, measure), palette, width)
        for title, draw in (
            ("**Block by block**, from short to descriptive labels", paired_slopes),
            ("**The difference**, with its interval over blocks", forest),
            ("**Before training, at first fit and at the end**", moments),
        ):
            with st.container(width=width):
                st.markdown(title)
                figure(one, chart(draw, result, measure), palette, width)
    st.caption(legend())


def downloads(one: StudyResults) -> None:
    """Tables and the report, made when they are asked for."""
    with st.container(horizontal=True):
        for name, label, icon, kind in (
            ("report.html", "Report, one offline file", "description", "text/html"),
            ("runs.csv", "Runs, CSV", "table", "text/csv"),
            ("runs.parquet", "Runs, parquet", "table", "application/vnd.apache.parquet"),
            ("comparisons.csv", "Comparisons, CSV", "table", "text/csv"),
        ):
            st.download_button(
                label,
                partial(file, one, name),
                file_name=f"{one.study.name}-{one.study.conditions[0].data}-{name}",
                mime=kind,
                icon=f":material/{icon}:",
                on_click="ignore",
                key=f"download_{name}",
            )


def lost(one: StudyResults) -> None:
    """Which of the planned runs are not there."""
    if one.missing:
        with st.expander(f"The {len(one.missing)} runs that are missing"):
            st.dataframe({"run": [condition.key for condition in one.missing]}, hide_index=True, width="stretch")


def choices() -> None:
    """What the study leaves open, as it is written in the documentation."""
    with st.expander("What the study leaves open, and what we chose"):
        st.markdown(STUDY_DOCUMENT.read_text(encoding="utf-8").partition("\n")[2])
