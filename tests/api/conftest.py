"""Comparisons that several files of tests look at."""

import pytest

from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.model_map import model_map
from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set


@pytest.fixture(scope="session")
def first_and_last(quick: list[Artifact]) -> ComparedMaps:
    return compare_maps([model_map(quick[number]) for number in (0, 3)], open_set("scenes"))
