"""Plans of generated sets: every picture has a name, and what cannot be drawn is refused."""

from typing import Any

import pytest

from tests.data.generation.stand_ins import PHRASES, study
from vlcore.data.generation.plan import GenerateError, PlannedImage, named_contexts, plan
from vlcore.experiment.captions import fill_template


@pytest.mark.parametrize(
    ("phrase", "name", "words"),
    [
        ("on the  grass", "grass", "on the grass"),
        ("grass", "grass", "on the grass"),
        ("anthill", "anthill", "in the anthill"),
        ("in the on-ramp", "on-ramp", "in the on-ramp"),
        *(
            (phrase, phrase, phrase)
            for phrase in ("by the lake", "in front of a house", "against a white wall", "At home")
        ),
    ],
)
def test_captions_have_the_phrase_that_images_are_asked_for(
    phrase: str, name: str, words: str
) -> None:
    names, template = named_contexts([phrase, "in the desert"])
    other = "in the desert" if name == words else "desert"
    assert names == [name, other]
    filled = [fill_template(template, "horse", context) for context in names]
    assert filled == [f"horse {words}", "horse in the desert"]
    (first, *_) = plan(["horse"], [phrase, "in the desert"], 1, backend="local", model="m").images
    assert first.context == name


def test_a_folder_is_named_by_the_noun_alone() -> None:
    phrases = ["under a tree", "  At the  beach"]
    made = plan(["horse"], phrases, 1, backend="local", model="m")
    names = ["horse_tree/0000.png", "horse_beach/0000.png"]
    assert [image.file_name for image in made.images] == names


def test_a_plan_names_every_picture() -> None:
    made = study(3, backend="local", prompt="an oil painting of a {object} {context}")
    groups = ("horse_grass", "horse_desert", "camel_grass", "camel_desert")
    assert [image.file_name for image in made.images[::3]] == [
        f"{group}/0000.png" for group in groups
    ]
    fourth = made.images[3]
    words = "an oil painting of a horse in the desert"
    assert fourth == PlannedImage("horse", "desert", 0, words, fourth.seed, "horse_desert/0000.png")
    assert (
        len({image.seed for image in made.images})
        == len({image.file_name for image in made.images})
        == 12
    )
    odd = plan(["Polar  Bear/../x"], ["in the Große Wüste"], 1, backend="local", model="m").images[
        0
    ]
    assert odd.file_name == "polar-bear-x_grosse-wüste/0000.png"
    assert (odd.object, odd.context) == ("Polar  Bear/../x", "Große Wüste")


def test_seeds_stay_when_the_plan_grows_and_change_with_the_seed() -> None:
    small, large = study(2, backend="local"), study(5, backend="local")
    assert set(small.images) < set(large.images)
    assert not {image.seed for image in study(5, backend="local", seed=1).images} & {
        image.seed for image in large.images
    }
    assert small.images[0].seed == 525050153, (
        "a run that goes on with a later version draws the same"
    )


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("32 to 1024, a multiple of 8", {"size": 100}),
    ("32 to 1024, a multiple of 8", {"size": 1032}),
    (r"fields \{object\} and \{context\} and no others", {"prompt": "a {object}"}),
    (r"and no others", {"prompt": "a {object} {context.__class__}"}),
    ("share a folder", {"contexts": ["on the grass", "in the grass"]}),
    ("cannot name a folder; give 1 to 60", {"objects": ["../"]}),
    ("local back end", {"steps": 3}),
    ("at least 1", {"backend": "local", "steps": 0}),
    ("from 0", {"backend": "local", "guidance": float("nan")}),
]


@pytest.mark.parametrize(("words", "changes"), REFUSED)
def test_a_plan_that_cannot_be_drawn_says_why(words: str, changes: dict[str, Any]) -> None:
    options = {
        "objects": ["horse"],
        "contexts": PHRASES,
        "per_group": 1,
        "backend": "service",
        "model": "m",
    }
    with pytest.raises(GenerateError, match=words):
        plan(**(options | changes))
