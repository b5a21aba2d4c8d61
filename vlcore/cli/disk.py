"""Commands about the disk: what lies there, delete and put back, make room."""

from argparse import Namespace
from typing import Any

from vlcore.artifacts import disk
from vlcore.cli.common import CommandError, add_command
from vlcore.experiment import limits, trash


def add_commands(commands: Any) -> None:
    add_command(commands, "disk", "what the home takes, what is free, what was deleted", show)
    option = add_command(
        commands, "delete", "take models away; for a week they can be put back", delete
    )
    option("key", nargs="+")
    option = add_command(
        commands, "restore", "put back a model or an image set that was deleted", restore
    )
    option("name")
    help_text = (
        "remove, until enough is free, what can be made again: old maps and untrained encoders"
    )
    option = add_command(commands, "prune", help_text, prune)
    least = limits.FREE_BYTES / 2**30
    option(
        "--free",
        type=float,
        default=least,
        metavar="GB",
        help=f"that shall be free; {least:g} unless given",
    )


def show(_options: Namespace) -> dict[str, Any]:
    return {
        "bytes": disk.usage()._asdict(),
        "most": disk.most(),
        "deleted": [one.name for one in trash.listed()],
    }


def delete(options: Namespace) -> dict[str, Any]:
    for key in options.key:
        disk.delete(key)
    return {"deleted": options.key, "days": round(trash.KEPT / 86400)}


def restore(options: Namespace) -> dict[str, Any]:
    return {"restored": [str(place) for place in trash.restore(options.name)]}


def prune(options: Namespace) -> dict[str, Any]:
    if not 0 <= options.free < 1e6:
        raise CommandError("--free is a number of GB.")
    return {"removed": disk.prune(round(options.free * 2**30)), "free": disk.free()}
