"""Readers of a model's embeddings: the final ones, and small ones at some steps of its training."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Beside the splits: images of an imported set that are neither trained on nor measured.
REMAINING = "remaining"
HELD_OUT = ("val", "probe", "test", REMAINING)


def read_arrays(file: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an ``.npz`` file."""
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


@dataclass(frozen=True, eq=False)
class CheckpointEmbeddings:
    """The embeddings of a model at one checkpoint, as unit vectors.

    Attributes:
        images: of the held-out images on the map, m, then of the training images, n: (m + n, E).
        n_held_out: m.
        captions: (K, E); (0, E) of a captioner, whose captions have none.
        scale: with `bias`, turns a cosine into a logit.
        scores: of the images with the captions, (m + n, K); None where they follow from the
            embeddings.
    """

    images: NDArray[np.float32]
    n_held_out: int
    captions: NDArray[np.float32]
    scale: float
    bias: float
    scores: NDArray[np.float64] | None

    @property
    def on_map(self) -> NDArray[np.float32]:
        """Of the held-out images on the map, (m, E)."""
        return self.images[: self.n_held_out]

    @property
    def train(self) -> NDArray[np.float32]:
        """Of the training images, (n, E)."""
        return self.images[self.n_held_out :]


class StoredEmbeddings:
    """``embeddings.npz`` and ``maps.npz`` of a model."""

    def __init__(self, folder: Path) -> None:
        self._arrays: Mapping[str, NDArray[Any]] = read_arrays(folder / "embeddings.npz")
        self._maps_file = folder / "maps.npz"

    @cached_property
    def _maps(self) -> dict[str, NDArray[Any]]:
        return read_arrays(self._maps_file)

    def rows(self, split: str) -> NDArray[np.int64]:
        """Row numbers in the image set of ``train`` or one of `HELD_OUT`, (n,), rising but for
        ``train``; a model without remaining images has no `REMAINING`."""
        return self._arrays[f"{split}_rows"]

    @property
    def map_rows(self) -> NDArray[np.int64]:
        """Row numbers of the held-out images on the map, (m,)."""
        return self._maps["map_rows"]

    @property
    def plane(self) -> dict[str, Any]:
        """Principal plane of the final embeddings: fields of `vlcore.metrics.projection.Plane`."""
        return {
            "centre": self._maps["pca_centre"],
            "components": self._maps["pca_components"],
            "shares": self._maps["pca_shares"],
            "variance": float(self._maps["pca_variance"]),
        }

    @property
    def caption_index(self) -> NDArray[np.int64]:
        """Index of each training image's caption, (n,)."""
        return self._arrays["train_own"]

    @property
    def caption_texts(self) -> tuple[str, ...]:
        return tuple(self._arrays["caption_texts"].tolist())

    @property
    def caption_objects(self) -> tuple[str, ...]:
        """The object that each caption names; empty where it names none."""
        return tuple(self._arrays["caption_objects"].tolist())

    @property
    def layer(self) -> dict[str, Any] | None:
        """Re-fitted last layer: fields of `vlcore.metrics.readouts.LastLayer`; None where captions
        are the readout."""
        if "layer_direction" not in self._arrays:
            return None
        return {
            "objects": tuple(self._arrays["layer_objects"].tolist()),
            "direction": self._arrays["layer_direction"],
            "shift": float(self._arrays["layer_shift"]),
        }

    @property
    def test_correct(self) -> NDArray[np.bool_] | None:
        """Whether the object of each held-out image is predicted correctly, (n,); None where no
        object is predicted."""
        return self._arrays.get("test_right")

    @property
    def fold_predictions(self) -> tuple[NDArray[np.int64], NDArray[np.str_]] | None:
        """Of a set in folds, the rows of all images that were held out, and the object that the
        model predicts that held each out, (n,) and (n,).

        None of other sets, and where no object is predicted."""
        if "folds_rows" not in self._arrays:
            return None
        return self._arrays["folds_rows"], self._arrays["folds_predicted"]

    @cached_property
    def test(self) -> tuple[NDArray[np.float32], NDArray[np.float64] | None]:
        """Final embeddings of all held-out images, (n, E), in the order of ``rows("test")``, and
        their scores with the captions, (n, K), where these do not follow from the embeddings."""
        return self._arrays["end_test"], self._arrays.get("end_test_scores")

    @property
    def predictions(self) -> NDArray[np.str_] | None:
        """Predicted objects of the images on the map and of the training images, (m + n,); None
        where they follow from the embeddings and the captions of the label style."""
        if "map_predicted" not in self._arrays:
            return None
        return np.concatenate([self._arrays["map_predicted"], self._arrays["train_predicted"]])

    @property
    def end(self) -> CheckpointEmbeddings:
        """Embeddings of the final model."""
        return self._checkpoint("end")

    @property
    def untrained(self) -> CheckpointEmbeddings | None:
        """Embeddings before the first step; None of a model that was trained elsewhere."""
        return self._checkpoint("untrained") if "untrained_test" in self._arrays else None

    def _checkpoint(self, name: str) -> CheckpointEmbeddings:
        scale, bias = self._arrays[f"{name}_scale_bias"].tolist()
        captions = self._arrays[f"{name}_captions"]
        count = len(self.map_rows)
        images = np.concatenate([self._on_map(name), self._arrays[f"{name}_train"]])
        scores = None
        if f"{name}_test_scores" in self._arrays:
            train_scores = self._arrays[f"{name}_train_scores"]
            scores = np.concatenate([self._on_map(name, "_scores"), train_scores])
            scores = scores.astype(np.float64)
        return CheckpointEmbeddings(images, count, captions, scale, bias, scores)

    def _on_map(self, name: str, ending: str = "") -> NDArray[Any]:
        """Arrays of the held-out images on the map at a checkpoint, (m, ...)."""
        splits = [split for split in HELD_OUT if f"{name}_{split}{ending}" in self._arrays]
        rows = np.concatenate([self.rows(split) for split in splits])
        values = np.concatenate([self._arrays[f"{name}_{split}{ending}"] for split in splits])
        order = np.argsort(rows)
        return values[order[np.searchsorted(rows, self.map_rows, sorter=order)]]


class StoredCheckpoints:
    """``snapshots.npz`` of a model, embeddings at some steps and curves; a model that was trained
    elsewhere has none."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "snapshots.npz"
        self.exist = self._file.is_file()

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """Training steps, T, rising from 0 to the last."""
        return tuple(self.vectors("steps").tolist())

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row numbers in the image set of the images of ``map``, then of those of ``train``,
        (n,)."""
        with np.load(self._file, allow_pickle=False) as file:
            return np.concatenate([file["map_rows"], file["train_rows"]])

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
