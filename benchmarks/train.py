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
from dataclasses import dataclass, field
from itertools import product

from benchmarks import fresh_home, parse_options, print_table, seconds
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.files import data_folder
from vlcore.experiment.options import PRESETS, RECIPES
from vlcore.experiment.progress import silent

PARTS = ("runs", "loop", "processors", "others")
ALONE = {"OMP_NUM_THREADS": "1", "VLCORE_DEVICE": "cpu", "VLCORE_SHIPPED": os.devnull}
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
WITHOUT_ONEDNN = "import torch; torch.backends.mkldnn.enabled = False; "
MAIN = "import sys; from vlcore.__main__ import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True)
class TimedCommand:
    """A command in a process of its own, with no models and the images of this home."""

    command: str
    environment: Mapping[str, str] = field(default_factory=dict)
    setup: str = ""  # Python code that runs first

    def seconds(self) -> float:
        with fresh_home(data_folder(), **ALONE, **self.environment):
            python = [sys.executable, "-c", self.setup + MAIN, *self.command.split()]
            return seconds(lambda: subprocess.run(python, check=True, capture_output=True))


LIVE = "train --preset live"
PROCESSORS = {
    "this processor": TimedCommand(LIVE),
    "AVX2 alone": TimedCommand(LIVE, AVX2),
    "this processor without oneDNN": TimedCommand(LIVE, setup=WITHOUT_ONEDNN),
}
COMMANDS = (LIVE, "train", "study experiments")
STUDY = "study experiments --seeds 2"


def main() -> None:
    parts = {"nargs": "+", "choices": PARTS, "default": list(PARTS)}
    options = parse_options(__doc__, parts=parts, repeats=5, steps=PRESETS["standard"])
    images = open_set("scenes")
    images.ensure_rendered(range(len(images.table)), silent)
    if "runs" in options.parts:
        for command in COMMANDS:
            runs = {}
            for recipe in reversed(RECIPES):
                runs[recipe] = TimedCommand(f"{command} --set recipe={recipe}")
            compare_runs(f"{command}, recipe", runs, options.repeats)
        runs = {str(jobs): TimedCommand(f"{STUDY} --jobs {jobs}") for jobs in (1, 2)}
        compare_runs(f"{STUDY}, workers", runs, 1)
    if "loop" in options.parts:
        print()
        columns = ("labels", "seed", "recipe", "CPU seconds", "ms a step", "ratio")
        fit_step = "captions first fitted at step"
        print_table((*columns, fit_step), time_loop(options.steps, options.repeats))
    if "processors" in options.parts:
        compare_runs("a live run on", PROCESSORS, options.repeats)
    if "others" in options.parts:
        from benchmarks.trainers import compare_trainers

        compare_trainers(options.steps)


def compare_runs(title: str, runs: Mapping[str, TimedCommand], repeats: int) -> None:
    """Print a table of runs, with their ratio to the first."""

    def rows() -> Iterator[tuple[str, str, str, str]]:
        baseline = 0.0
        for name, run in runs.items():
            times = [run.seconds() for _ in range(repeats)]
            median = statistics.median(times)
            baseline = baseline or median
            spread = f"{min(times):.1f} to {max(times):.1f}"
            yield name, f"{median:.1f}", spread, f"{median / baseline:.2f}"

    print()
    print_table((title, "seconds, median", "least to most", "ratio"), rows())


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


if __name__ == "__main__":
    main()
