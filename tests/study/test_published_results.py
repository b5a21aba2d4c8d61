"""The published answer agrees with the table of published runs, by pandas and scipy alone."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy import stats

from vlcore.metrics.catalogue import PRIMARY
from vlcore.study.answer_file import PublishedAnswer, published_answer

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results"
RUNS = RESULTS / "runs.parquet"
PROBE = "readouts_linear_probe.minority_accuracy"


@pytest.fixture(scope="module")
def answer() -> PublishedAnswer:
    return published_answer()


def _with_pandas(
    data: str, first: str, second: str, measure: str, studies: list[str]
) -> list[float]:
    """Recompute the points of two caption styles in studies with disjoint seed pairs.

    Returns:
        The mean, both ends of its interval, and the number of seed pairs.
    """
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


def test_claims_have_one_verdict_per_image_set(answer: PublishedAnswer) -> None:
    pairs = [(claim.id, claim.set) for claim in answer.claims]
    assert len(pairs) == len(set(pairs)) == 8 * len(answer.sets)
    verdicts = {"supported", "contradicted", "depends", "not decided", "not tested"}
    assert {claim.verdict for claim in answer.claims} <= verdicts


def test_the_results_name_the_commit_that_computes_them_again(answer: PublishedAnswer) -> None:
    page = (RESULTS / "README.md").read_text(encoding="utf-8")
    assert f"commit {answer.commit}: check it out" in page


def test_the_lines_that_read_the_table_give_what_is_published(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    document = (RESULTS / "columns.md").read_text(encoding="utf-8")
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
