"""Trust, the untrained baseline, neighbours and twins, computed again from the stand-ins."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.measured import only
from tests.api.stand_ins import BASE, TEST_SCENES, image_set, publish, space
from vlcore.api import overlays
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.model_map import ModelMap, model_map
from vlcore.metrics.projection import align, fit_plane, point_trustworthiness

IMAGES = image_set()
SCENES_OF = [f"test-{number:02d}" for number in range(TEST_SCENES)]


@pytest.fixture(scope="module")
def maps(home: Path) -> list[ModelMap]:
    """Two models: no bias, and half of the rare images removed."""
    base = BASE.replace(data_seed=90, init_seed=90)
    made = [publish(IMAGES, base), publish(IMAGES, base.replace(bias=0.5))]
    return [model_map(artifact) for artifact in made]


@pytest.fixture(scope="module")
def together(maps: list[ModelMap]) -> ComparedMaps:
    return compare_maps(maps, IMAGES)


def place_of(comparison: ComparedMaps, pane: int, row: int) -> np.ndarray:
    point = comparison.points.set_index("id").loc[f"p{row}"]
    return point[[f"x{pane}", f"y{pane}"]].to_numpy(float)


def test_trust_is_each_pictures_part_in_the_trustworthiness_of_its_map(
    together: ComparedMaps,
) -> None:
    points = overlays.with_trust(together).points
    assert "trust0" not in together.points, "the comparison stays as it was"
    for pane, model in enumerate(together.models):
        trust = pd.Series(point_trustworthiness(model.z, model.points), model.rows)
        expected = trust.reindex(together.rows).to_numpy()
        assert points[f"trust{pane}"].to_numpy() == pytest.approx(expected, abs=1e-4, nan_ok=True)
    assert points["trust1"].isna().sum() == 10


@pytest.mark.parametrize(("count", "judged"), [(10, False), (11, True)])
def test_too_few_pictures_are_not_judged(maps: list[ModelMap], count: int, judged: bool) -> None:
    few = compare_maps([only(maps[0], slice(count))], IMAGES)
    points = overlays.with_trust(few).points
    assert points["trust0"].notna().all() == points["trust0"].notna().any() == judged


def test_a_ghost_is_the_untrained_plane_turned_onto_the_map(together: ComparedMaps) -> None:
    points = overlays.with_untrained_positions(together).points
    for pane, model in enumerate(together.models):
        arrays = model.artifact.arrays("embeddings.npz")
        z = np.concatenate([arrays["untrained_test"], arrays["untrained_train"]])
        before = fit_plane(z[:32]).place(z)
        index = model.index(together.rows)
        shown = index >= 0
        ghost = points[[f"gx{pane}", f"gy{pane}"]].to_numpy()
        assert np.isnan(ghost[~shown]).all()
        onto = together.points[[f"x{pane}", f"y{pane}"]].to_numpy()
        test = (together.points["kind"] == "test").to_numpy()
        expected = align(before[index[test]], onto[test]).apply(before[index[shown]])
        assert ghost[shown] == pytest.approx(expected, abs=1e-4)
        assert ghost != pytest.approx(onto, nan_ok=True)


def test_lines_lead_to_the_nearest_in_the_full_space(together: ComparedMaps) -> None:
    lines = overlays.neighbour_lines(together)
    assert list(lines.columns) == ["id", "pane", "x", "y", "x2", "y2"]
    assert set(lines["id"]) == set(together.points["id"])
    for pane, model in enumerate(together.models):
        here = lines[lines["pane"] == pane]
        assert len(here) == 5 * len(model.rows)
        for number in range(0, len(model.rows), 9):
            row = int(model.rows[number])
            own = here[here["id"] == f"p{row}"]
            assert own[["x", "y"]].to_numpy()[0] == pytest.approx(
                place_of(together, pane, row), abs=1e-3
            )
            ends = [
                place_of(together, pane, one)
                for one, _ in model.neighbours(model.z[number], 5, apart_from=row)
            ]
            assert own[["x2", "y2"]].to_numpy() == pytest.approx(np.array(ends), abs=1e-3)


@given(copies=st.integers(2, 12))
@settings(max_examples=8)
def test_a_picture_is_no_neighbour_of_itself_though_others_are_like_it(
    maps: list[ModelMap], copies: int
) -> None:
    z = maps[0].z.copy()
    z[:copies] = z[0]
    places = np.stack([np.arange(len(z)), np.zeros(len(z))], axis=1).astype(float)
    same = dataclasses.replace(maps[0], z=z, points=places)
    comparison = compare_maps([same], IMAGES)
    lines = overlays.neighbour_lines(comparison)
    assert lines.groupby("id").size().eq(5).all()
    assert not ((lines["x"] == lines["x2"]) & (lines["y"] == lines["y2"])).any()
    few = compare_maps([only(same, slice(3))], IMAGES)
    assert len(overlays.neighbour_lines(few)) == 6, "all others, of few"


def versions(scene: str) -> dict[str, int]:
    """Row of each group's picture of a scene, from the set itself."""
    rows = np.flatnonzero((IMAGES.table["scene"] == scene).to_numpy())
    return {str(IMAGES.table["group"].iat[row]): int(row) for row in rows}


def test_arrows_start_and_end_where_the_twins_are(together: ComparedMaps) -> None:
    lines = overlays.twin_lines(together)
    assert list(lines.columns) == ["scene", "kind", "pane", "x", "y", "x2", "y2"]
    assert len(lines) == TEST_SCENES * 2 * 4
    for (scene, pane), arrows in lines.groupby(["scene", "pane"]):
        rows = versions(str(scene))
        at = {group: place_of(together, int(pane), row) for group, row in rows.items()}
        expected = [
            ("other background", "horse_grass", "horse_desert"),
            ("other background", "camel_desert", "camel_grass"),
            ("other animal", "horse_grass", "camel_grass"),
            ("other animal", "horse_desert", "camel_desert"),
        ]
        assert arrows["kind"].tolist() == [kind for kind, _, _ in expected]
        for arrow, (_, start, end) in zip(arrows.itertuples(), expected, strict=True):
            assert (arrow.x, arrow.y) == pytest.approx(at[start], abs=1e-3)
            assert (arrow.x2, arrow.y2) == pytest.approx(at[end], abs=1e-3)


def test_the_lengths_of_arrows_are_of_the_full_space(together: ComparedMaps) -> None:
    scene = "test-05"
    table = overlays.twin_lengths(together, scene)
    numbers = [f"{name}{end}" for name in ("left", "right") for end in ("", ", mean")]
    assert list(table.columns) == ["arrow", "from", "to", *numbers]
    assert table["arrow"].tolist() == ["other background"] * 2 + ["other animal"] * 2
    for line in table.to_dict("records"):
        for name, seed in (("left", 90), ("right", 90)):
            z = space(IMAGES, seed)  # of the stand-ins
            ends = (
                [z[rows[line[side]]] for side in ("from", "to")]
                for rows in map(versions, SCENES_OF)
            )
            lengths = [np.linalg.norm(end - start) for start, end in ends]
            assert line[name] == pytest.approx(lengths[int(scene[-2:])], abs=1e-5)
            assert line[f"{name}, mean"] == pytest.approx(np.mean(lengths), abs=1e-5)


def test_a_scene_that_one_map_lacks_a_version_of_has_no_arrows(maps: list[ModelMap]) -> None:
    model = maps[1]
    keep = np.arange(len(model.rows)) != model.index([versions("test-03")["camel_grass"]])
    comparison = compare_maps([maps[0], only(model, keep)], IMAGES)
    found = overlays.scenes(comparison).T.to_dict()
    assert found == {scene: versions(scene) for scene in SCENES_OF if scene != "test-03"}
    lines = overlays.twin_lines(comparison)
    assert set(lines["scene"]) == set(found)
    assert len(lines) == (TEST_SCENES - 1) * 2 * 4


def test_a_set_without_twins_has_no_arrows(home: Path) -> None:
    images = image_set(folds=2)
    artifact = publish(images, BASE.replace(init_seed=91, n_per_group=8))
    alone = compare_maps([model_map(artifact)], images)
    assert overlays.twin_lines(alone).empty
