"""Published pages come from the table of runs beside them."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.results import results_page, table_page
from benchmarks.results_figures import arms_figure
from vlcore.experiment.wording import difference
from vlcore.metrics.catalogue import PRIMARY
from vlcore.plots.intervals import paired_forest_chart
from vlcore.plots.theme import LIGHT
from vlcore.study import published
from vlcore.study.answer import composition_found
from vlcore.study.pooled import answer_sentence, forest_rows, pooled
from vlcore.study.telling_apart import apart_found


@pytest.fixture(scope="module")
def results() -> str:
    return results_page()


def test_the_page_of_results_comes_from_its_table(results: str) -> None:
    """Else run `python -m benchmarks.results` again."""
    assert results == (published.FOLDER / "README.md").read_text(encoding="utf-8")
    assert len(results.split()) <= 900


def test_the_table_of_comparisons_comes_from_that_of_runs() -> None:
    """Else run `python -m benchmarks.results` again."""
    assert table_page() == (published.FOLDER / "table.md").read_text(encoding="utf-8")


def test_the_lines_that_read_the_table_give_what_is_published(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(published.FOLDER.parents[1])
    document = (published.FOLDER / "columns.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    exec(lines, {})
    of_study = pooled("scenes").studies["scenes-again"]
    interval = difference(of_study.mean_log_odds.as_dict())
    assert capsys.readouterr().out == f"{interval}, {of_study.n} pairs\n"
    (columns,) = re.findall(r"\| --- \| --- \|\n(.*?)\n\n", document, re.DOTALL)
    cells = [line.split("|")[1] for line in columns.splitlines()]
    named = [name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)]
    assert sorted(named) == sorted(pq.read_schema(published.FOLDER / published.RUNS).names)


def test_numbers_of_the_readme_are_those_of_the_page_and_the_answer(results: str) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    found_there = readme.partition("**What was found.**")[2].partition("All of it")[0]
    found_there = " ".join(found_there.split())
    known = results + answer_sentence() + apart_found() + composition_found()
    numbers = re.findall(r"[+-]\d+\.\d+ (?:points )?\([^)]*\)", found_there)
    assert len(numbers) >= 10
    assert [number for number in numbers if number not in known] == []


def test_numbers_of_the_changelog_are_those_of_the_pages_of_results(results: str) -> None:
    """Of the version that is not released: `+0.22 (+0.02 to +0.43)`, `+0.22, +0.02 to +0.43`, and
    signed numbers without an interval."""
    changelog = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = " ".join(changelog.split("\n## ")[1].split())
    pages = ["beyond.md", "table.md"]
    known = results + "".join(
        (published.FOLDER / page).read_text(encoding="utf-8") for page in pages
    )
    number = r"[+-]?\d\.\d\d"
    pairs = re.findall(rf"({number})(?: \(|, )({number} to {number})", newest)
    assert len(pairs) >= 10
    assert [pair for pair in pairs if "{} ({})".format(*pair) not in known] == []
    signed = re.findall(r"(?<![\d.])[+-]\d\.\d\d(?!\d)", newest)
    assert [value for value in signed if value not in known] == []


def test_what_plans_say_of_conditions_trained_twice_is_what_the_table_has() -> None:
    rows = published.read_rows(moment="end", measure=PRIMARY)
    trainings = rows.groupby("key")["value"].agg(["min", "max", "size"]).query("size > 1")
    points = 100 * (trainings["max"] - trainings["min"])
    plans = (published.FOLDER / "plans" / "README.md").read_text(encoding="utf-8")
    said = plans.partition("**Trained twice.** ")[2].split("\n\n")[0]
    assert said.startswith(f"{len(trainings)} conditions ")
    assert f"the accuracy of {(points > 0).sum()} of them differs, by half a" in said
    assert points.median() == pytest.approx(0.5)
    assert f"by {points.max():.1f} at most" in said


def test_figures_say_of_what_study_each_line_is_and_cut_no_words(tmp_path: Path) -> None:
    forest = paired_forest_chart(forest_rows(), palette=LIGHT, width=1000)
    words = dict.fromkeys(forest_rows()["words"])
    titles = [
        "balanced-cues, study again, 20 seed pairs",
        "balanced-cues, study second-word-scratch-cues, 20 seed pairs",
        "scenes, study second-word-scratch, 20 seed pairs",
    ]
    for figure, texts in ((forest, words), (arms_figure(), [*titles, "the sky", "the coat"])):
        file = tmp_path / "figure.svg"
        figure.save(str(file))
        svg = file.read_text(encoding="utf-8")
        assert [text for text in texts if f">{text}<" not in svg] == []
        assert "…" not in svg


def test_results_are_small() -> None:
    files = [file for file in published.FOLDER.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 4_000_000
