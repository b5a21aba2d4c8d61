"""The table of runs: a row or a reason for everything, and the same after a disk."""

import dataclasses
import math
import os
from pathlib import Path
from unittest.mock import Mock

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.numbers import estimate
from tests.study.frames import moments, run
from vlcore.experiment.condition import Condition
from vlcore.study.runs_table import COLUMN_TYPES, runs_table, write_tables

BIASED = Condition(bias=0.75, labels="descriptive", data_seed=3, init_seed=5)


def rows(frame: pd.DataFrame, moment: str, measure: str) -> pd.DataFrame:
    return frame[(frame["moment"] == moment) & (frame["measure"] == measure)]


def read_table(path: Path) -> pd.DataFrame:
    """A table from the disk, with the types that `runs_table` gives: "none" and "NA" are words in
    it."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    empty = {name: [""] for name in ("value", "low", "high", "n")}
    kinds = runs_table([]).dtypes
    return pd.read_csv(path, keep_default_na=False, na_values=empty).pipe(
        lambda frame: frame.astype({name: kinds[name] for name in frame if name in kinds})
    )


def test_a_row_holds_everything_that_made_the_run() -> None:
    frame = runs_table(
        [run(BIASED, moments({"minority_accuracy": estimate(0.7)}), device="cuda:1")]
    )
    assert list(frame.columns) == [
        "key",
        *(field.name for field in dataclasses.fields(Condition)),
        *list(COLUMN_TYPES)[1:],
    ]
    (row,) = rows(frame, "end", "minority_accuracy").to_dict("records")
    assert {name: row[name] for name in BIASED.as_dict()} == BIASED.as_dict()
    assert (row["key"], row["block"], row["device"]) == (BIASED.key, "d3s5", "cuda")
    assert row["versions"] == "numpy=2.4 torch=2.9"
    assert row["value"] == 0.7
    assert row["low"] == 0.69
    assert row["high"] == 0.71
    assert row["n"] == 1000
    assert row["reason"] == ""


def test_nested_estimates_have_dotted_names_and_words_have_no_row() -> None:
    end = {
        "group_accuracy": {"horse_grass": estimate(0.9), "horse_desert": estimate(0.4)},
        "readouts": {"linear_probe": {"minority_accuracy": {**estimate(0.8), "p": 0.01}}},
        "worst_group": "horse_desert",
        "collapsed": False,
        "train_images": 120,
        "curve": [1, 2],
    }
    frame = runs_table([run(BIASED, moments(end))])
    assert set(frame.loc[frame["moment"] == "end", "measure"]) == {
        "group_accuracy.horse_grass",
        "group_accuracy.horse_desert",
        "readouts.linear_probe.minority_accuracy",
        "readouts.linear_probe.minority_accuracy.p",
        "train_images",
    }
    (plain,) = rows(frame, "end", "train_images").to_dict("records")
    assert plain["value"] == 120
    assert math.isnan(plain["low"])
    assert pd.isna(plain["n"])
    assert set(frame.loc[frame["moment"] == "run", "measure"]) == {"models", "first_fit_step"}


def test_what_is_absent_has_its_reason() -> None:
    end = {
        "probe_object": estimate(0.9),
        "absent": {"silhouette_object": "one point"},
        "rsa": {"absent": {"x": "why"}},
    }
    frame = runs_table([run(BIASED, {**moments(end, first=None), "text_only_match": None})])
    (match,) = rows(frame, "run", "text_only_match").to_dict("records")
    assert (math.isnan(match["value"]), match["reason"]) == (True, "not defined for this run")
    for measure, reason in {"silhouette_object": "one point", "rsa.x": "why"}.items():
        (row,) = rows(frame, "end", measure).to_dict("records")
        assert math.isnan(row["value"])
        assert row["reason"] == reason
    for moment, measure in (
        ("first_fit", "probe_object"),
        ("first_fit", "rsa.x"),
        ("run", "first_fit_step"),
    ):
        (row,) = rows(frame, moment, measure).to_dict("records")
        assert math.isnan(row["value"])
        assert row["reason"] == "the training captions were never fitted"


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=rf"{BIASED.key} holds no number for a\.b"):
        runs_table([run(BIASED, moments({"a": {"b": math.nan}}))])
    with pytest.raises(ValueError, match="holds no number for c"):
        runs_table([run(BIASED, moments({"c": estimate(math.inf)}))])


@settings(max_examples=15)
@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6),
    n=st.integers(0, 9),
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], n: int
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    measured = {f"m{i}": {"value": v, "low": v, "high": v, "n": n} for i, v in enumerate(values)}
    end = {**measured, "plain": values[0], "absent": {"none": 'NA, "none"\nand more'}}
    frame = runs_table(
        [run(BIASED.replace(bias=b), moments(end, first=None)) for b in (0.0, 0.1, 1.0)]
    )
    for path in write_tables(frame, folder, "runs"):
        pd.testing.assert_frame_equal(read_table(path), frame)


def test_no_runs_are_a_table_too(tmp_path: Path) -> None:
    frame = runs_table([])
    assert len(frame) == 0
    for path in write_tables(frame, tmp_path / "made" / "here", "runs"):
        pd.testing.assert_frame_equal(read_table(path), frame, check_index_type=False)


def test_other_tables_are_written_under_their_name(tmp_path: Path) -> None:
    other = pd.DataFrame({"bias": [0.5, 0.75], "verdict": ["none", ""]})
    paths = write_tables(other, tmp_path, "comparisons")
    assert [path.name for path in paths] == ["comparisons.csv", "comparisons.parquet"]
    for path in paths:
        assert read_table(path)["verdict"].tolist() == ["none", ""]


def test_a_table_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = runs_table([run(BIASED, moments({"a": estimate(0.1)}))])
    text, columnar = write_tables(old, tmp_path, "runs")
    monkeypatch.setattr(os, "replace", Mock(side_effect=OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_tables(old.iloc[:1], tmp_path, "runs")
    monkeypatch.undo()
    pd.testing.assert_frame_equal(read_table(text), old)
    pd.testing.assert_frame_equal(read_table(columnar), old)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs.csv", "runs.parquet"]
