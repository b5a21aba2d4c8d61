"""Stored snapshots: each array under its name, and none where nobody watched."""

from pathlib import Path

import numpy as np
import pytest

from vlcore.artifacts.store import Artifact


@pytest.mark.parametrize("curves", [True, False])  # the first version had none
def test_arrays_are_read_by_what_they_are(tmp_path: Path, curves: bool) -> None:
    stored = Artifact("a-key", tmp_path, {}).checkpoints
    assert not stored.exist
    arrays = {"val_curve": np.ones((2, 3)), "probe_curve": np.zeros((2, 3))} if curves else {}
    vectors = np.ones((2, 4, 8), np.float16)
    np.savez(tmp_path / "snapshots.npz", steps=[0, 600], captions=vectors, **arrays)
    stored = Artifact("a-key", tmp_path, {}).checkpoints
    assert (stored.exist, stored.steps) == (True, (0, 600))
    assert (stored.vectors("captions") == vectors).all()
    for name in ("val", "probe"):
        expected = arrays.get(f"{name}_curve", np.empty((0, 3)))
        assert stored.curve(name).tolist() == expected.tolist()
