"""The published answer: every published number that pages, lessons and documents show.

``answer.json`` lies beside this module, because a wheel has no ``docs/``. Version 0.6.0 computed it
from ``docs/results/runs.parquet``; nothing here computes a number.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from vlcore.experiment.errors import LabError
from vlcore.experiment.wording import points

FILE = Path(__file__).with_name("answer.json")
DIGITS = 1  # of points, wherever a published number is shown
Interval = tuple[float, float, float]  # the estimate, and the ends of its 95% interval


class AnswerError(LabError):
    """A file of the published answer that is missing or damaged; the message says what to do."""


@dataclass(frozen=True)
class PublishedContrast:
    """A published difference between two variants of training, over seed pairs.

    Attributes:
        id: its name, such as ``scenes.background``.
        set: the image set.
        label: what the first variant does that the second does not, in words.
        bias: the share of rare images removed from training.
        towers: ``scratch`` or ``pretrained``, the image encoder.
        text: the text encoder.
        images: ``rare`` or ``common``, the held-out images that are counted.
        readout: ``captions`` or ``balanced probe``, which gives a model's prediction.
        short: mean accuracy of the second variant, mostly short captions; None for a difference
            between two differences.
        other: mean accuracy of the first variant; None where `short` is None.
        points: the difference in percentage points.
        pairs: the number of seed pairs.
        planned: the plan that named it before its runs; empty for an exploratory contrast.
        predicted: the sign that the plan predicted; 0 without a prediction.
    """

    id: str
    set: str
    label: str
    bias: float
    towers: str
    text: str
    images: str
    readout: str
    short: float | None
    other: float | None
    points: Interval
    pairs: int
    planned: str = ""
    predicted: int = 0

    @property
    def sign(self) -> int:
        """1 or -1 where the interval in points lies on one side of 0, else 0."""
        _, low, high = self.points
        return (low > 0) - (high < 0)

    @property
    def in_points(self) -> str:
        """The difference with its interval: ``-5.3 points (-6.4 to -4.2)``."""
        value, low, high = (number / 100 for number in self.points)
        return points({"value": value, "low": low, "high": high}, DIGITS)


@dataclass(frozen=True)
class PublishedClaim:
    """A claim of the 2023 study on an image set: its text, verdict, and the sentence behind it."""

    id: str
    text: str
    set: str
    verdict: str
    sentence: str


@dataclass(frozen=True)
class PublishedNumber:
    """A lesson's number over published seed pairs, in the unit of its question."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class PublishedLesson:
    """What a class takes home from a lesson.

    Attributes:
        take_home: one sentence.
        published: ids of the contrasts behind the sentence.
        steps: by question and image set, the number that answers the question.
    """

    take_home: str
    published: tuple[str, ...] = ()
    steps: Mapping[str, Mapping[str, PublishedNumber]] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishedAnswer:
    """Everything in the file.

    Attributes:
        version: the release that first had these numbers.
        commit: of the code that computed them.
        contrasts: by id.
        claims: one per claim and image set, in the order of the study.
        lessons: by name.
        limits: one sentence each.
    """

    version: str
    commit: str
    contrasts: Mapping[str, PublishedContrast]
    claims: tuple[PublishedClaim, ...]
    lessons: Mapping[str, PublishedLesson]
    limits: tuple[str, ...]

    @property
    def sets(self) -> list[str]:
        """The image sets that have a published contrast, in their order."""
        return list(dict.fromkeys(contrast.set for contrast in self.contrasts.values()))

    def claim(self, name: str, data: str) -> PublishedClaim | None:
        """Find a claim on an image set; None for a set without published claims."""
        return next((claim for claim in self.claims if (claim.id, claim.set) == (name, data)), None)


def published_answer() -> PublishedAnswer:
    """Read the published answer; AnswerError if the file is missing or damaged."""
    try:
        return _read(FILE, FILE.stat().st_mtime_ns)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise AnswerError(
            f"The published answer {FILE.name} is missing or damaged; put {FILE} there again, as it"
            " came with the lab."
        ) from error


@lru_cache(maxsize=2)
def _read(file: Path, _changed: int) -> PublishedAnswer:
    document = json.loads(file.read_text(encoding="utf-8"))
    contrasts = [contrast_of(entry) for entry in document["contrasts"]]
    return PublishedAnswer(
        document["version"],
        document["commit"],
        {contrast.id: contrast for contrast in contrasts},
        tuple(PublishedClaim(**entry) for entry in document["claims"]),
        {name: _lesson(entry) for name, entry in document["lessons"].items()},
        tuple(document["limits"]),
    )


def contrast_of(entry: Mapping[str, Any]) -> PublishedContrast:
    """Read a contrast from its entry in the file."""
    known = {setting.name for setting in fields(PublishedContrast)} & set(entry)
    values = {name: entry[name] for name in known}
    return PublishedContrast(**values | {"points": tuple(entry["points"])})


def _lesson(entry: Mapping[str, Any]) -> PublishedLesson:
    steps = {
        step: {data: PublishedNumber(**number) for data, number in by_set.items()}
        for step, by_set in entry.get("steps", {}).items()
    }
    return PublishedLesson(entry["take_home"], tuple(entry["published"]), steps)
