"""A study of this server on Findings: its choice, missing runs, comparisons and downloads."""

from functools import partial

import streamlit as st

from vlcore.api.panels import STUDY
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.jobs.jobs import JobStatus
from vlcore.plots.theme import PHONE_SIDE, Palette
from vlcore.study import plans, results
from vlcore.study.results import Study
from vlcore.web import cache, condition_controls, jobs, panels, shell, widgets


def show(palette: Palette, side: int) -> None:
    """Show a study: its choice, its progress and its panels.

    Args:
        palette: light or dark.
        side: of each of two figures beside each other, in px.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        images = shell.image_set_choice()
        study = _choose_study(images)
    shell.show_attribution(images)
    _show_planned_runs(study)
    if study.n_trained:
        room = side // 2 if side <= PHONE_SIDE else side + 20
        stage = panels.Stage(study, [study.digest], images, palette, room)
        panels.choose_panel(STUDY, stage, opens=True)


def _choose_study(images: ImageSet) -> Study:
    """Show the controls of a study, all in the address."""
    about = (
        "Each compares short with descriptive captions at several bias levels. Experiments: two"
        " levels; class: three; paper: six."
    )
    name = widgets.choose_one("Study", plans.STUDIES, "study", plans.STUDIES[0], about)
    steps = condition_controls.training_length("length")
    towers = shell.towers_choice(shell.usual_towers(images))
    about = "Fewer than six decide nothing. Ten to twenty are usual for a claim."
    seeds = widgets.integer_input("Seed pairs planned", 1, 50, 10, "blocks", about, width=150)
    with shell.errors_as_sentences():
        base = usual_condition(images).with_towers(towers).replace(steps=steps)
        return Study(plans.find(name, base, seeds), cache.artifact)


def _show_planned_runs(study: Study) -> None:
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
