"""Who is at a browser, what they may do there, and how much of the server they may take.

There are no accounts. A visitor is a browser: the server gives it a random name for a day, as a
cookie, so a second tab or a refresh is nobody new. A teacher is who entered the secret of
``VLCORE_TEACHER`` (`vlcore.classroom.teacher`). Where the server knows none, everybody at the
machine itself is one, and nobody elsewhere."""

import re
import secrets
from collections.abc import Mapping
from threading import BoundedSemaphore, Lock
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import streamlit as st
from starlette.requests import Request

from vlcore.classroom import teacher
from vlcore.classroom.teacher import Right, RightError
from vlcore.classroom.throttle import HERE, place_of
from vlcore.experiment import limits
from vlcore.jobs.queue import Asker
from vlcore.web.components import browser
from vlcore.web.middleware import COOKIE

TEACHER = "vl-bias-lab-teacher"  # the name of the token that a browser keeps
OWN = ("localhost", "127.0.0.1", "::1")  # names of the machine itself
_NAME = re.compile(r"[A-Za-z0-9_-]{8,40}", re.ASCII)
_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-Ip")


class Visitor(Asker):
    """A browser that is here: there as long as a session of it."""

    def __init__(self, name: str, address: str = "") -> None:
        super().__init__(name, address)
        self.withdrawn: set[str] = set()  # keys of jobs that others alone wait for now
        self.exporting = BoundedSemaphore(limits.EXPORTS)
        self.exporting_there = _exporting.setdefault(
            address, BoundedSemaphore(limits.EXPORTS_OF_ADDRESS)
        )


_here: WeakValueDictionary[str, Visitor] = WeakValueDictionary()
_exporting: WeakValueDictionary[str, BoundedSemaphore] = WeakValueDictionary()  # by address
_arrival = Lock()


def visitor() -> Visitor:
    """Who is at this browser."""
    if "visitor" not in st.session_state:
        known = str(st.context.cookies.get(COOKIE, ""))
        name = known if _NAME.fullmatch(known) else secrets.token_urlsafe(9)
        with _arrival:
            st.session_state["visitor"] = _here.get(name) or Visitor(name, address())
            _here[name] = st.session_state["visitor"]
    found: Visitor = st.session_state["visitor"]
    return found


def how_many() -> int:
    """How many browsers are here, or were two minutes ago."""
    return len(_here)


def address() -> str:
    """Where a visitor comes from, to count by: a room behind one address is one."""
    return place_of(st.context.ip_address)


def is_at_the_machine() -> bool:
    """Whether the browser runs on the server's own machine. Behind a proxy all seem to: so the
    address that they asked for must be the machine's own too, and nothing may have been passed
    on."""
    return _is_at_the_machine(st.context.headers, st.context.ip_address)


def _is_at_the_machine(headers: Mapping[str, str], address: str | None) -> bool:
    try:
        asked = urlsplit(f"//{headers.get('Host', '')}").hostname
    except ValueError:
        return False
    return (
        asked in OWN
        and place_of(address) == HERE
        and not any(name in headers for name in _FORWARDED)
    )


def teaches() -> bool:
    """Whether this visitor may do what only a teacher may."""
    if not teacher.is_named():
        return is_at_the_machine()
    return teacher.knows(st.session_state.get(TEACHER) or browser.remembered(TEACHER))


def is_a_teacher(request: Request) -> bool:
    """Whether a request that is no page's comes from the browser of one."""
    if not teacher.is_named():
        return _is_at_the_machine(request.headers, request.client.host if request.client else None)
    return teacher.knows(request.cookies.get(TEACHER, ""))


def sign_in(typed: str) -> None:
    """Make this visitor a teacher, by the secret; RightError where it is wrong."""
    st.session_state[TEACHER] = teacher.sign_in(typed, visitor().name, address())


def sign_out() -> None:
    """Make this visitor a student again, and have the browser forget the token."""
    st.session_state[TEACHER] = "out"


def require(right: Right) -> None:
    """RightError, which says who may, for all but a teacher."""
    if not teaches():
        raise RightError(f"Only a teacher may {right} here; {teacher.how_to()}.")
