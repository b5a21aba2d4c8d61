"""Runs of a plan: draw what it names and a folder lacks, with a log and a list of the images.

The folder is the state. An image that can be read is done, the log says what was refused, and
``plan.json`` says which plan the folder belongs to. However a run ends, the folder lists its images
and the same call resumes it.
"""

import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import pandas as pd
from filelock import FileLock, Timeout
from PIL import Image

from vlcore.data.generation.plan import (
    Backend,
    GenerateError,
    GenerationPlan,
    PlannedImage,
    Refused,
)
from vlcore.experiment.errors import BusyError
from vlcore.experiment.files import atomic, make_folder, write_errors
from vlcore.experiment.progress import Progress, silent

PLAN, LOG, METADATA = "plan.json", "generation.jsonl", "metadata.csv"
_ADVICE = "make room or make it writable, then run the same again to go on"


def find_backend(
    plan: GenerationPlan,
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
    if batch < 1:
        raise GenerateError(f"A batch of {batch} images cannot be drawn; give at least 1.")
    if plan.backend == "service":
        if batch != 1:
            raise GenerateError(
                "A batch is for the local back end; a service is asked for one image at a time."
            )
        _need_package("openai", ">=3")
        from vlcore.data.generation.service import Service

        service = Service(plan, base_url)
        return lambda: service
    if base_url is not None:
        raise GenerateError("A base URL is for a service; leave it out for the local back end.")
    _need_package("diffusers")

    def load() -> Backend:
        from vlcore.data.generation.diffusion import TextToImage

        return TextToImage(plan, choose_device(), batch)

    return load


def _need_package(name: str, version: str = "") -> None:
    if not find_spec(name):
        raise GenerateError(f'This back end needs a package: pip install "{name}{version}".')


class Folder:
    """The images of a plan that are drawn, and those that were refused when they were last asked
    for."""

    def __init__(self, plan: GenerationPlan, root: Path) -> None:
        self._plan, self._root = plan, root
        self._check_plan()
        self.sizes: dict[str, str] = {}  # "WIDTHxHEIGHT" of each drawn image, by file name
        for planned in plan.images:
            # Missing or broken: it will be drawn. Its pixels are not decoded.
            with (
                suppress(OSError, SyntaxError, ValueError),
                Image.open(root / planned.file_name) as image,
            ):
                image.verify()
                self.sizes[planned.file_name] = f"{image.width}x{image.height}"
        self._statuses: dict[str, str] = {}  # of the last request, by file name
        with suppress(OSError):  # where there is no log, nothing was asked for yet
            for line in (root / LOG).read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError, KeyError, TypeError):  # half a line of a killed run
                    entry = json.loads(line)
                    self._statuses[str(entry["file_name"])] = entry["status"]

    def _check_plan(self) -> None:
        """A plan may grow: what was planned before must be part of it, unchanged."""
        path = self._root / PLAN
        if not path.exists():
            if any(not entry.name.startswith(".") for entry in self._root.iterdir()):
                raise GenerateError(
                    f"{self._root} holds files that were not generated; choose a new folder."
                )
            return
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
            images = {PlannedImage(**fields) for fields in settings.pop("pictures")}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise GenerateError(f"{path} cannot be read; choose a new folder.") from error
        for name, value in self._plan.settings().items():
            if settings.get(name) != value:
                raise GenerateError(
                    f"{self._root} was begun with {name} {settings.get(name)!r}, not {value!r};"
                    " give the same again or choose a new folder."
                )
        if not images <= set(self._plan.images):
            raise GenerateError(
                f"{self._root} was begun with other images: give the same prompt, objects, contexts"
                " and seed and at least as many per group, or choose a new folder."
            )

    def missing(self, retry_refused: bool = False) -> list[PlannedImage]:
        """The images to ask for, in turn through the groups: a run cut short leaves them equally
        large."""
        missing = []
        for image in self._plan.images:
            is_refused = self._statuses.get(image.file_name) == "refused"
            if image.file_name not in self.sizes and (retry_refused or not is_refused):
                missing.append(image)
        return sorted(missing, key=lambda image: image.index)

    def draw(self, backend: Backend, images: list[PlannedImage]) -> None:
        """Ask a back end for images, write them and log how it went."""
        start = perf_counter()
        try:
            answers = backend.draw(images)
        except GenerateError as error:
            for planned in images:
                self._log(planned, "failed", str(error), perf_counter() - start)
            raise
        seconds = (perf_counter() - start) / len(images)
        for planned, answer in zip(images, answers, strict=True):
            if isinstance(answer, Refused):
                self._log(planned, "refused", answer, seconds)
                continue
            content = io.BytesIO()
            answer.save(content, "PNG")
            self._write(planned.file_name, content.getvalue())
            self.sizes[planned.file_name] = f"{answer.width}x{answer.height}"
            self._log(planned, "ok", "", seconds)

    def _log(self, planned: PlannedImage, status: str, reason: str, seconds: float) -> None:
        """Append how a request for an image ended: ok, refused or failed."""
        entry = {
            "file_name": planned.file_name,
            "status": status,
            "reason": reason,
            "seconds": round(seconds, 3),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        path = self._root / LOG
        with write_errors(path, _ADVICE), path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(entry, ensure_ascii=False)}\n")

    def write_plan(self) -> None:
        document = self._plan.settings()
        document["pictures"] = [asdict(image) for image in self._plan.images]
        self._write(PLAN, f"{json.dumps(document, indent=1, ensure_ascii=False)}\n".encode())

    def write_metadata(self) -> None:
        """List the images that are drawn."""
        shared = {name: value for name, value in self._plan.settings().items() if value is not None}
        rows = []
        for image in self._plan.images:
            if size := self.sizes.get(image.file_name):
                factors = {"prompt": image.prompt, **shared, "seed": image.seed, "size": size}
                row = {
                    "file_name": image.file_name,
                    "object": image.object,
                    "context": image.context,
                    "caption": image.prompt,
                    "factors": json.dumps(factors, ensure_ascii=False),
                }
                rows.append(row)
        columns = ["file_name", "object", "context", "caption", "factors"]
        table = pd.DataFrame(rows, columns=columns)
        self._write(METADATA, table.to_csv(index=False, lineterminator="\n").encode())

    def _write(self, name: str, content: bytes) -> None:
        """Write a file that appears complete or not at all."""
        path = self._root / name
        with write_errors(path, _ADVICE):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic(path, durable=True) as temporary:  # an image may have been paid for
                temporary.write_bytes(content)


def remaining(
    plan: GenerationPlan, folder: Path, *, retry_refused: bool = False
) -> list[PlannedImage]:
    """The images that `generate_images` would ask for; nothing is written."""
    return Folder(plan, folder).missing(retry_refused) if folder.exists() else list(plan.images)


def finish(plan: GenerationPlan, folder: Path) -> list[PlannedImage]:
    """List the images of a folder that are drawn, as the plan names their contexts; returns the
    others, which were refused."""
    state = Folder(plan, folder)
    state.write_metadata()
    return state.missing(retry_refused=True)


def generate_images(
    plan: GenerationPlan,
    backend: Backend,
    folder: Path,
    progress: Progress = silent,
    *,
    retry_refused: bool = False,
) -> int:
    """Draw the images of a plan that a folder lacks.

    Args:
        folder: a new one, or that of an earlier run of the plan, which may have grown.
        progress: told (done, of) in images.
        retry_refused: ask once more for what was refused; else a refusal counts as done.

    Returns:
        How many were drawn.

    Raises:
        BusyError: when another run draws into the folder.
        GenerateError: when it belongs to something else, or the back end failed.
    """
    lock = make_folder(folder) / ".generate.lock"
    with write_errors(lock, _ADVICE):
        try:
            held = FileLock(lock, timeout=0).acquire()
        except Timeout:
            raise BusyError(
                f"Another run draws into {folder}; wait for it or choose another folder."
            ) from None
    with held:
        state = Folder(plan, folder)
        before = len(state.sizes)
        state.write_plan()
        try:
            missing = state.missing(retry_refused)
            done = len(plan.images) - len(missing)
            progress(done, len(plan.images))
            for start in range(0, len(missing), backend.batch):
                batch = missing[start : start + backend.batch]
                state.draw(backend, batch)
                done += len(batch)
                progress(done, len(plan.images))
        finally:
            state.write_metadata()
    return len(state.sizes) - before
