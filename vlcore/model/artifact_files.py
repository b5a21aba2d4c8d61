"""Writer of the files that every model has: condition, embeddings, map and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.artifacts.embeddings import REMAINING
from vlcore.experiment.files import write_json
from vlcore.experiment.progress import Report
from vlcore.model.views import RENDERING, TRAINING, TrainingRecord, why_no_readout

if TYPE_CHECKING:
    from vlcore.metrics.projection import Plane

BLOCK = 8192  # images whose scores are computed together


def write_model(out: Path, records: Sequence[TrainingRecord], report: Report) -> None:
    """Write ``condition.json``, ``embeddings.npz``, ``maps.npz`` and ``metrics.json`` of a model.

    Args:
        out: the folder to write to.
        records: one a fold of a small set, else one; embeddings and map are those of the first,
            with what each fold predicts of the images that it holds out.
        report: told the stage.
    """
    from vlcore.model.evaluate import evaluate

    report(stage="measuring", fraction=RENDERING + TRAINING, now=True)
    write_json(out / "condition.json", records[0].condition.as_dict())
    write_embeddings(out, records)
    write_maps(out, records[0])
    write_json(out / "metrics.json", evaluate(records, report))


def write_embeddings(out: Path, records: Sequence[TrainingRecord]) -> None:
    """Write ``embeddings.npz``, read by `vlcore.artifacts.embeddings.StoredEmbeddings`."""
    record = records[0]
    views, labels, condition = record.views, record.labels, record.condition
    arrays: dict[str, NDArray[Any]] = {f"{split}_rows": rows for split, rows in views.rows.items()}
    if REMAINING in record.checkpoints["end"].z:
        arrays[f"{REMAINING}_rows"] = views.remaining_rows
    arrays["caption_texts"] = np.array(labels.texts, dtype=str)
    arrays["caption_objects"] = np.array(labels.objects, dtype=str)
    arrays["train_own"] = record.caption_index
    for name, checkpoint in record.checkpoints.items():
        for split, z in checkpoint.z.items():
            arrays[f"{name}_{split}"] = z
        arrays[f"{name}_captions"] = checkpoint.captions
        arrays[f"{name}_scale_bias"] = np.array([checkpoint.scale, checkpoint.bias])
        if len(checkpoint.captions) == 0:  # a captioner's scores do not follow from its embeddings
            for split, scores in checkpoint.scores.items():
                arrays[f"{name}_{split}_scores"] = scores.astype(np.float32)
    layer = record.checkpoints["end"].readout.layer
    if not why_no_readout(condition, labels):
        predicted = record.predicted("end")
        # Studies ask which, for intervals over images and trainings together.
        arrays["test_right"] = predicted == views.column("object", "test")
        # These do not follow from a layer on rounded embeddings.
        if layer is not None:
            splits = [split for split in record.checkpoints["end"].z if split != "train"]
            arrays["map_predicted"] = record.held_out_values(
                {split: record.predicted("end", split) for split in splits}
            )
            arrays["train_predicted"] = record.predicted("end", "train")
        if len(records) > 1:
            held_out = [fold.views.rows["test"] for fold in records]
            predictions = [fold.predicted("end") for fold in records]
            arrays["folds_rows"] = np.concatenate(held_out)
            arrays["folds_predicted"] = np.concatenate(predictions)
    if layer is not None:
        arrays["layer_objects"] = np.array(layer.objects, dtype=str)
        arrays["layer_direction"] = layer.direction
        arrays["layer_shift"] = np.array(layer.shift)
    # numpy's stub mistakes the names for options
    np.savez(out / "embeddings.npz", **arrays)  # type: ignore[arg-type]


def write_maps(out: Path, record: TrainingRecord) -> None:
    """Write ``maps.npz``: the principal plane of the end, and every position on it."""
    from vlcore.metrics.projection import fit_plane

    end = record.checkpoints["end"]
    on_map = record.held_out_values(end.z)
    plane = fit_plane(np.concatenate([on_map, end.captions]))
    train = end.z["train"][: len(record.views.rows["train"])]
    _write_plane(out, plane, record.held_out_rows, on_map, train, end.captions)


def _write_plane(
    out: Path,
    plane: Plane,
    map_rows: NDArray[np.int64],
    on_map: NDArray[np.float32],
    train: NDArray[np.float32],
    captions: NDArray[np.float32],
) -> None:
    arrays = {
        "pca_centre": plane.centre,
        "pca_components": plane.components,
        "pca_shares": plane.shares,
        "pca_variance": np.asarray(plane.variance),
        "map_rows": map_rows,
        "map": plane.place(on_map),
        "train": plane.place(train),
        "captions": plane.place(captions),
    }
    # numpy's stub mistakes the names for options
    np.savez(out / "maps.npz", **arrays)  # type: ignore[arg-type]
