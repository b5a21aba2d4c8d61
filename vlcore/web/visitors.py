"""Visitors without accounts: a browser by its cookie, the teacher's role, the address.

A visitor is a browser: the server gives it a random name for a day, as a cookie, so a second tab or
a refresh is the same visitor. A teacher is a visitor who entered the secret of ``VLCORE_TEACHER``
(`vlcore.web.teacher`). On a server without one, everybody at the machine itself is a teacher.
"""

import ipaddress
import re
import secrets
from threading import BoundedSemaphore, Lock
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import streamlit as st

from vlcore.experiment import limits
from vlcore.web import streamlit_private, teacher
from vlcore.web.components import browser
from vlcore.web.teacher import Right, RightError

COOKIE = "vl-bias-lab-visitor"  # the random name of a browser
TEACHER = "vl-bias-lab-teacher"  # the name of the token that a browser keeps
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")  # of the machine itself
_LOCAL = "here"  # the network of the machine itself
_NAME = re.compile(r"[A-Za-z0-9_-]{8,40}", re.ASCII)
_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-Ip")


class Visitor:
    """A browser, present as long as one of its sessions."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.withdrawn: set[str] = set()  # keys of jobs that go on for others alone
        self.sessions: set[str] = set()  # of its pages that are open, or were as the last one came
        self.exporting = BoundedSemaphore(limits.EXPORTS)
        self.waiting = BoundedSemaphore(1)  # for that


_present: WeakValueDictionary[str, Visitor] = WeakValueDictionary()
_arrival = Lock()


def visitor() -> Visitor:
    """Return the visitor at this browser."""
    if "visitor" not in st.session_state:
        cookie = str(st.context.cookies.get(COOKIE, ""))
        name = cookie if _NAME.fullmatch(cookie) else secrets.token_urlsafe(9)
        with _arrival:
            arrived = st.session_state["visitor"] = _present.get(name) or Visitor(name)
            arrived.sessions = set(filter(streamlit_private.is_connected, arrived.sessions))
            arrived.sessions.add(streamlit_private.session_name())
            _present[name] = arrived
    known: Visitor = st.session_state["visitor"]
    return known


def how_many() -> int:
    """Count the browsers that have a page open."""
    with _arrival:
        sessions = [visitor.sessions for visitor in _present.values()]
    return sum(any(map(streamlit_private.is_connected, names)) for names in sessions)


def address() -> str:
    """Return the network of this visitor, by which votes are counted: a class may be one."""
    return network_of(st.context.ip_address)


def network_of(address: str | None) -> str:
    """Return an IPv4 address itself, the 64 bits of an IPv6 network, or "here" for this machine."""
    try:
        known = ipaddress.ip_address((address or "::1").partition("%")[0])
    except ValueError:
        return str(address)
    if isinstance(known, ipaddress.IPv6Address):
        known = known.ipv4_mapped or known
    if known.is_loopback:
        return _LOCAL
    if known.version == 4:
        return str(known)
    return str(ipaddress.ip_network((known, 64), strict=False))


def is_at_the_machine() -> bool:
    """Whether the browser runs on the server's own machine.

    Behind a proxy all seem to: so the address in the browser must be the machine's own too, and no
    header may say that the request was forwarded.
    """
    headers = st.context.headers
    try:
        host = urlsplit(f"//{headers.get('Host', '')}").hostname
    except ValueError:
        return False
    is_forwarded = any(name in headers for name in _FORWARDED)
    return host in LOCAL_NAMES and address() == _LOCAL and not is_forwarded


def teaches() -> bool:
    """Whether this visitor may do what only a teacher may."""
    if not teacher.is_named():
        return is_at_the_machine()
    return teacher.knows(st.session_state.get(TEACHER) or browser.remembered(TEACHER))


def become_teacher(typed: str) -> None:
    """Make this visitor a teacher by the secret; RightError for a wrong one."""
    st.session_state[TEACHER] = teacher.sign_in_teacher(typed)


def become_student() -> None:
    """Make this visitor a student again, and have the browser forget the token."""
    st.session_state[TEACHER] = "out"


def require_right(right: Right) -> None:
    """Raise RightError, which says who may, for all but a teacher."""
    if not teaches():
        raise RightError(f"Only a teacher may {right} here; {teacher.how_to()}.")
