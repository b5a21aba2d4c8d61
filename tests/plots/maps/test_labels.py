"""Words beside diamonds: inside the pane, off each other; ends of curves: apart and in order."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vlcore.experiment.captions import captions_of
from vlcore.experiment.grouping import SCENES
from vlcore.plots.maps import labels
from vlcore.plots.maps.labels import place_labels, spread

NONE = np.empty((0, 2))


def boxes(words: list[str], anchors: np.ndarray, side: float = 420) -> list[labels.Box]:
    places = place_labels(words, anchors, NONE, side)
    return [labels._box(*both) for both in zip(words, anchors, places, strict=True)]


@pytest.mark.parametrize("at", [(3, 3), (417, 3), (3, 417), (417, 417), (210, 3), (417, 210)])
def test_words_stay_in_the_pane(at: tuple[float, float]) -> None:
    ((left, top, right, bottom),) = boxes(["a camel in the desert"], np.array([at], float))
    assert 0 <= left < right <= 420
    assert -6 <= top < bottom <= 426


def test_words_keep_off_each_other_even_in_one_place_and_off_stars_and_crowds() -> None:
    found = np.array(boxes([f"caption {index}" for index in range(8)], np.full((8, 2), 210.0)))
    for one, other in combinations(found, 2):
        assert np.any(
            np.maximum(one[:2], other[:2]) >= np.minimum(one[2:], other[2:])
        )  # apart to a side or in height
    anchor, right = np.array([[200.0, 200.0]]), np.array([[230.0, 200.0]])
    assert place_labels(["horse"], anchor, NONE, 420)[0][2] == "left", (
        "alone they stand to the right"
    )
    assert place_labels(["horse"], anchor, NONE, 420, right)[0][2] != "left"
    assert place_labels(["horse"], anchor, np.repeat(right, 20, axis=0), 420)[0][2] != "left"


@example([(0, 0), (0, 1), (14, 49), (0, 0)])
@given(st.lists(st.tuples(st.floats(0, 164), st.floats(0, 164)), min_size=4, max_size=4))
def test_four_long_captions_keep_off_each_other_on_a_phone(
    anchors: list[tuple[float, float]],
) -> None:
    words = [caption.text for caption in captions_of("descriptive", SCENES)]
    found = np.array(boxes(words, np.array(anchors), 164))
    assert found[:, [0, 1]].min() >= -labels.LINE / 2
    assert found[:, [2, 3]].max() <= 164 + labels.LINE / 2
    for one, other in combinations(found, 2):
        assert np.any(np.maximum(one[:2], other[:2]) >= np.minimum(one[2:], other[2:]) - 1)  # px


@given(st.lists(st.floats(-100, 100), max_size=8))
def test_spread_keeps_order_and_distance(places: list[float]) -> None:
    result = spread(places, 10)
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = [result[index] for index in order]
    assert all(after - before >= 10 - 1e-6 for before, after in pairwise(moved))
    assert sum(result) == pytest.approx(sum(places), abs=1e-6)
    assert spread([30.0, 0.0], 10) == [30.0, 0.0]
