"""Where data sets and models lie: one folder, the project's own unless ``VLCORE_HOME`` names another."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vlcore.core.errors import LabError


class HomeError(LabError, OSError):
    """The folder cannot be used; the message says what to do."""


def home() -> Path:
    """The folder that holds ``data/`` and ``models/``."""
    named = os.environ.get("VLCORE_HOME")
    return Path(named).expanduser().resolve() if named else Path(__file__).resolve().parents[2]


def data_folder() -> Path:
    return home() / "data"


def models_folder() -> Path:
    return home() / "models"


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file so that a reader sees the old or the new content, never a part."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(document, indent=1) + "\n")
    os.replace(aside, path)


def make_folder(path: Path) -> Path:
    """Create a folder with its parents.

    Raises:
        HomeError: when the place cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise HomeError(
            f"{path} cannot be written ({error.strerror}); make it writable or point VLCORE_HOME to another folder."
        ) from error
    return path


def write_text_atomic(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 file so that a reader sees the old one or the new one, never half of it.

    Args:
        path: Its folder must exist.
        text: The whole content; line ends stay as they are.

    Raises:
        OSError: The folder is missing, or the disk is full or read-only; an old file is left as it was.
    """
    target = Path(path)
    descriptor, aside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o644)  # mkstemp makes files that only their owner reads
        os.replace(aside, target)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
