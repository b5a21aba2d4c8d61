"""Stand-in models: random embeddings that cluster by object and context, and untrained weights."""

import copy
import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from tests.conftest import publish_as
from tests.numbers import estimate
from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.explain import Explanation
from vlcore.api.model_map import ModelMap
from vlcore.artifacts import store
from vlcore.data.imageset import COLUMNS, ImageSet, with_groups
from vlcore.data.subset import split_parts, training_rows
from vlcore.data.training_set import TrainingSet, caption_indices
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import models_folder, write_json
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.readouts import ObjectReadout
from vlcore.model import inference
from vlcore.model.artifact_files import write_embeddings, write_maps
from vlcore.model.dual_encoder import build
from vlcore.model.views import Checkpoint, Labels, TrainingRecord, Views

TEST_SCENES, TRAINING_SCENES = 8, 10
WIDTH = 32  # of an embedding, as of our models
PICTURE = "data:image/webp;base64,AAAA"
BASE = Condition(n_per_group=TRAINING_SCENES)

SIZE = (40, 20)  # width, height


def unit(z: np.ndarray) -> np.ndarray:
    return (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)


def image_set(folds: int = 0) -> ImageSet:
    """Training scenes of a group each, and test scenes in four versions; in folds, every image is a
    scene."""
    counts = {"train": TRAINING_SCENES, "val": 2, "probe": 2, "test": TEST_SCENES}
    rows = []
    for split, count in counts.items():
        for number, pair in product(range(count), SCENES.pairs):
            group = "-".join(pair)
            scene = f"{split}-{number:02d}"
            if split == "train" or folds:
                scene += f"-{group}"
            rows.append((f"{split}-{number}-{group}.png", *pair, split, "", "", scene, ""))
    about = {"splitting": {"kind": "folds", "folds": folds}} if folds else {}
    table = with_groups(pd.DataFrame(rows, columns=list(COLUMNS)))
    return ImageSet(
        BASE.data, BASE.data_version, Path(), SCENES, table, lambda _rows, _done: None, about
    )


def space(images: ImageSet, seed: int, width: int = WIDTH) -> np.ndarray:
    """Embeddings of all pictures of a set, (n, width)."""
    random = np.random.default_rng(seed)
    axes = random.normal(size=(2, width))
    sides = [
        np.where(images.table[name] == images.table[name].iat[0], 1, -1)
        for name in ("object", "context")
    ]
    return unit(np.stack(sides, axis=1) @ axes + random.normal(size=(len(images.table), width)))


def publish(
    images: ImageSet,
    condition: Condition = BASE,
    z: np.ndarray | None = None,
    *,
    before: bool = True,
    end: Mapping[str, Any] | None = None,
    steps: Sequence[int] = (),
    **facts: Any,
) -> store.Artifact:
    """Publish a stand-in model; it replaces one of the same condition that another test published.

    Args:
        images: the set that it was trained on.
        condition: what it is.
        z: embeddings of all images.
        before: whether it has an untrained encoder.
        end: metrics at the end, in place of, or beside, the usual ones.
        steps: training steps of its checkpoints, from 0 to the last.
        facts: of its manifest.
    """
    folder = models_folder() / ".work" / f"stand-in-{condition.key}"
    folder.mkdir(parents=True)
    part = split_parts(images, condition.data_seed)[0]
    labels = Labels.from_condition(condition, part.grouping)
    embeddings = space(part, condition.init_seed) if z is None else z
    rows = training_rows(part, condition)
    without_images = _WithoutFiles(**{**vars(part), "about": {"recipe": {"seed": 0}}})
    train_index = caption_indices(part, rows, condition)
    views = Views(TrainingSet(without_images, rows, caption_index=train_index))
    checkpoints = {"end": _checkpoint(condition, views, labels, embeddings)}
    if before:
        checkpoints["untrained"] = _checkpoint(
            condition, views, labels, space(part, 1000 + condition.init_seed)
        )
    test_index = caption_indices(part, views.rows["test"], condition)
    record = TrainingRecord(condition, labels, views, test_index, checkpoints)
    write_json(folder / "condition.json", condition.as_dict())
    write_embeddings(folder, [record])
    write_maps(folder, record)
    if steps:
        _write_training(folder, record, steps)
    measured = metrics(labels) | {"untrained": {"absent": {}}}
    measured["end"] |= end or {}
    write_json(folder / "metrics.json", measured)
    encoder = build(condition, len(labels.vocabulary), len(labels.captions))
    inference.save_encoder(encoder, labels.vocabulary, folder / "model.safetensors")
    # Another file's stand-in of this name.
    shutil.rmtree(models_folder() / condition.key, ignore_errors=True)
    return store.publish(condition.key, folder, {"seconds": 0, **facts})


def _write_training(folder: Path, record: TrainingRecord, steps: Sequence[int]) -> None:
    """Write the checkpoints and the history of a training whose loss is 1 / step."""
    random = np.random.default_rng(record.condition.init_seed)
    end = record.checkpoints["end"]
    last = {"map": end.z["test"], "train": end.z["train"], "captions": end.captions}
    checkpoints = {
        part: np.stack([*(unit(random.normal(size=z.shape)) for _ in steps[1:]), z])
        for part, z in last.items()
    }
    curve = np.array([[step, 0.5, 0.25 + 0.5 * (step > 0)] for step in steps])
    rows = {"map_rows": record.views.rows["test"], "train_rows": record.views.rows["train"]}
    curves = {"val_curve": curve, "probe_curve": curve}
    np.savez(folder / "snapshots.npz", steps=np.array(steps), **rows, **curves, **checkpoints)
    history = pd.DataFrame({"step": np.arange(1, steps[-1] + 1)})
    history.assign(loss=1 / history["step"]).to_csv(folder / "history.csv", index=False)


class _WithoutFiles(ImageSet):
    """A set whose images are black, whatever lies on the disk."""

    def pixels(self, rows: Sequence[int] | np.ndarray, size: int = 64) -> np.ndarray:
        return np.zeros((len(rows), size, size, 3), np.uint8)


def _checkpoint(condition: Condition, views: Views, labels: Labels, z: np.ndarray) -> Checkpoint:
    random = np.random.default_rng(condition.init_seed)
    texts = unit(random.normal(size=(len(labels.captions), z.shape[1])))
    embedded = {split: z[rows] for split, rows in views.rows.items()}
    scores = {
        split: random.normal(size=(len(part), len(texts))) for split, part in embedded.items()
    }
    captions = texts[:0] if condition.objective == "captioner" else texts
    return Checkpoint(
        z=embedded,
        scores=scores,
        captions=captions,
        scale=10.0,
        bias=-1.0,
        panel={},
        readout=ObjectReadout(labels.objects),
    )


def metrics(labels: Labels) -> dict[str, Any]:
    """What pages and sentences read of a model's end."""
    end: dict[str, Any] = {
        "total_variance": estimate(0.8),
        "collapsed": False,
        "absent": {},
        "silhouette_object": estimate(0.4),
        "silhouette_context": estimate(0.1),
    }
    if all(labels.objects):
        end |= {
            "minority_accuracy": estimate(0.6),
            "group_accuracy": {
                group: estimate(0.5 + 0.1 * k) for k, group in enumerate(SCENES.names)
            },
        }
    else:
        end["absent"] = dict.fromkeys(
            ("minority_accuracy", "group_accuracy"), "no label names the object"
        )
    return {"end": end, "raw_pixels": {}, "first_fit_step": None, "first_fit": None}


def colour(row: int) -> tuple[int, int, int]:
    """Far enough apart to survive compression."""
    return (row % 8) * 32, (row // 8 % 8) * 32, 100


def pictured(folder: Path, folds: int = 0) -> ImageSet:
    images = dataclasses.replace(image_set(folds), root=folder)
    for row in range(len(images.table)):
        Image.new("RGB", SIZE, colour(row)).save(images.path(row))
    return images


def middle(content: np.ndarray) -> tuple[int, ...]:
    return tuple(int(value) for value in content[content.shape[0] // 2, content.shape[1] // 2])


@contextmanager
def published_trials(artifact: store.Artifact, explanation: Explanation) -> Iterator[None]:
    """The trainings of a test are there, all as one model."""
    conditions = [trial.condition for trial in explanation.trials()]
    missing = [condition for condition in conditions if not store.published(condition.key)]
    copies = [publish_as(artifact, condition) for condition in missing]
    yield
    for made in copies:  # other tests of this session look at the models that are there
        shutil.rmtree(made.path)


def with_metrics(
    model: ModelMap, metrics: dict[str, Any], condition: Condition | None = None
) -> ModelMap:
    artifact = store.Artifact(model.artifact.key, model.artifact.path, model.artifact.manifest)
    vars(artifact).update(condition=condition or model.artifact.condition, metrics=metrics)
    return dataclasses.replace(model, artifact=artifact)


def measured_as(comparison: ComparedMaps, pane: int, metrics: dict[str, Any]) -> ComparedMaps:
    """The comparison, as if one of its models had been measured so."""
    models = list(comparison.models)
    models[pane] = with_metrics(models[pane], metrics)
    return dataclasses.replace(comparison, models=tuple(models))


def metrics_of(comparison: ComparedMaps, pane: int = 0) -> dict[str, Any]:
    return copy.deepcopy(comparison.models[pane].artifact.metrics)


def only(model: ModelMap, keep: np.ndarray | slice) -> ModelMap:
    """The map of some of its pictures alone."""
    arrays = {name: getattr(model, name)[keep] for name in ("rows", "z", "points", "scores")}
    return dataclasses.replace(
        model, n_held_out=int((np.arange(len(model.rows)) < model.n_held_out)[keep].sum()), **arrays
    )
