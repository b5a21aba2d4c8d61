"""Training of conditions: from images to a published artefact, of one or of many over worker processes.

Torch and scikit-learn are imported inside the functions: pages import this module to name the work, and must not wait
for what only a worker needs.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
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
from vlcore.runs.publish import write_model
from vlcore.runs.recorder import RENDERING, SnapshotRecorder
from vlcore.runs.snapshot import TrainingRecord
from vlcore.runs.views import Labels, Views
from vlcore.store import jobs, queue

if TYPE_CHECKING:
    from vlcore.learning.train import TrainedModel


def train_all(
    conditions: Sequence[Condition], workers: int, on_done: Callable[[str, str], None] | None = None
) -> dict[str, str]:
    """Train conditions over worker processes, unless they are there; one that fails stops no other.

    Whoever interrupts it stops what is being trained after the step that it is at, and nothing else begins.

    Args:
        conditions: what to train.
        workers: how many processes.
        on_done: is told the key and the outcome of each as it ends.

    Returns:
        By key ``"trained"``, ``"cached"`` or ``"failed: "`` and the reason.
    """
    outcomes: dict[str, str] = {}
    with queue.worker_pool(workers) as pool:
        for condition in conditions:
            jobs.clear_last_failure(condition.key)
        futures = {pool.submit(train_condition, condition): condition.key for condition in conditions}
        try:
            for future in as_completed(futures):
                key, error = futures[future], future.exception()
                outcomes[key] = future.result() if error is None else f"failed: {error}"
                if on_done is not None:
                    on_done(key, outcomes[key])
        except BaseException:
            for future, key in futures.items():
                if not future.done() and not future.cancel():
                    jobs.cancel(key, pending=True)
            raise
    return outcomes


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
                condition,
                labels,
                views,
                own,
                recorder.snapshots(trained.model),
                wordless=None if OBJECTIVES[condition.objective].uses_captions else "trained without captions",
                first_fit_step=trained.first_fit_step,
                jtt_first_run=trained.jtt_first_run,
            )
        )
        made.append((recorder, trained))
    write_model(out, records, report)
    recorder, trained = made[0]  # of the model that is shown
    recorder.write_snapshots(out)
    with (out / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "loss", "train_caption_accuracy"])
        writer.writerows([p.step, f"{p.loss:.6f}", f"{p.train_caption_accuracy:.4f}"] for p in trained.history)
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


def check_pictures(condition: Condition) -> None:
    """Make sure that the image set of a condition has the pictures that it needs.

    Raises:
        LabError: when it has not, or there is no such set.
    """
    training_rows(parts_of(condition)[0], condition)


def own_captions_of(images: ImageSet, rows: NDArray[np.int64], condition: Condition) -> NDArray[np.int64]:
    """Index of each row's own caption among the distinct captions of a condition, (n,)."""
    return caption_index(condition.labels, images.table, rows, images.grouping, condition.data_seed, condition.template)


def draw(images: ImageSet, condition: Condition, report: jobs.Reporter) -> NDArray[np.int64]:
    """Draw what is missing of a set's splits and of a condition's training subset, whose rows it returns, (n,)."""
    rows = training_rows(images, condition)
    everything = np.unique(np.concatenate([rows, *(images.rows(split) for split in ("val", "probe", "test"))]))
    images.ensure_rendered(everything.tolist(), report.counted("drawing pictures", RENDERING))
    report(stage="reading pictures", now=True)
    return rows


def _train(
    condition: Condition, views: Views, labels: Labels, own: NDArray[np.int64], recorder: SnapshotRecorder
) -> TrainedModel:
    from vlcore.learning import device, train

    names = views.grouping.names
    groups = np.array([names.index(group) for group in views.column("group", "train")], dtype=np.int64)
    tokens, words = labels.vocabulary.tokens(labels.texts), len(labels.vocabulary)
    data = train.TrainingData(views.pixels["train"], own, tokens, words, labels.said, groups)
    return train.train(
        condition, data, device=device.choose_device(), on_step=recorder.step, on_snapshot=recorder.record
    )
