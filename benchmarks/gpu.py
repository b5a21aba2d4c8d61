"""Training on an NVIDIA GPU beside one core of the processor, both recipes, the same conditions;
names the card.

python -m benchmarks.gpu [--steps 700] [--seeds 2]
"""

import sys
from collections.abc import Iterator
from itertools import product

import torch

from benchmarks import parse_options, print_table
from benchmarks.training import held_out, train_here
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import PRESETS, RECIPES

COLUMNS = ("recipe", "seed", "device", "seconds", "ratio", "accuracy")


def main() -> None:
    options = parse_options(__doc__, steps=PRESETS["standard"], seeds=2)
    if not torch.cuda.is_available():
        sys.exit("There is no NVIDIA GPU here, or torch lacks CUDA; nothing was measured.")
    train_here(Condition(steps=5), "cuda")  # the first call loads the kernels
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}\n")
    print_table(COLUMNS, compare_devices(options.steps, options.seeds))


def compare_devices(steps: int, seeds: int) -> Iterator[tuple[object, ...]]:
    for recipe, seed in product(RECIPES, range(seeds)):
        condition = Condition(recipe=recipe, steps=steps, data_seed=seed, init_seed=seed)
        baseline = 0.0
        for device in ("cpu", "cuda"):
            trained, _ = train_here(condition, device)
            baseline = baseline or trained.seconds
            ratio = f"{trained.seconds / baseline:.2f}"
            accuracy = held_out(condition, trained.model).balanced.value
            yield recipe, seed, device, f"{trained.seconds:.1f}", ratio, f"{accuracy:.1%}"


if __name__ == "__main__":
    main()
