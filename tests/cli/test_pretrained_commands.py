"""The command: a local checkpoint becomes a model with a key, and what cannot be used is one
sentence."""

from pathlib import Path

import pytest

from tests.api.test_training import write_small
from tests.cli.conftest import Document
from tests.conftest import Cli
from tests.model.tiny_clip import save_clip
from vlcore.artifacts import store


def test_a_local_checkpoint_becomes_a_model(
    tmp_path: Path, empty_home: Path, document: Document, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small(empty_home)
    folder = save_clip(tmp_path / "tiny")
    options = ("pretrained", folder, "--data", "small", "--bias", "0.5", "--seed", 3)
    said = document(*options, "--template", "a photo of a {object} {place}", "--readout", "probe")
    assert said["state"] == "measured"
    assert said["title"].startswith("Pretrained tiny, linear probe, 50 % removed")
    assert said["checkpoint"]["kind"] == "clip"
    assert "minority_accuracy" in said["metrics"]["intervals"]
    condition = store.read(said["key"]).condition
    assert (condition.labels, condition.template) == ("own", "a photo of a {object} {place}")
    assert condition.data_seed == condition.init_seed == 3
    assert (
        document(*options, "--template", "a photo of a {object} {place}", "--readout", "probe")[
            "state"
        ]
        == "cached"
    )
    usual = document(*options)
    assert store.read(usual["key"]).condition.labels == "clip_template"
    monkeypatch.chdir(tmp_path.parent)
    code, out, err = cli(
        "pretrained", f"{tmp_path.name}/tiny", *options[2:]
    )  # it could be a hub name too
    assert code == 0, err
    assert "Pretrained tiny, zero-shot" in out
    assert {entry["kind"] for entry in document("status")} == {"model"}
