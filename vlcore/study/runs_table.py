"""The long table of runs, one row a measure, and which rows may be compared.

Two runs are a pair when they share everything but the factor that is studied, seeds included. Runs
that differ in anything else are refused by its name, and missing values have their reason."""

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
from vlcore.experiment.files import atomic, write_text
from vlcore.experiment.plain_text import safe_csv
from vlcore.metrics.catalogue import MEASURES, measure_of, parent_of
from vlcore.study.statistics.factorial import logit_share

MOMENTS = ("untrained", "first_fit", "end")
RUN = "run"  # the moment of what holds of a run as a whole
NEVER_FITTED = "the training captions were never fitted"
SEEDS = ["data_seed", "init_seed"]
LIMIT = 1.0  # the bias at which nothing tells object from context: in no average and no test
# The columns beside the settings, with the type of each.
COLUMN_TYPES: dict[str, Any] = {
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
NUMBER_COLUMNS = ["key", "bias", "phi", *SEEDS, "moment", "measure", "value", "n", "reason"]
_ESTIMATE = ("value", "low", "high", "n")


class AnalysisError(LabError):
    """Runs that cannot be analysed together; the message names what differs or what is missing."""


def runs_table(artifacts: Sequence[Artifact], measure: str = "") -> pd.DataFrame:
    """Lay out all that was measured of runs, one row a (run, moment, measure).

    Args:
        artifacts: the runs.
        measure: the only measure to take rows of; empty for all.

    Returns:
        The columns `key`; every field of the condition; `phi`, the correlation of its bias level,
        whatever its size mode does with it; `block`, the seed pair; `device`, `versions`; `moment`
        (``untrained``, ``first_fit``, ``end``, or ``run`` for the run as a whole), `measure`
        (nested ones with dots), `value`, `low`, `high`, `n`, and `reason`, empty where there is a
        value. Intervals are of one run, over scenes.

    Raises:
        ValueError: for a value that is not a number.
    """
    rows = []
    wanted = {measure, parent_of(measure)} - {""}
    for artifact in artifacts:
        condition = artifact.condition
        versions = artifact.manifest.get("versions", {})
        settings = {
            "key": artifact.key,
            **vars(condition),
            "phi": condition.replace(size_mode="shrink").phi,
            "block": block_of(condition),
            # Which of several equal GPUs is no matter.
            "device": str(artifact.manifest.get("device", "")).split(":")[0],
            "versions": " ".join(f"{name}={version}" for name, version in sorted(versions.items())),
        }
        for moment, name, numbers, reason in _measurements(artifact.metrics):
            if wanted and name not in wanted:
                continue
            if not all(number is None or math.isfinite(number) for number in numbers.values()):
                raise ValueError(
                    f"The run {artifact.key} holds no number for {name}; train it again."
                )
            row = {"moment": moment, "measure": name, **numbers, "reason": reason}
            rows.append(settings | row)
    default = Condition()
    types = {setting.name: type(getattr(default, setting.name)) for setting in fields(Condition)}
    columns = {"key": str, **types, **COLUMN_TYPES}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def with_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Add to a `runs_table` the measures that are the difference of two others, a row each.

    They have no interval of their own, because both are of the same images.
    """
    terms = {name: measure.less for name, measure in MEASURES.items() if measure.less is not None}
    parts = [frame[~frame["measure"].isin(terms)]]
    for name, (first, second) in terms.items():
        minuend = frame[frame["measure"] == first]
        subtrahend = frame.loc[frame["measure"] == second, ["key", "moment", "value", "reason"]]
        rows = minuend.merge(subtrahend, on=["key", "moment"], suffixes=("", "_less"))
        reason = rows["reason"].where(rows["reason"] != "", rows["reason_less"])
        value = rows["value"] - rows["value_less"]
        rows = rows.assign(measure=name, value=value, low=np.nan, high=np.nan, reason=reason)
        parts.append(rows[frame.columns])
    return pd.concat(parts, ignore_index=True)


def block_of(condition: Condition) -> str:
    """The name of a condition's seed pair."""
    return f"d{condition.data_seed}s{condition.init_seed}"


def matching_runs(frame: pd.DataFrame, condition: Condition, free: Sequence[str]) -> pd.DataFrame:
    """The rows of runs that have the settings of a condition, but for those that are `free`."""
    settings = {name: value for name, value in vars(condition).items() if name not in free}
    return frame[(frame[list(settings)] == pd.Series(settings)).all(axis=1)]


_Measurement = tuple[str, Mapping[str, Any], str]  # measure, numbers, reason


def _measurements(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any], str]]:
    """(moment, measure, numbers, reason) of everything in a run's metrics."""
    parts: dict[str, Mapping[str, Any] | None]
    parts = {RUN: {name: value for name, value in metrics.items() if name not in MOMENTS}}
    parts |= {moment: metrics[moment] for moment in MOMENTS if moment in metrics}
    for moment, part in parts.items():
        if part is None:  # a moment that never came
            for measure, _, _ in _flat(metrics["end"]):
                yield moment, measure, {}, NEVER_FITTED
        else:
            for measurement in _flat(part):
                yield moment, *measurement


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[_Measurement]:
    """Every estimate, number and reason in a document, nested names joined by dots."""
    for name, value in document.items():
        measure = f"{prefix}{name}"
        if name == "absent":
            for absent, reason in value.items():
                yield f"{prefix}{absent}", {}, str(reason)
        elif isinstance(value, Mapping):
            if set(_ESTIMATE) <= set(value):
                yield measure, {part: value[part] for part in _ESTIMATE}, ""
                value = {part: nested for part, nested in value.items() if part not in _ESTIMATE}
            yield from _flat(value, f"{measure}.")
        elif value is None:
            never = measure == "first_fit_step"
            yield measure, {}, NEVER_FITTED if never else "not defined for this run"
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield measure, {"value": value}, ""


def write_tables(frame: pd.DataFrame, folder: Path, name: str) -> tuple[Path, Path]:
    """Write ``<name>.csv`` and ``<name>.parquet`` into a folder, each at once or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    text, columnar = folder / f"{name}.csv", folder / f"{name}.parquet"
    write_text(text, safe_csv(frame))
    with atomic(columnar) as partial:
        frame.to_parquet(partial, index=False)
    return text, columnar


def check_comparable(frame: pd.DataFrame, free: Collection[str]) -> None:
    """Check that runs differ in nothing but their seeds and the settings that are `free`.

    Raises:
        AnalysisError: names the first setting, or the device, that differs, or a run that is there
            twice.
    """
    may_differ = {*free, *SEEDS, *COLUMN_TYPES} - {"device"}
    for name in (name for name in frame.columns if name not in may_differ):
        values = sorted(str(value) for value in frame[name].unique())
        if len(values) > 1:
            raise AnalysisError(
                f"The runs differ in {name} ({', '.join(values)}), so they do not compare; choose"
                f" runs of one {name}."
            )
    twice = frame["key"][frame.duplicated(["key", "moment", "measure"])]
    if len(twice):
        raise AnalysisError(f"The run {twice.iloc[0]} is in the table twice; give each run once.")


def measure_rows(frame: pd.DataFrame, measure: str, moment: str) -> pd.DataFrame:
    """The rows of one measure at one moment, with and without a value. A run that lacks all
    measures of a kind, such as ``group_accuracy``, says so in one row for the kind."""
    kind = (frame["measure"] == parent_of(measure)) & frame["value"].isna()
    return frame[((frame["measure"] == measure) | kind) & (frame["moment"] == moment)]


def with_kind(rows: pd.DataFrame, kind: pd.DataFrame) -> pd.DataFrame:
    """The rows of one measure, and those of its kind that say why there is no value."""
    reasons = kind[kind["value"].isna()]
    tables = [table for table in (rows, reasons) if len(table)]
    return pd.concat(tables) if len(tables) == 2 else [*tables, rows][0]


def with_value(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that hold a value."""
    return rows[rows["value"].notna()]


def why_absent(rows: pd.DataFrame, moment: str, measure: str) -> str:
    """Why a measure has no value in any of these rows."""
    reasons = "; ".join(sorted(set(rows["reason"]) - {""}))
    return reasons or f"no run has {measure} at the moment {moment}"


def by_block(rows: pd.DataFrame, column: str = "value") -> pd.DataFrame:
    """Pivot one arm and one measure to (blocks, bias levels), with a hole where there is no value.

    Args:
        rows: of `measure_rows`.
        column: ``value``, or ``logit`` for shares as log odds.
    """
    rows = with_value(rows)
    if column == "logit":
        rows = rows.assign(logit=logit_share(rows["value"], rows["n"].astype(float)))
    return rows.pivot(index=SEEDS, columns="bias", values=column)


def slope_column(measure: str, rows: pd.DataFrame) -> str:
    """What slopes are fitted to: log odds of shares whose images were counted, else the value."""
    counted = measure_of(measure).is_share and with_value(rows)["n"].notna().all()
    return "logit" if counted else "value"


def align_blocks(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reduce two arms to the levels and complete blocks that both have, in the same order."""
    levels = [level for level in first.columns if level in second.columns]
    first, second = first[levels].dropna(), second[levels].dropna()
    blocks = first.index.intersection(second.index).sort_values()
    return first.loc[blocks], second.loc[blocks]
