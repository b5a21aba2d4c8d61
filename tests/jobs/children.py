"""For tests of jobs and queues: child processes that are told what to do, and the least job."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from vlcore.jobs import jobs
from vlcore.jobs.jobs import Reporter

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds that a test waits for another thread or process before it fails

# What a child process of a test begins with: a home from the environment, and one word a line each
# way.
CHILD = """
import sys, threading, time
from pathlib import Path
from vlcore.jobs import jobs, queue as queues
scratch = Path(sys.argv[1])
def say(word): print(word, flush=True)
def hear(): return sys.stdin.readline().strip()
"""


def until(true: Callable[[], Any], patience: float = PATIENCE) -> None:
    """Wait for something that another thread or process does; fail when it takes far too long, in
    seconds."""
    ends = time.monotonic() + patience
    pause = threading.Event()
    while not true():
        assert time.monotonic() < ends, "waited too long"
        pause.wait(0.01)


def child(script: str, scratch: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + script, str(scratch)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    with process:  # closes its pipes too
        out, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, out


def alive(pid: int) -> bool:
    """Whether a process is there, and not only its entry in the table of processes."""
    try:
        os.kill(pid, 0)
        return (
            not Path("/proc").is_dir() or "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
        )
    except (ProcessLookupError, FileNotFoundError):
        return False


def make(out: Path, report: Reporter) -> dict[str, Any]:
    """The least that a job can do."""
    report(stage="making", fraction=0.5)
    (out / "metrics.json").write_text("{}")
    return {"seconds": 0}


def claim(key: str, **status: Any) -> FileLock:
    """Leave a status as a job would; gives its lock."""
    jobs.work_folder(key).mkdir(parents=True, exist_ok=True)
    (jobs.work_folder(key) / "status.json").write_text(json.dumps(status))
    return FileLock(jobs.work_folder(key) / "lock")
