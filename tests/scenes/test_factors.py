"""A scene is a value; its factors come from streams that know nothing of each other."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlcore.scenes import COATS, CONTEXTS, OBJECTS, POSES, SPLITS, Scene, sample
from vlcore.scenes.factors import NAMES, PALE, RANGES, SPECIAL

GROUPS = list(itertools.product(OBJECTS, CONTEXTS))
CONTRASTS = ("context_contrast", "object_contrast")


def train_scenes(count: int) -> list[Scene]:
    return [sample("horse", "grass", split="train", index=index) for index in range(count)]


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(SPLITS))
def test_object_and_context_change_nothing_else(seed: int, index: int, split: str) -> None:
    scene = sample("horse", "grass", split=split, index=index, seed=seed)
    for name, context in GROUPS:
        twin = sample(name, context, split=split, index=index, seed=seed)
        assert twin == scene.replace(object=name, context=context)


@given(st.integers(0, 10**6), st.sampled_from(GROUPS), st.floats(0, 1), st.floats(0, 1))
def test_factors_survive_files(
    index: int, group: tuple[str, str], context: float, object: float
) -> None:
    scene = sample(*group, split="train", index=index)
    scene = scene.replace(context_contrast=context, object_contrast=object)
    factors = scene.factors()
    assert all(type(value) in (str, int, float) for value in factors.values())
    assert Scene.from_factors(json.loads(json.dumps(factors))) == scene
    assert Scene.from_factors({name: str(value) for name, value in factors.items()}) == scene


def test_headings_run_from_side_to_front_with_few_front_views() -> None:
    headings = np.array([scene.heading for scene in train_scenes(2000)])
    turn = np.arcsin(np.sin(headings))  # 0 side-on, pi/2 towards the viewer
    assert abs((np.cos(headings) > 0).mean() - 0.5) < 0.05
    assert (np.abs(turn) < 0.55).mean() > 0.85
    assert 0.015 < (turn > 1.1).mean() < 0.05
    assert turn.max() > 1.5


@pytest.mark.parametrize(
    ("factor", "levels", "rare", "share"),
    [("pose", POSES, ["grazing", "lying"], 0.1), ("coat", COATS, PALE, 0.2)],
)
def test_rare_levels_are_rare(
    factor: str, levels: tuple[str, ...], rare: list[str], share: float
) -> None:
    drawn = [getattr(scene, factor) for scene in train_scenes(2000)]
    assert set(drawn) == set(levels)
    assert abs(np.isin(drawn, rare).mean() - share) < 0.03


def test_seeds_splits_and_indices_are_disjoint_streams() -> None:
    scenes = [
        sample("horse", "grass", split=split, index=index, seed=seed)
        for split, index, seed in itertools.product(SPLITS, range(40), range(3))
    ]
    for name in ("form", "size", "heading", "cloud_seed"):
        assert len({getattr(scene, name) for scene in scenes}) == len(scenes)


def test_no_factor_follows_another() -> None:
    scenes = train_scenes(1000)
    columns = []
    for name in [*RANGES, *SPECIAL]:
        code = NAMES[name].index if name in NAMES else float
        columns.append([code(getattr(scene, name)) for scene in scenes])
    correlations = np.corrcoef(np.array(columns, float)) - np.eye(len(columns))
    assert np.abs(correlations).max() < 0.14


@pytest.mark.parametrize(
    "wrong",
    [{"object": "zebra"}, {"context": "moon"}, {"split": "dev"}, {"index": -1}, {"seed": -1}],
)
def test_sample_refuses_unknown_names_and_negative_numbers(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        sample(**{"object": "horse", "context": "grass", "split": "train", "index": 0, **wrong})


@pytest.mark.parametrize("name", [*NAMES, *CONTRASTS, "wings"])
def test_a_scene_refuses_what_does_not_exist(name: str) -> None:
    for value in ("pink",) if name in NAMES else (-0.01, 1.01, float("nan")):
        with pytest.raises(ValueError, match=name):
            Scene.from_factors({**train_scenes(1)[0].factors(), name: value})
