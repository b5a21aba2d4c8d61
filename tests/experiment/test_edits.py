"""Edits are a set: the same changes are one text, and what cannot be is refused."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlcore.experiment.condition import Condition, ConditionError, from_dict, with_settings
from vlcore.experiment.edits import (
    LONGEST,
    MOST,
    Add,
    Edit,
    EditError,
    Remove,
    canonical_edits,
    read_edits,
)
from vlcore.experiment.wording import title

EDITS = st.builds(Add, st.integers(0, 5000)) | st.builds(Remove, st.integers(0, 5000))


@given(st.lists(EDITS, max_size=MOST), st.data())
def test_order_repetition_and_undoing_change_neither_text_nor_condition(
    edits: list[Edit], data: st.DataObject
) -> None:
    text = canonical_edits(edits)
    undone = [kind(picture) for picture in range(6000, 6003) for kind in (Add, Remove)]
    history = data.draw(st.permutations([*edits, *edits[:3], *undone]))
    assert canonical_edits(history) == canonical_edits(text) == text
    assert canonical_edits(list(read_edits(text))) == text
    assert (Condition(edits=text) == Condition()) == (text == "")
    condition = Condition(bias=0.75, edits=text)
    assert from_dict(json.loads(json.dumps(condition.as_dict()))) == condition
    assert with_settings(Condition(bias=0.75), {"edits": text}) == condition
    assert condition.changes == read_edits(text)
    as_text = json.dumps([one.as_json() for one in history])
    assert Condition(bias=0.75, edits=as_text) == condition


def test_a_repaired_condition_is_another_and_says_how_many_changes_it_has() -> None:
    plain = Condition(bias=0.75)
    keys = {plain.replace(edits=canonical_edits([edit])).key for edit in (Add(1), Remove(1))}
    assert len(keys | {plain.key}) == 3
    assert title(plain.replace(edits=canonical_edits([Add(1)]))).endswith(", 1 change")
    assert title(plain.replace(edits=canonical_edits([Add(1), Add(2)]))).endswith(", 2 changes")
    mixed: Any = [{"kind": "add", "picture": np.int64(3)}, Remove(4)]  # as a notebook has them
    assert Condition(edits=mixed).edits == canonical_edits([Add(3), Remove(4)])


def test_the_key_of_an_edited_condition_is_that_of_version_0_6() -> None:
    edits = canonical_edits([Remove(1394), Add(979), Add(617)])
    assert edits == (
        '[{"kind":"add","picture":617},{"kind":"add","picture":979},'
        '{"kind":"remove","picture":1394}]'
    )
    assert Condition(bias=0.75, edits=edits).key == "scenes-b75-undescriptive-bce-s0-a483e25e"


@pytest.mark.parametrize(
    "bad",
    [
        5,
        "{",
        "[" * 5_000,
        "[null]",
        '[{"kind": "burn"}]',
        '[{"kind": "fade", "share": 0.5}]',
        '[{"kind": "add"}]',
        '[{"kind": "add", "picture": "1"}]',
        '[{"kind": "add", "picture": -1}]',
        '[{"kind": "add", "picture": true}]',
        '[{"kind": "add", "picture": NaN}]',
        '[{"kind": "add", "picture": 1, "by": 2}]',
        [{"kind": "add", "picture": np.bool_(True)}],
        [Add(number) for number in range(MOST + 1)],
        json.dumps([{"kind": "add", "picture": n} for n in range(10_000)]),
        " " * LONGEST + "[1]",
    ],
)
def test_what_cannot_be_read_is_a_sentence(bad: Any) -> None:
    with pytest.raises(ConditionError) as refused:
        Condition(edits=bad)
    assert len(str(refused.value)) < 400
    assert isinstance(refused.value.__cause__, EditError)


def test_a_model_that_is_not_trained_here_has_no_edits() -> None:
    condition = Condition(objective="pretrained", architecture="clip:a/b", steps=0)
    with pytest.raises(ConditionError):
        condition.replace(edits=canonical_edits([Add(1)]))
