"""A value of a setting is one entry: offered, checked, named and explained everywhere."""

import pytest

from vlcore.experiment import options
from vlcore.experiment.captions import caption
from vlcore.experiment.condition import Condition, ConditionError, with_settings
from vlcore.experiment.options import CHOICES, LabelStyle, Objective, shown_name, stored_names
from vlcore.experiment.wording import title


def test_every_entry_has_a_name() -> None:
    for field, (_, entries) in CHOICES.items():
        assert len(stored_names(field)) == len(entries)


@pytest.mark.parametrize(
    ("field", "shown", "stored"),
    [
        (field, shown, stored)
        for field in ("labels", "negatives", "architecture", "text")
        for shown, stored in stored_names(field).items()
        if shown != "own"
    ],
)
def test_a_condition_takes_the_names_of_pages_and_stores_its_own(
    field: str, shown: str, stored: str
) -> None:
    assert Condition(**{field: shown}) == Condition(**{field: stored})
    assert with_settings(Condition(), {field: shown}) == Condition(**{field: stored})
    assert getattr(Condition(**{field: shown}), field) == stored
    assert shown_name(field, stored) == shown


def test_an_objective_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Objective(
        "A loss of yours.", name="hinge", key="hinge", labels="synonym", mitigations=("none",)
    )
    monkeypatch.setitem(options.OBJECTIVES, "max_margin", entry)
    condition = Condition(objective="hinge", labels="synonym")
    assert "-hinge-s0-" in condition.key
    assert title(condition) == "No bias, synonym captions, objective hinge"
    for changes in (
        {"labels": "descriptive"},
        {"negatives": "none"},
        {"mitigation": "dfr"},
        {"objective": "poetic"},
    ):
        with pytest.raises(ConditionError, match="hinge"):
            condition.replace(**changes)


def test_a_label_style_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    shout = LabelStyle("Loud.", name="loud", template="{coat} {object}!")
    monkeypatch.setitem(options.LABEL_STYLES, "shout", shout)
    assert "shout" in options.style_names()
    assert "shout" in options.style_names({"coat", "sky"})
    assert "shout" not in options.style_names({"sky"})
    assert caption("shout", "horse", "grass") == "bay horse!"
    assert "-shout-bce-" in Condition(labels="loud").key
    assert title(Condition(labels="loud")) == "No bias, loud captions"
