"""Comparisons that several files of tests look at."""

import pytest

from tests.runs.stand_ins import thumbs
from vlcore.compare.comparison import Comparison, compare
from vlcore.compare.model_map import model_map
from vlcore.datasets.catalogue import open_set
from vlcore.store.artefacts import Artefact


@pytest.fixture(scope="session")
def all_four(quick: list[Artefact]) -> Comparison:
    return compare([model_map(artefact) for artefact in quick], open_set("scenes"), thumbs)


@pytest.fixture(scope="session")
def first_and_last(quick: list[Artefact]) -> Comparison:
    return compare([model_map(quick[number]) for number in (0, 3)], open_set("scenes"), thumbs)
