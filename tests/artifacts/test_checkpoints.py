"""Stored snapshots: each array under its name, and none where nobody watched."""

from pathlib import Path

import numpy as np
import pytest

from vlcore.artifacts.store import Artifact


@pytest.mark.parametrize("curves", [True, False])
def test_arrays_are_read_by_what_they_are(tmp_path: Path, curves: bool) -> None:
    artifact = Artifact("a-key", tmp_path, {})
    assert not artifact.checkpoints.exist
    rows = (
        {"val_curve": np.ones((2, 3)), "probe_curve": np.zeros((2, 3))} if curves else {}
    )  # not of the first version
    spaces = {
        name: np.full((2, 4, 8), place, np.float16)
        for place, name in enumerate(("map", "train", "captions"))
    }
    np.savez(tmp_path / "snapshots.npz", steps=[0, 600], **spaces, **rows)
    stored = artifact.checkpoints
    assert stored.exist
    assert stored.steps == (0, 600)
    assert all((stored.vectors(name) == vectors).all() for name, vectors in spaces.items())
    for name in ("val", "probe"):
        assert stored.curve(name).tolist() == rows.get(f"{name}_curve", np.empty((0, 3))).tolist()
