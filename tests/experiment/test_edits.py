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
    Draw,
    Edit,
    EditError,
    Fade,
    Relabel,
    Remove,
    Weigh,
    canonical_edits,
    read_edits,
)
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.wording import title
from vlcore.scenes import COATS, CONTEXTS, OBJECTS

PICTURES = st.integers(0, 5000)
CHOICES = {"coat": st.sampled_from(COATS), "size": st.floats(0.6, 0.74)}
FACTORS = st.fixed_dictionaries({}, optional=CHOICES)
EDITS: dict[type[Edit], st.SearchStrategy[Edit]] = {
    Add: st.builds(Add, PICTURES),
    Draw: st.builds(
        Draw, st.sampled_from(OBJECTS), st.sampled_from(CONTEXTS), st.integers(0, 999), FACTORS
    ),
    Remove: st.builds(Remove, PICTURES),
    Relabel: (
        st.builds(Relabel, PICTURES, st.sampled_from(["descriptive", "context", "partial_25"]))
        | st.builds(
            Relabel,
            PICTURES,
            st.just("own"),
            st.sampled_from(["a lone {object}", "{object} {place}"]),
        )
    ),
    Weigh: st.builds(Weigh, st.sampled_from(SCENES.names), st.floats(0.1, 20)),
    Fade: st.builds(Fade, st.floats(0, 1)),
}
LISTS = st.lists(st.one_of(*EDITS.values()), max_size=MOST)
FIRST = Draw("camel", "snow")


def as_text(edits: list[Edit]) -> str:
    return json.dumps([one.as_json() for one in edits])


def canonical_or_none(edits: list[Edit]) -> str | None:
    try:
        return canonical_edits(edits)
    except EditError:
        return None


@given(LISTS, st.data())
def test_order_repetition_and_undoing_change_neither_text_nor_condition(
    edits: list[Edit], data: st.DataObject
) -> None:
    text = canonical_or_none(edits)
    undone = [kind(picture) for picture in range(6000, 6003) for kind in (Add, Remove)]
    history = data.draw(
        st.permutations([*edits, *edits[:3], *undone, Fade(0.0), Weigh("horse_grass", 1)])
    )
    if text is None:  # two contradict each other, whatever the order
        with pytest.raises(EditError):
            canonical_edits(history)
        return
    assert canonical_edits(history) == canonical_edits(text) == text
    assert canonical_edits(list(read_edits(text))) == text
    assert (Condition(edits=text) == Condition()) == (text == "")
    condition = Condition(bias=0.75, edits=text)
    assert from_dict(json.loads(json.dumps(condition.as_dict()))) == condition
    assert with_settings(Condition(bias=0.75), {"edits": text}) == condition
    assert condition.changes == read_edits(text)
    assert len(text) < 2_500, "an address is no longer"
    assert Condition(bias=0.75, edits=as_text(history)) == condition


def test_a_repaired_condition_is_another_and_says_how_many_changes_it_has() -> None:
    plain = Condition(bias=0.75)
    edits = (Add(1), Remove(1), Weigh("x", 2), Fade(0.5), FIRST)
    keys = {plain.replace(edits=canonical_edits([edit])).key for edit in edits}
    assert len(keys | {plain.key}) == 6
    assert title(plain.replace(edits=canonical_edits([FIRST]))).endswith(", 1 change")
    assert title(plain.replace(edits=canonical_edits([FIRST, Add(2)]))).endswith(", 2 changes")
    mixed: Any = [{"kind": "add", "picture": 3}, FIRST]  # as a notebook has them
    assert Condition(edits=mixed).edits == canonical_edits(mixed)


def test_numbers_of_numpy_and_other_names_of_labels_are_the_same_edits() -> None:
    given_edits: list[dict[str, Any]] = [
        {"kind": "remove", "picture": np.int64(3)},
        {"kind": "draw", "object": "camel", "context": "snow", "number": np.int32(7)},
        {"kind": "weight", "group": "camel_grass", "by": np.int64(2)},
        {"kind": "fade", "share": np.float32(0.3)},
        {"kind": "caption", "picture": np.uint16(4), "style": "short"},
    ]
    as_stored = [
        Remove(3),
        Draw("camel", "snow", 7),
        Weigh("camel_grass", 2.0),
        Fade(0.3),
        Relabel(4, "undescriptive"),
    ]
    assert Condition(edits=given_edits).edits == canonical_edits(as_stored)
    for bad in (np.float64("nan"), np.bool_(True), np.int64(-1)):
        for entry in ({"kind": "fade", "share": bad}, {"kind": "add", "picture": bad}):
            with pytest.raises(EditError):
                canonical_edits([entry])


def test_what_others_take_back_is_gone() -> None:
    assert canonical_edits([Add(3), Remove(3), Relabel(3, "descriptive")]) == ""
    assert canonical_edits([Remove(3), Relabel(3, "descriptive")]) == canonical_edits([Remove(3)])
    text = canonical_edits([Add(10), Add(9), Add(10), FIRST])
    assert read_edits(text) == (Add(9), Add(10), FIRST)


@pytest.mark.parametrize(
    "bad",
    [
        5,
        "{",
        "[" * 5_000,
        "[null]",
        '[{"kind": "burn"}]',
        '[{"kind": "add"}]',
        '[{"kind": "add", "picture": "1"}]',
        '[{"kind": "add", "picture": -1}]',
        '[{"kind": "add", "picture": true}]',
        '[{"kind": "add", "picture": 1, "by": 2}]',
        '[{"kind": "draw", "object": "dog", "context": "snow"}]',
        '[{"kind": "draw", "object": "camel", "context": ["snow"]}]',
        '[{"kind": "draw", "object": "camel", "context": "snow", "number": 1000}]',
        '[{"kind": "draw", "object": "camel", "context": "snow", "factors": {"fur_seed": 1}}]',
        '[{"kind": "draw", "object": "camel", "context": "snow", "factors": {"size": 9}}]',
        '[{"kind": "draw", "object": "camel", "context": "snow", "factors": {"coat": "blue"}}]',
        '[{"kind": "draw", "object": "camel", "context": "snow", "factors": ["coat"]}]',
        '[{"kind": "caption", "picture": 1, "style": "poetic"}]',
        '[{"kind": "caption", "picture": 1, "style": "own"}]',
        '[{"kind": "caption", "picture": 1, "style": "partial_' + "9" * 5_000 + '"}]',
        '[{"kind": "caption", "picture": 1, "style": "own", "template": "<b>{object}"}]',
        '[{"kind": "caption", "picture": 1, "style": "context", "template": "{object}"}]',
        '[{"kind": "weight", "group": "horse_grass", "by": 0}]',
        '[{"kind": "weight", "group": "horse_grass", "by": NaN}]',
        '[{"kind": "weight", "group": 3, "by": 2}]',
        '[{"kind": "fade", "share": 1.5}]',
        '[{"kind": "fade", "share": null}]',
        [Fade(0.5), Fade(0.6)],
        [Weigh("a", 2), Weigh("a", 3)],
        [Relabel(1, "context"), Relabel(1, "descriptive")],
        [Add(number) for number in range(MOST + 1)],
        json.dumps([{"kind": "add", "picture": n} for n in range(10_000)]),
        " " * LONGEST + "[1]",
    ],
)
def test_what_cannot_be_read_or_contradicts_itself_is_a_sentence(bad: Any) -> None:
    with pytest.raises(ConditionError) as refused:
        Condition(edits=bad)
    assert len(str(refused.value)) < 400
    assert isinstance(refused.value.__cause__, EditError)


@pytest.mark.parametrize(
    ("edit", "changes"),
    [
        (FIRST, {"objective": "pretrained", "architecture": "clip:a/b", "steps": 0}),
        (Relabel(1, "descriptive"), {"objective": "ce_object"}),
        (Relabel(1, "descriptive"), {"objective": "simclr", "labels": "constant"}),
        *(
            (Weigh("horse_grass", 2), {"mitigation": name})
            for name in ("reweight", "resample", "groupdro", "jtt")
        ),
    ],
)
def test_what_does_not_go_with_edits_is_refused(edit: Edit, changes: dict[str, Any]) -> None:
    Condition(**changes)
    with pytest.raises(ConditionError):
        Condition(**changes, edits=canonical_edits([edit]))
