"""Shortcut attraction and novelty, against loops, on spaces whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.measures.spaces import cloud, crossed, interval, numbers, signs, unit
from vlcore.core.grouping import SCENES
from vlcore.measures.estimate import rate
from vlcore.measures.novelty import ShortcutAttraction, nearest_group, novelty, shortcut_attraction


def space(by_object: float, by_context: float, scenes: int = 12, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Known pictures whose embeddings are sorted by object and by context as strongly as is said."""
    columns = crossed(scenes)
    z = np.random.default_rng(seed).normal(size=(4 * scenes, 8)) * 0.1
    z[:, 0] += by_object * signs(columns)[0]
    z[:, 1] += by_context * signs(columns)[1]
    z[:, 2] += 1
    return unit(z), *columns


def attraction(z: np.ndarray, own: list[tuple[str, str]], known: tuple[np.ndarray, ...]) -> list[ShortcutAttraction]:
    return shortcut_attraction(z, own, *known, SCENES)


@pytest.mark.parametrize("own", [(o, c) for o in SCENES.objects for c in SCENES.contexts])
def test_attraction_against_a_loop(own: tuple[str, str]) -> None:
    z, space_of = cloud(3, 8, 5), space(0.7, 0.4)
    known, objects, contexts, _ = space_of
    opposite = ("camel" if own[0] == "horse" else "horse", "desert" if own[1] == "grass" else "grass")
    turned = attraction(z, [opposite] * 3, space_of)
    for row, one in enumerate(attraction(z, [own] * 3, space_of)):
        by_object, by_context = (
            np.mean([float(z[row] @ known[i]) for i in range(48) if (objects[i], contexts[i]) == pair])
            for pair in ((own[0], opposite[1]), (opposite[0], own[1]))
        )
        assert (one.object, one.context) == own
        assert (one.by_object, one.by_context) == pytest.approx((by_object, by_context))
        assert one.balance.low <= one.balance.value <= one.balance.high
        assert one.balance.value == pytest.approx(by_object - by_context)
        assert one.balance.value == pytest.approx(-turned[row].balance.value), "the other group turns the sign"
        assert one.balance.n == 24


@pytest.mark.parametrize(("by_object", "by_context", "sign"), [(1.0, 0.1, 1), (0.1, 1.0, -1)])
def test_what_a_space_is_sorted_by_attracts(by_object: float, by_context: float, sign: int) -> None:
    z, *own, _ = space(by_object, by_context, scenes=15, seed=9)
    for one in attraction(z, list(zip(*own, strict=True)), space(by_object, by_context, scenes=15)):
        assert sign * one.balance.value > 0.3
        assert min(sign * one.balance.low, sign * one.balance.high) > 0


@given(st.integers(0, 500), st.integers(1, 5))
def test_the_order_of_known_pictures_changes_nothing(seed: int, scenes: int) -> None:
    known, z = space(0.5, 0.5, scenes, seed), cloud(1, 8, seed)
    order = np.random.default_rng(seed).permutation(4 * scenes)
    one, other = (
        attraction(z, [("horse", "desert")], tuple(column[rows] for column in known))[0].balance
        for rows in (slice(None), order)
    )
    assert numbers(other) == interval(one)
    (alone,) = attraction(z, [("camel", "grass")], (*known[:3], np.arange(4 * scenes)))  # a resample can lack a group
    assert np.isfinite(numbers(alone.balance)).all()


def test_the_nearest_group_has_the_highest_mean_cosine() -> None:
    known, objects, contexts, _ = space(0.8, 0.6)
    z, *own, _ = space(0.8, 0.6, scenes=4, seed=3)
    assert (np.array(nearest_group(z, known, objects, contexts, SCENES)) == own).all()
    z = cloud(20, 8, 1)
    for row, found in enumerate(zip(*nearest_group(z, known, objects, contexts, SCENES), strict=True)):
        means = {pair: (z[row] @ known[(objects == pair[0]) & (contexts == pair[1])].T).mean() for pair in SCENES.pairs}
        assert max(means, key=lambda pair: means[pair]) == found


def test_attraction_that_is_not_defined_is_refused() -> None:
    z, known = cloud(1, 8), space(0.5, 0.5)
    fewer = tuple(column[~((known[1] == "camel") & (known[2] == "grass"))] for column in known)
    for reason, own, among in (
        ("not as 'zebra'", [("zebra", "grass")], known),
        ("not as 'sea'", [("horse", "sea")], known),
        ("Each new picture needs", [], known),
        ("No known picture shows camel in grass", [("horse", "grass")], fewer),
    ):
        with pytest.raises(ValueError, match=reason):
            attraction(z, own, among)
    with pytest.raises(ValueError, match="No known picture shows camel in grass"):
        nearest_group(z, *fewer[:3], SCENES)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_novelty_against_a_loop(kind: type) -> None:
    train, held_out, z = (cloud(n, 5, n).astype(kind) for n in (30, 20, 10))
    scenes = np.repeat(np.arange(5), 4)
    own = [max(float(a @ b) for b in train) for a in held_out]
    for row, found in enumerate(novelty(z, train, held_out, scenes)):
        similar = [float(z[row] @ b) for b in train]
        assert found.row == int(np.argmax(similar))
        assert found.similarity == pytest.approx(max(similar), abs=1e-6)
        assert found.share == rate([value <= max(similar) for value in own], scenes)
        assert found.least_held_out == pytest.approx(min(own), abs=1e-6)


def test_only_what_is_farther_than_every_held_out_picture_is_unlike_anything() -> None:
    angles = np.linspace(0, 0.3, 200)
    train, held_out = np.array([[1.0, 0]]), np.stack([np.cos(angles), np.sin(angles)], axis=1)
    new = np.array([0.0, 0.2989, 0.2999, 0.31, np.pi])
    z = np.stack([np.cos(new), np.sin(new)], axis=1)
    found = novelty(z, train, held_out, np.arange(200))
    assert [one.unlike_anything for one in found] == [False, False, False, True, True]
    assert [one.rare for one in found] == [False, True, True, True, True]  # 1 of 200, 1 of 200, none
    assert [one.share.value for one in found] == [1.0, 1 / 200, 1 / 200, 0, 0]
    assert found[-1].similarity == -1
    assert 0 < found[-1].share.high < 0.03  # 0 of 200 is no proof of never


@given(st.integers(1, 8), st.integers(1, 12), st.integers(0, 500))
def test_to_be_unlike_anything_is_a_share_of_none(train: int, held_out: int, seed: int) -> None:
    for one in novelty(cloud(4, 3, seed), cloud(train, 3, seed + 1), cloud(held_out, 3, seed + 2), range(held_out)):
        assert one.unlike_anything == (one.share.value == 0)
        assert one.rare or not one.unlike_anything


def test_nothing_to_judge_by_is_refused() -> None:
    z = cloud(3, 4)
    for train, held_out in ((z[:0], z), (z, z[:0])):
        with pytest.raises(ValueError, match="some of each are needed"):
            novelty(z, train, held_out, range(len(held_out)))
    assert novelty(z[:0], z, z, range(3)) == []
