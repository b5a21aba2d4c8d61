"""Lessons of questions, a YAML file each: the question of each step, its models, and the deciding
number.

The answers to a question are ranges of one number that together exclude nothing. A measurement
decides for an answer where its whole interval is in that answer's range. No answer is stored as the
right one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vlcore.experiment.captions import quoted_captions
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.experiment.files import read_yaml
from vlcore.experiment.grouping import SCENES, Grouping, group_words
from vlcore.experiment.wording import describe_bias
from vlcore.metrics.catalogue import measure_of
from vlcore.study import plans

LETTERS = "ABCD"


@dataclass(frozen=True)
class Choice:
    """An answer: the range from `low` to below `high`."""

    name: str
    text: str
    low: float
    high: float


@dataclass(frozen=True)
class Quantity:
    """The number that a question is about, of the model on the right.

    Attributes:
        measure: name, with dots, in the metrics of a run.
        words: its description.
        less: a measure of the same model that is subtracted.
        less_left: whether the same measure of the model on the left is subtracted.
    """

    measure: str
    words: str = ""
    less: str = ""
    less_left: bool = False

    @property
    def share(self) -> bool:
        """Whether it is one of 100."""
        return measure_of(self.measure).is_share

    def terms(
        self, left: Mapping[str, Any], right: Mapping[str, Any]
    ) -> list[tuple[Mapping[str, Any], str]]:
        """The metrics and measure of the number, and of what is subtracted, if anything is."""
        terms = [(right, self.measure)]
        if self.less:
            terms.append((right, self.less))
        elif self.less_left:
            terms.append((left, self.measure))
        return terms


@dataclass(frozen=True)
class LessonStep:
    """One question, its answers, the number that decides, and two models side by side.

    Attributes:
        name: in links and votes.
        title: of the step.
        text: before the question.
        question: of the step.
        choices: the answers.
        quantity: the number that decides.
        left: a model.
        right: the model that the number is of.
        says: what the study's text says about it.
        look: what to look at on the maps.
    """

    name: str
    title: str
    text: str
    question: str
    choices: tuple[Choice, ...]
    quantity: Quantity
    left: Condition
    right: Condition
    says: str = ""
    look: tuple[str, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, Condition]:
        return self.left, self.right

    def choice(self, name: str) -> Choice:
        return next(choice for choice in self.choices if choice.name == name)


@dataclass(frozen=True)
class LessonCard:
    """What a teacher asks before a lesson is chosen.

    Attributes:
        title: of the lesson.
        order: its place among the lessons.
        minutes: how long it takes.
        phones: whether students need phones, and what for.
        learn: what students learn, a sentence.
    """

    title: str
    order: int
    minutes: str
    phones: str
    learn: str


def cards() -> dict[str, LessonCard]:
    """The cards of the lessons of questions, by name."""
    names = [field.name for field in fields(LessonCard)]
    return {
        name: LessonCard(**{field: lesson[field] for field in names})
        for name, lesson in _documents().items()
    }


def _documents() -> dict[str, dict[str, Any]]:
    """The files of the lessons by name, in their order."""
    documents = {file.stem: read_yaml(file) for file in Path(__file__).parent.glob("*.yaml")}
    return dict(sorted(documents.items(), key=lambda item: item[1]["order"]))


@dataclass(frozen=True)
class Lesson:
    """Steps in their order."""

    name: str
    title: str
    text: str
    steps: tuple[LessonStep, ...]

    @property
    def trained(self) -> list[Condition]:
        """The conditions that are trained for it, in their order."""
        conditions = dict.fromkeys(model for step in self.steps for model in step.conditions)
        return [condition for condition in conditions if condition.steps]

    def place(self, name: str | None) -> int:
        """Number of a step, from 0; the first where there is none of that name."""
        return next((number for number, step in enumerate(self.steps) if step.name == name), 0)


def placeholders(usual: Condition, grouping: Grouping) -> dict[str, str]:
    """The values of placeholders in texts of lessons and of the guide, for an image set."""
    words = list(group_words(grouping).values())
    # Words with a comma of their own need another one between them.
    comma = "; " if any("," in group for group in words) else ", "
    minority = [group_words(grouping)[group] for group in grouping.minority]
    return {
        "animal": grouping.object_word,
        "n": str(usual.n_per_group),
        "share": f"{100 * STUDY_BIAS:.0f}%",
        "bias": describe_bias(usual.replace(bias=STUDY_BIAS)),
        "groups": f"{comma.join(words[:-1])}{comma.strip(', ')} and {words[-1]}",
        "minority_and": f"{comma.strip(', ')} and ".join(minority),
        "minority_or": f"{comma.strip(', ')} or ".join(minority),
        "short": quoted_captions("undescriptive", grouping),
        "descriptive": quoted_captions("descriptive", grouping),
    }


def lessons(usual: Condition, grouping: Grouping = SCENES) -> dict[str, Lesson]:
    """All lessons by name; `usual` is what all models share: image set, sizes, steps, seeds."""
    experiments = dict(
        zip(
            ("one", "two", "three", "four"),
            plans.find("experiments", usual).conditions,
            strict=True,
        )
    )
    models = {
        **experiments,
        "untrained one": experiments["one"].untrained,
        "usual": usual,
        "untrained": usual.untrained,
        "literal": usual.replace(negatives="none"),
    }
    words = placeholders(usual, grouping)

    def filled(text: str) -> str:
        return text.format_map(words)

    def step(name: str, entry: Mapping[str, Any]) -> LessonStep:
        quantity = {**entry["quantity"], "words": filled(entry["quantity"]["words"])}
        return LessonStep(
            name,
            title=filled(entry["title"]),
            text=filled(entry["text"]),
            question=filled(entry["question"]),
            choices=tuple(
                Choice(choice, filled(text), *ends)
                for choice, (text, *ends) in entry["choices"].items()
            ),
            quantity=Quantity(**quantity),
            left=models[entry["left"]],
            right=models[entry["right"]],
            says=filled(entry.get("says", "")),
            look=tuple(entry.get("look", ())),
        )

    loaded = {}
    for name, lesson in _documents().items():
        steps = tuple(step(step_name, entry) for step_name, entry in lesson["steps"].items())
        loaded[name] = Lesson(name, lesson["title"], filled(lesson["text"]), steps)
    return loaded
