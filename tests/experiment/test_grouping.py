"""The order of the names decides who is in the majority; nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlcore.experiment.grouping import Grouping, context_phrase, group_name

NAMES = st.lists(st.text("abcdefgh", min_size=1), min_size=2, max_size=2, unique=True)


@given(NAMES, NAMES)
def test_the_first_belongs_in_the_first_and_the_second_in_the_second(
    objects: list[str], contexts: list[str]
) -> None:
    grouping = Grouping((objects[0], objects[1]), (contexts[0], contexts[1]))
    everything = {group_name(obj, context) for obj in objects for context in contexts}
    belongs = {group_name(objects[place], contexts[place]) for place in (0, 1)}
    assert set(grouping.majority) == belongs
    assert set(grouping.minority) == everything - belongs
    assert grouping.names == tuple(group_name(*pair) for pair in grouping.pairs)
    assert set(grouping.names) == everything


@pytest.mark.parametrize(
    ("context", "phrase"),
    [
        ("grass", "on the grass"),
        ("desert", "in the desert"),
        ("sofa", "on the sofa"),
        ("garden", "in the garden"),
    ],
)
def test_a_context_gets_its_preposition(context: str, phrase: str) -> None:
    assert context_phrase(context) == phrase
