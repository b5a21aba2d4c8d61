"""The training loop, which knows neither files nor pages: progress leaves it through callbacks.

Two conditions of a comparison start from the same image weights and see the same images in the same order under the
same augmentation, for the same number of *steps* (never epochs: a biased set is smaller, and epochs would give it less
training). How many captions there are to tell apart differs with the label style, so first fit is no common point in
time. The recipe was fixed at bias 0 on both label styles together: matrices are trained by Muon (Jordan et al. 2024),
everything else by AdamW, which fits the captions in about a sixth of the steps that AdamW alone needs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from vlcore.core.captions import Caption
from vlcore.core.condition import Condition, ConditionError
from vlcore.core.options import OBJECTIVES
from vlcore.learning import mitigation
from vlcore.learning.losses import batch_loss, negative_weights, nt_xent, siglip_bias
from vlcore.learning.model import Captioner, DualEncoder, Encoder, build, stream, to_input

MATRIX_RATE, OTHER_RATE, WEIGHT_DECAY = 0.02, 2e-3, 0.05
WARM_UP = 30  # steps
FIT_ACCURACY = 0.99
CHECK_EVERY = 20  # steps between looks at the training captions
SHIFT = 4  # pixels, reflected at the border: 6 % of 64
ZOOM = 1.2  # in and out, about the middle
JITTER = 0.15  # brightness and contrast, the same for all three channels: colour is the context cue and stays


@dataclass(frozen=True)
class TrainingData:
    """The biased training set of a condition, in memory.

    Attributes:
        pixels: uint8 (n, S, S, 3).
        own: index of each image's caption, int (n,).
        tokens: the distinct captions of the label style, int (K, L).
        words: size of the vocabulary.
        said: what the distinct captions speak of, K; needed by counterfactual negatives and by jtt.
        groups: number of each image's group, int (n,); needed by mitigations that use groups.
    """

    pixels: NDArray[np.uint8]
    own: NDArray[np.int64]
    tokens: NDArray[np.int64]
    words: int
    said: tuple[Caption, ...] = ()
    groups: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Progress:
    """Where the loop is. `train_caption_accuracy` is that of the latest look; `stage` says which training this is."""

    step: int
    steps: int
    loss: float
    train_caption_accuracy: float
    first_fit_step: int | None
    stage: str = "training"


@dataclass(frozen=True)
class TrainedModel:
    """What training leaves behind. `first_fit_step` is None when the captions were never fitted.

    `jtt_first_run` is what jtt's first training left: its step that counts, and which images were wrong then.
    """

    model: Encoder
    history: list[Progress]
    first_fit_step: int | None
    seconds: float
    jtt_first_run: tuple[int, NDArray[np.bool_]] | None = None


OnStep = Callable[[Progress], None]
OnSnapshot = Callable[[int, Encoder], None]


def train(
    condition: Condition, data: TrainingData, *, device: str = "cpu", on_step: OnStep, on_snapshot: OnSnapshot
) -> TrainedModel:
    """Train the dual encoder of a condition.

    Deterministic: on one machine and device the same condition gives the same weights, bit for bit.

    Args:
        condition: what to train.
        data: its training set.
        device: ``cpu``, ``cuda`` or ``mps``.
        on_step: called after every step; may raise to stop.
        on_snapshot: called with the model, in evaluation mode, at the `snapshot_steps` and at first fit.

    Raises:
        ConditionError: when jtt finds no pictures to weigh.
    """
    # One thread: the order of a sum, and so its last bit, depends on how many share it. cuBLAS needs the variable.
    torch.set_num_threads(1)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    started = time.perf_counter()
    groups = torch.from_numpy(np.zeros(len(data.own), np.int64) if data.groups is None else data.groups).to(device)
    example_weights, first_run = mitigation.weigh_by(condition.mitigation, groups), None
    if condition.mitigation == "jtt" and condition.steps:
        first_run = _first_errors(condition, data, device, on_step)
        example_weights = mitigation.weighted(mitigation.jtt_weights(torch.from_numpy(first_run[1]).to(device)))
    steps = snapshot_steps(condition.steps)
    model, history, first_fit = _loop(condition, data, device, example_weights, groups, steps, on_step, on_snapshot)
    return TrainedModel(model, history, first_fit, time.perf_counter() - started, first_run)


def _loop(
    condition: Condition,
    data: TrainingData,
    device: str,
    example_weights: mitigation.Weigh,
    groups: Tensor,
    snapshot_steps: Iterable[int],
    on_step: OnStep,
    on_snapshot: OnSnapshot,
) -> tuple[Encoder, list[Progress], int | None]:
    model = build(condition, data.words, len(data.tokens)).to(device)
    pixels, own = torch.from_numpy(data.pixels).to(device), torch.from_numpy(data.own).to(device)
    tokens, packed = torch.from_numpy(data.tokens).to(device), pack(pixels)
    counts = torch.bincount(own, minlength=len(tokens))
    loss_of = _loss(condition, model, data, tokens, counts)
    optimizers, schedules = _optimizers(model, condition.steps)
    batches = _batches(len(pixels), condition, groups)
    random = torch.Generator().manual_seed(stream(condition.init_seed, "augmentation"))
    snapshots = set(snapshot_steps)
    history: list[Progress] = []
    accuracy, first_fit = caption_accuracy(model, pixels, own, tokens, counts), None
    on_snapshot(0, model.eval())
    for step in range(1, condition.steps + 1):
        model.train()
        batch = next(batches).to(device)
        losses = loss_of(partial(augment, packed, batch, random), own[batch])  # (B,)
        loss = example_weights(losses, batch)
        loss.backward()
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
        if step % CHECK_EVERY == 0 or step == condition.steps:
            accuracy = caption_accuracy(model.eval(), pixels, own, tokens, counts)
            if first_fit is None and accuracy >= FIT_ACCURACY and OBJECTIVES[condition.objective].uses_captions:
                first_fit = step
                snapshots.add(step)
        history.append(Progress(step, condition.steps, loss.item(), accuracy, first_fit))
        on_step(history[-1])
        if step in snapshots:
            on_snapshot(step, model.eval())
    return model.eval(), history, first_fit


Augmented = Callable[[], Tensor]  # gives the batch's pictures under an augmentation of their own, (B, 3, S, S)


def _loss(
    condition: Condition, model: Encoder, data: TrainingData, tokens: Tensor, counts: Tensor
) -> Callable[[Augmented, Tensor], Tensor]:
    """The loss of a batch, from its pictures and the index of each one's caption, (B,)."""
    device = tokens.device
    half = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    shuffled = condition.negatives == "shuffle_unfiltered"
    if not shuffled:
        table = negative_weights(condition.negatives, counts.cpu(), data.said).to(device)
    random = torch.Generator().manual_seed(stream(condition.init_seed, "negatives"))
    if condition.objective == "siglip" and isinstance(model, DualEncoder):
        model.bias.data.fill_(siglip_bias(counts.cpu()))

    def captions(view: Augmented, own: Tensor) -> Tensor:
        assert isinstance(model, DualEncoder)
        images = view()
        with half:
            z, t = model.image(images), model.text(tokens)  # (B, E), (K, E)
        logits = model.logits(z.float(), t.float())  # (B, K), always in float32
        if shuffled:
            negatives = F.one_hot(own[torch.randperm(len(own), generator=random).to(device)], len(tokens)).float()
        else:
            negatives = table[own]
        return batch_loss(condition.objective, logits, own, negatives)

    def two_views(view: Augmented, _own: Tensor) -> Tensor:
        with half:
            one, other = model.image(view()), model.image(view())
        return nt_xent(one.float(), other.float())

    def words(view: Augmented, own: Tensor) -> Tensor:
        assert isinstance(model, Captioner)
        images = view()
        with half:
            return model.own_loss(images, tokens[own]).float()

    return {"simclr": two_views, "captioner": words}.get(condition.objective, captions)


def _first_errors(
    condition: Condition, data: TrainingData, device: str, on_step: OnStep
) -> tuple[int, NDArray[np.bool_]]:
    """The first of jtt's two trainings: the latest step at which a plain training still got some pictures wrong, and
    which, (n,): those whose best caption speaks of another object than their own (of another caption, where captions
    name no object). It trains until fewer than `vlcore.learning.mitigation.JTT_WRONG` are, or for all steps."""
    low, high = mitigation.JTT_WRONG
    names = [said.object or said.text for said in data.said] or [str(k) for k in range(len(data.tokens))]
    meaning = np.unique(names, return_inverse=True)[1]
    pixels, tokens = torch.from_numpy(data.pixels).to(device), torch.from_numpy(data.tokens).to(device)
    found: list[tuple[int, NDArray[np.bool_]]] = []

    def tell(progress: Progress) -> None:
        on_step(dataclasses.replace(progress, first_fit_step=None, stage="first training"))

    def judge(step: int, model: Encoder) -> None:
        said = torch.cat([model.score(to_input(part), tokens).argmax(dim=1) for part in pixels.split(256)])
        wrong = meaning[said.cpu().numpy()] != meaning[data.own]
        if step and low <= wrong.mean() <= high:
            found.append((step, wrong))
        if step and wrong.mean() < low:
            raise _EnoughError

    plain, steps = condition.replace(mitigation="none"), range(0, condition.steps + 1, CHECK_EVERY)
    groups = torch.zeros(len(data.own), dtype=torch.long)
    with contextlib.suppress(_EnoughError):
        _loop(plain, data, device, mitigation.average, groups, steps, tell, torch.inference_mode()(judge))
    if not found:
        raise ConditionError(
            f"jtt is not applicable: at no look did the first training get between {low * 100:.0f} and "
            f"{high * 100:.0f} % of its pictures wrong; choose more steps, more pictures or another mitigation."
        )
    return found[-1]


class _EnoughError(Exception):
    """Ends jtt's first training."""


@torch.inference_mode()
def caption_accuracy(model: Encoder, pixels: Tensor, own: Tensor, tokens: Tensor, counts: Tensor) -> float:
    """Share of training images whose own caption scores highest among the captions that occur in training."""
    scores = torch.cat([model.score(to_input(part), tokens) for part in pixels.split(256)])
    scores = scores.masked_fill(counts == 0, -torch.inf)  # (n, K)
    return (scores.argmax(dim=1) == own).float().mean().item()


def snapshot_steps(steps: int, number: int = 24) -> list[int]:
    """Log-spaced steps from the untrained encoder to the end, at most `number`, both ends included."""
    if steps == 0:
        return [0]
    return sorted({0, steps, *(round(step) for step in np.geomspace(1, steps, number - 1))})


def pack(pixels: Tensor) -> Tensor:
    """Each pixel as one number, so that a gather moves whole pixels: uint8 (n, S, S, 3) to int32 (n, S * S)."""
    return F.pad(pixels, (0, 1)).view(torch.int32).flatten(1)


def augment(packed: Tensor, batch: Tensor, random: torch.Generator) -> Tensor:
    """Flip, zoom, shift, brightness and contrast of a batch; never colour. int32 (n, S * S) and (B,) to (B, 3, S, S).

    What comes out is `to_input` of the moved pixels, times ``1 + gain``, plus ``offset``. The draws come from the
    processor's generator whatever the device, so that devices see the same pictures.
    """
    count, size, device = len(batch), math.isqrt(packed.shape[1]), packed.device
    flip = torch.rand(count, generator=random).to(device) < 0.5
    shift = torch.randint(-SHIFT, SHIFT + 1, (2, count, 1), generator=random).to(device)
    gain, offset = torch.empty(2, count, 1, 1, 1).uniform_(-JITTER, JITTER, generator=random).to(device)
    zoom = torch.empty(count, 1).uniform_(1 / ZOOM, ZOOM, generator=random).to(device)
    middle = (size - 1) / 2
    along = ((torch.arange(size, device=device) - middle) * zoom + middle).round().long()  # (B, S)
    rows = _reflect(along + shift[0], size)
    columns = _reflect(torch.where(flip[:, None], along.flip(1), along) + shift[1], size)
    places = (rows[:, :, None] * size + columns[:, None, :]).flatten(1)  # (B, S * S)
    moved = packed[batch].gather(1, places).view(torch.uint8).view(count, size, size, 4)[..., :3]
    images = moved.float().mul_((1 + gain) / 127.5).add_(offset - (1 + gain))  # one pass each over a large array
    return images.permute(0, 3, 1, 2)


def _reflect(index: Tensor, size: int) -> Tensor:
    """Indices beyond the border, reflected at it."""
    index = index.abs()
    return torch.where(index >= size, 2 * (size - 1) - index, index)


def _batches(images: int, condition: Condition, groups: Tensor) -> Iterator[Tensor]:
    """Endless batches: one permutation after the other, cut without regard to where one ends."""
    random = torch.Generator().manual_seed(stream(condition.init_seed, "image order"))
    if condition.mitigation == "resample":
        yield from mitigation.balanced_batches(groups, condition.batch_size, random)
    queue = torch.empty(0, dtype=torch.long)
    while True:
        while len(queue) < condition.batch_size:
            queue = torch.cat([queue, torch.randperm(images, generator=random)])
        yield queue[: condition.batch_size]
        queue = queue[condition.batch_size :]


def _optimizers(
    model: nn.Module, steps: int
) -> tuple[list[torch.optim.Optimizer], list[torch.optim.lr_scheduler.LambdaLR]]:
    """Muon for the matrices inside the blocks, AdamW for all else; warm-up, then a cosine to zero."""
    matrices = [value for name, value in model.named_parameters() if value.ndim == 2 and "blocks" in name]
    others = [value for name, value in model.named_parameters() if value.ndim != 2 or "blocks" not in name]
    optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(others, lr=OTHER_RATE, weight_decay=WEIGHT_DECAY)]
    if matrices:  # a frozen image tower without a text tower has none
        optimizers.insert(0, torch.optim.Muon(matrices, lr=MATRIX_RATE, weight_decay=WEIGHT_DECAY))

    def rate(step: int) -> float:
        return min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / max(steps, 1)))

    return optimizers, [torch.optim.lr_scheduler.LambdaLR(optimizer, rate) for optimizer in optimizers]
