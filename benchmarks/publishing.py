"""Add the runs of a study that are on the disk to the table of published runs."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from vlcore.experiment.files import atomic, write_json
from vlcore.experiment.version import __version__
from vlcore.study import published
from vlcore.study.findings import training_curves
from vlcore.study.registry import plan_history
from vlcore.study.results import Study

NUMBERS = ("value", "low", "high")
ROWS_READ_TOGETHER = 60_000
NUMBER_OF = ["key", "moment", "measure"]


def publish_study(study: Study, name: str, measures: Collection[str] = ()) -> None:
    """Publish the runs of a study, and when it was planned; prints how many there are.

    A run with numbers that the table has to the digit is only counted there.

    Args:
        study: with all published runs, `vlcore.study.published.measured_runs`, as `elsewhere`.
        name: of the study; one of several image sets ends in that of its own, ``paper/scenes``.
        measures: all that is kept of its runs; everything, with the curves of training, when empty.
    """
    data = study.plan.conditions[0].data
    counted = name.removesuffix(f"/{data}")
    new = run_rows(study, measures).assign(studies=counted)
    file = published.FOLDER / published.RUNS
    table = pd.read_parquet(file) if file.is_file() else new.head(0)
    known = _same_numbers(table, new)
    new = new[~new["key"].isin(list(known))]
    table = _without(table, counted, set(new["key"]))
    counts = pd.concat([study.runs(), study.unbiased_runs()])["key"].unique()
    first = published.trainings(table, counted).drop_duplicates("key").set_index("key")["studies"]
    chosen = first[first.index.isin(counts) & ~first.index.isin(new["key"])].to_dict() | known
    is_counted = table["studies"] == table["key"].map(chosen)
    is_counted &= ~published.counts(table, counted)
    table["studies"] = table["studies"].where(~is_counted, table["studies"] + f" {counted}")
    write_runs(pd.concat([table, new], ignore_index=True))
    entry = planning_record(study, name != counted)
    records = published.studies()
    records[name] = records.get(name, {}) | entry
    write_json(published.FOLDER / published.STUDIES, dict(sorted(records.items())))
    print(f"{name}: {study.n_trained} of {len(study.plan.conditions)} planned runs are published")


def run_rows(study: Study, measures: Collection[str] = ()) -> pd.DataFrame:
    """The rows of a study's runs on the disk, in the columns of the table."""
    rows = study.runs()
    rows = rows[rows["key"].isin([run.key for run in study.artifacts])]
    if measures:
        rows = rows[rows["measure"].isin(list(measures))]
    else:
        settings = rows.drop_duplicates("key").set_index("key")
        curves = training_curves(study.artifacts)
        curves = curves[curves["key"].isin(study.plan.keys & set(settings.index))]
        points = (
            curves[["key"]]
            .join(settings, on="key")
            .assign(
                moment=curves["step"].astype(str),
                measure="probe_" + curves["probe"],
                **dict.fromkeys(NUMBERS),
                n=None,
                reason="",
            )
        )
        rows = pd.concat([rows, points.assign(value=curves["value"]).astype(rows.dtypes)])
    return rows.join(study.files(), on="key")


def _same_numbers(table: pd.DataFrame, new: pd.DataFrame) -> dict[str, str]:
    """The keys of new runs whose numbers a run of the table has, with the studies that count it."""
    columns = [*NUMBER_OF, "value"]
    both = new[columns].merge(table[[*columns, "studies"]], on=NUMBER_OF, suffixes=("", "_then"))
    values = both["value_then"], both["value"]
    is_equal = np.isclose(*values, rtol=1e-6, atol=1e-6, equal_nan=True)
    equal = both[is_equal].groupby(["key", "studies"]).size()
    of_run = new.groupby("key").size()
    return {key: names for (key, names), count in equal.items() if count == of_run[key]}


def _without(table: pd.DataFrame, study: str, keys: Collection[str]) -> pd.DataFrame:
    """The table without what a study counts of these keys, unless another study counts it too."""
    others = {
        names: " ".join(name for name in names.split() if name != study)
        for names in table["studies"].unique()
    }
    is_replaced = table["key"].isin(list(keys))
    studies = table["studies"].where(~is_replaced, table["studies"].map(others))
    return table.assign(studies=studies)[studies != ""]


def planning_record(study: Study, is_pair: bool) -> dict[str, Any]:
    """When a study was planned; of one of short and descriptive labels, what it was too."""
    conditions = study.plan.conditions
    entry: dict[str, Any] = {}
    if plans := plan_history(study.plan):  # on the machine of the runs
        entry["plans"] = [asdict(plan) for plan in plans]
    if is_pair:
        findings = study.findings()
        entry |= {
            "grid": study.plan.grid,
            "seeds": len({condition.data_seed for condition in conditions}),
            "base": conditions[0].as_dict(),
            "version": __version__,
            "plans": [asdict(plan) for plan in findings.plans],
            "general": findings.over_scenes and findings.over_scenes.as_dict(),
        }
    return entry


def write_runs(table: pd.DataFrame) -> None:
    """Write the table of published runs.

    Numbers hardly compress: values are kept in single precision, for no measure is sure of its
    eighth digit; ends of intervals, with which nobody computes, in half.
    """
    table = table.astype({"value": "float32", "low": "float16", "high": "float16"})
    # Bytes of one weight together: a tenth less.
    numbers = dict.fromkeys(NUMBERS, "BYTE_STREAM_SPLIT")
    words = [name for name in table.columns if name not in numbers]
    with atomic(published.FOLDER / published.RUNS) as partial:
        table.to_parquet(
            partial,
            index=False,
            column_encoding=numbers,
            use_dictionary=words,
            compression="zstd",
            compression_level=19,
            row_group_size=ROWS_READ_TOGETHER,
        )
