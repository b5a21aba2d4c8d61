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
from vlcore.images.captions import Vocabulary, caption, distinct_captions
from vlcore.images.imagesets import ImageSet, map_rows, open_set, training_rows
from vlcore.runs import jobs

if TYPE_CHECKING:
    from vlcore.learning.model import DualEncoder
    from vlcore.learning.train import Progress, TrainedModel

RENDERING, TRAINING, MEASURING = 0.15, 0.75, 0.10  # shares of a job's progress bar
Array = NDArray[np.float32]


def train_condition(condition: Condition) -> str:
    """Train and publish a condition, unless it is there; what `vlcore.runs.jobs.run` returns and raises."""
    return jobs.run(condition.key, lambda out, report: _make(condition, out, report))


def _make(condition: Condition, out: Path, report: jobs.Reporter) -> dict[str, Any]:
    from vlcore.learning import embed, train

    started = time.perf_counter()
    images = open_set(condition.data, condition.data_version)
    rows = training_rows(images, condition)
    everything = np.unique(np.concatenate([rows, *(images.rows(split) for split in ("val", "probe", "test"))]))

    def drawn(done: int, of: int) -> None:
        report(stage="drawing pictures", done=done, of=of, fraction=RENDERING * done / max(of, 1))

    images.complete(everything.tolist(), drawn)
    report(stage="reading pictures", fraction=RENDERING, now=True)
    views = _Views(images, rows)
    captions = distinct_captions(condition.labels, images.grouping)
    vocabulary = Vocabulary.of(images.grouping)
    own = own_captions(images, rows, condition, captions)
    data = train.TrainingData(views.pixels["train"], own, vocabulary.tokens(captions), len(vocabulary))
    watcher = _Watcher(condition, views, captions, vocabulary, report)
    trained = train.train(
        condition, data, device=embed.choose_device(), on_step=watcher.step, on_snapshot=watcher.snapshot
    )
    report(stage="measuring", fraction=RENDERING + TRAINING, now=True)
    moments = watcher.moments(trained)
    _write_embeddings(out, views, captions, moments)
    watcher.write_snapshots(out)
    _write_maps(out, views, moments)
    _write_history(out, trained)
    write_json(out / "condition.json", condition.as_dict())
    write_json(out / "metrics.json", _measure(condition, views, captions, own, moments, trained, report))
    embed.save(trained.model, vocabulary, out / "model.safetensors")
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "training_seconds": round(trained.seconds, 2),
        "device": str(trained.model.tau.device),
        "parameters": trained.model.parameters_count,
    }


class _Views:
    """The pixels that one job looks at, by purpose; each split is read once."""

    def __init__(self, images: ImageSet, training: NDArray[np.int64]) -> None:
        self.images = images
        self.rows = {"train": training, **{split: images.rows(split) for split in ("val", "probe", "test")}}
        self.pixels = {name: images.pixels(rows) for name, rows in self.rows.items()}
        self.map_rows = map_rows(images)
        self.on_map = np.searchsorted(self.rows["test"], self.map_rows)  # places of the map's images in the test set

    def column(self, name: str, split: str) -> NDArray[np.str_]:
        return self.images.table[name].to_numpy()[self.rows[split]].astype(str)


def own_captions(
    images: ImageSet, rows: NDArray[np.int64], condition: Condition, captions: tuple[str, ...]
) -> NDArray[np.int64]:
    """Index of each row's own caption among the distinct captions of the condition's label style, (n,)."""
    table = images.table.iloc[rows]
    pairs = zip(table["object"], table["context"], strict=True)
    return np.array([captions.index(caption(condition.labels, *pair)) for pair in pairs], dtype=np.int64)


Moment = dict[str, Any]  # embeddings of every view and of the captions, scale and bias, at one step


class _Watcher:
    """Looks at the model while it trains: live report, snapshots, and full embeddings at first fit."""

    def __init__(
        self,
        condition: Condition,
        views: _Views,
        captions: tuple[str, ...],
        vocabulary: Vocabulary,
        report: jobs.Reporter,
    ) -> None:
        self.condition, self.views, self.captions = condition, views, captions
        self.vocabulary, self.report = vocabulary, report
        self.steps: list[int] = []
        self.snapshots: list[tuple[Array, Array, Array]] = []
        self.untrained: Moment | None = None
        self.first_fit: Moment | None = None
        self.latest: Progress | None = None
        self.curve: list[list[float | None]] = []
        self.plane_before: NDArray[np.float64] | None = None

    def step(self, progress: Progress) -> None:
        self.latest = progress
        self.report(
            stage="training",
            step=progress.step,
            steps=progress.steps,
            loss=round(progress.loss, 4),
            train_caption_accuracy=round(progress.train_caption_accuracy, 4),
            fraction=RENDERING + TRAINING * progress.step / progress.steps,
        )

    def snapshot(self, step: int, model: DualEncoder) -> None:
        from vlcore.learning.embed import embed_captions, embed_images

        shown = embed_images(model, self.views.pixels["test"][self.views.on_map])
        training = embed_images(model, self.views.pixels["train"])
        words = embed_captions(model, self.vocabulary, self.captions)
        self.steps.append(step)
        self.snapshots.append((shown, training, words))
        if step == 0:
            self.untrained = self.moment(model)
        elif self.latest is not None and self.latest.first_fit_step == step:
            self.first_fit = self.moment(model)
        self._report_live(step, model, shown, words)

    def _report_live(self, step: int, model: DualEncoder, shown: Array, words: Array) -> None:
        """A small map and validation accuracies, for whoever watches."""
        from vlcore.learning.embed import embed_images, scale_and_bias
        from vlcore.measures.accuracy import predict_objects
        from vlcore.measures.maps import align, fit_plane

        plane = fit_plane(np.concatenate([shown, words])).place(shown)
        if self.plane_before is not None:
            plane = align(plane, self.plane_before).apply(plane)
        self.plane_before = plane
        scale, bias = scale_and_bias(model)
        logits = scale * embed_images(model, self.views.pixels["val"]) @ words.T + bias
        grouping = self.views.images.grouping
        right = predict_objects(logits, _spoken_of(self.condition, grouping), grouping.objects) == self.views.column(
            "object", "val"
        )
        groups = self.views.column("group", "val")
        self.curve.append(
            [
                step,
                round(float(right[np.isin(groups, grouping.majority)].mean()), 4),
                round(float(right[np.isin(groups, grouping.minority)].mean()), 4),
            ]
        )
        self.report(now=True, curve=self.curve, map=plane.round(3).tolist())

    def moment(self, model: DualEncoder) -> Moment:
        from vlcore.learning.embed import embed_captions, embed_images, scale_and_bias

        embedded: Moment = {name: embed_images(model, pixels) for name, pixels in self.views.pixels.items()}
        embedded["captions"] = embed_captions(model, self.vocabulary, self.captions)
        embedded["scale"], embedded["bias"] = scale_and_bias(model)
        return embedded

    def moments(self, trained: TrainedModel) -> dict[str, Moment]:
        """Full embeddings of the untrained encoder, at first fit (where there was one) and at the end."""
        assert self.untrained is not None  # the loop starts with a snapshot at step 0
        end = self.untrained if self.condition.steps == 0 else self.moment(trained.model)
        fit = {} if self.first_fit is None else {"first_fit": self.first_fit}
        return {"untrained": self.untrained, **fit, "end": end}

    def write_snapshots(self, out: Path) -> None:
        shown, training, words = (np.stack(parts).astype(np.float16) for parts in zip(*self.snapshots, strict=True))
        np.savez_compressed(
            out / "snapshots.npz",
            steps=np.array(self.steps),
            map_rows=self.views.map_rows,
            train_rows=self.views.rows["train"],
            map=shown,
            train=training,
            captions=words,
            val_curve=np.array(self.curve, dtype=np.float64),
        )


def _spoken_of(condition: Condition, grouping: Any) -> list[str]:
    from vlcore.images.captions import objects_of

    return list(objects_of(condition.labels, grouping).values())


def _write_embeddings(out: Path, views: _Views, captions: tuple[str, ...], moments: dict[str, Moment]) -> None:
    arrays: dict[str, NDArray[Any]] = {f"{split}_rows": rows for split, rows in views.rows.items()}
    arrays["caption_texts"] = np.array(captions)
    for name, moment in moments.items():
        for part in ("train", "val", "probe", "test", "captions"):
            arrays[f"{name}_{part}"] = moment[part]
        arrays[f"{name}_scale_bias"] = np.array([moment["scale"], moment["bias"]])
    np.savez(out / "embeddings.npz", **arrays)  # type: ignore[arg-type]  # numpy's stub mistakes the names for options


def _write_maps(out: Path, views: _Views, moments: dict[str, Moment]) -> None:
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


def _measure(
    condition: Condition,
    views: _Views,
    captions: tuple[str, ...],
    own: NDArray[np.int64],
    moments: dict[str, Moment],
    trained: TrainedModel,
    report: jobs.Reporter,
) -> dict[str, Any]:
    """All that is measured of a run, as one document; the same for the untrained encoder, first fit and the end."""
    from vlcore.learning.objectives import negative_shares
    from vlcore.measures.accuracy import blind_match_accuracy

    measured: dict[str, Any] = {}
    for number, (name, moment) in enumerate(moments.items()):
        if name == "end" and condition.steps == 0:
            measured["end"] = measured["untrained"]
            continue
        measured[name] = _measure_moment(condition, views, captions, own, moment)
        report(fraction=RENDERING + TRAINING + MEASURING * (number + 1) / len(moments), now=True)
    counts = np.bincount(own, minlength=len(captions))
    weights = negative_shares(condition.negatives, counts)
    return {
        "first_fit_step": trained.first_fit_step,
        "text_only_match": blind_match_accuracy(counts / counts.sum(), weights),
        "untrained": measured["untrained"],
        "first_fit": measured.get("first_fit"),
        "end": measured["end"],
    }


def _measure_moment(
    condition: Condition, views: _Views, captions: tuple[str, ...], own: NDArray[np.int64], moment: Moment
) -> dict[str, Any]:
    from vlcore.measures import geometry
    from vlcore.measures.accuracy import group_accuracy, predict_objects

    grouping = views.images.grouping
    objects, contexts, groups, scenes = (views.column(name, "test") for name in ("object", "context", "group", "scene"))
    z = moment["test"]
    logits = moment["scale"] * z @ moment["captions"].T + moment["bias"]
    accuracy = group_accuracy(
        predict_objects(logits, _spoken_of(condition, grouping), grouping.objects), objects, groups, scenes, grouping
    )
    seen = np.bincount(own, minlength=len(captions)) > 0
    train_logits = np.where(seen, moment["train"] @ moment["captions"].T, -np.inf)
    variance = geometry.total_variance(z, scenes)
    document: dict[str, Any] = {
        "train_caption_accuracy": float((train_logits.argmax(axis=1) == own).mean()),
        "train_images": len(own),
        "balanced_accuracy": accuracy.balanced.as_dict(),
        "minority_accuracy": accuracy.minority.as_dict(),
        "majority_accuracy": accuracy.majority.as_dict(),
        "worst_group": accuracy.worst_group,
        "worst_group_accuracy": accuracy.worst.as_dict(),
        "group_accuracy": {name: estimate.as_dict() for name, estimate in accuracy.groups.items()},
        "total_variance": variance.as_dict(),
    }
    if variance.value > 1e-12:
        rank = geometry.effective_rank(z, scenes)
        document["effective_rank"] = rank.as_dict()
        document["collapsed"] = geometry.is_collapsed(variance.value, rank.value)
        for name, labels in (("object", objects), ("context", contexts)):
            document[f"silhouette_{name}"] = geometry.silhouette(z, labels, scenes).as_dict()
            document[f"probe_{name}"] = geometry.probe(
                moment["probe"], views.column(name, "probe"), z, labels, scenes
            ).as_dict()
    else:
        document["collapsed"] = True  # one point: rank, silhouette and probe are not defined, so they are absent
    return document


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
