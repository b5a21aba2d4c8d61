"""Failure directions: planted failures are found, and random ones have no direction."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from vlcore.api.failures import (
    BOUND,
    COMPONENTS,
    FEWEST_WRONG,
    FOLDS,
    FailureDirection,
    _features,
    _scores,
    find_failures,
)
from vlcore.api.model_map import ComparisonError, ModelMap, model_map
from vlcore.artifacts.embeddings import StoredEmbeddings
from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet

RANDOM_SETS = 20


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return open_set("scenes")


@pytest.fixture(scope="module")
def model(quick: list[Artifact]) -> ModelMap:
    return model_map(quick[3])


@pytest.fixture(scope="module")
def errs(model: ModelMap, images: ImageSet) -> np.ndarray:
    """Made up errors of a model: mostly on minority groups, (n,)."""
    groups = images.table["group"].to_numpy()[model.artifact.embeddings.rows("test")]
    is_minority = np.isin(groups, images.grouping.minority)
    return np.random.default_rng(0).random(len(groups)) < np.where(is_minority, 0.6, 0.05)


def found(model: ModelMap, images: ImageSet, errs: np.ndarray | None) -> list[FailureDirection]:
    with pytest.MonkeyPatch.context() as patch:
        right = None if errs is None else ~errs
        patch.setattr(StoredEmbeddings, "test_correct", property(lambda _: right))
        return find_failures(model, images)


def test_planted_failures_have_a_direction_that_names_them(
    model: ModelMap, images: ImageSet, errs: np.ndarray
) -> None:
    wrong = set(model.artifact.embeddings.rows("test")[errs].tolist())
    objects = images.table["object"].to_numpy()
    for part in found(model, images, errs):
        assert part.exists
        assert set(objects[part.rows]) == {part.object}
        assert len(np.unique(part.rows)) == 1000
        assert part.wrong == len(wrong & set(part.rows.tolist()))
        ends = part.rows[:200], part.rows[-200:]
        first, last = (np.mean([row in wrong for row in end.tolist()]) for end in ends)
        assert last > first + 0.3
        named = part.wrong_end.iloc[0]
        assert named["value"] == {"horse": "desert", "camel": "grass"}[part.object]
        assert named["share"] > named["usual"] == pytest.approx(0.5)


def test_random_failures_have_no_direction() -> None:
    random = np.random.default_rng(0)
    scenes = np.repeat(np.arange(200), 2).astype(str)
    accuracies = []
    for _ in range(RANDOM_SETS):
        wrong = random.random(400) < 0.2
        scores = _scores(random.normal(size=(400, 12)), wrong, scenes)
        accuracies.append(balanced_accuracy_score(wrong, scores > 0))
    assert np.mean(accuracies) == pytest.approx(0.5, abs=0.03)
    assert max(accuracies) < BOUND + 0.05


def test_an_image_is_placed_without_its_scene() -> None:
    """Each scene has a feature of its own, by which a fitted SVM would know its images."""
    random = np.random.default_rng(1)
    scenes = np.repeat(np.arange(40), 10)
    wrong = np.repeat(random.random(40) < 0.5, 10)
    scores = _scores(np.eye(40)[scenes], wrong, scenes.astype(str))
    assert balanced_accuracy_score(wrong, scores > 0) < BOUND


@pytest.mark.parametrize(("wrong", "scenes"), [(FEWEST_WRONG - 1, 400), (200, FOLDS - 1)])
def test_few_images_or_scenes_have_no_direction(
    model: ModelMap, images: ImageSet, errs: np.ndarray, wrong: int, scenes: int
) -> None:
    is_wrong = errs & (errs.cumsum() <= wrong)
    names = np.resize([f"video {number}" for number in range(scenes)], len(images.table))
    few = replace(images, table=images.table.assign(scene=names))
    for part in found(model, few, is_wrong):
        assert part.accuracy is None
        assert not part.exists


def test_features_are_the_pretrained_encoders_where_they_are_stored(
    model: ModelMap, images: ImageSet
) -> None:
    rows, z = model.artifact.embeddings.rows("test"), model.z
    assert _features(images, rows, z).shape == (2000, COMPONENTS)
    elsewhere = replace(images, name="others", root=images.root / "nothing")
    assert _features(elsewhere, rows, z) is z


def test_a_model_that_predicts_no_object_has_no_failures(model: ModelMap, images: ImageSet) -> None:
    with pytest.raises(ComparisonError, match="name no object"):
        found(model, images, None)
