"""In what models differ: every knob is named, and named once."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vlcore.compare.description import differences_in_words, differing
from vlcore.core.condition import Condition

# Of every field, another value that can stand beside the usual ones.
OTHER = {
    "data": "photos", "data_version": "0", "bias": 0.75, "labels": "descriptive", "objective": "siglip",
    "negatives": "product", "logit": "affine", "mitigation": "reweight", "size_mode": "fixed_total",
    "architecture": "seed_faithful", "n_per_group": 12, "steps": 7, "batch_size": 64, "data_seed": 3, "init_seed": 3,
}  # fmt: skip
ALONE = {name: Condition().replace(**{name: value}) for name, value in OTHER.items()}
ALONE["template"] = Condition(labels="own", template="a {object}").replace(template="the {object}")
BOTH = ("left", "right")
USUAL = dict.fromkeys(OTHER, Condition()) | {"template": Condition(labels="own", template="a {object}")}


def test_every_field_of_a_condition_is_tried() -> None:
    assert set(ALONE) == {field.name for field in fields(Condition)}
    for name, condition in ALONE.items():
        assert getattr(condition, name) != getattr(USUAL[name], name)


@pytest.mark.parametrize("name", sorted(ALONE))
def test_any_one_knob_is_named_and_no_other(name: str) -> None:
    assert len(differing([USUAL[name], ALONE[name]])) == 1
    said = differences_in_words([USUAL[name], ALONE[name]], BOTH)
    (word,) = differing([USUAL[name], ALONE[name]])
    assert said == (f"**Twins**: they differ in one thing, the {word}; what differs between the maps comes from that.")


def test_no_two_knobs_have_one_name() -> None:
    words = [differing([USUAL[name], ALONE[name]])[0] for name in ALONE]
    assert len(set(words)) == len(words)


@given(st.sets(st.sampled_from(sorted(set(OTHER) - {"objective", "logit", "negatives", "data", "init_seed"}))))
def test_each_of_several_knobs_is_named_once(names: set[str]) -> None:
    one = Condition().replace(**{name: OTHER[name] for name in names})
    assert sorted(differing([Condition(), one])) == sorted(differing([USUAL[n], ALONE[n]])[0] for n in names)
    assert differing([Condition(), one]) == differing([one, Condition()])


@given(st.permutations(["bias", "labels", "steps"]), st.integers(2, 4))
def test_of_several_models_all_differences_count(names: list[str], count: int) -> None:
    models = [Condition(), *(ALONE[name] for name in names)][:count]
    assert set(differing(models)) == {differing([Condition(), ALONE[name]])[0] for name in names[: count - 1]}


def test_the_seed_is_one_knob_that_sets_two_numbers() -> None:
    assert differing([Condition(), Condition(data_seed=2, init_seed=2)]) == ["seed"]
    assert differing([Condition(), Condition(data_seed=2)]) != ["seed"]
    assert differing([Condition(), Condition(init_seed=2)]) != ["seed"]


def test_what_goes_with_another_knob_is_not_counted_beside_it() -> None:
    assert differing([Condition(), Condition(labels="own", template="one {object}")]) == ["labels"]
    assert differing([Condition(), Condition("photos", "1")]) == ["image set"]


def test_equal_conditions_are_one_map() -> None:
    assert differing([Condition()]) == differing([Condition()] * 4) == []
    assert differences_in_words([Condition(), Condition()], BOTH) == (
        "The models are one and the same condition, so their maps are the same map."
    )


def test_several_differences_have_no_one_cause() -> None:
    assert differences_in_words([Condition(), Condition(bias=0.5, steps=7)], BOTH) == (
        "They differ in 2 things: bias and steps. What differs between the maps cannot be put down to one of them."
    )
    said = differences_in_words([Condition(), Condition(bias=0.5, steps=7, labels="descriptive")], BOTH)
    assert said.startswith("They differ in 3 things: bias, labels and steps. ")


def test_of_several_models_those_that_differ_in_one_thing_are_named() -> None:
    biased, described = Condition(bias=0.5), Condition(labels="descriptive")
    names = ("first", "second", "third", "fourth")
    assert differences_in_words([Condition(), biased, described, described.replace(bias=0.5)], names) == (
        "They differ in 2 things: bias and labels. **Twins**, which differ in one: first and second (bias), first and "
        "third (labels), second and fourth (labels), third and fourth (bias)."
    )
    assert differences_in_words([Condition(), biased, biased.replace(labels="descriptive", steps=7)], names[:3]) == (
        "They differ in 3 things: bias, labels and steps. **Twins**, which differ in one: first and second (bias)."
    )


@given(
    st.lists(st.sampled_from([Condition(bias=b, steps=s) for b in (0, 0.5) for s in (0, 7)]), min_size=2, max_size=4)
)
def test_twins_against_a_slow_reference(conditions: list[Condition]) -> None:
    names = ("first", "second", "third", "fourth")[: len(conditions)]
    said = differences_in_words(conditions, names)
    assume(len({c.bias for c in conditions}) > 1 and len({c.steps for c in conditions}) > 1)
    for one, first in enumerate(conditions):
        for other, second in enumerate(conditions):
            changed = [("bias", first.bias != second.bias), ("steps", first.steps != second.steps)]
            knobs = [name for name, differs in changed if differs]
            twins = other > one and len(knobs) == 1
            named = any(f"{names[one]} and {names[other]} ({knob})" in said for knob in ("bias", "steps"))
            assert named == twins
