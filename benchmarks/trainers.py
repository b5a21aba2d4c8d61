"""The same encoder in other trainers: that of transformers, and a plain loop over a DataLoader as
open_clip has it."""

import math
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from benchmarks import head, row
from vlcore.api.training import own_captions_of
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import TRAINING_SIZE, ImageSet
from vlcore.data.subset import training_rows
from vlcore.experiment.condition import Condition
from vlcore.experiment.progress import silent
from vlcore.metrics.accuracy import GroupAccuracy, group_accuracy, logits, predict_objects
from vlcore.metrics.negatives import negative_shares
from vlcore.model import augment, inference, losses
from vlcore.model.dual_encoder import Encoder, build
from vlcore.model.loop import TrainedModel, TrainingData, train
from vlcore.model.optimizers import OTHER_RATE, WARM_UP, WEIGHT_DECAY
from vlcore.model.views import Labels

LONGEST = 3  # times as many steps as ours
LOOK_EVERY = 100  # steps
MOVED = augment.SHIFT / TRAINING_SIZE
TRANSFORM = v2.Compose(
    [
        v2.Resize(TRAINING_SIZE, antialias=True),
        v2.RandomHorizontalFlip(),
        v2.RandomAffine(0, translate=(MOVED, MOVED), scale=(1 / augment.ZOOM, augment.ZOOM)),
        v2.ColorJitter(brightness=augment.JITTER, contrast=augment.JITTER),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize([0.5] * 3, [0.5] * 3),
    ]
)


def train_here(condition: Condition, device: str = "cpu") -> tuple[TrainedModel, float]:
    """Train a condition by our loop, and the processor's seconds of that."""
    data = training_data(condition)
    started = time.process_time()
    made = train(
        condition, data, device=device, on_step=lambda _: None, on_snapshot=lambda *_: None
    )
    return made, time.process_time() - started


def training_data(condition: Condition) -> TrainingData:
    images = open_set(condition.data)
    rows, labels = training_rows(images, condition), Labels.of(condition, images.grouping)
    own, words = own_captions_of(images, rows, condition), labels.vocabulary
    images.ensure_rendered(rows.tolist(), silent)
    return TrainingData(
        images.pixels(rows), own, words.tokens(labels.texts), len(words), labels.said
    )


def held_out(condition: Condition, model: Encoder) -> GroupAccuracy:
    """How often a model names the object of the held-out pictures."""
    images = open_set(condition.data)
    test, labels = images.rows("test"), Labels.of(condition, images.grouping)
    images.ensure_rendered(test.tolist(), silent)
    z = inference.embed_images(model, images.pixels(test))
    captions = inference.embed_captions(model, labels.vocabulary, labels.texts)
    scores = logits(z, captions, *inference.scale_and_bias(model), condition.logit)
    said = predict_objects(scores, labels.objects, images.grouping.objects)
    objects, groups, scenes = (
        images.table[column].to_numpy()[test] for column in ("object", "group", "scene")
    )
    return group_accuracy(said, objects, groups, scenes, images.grouping)


class Pictures(Dataset[dict[str, Any]]):
    """Training pictures from their files, moved and lit by torchvision."""

    def __init__(self, images: ImageSet, rows: NDArray[np.int64], own: NDArray[np.int64]) -> None:
        self.paths, self.own = [images.path(int(row)) for row in rows], own

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict[str, Any]:
        with Image.open(self.paths[index]) as picture:
            return {"images": TRANSFORM(picture.convert("RGB")), "own": int(self.own[index])}


class Matcher(nn.Module):
    """The encoder with its loss, as a `Trainer` wants it."""

    def __init__(self, condition: Condition, data: TrainingData) -> None:
        super().__init__()
        self.encoder = build(condition, data.words, len(data.tokens))
        counts = np.bincount(data.own, minlength=len(data.tokens))
        self.objective, self.tokens = condition.objective, torch.from_numpy(data.tokens)
        self.table = torch.from_numpy(negative_shares(condition.negatives, counts, data.said))

    def forward(self, images: Tensor, own: Tensor) -> dict[str, Tensor]:
        scores = self.encoder.logits(self.encoder.image(images), self.encoder.text(self.tokens))
        return {"loss": losses.batch_loss(self.objective, scores, own, self.table[own]).mean()}


def in_transformers(
    model: Matcher, pictures: Pictures, batch: int, steps: int, look: Callable[[int], bool]
) -> None:
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Look(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, _args: Any, state: Any, control: Any, **_more: Any) -> None:
            control.should_training_stop |= look(state.global_step)

    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            folder,
            max_steps=steps,
            per_device_train_batch_size=batch,
            learning_rate=OTHER_RATE,
            use_cpu=True,
            weight_decay=WEIGHT_DECAY,
            warmup_steps=WARM_UP,
            lr_scheduler_type="cosine",
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            remove_unused_columns=False,
        )
        Trainer(model, settings, train_dataset=pictures, callbacks=[Look()]).train()


def in_a_plain_loop(
    model: Matcher, pictures: Pictures, batch: int, steps: int, look: Callable[[int], bool]
) -> None:
    gains = [value for value in model.parameters() if value.ndim < 2]
    others = [value for value in model.parameters() if value.ndim >= 2]
    groups = [
        {"params": gains, "weight_decay": 0.0},
        {"params": others, "weight_decay": WEIGHT_DECAY},
    ]
    optimizer = torch.optim.AdamW(groups, lr=OTHER_RATE, betas=(0.9, 0.98), eps=1e-6)
    step = 0
    while step < steps:
        for part in DataLoader(pictures, batch, shuffle=True):
            rate = min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / steps))
            for group in optimizer.param_groups:
                group["lr"] = OTHER_RATE * rate
            optimizer.zero_grad()
            model(part["images"], part["own"])["loss"].backward()
            optimizer.step()
            step += 1
            if look(step) or step == steps:
                return


def others(steps: int, seed: int = 0) -> None:
    """Pictures a second of each trainer, and how long it takes until it is right as often as ours
    is at the end."""
    torch.set_num_threads(1)
    condition = Condition(labels="descriptive", steps=steps, data_seed=seed, init_seed=seed)
    images = open_set(condition.data)
    pictures = Pictures(images, training_rows(images, condition), training_data(condition).own)
    started = time.perf_counter()
    made, _ = train_here(condition)
    ours = time.perf_counter() - started
    wanted = held_out(condition, made.model).balanced.value
    print(
        "\n"
        + head(
            "trainer",
            "pictures a second",
            "right on held-out pictures",
            "seconds until then",
            "ratio",
        )
    )
    print(
        row(
            "ours",
            f"{steps * condition.batch_size / ours:.0f}",
            f"{wanted:.1%}",
            f"{ours:.1f}",
            "1.0",
        ),
        flush=True,
    )
    for name, way in (
        ("transformers.Trainer", in_transformers),
        ("a loop as in open_clip", in_a_plain_loop),
    ):
        model, looks, spent = Matcher(condition, training_data(condition)), [0.0, 0.0], [0.0]

        def look(
            step: int,
            model: Matcher = model,
            looks: list[float] = looks,
            spent: list[float] = spent,
        ) -> bool:
            if step % LOOK_EVERY:
                return False
            before = time.perf_counter()
            looks[:] = step, held_out(condition, model.encoder.eval()).balanced.value
            model.train()
            spent[0] += time.perf_counter() - before
            return looks[1] >= wanted

        started = time.perf_counter()
        way(model, pictures, condition.batch_size, LONGEST * steps, look)
        taken = time.perf_counter() - started - spent[0]
        step, right = looks
        until = f"{taken:.1f}" if right >= wanted else f"not in {taken:.1f}"
        print(
            row(
                name,
                f"{step * condition.batch_size / taken:.0f}",
                f"{right:.1%}",
                until,
                f"{taken / ours:.1f}",
            )
        )
