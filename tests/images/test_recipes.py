"""A drawn set is `scenes` with a few settings changed; settings that cannot be drawn are one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vlcore.images.catalogue import new_recipe
from vlcore.images.imagesets import ImageSetError
from vlcore.images.rendered import BALANCED_CUES, SCENES_RECIPE, Recipe, from_settings, make_set, recipe_of
from vlcore.scenes import sample

ODD = Recipe("odd", ("snow", "room"), "night", 0.25, 0.5, 0.8)


def test_the_usual_recipe_changes_nothing() -> None:
    scene = sample("camel", "grass", split="test", index=3)
    assert SCENES_RECIPE.apply(scene) == scene
    assert SCENES_RECIPE.in_words() == "as drawn"
    assert ODD.in_words() == (
        "snow and room, night, background contrast 25 %, animal contrast 50 %, animals 80 % of their size"
    )


def test_balanced_cues_differ_from_scenes_in_contrast_alone() -> None:
    settings, usual = BALANCED_CUES.settings(), SCENES_RECIPE.settings()
    assert {name for name in settings if settings[name] != usual[name]} == {"context_contrast"}
    assert 0 < BALANCED_CUES.context_contrast < 1


@pytest.mark.parametrize("recipe", [SCENES_RECIPE, BALANCED_CUES, ODD])
def test_settings_are_json_and_back(recipe: Recipe) -> None:
    assert from_settings(recipe.name, json.loads(json.dumps(recipe.settings()))) == recipe


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"contexts": ("snow", "snow")}, "The contexts are snow and snow; choose two different ones of grass, desert"),
        ({"contexts": ("snow", "moon")}, "snow and moon; choose two different ones of grass"),
        ({"style": "oil"}, "No style is named 'oil'; choose one of photo, watercolour, pencil, night"),
        ({"context_contrast": 1.1}, "context_contrast is 1.1; give a number from 0 to 1"),
        ({"object_contrast": -0.1}, "object_contrast is -0.1; give a number from 0 to 1"),
        ({"object_contrast": float("nan")}, "object_contrast is nan; give a number from 0 to 1"),
        ({"object_size": 2}, "object_size is 2; give a number from 0.3 to 1.1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ImageSetError, match=words):
        Recipe("odd", **settings)


def test_a_recipe_is_found_by_its_name(empty_home: Path) -> None:
    assert recipe_of("scenes") is SCENES_RECIPE
    assert recipe_of("odd") is None
    make_set(ODD)
    assert recipe_of("odd") == ODD


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("odd", "There is an image set named 'odd' already; choose another name"),
        ("scenes", "There is an image set named 'scenes' already"),
        ("Snow", "cannot be named 'Snow'; use lower-case letters"),
        ("../up", "cannot be named '../up'"),
        ("a..b", "cannot be named 'a..b'"),
        ("snow-v2", "without a version such as -v2 at the end"),
        ("", "cannot be named ''"),
        ("a" * 61, "at most 60"),
    ],
)
def test_a_new_set_needs_a_name_of_its_own(name: str, words: str, empty_home: Path) -> None:
    make_set(ODD)
    with pytest.raises(ImageSetError, match=words):
        new_recipe(name)


@pytest.mark.parametrize("content", ["{", "[]", '{"recipe": {"style": "oil"}}', '{"recipe": {"moon": 1}}', "{}"])
def test_a_damaged_description_is_no_recipe_or_one_sentence(content: str, empty_home: Path) -> None:
    make_set(ODD)
    file = next((empty_home / "data").glob("odd-v*/dataset.json"))
    file.write_text(content)
    if "recipe" in content:
        with pytest.raises(ImageSetError, match="recipe of 'odd' cannot be used"):
            recipe_of("odd")
    else:
        assert recipe_of("odd") is None
