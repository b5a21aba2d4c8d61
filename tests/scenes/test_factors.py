"""A scene is a value; its factors are drawn from streams that know nothing of object, context or
each other."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlcore.scenes import COATS, CONTEXTS, OBJECTS, POSES, SPLITS, STYLES, Scene, sample
from vlcore.scenes.factors import NAMES, PALE, RANGES, SPECIAL

GROUPS = list(itertools.product(OBJECTS, CONTEXTS))
NUISANCES = [*RANGES, *SPECIAL]


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(SPLITS))
def test_object_and_context_change_nothing_else(seed: int, index: int, split: str) -> None:
    scene = sample("horse", "grass", split=split, index=index, seed=seed)
    for name, context in GROUPS:
        twin = sample(name, context, split=split, index=index, seed=seed)
        assert twin == scene.replace(object=name, context=context)


@given(
    st.integers(0, 10**6),
    st.sampled_from(GROUPS),
    st.sampled_from(STYLES),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_factors_survive_files(
    index: int, group: tuple[str, str], style: str, context: float, object: float
) -> None:
    scene = sample(*group, split="train", index=index)
    scene = scene.replace(style=style, context_contrast=context, object_contrast=object)
    factors = scene.factors()
    assert all(type(value) in (str, int, float) for value in factors.values())
    assert Scene.from_factors(json.loads(json.dumps(factors))) == scene
    assert Scene.from_factors({name: str(value) for name, value in factors.items()}) == scene


def test_headings_run_from_side_to_front_with_few_front_views() -> None:
    headings = np.array(
        [sample("horse", "grass", split="train", index=i).heading for i in range(2000)]
    )
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
    drawn = [getattr(sample("horse", "grass", split="train", index=i), factor) for i in range(2000)]
    assert set(drawn) == set(levels)
    assert abs(np.isin(drawn, rare).mean() - share) < 0.03


def test_seeds_splits_and_indices_are_disjoint_streams() -> None:
    every = itertools.product(SPLITS, range(40), range(3))
    scenes = [
        sample("horse", "grass", split=split, index=index, seed=seed)
        for split, index, seed in every
    ]
    for name in ("form", "size", "heading", "cloud_seed"):
        assert len({getattr(scene, name) for scene in scenes}) == len(scenes)


def test_no_factor_follows_another() -> None:
    scenes = [sample("horse", "grass", split="train", index=index) for index in range(1000)]
    codes = [NAMES[n].index if n in NAMES else float for n in NUISANCES]
    numbers = [
        [code(getattr(one, name)) for one in scenes]
        for name, code in zip(NUISANCES, codes, strict=True)
    ]
    correlations = np.corrcoef(np.array(numbers, float)) - np.eye(len(NUISANCES))
    assert np.abs(correlations).max() < 0.14


def test_what_does_not_exist_is_refused() -> None:
    good = {"object": "horse", "context": "grass", "split": "train", "index": 0, "seed": 0}
    for name, value in (
        ("object", "zebra"),
        ("context", "moon"),
        ("split", "dev"),
        ("index", -1),
        ("seed", -1),
    ):
        with pytest.raises(ValueError, match=name):
            sample(**{**good, name: value})
    scene = sample(**good)
    for name, value in itertools.product(
        ("context_contrast", "object_contrast"), (-0.01, 1.01, float("nan"))
    ):
        with pytest.raises(ValueError, match=name):
            scene.replace(**{name: value})
    for name in NAMES:
        with pytest.raises(ValueError, match=f"unknown {name} 'pink'"):
            scene.replace(**{name: "pink"})
    with pytest.raises(ValueError, match="wings"):
        Scene.from_factors({**scene.factors(), "wings": 2})
