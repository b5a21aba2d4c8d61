"""A helper process for foreign bytes, within limits of memory and time: it is killed and replaced
where it meets one.

An image or a table that a stranger gives is opened there, so that what it costs, and what a fault
in a decoder may do, ends with the helper. It is a Python of its own without our environment, which
runs a function of ours on bytes. What it answers is JSON and bytes, and nothing of it is unpickled.
One stays warm for the next call.
"""

import atexit
import hashlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from vlcore.experiment import limits
from vlcore.experiment.errors import BusyError, LabError
from vlcore.experiment.files import home

# Takes bytes and options that JSON can hold; returns such a value and bytes.
Task = Callable[..., tuple[Any, bytes]]
_PROJECT = Path(__file__).parents[2]
# The part of our environment that a helper sees: no key of anybody.
_ENVIRONMENT = ("PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_PRELOADED = "vlcore.data.decoding"  # what a helper imports before its first task
_guard = threading.Lock()
_idle: list["_Helper"] = []


def run_apart(
    task: Task,
    data: bytes = b"",
    *,
    called: str,
    error: type[LabError],
    seconds: float = limits.DECODE_SECONDS,
    **options: Any,
) -> tuple[Any, bytes]:
    """Run a function of a module on bytes, in a helper.

    Args:
        task: the function; `options` are passed to it too.
        called: what messages call the data.
        error: the class of what is raised.

    Raises:
        error: with the function's own sentence where it refuses with a `LabError`; where it would
            take more seconds or memory than it may, or ends its helper; and where other calls keep
            all helpers of this server busy, in which case its cause is a `BusyError`.
    """
    with _turn(called, error), _helper() as helper:
        question = {"task": f"{task.__module__}:{task.__name__}", "options": options}
        answer, result = helper.ask(question, data, seconds)
    if "refused" in answer:
        raise error(answer["refused"])
    if "why" in answer:
        raise error(f"{called} {answer['why']}; choose another one.")
    return answer["value"], result


def warm() -> None:
    """Start a helper, unless one is idle: a call that follows in a second does not wait for it."""
    with _guard:
        if not _idle:
            _idle.append(_Helper())


@contextmanager
def memory_limit(extra: int) -> Iterator[None]:
    """Let this process map so many bytes more than it has, and no more; a system without such
    limits has none."""
    resource = importlib.import_module("resource") if os.name == "posix" else None
    mapped = Path("/proc/self/statm")
    if resource is None or not mapped.exists():
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    most = int(mapped.read_text().split()[0]) * resource.getpagesize() + extra
    allowed = [limit for limit in (most, *before) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(allowed), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def _turn(called: str, error: type[LabError]) -> Iterator[None]:
    """Hold one of the few turns that all processes of this server share; an error after too long a
    wait."""
    owner = f"{home()} {getattr(os, 'getuid', int)()}"  # no file of another user is in the way
    server = hashlib.sha256(owner.encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir())
    until = time.monotonic() + limits.WAIT_SECONDS
    while time.monotonic() < until:
        for number in range(limits.AT_ONCE):
            lock = FileLock(folder / f"vlcore-{server}-{number}.lock", timeout=0)
            with suppress(Timeout):
                lock.acquire()
                try:
                    yield
                finally:
                    lock.release()
                return
        time.sleep(0.02)
    sentence = f"{called} has to wait for others; try again in a minute."
    raise error(sentence) from BusyError(sentence)


@contextmanager
def _helper() -> Iterator["_Helper"]:
    """A helper for one task; it is replaced where it met a limit."""
    with _guard:
        while _idle and _idle[-1].has_ended:  # killed from outside
            _idle.pop().end()
        helper = _idle.pop() if _idle else _Helper()
    try:
        yield helper
    finally:
        with _guard:
            if helper.usable and len(_idle) < limits.AT_ONCE:
                _idle.append(helper)
            else:
                helper.end()
        warm()


class _Helper:
    """The helper process, as its owner sees it."""

    def __init__(self) -> None:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        path = filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH")))
        environment["PYTHONPATH"] = os.pathsep.join(path)
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", f"import {__name__} as helper; helper.answer_questions()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        assert self._process.stdin is not None  # for the type checker, as the next
        assert self._process.stdout is not None
        self._questions, self._answers = self._process.stdin, self._process.stdout
        self.usable = True

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def ask(
        self, question: dict[str, Any], data: bytes, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """The answer and bytes: a ``value``, what the task ``refused``, or ``why`` there is
        none."""
        self.usable = False
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            _send(self._questions, question, data)
            answer, result = _receive(self._answers, limits.ANSWER_BYTES)
        except (OSError, EOFError, ValueError):  # it ended, or what it sends is no answer
            is_late = late.is_set()
            why = f"takes more than {seconds:g} seconds to open" if is_late else "cannot be opened"
            return {"why": why}, b""
        finally:
            timer.cancel()
        self.usable = "why" not in answer and not late.is_set()
        return answer, result

    def end(self) -> None:
        self._process.kill()
        for pipe in (self._questions, self._answers):
            with suppress(OSError):
                pipe.close()
        self._process.wait()


@atexit.register
def _end_all() -> None:
    with _guard:
        while _idle:
            _idle.pop().end()


def answer_questions() -> None:
    """The main loop of a helper: answer one question after the other, until its owner ends."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a task prints is no answer
    importlib.import_module(_PRELOADED)
    with memory_limit(limits.MEMORY), suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        while True:
            question, data = _receive(questions)
            result = b""
            try:
                module, _, name = question["task"].partition(":")
                task = getattr(importlib.import_module(module), name)
                value, result = task(data, **question["options"])
                answer = {"value": value}
            except LabError as error:
                answer = {"refused": str(error)}
            except MemoryError:
                most = f"{limits.MEMORY // limits.GB} GB"
                answer = {"why": f"needs more than {most} of memory to open"}
            except Exception:
                traceback.print_exc()  # a fault of ours: into the server's log
                answer = {"why": "cannot be opened"}
            _send(answers, answer, result)
            del question, data, result


def _send(pipe: IO[bytes], document: Any, data: bytes) -> None:
    """A line of JSON that says how many bytes follow, and these."""
    pipe.write(json.dumps([document, len(data)]).encode() + b"\n")
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes], most: int = sys.maxsize) -> tuple[Any, bytes]:
    line = pipe.readline(most)
    if not line:
        raise EOFError
    document, length = json.loads(line)
    if len(line) + length > most:
        raise ValueError
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return document, data
