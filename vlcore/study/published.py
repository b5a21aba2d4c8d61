"""Results of studies that came with this version: tables in ``docs/results/``, which open without
any model."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition, from_dict
from vlcore.experiment.files import atomic
from vlcore.experiment.version import __version__
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study import plans
from vlcore.study.analysis import Level, analyse
from vlcore.study.claims import ledger
from vlcore.study.evidence import ClaimResult
from vlcore.study.findings import Findings, from_tables
from vlcore.study.plans import StudyError
from vlcore.study.registry import Entry
from vlcore.study.results import Study
from vlcore.study.runs_table import SEEDS, alike, block_of, runs_table, with_differences
from vlcore.study.sanity import unsound

FOLDER = Path(__file__).parents[2] / "docs" / "results"
_ABOUT = "study.json"
_SETTINGS = [field.name for field in fields(Condition)]
_TABLES = {
    "frame": "runs",
    "curves": "curves",
    "runs": "made",
}  # of a `Findings`, and the file's name


def write(found: Findings, folder: Path) -> None:
    """Keep findings in a folder, as tables and what they are of."""
    folder.mkdir(parents=True, exist_ok=True)
    write_runs(found.frame, folder)
    for name, file in list(_TABLES.items())[1:]:
        with atomic(folder / f"{file}.parquet") as aside:
            getattr(found, name).to_parquet(aside, index=False, compression="zstd")
    first = found.study.conditions[0]
    seeds = len({(one.data_seed, one.init_seed) for one in found.study.conditions})
    about: dict[str, Any] = {
        "grid": found.study.grid,
        "seeds": seeds,
        "base": first.as_dict(),
        "version": __version__,
    }
    about["plans"] = [asdict(one) for one in found.plans]
    about["general"] = found.general and found.general.as_dict()
    with atomic(folder / _ABOUT) as aside:
        aside.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def write_runs(frame: pd.DataFrame, folder: Path) -> None:
    """Keep a table of runs in a folder, what `measured_runs` reads. Numbers hardly compress: values
    are kept in single precision, for no measure is sure of its eighth digit; ends of intervals,
    with which nobody computes, in half.
    """
    numbers = dict.fromkeys(
        ("value", "low", "high"), "BYTE_STREAM_SPLIT"
    )  # bytes of one weight together: a tenth less
    words = [name for name in frame.columns if name not in numbers]
    smallest: dict[str, Any] = {"compression": "zstd", "compression_level": 19}
    with atomic(folder / "runs.parquet") as aside:
        kept = frame.astype({"value": "float32", "low": "float16", "high": "float16"})
        kept.to_parquet(
            aside, index=False, column_encoding=numbers, use_dictionary=words, **smallest
        )


def published(data: str) -> dict[str, Path]:
    """The folders of published studies of short and descriptive labels on an image set, by their
    names, such as ``experiments`` or ``classic/paper``; those of the usual recipe first."""
    folders = [path.parent for path in FOLDER.glob(f"**/{data}/{_ABOUT}")]
    names = {folder.parent.relative_to(FOLDER).as_posix(): folder for folder in folders}
    return dict(sorted(names.items(), key=lambda one: (one[0].count("/"), one[0])))


def published_runs() -> pd.DataFrame:
    """Every published run, one row each: what made it, by the names of a condition's fields, and
    its `key`."""
    return measured_runs()[["key", *_SETTINGS]].drop_duplicates("key", ignore_index=True)


def measured_runs(study: str = "") -> pd.DataFrame:
    """Every number of every published run, as `vlcore.study.runs_table.runs_table` lays them out;
    of one that was trained twice those of the first of `tables`. StudyError where none came with
    this copy."""
    every: list[pd.DataFrame] = []
    known: set[str] = set()
    for table in map(_read, tables(study)):
        every.append(
            table[~table["key"].isin(known)]
        )  # never some numbers of one training and some of the other
        known.update(table["key"])
    if not every:
        raise StudyError(
            f"No published results are in {FOLDER}; use a clone of the repository, which has them."
        )
    return pd.concat(every, ignore_index=True)


def tables(study: str = "") -> list[Path]:
    """The tables of runs in the order in which a study believes them: its own, then by how many of
    its own runs they have with the same numbers, for these were trained together with it, on the
    same processor."""
    own, paths = FOLDER / study / "runs.parquet", sorted(FOLDER.glob("**/runs.parquet"))
    numbers = {path: _numbers(path) for path in paths} if own in paths else {}
    return sorted(
        paths, key=lambda path: (path != own, -len(numbers[path] & numbers[own]) if numbers else 0)
    )


def _numbers(path: Path) -> set[tuple[str, float]]:
    of_end = [("measure", "==", PRIMARY), ("moment", "==", "end")]
    rows = pd.read_parquet(path, columns=["key", "value"], filters=of_end)
    return set(zip(rows["key"], rows["value"], strict=True))


def _read(path: Path, only: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """A table of runs, or its rows with `only` these values; settings that there was no choice of
    as it was written stand as they were."""
    table = pd.read_parquet(
        path, filters=[(name, "==", value) for name, value in only.items()] if only else None
    )
    numbers = (
        table[["value", "low", "high"]].astype(float).round(7)
    )  # a share comes out as it went in
    made = from_dict({})
    absent = {name: getattr(made, name) for name in _SETTINGS if name not in table.columns}
    return with_differences(table.assign(**numbers, **absent))


def _unbiased(condition: Condition, paths: Sequence[Path]) -> pd.DataFrame:
    """What the sanity check asks of the runs in tables that are like a condition but for its bias,
    which is 0."""
    of_set = {"data": condition.data, "bias": 0.0}
    every = [_read(path, of_set) for path in paths]
    found = pd.concat(every, ignore_index=True).drop_duplicates(["key", "moment", "measure"])
    return alike(found, condition.replace(bias=0.0), ("labels", *SEEDS))


def agreement(artifact: Artifact) -> dict[str, Any]:
    """A run beside the published one of the same key: how many measures of both are equal, and the
    accuracy on minority pictures, which agrees where it lies within two standard deviations between
    the blocks of its cell.
    """
    published = measured_runs()
    then, names = published[published["key"] == artifact.key], ["moment", "measure"]
    both = then.merge(
        runs_table([artifact])[[*names, "value"]], on=names, suffixes=("", "_now")
    ).dropna(subset="value")
    same = (both["value"] - both["value_now"]).abs() <= 1e-6 * (1 + both["value"].abs())
    primary = both[(both["measure"] == PRIMARY) & (both["moment"] == "end")]
    blocks = (published["measure"] == PRIMARY) & (published["moment"] == "end")
    for name in ("data", "labels", "bias", "size_mode", "recipe"):
        blocks &= published[name] == getattr(artifact.condition, name)
    spread, (before, now) = (
        float(published.loc[blocks, "value"].std()),
        primary[["value", "value_now"]].to_numpy()[0],
    )
    within = "yes" if abs(now - before) <= 2 * spread else "no"
    return {
        "key": artifact.key,
        "measures": len(both),
        "equal": int(same.sum()),
        "published": float(before),
        "now": float(now),
        "spread": spread,
        "agrees": "to six digits" if same.all() else within,
    }


class PublishedResults(Study):
    """A study as it was published; the models behind it may not be on this disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about: dict[str, Any] = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        study = plans.find(self.about["grid"], from_dict(self.about["base"]), self.about["seeds"])
        super().__init__(study)

    def _runs_on_disk(self, wanted: Iterable[Condition]) -> list[Artifact]:
        return []

    @cached_property
    def _tables(self) -> dict[str, pd.DataFrame]:
        files = {name: self.folder / f"{file}.parquet" for name, file in _TABLES.items()}
        return {
            name: (_read if name == "frame" else pd.read_parquet)(path)
            for name, path in files.items()
        }

    @property
    def origin(self) -> str:
        """What made it: recipe, version and device; libraries stand in its methods."""
        first, made = self.study.conditions[0], self._tables["runs"]
        devices = ", ".join(sorted(set(made["device"]) - {""}))
        runs = f"{self.there} of {len(self.study.conditions)} planned runs"
        if controls := len(made) - self.there:
            runs += f" and {controls} of controls"
        how = (
            f"{first.steps:,} steps of the {first.recipe} recipe, trained on"
            f" {devices or 'an unknown device'}"
        )
        return (
            f"Published with version {self.about['version']}: {runs} in {self.about['seeds']} pairs"
            f" of seeds, {how}."
        )

    @cached_property
    def missing(self) -> list[Condition]:
        there = set(self._tables["runs"]["key"])
        return [condition for condition in self.study.conditions if condition.key not in there]

    @cached_property
    def digest(self) -> str:
        """Changes with what was published."""
        parts = [(self.folder / f"{file}.parquet").read_bytes() for file in _TABLES.values()]
        shown = repr((self.about, sorted(self._tables["runs"]["key"]))).encode()
        return hashlib.sha256(b"".join([shown, *parts])).hexdigest()

    def runs(self) -> pd.DataFrame:
        return self._tables["frame"]

    def in_other_pairs(self) -> dict[str, Level]:
        """What the headline compares, in pairs of trainings that only other published studies have,
        by the study's name; of pairs that are in several, of that with most. Where blocks that fail
        the sanity check are left out here, they are there."""
        shown = self.findings()
        if shown.headline is None or shown.end is None:
            return {}
        level = shown.headline.level
        usual = next(one for one in self.study.conditions if one.bias == level.bias)
        studies: dict[str, pd.DataFrame] = {}
        unbiased: dict[str, pd.DataFrame] = {}
        for path in FOLDER.glob("**/runs.parquet"):
            rows = _read(
                path, {"measure": PRIMARY, "moment": "end", "data": usual.data, "bias": level.bias}
            )
            study = path.parent.relative_to(FOLDER)  # with a folder for each set, or without
            study = study.parent if study.name == usual.data and len(study.parts) > 1 else study
            studies[study.as_posix()] = alike(rows, usual, ("labels", *SEEDS))
            if self.left_out and len(studies[study.as_posix()]):
                unbiased[study.as_posix()] = _unbiased(usual, [path])
        known, found = {block_of(one) for one in self.study.conditions}, {}
        for name, rows in sorted(
            studies.items(), key=lambda one: (-one[1]["block"].nunique(), one[0])
        ):
            rest = rows[~rows["block"].isin(known) & rows["labels"].isin(STYLES_OF_THE_STUDY)]
            of_both = rest.groupby("block")["labels"].nunique() == len(STYLES_OF_THE_STUDY)
            known.update(
                of_both[of_both].index
            )  # a pair that fails in its first study counts in no other
            if self.left_out and len(rest):
                asked = unbiased[name] if len(unbiased[name]) else _unbiased(usual, tables(name))
                rest = rest[~rest["block"].isin(list(unsound(asked)))]
            if rest["labels"].nunique() == len(STYLES_OF_THE_STUDY):
                found[name] = analyse(rest, secondary=()).primary.levels[0]
        return found

    def claims(self) -> list[ClaimResult]:
        """What the runs say of the study's claims, without all that `findings` compares besides."""
        first = self.study.conditions[0]
        return ledger(self.runs(), open_set(first.data, first.data_version).grouping)

    def shared(self) -> dict[str, int]:
        """How many runs of the plan other published studies of both label styles have too, by the
        study's name."""
        own = {one.key for one in self.study.conditions}
        others = {
            name: PublishedResults(path)
            for name, path in published(self.study.conditions[0].data).items()
        }
        counts = {
            name: len(own & {run.key for run in one.study.conditions})
            for name, one in others.items()
        }
        return {
            name: count
            for name, count in counts.items()
            if count and others[name].folder != self.folder
        }

    @cached_property
    def _findings(self) -> Findings:
        first = self.study.conditions[0]
        grouping = open_set(first.data, first.data_version).grouping
        frame, curves, runs = (self._tables[name] for name in _TABLES)
        found = from_tables(self.study, grouping, frame, curves, runs, self.left_out)
        general, entries = self.about.get("general"), (Entry(**one) for one in self.about["plans"])
        return replace(
            found, plans=tuple(entries), general=Estimate(**general) if general else None
        )

    def sound(self) -> "PublishedResults":
        rest = PublishedResults(self.folder)
        rest.about = {**self.about, "general": None}  # it is of all blocks
        rest.left_out = tuple(self.unsound)
        for name, table in self._tables.items():
            rest._tables[name] = table[~table["block"].isin(list(self.unsound))]
        return rest
