"""The files that every model has, whoever trained it: what it is, its embeddings, its map and its
metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.artifacts.store import Artifact
from vlcore.experiment.files import write_json
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.progress import Report
from vlcore.metrics.readouts import LastLayer
from vlcore.model.views import RENDERING, TRAINING, TrainingRecord, why_no_readout

if TYPE_CHECKING:
    from vlcore.metrics.projection import Plane


@dataclass(frozen=True, eq=False)
class StoredSnapshot:
    """The embeddings of a model at one moment, as unit vectors."""

    on_map: NDArray[np.float32]  # of the held-out pictures that maps show, (n, E)
    train: NDArray[np.float32]  # of the training pictures, (n, E)
    captions: NDArray[np.float32]  # (K, E); (0, E) of a captioner, whose captions have none
    scale: float  # of what turns a cosine into a logit
    bias: float
    scores: (
        NDArray[np.float64] | None
    )  # of the pictures of both with the captions, (n, K); None where they follow


class StoredEmbeddings:
    """``embeddings.npz`` of a model: which rows of its image set it saw, and what it made of them
    at each moment."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact, self._arrays = artifact, artifact.arrays("embeddings.npz")

    def rows(self, split: str) -> NDArray[np.int64]:
        """Row numbers in the image set of the pictures of ``train``, ``val``, ``probe`` or
        ``test``, (n,), rising but for ``train``."""
        return self._arrays[f"{split}_rows"]

    @cached_property
    def _maps(self) -> dict[str, NDArray[Any]]:
        return self._artifact.arrays("maps.npz")

    @property
    def map_rows(self) -> NDArray[np.int64]:
        """Those of the held-out pictures that maps show, (m,)."""
        return self._maps["map_rows"]

    @property
    def plane(self) -> Plane:
        """The principal plane of the pictures on the map and the captions, at the end."""
        from vlcore.metrics.projection import Plane

        maps = self._maps
        return Plane(
            maps["pca_centre"],
            maps["pca_components"],
            maps["pca_shares"],
            float(maps["pca_variance"]),
        )

    @property
    def own(self) -> NDArray[np.int64]:
        """Index of each training picture's caption, (n,); (0,) where pictures have none of their
        own."""
        return self._arrays["train_own"]

    @property
    def caption_counts(self) -> NDArray[np.float64] | None:
        """How often each caption was met in training, with those that edits say besides; None
        without edits."""
        return self._arrays.get("caption_counts")

    @property
    def jtt_wrong(self) -> NDArray[np.bool_] | None:
        """Which training pictures the first training of jtt got wrong, (n,); None where there was
        none."""
        return self._arrays.get("jtt_wrong")

    @property
    def caption_texts(self) -> tuple[str, ...]:
        return tuple(str(text) for text in self._arrays["caption_texts"])

    @property
    def relabelled(self) -> NDArray[np.str_] | None:
        """The object that something else than a label style names for the pictures on the map and
        the training ones, (n,); None where it follows from the captions."""
        if "map_predicted" not in self._arrays:
            return None
        return np.concatenate([self._arrays["map_predicted"], self._arrays["train_predicted"]])

    @property
    def layer(self) -> LastLayer | None:
        """The new last layer that names the object of any picture; None where captions are the
        readout."""
        if "layer_direction" not in self._arrays:
            return None
        first, second = (str(name) for name in self._arrays["layer_objects"])
        return LastLayer(
            (first, second), self._arrays["layer_direction"], float(self._arrays["layer_shift"])
        )

    @property
    def end(self) -> StoredSnapshot:
        return self._snapshot("end")

    @property
    def untrained(self) -> StoredSnapshot | None:
        """None of a model that was trained elsewhere."""
        return self._snapshot("untrained") if "untrained_test" in self._arrays else None

    def _snapshot(self, name: str) -> StoredSnapshot:
        test, train, captions = (
            self._arrays[f"{name}_{part}"] for part in ("test", "train", "captions")
        )
        scale, bias = (float(number) for number in self._arrays[f"{name}_scale_bias"])
        on_map = np.searchsorted(self.rows("test"), self.map_rows)
        scores = None
        if f"{name}_test_scores" in self._arrays:
            of_test, of_train = (
                self._arrays[f"{name}_{split}_scores"] for split in ("test", "train")
            )
            scores = np.concatenate([of_test[on_map], of_train]).astype(np.float64)
        return StoredSnapshot(test[on_map], train, captions, scale, bias, scores)


def write_model(out: Path, records: Sequence[TrainingRecord], report: Report) -> None:
    """Write ``condition.json``, ``embeddings.npz``, ``maps.npz`` and ``metrics.json`` of a model
    into a folder, from a record for each fold of a small set, else one. The embeddings and the map
    are those of the first.
    """
    from vlcore.model.evaluate import evaluate

    report(stage="measuring", fraction=RENDERING + TRAINING, now=True)
    write_json(out / "condition.json", records[0].condition.as_dict())
    write_embeddings(out, records[0])
    write_maps(out, records[0])
    write_json(out / "metrics.json", evaluate(records, report))


def write_embeddings(out: Path, record: TrainingRecord) -> None:
    """Write ``embeddings.npz``, which `StoredEmbeddings` reads: rows, captions, what every snapshot
    made of them."""
    views, labels, condition = record.views, record.labels, record.condition
    of_rows = len(
        views.rows["train"]
    )  # what edits drew beside them is of no row, and nobody finds it again
    arrays: dict[str, NDArray[Any]] = {f"{split}_rows": rows for split, rows in views.rows.items()}
    arrays["caption_texts"] = np.array(labels.texts, dtype=str)
    arrays["caption_objects"] = np.array(labels.objects, dtype=str)
    arrays["train_own"] = record.own[:of_rows]
    if condition.edits:
        arrays["caption_counts"] = record.caption_counts
    for name, snapshot in record.snapshots.items():
        arrays |= {
            f"{name}_{split}": snapshot.z[split] for split in ("train", "val", "probe", "test")
        }
        arrays[f"{name}_train"] = snapshot.z["train"][:of_rows]
        arrays[f"{name}_captions"] = snapshot.captions
        arrays[f"{name}_scale_bias"] = np.array([snapshot.scale, snapshot.bias])
        if len(snapshot.captions) == 0:  # a captioner's scores do not follow from its embeddings
            for split, scores in snapshot.scores.items():
                stored = scores[:of_rows] if split == "train" else scores
                arrays[f"{name}_{split}_scores"] = stored.astype(np.float32)
    if record.jtt_first_run is not None:
        arrays["jtt_wrong"] = record.jtt_first_run[1][:of_rows]
    if not why_no_readout(
        condition, labels
    ):  # studies ask which, for intervals over pictures and trainings both
        arrays["test_right"] = record.predicted("end") == views.column("object", "test")
    # What a new last layer names does not follow from the captions, nor do imported ones from a
    # label style.
    layer = record.snapshots["end"].layer
    if layer is not None or (
        condition.kind is ArtifactKind.IMPORTED and not why_no_readout(condition, labels)
    ):
        arrays["map_predicted"] = record.predicted("end")[views.on_map]
        arrays["train_predicted"] = record.predicted("end", "train")[:of_rows]
    if layer is not None:
        arrays["layer_objects"] = np.array(layer.objects, dtype=str)
        arrays["layer_direction"], arrays["layer_shift"] = layer.direction, np.array(layer.shift)
    np.savez(out / "embeddings.npz", **arrays)  # type: ignore[arg-type]  # numpy's stub mistakes the names for options


def write_maps(out: Path, record: TrainingRecord) -> None:
    """Write ``maps.npz``: the principal plane of the end, and the place of every picture and
    caption on it."""
    from vlcore.metrics.projection import fit_plane

    views, end = record.views, record.snapshots["end"]
    shown = end.z["test"][views.on_map]
    plane = fit_plane(np.concatenate([shown, end.captions]))
    pca = {
        f"pca_{part}": np.asarray(getattr(plane, part))
        for part in ("centre", "components", "shares", "variance")
    }
    training = end.z["train"][: len(views.rows["train"])]
    places = {"map": shown, "train": training, "captions": end.captions}
    arrays = (
        pca | {"map_rows": views.map_rows} | {name: plane.place(z) for name, z in places.items()}
    )
    np.savez(out / "maps.npz", **arrays)  # type: ignore[arg-type]  # numpy's stub mistakes the names for options
