"""Handouts: a lesson on one page of paper, to write on, or with the answers for the lecturer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vlcore.experiment.files import read_yaml, text_beside
from vlcore.plots.blocks import Heading
from vlcore.plots.document import ImageRow, page_html

# Terms of metrics, which are explained where one is shown.
GLOSSARY: dict[str, str] = read_yaml(Path(__file__).with_name("glossary.yaml"))


@dataclass(frozen=True)
class Question:
    """A question on paper.

    Attributes:
        text: the question, after what leads to it.
        choices: the answers to choose from.
        answers: sentences for the lecturer; a student's copy has room to write instead.
    """

    text: str
    choices: Sequence[str] = ()
    answers: Sequence[str] = ()


def explained(text: str) -> str:
    """Return the glossary's entries for terms in a text; empty where there are none."""
    return " ".join(
        f"“{term}”: {meaning}" for term, meaning in GLOSSARY.items() if term in text.lower()
    )


def handout_html(
    title: str,
    text: str,
    questions: Sequence[Question],
    groups: ImageRow | None = None,
    take_home: str = "",
) -> str:
    """Write a lesson as one offline HTML page that prints on one sheet, without script or request.

    Args:
        title: of the lesson.
        text: what it is about.
        questions: with their answers on a lecturer's copy.
        groups: images of the groups.
        take_home: the sentence at the end of a lecturer's copy.
    """
    parts: list[Any] = [text, groups] if groups else [text]
    for number, question in enumerate(questions, start=1):
        parts.append(f"{number}. {question.text}")
        if question.choices:
            parts.append("   ".join(f"☐ {choice}" for choice in question.choices))
        parts += question.answers or [pd.DataFrame({"Because": [""], "What was measured": [""]})]
    if take_home:
        parts += [Heading("Take home"), take_home]
    return page_html(parts, title, extra_css="\n" + text_beside(__file__, "print.css"))
