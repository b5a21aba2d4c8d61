"""The command `export`: a file or a folder, how to open it, and one sentence for everything that does not fit."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Document, Refused
from tests.conftest import Cli, publish_as
from tests.runs.stand_ins import ELSEWHERE, publish
from tests.runs.test_train import write_small
from vlcore.datasets import subset
from vlcore.store import artefacts


@pytest.fixture
def artefact(empty_home: Path) -> artefacts.Artefact:
    """A model of a small set of pictures, which nobody trained."""
    images = write_small(empty_home)
    return publish(images, subset.usual_condition(images).replace(bias=0.5, labels="descriptive"))


def test_each_format_says_what_was_written_and_how_to_open_it(
    artefact: artefacts.Artefact, tmp_path: Path, document: Document, cli: Cli
) -> None:
    out = tmp_path / "to"
    out.mkdir()
    said = document("export", artefact.key, "--format", "parquet", "--out", out / "my model.parquet")
    assert said["files"] == {"my model.parquet": (out / "my model.parquet").stat().st_size}
    assert said["open_with"].startswith(f"embedding-atlas '{out}/my model.parquet' --x x --y y")
    table = pd.read_parquet(out / "my model.parquet")
    assert {"x", "y", "image", "neighbors"} <= set(table)
    assert (table["kind"] == "caption").sum() == 4
    said = document("export", artefact.key, "--format", "projector", "--out", out / "projector")
    assert said["open_with"] == f"tensorboard --logdir {out / 'projector'}"
    assert set(said["files"]) == {file.name for file in (out / "projector").iterdir()}
    code, text, err = cli("export", artefact.key, "--format", "hf", "--out", out / "hf")
    assert code == 0, err
    assert "model.safetensors" in text
    assert f"from_pretrained('{out / 'hf'}')" in text
    assert {path.name for path in out.iterdir()} == {"my model.parquet", "projector", "hf"}


@pytest.mark.parametrize(
    ("form", "name", "message"),
    [
        ("parquet", "model.parquet/", "Is a directory"),
        ("projector", "model.parquet", "it becomes a folder"),
        ("projector", "none/folder", "cannot be written (No such file or directory); give --out another place."),
        ("hf", "full", "is not empty; give --out a new folder."),
    ],
)
def test_places_that_do_not_fit_are_one_sentence(
    form: str, name: str, message: str, artefact: artefacts.Artefact, tmp_path: Path, refused: Refused
) -> None:
    for folder in ("full", "model.parquet"):
        (tmp_path / "to" / folder).mkdir(parents=True)
    (tmp_path / "to" / "full" / "mine.txt").write_text("mine")
    before = sorted((tmp_path / "to").rglob("*"))
    assert message in refused("export", artefact.key, "--format", form, "--out", tmp_path / "to" / name)
    assert sorted((tmp_path / "to").rglob("*")) == before


def test_a_model_without_weights_has_no_hub_folder(
    artefact: artefacts.Artefact, tmp_path: Path, refused: Refused
) -> None:
    here = artefact.condition
    elsewhere = ELSEWHERE["imported"].replace(data=here.data, data_version=here.data_version)
    sentence = refused("export", publish_as(artefact, elsewhere).key, "--format", "hf", "--out", tmp_path / "hf")
    assert "choose --format parquet or projector" in sentence
    assert not (tmp_path / "hf").exists()
