"""Writer of the files that every model has: condition, embeddings, map and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.files import write_json
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.progress import Report
from vlcore.model.views import RENDERING, TRAINING, TrainingRecord, why_no_readout


def write_model(out: Path, records: Sequence[TrainingRecord], report: Report) -> None:
    """Write ``condition.json``, ``embeddings.npz``, ``maps.npz`` and ``metrics.json`` of a model.

    Args:
        out: the folder to write to.
        records: one a fold of a small set, else one; embeddings and map are those of the first.
        report: told the stage.
    """
    from vlcore.model.evaluate import evaluate

    report(stage="measuring", fraction=RENDERING + TRAINING, now=True)
    write_json(out / "condition.json", records[0].condition.as_dict())
    write_embeddings(out, records[0])
    write_maps(out, records[0])
    write_json(out / "metrics.json", evaluate(records, report))


def write_embeddings(out: Path, record: TrainingRecord) -> None:
    """Write ``embeddings.npz``, read by `vlcore.artifacts.embeddings.StoredEmbeddings`."""
    views, labels, condition = record.views, record.labels, record.condition
    # Images that edits drew come after those of rows and are not stored.
    count = len(views.rows["train"])
    arrays: dict[str, NDArray[Any]] = {f"{split}_rows": rows for split, rows in views.rows.items()}
    arrays["caption_texts"] = np.array(labels.texts, dtype=str)
    arrays["caption_objects"] = np.array(labels.objects, dtype=str)
    arrays["train_own"] = record.caption_index[:count]
    if condition.edits:
        arrays["caption_counts"] = record.caption_counts
    for name, checkpoint in record.checkpoints.items():
        for split, z in checkpoint.z.items():
            arrays[f"{name}_{split}"] = z[:count] if split == "train" else z
        arrays[f"{name}_captions"] = checkpoint.captions
        arrays[f"{name}_scale_bias"] = np.array([checkpoint.scale, checkpoint.bias])
        if len(checkpoint.captions) == 0:  # a captioner's scores do not follow from its embeddings
            for split, scores in checkpoint.scores.items():
                stored = scores[:count] if split == "train" else scores
                arrays[f"{name}_{split}_scores"] = stored.astype(np.float32)
    if record.jtt_first_run is not None:
        arrays["jtt_wrong"] = record.jtt_first_run[1][:count]
    layer = record.checkpoints["end"].readout.layer
    if not why_no_readout(condition, labels):
        predicted = record.predicted("end")
        # Studies ask which, for intervals over images and trainings together.
        arrays["test_right"] = predicted == views.column("object", "test")
        # These follow neither from a layer on rounded embeddings nor, where imported, from a label
        # style.
        if layer is not None or condition.kind is ArtifactKind.IMPORTED:
            arrays["map_predicted"] = predicted[views.on_map]
            arrays["train_predicted"] = record.predicted("end", "train")[:count]
    if layer is not None:
        arrays["layer_objects"] = np.array(layer.objects, dtype=str)
        arrays["layer_direction"] = layer.direction
        arrays["layer_shift"] = np.array(layer.shift)
    np.savez(out / "embeddings.npz", **arrays)  # type: ignore[arg-type]  # numpy's stub mistakes the names for options


def write_maps(out: Path, record: TrainingRecord) -> None:
    """Write ``maps.npz``: the principal plane of the end, and every position on it."""
    from vlcore.metrics.projection import fit_plane

    views, end = record.views, record.checkpoints["end"]
    on_map = end.z["test"][views.on_map]
    plane = fit_plane(np.concatenate([on_map, end.captions]))
    arrays = {
        "pca_centre": plane.centre,
        "pca_components": plane.components,
        "pca_shares": plane.shares,
        "pca_variance": np.asarray(plane.variance),
        "map_rows": views.map_rows,
        "map": plane.place(on_map),
        "train": plane.place(end.z["train"][: len(views.rows["train"])]),
        "captions": plane.place(end.captions),
    }
    np.savez(out / "maps.npz", **arrays)  # type: ignore[arg-type]  # numpy's stub mistakes the names for options
