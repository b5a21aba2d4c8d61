"""The folder that tests of importers fill and read, and a home of their own that they write to."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.data.importers.sources import Content, write


@pytest.fixture(autouse=True)
def _own_home(empty_home: Path) -> None:
    pass


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[dict[str, Content]], Path]:
    return partial(write, tmp_path / "source")
