"""Published results of studies: one table of runs, which opens without any model.

``docs/results/runs.parquet`` has a row for each number of each run, as
`vlcore.study.runs_table.runs_table` lays them out, and four more columns: `studies`, the names of
the studies that count the run, the one that it was trained for first; `trained_at`, when its
training ended (UTC; empty for runs before 2 December 2026); `seconds`; and `checksum`, of the
checksums of its files. A run that was trained twice, on two processors, is in it twice, with
other studies. ``docs/results/studies.json`` says how each study was planned.
"""

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd

from vlcore.artifacts.store import Artifact
from vlcore.experiment.condition import Condition, from_dict
from vlcore.experiment.files import project_folder
from vlcore.experiment.memo import made_once
from vlcore.experiment.options import RECIPES
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import plans
from vlcore.study.plans import StudyError, StudyPlan
from vlcore.study.runs_table import MOMENTS, RUN, SEEDS, matching_runs, runs_table, with_differences

FOLDER = project_folder() / "docs" / "results"
RUNS, STUDIES, PLANS = "runs.parquet", "studies.json", "plans.zip"
# Columns that the table of runs has beside the usual ones.
PROVENANCE = ["trained_at", "seconds", "checksum"]
Given = ParamSpec("Given")
Result = TypeVar("Result")
_SETTINGS = [setting.name for setting in fields(Condition)]
_NUMBERS = ("value", "low", "high")
_AT_END = {"measure": PRIMARY, "moment": "end"}


def newest() -> float:
    """When the table of published runs was written; 0 where there is none."""
    file = FOLDER / RUNS
    return file.stat().st_mtime if file.is_file() else 0.0


def file_plan(name: str) -> StudyPlan:
    """Read the plan of a study from the archive of plans; StudyError if the archive lacks it."""
    try:
        file = zipfile.Path(FOLDER / PLANS, f"{name}.yaml")
    except (OSError, zipfile.BadZipFile) as error:
        raise StudyError(f"{FOLDER / PLANS} cannot be read; restore it from the clone.") from error
    plan = plans.read_plan(file, Condition(), 1)
    return replace(plan, grid=f"plans/{name}.yaml")  # where the archive is unpacked


def made_once_per_table(
    maxsize: int,
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Keep the latest results of a function, as `made_once` does, until another table of runs is
    published."""

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        @made_once(maxsize)
        def cached(_folder: Path, _newest: float, *args: Any, **kwargs: Any) -> Result:
            return function(*args, **kwargs)

        @wraps(function)
        def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            return cached(FOLDER, newest(), *args, **kwargs)

        return call

    return decorate


@made_once_per_table(100)
def published_plan(study: str) -> StudyPlan:
    """The plan of a published study, by its name; a built-in one ends in its image set,
    ``paper/scenes``, and has random places, its control, as an arm."""
    about = studies().get(study, {})
    if "grid" not in about:
        return file_plan(study)
    plan = plans.find(about["grid"], from_dict(about["base"]), about["seeds"])
    placebos = [run for run in plans.controls(plan) if run.labels == plans.PLACEBO]
    return replace(
        plan, treatments=(*plan.treatments, plans.PLACEBO), conditions=(*plan.conditions, *placebos)
    )


def studies() -> dict[str, dict[str, Any]]:
    """How each study was planned, by its name; a study of several image sets has an entry for
    each, such as ``paper/scenes``."""
    file = FOLDER / STUDIES
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def published_runs() -> pd.DataFrame:
    """Every published run that can be trained again, one row each: its `key` and the fields of its
    condition."""
    runs = measured_runs(**_AT_END)[["key", *_SETTINGS]]
    return runs[runs["recipe"].isin(RECIPES)].reset_index(drop=True)


def measured_runs(study: str = "", **only: Any) -> pd.DataFrame:
    """The numbers of every published run, as `vlcore.study.runs_table.runs_table` lays them out.

    Of a run that was trained twice the numbers are those of one training: that which the study
    counts, else that which comes first in the table.

    Args:
        study: its name.
        only: a value or values of columns, for rows that have these.

    Raises:
        StudyError: where no results came with this copy.
    """
    rows = read_rows(**{"moment": [*MOMENTS, RUN]} | only)
    chosen = trainings(rows, study).drop_duplicates("key")
    rows = rows.merge(chosen, on=["key", "studies"])
    return with_differences(rows.drop(columns=["studies", *PROVENANCE]))


def trainings(rows: pd.DataFrame, study: str = "") -> pd.DataFrame:
    """The trainings in rows of the table, by their `key` and `studies`; those that a study counts
    come first."""
    each = rows[["key", "studies"]].drop_duplicates()
    is_counted = counts(each, study)
    return pd.concat([each[is_counted], each[~is_counted]])


def counts(rows: pd.DataFrame, study: str) -> pd.Series:
    """Whether a study counts the run of each row of the table."""
    names = rows["studies"].unique()
    return rows["studies"].isin([several for several in names if study in several.split()])


def read_rows(**only: Any) -> pd.DataFrame:
    """Read the rows of the table that have these values, a value or several for each column."""
    file = FOLDER / RUNS
    if not file.is_file():
        raise StudyError(
            f"No published results are in {FOLDER}; use a clone of the repository, which has them."
        )
    wanted = {
        name: list(values) if isinstance(values, list | tuple) else [values]
        for name, values in only.items()
    }
    if wanted.get("moment") != ["end"] or len(wanted.get("measure", ())) != 1:
        return _read(file, wanted)
    del wanted["moment"]
    (measure,) = wanted.pop("measure")
    rows = _rows_at_end(measure)
    for name, values in wanted.items():
        rows = rows[rows[name].isin(values)]
    return rows.reset_index(drop=True)


@made_once_per_table(8)
def _rows_at_end(measure: str) -> pd.DataFrame:
    """The rows of one measure at the end of training, which most questions are about: Findings asks
    for those of three measures twenty times, and to read the file takes 0.3 s each time."""
    return _read(FOLDER / RUNS, {"moment": ["end"], "measure": [measure]})


def _read(file: Path, wanted: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    # Words as numbers until few rows are left: as words, it takes three times as long.
    schema = pq.read_schema(file)
    words = [field.name for field in schema if pa.types.is_large_string(field.type)]
    table = pq.read_table(file, read_dictionary=words)
    for name, values in wanted.items():
        chosen = pa.array(values, schema.field(name).type)
        table = table.filter(pc.is_in(table[name], value_set=chosen))
    rows = table.cast(schema).to_pandas()
    # A share comes out as it went in.
    return rows.assign(**{name: rows[name].astype(float).round(7) for name in _NUMBERS})


def agreement(artifact: Artifact) -> dict[str, Any]:
    """Compare a run with the published one of the same key.

    Returns:
        How many measures of both are equal, and minority accuracy, which agrees where it differs by
        no more than two trainings of one key do on different processors (`spread`).
    """
    before = measured_runs(key=artifact.key)
    names = ["moment", "measure"]
    now = runs_table([artifact])[[*names, "value"]]
    both = before.merge(now, on=names, suffixes=("", "_now")).dropna(subset="value")
    same = np.isclose(both["value_now"], both["value"], rtol=1e-6, atol=1e-6)
    primary = both[(both["measure"] == PRIMARY) & (both["moment"] == "end")].iloc[0]
    spread = spread_between_processors(artifact.condition)
    agrees = "to six digits"
    if not same.all():
        agrees = "yes" if abs(primary["value_now"] - primary["value"]) <= spread else "no"
    return {
        "key": artifact.key,
        "measures": len(both),
        "equal": int(same.sum()),
        "published": float(primary["value"]),
        "now": float(primary["value_now"]),
        "spread": spread,
        "agrees": agrees,
    }


def spread_between_processors(condition: Condition) -> float:
    """The largest difference in minority accuracy between trainings of one key on different
    processors: of runs like a condition but for label style, bias and seeds, or of all where no
    such run was trained twice; 0 where none was."""
    trainings = read_rows(**_AT_END)
    trainings = trainings[trainings["key"].duplicated(keep=False)]
    alike = matching_runs(trainings, condition, ("labels", "bias", *SEEDS))
    values = (trainings if alike.empty else alike).groupby("key")["value"]
    return float((values.max() - values.min()).max()) if len(values) else 0.0
