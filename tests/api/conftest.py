"""Comparisons that several files of tests look at."""

from pathlib import Path

import pytest

from tests.api.stand_ins import BASE, image_set, publish
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.model_map import ModelMap, model_map
from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set


@pytest.fixture(scope="session")
def first_and_last(quick: list[Artifact]) -> ComparedMaps:
    return compare_maps([model_map(quick[number]) for number in (0, 3)], open_set("scenes"))


@pytest.fixture(scope="session")
def models(home: Path) -> list[ModelMap]:
    """Two stand-ins: no bias, and half of the rare images removed with descriptive captions."""
    base = BASE.replace(data_seed=90, init_seed=90)
    conditions = (base, base.replace(bias=0.5, labels="descriptive"))
    return [model_map(publish(image_set(), condition)) for condition in conditions]


@pytest.fixture(scope="session")
def pair(models: list[ModelMap]) -> ComparedMaps:
    return compare_maps(models, image_set())
