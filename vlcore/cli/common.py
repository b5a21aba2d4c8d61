"""Parts that commands share: types of arguments, options of training, the model of a key, the file
of a page."""

import contextlib
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vlcore.data.catalogue import open_set
from vlcore.data.subset import on_its_set, usual_condition
from vlcore.experiment.condition import Condition, with_settings
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import atomic, write_errors
from vlcore.experiment.options import PRESETS


class CommandError(LabError):
    """An option that cannot be used; the message says what to give."""


def add_command(
    commands: Any, name: str, help_text: str, run: Callable[[Namespace], Any]
) -> Callable[..., Any]:
    """A command whose function returns what can be printed as JSON or as text. Returns its
    `add_argument`."""
    command = commands.add_parser(name, help=help_text, description=help_text)
    command.set_defaults(run=run)
    option: Callable[..., Any] = command.add_argument
    option("--json", action="store_true", help="print one JSON document to standard output")
    return option


def whole(low: int, high: int) -> Callable[[str], int]:
    """The type of a whole number in a range."""

    def read(text: str) -> int:
        with contextlib.suppress(ValueError):
            if low <= int(text) <= high:
                return int(text)
        raise ArgumentTypeError(f"{text} is not a whole number from {low} to {high}")

    return read


def names(count: int | None = None) -> Callable[[str], tuple[str, ...]]:
    """The type of texts with commas between them, so many of them."""

    def read(text: str) -> tuple[str, ...]:
        given = tuple(filter(None, map(str.strip, text.split(","))))
        if count and len(given) != count:
            raise ArgumentTypeError(f"give {count} names with commas between them, not {text!r}")
        return given

    return read


def page_path(text: str) -> Path:
    """The type of the file of a web page."""
    if Path(text).suffix.lower() != ".html":
        raise ArgumentTypeError(f"{text} becomes a web page, so give a name that ends in .html")
    return Path(text)


def write_page(out: Path, page: str) -> dict[str, Any]:
    """Write a page, whole or not at all; returns what is said of its file."""
    content = page.encode()
    with write_errors(out, "give --out another place"), atomic(out, durable=True) as aside:
        aside.write_bytes(content)
    return {"file": str(out), "bytes": len(content)}


def setting(text: str) -> list[str]:
    """The type of ``KEY=VALUE``."""
    if "=" not in text:
        raise ArgumentTypeError(f"{text!r} is not of the form KEY=VALUE")
    return text.split("=", 1)


def training_options(option: Callable[..., Any], seeds: bool = False) -> None:
    """Add the options that `base_condition` reads, by the `add_argument` of a command."""
    option("--data", default="scenes", help="image set")
    option("--preset", choices=PRESETS, default="standard", help="training length")
    set_help = (
        "any other field of a condition, such as negatives=none or steps=1000; may be repeated"
    )
    option(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="KEY=VALUE",
        dest="settings",
        help=set_help,
    )
    if seeds:
        option("--seeds", type=int, default=1, help="number of paired seeds")


def base_condition(
    options: Namespace, texts: Mapping[str, str] | None = None, **changes: Any
) -> Condition:
    """The condition of `training_options`, and of what a command's own options say; ``--set`` has
    the last word."""
    usual = usual_condition(open_set(options.data)).replace(
        steps=PRESETS[options.preset], **changes
    )
    return on_its_set(with_settings(usual, {**(texts or {}), **dict(options.settings)}))
