"""A study of this server on Findings: missing runs, comparisons and downloads."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from vlcore.api import training
from vlcore.experiment.limits import TRAININGS
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import duration_words
from vlcore.jobs.jobs import JobStatus, State
from vlcore.study import results
from vlcore.study.results import Study
from vlcore.web import jobs, visitors, work
from vlcore.web.teacher import Right


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
