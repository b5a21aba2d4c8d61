"""Finders: they find what fails, agree with scikit-learn, and are quiet where nothing does."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from vlcore.metrics.finders import (
    BOUND,
    FEWEST_WRONG,
    FINDERS,
    FOLDS,
    SIGNIFICANCE,
    LabelledImages,
    balanced_svm,
    fit_direction,
)

NULL_SETS = 40
ALARMS = {
    "direction": lambda images: any(
        fit_direction(images, name).exists for name in ("camel", "horse")
    ),
    "words": lambda images: bool(FINDERS["words"](images, 3)),
}


def made(seed: int, in_cell: float, usual: float = 0.12, n: int = 800) -> LabelledImages:
    """Images whose embedding shows place and coat; camels on grass are wrong at the rate
    `in_cell`, all others at the usual one."""
    random = np.random.default_rng(seed)
    objects = np.tile(["camel", "horse"], n // 2)
    place = random.choice(["grass", "desert"], n)
    coat = random.choice(["pale coat", "dark coat"], n)
    shown = np.column_stack([objects == "camel", place == "grass", coat == "pale coat"])
    z = shown @ random.normal(size=(3, 12)) + 0.5 * random.normal(size=(n, 12))
    fails = (objects == "camel") & (place == "grass")
    wrong = random.random(n) < np.where(fails, in_cell, usual)
    other = np.where(objects == "camel", "horse", "camel")
    return LabelledImages(
        z=z,
        objects=objects,
        predicted=np.where(wrong, other, objects),
        confidence=random.uniform(0.5, 1, n),
        scenes=np.repeat(np.arange(n // 2), 2).astype(str),
        attributes=pd.DataFrame({"place": place, "coat": coat}),
    )


@pytest.mark.parametrize("name", FINDERS)
def test_a_finder_names_what_fails_and_finds_it_among_fresh_images(name: str) -> None:
    images, fresh = made(0, in_cell=0.7), made(0, in_cell=0.7).among(np.arange(800) % 3 > 0)
    offer = FINDERS[name](images, 3)[0]
    assert offer.cell.object == "camel"
    assert "grass" in offer.cell.words
    members = offer.contains(fresh)
    assert members.any()
    assert fresh.right[members].mean() < fresh.right[~members].mean() - 0.2


@pytest.mark.parametrize("name", FINDERS)
def test_a_fresh_image_belongs_to_a_slice_whatever_is_predicted(name: str) -> None:
    images = made(1, in_cell=0.7)
    swapped = LabelledImages(**{**vars(images), "predicted": images.predicted[::-1]})
    for offer in FINDERS[name](images, 3):
        assert np.array_equal(offer.contains(images), offer.contains(swapped))


def test_the_direction_is_the_svm_of_scikit_learn() -> None:
    images = made(2, in_cell=0.6)
    direction = fit_direction(images, "camel")
    inside = images.objects == "camel"
    z, wrong = images.z[inside], ~images.right[inside]
    reference = balanced_svm().fit(z, wrong).decision_function(z)
    assert direction.scores(z) == pytest.approx(reference)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    groups = images.scenes[inside]
    predicted = cross_val_predict(balanced_svm(), z, wrong, groups=groups, cv=folds)
    assert direction.accuracy is not None
    assert direction.accuracy.value == pytest.approx(balanced_accuracy_score(wrong, predicted))
    assert (direction.n, direction.wrong) == (len(z), int(wrong.sum()))
    assert direction.exists
    assert direction.accuracy.low > BOUND


def test_few_errors_have_no_direction() -> None:
    images = made(3, in_cell=0.0, usual=0.0)
    predicted = images.predicted.copy()
    predicted[np.flatnonzero(images.objects == "camel")[: FEWEST_WRONG - 1]] = "horse"
    few = LabelledImages(**{**vars(images), "predicted": predicted})
    direction = fit_direction(few, "camel")
    assert (direction.accuracy, direction.wrong) == (None, FEWEST_WRONG - 1)
    assert f"{FEWEST_WRONG} wrong" in direction.reason
    assert not direction.exists
    assert FINDERS["words"](few, 3) == []


@pytest.mark.parametrize("scenes", [FOLDS - 1, FOLDS])
def test_errors_of_few_scenes_have_no_direction(scenes: int) -> None:
    images = made(2, in_cell=0.6)
    of_few = images.among(np.ones(len(images.z), bool))
    wrong = np.flatnonzero(~of_few.right & (of_few.objects == "camel"))
    of_few.scenes[wrong] = np.resize([f"wrong {number}" for number in range(scenes)], len(wrong))
    direction = fit_direction(of_few, "camel")
    assert direction.wrong == len(wrong)
    is_fitted = scenes == FOLDS
    assert (direction.accuracy is not None) == is_fitted
    assert (f"of {FOLDS} scenes" in direction.reason) == (not is_fitted)


@pytest.mark.parametrize("name", ALARMS)
def test_random_errors_raise_alarms_no_more_often_than_stated(name: str) -> None:
    """Where errors are of nothing, what has a test of its own finds something in at most one set of
    twenty; so many of forty are then exceeded once in a thousand times."""
    sets = (made(seed, 0.15, 0.15, n=300) for seed in range(NULL_SETS))
    alarms = sum(ALARMS[name](images) for images in sets)
    assert alarms <= binom.ppf(0.999, NULL_SETS, SIGNIFICANCE)


def test_halves_share_no_scene() -> None:
    images = made(4, in_cell=0.3)
    first, second = images.halves()
    assert not set(images.scenes[first]) & set(images.scenes[second])
    assert np.array_equal(first, ~second)
    assert abs(int(first.sum()) - int(second.sum())) <= 2
