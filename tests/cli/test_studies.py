"""Studies from the command line: what is run, what is said of it, and what is missing."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from benchmarks import publishing
from tests.cli.conftest import Document, Models, Patch, Refused
from tests.conftest import QUICK_STEPS
from vlcore.api import training
from vlcore.artifacts import store
from vlcore.experiment.files import models_folder
from vlcore.experiment.grouping import SCENES
from vlcore.jobs import queue
from vlcore.study import plans, published
from vlcore.study.results import Study

STEPS = ("--set", f"steps={QUICK_STEPS}")


def test_a_study_with_controls_runs_them_too(
    document: Document, quick: Models, monkeypatch: Patch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        training,
        "train_condition",
        lambda condition, **_options: asked.append(condition.key) or "cached",
    )
    monkeypatch.setattr(queue, "worker_pool", ThreadPoolExecutor)
    entries = document("study", "experiments", *STEPS)
    assert [entry["key"] for entry in entries] == [artifact.key for artifact in quick]
    assert asked == []
    entries = document("study", "experiments", "--controls", *STEPS)
    assert len(entries) == 4 + 4
    assert len(asked) == 4
    assert "shuffled_context" in {entry["labels"] for entry in entries}


def test_an_analysis_of_what_is_there(document: Document, quick: Models, tmp_path: Path) -> None:
    found = document("analyse", "experiments", "--seeds", 2, *STEPS, "--out", tmp_path / "tables")
    assert (found["study"], found["runs"], found["planned"]) == ("experiments", 4, 8)
    (one,) = found["comparisons"]
    assert (found["baseline"], one["treatment"]) == ("short", "descriptive")
    assert [level["bias"] for level in one["levels"]] == [0.0, 0.75]
    assert len(one["missing"]) == 4
    assert {Path(file).suffix for file in found["files"]} == {".csv", ".parquet"}
    runs = pd.read_csv(tmp_path / "tables" / "runs.csv")
    assert set(runs["key"]) == {artifact.key for artifact in quick}


def test_what_cannot_be_is_one_sentence(refused: Refused, quick: Models) -> None:
    for option, value, words in (
        ("--measure", "beauty", "beauty"),
        ("--moment", "yesterday", "yesterday"),
        ("--out", Path(__file__), "give --out another folder"),
    ):
        assert words in refused("analyse", "experiments", *STEPS, option, value)


def test_a_report_is_one_file_that_says_how_little_there_is(
    document: Document, quick: Models, tmp_path: Path
) -> None:
    out = tmp_path / "study.html"
    found = document("report", "experiments", *STEPS, "--out", out)
    assert (found["runs"], found["planned"], found["seed pairs"]) == (4, 4, 1)
    assert found["answer"].startswith("Inconclusive: a comparison needs two seed pairs")
    assert [claim["claim"] for claim in found["claims"]] == [f"C{number}" for number in range(1, 9)]
    verdicts = [claim["verdict"] for claim in found["claims"]]
    assert all("inconclusive" in verdict or "not measured" in verdict for verdict in verdicts)
    page = out.read_text()
    assert len(page.encode()) == found["bytes"]
    assert all(artifact.key in page for artifact in quick)


def test_a_published_run_is_made_again_and_compared(
    document: Document, refused: Refused, quick: Models, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    study = plans.find("experiments", quick[0].condition)
    publishing.publish_study(Study(study, SCENES), "experiments/scenes")
    assert {one["key"] for one in document("reproduce")} == {artifact.key for artifact in quick}
    found = document("reproduce", quick[3].key)
    assert (found["agrees"], found["equal"]) == ("to six digits", found["measures"])
    assert (
        found["published"] == found["now"] == quick[3].metrics["end"]["minority_accuracy"]["value"]
    )
    assert "no-such-run" in refused("reproduce", "no-such-run")
    # Other tests share the folder.
    (models_folder() / quick[3].key).rename(aside := tmp_path / "aside")
    try:
        entries = document("study", "experiments", *STEPS, "--published")
        assert {one["state"] for one in entries} == {"published"}
        assert not store.published(quick[3].key)
        assert document("analyse", "experiments", *STEPS, "--published")["runs"] == 4
        assert document("analyse", "experiments", *STEPS)["runs"] == 3
    finally:
        aside.rename(models_folder() / quick[3].key)
    monkeypatch.setattr(published, "FOLDER", tmp_path / "nothing")
    assert "No published results" in refused("reproduce")
