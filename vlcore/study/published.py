"""Published results of studies: tables in ``docs/results/``, which open without any model."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from vlcore.artifacts.store import Artifact
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition, from_dict
from vlcore.experiment.files import atomic
from vlcore.experiment.version import __version__
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study import plans
from vlcore.study.analysis import Level, analyse
from vlcore.study.findings import Findings, Headline, StudyTables
from vlcore.study.plans import StudyError, StudyPlan
from vlcore.study.registry import Entry
from vlcore.study.results import Study
from vlcore.study.runs_table import SEEDS, block_of, matching_runs, runs_table, with_differences
from vlcore.study.sanity import failing_blocks

FOLDER = Path(__file__).parents[2] / "docs" / "results"
_ABOUT, _RUNS, _CURVES, _PROVENANCE = "study.json", "runs.parquet", "curves.parquet", "made.parquet"
_SETTINGS = [setting.name for setting in fields(Condition)]


def write_findings(findings: Findings, folder: Path) -> None:
    """Publish findings in a folder, as tables and what they are of."""
    folder.mkdir(parents=True, exist_ok=True)
    write_runs(findings.frame, folder)
    for name, table in {_CURVES: findings.curves, _PROVENANCE: findings.runs}.items():
        with atomic(folder / name) as partial:
            table.to_parquet(partial, index=False, compression="zstd")
    conditions = findings.plan.conditions
    about: dict[str, Any] = {
        "grid": findings.plan.grid,
        "seeds": len({(condition.data_seed, condition.init_seed) for condition in conditions}),
        "base": conditions[0].as_dict(),
        "version": __version__,
        "plans": [asdict(entry) for entry in findings.plans],
        "general": findings.over_scenes and findings.over_scenes.as_dict(),
    }
    with atomic(folder / _ABOUT) as partial:
        partial.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def write_runs(frame: pd.DataFrame, folder: Path) -> None:
    """Publish a table of runs in a folder, as `measured_runs` reads it.

    Numbers hardly compress: values are kept in single precision, for no measure is sure of its
    eighth digit; ends of intervals, with which nobody computes, in half.
    """
    frame = frame.astype({"value": "float32", "low": "float16", "high": "float16"})
    # Bytes of one weight together: a tenth less.
    numbers = dict.fromkeys(("value", "low", "high"), "BYTE_STREAM_SPLIT")
    words = [name for name in frame.columns if name not in numbers]
    smallest: dict[str, Any] = {"compression": "zstd", "compression_level": 19}
    with atomic(folder / _RUNS) as partial:
        frame.to_parquet(
            partial, index=False, column_encoding=numbers, use_dictionary=words, **smallest
        )


def study_folders(data: str) -> dict[str, Path]:
    """The folders of published studies of short and descriptive labels on an image set, by their
    names, such as ``experiments`` or ``classic/paper``; those of the usual recipe first."""
    folders = [path.parent for path in FOLDER.glob(f"**/{data}/{_ABOUT}")]
    names = {folder.parent.relative_to(FOLDER).as_posix(): folder for folder in folders}
    return dict(sorted(names.items(), key=lambda item: (item[0].count("/"), item[0])))


def published_runs() -> pd.DataFrame:
    """Every published run, one row each: its `key` and the fields of its condition."""
    return measured_runs()[["key", *_SETTINGS]].drop_duplicates("key", ignore_index=True)


def measured_runs(study: str = "") -> pd.DataFrame:
    """Every number of every published run, as `vlcore.study.runs_table.runs_table` lays them out.

    Of a run that was trained twice the numbers are those of the first of `run_tables`, and never
    some of one training and some of the other. StudyError where no results came with this copy.
    """
    tables: list[pd.DataFrame] = []
    known: set[str] = set()
    for path in run_tables(study):
        table = _read(path)
        tables.append(table[~table["key"].isin(known)])
        known.update(table["key"])
    if not tables:
        raise StudyError(
            f"No published results are in {FOLDER}; use a clone of the repository, which has them."
        )
    return pd.concat(tables, ignore_index=True)


def run_tables(study: str = "") -> list[Path]:
    """The tables of runs in the order in which a study prefers them.

    Its own comes first; then those that have most of its runs with the same numbers, for these were
    trained together with it, on the same processor.
    """
    study_table, paths = FOLDER / study / _RUNS, sorted(FOLDER.glob(f"**/{_RUNS}"))
    if study_table not in paths:
        return paths
    numbers = {path: _primary_numbers(path) for path in paths}
    study_numbers = numbers[study_table]
    return sorted(
        paths, key=lambda path: (path != study_table, -len(numbers[path] & study_numbers))
    )


def _primary_numbers(path: Path) -> set[tuple[str, float]]:
    at_end = [("measure", "==", PRIMARY), ("moment", "==", "end")]
    rows = pd.read_parquet(path, columns=["key", "value"], filters=at_end)
    return set(zip(rows["key"], rows["value"], strict=True))


def _read(path: Path, only: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Read a table of runs, or its rows with `only` these values.

    Settings that did not exist when it was written have their default.
    """
    filters = [(name, "==", value) for name, value in only.items()] if only else None
    table = pd.read_parquet(path, filters=filters)
    # A share comes out as it went in.
    numbers = table[["value", "low", "high"]].astype(float).round(7)
    default = from_dict({})
    absent = {name: getattr(default, name) for name in _SETTINGS if name not in table.columns}
    return with_differences(table.assign(**numbers, **absent))


def _unbiased_runs(condition: Condition, paths: Sequence[Path]) -> pd.DataFrame:
    """What the sanity check reads of tables: runs at bias 0 that are else like a condition."""
    tables = [_read(path, {"data": condition.data, "bias": 0.0}) for path in paths]
    rows = pd.concat(tables, ignore_index=True).drop_duplicates(["key", "moment", "measure"])
    return matching_runs(rows, condition.replace(bias=0.0), ("labels", *SEEDS))


def agreement(artifact: Artifact) -> dict[str, Any]:
    """Compare a run with the published one of the same key.

    Returns:
        How many measures of both are equal, and minority accuracy, which agrees where it lies
        within two standard deviations between the blocks of its cell.
    """
    published = measured_runs()
    before = published[published["key"] == artifact.key]
    names = ["moment", "measure"]
    now = runs_table([artifact])[[*names, "value"]]
    both = before.merge(now, on=names, suffixes=("", "_now")).dropna(subset="value")
    same = (both["value"] - both["value_now"]).abs() <= 1e-6 * (1 + both["value"].abs())

    primary = both[(both["measure"] == PRIMARY) & (both["moment"] == "end")].iloc[0]
    cell = (published["measure"] == PRIMARY) & (published["moment"] == "end")
    for name in ("data", "labels", "bias", "size_mode", "recipe"):
        cell &= published[name] == getattr(artifact.condition, name)
    spread = float(published.loc[cell, "value"].std())
    agrees = "to six digits"
    if not same.all():
        agrees = "yes" if abs(primary["value_now"] - primary["value"]) <= 2 * spread else "no"
    return {
        "key": artifact.key,
        "measures": len(both),
        "equal": int(same.sum()),
        "published": float(primary["value"]),
        "now": float(primary["value_now"]),
        "spread": spread,
        "agrees": agrees,
    }


def _about(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / _ABOUT).read_text(encoding="utf-8")))


def _plan(about: Mapping[str, Any]) -> StudyPlan:
    return plans.find(about["grid"], from_dict(about["base"]), about["seeds"])


class PublishedStudy(Study):
    """A study as it was published; the models behind it may not be on this disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about = _about(folder)
        super().__init__(_plan(self.about), read=None)

    @cached_property
    def _frame(self) -> pd.DataFrame:
        return _read(self.folder / _RUNS)

    def _table(self, name: str) -> pd.DataFrame:
        """A table without the excluded blocks."""
        table = pd.read_parquet(self.folder / name)
        return table[~table["block"].isin(list(self.left_out))]

    def _tables(self) -> StudyTables:
        return StudyTables(self.runs(), self._table(_CURVES), self._table(_PROVENANCE))

    def _keys(self) -> set[str]:
        return set(self._table(_PROVENANCE)["key"])

    def _over_scenes(self, headline: Headline) -> Estimate | None:
        general = self.about.get("general")
        if not general or self.left_out:  # it is of all blocks
            return None
        return Estimate(**general)

    def _history(self) -> tuple[Entry, ...]:
        return tuple(Entry(**entry) for entry in self.about["plans"])

    @cached_property
    def digest(self) -> str:
        """Changes with what was published."""
        tables = [(self.folder / name).read_bytes() for name in (_RUNS, _CURVES, _PROVENANCE)]
        state = repr((self.about, self.left_out)).encode()
        return hashlib.sha256(b"".join([state, *tables])).hexdigest()

    @property
    def origin(self) -> str:
        """What made it: recipe, version and device; libraries are in its methods."""
        first, runs = self.plan.conditions[0], self._table(_PROVENANCE)
        devices = ", ".join(sorted(set(runs["device"]) - {""})) or "an unknown device"
        counts = f"{self.n_trained} of {len(self.plan.conditions)} planned runs"
        if controls := len(runs) - self.n_trained:
            counts += f" and {controls} of controls"
        return (
            f"Published with version {self.about['version']}: {counts} in {self.about['seeds']}"
            f" seed pairs, {first.steps:,} steps of the {first.recipe} recipe, trained on"
            f" {devices}."
        )

    def in_other_pairs(self) -> dict[str, Level]:
        """The headline's comparison in seed pairs that only other published studies have.

        Of pairs that are in several studies, that with most counts. Where blocks that fail the
        sanity check are excluded here, they are there.

        Returns:
            The level, by the study's name.
        """
        headline = self.findings().headline
        if headline is None:
            return {}
        bias = headline.level.bias
        condition = next(run for run in self.plan.conditions if run.bias == bias)
        only = {"measure": PRIMARY, "moment": "end", "data": condition.data, "bias": bias}
        tables: list[tuple[str, Path, pd.DataFrame]] = []
        for path in FOLDER.glob(f"**/{_RUNS}"):
            folder = path.parent.relative_to(FOLDER)  # with a folder for each set, or without
            if folder.name == condition.data and len(folder.parts) > 1:
                folder = folder.parent
            rows = matching_runs(_read(path, only), condition, ("labels", *SEEDS))
            tables.append((folder.as_posix(), path, rows))
        tables.sort(key=lambda table: (-table[2]["block"].nunique(), table[0]))

        known = {block_of(run) for run in self.plan.conditions}
        levels = {}
        for name, path, rows in tables:
            rows = rows[~rows["block"].isin(known) & rows["labels"].isin(STYLES_OF_THE_STUDY)]
            styles = rows.groupby("block")["labels"].nunique()
            # A pair that fails in its first study counts in no other.
            known.update(styles[styles == len(STYLES_OF_THE_STUDY)].index)
            if self.left_out and len(rows):
                unbiased = _unbiased_runs(condition, [path])
                if unbiased.empty:
                    unbiased = _unbiased_runs(condition, run_tables(name))
                rows = rows[~rows["block"].isin(list(failing_blocks(unbiased)))]
            if rows["labels"].nunique() == len(STYLES_OF_THE_STUDY):
                levels[name] = analyse(rows, secondary=()).primary.levels[0]
        return levels

    def shared_runs(self) -> dict[str, int]:
        """How many planned runs other published studies of both label styles have too, by the
        study's name."""
        counts = {}
        for name, folder in study_folders(self.plan.conditions[0].data).items():
            shared = len(self.plan.keys & _plan(_about(folder)).keys)
            if shared and folder != self.folder:
                counts[name] = shared
        return counts
