"""Plans are recorded before the first run, and again when they change."""

import pytest

from tests.api.published import publish
from vlcore.experiment.condition import Condition
from vlcore.study import plans, published, registry
from vlcore.study.plans import StudyError, StudyPlan

pytestmark = pytest.mark.usefixtures("empty_home")


def plan(seeds: int = 2, grid: str = "experiments", **base: object) -> StudyPlan:
    return plans.find(grid, Condition().replace(**base), seeds)


def test_a_plan_is_recorded_once_and_again_when_it_changes() -> None:
    first, second = plan(), plan(3)
    assert registry.plan_history(first) == ()
    registry.record_plan(first)
    registry.record_plan(first)
    (entry,) = registry.plan_history(first)
    assert (entry.hash, entry.runs) == (registry.plan_hash(first), 0)
    publish(first.conditions[:5])
    registry.record_plan(second)
    history = registry.plan_history(second)
    assert [(entry.hash, entry.runs) for entry in history] == [
        (registry.plan_hash(first), 0),
        (registry.plan_hash(second), 5),
    ]
    words = registry.plan_words(second, history)
    assert registry.plan_hash(first) in words
    assert registry.plan_hash(second) in words


def test_a_hash_names_what_a_study_decides() -> None:
    variants = [
        plan(),
        plan(3),
        plan(grid="class"),
        plan(steps=400),
        plan(data="balanced-cues"),
        plan(recipe="classic"),
        plan(init_seed=20),
    ]
    assert len({registry.plan_hash(variant) for variant in variants}) == len(variants)
    assert registry.plan_hash(plan()) == registry.plan_hash(plan())
    registry.record_plan(plan())
    assert registry.plan_history(plan(data="balanced-cues")) == ()


def test_recorded_hashes_are_those_of_the_plans_that_are_published() -> None:
    recorded = {
        name: entry["plans"][-1]["hash"]
        for name, entry in published.studies().items()
        if entry.get("plans") and "grid" not in entry
    }
    assert len(recorded) > 15
    for name, digest in recorded.items():
        assert registry.plan_hash(published.file_plan(name)) == digest, name


def test_a_broken_record_is_an_error() -> None:
    registry.record_plan(plan())
    (file,) = (registry.models_folder() / registry.FOLDER).iterdir()
    file.write_text("{")
    with pytest.raises(StudyError, match="is broken"):
        registry.plan_history(plan())
