"""Who a visitor is, and who may do what: at the machine, from elsewhere, behind a proxy, with the
secret."""

from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st

from vlcore.web import streamlit_private, teacher, visitors
from vlcore.web.teacher import Right, RightError
from vlcore.web.visitors import COOKIE

SECRET = "correct horse"


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A browser at the machine, of which a test changes what it sends."""
    sent = SimpleNamespace(headers={"Host": "localhost:8501"}, cookies={}, ip_address=None)
    monkeypatch.setattr(st, "context", sent)
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.delenv("VLCORE_TEACHER", raising=False)
    return sent


@pytest.mark.parametrize(
    ("headers", "ip", "at_it"),
    [
        ({"Host": "localhost:8501"}, None, True),
        ({"Host": "[::1]:80"}, None, True),
        ({"Host": "lab.example.org"}, None, False),
        ({"Host": "localhost:8501"}, "10.0.0.3", False),
        ({}, None, False),
        ({"Host": "[::1"}, None, False),
        ({"Host": "localhost", "X-Forwarded-For": "10.0.0.3"}, None, False),
        ({"Host": "localhost@evil.example"}, None, False),
    ],
)
def test_who_is_at_the_machine(
    browser: SimpleNamespace, headers: dict[str, str], ip: str | None, at_it: bool
) -> None:
    browser.headers, browser.ip_address = headers, ip
    assert visitors.is_at_the_machine() == visitors.teaches() == at_it
    if not at_it:
        with pytest.raises(RightError, match="sets VLCORE_TEACHER"):
            visitors.require_right(Right.SETS)


def test_the_secret_makes_a_teacher_and_the_browser_keeps_a_token_of_it(
    browser: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLCORE_TEACHER", SECRET)
    assert not visitors.teaches(), "at the machine too it is asked for"
    with pytest.raises(RightError, match="page /Manage"):
        visitors.require_right(Right.MANAGE)
    with pytest.raises(RightError):
        visitors.become_teacher("wrong")
    visitors.become_teacher(SECRET)
    visitors.require_right(Right.MANAGE)
    token = st.session_state.pop(visitors.TEACHER)
    assert SECRET not in token
    assert not visitors.teaches()
    browser.cookies[visitors.TEACHER] = token
    assert visitors.teaches(), "the next visit of this browser"
    for forged in (token[:-1], f"9{token}", "", "-", SECRET, "²-x", "1-ü"):
        browser.cookies[visitors.TEACHER] = forged
        assert not visitors.teaches()
    browser.cookies[visitors.TEACHER] = token
    with monkeypatch.context() as patch:
        patch.setattr(teacher.time, "time", lambda: float(token.partition("-")[0]))
        assert not visitors.teaches(), "a token ends"
    monkeypatch.setenv("VLCORE_TEACHER", "another")
    assert not visitors.teaches()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("::ffff:10.0.0.3", "10.0.0.3"),
        (None, "here"),
        ("127.0.0.2", "here"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_a_network_of_ipv6_is_one_address(address: str | None, network: str) -> None:
    assert visitors.network_of(address) == network


def test_a_second_tab_is_the_same_visitor_and_a_strange_name_is_a_new_one(
    browser: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tabs: list[str] = []
    monkeypatch.setattr(streamlit_private, "session_name", lambda: tabs[-1])
    monkeypatch.setattr(streamlit_private, "is_connected", tabs.__contains__)

    def comes(name: Any) -> visitors.Visitor:
        tabs.append(f"tab {len(tabs)}")
        monkeypatch.setattr(st, "session_state", {})
        browser.cookies[COOKIE] = name
        return visitors.visitor()

    first = comes("a-browser-1")
    assert visitors.visitor() is first
    assert comes("a-browser-1") is first
    before = visitors.how_many()
    strangers = [comes(name) for name in ("", "short", "x" * 41, "<b>a-browser-1</b>")]
    assert len({visitor.name for visitor in (first, *strangers)}) == 5
    assert visitors.how_many() == before + 4
    del tabs[-4:]
    assert visitors.how_many() == before, "who has left is gone at once"
