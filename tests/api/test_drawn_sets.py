"""A name of a drawn set stands for one recipe, as long as anything was made of its images."""

from pathlib import Path

import pytest

from vlcore.api import audit
from vlcore.api.drawn_sets import make_drawn_set
from vlcore.artifacts import disk, store
from vlcore.data import catalogue, drawn
from vlcore.data.drawn import PUBLISHED, VERSION, Recipe
from vlcore.data.imageset import ImageSetError
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import make_folder, models_folder, write_json

FIRST, OTHER = Recipe("again", seed=1), Recipe("again", ("snow", "beach"), "pencil")
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
    catalogue.remove("again")
    with pytest.raises(ImageSetError, match=condition.key):
        make_drawn_set(OTHER)
    assert drawn.recipe_of("again") is None
    make_drawn_set(FIRST)
    assert store.published(CHECKS), "they are of the same images"
    catalogue.remove("again")
    disk.delete(condition.key)
    make_drawn_set(OTHER)
    assert drawn.recipe_of("again") == OTHER
    assert not store.published(CHECKS)
    make_drawn_set(OTHER)


def test_a_set_that_is_there_or_published_keeps_its_recipe(empty_home: Path) -> None:
    make_drawn_set(FIRST)
    for other in (OTHER, Recipe("pencil", style="night")):
        with pytest.raises(ImageSetError, match="other settings"):
            make_drawn_set(other)
    make_drawn_set(PUBLISHED["pencil"])
    assert drawn.recipe_of("pencil") == PUBLISHED["pencil"]
    catalogue.remove("pencil")
    assert drawn.recipe_of("pencil") == PUBLISHED["pencil"]
