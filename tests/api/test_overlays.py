"""Trust, the untrained baseline, neighbours and twins, computed again from the stand-ins."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.stand_ins import BASE, TEST_SCENES, image_set, only, publish, space
from vlcore.api import overlays
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.model_map import ModelMap, model_map
from vlcore.metrics.projection import align, fit_plane, point_trustworthiness
from vlcore.plots.options import MapOptions

IMAGES = image_set()
SCENES_OF = [f"test-{number:02d}" for number in range(TEST_SCENES)]


def test_trust_is_each_pictures_part_in_the_trustworthiness_of_its_map(pair: ComparedMaps) -> None:
    points = overlays.with_trust(pair).points
    assert "trust0" not in pair.points, "the comparison stays as it was"
    for pane, model in enumerate(pair.models):
        trust = pd.Series(point_trustworthiness(model.z, model.points), model.rows)
        expected = trust.reindex(pair.rows).to_numpy()
        assert points[f"trust{pane}"].to_numpy() == pytest.approx(expected, abs=1e-4, nan_ok=True)
    assert points["trust1"].isna().sum() == 10


@pytest.mark.parametrize(("count", "judged"), [(10, False), (11, True)])
def test_too_few_pictures_are_not_judged(models: list[ModelMap], count: int, judged: bool) -> None:
    few = compare_maps([only(models[0], slice(count))], IMAGES)
    points = overlays.with_trust(few).points
    assert points["trust0"].notna().all() == points["trust0"].notna().any() == judged


def test_a_ghost_is_the_untrained_plane_turned_onto_the_map(pair: ComparedMaps) -> None:
    points = overlays.with_untrained_positions(pair).points
    for pane, model in enumerate(pair.models):
        arrays = model.artifact.arrays("embeddings.npz")
        z = np.concatenate([arrays["untrained_test"], arrays["untrained_train"]])
        before = fit_plane(z[:32]).place(z)
        index = model.index(pair.rows)
        shown = index >= 0
        ghost = points[[f"gx{pane}", f"gy{pane}"]].to_numpy()
        assert np.isnan(ghost[~shown]).all()
        onto = pair.points[[f"x{pane}", f"y{pane}"]].to_numpy()
        test = (pair.points["kind"] == "test").to_numpy()
        expected = align(before[index[test]], onto[test]).apply(before[index[shown]])
        assert ghost[shown] == pytest.approx(expected, abs=1e-4)
        assert ghost != pytest.approx(onto, nan_ok=True)


@given(copies=st.integers(2, 12))
@settings(max_examples=8)
def test_an_image_is_no_neighbour_of_itself_though_others_are_like_it(
    models: list[ModelMap], copies: int
) -> None:
    z = models[0].z.copy()
    z[:copies] = z[0]
    nearest = overlays.nearest_images(dataclasses.replace(models[0], z=z))
    assert nearest.shape == (len(z), overlays.NEIGHBOURS)
    assert not (nearest == np.arange(len(z))[:, None]).any()
    few = overlays.nearest_images(only(models[0], slice(3)))
    assert few.shape == (3, 2), "all others, of few"


def versions(scene: str) -> dict[str, int]:
    """Row of each group's picture of a scene, from the set itself."""
    rows = np.flatnonzero((IMAGES.table["scene"] == scene).to_numpy())
    return {str(IMAGES.table["group"].iat[row]): int(row) for row in rows}


def test_the_lengths_of_arrows_are_of_the_full_space(pair: ComparedMaps) -> None:
    scene = "test-05"
    table = overlays.twin_lengths(pair, scene)
    numbers = [f"{name}{end}" for name in ("Model A", "Model B") for end in ("", ", mean")]
    assert list(table.columns) == ["arrow", "from", "to", *numbers]
    assert table["arrow"].tolist() == ["other background"] * 2 + ["other animal"] * 2
    for line in table.to_dict("records"):
        for name, seed in (("Model A", 90), ("Model B", 90)):
            z = space(IMAGES, seed)  # of the stand-ins
            ends = (
                [z[rows[line[side]]] for side in ("from", "to")]
                for rows in map(versions, SCENES_OF)
            )
            lengths = [np.linalg.norm(end - start) for start, end in ends]
            assert line[name] == pytest.approx(lengths[int(scene[-2:])], abs=1e-5)
            assert line[f"{name}, mean"] == pytest.approx(np.mean(lengths), abs=1e-5)


def test_a_scene_that_one_map_lacks_a_version_of_has_no_arrows(models: list[ModelMap]) -> None:
    model = models[1]
    keep = np.arange(len(model.rows)) != model.index([versions("test-03")["camel_grass"]])
    comparison = compare_maps([models[0], only(model, keep)], IMAGES)
    found = overlays.scenes(comparison).T.to_dict()
    assert found == {scene: versions(scene) for scene in SCENES_OF if scene != "test-03"}


def test_a_set_without_twins_has_no_arrows(home: Path, pair: ComparedMaps) -> None:
    images = image_set(folds=2)
    artifact = publish(images, BASE.replace(init_seed=91, n_per_group=8))
    alone = compare_maps([model_map(artifact)], images)
    options = MapOptions(twins=True)
    assert overlays.without_overlays_of_nothing(alone, options) == MapOptions()
    assert overlays.without_overlays_of_nothing(pair, options) == options
