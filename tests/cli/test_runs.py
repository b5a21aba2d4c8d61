"""Commands of one model: train, embed, status, cancel, clean, verify; and how the program ends."""

import json
import os
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import GROUPS, Document, Models, Patch, Refused, program
from tests.conftest import QUICK_STEPS, Cli
from tests.data.test_uploads import claimed_png
from tests.jobs.children import claim
from vlcore.__main__ import BUSY, CANCELLED, CLOSED_PIPE, DAMAGED
from vlcore.api import training
from vlcore.api.model_map import model_map
from vlcore.api.training import train_condition
from vlcore.artifacts import store
from vlcore.classroom import session
from vlcore.data.catalogue import open_set
from vlcore.data.subset import training_rows
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import canonical_edits
from vlcore.experiment.files import models_folder
from vlcore.jobs import jobs
from vlcore.study import plans

STEPS = ("--set", f"steps={QUICK_STEPS}")
ACCURACIES = ("balanced_accuracy", "minority_accuracy", "worst_group_accuracy")


@pytest.fixture
def other_home(home: Path, quick: Models, empty_home: Path) -> Path:
    """A home without models, with the drawn images of the session."""
    (empty_home / "data").symlink_to(home / "data", target_is_directory=True)
    return empty_home


def write_noise(file: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (90, 140, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)


def test_conditions_give_the_grid_with_states(
    cli: Cli, document: Document, experiments: Models
) -> None:
    grid = plans.find("paper", seeds=2).conditions
    entries = document("conditions", "paper", "--seeds", 2)
    assert [entry["key"] for entry in entries] == [condition.key for condition in grid]
    lines = cli("conditions", "experiments")[1].splitlines()[1:]
    done = [line.split()[0] for line in lines if line.endswith(" done")]
    assert done == [artifact.key for artifact in experiments]
    entries = document("conditions", "paper", "--preset", "live", "--set", "n_per_group=12")
    changed = plans.find("paper", Condition(steps=400, n_per_group=12)).conditions
    assert [entry["key"] for entry in entries] == [condition.key for condition in changed]


def check_metrics(metrics: dict[str, Any], artifact: store.Artifact) -> None:
    """Printed metrics are those of the artifact, each rate with its interval."""
    end = artifact.metrics["end"]
    assert metrics == {
        "train_caption_accuracy": end["train_caption_accuracy"],
        "absent": {},
        "few_pictures": {},  # the drawn sets hold out 500 of each group
        "group_accuracy": {group: end["group_accuracy"][group]["value"] for group in GROUPS},
        "intervals": {
            name: [end[name]["low"], end[name]["high"], end[name]["n"]] for name in ACCURACIES
        },
        **{name: end[name]["value"] for name in ACCURACIES},
    }


def test_a_model_is_cancelled_trained_cached_and_damaged(
    refused: Refused, document: Document, other_home: Path, monkeypatch: Patch
) -> None:
    arguments = ("train", "--bias", 0.5, "--labels", "descriptive", "--seed", 3, "--set", "steps=2")
    arguments += ("--set", "data_seed=0")  # whose images the session has drawn
    condition = Condition(bias=0.5, labels="descriptive", data_seed=0, init_seed=3, steps=2)

    def cancel_and_train(condition: Condition, fresh: bool) -> str:
        jobs.work_folder(condition.key).mkdir(parents=True)
        (jobs.work_folder(condition.key) / "cancel").touch()
        return train_condition(condition, fresh)

    with monkeypatch.context() as patch:
        patch.setattr(training, "train_condition", cancel_and_train)
        refused(*arguments, "--json", code=CANCELLED)
    assert document("status", condition.key)[0]["state"] == "cancelled"

    entry = document(*arguments)
    artifact = store.read(condition.key)
    assert entry.pop("seconds") > 0
    check_metrics(entry.pop("metrics"), artifact)
    counts = dict(zip(GROUPS, (48, 24, 48, 24), strict=True))
    assert entry == {
        "key": condition.key,
        "state": "trained",
        "steps": 2,
        "models": 1,
        "first_fit_step": None,
        "train_images": counts,
    }
    assert document(*arguments)["state"] == "cached"

    assert document("verify") == [{"key": condition.key, "ok": True}]
    with (artifact.path / "embeddings.npz").open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    (entry,) = document("verify", code=DAMAGED)
    assert (entry["key"], entry["ok"]) == (condition.key, False)
    assert "embeddings.npz" in entry["message"]
    assert document("verify") == []
    assert document("status", condition.key)[0]["state"] == "absent", "it can be trained again"
    assert document("clean")["removed"] == [], "a quarantined artifact stays a week"


def test_a_training_with_edits(
    refused: Refused, document: Document, other_home: Path, tmp_path: Path
) -> None:
    images = open_set("scenes")
    plain = Condition(bias=0.75, n_per_group=12, steps=2, init_seed=3, data_seed=0)
    rows = training_rows(images, plain).tolist()
    pool = np.setdiff1d(images.rows("train"), rows)
    added = int(pool[images.table["group"].to_numpy()[pool] == "camel_grass"][0])
    edits = [{"kind": "remove", "picture": rows[1]}, {"kind": "add", "picture": added}]
    file = tmp_path / "edits.json"
    arguments = ["train", "--bias", 0.75, "--seed", 3, "--edits", file]
    for setting in ("n_per_group=12", "steps=2", "data_seed=0"):
        arguments += ["--set", setting]
    add_held_out = {"kind": "add", "picture": int(images.rows("test")[0])}
    too_many = [{"kind": "add", "picture": number} for number in range(10_000)]
    for unusable, words in (([*edits, add_held_out], "held out"), (too_many, "bytes")):
        file.write_text(json.dumps(unusable))
        assert words in refused(*arguments)
    file.write_text(json.dumps(edits))
    entry = document(*arguments)
    condition = plain.replace(edits=canonical_edits(edits))
    assert (entry["key"], entry["state"]) == (condition.key, "trained")
    assert entry["train_images"] == dict(zip(GROUPS, (11, 3, 12, 4), strict=True))
    assert store.read(condition.key).condition == condition


def test_embed_projects_images(document: Document, quick: Models, tmp_path: Path) -> None:
    artifact, images = quick[1], open_set("scenes")
    row = int(model_map(artifact).rows[-1])
    photo = tmp_path / "a photo.jpg"
    write_noise(photo)
    files = [str(images.path(row)), str(photo)]
    result = document("embed", *files, "--model", artifact.key, "--relies-on")
    assert (set(result), result["model"]) == ({"model", "images", "warning"}, artifact.key)
    assert "was not tested" in result["warning"]
    assert [entry["file"] for entry in result["images"]] == files
    for entry in result["images"]:
        assert set(entry) == {"file", "prediction", "novelty", "maps", "neighbours", "captions"}
        assert ("sure" in entry["prediction"]) == entry["prediction"]["calibrated"]
        assert (len(entry["neighbours"]), len(entry["captions"])) == (5, 4)
        assert set(entry["captions"][0]) == {"caption", "similarity", "probability"}
    assert result["images"][1]["novelty"]["new"], "it is noise"


def test_unusable_files_are_listed(
    document: Document, refused: Refused, quick: Models, tmp_path: Path
) -> None:
    good, text, gone, huge = (tmp_path / f"{name}.png" for name in ("good", "text", "gone", "huge"))
    write_noise(good)
    text.write_text("no picture")
    huge.write_bytes(claimed_png(50_000, 50_000))
    unusable = {
        text: "not an image",
        gone: "No such file",
        tmp_path: "Is a directory",
        huge: "megapixels",
    }
    result = document("embed", *unusable, good, "--model", quick[0].key)
    assert [entry["file"] for entry in result["images"]] == [str(good)]
    for entry, (path, words) in zip(result["unusable"], unusable.items(), strict=True):
        assert entry["file"] == str(path)
        assert words in entry["message"]
    refused("embed", *unusable, "--model", quick[0].key, "--json", lines=4)


def test_status_cancel_clean(
    refused: Refused, document: Document, empty_home: Path, quick: Models, monkeypatch: Patch
) -> None:
    assert document("status") == []
    key = quick[0].key
    shutil.copytree(quick[0].path, models_folder() / key)
    claim("failed-key", state="failed", message="The disk is full.")
    claim("killed-key", state="running", stage="training", step=3, steps=9)
    model = {"kind": "model"}
    at_work = {"stage": "training", "step": 3, "steps": 9}
    running = {"key": "running-key", **model, "state": "running", "stage": "measuring"}
    with claim("running-key", state="running", stage="measuring", fraction=0.9):
        assert document("status") == [
            {"key": key, **model, "state": "done"},
            {"key": "failed-key", **model, "state": "failed", "message": "The disk is full."},
            {"key": "killed-key", **model, "state": "interrupted", **at_work},
            running,
        ]
        assert document("status", "running-key") == [running]
        absent = {"key": "never-there", **model, "state": "absent"}
        assert document("status", "never-there") == [absent]
        assert document("cancel", "running-key") == {"key": "running-key", "state": "cancelling"}
        assert (jobs.work_folder("running-key") / "cancel").exists()
        with monkeypatch.context() as patch:
            patch.setattr(session, "time", Mock(time=lambda: 0.0))
            code = session.start_session("repair", "scenes", "short captions").code
        assert document("clean") == {"removed": ["failed-key", "killed-key"]}
        assert not session.query_rows("SELECT 1 FROM lessons WHERE code = ?", (code,))
    refused("cancel", "running-key")

    kinds = {
        "a-key.tsne-p30-s0.map": "map",
        "a-set-1-q2.checks": "check",
        "a-set-1a2b.import": "import",
        "a-b0.5-key": "model",
    }
    for key in kinds:
        claim(key, state="failed", message="The disk is full.")
    assert {entry["key"]: entry["kind"] for entry in document("status")}.items() >= kinds.items()


def test_exit_codes_of_a_busy_job_and_an_interrupt(
    refused: Refused, empty_home: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(jobs, "LOCK_WAIT", 0)
    with claim(Condition().key, state="running"):
        refused("train", "--json", code=BUSY)
    monkeypatch.setattr(training, "train_condition", Mock(side_effect=KeyboardInterrupt))
    refused("train", "--json", code=CANCELLED)


def test_a_device_or_a_folder_that_is_missing(
    refused: Refused, other_home: Path, monkeypatch: Patch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("VLCORE_DEVICE", "abacus")
        assert "abacus" in refused("train", "--set", "steps=1")
    shutil.rmtree(models_folder())
    models_folder().write_text("a file")
    for command in (("train",), ("study", "experiments", "--jobs", 1)):
        assert "VLCORE_HOME" in refused(*command, "--json")


def test_the_program_prints_one_document_and_nothing_else(home: Path, quick: Models) -> None:
    ended = program(home, "train", "--bias", "0.75", *STEPS, "--json")
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert (result["state"], result["key"]) == ("cached", quick[2].key)
    assert "Warning" not in ended.stderr


# argparse itself is silent when the output of its help is closed
@pytest.mark.parametrize(
    ("arguments", "code"), [("data list --json", CLOSED_PIPE), ("study --help", 0)]
)
def test_the_program_ends_quietly_when_its_output_is_closed(
    empty_home: Path, arguments: str, code: int
) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        ended = program(empty_home, *arguments.split(), stdout=write)
    finally:
        os.close(write)
    assert (ended.returncode, ended.stderr) == (code, "")
