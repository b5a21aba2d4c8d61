"""The lessons as data (`lessons.yaml`): what is asked at each step, what is trained for it, which
number decides.

The answers to a question are ranges of one number that together leave nothing out. A measurement
decides for an answer where its whole interval lies in that answer's range. No answer is written
down as the right one anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlcore.experiment.captions import quoted_captions
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.experiment.files import read_yaml
from vlcore.experiment.grouping import SCENES, Grouping, group_words
from vlcore.experiment.wording import describe_bias
from vlcore.metrics.catalogue import measure_of
from vlcore.study import plans

EXPERIMENTS, COLLAPSE = "four-experiments", "collapse"
LETTERS = "ABCD"


@dataclass(frozen=True)
class Choice:
    """An answer: from `low` on, up to but not with `high`."""

    name: str
    text: str
    low: float
    high: float


@dataclass(frozen=True)
class Quantity:
    """The number that a question is about, of the model on the right. `less` is a measure of the
    same model that is taken off; `beside`, the same measure of the model on the left is."""

    measure: str  # name, with dots, in the metrics of a run
    words: str
    less: str = ""
    beside: bool = False

    @property
    def share(self) -> bool:
        """Whether it is one of 100."""
        return measure_of(self.measure).is_share

    def terms(
        self, left: Mapping[str, Any], right: Mapping[str, Any]
    ) -> list[tuple[Mapping[str, Any], str]]:
        """What is measured of two models, each with its name: the number, and what is taken off it,
        if anything is."""
        if self.less:
            return [(right, self.measure), (right, self.less)]
        return (
            [(right, self.measure), (left, self.measure)]
            if self.beside
            else [(right, self.measure)]
        )


@dataclass(frozen=True)
class Step:
    """One question, the choice of answers, the number that decides, and the models that are shown
    side by side."""

    name: str  # in links and votes
    title: str
    text: str
    question: str
    choices: tuple[Choice, ...]
    quantity: Quantity
    left: Condition
    right: Condition
    claims: tuple[str, ...] = ()  # ids of the study's claims that this is about, the main one first
    says: str = ""  # by the study's text, where that is no claim that is put to a test
    look: tuple[str, ...] = ()  # at what on the maps

    @property
    def conditions(self) -> tuple[Condition, Condition]:
        return self.left, self.right

    def choice(self, name: str) -> Choice:
        return next(choice for choice in self.choices if choice.name == name)


@dataclass(frozen=True)
class Lesson:
    """Steps in their order."""

    name: str
    title: str
    text: str
    steps: tuple[Step, ...]

    @property
    def trained(self) -> list[Condition]:
        """The conditions that are trained for it, in their order."""
        every = dict.fromkeys(condition for step in self.steps for condition in step.conditions)
        return [condition for condition in every if condition.steps]

    def place(self, name: str | None) -> int:
        """Number of a step, from 0; the first where there is none of that name."""
        return next((number for number, step in enumerate(self.steps) if step.name == name), 0)


def placeholders(usual: Condition, grouping: Grouping) -> dict[str, str]:
    """What stands in braces in texts of lessons and of the guide, as an image set has it."""
    *first, last = group_words(grouping).values()
    minority = [group_words(grouping)[group] for group in grouping.minority]
    return {
        "animal": grouping.object_word,
        "n": str(usual.n_per_group),
        "share": f"{100 * STUDY_BIAS:.0f} %",
        "bias": describe_bias(usual.replace(bias=STUDY_BIAS)),
        "groups": f"{', '.join(first)} and {last}",
        "minority_and": " and ".join(minority),
        "minority_or": " or ".join(minority),
        "minority_one": minority[0],
        "Minority_one": minority[0][0].upper() + minority[0][1:],
        "short": quoted_captions("undescriptive", grouping),
        "descriptive": quoted_captions("descriptive", grouping),
    }


def lessons(usual: Condition, grouping: Grouping = SCENES) -> dict[str, Lesson]:
    """All lessons by name; `usual` is what all models share: image set, sizes, steps, seeds."""
    one, two, three, four = plans.find("experiments", usual).conditions
    models = {"one": one, "untrained one": one.untrained, "two": two, "three": three, "four": four}
    models |= {
        "usual": usual,
        "untrained": usual.untrained,
        "literal": usual.replace(negatives="none"),
    }
    words = placeholders(usual, grouping)

    def filled(text: str) -> str:
        return text.format_map(words)

    def step(name: str, asked: dict[str, Any]) -> Step:
        choices = tuple(
            Choice(of, filled(text), *ends) for of, (text, *ends) in asked["choices"].items()
        )
        quantity = Quantity(**{**asked["quantity"], "words": filled(asked["quantity"]["words"])})
        parts: dict[str, Any] = {
            part: filled(asked.get(part, "")) for part in ("title", "text", "question", "says")
        }
        parts |= {part: tuple(asked.get(part, ())) for part in ("claims", "look")}
        parts |= {side: models[asked[side]] for side in ("left", "right")}
        return Step(name, choices=choices, quantity=quantity, **parts)

    made = {}
    for name, lesson in read_yaml(Path(__file__).with_name("lessons.yaml")).items():
        steps = tuple(step(of, asked) for of, asked in lesson["steps"].items())
        made[name] = Lesson(name, lesson["title"], filled(lesson["text"]), steps)
    return made
