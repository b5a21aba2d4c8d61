"""Descriptions of comparisons state what was measured."""

from pathlib import Path

import pytest

from tests.api.stand_ins import BASE, image_set, measured_as, metrics_of, publish
from vlcore.api import description
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.model_map import model_map
from vlcore.experiment import wording
from vlcore.experiment.grouping import SCENES, group_words

IMAGES = image_set()
GROUPS = group_words(SCENES)


def test_a_summary_has_the_numbers_of_each_model(first_and_last: ComparedMaps) -> None:
    summary = description.describe_comparison(first_and_last)
    assert summary.count(". ") == len(first_and_last.models) - 1, "a sentence a map"
    for name, model in first_and_last.named.items():
        end = model.artifact.metrics["end"]
        by_object, by_context = (
            end[f"silhouette_{factor}"]["value"] for factor in ("object", "context")
        )
        assert f"On the {name} map, held-out images cluster " in summary
        assert f"{by_object:.2f} by animal, {by_context:.2f} by background)" in summary
        assert f"accuracy on rare images is {wording.share(end['minority_accuracy'])}." in summary


@pytest.mark.parametrize(
    ("by_object", "by_context", "words"),
    [
        (0.5, 0.1, "cluster more by animal (silhouettes 0.50"),
        (0.1, 0.5, "cluster more by background (silhouettes 0.10"),
        (0.42, 0.48, "cluster by animal and background alike (silhouettes 0.42"),
        (0.05, -0.2, "cluster by neither (silhouettes 0.05"),
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


def test_small_groups_are_named(first_and_last: ComparedMaps) -> None:
    plain = first_and_last.models[0].artifact
    assert description.small_sample_warning(plain, SCENES) is None
    metrics = metrics_of(first_and_last)
    metrics["end"]["group_accuracy"]["camel_grass"]["n"] = 19
    metrics["end"]["group_accuracy"]["horse_grass"]["n"] = 4
    model = measured_as(first_and_last, 0, metrics).models[0].artifact
    warning = description.small_sample_warning(model, SCENES)
    assert "horse on grass (4), camel on grass (19)" in str(warning)


def test_that_models_were_trained_on_different_images_is_said(home: Path) -> None:
    first, second, biased = (
        model_map(publish(IMAGES, BASE.replace(data_seed=80, init_seed=seed, bias=bias)))
        for seed, bias in ((80, 0.0), (81, 0.0), (83, 0.5))
    )
    both = compare_maps([first, biased], IMAGES)
    alike = compare_maps([first, second], IMAGES)
    words = description.describe_shown(both)
    assert "different images" in words
    assert "different images" not in description.describe_shown(alike)
