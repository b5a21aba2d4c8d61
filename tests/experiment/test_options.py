"""A value of a setting is one entry: offered, checked, named and explained everywhere."""

import pytest

from tests.test_architecture import commands_of
from vlcore.__main__ import parser
from vlcore.experiment import captions, options
from vlcore.experiment.captions import Caption, caption
from vlcore.experiment.condition import Condition, ConditionError, with_settings
from vlcore.experiment.option_names import OPTIONS, offered_on_pages, shown_name
from vlcore.experiment.options import LabelStyle, Mitigation, Negatives, Objective, SizeMode
from vlcore.experiment.wording import title
from vlcore.web import condition_controls as controls


def test_every_entry_says_what_it_is_and_every_label_style_has_its_captions() -> None:
    for entries in (
        options.ARCHITECTURES,
        options.LABEL_STYLES,
        *(known for _, known in options.CHOICES.values()),
    ):
        assert all(entry.sentence.endswith(".") for entry in entries.values())
        names = [entry.words or name for name, entry in entries.items()]
        assert len(set(names)) == len(names)
    assert set(captions.CAPTIONS) == set(options.LABEL_STYLES)


def test_names_in_addresses_stay() -> None:
    assert controls.LABELS == {"short": "undescriptive", "descriptive": "descriptive"}
    assert controls.NEGATIVES == {
        "matched-and-mismatched": "filtered_marginal",
        "matched-only": "none",
    }
    assert controls.ENCODERS == {
        "convolutions-first": "conv_stem",
        "linear-patches": "seed_faithful",
        "pretrained": "pretrained",
        "random-weights": "pretrained@random",
    }
    assert controls.TEXTS == {
        "transformer": "transformer",
        "words": "words",
        "random-words": "words@random",
        "codes": "codes",
    }


@pytest.mark.parametrize(
    ("field", "shown", "stored"),
    [
        (field, shown, stored)
        for field in OPTIONS
        for shown, stored in offered_on_pages(field).items()
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
        "A loss of yours.", words="hinge loss", key="hinge", labels="context", mitigations=("none",)
    )
    monkeypatch.setitem(options.OBJECTIVES, "max_margin", entry)
    condition = Condition(objective="max_margin", labels="context")
    assert "-hinge-s0-" in condition.key
    assert title(condition) == "No bias, labels context, hinge loss"
    for changes in (
        {"labels": "descriptive"},
        {"negatives": "none"},
        {"mitigation": "jtt"},
        {"objective": "poetic"},
    ):
        with pytest.raises(ConditionError, match="max_margin"):
            condition.replace(**changes)


def test_negatives_a_mitigation_and_a_size_mode_are_one_entry_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(
        options.NEGATIVES,
        "near",
        Negatives("Close.", words="near negatives", key="near", named=("object", "context")),
    )
    monkeypatch.setitem(
        options.MITIGATIONS, "prune", Mitigation("Cut.", words="pruning", needs_groups=True)
    )
    half = SizeMode("Half.", counts=lambda n, kept: (n // 2, kept // 2), bias="half")
    monkeypatch.setitem(options.SIZE_MODES, "half", half)
    condition = Condition(
        labels="descriptive", bias=0.5, negatives="near", mitigation="prune", size_mode="half"
    )
    assert "-bce-near-prune-s0-" in condition.key
    assert title(condition) == "half, descriptive labels, near negatives, pruning"
    assert (condition.n_majority, condition.n_minority) == (24, 12)
    for changes in (
        {"labels": "context"},
        {"bias": 1},
        {"negatives": "x"},
        {"mitigation": "x"},
        {"size_mode": "x"},
    ):
        with pytest.raises(
            ConditionError, match=r"labels that name|prune is not|one of .*(near|prune|half)"
        ):
            condition.replace(**changes)


def test_a_label_style_is_its_captions_and_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    loud = LabelStyle("Loud.", words="loud labels", numbers=(1, 3), offered=(2,))
    monkeypatch.setitem(options.LABEL_STYLES, "shout", loud)
    monkeypatch.setitem(
        captions.CAPTIONS, "shout", lambda a: Caption(a.object + "!" * a.number, a.object)
    )
    assert "shout_2" in options.style_names()
    assert caption("shout_3", "horse", "grass") == "horse!!!"
    assert "-shout_3-bce-" in Condition(labels="shout_3").key
    with pytest.raises(ConditionError, match="a number from 1 to 3"):
        Condition(labels="shout_4")
    assert "shout_2" in commands_of(parser())["train"].format_help()
