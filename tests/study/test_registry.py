"""Plans: written down before the first run, and again when they change."""

import pytest

from tests.api.published import publish
from vlcore.experiment.condition import Condition
from vlcore.study import plans, registry
from vlcore.study.plans import StudyError, StudyPlan

pytestmark = pytest.mark.usefixtures("empty_home")


def of(seeds: int = 2, grid: str = "experiments", **base: object) -> StudyPlan:
    return plans.find(grid, Condition().replace(**base), seeds)


def test_a_plan_is_written_once_and_again_when_it_changes() -> None:
    study, more = of(), of(3)
    assert registry.plan_history(study) == ()
    registry.record_plan(study)
    registry.record_plan(study)
    (first,) = registry.plan_history(study)
    assert (first.hash, first.runs) == (registry.plan_hash(study), 0)
    publish(study.conditions[:5])
    registry.record_plan(more)
    assert [(one.hash, one.runs) for one in registry.plan_history(more)] == [
        (first.hash, 0),
        (registry.plan_hash(more), 5),
    ]
    said = registry.plan_words(more, registry.plan_history(more))
    assert f"Plan {first.hash} was written down on" in said
    assert f"changed to {registry.plan_hash(more)}" in said
    assert "another plan" in registry.plan_words(study, registry.plan_history(study))
    assert "not written down" in registry.plan_words(study, ())


def test_a_hash_names_what_a_study_decides() -> None:
    others = [
        of(3),
        of(grid="class"),
        of(steps=400),
        of(data="balanced-cues"),
        of(recipe="classic"),
        of(init_seed=20),
    ]
    assert len({registry.plan_hash(one) for one in (of(), *others)}) == len(others) + 1
    assert registry.plan_hash(of()) == registry.plan_hash(of())
    registry.record_plan(of())
    assert registry.plan_history(of(data="balanced-cues")) == (), (
        "another image set is another study"
    )


def test_a_broken_plan_is_said() -> None:
    registry.record_plan(of())
    (file,) = (registry.models_folder() / registry.FOLDER).iterdir()
    file.write_text("{")
    with pytest.raises(StudyError, match="is broken"):
        registry.plan_history(of())
