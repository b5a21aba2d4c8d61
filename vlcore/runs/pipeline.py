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
    from vlcore.learning import embed

    started = time.perf_counter()
    parts = folds.parts(open_set(condition.data, condition.data_version), condition.data_seed)
    grouping = parts[0].grouping
    captions, vocabulary = distinct_captions(condition.labels, grouping), Vocabulary.of(grouping)
    watchers, models, seen = [], [], []
    for number, part in enumerate(parts):  # a small set's folds have a model each; other sets have one
        views = _look_at(part, condition, report)
        watchers.append(_Watcher(condition, views, captions, vocabulary, report, number, len(parts)))
        models.append(_train(condition, views, captions, vocabulary, watchers[-1]))
        seen.append(watchers[-1].moments(models[-1]))
    verdicts = {
        name: [
            _verdict(condition, watcher.views, moments[name]) for watcher, moments in zip(watchers, seen, strict=True)
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
    write_json(out / "metrics.json", _measure(condition, views, captions, own, measured, trained, report))
    embed.save(trained.model, vocabulary, out / "model.safetensors")
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "training_seconds": round(trained.seconds, 2),
        "device": str(trained.model.tau.device),
        "parameters": trained.model.parameters_count,
    }


def _look_at(images: ImageSet, condition: Condition, report: jobs.Reporter) -> _Views:
    """The pixels of a set's splits and of a condition's training subset, drawn first where they are missing."""
    rows = training_rows(images, condition)
    everything = np.unique(np.concatenate([rows, *(images.rows(split) for split in ("val", "probe", "test"))]))

    def drawn(done: int, of: int) -> None:
        report(stage="drawing pictures", done=done, of=of, fraction=RENDERING * done / max(of, 1))

    images.complete(everything.tolist(), drawn)
    report(stage="reading pictures", now=True)
    return _Views(images, rows)


def _train(
    condition: Condition, views: _Views, captions: tuple[str, ...], vocabulary: Vocabulary, watcher: _Watcher
) -> TrainedModel:
    from vlcore.learning import embed, train

    own = own_captions(views.images, views.rows["train"], condition, captions)
    data = train.TrainingData(views.pixels["train"], own, vocabulary.tokens(captions), len(vocabulary))
    return train.train(
        condition, data, device=embed.choose_device(), on_step=watcher.step, on_snapshot=watcher.snapshot
    )


class _Views:
    """The pixels that one job looks at, by purpose; each split is read once."""

    def __init__(self, images: ImageSet, training: NDArray[np.int64]) -> None:
        self.images = images
        self.rows = {"train": training, **{split: images.rows(split) for split in ("val", "probe", "test")}}
        self.pixels = {name: images.pixels(rows) for name, rows in self.rows.items()}
        self.map_rows = map_rows(images)
        self.on_map = np.searchsorted(self.rows["test"], self.map_rows)  # places of the map's images in the test set

    def fewest(self, split: str) -> int:
        """Pictures of the smallest group of a split."""
        groups = self.column("group", split)
        return min(int((groups == name).sum()) for name in self.images.grouping.names)

    def column(self, name: str, split: str) -> NDArray[np.str_]:
        return self.images.table[name].to_numpy()[self.rows[split]].astype(str)


def own_captions(
    images: ImageSet, rows: NDArray[np.int64], condition: Condition, captions: tuple[str, ...]
) -> NDArray[np.int64]:
    """Index of each row's own caption among the distinct captions of the condition's label style, (n,)."""
    table = images.table.iloc[rows]
    pairs = zip(table["object"], table["context"], strict=True)
    own = [captions.index(caption(condition.labels, *pair, images.grouping)) for pair in pairs]
    return np.array(own, dtype=np.int64)


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
        number: int,
        models: int,
    ) -> None:
        self.condition, self.views, self.captions = condition, views, captions
        self.vocabulary, self.report = vocabulary, report
        self.number, self.models = number, models  # which of the job's models this is
        self.steps: list[int] = []
        self.snapshots: list[tuple[Array, Array, Array]] = []
        self.untrained: Moment | None = None
        self.first_fit: Moment | None = None
        self.latest: Progress | None = None
        self.curve: list[list[float | None]] = []
        self.plane_before: NDArray[np.float64] | None = None

    def step(self, progress: Progress) -> None:
        self.latest = progress
        done = (self.number + progress.step / progress.steps) / self.models
        self.report(
            stage="training" if self.models == 1 else f"training model {self.number + 1} of {self.models}",
            step=progress.step,
            steps=progress.steps,
            loss=round(progress.loss, 4),
            train_caption_accuracy=round(progress.train_caption_accuracy, 4),
            fraction=RENDERING + TRAINING * done,
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
        if self.number == 0:
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
        self.report(now=True, map=plane.round(3).tolist())
        if len(self.views.rows["val"]) == 0:
            return  # a set in folds keeps no pictures for this
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
        self.report(now=True, curve=self.curve)

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


Verdict = tuple[NDArray[np.str_], ...]  # predicted object, object, group and scene of each held-out image


def _verdict(condition: Condition, views: _Views, moment: Moment) -> Verdict:
    """What a model says of the pictures that it has not seen."""
    from vlcore.measures.accuracy import predict_objects

    grouping = views.images.grouping
    logits = moment["scale"] * moment["test"] @ moment["captions"].T + moment["bias"]
    predicted = predict_objects(logits, _spoken_of(condition, grouping), grouping.objects)
    return predicted, *(views.column(name, "test") for name in ("object", "group", "scene"))


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
    moments: dict[str, tuple[Moment, list[Verdict]]],
    trained: TrainedModel,
    report: jobs.Reporter,
) -> dict[str, Any]:
    """All that is measured of a run, as one document; the same for the untrained encoder, first fit and the end."""
    from vlcore.learning.objectives import negative_shares
    from vlcore.measures.accuracy import blind_match_accuracy

    measured: dict[str, Any] = {}
    for number, (name, (moment, verdicts)) in enumerate(moments.items()):
        if name == "end" and condition.steps == 0:
            measured["end"] = measured["untrained"]
            continue
        measured[name] = _measure_moment(views, captions, own, moment, verdicts)
        report(fraction=RENDERING + TRAINING + MEASURING * (number + 1) / len(moments), now=True)
    counts = np.bincount(own, minlength=len(captions))
    weights = negative_shares(condition.negatives, counts)
    return {
        "models": len(moments["end"][1]),
        "first_fit_step": trained.first_fit_step if "first_fit" in measured else None,
        "text_only_match": blind_match_accuracy(counts / counts.sum(), weights),
        "untrained": measured["untrained"],
        "first_fit": measured.get("first_fit"),
        "end": measured["end"],
    }


def _measure_moment(
    views: _Views, captions: tuple[str, ...], own: NDArray[np.int64], moment: Moment, verdicts: list[Verdict]
) -> dict[str, Any]:
    """Accuracy over the held-out pictures of all models of the job, and the geometry of the first one's."""
    from vlcore.measures.accuracy import group_accuracy

    predicted, objects, groups, scenes = (np.concatenate(columns) for columns in zip(*verdicts, strict=True))
    accuracy = group_accuracy(predicted, objects, groups, scenes, views.images.grouping)
    seen = np.bincount(own, minlength=len(captions)) > 0
    train_logits = np.where(seen, moment["train"] @ moment["captions"].T, -np.inf)
    return {
        "train_caption_accuracy": float((train_logits.argmax(axis=1) == own).mean()),
        "train_images": len(own),
        "balanced_accuracy": accuracy.balanced.as_dict(),
        "minority_accuracy": accuracy.minority.as_dict(),
        "majority_accuracy": accuracy.majority.as_dict(),
        "worst_group": accuracy.worst_group,
        "worst_group_accuracy": accuracy.worst.as_dict(),
        "group_accuracy": {name: estimate.as_dict() for name, estimate in accuracy.groups.items()},
        **_geometry(views, moment),
    }


FEWEST = 5  # held-out or probe images of each group without which geometry is not measured


def _geometry(views: _Views, moment: Moment) -> dict[str, Any]:
    """How one model lays its held-out pictures out; what is not defined is absent, with the reason in ``absent``."""
    from vlcore.measures import geometry

    z, scenes = moment["test"], views.column("scene", "test")
    variance = geometry.total_variance(z, scenes)
    document: dict[str, Any] = {"total_variance": variance.as_dict(), "absent": {}}
    if variance.value <= 1e-12:
        names = ("effective_rank", "silhouette_object", "silhouette_context", "probe_object", "probe_context")
        return {**document, "collapsed": True, "absent": dict.fromkeys(names, "one point")}
    rank = geometry.effective_rank(z, scenes)
    document["effective_rank"] = rank.as_dict()
    document["collapsed"] = geometry.is_collapsed(variance.value, rank.value)
    for name in ("object", "context"):
        labels = views.column(name, "test")
        if views.fewest("test") >= FEWEST:
            document[f"silhouette_{name}"] = geometry.silhouette(z, labels, scenes).as_dict()
        else:
            document["absent"][f"silhouette_{name}"] = "too few held-out pictures"
        if min(views.fewest("test"), views.fewest("probe")) >= FEWEST:
            fitted_on = views.column(name, "probe")
            document[f"probe_{name}"] = geometry.probe(moment["probe"], fitted_on, z, labels, scenes).as_dict()
        else:
            document["absent"][f"probe_{name}"] = "no pictures to fit it on"
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
