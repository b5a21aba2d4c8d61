"""The one answer: computed from the table of published runs, and the same wherever it is said."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from vlcore.study.answer import answer_table, composition_found
from vlcore.study.telling_apart import apart_found

from vlcore.classroom.answers import Measurement, estimate_published
from vlcore.classroom.lessons import EXPERIMENTS, lessons
from vlcore.experiment.condition import STUDY_BIAS, STYLES_OF_THE_STUDY, Condition
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import published, registry
from vlcore.study.plans import PLACEBO, StudyError
from vlcore.study.pooled import (
    SETS,
    UNTOUCHED,
    answer_sentence,
    forest_rows,
    pooled,
    studies_to_open,
)
from vlcore.study.published import PublishedStudy

ROOT = Path(__file__).parents[2]


def words_of(document: str) -> str:
    return " ".join((ROOT / document).read_text(encoding="utf-8").split())


@pytest.mark.parametrize("data", SETS)
def test_every_untouched_seed_pair_counts_once(data: str) -> None:
    answer = pooled(data)
    assert len(set(answer.seeds)) == len(answer.seeds) == answer.n
    assert min(answer.seeds) >= UNTOUCHED
    assert sum(study.n for study in answer.studies.values()) == answer.n

    condition = Condition(data=data, bias=STUDY_BIAS, data_version="2")
    arms = [condition, condition.with_labels("descriptive")]
    rows = published.measured_runs(data=data, moment="end", measure=PRIMARY, bias=STUDY_BIAS)
    value = rows.set_index("key")["value"]
    short, descriptive = (
        np.array([value[arm.replace(data_seed=seed, init_seed=seed).key] for seed in answer.seeds])
        for arm in arms
    )
    difference = descriptive - short
    low, high = stats.t.interval(0.95, answer.n - 1, difference.mean(), stats.sem(difference))
    mean = answer.all_pairs.mean_points
    assert (mean.value, mean.low, mean.high) == pytest.approx((difference.mean(), low, high))


def test_documents_and_lessons_say_the_number_of_the_table() -> None:
    """Else write what `answer_sentence` and `Measurement.number` say into the document."""
    assert " ".join(answer_sentence().split()) in words_of("README.md")
    for text in (answer_table(), apart_found(), composition_found()):
        assert " ".join(text.split()) in words_of("README.md")
    for data in SETS:
        step = lessons(Condition(data=data, data_version="2"))[EXPERIMENTS].steps[-1]
        estimate = estimate_published(step.quantity, step.conditions)
        mean = pooled(data).all_pairs.mean_points
        assert estimate.as_dict() == pytest.approx(mean.as_dict())
    step = lessons(Condition())[EXPERIMENTS].steps[-1]
    number = Measurement(step, "", estimate_published(step.quantity, step.conditions), True).number
    assert number in words_of("docs/teaching.md")


def test_the_forest_has_a_line_for_each_study_and_one_for_all_on_both_scales() -> None:
    rows = forest_rows()
    for data in SETS:
        lines = rows[rows["images"] == data]
        for scale in ("log odds", "points"):
            assert len(lines[lines["scale"] == scale]) == len(pooled(data).studies) + 1
    pooled_rows = rows[(rows["kind"] == "pooled") & (rows["scale"] == "points")]
    assert pooled_rows["value"].tolist() == [
        100 * pooled(data).all_pairs.mean_points.value for data in SETS
    ]


@pytest.mark.parametrize("data", SETS)
def test_each_line_of_the_forest_opens_as_a_study_of_its_pairs(data: str) -> None:
    names = studies_to_open(data)
    for name, line in pooled(data).studies.items():
        assert name in names
        study = PublishedStudy(name, data)
        assert (study.plan.baseline, *study.plan.treatments) == STYLES_OF_THE_STUDY
        assert set(study.runs()["labels"]) <= {*STYLES_OF_THE_STUDY, PLACEBO}
        runs = study.planned_runs()
        runs = runs[(runs["measure"] == PRIMARY) & (runs["moment"] == "end")]
        by_style = runs[runs["bias"] == STUDY_BIAS].pivot(index="block", columns="labels")["value"]
        differences = (by_style["descriptive"] - by_style["undescriptive"]).dropna()
        assert len(differences) == line.n
        assert differences.mean() == pytest.approx(line.mean_points.value)


def test_a_part_of_a_plan_says_when_the_whole_was_written() -> None:
    study = PublishedStudy("size", "balanced-cues")
    assert study.missing, "it ended early"
    findings = study.findings()
    line = pooled("balanced-cues").studies["size"]
    assert findings.headline.difference.as_dict() == pytest.approx(line.mean_points.as_dict())
    first = study.about["plans"][0]
    planned = registry.plan_words(study.plan, findings.plans)
    assert planned.startswith(f"Plan {first['hash']} was written down on {first['written']}")
    assert "another plan" not in planned


def test_where_no_results_came_along_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StudyError, match="elsewhere"):
        pooled("elsewhere")
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    with pytest.raises(StudyError, match="clone of the repository"):
        pooled("scenes")
