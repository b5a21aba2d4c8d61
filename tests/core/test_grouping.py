"""The order of the names decides who is in the majority; nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlcore.core.grouping import SCENES, Grouping, group_name

NAMES = st.lists(st.text("abcdefgh", min_size=1), min_size=2, max_size=2, unique=True)


def test_the_groups_of_the_study() -> None:
    assert SCENES.names == ("horse_grass", "horse_desert", "camel_desert", "camel_grass")
    assert SCENES.majority == ("horse_grass", "camel_desert")
    assert SCENES.minority == ("horse_desert", "camel_grass")


@given(NAMES, NAMES)
def test_the_first_belongs_in_the_first_and_the_second_in_the_second(objects: list[str], contexts: list[str]) -> None:
    grouping = Grouping((objects[0], objects[1]), (contexts[0], contexts[1]))
    everything = {group_name(obj, context) for obj in objects for context in contexts}
    belongs = {group_name(objects[place], contexts[place]) for place in (0, 1)}
    assert set(grouping.majority) == belongs
    assert set(grouping.minority) == everything - belongs
    assert grouping.names == tuple(group_name(*pair) for pair in grouping.pairs)
    assert set(grouping.names) == everything


@given(NAMES, NAMES)
def test_other_orders_swap_the_sides(objects: list[str], contexts: list[str]) -> None:
    grouping = Grouping((objects[0], objects[1]), (contexts[0], contexts[1]))
    turned = Grouping((objects[1], objects[0]), (contexts[0], contexts[1]))
    assert set(turned.majority) == set(grouping.minority)
    both = Grouping((objects[1], objects[0]), (contexts[1], contexts[0]))
    assert set(both.majority) == set(grouping.majority)


def test_a_grouping_is_a_value() -> None:
    assert Grouping() == SCENES
    assert hash(Grouping()) == hash(SCENES)
    with pytest.raises(AttributeError):
        SCENES.objects = ("cow", "cat")  # type: ignore[misc]
