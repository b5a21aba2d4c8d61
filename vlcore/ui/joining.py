"""How a room gets to a lesson: an address to type, four letters, and a square for the cameras of phones.

The one idea: a lecturer opens the page as localhost, and that is no address for anybody else; so the banner shows the
one that this computer has in the room's network.
"""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import segno
import streamlit as st

from vlcore.ui.lesson_parts import large

_OWN = ("localhost", "127.0.0.1", "::1")
_SQUARE = 190  # px; about a tenth of a projected picture, which a phone reads from the back of a classroom
_ELSEWHERE = ("192.0.2.1", 9)  # an address that is kept for examples: nothing is sent to it


def address(code: str) -> str:
    """Where the room goes: this page's address as others reach it, with the code of a lesson."""
    here = urlsplit(st.context.url or "")
    if not here.netloc:
        return f"/Lesson?code={code}"
    netloc = here.netloc
    if here.hostname in _OWN and (known := _in_the_network()):
        netloc = f"{known}:{here.port}" if here.port else known
    return f"{here.scheme}://{netloc}{here.path}?code={code}"


def _in_the_network() -> str:
    """This computer's address in its network; empty where it has none, or the server listens to itself alone."""
    if st.get_option("server.address") in _OWN:
        return ""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(_ELSEWHERE)  # sends nothing: it asks the system by which of its addresses it would
            return str(asked.getsockname()[0])
        except OSError:
            return ""


def join_banner(code: str, *, large_type: bool) -> None:
    """Where the room goes: while a question is open in the largest type that there is, and later in one line."""
    link = address(code)
    if not large_type:
        st.caption(f"Join at {link}")
        return
    host = urlsplit(link).hostname
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
        if host and host not in _OWN:
            st.image(segno.make(link, micro=False).svg_data_uri(border=2, light="white"), width=_SQUARE, alt=link)
        with st.container():
            large(f"Join at {link}", "link", key="link")
            large(code, "code", key="code")
            if host in _OWN:
                st.caption(
                    "This page was opened as localhost, which others cannot reach: open it under the address of this "
                    "computer in the room's network, and the link above will be right."
                )
            elif urlsplit(st.context.url or "").hostname in _OWN:
                st.caption(
                    "The address is this computer's in its own network. If phones do not reach it, they are in another "
                    "network, or a firewall is between."
                )
