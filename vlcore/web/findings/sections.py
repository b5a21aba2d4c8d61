"""Sections of the Findings page: what is missing, the ledger, the figures, what to take away."""

import re
from dataclasses import fields
from functools import partial
from pathlib import Path

import streamlit as st

from vlcore.classroom.teacher import Right
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition, from_dict
from vlcore.experiment.limits import TRAININGS
from vlcore.experiment.plain_text import plain, safe_csv
from vlcore.experiment.wording import signed
from vlcore.jobs.jobs import JobStatus, State
from vlcore.metrics.catalogue import PRIMARY, words_of
from vlcore.plots.document import Chart, Part
from vlcore.plots.theme import Palette
from vlcore.study import figures, registry, report, tables
from vlcore.study import text as words
from vlcore.study.analysis import Level
from vlcore.study.evidence import ClaimResult
from vlcore.study.findings import Findings
from vlcore.study.published import FOLDER, PublishedResults, published
from vlcore.study.results import Study
from vlcore.study.statistics.paired import Status
from vlcore.web import cache, condition_controls, jobs, visitors, widgets, work

STUDY_DOCUMENT = Path(__file__).parents[3] / "docs" / "study.md"
_BADGES = {
    Status.SUPPORTED: ("green", "check_circle"),
    Status.CONTRADICTED: ("red", "cancel"),
    Status.DEPENDS: ("orange", "alt_route"),
    Status.NOT_DECIDED: ("gray", "help"),
}
_FILES = {
    "report.html": ("Report, one offline file", "description", "text/html"),
    "runs.csv": ("Runs, CSV", "table", "text/csv"),
    "runs.parquet": ("Runs, parquet", "table", "application/vnd.apache.parquet"),
    "comparisons.csv": ("Comparisons, CSV", "table", "text/csv"),
}
_BY_CONTENT = cache.BY_CONTENT | {
    **dict.fromkeys((Study, PublishedResults), lambda one: one.digest),
    Chart: lambda one: one.name,
}


@st.cache_resource(max_entries=12, show_spinner="Analysing the runs …", hash_funcs=_BY_CONTENT)
def found(one: Study) -> Findings:
    """A study, analysed once; errors are those of `Study.findings`."""
    return one.findings()


@st.cache_resource(max_entries=300, show_spinner=False, hash_funcs=_BY_CONTENT)
def _drawn(one: Study, chart: Chart, palette: Palette, width: int) -> cache.Spec:
    return cache.finished(chart.draw(palette, width))


def figure(one: Study, chart: Chart, palette: Palette, width: int, place: str = "") -> None:
    """A figure, drawn once for all; a sentence where there is none yet. A `place` tells it from the
    same elsewhere."""
    try:
        spec = _drawn(one, chart, palette, width)
    except ValueError as error:
        st.caption(f"There is no figure here yet: {plain(str(error))}.")
        return
    cache.show_described(spec, f"{place}{chart.name}")


def sound(one: Study) -> Study:
    """The results that are shown: all, or where the visitor wants it those of blocks that pass the
    sanity check."""
    if not one.unsound:
        return one
    blocks = one.runs()["block"].nunique()
    with st.container(horizontal=True, vertical_alignment="center"):
        said, why = words.soundness(one.unsound, blocks), words.why_unsound(one.unsound)
        st.caption(said, help=why, width="content")
        leave_out = st.toggle("Leave them out", **widgets.in_address("sound"))
    return one.sound() if leave_out and len(one.unsound) < blocks else one


def show(one: Study, part: Part, palette: Palette, width: int) -> None:
    """A part of a study as the report has it, without its heading."""
    widgets.show_part(part, lambda chart: figure(one, chart, palette, width))


def queue(one: Study) -> None:
    """How many of the planned runs are there, and the button that makes the rest; follows them
    while they train."""
    if one.missing:
        jobs.watch([condition.key for condition in one.missing], partial(_missing, one))
    else:
        st.caption(f"All {len(one.study.conditions)} planned runs are there.")


def _missing(one: Study, views: list[JobStatus]) -> None:
    planned, done = len(one.study.conditions), sum(view.done for view in views)
    active = [view for view in views if view.state.is_active]
    if active:
        running = [view.fraction for view in active if view.state is State.RUNNING]
        there = one.there + done
        row = st.container(horizontal=True, vertical_alignment="bottom")
        far = (
            f"{there} of {planned} runs are there, {len(running)} are training. You can leave this"
            " page."
        )
        row.progress(min((there + sum(running)) / planned, 1.0), far)
        if done and row.button(
            "Show them", icon=":material/refresh:", help="Analyses again, with what is new."
        ):
            st.rerun()
        if row.button("Stop", icon=":material/stop:"):
            jobs.cancel(view.key for view in active)
        return
    missing = [
        condition for condition, view in zip(one.missing, views, strict=True) if not view.done
    ]
    each = work.likely_seconds(one.study.conditions[0], [run.key for run in one.published])
    time = words.how_long(work.until_done(each, len(missing)))
    row = st.container(horizontal=True, vertical_alignment="center")
    label, primary = ("Run what is missing", False) if one.there else ("Run this study", True)
    about = "Trains in the background, a few at a time; you can leave this page."
    pressed = row.button(
        label, type="primary" if primary else "secondary", icon=":material/play_arrow:", help=about
    )
    how_many = f"{one.there} of {planned} planned runs are there"
    row.caption(f"{how_many}; the other {len(missing)} take {time} here.", width="content")
    if pressed:
        if len(missing) > TRAININGS:
            visitors.require(Right.STUDIES)
        registry.write_down(one.study)
        work.train(*missing)
        st.rerun()
    with st.expander("Run it over night, from the command line"):
        st.code(report.command(one.study), language="sh")
        runs = (
            "With `--controls` it runs what the claims must beat too: labels with a random context"
        )
        st.caption(
            f"{runs}, and as many pictures removed from all groups alike. What is there is not"
            " trained again."
        )
    for sentence in dict.fromkeys(filter(None, map(jobs.ended_badly, views))):
        st.warning(sentence)


def nothing_yet(one: Study) -> None:
    """What would be here."""
    blocks = len({condition.data_seed for condition in one.study.conditions})
    st.info(
        f"None of the {len(one.study.conditions)} runs of this study is there yet. When they are,"
        " this page answers the study's question with an interval, puts the study's eight claims"
        f" to the test, and shows every run. Each run is one model: {blocks} pairs of seeds, each"
        " with every bias and both label styles.",
        icon=":material/science:",
    )


def headline(one: Study, result: Findings) -> None:
    """The answer at one level of bias: in large numbers, what they decide in a sentence, and
    whether that holds without the blocks that fail the sanity check."""
    if first := result.headline:
        st.markdown(f"**Right on minority pictures, with {words.bias_words(result, first)}**")
        with st.container(horizontal=True, gap="medium"):
            for label, number, write, unit in (
                ("short labels", first.short, "{:.0f}".format, "\u00a0%"),
                ("descriptive labels", first.descriptive, "{:.0f}".format, "\u00a0%"),
                (
                    words.level_words(first.level),
                    first.difference,
                    partial(signed, digits=0),
                    " points",
                ),
            ):
                value, low, high = (
                    write(100 * end) for end in (number.value, number.low, number.high)
                )
                st.metric(
                    label,
                    f"{value}{unit}",
                    help=f"95 % interval over blocks: {low} to {high}",
                    width="content",
                )
        decided = f"{words.difference_words(first.level)}, {words.level_words(first.level)}"
        st.markdown(f"Descriptive less short labels: {decided}.")
        if result.end and (few := words.too_few(result.end)):
            st.caption(few)
        if one.unsound and (level := _without_unsound(one, result)):
            decided = f"{words.difference_words(level)}, {words.level_words(level)}"
            st.caption(f"Without the blocks that fail the sanity check: {decided}.")


@st.cache_resource(max_entries=12, show_spinner=False, hash_funcs=_BY_CONTENT)
def _without_unsound(one: Study, _result: Findings) -> Level | None:
    return one.without_unsound(_result.headline.level) if _result.headline else None


@st.cache_resource(max_entries=12, show_spinner=False, hash_funcs=_BY_CONTENT)
def _in_other_pairs(one: PublishedResults) -> dict[str, Level]:
    return one.in_other_pairs()


def in_other_pairs(one: PublishedResults) -> None:
    """Whether it came out alike where it was asked again, a sentence."""
    said = (
        f"{words.difference_words(level)}, {words.level_words(level)} in `{name}`"
        for name, level in _in_other_pairs(one).items()
    )
    if every := "; ".join(said):
        st.markdown(f"The same in other pairs of seeds that came with this version: {every}.")


@st.cache_resource(max_entries=12, show_spinner=False, hash_funcs=_BY_CONTENT)
def _claims(one: PublishedResults) -> list[ClaimResult]:
    return one.claims()


def same_pairs(one: PublishedResults, result: Findings) -> None:
    """Which other studies have runs of this one, so that they are no second sample, and where their
    claims differ."""
    for name, count in one.shared().items():
        other = PublishedResults(published(one.study.conditions[0].data)[name])
        theirs = {
            claim.claim.id: claim for claim in _claims(other.sound() if one.left_out else other)
        }
        both = [(claim, theirs[claim.claim.id]) for claim in result.claims]
        differ = [
            f"{there.claim.id} {words.claim_words(there)}"
            for here, there in both
            if here.status != there.status
        ]
        come_out = f"There: {'; '.join(differ)}" if differ else "Every claim comes out alike there"
        st.caption(
            f"`{name}` has {count} of these runs too, so the two are one sample, not two."
            f" {come_out}."
        )


def badge(result: ClaimResult) -> str:
    """A status as coloured words with an icon, for markdown."""
    colour, icon = _BADGES[result.status]
    said = (
        words.depends_words(result)
        if result.status is Status.DEPENDS
        else words.claim_words(result)
    )
    return f":{colour}-badge[:material/{icon}: {said}]"


def ledger(result: Findings, *, narrow: bool) -> None:
    """The claims of the study, a line each; in a `narrow` window what they say and what was
    found."""
    if narrow:
        for one in result.claims:
            measured = words.estimate_words(one.estimate)
            st.markdown(f"**{one.claim.id}** {one.claim.says} {badge(one)} :small[{measured}]")
        return
    lines = [
        "| | The study says | Test | Must beat | Estimate (95 % interval) | Status |",
        "|---|---|---|---|---|---|",
    ]
    for one in result.claims:
        null = one.claim.null + " :orange[(not run)]" * bool(words.not_run(one))
        tested = (
            f"{one.claim.says} | {one.claim.test} | {null} | {words.estimate_words(one.estimate)}"
        )
        lines.append(f"| **{one.claim.id}** | {tested} | {badge(one)} |")
    st.markdown("\n".join(lines))


def claim(one: Study, result: Findings, palette: Palette, width: int) -> None:
    """One claim, chosen by its number: what was measured, how else it was read, and the runs in
    it."""
    ids = [one.claim.id for one in result.claims]
    behind = result.claim(widgets.one_of("Look behind a claim", ids, "claim", "C7"))
    st.markdown(f"**{behind.claim.id} · {behind.claim.says}** {badge(behind)}")
    st.markdown(words.claim_sentence(behind) or "Nothing was measured for this claim yet.")
    with st.container(horizontal=True, gap="medium"):
        for draw in (figures.claim_chart, figures.readings):
            figure(one, report.chart(draw, result, behind.claim.id), palette, width)
    unread = [
        f"{reading.words} ({reading.reason})"
        for reading in (*behind.nulls, *behind.readings)
        if reading.reason
    ]
    if unread:
        st.caption(f"Not read: {'; '.join(unread)}.")
    with st.expander(f"The {len(behind.runs)} runs in it"):
        rows = result.runs[result.runs["key"].isin(behind.runs)]
        columns = [
            "key",
            "labels",
            "removed",
            "size_mode",
            "data_seed",
            "init_seed",
            "first_fit_step",
            "checksum",
        ]
        st.dataframe(rows[columns], hide_index=True, width="stretch")
        _open_a_run(one, rows["key"].tolist())


def _open_a_run(one: Study, keys: list[str]) -> None:
    """One of the runs by its key: a link to it where its model is on this disk, else a button that
    trains it."""
    chosen = st.selectbox(
        "Open a run", keys, index=None, placeholder="Choose one by its key", width=460
    )
    if chosen is None:
        return
    frame = one.runs()
    rows = frame.loc[frame["key"] == chosen, [field.name for field in fields(Condition)]]
    condition = from_dict(rows.head(1).to_dict("records")[0])

    def offer(views: list[JobStatus]) -> None:
        if views[0].done:
            left, right = (condition.with_labels(style) for style in STYLES_OF_THE_STUDY)
            condition_controls.link_to_compare(
                left, right, "Both label styles of it, on Compare", "compare"
            )
        else:
            start = partial(work.train, condition)
            jobs.progress_or_start(
                views[0], "It is not on this disk: train it", start, key="train_a_run"
            )

    jobs.watch([condition.key], offer)


def over_bias(one: Study, result: Findings, palette: Palette, width: int, whole: int) -> None:
    """One measure over bias and labels: cells, lines, pairs, moments."""
    names = {words_of(measure, result.grouping): measure for measure in figures.charted(result)}
    first = words_of(PRIMARY, result.grouping)
    about = "The first is the study's own question; all others are secondary, not what was planned."
    usual = list(names).index(first) if first in names else 0
    chosen = st.selectbox(
        "Measure", list(names), usual, **widgets.in_address("measure", about, width=460)
    )
    measure = names.get(chosen or "", PRIMARY)
    figure(one, report.chart(figures.heat_map, result, measure), palette, whole)
    with st.container(horizontal=True, gap="medium"):
        for title, draw in (
            ("**From no bias to full bias**, a line for each label style", figures.by_bias),
            ("**Block by block**, from short to descriptive labels", figures.paired_slopes),
            ("**The difference**, with its interval over blocks", figures.forest),
            ("**Before training, at first fit and at the end**", figures.moments),
        ):
            with st.container(width=width):
                st.markdown(title)
                figure(one, report.chart(draw, result, measure), palette, width)
    st.caption(figures.LEGEND)


def downloads(one: Study) -> None:
    """Tables and the report, made when they are asked for."""
    with st.container(horizontal=True):
        for name, (label, icon, kind) in _FILES.items():
            called = f"{one.study.name}-{one.study.conditions[0].data}-{name}"
            widgets.download(
                label, partial(file, one, name), called, kind, icon, key=f"download_{name}"
            )


@st.cache_resource(max_entries=24, show_spinner=False, hash_funcs=_BY_CONTENT)
def file(one: Study, name: str) -> bytes:
    """What a researcher takes away: ``runs.csv``, ``runs.parquet``, ``comparisons.csv`` or
    ``report.html``."""
    result = found(one)
    if name == "report.html":
        return report.report_html(result).encode()
    if name == "runs.parquet":
        return bytes(result.frame.to_parquet(index=False))
    table = tables.both_moments(result) if name == "comparisons.csv" else result.frame
    return safe_csv(table).encode()


def lost(one: Study) -> None:
    """Which of the planned runs are not there."""
    if one.missing:
        with st.expander(f"The {len(one.missing)} runs that are missing"):
            st.dataframe(
                {"run": [condition.key for condition in one.missing]},
                hide_index=True,
                width="stretch",
            )


def why() -> None:
    """What all studies found together, as it stands in the documentation, without its list of
    pages."""
    text = (
        (FOLDER / "README.md")
        .read_text(encoding="utf-8")
        .partition("\n")[2]
        .partition("| | what")[0]
    )
    text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text)  # its links lead to files
    in_short, point, one_by_one = text.partition("\n- ")
    for title, part in (
        ("What all studies found, and why", in_short),
        ("Study by study", point + one_by_one),
    ):
        with st.expander(title):
            st.markdown(part)
            st.caption(
                "Written by hand from the tables of these studies, which are in docs/results of the"
                " project."
            )


def choices() -> None:
    """What the study leaves open, as it is written in the documentation."""
    with st.expander("What the study leaves open, and what we chose"):
        st.markdown(STUDY_DOCUMENT.read_text(encoding="utf-8").partition("\n")[2])
