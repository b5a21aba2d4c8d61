"""Edits change the training set and nothing else; what they cannot change is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.test_subset import small_set
from vlcore.data.catalogue import open_set
from vlcore.data.subset import split_parts, training_rows
from vlcore.data.training_set import TrainingSet, by_chance, training_sets
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import MOST, Add, Edit, EditError, Remove, canonical_edits, read_edits
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.templates import CaptionError

BIASED = Condition(bias=0.75, n_per_group=8)
IMAGES = open_set("scenes")  # its table: no test draws into the home that it was opened in
CHOSEN = training_rows(IMAGES, BIASED)
POOL = np.setdiff1d(IMAGES.rows("train"), CHOSEN)
HELD_OUT = {split: int(IMAGES.rows(split)[3]) for split in ("val", "probe", "test")}
# Edits of training images, of the pool, and of images that cannot be changed.
NEAR = st.one_of(
    st.builds(Add, st.sampled_from([*POOL[:9].tolist(), *CHOSEN[:2].tolist(), *HELD_OUT.values()])),
    st.builds(Remove, st.sampled_from([*CHOSEN[:9].tolist(), int(POOL[3])])),
)


def edited(*edits: Edit, **changes: Any) -> TrainingSet:
    condition = BIASED.replace(edits=canonical_edits(edits), **changes)
    return training_sets([IMAGES], condition)[0]


def test_rows_leave_and_join_and_nothing_else_moves() -> None:
    joins, leaves = POOL[[5, 900]].tolist(), CHOSEN[[2, 12]].tolist()
    training = edited(*map(Add, joins), *map(Remove, leaves))
    assert training.rows.tolist() == [
        *(row for row in CHOSEN.tolist() if row not in leaves),
        *joins,
    ]
    assert edited().rows.tolist() == CHOSEN.tolist()
    assert [one.text for one in training.captions] == ["horse", "camel"]
    texts = [training.captions[number].text for number in training.caption_index]
    assert texts == training.table["object"].tolist()


def test_captions_that_a_text_tower_cannot_read_are_refused() -> None:
    greek = "σε αυτή τη φωτογραφία βλέπουμε ένα ζώο, το {object}"
    with pytest.raises(CaptionError, match="word pieces"):
        edited(labels="own", template=greek, text="words")
    assert len(edited(labels="own", template=greek).captions) == 2


@pytest.mark.parametrize(
    ("edits", "changes"),
    [
        *(([Add(row)], {}) for row in HELD_OUT.values()),
        ([Remove(HELD_OUT["test"])], {}),
        ([Add(10**6)], {}),
        ([Add(int(CHOSEN[0]))], {}),
        ([Remove(int(POOL[0]))], {}),
        ([Remove(int(row)) for row in CHOSEN[[8, 9]]], {"mitigation": "groupdro"}),
        (
            [
                Remove(int(row))
                for row in training_rows(IMAGES, BIASED.replace(n_per_group=2, bias=1.0))
            ],
            {"n_per_group": 2, "bias": 1.0},
        ),
    ],
)
def test_what_changes_nothing_or_leaves_too_little_is_refused(
    edits: list[Edit], changes: dict[str, Any]
) -> None:
    edited(**changes)
    with pytest.raises(EditError):
        edited(*edits, **changes)


def test_in_a_set_in_folds_an_edit_holds_where_its_picture_is_trained_on() -> None:
    images = small_set([[1] * 20] * 4, 4)
    folds = split_parts(images, 0)
    condition = BIASED.replace(n_per_group=6, bias=0.5)
    plain = training_sets(folds, condition)
    leaves = int(plain[0].rows[0])
    changed = training_sets(folds, condition.replace(edits=canonical_edits([Remove(leaves)])))
    for fold, one, other in zip(folds, plain, changed, strict=True):
        was_in = leaves in one.rows
        assert not was_in or fold.table["split"].iat[leaves] == "train"
        assert len(one.rows) - len(other.rows) == int(was_in)
        assert leaves not in other.rows
    joins = next(row for row in range(80) if not any(row in one.rows for one in plain))
    added = training_sets(folds, condition.replace(edits=canonical_edits([Add(joins)])))
    assert [joins in one.rows for one in added] == [
        fold.table["split"].iat[joins] == "train" for fold in folds
    ]
    assert sum(joins in one.rows for one in added) == 3
    with pytest.raises(EditError):
        training_sets(folds, condition.replace(edits=canonical_edits([Remove(joins)])))


@settings(max_examples=25)
@given(st.lists(NEAR, max_size=MOST), st.sampled_from(["none", "groupdro", "dfr"]))
def test_every_list_can_be_trained_on_or_is_refused(edits: list[Edit], mitigation: str) -> None:
    try:
        training = edited(*edits, mitigation=mitigation)
    except LabError:  # anything else is a fault
        return
    assert len(training.caption_index) == len(training.table) == len(training.rows) >= 2
    assert training.table["group"].isin(SCENES.names).all()
    assert set(training.rows) <= set(IMAGES.rows("train"))
    assert len(set(training.rows)) == len(training.rows)


def test_a_budget_spent_by_chance_is_of_that_size_and_its_seeds_own() -> None:
    found = [by_chance(IMAGES, BIASED, seed) for seed in (0, 1, 1)]
    assert [len(read_edits(text)) for text in found] == [MOST] * 3
    assert found[0] != found[1] == found[2]
    assert {type(one) for text in found for one in read_edits(text)} == {Add, Remove}
    for text in found:
        training_sets([IMAGES], BIASED.replace(edits=text))
    with pytest.raises(EditError):
        by_chance(small_set([[1] * 2] * 4, 0, "train"), BIASED.replace(n_per_group=2, bias=0), 0)
