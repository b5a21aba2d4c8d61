"""Handouts: the questions of a lesson, and the study of a class, on paper.

Each is the lesson's own data, printed, so that paper and page never differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vlcore.classroom import one_room
from vlcore.classroom.answers import Answer
from vlcore.classroom.lessons import Lesson
from vlcore.classroom.one_room_results import ClassStudy
from vlcore.experiment.captions import quoted_captions
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import read_yaml, text_beside
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import describe_bias
from vlcore.plots.document import Figure, Heading, ImageRow, page_html
from vlcore.plots.theme import LIGHT

GLOSSARY: dict[str, str] = read_yaml(Path(__file__).with_name("glossary.yaml"))
# Terms of measures, which are explained where one is shown.
TERMS = ("silhouette", "total variance")
_FIGURE = (700, 240)  # px: plan and results of a class fit one page


def explained(text: str) -> str:
    """The glossary's entries for terms in a text; empty where there are none."""
    return " ".join(f"“{term}”: {GLOSSARY[term]}" for term in TERMS if term in text.lower())


def handout_html(
    lesson: Lesson,
    groups: ImageRow,
    grouping: Grouping,
    answers: Sequence[Answer] = (),
    take_home: str = "",
) -> str:
    """A lesson as one offline HTML page that prints well, without script or request.

    Args:
        lesson: the lesson.
        groups: images of the groups.
        grouping: of the image set.
        answers: to every question, for the teacher's copy; a student's copy has room to write.
        take_home: the sentence at the end of the teacher's copy.
    """
    models = {str(number): model for number, model in enumerate(lesson.trained, start=1)}
    room = pd.DataFrame({"Because": [""], "What was measured": [""], "What surprised you": [""]})
    parts: list[Any] = [lesson.text, groups, Heading("The models"), _models(models, grouping)]
    for number, step in enumerate(lesson.steps, start=1):
        choices = [f"☐ {choice.text}" for choice in step.choices]
        parts += [Heading(f"{number} · {step.title}"), step.text, step.question]
        parts.append(pd.DataFrame({"Your prediction": choices}))
        parts += answers[number - 1].sentences if answers else [room]
        parts += ["Look at:", *(f"– {look}" for look in step.look)]
    parts += _to_take_home(take_home)
    return _printed(parts, f"{lesson.title}{': with the numbers' if answers else ''}")


def study_html(state: ClassStudy, sentences: Sequence[str], take_home: str = "") -> str:
    """The study of a class: its plan, and its results now.

    Args:
        state: the study.
        sentences: those of `ClassStudy.sentences`.
        take_home: the sentence at the end, if the study has ended.
    """
    study, contrast = state.study, state.contrast
    arms = {str(study.arm_of(condition)): condition for condition in study.conditions[:2]}
    parts: list[Any] = [
        contrast.question,
        one_room.expectation_question(contrast, study.measure, state.grouping),
        state.planned,
        _models(arms, state.grouping),
        Heading("The results"),
    ]
    if chart := state.chart(LIGHT, *_FIGURE):
        spec = chart.to_dict(validate=False)
        parts.append(Figure(spec, spec["description"]))
    parts.append(pd.DataFrame([state.numbers()]))
    return _printed([*parts, *sentences, *_to_take_home(take_home)], state.title)


def _to_take_home(sentence: str) -> list[Any]:
    """The parts with the sentence that a class takes home, if there is one."""
    return [Heading("Take home"), sentence] if sentence else []


def _models(conditions: Mapping[str, Condition], grouping: Grouping) -> pd.DataFrame:
    """How models differ, by their names."""
    rows = []
    for name, condition in conditions.items():
        matched_only = condition.negatives == "none"
        row = {
            "Model": name,
            "Training images of minority groups": (
                describe_bias(condition) if condition.bias else "all kept"
            ),
            "Labels": quoted_captions(condition.labels, grouping),
            "Negatives": "matched only" if matched_only else "matched and mismatched",
            "Steps": condition.steps,
        }
        rows.append(row)
    return pd.DataFrame(rows)


def _printed(parts: Sequence[Any], title: str) -> str:
    """One offline page that prints well, with the glossary at its end."""
    glossary = pd.DataFrame({"Word": list(GLOSSARY), "What it means": list(GLOSSARY.values())})
    style = "\n" + text_beside(__file__, "print.css")
    return page_html([*parts, Heading("Words"), glossary], title, extra_css=style)
