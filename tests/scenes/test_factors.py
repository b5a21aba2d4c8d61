"""A scene is a value; its factors are drawn from streams that know nothing of object, context or each other."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlcore.scenes import COATS, CONTEXTS, OBJECTS, POSES, SPLITS, STYLES, Scene, sample
from vlcore.scenes.factors import DRAWS, NAMES, PALE

GROUPS = [(o, c) for o in OBJECTS for c in CONTEXTS]
SETTINGS = {"style": "photo", "context_contrast": 1.0, "object_contrast": 1.0}
NUISANCES = [f.name for f in dataclasses.fields(Scene) if f.name not in ("object", "context", *SETTINGS)]


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(SPLITS))
def test_object_and_context_change_nothing_else(seed: int, index: int, split: str) -> None:
    scene = sample("horse", "grass", split=split, index=index, seed=seed)
    for name, context in GROUPS:
        twin = sample(name, context, split=split, index=index, seed=seed)
        assert twin == scene.replace(object=name, context=context)


def test_settings_are_last_and_left_alone_by_chance() -> None:
    assert [f.name for f in dataclasses.fields(Scene)][-3:] == list(SETTINGS)
    assert set(DRAWS) == set(NUISANCES)
    scene = sample("camel", "desert", split="demo", index=5)
    assert {name: getattr(scene, name) for name in SETTINGS} == SETTINGS


@given(st.integers(0, 10**6), st.sampled_from(GROUPS), st.sampled_from(STYLES), st.floats(0, 1), st.floats(0, 1))
def test_factors_survive_json_and_csv(
    index: int, group: tuple[str, str], style: str, context: float, object: float
) -> None:
    scene = sample(*group, split="train", index=index)
    scene = scene.replace(style=style, context_contrast=context, object_contrast=object)
    factors = scene.factors()
    assert all(type(value) in (str, int, float) for value in factors.values())
    assert Scene.from_factors(json.loads(json.dumps(factors))) == scene
    assert Scene.from_factors({name: str(value) for name, value in factors.items()}) == scene


@pytest.mark.parametrize("name", ["context_contrast", "object_contrast"])
@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
def test_a_contrast_outside_its_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} runs from 0 to 1"):
        sample("horse", "grass", split="train", index=0).replace(**{name: value})


def test_headings_run_from_side_to_front_with_few_front_views() -> None:
    headings = np.array([sample("horse", "grass", split="train", index=i).heading for i in range(2000)])
    turn = np.arcsin(np.sin(headings))  # 0 side-on, pi/2 towards the viewer
    assert abs((np.cos(headings) > 0).mean() - 0.5) < 0.05
    assert (np.abs(turn) < 0.55).mean() > 0.85
    assert 0.015 < (turn > 1.1).mean() < 0.05
    assert turn.max() > 1.5


@pytest.mark.parametrize(
    ("factor", "levels", "rare", "share"), [("pose", POSES, ["grazing", "lying"], 0.1), ("coat", COATS, PALE, 0.2)]
)
def test_rare_levels_are_as_rare_as_designed(
    factor: str, levels: tuple[str, ...], rare: list[str], share: float
) -> None:
    drawn = [getattr(sample("horse", "grass", split="train", index=i), factor) for i in range(2000)]
    assert set(drawn) == set(levels)
    assert abs(np.isin(drawn, rare).mean() - share) < 0.03


def test_seeds_splits_and_indices_are_disjoint_streams() -> None:
    scenes = [
        sample("horse", "grass", split=split, index=index, seed=seed)
        for split in SPLITS
        for index in range(40)
        for seed in range(3)
    ]
    for name in ("form", "size", "heading", "cloud_seed"):
        assert len({getattr(scene, name) for scene in scenes}) == len(scenes)


def table(offset: int, n: int = 500) -> dict[str, np.ndarray]:
    scenes = [sample("horse", "grass", split="train", index=offset + i) for i in range(n)]
    return {name: np.array([getattr(scene, name) for scene in scenes]) for name in NUISANCES}


def test_groups_with_indices_of_their_own_share_every_distribution() -> None:
    horses, camels = table(0), table(10_000)
    for name in NUISANCES:
        if name in NAMES:
            counts = np.array([[(side[name] == level).sum() for level in NAMES[name]] for side in (horses, camels)])
            expected = counts.sum(0) / 2
            cramers_v = np.sqrt(((counts - expected) ** 2 / expected).sum() / counts.sum())
            assert cramers_v < 0.15, name
        else:
            both = np.concatenate([horses[name], camels[name]]).astype(float)
            label = np.repeat([0.0, 1.0], len(horses[name]))
            assert abs(np.corrcoef(both, label)[0, 1]) < 0.12, name


def test_no_factor_follows_another() -> None:
    columns = table(0, 1000)
    codes = [NAMES[n].index if n in NAMES else float for n in NUISANCES]
    numbers = [[code(value) for value in columns[name].tolist()] for name, code in zip(NUISANCES, codes, strict=True)]
    correlations = np.corrcoef(np.array(numbers, float)) - np.eye(len(NUISANCES))
    assert np.abs(correlations).max() < 0.14


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ({"object": "zebra"}, "object"),
        ({"context": "moon"}, "context"),
        ({"split": "dev"}, "split"),
        ({"index": -1}, "index"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_does_not_exist_raises_one_sentence(bad: dict[str, object], word: str) -> None:
    good = {"object": "horse", "context": "grass", "split": "train", "index": 0, "seed": 0}
    with pytest.raises(ValueError, match=word):
        sample(**{**good, **bad})


def test_a_scene_checks_its_names_and_its_factors() -> None:
    scene = sample("horse", "grass", split="train", index=0)
    with pytest.raises(ValueError, match="unknown coat 'pink'"):
        scene.replace(coat="pink")
    with pytest.raises(ValueError, match="missing or unknown: wings"):
        Scene.from_factors({**scene.factors(), "wings": 2})
    with pytest.raises(ValueError, match="unknown style 'oil'"):
        scene.replace(style="oil")
