"""The guide as data: words of any set, and numbers that are read."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from vlcore.artifacts.store import StoreError
from vlcore.classroom.guide import cards
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.web.shell import PAGES

PETS = Grouping(("cat", "dog"), ("home", "park"))
HERE = {"value": 0.625, "low": 0.5, "high": 0.75, "n": 1000}


def measured(**numbers: Any) -> Any:
    return lambda _key: SimpleNamespace(
        metrics={"end": dict.fromkeys(numbers, HERE) | numbers, "untrained": {}}
    )


def nothing(key: str) -> Any:
    raise StoreError(key)


def test_there_are_a_dozen_cards_over_the_pages_each_short_and_of_one_control() -> None:
    assert 12 <= len(cards()) <= 16
    assert (
        {card.page for card in cards()}
        == {"Home", "Data", "Train", "Compare", "Upload", "Findings"}
        <= {p[1] for p in PAGES}
    )
    assert len({card.title for card in cards()}) == len(cards())
    for card in cards():
        assert 1 <= len(card.say) <= 3
        assert card.highlight not in card.clear
        assert set(card.done) <= set(card.settings), "what is to be done is set otherwise first"
        assert all(card.settings[name] != value for name, value in card.done.items())
    assert {card.page for card in cards() if card.is_about_riddle} == {"Home"}


def test_words_are_those_of_the_set_and_numbers_are_never_written() -> None:
    usual = Condition(data="pets", data_version="1")
    for card in cards():
        told = card.filled(usual, PETS, nothing)
        assert not {"animal", "horse", "camel", "desert"} & set(
            re.findall(r"\w+", f"{told.title} {told.text}")
        )
        assert "{" not in told.text
        texts = [text if isinstance(text, str) else " ".join(text) for text in card.say]
        assert set(re.findall(r"\d+", re.sub(r"{.*?}", "", " ".join(texts)))) <= {"0", "100"}, (
            "but of a slider's end"
        )


@pytest.mark.parametrize(
    "card", [card for card in cards() if any(isinstance(text, tuple) for text in card.say)]
)
def test_numbers_are_the_models_own_and_where_there_is_none_the_sentence_is_another(
    card: Any,
) -> None:
    usual, both = Condition(), {"minority_accuracy": HERE, "majority_accuracy": HERE}
    assert "62\u00a0% (50 to 75)" in card.filled(usual, SCENES, measured(**both)).text
    changed = {**HERE, "value": 0.31}
    told = card.filled(usual, SCENES, measured(**{**both, "minority_accuracy": changed})).text
    assert "31\u00a0% (50 to 75)" in told
    for absent in (nothing, measured()):
        assert "\u00a0%" not in card.filled(usual, SCENES, absent).text
