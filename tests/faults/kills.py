"""Kills at random moments, of workers and of whole servers, and what is looked for after each."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.server import condition_of
from tests.jobs.children import ROOT, alive
from vlcore.artifacts import store
from vlcore.jobs import jobs
from vlcore.jobs.jobs import State

ENDS_WITHIN = 15.0  # seconds for the workers of a killed server, on a busy machine
AT_ONCE = 3  # pending jobs


@dataclass
class Tally:
    """What became of the artifacts and processes of `kills` kills."""

    kills: int = 0
    at_work: int = 0  # of them in the middle of a job
    made: int = 0  # artifacts that were published meanwhile
    lost: int = 0  # artifacts that were published, and are gone or other ones
    half: int = 0  # artifacts that do not match their manifest
    orphans: int = 0  # processes of a killed server that did not end
    known: dict[str, str] = field(default_factory=dict)  # digests by key


class Server:
    """`tests.faults.server` on the home of this process."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.faults.server"]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, key: str, steps: int, seed: int) -> None:
        assert self.process.stdin
        print(key, steps, seed, file=self.process.stdin, flush=True)

    def workers(self) -> list[int]:
        return workers_of(self.process.pid)

    def end(self, by: signal.Signals) -> list[int]:
        """End it by a signal; the processes that it had begun and that are still there in the
        end."""
        begun = children_of(self.process.pid)
        self.process.send_signal(by)
        with self.process:
            self.process.communicate(timeout=60)
        return left_of(begun)


def children_of(server: int) -> list[int]:
    """All descendants of a process."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(fields[1])
    family = [server]
    for member in family:
        family += [pid for pid, parent in parents.items() if parent == member]
    return family[1:]


def workers_of(server: int) -> list[int]:
    workers = []
    for pid in children_of(server):
        with suppress(OSError):
            if "LokyProcess" in Path(f"/proc/{pid}/cmdline").read_text():
                workers.append(pid)
    return workers


def left_of(begun: list[int]) -> list[int]:
    """Those processes of a server that has ended which are still there after a while."""
    ends = time.monotonic() + ENDS_WITHIN
    while (left := [pid for pid in begun if alive(pid)]) and time.monotonic() < ends:
        time.sleep(0.05)
    return left


def look(tally: Tally) -> None:
    """Read everything that is published, and compare with what was there at the last look."""
    for key in {*tally.known, *store.published_keys()}:
        try:
            digest = store.read(key).digest
        except store.CorruptArtifactError:
            tally.half += 1
            tally.known.pop(key, None)
            continue
        except store.StoreError:
            digest = ""
        tally.lost += tally.known.setdefault(key, digest) != digest
        tally.known[key] = digest
    tally.made = len(tally.known)


def kill(count: int, seed: int, *, servers: bool, steps: int = 0, within: float = 0.12) -> Tally:
    """Kill so many workers, or servers, each at a random moment within so many seconds after a job
    was seen at work; pending jobs are submitted again after each, and all are made in the end."""
    chance, tally, server = random.Random(seed), Tally(), Server()
    jobs_asked_for: list[tuple[str, int]] = []
    number = 0

    def pending() -> list[tuple[str, int]]:
        return [job for job in jobs_asked_for if not store.published(job[0])]

    def running() -> bool:
        return any(jobs.view(key).state is State.RUNNING for key, _ in pending())

    def ask_again() -> None:
        for key, job_seed in pending():
            server.ask(key, steps, job_seed)

    def wait(true: Callable[[], object], patience: float = 120.0) -> None:
        ends = time.monotonic() + patience
        while not true():
            assert time.monotonic() < ends, "waited too long"
            time.sleep(0.01)

    try:
        while tally.kills < count:
            while len(pending()) < AT_ONCE:
                number += 1
                key = condition_of(steps, number).key if steps else f"job-{seed}-{number}"
                jobs_asked_for.append((key, number))
            ask_again()
            wait(lambda: running() or not pending())
            time.sleep(chance.uniform(0, within))
            tally.at_work += running()
            if servers:
                tally.orphans += len(server.end(signal.SIGKILL))
                server = Server()
            else:
                if not (workers := server.workers()):  # a pool is made anew just now
                    continue
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(workers), signal.SIGKILL)
            tally.kills += 1
            look(tally)
        ends = time.monotonic() + 300
        while pending() and time.monotonic() < ends:  # the last ones are made in peace
            ask_again()
            time.sleep(0.2)
        tally.lost += len(pending())
        look(tally)
    finally:
        tally.orphans += len(server.end(signal.SIGTERM))
    return tally
