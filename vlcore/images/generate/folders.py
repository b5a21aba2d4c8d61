"""The folder that generated pictures are kept in.

The one idea: the folder is the state. A picture that can be read is done; the log says what was refused; ``plan.json``
says which plan the folder belongs to. So a run may end anywhere, and the next one goes on from there.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image

from vlcore.home import HomeError
from vlcore.images.generate.planning import GenerateError, Plan, Wanted
from vlcore.images.uploads import UploadError, open_upload

PLAN, LOG, METADATA = "plan.json", "generation.jsonl", "metadata.csv"
COLUMNS = ("file_name", "object", "context", "caption", "factors")


class Folder:
    """What is there of a plan.

    Attributes:
        sizes: "WIDTHxHEIGHT" of each picture that is there, by file name.
        refused: file names of the pictures that the model would not draw when it was last asked.
    """

    def __init__(self, plan: Plan, root: Path) -> None:
        """Look at a folder that exists, without changing it.

        Raises:
            GenerateError: when it belongs to something else.
        """
        self._plan, self._root = plan, root
        _check(plan, root)
        self.sizes: dict[str, str] = {}
        for one in plan.pictures:
            try:
                self._note(one, open_upload((root / one.file_name).read_bytes()))
            except (OSError, UploadError):
                continue  # missing or broken: it will be drawn
        last = {entry["file_name"]: entry["status"] for entry in _entries(root / LOG)}
        self.refused = {name for name, status in last.items() if status == "refused"} - self.sizes.keys()

    def missing(self, retry_refused: bool = False) -> list[Wanted]:
        """The pictures to ask for, turn by turn through the groups: a run cut short leaves them equally large."""
        done = self.sizes.keys() | (set() if retry_refused else self.refused)
        return sorted((one for one in self._plan.pictures if one.file_name not in done), key=lambda one: one.index)

    def claim(self) -> None:
        """Make this the folder of the plan.

        Raises:
            HomeError: when it cannot be written.
        """
        shared = self._plan.settings()
        document = {**shared, "pictures": [asdict(one) for one in self._plan.pictures]}
        self._put(PLAN, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())

    def keep(self, one: Wanted, image: Image.Image) -> None:
        """Write a picture; it appears whole or not at all.

        Raises:
            HomeError: when it cannot be written.
        """
        content = io.BytesIO()
        image.save(content, "PNG")
        self._put(one.file_name, content.getvalue())
        self._note(one, image)
        self.refused.discard(one.file_name)

    def log(self, one: Wanted, status: str, reason: str, seconds: float) -> None:
        """Append how one attempt at a picture ended: ok, refused or failed.

        Raises:
            HomeError: when it cannot be written.
        """
        if status == "refused":
            self.refused.add(one.file_name)
        entry = {"file_name": one.file_name, "status": status, "reason": reason, "seconds": round(seconds, 3)}
        line = json.dumps({**entry, "time": datetime.now(UTC).isoformat(timespec="seconds")}, ensure_ascii=False)
        path = self._root / LOG
        try:
            with path.open("a+b") as file:
                if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
                    file.write(b"\n")  # a run was killed while it wrote its last line
                file.write(line.encode() + b"\n")
        except OSError as error:
            raise unwritable(path, error) from error

    def write_metadata(self) -> None:
        """List the pictures that are there.

        Raises:
            HomeError: when the list cannot be written.
        """
        listing = io.StringIO()
        writer = csv.writer(listing, lineterminator="\n")
        writer.writerow(COLUMNS)
        shared = {name: value for name, value in self._plan.settings().items() if value is not None}
        for one in self._plan.pictures:
            if size := self.sizes.get(one.file_name):
                factors = {"prompt": one.prompt, **shared, "seed": one.seed, "size": size}
                row = (one.file_name, one.object, one.context, one.prompt, json.dumps(factors, ensure_ascii=False))
                writer.writerow(row)
        self._put(METADATA, listing.getvalue().encode())

    def _note(self, one: Wanted, image: Image.Image) -> None:
        self.sizes[one.file_name] = f"{image.width}x{image.height}"

    def _put(self, name: str, content: bytes) -> None:
        """Write a file aside and rename it, so that a reader sees the old or the new one, never a part."""
        path = self._root / name
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with aside.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())  # a picture may have been paid for
                os.replace(aside, path)
            finally:
                aside.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(path, error) from error


def _check(plan: Plan, root: Path) -> None:
    """Refuse a folder of another plan, or one that holds something else.

    A plan may grow: what was planned before must be part of it, unchanged.
    """
    path = root / PLAN
    if not path.exists():
        if any(not entry.name.startswith(".") for entry in root.iterdir()):
            raise GenerateError(f"{root} holds files that were not generated; choose a new folder.")
        return
    try:
        before: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        pictures = {Wanted(**entry) for entry in before.pop("pictures")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GenerateError(f"{path} cannot be read; choose a new folder.") from error
    for name, value in plan.settings().items():
        if before.get(name) != value:
            raise GenerateError(
                f"{root} was begun with {name} {before.get(name)!r}, not {value!r}; give the same again or choose a "
                "new folder."
            )
    if not pictures <= set(plan.pictures):
        raise GenerateError(
            f"{root} was begun with other pictures: give the same prompt, objects, contexts and seed and at least as "
            "many per group, or choose a new folder."
        )


def _entries(log: Path) -> Iterator[dict[str, str]]:
    """The whole lines of a log."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return  # nothing was asked for yet
    for line in lines:
        try:
            entry = json.loads(line)
            yield {"file_name": str(entry["file_name"]), "status": str(entry["status"])}
        except (ValueError, KeyError, TypeError):
            continue  # a run was killed while it wrote this line


def unwritable(path: Path, error: OSError) -> HomeError:
    """The sentence about a file that cannot be written."""
    return HomeError(
        f"{path} cannot be written ({error.strerror}); make room or make it writable, then run the same again to go on."
    )
