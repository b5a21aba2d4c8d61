"""Words of the published answer: numbers are those of the file, and their signs decide words."""

import re
from dataclasses import replace

import pytest

from vlcore.study.answer_file import PublishedAnswer, published_answer
from vlcore.study.answer_words import (
    FIGURE,
    answer_sentence,
    figure_rows,
    same_setting,
    set_words,
    two_accuracies,
)


def with_points(*points: tuple[float, float, float]) -> PublishedAnswer:
    """The published answer with these differences on its first two image sets alone."""
    answer = published_answer()
    contrasts = {
        f"{data}.background": replace(answer.contrasts[f"{data}.background"], points=numbers)
        for data, numbers in zip(("scenes", "balanced-cues"), points, strict=True)
    }
    return replace(answer, contrasts=contrasts)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (((-5.3, -6, -4), (-8.1, -9, -7)), "No: .* lowered .* by 5.3 points on `scenes` and 8.1 p"),
        (((5.3, 4, 6), (8.1, 7, 9)), "Yes: .* raised .* by 5.3 points on `scenes` and 8.1 points"),
        (((-5.3, -6, -4), (1.2, -1, 3)), r"It depends .* changed .* by -5.3 points .* \+1.2 p"),
        (((0.3, -1, 2), (1.2, -1, 3)), r"It depends .* by \+0.3 points on `scenes` and \+1.2 p"),
    ],
)
def test_the_answer_is_the_sign_that_all_image_sets_share(
    points: tuple[tuple[float, float, float], ...], words: str
) -> None:
    assert re.search(words, answer_sentence(with_points(*points)))


def test_every_row_of_the_figure_is_a_contrast_of_the_file() -> None:
    answer = published_answer()
    rows = figure_rows(answer).set_index(["group", "row", "images"])
    count = 0
    for group, contrasts in FIGURE.items():
        for words, name in contrasts.items():
            for data in answer.sets:
                if contrast := answer.contrasts.get(f"{data}.{name}"):
                    row = rows.loc[(group, words, set_words(data))]
                    assert tuple(row) == (*contrast.points, contrast.pairs)
                    count += 1
    assert count == len(rows) >= 24


def test_an_own_set_has_no_published_number() -> None:
    answer = published_answer()
    assert two_accuracies(answer, "pets") == ""
    assert same_setting(answer, "background", "pets", 0.75) is None
    assert same_setting(answer, "background", "scenes", 0.5) is None
    assert set_words("pets") == "pets"


def test_sentences_are_complete() -> None:
    """No number is left to be filled in."""
    answer = published_answer()
    sentences = [*answer.limits, *(lesson.take_home for lesson in answer.lessons.values())]
    assert [sentence for sentence in sentences if "{" in sentence] == []
