"""Suspect labels: labels that were swapped on purpose, and a slow look at every neighbour."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.api.stand_ins import image_set, publish
from vlcore.api import suspect_labels as module
from vlcore.api.model_map import ComparisonError, ModelMap, model_map
from vlcore.api.suspect_labels import NEIGHBOURS, find_suspects
from vlcore.data.imageset import SOURCE, ImageSet, with_groups
from vlcore.experiment.grouping import Grouping

OTHER = {"gull": "crow", "crow": "gull"}
SWAPPED = [f"bird-{number}" for number in range(0, 240, 24)]


Birds = tuple[ModelMap, ImageSet]


@pytest.fixture(scope="module")
def mislabelled(home: Path) -> Birds:
    """A map of birds, ten of which have the label of the other bird."""
    random = np.random.default_rng(0)
    birds = np.repeat(["gull", "crow"], 120)
    places = np.tile(["sea", "land"], 120)
    z = random.normal(0, 0.3, (240, 8))
    z += np.where((birds == "gull")[:, None], *np.eye(8)[:2])
    z += np.where((places == "sea")[:, None], *np.eye(8)[2:4])
    files = [f"bird-{number}" for number in range(240)]
    labels = np.where(np.isin(files, SWAPPED), [OTHER[bird] for bird in birds], birds)
    table = pd.DataFrame({"object": labels, "context": places, "scene": files, SOURCE: files})
    grouping = Grouping(("gull", "crow"), ("sea", "land"))
    images = ImageSet("birds", "1", home, grouping, with_groups(table))
    model = model_map(publish(image_set(), before=False))
    rows = np.arange(240)
    return replace(model, rows=rows, n_held_out=120, z=z, points=z[:, :2], scores=z), images


def test_suspects_are_those_that_a_slow_look_at_their_neighbours_finds(mislabelled: Birds) -> None:
    model, images = mislabelled
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
    mislabelled: Birds, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, images = mislabelled
    monkeypatch.setattr(module, "MOST_IMAGES", 100)
    everything = model.among(model.rows[:100])
    sampled = find_suspects(model, images)
    assert len(sampled) < 100
    assert not sampled.equals(find_suspects(everything, images)), "drawn by chance"
    for few in (model.among(model.rows[:NEIGHBOURS]), replace(model, z=np.ones_like(model.z))):
        with pytest.raises(ComparisonError):
            find_suspects(few, images)
