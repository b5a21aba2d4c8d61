"""Stand-in models with all that a training animation and a pair matrix read."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.model_map import ModelMap
from vlcore.artifacts import store
from vlcore.experiment.captions import caption_index, captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.accuracy import logits
from vlcore.metrics.projection import Plane, RigidTransform
from vlcore.metrics.readouts import ObjectReadout
from vlcore.plots.maps.drawing import MapInfo
from vlcore.plots.options import PCA

WIDTH = 6  # numbers of an embedding
EACH = 5  # images of each group and split
SPLITS = ("test", "train", "val")


def images() -> Any:
    """An image set of the four groups: `EACH` test images a group, then training ones, then
    validation ones."""
    rows = []
    for split in SPLITS:
        for (animal, context), group in zip(SCENES.pairs, SCENES.names, strict=True):
            rows += [(animal, context, group, split, '{"coat": "bay"}')] * EACH
    table = pd.DataFrame(rows, columns=["object", "context", "group", "split", "factors"])
    return SimpleNamespace(table=table, grouping=SCENES)


def rows_of(split: str, count: int = 4 * EACH) -> np.ndarray:
    start = SPLITS.index(split) * 4 * EACH
    return np.arange(start, start + count)


def unit(random: np.random.Generator, *shape: int) -> np.ndarray:
    z = random.normal(size=(*shape, WIDTH))
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def model(
    folder: Path,
    condition: Condition | None = None,
    steps: Sequence[int] = (0, 1, 4, 20),
    training: np.ndarray | None = None,
    seed: int = 0,
    caption_indices: np.ndarray | None = None,  # caption index of each training image
    curves: bool = True,
) -> ModelMap:
    """A model map over a folder with ``embeddings.npz``, ``snapshots.npz`` and ``history.csv``."""
    condition, random = condition or Condition(), np.random.default_rng(seed)
    training = rows_of("train") if training is None else training
    held_out, table = rows_of("test"), images().table
    captions = captions_of(condition.labels, SCENES, condition.template)
    texts = tuple(caption.text for caption in captions)
    if caption_indices is None:
        caption_indices = caption_index(
            condition.labels, table, training, SCENES, condition.data_seed, condition.template
        )
    map_z, train_z, text_z = (
        unit(random, len(steps), len(rows)).astype(np.float16)
        for rows in (held_out, training, texts)
    )
    path = folder / f"model-{seed}"
    path.mkdir(parents=True)
    np.savez(path / "embeddings.npz", train_own=caption_indices, val_rows=rows_of("val"))
    curve = np.array([[step, 0.5, 0.25 + 0.5 * (step > 0)] for step in steps])
    if not curves:
        curve = curve[:0]
    np.savez(
        path / "snapshots.npz",
        steps=np.array(steps),
        map=map_z,
        train=train_z,
        captions=text_z,
        map_rows=held_out,
        train_rows=training,
        val_curve=curve,
        probe_curve=curve,
    )
    history = [f"{step},{1 / step:.6f},0.5" for step in range(1, steps[-1] + 1)]
    (path / "history.csv").write_text("\n".join(["step,loss,train_caption_accuracy", *history, ""]))
    artifact = store.Artifact(f"key-{seed}", path, {"files": {"made by": str(path)}})
    vars(artifact)["condition"] = condition
    z = np.concatenate([map_z[-1], train_z[-1]]).astype(np.float32)
    caption_z = text_z[-1].astype(np.float32)
    plane = Plane(z.mean(axis=0).astype(float), np.eye(2, WIDTH), np.array([0.5, 0.25]), 1.0)
    return ModelMap(
        artifact=artifact,
        projection=PCA,
        rows=np.concatenate([held_out, training]),
        n_held_out=len(held_out),
        z=z,
        points=plane.place(z),
        captions=texts,
        caption_z=caption_z,
        caption_points=plane.place(caption_z),
        scores=logits(z, caption_z, 5.0, -1.0),
        stored_predictions=None,
        readout=ObjectReadout([caption.object for caption in captions]),
        scale=5.0,
        bias=-1.0,
        plane=plane,
    )


def together(*models: ModelMap) -> ComparedMaps:
    """Compare maps, all but the first turned upside down and moved."""
    rows = np.unique(np.concatenate([model.rows for model in models]))
    points = images().table.drop(columns="factors").iloc[rows].reset_index(drop=True)
    points = points.assign(
        id=[f"p{row}" for row in rows],
        kind=np.where(points.pop("split") == "test", "test", "training"),
        minority=points["group"].isin(SCENES.minority),
        scene=[f"scene {row}" for row in rows],
    )
    upside_down = RigidTransform(np.zeros(2), -np.eye(2), np.ones(2))
    first, *others = models
    aligned = (first, *(model.turned(upside_down) for model in others))
    for pane, model in enumerate(aligned):
        points = points.assign(**{f"caption_{pane}": "horse", f"predicted_{pane}": "horse"})
        points[[f"x{pane}", f"y{pane}"]] = model.values_at(rows, model.points)
    captions = pd.concat(
        [
            pd.DataFrame({"caption": model.captions, "pane": pane})
            for pane, model in enumerate(models)
        ],
        ignore_index=True,
    )
    infos = tuple(MapInfo(f"title {n}", "", f"across {n}", "") for n in range(len(models)))
    return ComparedMaps(aligned, points=points, captions=captions, infos=infos, images=images())
