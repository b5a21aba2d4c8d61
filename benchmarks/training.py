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
from vlcore.metrics.accuracy import Predictions, balanced_accuracy, logits, object_scores
from vlcore.metrics.estimate import Estimate
from vlcore.model import inference, loop
from vlcore.model.dual_encoder import Encoder
from vlcore.model.views import Labels


def train_here(condition: Condition, device: str = "cpu") -> tuple[loop.TrainedModel, float]:
    """Train a condition on a device; returns the model and the processor seconds."""
    images = open_set(condition.data)
    rows = training_rows(images, condition)
    labels = Labels.from_condition(condition, images.grouping)
    images.ensure_rendered(rows.tolist(), silent)
    data = loop.TrainingData(
        images.pixels(rows),
        caption_indices(images, rows, condition),
        labels.vocabulary.tokens(labels.texts),
        len(labels.vocabulary),
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


def held_out(
    condition: Condition, model: Encoder, rows: NDArray[np.int64] | None = None
) -> Estimate:
    """Balanced accuracy of a model on the held-out images, or on those in some rows of the image
    set."""
    images = open_set(condition.data)
    labels = Labels.from_condition(condition, images.grouping)
    test = images.rows("test") if rows is None else rows
    images.ensure_rendered(test.tolist(), silent)
    z = inference.embed_images(model, images.pixels(test))
    captions = inference.embed_captions(model, labels.vocabulary, labels.texts)
    scale_and_bias = inference.scale_and_bias(model)
    scores = object_scores(
        logits(z, captions, *scale_and_bias), labels.objects, images.grouping.objects
    )
    predicted = np.asarray(images.grouping.objects)[scores.argmax(axis=1)]
    table = images.table.iloc[test]
    right = predicted == table["object"].to_numpy()
    groups, scenes = table["group"].to_numpy(), table["scene"].to_numpy()
    return balanced_accuracy(Predictions(right, groups, scenes, images.grouping))
