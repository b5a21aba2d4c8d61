"""The helper for foreign bytes: what it answers, and what ends with it."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.data import tasks
from vlcore.data import sandbox
from vlcore.data.decoding import UploadError, open_apart
from vlcore.experiment import limits
from vlcore.experiment.errors import BusyError, LabError

pytestmark = pytest.mark.processes


def ask(task: sandbox.Task, data: bytes = b"", **options: object) -> tuple[object, bytes]:
    return sandbox.run_apart(task, data, called="The file", error=UploadError, **options)


def test_a_helper_answers_stays_and_knows_neither_our_keys_nor_what_pages_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    first, data = ask(tasks.echo, b"\x00\xff", word="ü")
    again, _ = ask(tasks.echo)
    assert (data, first["word"]) == (b"\x00\xff", "ü")
    assert first["pid"] == again["pid"] != os.getpid()
    assert "OPENAI_API_KEY" not in first["environment"]
    assert not {"torch", "streamlit"} & {*first["loaded"]}


def test_what_takes_too_long_or_too_much_or_ends_it_is_one_sentence_and_it_is_replaced() -> None:
    (first, _), seen = ask(tasks.echo), set()
    late = {"seconds": 0.2, "for_seconds": 60.0}
    for task, options, words in (
        (tasks.sleep, late, r"The file takes more than 0\.2 seconds"),
        (tasks.take, {"number": limits.MEMORY + limits.GB}, "The file needs more than 2 GB"),
        (tasks.end, {}, "The file cannot be opened"),
        (tasks.sleep, {}, "The file cannot be opened"),  # a fault of ours
    ):
        with pytest.raises(UploadError, match=words):
            ask(task, **options)
        seen.add(ask(tasks.echo)[0]["pid"])
    assert len(seen - {first["pid"]}) == 4
    with pytest.raises(UploadError, match=r"^It is refused; do something else\.$"):
        ask(tasks.refuse)


def test_one_that_was_killed_while_it_waited_is_replaced() -> None:
    first, _ = ask(tasks.echo)
    waiting = next(one._process for one in sandbox._idle if one._process.pid == first["pid"])
    os.kill(first["pid"], signal.SIGKILL)
    # It has ended, and the server has not noticed.
    os.waitid(os.P_PID, first["pid"], os.WEXITED | os.WNOWAIT)
    assert waiting.returncode is None
    assert ask(tasks.echo)[0]["pid"] != first["pid"]


def test_an_answer_that_is_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ANSWER_BYTES", 1000)
    with pytest.raises(UploadError):
        ask(tasks.take, number=1001)


def test_no_more_than_two_are_at_work_and_who_waits_too_long_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(lambda _: ask(tasks.sleep, for_seconds=0.1), range(5)))
    spans = [span for span, _ in answers]
    at_once = [sum(start <= begun <= end for start, end in spans) for begun, _ in spans]
    assert max(at_once) <= limits.AT_ONCE  # below, so many hold a turn at the same time
    monkeypatch.setattr(limits, "WAIT_SECONDS", 0.1)
    begun, over = threading.Barrier(3), threading.Event()

    def hold() -> None:
        with sandbox._turn("The file", LabError):
            begun.wait()
            over.wait()

    holders = [threading.Thread(target=hold) for _ in range(limits.AT_ONCE)]
    for holder in holders:
        holder.start()
    begun.wait()
    with pytest.raises(UploadError, match="has to wait for others") as refused:
        open_apart(b"x")
    assert isinstance(refused.value.__cause__, BusyError), "it may be tried again"
    over.set()
    for holder in holders:
        holder.join()


def test_a_helper_ends_when_whoever_began_it_is_killed() -> None:
    script = (
        "from vlcore.data import sandbox as s; s.warm(); print(s._idle[0]._process.pid,"
        " flush=True); input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], **pipes
    ) as owner:
        state = Path(f"/proc/{int(owner.stdout.readline())}/stat")
        assert state.exists()
        owner.kill()
    for _ in range(600):
        with suppress(FileNotFoundError):
            if (
                state.read_text().rpartition(")")[2].split()[0] != "Z"
            ):  # nobody may be there to bury it
                time.sleep(0.05)
                continue
        return
    pytest.fail("it lives on")


def test_a_limit_of_memory_holds_while_it_is_set() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with sandbox.memory_limit(limits.GB):
        with pytest.raises(MemoryError):
            bytes(2 * limits.GB)
        assert len(bytes(limits.MB)) == limits.MB
    assert resource.getrlimit(resource.RLIMIT_AS) == before
