"""Sentences of lessons and of studies in one file that a person reads: sentences.md, beside this
test.

``WRITE_SENTENCES=1 pytest tests/classroom/test_sentences.py`` writes it again.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.classroom.test_one_room_results import PLAN, state_of, trained
from tests.golden import check_sentences
from vlcore.classroom import one_room_results
from vlcore.classroom.answers import Answer, Measurement
from vlcore.classroom.lessons import lessons
from vlcore.classroom.session import turnout_sentence
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.estimate import Estimate
from vlcore.study.answer_file import PublishedAnswer, published_answer
from vlcore.study.answer_words import answer_sentence, two_accuracies

FILE = Path(__file__).with_name("sentences.md")
SORTING, _, BIAS, LABELS = lessons(Condition())["four-experiments"].steps


def answers() -> Iterator[str]:
    for step, estimate, runs in (
        (BIAS, Estimate(0.61, 0.5, 0.69, 4), True),
        (BIAS, Estimate(0.61, 0.5, 0.69, 6), True),
        (LABELS, Estimate(-0.05, -0.18, 0.03, 7), True),
        (SORTING, Estimate(-0.68, -0.71, -0.66, 2000), False),
    ):
        answer = Answer(step, [Measurement(step, "in these", estimate, runs)])
        yield from answer.sentences[:-1]
        assert answer.verdict
        yield answer.verdict.sentence
    yield from Answer(BIAS, []).sentences


def turnouts() -> Iterator[str]:
    for votes in ([31], [27, 1, 1]):
        yield turnout_sentence(votes)


def rooms() -> Iterator[str]:
    yield one_room_results.rule(PLAN, SCENES)
    pairs = trained(PLAN, 8)
    looks = {2: 0.5, 3: 0.04, 7: 0.2, 8: 0.01}
    for blocks in (1, 5, 8):
        now = state_of(PLAN, pairs[:blocks])
        yield one_room_results.verdict(now.results, PLAN)
        yield from now.how_sure(looks if blocks == 8 else {})
        yield now.end_sentence(published_answer())
    yield now.expectation
    yield state_of(replace(PLAN, prediction="higher"), pairs).expectation
    elsewhere = replace(PLAN, contrast="groupdro")
    yield state_of(elsewhere, []).end_sentence(published_answer())


def with_points(*points: tuple[float, float, float]) -> PublishedAnswer:
    """The published answer with these differences on its first two image sets alone."""
    answer = published_answer()
    contrasts = {
        f"{data}.background": replace(answer.contrasts[f"{data}.background"], points=numbers)
        for data, numbers in zip(("scenes", "balanced-cues"), points, strict=True)
    }
    return replace(answer, contrasts=contrasts)


def published() -> Iterator[str]:
    for first, second in (
        ((-5.3, -6, -4), (-8.1, -9, -7)),
        ((5.3, 4, 6), (8.1, 7, 9)),
        ((-5.3, -6, -4), (1.2, -1, 3)),
        ((0.3, -1, 2), (1.2, -1, 3)),
    ):
        yield answer_sentence(with_points(first, second))
    yield two_accuracies(published_answer(), "scenes")


@pytest.mark.usefixtures("empty_home")
def test_sentences_are_those_of_the_file() -> None:
    sections = {
        "Answers of a lesson": answers(),
        "Votes of one address": turnouts(),
        "A room": rooms(),
        "The published answer": published(),
    }
    check_sentences(FILE, "Sentences of lessons and of studies", sections)
