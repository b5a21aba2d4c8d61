"""Cached findings of a study: analysed and drawn once for all visitors of the Findings page.

A run that finishes makes another study of it, and so are its figures and files; a click in between costs nothing.
"""

from __future__ import annotations

import io

import streamlit as st

from vlcore.charts.parts import Chart
from vlcore.charts.theme import Palette
from vlcore.core.grouping import Grouping
from vlcore.studies import report, tables
from vlcore.studies.findings import Findings
from vlcore.studies.plans import Study
from vlcore.studies.results import StudyResults
from vlcore.ui import cache

_BY_CONTENT = cache.BY_CONTENT | {StudyResults: lambda one: one.digest, Chart: lambda one: one.name}


def results(study: Study, grouping: Grouping) -> StudyResults:
    """A study as it stands on the disk.

    Raises:
        StoreError: when a run is damaged; it has then been set aside.
    """
    return StudyResults(study, grouping, cache.artefact)


@st.cache_resource(max_entries=12, show_spinner="Analysing the runs …", hash_funcs=_BY_CONTENT)
def found(one: StudyResults) -> Findings:
    """A study, analysed once.

    Raises:
        StudyError: when none of its runs is there.
        AnalysisError: when its runs do not compare.
    """
    return one.findings()


@st.cache_resource(max_entries=300, show_spinner=False, hash_funcs=_BY_CONTENT)
def _figure(one: StudyResults, chart: Chart, palette: Palette, width: int) -> cache.Spec:
    return cache.finished(chart.draw(palette, width))


def figure(one: StudyResults, chart: Chart, palette: Palette, width: int) -> None:
    """Draw a figure of a study, or say why it is not there yet."""
    try:
        spec = _figure(one, chart, palette, width)
    except ValueError as error:
        st.caption(f"There is no figure here yet: {error}.")
        return
    # What a figure says to those who do not see it stands in it; Streamlit wants it apart.
    rest = {name: part for name, part in spec.items() if name != "description"}
    cache.show(rest, alt=spec["description"], key=chart.name)


@st.cache_resource(max_entries=6, show_spinner=False, hash_funcs=_BY_CONTENT)
def _files(one: StudyResults) -> dict[str, bytes]:
    result, columnar = found(one), io.BytesIO()
    result.frame.to_parquet(columnar, index=False)
    return {
        "runs.csv": result.frame.to_csv(index=False, lineterminator="\n").encode(),
        "runs.parquet": columnar.getvalue(),
        "comparisons.csv": tables.both_moments(result).to_csv(index=False, lineterminator="\n").encode(),
        "report.html": report.report_html(result).encode(),
    }


def file(one: StudyResults, name: str) -> bytes:
    """What a researcher takes away: ``runs.csv``, ``runs.parquet``, ``comparisons.csv`` or ``report.html``."""
    return _files(one)[name]
