"""Sentences and tables of the published answer, for pages, handouts and the figure of results.

Every number comes from `vlcore.study.answer_file`; nothing here computes one.
"""

from collections.abc import Sequence

import pandas as pd

from vlcore.experiment.condition import STUDY_BIAS
from vlcore.experiment.wording import percent, plural, signed
from vlcore.study.answer_file import DIGITS, PublishedAnswer, PublishedContrast

QUESTION = "Do descriptive captions help with rare images?"
SET_WORDS = {
    "scenes": "clear background",
    "balanced-cues": "faint background",
    "renders": "3-D renders",
}
BACKGROUND = "background"  # the contrast that answers the question, after the image set
# The figure: groups of rows, and the contrast of each row.
FIGURE = {
    "From scratch, when captions also name:": {
        "the true background": "background",
        "a random background": "random-background",
        "“one” or “single”, at random": "synonym",
        "the sky": "sky",
    },
    "The same models, read by a classifier that is fitted on balanced images:": {
        "the true background": "background.probe",
        "a random background": "random-background.probe",
        "“one” or “single”, at random": "synonym.probe",
        "the sky": "sky.probe",
    },
    "Pretrained image encoder, when captions also name the true background and are read as:": {
        "one learned vector per caption": "pretrained.codes.background",
        "a transformer's output": "pretrained.transformer.background",
        "average of random word vectors": "pretrained.words@random.background",
        "average of pretrained word vectors": "pretrained.words.background",
    },
}


def set_words(data: str) -> str:
    """Return an image set in words, with its name: ``clear background (scenes)``."""
    return f"{SET_WORDS[data]} ({data})" if data in SET_WORDS else data


def answers_by_set(answer: PublishedAnswer) -> dict[str, PublishedContrast]:
    """Return the contrast that answers the question, by image set."""
    named = {data: answer.contrasts.get(f"{data}.{BACKGROUND}") for data in answer.sets}
    return {data: contrast for data, contrast in named.items() if contrast is not None}


def answer_sentence(answer: PublishedAnswer) -> str:
    """Answer the question in one sentence, in points, for markdown."""
    by_set = answers_by_set(answer)
    signs = {contrast.sign for contrast in by_set.values()}
    captions = "captions that also name the background"
    outcome, verb, size = "It depends on the images", "changed", _signed_points
    if signs == {-1}:
        outcome, verb, size = "No", "lowered", _unsigned_points
    elif signs == {1}:
        outcome, verb, size = "Yes", "raised", _unsigned_points
    numbers = [f"{size(contrast)} on `{data}`" for data, contrast in by_set.items()]
    return (
        f"{outcome}: in models trained from scratch with {percent(STUDY_BIAS)} of the rare images"
        f" removed, {captions} {verb} accuracy on rare images by {listed(numbers)}."
    )


def _signed_points(contrast: PublishedContrast) -> str:
    return f"{signed(contrast.points[0], DIGITS)} points"


def _unsigned_points(contrast: PublishedContrast) -> str:
    return f"{abs(contrast.points[0]):.{DIGITS}f} points"


def listed(words: Sequence[str]) -> str:
    """Join words: ``scenes, balanced-cues and renders``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def two_accuracies(answer: PublishedAnswer, data: str) -> str:
    """Compare both captions on an image set in one sentence; empty for a set without an answer."""
    contrast = answers_by_set(answer).get(data)
    if contrast is None or contrast.short is None or contrast.other is None:
        return ""
    pairs = plural(contrast.pairs, "published seed pair")
    return (
        f"Over {pairs} trained from scratch with {percent(contrast.bias)} bias, accuracy on rare"
        f" images was {percent(contrast.other)} with descriptive captions and"
        f" {percent(contrast.short)} with short ones: {contrast.in_points}."
    )


def figure_rows(answer: PublishedAnswer) -> pd.DataFrame:
    """Return the rows of `vlcore.plots.intervals.answer_chart`, in points."""
    rows = []
    for group, contrasts in FIGURE.items():
        for words, name in contrasts.items():
            for data in answer.sets:
                if contrast := answer.contrasts.get(f"{data}.{name}"):
                    rows.append((group, words, set_words(data), *contrast.points, contrast.pairs))
    columns = ["group", "row", "images", "value", "low", "high", "pairs"]
    return pd.DataFrame(rows, columns=columns)


def same_setting(
    answer: PublishedAnswer, name: str, data: str, bias: float
) -> PublishedContrast | None:
    """Find the contrast of a name on an image set at a bias level; None if none is published."""
    contrast = answer.contrasts.get(f"{data}.{name}")
    return contrast if contrast is not None and contrast.bias == bias else None
