"""The lesson plans of docs/teaching.md: their numbers are those that the lessons show."""

import json
import re
from pathlib import Path

import pytest

from vlcore.artifacts import bundled
from vlcore.classroom.answers import Measurement, estimate_in_run, published_measurement
from vlcore.classroom.lessons import lessons
from vlcore.classroom.plan import lesson_plan
from vlcore.experiment.condition import Condition
from vlcore.experiment.wording import rate_words
from vlcore.study.answer_file import published_answer
from vlcore.web.lesson.roles import all_cards

ROOT = Path(__file__).parents[2]
PLANS = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
LESSON = lessons(Condition())["four-experiments"]


def test_every_number_with_an_interval_is_one_that_the_four_experiments_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VLCORE_SHIPPED", str(ROOT / "models" / "shipped"))
    runs = {
        one.key: json.loads((bundled.packed_files(one.key) / "metrics.json").read_text())["end"]
        for one in LESSON.trained
    }
    shown = set()
    for step in LESSON.steps:
        left, right = (runs.get(one.key, {}) for one in step.conditions)
        in_run = estimate_in_run(step.quantity, left, right)
        shown |= {Measurement(step, "", in_run, runs=False).number}
        if published := published_measurement(LESSON, step):
            shown |= {published.number}
    shown |= {rate_words(end["minority_accuracy"]) for end in runs.values()}
    said = set(re.findall(r"[-+]?[\d.]+(?:%| points) \([-+]?[\d.]+ to [-+]?[\d.]+\)", PLANS))
    assert len(said) >= 5
    assert said - {" ".join(one.split()) for one in shown} == set(), "with plain spaces"
    n = published_answer().contrasts["scenes.background"].pairs
    assert f"({n} seed pairs; maps: 10)" in PLANS
    assert f"The {n} seed pairs" in PLANS


def test_every_lesson_has_a_plan() -> None:
    minutes = {
        name: re.findall(r"^## (\d+)", lesson_plan(name), re.MULTILINE) for name in all_cards()
    }
    assert minutes == {
        "four-experiments": ["15", "30"],
        "collapse": ["30"],
        "one-room": ["45"],
        "repair": ["90"],
    }
    assert [int(one) for one in re.findall(r"^## (\d+) minutes", PLANS, re.MULTILINE)] == [
        15,
        30,
        45,
        90,
    ]
