"""Time to train: runs as people start them, the loop alone, and the loop on an NVIDIA GPU.

python -m benchmarks.train [--parts runs loop gpu] [--repeats 5] [--steps 700]

`runs` are whole processes, from the command to the published model, with the images there;
`classic` is the baseline of each. `loop` is processor time without reading, snapshots and measures.
`gpu`, which only the option asks for, is the loop on a card, whose name it prints, beside one core
of the processor.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import product

from benchmarks import fresh_home, parse_options, print_table, seconds_of
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.files import data_folder
from vlcore.experiment.options import PRESETS, RECIPES
from vlcore.experiment.progress import silent

PARTS = ("runs", "loop", "gpu")
ALONE = {"OMP_NUM_THREADS": "1", "VLCORE_DEVICE": "cpu", "VLCORE_SHIPPED": os.devnull}
COMMANDS = ("train --preset live", "train", "study experiments")
STUDY = "study experiments --seeds 2"
SLOWEST_FIRST = tuple(reversed(RECIPES))  # the baseline is the first


def main() -> None:
    parts = {"nargs": "+", "choices": PARTS, "default": ["runs", "loop"]}
    options = parse_options(__doc__, parts=parts, repeats=5, steps=PRESETS["standard"])
    images = open_set("scenes")
    images.ensure_rendered(range(len(images.table)), silent)
    if "runs" in options.parts:
        for command in COMMANDS:
            recipes = [f"{command} --set recipe={recipe}" for recipe in SLOWEST_FIRST]
            compare_commands(recipes, options.repeats)
        compare_commands([f"{STUDY} --jobs {jobs}" for jobs in (1, 2)], 1)
    if "loop" in options.parts:
        columns = ("labels", "seed", "recipe", "CPU seconds", "ms a step", "ratio")
        fit_step = "captions first fitted at step"
        print_table((*columns, fit_step), time_loop(options.steps, options.repeats))
    if "gpu" in options.parts:
        compare_devices(options.steps, options.repeats)


def command_seconds(command: str) -> float:
    """Seconds of a command in a process of its own, with no models and the images of this home."""
    with fresh_home(data_folder(), **ALONE):
        process = [sys.executable, "-m", "vlcore", *command.split()]
        return seconds_of(lambda: subprocess.run(process, check=True, capture_output=True))


def compare_commands(commands: Sequence[str], repeats: int) -> None:
    """Print a table of commands, with their ratio to the first."""

    def rows() -> Iterator[tuple[str, str, str, str]]:
        baseline = 0.0
        for command in commands:
            times = [command_seconds(command) for _ in range(repeats)]
            median = statistics.median(times)
            baseline = baseline or median
            spread = f"{min(times):.1f} to {max(times):.1f}"
            yield command, f"{median:.1f}", spread, f"{median / baseline:.2f}"

    print_table(("command", "seconds, median", "least to most", "ratio"), rows())
    print()


def time_loop(steps: int, seeds: int) -> Iterator[tuple[object, ...]]:
    from benchmarks.training import train_here

    for seed, style in product(range(seeds), STYLES_OF_THE_STUDY):
        baseline = 0.0
        for recipe in SLOWEST_FIRST:
            condition = Condition(
                labels=style, steps=steps, data_seed=seed, init_seed=seed, recipe=recipe
            )
            trained, duration = train_here(condition)
            baseline = baseline or duration
            times = f"{duration:.1f}", f"{1000 * duration / steps:.1f}"
            fit_step = trained.first_fit_step or "never"
            yield style, seed, recipe, *times, f"{duration / baseline:.2f}", fit_step


def compare_devices(steps: int, seeds: int) -> None:
    """Print a table of trainings on the processor and on the card."""
    import torch

    from benchmarks.training import held_out, train_here

    if not torch.cuda.is_available():
        sys.exit("There is no NVIDIA GPU here, or torch lacks CUDA; nothing was measured.")
    train_here(Condition(steps=5), "cuda")  # the first call loads the kernels
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}\n")

    def rows() -> Iterator[tuple[object, ...]]:
        for recipe, seed in product(RECIPES, range(seeds)):
            condition = Condition(recipe=recipe, steps=steps, data_seed=seed, init_seed=seed)
            baseline = 0.0
            for device in ("cpu", "cuda"):
                trained, _ = train_here(condition, device)
                baseline = baseline or trained.seconds
                ratio = f"{trained.seconds / baseline:.2f}"
                accuracy = held_out(condition, trained.model).value
                yield recipe, seed, device, f"{trained.seconds:.1f}", ratio, f"{accuracy:.1%}"

    print_table(("recipe", "seed", "device", "seconds", "ratio", "accuracy"), rows())


if __name__ == "__main__":
    main()
