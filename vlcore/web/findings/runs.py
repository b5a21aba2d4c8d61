"""Runs of a study on Findings: their table, and one of them to open or to train."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import partial

import pandas as pd
import streamlit as st

from vlcore.artifacts import store
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition, from_dict
from vlcore.experiment.wording import distinct_names
from vlcore.jobs.jobs import JobStatus
from vlcore.study.results import Study
from vlcore.web import jobs, widgets, work


def show_runs_of_claim(study: Study, table: pd.DataFrame) -> None:
    """Show runs of a study, a row each of `vlcore.study.findings.provenance`, and one to open."""
    rows = table.set_index("key")
    conditions = _conditions(study, rows.index)
    names = distinct_names(conditions)
    columns = {
        "Run": names.values(),
        "Fit step": rows["first_fit_step"],
        "Key": rows.index,
        "Checksum": rows["checksum"],
    }
    st.dataframe(columns, hide_index=True, width="stretch")
    _open_one(conditions, names)


def _conditions(study: Study, keys: Iterable[str]) -> dict[str, Condition]:
    """The conditions of runs of a study, by their keys."""
    settings = [setting.name for setting in fields(Condition)]
    runs = study.runs().drop_duplicates("key").set_index("key")
    rows = runs.loc[list(keys), settings].to_dict("index")
    return {str(key): from_dict(row) for key, row in rows.items()}


def _open_one(conditions: Mapping[str, Condition], names: Mapping[str, str]) -> None:
    """One of the runs, by its name: a link where its model is on this disk, else a button to train
    it."""
    key = st.selectbox(
        "Open a run", list(names), None, names.__getitem__, placeholder="Choose one", width=460
    )
    if key is None:
        return
    condition = conditions[key]

    def offer(views: list[JobStatus]) -> None:
        if views[0].done:
            _link(condition)
        else:
            start = partial(work.train, condition)
            jobs.progress_or_start(
                views[0], "It is not on this disk: train it", start, key="train_a_run"
            )

    jobs.watch([condition.key], offer)


def _link(condition: Condition) -> None:
    """Link to a trained run, beside the other label style of it where that is trained too.

    By their keys: Compare has no control for every setting of a run.
    """
    both_styles = [condition.with_labels(style).key for style in STYLES_OF_THE_STUDY]
    if condition.key in both_styles and all(map(store.published, both_styles)):
        keys, label = both_styles, "Both label styles of it, on Compare"
    else:
        keys, label = [condition.key], "Open in Compare"
    widgets.link_to_models(label, condition.data, keys)
