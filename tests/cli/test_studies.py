"""Studies from the command line: what is run, what is said of it, and what is missing."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from tests.cli.conftest import Document, Models, Patch, Refused
from tests.conftest import QUICK_STEPS
from vlcore.api import training
from vlcore.experiment.condition import Condition
from vlcore.jobs.engines import local

STEPS = ("--set", f"steps={QUICK_STEPS}")


def test_a_study_trains_what_is_missing_and_goes_on_after_a_failure(
    document: Document, quick: Models, monkeypatch: Patch
) -> None:
    asked: list[str] = []

    def train(condition: Condition, **_options: object) -> str:
        asked.append(condition.key)
        if condition.bias:
            raise ValueError("It cannot be trained.")
        return "cached"

    monkeypatch.setattr(training, "train_condition", train)
    monkeypatch.setattr(local, "worker_pool", ThreadPoolExecutor)
    entries = document("study", "experiments", *STEPS)
    assert [entry["key"] for entry in entries] == [artifact.key for artifact in quick]
    assert asked == []
    entries = document("study", "experiments", "--seeds", 2, *STEPS)
    assert len(entries) == 8
    assert len(asked) == 4
    failed = [entry for entry in entries if entry["state"] == "failed: It cannot be trained."]
    assert len(failed) == 2
    assert not any("metrics" in entry for entry in failed)


def test_an_analysis_of_what_is_there(document: Document, quick: Models, tmp_path: Path) -> None:
    found = document("analyse", "experiments", "--seeds", 2, *STEPS, "--out", tmp_path / "tables")
    assert (found["study"], found["runs"], found["planned"]) == ("experiments", 4, 8)
    assert found["baseline"] == "short"
    levels = [(level["arm"], level["bias"], level["n"]) for level in found["comparisons"]]
    assert levels == [("descriptive", 0.0, 1), ("descriptive", 0.75, 1)]
    assert {Path(file).suffix for file in found["files"]} == {".csv", ".parquet"}
    runs = pd.read_csv(tmp_path / "tables" / "runs.csv")
    assert set(runs["key"]) == {artifact.key for artifact in quick}


def test_what_cannot_be_is_one_sentence(refused: Refused, quick: Models) -> None:
    for option, value, words in (
        ("--measure", "beauty", "beauty"),
        ("--out", Path(__file__), "give --out another folder"),
    ):
        assert words in refused("analyse", "experiments", *STEPS, option, value)


def test_a_report_is_one_file(document: Document, quick: Models, tmp_path: Path) -> None:
    out = tmp_path / "study.html"
    found = document("report", "experiments", *STEPS, "--out", out)
    assert (found["runs"], found["planned"], found["seed pairs"]) == (4, 4, 1)
    page = out.read_text()
    assert len(page.encode()) == found["bytes"]
    assert all(artifact.key in page for artifact in quick)
