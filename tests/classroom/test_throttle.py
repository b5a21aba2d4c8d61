"""Wrong tries of a browser and of its address: who must wait, who is still heard, and until
when."""

import threading

import pytest

from tests.jobs.children import until
from vlcore.classroom.throttle import Arrivals, Tries, Turns, place_of
from vlcore.experiment import limits


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("10.0.0.3", "10.0.0.3"),
        ("::ffff:10.0.0.3", "10.0.0.3"),
        (None, "here"),
        ("127.0.0.2", "here"),
        ("::1", "here"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_who_has_a_network_of_ipv6_comes_from_one_place(address: str | None, place: str) -> None:
    assert place_of(address) == place


def test_tries_come_back_after_a_minute() -> None:
    now = [0.0]
    tries = Tries(2, 100, lambda: now[0])
    for at in (0.0, 30.0):
        now[0] = at
        assert tries.are_left("a", "home")
        tries.count("a", "home")
    assert (tries.are_left("a", "home"), tries.are_left("b", "home")) == (False, True)
    now[0] = 61.0
    assert tries.are_left("a", "home")


def test_at_an_address_with_many_wrong_tries_each_browser_has_few() -> None:
    tries = Tries(10, 20, lambda: 0.0)
    for number in range(20):
        tries.count(f"invented-{number}", "home")
    for left in range(limits.FEW_TRIES, 0, -1):
        assert tries.are_left("newcomer", "home"), left
        tries.count("newcomer", "home")
    assert not tries.are_left("newcomer", "home")
    assert tries.are_left("newcomer", "elsewhere")
    assert tries.are_left("another", "home")


def test_so_many_come_at_once_and_then_one_a_second() -> None:
    now = [0.0]
    arrivals = Arrivals(3, lambda: now[0])
    assert [arrivals.come("home") for _ in range(5)] == [True, True, True, False, False]
    assert arrivals.come("elsewhere")
    for now[0] in (1.0, 2.0):
        assert [arrivals.come("home") for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [arrivals.come("home") for _ in range(4)] == [True, True, True, False]


def test_an_address_that_fills_all_places_takes_no_turns_of_others() -> None:
    turns, order, begun = Turns(1), list[str](), list[threading.Thread]()

    def comes(name: str, address: str) -> None:
        with turns.turn(name, address, 60):
            order.append(name)

    with turns.turn("flood-0", "there", 0):
        for name in ("flood-0", "flood-1", "flood-2", "a", "b"):
            address = "there" if name.startswith("flood") else "home"
            begun.append(threading.Thread(target=comes, args=(name, address)))
            begun[-1].start()
            until(lambda: len(turns._waiting) == len(begun))
        with pytest.raises(TimeoutError), turns.turn("late", "y", 0):
            pass
    for thread in begun:
        thread.join()
    assert order == ["a", "flood-1", "b", "flood-2", "flood-0"]
    with turns.turn("late", "y", 0):
        pass
