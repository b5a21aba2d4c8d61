"""The guide as data (`guide.yaml`): cards that lead a newcomer through the pages, one control each.

All its words are in that file, for translation; its answer is the published one.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vlcore.classroom.lessons import placeholders
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import read_yaml
from vlcore.experiment.grouping import Grouping

_RIDDLE = "riddle"  # the key of Home's maps


@dataclass(frozen=True)
class Card:
    """A card of the guide.

    Attributes:
        page: its name in the menu.
        title: of the card.
        say: its texts; of two texts, the second is for an image set without a published answer.
        highlight: key of a control, with a part after it on Home's maps, or with the key's end.
        clear: keys of other controls that are not dimmed.
        settings: values of controls by key.
        maps: what Home's maps show as the card begins, by name.
    """

    page: str
    title: str
    say: tuple[str | tuple[str, str], ...]
    highlight: str
    clear: tuple[str, ...]
    settings: Mapping[str, Any]
    maps: Mapping[str, bool]

    @property
    def is_about_riddle(self) -> bool:
        """Whether it is about Home's maps, which not every image set has."""
        return self.highlight.split()[0] == _RIDDLE

    @property
    def text(self) -> str:
        """Its texts, joined."""
        return " ".join(text if isinstance(text, str) else text[0] for text in self.say)

    def filled(self, usual: Condition, grouping: Grouping, answer: str = "") -> "Card":
        """Return the card in the words of an image set.

        Args:
            usual: condition of the image set.
            grouping: of the image set.
            answer: the published answer in one sentence; empty if there is none.
        """
        words = placeholders(usual, grouping) | {"answer": answer}

        def sentence(text: str | tuple[str, str]) -> str:
            chosen = text if isinstance(text, str) else text[not answer]
            return chosen.format_map(words)

        return replace(self, title=sentence(self.title), say=tuple(map(sentence, self.say)))


def _written() -> dict[str, Any]:
    return read_yaml(Path(__file__).with_name("guide.yaml"))


def guide_words() -> dict[str, str]:
    """Words of the guide beside its cards, such as on its buttons."""
    return dict(_written()["words"])


@functools.cache
def cards() -> tuple[Card, ...]:
    """All cards in their order, not filled."""
    document = _written()
    loaded = []
    for entry in document["cards"]:
        card = Card(
            page=entry["page"],
            title=entry["title"],
            say=tuple(text if isinstance(text, str) else tuple(text) for text in entry["say"]),
            highlight=entry["highlight"],
            clear=tuple(entry.get("clear", ())),
            settings=document["pages"][entry["page"]] | entry.get("set", {}),
            maps=entry.get("maps", {}),
        )
        loaded.append(card)
    return tuple(loaded)
