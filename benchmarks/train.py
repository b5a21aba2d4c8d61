"""Time to train: runs as people start them, the loop alone, on older processors, and in other
trainers.

python -m benchmarks.train [--parts runs loop processors others] [--repeats 5] [--steps 700]

`runs` are whole processes, from the command to the published model, with the images there;
`classic` is the baseline of each. `loop` is processor time without reading, snapshots and measures.
`processors` are whole `live` runs with the instructions of older processors, beside one without
that limit. `others` train the same encoder on the same images with PIL and torchvision transforms,
in the `Trainer` of transformers (`pip install '.[bench]'`) and in a plain loop in the manner of
open_clip: AdamW, whole images, until their held-out accuracy is ours.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import product

from benchmarks import fresh_home, head, parse_options, print_table, row, seconds
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.files import data_folder
from vlcore.experiment.options import PRESETS, RECIPES
from vlcore.experiment.progress import silent

PARTS = ("runs", "loop", "processors", "others")
ALONE = {"OMP_NUM_THREADS": "1", "VLCORE_DEVICE": "cpu", "VLCORE_SHIPPED": os.devnull}
OLDER = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
WITHOUT_ONEDNN = "import sys, torch; torch.backends.mkldnn.enabled = False; "
RUN = "import sys; from vlcore.__main__ import main; sys.exit(main(sys.argv[1:]))"
COMMANDS = ("train --preset live", "train", "study experiments")
STUDY = "study experiments --seeds 2"


def main() -> None:
    parts = {"nargs": "+", "choices": PARTS, "default": list(PARTS)}
    options = parse_options(__doc__, parts=parts, repeats=5, steps=PRESETS["standard"])
    images = open_set("scenes")
    images.ensure_rendered(range(len(images.table)), silent)
    if "runs" in options.parts:
        print(head("command", "recipe", "seconds, median", "least to most", "ratio"))
        for command in COMMANDS:
            recipes = {name: f"{command} --set recipe={name}" for name in reversed(RECIPES)}
            compare_commands(command, recipes, options.repeats)
        print(f"\n{head('command', 'workers', 'seconds, median', 'least to most', 'ratio')}")
        compare_commands(STUDY, {str(n): f"{STUDY} --jobs {n}" for n in (1, 2)}, 1)
    if "loop" in options.parts:
        print()
        columns = ("labels", "seed", "recipe", "CPU seconds", "ms a step", "ratio")
        fit_step = "captions first fitted at step"
        print_table((*columns, fit_step), time_loop(options.steps, options.repeats))
    if "processors" in options.parts:
        print()
        print_table(("a live run on", "seconds, median", "ratio"), compare_cpus(options.repeats))
    if "others" in options.parts:
        from benchmarks.trainers import compare_trainers

        compare_trainers(options.steps)


def time_command(command: str, environment: Mapping[str, str] = ALONE, setup: str = "") -> float:
    """Seconds of a command in a process of its own, with no models and the images of this home."""
    with fresh_home(data_folder(), **environment):
        python = [sys.executable, "-c", setup + RUN, *command.split()]
        return seconds(lambda: subprocess.run(python, check=True, capture_output=True))


def compare_commands(name: str, variants: Mapping[str, str], repeats: int) -> None:
    """Print a row for each variant of a command, with its ratio to the first."""
    baseline = 0.0
    for variant, command in variants.items():
        times = [time_command(command) for _ in range(repeats)]
        median = statistics.median(times)
        baseline = baseline or median
        spread = f"{min(times):.1f} to {max(times):.1f}"
        print(row(name, variant, f"{median:.1f}", spread, f"{median / baseline:.2f}"), flush=True)


def time_loop(steps: int, seeds: int) -> Iterator[tuple[object, ...]]:
    from benchmarks.trainers import train_here

    for seed, style in product(range(seeds), STYLES_OF_THE_STUDY):
        baseline = 0.0
        for recipe in reversed(RECIPES):
            condition = Condition(
                labels=style, steps=steps, data_seed=seed, init_seed=seed, recipe=recipe
            )
            trained, duration = train_here(condition)
            baseline = baseline or duration
            times = f"{duration:.1f}", f"{1000 * duration / steps:.1f}"
            fit_step = trained.first_fit_step or "never"
            yield style, seed, recipe, *times, f"{duration / baseline:.2f}", fit_step


def compare_cpus(repeats: int) -> Iterator[tuple[str, str, str]]:
    baseline = 0.0
    for name, environment, setup in (
        ("this processor", ALONE, ""),
        ("AVX2 alone", ALONE | OLDER, ""),
        ("this processor without oneDNN", ALONE, WITHOUT_ONEDNN),
    ):
        times = [time_command(COMMANDS[0], environment, setup) for _ in range(repeats)]
        median = statistics.median(times)
        baseline = baseline or median
        yield name, f"{median:.1f}", f"{median / baseline:.2f}"


if __name__ == "__main__":
    main()
