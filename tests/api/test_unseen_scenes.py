"""What a model makes of places and styles that no training set here has."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from vlcore.api import unseen_scenes as hidden
from vlcore.api.model_map import ComparisonError, model_map, object_scores_of
from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set
from vlcore.data.drawn import SCENES_RECIPE, Recipe
from vlcore.model.load import load
from vlcore.scenes import draw, sample


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(hidden, "SCENES", 4)
    hidden._hidden.cache_clear()
    yield
    hidden._hidden.cache_clear()


def test_a_model_is_asked_in_hidden_places_and_each_scene_counts_once(
    quick: list[Artifact],
) -> None:
    model, loaded, images = model_map(quick[3]), load(quick[3]), open_set("scenes")
    found = hidden.elsewhere(model, loaded, images)
    assert {name: one.n for name, one in found.items()} == {"beach": 16, "street": 16, "all": 32}
    assert found["all"].value == pytest.approx((found["beach"].value + found["street"].value) / 2)
    assert 0 <= found["all"].low <= found["all"].value <= found["all"].high <= 1
    right = []
    for index in range(hidden.SCENES):
        for style in ("watercolour", "night"):
            for number, name in enumerate(images.grouping.objects):
                scene = sample(name, "beach", split="demo", index=index, seed=hidden.SEED).replace(
                    style=style
                )
                z = loaded.embed_pictures([Image.fromarray(draw(scene).image)])
                scores = object_scores_of(model, z, images.grouping)
                assert scores is not None
                right.append(scores[0].argmax() == number)
    assert found["beach"].value == pytest.approx(np.mean(right))


def test_what_a_set_shows_itself_is_not_hidden_and_other_sets_have_no_hidden_places(
    quick: list[Artifact],
) -> None:
    _, _, places, scenes = hidden._hidden(Recipe("x", contexts=("snow", "beach"), style="night"))
    assert set(places) == {"street"}
    assert {scene.split("-")[1] for scene in scenes} == {"watercolour"}
    with pytest.raises(ComparisonError):
        hidden._hidden(dataclasses.replace(SCENES_RECIPE, contexts=("street", "beach")))
    foreign = dataclasses.replace(open_set("scenes"), name="photos")
    with pytest.raises(ComparisonError):
        hidden.elsewhere(model_map(quick[3]), load(quick[3]), foreign)
