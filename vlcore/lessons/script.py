"""The lessons as data: what is asked at each step, what is trained for it, and which number decides.

The answers to a question are ranges of one number that together leave nothing out. A measurement decides
for an answer where its whole interval lies in that answer's range; else nothing is decided. No answer is written down
as the right one anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vlcore.core.captions import quoted_captions
from vlcore.core.condition import STUDY_BIAS, Condition
from vlcore.core.grouping import SCENES, Grouping, group_words
from vlcore.core.wording import describe_bias
from vlcore.measures.catalogue import measure_of
from vlcore.studies import plans
from vlcore.studies.statistics.paired import MARGIN

EXPERIMENTS, COLLAPSE = "four-experiments", "collapse"
LETTERS = "ABCD"
ALIKE = 0.1  # silhouettes nearer than this count as alike


@dataclass(frozen=True)
class Choice:
    """An answer: from `low` on, up to but not with `high`."""

    name: str
    text: str
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True)
class Quantity:
    """The number that a question is about, of the model on the right.

    Attributes:
        measure: name, with dots, in the metrics of a run.
        words: of the number.
        less: a measure of the same model that is taken off.
        beside: whether the same measure of the model on the left is taken off.
    """

    measure: str
    words: str
    less: str = ""
    beside: bool = False

    @property
    def share(self) -> bool:
        """Whether it is one of 100."""
        return measure_of(self.measure).is_share


@dataclass(frozen=True)
class Step:
    """One question, and what answers it.

    Attributes:
        name: in links and votes.
        title, text, question: what the room sees first.
        choices: the answers.
        quantity: the number that decides.
        left, right: what is trained and shown side by side.
        claims: ids of the study's claims that this is about, the main one first.
        says: what the study's text says here, where that is no claim that is put to a test.
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
    claims: tuple[str, ...] = ()
    says: str = ""
    look: tuple[str, ...] = ()

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


def lessons(usual: Condition, grouping: Grouping = SCENES) -> dict[str, Lesson]:
    """All lessons by name.

    Args:
        usual: what all models share (image set, sizes, steps, seeds).
        grouping: the names of the set's groups.
    """
    return {lesson.name: lesson for lesson in (_four_experiments(usual, grouping), _collapse(usual, grouping))}


def _sorting(animal: str) -> tuple[Choice, ...]:
    return (
        Choice("object", f"by {animal}", high=-ALIKE),
        Choice("both", f"by {animal} and background about alike", -ALIKE, ALIKE),
        Choice("context", "by background", ALIKE),
    )


def _sides(animal: str) -> Quantity:
    return Quantity(
        "silhouette_context", f"Silhouette by background less that by {animal}", less="silhouette_object"
    )  # fmt: skip


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _four_experiments(usual: Condition, grouping: Grouping) -> Lesson:
    one, two, three, four = plans.find("experiments", usual).conditions
    animal, names = grouping.object_word, group_words(grouping)
    minority = [names[group] for group in grouping.minority]
    steps = (
        Step(
            name="short-labels",
            title="No bias, short labels",
            text=f"A small model has seen {usual.n_per_group} pictures of each of four groups: "
            f"{_listed(list(names.values()))}. The labels say only {quoted_captions('undescriptive', grouping)}. "
            "Now it meets pictures that it has never seen, and puts those that it finds alike near each other.",
            question="By what will the new pictures sort?",
            choices=_sorting(animal),
            quantity=_sides(animal),
            left=one.untrained,
            right=one,
            claims=("C1", "C8"),
            look=(
                "Left is the same model before its first step. By what does it sort already?",
                "Where are the captions, the diamonds?",
                "Find a picture that lies on the wrong side, and point at it. Can you see why?",
            ),
        ),
        Step(
            name="descriptive-labels",
            title="No bias, descriptive labels",
            text=f"The same pictures, the same number of steps. But now each label names the place too: "
            f"{quoted_captions('descriptive', grouping)}.",
            question="By what will the new pictures sort now?",
            choices=_sorting(animal),
            quantity=_sides(animal),
            left=one,
            right=two,
            claims=("C2", "C3"),
            look=(
                "How many clouds are there on the left, and how many on the right?",
                "Which groups moved towards each other?",
                "Compare the group accuracies below the maps, with their intervals.",
            ),
        ),
        Step(
            name="bias",
            title="Bias, short labels",
            text=f"Most of two groups is taken away from the training pictures, {_listed(minority)}: "
            f"{describe_bias(three)}. The labels are short again.",
            question=f"How often will the model name the {animal} right in new pictures of {' or '.join(minority)}?",
            choices=(
                Choice("nearly-always", "nearly always: 90 % or more", 0.9),
                Choice("mostly", "mostly: 70 to 90 %", 0.7, 0.9),
                Choice("a-little", "a little better than a coin: 50 to 70 %", 0.5, 0.7),
                Choice("background", "less than half: it goes by the background", high=0.5),
            ),
            quantity=Quantity("minority_accuracy", "Right on minority pictures"),
            left=one,
            right=three,
            claims=("C6", "C5", "C4"),
            look=(
                "Look for the marks with a ring. Which cloud are they near, left and right?",
                "Has the bias changed the two majority groups too?",
            ),
        ),
        Step(
            name="bias-and-labels",
            title="Bias, descriptive labels",
            text=f"The same biased pictures, {describe_bias(four)}. But the labels name the place too. This is the "
            "question of the study: does that change anything for the groups that the model has hardly seen?",
            question=f"Compared with short labels: how often will it name the {animal} right in new minority pictures?",
            choices=(
                Choice("less", "less often: by 5 points or more", high=-MARGIN),
                Choice("same", "about as often: within 5 points", -MARGIN, MARGIN),
                Choice("more", "more often: by 5 points or more", MARGIN),
            ),
            quantity=Quantity(
                "minority_accuracy",
                "Right on minority pictures, descriptive less short labels",
                beside=True,
            ),
            left=three,
            right=four,
            claims=("C7",),
            look=(
                "Left short labels, right descriptive ones; all else is the same, the seed too.",
                "Which of the two minority groups differs more?",
                "Would you trust one run? Look at the interval over several.",
            ),
        ),
    )
    text = (
        f"Four models, about 15 minutes. They differ in two things: whether the training pictures are biased "
        f"({100 * STUDY_BIAS:.0f} % of two groups removed), and whether labels name the place. Before each is "
        "trained, say what you expect."
    )
    return Lesson(EXPERIMENTS, "The four experiments", text, steps)


def _collapse(usual: Condition, grouping: Grouping) -> Lesson:
    animal = grouping.object_word
    literal = usual.replace(negatives="none")
    right = Quantity("balanced_accuracy", "Right on all groups")
    shares = (
        Choice("nearly-always", "nearly always: 90 % or more", 0.9),
        Choice("mostly", "mostly: 70 to 90 %", 0.7, 0.9),
        Choice("a-little", "a little better than a coin: 55 to 70 %", 0.55, 0.7),
        Choice("coin", "no better than a coin: below 55 %", high=0.55),
    )
    steps = (
        Step(
            name="matched-only",
            title="Matched pairs only",
            text="The study's text, taken word for word: each picture is compared with its own label alone, and the "
            "loss asks for as much similarity as there can be. No label that does not fit is ever shown.",
            question=f"The loss will fall. How often will the model name the {animal} of a new picture right?",
            choices=shares,
            quantity=right,
            left=usual.untrained,
            right=literal,
            says="binary cross entropy on the similarity of each image with its own label",
            look=(
                "Left before the first step, right after the last. Which looks tidier?",
                "What would a model do that wants every similarity to be as high as it can be?",
            ),
        ),
        Step(
            name="how-far-apart",
            title="What a map does not show",
            text="A map shows two directions out of many, and is stretched until it fills its frame. The total "
            "variance is not: it is 0 when all pictures lie in one point, and cannot exceed 1.",
            question="How far apart do the pictures of this model lie?",
            choices=(
                Choice("point", "practically in one point: below 0.01", high=0.01),
                Choice("close", "close together: 0.01 to 0.5", 0.01, 0.5),
                Choice("apart", "far apart: 0.5 or more", 0.5),
            ),
            quantity=Quantity("total_variance", "Total variance of the pictures"),
            left=usual.untrained,
            right=literal,
            look=(
                "Read the total variance above each map before you look at the clouds.",
                "What would this map look like at the scale of the left one?",
            ),
        ),
        Step(
            name="mismatched-too",
            title="Mismatched pairs too",
            text="Now each picture is also compared with a label that does not fit, and the loss asks for little "
            "similarity there. All else stays the same: pictures, labels, seed, number of steps.",
            question=f"How often will the model name the {animal} of a new picture right now?",
            choices=shares,
            quantity=right,
            left=literal,
            right=usual,
            look=(
                "Left matched pairs only, right mismatched ones too.",
                "What does a model need to be shown so that it has to tell things apart?",
            ),
        ),
    )
    text = (
        "Three questions, about 10 minutes: what happens to a model that is only ever shown what fits, and how a map "
        "can hide it."
    )
    return Lesson(COLLAPSE, "Collapse", text, steps)
