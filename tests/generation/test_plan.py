"""Plans of generated sets: every picture is named beforehand, and what cannot be drawn is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.generation.stand_ins import PHRASES, study
from vlcore.generation.plan import GenerateError, context_name, cost_of, plan


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("  At the  beach", "beach"), ("under an old bridge", "old bridge"), ("near water", "water"),
        ("grass", "grass"), ("inland", "inland"), ("anthill", "anthill"), ("on the on-ramp", "on-ramp"),
    ],
)  # fmt: skip
def test_a_phrase_gives_its_context_a_name(phrase: str, name: str) -> None:
    assert context_name(phrase) == name


@given(
    st.sampled_from(["in ", "on ", "at ", "by ", "under ", "inside ", "near ", ""]),
    st.sampled_from(["the ", "a ", "an ", ""]),
    st.text("bcdfg", min_size=3),
)
def test_one_preposition_and_one_article_are_left_out(preposition: str, article: str, noun: str) -> None:
    assert context_name(f"{preposition}{article}{noun}") == noun


def test_a_plan_names_every_picture() -> None:
    made = study(3, backend="local", prompt="an oil painting of a {object} {context}")
    groups = ("horse_grass", "horse_desert", "camel_grass", "camel_desert")
    assert [one.file_name for one in made.pictures[::3]] == [f"{group}/0000.png" for group in groups]
    fourth = made.pictures[3]
    assert (fourth.object, fourth.context, fourth.index) == ("horse", "desert", 0)
    assert fourth.prompt == "an oil painting of a horse in the desert"
    assert len({one.seed for one in made.pictures}) == len({one.file_name for one in made.pictures}) == 12


def test_seeds_stay_when_the_plan_grows_and_change_with_the_seed() -> None:
    small, large = study(2, backend="local"), study(5, backend="local")
    assert set(small.pictures) < set(large.pictures)
    assert not {one.seed for one in study(5, backend="local", seed=1).pictures} & {one.seed for one in large.pictures}
    assert small.pictures[0].seed == 525050153, "a run that goes on with a later version draws the same"


def test_names_become_safe_file_names() -> None:
    first = plan(["Polar  Bear/../x"], ["in the Große Wüste"], 1, backend="local", model="m").pictures[0]
    assert first.file_name == "polar-bear-x_grosse-wüste/0000.png"
    assert (first.object, first.context) == ("Polar  Bear/../x", "Große Wüste")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"per_group": 0}, "1 to 10,000"),
        ({"per_group": 10_001}, "1 to 10,000"),
        ({"backend": "cloud"}, "service, local"),
        ({"model": " "}, "No model"),
        ({"size": 24}, "32 to 1024"),
        ({"size": 1032}, "32 to 1024"),
        ({"size": 100}, "multiple of 8"),
        ({"prompt": "a {object}"}, r"fields \{object\} and \{context\}"),
        ({"prompt": "a {object} {context} {style}"}, "no others"),
        ({"prompt": "a {object.__class__} {context}"}, "fields"),
        ({"prompt": "a {object} {context}}"}, "no others"),
        ({"objects": []}, "No object"),
        ({"objects": ["horse", "Horse"]}, "share a folder"),
        ({"contexts": ["on the grass", "in the grass"]}, "share a folder"),
        ({"objects": ["../"]}, "cannot name a folder"),
        ({"objects": ["h" * 61]}, "1 to 60"),
        ({"steps": 3}, "local back end"),
        ({"guidance": 3.0}, "local back end"),
        ({"backend": "local", "steps": 0}, "at least 1"),
        ({"backend": "local", "guidance": float("nan")}, "from 0"),
    ],
)
def test_a_plan_that_cannot_be_drawn_says_why(change: dict[str, Any], words: str) -> None:
    options = {"objects": ["horse"], "contexts": PHRASES, "per_group": 1, "backend": "service", "model": "m"}
    with pytest.raises(GenerateError, match=words):
        plan(**(options | change))


def test_a_cost_is_the_number_of_pictures_times_the_price() -> None:
    pictures = study(48).pictures
    assert cost_of(pictures) is None
    assert cost_of(pictures, 0.02) == pytest.approx(3.84)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(GenerateError, match="from 0"):
            cost_of(pictures, wrong)
