"""Parts that commands share: types of arguments, training options, writing a page to a file."""

import contextlib
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from vlcore.data.catalogue import open_set
from vlcore.data.subset import on_its_set, usual_condition
from vlcore.experiment import files
from vlcore.experiment.condition import Condition, with_settings
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import write_errors
from vlcore.experiment.options import PRESETS

Document: TypeAlias = dict[str, Any]  # a JSON object: what a command prints, or a part of it


class CommandError(LabError):
    """An option that cannot be used; the message says what to give."""


def add_command(
    commands: Any, run: Callable[[Namespace], Any], name: str = ""
) -> Callable[..., Any]:
    """Add a command to the parser.

    Args:
        commands: The subparsers that the command is added to.
        run: Returns the document that is printed, as JSON or as text; the first paragraph of its
            docstring is the help, which is empty under ``python -OO``.
        name: What is typed; the name of the function by default.

    Returns:
        The command's `add_argument`.
    """
    sentence = " ".join((run.__doc__ or "").partition("\n\n")[0].split()).rstrip(".")
    help_text = sentence[:1].lower() + sentence[1:]
    command = commands.add_parser(name or run.__name__, help=help_text, description=help_text)
    command.set_defaults(run=run)
    option: Callable[..., Any] = command.add_argument
    option("--json", action="store_true", help="print one JSON document to standard output")
    return option


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Argument type: a whole number from `low` to `high`."""

    def read(text: str) -> int:
        with contextlib.suppress(ValueError):
            if low <= int(text) <= high:
                return int(text)
        raise ArgumentTypeError(f"{text} is not a whole number from {low} to {high}")

    return read


def comma_separated(count: int | None = None) -> Callable[[str], tuple[str, ...]]:
    """Argument type: names with commas between them, `count` of them if it is given."""

    def read(text: str) -> tuple[str, ...]:
        parts = tuple(filter(None, map(str.strip, text.split(","))))
        if count and len(parts) != count:
            raise ArgumentTypeError(f"give {count} names with commas between them, not {text!r}")
        return parts

    return read


def figure_path(text: str) -> Path:
    """Argument type: the file of a web page, or of a still figure."""
    return page_path(text, or_drawing=True)


def page_path(text: str, *, or_drawing: bool = False) -> Path:
    """Argument type: the file of a web page."""
    try:
        return files.page_file(text, or_drawing=or_drawing)
    except LabError as error:
        raise ArgumentTypeError(str(error).removesuffix(".")) from None


def write_out(out: Path, content: str | bytes) -> Document:
    """Write the file of `--out` whole or not at all; returns its path and size as a document."""
    with write_errors(out, "give --out another place"):
        files.write_file(out, content)
    return {"file": str(out), "bytes": out.stat().st_size}


def setting(text: str) -> list[str]:
    """Argument type: ``KEY=VALUE``."""
    if "=" not in text:
        raise ArgumentTypeError(f"{text!r} is not of the form KEY=VALUE")
    return text.split("=", 1)


def training_options(option: Callable[..., Any], seeds: bool = False) -> None:
    """Add the options that `base_condition` reads; `option` is the `add_argument` of a command."""
    option("--data", help="image set, default scenes")
    option("--preset", choices=PRESETS, help="training length, default standard")
    option(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="KEY=VALUE",
        dest="settings",
        help="another field of a condition, as in negatives=none or steps=1000; may be repeated",
    )
    if seeds:
        option("--seeds", type=int, default=1, help="number of paired seeds")


def base_condition(
    options: Namespace, texts: Mapping[str, str] | None = None, **changes: Any
) -> Condition:
    """The condition that a command's options describe.

    Args:
        options: Parsed `training_options`; ``--set`` overrides everything else.
        texts: Fields of the condition as a user types them.
        changes: Fields of the condition with their values.
    """
    data = "scenes" if options.data is None else options.data
    base = usual_condition(open_set(data))
    base = base.replace(steps=PRESETS[options.preset or "standard"], **changes)
    return on_its_set(with_settings(base, {**(texts or {}), **dict(options.settings)}))
