"""The guide as data: words of any set, and numbers that are read."""

import re

from vlcore.classroom.guide import cards
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.web.shell import PAGES

PETS = Grouping(("cat", "dog"), ("home", "park"))


def test_six_short_cards_are_each_about_one_control() -> None:
    assert [card.page for card in cards()] == [
        "Home",
        "Home",
        "Data",
        "Compare",
        "Upload",
        "Findings",
    ]
    assert {card.page for card in cards()} <= {page[1] for page in PAGES}
    assert len({card.title for card in cards()}) == len(cards())
    for card in cards():
        assert 1 <= len(card.say) <= 3
        assert card.highlight not in card.clear
    assert {card.page for card in cards() if card.is_about_riddle} == {"Home"}


def test_words_are_those_of_the_set_and_numbers_are_never_written() -> None:
    usual = Condition(data="pets", data_version="1")
    for card in cards():
        told = card.filled(usual, PETS)
        assert not {"animal", "horse", "camel", "desert"} & set(
            re.findall(r"\w+", f"{told.title} {told.text}")
        )
        assert "{" not in told.text
        texts = [text if isinstance(text, str) else " ".join(text) for text in card.say]
        assert not re.findall(r"\d+", re.sub(r"{.*?}", "", " ".join(texts)))


def test_the_answer_is_the_published_one_or_another_sentence_is_said() -> None:
    last = cards()[-1]
    assert last.filled(Condition(), SCENES, "Because.").text == "Because."
    assert last.filled(Condition(), SCENES).text not in ("", "Because.")
