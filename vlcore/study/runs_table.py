"""The long table of runs, one row a measure, and which rows may be compared.

Two runs are a pair when they share everything but the factor that is studied, seeds included. Runs
that differ in anything else are refused by its name, and missing values have their reason."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import atomic, write_file
from vlcore.experiment.plain_text import safe_csv
from vlcore.metrics.catalogue import parent_of

MOMENTS = ("untrained", "first_fit", "end")
RUN = "run"  # the moment of what holds of a run as a whole
NEVER_FITTED = "the training captions were never fitted"
SEEDS = ["data_seed", "init_seed"]
# The columns beside the settings, with the type of each.
COLUMN_TYPES: dict[str, Any] = {
    "key": str,
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
_ESTIMATE = ("value", "low", "high", "n")


class AnalysisError(LabError):
    """Runs that cannot be analysed together; the message names what differs or what is missing."""


class Run(Protocol):
    """What a table needs of a run: an `Artifact` has it."""

    @property
    def key(self) -> str: ...
    @property
    def condition(self) -> Condition: ...
    @property
    def manifest(self) -> Mapping[str, Any]: ...
    @property
    def metrics(self) -> Mapping[str, Any]: ...


def runs_table(artifacts: Sequence[Run], measure: str = "") -> pd.DataFrame:
    """Lay out all that was measured of runs, one row a (run, moment, measure).

    Args:
        artifacts: the runs.
        measure: the only measure to take rows of; empty for all.

    Returns:
        The columns `key`; every field of the condition; `block`, the seed pair; `device`,
        `versions`; `moment`
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


def block_of(condition: Condition) -> str:
    """The name of a condition's seed pair."""
    return f"d{condition.data_seed}s{condition.init_seed}"


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
    write_file(text, safe_csv(frame))
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


def measure_rows(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The rows of one measure at the end of training, with and without a value. A run that lacks
    all measures of a kind, such as ``group_accuracy``, says so in one row for the kind."""
    kind = (frame["measure"] == parent_of(measure)) & frame["value"].isna()
    return frame[((frame["measure"] == measure) | kind) & (frame["moment"] == "end")]


def why_absent(rows: pd.DataFrame) -> str:
    """Why a measure has no value in any of these rows."""
    return "; ".join(sorted(set(rows["reason"]) - {""})) or "no run has it"


def by_block(rows: pd.DataFrame) -> pd.DataFrame:
    """Pivot one arm of `measure_rows` to (blocks, bias levels), with a hole where there is no
    value."""
    return rows.dropna(subset=["value"]).pivot(index=SEEDS, columns="bias", values="value")
