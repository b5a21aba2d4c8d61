"""How pages ask for jobs and follow them: once for all who ask, and with news only while something is going on."""

from __future__ import annotations

import os
import time

import pytest
from streamlit.testing.v1 import AppTest

from vlcore.runs import maps
from vlcore.runs.maps import Projection
from vlcore.store import artefacts
from vlcore.store.jobs import JobStatus, State
from vlcore.ui import jobs


def test_a_fit_is_queued_under_the_key_that_it_is_read_from(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    class Queue:
        def submit(self, key: str, task: object, *arguments: object, asker: object, short: bool) -> None:
            assert isinstance(asker, jobs.Visitor)
            asked.append((key, task, *arguments, short))

    monkeypatch.setattr(jobs, "queue", Queue)
    keys, together = ["a", "b"], Projection("umap", together=True)
    jobs.make_map(keys, together)
    jobs.make_map(keys[:1], Projection("tsne"))
    assert asked == [
        (maps.map_keys(keys, together)[0], maps.make_map, keys, together, True),
        (f"{keys[0]}.tsne-p30-s0.map", maps.make_map, keys[:1], Projection("tsne"), True),
    ]


# --- what a worker makes while a visitor waits


def test_a_worker_that_ends_or_is_busy_for_long_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert jobs.run_in_worker(abs, -2) == 2
    with pytest.raises(artefacts.StoreError, match="ended; ask for it again"):
        jobs.run_in_worker(os._exit, 1)
    assert jobs.run_in_worker(abs, -3) == 3, "the next asker gets another"
    monkeypatch.setattr(jobs, "PATIENCE", 0.05)
    with pytest.raises(artefacts.StoreError, match="in a minute"):
        jobs.run_in_worker(time.sleep, 1)


# --- following


class Queue:
    """Knows of two jobs what a test says."""

    def __init__(self, **states: State) -> None:
        self.states, self.reads = states, 0

    def view(self, key: str) -> JobStatus:
        self.reads += 1
        return JobStatus(key, self.states[key], {"stage": "measuring", "message": "The disk is full."})


SCRIPT = """
import streamlit as st
from vlcore.ui import jobs
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
jobs.watch(["a", "b"])
"""


@pytest.mark.parametrize(
    ("a", "b", "bars", "warnings"),
    [
        (State.RUNNING, State.QUEUED, ["measuring", "starting"], []),
        (State.RUNNING, State.FAILED, ["measuring"], ["This training failed: The disk is full."]),
        (State.DONE, State.ABSENT, [], []),
        (State.DONE, State.CANCELLED, [], ["This training was cancelled."]),
    ],
)
def test_each_job_has_its_progress_or_why_it_ended(
    a: State, b: State, bars: list[str], warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "queue", lambda: Queue(a=a, b=b))
    page = AppTest.from_string(SCRIPT).run()
    assert not page.exception
    assert [bar.proto.text for bar in page.get("progress")] == bars
    assert [warning.value for warning in page.warning] == warnings
    assert page.session_state["runs"] == 1


@pytest.mark.parametrize("each_done", [False, True])
def test_the_page_runs_anew_when_a_job_ends_meanwhile(each_done: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ending(Queue):
        """Its first job ends after the first look at both."""

        def view(self, key: str) -> JobStatus:
            if self.reads >= 2:
                self.states["a"] = State.DONE
            return super().view(key)

    queue = Ending(a=State.RUNNING, b=State.RUNNING)
    monkeypatch.setattr(jobs, "queue", lambda: queue)
    page = AppTest.from_string(SCRIPT.replace('"b"]', f'"b"], each_done={each_done}')).run()
    assert not page.exception
    assert page.session_state["runs"] == 1 + each_done
