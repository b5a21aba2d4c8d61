"""Hand-out of a lesson: room to write for students, numbers for the lecturer, and nothing that asks a network."""

import dataclasses

import numpy as np
import pytest

from vlcore.charts.html import Pictures
from vlcore.charts.thumbnails import thumb_uri
from vlcore.core.condition import Condition
from vlcore.core.grouping import SCENES
from vlcore.lessons.answers import Answer, Reading
from vlcore.lessons.handout import GLOSSARY, handout_html
from vlcore.lessons.script import EXPERIMENTS, Lesson, lessons
from vlcore.measures.estimate import Estimate

SHOWN = Pictures([thumb_uri(np.zeros((8, 8, 3), dtype=np.uint8))], ["horse <b>"])


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    """One question, with words that are no markup."""
    made = lessons(Condition())[EXPERIMENTS]
    return dataclasses.replace(made, steps=(dataclasses.replace(made.steps[2], text="Most are <gone>."),))


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
        handout_html(lesson, Pictures(["https://example.org/x.png"], ["x"]), SCENES)


def test_a_lecturers_copy_has_the_numbers_instead(lesson: Lesson) -> None:
    step = lesson.steps[0]
    reading = Reading(step, "in these", Estimate(0.61, 0.5, 0.72, 7), runs=True)
    page = handout_html(lesson, SHOWN, SCENES, [Answer(step, [reading])])
    assert "61\u00a0% (50 to 72), n = 7 runs." in page
    assert "<td></td>" not in page
    assert "Nothing was measured yet" in handout_html(lesson, SHOWN, SCENES, [Answer(step, [])])
