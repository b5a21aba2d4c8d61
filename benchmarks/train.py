"""How long training takes, and how soon the captions are fitted: one thread, both label styles, several seeds.

python -m benchmarks.train [--steps 600] [--seeds 3] [--device cpu]

Seconds include the looks at the training captions and leave snapshots out. The ratio is to a bare forward and backward
pass of the same batches (the baseline), measured in the same run.
"""

from __future__ import annotations

import argparse
import time

import torch

from vlcore.core.captions import caption_index
from vlcore.core.condition import Condition
from vlcore.core.options import PRESETS
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.subset import training_rows
from vlcore.learning.model import build
from vlcore.learning.train import TrainingData, augment, pack, train
from vlcore.runs.views import Labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=PRESETS["standard"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("bias  labels         seed  seconds  ms/step  ratio  fitted at step")
    for seed in range(options.seeds):
        for labels in ("undescriptive", "descriptive"):
            condition = Condition(labels=labels, steps=options.steps, data_seed=seed, init_seed=seed)
            data = training_data(condition)
            bare = baseline(condition, data, options.device)
            started = time.perf_counter()
            ignored = {"on_step": lambda _: None, "on_snapshot": lambda *_: None}
            trained = train(condition, data, device=options.device, **ignored)
            seconds = time.perf_counter() - started
            step = seconds / options.steps
            print(
                f"{condition.bias:4.2f}  {labels:13}  {seed:4}  {seconds:7.1f}  {step * 1000:7.1f}  {step / bare:5.2f}"
                f"  {trained.first_fit_step or 'never'}"
            )


def training_data(condition: Condition) -> TrainingData:
    images = open_set(condition.data)
    rows = training_rows(images, condition)
    images.ensure_rendered(rows.tolist(), lambda _done, _of: None)
    labels = Labels.of(condition, images.grouping)
    own = caption_index(condition.labels, images.table, rows, images.grouping, condition.data_seed)
    tokens, words = labels.vocabulary.tokens(labels.texts), len(labels.vocabulary)
    return TrainingData(images.pixels(rows), own, tokens, words, labels.said)


def baseline(condition: Condition, data: TrainingData, device: str, steps: int = 20) -> float:
    """Seconds of a forward and backward pass of one batch: no augmentation, optimiser or checks."""
    model = build(condition, data.words).to(device)
    packed, tokens = pack(torch.from_numpy(data.pixels).to(device)), torch.from_numpy(data.tokens).to(device)
    batch = torch.arange(condition.batch_size, device=device) % len(packed)
    images = augment(packed, batch, torch.Generator().manual_seed(0))
    for step in range(steps + 3):
        if step == 3:  # the first ones warm up
            started = time.perf_counter()
        model.logits(model.image(images), model.text(tokens)).square().mean().backward()
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - started) / steps


if __name__ == "__main__":
    main()
