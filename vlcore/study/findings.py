"""Findings of a study: its analyses, its claims and the tables behind its figures, computed once.

Every table is long, with one row for each run or each cell (a label style at a bias level), and an
interval is a t interval over blocks; a cell of one block has none. Pages and the offline report
show the same `Findings`.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd

from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import STUDY_BIAS, STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import describe_bias
from vlcore.metrics import catalogue
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study.analysis import Analysis, ArmComparison, Level, compare_arms
from vlcore.study.claims import evaluate_claims
from vlcore.study.evidence import PLAIN, STYLES, ClaimResult
from vlcore.study.plans import StudyError, StudyPlan
from vlcore.study.registry import Entry
from vlcore.study.runs_table import block_of, check_comparable, measure_rows, with_value
from vlcore.study.statistics.bayes import bayes_line, prior_shift
from vlcore.study.statistics.factorial import phi
from vlcore.study.statistics.paired import pigeonhole_interval, t_interval

CELL = ("labels", "bias", "phi", "removed")
CURVE = ("key", "step", "probe", "value")
_PROVENANCE = (
    "key",
    "labels",
    "bias",
    "removed",
    "size_mode",
    "data_seed",
    "init_seed",
    "block",
    "first_fit_step",
    "trained_at",
    "seconds",
    "device",
    "versions",
    "checksum",
    "planned",
)
_LEVELS = tuple(np.round(np.linspace(0, 0.95, 20), 4))  # at which the Bayes line is drawn


@dataclass(frozen=True)
class Headline:
    """The study's question at one bias level: minority accuracy, with intervals over blocks.

    Attributes:
        level: the level.
        short: with short labels.
        descriptive: with descriptive labels.
        difference: descriptive less short labels.
    """

    level: Level
    short: Estimate
    descriptive: Estimate
    difference: Estimate


@dataclass(frozen=True, eq=False)
class StudyTables:
    """The runs of a study, from which everything else is computed.

    Attributes:
        frame: of `vlcore.study.runs_table.with_differences`, with the controls of the claims.
        curves: of `curves_with_settings`.
        runs: of `provenance`.
    """

    frame: pd.DataFrame
    curves: pd.DataFrame
    runs: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Findings(StudyTables):
    """A study of short and descriptive labels.

    Attributes:
        plan: the study.
        grouping: the groups of its image set.
        end: analysis at the end of training; None while a label style has no run.
        first_fit: the same at the fit step.
        claims: the claims table.
        failing: blocks that fail the sanity check, and in what.
        plans: the plan as it was recorded, oldest first.
        over_scenes: the headline's difference, of `over_scenes`.
        version: of the lab that made its runs; empty where nothing says.
    """

    plan: StudyPlan
    grouping: Grouping
    end: Analysis | None
    first_fit: Analysis | None
    claims: tuple[ClaimResult, ...]
    failing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    plans: tuple[Entry, ...] = ()
    over_scenes: Estimate | None = None
    version: str = ""

    @property
    def n_trained(self) -> int:
        """How many of the planned runs are trained."""
        return int(self.runs["planned"].sum())

    @property
    def n_blocks(self) -> int:
        """How many seed pairs have a planned run."""
        return int(self.runs.loc[self.runs["planned"], "block"].nunique())

    @property
    def headline(self) -> Headline | None:
        """The study's own example of bias, or the strongest level below 1 that was compared."""
        levels = () if self.end is None else self.end.primary.levels
        compared = [
            Headline(
                level,
                level.baseline.within(0, 1),
                level.treatment.within(0, 1),
                level.difference.mean,
            )
            for level in levels
            if level.baseline and level.treatment and level.difference and not level.apart
        ]
        usual = [headline for headline in compared if headline.level.bias == STUDY_BIAS]
        return next(reversed(usual or compared), None)

    @property
    def passing(self) -> Estimate | None:
        """The headline's difference in the blocks that pass the sanity check alone; None where
        fewer than two do."""
        if self.headline is None:
            return None
        level = self.headline.level
        blocks = [block for block in level.blocks if block not in self.failing]
        if len(blocks) < 2:
            return None
        rows = values(self.frame, PRIMARY)
        rows = rows[(rows["bias"] == level.bias) & rows["block"].isin(blocks)]
        by_style = rows.pivot(index="block", columns="labels", values="value")
        short, descriptive = (by_style[style] for style in STYLES_OF_THE_STUDY)
        return t_interval(descriptive - short)

    def table(self) -> pd.DataFrame:
        """The claims, one row each: `claim`, `says`, `status`, `estimate`, `low`, `high` (95 %),
        `n` (blocks)."""
        rows = []
        for result in self.claims:
            estimate = result.estimate or Estimate(np.nan, np.nan, np.nan, 0)
            rows.append(
                {
                    "claim": result.claim.id,
                    "says": result.claim.says,
                    "status": str(result.status),
                    "estimate": estimate.value,
                    "low": estimate.low,
                    "high": estimate.high,
                    "n": estimate.n,
                }
            )
        return pd.DataFrame(rows)

    def claim(self, name: str) -> ClaimResult:
        """The result of a claim, by its id."""
        return next(result for result in self.claims if result.claim.id == name)

    def comparison(self, measure: str) -> ArmComparison:
        """The comparison of a measure at the end of training; ValueError where there is none."""
        for comparison in () if self.end is None else self.end.comparisons:
            if comparison.measure == measure:
                return comparison
        raise ValueError("this measure is in no comparison")


def study_findings(
    plan: StudyPlan, grouping: Grouping, tables: StudyTables, failing: Mapping[str, Sequence[str]]
) -> Findings:
    """Analyse a study of short and descriptive labels.

    Args:
        plan: the study.
        grouping: the groups of its image set.
        tables: its runs and those of `vlcore.study.plans.controls`.
        failing: the blocks that fail the sanity check, and in what.

    Raises:
        StudyError: when the study is about something else, or none of its runs is trained.
        AnalysisError: when runs differ in more than label style, size mode, mitigation, bias and
            seeds, or in device.
    """
    short, descriptive = STYLES_OF_THE_STUDY
    if (plan.factor, plan.baseline, plan.treatments) != ("labels", short, (descriptive,)):
        raise StudyError(
            f"The study {plan.name!r} does not compare short and descriptive labels; `python -m"
            f" vlcore analyse {plan.name}` says what it found."
        )
    planned_runs = tables.frame[tables.frame["key"].isin(plan.keys)]
    if planned_runs.empty:
        raise StudyError(f"No run of the study {plan.name!r} is there; run it first.")
    check_comparable(tables.frame, free=("labels", "bias", *PLAIN))
    end = first_fit = None
    if {short, descriptive} <= set(planned_runs["labels"]):
        secondary = catalogue.secondary(label_styles=True)
        at = partial(compare_arms, planned_runs, secondary=secondary, planned=plan.conditions)
        end, first_fit = at(moment="end"), at(moment="first_fit")
    claims = tuple(evaluate_claims(tables.frame, grouping))
    return Findings(
        tables.frame, tables.curves, tables.runs, plan, grouping, end, first_fit, claims, failing
    )


def over_scenes(artifacts: Sequence[Artifact], level: Level, grouping: Grouping) -> Estimate | None:
    """Difference in minority accuracy with an interval over blocks and test scenes both.

    It is descriptive less short labels at a level (`pigeonhole_interval`); None where a
    run is not on this disk or does not keep which images it had right, where the set is in folds,
    for a run keeps those of the first alone and every data seed cuts other folds, or where runs
    share fewer than two scenes.
    """
    accuracy: dict[tuple[str, str], pd.Series] = {}  # by scene
    for artifact in artifacts:
        condition, block = artifact.condition, block_of(artifact.condition)
        if condition.bias != level.bias or block not in level.blocks:
            continue
        embeddings = artifact.embeddings
        image_set = open_set(condition.data, condition.data_version)
        if embeddings.test_correct is None or image_set.folds:
            return None
        images = image_set.table.iloc[embeddings.rows("test")]
        images = images.assign(right=embeddings.test_correct.astype(float))
        minority = images[images["group"].isin(grouping.minority)]
        accuracy[block, condition.labels] = minority.groupby("scene")["right"].mean()
    if len(accuracy) < len(STYLES_OF_THE_STUDY) * len(level.blocks):
        return None
    short, descriptive = (
        pd.DataFrame({block: accuracy[block, style] for block in level.blocks})
        for style in STYLES_OF_THE_STUDY
    )
    differences = (descriptive - short).dropna().to_numpy().T  # (blocks, scenes)
    return pigeonhole_interval(differences) if differences.shape[1] >= 2 else None


def provenance(frame: pd.DataFrame, files: pd.DataFrame, planned: Collection[str]) -> pd.DataFrame:
    """What made each run, one row per run: `key`, settings, `trained_at`, `seconds`, `device`,
    `versions`, `checksum` (of the checksums of its files), and whether it is one of the `planned`
    keys.

    Args:
        frame: of `vlcore.study.runs_table.runs_table`.
        files: `trained_at`, `seconds` and `checksum` by key, of runs whose files are known.
        planned: keys of the planned runs.
    """
    runs = frame.drop_duplicates("key").set_index("key")
    runs = runs.assign(
        removed=_removed(runs),
        first_fit_step=_fit_steps(frame),
        versions=runs["versions"].str.replace("=", " "),
        planned=runs.index.isin(list(planned)),
        **files.reindex(runs.index).astype({"seconds": float}),
    )
    return runs.reset_index()[list(_PROVENANCE)]


def values(frame: pd.DataFrame, measure: str, moment: str = "end") -> pd.DataFrame:
    """One measure of the study's runs without size controls, a row a run: `CELL`, `block`, `key`,
    `value`, `n`."""
    plain = (frame[list(PLAIN)] == list(PLAIN.values())).all(axis=1) & frame["labels"].isin(STYLES)
    rows = with_value(measure_rows(frame[plain], measure, moment))
    rows = rows.assign(removed=_removed(rows), style=rows["labels"].map(STYLES.index))
    rows = rows.sort_values(["style", "bias", "block"], kind="stable", ignore_index=True)
    return rows[["labels", "bias", "phi", "block", "key", "value", "n", "removed"]]


def cells(rows: pd.DataFrame, by: Sequence[str] = CELL, share: bool = False) -> pd.DataFrame:
    """Average `values` over blocks, one row a cell.

    Args:
        rows: of `values` or `curves_with_settings`.
        by: the columns that make a cell.
        share: whether intervals are cut at 0 and 1.

    Returns:
        `by`, `value`, `low`, `high` (95 % t interval, empty for one block), `n` (blocks).
    """
    averages = []
    for names, cell in rows.groupby(list(by), sort=False):
        numbers = cell["value"].to_numpy(dtype=float)
        low = high = np.nan
        if len(numbers) > 1:
            interval = t_interval(numbers)
            if share:
                interval = interval.within(0.0, 1.0)
            low, high = interval.low, interval.high
        averages.append((*names, float(numbers.mean()), low, high, len(numbers)))
    return pd.DataFrame(averages, columns=[*by, "value", "low", "high", "n"])


def bayes_lines(findings: Findings, biases: Sequence[float] = _LEVELS) -> pd.DataFrame:
    """The Bayes line of minority accuracy: `labels`, `bias`, `phi`, `value`, `n` (blocks).

    It is the mean of the lines of blocks (`vlcore.study.statistics.bayes`). Each starts from the
    balanced accuracy of training sets that lost as many images and are not biased, interpolated
    between two such levels; where there are none, from that of the whole set.
    """
    frame = findings.frame
    unbiased = (frame["bias"] == 0) | (frame["size_mode"] == "random_removal")
    unbiased &= frame["mitigation"] == "none"
    rows = with_value(measure_rows(frame[unbiased], "balanced_accuracy", "end"))
    lines = []
    for style in STYLES_OF_THE_STUDY:
        condition = findings.plan.conditions[0].with_labels(style)
        runs = rows[rows["labels"] == style].sort_values("bias")
        blocks = [block for _, block in runs.groupby("block") if block["bias"].iat[0] == 0]
        for bias in map(float, biases):
            starts = [float(np.interp(bias, block["bias"], block["value"])) for block in blocks]
            with suppress(ValueError):  # there is no such line
                shift = prior_shift(condition, findings.grouping, bias)
                line = [bayes_line(start, shift) for start in starts if 0.5 < start < 1]
                if line:
                    lines.append((style, bias, float(phi(bias)), float(np.mean(line)), len(line)))
    return pd.DataFrame(lines, columns=["labels", "bias", "phi", "value", "n"])


def training_curves(artifacts: Sequence[Artifact]) -> pd.DataFrame:
    """Accuracy of linear probes while runs trained: `key`, `step`, `probe` (``object`` or
    ``context``), `value`. Runs of small sets keep no such curve."""
    rows = []
    for artifact in artifacts:
        if not artifact.condition.kind.has_weights:
            continue
        for step, on_object, on_context in artifact.checkpoints.curve("probe").tolist():
            rows.append((artifact.key, int(step), "object", on_object))
            rows.append((artifact.key, int(step), "context", on_context))
    return pd.DataFrame(rows, columns=list(CURVE))


def curves_with_settings(curves: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """`training_curves` with the settings of their runs.

    Args:
        curves: of `training_curves`.
        frame: of `vlcore.study.runs_table.runs_table`.

    Returns:
        `CELL`, `block`, `step`, `probe`, `value`, and `fit`, the fit step, if any.
    """
    runs = frame.drop_duplicates("key").set_index("key")
    runs = runs.assign(removed=_removed(runs), fit=_fit_steps(frame))
    columns = [*CELL, "block", "step", "probe", "value", "fit"]
    joined = curves.join(runs[[*CELL, "block", "fit"]], on="key")[columns]
    return joined.sort_values(["bias", "labels"], kind="stable", ignore_index=True)


def _fit_steps(frame: pd.DataFrame) -> pd.Series:
    """The fit step of each run, by key."""
    rows = frame[frame["measure"] == "first_fit_step"]
    return rows.set_index("key")["value"].astype("Int64")


def _removed(runs: pd.DataFrame) -> list[str]:
    """The bias of runs in words, a row a run."""
    return [
        describe_bias(Condition(bias=bias, n_per_group=n, size_mode=mode))
        for bias, n, mode in zip(runs["bias"], runs["n_per_group"], runs["size_mode"], strict=True)
    ]


def mean_curves(curves: pd.DataFrame) -> pd.DataFrame:
    """Average `curves_with_settings` over blocks, at the steps that all runs of a cell have.

    Returns:
        `CELL`, `step`, `probe`, `value`, `low`, `high`, `n`. Fit steps differ from run to run, and
        each run is probed there too.
    """
    blocks = curves.groupby(list(CELL))["block"].transform("nunique")
    probed = curves.groupby([*CELL, "step"])["block"].transform("nunique")
    return cells(curves[probed == blocks], (*CELL, "step", "probe"), share=True)


def fit_steps(curves: pd.DataFrame) -> pd.DataFrame:
    """The fit step of each cell: `CELL`, `step` (median over blocks), `n` of `of` blocks."""
    runs = curves.drop_duplicates([*CELL, "block"])
    fits = runs.groupby(list(CELL), sort=False)["fit"]
    steps = fits.agg(step="median", n="count", of="size").reset_index()
    return steps[steps["n"] > 0].reset_index(drop=True)
