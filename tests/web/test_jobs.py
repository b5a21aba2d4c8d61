"""How pages ask for jobs and follow them: once for all who ask, and with news only while something
is going on."""

import os
import time
from threading import Timer

import pytest
from streamlit.testing.v1 import AppTest

from vlcore.api import maps
from vlcore.artifacts import disk, store
from vlcore.jobs.jobs import JobStatus, State
from vlcore.jobs.queue import Job
from vlcore.web import cache, visitors, work
from vlcore.web.visitors import Visitor, visitor


class Queue:
    """Knows of jobs what a test says, and remembers what was asked for."""

    def __init__(self, **states: State) -> None:
        self.states, self.reads = states, 0
        self.asked: list[tuple[object, ...]] = []
        self.reports: dict[str, object] = {}

    def submit(self, key: str, *task: object, short: bool, **_: object) -> None:
        self.asked.append((key, *task, short))

    def view(self, key: str, asker: object = None) -> JobStatus:
        self.reads += 1
        state = self.states.get(key, State.ABSENT)
        status = {"stage": "measuring", "message": "The disk is full."} | self.reports
        return JobStatus(key, state, status)


def page_of(script: str, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(work, "queue", lambda: queue)
    monkeypatch.setattr(visitors, "is_at_the_machine", lambda: True)
    monkeypatch.setattr(disk, "free_bytes", lambda: 10**12)
    page = AppTest.from_string(script).run()
    assert not page.exception
    return page


def test_a_fit_is_queued_under_the_key_that_it_is_read_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue = Queue()
    monkeypatch.setattr(cache, "artifact", str)
    monkeypatch.setattr(maps, "image_count", lambda _artifact: 400)
    script = """
from vlcore.plots.options import Projection
from vlcore.web import map_controls
import streamlit as st
st.session_state["arrives"] = False  # with a click
map_controls.fitted(["a", "b"], Projection("umap"))
map_controls.fitted(["a", "a"], Projection("tsne"))
"""
    page_of(script, queue, monkeypatch)
    for key, task, model, projection, short in queue.asked:
        assert (task, short) == (maps.make_map, True)
        assert maps.map_key(model, projection) == key  # type: ignore[arg-type]
    assert [model for _, _, model, *_ in queue.asked] == ["a", "b", "a"]


def test_a_worker_that_ends_or_is_busy_for_long_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    somebody = Visitor("somebody")
    assert work.run_in_worker(somebody, abs, -2) == 2
    with pytest.raises(store.StoreError, match="ended; ask for it again"):
        work.run_in_worker(somebody, os._exit, 1)
    assert work.run_in_worker(somebody, abs, -3) == 3, "the next asker gets another"
    monkeypatch.setattr(work, "PATIENCE", 0.05)
    with pytest.raises(store.StoreError, match="in a minute"):
        work.run_in_worker(somebody, time.sleep, 1)


def test_a_second_file_of_a_visitor_waits_for_the_first_and_a_third_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    somebody = Visitor("somebody")
    somebody.exporting.acquire()
    Timer(0.2, somebody.exporting.release).start()
    with work.export_slot(somebody):
        assert not somebody.exporting.acquire(blocking=False), "the second has its place"
    with somebody.waiting, pytest.raises(work.NotInTimeError, match="still being made"):
        work.run_in_worker(somebody, abs, -4)
    monkeypatch.setattr(work, "PATIENCE_FOR_ANOTHER", 0.05)
    with somebody.exporting, pytest.raises(work.NotInTimeError, match="still being made"):
        work.run_in_worker(somebody, abs, -4)


SCRIPT = """
import streamlit as st
from vlcore.web import jobs
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.session_state["arrives"] = %(arrives)s
def start(keys):
    st.session_state["started"] = list(keys)
jobs.need("abcde", start, "Make them", key="make", by_itself=%(by_itself)s, each_done=%(each_done)s)
"""
USUAL = {"arrives": True, "by_itself": False, "each_done": False}


def started(page: AppTest) -> list[str]:
    return page.session_state.get("started", [])


def states_of(*states: State) -> Queue:
    return Queue(**dict(zip("abcde", states, strict=False)))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.INTERRUPTED, "The job was interrupted"),
        (State.CANCELLED, "The job was cancelled"),
        (State.FAILED, "The job failed: The disk is full."),
    ],
)
def test_a_job_that_ended_badly_says_why_and_is_offered_again(
    state: State, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = states_of(State.DONE, State.DONE, State.DONE, state, state)
    page = page_of(SCRIPT % USUAL, queue, monkeypatch)
    (warning,) = page.warning
    assert warning.value.startswith(words)
    page.button(key="make").click().run()
    assert started(page) == ["d", "e"]
    queue.reports = {"title": "UMAP of *2* models"}
    (warning,) = page.run().warning
    assert warning.value.startswith("The UMAP of \\*2\\* models")


def test_only_results_and_jobs_that_go_on_count_in_the_progress_of_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue = states_of(State.DONE, State.RUNNING, State.FAILED, State.CANCELLED, State.ABSENT)
    queue.reports = {"fraction": 0.5}
    page = page_of(SCRIPT % USUAL, queue, monkeypatch)
    (bar,) = page.get("progress")
    assert bar.proto.value == 100 * (1 + 0.5) // 5
    assert page.session_state["runs"] == 1
    page.button(key="make").click().run()
    assert started(page) == ["c", "d", "e"]


@pytest.mark.parametrize(("arrives", "expected"), [(True, []), (False, list("abcde"))])
def test_what_an_address_asks_for_waits_for_a_click(
    arrives: bool, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**USUAL, "by_itself": True, "arrives": arrives}
    page = page_of(SCRIPT % settings, Queue(), monkeypatch)
    assert started(page) == expected
    assert page.button(key="make"), "nothing runs yet"


def test_nothing_is_shown_of_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of(SCRIPT % USUAL, states_of(*[State.DONE] * 5), monkeypatch)
    assert not [*page.button, *page.get("progress"), *page.warning]


@pytest.mark.parametrize("each_done", [False, True])
def test_the_page_runs_anew_when_a_job_ends_meanwhile(
    each_done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ending(Queue):
        """Its first job ends after the first looks at all."""

        def view(self, key: str, asker: object = None) -> JobStatus:
            if self.reads >= 6:
                self.states["a"] = State.DONE
            return super().view(key, asker)

    queue = Ending(**dict.fromkeys("abcde", State.RUNNING))
    page = page_of(SCRIPT % {**USUAL, "each_done": each_done}, queue, monkeypatch)
    assert page.session_state["runs"] == 1 + each_done


QUOTA = """
import streamlit as st
from vlcore.experiment.condition import Condition
from vlcore.web import work
from vlcore.web import shell
with shell.errors_as_sentences():
    work.train(*[Condition(data_seed=seed) for seed in range(st.session_state["many"])])
"""


@pytest.mark.parametrize(
    ("waiting", "new", "teaches", "error"),
    [
        (0, 12, False, ""),
        (8, 4, False, ""),
        (9, 4, False, "You have 9 trainings waiting, and 12"),
        (0, 13, False, "Only a teacher"),
        (9, 13, True, ""),
        (12, 0, False, ""),
    ],
)
def test_a_visitor_has_a_quota_and_a_teacher_none(
    waiting: int, new: int, teaches: bool, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(Queue):
        def jobs(self) -> list[Job]:
            job = Job("busy", print, short=False, quick=True, askers=[visitor().name])
            return [job] * (waiting + len(self.asked))

    queue = Full()
    monkeypatch.setattr(work, "queue", lambda: queue)
    monkeypatch.setattr(visitors, "teaches", lambda: teaches)
    monkeypatch.setattr(disk, "free_bytes", lambda: 10**12)
    page = AppTest.from_string(QUOTA)
    page.session_state["many"] = new
    page.run()
    assert not page.exception
    assert len(queue.asked) == (0 if error else new), "all or none"
    assert [message.value.startswith(error) for message in page.error] == [True] * bool(error)
