"""Command line: parse arguments, run one command, print its document.

With ``--json`` standard output holds one JSON document and nothing else; progress and errors go to
standard error. Exit codes: 0 done, 1 `verify` found a damaged artifact, 2 bad input (one sentence),
3 busy, 130 cancelled, 141 standard output was closed before everything was printed.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from io import TextIOWrapper
from typing import Any, NoReturn

from vlcore.cli import app, compare, data, disk, printing, runs, studies
from vlcore.experiment.errors import BusyError, LabError
from vlcore.experiment.files import system_errors
from vlcore.experiment.version import __version__
from vlcore.jobs.jobs import JobCancelledError

DONE = 0
DAMAGED = 1  # `verify` found an artifact that does not match its checksums
BAD_INPUT = 2
BUSY = 3
CANCELLED = 130  # as shells report SIGINT
CLOSED_PIPE = 141  # as shells report SIGPIPE


class _Parser(argparse.ArgumentParser):
    """Argument parser whose errors are one sentence, without the usage, of the command at fault."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:  # which argparse would leave to the parser of all commands
            flags = re.findall(r"--[a-z-]+", self.format_usage())
            similar = get_close_matches(unknown[0].partition("=")[0], flags, 1)
            hint = f"; did you mean {similar[0]}" if similar else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{message[0].upper()}{message[1:]}; see `{self.prog} --help`.\n")


def parser() -> argparse.ArgumentParser:
    """Build the parser of all commands and their options."""
    top = _Parser(
        prog="python -m vlcore",
        description="Train and look at small vision-language models on biased data.",
    )
    top.add_argument("--version", action="version", version=f"vlcore {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (app, data, studies, runs, disk, compare):
        module.add_commands(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal may lack the script of a name.
        sys.stdout.reconfigure(errors="backslashreplace")
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
    elif text := printing.document_text(document):
        print(text)
    if options.command == "verify" and not all(entry["ok"] for entry in document):
        return DAMAGED
    return DONE


def program() -> int:
    """Run `main` for a shell; end quietly when its output is closed, as in ``... | head``."""
    try:
        try:
            return main()
        finally:
            if sys.stdout is not None:  # a shell can close it before the start
                # An error while the interpreter exits could not be caught.
                sys.stdout.flush()
    except BrokenPipeError:
        devnull = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):  # both are flushed once more at exit
            os.dup2(devnull, stream.fileno())
        return CLOSED_PIPE


if __name__ == "__main__":
    sys.exit(program())
