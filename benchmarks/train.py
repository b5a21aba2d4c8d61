"""How long training takes: runs as people start them, the loop alone, on older processors, and in
other trainers.

python -m benchmarks.train [--parts runs loop processors others] [--repeats 5] [--steps 700]

`runs` are whole processes, from the command to the published model, with the pictures there;
`classic` is the baseline of each. `loop` is processor time without reading, snapshots and measures.
`processors` are whole `live` runs with the instructions of older processors, beside one without
that limit. `others` train the same encoder on the same pictures with PIL and torchvision
transforms, in the `Trainer` of transformers (`pip install '.[bench]'`) and in a plain loop in the
manner of open_clip: AdamW, whole pictures, until as many held-out pictures are right as ours has.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

from benchmarks import head, options, row
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.files import data_folder
from vlcore.experiment.options import PRESETS, RECIPES
from vlcore.experiment.progress import silent

PARTS = ("runs", "loop", "processors", "others")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "VLCORE_DEVICE": "cpu"}
OLDER = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
WITHOUT_ONEDNN = "import sys, torch; torch.backends.mkldnn.enabled = False; "
RUN = "import sys; from vlcore.__main__ import main; sys.exit(main(sys.argv[1:]))"


def main() -> None:
    parts = {"nargs": "+", "choices": PARTS, "default": list(PARTS)}
    asked = options(__doc__, parts=parts, repeats=5, steps=PRESETS["standard"])
    images = open_set("scenes")
    images.ensure_rendered(range(len(images.table)), silent)
    if "runs" in asked.parts:
        runs(asked.repeats)
    if "loop" in asked.parts:
        loop(asked.steps, asked.repeats)
    if "processors" in asked.parts:
        processors(asked.repeats)
    if "others" in asked.parts:
        from benchmarks.trainers import others

        others(asked.steps)


def whole(*arguments: str, environment: Mapping[str, str] = {}, before: str = "") -> float:
    """Seconds of a command in a process of its own, with an empty folder of models and the pictures
    that are there."""
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "data").symlink_to(data_folder())
        known = {
            **os.environ,
            **ONE_THREAD,
            **environment,
            "VLCORE_HOME": home,
            "VLCORE_SHIPPED": os.devnull,
        }
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", before + RUN, *arguments],
            env=known,
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - started


def runs(repeats: int) -> None:
    print(head("command", "recipe", "seconds, median", "least to most", "ratio"))
    commands = (["train", "--preset", "live"], ["train"], ["study", "experiments"])
    for command in commands:
        ways = [(name, [*command, "--set", f"recipe={name}"]) for name in reversed(RECIPES)]
        compared(" ".join(command), ways, repeats)
    print(f"\n{head('command', 'workers', 'seconds, median', 'least to most', 'ratio')}")
    study = ["study", "experiments", "--seeds", "2"]
    compared(" ".join(study), [(str(n), [*study, "--jobs", str(n)]) for n in (1, 2)], 1)


def compared(name: str, ways: Sequence[tuple[str, Sequence[str]]], repeats: int) -> None:
    """A row a way of running a command, with its ratio to the first."""
    usual = 0.0
    for way, command in ways:
        taken = [whole(*command) for _ in range(repeats)]
        median = statistics.median(taken)
        usual = usual or median
        spread = f"{min(taken):.1f} to {max(taken):.1f}"
        print(row(name, way, f"{median:.1f}", spread, f"{median / usual:.2f}"), flush=True)


def loop(steps: int, seeds: int) -> None:
    from benchmarks.trainers import train_here

    print(
        "\n"
        + head(
            "labels",
            "seed",
            "recipe",
            "CPU seconds",
            "ms a step",
            "ratio",
            "captions first fitted at step",
        )
    )
    for seed, style in product(range(seeds), STYLES_OF_THE_STUDY):
        usual = 0.0
        for recipe in reversed(RECIPES):
            condition = Condition(
                labels=style, steps=steps, data_seed=seed, init_seed=seed, recipe=recipe
            )
            made, seconds = train_here(condition)
            usual = usual or seconds
            cells = f"{seconds:.1f}", f"{1000 * seconds / steps:.1f}", f"{seconds / usual:.2f}"
            print(row(style, seed, recipe, *cells, made.first_fit_step or "never"), flush=True)


def processors(repeats: int) -> None:
    print(f"\n{head('a live run on', 'seconds, median', 'ratio')}")
    usual = 0.0
    for name, environment, before in (
        ("this processor", {}, ""),
        ("AVX2 alone", OLDER, ""),
        ("this processor without oneDNN", {}, WITHOUT_ONEDNN),
    ):
        command = "train", "--preset", "live"
        median = statistics.median(
            whole(*command, environment=environment, before=before) for _ in range(repeats)
        )
        usual = usual or median
        print(row(name, f"{median:.1f}", f"{median / usual:.2f}"), flush=True)


if __name__ == "__main__":
    main()
