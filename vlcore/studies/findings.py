"""Findings of a study: its analyses, its claims and the tables behind its figures, computed once from its runs.

Every table is long, with one row for each run or each cell (a label style at a bias), and an interval is
a t interval over blocks; a cell of one block has a value and no interval. Nothing is drawn and nothing read from disk
twice: pages and the offline report show the same `Findings`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from vlcore.core.condition import STUDY_BIAS, Condition
from vlcore.core.grouping import Grouping
from vlcore.core.wording import describe_bias
from vlcore.measures import catalogue
from vlcore.measures.catalogue import PRIMARY
from vlcore.measures.estimate import Estimate
from vlcore.store.artefacts import Artefact
from vlcore.store.snapshots import StoredSnapshots
from vlcore.studies.analysis import Analysis, ArmComparison, Level, analyse
from vlcore.studies.claims import ledger
from vlcore.studies.evidence import PLAIN, STYLES, ClaimResult
from vlcore.studies.plans import Study, StudyError
from vlcore.studies.runs_table import check_alike, measured, rows_of, runs_table
from vlcore.studies.statistics.bayes import bayes_line
from vlcore.studies.statistics.design import phi
from vlcore.studies.statistics.paired import t_interval

CELL = ["labels", "bias", "phi", "removed"]
_ARMS = ("undescriptive", "descriptive")
_GRID = np.round(np.linspace(0, 0.95, 20), 4)  # levels at which the Bayes line is drawn


@dataclass(frozen=True)
class Headline:
    """The study's question at one level of bias.

    Attributes:
        level: descriptive less short labels.
        short, descriptive: right on minority pictures, with the interval over blocks.
        difference: descriptive less short, by block.
    """

    level: Level
    short: Estimate
    descriptive: Estimate
    difference: Estimate


@dataclass(frozen=True, eq=False)
class Findings:
    """A study of short and descriptive labels as it stands.

    Attributes:
        study: what was planned.
        grouping: which groups are the majority.
        frame: of `with_differences`, with the controls of the claims beside the study's own runs.
        end, first_fit: analyses at the two moments; None while a label style has no run.
        claims: the ledger.
        curves: of `probe_curves`.
        runs: of `runs_of`.
    """

    study: Study
    grouping: Grouping
    frame: pd.DataFrame
    end: Analysis | None
    first_fit: Analysis | None
    claims: tuple[ClaimResult, ...]
    curves: pd.DataFrame
    runs: pd.DataFrame

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
        """The study's own example of bias, or the strongest below 1 that was compared; None where none was."""
        levels = () if self.end is None else self.end.primary.levels
        compared = [(level, level.difference.mean) for level in levels if level.difference and not level.apart]
        if not compared:
            return None
        level, difference = next((one for one in compared if one[0].bias == STUDY_BIAS), compared[-1])
        rows = cells(values(self.frame, PRIMARY), share=True).set_index(["labels", "bias"])
        short, descriptive = (
            Estimate(row["value"], row["low"], row["high"], int(row["n"]))
            for row in (rows.loc[(style, level.bias)] for style in _ARMS)
        )
        return Headline(level, short, descriptive, difference)

    def table(self) -> pd.DataFrame:
        """The claims, one row each: `claim`, `says`, `status`, `estimate`, `low`, `high` (95 % interval over blocks,
        empty where nothing was measured), `n` (blocks)."""
        rows = []
        for one in self.claims:
            estimate = one.estimate or Estimate(np.nan, np.nan, np.nan, 0)
            numbers = (estimate.value, estimate.low, estimate.high, estimate.n)
            rows.append((one.claim.id, one.claim.says, str(one.status), *numbers))
        return pd.DataFrame(rows, columns=["claim", "says", "status", "estimate", "low", "high", "n"])

    def claim(self, name: str) -> ClaimResult:
        """What the runs say of a claim, by its id."""
        return next(result for result in self.claims if result.claim.id == name)

    def comparison(self, measure: str) -> ArmComparison:
        """The comparison of a measure at the end of training.

        Raises:
            ValueError: when there is none.
        """
        for one in () if self.end is None else self.end.comparisons:
            if one.measure == measure:
                return one
        raise ValueError("this measure is in no comparison")


def findings(study: Study, artefacts: Sequence[Artefact], grouping: Grouping) -> Findings:
    """Everything that is said of a study.

    Args:
        study: of short and descriptive labels.
        artefacts: those of its runs that are there, and of `vlcore.studies.plans.controls`.
        grouping: which groups are the majority.

    Raises:
        StudyError: when the study is about something else, or none of its runs is there.
        AnalysisError: when runs differ in more than label style, size mode, mitigation, bias and seeds; or in device.
    """
    if (study.factor, study.baseline, study.treatments) != ("labels", _ARMS[0], _ARMS[1:]):
        raise StudyError(
            f"The study {study.name!r} does not compare short and descriptive labels; `python -m vlcore analyse "
            f"{study.name}` says what it found."
        )
    planned = {condition.key for condition in study.conditions}
    own = [artefact for artefact in artefacts if artefact.key in planned]
    if not own:
        raise StudyError(f"No run of the study {study.name!r} is there; run it first.")
    frame = with_differences(runs_table(artefacts))
    check_alike(frame, free=("labels", "bias", *PLAIN))
    of_study = frame[frame["key"].isin(planned)]
    both = set(_ARMS) <= set(of_study["labels"])
    secondary = catalogue.secondary(label_styles=True)
    end, first_fit = (
        analyse(of_study, moment=moment, secondary=secondary, planned=study.conditions) if both else None
        for moment in ("end", "first_fit")
    )
    return Findings(
        study=study,
        grouping=grouping,
        frame=frame,
        end=end,
        first_fit=first_fit,
        claims=tuple(ledger(frame, grouping)),
        curves=probe_curves(own),
        runs=runs_of(artefacts, planned),
    )


def with_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of `vlcore.studies.runs_table.runs_table` with a row more for each run, moment, and measure that is the
    difference of two others; it has no interval of its own, for the two are of the same pictures."""
    parts = [frame]
    for measure in catalogue.MEASURES.values():
        if measure.less is None:
            continue
        first, second = (frame[frame["measure"] == name] for name in measure.less)
        both = first.merge(second[["key", "moment", "value", "reason"]], on=["key", "moment"], suffixes=("", "_second"))
        rows = both.assign(
            measure=measure.name,
            value=both["value"] - both["value_second"],
            low=np.nan,
            high=np.nan,
            reason=both["reason"].where(both["reason"] != "", both["reason_second"]),
        )
        parts.append(rows[frame.columns])
    return pd.concat(parts, ignore_index=True)


def runs_of(artefacts: Sequence[Artefact], planned: Collection[str]) -> pd.DataFrame:
    """The runs behind everything, one row each: `key`, what made it, `seconds`, `device`, `versions`, `checksum` (of
    the checksums of its files), and whether it is one of the `planned` keys."""
    return pd.DataFrame(
        [
            {
                "key": artefact.key,
                "labels": artefact.condition.labels,
                "bias": artefact.condition.bias,
                "removed": describe_bias(artefact.condition),
                "size_mode": artefact.condition.size_mode,
                "data_seed": artefact.condition.data_seed,
                "init_seed": artefact.condition.init_seed,
                "block": f"d{artefact.condition.data_seed}s{artefact.condition.init_seed}",
                "first_fit_step": artefact.metrics["first_fit_step"],
                "seconds": artefact.manifest.get("seconds"),
                "device": str(artefact.manifest.get("device", "")),
                "versions": " ".join(f"{name} {one}" for name, one in artefact.manifest.get("versions", {}).items()),
                "checksum": artefact.digest,
                "planned": artefact.key in planned,
            }
            for artefact in artefacts
        ]
    ).astype({"first_fit_step": "Int64", "seconds": float})


def values(frame: pd.DataFrame, measure: str, moment: str = "end") -> pd.DataFrame:
    """One measure of the study's own runs: `CELL`, `block`, `key`, `value`, `n` (pictures), one row a run.

    Args:
        frame: of `vlcore.studies.runs_table.runs_table`.
        measure: its name.
        moment: when it was taken.

    Raises:
        AnalysisError: when a run is in the table twice.
    """
    plain = (frame[list(PLAIN)] == list(PLAIN.values())).all(axis=1) & frame["labels"].isin(STYLES)
    rows = measured(rows_of(frame[plain], measure, moment))
    kept = rows[["labels", "bias", "phi", "block", "key", "value", "n"]].assign(
        removed=[
            describe_bias(Condition(bias=bias, n_per_group=n))
            for bias, n in zip(rows["bias"], rows["n_per_group"], strict=True)
        ]
    )
    order = kept["labels"].map({style: number for number, style in enumerate(STYLES)})
    return kept.iloc[np.lexsort((kept["block"], kept["bias"], order))].reset_index(drop=True)


def cells(rows: pd.DataFrame, by: Sequence[str] = tuple(CELL), share: bool = False) -> pd.DataFrame:
    """Mean over blocks of `values`, one row a cell: `by`, `value`, `low`, `high` (95 % t interval), `n` (blocks).

    A cell of one block has no interval: its `low` and `high` are empty.

    Args:
        rows: of `values`, or with the columns `by` and `value`.
        by: what makes a cell.
        share: whether the value is one from 0 to 1; then so is the interval, for nothing lies beyond.
    """
    found, (least, most) = [], (0.0, 1.0) if share else (-np.inf, np.inf)
    for names, part in rows.groupby(list(by), sort=False):
        numbers = part["value"].to_numpy(dtype=float)
        interval = t_interval(numbers) if len(numbers) > 1 else None
        found.append(
            {
                **dict(zip(by, names, strict=True)),
                "value": float(numbers.mean()),
                "low": np.nan if interval is None else max(interval.low, least),
                "high": np.nan if interval is None else min(interval.high, most),
                "n": len(numbers),
            }
        )
    return pd.DataFrame(found, columns=[*by, "value", "low", "high", "n"])


def bayes_lines(frame: pd.DataFrame, biases: Sequence[float] = tuple(_GRID)) -> pd.DataFrame:
    """The Bayes line of minority accuracy at levels of bias: `labels`, `bias`, `phi`, `value`, `n` (blocks).

    The mean over blocks of each block's own line, from its balanced accuracy at bias 0; a block that is at chance or
    without an error there has none (`vlcore.studies.statistics.bayes`).
    """
    unbiased = values(frame, "balanced_accuracy")
    found = []
    for style, part in unbiased[unbiased["bias"] == 0].groupby("labels", sort=False):
        starts = [value for value in part["value"] if 0.5 < value < 1]
        for bias in biases if starts else ():
            line = float(np.mean([bayes_line(start, float(bias)).minority for start in starts]))
            found.append(
                {"labels": style, "bias": float(bias), "phi": float(phi(bias)), "value": line, "n": len(starts)}
            )
    return pd.DataFrame(found, columns=["labels", "bias", "phi", "value", "n"])


def probe_curves(artefacts: Sequence[Artefact]) -> pd.DataFrame:
    """Linear probes for object and context while runs trained: `CELL`, `block`, `step`, `probe`, `value`, `fit`.

    `probe` is ``object`` or ``context``; `fit` is the step at which a run's training captions were first fitted, empty
    where they never were. Runs of small sets keep no such curve.
    """
    found: list[dict[str, Any]] = []
    for artefact in artefacts:
        condition = artefact.condition
        if not condition.kind.has_weights:
            continue
        start = {
            "labels": condition.labels,
            "bias": condition.bias,
            "phi": float(phi(condition.bias)),
            "removed": describe_bias(condition),
            "block": f"d{condition.data_seed}s{condition.init_seed}",
            "fit": artefact.metrics["first_fit_step"],
        }
        for step, by_object, by_context in StoredSnapshots(artefact).probes.tolist():
            for probe, value in (("object", by_object), ("context", by_context)):
                found.append({**start, "step": int(step), "probe": probe, "value": value})
    frame = pd.DataFrame(found, columns=[*CELL, "block", "step", "probe", "value", "fit"])
    return frame.astype({"fit": "Int64"}).sort_values(["bias", "labels"], kind="stable", ignore_index=True)


def mean_curves(curves: pd.DataFrame) -> pd.DataFrame:
    """Mean of `probe_curves` over blocks at the steps that all runs of a cell were looked at: `CELL`, `step`, `probe`,
    `value`, `low`, `high`, `n`. First fits differ from run to run, and each is looked at there too."""
    blocks = curves.groupby(CELL)["block"].transform("nunique")
    seen = curves.groupby([*CELL, "step"])["block"].transform("nunique")
    return cells(curves[seen == blocks], (*CELL, "step", "probe"), share=True)


def first_fits(curves: pd.DataFrame) -> pd.DataFrame:
    """When the training captions of each cell were first fitted: `CELL`, `step` (median over blocks), `n` of `of`."""
    runs = curves.drop_duplicates([*CELL, "block"])
    found = runs.groupby(CELL, sort=False)["fit"].agg(step="median", n="count", of="size").reset_index()
    return found[found["n"] > 0].reset_index(drop=True)
