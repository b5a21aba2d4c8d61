"""The long table of runs: one row a measure, and which rows may be compared.

A row is one measure of one run at one moment, with everything that made the run beside it; a measure that is not
defined has a row too, with its reason in place of a value. Two runs are a pair when they share everything but the
factor that is studied, seeds included: what differs besides is refused by its name, and what is not there is said.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.core.condition import Condition
from vlcore.core.errors import LabError
from vlcore.core.files import atomic
from vlcore.measures.catalogue import measure_of, whole_of
from vlcore.store.artefacts import Artefact
from vlcore.studies.statistics.design import logit_share, phi

MOMENTS = ("untrained", "first_fit", "end")
RUN = "run"  # the moment of what holds of a run as a whole
NEVER_FITTED = "the training captions were never fitted"
SEEDS = ["data_seed", "init_seed"]
LIMIT = 1.0  # the bias at which nothing tells object from context: reported apart, never averaged in
BESIDE = ("key", "phi", "block", "device", "versions", "moment", "measure", "value", "low", "high", "n", "reason")

_REASONS = {"first_fit_step": NEVER_FITTED}
_ESTIMATE = ("value", "low", "high", "n")
_FLOATS, _WHOLE = ("phi", "value", "low", "high"), ("n",)


def runs_table(artefacts: Sequence[Artefact]) -> pd.DataFrame:
    """Everything that was measured of runs, one row a (run, moment, measure).

    Columns: `key`; every field of the condition; `phi`, the correlation that its bias stands for, whatever its size
    mode does with it; `block`, the pair of seeds; `device`, `versions`; `moment` (``untrained``, ``first_fit``,
    ``end``, or ``run`` for the run as a whole), `measure` (nested ones with dots), `value`, `low`, `high`, `n`, and
    `reason`, empty where there is a value. Intervals are those of one run, over scenes.

    Raises:
        ValueError: when a run holds a number that is none.
    """
    rows = [
        {**of_run, "moment": moment, "measure": measure, **cell}
        for artefact in artefacts
        for of_run in [_of_run(artefact)]
        for moment, measure, cell in _cells(artefact)
    ]
    settings = [field.name for field in fields(Condition)]
    columns = ["key", *settings, *BESIDE[1:]]
    return pd.DataFrame(rows, columns=columns).astype(_kinds(columns))


def write_tables(frame: pd.DataFrame, folder: Path, name: str = "runs") -> tuple[Path, Path]:
    """Write a table as ``<name>.csv`` and ``<name>.parquet``; a reader sees an old file or a new one, never a part.

    Args:
        frame: of `runs_table`, or of an analysis.
        folder: it is made where it is missing.

    Raises:
        OSError: when the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text, columnar = folder / f"{name}.csv", folder / f"{name}.parquet"
    with atomic(text) as aside:
        frame.to_csv(aside, index=False, lineterminator="\n")
    with atomic(columnar) as aside:
        frame.to_parquet(aside, index=False)
    return text, columnar


def _kinds(columns: Sequence[str]) -> dict[str, Any]:
    """The type of each column that is known: of a condition's fields, that of their values."""
    default = Condition()
    kinds: dict[str, Any] = {field.name: type(getattr(default, field.name)) for field in fields(Condition)}
    kinds |= dict.fromkeys(BESIDE, str) | dict.fromkeys(_FLOATS, float) | dict.fromkeys(_WHOLE, "Int64")
    return {name: kinds[name] for name in columns if name in kinds}


def _of_run(artefact: Artefact) -> dict[str, Any]:
    condition = artefact.condition
    versions: Mapping[str, str] = artefact.manifest.get("versions", {})
    return {
        "key": artefact.key,
        **condition.as_dict(),
        "phi": float(phi(condition.bias)),
        "block": f"d{condition.data_seed}s{condition.init_seed}",
        "device": str(artefact.manifest.get("device", "")).split(":")[0],  # which of several equal GPUs is no matter
        "versions": " ".join(f"{name}={version}" for name, version in sorted(versions.items())),
    }


Cell = dict[str, Any]


def _cells(artefact: Artefact) -> Iterator[tuple[str, str, Cell]]:
    """(moment, measure, cell) of a run."""
    metrics = artefact.metrics
    whole = {name: value for name, value in metrics.items() if name not in MOMENTS}
    for measure, cell in _flat(whole, artefact.key):
        yield RUN, measure, cell
    for moment in MOMENTS:
        if metrics.get(moment) is not None:
            for measure, cell in _flat(metrics[moment], artefact.key):
                yield moment, measure, cell
        elif moment in metrics:
            for measure, _ in _flat(metrics["end"], artefact.key):
                yield moment, measure, _missing(NEVER_FITTED)


def _flat(document: Mapping[str, Any], key: str, before: str = "") -> Iterator[tuple[str, Cell]]:
    """(measure, cell) of every estimate, number and reason in a document, nested names joined by dots."""
    for name, value in document.items():
        measure = f"{before}{name}"
        if name == "absent":
            for absent, reason in value.items():
                yield f"{before}{absent}", _missing(str(reason))
        elif isinstance(value, Mapping):
            if set(_ESTIMATE) <= set(value):
                numbers = {part: value[part] for part in _ESTIMATE}
                yield measure, _cell(numbers, key, measure)
                value = {part: more for part, more in value.items() if part not in _ESTIMATE}
            yield from _flat(value, key, f"{measure}.")
        elif value is None:
            yield measure, _missing(_REASONS.get(measure, "not defined for this run"))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield measure, _cell({"value": value, "low": None, "high": None, "n": None}, key, measure)


def _cell(numbers: Cell, key: str, measure: str) -> Cell:
    if not all(number is None or math.isfinite(number) for number in numbers.values()):
        raise ValueError(f"The run {key} holds no number for {measure}; train it again.")
    return {**numbers, "reason": ""}


def _missing(reason: str) -> Cell:
    return {**dict.fromkeys(_ESTIMATE), "reason": reason}


class AnalysisError(LabError):
    """Runs that cannot be analysed together; the message names what differs or what is missing."""


def settings_of(frame: pd.DataFrame) -> list[str]:
    """Columns that say how a run was made: the fields of its condition."""
    return [name for name in frame.columns if name not in BESIDE]


def check_alike(frame: pd.DataFrame, free: Collection[str]) -> None:
    """See that runs differ in nothing but what is studied.

    Args:
        frame: of `vlcore.studies.runs_table.runs_table`.
        free: settings that may differ; the seeds may always.

    Raises:
        AnalysisError: naming the first setting, or the device, that differs.
    """
    for name in (*settings_of(frame), "device"):
        found = sorted(str(value) for value in frame[name].unique())
        if name not in (*free, *SEEDS) and len(found) > 1:
            raise AnalysisError(
                f"The runs differ in {name} ({', '.join(found)}), so they do not compare; choose runs of one {name}."
            )


def rows_of(frame: pd.DataFrame, measure: str, moment: str) -> pd.DataFrame:
    """The rows of one measure at one moment, with and without a value.

    A run that lacks all measures of a kind, such as ``group_accuracy``, says so in one row for the kind.

    Raises:
        AnalysisError: when a run is in the table twice.
    """
    kind = (frame["measure"] == whole_of(measure)) & frame["value"].isna()
    rows = frame[((frame["measure"] == measure) | kind) & (frame["moment"] == moment)]
    check_once(rows)
    return rows


def check_once(frame: pd.DataFrame) -> None:
    """See that no run is in a table twice.

    Raises:
        AnalysisError: naming one that is.
    """
    twice = frame["key"][frame.duplicated(["key", "moment", "measure"])]
    if len(twice):
        raise AnalysisError(f"The run {twice.iloc[0]} is in the table twice; give each run once.")


def measured(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that hold a value."""
    return rows[rows["value"].notna()]


def why_absent(rows: pd.DataFrame, moment: str, measure: str) -> str:
    """Why a measure has no value in any of these rows."""
    reasons = sorted(set(rows["reason"]) - {""})
    return "; ".join(reasons) if reasons else f"no run has {measure} at the moment {moment}"


def by_block(rows: pd.DataFrame, column: str = "value") -> pd.DataFrame:
    """One arm as a table: blocks (data and initialisation seed) in rows, levels of bias in columns.

    Args:
        rows: of one arm and one measure; those without a value leave a hole.
        column: ``value``, or ``logit`` for shares as log odds.
    """
    kept = measured(rows)
    if column == "logit":
        kept = kept.assign(logit=logit_share(kept["value"], kept["n"].astype(float)))
    return kept.pivot(index=SEEDS, columns="bias", values=column)


def slope_column(measure: str, rows: pd.DataFrame) -> str:
    """What slopes are fitted to: log odds of shares whose images were counted, else the value itself."""
    return "logit" if measure_of(measure).is_share and measured(rows)["n"].notna().all() else "value"


def align_blocks(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The levels and blocks that two arms share whole: two tables of the same shape and order."""
    levels = [level for level in first.columns if level in second.columns]
    first, second = first[levels].dropna(), second[levels].dropna()
    blocks = first.index.intersection(second.index).sort_values()
    return first.loc[blocks], second.loc[blocks]


def to_array(table: pd.DataFrame) -> NDArray[np.float64]:
    """The values of a table, (blocks, levels)."""
    return table.to_numpy(dtype=np.float64)


def block_names(index: pd.Index) -> list[str]:
    """Names of blocks, as in the column `block`."""
    return [f"d{data}s{init}" for data, init in index]


@dataclass(frozen=True)
class MissingRun:
    """A run that would complete the design and is not there."""

    arm: str
    bias: float
    data_seed: int
    init_seed: int


def missing_runs(
    frame: pd.DataFrame, factor: str, arms: tuple[str | float, str | float], planned: Sequence[Condition]
) -> tuple[MissingRun, ...]:
    """Runs of the plan, or of the crossing of arms, levels and blocks, that are not in the table."""
    cells = [factor, "bias", *SEEDS] if factor != "bias" else ["bias", *SEEDS]
    there = set(frame[cells].drop_duplicates().itertuples(index=False, name=None))
    if planned:
        wanted = [tuple(getattr(condition, name) for name in cells) for condition in planned]
        wanted = [cell for cell in wanted if cell[0] in arms]
    else:
        blocks = sorted(frame[SEEDS].drop_duplicates().itertuples(index=False, name=None))
        levels = [(bias,) for bias in sorted(frame["bias"].unique())] if factor != "bias" else [()]
        wanted = [(arm, *level, *block) for arm in arms for level in levels for block in blocks]
    lost = [cell for cell in dict.fromkeys(wanted) if cell not in there]
    return tuple(MissingRun(str(cell[0]), float(cell[-3]), int(cell[-2]), int(cell[-1])) for cell in lost)
