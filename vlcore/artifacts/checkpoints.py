"""Stored snapshots of a training: small embeddings at some steps, and the curves on pictures kept
aside."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.artifacts.store import Artifact


class StoredSnapshots:
    """``snapshots.npz`` of a model that was trained here; a model that was trained elsewhere has
    none."""

    def __init__(self, artifact: Artifact) -> None:
        self._file = artifact.path / "snapshots.npz"
        self.there = self._file.is_file()

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """Training steps, T, rising from 0 to the last."""
        return tuple(int(step) for step in self.vectors("steps"))

    def vectors(self, name: str) -> NDArray[Any]:
        """Unit vectors of the held-out pictures that maps show (``map``), of the training ones
        (``train``) or of the ``captions``, (T, n, E); (T, 0, E) of the captions of a captioner."""
        with np.load(self._file, allow_pickle=False) as file:
            return file[name]

    def curve(self, name: str) -> NDArray[np.float64]:
        """Step and two accuracies, (P, 3): on majority and minority validation pictures (``val``),
        or of linear probes for object and context (``probe``); (0, 3) where there are none."""
        with np.load(self._file, allow_pickle=False) as file:  # the first versions kept none
            return file[f"{name}_curve"] if f"{name}_curve" in file.files else np.empty((0, 3))
