"""Results of a class: the numbers are those of `compare_arms`, and only planned blocks decide."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.api.published import publish
from vlcore.artifacts import store
from vlcore.classroom import one_room, one_room_results
from vlcore.classroom.one_room import CLASS, Block, BlockState, ClassPlan, Pair
from vlcore.classroom.one_room_results import ClassResults, ClassStudy
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.wording import TOWERS_SEEN
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.paired import Status, t_interval
from vlcore.plots.theme import LIGHT
from vlcore.study.answer_file import published_answer
from vlcore.study.results import Study

pytestmark = pytest.mark.usefixtures("empty_home")
USUAL = Condition()
PLAN = ClassPlan("labels", 8, prediction="lower")


def trained(plan: ClassPlan, blocks: int) -> list[Pair]:
    """The conditions of so many blocks, published."""
    pairs = [one_room.pair_of(plan, USUAL, SCENES, place) for place in range(blocks)]
    publish([condition for pair in pairs for condition in pair])
    return pairs


def results_of(plan: ClassPlan, pairs: Sequence[Pair]) -> ClassResults:
    study = one_room.study_of(plan, USUAL, SCENES)
    return one_room_results.class_results(
        study, dict(enumerate(pairs)), set(range(plan.planned)), store.read
    )


@pytest.mark.parametrize("contrast", ["places", "groupdro"])
def test_mean_interval_and_p_are_those_that_a_study_of_the_same_runs_has(contrast: str) -> None:
    plan = replace(PLAN, contrast=contrast)
    results = results_of(plan, trained(plan, plan.planned))
    study = one_room.study_of(plan, USUAL, SCENES)
    assert [results.level] == Study(study).levels(PRIMARY)
    assert results.level is not None
    assert results.level.difference is not None
    assert results.level.difference.mean == t_interval([dot.difference for dot in results.dots])


def test_a_dot_beyond_the_plan_is_shown_and_decides_nothing() -> None:
    pairs = trained(PLAN, 11)
    some, all_, more = (results_of(PLAN, pairs[:n]) for n in (5, 8, 11))
    assert (some.counted, all_.counted, more.counted, len(more.dots)) == (5, 8, 8, 11)
    assert more.level == all_.level != some.level
    assert [dot.planned for dot in more.dots] == [True] * 8 + [False] * 3


def test_before_there_is_a_pair_of_blocks_there_are_no_numbers() -> None:
    for results in (results_of(PLAN, []), results_of(PLAN, trained(PLAN, 1))):
        assert results.level is None
        assert one_room_results.with_more_students(results) == ""


def test_a_pair_without_the_measure_has_no_dot_and_is_counted() -> None:
    study = replace(one_room.study_of(PLAN, USUAL, SCENES), measure="probe_minority")
    pairs = dict(enumerate(trained(PLAN, 3)))
    results = one_room_results.class_results(study, pairs, set(pairs), store.read)
    assert (len(results.dots), results.unmeasured, results.level) == (0, 3, None)


def state_of(plan: ClassPlan, pairs: Sequence[Pair]) -> ClassStudy:
    blocks = tuple(Block(place, "", 0, 0.0) for place in range(len(pairs)))
    states = tuple(BlockState.DONE for _ in blocks)
    return ClassStudy("BCDF", CLASS, plan, USUAL, SCENES, blocks, states, results_of(plan, pairs))


def test_the_chart_has_a_dot_per_block() -> None:
    now = state_of(PLAN, trained(PLAN, 10))
    assert state_of(PLAN, []).chart(LIGHT, 600, 300) is None
    chart = now.chart(LIGHT, 600, 300, highlight=3)
    assert chart is not None
    rows = next(data for data in chart.to_dict()["datasets"].values() if "kind" in data[0])
    kinds = [row["kind"] for row in rows]
    counts = [kinds.count(kind) for kind in ("of the plan", "beyond the plan", "yours")]
    assert counts == [7, 2, 1]
    assert all(row["y"] > 0 for row in rows)
    assert now.numbers()["Seed pairs"] == "8 of 8 + 2"


def test_a_plan_of_too_few_blocks_decides_nothing() -> None:
    results = results_of(replace(PLAN, planned=5), trained(PLAN, 5))
    assert results.level is not None
    assert results.level.status is Status.NOT_DECIDED


@pytest.mark.parametrize(
    ("changed", "contrast"),
    [
        ({}, "scenes.background"),
        ({"contrast": "places"}, "scenes.true-background"),
        ({"contrast": "groupdro"}, ""),
        ({"towers": "pretrained"}, ""),
    ],
)
def test_the_end_compares_the_room_with_published_runs_of_the_same_setting(
    changed: dict[str, str], contrast: str
) -> None:
    plan, answer = replace(PLAN, **changed), published_answer()
    now = ClassStudy("BCDF", CLASS, plan, USUAL, SCENES, (), (), ClassResults((), None))
    found = now.published(answer)
    assert (found.id if found else "") == contrast


@pytest.mark.parametrize("towers", ["scratch", "pretrained"])
def test_the_table_of_dots_has_the_numbers_of_the_chart_the_towers_and_no_name(towers: str) -> None:
    plan = replace(PLAN, towers=towers)
    now = state_of(plan, trained(plan, 9))
    rows = list(csv.DictReader(io.StringIO(now.csv())))
    differences = [dot.difference for dot in now.results.dots]
    assert [float(row["difference"]) for row in rows] == pytest.approx(differences)
    assert [row["within_plan"] for row in rows] == ["True"] * 8 + ["False"]
    assert not any("owner" in name or "voter" in name for name in rows[0])
    assert {row["towers"] for row in rows} == {towers}
    assert TOWERS_SEEN[towers] in now.planned
