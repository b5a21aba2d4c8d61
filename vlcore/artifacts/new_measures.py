"""Measures that are newer than a model, computed from its stored predictions when they are read."""

from typing import Any

import numpy as np

from vlcore.artifacts.embeddings import StoredEmbeddings
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSetError
from vlcore.experiment.condition import Condition
from vlcore.metrics.accuracy import Predictions
from vlcore.metrics.catalogue import of_predictions
from vlcore.metrics.document import add_all

MOMENTS = ("untrained", "first_fit", "end")
NOT_STORED = "newer than this model, which stored its predictions at the end of training only"


def missing_measures(metrics: dict[str, Any]) -> set[str]:
    """Return the measures of predictions that a model has neither a value nor a reason for."""
    end = metrics.get("end")
    if end is None:  # of what is no model
        return set()
    return set(of_predictions()) - set(end) - set(end["absent"])


def with_missing(
    metrics: dict[str, Any], condition: Condition, embeddings: StoredEmbeddings
) -> dict[str, Any]:
    """Return the metrics of a model with its missing measures.

    What was stored stays as it is. A measure that cannot be computed has a reason instead.
    """
    missing = missing_measures(metrics)
    measured: dict[str, Any] = {"absent": {}}
    try:
        predictions = stored_predictions(condition, embeddings)
    except (ImageSetError, ValueError) as error:
        measured["absent"] = dict.fromkeys(missing, str(error))
    else:
        functions = of_predictions()
        add_all(measured, {}, {name: functions[name] for name in missing}, predictions)
    completed = dict(metrics)
    for moment in MOMENTS:
        stored = metrics.get(moment)
        if not stored:
            continue
        is_end = stored == metrics["end"]  # the first fit can be the last step
        added = measured if is_end else {"absent": dict.fromkeys(missing, NOT_STORED)}
        absent = stored["absent"] | added["absent"]
        completed[moment] = stored | added | {"absent": absent}
    return completed


def stored_predictions(condition: Condition, embeddings: StoredEmbeddings) -> Predictions:
    """Return the predictions of a model at the end of training, for all held-out images.

    Raises:
        ImageSetError: the image set cannot be opened.
        ValueError: the model predicts no object.
    """
    images = open_set(condition.data, condition.data_version)
    columns = {name: images.table[name].to_numpy(str) for name in ("object", "group", "scene")}
    if embeddings.fold_predictions is not None:
        rows, predicted = embeddings.fold_predictions
        correct = predicted == columns["object"][rows]
    elif embeddings.test_correct is not None:
        rows, correct = embeddings.rows("test"), embeddings.test_correct
    else:
        raise ValueError("this model predicts no object")
    groups, scenes = columns["group"][rows], columns["scene"][rows]
    return Predictions(np.asarray(correct), groups, scenes, images.grouping)
