"""The folder that tests of importers fill and read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.datasets.importers.sources import Content, write


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[dict[str, Content]], Path]:
    """Writes files under ``source/``."""
    return partial(write, tmp_path / "source")
