"""Studies on disk that nobody trained, as the store publishes them, with numbers of a test's."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.numbers import estimate
from tests.study.frames import moments
from vlcore.artifacts import store
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import models_folder
from vlcore.experiment.grouping import SCENES

N = 2000


def measured(condition: Condition, moment: str) -> dict[str, Any]:
    """What a run measured: with descriptive labels bias costs more, and points lie more by
    context."""
    random = np.random.default_rng(
        [condition.init_seed, int(100 * condition.bias), len(condition.labels), len(moment)]
    )
    is_trained = moment != "untrained"
    is_descriptive = condition.labels == "descriptive"
    bias = condition.bias / (2 - condition.bias)
    minority = 0.93 - (0.8 if is_descriptive else 0.5) * bias if is_trained else 0.5
    minority -= 0.1 * bias * (moment == "first_fit")
    truth = {
        "minority_accuracy": minority,
        "majority_accuracy": 0.95 if is_trained else 0.5,
        "balanced_accuracy": (minority + 0.95) / 2 if is_trained else 0.5,
        "worst_group_accuracy": minority - 0.05,
        "context_flip_rate": 0.1 + 0.5 * bias,
        "object_flip_rate": 0.9 - 0.5 * bias,
        "background_reliance": (0.2 + 0.5 * bias + 0.1 * is_descriptive) if is_trained else 0.5,
        "probe_object": 0.95 - 0.2 * bias if is_trained else 0.6,
        "probe_context": 0.97,
        "silhouette_object": 0.5 * is_trained - 0.3 * bias,
        "silhouette_context": 0.5 + (0.3 * is_descriptive - 0.3) * is_trained + 0.3 * bias,
        "variance_object": 0.4 * is_trained,
        "variance_context": 0.5 - 0.2 * is_trained,
    }
    noisy = {
        name: float(np.clip(value + random.normal(0, 0.02), 0.0, 1.0))
        for name, value in truth.items()
    }
    metrics: dict[str, Any] = {name: estimate(value, N) for name, value in noisy.items()}
    groups = {
        name: float(np.clip(minority + random.normal(0, 0.02), 0, 1)) for name in SCENES.names
    }
    metrics["group_accuracy"] = {name: estimate(value, 500) for name, value in groups.items()}
    return {**metrics, "train_caption_accuracy": 1.0, "collapsed": False, "absent": {}}


def publish(conditions: Sequence[Condition], device: str = "cpu") -> list[store.Artifact]:
    return [
        _publish(condition, device)
        for condition in conditions
        if not store.published(condition.key)
    ]


def _publish(condition: Condition, device: str) -> store.Artifact:
    folder = models_folder() / ".work" / f"made-{condition.key}"
    folder.mkdir(parents=True)
    (folder / "condition.json").write_text(json.dumps(condition.as_dict()))
    metrics = moments(
        *(measured(condition, moment) for moment in ("end", "untrained", "first_fit"))
    )
    pixels = {"silhouette_object": estimate(0.01), "silhouette_context": estimate(0.4)}
    # No two devices give the same bits.
    (folder / "metrics.json").write_text(
        json.dumps({**metrics, "raw_pixels": pixels, "made_on": device})
    )
    # Of a version that did not say which were right.
    np.savez(folder / "embeddings.npz", test_rows=np.arange(4))
    return store.publish(condition.key, folder, {"seconds": 60.0, "device": device})
