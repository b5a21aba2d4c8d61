"""Comparisons that panels are about."""

import pytest

from vlcore.api.comparison import Comparison
from vlcore.artifacts.store import Artifact


@pytest.fixture(scope="session")
def both(quick: list[Artifact]) -> Comparison:
    """No bias with short captions, and 75% removed with descriptive ones, of twelve steps each."""
    return Comparison([quick[0].key, quick[3].key])
