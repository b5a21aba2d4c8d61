"""Reliance on the context, against sums over scenes written out, and the panel, whose every pixel says its source."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.measures.spaces import Columns, cloud, interval, numbers
from tests.measures.spaces import crossed as ordered
from vlcore.core.grouping import SCENES
from vlcore.measures.accuracy import minority_gap
from vlcore.measures.counterfactual import (
    background_gap,
    background_reliance,
    background_reliance_z,
    context_flip_rate,
    crossing,
    effects,
    object_flip_rate,
    panel,
)
from vlcore.measures.estimate import Estimate, mean, rate


def crossed(scenes: int, seed: int = 0) -> Columns:
    """Shuffled."""
    order = np.random.default_rng(seed).permutation(4 * scenes)
    return tuple(column[order] for column in ordered(scenes))  # type: ignore[return-value]


def cell(values: np.ndarray, columns: Columns, obj: str, context: str, scene: str) -> np.ndarray:
    objects, contexts, scenes = columns
    (row,) = np.flatnonzero((objects == obj) & (contexts == context) & (scenes == scene))
    return values[row]


def reliance(margin: np.ndarray, columns: Columns) -> Estimate:
    return background_reliance(margin, crossing(*columns, SCENES))


@pytest.mark.parametrize("scenes", [1, 2, 13])
def test_a_crossing_finds_every_image(scenes: int) -> None:
    columns = crossed(scenes, seed=scenes)
    found = crossing(*columns, SCENES)
    assert found.rows.shape == (scenes, 2, 2)
    assert sorted(found.rows.ravel().tolist()) == list(range(4 * scenes))
    objects, contexts, names = columns
    for corners in found.rows:
        assert len({names[row] for row in corners.ravel()}) == 1
        for (o, obj), (c, context) in itertools.product(enumerate(SCENES.objects), enumerate(SCENES.contexts)):
            assert (objects[corners[o, c]], contexts[corners[o, c]]) == (obj, context)
    assert (found.scenes == names[found.rows.ravel()]).all()


def test_a_scene_without_one_of_its_four_images_is_refused() -> None:
    columns = crossed(5)
    objects, contexts, scenes = columns
    odd = (objects == "camel") & (contexts == "grass") & (scenes == "s3")
    for count, rows in ((0, np.flatnonzero(~odd)), (2, np.append(np.arange(20), np.flatnonzero(odd)))):
        with pytest.raises(ValueError, match=f"scene 's3' has {count} images of camel in grass"):
            crossing(objects[rows], contexts[rows], scenes[rows], SCENES)
    with pytest.raises(ValueError, match="the image set does not name"):
        crossing(np.where(objects == "camel", "zebra", objects), contexts, scenes, SCENES)


def slow_effects(margin: np.ndarray, columns: Columns) -> dict[str, list[float]]:
    """The formulas, scene by scene."""
    found: dict[str, list[float]] = {"object": [], "context": [], "interaction": []}
    for scene in sorted(set(columns[2].tolist())):
        a, b, c, d = (
            float(cell(margin, columns, obj, context, scene))
            for obj, context in itertools.product(SCENES.objects, SCENES.contexts)
        )
        found["object"].append(0.5 * abs((a - c) + (b - d)))
        found["context"].append(0.5 * abs((a - b) + (c - d)))
        found["interaction"].append(0.5 * abs((a - c) - (b - d)))
    return found


@pytest.mark.parametrize("scenes", [2, 7, 40])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_effects_and_reliance_against_the_formulas(scenes: int, kind: type) -> None:
    columns = crossed(scenes, seed=1)
    margin = np.random.default_rng(scenes).normal(size=4 * scenes).astype(kind)
    found, by_hand = effects(margin, crossing(*columns, SCENES)), slow_effects(margin, columns)
    assert list(found) == list(by_hand)
    for name, values in by_hand.items():
        assert numbers(found[name]) == interval(mean(values, range(scenes)))
        assert found[name].n == 4 * scenes
    relies = reliance(margin, columns)
    of_object, of_context = sum(by_hand["object"]), sum(by_hand["context"])
    assert relies.value == pytest.approx(of_context / (of_object + of_context))
    assert 0 <= relies.low <= relies.value <= relies.high <= 1
    assert relies.n == 4 * scenes


def test_the_interval_of_reliance_is_a_bootstrap_over_scenes() -> None:
    columns = crossed(60)
    margin = np.random.default_rng(0).normal(size=240) + 2.0 * (columns[0] == "horse")
    found, by_hand = reliance(margin, columns), slow_effects(margin, columns)
    of_object, of_context = np.array(by_hand["object"]), np.array(by_hand["context"])
    random, drawn = np.random.default_rng(1), []
    for _ in range(4000):
        again = random.integers(0, 60, 60)
        drawn.append(of_context[again].sum() / (of_object[again] + of_context[again]).sum())
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.012)
    assert found.high - found.low > 0.07


@settings(max_examples=40)
@given(st.floats(0, 5), st.floats(0, 5), st.floats(-5, 5), st.integers(2, 9))
def test_a_model_that_adds_up_its_cues_relies_on_them_by_their_size(a: float, c: float, bias: float, n: int) -> None:
    columns = crossed(n, seed=n)
    margin = bias + a * (columns[0] == "horse") + c * (columns[1] == "desert")
    found = effects(margin, crossing(*columns, SCENES))
    assert [estimate.value for estimate in found.values()] == pytest.approx([a, c, 0], abs=1e-9)
    if a + c > 1e-3:
        assert numbers(reliance(margin, columns)) == pytest.approx((c / (a + c),) * 3)


def test_scenes_that_move_to_either_side_do_not_cancel() -> None:
    columns = crossed(10)
    side = np.where(np.isin(columns[2], ["s0", "s2", "s3", "s8"]), 1.0, -1.0)
    assert reliance(side * (columns[1] == "grass") + (columns[0] == "horse"), columns).value == pytest.approx(0.5)


def test_a_model_that_needs_both_cues_has_only_an_interaction() -> None:
    columns = crossed(4)
    margin = np.where((columns[0] == "horse") == (columns[1] == "grass"), 1.0, -1.0)
    found = effects(margin, crossing(*columns, SCENES))
    assert [estimate.value for estimate in found.values()] == [0, 0, 2]


@pytest.mark.parametrize("noise", [0.0, 1e-7])
def test_a_collapsed_model_relies_on_nothing(noise: float) -> None:
    columns = crossed(6)
    with pytest.raises(ValueError, match="Swapping moves nothing"):
        reliance(3 + noise * np.random.default_rng(0).normal(size=24), columns)
    with pytest.raises(ValueError, match="Swapping moves nothing"):
        background_reliance_z(np.repeat(np.eye(1, 4), 24, axis=0).astype(np.float32), crossing(*columns, SCENES))


def test_a_few_scenes_that_move_have_a_reliance_although_a_resample_may_miss_them() -> None:
    columns = crossed(5)
    moved = (columns[2] == "s2") * (2.0 * (columns[0] == "horse") + 1.0 * (columns[1] == "grass"))
    assert numbers(reliance(moved, columns)) == pytest.approx((1 / 3,) * 3)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_margin_that_is_no_number_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="A margin is not finite"):
        effects(np.array([wrong] + [0.0] * 7), crossing(*crossed(2), SCENES))


# --- predictions


@pytest.mark.parametrize("scenes", [1, 9, 50])
@pytest.mark.parametrize("seed", range(2))
def test_flips_against_counting(scenes: int, seed: int) -> None:
    columns = crossed(scenes, seed)
    said = np.random.default_rng(seed).choice(SCENES.objects, 4 * scenes, p=[0.7, 0.3])
    of_context, of_object = [], []
    for row, (obj, context, scene) in enumerate(zip(*columns, strict=True)):
        place = SCENES.contexts[1 - SCENES.contexts.index(context)]
        other = SCENES.objects[1 - SCENES.objects.index(obj)]
        of_context.append(said[row] != cell(said, columns, obj, place, scene))
        of_object.append(said[row] != cell(said, columns, other, context, scene))
    for measure, flips in ((context_flip_rate, of_context), (object_flip_rate, of_object)):
        found = measure(said, crossing(*columns, SCENES))
        assert numbers(found) == interval(rate(flips, columns[2]))
        assert found.n == 4 * scenes


def test_flips_of_a_model_that_sees_one_thing() -> None:
    columns = crossed(8)
    where = crossing(*columns, SCENES)
    sees_context = np.where(columns[1] == "grass", "horse", "camel")
    for said, flips in ((columns[0], (0, 1)), (sees_context, (1, 0)), (np.full(32, "horse"), (0, 0))):
        assert (context_flip_rate(said, where).value, object_flip_rate(said, where).value) == flips


# --- embeddings


@pytest.mark.parametrize("scenes", [2, 15])
def test_reliance_of_embeddings_against_distances(scenes: int) -> None:
    columns, z = crossed(scenes), cloud(4 * scenes, 6, scenes)
    by_context, by_object = 0.0, 0.0
    for scene in set(columns[2].tolist()):
        a, b, c, d = (
            cell(z, columns, obj, context, scene) for obj, context in itertools.product(SCENES.objects, SCENES.contexts)
        )
        by_context += (1 - float(a @ b)) + (1 - float(c @ d))
        by_object += (1 - float(a @ c)) + (1 - float(b @ d))
    found = background_reliance_z(z.astype(np.float32), crossing(*columns, SCENES))
    assert found.value == pytest.approx(by_context / (by_context + by_object), rel=1e-5)
    assert found.low < found.value < found.high


@pytest.mark.parametrize(("column", "reliance"), [(0, 0.0), (1, 1.0)])
def test_embeddings_that_move_with_one_factor_only(column: int, reliance: float) -> None:
    columns = crossed(5)
    z = np.eye(2)[np.unique(columns[column], return_inverse=True)[1]]
    assert background_reliance_z(z, crossing(*columns, SCENES)).value == reliance


# --- the panel

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


def test_what_is_left_of_the_animal_and_of_its_place() -> None:
    columns = ordered(3)
    pixels, masks = pictures(columns)
    variants = panel(pixels, masks, *columns, SCENES)
    assert list(variants) == ["original", "only_fg", "no_fg", "only_bg", "mixed_same", "mixed_rand", "mixed_next"]
    assert all(variant.shape == pixels.shape and variant.dtype == np.uint8 for variant in variants.values())
    inside = (masks > 0)[..., None]
    assert (variants["original"] == pixels).all()
    assert (variants["only_fg"] == np.where(inside, (ANIMAL, 0, 0), 0)).all()
    assert (variants["no_fg"] == np.where(inside, 0, pixels)).all()
    assert (variants["only_bg"] == pixels[:, :1, :1]).all()  # nothing of the animal, and nothing of anything else


@pytest.mark.parametrize("variant", ["mixed_same", "mixed_rand", "mixed_next"])
def test_an_animal_keeps_its_place_in_the_picture_and_gets_another_one_behind_it(variant: str) -> None:
    columns = ordered(4)
    pixels, masks = pictures(columns)
    objects, contexts, scenes = columns
    got = []
    for row, picture in enumerate(panel(pixels, masks, *columns, SCENES)[variant]):
        assert (picture[masks[row] > 0] == (ANIMAL, 0, 0)).all()
        behind = picture[masks[row] == 0]
        donor = int(behind[0, 2]) - 1
        assert (behind == pixels[donor, 0, 0]).all()
        assert scenes[donor] != scenes[row]
        got.append(contexts[donor])
    majority = np.where(objects == "horse", "grass", "desert")
    share = (np.array(got) == majority).mean()
    assert {"mixed_same": share == 1, "mixed_next": share == 0, "mixed_rand": 0 < share < 1}[variant]


def test_places_are_drawn_evenly_from_both_contexts_and_many_scenes() -> None:
    columns = ordered(20)
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
    columns = ordered(5)
    one, again, other = (panel(*pictures(columns), *columns, SCENES, seed=seed) for seed in (0, 0, 1))
    for name in one:
        assert (one[name] == again[name]).all()
        assert (one[name] == other[name]).all() == (not name.startswith("mixed"))


def test_soft_edges_are_mixed_by_their_share() -> None:
    columns = ordered(2)
    pixels, masks = pictures(columns)
    soft = np.where(masks > 0, np.uint8(102), masks)  # 0.4 of each
    for mixed, mask in zip(panel(pixels, soft, *columns, SCENES)["mixed_same"], soft, strict=True):
        expected = 0.4 * np.array([ANIMAL, 0, 0]) + 0.6 * mixed[mask == 0][0].astype(float)
        assert np.abs(mixed[mask > 0] - expected).max() <= 0.5 + 1e-4


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
    columns = ordered(2)
    _, masks = pictures(columns)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, S, S, 3), dtype=np.uint8)
    masks[0] = 0
    masks[0, top : top + height, left : left + width] = 1  # the faintest edge is the animal's
    variants = panel(pixels, masks, *columns, SCENES)
    assert (variants["only_bg"][0] == slow_tiled(pixels[0], masks[0])).all()


def test_an_animal_as_wide_as_the_picture_is_tiled_from_above_or_below() -> None:
    columns = ordered(2)
    pixels, masks = pictures(columns)
    masks[3] = 0
    masks[3, 4:10] = 255
    pixels[3] = np.arange(S, dtype=np.uint8)[:, None, None]  # each row says where it is; six are below, four above
    place = panel(pixels, masks, *columns, SCENES)["only_bg"][3]
    assert place[:, 0, 0].tolist() == [0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 10, 11, 12, 13, 14, 15]


def test_what_cannot_be_mixed_is_refused() -> None:
    objects, contexts, scenes = columns = ordered(3)
    pixels, masks = pictures(columns)
    empty, full = masks.copy(), masks.copy()
    empty[2], full[2] = 0, 255
    for reason, mask, *labels in (
        ("The mask of picture 2 is empty", empty, *columns),
        ("The animal of picture 2 fills it", full, *columns),
        ("something else than horse or camel", masks, np.where(objects == "camel", "zebra", objects), contexts, scenes),
        (
            "something else than grass or desert",
            masks,
            objects,
            np.where(contexts == "grass", "snow", contexts),
            scenes,
        ),
        ("No other scene shows", masks, objects, contexts, np.full(12, "s0")),
    ):
        with pytest.raises(ValueError, match=reason):
            panel(pixels, mask, *labels, SCENES)


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
        assert numbers(found) == pytest.approx(numbers(mean(same.astype(float) - rand, names)), abs=0.02)


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
