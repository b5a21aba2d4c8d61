"""Runs of a plan: draw what it names and a folder lacks, with retries, a log and a list of the pictures.

The folder is the state. A picture that can be read is done, the log says what was refused, and ``plan.json`` says which
plan the folder belongs to. However a run ends, the folder lists what is there and the same call goes on.
"""

from __future__ import annotations

import io
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout
from PIL import Image

from vlcore.core.files import HomeError, atomic, make_folder
from vlcore.datasets.imageset import Progress, silent
from vlcore.datasets.uploads import UploadError, open_upload
from vlcore.generation.backend import Backend, Refused, TryAgainError
from vlcore.generation.plan import GenerateBusyError, GenerateError, Plan, Wanted

PLAN, LOG, METADATA = "plan.json", "generation.jsonl", "metadata.csv"
ATTEMPTS = 6  # at one batch; our own, for the retries of `openai` neither log an attempt nor wait for long
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds
MOST_ASKED = 600.0  # seconds that a service may ask to wait; where it asks for more, the run stops instead


def check_backend(plan: Plan, *, base_url: str | None = None, batch: int = 1) -> None:
    """Make sure that `open_backend` will do, as far as can be known without loading a model.

    Raises:
        GenerateError: when a package or the key is missing, or an option cannot be used.
    """
    if plan.backend == "service":
        open_backend(plan, base_url=base_url, batch=batch)
        return
    if base_url is not None:
        raise GenerateError("A base URL is for a service; leave it out for the local back end.")
    if batch < 1:
        raise GenerateError(f"A batch of {batch} pictures cannot be drawn; give at least 1.")
    if find_spec("diffusers") is None:
        raise GenerateError('Drawing on this machine needs the package diffusers: pip install "diffusers".')


def open_backend(plan: Plan, *, base_url: str | None = None, batch: int = 1) -> Backend:
    """The back end of a plan, ready to draw.

    Args:
        plan: what it will draw.
        base_url: address of an OpenAI-compatible service, such as ``http://localhost:8080/v1``; None for the one in
            ``OPENAI_BASE_URL``, or OpenAI's own. Its key is read from ``OPENAI_API_KEY``.
        batch: pictures that a local model draws together.

    Raises:
        GenerateError: when a package, the key or the model is missing, or an option cannot be used.
    """
    if plan.backend == "service":
        if batch != 1:
            raise GenerateError("A batch is for the local back end; a service is asked for one picture at a time.")
        if find_spec("openai") is None:
            raise GenerateError('A service is asked through the package openai: pip install "openai>=3".')
        from vlcore.generation.service import Service

        return Service(plan, base_url)
    check_backend(plan, base_url=base_url, batch=batch)
    from vlcore.generation.diffusion import TextToImage

    return TextToImage(plan, batch)


def generate(
    plan: Plan,
    backend: Backend,
    folder: Path,
    progress: Progress = silent,
    *,
    retry_refused: bool = False,
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Draw the pictures of a plan that a folder lacks.

    The folder holds the pictures, ``metadata.csv`` that lists them, ``generation.jsonl`` with a line for each attempt
    at a picture, and ``plan.json``.

    Args:
        plan: what to draw. It may ask for more than the run before, but for nothing else.
        backend: draws it.
        folder: a new one, or that of an earlier run.
        progress: called with (done, of), where a refusal counts as done.
        retry_refused: ask once more for what was refused.
        attempts: at most this many for one batch.
        sleep: waits for some seconds.

    Returns:
        How many pictures were drawn.

    Raises:
        GenerateBusyError: when another run draws into the folder.
        GenerateError: when the folder belongs to something else, or the back end failed too often or for good.
        HomeError: when the folder cannot be written.
    """
    lock = make_folder(folder) / ".generate.lock"
    with _writing(lock):
        try:
            held = FileLock(lock, timeout=0).acquire()
        except Timeout:
            raise GenerateBusyError(f"Another run draws into {folder}; wait for it or choose another folder.") from None
    with held:
        place = Folder(plan, folder)
        before = set(place.sizes)
        document = {**plan.settings(), "pictures": [asdict(one) for one in plan.pictures]}
        place.write(PLAN, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())
        try:
            todo, total = place.missing(retry_refused), len(plan.pictures)
            progress(total - len(todo), total)
            for start in range(0, len(todo), backend.batch):
                batch = todo[start : start + backend.batch]
                answers, seconds = _ask(backend, place, batch, attempts, sleep)
                for one, answer in zip(batch, answers, strict=True):
                    if isinstance(answer, Refused):
                        place.log(one, "refused", answer.reason, seconds)
                    else:
                        place.keep(one, answer)
                        place.log(one, "ok", "", seconds)
                progress(total - len(todo) + start + len(batch), total)
        finally:
            place.write_metadata()
    return len(place.sizes.keys() - before)


def _ask(
    backend: Backend, place: Folder, batch: Sequence[Wanted], attempts: int, sleep: Callable[[float], None]
) -> tuple[list[Image.Image | Refused], float]:
    """What a back end answers to a batch in the end, and the seconds that each of its pictures took."""
    for attempt in range(1, attempts + 1):
        start = time.perf_counter()
        try:
            answers = backend.draw(batch)
            return answers, (time.perf_counter() - start) / len(batch)
        except (TryAgainError, GenerateError) as error:
            failure = error
        for one in batch:
            place.log(one, "failed", str(failure), (time.perf_counter() - start) / len(batch))
        if isinstance(failure, GenerateError):
            raise failure
        if failure.after is not None and failure.after > MOST_ASKED:
            raise GenerateError(
                f"{failure}, and it asks to wait {failure.after / 60:.0f} minutes; run the same again then to go on."
            ) from failure
        if attempt < attempts:
            sleep(waiting_seconds(attempt, failure.after))
    raise GenerateError(
        f"{failure}, {attempts} times in a row; what is drawn is kept, so run the same again later to go on."
    ) from failure


def waiting_seconds(attempt: int, after: float | None) -> float:
    """How long to wait once attempt number `attempt` failed, counted from 1: doubled each time up to a bound, half of
    it by chance, and never less than was asked for."""
    half = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1)) / 2
    # Chance keeps two runs that were turned away together from coming back together.
    return max(after or 0.0, half) + half * random.random()  # noqa: S311


def remaining(plan: Plan, folder: Path, *, retry_refused: bool = False) -> list[Wanted]:
    """The pictures that `generate` would ask for; nothing is written.

    Raises:
        GenerateError: when the folder belongs to something else.
    """
    return Folder(plan, folder).missing(retry_refused) if folder.exists() else list(plan.pictures)


class Folder:
    """The pictures of a plan that are there, and those that were refused.

    Attributes:
        sizes: "WIDTHxHEIGHT" of each picture that is there, by file name.
        refused: file names of the pictures that the model would not draw when it was last asked.

    What writes raises `HomeError` when it cannot.
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
            with suppress(OSError, UploadError):  # missing or broken: it will be drawn
                image = open_upload((root / one.file_name).read_bytes())
                self.sizes[one.file_name] = f"{image.width}x{image.height}"
        last = {}
        with suppress(OSError):  # where there is no log, nothing was asked for yet
            for line in (root / LOG).read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError, KeyError, TypeError):  # a run was killed while it wrote this line
                    entry = json.loads(line)
                    last[str(entry["file_name"])] = str(entry["status"])
        self.refused = {name for name, status in last.items() if status == "refused"} - self.sizes.keys()

    def missing(self, retry_refused: bool = False) -> list[Wanted]:
        """The pictures to ask for, turn by turn through the groups: a run cut short leaves them equally large."""
        done = self.sizes.keys() | (set() if retry_refused else self.refused)
        return sorted((one for one in self._plan.pictures if one.file_name not in done), key=lambda one: one.index)

    def keep(self, one: Wanted, image: Image.Image) -> None:
        """Write a picture; it appears whole or not at all."""
        content = io.BytesIO()
        image.save(content, "PNG")
        self.write(one.file_name, content.getvalue())
        self.sizes[one.file_name] = f"{image.width}x{image.height}"
        self.refused.discard(one.file_name)

    def log(self, one: Wanted, status: str, reason: str, seconds: float) -> None:
        """Append how one attempt at a picture ended: ok, refused or failed."""
        if status == "refused":
            self.refused.add(one.file_name)
        entry = {"file_name": one.file_name, "status": status, "reason": reason, "seconds": round(seconds, 3)}
        line = json.dumps({**entry, "time": datetime.now(UTC).isoformat(timespec="seconds")}, ensure_ascii=False)
        with _writing(self._root / LOG), (self._root / LOG).open("a+b") as file:
            if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
                file.write(b"\n")  # a run was killed while it wrote its last line
            file.write(line.encode() + b"\n")

    def write_metadata(self) -> None:
        """List the pictures that are there."""
        shared = {name: value for name, value in self._plan.settings().items() if value is not None}
        rows = []
        for one in self._plan.pictures:
            if size := self.sizes.get(one.file_name):
                factors = {"prompt": one.prompt, **shared, "seed": one.seed, "size": size}
                words = json.dumps(factors, ensure_ascii=False)
                rows.append((one.file_name, one.object, one.context, one.prompt, words))
        table = pd.DataFrame(rows, columns=["file_name", "object", "context", "caption", "factors"])
        self.write(METADATA, table.to_csv(index=False, lineterminator="\n").encode())

    def write(self, name: str, content: bytes) -> None:
        """Write a file that appears whole or not at all."""
        path = self._root / name
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic(path, durable=True) as aside:  # a picture may have been paid for
                aside.write_bytes(content)


def _check(plan: Plan, root: Path) -> None:
    """Refuse a folder of something else. A plan may grow: what was planned before must be part of it, unchanged."""
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


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Says of a file that cannot be written what to do."""
    try:
        yield
    except OSError as error:
        raise HomeError(
            f"{path} cannot be written ({error.strerror}); make room or make it writable, then run the same again to "
            "go on."
        ) from error
