"""Studies from the command line: what is run, what is said of it, and what is missing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Document, Refused
from tests.conftest import QUICK_STEPS, Cli
from vlcore.runs import train
from vlcore.store import artefacts, queue
from vlcore.studies import plans

STEPS = ("--set", f"steps={QUICK_STEPS}")


def test_conditions_of_a_study_say_what_differs(document: Document, home: Path) -> None:
    entries = document("conditions", "--grid", "objectives")
    assert [entry["key"] for entry in entries] == [c.key for c in plans.find("objectives").everything]
    assert {entry.get("objective", "pairwise_bce") for entry in entries} >= {"simclr", "ce_object", "captioner"}
    assert all("mitigation" not in entry for entry in entries)


def test_a_study_with_controls_runs_them_too(
    document: Document, quick: list[artefacts.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(train, "train_condition", lambda condition: asked.append(condition.key) or "cached")
    monkeypatch.setattr(queue, "worker_pool", ThreadPoolExecutor)
    document("study", "experiments", *STEPS)
    assert set(asked) == {artefact.key for artefact in quick}
    asked.clear()
    entries = document("study", "experiments", "--controls", *STEPS)
    assert len(asked) == len(entries) == 4 + 3
    assert {entry["labels"] for entry in entries} == {"undescriptive", "descriptive", "shuffled_context"}


def test_an_analysis_of_what_is_there(
    document: Document, cli: Cli, quick: list[artefacts.Artefact], tmp_path: Path
) -> None:
    found = document("analyse", "experiments", "--seeds", 2, *STEPS, "--out", tmp_path / "tables")
    assert (found["study"], found["runs"], found["planned"]) == ("experiments", 4, 8)
    (one,) = found["comparisons"]
    assert one["treatment"] == "descriptive"
    assert [level["bias"] for level in one["levels"]] == [0.0, 0.75]
    assert len(one["missing"]) == 4
    assert {entry["data_seed"] for entry in one["missing"]} == {1}
    assert all("not decided" in level["verdict"] for level in one["levels"])
    assert {Path(file).suffix for file in found["files"]} == {".csv", ".parquet"}
    runs = pd.read_csv(tmp_path / "tables" / "runs.csv")
    assert set(runs["key"]) == {artefact.key for artefact in quick}
    value = runs[(runs["key"] == quick[0].key) & (runs["moment"] == "end") & (runs["measure"] == "minority_accuracy")]
    assert value["value"].item() == quick[0].metrics["end"]["minority_accuracy"]["value"]
    comparisons = pd.read_csv(tmp_path / "tables" / "comparisons.csv")
    assert set(comparisons["treatment"]) == {"descriptive"}
    code, out, _ = cli("analyse", "experiments", *STEPS)
    assert code == 0
    assert "not decided" in out


@pytest.mark.parametrize(
    ("options", "noun"),
    [
        (("--measure", "beauty"), "beauty"),
        (("--moment", "yesterday"), "yesterday"),
        (("--out", Path(__file__)), "give --out another folder"),
    ],
)
def test_an_analysis_that_cannot_be_is_one_sentence(
    refused: Refused, quick: list[artefacts.Artefact], options: tuple[object, ...], noun: str
) -> None:
    assert noun in refused("analyse", "experiments", *STEPS, *options)


def test_a_file_of_ones_own_is_analysed_like_a_named_study(
    document: Document, quick: list[artefacts.Artefact], tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"arms: [descriptive]\nbias: [0, 0.75]\nsettings: {{steps: {QUICK_STEPS}}}\n")
    assert {c.key for c in plans.find(str(file)).conditions} == {a.key for a in quick}
    named = document("analyse", "experiments", *STEPS)
    assert document("analyse", file)["comparisons"] == named["comparisons"]
    assert len(plans.find("experiments").conditions) == named["planned"]


def test_a_report_is_one_file_that_says_how_little_there_is(
    document: Document, quick: list[artefacts.Artefact], tmp_path: Path
) -> None:
    out = tmp_path / "study.html"
    found = document("report", "experiments", *STEPS, "--out", out)
    assert (found["runs"], found["planned"], found["blocks"]) == (4, 4, 1)
    assert found["answer"].startswith("Not decided: a comparison needs two blocks")
    assert [claim["claim"] for claim in found["claims"]] == [f"C{number}" for number in range(1, 9)]
    assert all("not decided" in claim["verdict"] for claim in found["claims"])
    page = out.read_text()
    assert len(page.encode()) == found["bytes"]
    assert all(artefact.key in page for artefact in quick)


def test_a_report_that_cannot_be_written(refused: Refused, quick: list[artefacts.Artefact], tmp_path: Path) -> None:
    sentence = refused("report", "experiments", "--out", tmp_path / "nowhere" / "x.html", *STEPS)
    assert sentence.endswith("cannot be written (No such file or directory); give --out another place.")
    assert not list(tmp_path.iterdir())
