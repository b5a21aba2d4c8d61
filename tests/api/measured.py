"""Models as if they had been measured otherwise, or showed fewer pictures."""

import copy
import dataclasses
from typing import Any
from unittest.mock import Mock

import numpy as np

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.model_map import ModelMap
from vlcore.artifacts.store import Artifact
from vlcore.experiment.condition import Condition


def with_metrics(
    model: ModelMap, metrics: dict[str, Any], condition: Condition | None = None
) -> ModelMap:
    artifact = Artifact(model.artifact.key, model.artifact.path, model.artifact.manifest)
    vars(artifact).update(condition=condition or model.artifact.condition, metrics=metrics)
    return dataclasses.replace(model, artifact=artifact)


def measured_as(comparison: ComparedMaps, pane: int, metrics: dict[str, Any]) -> ComparedMaps:
    """The comparison, as if one of its models had been measured so."""
    models = list(comparison.models)
    models[pane] = with_metrics(models[pane], metrics)
    return dataclasses.replace(comparison, models=tuple(models))


def metrics_of(comparison: ComparedMaps, pane: int = 0) -> dict[str, Any]:
    return copy.deepcopy(comparison.models[pane].artifact.metrics)


def only(model: ModelMap, keep: np.ndarray | slice) -> ModelMap:
    """The map of some of its pictures alone."""
    arrays = {name: getattr(model, name)[keep] for name in ("rows", "z", "points", "scores")}
    return dataclasses.replace(
        model, n_held_out=int((np.arange(len(model.rows)) < model.n_held_out)[keep].sum()), **arrays
    )


def embedding(prompts: np.ndarray) -> Any:
    """A way to ask any model, whose prompts have these embeddings, (4, E)."""
    return Mock(return_value=Mock(embed_captions=Mock(return_value=prompts)))
