"""A study's runs, and what they say, as tables, findings and a report."""

import hashlib
import html
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import pandas as pd

from vlcore.artifacts import store
from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import write_text
from vlcore.experiment.grouping import Grouping
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study import plans, registry
from vlcore.study.analysis import Analysis, adjusted, compare_arms
from vlcore.study.claims import evaluate_claims
from vlcore.study.evidence import ClaimResult
from vlcore.study.findings import (
    Findings,
    Headline,
    StudyTables,
    curves_with_settings,
    over_scenes,
    provenance,
    study_findings,
    training_curves,
)
from vlcore.study.plans import StudyError, StudyPlan, Value
from vlcore.study.registry import Entry
from vlcore.study.runs_table import (
    SEEDS,
    AnalysisError,
    block_of,
    matching_runs,
    runs_table,
    with_differences,
)
from vlcore.study.sanity import failing_seed_pairs
from vlcore.study.tables import TABLES, analysis_tables


class Study:
    """A study and its trained runs, as they are now; a later look is another value. Example:
    ``Study(plans.find("experiments", seeds=7)).findings().table()``"""

    version = ""  # of the lab that made its runs; runs on the disk do not say

    def __init__(
        self,
        plan: StudyPlan,
        grouping: Grouping | None = None,
        read: Callable[[str], Artifact] | None = store.read,
        elsewhere: pd.DataFrame | None = None,
    ) -> None:
        """Read the runs of a study.

        Args:
            plan: the study.
            grouping: which groups are the majority; that of its image set when absent.
            read: reads the artifact of a key that is on the disk (CorruptArtifactError where that
                is damaged); None to read none.
            elsewhere: rows of other runs, of `runs_table`. They count in tables and analyses where
                a run is not on the disk, and in the sanity check where the study has no bias 0.
        """
        # The controls of its claims come after its own runs.
        wanted = (*plan.all_conditions, *plans.controls(plan))
        self.plan = plan
        self.artifacts: list[Artifact] = []
        if read is not None:
            keys = (condition.key for condition in wanted)
            self.artifacts = [read(key) for key in keys if store.published(key)]
        self._grouping = grouping
        if elsewhere is None:
            elsewhere = runs_table([])
        unbiased = plan.conditions[0].replace(bias=0.0)
        unbiased_runs = matching_runs(elsewhere, unbiased, ("labels", *SEEDS))
        blocks = {block_of(condition) for condition in plan.conditions}
        self._unbiased_elsewhere = unbiased_runs[unbiased_runs["block"].isin(blocks)]
        absent = {condition.key for condition in wanted} - {run.key for run in self.artifacts}
        self._elsewhere = elsewhere[elsewhere["key"].isin(absent)]

    @property
    def grouping(self) -> Grouping:
        first = self.plan.conditions[0]
        return self._grouping or open_set(first.data, first.data_version).grouping

    @cached_property
    def missing(self) -> list[Condition]:
        """The planned runs that are not trained."""
        trained = self._keys()
        return [condition for condition in self.plan.conditions if condition.key not in trained]

    def _keys(self) -> set[str]:
        """The keys of all runs."""
        return {run.key for run in self.artifacts} | set(self._elsewhere["key"])

    @property
    def n_trained(self) -> int:
        """How many of the planned runs are trained."""
        return len(self.plan.conditions) - len(self.missing)

    @cached_property
    def digest(self) -> str:
        """Changes with the plan, with every run, and with the names of the groups."""
        planned = [condition.key for condition in self.plan.conditions]
        runs = [(run.key, run.digest) for run in self.artifacts]
        others = sorted(set(self._elsewhere["key"]))
        state = planned, runs, others, self._grouping
        return hashlib.sha256(repr(state).encode()).hexdigest()

    @cached_property
    def failing_blocks(self) -> dict[str, list[str]]:
        """Seed pairs that fail the sanity check, and in what."""
        return failing_seed_pairs(self.unbiased_runs())

    def unbiased_runs(self) -> pd.DataFrame:
        """The rows that the sanity check reads: of `runs` at bias 0, or those from elsewhere."""
        rows = self.runs()
        rows = rows[rows["bias"] == 0]
        return rows if len(rows) else self._unbiased_elsewhere

    def runs(self) -> pd.DataFrame:
        """Everything that was measured, of `vlcore.study.runs_table.with_differences`."""
        return self._frame

    @cached_property
    def _frame(self) -> pd.DataFrame:
        frame = runs_table(self.artifacts)
        if len(self._elsewhere):
            frame = pd.concat([frame, self._elsewhere], ignore_index=True)
        return with_differences(frame)

    def planned_runs(self) -> pd.DataFrame:
        """The rows of `runs` without the controls of claims."""
        return self.runs()[self.runs()["key"].isin(self.plan.keys)]

    def claims(self) -> list[ClaimResult]:
        """The results of the study's claims alone."""
        return evaluate_claims(self.runs(), self.grouping)

    def findings(self) -> Findings:
        """What a study of short and descriptive labels found, about the primary measure.

        Raises:
            StudyError: when the study is about something else or has no run.
            AnalysisError: when its runs do not compare.
        """
        return self._findings

    @cached_property
    def _findings(self) -> Findings:
        tables, failing = self._tables(), self.failing_blocks
        findings = study_findings(self.plan, self.grouping, tables, failing)
        headline = findings.headline
        general = None if headline is None else self._over_scenes(headline)
        plans = self._history()
        return replace(findings, plans=plans, over_scenes=general, version=self.version)

    def _planned_artifacts(self) -> list[Artifact]:
        return [run for run in self.artifacts if run.key in self.plan.keys]

    def _tables(self) -> StudyTables:
        runs = self.runs()
        curves = curves_with_settings(self._curves(), runs)
        return StudyTables(runs, curves, provenance(runs, self.files(), self.plan.keys))

    def _curves(self) -> pd.DataFrame:
        return training_curves(self._planned_artifacts())

    def files(self) -> pd.DataFrame:
        """`trained_at` (UTC), `seconds` and `checksum` of each run, by key."""
        files = {
            run.key: {
                "trained_at": run.manifest.get("trained_at", ""),
                "seconds": run.manifest.get("seconds"),
                "checksum": run.digest,
            }
            for run in self.artifacts
        }
        return pd.DataFrame.from_dict(files, "index", columns=["trained_at", "seconds", "checksum"])

    def _over_scenes(self, headline: Headline) -> Estimate | None:
        return over_scenes(self._planned_artifacts(), headline.level, self.grouping)

    def _history(self) -> tuple[Entry, ...]:
        return registry.plan_history(self.plan)

    def analyses(
        self, measure: str = PRIMARY, moment: str = "end"
    ) -> dict[Value, Analysis | AnalysisError]:
        """Compare every treatment with the baseline.

        Args:
            measure: the primary measure.
            moment: ``end``, ``first_fit`` or ``untrained``.

        Returns:
            By treatment, its analysis, or why its runs do not compare.

        Raises:
            StudyError: when no run is trained, only the baseline is, or none has the measure or the
                moment.
            AnalysisError: when no treatment compares.
        """
        plan = self.plan
        advice = f"run `python -m vlcore study {plan.grid}` with the same settings first."
        if not self.n_trained:
            raise StudyError(f"No run of the study {plan.name!r} is there; {advice}")
        rows = self.planned_runs()
        for column, value in (("moment", moment), ("measure", measure)):
            known = sorted(set(rows[column]))
            if value not in known:
                raise StudyError(
                    f"No run has a {column} named {value!r}; there are {', '.join(known)}."
                )
        arms = {condition.key: plan.arm_of(condition) for condition in plan.conditions}
        rows = rows.assign(**{plan.factor: rows["key"].map(arms)})
        if not set(plan.treatments) & set(rows[plan.factor]):
            raise StudyError(f"Of the study {plan.name!r} only the baseline is there; {advice}")
        compare = partial(
            compare_arms,
            rows,
            plan.factor,
            plan.baseline,
            measure=measure,
            moment=moment,
            planned=plan.conditions,
            arm_of=plan.arm_of,
            free=plan.varied,
        )
        compared: dict[Value, Analysis] = {}
        refused: dict[Value, AnalysisError] = {}
        for treatment in plan.treatments:
            try:
                compared[treatment] = compare(treatment)
            except AnalysisError as error:
                refused[treatment] = error
        if not compared:
            raise next(iter(refused.values()))
        results = dict(zip(compared, adjusted(list(compared.values())), strict=True)) | refused
        return {treatment: results[treatment] for treatment in plan.treatments}

    def comparisons(self, measure: str = PRIMARY, moment: str = "end") -> pd.DataFrame:
        """Every treatment beside the baseline, a row a measure and bias level; raises as
        `analyses` does."""
        return joined_tables(self.analyses(measure, moment))["comparisons"]

    def report(self, path: str | Path) -> Path:
        """Write the findings as an offline HTML file; raises as `findings` does, or OSError."""
        from vlcore.study.report import report_html  # altair takes half a second

        return write_text(Path(path), report_html(self.findings()))

    def __repr__(self) -> str:
        plan, first = self.plan, self.plan.conditions[0]
        return (
            f"Study {plan.name!r} of {plan.factor} on {first.data}, {first.steps:,} steps:"
            f" {self.n_trained} of {len(plan.conditions)} planned runs are there."
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


def joined_tables(analyses: Mapping[Value, Analysis | AnalysisError]) -> dict[str, pd.DataFrame]:
    """Join the tables of all treatments that compare, by the names of `TABLES`."""
    tables = {
        treatment: analysis_tables(analysis)
        for treatment, analysis in analyses.items()
        if isinstance(analysis, Analysis)
    }
    joined = {}
    for name in TABLES:
        parts = [table[name].assign(treatment=treatment) for treatment, table in tables.items()]
        joined[name] = pd.concat(parts, ignore_index=True)
    return joined
