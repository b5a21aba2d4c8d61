"""Results of a study: what is published of it, what its arms say, and what it writes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.runs.published import publish
from vlcore.core.condition import Condition
from vlcore.core.grouping import SCENES
from vlcore.store import artefacts
from vlcore.studies import plans
from vlcore.studies.analysis import Analysis
from vlcore.studies.plans import Study, StudyError
from vlcore.studies.results import StudyResults, joined
from vlcore.studies.runs_table import AnalysisError

pytestmark = pytest.mark.usefixtures("empty_home")


def of(name: str, seeds: int, published: int | None = None) -> StudyResults:
    study = plans.find(name, Condition(), seeds)
    publish([*study.conditions, *plans.controls(study)][:published])
    return StudyResults(study, SCENES)


def test_a_whole_study_is_tables_findings_and_a_report(tmp_path: Path) -> None:
    results = of("experiments", 6)
    own = {condition.key for condition in results.study.conditions}
    assert own < set(results.runs()["key"]), "what the claims must beat is there too"
    assert (results.there, results.missing) == (24, [])
    table = results.findings().table().set_index("claim")
    assert list(table.index) == [f"C{number}" for number in range(1, 9)]
    assert (table.loc["C1", "status"], table.loc["C1", "n"]) == ("supported", 6)
    assert table.loc["C1", "low"] < table.loc["C1", "estimate"] < table.loc["C1", "high"]
    compared = results.comparisons()
    assert set(compared["treatment"]) == {"descriptive"}
    assert set(results.comparisons("probe_object", "first_fit").query("role == 'primary'")["measure"]) == {
        "probe_object"
    }
    assert results.report(tmp_path / "study.html").read_text().startswith("<!DOCTYPE html>")


def test_a_part_of_a_study_says_how_many_runs_are_there() -> None:
    results = of("class", 2, published=3)
    assert "3 of 12 planned runs are there" in results._repr_html_()
    assert [run.key for run in results.published] == [condition.key for condition in results.study.conditions[:3]]
    assert results.missing == list(results.study.conditions[3:])
    table = results.findings().table()
    assert set(table["status"]) == {"not decided"}
    assert table["estimate"].isna().all()


def test_the_digest_changes_with_every_run() -> None:
    before, after = of("class", 2, published=3), of("class", 2, published=4)
    assert before.digest != after.digest == of("class", 2, published=0).digest


def test_what_cannot_be_analysed_is_refused_with_what_to_do() -> None:
    with pytest.raises(StudyError, match="`python -m vlcore study class`"):
        of("class", 2, published=0).analyses()
    with pytest.raises(StudyError, match="only the baseline is there"):
        of("class", 2, published=1).analyses()
    whole = of("class", 2)
    for asked in ({"measure": "beauty"}, {"moment": "yesterday"}):
        with pytest.raises(StudyError, match="named"):
            whole.analyses(**asked)


def test_arms_that_do_not_compare_are_errors_beside_those_that_do() -> None:
    study = plans.find("mitigation", Condition(), 2)
    first, second = study.treatments[:2]
    publish([c for c in study.conditions if c.mitigation in (study.baseline, first)])
    publish([c for c in study.conditions if c.mitigation == second], device="cuda:0")
    found = StudyResults(study, SCENES).analyses()
    assert isinstance(found[first], Analysis)
    assert "device" in str(found[second])
    assert isinstance(found[second], AnalysisError)
    assert set(joined(found)["comparisons"]["treatment"]) == {first}
    alone = Study(study.name, study.factor, study.baseline, (second,), study.conditions)
    with pytest.raises(AnalysisError, match="device"):
        StudyResults(alone, SCENES).analyses()


def test_runs_are_read_once_and_by_whom_one_likes() -> None:
    study = of("experiments", 1).study
    asked: list[str] = []
    results = StudyResults(study, SCENES, lambda key: asked.append(key) or artefacts.read(key))
    pd.testing.assert_frame_equal(results.runs(), results.runs())
    assert sorted(asked) == sorted({*asked})
