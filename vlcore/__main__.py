"""Command line: parse, call, print.

With ``--json`` one document goes to standard output and nothing else does; all for people goes to
standard error. Exit
codes: 0 done, 2 bad input (one sentence), 3 busy, 130 cancelled, 141 (closed pipe) when nobody
reads what is printed.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

from vlcore.cli import compare, data, disk, printing, runs, serve, studies
from vlcore.experiment.errors import BusyError, LabError
from vlcore.experiment.files import system_errors
from vlcore.jobs.jobs import JobCancelledError

BAD_INPUT, BUSY, CANCELLED, UNREAD = 2, 3, 130, 141


class _Parser(argparse.ArgumentParser):
    """Says in one sentence what was wrong, instead of printing the usage first."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{message[0].upper()}{message[1:]}; see `{self.prog} --help`.\n")


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    top = _Parser(
        prog="python -m vlcore",
        description="Train and look at small vision-language models on biased data.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (data, studies, runs, disk, compare, serve):
        module.add_commands(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # names in any script, on a terminal that lacks it
    try:
        with system_errors():
            document = options.run(options)
    except LabError as error:
        print(error, file=sys.stderr)
        return BUSY if isinstance(error, BusyError) else BAD_INPUT
    except (JobCancelledError, KeyboardInterrupt):
        print("Cancelled; nothing was published.", file=sys.stderr)
        return CANCELLED
    if options.json:
        print(json.dumps(document, indent=1))
    elif text := printing.for_people(document):
        print(text)
    return 1 if options.command == "verify" and any(not entry["ok"] for entry in document) else 0


def program() -> int:
    """`main` for a shell: ends quietly where nobody reads on, as in ``... | head``."""
    try:
        try:
            return main()
        finally:
            if sys.stdout is not None:  # a shell can close it before we start
                # here rather than when the interpreter ends, where nothing can be caught
                sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):  # what is left in them is written out at the end
            os.dup2(nowhere, stream.fileno())
        return UNREAD


if __name__ == "__main__":
    sys.exit(program())
