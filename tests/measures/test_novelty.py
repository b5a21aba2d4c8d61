"""ShortcutAttraction and novelty, against loops, on spaces whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.measures.spaces import cloud, unit
from vlcore.core.grouping import SCENES
from vlcore.measures.estimate import rate
from vlcore.measures.novelty import nearest_group, novelty, shortcut_attraction


def space(by_object: float, by_context: float, scenes: int = 12, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Known pictures whose embeddings are sorted by object and by context as strongly as is said."""
    random = np.random.default_rng(seed)
    rows = [(o, c, f"s{i}") for i in range(scenes) for o in SCENES.objects for c in SCENES.contexts]
    z = random.normal(size=(len(rows), 8)) * 0.1
    z[:, 0] += [by_object if o == "horse" else -by_object for o, _, _ in rows]
    z[:, 1] += [by_context if c == "grass" else -by_context for _, c, _ in rows]
    z[:, 2] += 1
    return unit(z), *(np.array(column) for column in zip(*rows, strict=True))


# --- pull


@pytest.mark.parametrize("own", [(o, c) for o in SCENES.objects for c in SCENES.contexts])
def test_a_pull_against_a_loop(own: tuple[str, str]) -> None:
    known, objects, contexts, scenes = space(0.7, 0.4)
    z = cloud(3, 8, 5)
    other_object = {"horse": "camel", "camel": "horse"}[own[0]]
    other_context = {"grass": "desert", "desert": "grass"}[own[1]]
    found = shortcut_attraction(z, [own] * 3, known, objects, contexts, scenes, SCENES)
    for row, one in enumerate(found):
        cosines = {
            (o, c): np.mean([float(z[row] @ known[i]) for i in range(48) if (objects[i], contexts[i]) == (o, c)])
            for o in SCENES.objects
            for c in SCENES.contexts
        }
        assert (one.object, one.context) == own
        assert one.by_object == pytest.approx(cosines[own[0], other_context])
        assert one.by_context == pytest.approx(cosines[other_object, own[1]])
        assert one.balance.value == pytest.approx(one.by_object - one.by_context)
        assert one.balance.low <= one.balance.value <= one.balance.high
        assert one.balance.n == 24


def test_a_space_sorted_by_object_pulls_by_it_and_one_sorted_by_context_by_that() -> None:
    for strengths, sign in (((1.0, 0.1), 1), ((0.1, 1.0), -1)):
        known, objects, contexts, scenes = space(*strengths)
        z, own_objects, own_contexts, _ = space(*strengths, scenes=5, seed=9)
        own = list(zip(own_objects, own_contexts, strict=True))
        for one in shortcut_attraction(z, own, known, objects, contexts, scenes, SCENES):
            assert sign * one.balance.value > 0.3
            assert min(sign * one.balance.low, sign * one.balance.high) > 0


def test_a_space_that_knows_both_alike_pulls_to_neither_side_on_average() -> None:
    known, objects, contexts, scenes = space(0.8, 0.8, scenes=60)
    z, own_objects, own_contexts, _ = space(0.8, 0.8, scenes=60, seed=9)
    found = shortcut_attraction(
        z, list(zip(own_objects, own_contexts, strict=True)), known, objects, contexts, scenes, SCENES
    )
    assert np.mean([one.balance.value for one in found]) == pytest.approx(0, abs=0.03)


def test_swapping_what_a_picture_is_compared_for_turns_the_sign() -> None:
    known, objects, contexts, scenes = space(0.7, 0.4)
    z = cloud(1, 8, 3)
    here, there = (
        shortcut_attraction(z, [own], known, objects, contexts, scenes, SCENES)[0].balance
        for own in (("horse", "grass"), ("camel", "desert"))
    )
    assert here.value == pytest.approx(-there.value)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 500), st.integers(1, 5))
def test_the_order_of_known_pictures_changes_nothing(seed: int, scenes_count: int) -> None:
    known, objects, contexts, scenes = space(0.5, 0.5, scenes_count, seed)
    order, z = np.random.default_rng(seed).permutation(len(known)), cloud(1, 8, seed)
    one = shortcut_attraction(z, [("horse", "desert")], known, objects, contexts, scenes, SCENES)[0].balance
    other = shortcut_attraction(
        z, [("horse", "desert")], known[order], objects[order], contexts[order], scenes[order], SCENES
    )[0]
    assert [other.balance.value, other.balance.low] == pytest.approx([one.value, one.low])


def test_scenes_of_their_own_give_finite_intervals() -> None:
    """A resample can lack a group."""
    known, objects, contexts, _ = space(0.5, 0.5, scenes=1)
    found = shortcut_attraction(cloud(1, 8), [("camel", "grass")], known, objects, contexts, np.arange(4), SCENES)[
        0
    ].balance
    assert np.isfinite([found.low, found.value, found.high]).all()


def test_the_names_of_a_pull_are_plain_words() -> None:
    known, objects, contexts, scenes = space(0.5, 0.5)
    (one,) = shortcut_attraction(cloud(1, 8), [(objects[0], contexts[0])], known, objects, contexts, scenes, SCENES)
    assert (type(one.object), type(one.context)) == (str, str)


def test_the_nearest_group_has_the_highest_mean_cosine() -> None:
    known, objects, contexts, _ = space(0.8, 0.6)
    z, own_objects, own_contexts, _ = space(0.8, 0.6, scenes=4, seed=3)
    found = nearest_group(z, known, objects, contexts, SCENES)
    assert (found[0] == own_objects).all()
    assert (found[1] == own_contexts).all()
    z = cloud(20, 8, 1)
    for row, (obj, context) in enumerate(zip(*nearest_group(z, known, objects, contexts, SCENES), strict=True)):
        means = {pair: (z[row] @ known[(objects == pair[0]) & (contexts == pair[1])].T).mean() for pair in SCENES.pairs}
        assert max(means, key=lambda pair: means[pair]) == (obj, context)


def test_pulls_that_are_not_defined_are_refused() -> None:
    known, objects, contexts, scenes = space(0.5, 0.5)
    z = cloud(1, 8)
    with pytest.raises(ValueError, match="as horse or camel, not as 'zebra'"):
        shortcut_attraction(z, [("zebra", "grass")], known, objects, contexts, scenes, SCENES)
    with pytest.raises(ValueError, match="as grass or desert, not as 'sea'"):
        shortcut_attraction(z, [("horse", "sea")], known, objects, contexts, scenes, SCENES)
    with pytest.raises(ValueError, match="Each new picture needs"):
        shortcut_attraction(z, [], known, objects, contexts, scenes, SCENES)
    keep = ~((objects == "camel") & (contexts == "grass"))
    with pytest.raises(ValueError, match="No known picture shows camel in grass"):
        shortcut_attraction(z, [("horse", "grass")], known[keep], objects[keep], contexts[keep], scenes[keep], SCENES)
    with pytest.raises(ValueError, match="No known picture shows camel in grass"):
        nearest_group(z, known[keep], objects[keep], contexts[keep], SCENES)


# --- novelty


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
        assert found.seen == pytest.approx(min(own), abs=1e-6)


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


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 8), st.integers(1, 12), st.integers(0, 500))
def test_to_be_unlike_anything_is_a_share_of_none(train: int, held_out: int, seed: int) -> None:
    for one in novelty(cloud(4, 3, seed), cloud(train, 3, seed + 1), cloud(held_out, 3, seed + 2), range(held_out)):
        assert one.unlike_anything == (one.share.value == 0)
        assert one.rare or not one.unlike_anything


def test_a_held_out_picture_and_a_training_picture_are_not_new() -> None:
    train, held_out = cloud(30, 6, 1).astype(np.float32), cloud(40, 6, 2).astype(np.float32)
    assert not any(one.unlike_anything for one in novelty(held_out, train, held_out, range(40)))
    for one in novelty(train, train, held_out, range(40)):
        assert one.similarity == pytest.approx(1)
        assert one.share.value == 1
    assert [one.row for one in novelty(train, train, held_out, range(40))] == list(range(30))


def test_in_a_collapsed_space_nothing_is_new() -> None:
    point = np.repeat(cloud(1, 6), 12, axis=0).astype(np.float32)
    assert [one.share.value for one in novelty(point[:2], point[2:6], point[6:], range(6))] == [1, 1]


def test_nothing_to_judge_by_is_refused() -> None:
    z = cloud(3, 4)
    for train, held_out in ((z[:0], z), (z, z[:0])):
        with pytest.raises(ValueError, match="some of each are needed"):
            novelty(z, train, held_out, range(len(held_out)))
    assert novelty(z[:0], z, z, range(3)) == []
