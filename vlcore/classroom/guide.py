"""The guide as data (`guide.yaml`): cards that lead a newcomer through the pages, one control each.

All its words are in that file, for translation; its numbers are read from trained models.
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

_RIDDLE = "riddle"  # the key of Home's maps


@dataclass(frozen=True)
class Card:
    """A card of the guide.

    Attributes:
        page: its name in the menu.
        title: of the card.
        say: its texts; of two texts, the second is for missing numbers of the first.
        highlight: key of a control, with a part after it on Home's maps, or with the key's end.
        clear: keys of other controls that are not dimmed.
        settings: values of controls by key.
        done: values of controls when the task is done; empty where there is none.
        maps: what Home's maps show as the card begins, by name.
    """

    page: str
    title: str
    say: tuple[str | tuple[str, str], ...]
    highlight: str
    clear: tuple[str, ...]
    settings: Mapping[str, Any]
    done: Mapping[str, Any]
    maps: Mapping[str, bool]

    @property
    def is_about_riddle(self) -> bool:
        """Whether it is about Home's maps, which not every image set has."""
        return self.highlight.split()[0] == _RIDDLE

    @property
    def text(self) -> str:
        """Its texts, joined."""
        return " ".join(text if isinstance(text, str) else text[0] for text in self.say)

    def filled(
        self, usual: Condition, grouping: Grouping, read: Callable[[str], Artifact]
    ) -> "Card":
        """The card in the words of an image set, with numbers of its models.

        Args:
            usual: condition of the image set.
            grouping: of the image set.
            read: returns a model by its key, or raises StoreError.
        """
        words: dict[str, Any] = dict(placeholders(usual, grouping))
        names = ("one", "two", "three", "four")
        words |= {
            name: _Measured(condition.key, read)
            for name, condition in zip(
                names, plans.find("experiments", usual).conditions, strict=True
            )
        }

        def sentence(text: str | tuple[str, str]) -> str:
            with_numbers, without = (text, text) if isinstance(text, str) else text
            try:
                return with_numbers.format_map(words)
            except StoreError:
                return without.format_map(words)

        return replace(self, title=sentence(self.title), say=tuple(map(sentence, self.say)))


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
            done=entry.get("done", {}),
            maps=entry.get("maps", {}),
        )
        loaded.append(card)
    return tuple(loaded)
