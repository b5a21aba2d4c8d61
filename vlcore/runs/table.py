"""Runs as one long table: what researchers take away, and what every analysis starts from.

The one idea: a row is one measure of one run at one moment, with everything that made the run beside it. A measure that
is not defined has a row too, with its reason in place of a value, so that nothing goes missing in silence.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from vlcore.conditions import Condition
from vlcore.measures.design import phi
from vlcore.runs.store import Artefact

MOMENTS = ("untrained", "first_fit", "end")
RUN = "run"  # the moment of what holds of a run as a whole
NEVER_FITTED = "the training captions were never fitted"
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
    from vlcore.figures.export import write_text_atomic

    folder.mkdir(parents=True, exist_ok=True)
    text, columnar = folder / f"{name}.csv", folder / f"{name}.parquet"
    write_text_atomic(text, frame.to_csv(index=False, lineterminator="\n"))
    aside = columnar.with_name(f".{columnar.name}.{os.getpid()}.part")
    try:
        frame.to_parquet(aside, index=False)
        os.replace(aside, columnar)
    finally:
        aside.unlink(missing_ok=True)
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
