"""Who taught it that: a sheet holds the blamed images, a guess is of its images alone, and chance
is told beside it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlcore.api.explain import Explanation, MarginQuestion
from vlcore.classroom import who_taught_it
from vlcore.classroom.session import LessonError, start_session
from vlcore.classroom.who_taught_it import BIAS, FIRST, SHEET, WHO_TAUGHT_IT, Sheet
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import MOST

IMAGES = open_set("scenes")
SHEET_OF_TWENTY = Sheet(tuple(range(100, 120)), (100, 103, 106))


def explanation(count: int) -> Explanation:
    """Training images whose influence falls with their row."""
    rows = np.arange(count)
    images = pd.DataFrame(
        {
            "row": rows,
            "object": "horse",
            "context": "grass",
            "group": "horse_grass",
            "caption": "horse",
            "influence": -rows.astype(float),
            "similarity": 0.0,
        }
    )
    question = MarginQuestion(np.zeros((1, 2)), "camel", "horse")
    return Explanation(Condition(), question, np.array([-3.14]), images, "remove", MOST, 0.0)


@pytest.mark.parametrize("count", [20, 106])
def test_a_sheet_has_the_blamed_images_among_others_by_chance(count: int) -> None:
    sheet = who_taught_it.sheet_of(explanation(count))
    assert set(sheet.blamed) == set(range(count - MOST, count))
    assert set(sheet.blamed) < set(sheet.rows)
    assert len(set(sheet.rows)) == len(sheet.rows) == min(SHEET, count)
    assert sheet == who_taught_it.sheet_of(explanation(count)), "everybody has the same"
    assert list(sheet.rows) != sorted(sheet.rows)


def test_a_guess_is_turned_image_by_image_up_to_as_many_as_are_blamed() -> None:
    guess = ""
    for row in (105, 100, 103):
        guess = SHEET_OF_TWENTY.turned(guess, row)
    assert SHEET_OF_TWENTY.read(guess) == [105, 100, 103]
    assert SHEET_OF_TWENTY.is_complete(guess)
    assert SHEET_OF_TWENTY.hits(guess) == 2
    with pytest.raises(LessonError):
        SHEET_OF_TWENTY.turned(guess, 119)
    assert SHEET_OF_TWENTY.read(SHEET_OF_TWENTY.turned(guess, 100)) == [105, 103]


@given(st.text() | st.lists(st.integers(90, 125)).map(lambda rows: "-".join(map(str, rows))))
def test_whatever_an_address_has_a_guess_is_of_images_of_the_sheet(text: str) -> None:
    rows = SHEET_OF_TWENTY.read(text)
    assert len(rows) == len(set(rows)) <= 3
    assert set(rows) <= set(SHEET_OF_TWENTY.rows)


def test_the_score_counts_complete_guesses_beside_chance() -> None:
    votes = {"100-103-106": 2, "100-101-102": 2, "100": 7, "nonsense": 1}
    score = SHEET_OF_TWENTY.score("100-101-102", votes)
    assert "You found 1 of 3" in score
    assert "found 2.0 on average, in 4 guesses" in score
    random = np.random.default_rng(0)
    found = [np.isin(random.permutation(20)[:3], (0, 3, 6)).sum() for _ in range(4000)]
    low, high = np.quantile(found, [0.025, 0.975])
    assert f"({low:g} to {high:g})" in score
    of_one = SHEET_OF_TWENTY.score("100", votes)
    assert "1 image has 0.1 of them" in of_one
    assert "3 images have 0.5 of them" in of_one, "as many as the class had"
    assert "1 image has 0.1 of them (0 to 1)" in SHEET_OF_TWENTY.score("100", {}), "3 in 20"
    alone = SHEET_OF_TWENTY.score(None, {})
    assert "You" not in alone
    assert "class" not in alone


def test_only_the_presenter_has_a_step_explained() -> None:
    started = start_session(WHO_TAUGHT_IT, "scenes", FIRST)
    with pytest.raises(LessonError):
        who_taught_it.allow_explanation(started.code, "another", FIRST)
    assert not who_taught_it.was_explained(started.code, FIRST)
    who_taught_it.allow_explanation(*started, FIRST)
    assert who_taught_it.was_explained(started.code, FIRST)
    assert not who_taught_it.was_explained(started.code, "7")


def test_models_of_both_towers_are_wrong_on_some_minority() -> None:
    pretrained = who_taught_it.explained_condition(IMAGES, "pretrained")
    assert (pretrained.bias, pretrained.with_towers("pretrained")) == (BIAS, pretrained)
    assert who_taught_it.explained_condition(IMAGES, "scratch").bias < BIAS


def test_what_is_asked_is_in_words() -> None:
    why = explanation(106)
    text = who_taught_it.question_text(why, "camel on grass", who_taught_it.sheet_of(why))
    for words in ("camel on grass", "“horse”", "12", "36"):
        assert words in text
    facts = who_taught_it.facts_text(why, IMAGES)
    for words in (
        "106 images",
        "horse on grass 106",
        "camel on grass 0",
        "-3.1",
        "Score of camel less",
    ):
        assert words in facts
