"""Cached findings of a study: analysed and drawn once for all visitors of the Findings page.

A study is named by the digests of its runs, and so is every figure and file made from it; a run that
finishes makes new names, and a click in between costs nothing.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property

import streamlit as st

from vlcore.charts.theme import DARK, LIGHT, Palette
from vlcore.core.condition import Condition
from vlcore.core.grouping import Grouping
from vlcore.store import artefacts
from vlcore.studies import findings as reading
from vlcore.studies import plans, report, tables
from vlcore.studies.findings import Findings
from vlcore.studies.plans import Study
from vlcore.studies.report import Chart
from vlcore.ui import cache

_PALETTES = {palette.name: palette for palette in (LIGHT, DARK)}


@dataclass(frozen=True)
class Shown:
    """A study and the runs of it that are there, with those that its claims must beat.

    Attributes:
        study: what was planned.
        grouping: which groups are the majority.
        runs: key and digest of each run that is there.
    """

    study: Study
    grouping: Grouping
    runs: tuple[tuple[str, str], ...]

    @cached_property
    def missing(self) -> list[Condition]:
        """The planned runs that are not there."""
        there = {key for key, _ in self.runs}
        return [condition for condition in self.study.conditions if condition.key not in there]

    @property
    def there(self) -> int:
        """How many of the planned runs are there."""
        return len(self.study.conditions) - len(self.missing)

    @cached_property
    def name(self) -> str:
        """Changes with the plan, with every run, and with the names of the groups."""
        planned = [condition.key for condition in self.study.conditions]
        return hashlib.sha256(repr((planned, self.runs, self.grouping)).encode()).hexdigest()


def shown(study: Study, grouping: Grouping) -> Shown:
    """A study as it stands on the disk.

    Raises:
        StoreError: when a run is damaged; it has then been set aside.
    """
    wanted = (*study.conditions, *plans.controls(study))
    keys = [condition.key for condition in wanted if artefacts.published(condition.key)]
    return Shown(study, grouping, tuple((key, cache.artefact(key).digest) for key in keys))


def found(one: Shown) -> Findings:
    """A study, analysed once.

    Raises:
        StudyError: when none of its runs is there.
        AnalysisError: when its runs do not compare.
    """
    return _found(one, one.name)


# Streamlit names what it keeps by the arguments that have no underscore in front.
@st.cache_resource(max_entries=12, show_spinner="Analysing the runs …")
def _found(_one: Shown, name: str) -> Findings:
    return reading.findings(_one.study, [cache.artefact(key) for key, _ in _one.runs], _one.grouping)


@st.cache_resource(max_entries=300, show_spinner=False)
def _figure(_chart: Chart, chart_name: str, name: str, palette: str, width: int) -> cache.Spec:
    return cache.finished(_chart.draw(_PALETTES[palette], width))


def show(one: Shown, chart: Chart, palette: Palette, width: int) -> None:
    """Draw a figure of a study, or say why it is not there yet."""
    try:
        spec = _figure(chart, chart.name, one.name, palette.name, width)
    except ValueError as error:
        st.caption(f"There is no figure here yet: {error}.")
        return
    # What a figure says to those who do not see it stands in it; Streamlit wants it apart.
    rest = {name: part for name, part in spec.items() if name != "description"}
    cache.show(rest, alt=spec["description"], key=chart.name)


@st.cache_resource(max_entries=6, show_spinner=False)
def _files(_one: Shown, name: str) -> dict[str, bytes]:
    result, columnar = found(_one), io.BytesIO()
    result.frame.to_parquet(columnar, index=False)
    return {
        "runs.csv": result.frame.to_csv(index=False, lineterminator="\n").encode(),
        "runs.parquet": columnar.getvalue(),
        "comparisons.csv": tables.both_moments(result).to_csv(index=False, lineterminator="\n").encode(),
        "report.html": report.report_html(result).encode(),
    }


def file(one: Shown, name: str) -> bytes:
    """What a researcher takes away: ``runs.csv``, ``runs.parquet``, ``comparisons.csv`` or ``report.html``."""
    return _files(one, one.name)[name]
