"""A helper process for foreign bytes: it may take so much memory and so much time, and is killed
and replaced after it.

A picture or a table that a stranger gives is opened there, so that what it costs, and what a fault
in a decoder may do, ends with the helper. It is a Python of its own without our environment, which
runs a function of ours on bytes. What it gives back is JSON and bytes, and nothing of it is
unpickled. One stays warm for whoever asks next.
"""

import atexit
import hashlib
import importlib
import json
import os
import struct
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
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import home

Task = Callable[
    ..., tuple[Any, bytes]
]  # takes bytes and options that JSON can hold; gives such a value and bytes
_HEAD = struct.Struct(">QQ")  # lengths of the JSON and of the bytes that follow
_PROJECT = Path(__file__).parents[2]
_KEPT = (
    "PATH",
    "LANG",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
)  # of our environment: nobody's key
_FIRST = "vlcore.data.decoding"  # what a helper imports before it is asked
_guard = threading.Lock()
_idle: list["_Helper"] = []


def run(
    task: Task,
    data: bytes = b"",
    *,
    called: str,
    error: type[LabError],
    seconds: float = limits.DECODE_SECONDS,
    **options: Any,
) -> tuple[Any, bytes]:
    """What a function of a module gives for bytes, from a helper.

    Raises an `error` with one sentence: the function's own where it refuses with a `LabError`; else
    about what is `called` so, where it would take more seconds or memory than it may, or ends its
    helper; and where others keep all helpers of this server busy."""
    with _turn(called, error), _one() as helper:
        asked = {"task": f"{task.__module__}:{task.__name__}", "options": options}
        answer, found = helper.ask(asked, data, seconds)
        if "value" not in answer:
            raise error(
                answer["refused"]
                if "refused" in answer
                else f"{called} {answer['why']}; choose another one."
            )
        return answer["value"], found


def warm() -> None:
    """Begin a helper, unless one waits already: who asks in a second does not wait for it."""
    with _guard:
        if not _idle:
            _idle.append(_Helper())


@contextmanager
def memory_limit(more: int) -> Iterator[None]:
    """Let this process map so many bytes more than it has, and no more; a system without such
    limits has none."""
    resource = importlib.import_module("resource") if os.name == "posix" else None
    mapped = Path("/proc/self/statm")
    if resource is None or not mapped.exists():
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    most = int(mapped.read_text().split()[0]) * resource.getpagesize() + more
    allowed = [limit for limit in (most, *before) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(allowed), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def _turn(called: str, error: type[LabError]) -> Iterator[None]:
    """One of the few turns that all processes of this server have: whoever waits too long is told
    so."""
    whose = f"{home()} {getattr(os, 'getuid', int)()}"  # no file of another user is in the way
    server = hashlib.sha256(whose.encode()).hexdigest()[:12]
    until = time.monotonic() + limits.WAIT_SECONDS
    place = Path(tempfile.gettempdir())
    while time.monotonic() < until:
        for number in range(limits.AT_ONCE):
            lock = FileLock(place / f"vlcore-{server}-{number}.lock", timeout=0)
            with suppress(Timeout):
                lock.acquire()
                try:
                    yield
                finally:
                    lock.release()
                return
        time.sleep(0.02)
    raise error(f"{called} has to wait for others; try again in a minute.")


@contextmanager
def _one() -> Iterator["_Helper"]:
    """A helper for one question; one that met its limits is replaced."""
    with _guard:
        while _idle and _idle[-1].has_ended:  # killed by somebody else
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
    """The other process, as we see it."""

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH"))))
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment = {
            **kept,
            "PYTHONPATH": path,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        command = [sys.executable, "-P", "-c", f"from {__name__} import serve; serve()"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment)
        self.usable = True

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def ask(
        self, asked: dict[str, Any], data: bytes, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """What it answers: a ``value``, what it has ``refused``, or ``why`` there is none."""
        self.usable, late = False, threading.Event()

        def stop() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            _send(_open(self._process.stdin), asked, data)
            answer, found = _receive(_open(self._process.stdout), limits.ANSWER_BYTES)
        except (OSError, EOFError, ValueError):  # it ended, or what it says is no answer
            return {
                "why": (
                    f"takes more than {seconds:g} seconds to open"
                    if late.is_set()
                    else "cannot be opened"
                )
            }, b""
        finally:
            timer.cancel()
        self.usable = "why" not in answer and not late.is_set()
        return answer, found

    def end(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                _open(pipe).close()
        self._process.wait()


@atexit.register
def _end_all() -> None:
    with _guard:
        while _idle:
            _idle.pop().end()


def serve() -> None:
    """What a helper does: answer one question after the other, until nobody is there to ask."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whoever prints writes no answer
    importlib.import_module(_FIRST)
    with memory_limit(limits.MEMORY), suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        while True:
            asked, data = _receive(questions)
            found = b""
            try:
                module, _, name = asked["task"].partition(":")
                value, found = getattr(importlib.import_module(module), name)(
                    data, **asked["options"]
                )
                answer = {"value": value}
            except LabError as error:
                answer = {"refused": str(error)}
            except MemoryError:
                answer = {
                    "why": f"needs more than {limits.MEMORY // limits.GB} GB of memory to open"
                }
            except Exception:
                traceback.print_exc()  # a fault of ours: into the server's log
                answer = {"why": "cannot be opened"}
            _send(answers, answer, found)
            del asked, data, found


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # for whoever checks types: Popen was told to make it
    return pipe


def _send(pipe: IO[bytes], document: Any, data: bytes) -> None:
    text = json.dumps(document).encode()
    pipe.write(_HEAD.pack(len(text), len(data)) + text)
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes], most: int | None = None) -> tuple[Any, bytes]:
    lengths = _HEAD.unpack(_exactly(pipe, _HEAD.size))
    if most is not None and sum(lengths) > most:
        raise ValueError
    text, data = (_exactly(pipe, length) for length in lengths)
    return json.loads(text), data


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data
