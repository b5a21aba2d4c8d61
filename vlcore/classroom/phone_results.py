"""What a phone tells of the two models that it trained, and how the server repeats some of them.

A phone posts predictions and a checksum of weights. The server counts accuracies itself, as it does
for its own models. Of every ten seed pairs it trains one again, which no phone can know before, and
says how many came out the same.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from vlcore.artifacts.store import Artifact
from vlcore.classroom.session import LessonError
from vlcore.data.imageset import ImageSet
from vlcore.experiment.condition import Condition
from vlcore.metrics.accuracy import Predictions, minority_accuracy
from vlcore.metrics.catalogue import PRIMARY
from vlcore.model.in_browser import WEIGHTS, rows_by_group

EVERY = 10  # seed pairs, of which one is repeated
# In 42 conditions Chromium and Python predicted the same object of each held-out image
# (`benchmarks.second_implementation`). Another browser may round an exponential otherwise.
SAME_PREDICTIONS = 0.99  # of the images
SAME_WEIGHTS = 0.01  # of a table's sum of squares


@dataclass(frozen=True)
class PhoneRun:
    """A model that a phone trained, with the attributes of an `Artifact` that analyses read.

    Attributes:
        condition: of the model.
        predicted: number of the object of each held-out image, group by group, (n,).
        checksum: sum of squares of each table of weights, as `WEIGHTS` names them.
        metrics: of its predictions, as an artifact has them.
    """

    condition: Condition
    predicted: NDArray[np.int8]
    checksum: tuple[float, ...]
    metrics: Mapping[str, Any]

    @property
    def key(self) -> str:
        return self.condition.key

    @property
    def manifest(self) -> dict[str, Any]:
        """Names the server's device: a phone and the server train the same model."""
        return {"device": "cpu"}


def phone_runs(
    result: str, pair: Sequence[Condition], images: ImageSet
) -> tuple[PhoneRun, PhoneRun]:
    """Read the result of a phone.

    Args:
        result: JSON, for each model of the pair ``predicted``, a digit for each held-out image, and
            ``checksum``.
        pair: conditions of the models.
        images: their image set.

    Raises:
        LessonError: The text lacks a model, a prediction, or a number of the checksum.
    """
    rows = rows_by_group(images, "test").ravel()
    try:
        first, second = (
            _read(told, condition, images, rows)
            for told, condition in zip(json.loads(result), pair, strict=True)
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LessonError(
            "The result of this phone cannot be read; let the server train the two models."
        ) from error
    return first, second


def _read(
    told: Mapping[str, Any], condition: Condition, images: ImageSet, rows: NDArray[np.int64]
) -> PhoneRun:
    digits, checksum = str(told["predicted"]), tuple(map(float, told["checksum"]))
    is_complete = len(digits) == len(rows) and set(digits) <= {"0", "1"}
    if not is_complete or len(checksum) != len(WEIGHTS) or not all(map(math.isfinite, checksum)):
        raise ValueError(digits)
    predicted = np.array(list(digits), np.int8)
    table = images.table.iloc[rows]
    objects = np.array(images.grouping.objects)[predicted]
    predictions = Predictions(
        objects == table["object"].to_numpy(),
        table["group"].to_numpy(),
        table["scene"].to_numpy(),
        images.grouping,
    )
    metrics = {"end": {PRIMARY: minority_accuracy(predictions).as_dict()}}
    return PhoneRun(condition, predicted, checksum, metrics)


def is_same(run: PhoneRun, repeated: Artifact, images: ImageSet) -> bool:
    """Whether the server's model is the one that a phone trained: by its predictions of held-out
    images, and by its weights."""
    rows = rows_by_group(images, "test").ravel()
    table = images.table.iloc[rows]
    objects = np.array(images.grouping.objects)[run.predicted]
    correct = repeated.embeddings.test_correct
    assert correct is not None, "a phone's model predicts objects"
    by_row = correct[np.searchsorted(repeated.embeddings.rows("test"), rows)]
    agreement = np.mean(by_row == (objects == table["object"].to_numpy()))
    weights = load_file(repeated.path / "model.safetensors")
    sums = [float((weights[name].astype(np.float64) ** 2).sum()) for name in WEIGHTS]
    return bool(agreement >= SAME_PREDICTIONS) and np.allclose(
        run.checksum, sums, rtol=SAME_WEIGHTS, atol=SAME_WEIGHTS
    )


def is_repeated(token: str, place: int) -> bool:
    """Whether the server repeats a seed pair: one of ten, which only the presenter's
    token tells."""
    ten, within = divmod(place, EVERY)
    digest = hashlib.sha256(f"{token} {ten}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % EVERY == within
