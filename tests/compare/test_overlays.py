"""What is laid over maps, against slow references: it shows the full space, not the map."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compare.measured import only
from tests.runs.stand_ins import BASE, TEST_SCENES, image_set, publish, space, thumbs
from vlcore.compare import overlays
from vlcore.compare.comparison import Comparison, compare
from vlcore.compare.model_map import ModelMap, model_map
from vlcore.core.grouping import SCENES, Grouping
from vlcore.measures.projection import align, fit_plane, point_trustworthiness, trustworthiness

IMAGES = image_set()
PANES = 3
SCENE_NAMES = [f"test-{number:02d}" for number in range(TEST_SCENES)]


@pytest.fixture(scope="module")
def maps(home: Path) -> list[ModelMap]:
    """No bias, half removed, and one that has no untrained encoder, as imported embeddings have none."""
    base = BASE.replace(data_seed=70)
    return [
        model_map(publish(IMAGES, base.replace(init_seed=70))),
        model_map(publish(IMAGES, base.replace(init_seed=71, bias=0.5))),
        model_map(publish(IMAGES, base.replace(init_seed=72), before=False)),
    ]


@pytest.fixture(scope="module")
def together(maps: list[ModelMap]) -> Comparison:
    return compare(maps, IMAGES, thumbs)


def place_of(comparison: Comparison, pane: int, row: int) -> np.ndarray:
    """Where a map shows a picture."""
    point = comparison.points.set_index("id").loc[f"p{row}"]
    return point[[f"x{pane}", f"y{pane}"]].to_numpy(float)


# --- trust


def test_trust_is_each_pictures_part_in_the_trustworthiness_of_its_map(together: Comparison) -> None:
    points = overlays.with_trust(together)
    assert set(points.columns) - set(together.points.columns) == {f"trust{pane}" for pane in range(PANES)}
    for pane, model in enumerate(together.models):
        expected = dict(zip(model.rows.tolist(), point_trustworthiness(model.z, model.points), strict=True))
        for row, trust in zip(together.rows.tolist(), points[f"trust{pane}"], strict=True):
            assert trust == pytest.approx(expected.get(row, np.nan), abs=1e-4, nan_ok=True)
        shown = points[f"trust{pane}"].dropna()
        assert shown.mean() == pytest.approx(trustworthiness(model.z, model.points, (5,))[5], abs=1e-3)
        assert shown.between(0, 1).all()
    assert points["trust1"].isna().sum() == 10


def test_a_map_that_keeps_all_distances_is_trusted_wholly(maps: list[ModelMap]) -> None:
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, len(maps[0].z))
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    whole = dataclasses.replace(maps[0], z=circle.astype(np.float32), points=circle)
    assert (overlays.with_trust(compare([whole], IMAGES, thumbs))["trust0"] == 1).all()


@pytest.mark.parametrize(("count", "judged"), [(10, False), (11, True)])
def test_too_few_pictures_are_not_judged(maps: list[ModelMap], count: int, judged: bool) -> None:
    points = overlays.with_trust(compare([only(maps[0], slice(count))], IMAGES, thumbs))
    assert points["trust0"].notna().all() == points["trust0"].notna().any() == judged


# --- the untrained ghost


def test_a_ghost_is_the_untrained_plane_turned_onto_the_map(together: Comparison) -> None:
    points = overlays.add_untrained_positions(together)
    assert points[["gx2", "gy2"]].isna().all(axis=None), "nothing is known of before"
    for pane, model in enumerate(together.models[:2]):
        arrays = model.artefact.arrays("embeddings.npz")
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


def test_a_model_that_did_not_move_is_its_own_ghost(home: Path) -> None:
    z = space(IMAGES, 1000 + 73)  # as the stand-in's untrained encoder has it
    artefact = publish(IMAGES, BASE.replace(init_seed=73, data_seed=70), z)
    model = model_map(artefact)
    plane = fit_plane(model.z[: model.held_out])
    alone = compare([dataclasses.replace(model, points=plane.place(model.z))], IMAGES, thumbs)
    points = overlays.add_untrained_positions(alone)
    assert points[["gx0", "gy0"]].to_numpy() == pytest.approx(points[["x0", "y0"]].to_numpy(), abs=1e-4)


# --- true neighbours


def test_lines_lead_to_the_nearest_in_the_full_space(together: Comparison) -> None:
    lines = overlays.neighbour_lines(together)
    assert list(lines.columns) == ["id", "pane", "x", "y", "x2", "y2"]
    assert set(lines["id"]) == set(together.points["id"])
    for pane, model in enumerate(together.models):
        here = lines[lines["pane"] == pane]
        assert len(here) == 5 * len(model.rows)
        for number in range(0, len(model.rows), 9):
            row = int(model.rows[number])
            own = here[here["id"] == f"p{row}"]
            assert own[["x", "y"]].drop_duplicates().to_numpy()[0] == pytest.approx(
                place_of(together, pane, row), abs=1e-3
            )
            similar = sorted(
                (-sum(float(a) * float(b) for a, b in zip(model.z[number], z, strict=True)), other)
                for other, z in enumerate(model.z)
                if other != number
            )
            ends = [place_of(together, pane, int(model.rows[other])) for _, other in similar[:5]]
            assert own[["x2", "y2"]].to_numpy() == pytest.approx(np.array(ends), abs=1e-3)


@given(copies=st.integers(2, 12))
@settings(max_examples=8, deadline=None)
def test_a_picture_is_no_neighbour_of_itself_though_others_are_like_it(maps: list[ModelMap], copies: int) -> None:
    z = maps[0].z.copy()
    z[:copies] = z[0]
    places = np.stack([np.arange(len(z)), np.zeros(len(z))], axis=1).astype(float)
    same = dataclasses.replace(maps[0], z=z, points=places)
    comparison = compare([same], IMAGES, thumbs)
    lines = overlays.neighbour_lines(comparison)
    assert lines.groupby("id").size().eq(5).all()
    assert not ((lines["x"] == lines["x2"]) & (lines["y"] == lines["y2"])).any()


def test_of_few_pictures_all_others_are_neighbours(maps: list[ModelMap]) -> None:
    assert len(overlays.neighbour_lines(compare([only(maps[0], slice(3))], IMAGES, thumbs))) == 6


# --- twins


def versions(scene: str) -> dict[str, int]:
    """Row of each group's picture of a scene, from the set itself."""
    rows = np.flatnonzero((IMAGES.table["scene"] == scene).to_numpy())
    return {str(IMAGES.table["group"].iat[row]): int(row) for row in rows}


def test_arrows_start_and_end_where_the_twins_are(together: Comparison) -> None:
    lines = overlays.twin_lines(together, SCENES)
    assert list(lines.columns) == ["scene", "kind", "pane", "x", "y", "x2", "y2"]
    assert len(lines) == TEST_SCENES * PANES * 4
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


@pytest.mark.parametrize("scene", ["test-00", "test-05"])
def test_the_lengths_of_arrows_are_of_the_full_space(together: Comparison, scene: str) -> None:
    table = overlays.twin_lengths(together, SCENES, scene)
    numbers = [f"{name}{end}" for name in ("first", "second", "third") for end in ("", ", mean")]
    assert list(table.columns) == ["arrow", "from", "to", *numbers]
    assert table["arrow"].tolist() == ["other background"] * 2 + ["other animal"] * 2
    for line in table.to_dict("records"):
        for name, seed in (("first", 70), ("second", 71), ("third", 72)):
            z = space(IMAGES, seed)  # of the stand-ins
            lengths = []
            for name_ in SCENE_NAMES:
                rows = versions(name_)
                start, end = (z[rows[line[side]]] for side in ("from", "to"))
                lengths.append(sum((float(a) - float(b)) ** 2 for a, b in zip(start, end, strict=True)) ** 0.5)
            assert line[name] == pytest.approx(lengths[int(scene[-2:])], abs=1e-5)
            assert line[f"{name}, mean"] == pytest.approx(sum(lengths) / len(lengths), abs=1e-5)
            assert 0 <= line[name] <= 2


def test_a_scene_that_one_map_lacks_a_version_of_has_no_arrows(maps: list[ModelMap]) -> None:
    model = maps[1]
    keep = np.arange(len(model.rows)) != model.where(versions("test-03")["camel_grass"])
    comparison = compare([maps[0], only(model, keep)], IMAGES, thumbs)
    found = dict(overlays.scenes(comparison, SCENES))
    assert found == {scene: versions(scene) for scene in SCENE_NAMES if scene != "test-03"}
    lines = overlays.twin_lines(comparison, SCENES)
    assert set(lines["scene"]) == set(found)
    assert len(lines) == (TEST_SCENES - 1) * 2 * 4


def test_a_set_without_twins_has_no_arrows(home: Path) -> None:
    images = image_set(folds=2)
    model = model_map(publish(images, BASE.replace(init_seed=74, n_per_group=8)))
    lines = overlays.twin_lines(compare([model], images, thumbs), SCENES)
    assert lines.empty
    assert list(lines.columns) == ["scene", "kind", "pane", "x", "y", "x2", "y2"]


def test_an_arrow_is_named_after_what_the_objects_are() -> None:
    assert overlays.other_object(SCENES) == "other animal"
    assert overlays.other_object(Grouping(("cup", "plate"), ("table", "shelf"))) == "other object"


def test_overlays_leave_the_comparison_as_it_was(together: Comparison) -> None:
    before = together.points.copy()
    overlays.with_trust(together)
    overlays.add_untrained_positions(together)
    pd.testing.assert_frame_equal(together.points, before)
