"""Descriptions of comparisons state what was measured."""

import dataclasses
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from tests.api.measured import measured_as, metrics_of
from tests.api.stand_ins import BASE, TEST_SCENES, image_set, publish, thumbs, unit
from vlcore.api import description
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.metrics_table import measures_table
from vlcore.api.model_map import ModelMap, model_map
from vlcore.experiment import wording
from vlcore.experiment.grouping import SCENES, Grouping, group_words
from vlcore.metrics.agreement import shared_neighbours

IMAGES = image_set()
GROUPS = group_words(SCENES)


def test_a_summary_has_the_numbers_of_each_model(all_four: ComparedMaps) -> None:
    summary = description.describe_comparison(all_four)
    assert "1,000 held-out minority images" in summary
    for name, model in all_four.named.items():
        end = model.artifact.metrics["end"]
        by_object, by_context = (
            end[f"silhouette_{factor}"]["value"] for factor in ("object", "context")
        )
        assert f"he {name} model's held-out images cluster " in summary
        assert f"({by_object:.2f} by animal, {by_context:.2f} by background)" in summary
        assert f"{name} model {wording.share(end['minority_accuracy'])}" in summary


@pytest.mark.parametrize(
    ("by_object", "by_context", "words"),
    [
        (0.5, 0.1, "cluster more by animal (0.50"),
        (0.1, 0.5, "cluster more by background (0.10"),
        (0.42, 0.48, "cluster by animal and background alike (0.42"),
        (0.05, -0.2, "cluster by neither (0.05"),
        ("one point", None, "one point"),
        ("too few", None, "not measured (too few)"),
    ],
)
def test_clusters_follow_the_silhouettes(
    first_and_last: ComparedMaps, by_object: float | str, by_context: float | None, words: str
) -> None:
    metrics = metrics_of(first_and_last, 1)
    if by_context is None:
        del metrics["end"]["silhouette_object"]
        metrics["end"]["absent"]["silhouette_object"] = by_object
    else:
        metrics["end"]["silhouette_object"]["value"] = by_object
        metrics["end"]["silhouette_context"]["value"] = by_context
    assert words in description.describe_comparison(measured_as(first_and_last, 1, metrics))


def test_objects_of_other_sets_are_no_animals(first_and_last: ComparedMaps) -> None:
    cups = Grouping(("cup", "plate"), ("table", "shelf"))
    images = dataclasses.replace(first_and_last.images, grouping=cups)
    of_cups = dataclasses.replace(first_and_last, images=images)
    assert "by object" in description.describe_comparison(of_cups)
    assert not measures_table(of_cups)[""].str.contains("animal").any()


def test_small_groups_and_fit_step(first_and_last: ComparedMaps) -> None:
    plain = first_and_last.models[0].artifact
    assert description.small_sample_warning(plain, SCENES) is None
    assert "never fitted" in description.describe_fit_step(plain)
    metrics = metrics_of(first_and_last)
    metrics["end"]["group_accuracy"]["camel_grass"]["n"] = 19
    metrics["end"]["group_accuracy"]["horse_grass"]["n"] = 4
    metrics |= {"first_fit_step": 1240, "first_fit": metrics["end"]}
    model = measured_as(first_and_last, 0, metrics).models[0].artifact
    warning = description.small_sample_warning(model, SCENES)
    assert "horse on grass (4), camel on grass (19)" in str(warning)
    sentence = description.describe_fit_step(model)
    assert "1,240" in sentence
    assert wording.share(metrics["end"]["minority_accuracy"]) in sentence


@pytest.fixture(scope="module")
def maps(home: Path) -> list[ModelMap]:
    """Three models of one set; all images of the second lie by animal alone."""
    base = BASE.replace(data_seed=80)
    by_animal = unit(np.random.default_rng(0).normal(scale=0.05, size=(len(IMAGES.table), 32)))
    by_animal[:, 0] += np.where(IMAGES.table["object"] == "horse", 5, -5)
    return [
        model_map(publish(IMAGES, base.replace(init_seed=80))),
        model_map(publish(IMAGES, base.replace(init_seed=81), unit(by_animal))),
        model_map(publish(IMAGES, base.replace(init_seed=82))),
    ]


@pytest.fixture(scope="module")
def compared(maps: list[ModelMap]) -> ComparedMaps:
    return compare_maps(maps, IMAGES, thumbs)


def test_which_images_are_on_no_map_is_said_of_imports_alone(
    compared: ComparedMaps, first_and_last: ComparedMaps
) -> None:
    shown, every = len(compared.points), len(IMAGES.table)
    assert shown < every
    counts = f"{shown:,} of the set's {every:,} images"
    assert description.describe_shown(compared).count(counts) == len(compared.models)
    all_shown = dataclasses.replace(IMAGES, table=IMAGES.table.iloc[compared.rows])
    assert not description.describe_shown(dataclasses.replace(compared, images=all_shown))
    assert not description.describe_shown(first_and_last), "a set that the lab draws"


def test_that_models_were_trained_on_different_images_is_said(maps: list[ModelMap]) -> None:
    biased = maps[0].artifact.condition.replace(bias=0.5, init_seed=83)
    both = compare_maps([maps[0], model_map(publish(IMAGES, biased))], IMAGES, thumbs)
    alike = compare_maps(maps[:2], IMAGES, thumbs)
    words = description.describe_shown(both)
    assert "different images" in words
    assert "different images" not in description.describe_shown(alike)


def centre(model: ModelMap, group: str) -> np.ndarray:
    groups = IMAGES.table["group"].to_numpy()[model.rows[: model.n_held_out]]
    mean = model.z[: model.n_held_out][groups == group].astype(float).mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_layouts_have_every_pair_and_model_with_its_interval(compared: ComparedMaps) -> None:
    layouts = description.describe_layouts(compared)
    table = layouts.table.set_index("Distance of centres")
    assert list(table.columns) == ["First", "Second", "Third"]
    assert len(table) == 6
    for column, model in zip(table, compared.models, strict=True):
        for group, other in combinations(SCENES.names, 2):
            value, interval = table.loc[f"{GROUPS[group]} and {GROUPS[other]}", column].split(" (")
            expected = 1 - centre(model, group) @ centre(model, other)
            assert float(value) == pytest.approx(expected, rel=0.06, abs=1e-6)
            low, high = interval.rstrip(")").split(" to ")
            assert float(low) <= float(high)
    for group, other in (
        ("horse on grass", "horse in the desert"),
        ("camel in the desert", "camel on grass"),
    ):
        assert f"{group} is close to {other} (" in layouts.sentences[1]
        assert f"{other} is close to {group} (" in layouts.sentences[1]


def test_models_without_a_layout(home: Path, maps: list[ModelMap]) -> None:
    noise = unit(np.random.default_rng(1).normal(size=maps[0].z.shape))
    condition = BASE.replace(data_seed=80, init_seed=83)
    collapsed = model_map(publish(IMAGES, condition, end={"collapsed": True}))
    pair = compare_maps([dataclasses.replace(maps[0], z=noise), collapsed], IMAGES, thumbs)
    layouts = description.describe_layouts(pair)
    assert "no clear nearest group" in layouts.sentences[0]
    assert "cannot be placed" in layouts.sentences[1]
    assert list(layouts.table.columns) == ["Distance of centres", "Left"]


def test_a_model_has_not_moved_from_itself_nor_from_one_point(maps: list[ModelMap]) -> None:
    same = compare_maps([maps[0], maps[0]], IMAGES, thumbs)
    (displacements,) = description.largest_displacements(same).values()
    assert displacements.table.iloc[:, 1].str.match(r"^\S*e-1\d|^0 ").all()
    assert (displacements.largest["kept"] == 1).all()
    point = dataclasses.replace(maps[0], points=np.zeros_like(maps[0].points))
    with pytest.raises(ValueError, match="one point"):
        description.largest_displacements(compare_maps([point, maps[1]], IMAGES, thumbs))


def test_displacements_are_of_images_that_both_models_hold_out(compared: ComparedMaps) -> None:
    displacements = description.largest_displacements(compared, count=4)
    assert list(displacements) == ["second", "third"]
    points = compared.points.set_index("id").query("kind == 'test'")
    first = compared.models[0]
    held_out = slice(first.n_held_out)
    for pane, moved in enumerate(displacements.values(), start=1):
        assert moved.table["Group"].tolist() == list(GROUPS.values())
        assert moved.table["Images"].tolist() == [TEST_SCENES] * 4
        assert moved.chance == pytest.approx(10 / (4 * TEST_SCENES - 1))
        rows, z = moved.largest["row"], compared.models[pane].z
        scenes = IMAGES.table["scene"].to_numpy(str)[held_out]
        overlap = shared_neighbours(first.z[held_out], z[held_out], scenes).overlap
        assert moved.largest["kept"].to_numpy() == pytest.approx(overlap[first.index(rows)])
        ways = np.hypot(points[f"x{pane}"] - points["x0"], points[f"y{pane}"] - points["y0"])
        largest = [ways[f"p{row}"] for row in rows]
        assert largest == pytest.approx(sorted(ways, reverse=True)[:4], abs=1e-4)
        assert (moved.largest["way"] > 0).all()
