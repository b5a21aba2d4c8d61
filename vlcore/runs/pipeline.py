"""One condition from images to a published artefact.

The one idea: this is the whole way of the data in one place: draw what is missing, choose the biased subset, train with
snapshots, embed, measure, write. Each step is a call to the module that owns it.

Heavy imports (torch, scikit-learn) happen inside the functions: pages import this module to name the work, and must not
wait for what only a worker needs.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.conditions import Condition
from vlcore.home import write_json
from vlcore.images import folds
from vlcore.images.captions import Vocabulary, distinct_captions
from vlcore.images.imagesets import ImageSet, open_set, training_rows
from vlcore.runs import jobs
from vlcore.runs.measuring import measure
from vlcore.runs.watching import RENDERING, TRAINING, Moment, Views, Watcher, own_captions, verdict

if TYPE_CHECKING:
    from vlcore.learning.train import TrainedModel


def train_condition(condition: Condition) -> str:
    """Train and publish a condition, unless it is there; what `vlcore.runs.jobs.run` returns and raises."""
    return jobs.run(condition.key, lambda out, report: _make(condition, out, report))


def _make(condition: Condition, out: Path, report: jobs.Reporter) -> dict[str, Any]:
    from vlcore.learning import embed

    started = time.perf_counter()
    parts = folds.parts(open_set(condition.data, condition.data_version), condition.data_seed)
    grouping = parts[0].grouping
    captions, vocabulary = distinct_captions(condition.labels, grouping), Vocabulary.of(grouping)
    watchers, models, seen = [], [], []
    for number, part in enumerate(parts):  # a small set's folds have a model each; other sets have one
        views = _look_at(part, condition, report)
        watchers.append(Watcher(condition, views, captions, vocabulary, report, number, len(parts)))
        models.append(_train(condition, views, captions, vocabulary, watchers[-1]))
        seen.append(watchers[-1].moments(models[-1]))
    verdicts = {
        name: [
            verdict(condition, watcher.views, moments[name]) for watcher, moments in zip(watchers, seen, strict=True)
        ]
        for name in seen[0]
        if all(name in moments for moments in seen)  # a fold whose captions were never fitted has no first fit
    }
    watcher, views, trained, moments = watchers[0], watchers[0].views, models[0], seen[0]  # what is shown
    report(stage="measuring", fraction=RENDERING + TRAINING, now=True)
    _write_embeddings(out, views, captions, moments)
    watcher.write_snapshots(out)
    _write_maps(out, views, moments)
    _write_history(out, trained)
    write_json(out / "condition.json", condition.as_dict())
    own = own_captions(views.images, views.rows["train"], condition, captions)
    measured = {name: (moments[name], verdicts[name]) for name in verdicts}
    write_json(out / "metrics.json", measure(condition, views, captions, own, measured, trained, report))
    embed.save(trained.model, vocabulary, out / "model.safetensors")
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "training_seconds": round(trained.seconds, 2),
        "device": str(trained.model.tau.device),
        "parameters": trained.model.parameters_count,
    }


def _look_at(images: ImageSet, condition: Condition, report: jobs.Reporter) -> Views:
    """The pixels of a set's splits and of a condition's training subset, drawn first where they are missing."""
    rows = training_rows(images, condition)
    everything = np.unique(np.concatenate([rows, *(images.rows(split) for split in ("val", "probe", "test"))]))

    def drawn(done: int, of: int) -> None:
        report(stage="drawing pictures", done=done, of=of, fraction=RENDERING * done / max(of, 1))

    images.complete(everything.tolist(), drawn)
    report(stage="reading pictures", now=True)
    return Views(images, rows)


def _train(
    condition: Condition, views: Views, captions: tuple[str, ...], vocabulary: Vocabulary, watcher: Watcher
) -> TrainedModel:
    from vlcore.learning import embed, train

    own = own_captions(views.images, views.rows["train"], condition, captions)
    data = train.TrainingData(views.pixels["train"], own, vocabulary.tokens(captions), len(vocabulary))
    return train.train(
        condition, data, device=embed.choose_device(), on_step=watcher.step, on_snapshot=watcher.snapshot
    )


def _write_embeddings(out: Path, views: Views, captions: tuple[str, ...], moments: dict[str, Moment]) -> None:
    arrays: dict[str, NDArray[Any]] = {f"{split}_rows": rows for split, rows in views.rows.items()}
    arrays["caption_texts"] = np.array(captions)
    for name, moment in moments.items():
        for part in ("train", "val", "probe", "test", "captions"):
            arrays[f"{name}_{part}"] = moment[part]
        arrays[f"{name}_scale_bias"] = np.array([moment["scale"], moment["bias"]])
    np.savez(out / "embeddings.npz", **arrays)  # type: ignore[arg-type]  # numpy's stub mistakes the names for options


def _write_maps(out: Path, views: Views, moments: dict[str, Moment]) -> None:
    from vlcore.measures.maps import fit_plane

    end = moments["end"]
    plane = fit_plane(np.concatenate([end["test"][views.on_map], end["captions"]]))
    np.savez(
        out / "maps.npz",
        pca_centre=plane.centre,
        pca_components=plane.components,
        pca_shares=plane.shares,
        pca_variance=np.array(plane.variance),
        map_rows=views.map_rows,
        map=plane.place(end["test"][views.on_map]),
        train=plane.place(end["train"]),
        captions=plane.place(end["captions"]),
    )


def _write_history(out: Path, trained: TrainedModel) -> None:
    with (out / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "loss", "train_caption_accuracy"])
        writer.writerows([p.step, f"{p.loss:.6f}", f"{p.train_caption_accuracy:.4f}"] for p in trained.history)


def umap_key(key: str) -> str:
    """Key of the UMAP that belongs to a published condition: an artefact of its own beside it."""
    return f"{key}.umap"


def make_umap(key: str) -> str:
    """Fit and publish the UMAP of a published condition; what `vlcore.runs.jobs.run` returns and raises."""
    return jobs.run(umap_key(key), lambda out, report: _make_umap(key, out, report))


def _make_umap(key: str, out: Path, report: jobs.Reporter) -> dict[str, Any]:
    from vlcore.measures.maps import umap
    from vlcore.runs import store

    started = time.perf_counter()
    report(stage="fitting UMAP", fraction=0.1, now=True)
    artefact = store.read(key)
    arrays, maps = artefact.arrays("embeddings.npz"), artefact.arrays("maps.npz")
    shown = arrays["end_test"][np.searchsorted(arrays["test_rows"], maps["map_rows"])]
    parts = (shown, arrays["end_train"], arrays["end_captions"])
    points = umap(np.concatenate(parts))
    cuts = np.cumsum([len(part) for part in parts])[:-1]
    shown_points, train_points, caption_points = np.split(points, cuts)
    np.savez(out / "umap.npz", map=shown_points, train=train_points, captions=caption_points)
    return {"of": key, "of_digest": artefact.digest, "seconds": round(time.perf_counter() - started, 2)}
