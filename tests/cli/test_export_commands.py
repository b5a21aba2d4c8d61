"""The command `export`: a file, and how to open it."""

from pathlib import Path

import pytest

from tests.api.stand_ins import publish
from tests.api.trainings import write_small
from tests.cli.conftest import Document
from tests.conftest import Cli
from vlcore.artifacts import store
from vlcore.data import subset


@pytest.fixture
def artifact(empty_home: Path) -> store.Artifact:
    """A model of a small set of pictures, which nobody trained."""
    images = write_small(empty_home)
    return publish(images, subset.usual_condition(images).replace(bias=0.5, labels="descriptive"))


def test_each_format_is_explained(
    artifact: store.Artifact, tmp_path: Path, document: Document, cli: Cli
) -> None:
    out = tmp_path / "to"
    out.mkdir()
    said = document(
        "export", artifact.key, "--format", "parquet", "--out", out / "my model.parquet"
    )
    assert said["files"] == {"my model.parquet": (out / "my model.parquet").stat().st_size}
    assert said["open_with"].startswith(f"embedding-atlas '{out}/my model.parquet' --x x --y y")
    code, text, err = cli(
        "export", artifact.key, "--format", "safetensors", "--out", out / "model.safetensors"
    )
    assert code == 0, err
    assert f"load_file('{out / 'model.safetensors'}')" in text
    assert "held-out images" not in text, "weights have no rows"
    assert {path.name for path in out.iterdir()} == {"my model.parquet", "model.safetensors"}
