"""Influence against finite differences, and against training without each image."""

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import bootstrap, spearmanr

from vlcore.experiment.captions import captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.model import loop
from vlcore.model.dual_encoder import Encoder, to_input
from vlcore.model.influence import Replay, influences, object_margins, replay
from vlcore.model.loop import BatchLosses, TrainingData
from vlcore.model.losses import LossWeights, weigh_by
from vlcore.model.optimizers import optimizers_of

from .builders import WORDS, ignore, pictures

SHORT = captions_of("undescriptive", SCENES)
TOKENS = WORDS.tokens([caption.text for caption in SHORT])
PIXELS = Condition(steps=6, batch_size=8, width=16, embedding=8)
RATE = 0.002  # of gradient descent
STEP = 1e-4  # length of a step of the finite differences
FEATURES = PIXELS.with_towers("pretrained").replace(text="transformer")


def biased(n: int = 24, features: bool = True, seed: int = 0) -> TrainingData:
    """Two objects in two backgrounds, one in eight on the other one's; noise around them."""
    random = np.random.default_rng(seed)
    objects = np.arange(n) % 2
    contexts = np.where(np.arange(n) % 8 < 2, 1 - objects, objects)
    images = pictures(n)
    if features:
        images = random.normal(size=(n, 1280)).astype(np.float32)
        images[:, :20] += 2 * objects[:, None]
        images[:, 20:60] += 2 * contexts[:, None]
    order = [caption.object for caption in SHORT]
    index = np.array([order.index(SCENES.objects[number]) for number in objects])
    return TrainingData(images, index, TOKENS, len(WORDS))


def asked(data: TrainingData, n: int = 2) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Images like the first ones, asked for the first caption's object."""
    is_named = np.array([caption.object == SHORT[0].object for caption in SHORT])
    return data.images[:n] // 2, np.tile(is_named, (n, 1))


def margin(model: Encoder, images: NDArray[np.float32], named: NDArray[np.bool_]) -> torch.Tensor:
    inputs = to_input(torch.from_numpy(images)).to(model.tau.dtype)
    tokens = torch.from_numpy(TOKENS[: named.shape[1]])
    return object_margins(model, inputs, tokens, torch.from_numpy(named)).mean()


def one_checkpoint(condition: Condition, data: TrainingData) -> Replay:
    """The last checkpoint alone, with a rate of 1."""
    replayed = replay(condition, data)
    return dataclasses.replace(replayed, weights=replayed.weights[-1:], rates=(1.0,))


@pytest.mark.parametrize("objective", ["pairwise_bce", "infonce", "siglip"])
@pytest.mark.parametrize("condition", [PIXELS, FEATURES], ids=["pixels", "features"])
def test_it_is_what_a_step_on_one_image_changes(condition: Condition, objective: str) -> None:
    """By finite differences: the margin after a small step down the gradient of one image's loss,
    and after as small a step up."""
    condition = condition.replace(objective=objective)
    data = biased(features=bool(condition.frozen_tower))
    images, named = asked(data)
    replayed = one_checkpoint(condition, data)
    found = influences(replayed, images, named) * len(data.images)
    model = replayed.data.encoder(replayed.condition).eval()
    model.load_state_dict(replayed.final.state_dict())
    losses, moved = loss_of(condition, model, data), []
    for number in (0, 1, 7):
        model.zero_grad()
        losses[number].backward(retain_graph=True)
        size = torch.stack([value.grad.norm() for value in model.parameters()]).norm().item()
        at = [margin(stepped(model, sign * STEP / size), images, named).item() for sign in (-1, 1)]
        moved.append((at[0] - at[1]) / (2 * STEP) * size)
    assert found[[0, 1, 7]] == pytest.approx(moved, rel=0.01, abs=1e-3 * np.abs(found).max())


def stepped(model: Encoder, step: float) -> Encoder:
    """A model a step up its gradient, in double precision."""
    other = copy.deepcopy(model).double()
    with torch.no_grad():
        for value, own in zip(other.parameters(), model.parameters(), strict=True):
            value.add_(step * own.grad.double())
    return other


def loss_of(condition: Condition, model: Encoder, data: TrainingData) -> torch.Tensor:
    """The loss of each image as the loop has it, all of them in a batch."""
    count = len(data.images)
    weigh = weigh_by("none", torch.zeros(count, dtype=torch.long))
    bias = model.bias.detach().clone()
    batch_losses = BatchLosses(condition, model, data, "cpu", weigh)
    model.bias.data.copy_(bias)  # siglip begins with another one
    images = to_input(torch.from_numpy(data.images))
    return batch_losses(lambda: (images, (0, 0)), torch.arange(count))


@pytest.fixture
def descent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train by plain gradient descent, as TracIn supposes."""

    def optimizers(model: Encoder, *settings: Any) -> tuple[list[Any], list[Any]]:
        _, schedules = optimizers_of(model, *settings)
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
        rate = schedules[0].lr_lambdas[0]
        return [optimizer], [torch.optim.lr_scheduler.LambdaLR(optimizer, rate)]

    monkeypatch.setattr(loop, "optimizers_of", optimizers)


@pytest.mark.trains
@pytest.mark.usefixtures("descent")
def test_it_ranks_images_as_training_without_each_of_them_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    condition = FEATURES.replace(steps=24, batch_size=24)
    data = dataclasses.replace(biased(24), dropped=0.0)
    images, named = asked(data, 4)
    found = influences(replay(condition, data), images, named)

    def margin_with(weights: NDArray[np.float64]) -> float:
        mean_one = torch.from_numpy(weights / weights.mean()).float()
        monkeypatch.setattr(loop, "weigh_by", lambda *_: LossWeights(mean_one))
        trained = loop.train_encoder(condition, data, on_step=ignore, on_checkpoint=ignore)
        with torch.no_grad():
            return margin(trained.model, images, named).item()

    weights = np.ones(len(data.images))
    every, lost = margin_with(weights), []
    for number in range(len(weights)):
        without = weights.copy()
        without[number] = 0  # the same batches, but for this image
        lost.append(every - margin_with(without))
    interval = bootstrap(
        (found, np.array(lost)),
        lambda found, lost: spearmanr(found, lost).statistic,
        paired=True,
        vectorized=False,
        method="percentile",
        rng=0,
    ).confidence_interval
    assert interval.low > 0.2
    assert np.corrcoef(found, lost)[0, 1] > 0.9


def test_a_replay_ends_where_the_training_did() -> None:
    data = biased()
    replayed = replay(FEATURES, data)
    trained = loop.train_encoder(FEATURES, data, on_step=ignore, on_checkpoint=ignore)
    for name, value in trained.model.named_parameters():
        assert torch.equal(value, replayed.weights[-1][name])
    assert replayed.rates[-1] == 0
    assert sum(replayed.rates) > 0
