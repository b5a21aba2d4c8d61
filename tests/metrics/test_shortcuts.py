"""Shortcut cues: chance on noise, certainty on a planted cue, views against loops."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats.contingency import association, crosstab

from tests.metrics.spaces import names
from vlcore.experiment.grouping import SCENES
from vlcore.metrics import shortcuts
from vlcore.metrics.estimate import Estimate, rate


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("xyz")), min_size=2, max_size=60))
def test_v_against_scipy(pairs: list[tuple[int, str]]) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    if min(len(set(one)), len(set(other))) < 2:
        with pytest.raises(ValueError, match="A column with one value is associated with nothing"):
            shortcuts.cramers_v(np.array(one), np.array(other))
        return
    found = shortcuts.cramers_v(np.array(one), np.array(other))
    assert found.v == pytest.approx(
        association(crosstab(one, other).count, method="cramer"), abs=1e-12
    )
    assert shortcuts.cramers_v(np.array(other), np.array(one)).v == pytest.approx(found.v)
    assert found.n == len(pairs)
    assert 0 <= found.p <= 1


@pytest.mark.parametrize("share", [0.6, 0.9, 0.99])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_that_is_mostly_one_number_still_has_others(share: float, sign: int) -> None:
    """Such as the clouds of a set that is mostly clear: the many share a bin, the others are not in
    it."""
    n = 1000
    rare = np.arange(n) >= share * n
    column = np.where(rare, sign * (1 + np.arange(n) / n), 0)
    assert shortcuts.cramers_v(column, rare).v == pytest.approx(1)


def labelled(per_group: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Objects, groups and a scene each, of equally many pictures a group."""
    objects = np.repeat([obj for obj, _ in SCENES.pairs], per_group)
    return objects, np.repeat(SCENES.names, per_group), names(4 * per_group)


def accuracy(features: np.ndarray, labels: np.ndarray, *rest: np.ndarray) -> Estimate:
    """Of a probe, with an interval over scenes."""
    right = shortcuts.cross_validated_probe(features, labels, *rest)
    return rate(right, rest[-1])


# Sevens and thirteens cannot be cut into five equal folds.
@pytest.mark.parametrize("per_group", [5, 7, 12, 13])
def test_pictures_that_are_all_alike_are_named_by_chance(per_group: int) -> None:
    objects, groups, scenes = labelled(per_group)
    alike = np.ones((len(objects), 2))
    assert shortcuts.cross_validated_probe(alike, objects, groups, scenes).mean() == 0.5


def test_a_planted_cue_is_found_and_has_an_interval() -> None:
    objects, groups, scenes = labelled(25)
    features = np.random.default_rng(0).normal(size=(100, 5))
    features[:, 3] += 5 * (objects == "horse")
    found = accuracy(features, objects, groups, scenes)
    assert found.value >= 0.96
    assert found.low < found.value <= found.high
    assert found.n == 100
    context = np.char.rpartition(groups, "_")[:, 2]
    assert shortcuts.is_chance(accuracy(features, context, groups, scenes))


def test_no_picture_is_named_by_a_model_that_saw_its_scene() -> None:
    """Copies of noise in one scene: whoever was fitted on one knows the label of the other."""
    objects, groups, _ = labelled(20)
    noise = np.random.default_rng(2).normal(size=(40, 200))
    features = np.repeat(noise, 2, axis=0)
    assert accuracy(features, objects, groups, names(80)).value > 0.8
    held_out = accuracy(features, objects, groups, np.repeat(names(40), 2))
    assert shortcuts.is_chance(held_out)
    # Pictures of a scene agree, so that they are half as many pieces of evidence.
    assert held_out.high - held_out.low > 1.2 * (0.5**2 / 80) ** 0.5 * 2 * 1.96


def test_two_probes_are_compared_image_by_image_and_scene_by_scene() -> None:
    """90 and 78 right of 96: apart where the wrong ones are the same, and not where few are."""
    first, second = np.arange(96) < 90, np.arange(96) < 78
    difference, p = shortcuts.compare_probes(first, second, names(96))
    assert difference.value == pytest.approx(12 / 96)
    assert 0 < difference.low < difference.value < difference.high
    assert p == pytest.approx(2 * 0.5**12), "McNemar's exact test of 12 against 0"
    turned, same_p = shortcuts.compare_probes(second, first, names(96))
    assert (turned.value, same_p) == (-difference.value, p)
    _, by_scene = shortcuts.compare_probes(first, second, np.repeat(names(48), 2))
    assert by_scene == pytest.approx(2 * 0.5**6), "pictures of a scene count once"
    assert shortcuts.compare_probes(first, first, names(96))[1] == 1


def pictures(n: int = 3, side: int = 32) -> np.ndarray:
    return np.random.default_rng(side).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("side", [16, 32, 64])
def test_coarse_pictures_and_mean_colours_against_a_loop(side: int) -> None:
    pixels, box = pictures(2, side), side // shortcuts.COARSE
    found, colours = shortcuts.coarse(pixels), shortcuts.mean_colour(pixels)
    assert found.shape == (2, shortcuts.COARSE * shortcuts.COARSE * 3)
    for number, y, x in itertools.product(
        range(2), range(shortcuts.COARSE), range(shortcuts.COARSE)
    ):
        block = pixels[number, y * box : (y + 1) * box, x * box : (x + 1) * box].reshape(-1, 3)
        expected = [
            sum(int(value) for value in block[:, channel]) / len(block) / 255
            for channel in range(3)
        ]
        assert found[number].reshape(shortcuts.COARSE, shortcuts.COARSE, 3)[y, x] == pytest.approx(
            expected
        )
    assert colours == pytest.approx(found.reshape(2, -1, 3).mean(axis=1))


def test_the_rim_is_the_outer_eighth_and_nothing_inside() -> None:
    pixels = pictures()
    found = shortcuts.rim(pixels)
    grid = shortcuts.coarse(pixels).reshape(3, shortcuts.COARSE, shortcuts.COARSE, 3)
    for number in range(3):
        expected = [
            grid[number, y, x]
            for y, x in itertools.product(range(shortcuts.COARSE), range(shortcuts.COARSE))
            if min(y, x, shortcuts.COARSE - 1 - y, shortcuts.COARSE - 1 - x) < shortcuts.COARSE / 8
        ]
        assert found[number] == pytest.approx(np.concatenate(expected))
    inside, outside = pixels.copy(), pixels.copy()
    inside[:, 4:28, 4:28] = 0
    outside[:, 3, 16] ^= 255
    assert np.array_equal(shortcuts.rim(inside), found)
    assert not np.array_equal(shortcuts.rim(outside), found)


@pytest.mark.parametrize(
    ("value", "n", "chance"),
    [
        (0.0, 100, True),
        (0.5, 100, True),
        (0.64, 100, True),
        (0.66, 100, False),
        (1.0, 100, False),
        (0.574, 400, True),
        (0.576, 400, False),
        (1.0, 9, True),
        (1.0, 10, False),
    ],
)
def test_chance_is_three_standard_errors_wide(value: float, n: int, chance: bool) -> None:
    assert shortcuts.is_chance(Estimate(value, 0.0, 1.0, n)) is chance
