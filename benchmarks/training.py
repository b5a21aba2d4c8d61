"""Training of a condition by our loop alone: nothing is read from or written to the disk of models.

Other benchmarks and tests/test_usual_training.py use it."""

import time

import numpy as np
from numpy.typing import NDArray

from vlcore.data.catalogue import open_set
from vlcore.data.subset import training_rows
from vlcore.data.training_set import caption_indices
from vlcore.experiment.condition import Condition
from vlcore.experiment.progress import silent
from vlcore.metrics.accuracy import GroupAccuracy, group_accuracy, logits, object_scores
from vlcore.model import inference, loop
from vlcore.model.dual_encoder import Encoder
from vlcore.model.views import Labels


def train_here(
    condition: Condition, device: str = "cpu", rows: NDArray[np.int64] | None = None
) -> tuple[loop.TrainedModel, float]:
    """Train a condition on a device, on its own training images or on some rows of the image set;
    returns the model and the processor seconds."""
    images = open_set(condition.data)
    if rows is None:
        rows = training_rows(images, condition)
    labels = Labels.from_condition(condition, images.grouping)
    images.ensure_rendered(rows.tolist(), silent)
    data = loop.TrainingData(
        images.pixels(rows),
        caption_indices(images, rows, condition),
        labels.vocabulary.tokens(labels.texts),
        len(labels.vocabulary),
        labels.captions,
    )
    started = time.process_time()
    trained = train_on(condition, data, device)
    return trained, time.process_time() - started


def train_on(
    condition: Condition, data: loop.TrainingData, device: str = "cpu"
) -> loop.TrainedModel:
    """Train on given images and captions, and report nothing."""
    return loop.train_encoder(
        condition, data, device=device, on_step=lambda _: None, on_checkpoint=lambda *_: None
    )


def score_objects(
    condition: Condition, model: Encoder, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Embeddings, (n, E), of rows of the image set by a model, and its scores of the objects,
    (n, objects)."""
    images = open_set(condition.data)
    labels = Labels.from_condition(condition, images.grouping)
    images.ensure_rendered(rows.tolist(), silent)
    z = inference.embed_images(model, images.pixels(rows))
    captions = inference.embed_captions(model, labels.vocabulary, labels.texts)
    scores = logits(z, captions, *inference.scale_and_bias(model), condition.logit)
    return z, object_scores(scores, labels.objects, images.grouping.objects)


def held_out(
    condition: Condition, model: Encoder, rows: NDArray[np.int64] | None = None
) -> GroupAccuracy:
    """Accuracy of a model on the held-out images, or on those in some rows of the image set."""
    images = open_set(condition.data)
    test = images.rows("test") if rows is None else rows
    _, scores = score_objects(condition, model, test)
    predicted = np.asarray(images.grouping.objects)[scores.argmax(axis=1)]
    table = images.table.iloc[test]
    right = predicted == table["object"].to_numpy()
    groups, scenes = table["group"].to_numpy(), table["scene"].to_numpy()
    return group_accuracy(right, groups, scenes, images.grouping)
