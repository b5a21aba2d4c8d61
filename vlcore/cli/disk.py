"""Commands about the disk: usage, delete and restore, free space."""

from argparse import Namespace
from typing import Any

from vlcore.artifacts import disk
from vlcore.cli.common import CommandError, Document, add_command
from vlcore.experiment import limits, trash


def add_commands(commands: Any) -> None:
    add_command(commands, disk_usage, "disk")
    option = add_command(commands, delete)
    option("key", nargs="+")
    option = add_command(commands, restore)
    option("name")
    option = add_command(commands, prune)
    least = limits.FREE_BYTES / 2**30
    option(
        "--free",
        type=float,
        default=least,
        metavar="GB",
        help=f"free space to reach; default: {least:g}",
    )


def disk_usage(_options: Namespace) -> Document:
    """Disk use of the home, free space, and what was deleted."""
    return {
        "bytes": disk.usage()._asdict(),
        "most": disk.home_limit(),
        "deleted": [entry.name for entry in trash.deleted_folders()],
    }


def delete(options: Namespace) -> Document:
    """Delete models; for a week they can be restored."""
    disk.delete_artifacts(*options.key)
    return {"deleted": options.key, "days": round(trash.KEPT_SECONDS / 86400)}


def restore(options: Namespace) -> Document:
    """Restore a model or an image set that was deleted."""
    return {"restored": [str(path) for path in trash.restore_deleted(options.name)]}


def prune(options: Namespace) -> Document:
    """Free space: remove old maps and untrained encoders, which can be made again."""
    if not 0 <= options.free < 1e6:
        raise CommandError("--free is a number of GB; give one from 0 to 999999.")
    return {"removed": disk.prune_home(round(options.free * 2**30)), "free": disk.free_bytes()}
