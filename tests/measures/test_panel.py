"""The panel, on pictures whose every pixel says where it comes from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.measures.spaces import Columns, crossed
from vlcore.core.grouping import SCENES
from vlcore.measures.accuracy import minority_gap
from vlcore.measures.counterfactual import background_gap, panel
from vlcore.measures.estimate import rate

S = 16
ANIMAL = 200  # in the first channel; the second says the context, the third the picture


def pictures(columns: Columns, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of a box-like animal on a plain place, with masks."""
    random = np.random.default_rng(seed)
    pixels = np.zeros((len(columns[0]), S, S, 3), np.uint8)
    masks = np.zeros((len(columns[0]), S, S), np.uint8)
    for row, context in enumerate(columns[1]):
        pixels[row, ..., 1] = 50 if context == "grass" else 150
        pixels[row, ..., 2] = row + 1
        top, left = random.integers(1, 6, 2)
        masks[row, top : top + 6, left : left + 8] = 255
        masks[row, top, left] = masks[row, top + 5, left + 7] = 0  # not a full box
        pixels[row][masks[row] > 0] = (ANIMAL, 0, 0)
    return pixels, masks


def made(columns: Columns, seed: int = 0) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    pixels, masks = pictures(columns)
    return pixels, masks, panel(pixels, masks, *columns, SCENES, seed=seed)


def test_what_is_left_of_the_animal_and_of_its_place() -> None:
    pixels, masks, variants = made(crossed(3))
    assert list(variants) == ["original", "only_fg", "no_fg", "only_bg", "mixed_same", "mixed_rand", "mixed_next"]
    assert all(variant.shape == pixels.shape and variant.dtype == np.uint8 for variant in variants.values())
    assert (variants["original"] == pixels).all()
    inside = masks > 0
    assert (variants["only_fg"][inside] == (ANIMAL, 0, 0)).all()
    assert (variants["only_fg"][~inside] == 0).all()
    assert (variants["no_fg"][inside] == 0).all()
    assert (variants["no_fg"][~inside] == pixels[~inside]).all()
    for row, place in enumerate(variants["only_bg"]):
        assert (place == pixels[row, 0, 0]).all()  # nothing of the animal, and nothing of anything else


@pytest.mark.parametrize("variant", ["mixed_same", "mixed_rand", "mixed_next"])
def test_an_animal_keeps_its_place_in_the_picture_and_gets_another_one_behind_it(variant: str) -> None:
    columns = crossed(4)
    pixels, masks, variants = made(columns)
    objects, contexts, scenes = columns
    got = []
    for row, picture in enumerate(variants[variant]):
        assert (picture[masks[row] > 0] == (ANIMAL, 0, 0)).all()
        behind = picture[masks[row] == 0]
        assert (behind == behind[0]).all()
        donor = int(behind[0, 2]) - 1
        assert scenes[donor] != scenes[row]
        assert (behind[0] == pixels[donor, 0, 0]).all()
        got.append(contexts[donor])
    majority = np.where(objects == "horse", "grass", "desert")
    share = (np.array(got) == majority).mean()
    assert {"mixed_same": share == 1, "mixed_next": share == 0, "mixed_rand": 0 < share < 1}[variant]


def test_places_are_drawn_evenly_from_both_contexts_and_many_scenes() -> None:
    columns = crossed(20)
    pixels, masks = pictures(columns)
    pixels[..., 2] = np.arange(80)[:, None, None]
    taken: list[int] = []
    for seed in range(20):
        mixed = panel(pixels, masks, *columns, SCENES, seed=seed)["mixed_rand"]
        taken += [int(picture[mask == 0][0, 2]) for picture, mask in zip(mixed, masks, strict=True)]
    assert (columns[1][taken] == "grass").mean() == pytest.approx(0.5, abs=0.04)
    counts = np.bincount(taken, minlength=80)
    assert counts.min() > 5
    assert counts.max() < 45


def test_a_panel_comes_out_the_same_again_and_another_seed_mixes_otherwise() -> None:
    columns = crossed(5)
    (_, _, one), (_, _, again), (_, _, other) = made(columns), made(columns), made(columns, seed=1)
    for name in one:
        assert (one[name] == again[name]).all()
        assert (one[name] == other[name]).all() == (not name.startswith("mixed"))


def test_soft_edges_are_mixed_by_their_share() -> None:
    columns = crossed(2)
    pixels, masks = pictures(columns)
    soft = np.where(masks > 0, np.uint8(102), masks)  # 0.4 of each
    mixed = panel(pixels, soft, *columns, SCENES)["mixed_same"]
    for row in range(8):
        behind = mixed[row][soft[row] == 0][0].astype(float)
        expected = 0.4 * np.array([ANIMAL, 0, 0]) + 0.6 * behind
        assert mixed[row][soft[row] > 0][0].astype(float) == pytest.approx(expected, abs=0.5 + 1e-4)


def slow_tiled(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    rows = [y for y in range(S) if mask[y].any()]
    columns = [x for x in range(S) if mask[:, x].any()]
    left, right = columns[0], columns[-1]
    strip = list(range(left)) if left >= S - 1 - right else list(range(right + 1, S))
    out = picture.copy()
    for y in range(rows[0], rows[-1] + 1):
        for x in range(left, right + 1):
            out[y, x] = picture[y, strip[(x - left) % len(strip)]]
    return out


@settings(max_examples=40, deadline=None)
@given(st.integers(0, S - 3), st.integers(0, S - 3), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_the_box_is_tiled_with_the_strip_beside_it(top: int, left: int, height: int, width: int, seed: int) -> None:
    columns = crossed(2)
    _, masks = pictures(columns)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, S, S, 3), dtype=np.uint8)
    masks[0] = 0
    masks[0, top : top + height, left : left + width] = 1  # the faintest edge is the animal's
    variants = panel(pixels, masks, *columns, SCENES)
    assert (variants["only_bg"][0] == slow_tiled(pixels[0], masks[0])).all()
    upright = panel(pixels.transpose(0, 2, 1, 3), masks.transpose(0, 2, 1), *columns, SCENES)["only_bg"][0]
    assert (upright == slow_tiled(pixels[0].transpose(1, 0, 2), masks[0].T)).all()


def test_an_animal_as_wide_as_the_picture_is_tiled_from_above_or_below() -> None:
    columns = crossed(2)
    pixels, masks = pictures(columns)
    masks[3] = 0
    masks[3, 4:10] = 255
    pixels[3] = np.arange(S, dtype=np.uint8)[:, None, None]  # each row says where it is; six are below, four above
    place = panel(pixels, masks, *columns, SCENES)["only_bg"][3]
    assert place[:, 0, 0].tolist() == [0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 10, 11, 12, 13, 14, 15]


def test_what_cannot_be_mixed_is_refused() -> None:
    columns = crossed(3)
    objects, contexts, scenes = columns
    pixels, masks = pictures(columns)
    empty, full = masks.copy(), masks.copy()
    empty[2], full[2] = 0, 255
    for wrong, reason in ((empty, "The mask of picture 2 is empty"), (full, "The animal of picture 2 fills it")):
        with pytest.raises(ValueError, match=reason):
            panel(pixels, wrong, *columns, SCENES)
    with pytest.raises(ValueError, match="something else than horse or camel"):
        panel(pixels, masks, np.where(objects == "camel", "zebra", objects), contexts, scenes, SCENES)
    with pytest.raises(ValueError, match="something else than grass or desert"):
        panel(pixels, masks, objects, np.where(contexts == "grass", "snow", contexts), scenes, SCENES)
    with pytest.raises(ValueError, match="No other scene shows"):
        panel(pixels, masks, objects, contexts, np.full(12, "s0"), SCENES)


# --- the gap


@pytest.mark.parametrize("scenes", [3, 40])
def test_the_background_gap_is_a_paired_difference(scenes: int) -> None:
    random = np.random.default_rng(scenes)
    names = np.repeat(np.arange(scenes), 4).astype(str)
    same, rand = random.random(4 * scenes) < 0.9, random.random(4 * scenes) < 0.7
    found = background_gap(same, rand, names)
    assert found.value == pytest.approx(same.mean() - rand.mean())
    assert found.low < found.value < found.high
    assert found.n == 4 * scenes
    if scenes == 40:  # many enough for a normal interval
        by_scene = (same.astype(float) - rand).reshape(scenes, 4).mean(axis=1)
        half = 1.96 * by_scene.std(ddof=1) / np.sqrt(scenes)
        assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.02)


def test_the_interval_of_the_gap_is_narrower_for_the_same_animals_than_for_others() -> None:
    random = np.random.default_rng(0)
    easy = np.repeat(random.random(100) < 0.8, 2)
    names = np.repeat(np.arange(100), 2).astype(str)
    same, rand = easy.copy(), easy & (random.random(200) < 0.95)
    paired = background_gap(same, rand, names)
    alone = rate(same, names), rate(rand, names)
    assert paired.high - paired.low < 0.6 * min(one.high - one.low for one in alone)
    groups = np.array(SCENES.names)[np.arange(400) % 4]
    apart = minority_gap(np.tile(same, 2), groups, np.arange(400).astype(str), SCENES)
    assert paired.high - paired.low < apart.high - apart.low


@pytest.mark.parametrize(("same", "rand", "gap"), [(True, True, 0), (True, False, 1), (False, False, 0)])
def test_a_gap_of_pictures_that_all_agree_is_not_certain(same: bool, rand: bool, gap: int) -> None:
    found = background_gap(np.full(30, same), np.full(30, rand), np.arange(30).astype(str))
    assert found.value == gap
    assert -1 <= found.low < found.high <= 1
