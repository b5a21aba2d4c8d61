"""Scripts that measure speed, as ratios to a named baseline of the same run."""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

FLAG = {"action": "store_true"}


def parse_options(description: str | None, **arguments: Any) -> argparse.Namespace:
    """Parse the command line of a script.

    Args:
        description: The docstring of the script.
        arguments: For each option its default, or a dictionary for `add_argument`.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in arguments.items():
        is_settings = isinstance(default, dict)
        settings = default if is_settings else {"type": type(default), "default": default}
        parser.add_argument("--" + name.replace("_", "-"), **settings)
    return parser.parse_args()


def seconds_of(*steps: Callable[[], Any]) -> float:
    """Seconds that some steps take, one after the other."""
    started = time.perf_counter()
    for step in steps:
        step()
    return time.perf_counter() - started


def processor_seconds(process: int) -> int:
    """Processor time of a process, without its children."""
    return int(subprocess.check_output(["ps", "-o", "cputimes=", "-p", str(process)]))


def resident(process: int) -> float:
    """Memory of a process in MB."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096 / 1e6


def row(*cells: object) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def head(*columns: str) -> str:
    """The head of a Markdown table."""
    return f"{row(*columns)}\n{row(*['---'] * len(columns))}"


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table, each row as soon as it is there."""
    print(head(*columns))
    for cells in rows:
        print(row(*cells), flush=True)


def print_aims(measurements: Iterable[tuple[str, float, float | None]]) -> None:
    """Print measurements beside their aims, each as name, value and aim."""
    rows = []
    for name, value, aim in measurements:
        rows.append((name, f"{value:.2f}", aim or "", f"{value / aim:.2f}" if aim else ""))
    print_table(("what", "found", "aim", "ratio"), rows)


@contextmanager
def fresh_home(data: Path | None = None, **environment: str) -> Iterator[Path]:
    """A temporary home for this process and its children.

    Args:
        data: A folder of image sets that the home shares.
        environment: More environment variables.
    """
    with tempfile.TemporaryDirectory() as folder:
        if data is not None:
            Path(folder, "data").symlink_to(data)
        with patch.dict(os.environ, VLCORE_HOME=folder, **environment):
            yield Path(folder)
