"""Recorder of a training: what the loop calls, for the loop knows neither pages nor files.

It reports to whoever waits, keeps small snapshots for the film of the training, and whole ones to be measured.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlcore.core.condition import Condition
from vlcore.measures.accuracy import logits, predict_objects
from vlcore.runs.snapshot import Snapshot
from vlcore.runs.views import Array, Labels, Views, last_layer, why_unread
from vlcore.store import jobs

if TYPE_CHECKING:
    from vlcore.learning.model import Encoder
    from vlcore.learning.train import Progress


RENDERING, TRAINING, MEASURING = 0.15, 0.70, 0.15  # shares of a job's progress bar


class SnapshotRecorder:
    """Looks at a model while it trains: number `number` from 0 of the job's `models`."""

    def __init__(
        self, condition: Condition, views: Views, labels: Labels, report: jobs.Reporter, number: int, models: int
    ) -> None:
        self.condition, self.views, self.labels, self.report = condition, views, labels, report
        self.number, self.models = number, models
        self.steps: list[int] = []
        self.series: list[tuple[Array, Array, Array]] = []
        self.untrained: Snapshot | None = None
        self.first_fit: Snapshot | None = None
        self.latest: Progress | None = None
        self.curve: list[list[float]] = []  # step, accuracy on majority and on minority pictures
        self.probes: list[list[float]] = []  # step, accuracy of linear probes for object and context
        self.plane_before: NDArray[np.float64] | None = None

    def step(self, progress: Progress) -> None:
        self.latest = progress
        done = (self.number + progress.step / progress.steps) / self.models
        self.report(
            stage=progress.stage if self.models == 1 else f"training model {self.number + 1} of {self.models}",
            step=progress.step,
            steps=progress.steps,
            loss=round(progress.loss, 4),
            train_caption_accuracy=round(progress.train_caption_accuracy, 4),
            fraction=RENDERING + TRAINING * done,
        )

    def record(self, step: int, model: Encoder) -> None:
        from vlcore.learning.inference import embed_captions, embed_images

        shown = embed_images(model, self.views.pixels["test"][self.views.on_map])
        training = embed_images(model, self.views.pixels["train"])
        words = embed_captions(model, self.labels.vocabulary, self.labels.texts)
        self.steps.append(step)
        self.series.append((shown, training, words))
        if step == 0:
            self.untrained = self._snapshot(model)
        elif self.latest is not None and self.latest.first_fit_step == step:
            self.first_fit = self._snapshot(model)
        if self.number == 0:
            self._report_live(step, model, shown, words)

    def _report_live(self, step: int, model: Encoder, shown: Array, words: Array) -> None:
        """A small map, accuracies and linear probes on pictures kept aside for it, for whoever watches."""
        from vlcore.learning.inference import embed_images
        from vlcore.measures import geometry
        from vlcore.measures.projection import align, fit_plane

        plane = fit_plane(np.concatenate([shown, words])).place(shown)
        if self.plane_before is not None:
            plane = align(plane, self.plane_before).apply(plane)
        self.plane_before = plane
        self.report(now=True, map=plane.round(3).tolist())
        if min(len(self.views.rows["val"]), len(self.views.rows["probe"])) == 0:
            return  # a set in folds keeps no pictures for this
        val, probe = (embed_images(model, self.views.pixels[split]) for split in ("val", "probe"))
        columns = [[self.views.column(name, split) for split in ("probe", "val")] for name in ("object", "context")]
        scenes = self.views.column("scene", "val")
        found = [geometry.probe_accuracy(probe, fit, val, true, scenes).value for fit, true in columns]
        self.probes.append([step, *(round(share, 4) for share in found)])
        self.report(now=True, probes=self.probes)
        if why_unread(self.condition, self.labels):
            return
        grouping, groups = self.views.grouping, self.views.column("group", "val")
        scores = self._scores(model, val, words, self.views.pixels["val"])
        right = predict_objects(scores, self.labels.objects, grouping.objects) == self.views.column("object", "val")
        sides = (right[np.isin(groups, side)] for side in (grouping.majority, grouping.minority))
        self.curve.append([step, *(round(float(side.mean()), 4) for side in sides)])
        self.report(now=True, curve=self.curve)

    def _scores(self, model: Encoder, z: Array, words: Array, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Scores of images with the condition's captions, (n, K): from the cosines, or from a captioner's decoder."""
        from vlcore.learning.inference import scale_and_bias, score_captions

        if len(words) == 0:
            return score_captions(model, self.labels.vocabulary, self.labels.texts, pixels).astype(np.float64)
        return logits(z, words, *scale_and_bias(model), self.condition.logit)

    def _snapshot(self, model: Encoder) -> Snapshot:
        from vlcore.learning.inference import embed_captions, embed_images, scale_and_bias

        words = embed_captions(model, self.labels.vocabulary, self.labels.texts)
        bare = words[:0]
        if model.config.language == "text":
            bare = embed_captions(model, self.labels.vocabulary, self.views.grouping.objects)

        def look(pixels: NDArray[np.uint8]) -> tuple[Array, NDArray[np.float64]]:
            z = embed_images(model, pixels)
            return z, self._scores(model, z, words, pixels)

        looked = {split: look(pixels) for split, pixels in self.views.pixels.items()}
        z = {split: vectors for split, (vectors, _) in looked.items()}
        return Snapshot(
            z,
            {split: scores for split, (_, scores) in looked.items()},
            words,
            *scale_and_bias(model),
            bare,
            {name: look(pixels) for name, pixels in (self.views.panel or {}).items()},
            last_layer(self.condition, self.views, z),
        )

    def snapshots(self, model: Encoder) -> dict[str, Snapshot]:
        """Of the untrained encoder, at first fit (where there was one) and of the model at the end."""
        assert self.untrained is not None  # the loop starts with a snapshot at step 0
        end = self.untrained if self.condition.steps == 0 else self._snapshot(model)
        fit = {} if self.first_fit is None else {"first_fit": self.first_fit}
        return {"untrained": self.untrained, **fit, "end": end}

    def write_snapshots(self, out: Path) -> None:
        shown, training, words = (np.stack(parts).astype(np.float16) for parts in zip(*self.series, strict=True))
        np.savez_compressed(
            out / "snapshots.npz",
            steps=np.array(self.steps),
            map_rows=self.views.map_rows,
            train_rows=self.views.rows["train"],
            map=shown,
            train=training,
            captions=words,
            val_curve=np.array(self.curve, dtype=np.float64).reshape(-1, 3),
            probe_curve=np.array(self.probes, dtype=np.float64).reshape(-1, 3),
        )
