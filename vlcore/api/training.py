"""Training of conditions: from images to a published artifact, of one or of many over worker
processes. Torch and scikit-learn are imported inside the functions: pages name the work, and must
not wait for what only a worker needs.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import replace
from pathlib import Path
from statistics import median_low
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.data import subset
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet
from vlcore.data.training_set import TrainingSet, training_sets
from vlcore.experiment.captions import caption_index, captions_of
from vlcore.experiment.condition import Condition, ConditionError, from_dict
from vlcore.experiment.errors import BusyError
from vlcore.experiment.options import MITIGATIONS, OBJECTIVES, ArtifactKind
from vlcore.jobs import jobs
from vlcore.model.artifact_files import write_model
from vlcore.model.image_features import feature_store
from vlcore.model.views import RENDERING, Labels, TrainingRecord, Views

REPORT_SHARED = 5.0  # seconds between reports where hundreds of workers write to one file server
QUICK_STEPS = 1000  # of a model on a frozen tower, two milliseconds each

if TYPE_CHECKING:
    from vlcore.model.loop import TrainedModel
    from vlcore.model.recorder import SnapshotRecorder


def train_all(
    conditions: Sequence[Condition],
    pool: Executor,
    on_done: Callable[[str, str], None],
    *,
    shared: bool = False,
) -> dict[str, str]:
    """Train conditions in a pool of workers, unless they are there, longest first; one that fails
    stops no other. Whoever interrupts it stops what is being trained after the step that it is at,
    and nothing else begins. `on_done` is told the key and the outcome of each as it ends:
    ``"trained"``, ``"cached"`` or ``"failed: "`` and the reason. The disk may be `shared` with
    other machines that train, see `train_one`."""
    outcomes: dict[str, str] = {}
    for condition in conditions:
        jobs.clear_last_failure(condition.key)
    futures = {
        pool.submit(train_one, one.as_dict(), shared): one.key for one in longest_first(conditions)
    }
    try:
        for future in as_completed(futures):
            key, error = futures[future], future.exception()
            outcomes[key] = future.result() if error is None else f"failed: {error}"
            on_done(key, outcomes[key])
    except BaseException:
        for future, key in futures.items():
            # A future of another machine's says that it is cancelled though its work goes on.
            if not future.done() and (
                not future.cancel() or jobs.view(key).state is jobs.State.RUNNING
            ):
                jobs.cancel(key, pending=True)
        raise
    return outcomes


def longest_first(conditions: Sequence[Condition]) -> list[Condition]:
    """So that no core is left with a long one at the end, as far as the pictures seen tell: jtt
    trains twice."""
    return sorted(
        conditions,
        key=lambda one: -one.steps * one.batch_size * (2 if one.mitigation == "jtt" else 1),
    )


def most_seconds(condition: Condition) -> float:
    """Seconds that a training in a worker may take, many times what it does on one of two busy
    cores: a quarter of an hour to draw pictures and to measure, and what five folds of it take at
    30 ms a picture (usual: 1).
    """
    return 900 + 5 * 0.03 * condition.steps * condition.batch_size * (
        2 if condition.mitigation == "jtt" else 1
    )


def likely_seconds(condition: Condition, made: Sequence[tuple[Condition, float]] = ()) -> float:
    """Seconds that a training probably takes in a worker: a guess, 30 ms a step of the usual batch,
    reading and measuring the rest; with what others took that were `made` on the same set, as many
    times that as the median of them took of theirs, of two the lower: a first one draws the
    pictures too."""

    def guess(one: Condition) -> float:
        if is_quick(one):
            return 2.5 + 0.002 * one.steps
        return 6.0 + 0.03 * one.steps * max(1.0, one.batch_size / 32) * (
            2 if one.mitigation == "jtt" else 1
        )

    return guess(condition) * median_low([seconds / guess(one) for one, seconds in made] or [1.0])


def is_quick(condition: Condition) -> bool:
    """Whether a training takes seconds: its image tower is frozen, and it is not a long one."""
    return bool(condition.frozen_tower) and condition.steps <= QUICK_STEPS


def train_both(first: Condition, second: Condition) -> str:
    """Train two conditions that are shown together, one after the other; as `train_condition` of
    the second."""
    train_condition(first)
    return train_condition(second)


def train_one(values: dict[str, Any], shared: bool) -> str:
    """`train_condition`, of the `as_dict` of a condition: nothing else crosses to a worker. Where
    the disk is `shared` with other machines, it reports more rarely, and waits for one that is at
    the same condition, or died at it.
    """
    report_every = REPORT_SHARED if shared else None
    while True:
        try:
            return train_condition(from_dict(values), report_every=report_every)
        except BusyError:
            if not shared:
                raise
            time.sleep(jobs.ALIVE_EVERY)


def import_training() -> None:
    """Import what a training needs: 270 MB, three seconds."""
    from vlcore.model import evaluate, inference, loop, recorder  # noqa: F401  # noqa: F401


def prepare_worker(condition: Condition) -> None:
    """Import, open and remember what trainings like a condition need, by one of one step that
    leaves nothing: three seconds that the first training of a worker would take longer. Only where
    its features come with its image set.
    """
    images = open_set(condition.data)
    if condition.frozen_tower and feature_store(images, condition.frozen_tower).bundle is not None:
        with TemporaryDirectory() as folder:
            _make(condition.replace(steps=1), Path(folder), jobs.Reporter(Path(folder)))


def train_condition(
    condition: Condition, fresh: bool = False, report_every: float | None = None
) -> str:
    """Train and publish a condition, unless it is there; what `vlcore.jobs.jobs.run` takes, returns
    and raises."""
    return jobs.run(
        condition.key, lambda out, report: _make(condition, out, report), fresh, report_every
    )


def _make(condition: Condition, out: Path, report: jobs.Reporter) -> dict[str, Any]:
    from vlcore.model import inference, loop
    from vlcore.model.device import choose_device
    from vlcore.model.recorder import SnapshotRecorder

    if condition.kind is ArtifactKind.IMPORTED:
        raise ConditionError(
            "Imported embeddings are brought, not trained; use `data import FILE.npz`."
        )
    if condition.kind is ArtifactKind.PRETRAINED:
        raise ConditionError(
            "A pretrained model is not trained here; use `python -m vlcore pretrained CHECKPOINT`."
        )
    sets = training_sets(parts_of(condition), condition)
    labels = Labels.of(condition, sets[0].images.grouping, sets[0].said)
    words = labels.vocabulary
    wordless = None if OBJECTIVES[condition.objective].uses_captions else "trained without captions"
    made: list[tuple[TrainingRecord, SnapshotRecorder, TrainedModel]] = []
    for number, training in enumerate(
        sets
    ):  # a small set's folds have a model each; other sets have one
        views, own = _views(condition, training, report), training.own
        recorder = SnapshotRecorder(condition, views, labels, report, number, len(sets))
        own_test = own_captions_of(training.images, views.rows["test"], condition)
        names = views.grouping.names
        groups = np.array(
            [names.index(group) for group in views.column("group", "train")], dtype=np.int64
        )
        tokens = words.tokens([caption.text for caption in training.said])
        data = loop.TrainingData(
            views.inputs["train"], own, tokens, len(words), training.said, groups, training.weights
        )
        if OBJECTIVES[condition.objective].places:
            said = captions_of("context", views.grouping)
            every = np.arange(len(training.table))
            placed = caption_index(
                "context", training.table, every, views.grouping, condition.data_seed
            )
            texts = words.tokens([caption.text for caption in said])
            data = replace(data, places=replace(data, own=placed, tokens=texts, said=said))
        step, record_at, device = recorder.step, recorder.record, choose_device()
        trained = loop.train(condition, data, device=device, on_step=step, on_snapshot=record_at)
        taken, first_fit, jtt = recorder.taken, trained.first_fit_step, trained.jtt_first_run
        record = TrainingRecord(
            condition, labels, views, own, own_test, taken, wordless, first_fit, jtt
        )
        made.append((record, recorder, trained))
    write_model(out, [record for record, *_ in made], report)
    _, recorder, trained = made[0]  # of the model that is shown
    recorder.write_snapshots(out)
    with (out / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "loss", "train_caption_accuracy"])
        writer.writerows(
            [p.step, f"{p.loss:.6f}", f"{p.train_caption_accuracy:.4f}"] for p in trained.history
        )
    inference.save(trained.model, words, out / "model.safetensors")
    parameters = sum(parameter.numel() for parameter in trained.model.parameters())
    took, device = round(trained.seconds, 2), str(trained.model.device)
    return {"training_seconds": took, "device": device, "parameters": parameters}


def _views(condition: Condition, training: TrainingSet, report: jobs.Reporter) -> Views:
    """What a job looks at: pixels, or features of the condition's frozen tower."""
    if not condition.frozen_tower:
        draw(training, report)
        return Views(training)
    report(stage="reading image features", now=True)
    return Views(
        training, features=feature_store(training.images, condition.frozen_tower), report=report
    )


def parts_of(condition: Condition) -> list[ImageSet]:
    """The image set of a condition, or its folds (see `vlcore.data.subset`); ConditionError where
    it needs pictures that a set in folds does not keep."""
    parts = subset.parts(open_set(condition.data, condition.data_version), condition.data_seed)
    if MITIGATIONS[condition.mitigation].new_layer and len(parts[0].rows("val")) == 0:
        what = f"{condition.data!r}, which is cut into folds"
        raise ConditionError(
            f"{condition.mitigation} is not applicable to {what}; choose another mitigation."
        )
    return parts


def check_pictures(condition: Condition) -> None:
    """Raise where the image set of a condition has not the pictures that it needs, there is no such
    set, or an edit cannot be made."""
    training_sets(parts_of(condition), condition)


def own_captions_of(
    images: ImageSet, rows: NDArray[np.int64], condition: Condition
) -> NDArray[np.int64]:
    """Index of each row's own caption among the distinct captions of a condition, (n,)."""
    return caption_index(
        condition.labels,
        images.table,
        rows,
        images.grouping,
        condition.data_seed,
        condition.template,
    )


def draw(training: TrainingSet, report: jobs.Reporter) -> None:
    """Draw what is missing of a set's splits and of the training pictures that are its own."""
    images = training.images
    held_out = (images.rows(split) for split in ("val", "probe", "test"))
    everything = np.unique(np.concatenate([training.rows, *held_out]))
    images.ensure_rendered(everything.tolist(), report.counted("drawing pictures", RENDERING))
    report(stage="reading pictures", now=True)
