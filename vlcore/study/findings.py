"""Findings of a study: its analyses, its claims and the tables behind its figures, computed once
from its runs.

Every table is long, with one row for each run or each cell (a label style at a bias), and an
interval is a t interval over blocks; a cell of one block has none. Pages and the offline report
show the same `Findings`, computed once.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import describe_bias
from vlcore.metrics import catalogue
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study.analysis import Analysis, ArmComparison, Level, analyse
from vlcore.study.claims import ledger
from vlcore.study.evidence import PLAIN, STYLES, ClaimResult
from vlcore.study.plans import StudyError, StudyPlan
from vlcore.study.registry import Entry
from vlcore.study.runs_table import (
    block_of,
    check_alike,
    measured,
    rows_of,
    runs_table,
    with_differences,
)
from vlcore.study.statistics.bayes import bayes_line, prior_shift
from vlcore.study.statistics.crossed import crossed
from vlcore.study.statistics.factorial import phi
from vlcore.study.statistics.paired import t_interval

CELL = ("labels", "bias", "phi", "removed")
_ARMS = ("undescriptive", "descriptive")
_GRID = tuple(np.round(np.linspace(0, 0.95, 20), 4))  # levels at which the Bayes line is drawn


@dataclass(frozen=True)
class Headline:
    """The study's question at one level of bias: what is right on minority pictures, with intervals
    over blocks."""

    level: Level
    short: Estimate
    descriptive: Estimate
    difference: Estimate  # descriptive less short labels


@dataclass(frozen=True, eq=False)
class Findings:
    """A study of short and descriptive labels as it stands."""

    study: StudyPlan
    grouping: Grouping
    frame: (
        pd.DataFrame
    )  # of `with_differences`, with the controls of the claims beside the study's own runs
    end: Analysis | None  # None while a label style has no run
    first_fit: Analysis | None
    claims: tuple[ClaimResult, ...]
    curves: pd.DataFrame  # of `probe_curves`
    runs: pd.DataFrame  # of `runs_of`
    plans: tuple[Entry, ...] = ()  # as they were written down, oldest first
    general: Estimate | None = None  # the headline's difference, of `over_pictures`
    left_out: tuple[
        str, ...
    ] = ()  # blocks of the plan that the reader leaves out, for they fail the sanity check

    @property
    def planned(self) -> list[Condition]:
        """The planned runs, but for those of blocks that are left out."""
        return _without(self.study, self.left_out)

    @property
    def there(self) -> int:
        """How many of the planned runs are there."""
        return int(self.runs["planned"].sum())

    @property
    def blocks(self) -> int:
        """How many pairs of seeds have a run."""
        return int(self.runs.loc[self.runs["planned"], "block"].nunique())

    @property
    def headline(self) -> Headline | None:
        """The study's own example of bias, or the strongest below 1 that was compared; None where
        none was."""
        levels = () if self.end is None else self.end.primary.levels
        compared = [
            (level, level.difference.mean)
            for level in levels
            if level.difference and not level.apart
        ]
        if not compared:
            return None
        level, difference = next(
            (one for one in compared if one[0].bias == STUDY_BIAS), compared[-1]
        )
        rows = cells(values(self.frame, PRIMARY), share=True).set_index(["labels", "bias"])
        both = (rows.loc[(style, level.bias)] for style in _ARMS)
        short, descriptive = (
            Estimate(row["value"], row["low"], row["high"], int(row["n"])) for row in both
        )
        return Headline(level, short, descriptive, difference)

    def table(self) -> pd.DataFrame:
        """The claims, one row each: `claim`, `says`, `status`, `estimate`, `low`, `high` (95 %),
        `n` (blocks)."""
        rows = []
        for one in self.claims:
            estimate = one.estimate or Estimate(np.nan, np.nan, np.nan, 0)
            numbers = (estimate.value, estimate.low, estimate.high, estimate.n)
            rows.append((one.claim.id, one.claim.says, str(one.status), *numbers))
        return pd.DataFrame(
            rows, columns=["claim", "says", "status", "estimate", "low", "high", "n"]
        )

    def claim(self, name: str) -> ClaimResult:
        """What the runs say of a claim, by its id."""
        return next(result for result in self.claims if result.claim.id == name)

    def comparison(self, measure: str) -> ArmComparison:
        """The comparison of a measure at the end of training; ValueError where there is none."""
        for one in () if self.end is None else self.end.comparisons:
            if one.measure == measure:
                return one
        raise ValueError("this measure is in no comparison")


def findings(
    study: StudyPlan,
    artifacts: Sequence[Artifact],
    grouping: Grouping,
    left_out: tuple[str, ...] = (),
) -> Findings:
    """Everything that is said of a study of short and descriptive labels, by the artifacts of its
    runs that are there and of `vlcore.study.plans.controls`; none of them is of a block that is
    `left_out`. StudyError when the study is about something else, or none of its runs is there;
    AnalysisError when runs differ in more than label style, size mode, mitigation, bias and seeds,
    or in device."""
    if (study.factor, study.baseline, study.treatments) != ("labels", _ARMS[0], _ARMS[1:]):
        other = f"The study {study.name!r} does not compare short and descriptive labels"
        raise StudyError(f"{other}; `python -m vlcore analyse {study.name}` says what it found.")
    planned = {condition.key for condition in study.conditions}
    own = [artifact for artifact in artifacts if artifact.key in planned]
    if not own:
        raise StudyError(f"No run of the study {study.name!r} is there; run it first.")
    tables = runs_table(artifacts), probe_curves(own), runs_of(artifacts, planned)
    found = from_tables(study, grouping, *tables, left_out)
    return replace(
        found,
        general=over_pictures(own, found.headline.level, grouping) if found.headline else None,
    )


def from_tables(
    study: StudyPlan,
    grouping: Grouping,
    frame: pd.DataFrame,
    curves: pd.DataFrame,
    runs: pd.DataFrame,
    left_out: tuple[str, ...] = (),
) -> Findings:
    """What `findings` makes of runs, from the three tables of theirs that a `Findings` holds."""
    frame = with_differences(frame)
    check_alike(frame, free=("labels", "bias", *PLAIN))
    of_study = frame[frame["key"].isin({condition.key for condition in study.conditions})]
    both = set(_ARMS) <= set(of_study["labels"])
    secondary = catalogue.secondary(label_styles=True)
    two = partial(analyse, of_study, secondary=secondary, planned=_without(study, left_out))
    end, first_fit = (two(moment=moment) if both else None for moment in ("end", "first_fit"))
    claims = tuple(ledger(frame, grouping))
    return Findings(study, grouping, frame, end, first_fit, claims, curves, runs, left_out=left_out)


def _without(study: StudyPlan, left_out: Collection[str]) -> list[Condition]:
    return [one for one in study.conditions if block_of(one) not in left_out]


def over_pictures(
    artifacts: Sequence[Artifact], level: Level, grouping: Grouping
) -> Estimate | None:
    """Descriptive less short labels on minority pictures at a level, with an interval over blocks
    and scenes both (`vlcore.study.statistics.crossed`); None where a run does not keep which
    pictures it had right.
    """
    right: dict[tuple[str, str], pd.Series] = {}
    for artifact in artifacts:
        condition, block = artifact.condition, block_of(artifact.condition)
        if condition.bias == level.bias and block in level.blocks:
            embeddings = artifact.embeddings
            if embeddings.test_correct is None:
                return None
            images = open_set(condition.data, condition.data_version)
            test = images.table.iloc[embeddings.rows("test")]
            of_test = test.assign(right=embeddings.test_correct.astype(float))
            minority = of_test[of_test["group"].isin(grouping.minority)]
            right[block, condition.labels] = minority.groupby("scene")["right"].mean()
    short, descriptive = ({block: right[block, style] for block in level.blocks} for style in _ARMS)
    return crossed((pd.DataFrame(descriptive) - pd.DataFrame(short)).dropna().to_numpy().T)


def runs_of(artifacts: Sequence[Artifact], planned: Collection[str]) -> pd.DataFrame:
    """The runs behind everything, one row each: `key`, what made it, `seconds`, `device`,
    `versions`, `checksum` (of the checksums of its files), and whether it is one of the `planned`
    keys."""
    settings = ("size_mode", "data_seed", "init_seed")
    return pd.DataFrame(
        [
            {
                "key": artifact.key,
                "labels": artifact.condition.labels,
                "bias": artifact.condition.bias,
                "removed": describe_bias(artifact.condition),
                **{name: getattr(artifact.condition, name) for name in settings},
                "block": block_of(artifact.condition),
                "first_fit_step": artifact.metrics["first_fit_step"],
                "seconds": artifact.manifest.get("seconds"),
                "device": str(artifact.manifest.get("device", "")),
                "versions": " ".join(
                    f"{name} {one}" for name, one in artifact.manifest.get("versions", {}).items()
                ),
                "checksum": artifact.digest,
                "planned": artifact.key in planned,
            }
            for artifact in artifacts
        ]
    ).astype({"first_fit_step": "Int64", "seconds": float})


def values(frame: pd.DataFrame, measure: str, moment: str = "end") -> pd.DataFrame:
    """One measure of the study's own runs at a moment, a row a run: `CELL`, `block`, `key`,
    `value`, `n`."""
    plain = (frame[list(PLAIN)] == list(PLAIN.values())).all(axis=1) & frame["labels"].isin(STYLES)
    rows = measured(rows_of(frame[plain], measure, moment))
    sizes = zip(rows["bias"], rows["n_per_group"], strict=True)
    rows = rows.assign(
        removed=[describe_bias(Condition(bias=bias, n_per_group=n)) for bias, n in sizes]
    )
    order = np.lexsort((rows["block"], rows["bias"], rows["labels"].map(STYLES.index)))
    return (
        rows[["labels", "bias", "phi", "block", "key", "value", "n", "removed"]]
        .iloc[order]
        .reset_index(drop=True)
    )


def cells(rows: pd.DataFrame, by: Sequence[str] = CELL, share: bool = False) -> pd.DataFrame:
    """Mean over blocks of `values`, one row a cell: `by`, `value`, `low`, `high` (95 % t interval,
    empty of a cell of one block), `n` (blocks). The interval of a `share` is one from 0 to 1 too,
    for nothing lies beyond.
    """
    found = []
    for names, part in rows.groupby(list(by), sort=False):
        numbers = part["value"].to_numpy(dtype=float)
        low = high = np.nan
        if len(numbers) > 1:
            interval = t_interval(numbers)
            low = max(interval.low, 0.0) if share else interval.low
            high = min(interval.high, 1.0) if share else interval.high
        found.append((*names, float(numbers.mean()), low, high, len(numbers)))
    return pd.DataFrame(found, columns=[*by, "value", "low", "high", "n"])


def bayes_lines(found: Findings, biases: Sequence[float] = _GRID) -> pd.DataFrame:
    """The Bayes line of minority accuracy at levels of bias: `labels`, `bias`, `phi`, `value`, `n`
    (blocks). It is the mean of blocks' own (`vlcore.study.statistics.bayes`), where there is one:
    by balanced accuracy of training sets that lost as many pictures and are not biased, between two
    such levels in a straight line, else of the whole set.
    """
    frame, lines = found.frame, []
    matched = (frame["bias"] == 0) | (frame["size_mode"] == "random_removal")
    rows = measured(
        rows_of(frame[matched & (frame["mitigation"] == "none")], "balanced_accuracy", "end")
    )
    for style in dict.fromkeys((found.study.baseline, *found.study.treatments)):
        condition = found.study.conditions[0].with_labels(str(style))
        runs = rows[rows["labels"] == style].sort_values("bias")
        blocks = [part for _, part in runs.groupby("block") if part["bias"].iat[0] == 0]
        for bias in map(float, biases):
            starts = [float(np.interp(bias, part["bias"], part["value"])) for part in blocks]
            with suppress(ValueError):  # there is no such line
                shift = prior_shift(condition, found.grouping, bias)
                line = [bayes_line(start, shift) for start in starts if 0.5 < start < 1]
                if line:
                    lines.append((style, bias, float(phi(bias)), float(np.mean(line)), len(line)))
    return pd.DataFrame(lines, columns=["labels", "bias", "phi", "value", "n"])


def probe_curves(artifacts: Sequence[Artifact]) -> pd.DataFrame:
    """Linear probes for object and context while runs trained: `CELL`, `block`, `step`, `probe`
    (``object`` or ``context``), `value`, and `fit`, the step of the first fit, if any. Runs of
    small sets keep no such curve.
    """
    found: list[tuple[Any, ...]] = []
    for artifact in artifacts:
        condition = artifact.condition
        if not condition.kind.has_weights:
            continue
        cell = (condition.labels, condition.bias, condition.phi, describe_bias(condition))
        for step, *accuracies in artifact.checkpoints.curve("probe").tolist():
            for probe, value in zip(("object", "context"), accuracies, strict=True):
                found.append(
                    (
                        *cell,
                        block_of(condition),
                        int(step),
                        probe,
                        value,
                        artifact.metrics["first_fit_step"],
                    )
                )
    frame = pd.DataFrame(found, columns=[*CELL, "block", "step", "probe", "value", "fit"])
    return frame.astype({"fit": "Int64"}).sort_values(
        ["bias", "labels"], kind="stable", ignore_index=True
    )


def mean_curves(curves: pd.DataFrame) -> pd.DataFrame:
    """Mean of `probe_curves` over blocks at the steps that all runs of a cell were looked at:
    `CELL`, `step`, `probe`, `value`, `low`, `high`, `n`. First fits differ from run to run, and
    each is looked at there too.
    """
    blocks = curves.groupby(list(CELL))["block"].transform("nunique")
    seen = curves.groupby([*CELL, "step"])["block"].transform("nunique")
    return cells(curves[seen == blocks], (*CELL, "step", "probe"), share=True)


def first_fits(curves: pd.DataFrame) -> pd.DataFrame:
    """When the training captions of each cell were first fitted: `CELL`, `step` (median over
    blocks), `n` of `of`."""
    runs = curves.drop_duplicates([*CELL, "block"])
    found = (
        runs.groupby(list(CELL), sort=False)["fit"]
        .agg(step="median", n="count", of="size")
        .reset_index()
    )
    return found[found["n"] > 0].reset_index(drop=True)
