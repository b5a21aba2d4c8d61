"""Accuracy on backgrounds and styles that no training set has."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from vlcore.api import unseen_scenes
from vlcore.api.model_map import ComparisonError, model_map
from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set
from vlcore.data.drawn import SCENES_RECIPE, Recipe
from vlcore.model.load import load_model
from vlcore.scenes import draw_scene, sample


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(unseen_scenes, "SCENES", 4)
    unseen_scenes._unseen_scenes.cache_clear()
    yield
    unseen_scenes._unseen_scenes.cache_clear()


def test_accuracy_by_background_against_a_slow_reference(quick: list[Artifact]) -> None:
    model, loaded, images = model_map(quick[3]), load_model(quick[3]), open_set("scenes")
    accuracies = unseen_scenes.unseen_accuracy(model, loaded, images)
    assert {name: accuracy.n for name, accuracy in accuracies.items()} == {
        "beach": 8,
        "street": 8,
        "all": 16,
    }
    beach, street, both = (accuracies[name] for name in ("beach", "street", "all"))
    assert both.value == pytest.approx((beach.value + street.value) / 2)
    assert 0 <= both.low <= both.value <= both.high <= 1
    right = []
    for index in range(unseen_scenes.SCENES):
        for number, animal in enumerate(images.grouping.objects):
            scene = sample(animal, "beach", split="demo", index=index, seed=unseen_scenes.SEED)
            image = Image.fromarray(draw_scene(scene).image)
            scores = model.object_scores(images.grouping.objects, loaded.embed_images([image]))
            right.append(scores[0].argmax() == number)
    assert beach.value == pytest.approx(np.mean(right))


def test_scenes_that_a_set_contains_are_not_unseen(quick: list[Artifact]) -> None:
    recipe = Recipe("x", contexts=("snow", "beach"))
    _, table = unseen_scenes._unseen_scenes(recipe)
    assert set(table["context"]) == {"street"}
    assert len(table) == 2 * unseen_scenes.SCENES
    _, both = unseen_scenes._unseen_scenes(SCENES_RECIPE)
    assert both["scene"].nunique() == unseen_scenes.SCENES, "in all backgrounds"
    assert len(both) == 4 * unseen_scenes.SCENES
    with pytest.raises(ComparisonError):
        unseen_scenes._unseen_scenes(
            dataclasses.replace(SCENES_RECIPE, contexts=("street", "beach"))
        )
    foreign = dataclasses.replace(open_set("scenes"), name="photos")
    with pytest.raises(ComparisonError):
        unseen_scenes.unseen_accuracy(model_map(quick[3]), load_model(quick[3]), foreign)
