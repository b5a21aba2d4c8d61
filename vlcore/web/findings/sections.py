"""A study of this server on Findings: missing runs, comparisons and downloads."""

from functools import partial

import streamlit as st

from vlcore.jobs.jobs import JobStatus
from vlcore.study import results
from vlcore.study.results import Study
from vlcore.web import jobs


def show_planned_runs(study: Study) -> None:
    """Show the progress of the planned runs, and the button that trains what is missing."""
    planned = len(study.plan.conditions)
    if not study.missing:
        st.caption(f"All {planned} planned runs are finished.")
        return
    st.caption(f"{study.n_trained} of {planned} planned runs are finished.")
    jobs.need_models(
        study.missing,
        "Run what is missing" if study.n_trained else "Run this study",
        about="Trains in the background, a few at a time. You can leave this page.",
        draw=partial(_offer_new_runs, study),
    )
    with st.expander("Run it overnight, from the command line"):
        st.code(results.command(study.plan), language="sh")
        st.caption("The command continues where it stopped, and never repeats a finished run.")


def _offer_new_runs(study: Study, views: list[JobStatus]) -> None:
    """Offer to analyse the study again when runs have ended since it was read."""
    is_new = any(view.done for view in views)
    about = "Analyse again, with the new runs."
    if is_new and st.button("Show the new runs", icon=":material/refresh:", help=about):
        st.rerun()
