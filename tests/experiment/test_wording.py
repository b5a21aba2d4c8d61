"""A title says the bias, the labels, and whatever else is not the usual choice."""

from collections.abc import Callable
from typing import Any

import pytest

from vlcore.experiment import wording
from vlcore.experiment.condition import Condition
from vlcore.experiment.wording import describe_bias, duration_words, title

PROBE = {"objective": "pretrained_probe", "architecture": "clip:tiny@01234567", "steps": 0}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "No bias, short labels"),
        (
            {"bias": 0.75, "labels": "descriptive"},
            "75 % removed (12 of 48 kept), descriptive labels",
        ),
        (
            {"architecture": "seed_faithful", "bias": 1},
            "100 % removed (0 of 48 kept), short labels, image tower linear-patches",
        ),
        ({"steps": 0, "bias": 0.75}, "Untrained encoder, short labels"),
        ({"labels": "own", "template": "one {object}"}, "No bias, labels “one {object}”"),
        (
            {"objective": "infonce", "mitigation": "dfr"},
            "No bias, short labels, objective infonce, mitigation dfr",
        ),
        (
            {**PROBE, "bias": 0.75},
            "Pretrained tiny, probe, 75 % removed (12 of 48 kept), short labels",
        ),
        (
            {"architecture": "pretrained@random", "text": "codes"},
            "No bias, short labels, image tower random-weights, text tower codes",
        ),
        (
            {"negatives": "none", "width": 128},
            "No bias, short labels, negatives matched-only, width 128",
        ),
    ],
)
def test_titles_say_what_differs(changes: dict[str, Any], words: str) -> None:
    assert title(Condition(**changes)) == words


def estimate(value: float, low: float, high: float, n: int = 1000) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n}


@pytest.mark.parametrize(
    ("write", "given", "said"),
    [
        (wording.share, estimate(0.951, 0.9349, 0.9601), "95\u00a0% (93 to 96)"),
        (
            wording.share,
            estimate(0.75, 0.53, 0.89, wording.FEW - 1),
            "75\u00a0% (53 to 89) of only 19",
        ),
        (wording.share, estimate(0.75, 0.53, 0.89, wording.FEW), "75\u00a0% (53 to 89)"),
        (wording.rate_words, estimate(0.75, 0.53, 0.89, 1), "75\u00a0% (53 to 89)"),
        (wording.number, estimate(0.7149, 0.682, 0.74), "0.71 (0.68 to 0.74)"),
        (wording.number, estimate(-0.031, -0.05, 0.0), "-0.031 (-0.05 to 0)"),
        (wording.number, estimate(99.4, 75.8, 120.6), "99 (76 to 121)"),
        (wording.difference, estimate(-0.001, -0.2, 0.2), "0.00 (-0.20 to +0.20)"),
        (wording.points, estimate(-0.1, -0.13, 0.06), "-10 points (-13 to +6)"),
        (wording.points, estimate(-0.1, -0.13, 0.004), "-10.0 points (-13.0 to +0.4)"),
        (wording.points, estimate(-0.1, -0.13, 0.0), "-10 points (-13 to 0)"),
        (wording.percent, 0.404, "40\u00a0%"),
        (wording.decimal, -0.001, "0.00"),
        (describe_bias, Condition(), "0 % removed (48 of 48 kept)"),
        (describe_bias, Condition(bias=0.125, n_per_group=8), "12.5 % removed (7 of 8 kept)"),
    ],
)
def test_a_number_or_a_bias_as_text(write: Callable[[Any], str], given: Any, said: str) -> None:
    assert write(given) == said


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a" + 60 * " " + "b", "a b"),
        ("x\n" + 80 * "y", "x " + 36 * "y" + " …"),
        (12 * "four ", " ".join(7 * ["four"]) + " …"),
    ],
)
def test_a_long_text_is_cut_on_one_line(text: str, line: str) -> None:
    assert wording.shortened(text, 40) == line


def test_durations_are_rounded() -> None:
    said = {
        20: "half a minute",
        50: "a minute",
        85: "a minute",
        100: "2 minutes",
        300: "5 minutes",
        601: "10 minutes",
        1000: "15 minutes",
        7000: "two hours",
        36000: "10 hours",
    }
    for seconds, words_of_it in said.items():
        assert duration_words(seconds) == f"about {words_of_it}"
    assert duration_words(4) == "a few seconds"
