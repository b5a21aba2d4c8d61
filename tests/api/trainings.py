"""What tests of trainings share: the files of a model, and a training that is watched."""

from typing import Any

import pytest

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
