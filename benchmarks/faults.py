"""What is lost where things fail: workers and servers are killed at random moments, bytes flip,
disks are full, read-only or gone, files cannot be opened, the clock jumps, files go under a page,
and addresses say anything.

python -m benchmarks.faults [--kills 200] [--addresses 2000] [--seed 0]

Needs Linux and the packages of tests, and takes about a quarter of an hour on two cores. Disks are
small ones in memory where they may be mounted, as root may; else the limits of a process stand in
for them, which the table says. It ends with 1 where anything was lost, half there or left over, or
ended in a traceback."""

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

from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect

from benchmarks import head, options, row
from benchmarks.load import Browser
from benchmarks.startup import server
from tests.faults import disks
from tests.faults.acts import Home, trouble
from tests.faults.kills import Tally, children_of, kill, left_of, look
from tests.faults.server import condition_of
from vlcore.api.training import train_condition
from vlcore.artifacts import store
from vlcore.artifacts.store import CorruptArtifactError
from vlcore.experiment.files import models_folder

DAY = 24 * 3600.0
STEPS, TRAINS = (
    6,
    5.0,
)  # of a model that is trained while workers are killed, and about how many seconds that takes
SHARES = {
    "workers": 0.55,
    "workers that train": 0.12,
    "servers": 0.23,
    "servers that train": 0.04,
}  # of all kills
PLACES = (
    0,
    1,
    4,
    8,
    64,
    -1,
    -2,
    -22,
    -64,
)  # of bytes in a file, beside its quarters: heads, and the ends of archives


@dataclass
class Found:
    """A row of the table."""

    kind: str
    n: int
    lost: int = 0
    half: int = 0
    orphans: int = 0
    tracebacks: int = 0
    note: str = ""

    @property
    def bad(self) -> int:
        return self.lost + self.half + self.orphans + self.tracebacks


def killed(kills: int, seed: int) -> Iterator[Found]:
    for kind, share in SHARES.items():
        servers, trains = kind.startswith("servers"), kind.endswith("train")
        with fresh_home():
            given = {"steps": STEPS, "within": TRAINS} if trains else {}
            found = kill(max(1, round(share * kills)), seed, servers=servers, **given)
            yield _row(f"{kind} killed", found)
    with fresh_home():
        yield _row(
            "servers with pages killed",
            apps(kills - sum(round(share * kills) for share in SHARES.values()), seed),
        )


def _row(kind: str, found: Tally) -> Found:
    note = f"{found.at_work} in the middle of a job, {found.made} artifacts made"
    return Found(kind, found.kills, found.lost, found.half, found.orphans, note=note)


class Student(Browser):
    """A browser that knows the buttons of a page."""

    def _note(self, element: object) -> None:
        super()._note(element)
        if element.WhichOneof("type") == "button":
            self.ids[element.button.label] = element.button.id

    async def train(self, number: int) -> None:
        await self.view()
        self.page = self.pages["Train"]
        self.address = {"train_seed": str(number), "train_length": "live"}
        await self.view()
        self.states["press"] = WidgetState(id=self.ids["Train this model"], trigger_value=True)
        await self.view()


async def press(port: int, number: int) -> None:
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    settings = {
        "subprotocols": ["streamlit"],
        "max_size": None,
        "origin": f"http://127.0.0.1:{port}",
    }
    async with connect(address, **settings) as connection:
        await Student(connection, number).train(number)


def apps(count: int, seed: int) -> Tally:
    """Kill the app itself, after somebody pressed the button that trains."""
    chance, tally = random.Random(seed), Tally()  # noqa: S311  # no secret
    for number in range(1, count + 1):
        with suppress(subprocess.TimeoutExpired), server() as (_, port, process):
            asyncio.run(press(port, number))
            time.sleep(chance.uniform(0, TRAINS))
            begun = children_of(process)
            tally.at_work += any((models_folder() / ".work").glob("*/status.json"))
            os.kill(process, signal.SIGKILL)
        tally.kills += 1
        tally.orphans += len(left_of(begun))
        look(tally)
    return tally


def flipped() -> Found:
    """Flip a bit of a byte of each kind of place in each file of a trained model, and of each byte
    of its manifest."""
    condition = condition_of(STEPS, 1)
    with fresh_home():
        train_condition(condition)
        sound, found = store.read(condition.key), Found("bits flipped", 0)
        for file in sorted(sound.path.iterdir()):
            content = file.read_bytes()
            quarters = [len(content) * quarter // 4 for quarter in range(1, 4)]
            places = {place % len(content) for place in (*PLACES, *quarters)}
            if file.name == "manifest.json":
                places = set(range(len(content)))
            for place in sorted(places):
                changed = bytearray(content)
                changed[place] ^= 1 << place % 8
                file.write_bytes(changed)
                found.n += 1
                try:
                    read = store.read(condition.key)
                except CorruptArtifactError:
                    (aside,) = (models_folder() / ".quarantine").iterdir()
                    aside.rename(sound.path)
                except Exception:
                    found.tracebacks += 1
                else:  # a manifest may say the same in other words
                    found.half += not read.manifest.items() >= sound.manifest.items()
                file.write_bytes(content)
        found.lost = int(store.read(condition.key).digest != sound.digest)
    return found


def failing() -> Iterator[Found]:
    """Everything that is done with a home, on disks that fail, and once more when they are whole
    again."""
    for kind, fault in {
        "full": _full,
        "read-only": _frozen,
        "removed": _removed,
        "without descriptors": _none,
    }.items():
        with small_disk() as mounted:
            home = Home()
            with fault(mounted):
                sentences, first = trouble(home)
            again, second = trouble(home)
            how = "a disk in memory" if mounted else "limits of the process"
            note = (
                f"{sentences} sentences, {again} at the next try;"
                f" {how if fault in (_full, _frozen) else 'real'}"
            )
            n, wrong = len(home.acts()), len(first) + len(second) + again
            yield Found(
                f"acts on a disk that is {kind}",
                n,
                int(not home.is_whole()),
                tracebacks=wrong,
                note=note,
            )


@contextmanager
def _full(mounted: bool) -> Iterator[None]:
    if not mounted:
        with disks.full():
            yield
        return
    filler = models_folder().parent / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"0" * 4096):
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def _frozen(mounted: bool) -> Iterator[None]:
    folder = models_folder().parent
    if not mounted:
        with disks.read_only(folder):
            yield
        return
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)


def _removed(_mounted: bool) -> AbstractContextManager[None]:
    return disks.removed(models_folder())


def _none(_mounted: bool) -> AbstractContextManager[None]:
    return disks.no_descriptors()


def jumping() -> Iterator[Found]:
    """The same while the clock is two days off."""
    for days in (2, -2):
        with fresh_home():
            home, real = Home(), time.time
            time.time = lambda days=days, real=real: real() + days * DAY
            sentences, first = trouble(home)
            time.time = real
            again, second = trouble(home)
            wrong, note = (
                len(first) + len(second) + again,
                f"{sentences} sentences, {again} after it",
            )
            yield Found(
                f"acts with a clock {days:+d} days off",
                len(home.acts()),
                int(not home.is_whole()),
                0,
                0,
                wrong,
                note,
            )


@contextmanager
def fresh_home() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VLCORE_HOME"] = folder
        yield


@contextmanager
def small_disk() -> Iterator[bool]:
    """A home on a disk of its own in memory, of 32 MB; False where none may be mounted, and it is a
    folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder]
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        os.environ["VLCORE_HOME"] = folder
        try:
            yield mounted
        finally:
            if mounted:
                subprocess.run(["umount", folder], check=True)


@contextmanager
def pages(addresses: int) -> Iterator[Callable[[], Iterator[Found]]]:
    """What tests of pages find, beside everything else: gives what waits for it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "found.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            "0",
            "-o",
            "timeout=3000",
            f"--junit-xml={report}",
        ]
        command += ["tests/faults/test_pages.py", "tests/faults/test_addresses.py"]
        environment = {**os.environ, "FAULT_ADDRESSES": str(addresses), "CI": "yes"}
        silent = subprocess.DEVNULL
        process = subprocess.Popen(command, env=environment, stdout=silent, stderr=silent)

        def found() -> Iterator[Found]:
            process.wait()
            every = tree.parse(report).iter("testcase")  # noqa: S314  # our own
            cases = [(case.get("name", ""), len(case) > 0) for case in every]
            drawn = [failed for name, failed in cases if name == "test_no_address_is_a_traceback"]
            others = [failed for name, failed in cases if name != "test_no_address_is_a_traceback"]
            yield Found(
                "pages on failing disks, files gone under one", len(others), tracebacks=sum(others)
            )
            yield Found(
                "addresses drawn at random",
                addresses * len(drawn),
                tracebacks=sum(drawn) + (not drawn),
            )

        try:
            yield found
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    asked = options(__doc__, kills=200, addresses=2000, seed=0)
    os.environ["VLCORE_SHIPPED"] = os.devnull  # models that come with the lab are another test's
    print(head("fault", "n", "lost", "half-published", "orphans", "tracebacks", ""))
    bad = 0
    with pages(asked.addresses) as found_by_pages:
        for kind in (
            lambda: killed(asked.kills, asked.seed),
            lambda: [flipped()],
            failing,
            jumping,
            found_by_pages,
        ):
            for one in kind():
                print(
                    row(one.kind, one.n, one.lost, one.half, one.orphans, one.tracebacks, one.note),
                    flush=True,
                )
                bad += one.bad
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
