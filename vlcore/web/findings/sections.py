"""A study of this server on Findings: missing runs, comparisons and downloads."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from vlcore.api import training
from vlcore.classroom.teacher import Right
from vlcore.data.imageset import ImageSet
from vlcore.experiment.limits import TRAININGS
from vlcore.experiment.plain_text import plain, safe_csv
from vlcore.experiment.wording import duration_words
from vlcore.jobs.jobs import JobStatus, State
from vlcore.metrics.catalogue import words_of
from vlcore.plots.blocks import Block
from vlcore.plots.theme import Palette
from vlcore.study import results
from vlcore.study.results import Study
from vlcore.web import cache, jobs, shell, visitors, widgets, work
from vlcore.web.panels import Stage, show_blocks

_FILES = {
    "report.html": ("Report, one offline file", "description", "text/html"),
    "comparisons.csv": ("Comparisons, CSV", "table", "text/csv"),
    "runs.csv": ("Runs, CSV", "table", "text/csv"),
}


def show_planned_runs(study: Study) -> None:
    """Show the progress of the planned runs, and the button that trains what is missing."""
    if study.missing:
        jobs.watch([condition.key for condition in study.missing], partial(_progress, study))
    else:
        st.caption(f"All {len(study.plan.conditions)} planned runs are finished.")


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
            help="Trains in the background, a few at a time. You can leave this page.",
        )
        st.caption(
            f"{study.n_trained} of {planned} planned runs are finished. The other {missing} take"
            f" {time} here.",
            width="content",
        )
    if pressed:
        if missing > TRAININGS:
            visitors.require_right(Right.STUDIES)
        training.check_trainable(first)
        work.train(*study.missing)
        st.rerun()
    with st.expander("Run it overnight, from the command line"):
        st.code(results.command(study.plan), language="sh")
        st.caption("The command continues where it stopped, and never repeats a finished run.")
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
        f"{trained} of {planned} runs are finished, {len(running)} are training:"
        f" {duration_words(left)} left. You can leave this page.",
    )
    if done and row.button(
        "Show them", icon=":material/refresh:", help="Analyse again, with the new runs."
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


def show_comparisons(study: Study, images: ImageSet, palette: Palette, width: int) -> None:
    """Show what a study says of a measure that the visitor chooses, and offer its files."""
    names = {words_of(measure, images.grouping): measure for measure in study.measures}
    about = "The first measure is the study's question. The others are secondary."
    chosen = st.selectbox(
        "Measure", list(names), 0, **widgets.in_address("measure", about, width=460)
    )
    measure = names.get(chosen or "", study.plan.measure)
    stage = Stage(study, [study.digest, measure], images, palette, width // 2)
    with shell.errors_as_sentences():
        show_blocks(_blocks(study, measure, images), f"study-{measure}", stage)
    _show_downloads(study, measure)


@cache.by_content(24, "Analysing the runs …")
def _blocks(study: Study, measure: str, images: ImageSet) -> list[Block]:
    return results.comparison_blocks(study, measure, images.grouping)


def _show_downloads(study: Study, measure: str) -> None:
    """Offer tables and the report, made on demand."""
    first = f"{study.plan.name}-{study.plan.conditions[0].data}"
    with st.container(horizontal=True):
        for name, (label, icon, kind) in _FILES.items():
            make = partial(study_file, study, name, measure)
            widgets.download(label, make, f"{first}-{name}", kind, icon, key=f"download_{name}")


@cache.by_content(24)
def study_file(study: Study, name: str, measure: str) -> bytes:
    """Make a download: ``report.html``, ``comparisons.csv`` or ``runs.csv``."""
    if name == "report.html":
        return results.report_html(study, measure).encode()
    table = study.comparisons() if name == "comparisons.csv" else study.runs()
    return safe_csv(table).encode()
