"""Runs of a plan: draw what it names and a folder lacks, with retries, a log and a list of the
pictures.

The folder is the state. A picture that can be read is done, the log says what was refused, and
``plan.json`` says which plan the folder belongs to. However a run ends, the folder lists what is
there and the same call goes on.
"""

import io
import json
import os
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, sleep

import pandas as pd
from filelock import FileLock, Timeout
from PIL import Image

from vlcore.data.decoding import UploadError, open_upload
from vlcore.data.generation.plan import Backend, GenerateError, Plan, Refused, TryAgainError, Wanted
from vlcore.experiment.errors import BusyError
from vlcore.experiment.files import atomic, make_folder, write_errors
from vlcore.experiment.progress import Progress, silent

PLAN, LOG, METADATA = "plan.json", "generation.jsonl", "metadata.csv"
ATTEMPTS = (
    6  # at one batch; our own, for the retries of `openai` neither log an attempt nor wait for long
)
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds
MOST_ASKED = (
    600.0  # seconds that a service may ask to wait; where it asks for more, the run stops instead
)
_TO_GO_ON = "make room or make it writable, then run the same again to go on"


def find_backend(
    plan: Plan,
    *,
    base_url: str | None = None,
    batch: int = 1,
    choose_device: Callable[[], str] = lambda: "cpu",
) -> Callable[[], Backend]:
    """What opens the back end of a plan, checked without loading a model.

    Args:
        plan: says which back end draws.
        base_url: of an OpenAI-compatible service, else ``OPENAI_BASE_URL``; its key is in
        ``OPENAI_API_KEY``.
        batch: images that a local back end draws together.
        choose_device: names the device of a local back end when it is opened.

    Raises:
        GenerateError: where the settings do not fit, or a package is missing.
    """
    local = plan.backend == "local"
    package = "diffusers" if local else "openai>=3"
    for fits, message in (
        (
            not local or base_url is None,
            "A base URL is for a service; leave it out for the local back end.",
        ),
        (
            local or batch == 1,
            "A batch is for the local back end; a service is asked for one picture at a time.",
        ),
        (batch >= 1, f"A batch of {batch} pictures cannot be drawn; give at least 1."),
        (
            find_spec(package.partition(">")[0]),
            f'This back end needs a package: pip install "{package}".',
        ),
    ):
        if not fits:
            raise GenerateError(message)
    if not local:
        from vlcore.data.generation.service import Service

        service = Service(plan, base_url)
        return lambda: service

    def load() -> Backend:
        from vlcore.data.generation.diffusion import TextToImage

        return TextToImage(plan, choose_device(), batch)

    return load


class Folder:
    """The pictures of a plan that are there, and those that were refused when they were last asked
    for."""

    def __init__(self, plan: Plan, root: Path) -> None:
        self._plan, self._root = plan, root
        self._check()
        self.sizes: dict[
            str, str
        ] = {}  # "WIDTHxHEIGHT" of each picture that is there, by file name
        for one in plan.pictures:
            with suppress(OSError, UploadError):  # missing or broken: it will be drawn
                image = open_upload((root / one.file_name).read_bytes())
                self.sizes[one.file_name] = f"{image.width}x{image.height}"
        last = {}
        with suppress(OSError):  # where there is no log, nothing was asked for yet
            for line in (root / LOG).read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(
                    ValueError, KeyError, TypeError
                ):  # a run was killed while it wrote this line
                    entry = json.loads(line)
                    last[str(entry["file_name"])] = entry["status"]
        self._refused = {name for name, status in last.items() if status == "refused"}

    def _check(self) -> None:
        """A plan may grow: what was planned before must be part of it, unchanged."""
        root, path = self._root, self._root / PLAN
        if not path.exists():
            if any(not entry.name.startswith(".") for entry in root.iterdir()):
                raise GenerateError(
                    f"{root} holds files that were not generated; choose a new folder."
                )
            return
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            pictures = {Wanted(**entry) for entry in before.pop("pictures")}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise GenerateError(f"{path} cannot be read; choose a new folder.") from error
        for name, value in self._plan.settings().items():
            if before.get(name) != value:
                begun = f"{root} was begun with {name} {before.get(name)!r}, not {value!r}"
                raise GenerateError(f"{begun}; give the same again or choose a new folder.")
        if not pictures <= set(self._plan.pictures):
            same = "give the same prompt, objects, contexts and seed and at least as many per group"
            raise GenerateError(
                f"{root} was begun with other pictures: {same}, or choose a new folder."
            )

    def missing(self, retry_refused: bool = False) -> list[Wanted]:
        """The pictures to ask for, turn by turn through the groups: a run cut short leaves them
        equally large."""
        done = self.sizes.keys() | (set() if retry_refused else self._refused)
        return sorted(
            (one for one in self._plan.pictures if one.file_name not in done),
            key=lambda one: one.index,
        )

    def keep(self, one: Wanted, answer: Image.Image | Refused, seconds: float) -> None:
        """Write a picture, and what was answered."""
        if isinstance(answer, Refused):
            self.log(one, "refused", answer, seconds)
            return
        content = io.BytesIO()
        answer.save(content, "PNG")
        self.write(one.file_name, content.getvalue())
        self.sizes[one.file_name] = f"{answer.width}x{answer.height}"
        self.log(one, "ok", "", seconds)

    def log(self, one: Wanted, status: str, reason: str, seconds: float) -> None:
        """Append how one attempt at a picture ended: ok, refused or failed."""
        entry = {
            "file_name": one.file_name,
            "status": status,
            "reason": reason,
            "seconds": round(seconds, 3),
        }
        line = json.dumps(
            {**entry, "time": datetime.now(UTC).isoformat(timespec="seconds")}, ensure_ascii=False
        )
        with write_errors(self._root / LOG, _TO_GO_ON), (self._root / LOG).open("a+b") as file:
            if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
                file.write(b"\n")  # a run was killed while it wrote its last line
            file.write(line.encode() + b"\n")

    def write_metadata(self) -> None:
        """List the pictures that are there."""
        shared = {name: value for name, value in self._plan.settings().items() if value is not None}
        rows = []
        for one in self._plan.pictures:
            if size := self.sizes.get(one.file_name):
                words = json.dumps(
                    {"prompt": one.prompt, **shared, "seed": one.seed, "size": size},
                    ensure_ascii=False,
                )
                rows.append((one.file_name, one.object, one.context, one.prompt, words))
        table = pd.DataFrame(rows, columns=["file_name", "object", "context", "caption", "factors"])
        self.write(METADATA, table.to_csv(index=False, lineterminator="\n").encode())

    def write(self, name: str, content: bytes) -> None:
        """Write a file that appears whole or not at all."""
        path = self._root / name
        with write_errors(path, _TO_GO_ON):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic(path, durable=True) as aside:  # a picture may have been paid for
                aside.write_bytes(content)


def remaining(plan: Plan, folder: Path, *, retry_refused: bool = False) -> list[Wanted]:
    """The pictures that `generate` would ask for; nothing is written."""
    return Folder(plan, folder).missing(retry_refused) if folder.exists() else list(plan.pictures)


def generate(
    plan: Plan,
    backend: Backend,
    folder: Path,
    progress: Progress = silent,
    *,
    retry_refused: bool = False,
) -> int:
    """Draw the pictures of a plan that a folder lacks; returns how many were drawn. The folder is a
    new one, or that of an earlier run of the plan, which may have grown. A refusal counts as done;
    with `retry_refused`, what was refused is asked for once more. BusyError when another run draws
    into the folder, GenerateError when it belongs to something else, or the back end failed too
    often or for good."""
    lock = make_folder(folder) / ".generate.lock"
    with write_errors(lock, _TO_GO_ON):
        try:
            held = FileLock(lock, timeout=0).acquire()
        except Timeout:
            raise BusyError(
                f"Another run draws into {folder}; wait for it or choose another folder."
            ) from None
    with held:
        place = Folder(plan, folder)
        before = set(place.sizes)
        document = {**plan.settings(), "pictures": [asdict(one) for one in plan.pictures]}
        place.write(PLAN, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())
        try:
            todo, total = place.missing(retry_refused), len(plan.pictures)
            progress(total - len(todo), total)
            for start in range(0, len(todo), backend.batch):
                _draw(backend, place, todo[start : start + backend.batch])
                progress(total - len(todo) + min(start + backend.batch, len(todo)), total)
        finally:
            place.write_metadata()
    return len(place.sizes.keys() - before)


def _draw(backend: Backend, place: Folder, batch: Sequence[Wanted]) -> None:
    """Ask for a batch until it is answered."""
    for attempt in range(1, ATTEMPTS + 1):
        start = perf_counter()
        try:
            answers = backend.draw(batch)
            break
        except (TryAgainError, GenerateError) as error:
            for one in batch:
                place.log(one, "failed", str(error), (perf_counter() - start) / len(batch))
            if isinstance(error, GenerateError):
                raise
            if error.after is not None and error.after > MOST_ASKED:
                wait = (
                    f"it asks to wait {error.after / 60:.0f} minutes; run the same again then to"
                    " go on"
                )
                raise GenerateError(f"{error}, and {wait}.") from error
            if attempt == ATTEMPTS:
                advice = "what is drawn is kept, so run the same again later to go on"
                raise GenerateError(f"{error}, {ATTEMPTS} times in a row; {advice}.") from error
            sleep(waiting_seconds(attempt, error.after))
    seconds = (perf_counter() - start) / len(batch)
    for one, answer in zip(batch, answers, strict=True):
        place.keep(one, answer, seconds)


def waiting_seconds(attempt: int, after: float | None) -> float:
    """Seconds to wait after attempt number `attempt`, from 1: doubled up to a bound, half of it by
    chance."""
    half = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1)) / 2
    # Chance keeps two runs that were turned away together from coming back together.
    return max(after or 0.0, half) + half * random.random()  # noqa: S311
