"""A value of a setting is one entry: it is offered, checked, named and explained wherever its setting is."""

from __future__ import annotations

import pytest

from vlcore.__main__ import parser
from vlcore.core import captions, options
from vlcore.core.captions import Caption, caption
from vlcore.core.condition import Condition, ConditionError
from vlcore.core.options import LABEL_STYLES, OBJECTIVES, LabelStyle, Objective
from vlcore.core.wording import title
from vlcore.ui.condition_controls import ENCODERS, LABELS, NEGATIVES


@pytest.mark.parametrize(
    "registry",
    ["OBJECTIVES", "NEGATIVES", "LOGITS", "MITIGATIONS", "SIZE_MODES", "ARCHITECTURES", "LABEL_STYLES"],
)
def test_every_entry_says_what_it_is(registry: str) -> None:
    entries = getattr(options, registry)
    assert all(entry.sentence.endswith(".") for entry in entries.values())
    names = [entry.words or name for name, entry in entries.items()]
    assert len(set(names)) == len(names)


def test_every_label_style_has_its_captions() -> None:
    assert set(captions.CAPTIONS) == set(LABEL_STYLES)


def test_names_in_addresses_stay() -> None:
    assert LABELS == {"short": "undescriptive", "descriptive": "descriptive"}
    assert NEGATIVES == {"matched-and-mismatched": "filtered_marginal", "matched-only": "none"}
    assert ENCODERS == {"convolutions-first": "conv_stem", "linear-patches": "seed_faithful"}


def test_an_objective_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Objective("A loss of yours.", words="hinge loss", key="hinge", labels="context", mitigations=("none",))
    monkeypatch.setitem(OBJECTIVES, "max_margin", entry)
    condition = Condition(objective="max_margin", labels="context")
    assert "-hinge-s0-" in condition.key
    assert title(condition) == "No bias, labels context, hinge loss"
    for changes in ({"labels": "descriptive"}, {"negatives": "none"}, {"mitigation": "jtt"}):
        with pytest.raises(ConditionError, match="max_margin"):
            condition.replace(**changes)
    with pytest.raises(ConditionError, match=r"choose one of .*max_margin"):
        Condition(objective="poetic")
    assert "max_margin" in options.objectives_here()


def test_a_label_style_is_its_captions_and_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LABEL_STYLES, "shout", LabelStyle("Loud.", words="loud labels", numbers=(1, 3), offered=(2,)))
    monkeypatch.setitem(
        captions.CAPTIONS, "shout", lambda asked: [(Caption(asked.object + "!" * asked.number, asked.object), 1.0)]
    )
    assert "shout_2" in options.style_names()
    assert caption("shout_3", "horse", "grass") == "horse!!!"
    assert "-shout_3-bce-" in Condition(labels="shout_3").key
    with pytest.raises(ConditionError, match="a number from 1 to 3"):
        Condition(labels="shout_4")
    assert "shout_2" in parser()._subparsers._group_actions[0].choices["train"].format_help()  # type: ignore
