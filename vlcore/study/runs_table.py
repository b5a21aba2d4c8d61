"""The long table of runs: one row a measure, and which rows may be compared.

Two runs are a pair when they share everything but the factor that is studied, seeds included: what
differs besides is refused by its name, and what is not there is said."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlcore.artifacts.store import Artifact
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import atomic
from vlcore.experiment.plain_text import safe_csv
from vlcore.metrics.catalogue import MEASURES, measure_of, whole_of
from vlcore.study.statistics.factorial import logit_share

MOMENTS = ("untrained", "first_fit", "end")
RUN = "run"  # the moment of what holds of a run as a whole
NEVER_FITTED = "the training captions were never fitted"
SEEDS = ["data_seed", "init_seed"]
LIMIT = (
    1.0  # the bias at which nothing tells object from context: reported apart, never averaged in
)
# The columns beside the settings, with the type of each.
BESIDE: dict[str, Any] = {
    "key": str,
    "phi": float,
    "block": str,
    "device": str,
    "versions": str,
    "moment": str,
    "measure": str,
    "value": float,
    "low": float,
    "high": float,
    "n": "Int64",
    "reason": str,
}
# What statistics of one number need; the whole table is wide, and taking rows of it is slow.
OF_A_NUMBER = ["key", "bias", "phi", *SEEDS, "moment", "measure", "value", "n", "reason"]
_ESTIMATE = ("value", "low", "high", "n")


class AnalysisError(LabError):
    """Runs that cannot be analysed together; the message names what differs or what is missing."""


def runs_table(artifacts: Sequence[Artifact], measure: str = "") -> pd.DataFrame:
    """Everything that was measured of runs, one row a (run, moment, measure). Columns: `key`; every
    field of the condition; `phi`, the correlation that its bias stands for, whatever its size mode
    does with it; `block`, the pair of seeds; `device`, `versions`; `moment` (``untrained``,
    ``first_fit``, ``end``, or ``run`` for the run as a whole), `measure` (nested ones with dots),
    `value`, `low`, `high`, `n`, and `reason`, empty where there is a value. Intervals are of one
    run, over scenes. With a `measure` its rows alone. ValueError for a number that is none.
    """
    rows, wanted = [], {measure, whole_of(measure)} - {""}
    for artifact in artifacts:
        condition, versions = artifact.condition, artifact.manifest.get("versions", {})
        of_run = {
            "key": artifact.key,
            **vars(condition),
            "phi": condition.replace(size_mode="shrink").phi,  # of the level, for its controls too
            "block": block_of(condition),
            # Which of several equal GPUs is no matter.
            "device": str(artifact.manifest.get("device", "")).split(":")[0],
            "versions": " ".join(f"{name}={version}" for name, version in sorted(versions.items())),
        }
        for moment, name, numbers, reason in _cells(artifact.metrics):
            if wanted and name not in wanted:
                continue
            if not all(number is None or math.isfinite(number) for number in numbers.values()):
                raise ValueError(
                    f"The run {artifact.key} holds no number for {name}; train it again."
                )
            rows.append({**of_run, "moment": moment, "measure": name, **numbers, "reason": reason})
    default = Condition()
    settings = {field.name: type(getattr(default, field.name)) for field in fields(Condition)}
    columns = {"key": str, **settings, **BESIDE}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def with_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """A `runs_table` with a row more for each run, moment, and measure that is the difference of
    two others; it has no interval of its own, for the two are of the same pictures."""
    differences = {name: one.less for name, one in MEASURES.items() if one.less is not None}
    parts = [frame[~frame["measure"].isin(differences)]]
    for name, less in differences.items():
        first, second = (frame[frame["measure"] == one] for one in less)
        both = first.merge(
            second[["key", "moment", "value", "reason"]],
            on=["key", "moment"],
            suffixes=("", "_second"),
        )
        value = both["value"] - both["value_second"]
        reason = both["reason"].where(both["reason"] != "", both["reason_second"])
        rows = both.assign(measure=name, value=value, low=np.nan, high=np.nan, reason=reason)
        parts.append(rows[frame.columns])
    return pd.concat(parts, ignore_index=True)


def block_of(condition: Condition) -> str:
    """The name of a pair of seeds."""
    return f"d{condition.data_seed}s{condition.init_seed}"


def alike(frame: pd.DataFrame, condition: Condition, free: Sequence[str]) -> pd.DataFrame:
    """The rows of runs that have the settings of a condition, but for those that are `free`."""
    same = {name: value for name, value in vars(condition).items() if name not in free}
    return frame[(frame[list(same)] == pd.Series(same)).all(axis=1)]


def _cells(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any], str]]:
    """(moment, measure, numbers, reason) of everything that is in a run's metrics."""
    whole = {name: value for name, value in metrics.items() if name not in MOMENTS}
    parts = {RUN: whole, **{moment: metrics[moment] for moment in MOMENTS if moment in metrics}}
    for moment, part in parts.items():
        for measure, numbers, reason in _flat(metrics["end"] if part is None else part):
            yield (
                (moment, measure, {}, NEVER_FITTED)
                if part is None
                else (moment, measure, numbers, reason)
            )


def _flat(
    document: Mapping[str, Any], before: str = ""
) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """(measure, numbers, reason) of every estimate, number and reason in a document, nested names
    joined by dots."""
    for name, value in document.items():
        measure = f"{before}{name}"
        if name == "absent":
            for absent, reason in value.items():
                yield f"{before}{absent}", {}, str(reason)
        elif isinstance(value, Mapping):
            if set(_ESTIMATE) <= set(value):
                yield measure, {part: value[part] for part in _ESTIMATE}, ""
                value = {part: more for part, more in value.items() if part not in _ESTIMATE}
            yield from _flat(value, f"{measure}.")
        elif value is None:
            yield (
                measure,
                {},
                NEVER_FITTED if measure == "first_fit_step" else "not defined for this run",
            )
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield measure, {"value": value}, ""


def write_tables(frame: pd.DataFrame, folder: Path, name: str) -> tuple[Path, Path]:
    """Write ``<name>.csv`` and ``<name>.parquet`` into a folder, made where missing; no reader sees
    a part of one."""
    folder.mkdir(parents=True, exist_ok=True)
    text, columnar = folder / f"{name}.csv", folder / f"{name}.parquet"
    with atomic(text) as aside:
        aside.write_text(safe_csv(frame), encoding="utf-8", newline="")
    with atomic(columnar) as aside:
        frame.to_parquet(aside, index=False)
    return text, columnar


def check_alike(frame: pd.DataFrame, free: Collection[str]) -> None:
    """See that runs of a `runs_table` differ in nothing but the settings that are `free` and in
    their seeds, and that none is there twice; an AnalysisError names the first setting, or the
    device, that differs, or the run.
    """
    may_differ = {*free, *SEEDS, *BESIDE} - {"device"}
    for name in (name for name in frame.columns if name not in may_differ):
        found = sorted(str(value) for value in frame[name].unique())
        if len(found) > 1:
            differ = f"The runs differ in {name} ({', '.join(found)})"
            raise AnalysisError(f"{differ}, so they do not compare; choose runs of one {name}.")
    twice = frame["key"][frame.duplicated(["key", "moment", "measure"])]
    if len(twice):
        raise AnalysisError(f"The run {twice.iloc[0]} is in the table twice; give each run once.")


def rows_of(frame: pd.DataFrame, measure: str, moment: str) -> pd.DataFrame:
    """The rows of one measure at one moment, with and without a value. A run that lacks all
    measures of a kind, such as ``group_accuracy``, says so in one row for the kind."""
    kind = (frame["measure"] == whole_of(measure)) & frame["value"].isna()
    return frame[((frame["measure"] == measure) | kind) & (frame["moment"] == moment)]


def measured(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that hold a value."""
    return rows[rows["value"].notna()]


def why_absent(rows: pd.DataFrame, moment: str, measure: str) -> str:
    """Why a measure has no value in any of these rows."""
    return (
        "; ".join(sorted(set(rows["reason"]) - {""}))
        or f"no run has {measure} at the moment {moment}"
    )


def by_block(rows: pd.DataFrame, column: str = "value") -> pd.DataFrame:
    """The values of one arm and one measure (`column` is ``value``, or ``logit`` for shares as log
    odds): blocks (data and initialisation seed) in rows, levels of bias in columns, with a hole
    where there is none."""
    kept = measured(rows)
    if column == "logit":
        kept = kept.assign(logit=logit_share(kept["value"], kept["n"].astype(float)))
    return kept.pivot(index=SEEDS, columns="bias", values=column)


def slope_column(measure: str, rows: pd.DataFrame) -> str:
    """What slopes are fitted to: log odds of shares whose images were counted, else the value
    itself."""
    return (
        "logit" if measure_of(measure).is_share and measured(rows)["n"].notna().all() else "value"
    )


def align_blocks(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The levels and blocks that two arms share whole: two tables of the same shape and order."""
    levels = [level for level in first.columns if level in second.columns]
    first, second = first[levels].dropna(), second[levels].dropna()
    blocks = first.index.intersection(second.index).sort_values()
    return first.loc[blocks], second.loc[blocks]
