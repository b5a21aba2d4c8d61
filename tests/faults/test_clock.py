"""A clock that jumps by two days, forwards and back: nothing is deleted, nothing waits for ever."""

import time

import pytest

from tests.faults.acts import KEY, Home, trouble
from tests.jobs.children import claim, make
from vlcore.artifacts import store
from vlcore.artifacts.store import CorruptArtifactError
from vlcore.experiment.files import models_folder
from vlcore.jobs import jobs
from vlcore.jobs.jobs import State

DAYS = 24 * 3600.0


@pytest.mark.usefixtures("empty_home")
@pytest.mark.parametrize("jump", [2 * DAYS, -2 * DAYS])
def test_a_clock_that_jumps(jump: float, monkeypatch: pytest.MonkeyPatch) -> None:
    home, real, real_ns = Home(), time.time, time.time_ns
    jobs.run("damaged", make)
    (models_folder() / "damaged" / "metrics.json").write_text("[]")
    with pytest.raises(CorruptArtifactError):
        store.read("damaged")
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: real() + jump)
        patch.setattr(time, "time_ns", lambda: real_ns() + int(jump * 1e9))
        sentences, unexpected = trouble(home)
        assert unexpected == {}
        assert sentences <= 2, "votes of a lesson that seems over"
        claim("elsewhere", state="running", host="another")
        with claim("here", state="running"):
            assert jobs.view("here").state is State.RUNNING
        assert jobs.view("elsewhere").state is State.INTERRUPTED, "its sign of life is two days off"
        assert jobs.run("elsewhere", make) == "trained"
    assert home.is_whole()
    assert [
        path.name.rpartition("-")[0] for path in (models_folder() / ".quarantine").iterdir()
    ] == ["damaged"]
    assert trouble(home) == (0, {})
    assert store.published(KEY)
