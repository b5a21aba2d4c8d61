"""Progress bars: of what is counted, and of a job by its own reports."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.children import claim, make, until
from vlcore.jobs import jobs, progress
from vlcore.jobs.jobs import Reporter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_job_is_done_under_a_bar_of_its_own_reports(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "POLL", 0.01)
    claim("a-key", state="failed", message="An earlier attempt.")
    (jobs.work_folder("a-key") / "cancel").touch()

    def slow(out: Path, report: Reporter) -> dict[str, Any]:
        report(stage="training", fraction=0.4, now=True)
        until(lambda: "training" in terminal.getvalue())
        return make(out, report)

    with progress.job_bar("a-key"):
        assert jobs.run("a-key", slow) == "trained"
    assert "a-key  40%" in terminal.getvalue()


def test_trainings_are_a_line_each_where_standard_error_is_a_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    with progress.trainings_bar(2, "study class") as ended:
        ended("a-key", "trained")
        assert log.getvalue() == "study class: 1 of 2, a-key trained\n"
        ended("b-key", "failed: no")
    assert log.getvalue().endswith("study class: 2 of 2, b-key failed: no\n")


def test_trainings_are_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.trainings_bar(2, "study class") as ended:
        ended("a-key", "trained")
    assert "1/2" in terminal.getvalue()
    assert "a-key" not in terminal.getvalue()


def test_what_is_counted_says_its_length_when_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.counted_bar("pictures") as told:
        told(3, 4)
    assert "pictures" in terminal.getvalue()
    assert "3/4" in terminal.getvalue()
