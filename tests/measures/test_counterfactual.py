"""Reliance on the context, against sums over scenes written out, and on models whose reliance is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.measures.spaces import Columns
from tests.measures.spaces import crossed as ordered
from vlcore.core.grouping import SCENES
from vlcore.measures.counterfactual import (
    background_reliance,
    background_reliance_z,
    context_flip_rate,
    crossing,
    effects,
    object_flip_rate,
)
from vlcore.measures.estimate import Z95, rate


def crossed(scenes: int, seed: int = 0) -> Columns:
    """Shuffled."""
    order = np.random.default_rng(seed).permutation(4 * scenes)
    return tuple(column[order] for column in ordered(scenes))  # type: ignore[return-value]


def cell(values: np.ndarray, columns: Columns, obj: str, context: str, scene: str) -> np.ndarray:
    objects, contexts, scenes = columns
    (row,) = np.flatnonzero((objects == obj) & (contexts == context) & (scenes == scene))
    return values[row]


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
    keep = ~((objects == "camel") & (contexts == "grass") & (scenes == "s3"))
    with pytest.raises(ValueError, match="scene 's3' has 0 images of camel in grass"):
        crossing(objects[keep], contexts[keep], scenes[keep], SCENES)
    again = np.append(np.arange(20), np.flatnonzero(~keep))
    with pytest.raises(ValueError, match="scene 's3' has 2 images of camel in grass"):
        crossing(objects[again], contexts[again], scenes[again], SCENES)


def test_an_object_of_no_group_is_refused() -> None:
    objects, contexts, scenes = crossed(2)
    with pytest.raises(ValueError, match="an object or a context that the image set does not name"):
        crossing(np.where(objects == "camel", "zebra", objects), contexts, scenes, SCENES)


def slow_effects(margin: np.ndarray, columns: Columns) -> dict[str, list[float]]:
    """The formulas, scene by scene."""
    found: dict[str, list[float]] = {"object": [], "context": [], "interaction": []}
    for scene in sorted(set(columns[2].tolist())):
        m = {
            (o, c): float(cell(margin, columns, o, c, scene))
            for o, c in itertools.product(SCENES.objects, SCENES.contexts)
        }
        here = m["horse", "grass"] - m["camel", "grass"]
        there = m["horse", "desert"] - m["camel", "desert"]
        found["object"].append(0.5 * abs(here + there))
        found["interaction"].append(0.5 * abs(here - there))
        of_horse = m["horse", "grass"] - m["horse", "desert"]
        of_camel = m["camel", "grass"] - m["camel", "desert"]
        found["context"].append(0.5 * abs(of_horse + of_camel))
    return found


@pytest.mark.parametrize("scenes", [2, 7, 40])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_effects_and_reliance_against_the_formulas(scenes: int, kind: type) -> None:
    columns = crossed(scenes, seed=1)
    margin = np.random.default_rng(scenes).normal(size=4 * scenes).astype(kind)
    found, by_hand = effects(margin, crossing(*columns, SCENES)), slow_effects(margin, columns)
    for name, values in by_hand.items():
        estimate = found[name]
        assert estimate.value == pytest.approx(sum(values) / scenes)
        assert estimate.high - estimate.value == pytest.approx(Z95 * np.std(values, ddof=1) / np.sqrt(scenes))
        assert estimate.n == 4 * scenes
    reliance = background_reliance(margin, crossing(*columns, SCENES))
    of_object, of_context = sum(by_hand["object"]), sum(by_hand["context"])
    assert reliance.value == pytest.approx(of_context / (of_object + of_context))
    assert 0 <= reliance.low <= reliance.value <= reliance.high <= 1
    assert reliance.n == 4 * scenes


def test_the_interval_of_reliance_is_a_bootstrap_over_scenes() -> None:
    columns = crossed(60)
    margin = np.random.default_rng(0).normal(size=240) + 2.0 * (columns[0] == "horse")
    found = background_reliance(margin, crossing(*columns, SCENES))
    by_hand = slow_effects(margin, columns)
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
    where = crossing(*columns, SCENES)
    found = effects(margin, where)
    assert (found["object"].value, found["context"].value) == pytest.approx((a, c), abs=1e-9)
    assert found["interaction"].value == pytest.approx(0, abs=1e-9)
    if a + c > 1e-3:
        reliance = background_reliance(margin, where)
        assert (reliance.value, reliance.low, reliance.high) == pytest.approx((c / (a + c),) * 3)


def test_scenes_that_move_to_either_side_do_not_cancel() -> None:
    columns = crossed(10)
    side = np.where(np.isin(columns[2], ["s0", "s2", "s3", "s8"]), 1.0, -1.0)
    margin = side * (columns[1] == "grass") + (columns[0] == "horse")
    assert background_reliance(margin, crossing(*columns, SCENES)).value == pytest.approx(0.5)


def test_a_model_that_needs_both_cues_has_only_an_interaction() -> None:
    columns = crossed(4)
    margin = np.where((columns[0] == "horse") == (columns[1] == "grass"), 1.0, -1.0)
    found = effects(margin, crossing(*columns, SCENES))
    assert (found["object"].value, found["context"].value, found["interaction"].value) == (0, 0, 2)


@pytest.mark.parametrize("noise", [0.0, 1e-7])
def test_a_collapsed_model_relies_on_nothing(noise: float) -> None:
    columns = crossed(6)
    where = crossing(*columns, SCENES)
    still = 3 + noise * np.random.default_rng(0).normal(size=24)
    with pytest.raises(ValueError, match="Swapping moves nothing in this model"):
        background_reliance(still, where)
    with pytest.raises(ValueError, match="Swapping moves nothing in this model"):
        background_reliance_z(np.repeat(np.eye(1, 4), 24, axis=0).astype(np.float32), where)


def test_a_few_scenes_that_move_have_a_reliance_although_a_resample_may_miss_them() -> None:
    columns = crossed(5)
    moved = (columns[2] == "s2") * (2.0 * (columns[0] == "horse") + 1.0 * (columns[1] == "grass"))
    found = background_reliance(moved, crossing(*columns, SCENES))
    assert (found.value, found.low, found.high) == pytest.approx((1 / 3,) * 3)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_margin_that_is_no_number_is_refused(wrong: float) -> None:
    columns = crossed(2)
    with pytest.raises(ValueError, match="A margin is not finite"):
        effects(np.array([wrong] + [0.0] * 7), crossing(*columns, SCENES))


# --- predictions


@pytest.mark.parametrize("scenes", [1, 9, 50])
@pytest.mark.parametrize("seed", range(2))
def test_flips_against_counting(scenes: int, seed: int) -> None:
    columns = crossed(scenes, seed)
    objects, contexts, names = columns
    said = np.random.default_rng(seed).choice(SCENES.objects, 4 * scenes, p=[0.7, 0.3])
    where = crossing(*columns, SCENES)
    of_context, of_object = [], []
    for row in range(4 * scenes):
        place = SCENES.contexts[1 - SCENES.contexts.index(contexts[row])]
        other = SCENES.objects[1 - SCENES.objects.index(objects[row])]
        of_context.append(said[row] != cell(said, columns, objects[row], place, names[row]))
        of_object.append(said[row] != cell(said, columns, other, contexts[row], names[row]))
    for found, flips in ((context_flip_rate(said, where), of_context), (object_flip_rate(said, where), of_object)):
        expected = rate(flips, names)
        assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))
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
    columns = crossed(scenes)
    z = np.random.default_rng(scenes).normal(size=(4 * scenes, 6))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    by_context, by_object = [], []
    for scene in set(columns[2].tolist()):
        for obj in SCENES.objects:
            one, two = (cell(z, columns, obj, context, scene) for context in SCENES.contexts)
            by_context.append(1 - float(one @ two))
        for context in SCENES.contexts:
            one, two = (cell(z, columns, obj, context, scene) for obj in SCENES.objects)
            by_object.append(1 - float(one @ two))
    found = background_reliance_z(z.astype(np.float32), crossing(*columns, SCENES))
    assert found.value == pytest.approx(sum(by_context) / (sum(by_context) + sum(by_object)), rel=1e-5)
    assert found.low < found.value < found.high


@pytest.mark.parametrize(("column", "reliance"), [(0, 0.0), (1, 1.0)])
def test_embeddings_that_move_with_one_factor_only(column: int, reliance: float) -> None:
    columns = crossed(5)
    z = np.eye(2)[np.unique(columns[column], return_inverse=True)[1]]
    assert background_reliance_z(z, crossing(*columns, SCENES)).value == reliance
