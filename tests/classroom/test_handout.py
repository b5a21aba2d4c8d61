"""Hand-outs of lessons: room to write for students, numbers for the lecturer, plan and wall of a
room, what teams changed and what it came to; and nothing that asks a network."""

import dataclasses
import html
import json
import re

import numpy as np
import pytest

from tests.classroom.test_one_room_results import PLAN, state_of, trained
from vlcore.classroom import one_room_results
from vlcore.classroom.answers import Answer, Measurement
from vlcore.classroom.handout import GLOSSARY, TERMS, explained, handout_html, study_html
from vlcore.classroom.lessons import EXPERIMENTS, Lesson, lessons
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.estimate import Estimate
from vlcore.plots.document import ImageRow
from vlcore.plots.thumbnails import thumb_uri

SHOWN = ImageRow([thumb_uri(np.zeros((8, 8, 3), dtype=np.uint8))], ["horse <b>"])


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    """One question, with words that are no markup."""
    made = lessons(Condition())[EXPERIMENTS]
    return dataclasses.replace(
        made, steps=(dataclasses.replace(made.steps[2], text="Most are <gone>."),)
    )


def test_a_students_copy_has_room_to_write_and_asks_no_network(lesson: Lesson) -> None:
    page = handout_html(lesson, SHOWN, SCENES)
    assert page.count("<td></td>") == 3
    assert "td:empty" in page
    assert "@media print" in page
    assert "Most are &lt;gone&gt;." in page
    assert f"☐ {lesson.steps[0].choices[0].text}" in page
    assert f'<img src="{SHOWN.uris[0]}" alt="horse &lt;b&gt;">' in page
    assert lesson.steps[0].look[0] in page
    assert all(meaning in page for meaning in GLOSSARY.values())
    assert not any(part in page for part in ("<script", "http://", "https://"))
    assert "default-src 'none'" in page
    with pytest.raises(ValueError, match="thumb_uri"):
        handout_html(lesson, ImageRow(["https://example.org/x.png"], ["x"]), SCENES)


def test_a_lecturers_copy_has_the_numbers_instead(lesson: Lesson) -> None:
    step = lesson.steps[0]
    reading = Measurement(step, "in these", Estimate(0.61, 0.5, 0.72, 7), runs=True)
    page = handout_html(lesson, SHOWN, SCENES, [Answer(step, [reading])], "Captions cost.")
    assert "Captions cost." in page
    assert "61\u00a0% (50 to 72), n = 7 seed pairs." in page
    assert "<td></td>" not in page
    assert "Nothing was measured yet" in handout_html(lesson, SHOWN, SCENES, [Answer(step, [])])


def test_terms_of_measures_are_explained_where_a_text_has_them() -> None:
    assert explained("Minority-group accuracy") == ""
    said = explained("Total variance, and the Silhouette of the majority pair")
    terms = ("silhouette", "total variance")
    assert said == " ".join(f"“{term}”: {GLOSSARY[term]}" for term in terms)
    assert set(TERMS) <= set(GLOSSARY)
    assert not {"φ", "log odds"} & set(GLOSSARY)


def charts(page: str) -> list[list[dict[str, object]]]:
    """The rows of the largest table of each chart of a page, which asks for no address."""
    assert "default-src 'none'" in page
    blocks = re.findall(r'<script type="application/json">(.*?)</script>', page)
    return [max(json.loads(block)["datasets"].values(), key=len) for block in blocks]


@pytest.mark.usefixtures("empty_home")
def test_a_rooms_study_on_paper_has_its_plan_and_what_the_wall_shows() -> None:
    now = state_of(PLAN, trained(PLAN, 9))
    sentences = now.sentences({3: 0.04, 8: 0.01})
    page = study_html(now, sentences, "Nobody decides alone.")
    (dots,) = charts(page)
    assert [one["kind"] for one in dots] == ["of the plan"] * 8 + ["beyond the plan"]
    difference = now.results.level.difference  # type: ignore[union-attr]
    assert difference is not None
    said = [
        f"Plan {PLAN.hash} was fixed before the first run.",
        one_room_results.rule(PLAN, SCENES),
        "8 of 8 + 1",
        f"{100 * difference.mean.low:+.1f} to {100 * difference.mean.high:+.1f}",
        f"<td>{difference.p:.2g}</td>",
        *sentences,
        "Nobody decides alone.",
    ]
    assert [one for one in said if one not in html.unescape(page)] == []
    empty = study_html(state_of(PLAN, []), [])
    assert "Take home" not in empty
    assert (charts(empty), "0 of 8" in empty) == ([], True)
