"""The files that every model has, whoever trained it: what it is, its embeddings, its map and its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.core.files import write_json
from vlcore.core.options import ArtefactKind
from vlcore.runs.recorder import RENDERING, TRAINING
from vlcore.runs.snapshot import TrainingRecord
from vlcore.runs.views import why_no_readout
from vlcore.store import jobs


def write_model(out: Path, records: Sequence[TrainingRecord], report: jobs.Reporter) -> None:
    """Write ``condition.json``, ``embeddings.npz``, ``maps.npz`` and ``metrics.json`` of a model into a folder.

    Args:
        records: one for each fold of a small set; else one. The embeddings and the map are those of the first.
    """
    from vlcore.runs.evaluate import evaluate

    report(stage="measuring", fraction=RENDERING + TRAINING, now=True)
    write_json(out / "condition.json", records[0].condition.as_dict())
    write_embeddings(out, records[0])
    write_maps(out, records[0])
    write_json(out / "metrics.json", evaluate(records, report))


def write_embeddings(out: Path, record: TrainingRecord) -> None:
    """Write ``embeddings.npz``, which `vlcore.runs.embeddings.StoredEmbeddings` reads: the rows of every split, the
    captions, and what every snapshot made of them."""
    views, labels, condition = record.views, record.labels, record.condition
    arrays: dict[str, NDArray[Any]] = {f"{split}_rows": rows for split, rows in views.rows.items()}
    arrays["caption_texts"] = np.array(labels.texts, dtype=str)
    arrays["caption_objects"] = np.array(labels.objects, dtype=str)
    arrays["train_own"] = record.own
    for name, snapshot in record.snapshots.items():
        arrays |= {f"{name}_{split}": snapshot.z[split] for split in ("train", "val", "probe", "test")}
        arrays[f"{name}_captions"] = snapshot.captions
        arrays[f"{name}_scale_bias"] = np.array([snapshot.scale, snapshot.bias])
        if len(snapshot.captions) == 0:  # a captioner's scores do not follow from its embeddings
            for split, scores in snapshot.scores.items():
                arrays[f"{name}_{split}_scores"] = scores.astype(np.float32)
    # What a new last layer names does not follow from the captions, nor do imported ones from a label style.
    layer = record.snapshots["end"].layer
    if layer is not None or (condition.kind is ArtefactKind.IMPORTED and not why_no_readout(condition, labels)):
        arrays["map_predicted"] = record.predicted("end")[views.on_map]
        arrays["train_predicted"] = record.predicted("end", "train")
    if layer is not None:
        arrays["layer_objects"] = np.array(layer.objects, dtype=str)
        arrays["layer_direction"], arrays["layer_shift"] = layer.direction, np.array(layer.shift)
    np.savez(out / "embeddings.npz", **arrays)  # type: ignore[arg-type]  # numpy's stub mistakes the names for options


def write_maps(out: Path, record: TrainingRecord) -> None:
    """Write ``maps.npz``: the principal plane of the end, and the place of every picture and caption on it."""
    from vlcore.measures.projection import fit_plane

    views, end = record.views, record.snapshots["end"]
    shown = end.z["test"][views.on_map]
    plane = fit_plane(np.concatenate([shown, end.captions]))
    np.savez(
        out / "maps.npz",
        pca_centre=plane.centre,
        pca_components=plane.components,
        pca_shares=plane.shares,
        pca_variance=np.array(plane.variance),
        map_rows=views.map_rows,
        map=plane.place(shown),
        train=plane.place(end.z["train"]),
        captions=plane.place(end.captions),
    )
