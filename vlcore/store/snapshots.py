"""Stored snapshots of a training: small embeddings at some steps, and the curves on pictures kept aside."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.store.artefacts import Artefact


class StoredSnapshots:
    """``snapshots.npz`` of a model that was trained here; each array is read when it is asked for.

    Attributes:
        there: whether there is such a file: a model that was trained elsewhere has none.
    """

    def __init__(self, artefact: Artefact) -> None:
        self._file = artefact.path / "snapshots.npz"
        self.there = self._file.is_file()

    def _read(self, name: str) -> NDArray[Any]:
        with np.load(self._file, allow_pickle=False) as file:
            return file[name]

    def _curve(self, name: str) -> NDArray[np.float64]:
        with np.load(self._file, allow_pickle=False) as file:  # the first versions kept none
            return file[name] if name in file.files else np.empty((0, 3))

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """Training steps, T, rising from 0 to the last."""
        return tuple(int(step) for step in self._read("steps"))

    @cached_property
    def on_map(self) -> NDArray[np.float16]:
        """Unit vectors of the held-out pictures that maps show, (T, n, E)."""
        return self._read("map")

    @cached_property
    def train(self) -> NDArray[np.float16]:
        """Those of the training pictures, (T, n, E)."""
        return self._read("train")

    @cached_property
    def captions(self) -> NDArray[np.float16]:
        """Those of the captions, (T, K, E); (T, 0, E) of a captioner."""
        return self._read("captions")

    @cached_property
    def accuracies(self) -> NDArray[np.float64]:
        """Step, accuracy on majority and on minority validation pictures, (P, 3); (0, 3) where there are none."""
        return self._curve("val_curve")

    @cached_property
    def probes(self) -> NDArray[np.float64]:
        """Step, accuracy of linear probes for object and context, (P, 3); (0, 3) where there are none."""
        return self._curve("probe_curve")
