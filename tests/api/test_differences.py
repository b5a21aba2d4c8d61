"""Differences between conditions: every setting is named once, and controlled pairs are found."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.experiment.test_condition import OTHER as ALL_OTHER
from vlcore.api.differences import BASELINES, SETTINGS, controlled_baseline, differing_settings
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import TOWERS

OWN_LABELS = Condition(labels="own", template="a {object}")
# Another value of each setting; a template needs labels of its own.
OTHER = {name: value for name, value in ALL_OTHER.items() if name != "template"}
CHANGED = {name: (Condition(), Condition().replace(**{name: OTHER[name]})) for name in OTHER}
CHANGED["template"] = OWN_LABELS, OWN_LABELS.replace(template="the {object}")
COUPLED = {"objective", "logit", "negatives", "data", "init_seed", "recipe"}


def test_every_setting_has_a_name_of_its_own() -> None:
    assert set(CHANGED) == {field.name for field in fields(Condition)}
    names = [differing_settings(pair) for pair in CHANGED.values()]
    assert {len(settings) for settings in names} == {1}
    assert len({settings[0] for settings in names}) == len(CHANGED)


@given(st.sets(st.sampled_from([name for name in OTHER if name not in COUPLED])))
def test_each_of_several_settings_is_named_once(names: set[str]) -> None:
    condition = Condition().replace(**{name: OTHER[name] for name in names})
    expected = sorted(differing_settings(CHANGED[name])[0] for name in names)
    assert sorted(differing_settings([Condition(), condition])) == expected


@pytest.mark.parametrize(
    ("condition", "settings"),
    [
        (Condition(data_seed=2, init_seed=2), ["seed"]),
        (Condition(labels="own", template="one {object}"), ["captions"]),
        (Condition("photos", "1"), ["image set"]),
        (Condition(recipe="classic"), ["recipe"]),
        (Condition(), []),
    ],
)
def test_settings_that_follow_another_are_not_named(
    condition: Condition, settings: list[str]
) -> None:
    assert differing_settings([Condition(), condition]) == settings


@pytest.mark.parametrize(
    ("condition", "other", "named"),
    [
        (Condition(batch_size=64), Condition(recipe="classic"), "batch_size"),
        (Condition(), Condition(data_seed=1, init_seed=7), "init_seed"),
    ],
)
def test_a_setting_that_does_not_follow_is_named(
    condition: Condition, other: Condition, named: str
) -> None:
    settings = differing_settings([condition, other])
    assert len(settings) == 2
    assert SETTINGS[named] in settings


@pytest.mark.parametrize("field", BASELINES)
def test_a_baseline_differs_in_one_setting(field: str) -> None:
    condition = Condition(bias=0.75).replace(**{field: OTHER[field]})
    baseline, words = controlled_baseline(condition)
    assert words == BASELINES[field]
    differing = [
        name for name in vars(condition) if getattr(condition, name) != getattr(baseline, name)
    ]
    assert differing == [field] + ["batch_size"] * (field == "recipe")


def test_a_template_goes_with_its_labels() -> None:
    assert controlled_baseline(OWN_LABELS) == (Condition(), BASELINES["labels"])


@pytest.mark.parametrize("towers", TOWERS)
def test_a_baseline_has_the_same_towers(towers: str) -> None:
    default = Condition().with_towers(towers)
    assert controlled_baseline(default) is None
    for changes in ({"labels": "descriptive"}, {"bias": 0.75}, {"negatives": "none"}):
        assert controlled_baseline(default.replace(**changes))[0] == default
