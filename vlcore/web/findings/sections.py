"""A study of this server on Findings: missing runs, answer, claims, figures and downloads."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from vlcore.api import studies
from vlcore.classroom.teacher import Right
from vlcore.experiment.files import project_folder
from vlcore.experiment.limits import TRAININGS
from vlcore.experiment.plain_text import plain, safe_csv
from vlcore.experiment.wording import difference, duration_words, rate_words
from vlcore.jobs.jobs import JobStatus, State
from vlcore.metrics.catalogue import PRIMARY, former_words, words_of
from vlcore.plots.document import Chart, Part
from vlcore.plots.theme import Palette
from vlcore.study import figures, report, tables
from vlcore.study import text as words
from vlcore.study.evidence import ClaimResult
from vlcore.study.findings import Findings
from vlcore.study.results import Study
from vlcore.study.statistics.paired import Status
from vlcore.web import cache, jobs, visitors, widgets, work
from vlcore.web.findings import runs

ANSWER, CLAIMS, OVER_BIAS = "Answer", "Claims", "Bias and labels"
GROUPS, COMPARISONS, METHODS = "Groups and training", "Comparisons", "Methods and files"
PARTS = (ANSWER, CLAIMS, OVER_BIAS, GROUPS, COMPARISONS, METHODS)
# The part that has a control, by the control's key: addresses name the control alone.
_PART_OF = {"claim": CLAIMS, "measure": OVER_BIAS}
STUDY_DOCUMENT = project_folder() / "docs" / "study.md"
_INTERVAL = "In brackets: 95 % interval over seed pairs"
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


@cache.by_content(12, "Analysing the runs …")
def findings_of(study: Study) -> Findings:
    """A study, analysed once; errors are those of `Study.findings`."""
    return study.findings()


@cache.by_content(12)
def report_parts_of(study: Study) -> dict[str, Part]:
    """The parts of a study's report by name, made once; errors are those of `Study.findings`."""
    return {part.name: part for part in report.report_parts(findings_of(study))}


@cache.by_content(300)
def _drawn(study: Study, chart: Chart, palette: Palette, width: int) -> cache.Spec:
    return cache.chart_spec(chart.draw(palette, width))


@dataclass(frozen=True)
class Canvas:
    """A study and how its figures are drawn.

    Attributes:
        study: what is shown.
        findings: of the study.
        palette: light or dark.
        width: px of a figure, where two can be beside each other.
        full_width: px of a figure alone.
    """

    study: Study
    findings: Findings
    palette: Palette
    width: int
    full_width: int

    def show(self, chart: Chart, width: int | None = None, prefix: str = "") -> None:
        """Show a figure, drawn once for all visitors, or a sentence where there is none yet; a
        `prefix` tells it from the same figure elsewhere on the page."""
        try:
            spec = _drawn(self.study, chart, self.palette, width or self.full_width)
        except ValueError as error:
            st.caption(f"There is no figure here: {plain(str(error))}.")
            return
        cache.show_described(spec, f"{prefix}{chart.name}")

    def show_part(self, part: Part) -> None:
        """Show a part of the report, without its heading."""
        widgets.show_part(part, self.show)


def chosen_part() -> str:
    """Let the visitor choose which part of a study is shown."""
    if st.session_state["arrives"] and "part" not in st.query_params:
        for key, part in _PART_OF.items():
            if key in st.query_params:
                st.session_state.update(part=part)
    return widgets.choose_one("Part", PARTS, "part", ANSWER, label_visibility="collapsed")


def show_planned_runs(study: Study) -> None:
    """Progress of the planned runs, and the button that trains what is missing."""
    if study.missing:
        jobs.watch([condition.key for condition in study.missing], partial(_progress, study))
    else:
        st.caption(f"All {len(study.plan.conditions)} planned runs are there.")


def _progress(study: Study, views: list[JobStatus]) -> None:
    if any(view.state.is_active for view in views):
        _running(study, views)
        return
    planned, missing = len(study.plan.conditions), sum(not view.done for view in views)
    first, each = study.plan.conditions[0], _seconds_of_a_run(study)
    time = duration_words(work.until_done(each, missing) + work.seconds_for_features([first]))
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            "Run what is missing" if study.n_trained else "Run this study",
            type="secondary" if study.n_trained else "primary",
            icon=":material/play_arrow:",
            help="Trains in the background, a few at a time; you can leave this page.",
        )
        st.caption(
            f"{study.n_trained} of {planned} planned runs are there; the other {missing}:"
            f" {time} here.",
            width="content",
        )
    if pressed:
        if missing > TRAININGS:
            visitors.require_right(Right.STUDIES)
        work.train(*studies.begin_study(study.plan).missing)
        st.rerun()
    with st.expander("Run it over night, from the command line"):
        st.code(report.command(study.plan), language="sh")
        st.caption(
            "With `--controls` it runs the controls of the claims too: labels with a random"
            " background, and as many images removed from all groups alike. What is there is not"
            " trained again."
        )
    jobs.warn_of_failures(views)


def _running(study: Study, views: list[JobStatus]) -> None:
    planned, done = len(study.plan.conditions), sum(view.done for view in views)
    active = [view for view in views if view.state.is_active]
    running = [view for view in active if view.state is State.RUNNING]
    fractions = [view.fraction for view in running]
    trained = study.n_trained + done
    each = _seconds_of_a_run(study, [view.key for view in views if view.done])
    left = work.until_done(each, 0, len(active)) - each * sum(fractions) / max(1, len(running))
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.progress(
        min((trained + sum(fractions)) / planned, 1.0),
        f"{trained} of {planned} runs are there, {len(running)} are training:"
        f" {duration_words(left)} left. You can leave this page.",
    )
    if done and row.button(
        "Show them", icon=":material/refresh:", help="Analyses again, with what is new."
    ):
        st.rerun()
    if row.button("Stop", icon=":material/stop:"):
        jobs.withdraw(view.key for view in active)
    if running:
        st.caption(plain("; ".join(map(jobs.progress_in_words, running))))


def _seconds_of_a_run(study: Study, newer: Sequence[str] = ()) -> float:
    """Estimate the seconds of a run of a study, some of whose runs may be newer than the study."""
    trained = [*newer, *(run.key for run in study.artifacts)]
    return work.expected_seconds(study.plan.conditions[0], trained)


def nothing_yet(study: Study) -> None:
    """What the page will show."""
    blocks = len({condition.data_seed for condition in study.plan.conditions})
    st.info(
        f"None of the {len(study.plan.conditions)} runs of this study is there yet. When they are,"
        " this page answers the study's question with an interval, puts the study's eight claims"
        f" to the test, and shows every run. Each run is one model: {blocks} seed pairs, each"
        " with every bias and both label styles.",
        icon=":material/science:",
    )


def answer_of_study(canvas: Canvas) -> None:
    """Show what one study says: its headline, and the difference at each bias level, or every run
    if nothing is compared."""
    findings = canvas.findings
    _headline(findings)
    chart, legend = report.chart(figures.paired_forest, findings), figures.PAIRED
    if findings.headline is None:
        chart, legend = report.chart(figures.by_bias, findings, PRIMARY), figures.LEGEND
    canvas.show(chart, prefix="first_")
    st.caption(legend)


def _headline(findings: Findings) -> None:
    """The answer at one bias level, in large numbers, and what the sanity check says of the
    recipe."""
    answer = findings.headline
    if answer is None:
        return
    bias = words.bias_words(findings, answer.level)
    st.markdown(f"**{words_of(PRIMARY, findings.grouping)}, with {bias}**")
    level = answer.level
    metrics = {
        "short labels": rate_words(answer.short.as_dict()),
        "descriptive labels": rate_words(answer.descriptive.as_dict()),
        words.level_words(level): words.difference_words(level),
    }
    if level.log_odds is not None:
        metrics["the same in log odds"] = difference(level.log_odds.as_dict())
    with st.container(horizontal=True, gap="medium", key="headline"):
        for label, value in metrics.items():
            st.metric(label, value, help=_INTERVAL, width="content")
    if findings.end and (few := words.too_few(findings.end)):
        st.caption(few)
    if reach := words.reach_words(answer.level):
        st.caption(" ".join(reach))
    if sanity := words.sanity_words(findings):
        st.caption(sanity, help=words.failing_words(findings.failing), width="content")


def badge(result: ClaimResult) -> str:
    """A claim's status as coloured words with an icon, for markdown."""
    colour, icon = _BADGES[result.status]
    depends = result.status is Status.DEPENDS
    status = words.depends_words(result) if depends else words.claim_words(result)
    return f":{colour}-badge[:material/{icon}: {status}]"


def show_claims(findings: Findings, *, narrow: bool) -> None:
    """The claims of the study, a line each; in a `narrow` window without test and control."""
    st.caption("Based on this study's runs only.")
    if narrow:
        for result in findings.claims:
            claim, estimate = result.claim, words.estimate_words(result.estimate)
            st.markdown(f"**{claim.id}** {claim.says} {badge(result)} :small[{estimate}]")
        return
    lines = [
        "| | The study says | Test | Control | Estimate (95 % interval) | Status |",
        "|---|---|---|---|---|---|",
    ]
    for result in findings.claims:
        claim, estimate = result.claim, words.estimate_words(result.estimate)
        control = claim.control + " :orange[(not run)]" * bool(words.not_run(result))
        columns = (f"**{claim.id}**", claim.says, claim.test, control, estimate, badge(result))
        lines.append(f"| {' | '.join(columns)} |")
    st.markdown("\n".join(lines))


def claim(canvas: Canvas) -> None:
    """One claim, chosen by its number: what was measured, its other tests, and its runs."""
    findings = canvas.findings
    ids = [result.claim.id for result in findings.claims]
    result = findings.claim(widgets.choose_one("Look behind a claim", ids, "claim", "C7"))
    name = result.claim.id
    st.markdown(f"**{name} · {result.claim.says}** {badge(result)}")
    st.markdown(words.claim_sentence(result) or "Nothing was measured for this claim yet.")
    with st.container(horizontal=True, gap="medium"):
        for draw in (figures.claim_by_bias, figures.claim_tests):
            canvas.show(report.chart(draw, findings, name), canvas.width)
    untested = [
        f"{test.words} ({test.reason})"
        for test in (*result.controls, *result.variations)
        if test.reason
    ]
    if untested:
        st.caption(f"Not tested: {'; '.join(untested)}.")
    with st.expander(f"The {len(result.runs)} runs in it"):
        rows = findings.runs[findings.runs["key"].isin(result.runs)]
        runs.show_runs_of_claim(canvas.study, rows)


def over_bias(canvas: Canvas) -> None:
    """One measure over bias and labels: cells, lines, pairs, moments."""
    findings = canvas.findings
    names = {words_of(measure, findings.grouping): measure for measure in figures.charted(findings)}
    primary = words_of(PRIMARY, findings.grouping)
    about = "The first is the study's own question; all others are secondary, not what was planned."
    usual = list(names).index(primary) if primary in names else 0
    widgets.accept_former_names("measure", former_words(findings.grouping))
    chosen = st.selectbox(
        "Measure", list(names), usual, **widgets.in_address("measure", about, width=460)
    )
    measure = names.get(chosen or "", PRIMARY)
    canvas.show(report.chart(figures.heat_map, findings, measure))
    charts = {
        "**From no bias to full bias**, a line for each label style": figures.by_bias,
        "**Seed pair by seed pair**, from short to descriptive labels": figures.paired_slopes,
        "**The difference**, with its interval over seed pairs": figures.forest,
        "**Before training, at the fit step and at the end**": figures.moments,
    }
    with st.container(horizontal=True, gap="medium"):
        for title, draw in charts.items():
            with st.container(width=canvas.width):
                st.markdown(title)
                canvas.show(report.chart(draw, findings, measure), canvas.width)
    st.caption(figures.LEGEND)


def downloads(study: Study) -> None:
    """Tables and the report, made on demand."""
    plan = study.plan
    first = f"{plan.name}-{plan.conditions[0].data}"
    with st.container(horizontal=True):
        for name, (label, icon, kind) in _FILES.items():
            file_name = f"{first}-{name}"
            make = partial(study_file, study, name)
            widgets.download(label, make, file_name, kind, icon, key=f"download_{name}")


@cache.by_content(24)
def study_file(study: Study, name: str) -> bytes:
    """A download: ``runs.csv``, ``runs.parquet``, ``comparisons.csv`` or ``report.html``."""
    findings = findings_of(study)
    if name == "report.html":
        return report.report_html(findings).encode()
    if name == "runs.parquet":
        return bytes(findings.frame.to_parquet(index=False))
    table = tables.both_moments(findings) if name == "comparisons.csv" else findings.frame
    return safe_csv(table).encode()


def missing_runs(study: Study) -> None:
    """Which of the planned runs are not trained."""
    if study.missing:
        with st.expander(f"The {len(study.missing)} runs that are missing"):
            keys = [condition.key for condition in study.missing]
            st.dataframe({"run": keys}, hide_index=True, width="stretch")


def show_choices() -> None:
    """What the study leaves open, from the documentation."""
    with st.expander("What the study leaves open, and what we chose"):
        st.markdown(STUDY_DOCUMENT.read_text(encoding="utf-8").partition("\n")[2])
