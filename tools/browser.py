"""The recipe `browser`: a dual encoder that docs/try/trainer.js trains as Python does.

It is the lab's encoder on pretrained towers, of which an image is fewer and coarser numbers: 128
principal components of its features, a byte each. They are bundled with the lab, and those of a
set take half a megabyte.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.api.training import training_data
from vlcore.data.catalogue import open_set
from vlcore.data.feature_store import BUNDLED, PRETRAINED, bundle_name
from vlcore.data.imageset import ImageSet
from vlcore.data.training_set import training_sets
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import PRESETS
from vlcore.model.dual_encoder import Encoder
from vlcore.model.loop import train_encoder
from vlcore.model.views import Labels

MOST = 127  # of a number in a byte; the least is -127
# One component can be a whole cue. With 20% of them left out at each step, 45% of the rare images
# of scenes are correct at 95% bias, with none 76%; on all 1,280 features it is 83% (10 seeds).
DROPPED = 0.0


@dataclass(frozen=True, eq=False)
class InBytes:
    """A table of numbers, a byte each.

    Attributes:
        numbers: int8, (n, k).
        units: what 1 stands for in each column, (1, k), or in each row, (n, 1); float32.
    """

    numbers: NDArray[np.int8]
    units: NDArray[np.float32]

    @classmethod
    def of_columns(cls, values: NDArray[np.floating]) -> "InBytes":
        """A table whose columns have a unit each, (n, k)."""
        return cls._along(values, axis=0)

    @classmethod
    def of_rows(cls, values: NDArray[np.floating]) -> "InBytes":
        """A table whose rows have a unit each, (n, k)."""
        return cls._along(values, axis=1)

    @classmethod
    def _along(cls, values: NDArray[np.floating], axis: int) -> "InBytes":
        exact = values.astype(np.float32)
        units = np.abs(exact).max(axis=axis, keepdims=True) / np.float32(MOST)
        return cls(np.rint(exact / units).astype(np.int8), units)

    @property
    def values(self) -> NDArray[np.float32]:
        """The table as its bytes give it, (n, k)."""
        return self.numbers * self.units


def components(images: ImageSet) -> InBytes:
    """The principal components of the images of a built-in set, as they are bundled, (n, 128)."""
    with np.load(BUNDLED / bundle_name(images, PRETRAINED), allow_pickle=False) as bundle:
        return InBytes.of_columns(bundle["rows"])


def browser_condition(data: str, bias: float, labels: str, seed: int, **changes: Any) -> Condition:
    """The condition of a model of this recipe; `changes` are of other fields, such as `edits`."""
    images = open_set(data)
    numbers = components(images).numbers
    digest = hashlib.sha256(numbers.tobytes()).hexdigest()[:8]
    usual = Condition(
        data,
        images.version,
        bias,
        labels,
        architecture=f"own:components-{numbers.shape[1]}-{digest}",
        steps=PRESETS["live"],
        data_seed=seed,
        init_seed=seed,
        text="words",
    )
    return usual.replace(**changes)


def train_browser(
    condition: Condition, on_checkpoint: Callable[[int, Encoder], None] = lambda _step, _model: None
) -> Encoder:
    """Train the model of a `browser_condition`; `on_checkpoint` as in `train_encoder`."""
    images = open_set(condition.data, condition.data_version)
    [training] = training_sets([images], condition)
    labels = Labels.from_condition(condition, images.grouping)
    features = components(images).values[training.rows]
    data = replace(training_data(condition, training, labels, features), dropped=DROPPED)
    return train_encoder(
        condition, data, on_step=lambda _progress: None, on_checkpoint=on_checkpoint
    ).model
