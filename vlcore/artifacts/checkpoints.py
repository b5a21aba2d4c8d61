"""Reader of the checkpoints that a training stored: embeddings at some steps, and curves."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class StoredCheckpoints:
    """``snapshots.npz`` of a model; a model that was trained elsewhere has none."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "snapshots.npz"
        self.exist = self._file.is_file()

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """Training steps, T, rising from 0 to the last."""
        return tuple(self.vectors("steps").tolist())

    def vectors(self, name: str) -> NDArray[Any]:
        """Unit vectors by step, (T, n, E).

        Args:
            name: ``map`` for the held-out images on the map, ``train`` or ``captions``; a
                captioner's captions are (T, 0, E).
        """
        with np.load(self._file, allow_pickle=False) as file:
            return file[name]

    def curve(self, name: str) -> NDArray[np.float64]:
        """Step and two accuracies, (P, 3); (0, 3) where there are none.

        Args:
            name: ``val`` for majority and minority validation images, ``probe`` for linear probes
                of object and context.
        """
        with np.load(self._file, allow_pickle=False) as file:  # the first versions stored none
            return file[f"{name}_curve"] if f"{name}_curve" in file.files else np.empty((0, 3))
