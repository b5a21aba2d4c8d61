"""An import as a job: its report is published, it can be watched, and a failure is a sentence and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vlcore.core.files import data_folder
from vlcore.core.grouping import SCENES
from vlcore.datasets.catalogue import open_set, set_names
from vlcore.datasets.imageset import ImageSetError
from vlcore.runs import imported
from vlcore.store import artefacts, jobs

DRAWN = ["scenes", "balanced-cues"]


@pytest.fixture
def source(empty_home: Path) -> Path:
    """Four pictures of noise a group, beside a home with nothing in it."""
    root = empty_home / "source"
    for number, group in enumerate(SCENES.names):
        (root / group).mkdir(parents=True)
        for index in range(4):
            field = np.random.default_rng([number, index]).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            picture = Image.fromarray(field).resize((64, 64), Image.Resampling.BICUBIC)
            picture.save(root / group / f"{index}.png")
    return root


def test_the_report_is_published(source: Path) -> None:
    (source / "horse_grass" / "broken.png").write_bytes(b"no picture")
    key = imported.import_key("mine")
    assert imported.run_import(key, source, "mine", {"licence": "CC0", "short": "a {object}"}) == "trained"
    artefact = artefacts.read(key)
    report = artefact.json("report.json")
    assert artefact.manifest["set"] == report["name"] == "mine"
    assert report["counts"] == dict.fromkeys(SCENES.names, 4)
    assert report["skipped"][0][0] == "horse_grass/broken.png"
    assert report["splitting"] == {"kind": "folds", "folds": 4}
    images = open_set("mine")
    assert len(images.table) == 16
    assert images.about["licence"] == "CC0"
    assert images.grouping.templates[1] == ("undescriptive", "a {object}")
    assert artefacts.model_keys() == [], "a report is no model"


def test_whoever_watches_sees_the_pictures_counted(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "REPORT_EVERY", 0.0)
    seen: list[dict[str, Any]] = []
    write = jobs.write_json
    monkeypatch.setattr(jobs, "write_json", lambda path, status: (seen.append(dict(status)), write(path, status)))
    imported.run_import(imported.import_key("mine"), source, "mine", {})
    reading = [status for status in seen if status["stage"] == "reading pictures"]
    assert [(status["done"], status["of"]) for status in reading] == [(done, 16) for done in range(17)]
    fractions = [status["fraction"] for status in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 0.95)


def test_every_attempt_has_a_key_of_its_own() -> None:
    keys = {imported.import_key("my-horses") for _ in range(50)}
    assert len(keys) == 50
    for key in keys:
        assert artefacts.check_key(key).startswith("my-horses-")
        assert key.endswith(".import")


@pytest.mark.parametrize(
    ("options", "name", "sentence"),
    [
        (
            {"objects": ("horse", "zebra"), "contexts": ("grass", "desert")},
            "mine",
            "source has no object named 'zebra'",
        ),
        ({"short": "thing"}, "mine", "does not name the object; write {object} in it"),
        ({"objects": ("horse", "")}, "mine", "Give two different objects, not 'horse,'."),  # no option of a command
        ({}, "scenes", "There is an image set named 'scenes' already; choose another name."),
    ],
)
def test_a_failure_is_a_sentence_and_leaves_no_set(
    source: Path, options: dict[str, Any], name: str, sentence: str
) -> None:
    key = imported.import_key(name)
    with pytest.raises(ImageSetError) as caught:
        imported.run_import(key, source, name, options)
    assert sentence in str(caught.value)
    view = jobs.view(key)
    assert (view.state, view.status["message"]) == (jobs.State.FAILED, str(caught.value))
    assert set_names() == DRAWN
    assert artefacts.published_keys() == []


def test_a_cancelled_import_leaves_no_set(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "REPORT_EVERY", 0.0)
    key = imported.import_key("mine")
    call = jobs.Reporter.__call__

    def cancel_midway(self: jobs.Reporter, *, now: bool = False, **news: Any) -> None:
        if news.get("done") == 5:
            assert jobs.cancel(key)
        call(self, now=now, **news)

    monkeypatch.setattr(jobs.Reporter, "__call__", cancel_midway)
    with pytest.raises(jobs.JobCancelledError):
        imported.run_import(key, source, "mine", {})
    assert jobs.view(key).state is jobs.State.CANCELLED
    assert set_names() == DRAWN
    assert not [path for path in (data_folder() / ".incoming").glob("*") if path.is_dir()]


def test_after_a_failure_and_after_a_deletion_the_name_is_free(source: Path) -> None:
    with pytest.raises(ImageSetError):
        imported.run_import(imported.import_key("mine"), source, "mine", {"short": "thing"})
    imported.run_import(imported.import_key("mine"), source, "mine", {})
    version = open_set("mine").version
    (data_folder() / "mine").rename(data_folder().parent / "gone")
    imported.run_import(imported.import_key("mine"), source, "mine", {})
    assert open_set("mine").version == version
