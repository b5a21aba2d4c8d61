"""A name of a drawn set stands for one recipe, as long as anything was made of its images."""

from pathlib import Path

import pytest

from vlcore.api import audit, small_images
from vlcore.api.image_sets import make_drawn_set
from vlcore.artifacts import disk, store
from vlcore.data import catalogue, drawn
from vlcore.data.drawn import VERSION, Recipe
from vlcore.data.imageset import ImageSetError
from vlcore.experiment import trash
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import make_folder, models_folder, write_json

FIRST, OTHER = Recipe("again", seed=1), Recipe("again", ("snow", "beach"))
CHECKS = audit.checks_key("again", VERSION)


def publish(key: str, condition: Condition) -> None:
    folder = make_folder(models_folder() / ".work" / key)
    write_json(folder / "condition.json", condition.as_dict())
    store.publish(key, folder, {})


def test_models_of_a_removed_set_keep_its_name_to_its_recipe(empty_home: Path) -> None:
    condition = Condition(data="again", data_version=VERSION)
    make_drawn_set(FIRST)
    publish(condition.key, condition)
    publish(CHECKS, condition)
    publish("again-too-b0", Condition(data="again-too", data_version=VERSION))
    catalogue.discard_set("again")
    with pytest.raises(ImageSetError, match=condition.key):
        make_drawn_set(OTHER)
    assert drawn.recipe_of("again") is None
    make_drawn_set(FIRST)
    assert store.published(CHECKS), "they are of the same images"
    catalogue.discard_set("again")
    disk.delete_artifacts(condition.key)
    with pytest.raises(ImageSetError, match=condition.key):
        make_drawn_set(OTHER)  # it can be restored
    trash.empty(0.0)
    make_drawn_set(OTHER)
    assert drawn.recipe_of("again") == OTHER
    assert not store.published(CHECKS)
    make_drawn_set(OTHER)


def test_a_set_that_is_made_anew_shows_nothing_of_the_removed_one(empty_home: Path) -> None:
    removed = make_drawn_set(FIRST)
    before = small_images.draw_thumbs(removed, [0])
    catalogue.discard_set("again")
    anew = make_drawn_set(OTHER)
    assert small_images.draw_thumbs(anew, [0]) != before
    assert small_images.draw_thumbs(removed, [0]) == before
    assert small_images.edition(anew) != small_images.edition(removed)
    with pytest.raises(ImageSetError, match="other settings"):
        removed.image(1)
    assert drawn.missing_rows(OTHER, [0, 1]) == [1]


def test_a_name_that_another_process_just_took_is_refused(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_set = drawn.make_set
    monkeypatch.setattr(drawn, "make_set", lambda recipe: [make_set(FIRST), make_set(recipe)])
    with pytest.raises(ImageSetError, match="other settings"):
        make_drawn_set(OTHER)
    assert drawn.recipe_of("again") == FIRST
