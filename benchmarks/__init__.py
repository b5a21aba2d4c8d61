"""Scripts that time the lab, as ratios to a named baseline of the same run, and that make what it
publishes."""

import argparse
import statistics
import subprocess
import time
from collections.abc import Callable
from typing import Any


def options(words: str | None, **arguments: Any) -> argparse.Namespace:
    """The command line of a script: its words, and its options, by their default or by what
    argparse takes."""
    parser = argparse.ArgumentParser(
        description=words, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, given in arguments.items():
        settings = given if isinstance(given, dict) else {"type": type(given), "default": given}
        parser.add_argument("--" + name.replace("_", "-"), **settings)
    return parser.parse_args()


def seconds(work: Callable[[], Any], repeats: int = 1) -> float:
    """How long it takes; the median of some repeats."""
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def processor_seconds(process: int) -> int:
    """Processor time that a process has taken; its children's is not in it."""
    return int(subprocess.check_output(["ps", "-o", "cputimes=", "-p", str(process)]))


def row(*cells: object) -> str:
    """A row of a table for a page of text."""
    return f"| {' | '.join(map(str, cells))} |"


def head(*columns: str) -> str:
    return f"{row(*columns)}\n{row(*['---'] * len(columns))}"
