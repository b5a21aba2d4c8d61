"""Words of the published answer: numbers are those of the file."""

from vlcore.study.answer_file import published_answer
from vlcore.study.answer_words import FIGURE, figure_rows, same_setting, set_words, two_accuracies


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
