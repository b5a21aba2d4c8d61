"""Hand-out of a lesson: the questions with room to write, the models, what to look at, and the words.

It is the lesson's own data printed, so that paper and page never differ.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from vlcore.charts.html import Heading, Pictures, page_html
from vlcore.core.captions import quoted_captions
from vlcore.core.files import script
from vlcore.core.grouping import Grouping
from vlcore.core.wording import describe_bias
from vlcore.lessons.answers import Answer
from vlcore.lessons.script import Lesson

GLOSSARY = {
    "object and context": "What a picture shows, such as a camel, and where, such as in the desert.",
    "group": "An object in a context. There are four.",
    "majority and minority groups": "Groups that bias leaves whole, and groups from which it takes training pictures.",
    "bias": "The share of each minority group that is removed from the training pictures.",
    "short and descriptive labels": "Labels that name the object only, and labels that name the context too.",
    "embedding": "The list of numbers that a model turns a picture or a label into.",
    "cosine similarity": "How near two embeddings are: 1 the same direction, 0 nothing in common.",
    "map": "Two directions of the embeddings drawn on paper. The numbers come from all directions.",
    "silhouette": "How well pictures lie in clouds of one kind: 1 far apart, 0 mixed.",
    "held-out pictures": "Pictures that the model was not trained on.",
    "interval": "Where the true number lies with 95 % confidence, if nothing but chance is at work.",
    "seed": "The number that decides all that is random. Another seed is another run.",
}


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
