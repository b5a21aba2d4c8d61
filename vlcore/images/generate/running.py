"""Draw what a plan names and a folder lacks.

The one idea: only this loop waits, repeats and writes. A back end makes single attempts, and however a run ends, by its
last picture, an error or Ctrl-C, the folder lists what is there and the same call goes on.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from PIL import Image

from vlcore.home import make_folder
from vlcore.images.generate.backends import Backend, Refused, TryAgainError
from vlcore.images.generate.folders import Folder, unwritable
from vlcore.images.generate.planning import GenerateBusyError, GenerateError, Plan, Wanted
from vlcore.images.groups import group_name
from vlcore.images.imagesets import Progress, silent


@dataclass(frozen=True)
class Patience:
    """How often a failed attempt is repeated, and after how long.

    Attributes:
        attempts: at most this many for one batch.
        first: seconds before the second attempt, doubled for each one after it, half of it by chance.
        longest: seconds that a wait grows to.
        obeyed: seconds that a service may ask to wait; where it asks for more, the run stops instead.
        sleep: waits for some seconds.
    """

    attempts: int = 6
    first: float = 1.0
    longest: float = 60.0
    obeyed: float = 600.0
    sleep: Callable[[float], None] = time.sleep

    def seconds(self, attempt: int, after: float | None) -> float:
        """How long to wait once attempt number `attempt` failed, counted from 1; never less than was asked for."""
        half = min(self.longest, self.first * 2 ** (attempt - 1)) / 2
        # Chance keeps two runs that were turned away together from coming back together.
        return max(after or 0.0, half) + half * random.random()  # noqa: S311


@dataclass(frozen=True)
class Outcome:
    """What a run left behind.

    Attributes:
        made: pictures that this run drew.
        refused: pictures that the model would not draw, in this run or before.
        groups: pictures in the folder by group name; refusals can leave them uneven.
    """

    made: int
    refused: int
    groups: dict[str, int]


def generate(
    plan: Plan,
    backend: Backend,
    folder: Path,
    progress: Progress = silent,
    *,
    retry_refused: bool = False,
    patience: Patience | None = None,
) -> Outcome:
    """Draw the pictures of a plan that a folder lacks.

    The folder holds the pictures, ``metadata.csv`` that lists them, ``generation.jsonl`` with a line for each attempt
    at a picture, and ``plan.json``.

    Args:
        plan: what to draw. It may ask for more than the run before, but for nothing else.
        backend: draws it.
        folder: a new one, or that of an earlier run.
        progress: called with (done, of), where a refusal counts as done.
        retry_refused: ask once more for what was refused.
        patience: with attempts that fail.

    Raises:
        GenerateBusyError: when another run draws into the folder.
        GenerateError: when the folder belongs to something else, or the back end failed too often or for good.
        HomeError: when the folder cannot be written.
    """
    make_folder(folder)
    lock = folder / ".generate.lock"
    try:
        held = FileLock(lock, timeout=0).acquire()
    except Timeout as error:
        raise GenerateBusyError(f"Another run draws into {folder}; wait for it or choose another folder.") from error
    except OSError as error:
        raise unwritable(lock, error) from error
    with held:
        place = Folder(plan, folder)
        place.claim()
        before = set(place.sizes)
        try:
            _draw(plan, backend, place, progress, place.missing(retry_refused), patience or Patience())
        finally:
            place.write_metadata()
    groups = {group_name(one.object, one.context): 0 for one in plan.pictures}
    for one in plan.pictures:
        groups[group_name(one.object, one.context)] += one.file_name in place.sizes
    return Outcome(len(place.sizes.keys() - before), len(place.refused), groups)


def remaining(plan: Plan, folder: Path, *, retry_refused: bool = False) -> list[Wanted]:
    """The pictures that `generate` would ask for; nothing is written.

    Raises:
        GenerateError: when the folder belongs to something else.
    """
    return Folder(plan, folder).missing(retry_refused) if folder.exists() else list(plan.pictures)


def _draw(
    plan: Plan, backend: Backend, place: Folder, progress: Progress, todo: Sequence[Wanted], patience: Patience
) -> None:
    total = len(plan.pictures)
    progress(total - len(todo), total)
    for start in range(0, len(todo), backend.batch):
        batch = todo[start : start + backend.batch]
        answers, seconds = _attempts(backend, place, batch, patience)
        for one, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Refused):
                place.log(one, "refused", answer.reason, seconds)
            else:
                place.keep(one, answer)
                place.log(one, "ok", "", seconds)
        progress(total - len(todo) + start + len(batch), total)


def _attempts(
    backend: Backend, place: Folder, batch: Sequence[Wanted], patience: Patience
) -> tuple[list[Image.Image | Refused], float]:
    """What a back end answers to a batch in the end, and the seconds that each of its pictures took.

    Raises:
        GenerateError: when patience ends, or the back end says that waiting will not help.
    """
    for attempt in range(1, patience.attempts + 1):
        start = time.perf_counter()
        try:
            answers = backend.draw(batch)
            return answers, (time.perf_counter() - start) / len(batch)
        except (TryAgainError, GenerateError) as error:
            failure = error
            for one in batch:
                place.log(one, "failed", str(error), (time.perf_counter() - start) / len(batch))
        if isinstance(failure, GenerateError):
            raise failure
        if failure.after is not None and failure.after > patience.obeyed:
            raise GenerateError(
                f"{failure}, and it asks to wait {failure.after / 60:.0f} minutes; run the same again then to go on."
            ) from failure
        if attempt < patience.attempts:
            patience.sleep(patience.seconds(attempt, failure.after))
    raise GenerateError(
        f"{failure}, {patience.attempts} times in a row; what is drawn is kept, so run the same again later to go on."
    ) from failure
