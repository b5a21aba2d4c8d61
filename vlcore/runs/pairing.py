"""From the table of runs to numbers that may be compared: which runs, on which scale, in which pairs.

The one idea: two runs are a pair when they share everything but the factor that is studied, seeds included. What
differs besides is refused with its name, and what is not there is said, never filled in.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from vlcore.measures.design import logit_share
from vlcore.runs.table import BESIDE

SEEDS = ["data_seed", "init_seed"]
LIMIT = 1.0  # the bias at which nothing tells object from context: reported apart, never averaged in
_SHARES = ("accuracy", "flip_rate", "probe", "neighbours", "panel", "right_by", "worst_group")


class AnalysisError(ValueError):
    """Runs that cannot be analysed together; the message names what differs or what is missing."""


def settings_of(frame: pd.DataFrame) -> list[str]:
    """Columns that say how a run was made: the fields of its condition."""
    return [name for name in frame.columns if name not in BESIDE]


def check_alike(frame: pd.DataFrame, free: Collection[str]) -> None:
    """See that runs differ in nothing but what is studied.

    Args:
        frame: of `vlcore.runs.table.runs_table`.
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


def is_share(measure: str) -> bool:
    """Whether a measure counts images, so that a difference of it is in points: accuracies, flip rates, probes."""
    names = measure.removeprefix("raw_pixels.").split(".")
    return any(word in names[0] or word in names[-1] for word in _SHARES)


def rows_of(frame: pd.DataFrame, measure: str, moment: str) -> pd.DataFrame:
    """The rows of one measure at one moment, with and without a value.

    A run that lacks all measures of a kind, such as ``group_accuracy``, says so in one row for the kind.

    Raises:
        AnalysisError: when a run is in the table twice.
    """
    kind = (frame["measure"] == kind_of(measure)) & frame["value"].isna()
    rows = frame[((frame["measure"] == measure) | kind) & (frame["moment"] == moment)]
    check_once(rows)
    return rows


def kind_of(measure: str) -> str:
    """What a dotted measure is one of: ``group_accuracy`` of ``group_accuracy.horse_grass``; else empty."""
    return measure.rpartition(".")[0]


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
    return "logit" if is_share(measure) and measured(rows)["n"].notna().all() else "value"


def together(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The levels and blocks that two arms share whole: two tables of the same shape and order."""
    levels = [level for level in first.columns if level in second.columns]
    first, second = first[levels].dropna(), second[levels].dropna()
    blocks = first.index.intersection(second.index).sort_values()
    return first.loc[blocks], second.loc[blocks]


def numbers(table: pd.DataFrame) -> Any:
    """The values of a table, (blocks, levels)."""
    return table.to_numpy(dtype=np.float64)


def block_names(index: pd.Index) -> list[str]:
    """Names of blocks, as in the column `block`."""
    return [f"d{data}s{init}" for data, init in index]
