"""Recorder of a training, which the loop calls: it reports to whoever waits, keeps small snapshots
for the film of the training, and whole ones to be measured."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.condition import Condition
from vlcore.experiment.progress import Report
from vlcore.metrics import geometry
from vlcore.metrics.accuracy import logits, predict_objects
from vlcore.metrics.memory import Memory, digest_of
from vlcore.metrics.projection import align, fit_plane
from vlcore.model.views import (
    RENDERING,
    TRAINING,
    Array,
    Labels,
    Snapshot,
    Views,
    last_layer,
    why_unread,
)

if TYPE_CHECKING:
    from vlcore.model.dual_encoder import Encoder
    from vlcore.model.loop import Progress

_untrained = Memory(100)  # spaces of pictures, about ten a run


class SnapshotRecorder:
    """Looks at a model while it trains: number `number` from 0 of the job's `models`."""

    def __init__(
        self,
        condition: Condition,
        views: Views,
        labels: Labels,
        report: Report,
        number: int,
        models: int,
    ) -> None:
        from vlcore.model import inference, loop

        self.inference = inference
        # The end and every second one before it, the same steps in all runs of a condition: others
        # only film.
        self.probed = set(loop.snapshot_steps(condition.steps)[::-2])
        self.condition, self.views, self.labels, self.report = condition, views, labels, report
        self.number, self.models = number, models
        self.series: list[tuple[int, Array, Array, Array]] = []
        self.taken: dict[
            str, Snapshot
        ] = {}  # ``untrained``, ``first_fit`` where there was one, and ``end``
        self.latest: Progress | None = None
        self.curve: list[list[float]] = []  # step, accuracy on majority and on minority pictures
        self.probes: list[
            list[float]
        ] = []  # step, accuracy of linear probes for object and context
        self.plane_before: NDArray[np.float64] | None = None

    def step(self, progress: Progress) -> None:
        self.latest = progress
        share = RENDERING + TRAINING * (self.number + progress.step / progress.steps) / self.models
        stage = (
            progress.stage
            if self.models == 1
            else f"training model {self.number + 1} of {self.models}"
        )
        known: dict[str, Any] = {
            "step": progress.step,
            "steps": progress.steps,
            "loss": round(progress.loss, 4),
        }
        accuracy = round(progress.train_caption_accuracy, 4)
        self.report(stage=stage, fraction=share, train_caption_accuracy=accuracy, **known)

    def record(self, step: int, model: Encoder) -> None:
        fitted = self.latest is not None and self.latest.first_fit_step == step
        moments = {"untrained": step == 0, "first_fit": fitted, "end": step == self.condition.steps}
        whole = self._snapshot(model, moments["untrained"]) if any(moments.values()) else None
        if whole is not None:
            self.taken |= {name: whole for name, here in moments.items() if here}
        if self.number:
            return  # film and curves are of the model that is shown
        z = {} if whole is None else whole.z

        def embedded(split: str, places: NDArray[np.int64] | slice = slice(None)) -> Array:
            images = self.views.inputs[split]
            return (
                z[split][places]
                if split in z
                else self.inference.embed_images(model, images[places])
            )

        shown = embedded("test", self.views.on_map)
        training = embedded("train", slice(len(self.views.rows["train"])))
        words = self.inference.embed_captions(model, self.labels.vocabulary, self.labels.texts)
        self.series.append((step, shown, training, words))
        plane = fit_plane(np.concatenate([shown, words])).place(shown)
        if self.plane_before is not None:
            plane = align(plane, self.plane_before).apply(plane)
        self.plane_before = plane
        if whole is not None or step in self.probed:
            self._extend_curves(step, model, words, embedded)
        self.report(now=True, map=plane.round(3).tolist(), probes=self.probes, curve=self.curve)

    def _extend_curves(
        self, step: int, model: Encoder, words: Array, embedded: Callable[[str], Array]
    ) -> None:
        """Linear probes and accuracies on pictures that are kept aside for them."""
        if min(len(self.views.rows["val"]), len(self.views.rows["probe"])) == 0:
            return  # a set in folds keeps no pictures for this
        val, probe = embedded("val"), embedded("probe")
        columns = [
            [self.views.column(name, split) for split in ("probe", "val")]
            for name in ("object", "context")
        ]
        right = [geometry.probe(probe, fit, val) == true for fit, true in columns]
        self.probes.append([step, *(round(float(of.mean()), 4) for of in right)])
        if why_unread(self.condition, self.labels):
            return
        grouping, groups = self.views.grouping, self.views.column("group", "val")
        scores = self._scores(model, val, words, self.views.inputs["val"])
        named = predict_objects(scores, self.labels.objects, grouping.objects) == self.views.column(
            "object", "val"
        )
        sides = (named[np.isin(groups, side)] for side in (grouping.majority, grouping.minority))
        self.curve.append([step, *(round(float(side.mean()), 4) for side in sides)])

    def _scores(
        self, model: Encoder, z: Array, words: Array, images: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Scores of images with the condition's captions, (n, K): from the cosines, or from a
        captioner's decoder."""
        if len(words) == 0:
            vocabulary, texts = self.labels.vocabulary, self.labels.texts
            return self.inference.score_captions(model, vocabulary, texts, images).astype(
                np.float64
            )
        return logits(z, words, *self.inference.scale_and_bias(model), self.condition.logit)

    def _snapshot(self, model: Encoder, untrained: bool) -> Snapshot:
        words = self.inference.embed_captions(model, self.labels.vocabulary, self.labels.texts)
        bare = words[:0]
        if model.config.language == "text" and model.config.text != "codes":
            bare = self.inference.embed_captions(
                model, self.labels.vocabulary, self.views.grouping.objects
            )

        # Whatever stands on the text side, one seed starts from the same image weights.
        tower = (
            digest_of(*(part.cpu().numpy() for part in model.image.state_dict().values()))
            if untrained
            else ""
        )

        def look(images: NDArray[Any]) -> tuple[Array, NDArray[np.float64]]:
            embed = partial(self.inference.embed_images, model, images)
            z = _untrained.made(embed, tower, images) if untrained else embed()
            return z, self._scores(model, z, words, images)

        looked = {split: look(images) for split, images in self.views.inputs.items()}
        z = {split: vectors for split, (vectors, _) in looked.items()}
        scores = {split: of for split, (_, of) in looked.items()}
        panel = {kind: look(images) for kind, images in (self.views.panel or {}).items()}
        layer = last_layer(self.condition, self.views, z)
        return Snapshot(z, scores, words, *self.inference.scale_and_bias(model), bare, panel, layer)

    def write_snapshots(self, out: Path) -> None:
        steps, *spaces = zip(*self.series, strict=True)
        shown, training, words = (np.stack(parts).astype(np.float16) for parts in spaces)
        np.savez_compressed(
            out / "snapshots.npz",
            steps=np.array(steps),
            map_rows=self.views.map_rows,
            train_rows=self.views.rows["train"],
            map=shown,
            train=training,
            captions=words,
            val_curve=np.array(self.curve, np.float64).reshape(-1, 3),
            probe_curve=np.array(self.probes, np.float64).reshape(-1, 3),
        )
