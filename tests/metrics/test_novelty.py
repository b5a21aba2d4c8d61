"""Novelty against loops, and on spaces whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metrics.spaces import cloud
from vlcore.metrics.estimate import rate
from vlcore.metrics.novelty import FALSE_ALARMS, JUDGED, LEAST, NEAREST, is_enough, novelty_judge


def near(count: int, seed: int = 0, size: int = 6) -> np.ndarray:
    """Features around one direction, as those of a set of alike images."""
    return np.random.default_rng(seed).normal(size=(count, size)) * 0.2 + np.eye(size)[0]


def distance(image: np.ndarray, others: np.ndarray, centre: np.ndarray) -> float:
    """The mean cosine distance to the nearest others, one by one."""
    centred = image - centre
    cosines = []
    for other in others - centre:
        cosines.append(float(centred @ other / np.linalg.norm(centred) / np.linalg.norm(other)))
    return 1 - float(np.mean(sorted(cosines)[-NEAREST:]))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_against_a_loop(kind: type) -> None:
    features, new = near(60).astype(kind), cloud(8, 6, 5).astype(kind)
    scenes = np.repeat(np.arange(30), 2)
    centre = features.mean(axis=0)
    own = [
        distance(row, features[scenes != scene], centre)
        for row, scene in zip(features, scenes, strict=True)
    ]
    for image, novelty in zip(new, novelty_judge(features, scenes).judge(new), strict=True):
        expected = distance(image, features, centre)
        assert novelty.distance == pytest.approx(expected, abs=1e-5)
        assert novelty.share == rate([value >= expected for value in own], scenes)


def test_twins_are_no_neighbours_of_each_other() -> None:
    apart = near(60)
    features = np.repeat(apart, NEAREST + 1, axis=0)
    scenes = np.repeat(np.arange(60), NEAREST + 1)
    judge = novelty_judge(features, scenes)
    assert judge.distances.min() > 0.001, "a copy of the same scene would be at distance 0"
    assert all(novelty.distance < 1e-5 for novelty in judge.judge(apart)), "a new copy has them"


@given(st.integers(0, 300))
def test_of_the_same_kind_about_one_in_twenty_is_new_and_of_another_all_are(seed: int) -> None:
    few = np.arange(24) < 6  # the numbers in which the images of the set differ
    judge = novelty_judge(near(300, seed, 24) * few, np.arange(300))
    same = [novelty.is_new for novelty in judge.judge(near(300, seed + 1, 24) * few)]
    assert np.mean(same) < 3 * FALSE_ALARMS
    assert all(novelty.is_new for novelty in judge.judge(20 * near(20, seed + 2, 24) * ~few))


def test_of_a_large_set_some_images_say_how_far_they_are() -> None:
    count = 2 * JUDGED
    judge = novelty_judge(near(count), np.arange(count))
    assert len(judge.distances) == JUDGED
    assert len(judge.directions) == count, "all are neighbours"
    assert judge.judge(cloud(1, 6))[0].share.n == JUDGED


def test_too_few_images_or_scenes_judge_nothing() -> None:
    for scenes in (np.arange(LEAST - 1), np.arange(LEAST) % NEAREST):
        assert not is_enough(scenes)
    assert is_enough(np.arange(LEAST))
