"""Kills at random moments: nothing published is lost, nothing is half-published, no process is
left."""

import signal
from pathlib import Path

import pytest

from tests.faults.kills import Server, kill
from tests.jobs.children import until
from vlcore.artifacts import store

pytestmark = pytest.mark.judge


@pytest.mark.parametrize(("servers", "count"), [(False, 4), (True, 1)])
def test_killed_at_random_moments(empty_home: Path, servers: bool, count: int) -> None:
    tally = kill(count, seed=7, servers=servers)
    assert tally.kills == count
    assert tally.at_work >= count // 4
    assert tally.made >= 3
    assert (tally.lost, tally.half, tally.orphans) == (0, 0, 0)


def test_two_servers_on_one_home_work_together(empty_home: Path) -> None:
    both, keys = [Server(), Server()], [f"shared-{number}" for number in range(6)]
    try:
        for key in keys:
            for server in both:
                server.ask(key, 0, 0)
        until(lambda: all(map(store.published, keys)))
        makers = {store.read(key).manifest["made_by"] for key in keys}
        assert makers <= {pid for server in both for pid in server.workers()}
    finally:
        left = [pid for server in both for pid in server.end(signal.SIGTERM)]
    assert left == []
