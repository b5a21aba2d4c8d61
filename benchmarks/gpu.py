"""Training on an NVIDIA GPU beside one core of the processor, both recipes, the same conditions;
names the card.

python -m benchmarks.gpu [--steps 700] [--seeds 2]"""

import sys

import torch

from benchmarks import head, options, row
from benchmarks.trainers import held_out, train_here
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import PRESETS, RECIPES


def main() -> None:
    asked = options(__doc__, steps=PRESETS["standard"], seeds=2)
    if not torch.cuda.is_available():
        sys.exit(
            "There is no NVIDIA GPU here, or torch is built without CUDA; nothing was measured."
        )
    train_here(Condition(steps=5), "cuda")  # the first call loads the kernels
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}\n")
    print(
        head(
            "recipe",
            "seed",
            "seconds, one core",
            "seconds, GPU",
            "ratio",
            "right, one core",
            "right, GPU",
        )
    )
    for recipe in RECIPES:
        for seed in range(asked.seeds):
            condition = Condition(recipe=recipe, steps=asked.steps, data_seed=seed, init_seed=seed)
            (core, _), (card, _) = (train_here(condition, device) for device in ("cpu", "cuda"))
            right = (
                f"{held_out(condition, made.model).balanced.value:.1%}" for made in (core, card)
            )
            times = (
                f"{core.seconds:.1f}",
                f"{card.seconds:.1f}",
                f"{card.seconds / core.seconds:.2f}",
            )
            print(row(recipe, seed, *times, *right), flush=True)


if __name__ == "__main__":
    main()
