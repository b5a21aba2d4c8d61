"""A lesson on paper: the questions with room to write, the models, what to look at, and the words.

The one idea: the hand-out is the lesson's own data printed, so that paper and page never differ; the lecturer's copy
has the measured numbers in the place where a student writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from vlcore.charts.html import Heading, Pictures, page_html
from vlcore.charts.theme import LIGHT

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
# Paper is white, and a browser leaves grounds out when it prints; an empty cell is room to write.
_PRINT = """
main { font-size: 1.05rem; }
td:empty { height: 4.5rem; min-width: 13rem; border-bottom: 1px solid #6B7280; }
h2 { break-after: avoid; }
.wide, .row, p, tr { break-inside: avoid; }
@media print {
  main { padding: 0; max-width: none; font-size: 10.5pt; line-height: 1.35; }
  p { margin: .45rem 0; }
  .wide { margin: .6rem 0; }
  th, td { padding: .15rem .9rem .15rem 0; }
  h2:nth-of-type(even) { break-before: page; margin-top: 0; }  /* two questions a page, after one with the models */
  @page { margin: 16mm; }
}
"""


@dataclass(frozen=True)
class Sheet:
    """One step of a lesson on paper.

    Attributes:
        title, text, question: as on the page.
        choices: the answers.
        look: what to look at.
        measured: sentences of what was measured; none on a student's copy.
    """

    title: str
    text: str
    question: str
    choices: Sequence[str]
    look: Sequence[str]
    measured: Sequence[str] = ()


def handout_html(title: str, intro: str, pictures: Pictures, models: pd.DataFrame, sheets: Sequence[Sheet]) -> str:
    """A lesson as one offline HTML page that prints well.

    Args:
        title, intro: of the lesson.
        pictures: what the models see, one of each group.
        models: one row a model that is trained.
        sheets: the steps. Where one has measured sentences, they stand in the place of the lines to write on.

    Returns:
        The page; it has no script and sends no request.
    """
    return page_html(list(_parts(intro, pictures, models, sheets)), title, palette=LIGHT, extra_css=_PRINT)


def _parts(intro: str, pictures: Pictures, models: pd.DataFrame, sheets: Sequence[Sheet]) -> Iterator[Any]:
    yield intro
    yield pictures
    yield Heading("The models")
    yield models
    for number, sheet in enumerate(sheets, start=1):
        yield Heading(f"{number} · {sheet.title}")
        yield sheet.text
        yield sheet.question
        answers = [f"☐ {choice}" for choice in sheet.choices]
        yield pd.DataFrame({"Your prediction": answers})
        if sheet.measured:
            yield from sheet.measured
        else:
            yield pd.DataFrame({"Because": [""], "What was measured": [""], "What surprised you": [""]})
        yield "Look at:"
        yield from (f"– {look}" for look in sheet.look)
    yield Heading("Words")
    yield pd.DataFrame({"Word": list(GLOSSARY), "What it means": list(GLOSSARY.values())})
