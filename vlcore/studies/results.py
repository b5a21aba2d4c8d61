"""Results of a study: its published runs, and what they say, as tables, findings and a report."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import pandas as pd

from vlcore.core.condition import Condition
from vlcore.core.files import atomic
from vlcore.core.grouping import Grouping
from vlcore.datasets.catalogue import open_set
from vlcore.measures.catalogue import PRIMARY
from vlcore.store import artefacts
from vlcore.store.artefacts import Artefact
from vlcore.studies import plans
from vlcore.studies.analysis import Analysis, analyse
from vlcore.studies.findings import Findings, findings
from vlcore.studies.plans import Study, StudyError, Value
from vlcore.studies.runs_table import AnalysisError, runs_table
from vlcore.studies.tables import TABLES, analysis_tables


class StudyResults:
    """A study and its published runs, as they are now; a later look is another value.

    Example: ``StudyResults(plans.find("experiments", seeds=7)).findings().table()``

    Attributes:
        study: what was planned.
        grouping: which groups are the majority; those of the study's image set where None.
        published: the artefacts of the runs that are there, those that the study's claims must beat after its own.
    """

    def __init__(
        self, study: Study, grouping: Grouping | None = None, read: Callable[[str], Artefact] = artefacts.read
    ) -> None:
        """Read the runs of a study; `read` takes the key of one that is published.

        Raises:
            CorruptArtefactError: when one is damaged; it has then been set aside.
        """
        wanted = (*study.everything, *plans.controls(study))
        self.study, self.grouping = study, grouping
        self.published = [read(condition.key) for condition in wanted if artefacts.published(condition.key)]

    @cached_property
    def missing(self) -> list[Condition]:
        """The planned runs that are not there."""
        keys = {artefact.key for artefact in self.published}
        return [condition for condition in self.study.conditions if condition.key not in keys]

    @property
    def there(self) -> int:
        """How many of the planned runs are there."""
        return len(self.study.conditions) - len(self.missing)

    @cached_property
    def digest(self) -> str:
        """Changes with the plan, with every run, and with the names of the groups."""
        runs = [(artefact.key, artefact.digest) for artefact in self.published]
        planned = [condition.key for condition in self.study.conditions]
        return hashlib.sha256(repr((planned, runs, self.grouping)).encode()).hexdigest()

    def runs(self) -> pd.DataFrame:
        """Everything that was measured of them, as `vlcore.studies.runs_table.runs_table` lays it out."""
        return self._runs

    @cached_property
    def _runs(self) -> pd.DataFrame:
        return runs_table(self.published)

    def findings(self) -> Findings:
        """What a study of short and descriptive labels found; its one measure is `vlcore.measures.catalogue.PRIMARY`.

        Raises:
            StudyError: when the study is about something else, or none of its runs is there.
            AnalysisError: when its runs do not compare.
        """
        return self._findings

    @cached_property
    def _findings(self) -> Findings:
        first = self.study.conditions[0]
        return findings(self.study, self.published, self.grouping or open_set(first.data, first.data_version).grouping)

    def analyses(self, measure: str = PRIMARY, moment: str = "end") -> dict[Value, Analysis | AnalysisError]:
        """Every treatment compared with the baseline, or why its runs do not compare.

        Args:
            measure: the primary one.
            moment: ``end``, ``first_fit`` or ``untrained``.

        Raises:
            StudyError: when no run is there, only the baseline is, or none has the measure or the moment.
            AnalysisError: when no treatment compares.
        """
        study, again = self.study, f"run `python -m vlcore study {self.study.grid}` with the same settings first."
        if not self.there:
            raise StudyError(f"No run of the study {study.name!r} is there; {again}")
        own = self.runs()[self.runs()["key"].isin([condition.key for condition in study.conditions])]
        for name, value in (("moment", moment), ("measure", measure)):
            known = sorted(set(own[name]))
            if value not in known:
                raise StudyError(f"No run has a {name} named {value!r}; there are {', '.join(known)}.")
        if not set(study.treatments) & set(own[study.factor]):
            raise StudyError(f"Of the study {study.name!r} only the baseline is there; {again}")
        found: dict[Value, Analysis | AnalysisError] = {}
        for treatment in study.treatments:
            try:
                found[treatment] = analyse(
                    own, study.factor, study.baseline, treatment, measure, moment, planned=study.conditions
                )
            except AnalysisError as error:
                found[treatment] = error
        first = next(iter(found.values()))
        if isinstance(first, AnalysisError) and not any(isinstance(one, Analysis) for one in found.values()):
            raise first
        return found

    def comparisons(self, measure: str = PRIMARY, moment: str = "end") -> pd.DataFrame:
        """Every treatment compared with the baseline on every measure at every level of bias, one row a comparison.

        Raises:
            StudyError, AnalysisError: as `analyses` does.
        """
        return joined(self.analyses(measure, moment))["comparisons"]

    def report(self, path: str | Path) -> Path:
        """Write what a study of short and descriptive labels found as one offline HTML file; returns its path.

        Raises:
            StudyError, AnalysisError: as `findings` does.
            OSError: when the file cannot be written.
        """
        from vlcore.studies.report import report_html  # altair takes half a second

        with atomic(Path(path), durable=True) as aside:
            aside.write_text(report_html(self.findings()), encoding="utf-8", newline="")
        return Path(path)

    def __repr__(self) -> str:
        first, planned = self.study.conditions[0], len(self.study.conditions)
        return (
            f"Study {self.study.name!r} of {self.study.factor} on {first.data}, {first.steps:,} steps: {self.there} of "
            f"{planned} planned runs are there."
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


def joined(analyses: Mapping[Value, Analysis | AnalysisError]) -> dict[str, pd.DataFrame]:
    """The tables of all treatments that compare, by the names of `vlcore.studies.tables.TABLES`."""
    made = {value: analysis_tables(one) for value, one in analyses.items() if isinstance(one, Analysis)}
    return {
        name: pd.concat([tables[name].assign(treatment=value) for value, tables in made.items()], ignore_index=True)
        for name in TABLES
    }
