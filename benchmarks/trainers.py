"""The same encoder in other trainers: that of transformers, and a plain loop over a DataLoader in
the manner of open_clip."""

import math
import tempfile
import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from benchmarks import head, row
from vlcore.api.training import caption_indices
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
EVALUATE_EVERY = 100  # steps
SHIFT = augment.SHIFT / TRAINING_SIZE
TRANSFORM = v2.Compose(
    [
        v2.Resize(TRAINING_SIZE, antialias=True),
        v2.RandomHorizontalFlip(),
        v2.RandomAffine(0, translate=(SHIFT, SHIFT), scale=(1 / augment.ZOOM, augment.ZOOM)),
        v2.ColorJitter(brightness=augment.JITTER, contrast=augment.JITTER),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize([0.5] * 3, [0.5] * 3),
    ]
)


def train_here(condition: Condition, device: str = "cpu") -> tuple[TrainedModel, float]:
    """Train a condition by our loop on a device; returns the model and the processor seconds."""
    data = training_data(condition)
    started = time.process_time()
    trained = train(
        condition, data, device=device, on_step=lambda _: None, on_checkpoint=lambda *_: None
    )
    return trained, time.process_time() - started


def training_data(condition: Condition) -> TrainingData:
    images = open_set(condition.data)
    rows = training_rows(images, condition)
    labels = Labels.of(condition, images.grouping)
    words = labels.vocabulary
    images.ensure_rendered(rows.tolist(), silent)
    return TrainingData(
        images.pixels(rows),
        caption_indices(images, rows, condition),
        words.tokens(labels.texts),
        len(words),
        labels.captions,
    )


def held_out(condition: Condition, model: Encoder) -> GroupAccuracy:
    """Accuracy of a model on the held-out images."""
    images = open_set(condition.data)
    test = images.rows("test")
    labels = Labels.of(condition, images.grouping)
    images.ensure_rendered(test.tolist(), silent)
    z = inference.embed_images(model, images.pixels(test))
    captions = inference.embed_captions(model, labels.vocabulary, labels.texts)
    scores = logits(z, captions, *inference.scale_and_bias(model), condition.logit)
    predicted = predict_objects(scores, labels.objects, images.grouping.objects)
    table = images.table.iloc[test]
    right = predicted == table["object"].to_numpy()
    groups, scenes = table["group"].to_numpy(), table["scene"].to_numpy()
    return group_accuracy(right, groups, scenes, images.grouping)


class ImageFiles(Dataset[dict[str, Any]]):
    """Training images from their files, augmented by torchvision."""

    def __init__(
        self, images: ImageSet, rows: NDArray[np.int64], caption_index: NDArray[np.int64]
    ) -> None:
        self.paths = [images.path(int(row)) for row in rows]
        self.caption_index = caption_index

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict[str, Any]:
        with Image.open(self.paths[index]) as image:
            pixels = TRANSFORM(image.convert("RGB"))
        return {"images": pixels, "caption_index": int(self.caption_index[index])}


class Matcher(nn.Module):
    """The encoder with its loss, as a `Trainer` expects it."""

    def __init__(self, condition: Condition, data: TrainingData) -> None:
        super().__init__()
        self.encoder = build(condition, data.words, len(data.tokens))
        counts = np.bincount(data.caption_index, minlength=len(data.tokens))
        self.objective = condition.objective
        self.tokens = torch.from_numpy(data.tokens)
        self.table = torch.from_numpy(negative_shares(condition.negatives, counts, data.captions))

    def forward(self, images: Tensor, caption_index: Tensor) -> dict[str, Tensor]:
        scores = self.encoder.logits(self.encoder.image(images), self.encoder.text(self.tokens))
        negatives = self.table[caption_index]
        loss = losses.batch_loss(self.objective, scores, caption_index, negatives)
        return {"loss": loss.mean()}


class TargetAccuracy:
    """Evaluate a model every hundred steps, until it reaches a target accuracy."""

    def __init__(self, condition: Condition, model: Matcher, target: float) -> None:
        self.condition = condition
        self.model = model
        self.target = target
        self.step = 0  # of the last evaluation
        self.accuracy = 0.0
        self.seconds = 0.0  # of all evaluations

    def reaches_target(self, step: int) -> bool:
        if step % EVALUATE_EVERY:
            return False
        started = time.perf_counter()
        self.step = step
        self.accuracy = held_out(self.condition, self.model.encoder.eval()).balanced.value
        self.model.train()
        self.seconds += time.perf_counter() - started
        return self.accuracy >= self.target


def train_in_transformers(
    model: Matcher, dataset: ImageFiles, batch: int, steps: int, stopping: TargetAccuracy
) -> None:
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Stop(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, _args: Any, state: Any, control: Any, **_options: Any) -> None:
            control.should_training_stop |= stopping.reaches_target(state.global_step)

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
        Trainer(model, settings, train_dataset=dataset, callbacks=[Stop()]).train()


def train_in_plain_loop(
    model: Matcher, dataset: ImageFiles, batch: int, steps: int, stopping: TargetAccuracy
) -> None:
    gains = [value for value in model.parameters() if value.ndim < 2]
    weights = [value for value in model.parameters() if value.ndim >= 2]
    groups = [
        {"params": gains, "weight_decay": 0.0},
        {"params": weights, "weight_decay": WEIGHT_DECAY},
    ]
    optimizer = torch.optim.AdamW(groups, lr=OTHER_RATE, betas=(0.9, 0.98), eps=1e-6)
    step = 0
    while step < steps:
        for part in DataLoader(dataset, batch, shuffle=True):
            rate = min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / steps))
            for group in optimizer.param_groups:
                group["lr"] = OTHER_RATE * rate
            optimizer.zero_grad()
            model(**part)["loss"].backward()
            optimizer.step()
            step += 1
            if stopping.reaches_target(step) or step == steps:
                return


TRAINERS = {
    "transformers.Trainer": train_in_transformers,
    "a loop as in open_clip": train_in_plain_loop,
}


def compare_trainers(steps: int, seed: int = 0) -> None:
    """Print images a second of each trainer, and the seconds until its accuracy is ours."""
    torch.set_num_threads(1)
    condition = Condition(labels="descriptive", steps=steps, data_seed=seed, init_seed=seed)
    batch = condition.batch_size
    images = open_set(condition.data)
    data = training_data(condition)
    dataset = ImageFiles(images, training_rows(images, condition), data.caption_index)
    started = time.perf_counter()
    trained, _ = train_here(condition)
    ours = time.perf_counter() - started
    target = held_out(condition, trained.model).balanced.value
    columns = ("images a second", "accuracy on held-out images", "seconds until then", "ratio")
    print("\n" + head("trainer", *columns))
    print(row("ours", f"{steps * batch / ours:.0f}", f"{target:.1%}", f"{ours:.1f}", "1.0"))
    for name, trainer in TRAINERS.items():
        model = Matcher(condition, data)
        stopping = TargetAccuracy(condition, model, target)
        started = time.perf_counter()
        trainer(model, dataset, batch, LONGEST * steps, stopping)
        duration = time.perf_counter() - started - stopping.seconds
        until = f"{duration:.1f}" if stopping.accuracy >= target else f"not in {duration:.1f}"
        speed = f"{stopping.step * batch / duration:.0f}"
        ratio = f"{duration / ours:.1f}"
        print(row(name, speed, f"{stopping.accuracy:.1%}", until, ratio), flush=True)
