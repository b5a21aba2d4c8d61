"""The command `pretrained`: a local checkpoint becomes a model with a key."""

from pathlib import Path

import pytest

from tests.api.trainings import write_small
from tests.cli.conftest import Document
from tests.conftest import Cli
from tests.model.tiny_clip import save_clip
from vlcore.artifacts import store

TEMPLATE = "a photo of a {object} {place}"


def test_a_local_checkpoint_becomes_a_model(
    tmp_path: Path, empty_home: Path, document: Document, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small(empty_home)
    folder = save_clip(tmp_path / "tiny")
    options = ("pretrained", folder, "--data", "small", "--bias", "0.5", "--seed", 3)
    readout = ("--template", TEMPLATE, "--readout", "probe")
    entry = document(*options, *readout)
    assert entry["state"] == "measured"
    assert entry["checkpoint"]["kind"] == "clip"
    assert "minority_accuracy" in entry["metrics"]["intervals"]
    condition = store.read(entry["key"]).condition
    assert (condition.labels, condition.template) == ("own", TEMPLATE)
    assert condition.data_seed == condition.init_seed == 3
    assert document(*options, *readout)["state"] == "cached"
    monkeypatch.chdir(tmp_path.parent)  # where the folder's name could be one of the hub too
    code, out, err = cli("pretrained", f"{tmp_path.name}/tiny", *options[2:])
    assert code == 0, err
    assert "Pretrained tiny, zero-shot" in out
    assert "a photo of a {object}" in {
        store.read(key).condition.template for key in store.model_keys()
    }
