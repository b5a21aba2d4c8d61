"""The command `export`: a file, and how to open it."""

from pathlib import Path

import pytest

from tests.api.stand_ins import publish
from tests.api.trainings import write_small
from tests.cli.conftest import Document
from vlcore.artifacts import store
from vlcore.data import subset


@pytest.fixture
def artifact(empty_home: Path) -> store.Artifact:
    """A model of a small set of pictures, which nobody trained."""
    images = write_small(empty_home)
    return publish(images, subset.usual_condition(images).replace(bias=0.5, labels="descriptive"))


def test_a_file_comes_with_the_command_that_opens_it(
    artifact: store.Artifact, tmp_path: Path, document: Document
) -> None:
    out = tmp_path / "my model.parquet"
    said = document("export", artifact.key, "--out", out)
    assert said["bytes"] == out.stat().st_size
    assert said["open_with"].startswith(f"embedding-atlas '{out}' --x x --y y")
    assert "held-out images" in said["rows"]
