"""Words, pictures and short trainings that tests of the learning code share."""

from typing import Any

import numpy as np
import torch

from vlcore.experiment.captions import distinct_captions
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.vocabulary import Vocabulary
from vlcore.model.dual_encoder import Encoder, to_input
from vlcore.model.loop import TrainedModel, TrainingData, train_encoder

WORDS = Vocabulary.from_grouping(SCENES)
CAPTIONS = distinct_captions("descriptive", SCENES)
TOKENS = torch.from_numpy(WORDS.tokens(CAPTIONS))


def pictures(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 64, 64, 3), dtype=np.uint8)


def inputs(n: int, seed: int = 0) -> torch.Tensor:
    return to_input(torch.from_numpy(pictures(n, seed)))


def readable(model: Encoder, n: int, seed: int = 0) -> np.ndarray:
    """Made-up images as a model reads them: pixels, or features of its frozen tower."""
    if not model.image.reads_features:
        return pictures(n, seed)
    return np.random.default_rng(seed).normal(size=(n, model.config.features)).astype(np.float32)


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Whether two modules hold the same numbers under the same names, bit for bit."""
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(
        name == name2 and torch.equal(value, value2) for (name, value), (name2, value2) in pairs
    )


def ignore(*_news: Any) -> None:
    """A callback that does nothing."""


def run(condition: Condition, data: TrainingData, **options: Any) -> TrainedModel:
    """Train without listening, unless callbacks are given."""
    return train_encoder(condition, data, **{"on_step": ignore, "on_checkpoint": ignore, **options})
