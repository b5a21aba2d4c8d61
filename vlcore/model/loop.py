"""Training loop: knows neither files nor pages, and reports through callbacks.

Two conditions of a comparison start from the same image weights and see the same images in the same
order under the same augmentation, for the same number of *steps* (never epochs: a biased set is
smaller, and epochs would give it less training). The number of captions differs with the label
style, so first fit is no common point in time. The recipes (`vlcore.experiment.options.RECIPES`)
were fixed at bias 0 on both label styles together: matrices are trained by Muon (Jordan et al.
2024), all else by AdamW, which fits captions in a sixth of the steps of AdamW alone.
"""

import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from vlcore.experiment.condition import Condition
from vlcore.experiment.options import OBJECTIVES, RECIPES
from vlcore.metrics.negatives import negative_shares
from vlcore.model.augment import DROPPED, View, augment, drop, pack_pixels
from vlcore.model.dual_encoder import Encoder, build, to_input
from vlcore.model.losses import (
    LossWeights,
    balanced_weights,
    batch_loss,
    nt_xent,
    siglip_bias,
    weigh_by,
)
from vlcore.model.optimizers import optimizers_of
from vlcore.model.streams import stream

FIT_ACCURACY = 0.99
CHECK_EVERY = 20  # steps between measurements of caption accuracy
CHECKPOINTS = 24
# Captions above which a step leaves out those that no training image has: no more than the images
# have a part in the loss, and a template can make 2,000. Fewer are all embedded, as they always
# were, for leaving rows out may change the last bits of the others.
EMBEDDED_CAPTIONS = 200


@dataclass(frozen=True)
class TrainingData:
    """The biased training set of a condition, in memory.

    Attributes:
        images: pixels, uint8 (n, S, S, 3), or the features of a frozen tower, float32 (n, F).
        caption_index: of each image's caption, (n,).
        tokens: the distinct captions of the label style, (K, L).
        words: size of the vocabulary.
        groups: number of each image's group, (n,); for mitigations that use groups.
        dropped: share of the features that a step leaves out.
    """

    images: NDArray[Any]
    caption_index: NDArray[np.int64]
    tokens: NDArray[np.int64]
    words: int
    groups: NDArray[np.int64] | None = None
    dropped: float = DROPPED

    def encoder(self, condition: Condition) -> Encoder:
        """The untrained encoder of a condition for these captions."""
        tokens = torch.from_numpy(self.tokens)
        return build(condition, self.words, len(tokens), tokens)

    def with_captions_of_its_images(self) -> "TrainingData":
        """The same without captions that no image has."""
        seen, index = np.unique(self.caption_index, return_inverse=True)
        return dataclasses.replace(self, tokens=self.tokens[seen], caption_index=index)


@dataclass(frozen=True)
class Progress:
    """State of the loop; `train_caption_accuracy` was measured last at a multiple of
    `CHECK_EVERY`."""

    step: int
    steps: int
    loss: float
    train_caption_accuracy: float
    first_fit_step: int | None


@dataclass(frozen=True)
class TrainedModel:
    """Result of a training.

    Attributes:
        first_fit_step: None when the captions were never fitted.
    """

    model: Encoder
    history: list[Progress]
    first_fit_step: int | None
    seconds: float


def train_encoder(
    condition: Condition,
    data: TrainingData,
    *,
    device: str = "cpu",
    on_step: Callable[[Progress], None],
    on_checkpoint: Callable[[int, Encoder], None],
) -> TrainedModel:
    """Train the encoder of a condition: the same weights each time on one machine and device.

    Args:
        condition: what to train.
        data: the training set.
        device: of torch.
        on_step: called after every step; may raise to stop.
        on_checkpoint: called with step and model, in evaluation mode, at the `checkpoint_steps`
            and at first fit.
    """
    # One thread: the order of a sum, and so its last bit, depends on how many share it. cuBLAS
    # needs the variable.
    torch.set_num_threads(1)
    threadpool_limits(1)  # those of numpy too, which would spin for each other between two steps
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_deterministic_debug_mode("error")
    # nothing reads it
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    started = time.perf_counter()
    numbers = np.zeros(len(data.caption_index), np.int64) if data.groups is None else data.groups
    groups = torch.from_numpy(numbers).to(device)
    weigh = weigh_by(condition.mitigation, groups)
    history: list[Progress] = []
    checkpoints = checkpoint_steps(condition.steps)
    for progress, model in _steps(condition, data, device, weigh, groups):
        if progress.step:
            history.append(progress)
            on_step(progress)
        if progress.step in (*checkpoints, progress.first_fit_step):
            on_checkpoint(progress.step, model.eval())
    seconds = time.perf_counter() - started
    return TrainedModel(model.eval(), history, progress.first_fit_step, seconds)


def _steps(
    condition: Condition, data: TrainingData, device: str, weigh: LossWeights, groups: Tensor
) -> Iterator[tuple[Progress, Encoder]]:
    """Train, and yield the model before the first step and after every one."""
    model = data.encoder(condition).to(device)
    images = torch.from_numpy(data.images).to(device)
    caption_index = torch.from_numpy(data.caption_index).to(device)
    tokens = torch.from_numpy(data.tokens).to(device)
    counts = torch.bincount(caption_index, minlength=len(tokens))
    batch_losses = BatchLosses(condition, model, data, device, weigh)
    recipe = RECIPES[condition.recipe]
    optimizers, schedules = optimizers_of(model, recipe, condition.steps)
    view: Callable[..., View]
    if model.image.reads_features:
        view = partial(drop, images, share=data.dropped)
    else:
        view = partial(augment, pack_pixels(images), window=recipe.window)
    batches = _batches(len(images), condition, groups)
    random = torch.Generator().manual_seed(stream(condition.init_seed, "augmentation"))
    accuracy = caption_accuracy(model, images, caption_index, tokens, counts)
    first_fit = None
    yield Progress(0, condition.steps, math.nan, accuracy, None), model
    for step in range(1, condition.steps + 1):
        if not model.training:  # the call takes 0.5 ms
            model.train()
        batch = next(batches).to(device)
        losses = batch_losses(partial(view, batch=batch, random=random), batch)  # (B,)
        loss = weigh(losses, batch)
        loss.backward()
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
        if step % CHECK_EVERY == 0 or step == condition.steps:
            accuracy = caption_accuracy(model.eval(), images, caption_index, tokens, counts)
            fits = accuracy >= FIT_ACCURACY and OBJECTIVES[condition.objective].uses_captions
            if first_fit is None and fits:
                first_fit = step
        yield Progress(step, condition.steps, loss.item(), accuracy, first_fit), model


class BatchLosses:
    """Losses of the images of a batch under the objective of a condition.

    Called with a function that augments the images of the batch, and their numbers, (B,), it
    returns a loss each, (B,).
    """

    def __init__(
        self,
        condition: Condition,
        model: Encoder,
        data: TrainingData,
        device: str,
        weigh: LossWeights,
    ) -> None:
        self.condition, self.model, self.weigh = condition, model, weigh
        self._half = torch.autocast(
            model.device.type, torch.bfloat16, enabled=model.device.type == "cuda"
        )
        if len(data.tokens) > EMBEDDED_CAPTIONS:
            data = data.with_captions_of_its_images()
        self._data = data
        self._tokens = torch.from_numpy(data.tokens).to(device)  # (K, L)
        self._index = torch.from_numpy(data.caption_index).to(device)  # (n,)
        if condition.objective == "siglip":
            counts = torch.bincount(self._index, minlength=len(self._tokens))
            model.bias.data.fill_(siglip_bias(counts.cpu()))
        self._mismatches = self._mismatch_shares()

    def __call__(self, view: Callable[[], View], batch: Tensor) -> Tensor:
        if self.condition.objective == "simclr":
            with self._half:
                first = self.model.image(*view())
                second = self.model.image(*view())
            return nt_xent(first.float(), second.float())
        if self.condition.objective == "captioner":
            with self._half:
                captions = self._tokens[self._index[batch]]
                return self.model.caption_loss(self.model.image.tokens(*view()), captions).float()
        return self._caption_losses(view(), batch)

    def _caption_losses(self, images: View, batch: Tensor) -> Tensor:
        """Losses of an objective that scores captions, (B,)."""
        condition = self.condition
        with self._half:
            z = self.model.image(*images)  # (B, E)
            t = self.model.text(self._tokens)  # (K, E)
        if condition.mitigation == "groupdro":
            self._mismatches = self._mismatch_shares()
        logits = self.model.logits(z.float(), t.float())  # (B, K), always in float32
        matching = self._index[batch]  # (B,)
        return batch_loss(condition.objective, logits, matching, self._mismatches[matching])

    def _mismatch_shares(self) -> Tensor:
        """How often each caption is met as a mismatch of another, (K, K)."""
        index = torch.from_numpy(self._data.caption_index)
        counts = torch.bincount(index, self.weigh.images.cpu(), len(self._tokens)).numpy()
        shares = negative_shares(self.condition.negatives, counts)
        return torch.from_numpy(shares).to(self._tokens.device)


@torch.inference_mode()
def _scores(model: Encoder, images: Tensor, tokens: Tensor) -> Tensor:
    return torch.cat([model.score(to_input(part), tokens) for part in images.split(256)])  # (n, K)


def caption_accuracy(
    model: Encoder, images: Tensor, caption_index: Tensor, tokens: Tensor, counts: Tensor
) -> float:
    """Share of training images whose own caption scores highest among those that occur."""
    scores = _scores(model, images, tokens).masked_fill(counts == 0, -torch.inf)
    return (scores.argmax(dim=1) == caption_index).float().mean().item()


def checkpoint_steps(steps: int) -> list[int]:
    """At most `CHECKPOINTS` log-spaced steps, from the untrained encoder to the end."""
    if steps == 0:
        return [0]
    spaced = np.geomspace(1, steps, CHECKPOINTS - 1)
    return sorted({0, steps, *(round(step) for step in spaced)})


def _batches(images: int, condition: Condition, groups: Tensor) -> Iterator[Tensor]:
    """Yield batches without end: from one permutation after the other, across their ends, or with
    replacement, so that every group is met equally often."""
    random = torch.Generator().manual_seed(stream(condition.init_seed, "image order"))
    if condition.mitigation == "resample":
        weights = balanced_weights(groups.cpu())
        while True:
            yield torch.multinomial(
                weights, condition.batch_size, replacement=True, generator=random
            )
    queue = torch.empty(0, dtype=torch.long)
    while True:
        while len(queue) < condition.batch_size:
            queue = torch.cat([queue, torch.randperm(images, generator=random)])
        yield queue[: condition.batch_size]
        queue = queue[condition.batch_size :]
