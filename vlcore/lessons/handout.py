"""Hand-out of a lesson: the questions with room to write, the models, what to look at, and the words.

It is the lesson's own data printed, so that paper and page never differ."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vlcore.charts.html import Heading, Pictures, page_html
from vlcore.core.captions import quoted_captions
from vlcore.core.files import script, written
from vlcore.core.grouping import Grouping
from vlcore.core.wording import describe_bias
from vlcore.lessons.answers import Answer
from vlcore.lessons.script import Lesson

GLOSSARY: dict[str, str] = written(Path(__file__).with_name("glossary.yaml"))


def handout_html(lesson: Lesson, pictures: Pictures, grouping: Grouping, answers: Sequence[Answer] = ()) -> str:
    """A lesson as one offline HTML page that prints well; it has no script and sends no request. `pictures` shows the
    groups; the lecturer's copy has `answers` to every question, a student's room to write."""
    rows = [
        {
            "Model": number,
            "Training pictures of minority groups": describe_bias(condition) if condition.bias else "all kept",
            "Labels": quoted_captions(condition.labels, grouping),
            "Pairs in the loss": "matched only" if condition.negatives == "none" else "matched and mismatched",
            "Steps": condition.steps,
        }
        for number, condition in enumerate(lesson.trained, start=1)
    ]
    room = pd.DataFrame({"Because": [""], "What was measured": [""], "What surprised you": [""]})
    parts: list[Any] = [lesson.text, pictures, Heading("The models"), pd.DataFrame(rows)]
    for number, step in enumerate(lesson.steps, start=1):
        parts += [Heading(f"{number} · {step.title}"), step.text, step.question]
        parts += [pd.DataFrame({"Your prediction": [f"☐ {choice.text}" for choice in step.choices]})]
        parts += answers[number - 1].sentences if answers else [room]
        parts += ["Look at:", *(f"– {look}" for look in step.look)]
    parts += [Heading("Words"), pd.DataFrame({"Word": list(GLOSSARY), "What it means": list(GLOSSARY.values())})]
    title = f"{lesson.title}{': with the numbers' if answers else ''}"
    return page_html(parts, title, extra_css="\n" + script("print.css"))
