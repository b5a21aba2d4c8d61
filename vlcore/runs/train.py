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

from vlcore.core.captions import caption_index
from vlcore.core.condition import Condition, ConditionError
from vlcore.core.options import MITIGATIONS, OBJECTIVES, ArtefactKind
from vlcore.datasets import subset
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.subset import training_rows
from vlcore.runs.evaluate import TrainingRecord
from vlcore.runs.publish import write_model
from vlcore.runs.recorder import RENDERING, SnapshotRecorder
from vlcore.runs.views import Labels, Views
from vlcore.store import jobs

if TYPE_CHECKING:
    from vlcore.learning.train import TrainedModel


def train_condition(condition: Condition) -> str:
    """Train and publish a condition, unless it is there; what `vlcore.store.jobs.run` returns and raises."""
    return jobs.run(condition.key, lambda out, report: _make(condition, out, report))


def _make(condition: Condition, out: Path, report: jobs.Reporter) -> dict[str, Any]:
    from vlcore.learning import inference

    started = time.perf_counter()
    if condition.kind is ArtefactKind.IMPORTED:
        raise ConditionError("Imported embeddings are brought, not trained; use `data import FILE.npz`.")
    if condition.kind is ArtefactKind.PRETRAINED:
        raise ConditionError("A pretrained model is not trained here; use `python -m vlcore pretrained CHECKPOINT`.")
    parts = parts_of(condition)
    labels = Labels.of(condition, parts[0].grouping)
    records: list[TrainingRecord] = []
    made: list[tuple[SnapshotRecorder, TrainedModel]] = []
    for number, part in enumerate(parts):  # a small set's folds have a model each; other sets have one
        views = Views(part, draw(part, condition, report))
        recorder = SnapshotRecorder(condition, views, labels, report, number, len(parts))
        own = own_captions_of(part, views.rows["train"], condition)
        trained = _train(condition, views, labels, own, recorder)
        records.append(
            TrainingRecord(
                views,
                own,
                recorder.snapshots(trained.model),
                wordless=None if OBJECTIVES[condition.objective].uses_captions else "trained without captions",
                first_fit_step=trained.first_fit_step,
                jtt_first_run=trained.jtt_first_run,
            )
        )
        made.append((recorder, trained))
    write_model(out, condition, labels, records, report)
    recorder, trained = made[0]  # of the model that is shown
    recorder.write_snapshots(out)
    _write_history(out, trained)
    inference.save(trained.model, labels.vocabulary, out / "model.safetensors")
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "training_seconds": round(trained.seconds, 2),
        "device": str(trained.model.device),
        "parameters": trained.model.parameters_count,
    }


def parts_of(condition: Condition) -> list[ImageSet]:
    """The image set of a condition, or its folds (see `vlcore.datasets.subset`).

    Raises:
        ConditionError: when the condition needs pictures that a set in folds does not keep.
        ImageSetError: when there is no such set.
    """
    parts = subset.parts(open_set(condition.data, condition.data_version), condition.data_seed)
    if MITIGATIONS[condition.mitigation].new_layer and len(parts[0].rows("val")) == 0:
        raise ConditionError(
            f"{condition.mitigation} is not applicable to {condition.data!r}: a set that is cut into folds keeps no "
            "validation pictures; choose another mitigation or a larger set."
        )
    return parts


def own_captions_of(images: ImageSet, rows: NDArray[np.int64], condition: Condition) -> NDArray[np.int64]:
    """Index of each row's own caption among the distinct captions of a condition, (n,)."""
    return caption_index(condition.labels, images.table, rows, images.grouping, condition.data_seed, condition.template)


def draw(images: ImageSet, condition: Condition, report: jobs.Reporter) -> NDArray[np.int64]:
    """Draw what is missing of a set's splits and of a condition's training subset, whose rows it returns, (n,)."""
    rows = training_rows(images, condition)
    everything = np.unique(np.concatenate([rows, *(images.rows(split) for split in ("val", "probe", "test"))]))

    def drawn(done: int, of: int) -> None:
        report(stage="drawing pictures", done=done, of=of, fraction=RENDERING * done / max(of, 1))

    images.ensure_rendered(everything.tolist(), drawn)
    report(stage="reading pictures", now=True)
    return rows


def _train(
    condition: Condition, views: Views, labels: Labels, own: NDArray[np.int64], recorder: SnapshotRecorder
) -> TrainedModel:
    from vlcore.learning import device, train

    names = views.images.grouping.names
    groups = np.array([names.index(group) for group in views.column("group", "train")], dtype=np.int64)
    tokens, words = labels.vocabulary.tokens(labels.texts), len(labels.vocabulary)
    data = train.TrainingData(views.pixels["train"], own, tokens, words, labels.said, groups)
    return train.train(
        condition, data, device=device.choose_device(), on_step=recorder.step, on_snapshot=recorder.record
    )


def _write_history(out: Path, trained: TrainedModel) -> None:
    with (out / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "loss", "train_caption_accuracy"])
        writer.writerows([p.step, f"{p.loss:.6f}", f"{p.train_caption_accuracy:.4f}"] for p in trained.history)
