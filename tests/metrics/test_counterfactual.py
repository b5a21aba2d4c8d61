"""Reliance on the context, against sums over scenes; the panel, whose pixels say their source."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.spaces import Columns, interval, numbers
from tests.metrics.spaces import crossed as ordered
from vlcore.experiment.grouping import SCENES
from vlcore.metrics import counterfactual
from vlcore.metrics.estimate import Estimate, mean, rate

CORNERS = list(itertools.product(SCENES.objects, SCENES.contexts))  # of a scene


def crossed(scenes: int, seed: int = 0) -> Columns:
    """Shuffled."""
    order = np.random.default_rng(seed).permutation(4 * scenes)
    return tuple(column[order] for column in ordered(scenes))  # type: ignore[return-value]


def cell(values: np.ndarray, columns: Columns, obj: str, context: str, scene: str) -> np.ndarray:
    objects, contexts, scenes = columns
    (row,) = np.flatnonzero((objects == obj) & (contexts == context) & (scenes == scene))
    return values[row]


def reliance(margin: np.ndarray, columns: Columns) -> Estimate:
    return counterfactual.background_reliance(margin, counterfactual.crossing(*columns, SCENES))


def test_a_scene_without_one_of_its_four_images_is_refused() -> None:
    columns = crossed(5)
    objects, contexts, scenes = columns
    odd = (objects == "camel") & (contexts == "grass") & (scenes == "s3")
    for count, rows in (
        (0, np.flatnonzero(~odd)),
        (2, np.append(np.arange(20), np.flatnonzero(odd))),
    ):
        with pytest.raises(ValueError, match=f"'s3' has {count} images of camel in grass"):
            counterfactual.crossing(objects[rows], contexts[rows], scenes[rows], SCENES)


def slow_effects(margin: np.ndarray, columns: Columns) -> dict[str, list[float]]:
    """Effects of a swap on the margin, scene by scene."""
    found: dict[str, list[float]] = {"object": [], "context": []}
    for scene in sorted(set(columns[2].tolist())):
        a, b, c, d = (float(cell(margin, columns, *pair, scene)) for pair in CORNERS)
        found["object"].append(0.5 * abs((a - c) + (b - d)))
        found["context"].append(0.5 * abs((a - b) + (c - d)))
    return found


@pytest.mark.parametrize(("scenes", "kind"), [(2, np.float32), (7, np.float64), (40, np.float32)])
def test_reliance_against_the_formula(scenes: int, kind: type) -> None:
    columns = crossed(scenes, seed=1)
    margin = np.random.default_rng(scenes).normal(size=4 * scenes).astype(kind)
    by_hand = slow_effects(margin, columns)
    relies = reliance(margin, columns)
    of_object, of_context = sum(by_hand["object"]), sum(by_hand["context"])
    assert relies.value == pytest.approx(of_context / (of_object + of_context))
    assert 0 <= relies.low <= relies.value <= relies.high <= 1
    assert relies.n == 4 * scenes


@settings(max_examples=40)
@given(st.floats(0, 5), st.floats(0, 5), st.floats(-5, 5), st.integers(2, 9))
def test_a_model_that_adds_up_its_cues_relies_on_them_by_their_size(
    a: float, c: float, bias: float, n: int
) -> None:
    columns = crossed(n, seed=n)
    margin = bias + a * (columns[0] == "horse") + c * (columns[1] == "desert")
    if a + c > 1e-3:
        assert numbers(reliance(margin, columns)) == pytest.approx((c / (a + c),) * 3)


@pytest.mark.parametrize(("scenes", "seed"), [(1, 0), (9, 1), (50, 0)])
def test_flips_against_counting(scenes: int, seed: int) -> None:
    columns = crossed(scenes, seed)
    said = np.random.default_rng(seed).choice(SCENES.objects, 4 * scenes, p=[0.7, 0.3])
    of_context, of_object = [], []
    for row, (obj, context, scene) in enumerate(zip(*columns, strict=True)):
        place = SCENES.contexts[1 - SCENES.contexts.index(context)]
        other = SCENES.objects[1 - SCENES.objects.index(obj)]
        of_context.append(said[row] != cell(said, columns, obj, place, scene))
        of_object.append(said[row] != cell(said, columns, other, context, scene))
    for swapped, flips in (("context", of_context), ("object", of_object)):
        found = counterfactual.flip_rate(said, counterfactual.crossing(*columns, SCENES), swapped)
        assert numbers(found) == interval(rate(flips, columns[2]))
        assert found.n == 4 * scenes


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
    variants = counterfactual.panel(pixels, masks, *columns, SCENES)
    assert list(variants) == list(counterfactual.PANEL_KINDS)
    assert all(
        variant.shape == pixels.shape and variant.dtype == np.uint8 for variant in variants.values()
    )
    inside = (masks > 0)[..., None]
    mean = np.mean(
        [pixels[row, y, x] for row, y, x in zip(*np.nonzero(masks == 0), strict=True)], axis=0
    ).round()
    assert (variants["cut_out"] == np.where(inside, (ANIMAL, 0, 0), mean)).all()
    assert mean[1] == 100, "both places weigh the same"
    assert (
        variants["only_bg"] == pixels[:, :1, :1]
    ).all()  # nothing of the animal, and nothing of anything else


@pytest.mark.parametrize("variant", ["mixed_same", "mixed_rand"])
def test_an_animal_keeps_its_place_in_the_picture_and_gets_another_one_behind_it(
    variant: str,
) -> None:
    columns = ordered(4)
    pixels, masks = pictures(columns)
    objects, contexts, scenes = columns
    got = []
    for row, picture in enumerate(counterfactual.panel(pixels, masks, *columns, SCENES)[variant]):
        assert (picture[masks[row] > 0] == (ANIMAL, 0, 0)).all()
        behind = picture[masks[row] == 0]
        donor = int(behind[0, 2]) - 1
        assert (behind == pixels[donor, 0, 0]).all()
        assert scenes[donor] != scenes[row]
        got.append(contexts[donor])
    majority = np.where(objects == "horse", "grass", "desert")
    share = (np.array(got) == majority).mean()
    assert {"mixed_same": share == 1, "mixed_rand": 0 < share < 1}[variant]


def test_soft_edges_are_mixed_by_their_share() -> None:
    columns = ordered(2)
    pixels, masks = pictures(columns)
    soft = np.where(masks > 0, np.uint8(102), masks)  # 0.4 of each
    for mixed, mask in zip(
        counterfactual.panel(pixels, soft, *columns, SCENES)["mixed_same"], soft, strict=True
    ):
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


@given(
    st.integers(0, S - 3),
    st.integers(0, S - 3),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 99),
)
def test_the_box_is_tiled_with_the_strip_beside_it(
    top: int, left: int, height: int, width: int, seed: int
) -> None:
    columns = ordered(2)
    _, masks = pictures(columns)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, S, S, 3), dtype=np.uint8)
    masks[0] = 0
    masks[0, top : top + height, left : left + width] = 1  # the faintest edge is the animal's
    variants = counterfactual.panel(pixels, masks, *columns, SCENES)
    assert (variants["only_bg"][0] == slow_tiled(pixels[0], masks[0])).all()


def test_an_animal_as_wide_as_the_picture_is_tiled_from_above_or_below() -> None:
    columns = ordered(2)
    pixels, masks = pictures(columns)
    masks[3] = 0
    masks[3, 4:10] = 255
    # Each row says where it is; six are below, four above.
    pixels[3] = np.arange(S, dtype=np.uint8)[:, None, None]
    place = counterfactual.panel(pixels, masks, *columns, SCENES)["only_bg"][3]
    assert place[:, 0, 0].tolist() == [0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 10, 11, 12, 13, 14, 15]


@pytest.mark.parametrize("scenes", [3, 40])
def test_the_background_gap_is_a_paired_difference(scenes: int) -> None:
    random = np.random.default_rng(scenes)
    names = np.repeat(np.arange(scenes), 4).astype(str)
    same, rand = random.random(4 * scenes) < 0.9, random.random(4 * scenes) < 0.7
    found = counterfactual.background_gap(same, rand, names)
    assert found.value == pytest.approx(same.mean() - rand.mean())
    assert found.low < found.value < found.high
    assert found.n == 4 * scenes
    if scenes == 40:  # many enough for a normal interval
        assert numbers(found) == pytest.approx(
            numbers(mean(same.astype(float) - rand, names)), abs=0.02
        )


def test_a_collapsed_model_relies_on_nothing() -> None:
    columns, noise = crossed(6), np.random.default_rng(0).normal(size=24)
    for margin in (np.full(24, 3.0), 3 + 1e-7 * noise):
        with pytest.raises(ValueError, match="moves nothing"):
            reliance(margin, columns)


def test_what_cannot_be_mixed_is_refused() -> None:
    objects, contexts, _ = columns = ordered(3)
    pixels, masks = pictures(columns)
    empty, full, corners = masks.copy(), masks.copy(), masks.copy()
    empty[2], full[2], corners[2] = 0, 255, 0
    corners[2, [0, -1], [0, -1]] = 255
    one_scene = np.full(12, "s0")
    for reason, mask, scenes, usable in (
        ("image 2 is empty", empty, columns[2], np.arange(12) != 2),
        ("image 2 fills it", full, columns[2], np.arange(12) != 2),
        ("image 2 fills it", corners, columns[2], np.arange(12) != 2),
        ("No other scene shows", masks, one_scene, np.zeros(12, bool)),
    ):
        with pytest.raises(ValueError, match=reason):
            counterfactual.panel(pixels, mask, objects, contexts, scenes, SCENES)
        found = counterfactual.usable_for_panel(mask, contexts, scenes, SCENES)
        assert found.tolist() == usable.tolist()
