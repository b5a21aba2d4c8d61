"""Suspect labels: labels that were swapped on purpose, and a slow look at every neighbour."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.data.importers.sources import arrays, save
from vlcore.api import suspect_labels as module
from vlcore.api.imports import import_embeddings, published_condition
from vlcore.api.model_map import ComparisonError
from vlcore.api.models import Model, load
from vlcore.api.suspect_labels import NEIGHBOURS, find_suspects, suspect_labels
from vlcore.data.catalogue import open_set

OTHER = {"gull": "crow", "crow": "gull"}
SWAPPED = [f"bird-{number}" for number in range(0, 240, 24)]


@pytest.fixture(scope="module")
def mislabelled(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Embeddings of birds, ten of which have the label of the other bird."""
    made = arrays((60,) * 4, text=None, captions=None, text_object=None)
    made["name"] = np.array([f"bird-{number}" for number in range(240)])
    is_swapped = np.isin(made["name"], SWAPPED)
    swapped = [OTHER[bird] for bird in made["object"][is_swapped]]
    made["object"][is_swapped] = swapped
    import_embeddings(save(tmp_path_factory.mktemp("npz") / "swapped.npz", **made), "swapped")
    return load(published_condition(open_set("swapped")).key)


def test_labels_that_were_swapped_are_the_most_suspect(mislabelled: Model) -> None:
    table = suspect_labels(mislabelled)
    assert set(SWAPPED) <= set(table["file"])
    assert len(set(SWAPPED) & set(table["file"].head(len(SWAPPED)))) >= 9, "nearly all come first"


def test_suspects_are_those_that_a_slow_look_at_their_neighbours_finds(mislabelled: Model) -> None:
    model, images = mislabelled.map, mislabelled.images
    objects = images.table["object"].to_numpy()[model.rows]
    unit = model.z / np.linalg.norm(model.z, axis=1, keepdims=True)
    expected = {}
    for number, row in enumerate(model.rows.tolist()):
        others = [other for other in range(len(unit)) if other != number]
        others.sort(key=lambda other: -float(unit[number] @ unit[other]))
        count = sum(objects[other] != objects[number] for other in others[:NEIGHBOURS])
        if count > NEIGHBOURS / 2:
            expected[row] = count
    table = find_suspects(model, images)
    assert dict(zip(table["row"], table["contradict"], strict=True)) == expected
    assert table["contradict"].is_monotonic_decreasing


def test_many_images_are_sampled_and_few_are_refused(
    mislabelled: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, images = mislabelled.map, mislabelled.images
    monkeypatch.setattr(module, "MOST_IMAGES", 100)
    everything = model.among(model.rows[:100])
    sampled = find_suspects(model, images)
    assert len(sampled) < 100
    assert not sampled.equals(find_suspects(everything, images)), "drawn by chance"
    for few in (model.among(model.rows[:NEIGHBOURS]), replace(model, z=np.ones_like(model.z))):
        with pytest.raises(ComparisonError):
            find_suspects(few, images)
