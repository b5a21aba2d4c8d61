"""The maps in words: what is said is what the numbers of the full space say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.runs.stand_ins import BASE, TEST_SCENES, image_set, publish, thumbs, unit
from vlcore.compare import comparison, description
from vlcore.compare.comparison import Comparison
from vlcore.compare.model_map import ModelMap, model_map
from vlcore.core.grouping import SCENES, group_words
from vlcore.measures.layout import neighbour_overlap

IMAGES = image_set()
NAMES = group_words(SCENES)


@pytest.fixture(scope="module")
def maps(home: Path) -> list[ModelMap]:
    """Three models of one set; all pictures of the second lie by animal alone."""
    base = BASE.replace(data_seed=80)
    by_animal = unit(np.random.default_rng(0).normal(scale=0.05, size=(len(IMAGES.table), 32)))
    by_animal[:, 0] += np.where(IMAGES.table["object"] == "horse", 5, -5)
    return [
        model_map(publish(IMAGES, base.replace(init_seed=80))),
        model_map(publish(IMAGES, base.replace(init_seed=81), unit(by_animal))),
        model_map(publish(IMAGES, base.replace(init_seed=82))),
    ]


@pytest.fixture(scope="module")
def together(maps: list[ModelMap]) -> Comparison:
    return comparison.compare(maps, IMAGES, thumbs)


def centre(model: ModelMap, group: str) -> np.ndarray:
    here = (IMAGES.table["group"].to_numpy()[model.rows] == group) & (np.arange(len(model.rows)) < model.held_out)
    mean = model.z[here].astype(float).mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_the_table_has_every_pair_and_model_with_its_interval(together: Comparison) -> None:
    table = description.described(together, IMAGES).table.set_index("Distance of centres")
    assert list(table.columns) == ["First", "Second", "Third"]
    assert len(table) == 6
    for column, model in zip(table, together.models, strict=True):
        for place, one in enumerate(SCENES.names):
            for other in SCENES.names[place + 1 :]:
                said = table.loc[f"{NAMES[one]} and {NAMES[other]}", column]
                apart = 1 - centre(model, one) @ centre(model, other)
                assert float(said.split(" (")[0]) == pytest.approx(apart, rel=0.06, abs=1e-6)
                low, high = said.split("(")[1].rstrip(")").split(" to ")
                assert float(low) <= float(high)


def test_groups_that_lie_together_are_said_to(together: Comparison) -> None:
    sentence = description.described(together, IMAGES).sentences[1]
    assert sentence.startswith("In the second model ")
    for one, other in (("horse on grass", "horse in the desert"), ("camel in the desert", "camel on grass")):
        assert f"{one} lies with {other} (" in sentence
        assert f"{other} lies with {one} (" in sentence


def test_a_nearest_group_that_could_be_chance_is_not_named(maps: list[ModelMap]) -> None:
    random = np.random.default_rng(1)
    noise = unit(random.normal(size=maps[0].z.shape))
    alone = comparison.compare([dataclasses.replace(maps[0], z=noise)], IMAGES, thumbs)
    assert "has no nearest group that is decided" in description.described(alone, IMAGES).words


def test_a_collapsed_model_has_no_layout(home: Path, maps: list[ModelMap]) -> None:
    collapsed = model_map(publish(IMAGES, BASE.replace(data_seed=80, init_seed=83), end={"collapsed": True}))
    described = description.described(comparison.compare([maps[0], collapsed], IMAGES, thumbs), IMAGES)
    assert described.sentences[1] == "The right model's groups cannot be placed: all lie in one point."
    assert list(described.table.columns) == ["Distance of centres", "Left"]


def test_a_model_did_not_move_from_itself(maps: list[ModelMap]) -> None:
    (still,) = description.moved(comparison.compare([maps[0], maps[0]], IMAGES, thumbs), IMAGES)
    assert still.table["Moved, in radii of the first map"].str.match(r"^\S*e-1\d|^0 ").all()
    assert still.table["Ten nearest kept"].str.startswith("100").all()
    assert all(kept == 1 for _, _, kept in still.most)


def test_what_moved_is_of_the_pictures_that_both_hold_out(together: Comparison) -> None:
    found = description.moved(together, IMAGES, count=4)
    assert [one.name for one in found] == ["second", "third"]
    for pane, one in enumerate(found, start=1):
        first, model = together.models[0], together.models[pane]
        assert one.table["Group"].tolist() == list(NAMES.values())
        assert one.table["Pictures"].tolist() == [TEST_SCENES] * 4
        assert one.chance == pytest.approx(10 / (4 * TEST_SCENES - 1))
        held_out = slice(first.held_out)
        overlap = neighbour_overlap(first.z[held_out], model.z[held_out])
        places = together.points.set_index("id")
        ways = []
        for row, way, kept in one.most:
            assert kept == pytest.approx(overlap[first.where(row)])
            point = places.loc[f"p{row}"]
            ways.append(np.hypot(point[f"x{pane}"] - point["x0"], point[f"y{pane}"] - point["y0"]))
            assert way > 0
        shown = places[places["kind"] == "test"]
        every = np.hypot(shown[f"x{pane}"] - shown["x0"], shown[f"y{pane}"] - shown["y0"])
        assert ways == pytest.approx(sorted(every, reverse=True)[:4], abs=1e-4)


def test_movement_on_a_map_of_one_point_is_a_sentence(maps: list[ModelMap]) -> None:
    point = dataclasses.replace(maps[0], points=np.zeros_like(maps[0].points))
    with pytest.raises(ValueError, match="one point"):
        description.moved(comparison.compare([point, maps[1]], IMAGES, thumbs), IMAGES)
