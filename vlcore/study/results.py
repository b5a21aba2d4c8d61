"""Results of a study: its published runs, and what they say, as tables, findings and a report."""

import hashlib
import html
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import pandas as pd

from vlcore.artifacts import store
from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.files import atomic
from vlcore.experiment.grouping import Grouping
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import plans, registry
from vlcore.study.analysis import Analysis, Level, adjusted, analyse
from vlcore.study.findings import Findings, findings
from vlcore.study.plans import StudyError, StudyPlan, Value
from vlcore.study.runs_table import (
    SEEDS,
    AnalysisError,
    alike,
    block_of,
    runs_table,
    with_differences,
)
from vlcore.study.sanity import unsound
from vlcore.study.tables import TABLES, analysis_tables


class Study:
    """A study and its published runs, as they are now; a later look is another value. Example:
    ``Study(plans.find("experiments", seeds=7)).findings().table()``"""

    left_out: tuple[str, ...] = ()  # blocks of the plan that `sound` leaves out

    def __init__(
        self,
        study: StudyPlan,
        grouping: Grouping | None = None,
        read: Callable[[str], Artifact] = store.read,
        elsewhere: pd.DataFrame | None = None,
    ) -> None:
        """Read the runs of a study. The `grouping` says which groups are the majority, that of the
        study's image set where None; `read` takes the key of a run that is published:
        CorruptArtifactError where that is damaged. Rows of runs from `elsewhere` (of `runs_table`)
        count in tables and analyses where a run is not there, and in the sanity check where the
        study does not ask for bias 0."""
        wanted = (
            *study.everything,
            *plans.controls(study),
        )  # what its claims must beat stands after its own
        self.study, self.grouping, self._read = study, grouping, read
        self.published = self._runs_on_disk(wanted)
        self._elsewhere = runs_table([]) if elsewhere is None else elsewhere
        absent = {condition.key for condition in wanted} - {
            artifact.key for artifact in self.published
        }
        unbiased = alike(self._elsewhere, study.conditions[0].replace(bias=0.0), ("labels", *SEEDS))
        self._checked = unbiased[
            unbiased["block"].isin({block_of(one) for one in study.conditions})
        ]
        self._elsewhere = self._elsewhere[self._elsewhere["key"].isin(absent)]

    def _runs_on_disk(self, wanted: Iterable[Condition]) -> list[Artifact]:
        return [self._read(condition.key) for condition in wanted if store.published(condition.key)]

    @cached_property
    def missing(self) -> list[Condition]:
        """The planned runs that are not there."""
        keys = {artifact.key for artifact in self.published} | set(self._elsewhere["key"])
        return [condition for condition in self.study.conditions if condition.key not in keys]

    @property
    def there(self) -> int:
        """How many of the planned runs are there."""
        return len(self.study.conditions) - len(self.missing)

    @cached_property
    def digest(self) -> str:
        """Changes with the plan, with every run, and with the names of the groups."""
        runs = [(artifact.key, artifact.digest) for artifact in self.published]
        runs += [(key, "elsewhere") for key in sorted(set(self._elsewhere["key"]))]
        planned = [condition.key for condition in self.study.conditions]
        return hashlib.sha256(repr((planned, runs, self.grouping)).encode()).hexdigest()

    @cached_property
    def unsound(self) -> dict[str, list[str]]:
        """Blocks that fail the sanity check, and what of it: see `vlcore.study.sanity.unsound`."""
        return unsound(self.unbiased())

    def unbiased(self) -> pd.DataFrame:
        """What the sanity check asks: the rows of `runs` at bias 0, or where there are none those
        from elsewhere."""
        own = self.runs()[self.runs()["bias"] == 0]
        return own if len(own) else self._checked

    def without_unsound(self, level: Level) -> Level | None:
        """A level of the primary comparison of `findings` once more, without the blocks that fail
        the sanity check, and adjusted as it is; None where fewer than two pairs are left of it."""
        own = self.runs()[
            self.runs()["key"].isin([condition.key for condition in self.study.conditions])
        ]
        rest = own[~own["block"].isin(list(self.unsound))]
        if not set(STYLES_OF_THE_STUDY) <= set(rest["labels"]):
            return None
        levels = analyse(rest, secondary=()).primary.levels
        return next(
            (one for one in levels if one.bias == level.bias and one.difference is not None), None
        )

    def sound(self) -> "Study":
        """The same without these blocks."""
        rest = Study(self.study, self.grouping, self._read)
        rest.left_out = tuple(self.unsound)
        rest.published = [
            one for one in self.published if block_of(one.condition) not in self.unsound
        ]
        rest._checked = self._checked[~self._checked["block"].isin(list(self.unsound))]
        rest._elsewhere = self._elsewhere[~self._elsewhere["block"].isin(list(self.unsound))]
        return rest

    def runs(self) -> pd.DataFrame:
        """Everything that was measured of them, as `vlcore.study.runs_table.with_differences` lays
        it out."""
        return self._runs

    @cached_property
    def _runs(self) -> pd.DataFrame:
        here = runs_table(self.published)
        there = (
            here if self._elsewhere.empty else pd.concat([here, self._elsewhere], ignore_index=True)
        )
        return with_differences(there)

    def findings(self) -> Findings:
        """What a study of short and descriptive labels found, about
        `vlcore.metrics.catalogue.PRIMARY`. StudyError when the study is about something else or has
        no run; AnalysisError when its runs do not compare.
        """
        return self._findings

    @cached_property
    def _findings(self) -> Findings:
        first = self.study.conditions[0]
        grouping = self.grouping or open_set(first.data, first.data_version).grouping
        found = findings(self.study, self.published, grouping, self.left_out)
        return replace(found, plans=registry.history(self.study))

    def analyses(
        self, measure: str = PRIMARY, moment: str = "end"
    ) -> dict[Value, Analysis | AnalysisError]:
        """Every treatment compared with the baseline, or why its runs do not compare. The measure
        is the primary one, the moment ``end``, ``first_fit`` or ``untrained``. StudyError when no
        run is there, only the baseline is, or none has the measure or the moment; AnalysisError
        when no treatment compares."""
        study, again = (
            self.study,
            f"run `python -m vlcore study {self.study.grid}` with the same settings first.",
        )
        if not self.there:
            raise StudyError(f"No run of the study {study.name!r} is there; {again}")
        own = self.runs()[
            self.runs()["key"].isin([condition.key for condition in study.conditions])
        ]
        for name, value in (("moment", moment), ("measure", measure)):
            known = sorted(set(own[name]))
            if value not in known:
                raise StudyError(
                    f"No run has a {name} named {value!r}; there are {', '.join(known)}."
                )
        arms = {condition.key: study.arm_of(condition) for condition in study.conditions}
        own = own.assign(**{study.factor: own["key"].map(arms)})
        if not set(study.treatments) & set(own[study.factor]):
            raise StudyError(f"Of the study {study.name!r} only the baseline is there; {again}")
        found: dict[Value, Analysis | AnalysisError] = {}
        two = partial(
            analyse,
            own,
            study.factor,
            study.baseline,
            planned=study.conditions,
            arm_of=study.arm_of,
        )
        free = {setting for settings in study.sets.values() for setting in settings}
        for treatment in study.treatments:
            try:
                found[treatment] = two(treatment, measure, moment, free=free)
            except AnalysisError as error:
                found[treatment] = error
        errors = [one for one in found.values() if isinstance(one, AnalysisError)]
        if len(errors) == len(found):
            raise errors[0]
        compared = {treatment: one for treatment, one in found.items() if isinstance(one, Analysis)}
        return found | dict(zip(compared, adjusted(list(compared.values())), strict=True))

    def comparisons(self, measure: str = PRIMARY, moment: str = "end") -> pd.DataFrame:
        """Every treatment beside the baseline, a row a measure and level of bias; raises as
        `analyses` does."""
        return joined(self.analyses(measure, moment))["comparisons"]

    def report(self, path: str | Path) -> Path:
        """Write the findings of a study of label styles as an offline HTML file; raises as these,
        or OSError."""
        from vlcore.study.report import report_html  # altair takes half a second

        with atomic(Path(path), durable=True) as aside:
            aside.write_text(report_html(self.findings()), encoding="utf-8", newline="")
        return Path(path)

    def __repr__(self) -> str:
        study, first = self.study, self.study.conditions[0]
        what = f"Study {study.name!r} of {study.factor} on {first.data}, {first.steps:,} steps"
        return f"{what}: {self.there} of {len(study.conditions)} planned runs are there."

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


def joined(analyses: Mapping[Value, Analysis | AnalysisError]) -> dict[str, pd.DataFrame]:
    """The tables of all treatments that compare, by the names of `vlcore.study.tables.TABLES`."""
    made = {
        value: analysis_tables(one) for value, one in analyses.items() if isinstance(one, Analysis)
    }
    return {
        name: pd.concat(
            [tables[name].assign(treatment=value) for value, tables in made.items()],
            ignore_index=True,
        )
        for name in TABLES
    }
