"""Recorder of a training: reports progress, and stores checkpoints of the model.

Small checkpoints feed the training animation; whole ones are measured.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.artifacts.embeddings import REMAINING
from vlcore.experiment.condition import Condition
from vlcore.experiment.progress import Report
from vlcore.metrics import geometry
from vlcore.metrics.accuracy import logits, predict_objects
from vlcore.metrics.projection import align, fit_plane
from vlcore.model import inference
from vlcore.model.dual_encoder import Encoder
from vlcore.model.loop import Progress, checkpoint_steps
from vlcore.model.views import (
    RENDERING,
    TRAINING,
    Array,
    Checkpoint,
    Labels,
    Views,
    readout_of,
    why_no_caption_readout,
)

ENOUGH_TO_JUDGE = 0.25  # of the steps of a model: before, its speed is not known


class CheckpointRecorder:
    """Callbacks of the training loop for one of a job's models.

    Attributes:
        checkpoints: ``untrained``, ``first_fit`` where there was one, and ``end``.
    """

    def __init__(
        self,
        condition: Condition,
        views: Views,
        labels: Labels,
        report: Report,
        number: int,
        models: int,
    ) -> None:
        """Prepare for a training.

        Args:
            condition: what is trained.
            views: images of the job.
            labels: captions of the job.
            report: told where the training is.
            number: of the model among the job's `models`, from 0; the first one is animated.
            models: how many models the job trains.
        """
        self.condition = condition
        self.views = views
        self.labels = labels
        self.report = report
        self.number = number
        self.models = models
        # The end and every second step before it, the same in all runs of a condition.
        self.probed_steps = set(checkpoint_steps(condition.steps)[::-2])
        self.checkpoints: dict[str, Checkpoint] = {}
        self.progress: Progress | None = None
        self._began = 0.0  # when the first step was done, seconds
        # Step, embeddings of images on the map, of training images and of captions.
        self._animation: list[tuple[int, Array, Array, Array]] = []
        self._accuracy_curve: list[list[float]] = []  # step, majority, minority validation images
        self._probe_curve: list[list[float]] = []  # step, linear probes of object and context
        self._last_map: NDArray[np.float64] | None = None

    def on_step(self, progress: Progress) -> None:
        """Report a training step, and the seconds that all models of the job still take."""
        if self.progress is None:
            self._began = time.monotonic()
        self.progress = progress
        trained = progress.step / progress.steps
        share = (self.number + trained) / self.models
        stage = "training"
        if self.models > 1:
            stage = f"training model {self.number + 1} of {self.models}"
        seconds = time.monotonic() - self._began
        left = None
        if trained >= ENOUGH_TO_JUDGE:
            left = seconds / trained * (self.models - self.number - trained)
        self.report(
            stage=stage,
            fraction=RENDERING + TRAINING * share,
            train_caption_accuracy=round(progress.train_caption_accuracy, 4),
            step=progress.step,
            steps=progress.steps,
            models=self.models,
            left=left,
            loss=round(progress.loss, 4),
        )

    def on_checkpoint(self, step: int, model: Encoder) -> None:
        """Store what a model makes of images and captions at a step."""
        first_fit_step = None if self.progress is None else self.progress.first_fit_step
        steps = {"untrained": 0, "first_fit": first_fit_step, "end": self.condition.steps}
        names = [name for name, at in steps.items() if at == step]
        checkpoint = None
        if names:
            # The map is of the first model, at the start and at the end.
            is_shown = self.number == 0 and not {"untrained", "end"}.isdisjoint(names)
            checkpoint = self._checkpoint(model, with_remaining=is_shown)
        if checkpoint is not None:
            self.checkpoints |= dict.fromkeys(names, checkpoint)
        if self.number:
            return  # animation and curves are of the first model
        if checkpoint is None:
            inputs, embed = self.views.inputs, partial(inference.embed_images, model)
            on_map = embed(inputs["test"][self.views.on_map])
            train = embed(inputs["train"][: len(self.views.rows["train"])])
        else:
            on_map = checkpoint.z["test"][self.views.on_map]
            train = checkpoint.z["train"][: len(self.views.rows["train"])]
        captions = inference.embed_captions(model, self.labels.vocabulary, self.labels.texts)
        self._animation.append((step, on_map, train, captions))
        reference = on_map[np.searchsorted(self.views.on_map, self.views.reference)]
        positions = fit_plane(np.concatenate([reference, captions])).place(reference)
        if self._last_map is not None:
            positions = align(positions, self._last_map).apply(positions)
        self._last_map = positions
        if checkpoint is not None or step in self.probed_steps:
            self._extend_curves(step, model, captions, checkpoint)
        self.report(
            now=True,
            map=positions.round(3).tolist(),
            probes=self._probe_curve,
            curve=self._accuracy_curve,
        )

    def _extend_curves(
        self, step: int, model: Encoder, captions: Array, checkpoint: Checkpoint | None
    ) -> None:
        """Add linear probes and accuracies on validation images."""
        views = self.views
        if min(len(views.rows["val"]), len(views.rows["probe"])) == 0:
            return  # a set in folds has no images for this
        if checkpoint is None:
            val, probe = (
                inference.embed_images(model, views.inputs[split]) for split in ("val", "probe")
            )
        else:
            val, probe = checkpoint.z["val"], checkpoint.z["probe"]
        accuracies = []
        for name in ("object", "context"):
            predicted = geometry.probe(probe, views.column(name, "probe"), val)
            accuracies.append(round(float((predicted == views.column(name, "val")).mean()), 4))
        self._probe_curve.append([step, *accuracies])
        if why_no_caption_readout(self.condition, self.labels):
            return
        grouping, groups = views.grouping, views.column("group", "val")
        caption_scores = self._scores(model, val, captions, views.inputs["val"])
        predicted = predict_objects(caption_scores, self.labels.objects, grouping.objects)
        correct = predicted == views.column("object", "val")
        sides = [correct[np.isin(groups, side)] for side in (grouping.majority, grouping.minority)]
        self._accuracy_curve.append([step, *(round(float(side.mean()), 4) for side in sides)])

    def _scores(
        self, model: Encoder, z: Array, captions: Array, images: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Scores of images with the condition's captions, (n, K): from the cosines, or from a
        captioner's decoder."""
        if len(captions) == 0:
            vocabulary, texts = self.labels.vocabulary, self.labels.texts
            scores = inference.score_captions(model, vocabulary, texts, images)
            return scores.astype(np.float64)
        return logits(z, captions, *inference.scale_and_bias(model))

    def _checkpoint(self, model: Encoder, with_remaining: bool) -> Checkpoint:
        captions = inference.embed_captions(model, self.labels.vocabulary, self.labels.texts)

        def embed(images: NDArray[Any]) -> tuple[Array, NDArray[np.float64]]:
            z = inference.embed_images(model, images)
            return z, self._scores(model, z, captions, images)

        z: dict[str, Array] = {}
        scores: dict[str, NDArray[np.float64]] = {}
        for split, images in self.views.inputs.items():
            z[split], scores[split] = embed(images)
        if with_remaining and len(self.views.remaining_rows):
            blocks = []
            for images in self.views.remaining_inputs():
                blocks.append(embed(images))
                self.report(stage="embedding all images of the set")
            parts = zip(*blocks, strict=True)
            z[REMAINING], scores[REMAINING] = (np.concatenate(part) for part in parts)
        panel = {kind: embed(images) for kind, images in (self.views.panel or {}).items()}
        scale, bias = inference.scale_and_bias(model)
        readout = readout_of(self.condition, self.labels, self.views, z)
        return Checkpoint(z, scores, captions, scale, bias, panel, readout)

    def write_checkpoints(self, out: Path) -> None:
        """Write ``snapshots.npz``, read by `vlcore.artifacts.embeddings.StoredCheckpoints`."""
        steps, *spaces = zip(*self._animation, strict=True)
        on_map, train, captions = (np.stack(vectors).astype(np.float16) for vectors in spaces)
        np.savez_compressed(
            out / "snapshots.npz",
            steps=np.array(steps),
            map_rows=self.views.map_rows,
            train_rows=self.views.rows["train"],
            map=on_map,
            train=train,
            captions=captions,
            val_curve=np.array(self._accuracy_curve, np.float64).reshape(-1, 3),
            probe_curve=np.array(self._probe_curve, np.float64).reshape(-1, 3),
        )
