"""Hand-outs of lessons: the questions with room to write, the models, what to look at, and the
words; of a study of a room its plan and its wall; of repairs what teams changed and what it came
to.

Each is the lesson's own data printed, so that paper and page never differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vlcore.classroom import one_room, one_room_results, repair_results
from vlcore.classroom.answers import Answer
from vlcore.classroom.lessons import Lesson
from vlcore.experiment.captions import quoted_captions
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import read_yaml, text_beside
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import describe_bias, rate
from vlcore.plots.html import Figure, Heading, Pictures, page_html
from vlcore.plots.theme import LIGHT

GLOSSARY: dict[str, str] = read_yaml(Path(__file__).with_name("glossary.yaml"))
TERMS = (
    "silhouette",
    "total variance",
    "dispersion",
    "φ",
    "log odds",
)  # of measures, said where one is shown
_FIGURE = (700, 240)  # px: plan and wall of a room fit one page


def explained(text: str) -> str:
    """What terms of measures in a text mean, as the glossary has it; empty where there are none."""
    return " ".join(f"“{term}”: {GLOSSARY[term]}" for term in TERMS if term in text.lower())


def handout_html(
    lesson: Lesson, pictures: Pictures, grouping: Grouping, answers: Sequence[Answer] = ()
) -> str:
    """A lesson as one offline HTML page that prints well; it has no script and sends no request.
    `pictures` shows the groups; the lecturer's copy has `answers` to every question, a student's
    room to write."""
    models = _models(
        {str(number): one for number, one in enumerate(lesson.trained, start=1)}, grouping
    )
    room = pd.DataFrame({"Because": [""], "What was measured": [""], "What surprised you": [""]})
    parts: list[Any] = [lesson.text, pictures, Heading("The models"), models]
    for number, step in enumerate(lesson.steps, start=1):
        parts += [Heading(f"{number} · {step.title}"), step.text, step.question]
        parts += [
            pd.DataFrame({"Your prediction": [f"☐ {choice.text}" for choice in step.choices]})
        ]
        parts += answers[number - 1].sentences if answers else [room]
        parts += ["Look at:", *(f"– {look}" for look in step.look)]
    return _printed(parts, f"{lesson.title}{': with the numbers' if answers else ''}")


def study_html(
    now: one_room_results.ClassStudy, looks: Mapping[int, float], others: tuple[list[float], int]
) -> str:
    """The study of a room: what was planned before its first run, and what the wall shows now;
    `looks` and `others` are those of `Standing.sentences`."""
    asked = one_room.contrasts(now.usual.with_towers(now.plan.towers), now.grouping)[
        now.plan.contrast
    ]
    study = now.study
    models = _models({str(study.arm_of(one)): one for one in study.conditions[:2]}, now.grouping)
    asks = one_room.expectation_question(asked, now.plan.measure, now.grouping)
    parts: list[Any] = [asked.question, asks, now.planned, models, Heading("What the wall shows")]
    if drawn := now.chart(LIGHT, *_FIGURE, others=others):
        spec = drawn.to_dict(validate=False)
        parts.append(Figure(spec, spec["description"]))
    return _printed(
        [*parts, pd.DataFrame([now.numbers()]), *now.sentences(looks, others)], now.title
    )


def repair_html(found: repair_results.Ranking, about: str, grouping: Grouping) -> str:
    """What teams changed, and what it came to, in hidden places too where they were asked there;
    `about` is the task with its budget."""
    parts: list[Any] = [about, repair_results.changes_table(found.teams)]
    for wall in (found.before, found)[: 1 + found.last]:
        parts.append(
            Heading("The ranking in places that nobody drew" if wall.last else "The ranking")
        )
        parts.append(Figure(wall.chart(LIGHT, *_FIGURE).to_dict(validate=False), wall.words))
        every = [*wall.teams, *wall.others]
        right = [rate(one.elsewhere.as_dict()) if one.elsewhere else one.words for one in every]
        parts += [pd.DataFrame({"Who": [one.name for one in every], "Right": right}), wall.about]
    groups = (
        repair_results.group_table([*found.teams, *found.others], grouping)
        .rename_axis("Who")
        .reset_index()
    )
    return _printed([*parts, Heading("Group by group"), groups], "Repair a training set")


def _models(conditions: Mapping[str, Condition], grouping: Grouping) -> pd.DataFrame:
    """How models differ, by what they are called."""
    rows = [
        {
            "Model": name,
            "Training pictures of minority groups": (
                describe_bias(condition) if condition.bias else "all kept"
            ),
            "Labels": quoted_captions(condition.labels, grouping),
            "Pairs in the loss": (
                "matched only" if condition.negatives == "none" else "matched and mismatched"
            ),
            "Steps": condition.steps,
        }
        for name, condition in conditions.items()
    ]
    return pd.DataFrame(rows)


def _printed(parts: Sequence[Any], title: str) -> str:
    """One offline page that prints well, with the words at its end."""
    words = pd.DataFrame({"Word": list(GLOSSARY), "What it means": list(GLOSSARY.values())})
    return page_html(
        [*parts, Heading("Words"), words],
        title,
        extra_css="\n" + text_beside(__file__, "print.css"),
    )
