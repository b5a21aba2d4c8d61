"""Published results of studies: one table of runs, which opens without any model.

``docs/results/runs.parquet`` has a row for each number of each run, as
`vlcore.study.runs_table.runs_table` lays them out, and four more columns: `studies`, the names of
the studies that count the run, the one that it was trained for first; `trained_at`, when its
training ended (UTC; empty for runs before 2 December 2026); `seconds`; and `checksum`, of the
checksums of its files. A run that was trained twice, on two processors, is in it twice, with
other studies. ``docs/results/studies.json`` says how each study was planned.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd

from vlcore.artifacts.store import Artifact
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition, from_dict
from vlcore.experiment.files import project_folder
from vlcore.experiment.memo import made_once
from vlcore.experiment.options import RECIPES
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study import plans
from vlcore.study.evidence import PLAIN, STYLES
from vlcore.study.findings import CURVE, Headline
from vlcore.study.plans import StudyError, StudyPlan
from vlcore.study.registry import Entry
from vlcore.study.results import Study
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


def study_names(data: str) -> list[str]:
    """The published studies of short and descriptive labels on an image set, such as
    ``experiments`` or ``classic/experiments``; those of the usual recipe first."""
    names = [
        name.removesuffix(f"/{data}")
        for name, about in studies().items()
        if name.endswith(f"/{data}") and "grid" in about
    ]
    return sorted(names, key=lambda name: (name.count("/"), name))


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


def label_styles_of(plan: StudyPlan) -> StudyPlan:
    """The part of a plan that compares short and descriptive labels and is else as usual; a plan
    that has no such part as it is."""
    usual = Condition(data=plan.conditions[0].data, data_version="2")
    free = ("labels", "bias", *SEEDS)
    conditions = [
        condition
        for condition in plan.conditions
        if condition.labels in STYLES_OF_THE_STUDY
        and condition == usual.replace(**{name: getattr(condition, name) for name in free})
    ]
    if len(conditions) in (0, len(plan.conditions)):
        return plan
    short, descriptive = STYLES_OF_THE_STUDY
    return StudyPlan(
        plan.name,
        "labels",
        short,
        (descriptive,),
        tuple(conditions),
        grid=plan.grid,
        full_plan=plan,
    )


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


class PublishedStudy(Study):
    """A study as it was published; the models behind it may not be on this disk.

    It is a built-in one on an image set, such as ``paper``, or has a plan of its own in a file."""

    def __init__(self, name: str, data: str) -> None:
        self.name = name
        recorded = studies()
        self.about = recorded.get(f"{name}/{data}", recorded.get(name, {}))
        self.version = self.about.get("version", "")
        if "grid" in self.about:
            base = from_dict(self.about["base"])
            plan = plans.find(self.about["grid"], base, self.about["seeds"])
        else:
            plan = label_styles_of(published_plan(name))
        super().__init__(plan, read=None)

    @cached_property
    def _rows(self) -> pd.DataFrame:
        """The rows of its runs, with the curves of training, in the order of the plan."""
        data = self.plan.conditions[0].data
        every = pd.read_parquet(FOLDER / RUNS, columns=["studies"])
        counted = every.loc[counts(every, self.name), "studies"].unique()
        rows = read_rows(studies=list(counted), data=data)
        if self.plan.full_plan:
            free = ("labels", "bias", *PLAIN, *SEEDS)
            rows = matching_runs(rows, self.plan.conditions[0], free)
            rows = rows[rows["labels"].isin(STYLES)]
        wanted = (*self.plan.all_conditions, *plans.controls(self.plan))
        order = {condition.key: number for number, condition in enumerate(wanted)}
        return rows.sort_values("key", key=lambda keys: keys.map(order), kind="stable")

    @cached_property
    def _frame(self) -> pd.DataFrame:
        rows = self._rows.drop(columns=["studies", *PROVENANCE])
        return with_differences(rows[rows["moment"].isin([*MOMENTS, RUN])])

    def _curves(self) -> pd.DataFrame:
        rows = self._rows[self._rows["moment"].str.isdigit()]
        probe = rows["measure"].str.removeprefix("probe_")
        return rows.assign(step=rows["moment"].astype(int), probe=probe)[list(CURVE)]

    def files(self) -> pd.DataFrame:
        return self._rows.drop_duplicates("key").set_index("key")[PROVENANCE]

    def _keys(self) -> set[str]:
        return set(self.runs()["key"].unique())

    def _over_scenes(self, headline: Headline) -> Estimate | None:
        general = self.about.get("general")
        return Estimate(**general) if general else None

    def _history(self) -> tuple[Entry, ...]:
        return tuple(Entry(**entry) for entry in self.about.get("plans", ()))

    @cached_property
    def digest(self) -> str:
        """Changes with what was published."""
        state = repr((self.name, self.about)).encode()
        return hashlib.sha256(state + (FOLDER / RUNS).read_bytes()).hexdigest()

    @cached_property
    def has_controls(self) -> bool:
        """Whether the controls of its claims were run, in all seed pairs and at all levels."""
        controls = {condition.key for condition in plans.controls(self.plan)}
        return bool(controls) and controls <= set(self._counted()["key"])

    @property
    def n_pairs(self) -> int:
        """How many of its seed pairs have a planned run."""
        rows = self._counted()
        return int(rows.loc[rows["key"].isin(self.plan.keys), "block"].nunique())

    def _counted(self) -> pd.DataFrame:
        """The runs that it counts, a row each."""
        rows = read_rows(data=self.plan.conditions[0].data, **_AT_END)
        return rows[counts(rows, self.name)]

    @property
    def origin(self) -> str:
        """What made it: recipe, version and device; libraries are in its methods."""
        first, runs = self.plan.conditions[0], self.runs().drop_duplicates("key")
        devices = ", ".join(sorted(set(runs["device"]) - {""})) or "an unknown device"
        counts = f"{self.n_trained} of {len(self.plan.conditions)} planned runs"
        if self.plan.full_plan:
            counts += " with these labels"
        if others := len(runs) - self.n_trained:
            counts += f" and {others} of controls or checks"
        made_with = f" with version {self.version}" if self.version else ""
        pairs = runs["block"].nunique()
        return (
            f"Published{made_with}: {counts} in {pairs} seed"
            f" pairs, {first.steps:,} steps of the {first.recipe} recipe, trained on {devices}."
        )

    def shared_runs(self) -> dict[str, int]:
        """How many planned runs other published studies of both label styles have too, by the
        study's name."""
        data, counts = self.plan.conditions[0].data, {}
        for name in study_names(data):
            shared = len(self.plan.keys & PublishedStudy(name, data).plan.keys)
            if shared and name != self.name:
                counts[name] = shared
        return counts


@made_once_per_table(3)
def open_published(name: str, data: str) -> PublishedStudy:
    """A published study that a process reads once: a page asks for it at every click."""
    return PublishedStudy(name, data)


def seed_pairs(condition: Condition) -> dict[str, pd.DataFrame]:
    """The runs of both label styles that are else like a condition, by the study that they were
    trained for: minority accuracy at the end of training; the study with most pairs first."""
    rows = read_rows(data=condition.data, bias=condition.bias, **_AT_END)
    rows = matching_runs(rows, condition, ("labels", *SEEDS))
    rows = rows[rows["labels"].isin(STYLES_OF_THE_STUDY)]
    by_study = dict(iter(rows.groupby(rows["studies"].str.split().str[0])))
    names = sorted(by_study, key=lambda name: (-by_study[name]["block"].nunique(), name))
    return {name: by_study[name].drop(columns=["studies", *PROVENANCE]) for name in names}
