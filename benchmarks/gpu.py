"""Training on an NVIDIA GPU beside one core of the processor, both recipes, the same conditions;
names the card.

python -m benchmarks.gpu [--steps 700] [--seeds 2]
"""

import sys

import torch

from benchmarks import head, parse_options, row
from benchmarks.trainers import held_out, train_here
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import PRESETS, RECIPES

COLUMNS = (
    "recipe",
    "seed",
    "seconds, one core",
    "seconds, GPU",
    "ratio",
    "accuracy, one core",
    "accuracy, GPU",
)


def main() -> None:
    options = parse_options(__doc__, steps=PRESETS["standard"], seeds=2)
    if not torch.cuda.is_available():
        sys.exit("There is no NVIDIA GPU here, or torch lacks CUDA; nothing was measured.")
    train_here(Condition(steps=5), "cuda")  # the first call loads the kernels
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}\n")
    print(head(*COLUMNS))
    for recipe in RECIPES:
        for seed in range(options.seeds):
            condition = Condition(
                recipe=recipe, steps=options.steps, data_seed=seed, init_seed=seed
            )
            core, _ = train_here(condition, "cpu")
            card, _ = train_here(condition, "cuda")
            accuracies = [
                f"{held_out(condition, trained.model).balanced.value:.1%}"
                for trained in (core, card)
            ]
            ratio = f"{card.seconds / core.seconds:.2f}"
            times = (f"{core.seconds:.1f}", f"{card.seconds:.1f}", ratio)
            print(row(recipe, seed, *times, *accuracies), flush=True)


if __name__ == "__main__":
    main()
