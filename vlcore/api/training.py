"""Training of conditions: from images to a published artifact, of one or in worker processes.

Torch and scikit-learn are imported inside the functions: pages name the work, and must not wait for
what only a worker needs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median_low
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.data import subset
from vlcore.data.catalogue import open_set
from vlcore.data.feature_store import COMPONENTS, without_features
from vlcore.data.imageset import SPLITS, ImageSet
from vlcore.data.training_set import TrainingSet, caption_indices, training_sets
from vlcore.experiment.condition import Condition, ConditionError
from vlcore.experiment.errors import BusyError, LabError
from vlcore.experiment.options import MITIGATIONS, ArtifactKind
from vlcore.experiment.wording import job_title
from vlcore.jobs import jobs
from vlcore.model.artifact_files import write_model
from vlcore.model.image_features import feature_store
from vlcore.model.views import RENDERING, Labels, TrainingRecord, Views

if TYPE_CHECKING:
    from vlcore.model.loop import Progress, TrainingData

REPORT_SHARED = 5.0  # seconds between reports where hundreds of workers write to one file server
FEATURE_SECONDS = 0.02  # of an image; as long to draw it
QUICK_STEPS = 1000  # of a model on a frozen tower, two milliseconds each


def train_all(
    conditions: Sequence[Condition],
    pool: Executor,
    on_done: Callable[[str, str], None],
    *,
    shared: bool = False,
) -> dict[str, str]:
    """Train conditions in a pool of workers, the longest first; one that fails stops no other.

    An interrupt stops what is being trained after the current step, and nothing else begins.

    Args:
        conditions: to train, unless they are trained already.
        pool: of workers.
        on_done: told key and outcome of each as it ends.
        shared: whether other machines that share the disk train too, see `train_condition`.

    Returns:
        ``"trained"``, ``"cached"`` or ``"failed: "`` and the reason, by key.
    """
    outcomes: dict[str, str] = {}
    for condition in conditions:
        jobs.clear_last_failure(condition.key)
    keys = {
        pool.submit(train_condition, condition, shared=shared): condition.key
        for condition in longest_first(conditions)
    }
    try:
        for future in as_completed(keys):
            key, error = keys[future], future.exception()
            outcomes[key] = future.result() if error is None else f"failed: {error}"
            on_done(key, outcomes[key])
    except BaseException:
        # The last first: a worker whose training stops would begin the next of those that wait.
        for future, key in reversed(keys.items()):
            # Another machine's future counts as cancelled though its work goes on.
            if not future.done() and (
                not future.cancel() or jobs.view(key).state is jobs.State.RUNNING
            ):
                jobs.cancel(key, pending=True)
        raise
    return outcomes


def longest_first(conditions: Sequence[Condition]) -> list[Condition]:
    """Sort conditions by the images that they see, so that no core ends with a long one."""
    return sorted(conditions, key=_images_seen, reverse=True)


def _images_seen(condition: Condition) -> int:
    return condition.steps * condition.batch_size


def most_seconds(condition: Condition) -> float:
    """Limit in seconds of a training in a worker, many times the usual on one of two busy cores.

    A quarter of an hour to render and to measure, five folds at 30 ms an image (usual: 1), and five
    times what features of the pretrained tower take.
    """
    return 900 + 5 * (0.03 * _images_seen(condition) + feature_seconds(condition))


def likely_seconds(condition: Condition, known: Sequence[tuple[Condition, float]] = ()) -> float:
    """Estimate the seconds of a training in a worker: 30 ms a step of the usual batch.

    Args:
        condition: to be trained.
        known: trained conditions on the same set with their seconds; their lower median corrects
            the estimate, for the first one renders the images too.
    """
    ratios = [seconds / _estimated_seconds(trained) for trained, seconds in known]
    return _estimated_seconds(condition) * median_low(ratios or [1.0])


def _estimated_seconds(condition: Condition) -> float:
    if is_quick(condition):
        return 2.5 + 0.002 * condition.steps
    batches = max(1.0, condition.batch_size / 32)
    return 6.0 + 0.03 * condition.steps * batches


def feature_seconds(condition: Condition) -> float:
    """Estimate the seconds that a training first waits for features of the pretrained tower, which
    are computed once; 0 of a training that is refused."""
    if condition.frozen_tower != "pretrained":
        return 0.0
    rows: list[NDArray[np.int64]] = []
    with suppress(LabError):
        for training in training_sets(parts_of(condition), condition):
            held_out = (subset.measured_rows(training.images, split) for split in SPLITS[1:])
            rows += [training.rows, *held_out]
    if not rows:
        return 0.0
    images = open_set(condition.data, condition.data_version)
    if not images.about.get("recipe"):  # the map of an import shows all of its images
        rows = [np.arange(len(images.table))]
    missing = len(without_features(images, np.concatenate(rows)))
    return missing * FEATURE_SECONDS * (2 if images.about.get("recipe") else 1)


def is_quick(condition: Condition) -> bool:
    """Whether a training takes seconds where its features are stored: its image tower is frozen,
    and it has few steps."""
    return bool(condition.frozen_tower) and condition.steps <= QUICK_STEPS


def train_both(first: Condition, second: Condition) -> str:
    """Train two conditions that are shown together; returns the outcome of the second."""
    train_condition(first)
    return train_condition(second)


def import_training() -> None:
    """Import the modules of a training: 270 MB, three seconds."""
    from vlcore.model import evaluate, inference, loop, recorder  # noqa: F401


def prepare_worker(condition: Condition) -> None:
    """Warm up a worker by a training of one step that leaves nothing, which saves three seconds.

    Only where the features of the image set are bundled.
    """
    images = open_set(condition.data)
    if condition.frozen_tower and feature_store(images, condition.frozen_tower).bundle is not None:
        with TemporaryDirectory() as folder:
            _train(condition.replace(steps=1), Path(folder), jobs.Reporter(Path(folder)))


def train_condition(condition: Condition, fresh: bool = False, *, shared: bool = False) -> str:
    """Train and publish a condition, unless it is there, as `vlcore.jobs.jobs.run`.

    Where the disk is `shared` with other machines, it reports less often, and waits for a machine
    that trains the same condition.
    """
    report_every = REPORT_SHARED if shared else None
    while True:
        try:
            return jobs.run(
                condition.key, partial(_train, condition), fresh, report_every, job_title(condition)
            )
        except BusyError:
            if not shared:
                raise
            time.sleep(jobs.ALIVE_EVERY)


def _train(condition: Condition, out: Path, report: jobs.Reporter) -> dict[str, Any]:
    """Train the model of a condition, or one a fold, and write its files; returns facts."""
    from vlcore.model import inference, loop
    from vlcore.model.device import choose_device
    from vlcore.model.recorder import CheckpointRecorder

    _check_trained_here(condition)
    folds = training_sets(parts_of(condition), condition)
    labels = Labels.from_condition(condition, folds[0].images.grouping)
    records = []
    facts: dict[str, Any] = {}
    for number, training in enumerate(folds):
        views = _views(condition, training, report)
        recorder = CheckpointRecorder(condition, views, labels, report, number, len(folds))
        trained = loop.train_encoder(
            condition,
            training_data(condition, training, labels, views.inputs["train"]),
            device=choose_device(),
            on_step=recorder.on_step,
            on_checkpoint=recorder.on_checkpoint,
        )
        record = TrainingRecord(
            condition=condition,
            labels=labels,
            views=views,
            test_caption_index=caption_indices(training.images, views.rows["test"], condition),
            checkpoints=recorder.checkpoints,
            first_fit_step=trained.first_fit_step,
        )
        records.append(record)
        if number == 0:  # the model that is shown
            recorder.write_checkpoints(out)
            _write_history(out, trained.history)
            inference.save_encoder(trained.model, labels.vocabulary, out / "model.safetensors")
            facts = {
                "trained_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "training_seconds": round(trained.seconds, 2),
                "device": str(trained.model.device),
                "parameters": sum(weights.numel() for weights in trained.model.parameters()),
            }
    write_model(out, records, report)
    return facts


def _check_trained_here(condition: Condition) -> None:
    if condition.kind is ArtifactKind.PRETRAINED:
        raise ConditionError(
            "A pretrained model is not trained here; use `python -m vlcore pretrained CHECKPOINT`."
        )


def training_data(
    condition: Condition, training: TrainingSet, labels: Labels, inputs: NDArray[Any]
) -> TrainingData:
    """The training set as the loop takes it; `inputs` are its images as models read them."""
    from vlcore.model.augment import DROPPED
    from vlcore.model.loop import TrainingData

    # One component can be a whole cue. With 20% of them left out at each step, 45% of the rare
    # images of scenes are correct at 95% bias, with none 76%; on all 1,280 features it is 83% (10
    # seeds).
    is_built_in = training.images.is_built_in
    has_few_features = is_built_in and condition.frozen_tower.startswith(COMPONENTS)
    grouping = training.images.grouping
    numbers = {name: number for number, name in enumerate(grouping.names)}
    groups = [numbers[group] for group in training.table["group"]]
    return TrainingData(
        images=inputs,
        caption_index=training.caption_index,
        tokens=labels.vocabulary.tokens([caption.text for caption in training.captions]),
        words=len(labels.vocabulary),
        groups=np.array(groups, dtype=np.int64),
        dropped=0.0 if has_few_features else DROPPED,
    )


def _write_history(out: Path, history: Sequence[Progress]) -> None:
    """Write ``history.csv``: loss and caption accuracy by step."""
    rows = [(progress.step, progress.loss, progress.train_caption_accuracy) for progress in history]
    header = "step,loss,train_caption_accuracy"
    table = np.array(rows, np.float64).reshape(-1, 3)
    np.savetxt(out / "history.csv", table, "%d,%.6f,%.4f", header=header, comments="")


def _views(condition: Condition, training: TrainingSet, report: jobs.Reporter) -> Views:
    """The images of a job: pixels, or features of the condition's frozen tower."""
    if not condition.frozen_tower:
        render_missing(training, report)
        return Views(training)
    report(stage="reading image features", now=True)
    features = feature_store(training.images, condition.frozen_tower)
    progress = report.counted("computing image features", RENDERING)
    return Views(training, features=features, progress=progress)


def parts_of(condition: Condition) -> list[ImageSet]:
    """The image set of a condition, or its folds (see `vlcore.data.subset`).

    ConditionError where it needs images that a set in folds does not have.
    """
    parts = subset.split_parts(
        open_set(condition.data, condition.data_version), condition.data_seed
    )
    if MITIGATIONS[condition.mitigation].new_layer and len(parts[0].rows("val")) == 0:
        raise ConditionError(
            f"{condition.mitigation} is not applicable to {condition.data!r}, which is cut into"
            " folds; choose another mitigation."
        )
    return parts


def check_trainable(condition: Condition) -> None:
    """Raise where an image set is missing or lacks images, or an edit cannot be made."""
    training_sets(parts_of(condition), condition)


def render_missing(training: TrainingSet, report: jobs.Reporter) -> None:
    """Render the missing images of a set's splits and of its training images."""
    images = training.images
    held_out = (images.rows(split) for split in ("val", "probe", "test"))
    rows = np.unique(np.concatenate([training.rows, *held_out]))
    images.ensure_rendered(rows.tolist(), report.counted("drawing images", RENDERING))
    report(stage="reading images", now=True)
