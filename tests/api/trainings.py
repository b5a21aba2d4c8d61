"""What tests of trainings share: a small set, the files of a model, a training watched."""

from pathlib import Path
from typing import Any

import pytest

from tests.data.importers.sources import groups, write
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet
from vlcore.data.importers import import_set
from vlcore.jobs import jobs
from vlcore.model import loop

FILES = {
    "condition.json",
    "model.safetensors",
    "embeddings.npz",
    "snapshots.npz",
    "maps.npz",
    "metrics.json",
    "history.csv",
    "manifest.json",
}


def write_small(home: Path) -> ImageSet:
    """Five pictures of noise a group, one more in the first; two of the last are alike, so four
    folds are possible."""
    import_set(write(home / "source", groups(6, 5, 5, 5) | {"camel/grass/4.png": 16}), "small")
    return open_set("small")


def watch(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = []
    monkeypatch.setattr(jobs, "REPORT_EVERY", 0.0)
    write = jobs.write_json
    monkeypatch.setattr(
        jobs, "write_json", lambda path, status: (reports.append(dict(status)), write(path, status))
    )
    return reports


def fits_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(loop, "FIT_ACCURACY", 0.0)
    patch.setattr(loop, "CHECK_EVERY", 4)
