"""The guide as data (`guide.yaml`): cards that walk a newcomer over the pages, one idea and one
control each.

All its words are there, for whoever translates them; its numbers are read from the models that are
there.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vlcore.api.model_metrics import describe_measure, estimate_of
from vlcore.artifacts.store import Artifact, StoreError
from vlcore.classroom.lessons import placeholders
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import read_yaml
from vlcore.experiment.grouping import Grouping
from vlcore.study import plans

ATLAS = "atlas"  # the key of Home's maps


@dataclass(frozen=True)
class Card:
    """What is said on a page, what is set there, and what is highlighted: a control by its key, of
    Home's maps a part after it; what is in `clear` is not made quiet either."""

    page: str  # by its name in the menu
    title: str
    say: tuple[
        str | tuple[str, str], ...
    ]  # of two texts, the second is said where numbers of the first are not there
    highlight: str
    clear: tuple[str, ...]
    settings: Mapping[str, Any]  # values of controls by key
    done: Mapping[
        str, Any
    ]  # the values that controls have when what is asked for is done; empty where nothing is

    @property
    def text(self) -> str:
        """All that it says, below its title."""
        return " ".join(text if isinstance(text, str) else text[0] for text in self.say)

    def filled(
        self, usual: Condition, grouping: Grouping, read: Callable[[str], Artifact]
    ) -> "Card":
        """The card in the words of an image set, with numbers of its models; `read` gives one, or a
        StoreError."""
        words: dict[str, Any] = dict(placeholders(usual, grouping))
        names = ("one", "two", "three", "four")
        words |= {
            name: _Measured(condition.key, read)
            for name, condition in zip(
                names, plans.find("experiments", usual).conditions, strict=True
            )
        }

        def sentence(text: str | tuple[str, str]) -> str:
            said, otherwise = (text, text) if isinstance(text, str) else text
            try:
                return said.format_map(words)
            except StoreError:
                return otherwise.format_map(words)

        settings = {name.format_map(words): value for name, value in self.settings.items()}
        return replace(
            self, title=sentence(self.title), say=tuple(map(sentence, self.say)), settings=settings
        )


class _Measured:
    """A model's numbers at the end of its training, in words, by their measures."""

    def __init__(self, key: str, read: Callable[[str], Artifact]) -> None:
        self._key, self._read = key, read

    def __getitem__(self, measure: str) -> str:
        end = self._read(self._key).metrics["end"]
        if estimate_of(end, measure) is None:
            raise StoreError(f"{measure} is not defined of {self._key}.")
        return describe_measure(end, measure)


def _written() -> dict[str, Any]:
    return read_yaml(Path(__file__).with_name("guide.yaml"))


def guide_words() -> dict[str, str]:
    """What the guide says beside its cards, such as on its buttons."""
    return dict(_written()["words"])


@functools.cache
def cards(atlas: bool = True) -> tuple[Card, ...]:
    """All cards in their order, not filled; without those about Home's maps where there is no
    `atlas`."""
    found = []
    for one in _written()["cards"]:
        say = tuple(text if isinstance(text, str) else (text[0], text[1]) for text in one["say"])
        settings = _written()["pages"][one["page"]] | one.get("set", {})
        rest = one["highlight"], tuple(one.get("clear", ())), settings, one.get("done", {})
        found.append(Card(one["page"], one["title"], say, *rest))
    return tuple(card for card in found if atlas or card.highlight.split()[0] != ATLAS)
