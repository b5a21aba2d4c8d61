"""Published pages come from the published answer, and the answer from the table of runs."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy import stats

from benchmarks import results_contrasts
from benchmarks.results_chain import run_chain
from benchmarks.results_contrasts import PROBE, in_points
from benchmarks.results_documents import PAGES, contrast_words, filled, page_text
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import answer_file, published
from vlcore.study.answer_file import PublishedAnswer

ROOT = Path(__file__).parents[2]
RUNS = published.FOLDER / published.RUNS


@pytest.fixture(scope="module")
def answer() -> PublishedAnswer:
    return answer_file.published_answer()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_published_number_of_a_page_is_one_of_the_answer(
    page: Path, answer: PublishedAnswer
) -> None:
    """Else run `python -m benchmarks.results` again."""
    assert page.read_text(encoding="utf-8") == page_text(page, answer)


@pytest.mark.parametrize("template", PAGES.values(), ids=lambda template: template.name)
def test_templates_hold_no_estimate_of_their_own(template: Path) -> None:
    """A number with an interval in a template would not change with the runs."""
    text = template.read_text(encoding="utf-8")
    assert re.findall(r"[-+]\d+\.\d+ (?:points )?\([-+]?\d", text) == []


def test_a_token_that_the_answer_lacks_is_refused(answer: PublishedAnswer) -> None:
    assert filled("{scenes.background:pairs}", answer) == "140"
    with pytest.raises(KeyError, match="nothing"):
        filled("{scenes.nothing}", answer)


def test_pages_of_results_are_short_and_few(answer: PublishedAnswer) -> None:
    first = (published.FOLDER / "README.md").read_text(encoding="utf-8")
    details = (published.FOLDER / "details.md").read_text(encoding="utf-8")
    assert len(_prose(first)) <= 500
    assert len(_prose(details)) <= 2_000
    files = [file for file in published.FOLDER.rglob("*") if file.is_file()]
    assert len(files) <= 20
    assert sum(file.stat().st_size for file in files) <= 5_000_000


def _prose(text: str) -> list[str]:
    return " ".join(line for line in text.splitlines() if not line.startswith("|")).split()


def _with_pandas(data: str, first: str, second: str, measure: str, studies: list[str]) -> list:
    """The points of two caption styles in studies with disjoint seed pairs, with pandas and scipy
    alone: mean, ends of the interval, pairs."""
    wanted = {"measure": measure, "moment": "end", "bias": 0.75, "data": data, "steps": 700}
    wanted |= {"width": 64, "architecture": "conv_stem", "text": "transformer", "n_per_group": 48}
    wanted |= {"objective": "pairwise_bce", "negatives": "filtered_marginal", "mitigation": "none"}
    runs = pd.read_parquet(RUNS, filters=[(name, "==", one) for name, one in wanted.items()])
    parts = []
    for study in studies:
        of_study = runs[runs["studies"].str.split().map(lambda names, one=study: one in names)]
        of_study = of_study[of_study["recipe"] == "fast"].drop_duplicates(["labels", "block"])
        both = of_study.pivot(index="block", columns="labels", values="value")
        parts.append(both[[first, second]].dropna())
    rates = pd.concat(parts)
    change = 100 * (rates[first] - rates[second]).astype(float)
    half = stats.t.ppf(0.975, len(change) - 1) * change.std() / np.sqrt(len(change))
    return [change.mean(), change.mean() - half, change.mean() + half, len(change)]


@pytest.mark.parametrize(
    ("name", "styles", "measure", "studies"),
    [
        (
            "scenes.background",
            ("descriptive", "undescriptive"),
            PRIMARY,
            [
                "scenes-again",
                "apart-again",
                "eyes-scratch",
                "made-of-words-scratch",
                "apart",
                "cause-scenes",
            ],
        ),
        ("scenes.synonym", ("synonym", "undescriptive"), PRIMARY, ["second-word-scratch"]),
        (
            "balanced-cues.synonym.probe",
            ("synonym", "undescriptive"),
            PROBE,
            ["second-word-scratch-cues"],
        ),
        (
            "balanced-cues.true-background",
            ("descriptive", "shuffled_context"),
            PRIMARY,
            ["again", "second-word-scratch-cues", "confirmation"],
        ),
    ],
)
def test_the_answer_agrees_with_pandas_and_scipy(
    answer: PublishedAnswer, name: str, styles: tuple[str, str], measure: str, studies: list[str]
) -> None:
    contrast = answer.contrasts[name]
    mean, low, high, pairs = _with_pandas(contrast.set, *styles, measure, studies)
    assert contrast.points == pytest.approx((mean, low, high), abs=2e-3)
    assert contrast.pairs == pairs


@pytest.mark.parametrize(
    "name", ["balanced-cues.balanced", "scenes.pretrained.words.background", "renders.background"]
)
def test_the_answer_is_what_the_runs_give(answer: PublishedAnswer, name: str) -> None:
    """Else run `python -m benchmarks.results` again."""
    data, _, rest = name.partition(".")
    (asked,) = (one for one in results_contrasts.published_contrasts() if one.name == rest)
    measured = results_contrasts.measure(asked, data)
    contrast = answer.contrasts[name]
    assert contrast.points == pytest.approx(in_points(measured.contrast.mean_points), abs=1e-4)
    assert (contrast.other, contrast.short) == pytest.approx(
        (measured.first, measured.second), abs=1e-4
    )


def test_the_chain_is_what_the_runs_give(answer: PublishedAnswer) -> None:
    stored = {(one.step, one.set, one.towers): one for one in answer.chain}
    tests = [(step, test) for step in run_chain() for test in step.tests]
    assert len(stored) == len(tests)
    for step, test in tests:
        one = stored[step.name, test.data, test.tower]
        assert test.contrast is not None
        assert one.points[0] == pytest.approx(100 * test.contrast.mean_points.value, abs=1e-4)
        assert one.p == pytest.approx(test.p, rel=0.06)


def test_claims_have_one_verdict_per_image_set(answer: PublishedAnswer) -> None:
    pairs = [(claim.id, claim.set) for claim in answer.claims]
    assert len(pairs) == len(set(pairs)) == 8 * len(answer.sets)
    verdicts = {"supported", "contradicted", "depends", "not decided", "not tested"}
    assert {claim.verdict for claim in answer.claims} <= verdicts
    one_level = [claim for claim in answer.claims if claim.set == "renders"]
    assert {claim.id for claim in one_level if claim.verdict == "not tested"} >= {"C4", "C6", "C7"}


def test_the_table_of_comparisons_has_the_studies_of_the_answer(answer: PublishedAnswer) -> None:
    table = pd.read_csv(published.FOLDER / "comparisons.csv")
    assert (table["pairs"] >= results_contrasts.FEWEST_PAIRS).all()
    assert (
        (table["points_low"] <= table["points"]) & (table["points"] <= table["points_high"])
    ).all()
    row = table[(table["study"] == "second-word-scratch") & (table["variant"] == "synonym")]
    words = contrast_words(answer.contrasts["scenes.synonym"], "value")
    assert f"{row['points'].item():+.1f}" == words


def test_runs_say_when_they_were_trained_since_the_plan_of_the_second_world() -> None:
    names = ["studies", "trained_at", "key"]
    runs = pd.read_parquet(RUNS, columns=names).drop_duplicates("key")
    is_new = runs["studies"].str.contains("stray-article|balanced-short|renders-")
    assert runs.loc[is_new, "trained_at"].between("2026-12-02T00:47:46Z", "2026-12-03").all()
    assert is_new.sum() >= 280


def test_the_lines_that_read_the_table_give_what_is_published(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    document = (published.FOLDER / "columns.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    exec(lines, {})
    mean, low, high, pairs = _with_pandas(
        "scenes", "descriptive", "undescriptive", PRIMARY, ["scenes-again"]
    )
    printed = f"{mean:.1f} points ({low:.1f} to {high:.1f}), {pairs} pairs\n"
    assert capsys.readouterr().out == printed
    (columns,) = re.findall(r"\| --- \| --- \|\n(.*?)\n\n", document, re.DOTALL)
    cells = [line.split("|")[1] for line in columns.splitlines()]
    named = [name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)]
    assert sorted(named) == sorted(pq.read_schema(RUNS).names)
