"""The training loop, which knows neither files nor pages: progress leaves it through callbacks.

Two conditions of a comparison start from the same image weights and see the same images in the same
order under the same augmentation, for the same number of *steps* (never epochs: a biased set is
smaller, and epochs would give it less training). How many captions there are to tell apart differs
with the label style, so first fit is no common point in time. The recipes
(`vlcore.experiment.options.RECIPES`) were fixed at bias 0 on both label styles together: matrices
are trained by Muon (Jordan et al. 2024), all else by AdamW, which fits captions in a sixth of the
steps of AdamW alone.

700 steps of the fast recipe take 18 s of one core (Intel Xeon, 2.8 GHz), 600 of the classic one 58
s. Where nothing is biased, the fast one names 95 % (94 to 96) of the held-out pictures right with
short labels and 93 % (91 to 95) with descriptive ones, the classic one 92 % (91 to 94) and 91 % (90
to 92): set ``scenes``, n = 6 and 7 blocks of seeds.
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
from torch.nn import functional as F

from vlcore.experiment.captions import Caption
from vlcore.experiment.condition import Condition, ConditionError
from vlcore.experiment.options import OBJECTIVES, RECIPES
from vlcore.metrics.negatives import negative_shares
from vlcore.model.augment import View, augment, drop, pack
from vlcore.model.dual_encoder import Encoder, build, stream, to_input
from vlcore.model.losses import Weigh, balanced_weights, batch_loss, nt_xent, siglip_bias, weigh_by
from vlcore.model.optimizers import optimizers_of

JTT_WRONG = (0.02, 0.20)  # share of training pictures that the first training must still get wrong
FIT_ACCURACY = 0.99
CHECK_EVERY = 20  # steps between looks at the training captions


@dataclass(frozen=True)
class TrainingData:
    """The biased training set of a condition, in memory."""

    images: NDArray[
        Any
    ]  # pixels, uint8 (n, S, S, 3), or the features of a frozen tower, float32 (n, F)
    own: NDArray[np.int64]  # index of each image's caption, (n,)
    tokens: NDArray[np.int64]  # the distinct captions of the label style, (K, L)
    words: int  # size of the vocabulary
    said: tuple[
        Caption, ...
    ] = ()  # what the distinct captions speak of, K; for counterfactual negatives and jtt
    groups: NDArray[np.int64] | None = (
        None  # number of each image's group, (n,); for mitigations that use groups
    )
    weights: NDArray[np.float64] | None = (
        None  # how much each image counts, (n,); for mitigations that do not weigh
    )
    places: "TrainingData | None" = (
        None  # the same with captions of the place alone, which two_part learns too
    )


@dataclass(frozen=True)
class Progress:
    """Where the loop is. `train_caption_accuracy` is that of the latest look; `stage` says which
    training this is."""

    step: int
    steps: int
    loss: float
    train_caption_accuracy: float
    first_fit_step: int | None
    stage: str = "training"


@dataclass(frozen=True)
class TrainedModel:
    """What training leaves behind."""

    model: Encoder
    history: list[Progress]
    first_fit_step: int | None  # None when the captions were never fitted
    seconds: float
    jtt_first_run: tuple[int, NDArray[np.bool_]] | None = (
        None  # its step that counts, and which images were wrong then
    )


def train(
    condition: Condition,
    data: TrainingData,
    *,
    device: str = "cpu",
    on_step: Callable[[Progress], None],
    on_snapshot: Callable[[int, Encoder], None],
) -> TrainedModel:
    """Train the encoder of a condition: on one machine and device the same weights each time, bit
    for bit. `on_step` is called after every step and may raise to stop; `on_snapshot` with the
    model, in evaluation mode, at the `snapshot_steps` and at first fit. ConditionError where jtt
    finds no pictures to weigh."""
    # One thread: the order of a sum, and so its last bit, depends on how many share it. cuBLAS
    # needs the variable.
    torch.set_num_threads(1)
    threadpool_limits(1)  # those of numpy too, which would spin for each other between two steps
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing reads it
    started = time.perf_counter()
    groups = torch.from_numpy(
        np.zeros(len(data.own), np.int64) if data.groups is None else data.groups
    ).to(device)
    first_run = wrong = None
    if condition.mitigation == "jtt" and condition.steps:
        first_run = _first_errors(condition, data, device, on_step)
        wrong = torch.from_numpy(first_run[1]).to(device)
    weights = None if data.weights is None else torch.from_numpy(data.weights).to(device)
    weigh = weigh_by(condition.mitigation, groups, wrong, weights)
    history: list[Progress] = []
    snapshots = snapshot_steps(condition.steps)
    for progress, model in _steps(condition, data, device, weigh, groups):
        if progress.step:
            history.append(progress)
            on_step(progress)
        if progress.step in (*snapshots, progress.first_fit_step):
            on_snapshot(progress.step, model.eval())
    return TrainedModel(
        model.eval(), history, progress.first_fit_step, time.perf_counter() - started, first_run
    )


def _steps(
    condition: Condition, data: TrainingData, device: str, weigh: Weigh, groups: Tensor
) -> Iterator[tuple[Progress, Encoder]]:
    """Train, and stop to be looked at: untrained, and after every step."""
    sides = [side.tokens for side in (data, data.places) if side]
    model = build(
        condition, data.words, sum(map(len, sides)), torch.from_numpy(np.concatenate(sides))
    ).to(device)
    images, own = torch.from_numpy(data.images).to(device), torch.from_numpy(data.own).to(device)
    tokens = torch.from_numpy(data.tokens).to(device)
    counts = torch.bincount(own, minlength=len(tokens))
    loss_of = _loss(condition, model, data, device, weigh)
    recipe = RECIPES[condition.recipe]
    optimizers, schedules = optimizers_of(model, recipe, condition.steps, condition.schedule)
    views = (
        partial(drop, images)
        if model.image.reads_features
        else partial(augment, pack(images), window=recipe.window)
    )
    batches = _batches(len(images), condition, groups)
    random = torch.Generator().manual_seed(stream(condition.init_seed, "augmentation"))
    accuracy, first_fit = caption_accuracy(model, images, own, tokens, counts), None
    yield Progress(0, condition.steps, math.nan, accuracy, None), model
    for step in range(1, condition.steps + 1):
        if not model.training:  # it takes 0.5 ms to tell all parts
            model.train()
        batch = next(batches).to(device)
        losses = loss_of(partial(views, batch=batch, random=random), batch)  # (B,)
        loss = weigh(losses, batch)
        loss.backward()
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
        if step % CHECK_EVERY == 0 or step == condition.steps:
            accuracy = caption_accuracy(model.eval(), images, own, tokens, counts)
            if (
                first_fit is None
                and accuracy >= FIT_ACCURACY
                and OBJECTIVES[condition.objective].uses_captions
            ):
                first_fit = step
        yield Progress(step, condition.steps, loss.item(), accuracy, first_fit), model


def _loss(
    condition: Condition, model: Encoder, data: TrainingData, device: str, weigh: Weigh
) -> Callable[[Callable[[], View], Tensor], Tensor]:
    """The loss of a batch, from what gives its pictures under an augmentation of their own, and
    their numbers, (B,)."""
    half = torch.autocast(model.device.type, torch.bfloat16, enabled=model.device.type == "cuda")
    random = torch.Generator().manual_seed(stream(condition.init_seed, "negatives"))
    sides = [side for side in (data, data.places) if side]
    tokens = [torch.from_numpy(side.tokens).to(device) for side in sides]  # (K, L) each
    owns = [torch.from_numpy(side.own).to(device) for side in sides]  # (n,) each
    if condition.objective == "siglip":
        model.bias.data.fill_(siglip_bias(torch.bincount(owns[0], minlength=len(tokens[0])).cpu()))

    def mismatched(side: TrainingData) -> Tensor:  # (K, K)
        counts = torch.bincount(
            torch.from_numpy(side.own), weigh.images.cpu(), len(side.tokens)
        ).numpy()
        return torch.from_numpy(negative_shares(condition.negatives, counts, side.said)).to(device)

    tables = [mismatched(side) for side in sides]

    def captions(view: Callable[[], View], batch: Tensor) -> Tensor:
        images, losses = view(), []
        with half:
            z, texts = (
                model.image(*images),
                [model.text(one) for one in tokens],
            )  # (B, E), (K, E) each
        for side, t, table, all_own in zip(sides, texts, tables, owns, strict=True):
            logits, own = (
                model.logits(z.float(), t.float()),
                all_own[batch],
            )  # (B, K), always in float32
            negatives = (mismatched(side) if condition.mitigation == "groupdro" else table)[own]
            if condition.negatives == "shuffle_unfiltered":
                negatives = F.one_hot(
                    own[torch.randperm(len(own), generator=random).to(device)], len(t)
                ).float()
            losses.append(batch_loss(condition.objective, logits, own, negatives))
        return torch.stack(losses).sum(dim=0)

    def two_views(view: Callable[[], View], _batch: Tensor) -> Tensor:
        with half:
            one, other = model.image(*view()), model.image(*view())
        return nt_xent(one.float(), other.float())

    def words(view: Callable[[], View], batch: Tensor) -> Tensor:
        with half:
            return model.own_loss(model.image.tokens(*view()), tokens[0][owns[0][batch]]).float()

    return {"simclr": two_views, "captioner": words}.get(condition.objective, captions)


def _first_errors(
    condition: Condition, data: TrainingData, device: str, on_step: Callable[[Progress], None]
) -> tuple[int, NDArray[np.bool_]]:
    """The first of jtt's two trainings: the latest step at which a plain training still got some
    pictures wrong, and which, (n,): those whose best caption speaks of another object than their
    own (of another caption, where captions name no object). It trains until fewer than `JTT_WRONG`
    are, or for all steps."""
    low, high = JTT_WRONG
    names = [said.object or said.text for said in data.said] or [
        str(k) for k in range(len(data.tokens))
    ]
    meaning = np.unique(names, return_inverse=True)[1]
    images, tokens = (
        torch.from_numpy(data.images).to(device),
        torch.from_numpy(data.tokens).to(device),
    )
    plain, groups = (
        condition.replace(mitigation="none"),
        torch.zeros(len(data.own), dtype=torch.long),
    )
    found: tuple[int, NDArray[np.bool_]] | None = None
    for progress, model in _steps(plain, data, device, weigh_by("none", groups), groups):
        if progress.step == 0:
            continue
        on_step(dataclasses.replace(progress, first_fit_step=None, stage="first training"))
        if progress.step % CHECK_EVERY == 0 or progress.step == progress.first_fit_step:
            said = _scores(model.eval(), images, tokens).argmax(dim=1).cpu().numpy()
            wrong = meaning[said] != meaning[data.own]
            if wrong.mean() < low:
                break
            if wrong.mean() <= high:
                found = progress.step, wrong
    if found is None:
        wanted = f"{low * 100:.0f} to {high * 100:.0f} % of its pictures wrong"
        raise ConditionError(
            f"jtt is not applicable: the first training never got {wanted}; choose more steps."
        )
    return found


@torch.inference_mode()
def _scores(model: Encoder, images: Tensor, tokens: Tensor) -> Tensor:
    return torch.cat([model.score(to_input(part), tokens) for part in images.split(256)])  # (n, K)


def caption_accuracy(
    model: Encoder, images: Tensor, own: Tensor, tokens: Tensor, counts: Tensor
) -> float:
    """Share of training images whose own caption scores highest among the captions that occur in
    training."""
    scores = _scores(model, images, tokens).masked_fill(counts == 0, -torch.inf)
    return (scores.argmax(dim=1) == own).float().mean().item()


def snapshot_steps(steps: int, number: int = 24) -> list[int]:
    """Log-spaced steps from the untrained encoder to the end, at most `number`, both ends
    included."""
    return (
        [0]
        if steps == 0
        else sorted({0, steps, *(round(step) for step in np.geomspace(1, steps, number - 1))})
    )


def _batches(images: int, condition: Condition, groups: Tensor) -> Iterator[Tensor]:
    """Endless batches: one permutation after the other, cut without regard to where one ends; or
    with replacement, so that every group is met equally often."""
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
