"""Looking at a model while it trains, and at what it says in the end.

The one idea: the loop knows neither pages nor files. A `Watcher` is what it calls: it reports to whoever waits, keeps
snapshots, and embeds every split before the first step, at first fit and at the end.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.conditions import Condition
from vlcore.images.captions import Vocabulary, caption, objects_of
from vlcore.images.imagesets import ImageSet, map_rows
from vlcore.runs import jobs

if TYPE_CHECKING:
    from vlcore.learning.model import DualEncoder
    from vlcore.learning.train import Progress, TrainedModel

RENDERING, TRAINING, MEASURING = 0.15, 0.75, 0.10  # shares of a job's progress bar
Array = NDArray[np.float32]


class Views:
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


class Watcher:
    """Looks at the model while it trains: live report, snapshots, and full embeddings at first fit."""

    def __init__(
        self,
        condition: Condition,
        views: Views,
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
    return list(objects_of(condition.labels, grouping).values())


Verdict = tuple[NDArray[np.str_], ...]  # predicted object, object, group and scene of each held-out image


def verdict(condition: Condition, views: Views, moment: Moment) -> Verdict:
    """What a model says of the pictures that it has not seen."""
    from vlcore.measures.accuracy import predict_objects

    grouping = views.images.grouping
    logits = moment["scale"] * moment["test"] @ moment["captions"].T + moment["bias"]
    predicted = predict_objects(logits, _spoken_of(condition, grouping), grouping.objects)
    return predicted, *(views.column(name, "test") for name in ("object", "group", "scene"))
