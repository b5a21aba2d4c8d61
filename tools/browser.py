"""Models of the recipe `browser` (`vlcore.model.in_browser`), trained in Python."""

from collections.abc import Callable
from typing import Any

from vlcore.api.training import training_data
from vlcore.data.catalogue import open_set
from vlcore.data.feature_store import components
from vlcore.data.training_set import training_sets
from vlcore.experiment.condition import Condition
from vlcore.model.dual_encoder import Encoder
from vlcore.model.in_browser import on_components
from vlcore.model.loop import train_encoder
from vlcore.model.views import Labels


def browser_condition(data: str, bias: float, labels: str, seed: int, **changes: Any) -> Condition:
    """The condition of a model of this recipe; `changes` are of other fields, such as `edits`."""
    version = open_set(data).version
    usual = Condition(data, version, bias, labels, data_seed=seed, init_seed=seed)
    return on_components(usual).replace(**changes)


def train_browser(
    condition: Condition, on_checkpoint: Callable[[int, Encoder], None] = lambda _step, _model: None
) -> Encoder:
    """Train the model of a `browser_condition`; `on_checkpoint` as in `train_encoder`."""
    images = open_set(condition.data, condition.data_version)
    [training] = training_sets([images], condition)
    labels = Labels.from_condition(condition, images.grouping)
    features = components(images).values[training.rows]
    data = training_data(condition, training, labels, features)
    return train_encoder(
        condition, data, on_step=lambda _progress: None, on_checkpoint=on_checkpoint
    ).model
