"""The command line: one JSON document or words for people, and one sentence where something is
wrong."""

import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from tests.api.stand_ins import thumbs
from tests.cli.conftest import GROUPS, Document, Models, Patch, Refused, program
from tests.conftest import QUICK_STEPS, Cli
from tests.data.test_uploads import claimed_png
from tests.jobs.children import claim
from vlcore.__main__ import BUSY, CANCELLED, CLOSED_PIPE, DAMAGED
from vlcore.api import training as run_train
from vlcore.api.loss_matrix import loss_pairs
from vlcore.api.model_map import model_map, picture_captions
from vlcore.api.training import train_condition
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.subset import training_rows
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import canonical_edits
from vlcore.experiment.files import models_folder
from vlcore.jobs import jobs, queue
from vlcore.model.artifact_files import StoredEmbeddings
from vlcore.study import plans

STEPS = ("--set", f"steps={QUICK_STEPS}")
ACCURACIES = ("balanced_accuracy", "minority_accuracy", "worst_group_accuracy")


@pytest.fixture
def other_home(home: Path, quick: Models, empty_home: Path) -> Path:
    """Another home without models, whose pictures are those of the session, so that nothing is
    drawn again."""
    (empty_home / "data").symlink_to(home / "data", target_is_directory=True)
    return empty_home


def test_conditions_give_the_grid_with_states(
    cli: Cli, document: Document, experiments: Models
) -> None:
    expected = plans.find("paper", seeds=2).conditions
    wanted = [
        (one.key, one.bias, one.labels, one.init_seed, jobs.view(one.key).state) for one in expected
    ]
    assert [tuple(entry.values()) for entry in document("conditions", "--seeds", 2)] == wanted
    head, *lines = cli("conditions", "--grid", "experiments")[1].splitlines()
    assert head.split() == ["key", "bias", "labels", "seed", "state"]
    assert [line.split()[0] for line in lines if line.endswith(" done")] == [
        artifact.key for artifact in experiments
    ]
    keys = [
        entry["key"]
        for entry in document("conditions", "--preset", "live", "--set", "n_per_group=12")
    ]
    assert keys == [
        condition.key
        for condition in plans.find("paper", Condition(steps=400, n_per_group=12)).conditions
    ]
    entries = document("conditions", "--grid", "objectives")
    assert {entry.get("objective", "pairwise_bce") for entry in entries} >= {
        "simclr",
        "ce_object",
        "captioner",
    }
    assert all("mitigation" not in entry for entry in entries), "what differs is said"


def check_metrics(metrics: dict[str, Any], artifact: store.Artifact) -> None:
    """The metrics of the command line are those of the artifact, each rate with its interval beside
    it."""
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


def test_a_whole_training(
    cli: Cli, refused: Refused, document: Document, other_home: Path, monkeypatch: Patch
) -> None:
    """One condition through all that can happen to it."""
    arguments = ("train", "--bias", 0.5, "--labels", "descriptive", "--seed", 3, "--set", "steps=2")
    arguments += ("--set", "data_seed=0")  # whose pictures the session has drawn
    condition = Condition(bias=0.5, labels="descriptive", data_seed=0, init_seed=3, steps=2)

    def cancelled_at_once(wanted: Condition, fresh: bool) -> str:
        jobs.work_folder(wanted.key).mkdir(parents=True)
        (jobs.work_folder(wanted.key) / "cancel").touch()
        return train_condition(wanted, fresh)

    with monkeypatch.context() as patch:
        patch.setattr(run_train, "train_condition", cancelled_at_once)
        assert refused(*arguments, "--json", code=CANCELLED) == "Cancelled; nothing was published."
    assert document("status", condition.key)[0]["state"] == "cancelled"

    made = document(*arguments)
    artifact = store.read(condition.key)
    assert made.pop("seconds") > 0
    metrics = made.pop("metrics")
    check_metrics(metrics, artifact)
    assert made == {
        "key": condition.key,
        "state": "trained",
        "steps": 2,
        "models": 1,
        "first_fit_step": None,
        "train_images": {
            "horse_grass": 48,
            "horse_desert": 24,
            "camel_desert": 48,
            "camel_grass": 24,
        },
    }
    again = document(*arguments)
    assert (again["state"], again["metrics"]) == ("cached", metrics)
    out = cli(*arguments)[1]
    assert f"key: {condition.key}\nstate: cached\n" in out
    low, high, n = metrics["intervals"]["minority_accuracy"]
    assert f"% ({low * 100:.0f} to {high * 100:.0f}) of {n:,} held-out images\n" in out
    assert "fewer than" not in out

    assert document("verify") == [{"key": condition.key, "ok": True}]
    with (artifact.path / "embeddings.npz").open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    (entry,) = document("verify", code=DAMAGED)
    assert (entry["key"], entry["ok"]) == (condition.key, False)
    assert "embeddings.npz" in entry["message"]
    assert document("verify") == []
    assert document(*arguments)["state"] == "trained"
    assert store.read(condition.key).digest == artifact.digest
    assert document("clean")["removed"] == [], "what was set aside stays a week"


def test_a_training_with_edits(
    refused: Refused, document: Document, other_home: Path, tmp_path: Path
) -> None:
    """A repaired model has rows, captions and weights of its own, the held-out pictures of all, and
    a key again."""
    images, plain = (
        open_set("scenes"),
        Condition(bias=0.75, n_per_group=12, steps=2, init_seed=3, data_seed=0),
    )
    rows = training_rows(images, plain).tolist()
    edits = [
        {"kind": "draw", "object": "camel", "context": "snow"},
        {"kind": "remove", "picture": rows[1]},
        {"kind": "caption", "picture": rows[0], "style": "descriptive"},
        {"kind": "fade", "share": 0.5},
        {"kind": "weight", "group": "camel_grass", "by": 3.0},
    ]
    arguments = (
        "train",
        "--bias",
        0.75,
        "--seed",
        3,
        "--set",
        "n_per_group=12",
        "--set",
        "steps=2",
    )
    arguments += ("--set", "data_seed=0", "--edits", tmp_path / "edits.json")
    (tmp_path / "edits.json").write_text(
        json.dumps([*edits, {"kind": "add", "picture": int(images.rows("test")[0])}])
    )
    assert "held out" in refused(*arguments)
    (tmp_path / "edits.json").write_text(
        json.dumps([{"kind": "add", "picture": n} for n in range(10_000)])
    )
    assert "bytes" in refused(*arguments)
    (tmp_path / "edits.json").write_text(json.dumps(edits))
    made = document(*arguments)
    condition = plain.replace(edits=canonical_edits(edits))
    assert (made["key"], made["state"]) == (condition.key, "trained")
    assert made["train_images"] == {
        "horse_grass": 11,
        "horse_desert": 3,
        "camel_desert": 12,
        "camel_grass": 4,
    }
    assert canonical_edits(made["edits"]) == condition.edits
    artifact = store.read(condition.key)
    assert artifact.condition == condition
    stored, measured = StoredEmbeddings(artifact), artifact.metrics["end"]
    assert stored.rows("train").tolist() == [row for row in rows if row != rows[1]], (
        "drawn pictures are of no row"
    )
    assert all(
        stored.rows(split).tolist() == images.rows(split).tolist()
        for split in ("val", "probe", "test")
    )
    assert measured["train_images"] == 30
    assert measured["balanced_accuracy"]["n"] == 2000
    assert stored.caption_texts == ("horse", "camel"), "by which every picture is asked, as before"
    assert stored.caption_counts == pytest.approx(np.array([13, 12 + 3 * 4, 1]) / (38 / 30))
    model = model_map(artifact)
    assert picture_captions(model, images, np.array([*rows[:1], *rows[2:4]])) == [
        "horse on the grass",
        *["horse"] * 2,
    ]
    assert not loss_pairs(model, images, thumbs).cells.empty
    assert document(*arguments)["state"] == "cached"


def test_a_failure_does_not_stop_a_study(
    cli: Cli, document: Document, experiments: Models, monkeypatch: Patch
) -> None:
    def some(condition: Condition, **_options: object) -> str:
        if condition.bias not in (0, 0.75):
            raise ValueError("This one cannot be trained.")
        return run_train.jobs.run(condition.key, lambda *_: pytest.fail("trained again"))

    monkeypatch.setattr(run_train, "train_condition", some)
    monkeypatch.setattr(queue, "worker_pool", ThreadPoolExecutor)
    entries = {entry["key"]: entry for entry in document("study", "class", "--jobs", 2)}
    assert len(entries) == 6
    for condition in plans.find("class").conditions:
        entry = entries[condition.key]
        if condition.bias == 1:
            assert entry["state"] == "failed: This one cannot be trained."
            assert "metrics" not in entry
        else:
            assert entry["state"] == "cached"
            check_metrics(entry["metrics"], store.read(condition.key))
    assert len(cli("study", "class", "--jobs", 2)[1].splitlines()) == 1 + 6


def test_embed_says_where_pictures_land(
    cli: Cli, document: Document, quick: Models, tmp_path: Path
) -> None:
    artifact, images = quick[1], open_set("scenes")
    model = model_map(artifact)
    row = int(model.rows[-1])
    photo = tmp_path / "a photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 140, 3), dtype=np.uint8)).save(
        photo
    )
    found = document("embed", images.path(row), photo, "--model", artifact.key, "--relies-on")
    assert (set(found), found["model"]) == ({"model", "images"}, artifact.key)
    assert [entry["file"] for entry in found["images"]] == [str(images.path(row)), str(photo)]
    for entry in found["images"]:
        assert set(entry) == {"file", "prediction", "novelty", "maps", "neighbours", "captions"}
        assert [set(near) for near in entry["neighbours"]] == [
            {"image", "object", "context", "similarity"}
        ] * 5
        assert [set(said) for said in entry["captions"]] == [
            {"caption", "similarity", "probability"}
        ] * 4
    known, facts = found["images"][0], images.table.iloc[row]
    assert [entry["novelty"]["new"] for entry in found["images"]] == [False, True]
    for prediction in (entry["prediction"] for entry in found["images"]):
        assert ("sure" in prediction) == prediction["calibrated"], (
            "a share that is not calibrated decides nothing"
        )
    assert known["maps"] == {"pca": pytest.approx(model.points[-1].tolist(), abs=1e-3)}
    assert known["neighbours"][0] == {
        "image": facts["file_name"],
        "object": facts["object"],
        "context": facts["context"],
        "similarity": pytest.approx(1, abs=1e-4),
    }
    out = cli("embed", photo, photo, "--model", artifact.key)[1]
    assert len(re.findall(r"\n    caption +similarity +probability(\n    .*\d){4}", out)) == 2


def test_status_cancel_clean(
    cli: Cli, refused: Refused, document: Document, empty_home: Path, quick: Models
) -> None:
    assert document("status") == []
    assert cli("status")[1] == "Nothing here yet.\n"
    shutil.copytree(quick[0].path, models_folder() / quick[0].key)
    claim("failed-key", state="failed", message="The disk is full.")
    claim("killed-key", state="running", stage="training", step=3, steps=9)
    with claim("running-key", state="running", stage="measuring", fraction=0.9):
        entries = document("status")
        assert entries == [
            {"key": quick[0].key, "kind": "model", "state": "done"},
            {
                "key": "failed-key",
                "kind": "model",
                "state": "failed",
                "message": "The disk is full.",
            },
            {
                "key": "killed-key",
                "kind": "model",
                "state": "interrupted",
                "stage": "training",
                "step": 3,
                "steps": 9,
            },
            {"key": "running-key", "kind": "model", "state": "running", "stage": "measuring"},
        ]
        assert document("status", "running-key") == entries[3:]
        assert document("status", "never-there") == [
            {"key": "never-there", "kind": "model", "state": "absent"}
        ]
        assert document("cancel", "running-key") == {"key": "running-key", "state": "cancelling"}
        assert (jobs.work_folder("running-key") / "cancel").exists()
        assert document("clean") == {"removed": ["failed-key", "killed-key"]}
    assert refused("cancel", "running-key").startswith("running-key is not running")

    keys = {
        "a-key.umap": "map",
        "a-key.tsne-p30-s0.map": "map",
        "together-1a2b.umap-n15-d10-s0.map": "map",
        "a-set-1-q2.checks": "check",
        "a-set-1a2b.import": "import",
        "a-b0.5-key": "model",
    }
    for key in keys:
        claim(key, state="failed", message="The disk is full.")
    assert {entry["key"]: entry["kind"] for entry in document("status")}.items() >= keys.items()


def test_busy_and_an_interrupt_have_exit_codes(
    refused: Refused, empty_home: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(jobs, "LOCK_WAIT", 0)
    with claim(Condition().key, state="running"):
        assert refused("train", "--json", code=BUSY).startswith(
            f"{Condition().key} is being made by another"
        )

    monkeypatch.setattr(run_train, "train_condition", Mock(side_effect=KeyboardInterrupt))
    assert refused("train", "--json", code=CANCELLED) == "Cancelled; nothing was published."


def test_what_is_no_picture_is_listed(
    document: Document, refused: Refused, quick: Models, tmp_path: Path
) -> None:
    good, text, gone, huge = (tmp_path / f"{name}.png" for name in ("good", "text", "gone", "huge"))
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(
        good
    )
    text.write_text("no picture")
    huge.write_bytes(claimed_png(50_000, 50_000))
    bad = (text, gone, tmp_path, huge)
    found = document("embed", *bad, good, "--model", quick[0].key)
    assert [entry["file"] for entry in found["images"]] == [str(good)]
    assert [entry["file"] for entry in found["unusable"]] == [str(path) for path in bad]
    messages = [entry["message"] for entry in found["unusable"]]
    for message, words in zip(
        messages, ("not a PNG", "No such file", "Is a directory", "megapixels"), strict=True
    ):
        assert words in message
    assert refused("embed", *bad, "--model", quick[0].key, "--json", lines=4) == messages[-1]


def test_a_device_or_a_folder_that_is_not_there(
    refused: Refused, other_home: Path, monkeypatch: Patch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("VLCORE_DEVICE", "abacus")
        assert "VLCORE_DEVICE='abacus' is not available" in refused("train", "--set", "steps=1")
    shutil.rmtree(models_folder())
    models_folder().write_text("a file")
    for command in (("train",), ("study", "experiments", "--jobs", 1)):
        assert "make it writable or point VLCORE_HOME to another folder." in refused(
            *command, "--json"
        )


def test_the_program_prints_one_document_and_nothing_else(home: Path, quick: Models) -> None:
    done = program(home, "train", "--bias", "0.75", *STEPS, "--json")
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["state"], json.loads(done.stdout)["key"]) == (
        "cached",
        quick[2].key,
    )
    assert "Warning" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("data list --json", CLOSED_PIPE), ("conditions", CLOSED_PIPE), ("study --help", 0)],
)  # argparse itself says nothing where nobody reads its help
def test_the_program_ends_quietly_where_nobody_reads_on(
    empty_home: Path, arguments: str, code: int
) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = program(empty_home, *arguments.split(), stdout=write)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (code, "")
