"""What is lost when things fail: workers and servers are killed at random moments, bits flip, disks
are full, read-only or gone, files cannot be opened, the clock jumps, files vanish under a page, and
addresses are drawn at random.

python -m benchmarks.faults [--kills 200] [--addresses 2000] [--seed 0]

Needs Linux and the packages of tests, and takes about a quarter of an hour on two cores. Disks are
small ones in memory where root may mount them; else the limits of a process stand in for them, as
the table notes. It exits with 1 where anything was lost, half-published or left over, or ended in a
traceback."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as tree
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from benchmarks import fresh_home, parse_options, print_table
from benchmarks.startup import server
from benchmarks.visitors import Browser, connected
from tests.faults import disks
from tests.faults.acts import Home, trouble
from tests.faults.kills import Tally, children_of, kill, left_of, look
from tests.faults.server import condition_of
from vlcore.api.training import train_condition
from vlcore.artifacts import store
from vlcore.artifacts.store import CorruptArtifactError
from vlcore.experiment.files import models_folder

DAY = 24 * 3600.0
STEPS = 6  # of a model that is trained while workers are killed
TRAINING = 5.0  # about how many seconds that takes
KILLS = {  # shares of all kills; the app itself has the rest
    "workers": 0.55,
    "workers that train": 0.12,
    "servers": 0.23,
    "servers that train": 0.04,
}
# Positions of flipped bytes beside the quarters of a file: heads, and the ends of archives.
POSITIONS = (0, 1, 4, 8, 64, -1, -2, -22, -64)
COLUMNS = ("fault", "n", "lost", "half-published", "orphans", "tracebacks", "")


@dataclass
class FaultOutcome:
    """A row of the table."""

    fault: str
    n: int
    lost: int = 0
    half: int = 0
    orphans: int = 0
    tracebacks: int = 0
    note: str = ""

    @property
    def failures(self) -> int:
        return self.lost + self.half + self.orphans + self.tracebacks


def kill_processes(kills: int, seed: int) -> Iterator[FaultOutcome]:
    for kind, share in KILLS.items():
        training = {"steps": STEPS, "within": TRAINING} if kind.endswith("train") else {}
        count = max(1, round(share * kills))
        with fresh_home():
            tally = kill(count, seed, servers=kind.startswith("servers"), **training)
        yield _kill_outcome(f"{kind} killed", tally)
    remaining = kills - sum(round(share * kills) for share in KILLS.values())
    with fresh_home():
        yield _kill_outcome("servers with pages killed", kill_apps(remaining, seed))


def _kill_outcome(fault: str, tally: Tally) -> FaultOutcome:
    note = f"{tally.at_work} in the middle of a job, {tally.made} artifacts made"
    return FaultOutcome(fault, tally.kills, tally.lost, tally.half, tally.orphans, note=note)


async def _start_training(port: int, number: int) -> None:
    """Press the button of Train that trains, as a visitor does."""
    async with connected(Browser, port, number) as browser:
        await browser.open("Train", train_seed=str(number), train_length="live")
        await browser.press("Train this model")


def kill_apps(count: int, seed: int) -> Tally:
    """Kill the app itself, after a visitor pressed the button that trains."""
    chance, tally = random.Random(seed), Tally()  # noqa: S311  # no secret
    for number in range(1, count + 1):
        with suppress(subprocess.TimeoutExpired), server() as (_, port, process):
            asyncio.run(_start_training(port, number))
            time.sleep(chance.uniform(0, TRAINING))
            children = children_of(process)
            tally.at_work += any((models_folder() / ".work").glob("*/status.json"))
            os.kill(process, signal.SIGKILL)
        tally.kills += 1
        tally.orphans += len(left_of(children))
        look(tally)
    return tally


def flip_bits() -> Iterator[FaultOutcome]:
    """Flip a bit at each kind of position in each file of a model, and of each byte of its
    manifest."""
    outcome = FaultOutcome("bits flipped", 0)
    condition = condition_of(STEPS, 1)
    with fresh_home():
        train_condition(condition)
        original = store.read(condition.key)
        for file in sorted(original.path.iterdir()):
            content = file.read_bytes()
            quarters = [len(content) * quarter // 4 for quarter in range(1, 4)]
            positions = {position % len(content) for position in (*POSITIONS, *quarters)}
            if file.name == "manifest.json":
                positions = set(range(len(content)))
            for position in sorted(positions):
                damaged = bytearray(content)
                damaged[position] ^= 1 << position % 8
                file.write_bytes(damaged)
                outcome.n += 1
                try:
                    damaged_manifest = store.read(condition.key).manifest
                except CorruptArtifactError:
                    (quarantined,) = (models_folder() / ".quarantine").iterdir()
                    quarantined.rename(original.path)
                except Exception:
                    outcome.tracebacks += 1
                else:  # a manifest may say the same in other words
                    outcome.half += not damaged_manifest.items() >= original.manifest.items()
                file.write_bytes(content)
        outcome.lost = int(store.read(condition.key).digest != original.digest)
    yield outcome


def _use_home(fault: str, failing: AbstractContextManager[None], note: str) -> FaultOutcome:
    """Do everything that is done with a home while something fails, and again afterwards."""
    home = Home()
    with failing:
        sentences, unexpected = trouble(home)
    sentences_after, unexpected_after = trouble(home)
    return FaultOutcome(
        fault,
        len(home.acts()),
        lost=int(not home.is_whole()),
        tracebacks=len(unexpected) + len(unexpected_after) + sentences_after,
        note=note.format(sentences, sentences_after),
    )


def fail_disks() -> Iterator[FaultOutcome]:
    for kind in ("full", "read-only", "removed", "without descriptors"):
        with small_disk() as mounted:
            models = models_folder()
            home = models.parent
            faults = {
                "full": _filled(home) if mounted else disks.full(),
                "read-only": _remounted(home) if mounted else disks.read_only(home),
                "removed": disks.removed(models),
                "without descriptors": disks.no_descriptors(),
            }
            disk = "a disk in memory" if mounted else "limits of the process"
            how = disk if kind in ("full", "read-only") else "real"
            note = f"{{}} sentences, {{}} at the next try; {how}"
            yield _use_home(f"acts on a disk that is {kind}", faults[kind], note)


@contextmanager
def _filled(folder: Path) -> Iterator[None]:
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"0" * 4096):
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def _remounted(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)


@contextmanager
def small_disk() -> Iterator[bool]:
    """A home on a disk of 32 MB in memory; False where none may be mounted, and it is a folder."""
    with fresh_home() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)]
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        try:
            yield mounted
        finally:
            if mounted:
                subprocess.run(["umount", str(folder)], check=True)


def shift_clock() -> Iterator[FaultOutcome]:
    """The same while the clock is two days off."""
    real_time = time.time
    for days in (2, -2):
        shift = days * DAY
        clock = patch("time.time", lambda shift=shift: real_time() + shift)
        with fresh_home():
            note = "{} sentences, {} after it"
            yield _use_home(f"acts with a clock {days:+d} days off", clock, note)


@contextmanager
def page_tests(addresses: int) -> Iterator[Callable[[], Iterator[FaultOutcome]]]:
    """Run the fault tests of pages beside everything else; gives a function that waits for their
    outcomes."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "tests.xml"
        command = [sys.executable, "-m", "pytest", "-n", "0", "-o", "timeout=3000"]
        command += [f"--junit-xml={report}", "tests/faults/test_pages.py"]
        command += ["tests/faults/test_addresses.py"]
        environment = {**os.environ, "FAULT_ADDRESSES": str(addresses), "CI": "yes"}
        silent = subprocess.DEVNULL
        process = subprocess.Popen(command, env=environment, stdout=silent, stderr=silent)

        def outcomes() -> Iterator[FaultOutcome]:
            process.wait()
            failures: dict[bool, list[bool]] = {
                True: [],
                False: [],
            }  # by whether addresses are drawn
            for case in tree.parse(report).iter("testcase"):  # noqa: S314  # our own
                is_drawn = case.get("name") == "test_no_address_is_a_traceback"
                failures[is_drawn].append(len(case) > 0)
            fixed, drawn = failures[False], failures[True]
            fault = "pages on failing disks, files gone under one"
            yield FaultOutcome(fault, len(fixed), tracebacks=sum(fixed))
            tracebacks = sum(drawn) + (not drawn)
            count = addresses * len(drawn)
            yield FaultOutcome("addresses drawn at random", count, tracebacks=tracebacks)

        try:
            yield outcomes
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    options = parse_options(__doc__, kills=200, addresses=2000, seed=0)
    os.environ["VLCORE_SHIPPED"] = os.devnull  # bundled models are another test's
    failures = 0

    def rows() -> Iterator[tuple[object, ...]]:
        nonlocal failures
        with page_tests(options.addresses) as page_outcomes:
            for outcomes in (
                kill_processes(options.kills, options.seed),
                flip_bits(),
                fail_disks(),
                shift_clock(),
                page_outcomes(),
            ):
                for outcome in outcomes:
                    failures += outcome.failures
                    yield tuple(vars(outcome).values())

    print_table(COLUMNS, rows())
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
