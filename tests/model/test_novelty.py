"""Novelty with the real network and bundled features: scenes of other backgrounds are new, held-out
ones are not."""

from pathlib import Path

import pytest
from PIL import Image

from tests.api.stand_ins import image_set
from vlcore.data.catalogue import open_set
from vlcore.data.drawn import SIZE
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.estimate import wilson
from vlcore.metrics.novelty import FALSE_ALARMS, NoveltyJudge
from vlcore.model.new_images import judge_of, novelties
from vlcore.scenes import draw_scene, sample

COUNT = 12  # scenes of a background


def scenes(context: str, count: int = COUNT, size: int = SIZE) -> list[Image.Image]:
    """Scenes that are in no set."""
    animals = SCENES.objects
    drawn = (sample(animals[n % 2], context, split="demo", index=7000 + n) for n in range(count))
    return [Image.fromarray(draw_scene(scene, size).image) for scene in drawn]


@pytest.fixture(scope="module")
def judge() -> NoveltyJudge:
    found = judge_of(open_set("scenes"))
    assert found is not None, "its features are bundled"
    return found


def new(judge: NoveltyJudge, pictures: list[Image.Image]) -> int:
    """How many of some images are new."""
    return sum(one.is_new for one in novelties(judge, open_set("scenes"), pictures))


def test_held_out_scenes_are_new_no_more_often_than_is_stated(judge: NoveltyJudge) -> None:
    alarms = sum(new(judge, scenes(context)) for context in SCENES.contexts)
    low, _ = wilson(alarms, 2 * COUNT)
    assert low <= FALSE_ALARMS


@pytest.mark.parametrize(("context", "share"), [("room", 0.9), ("street", 0.9), ("snow", 0.4)])
def test_scenes_of_other_backgrounds_are_new(
    judge: NoveltyJudge, context: str, share: float
) -> None:
    """Of 200 scenes each, 100, 99 and 56 % were (docs/uploads.md)."""
    assert new(judge, scenes(context)) >= share * COUNT


def test_a_sharper_drawing_is_not_new_for_that(judge: NoveltyJudge) -> None:
    assert new(judge, scenes("desert", 6, 4 * SIZE)) <= 2


def test_a_set_whose_features_are_not_there_judges_nothing(empty_home: Path) -> None:
    images = image_set()
    images = type(images)(**{**vars(images), "name": "mine", "root": empty_home})
    assert judge_of(images) is None
    with_few = type(images)(**{**vars(images), "about": {"pictures": "none"}})
    assert judge_of(with_few) is None
    assert not any(empty_home.rglob("*")), "nothing is computed for it"
