"""The door of a server: names its browsers and bounds their uploads, before Streamlit sees a
request."""

import re
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vlcore.classroom.throttle import Arrivals, place_of
from vlcore.experiment import limits

COOKIE = "vl-bias-lab-visitor"  # the random name of a browser
_NAME_FOR = 24 * 3600  # seconds
_AROUND = 65_536  # bytes around a file on its way
_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")


class Ahead:
    """Tells a browser with its page what that will ask for: it then arrives with Streamlit's
    scripts."""

    def __init__(self, app: ASGIApp, needs: Callable[[Request], str]) -> None:
        """`needs` gives the address of what a page that is asked for will fetch, empty where there
        is nothing."""
        self._app, self._needs = app, needs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = self._needs(Request(scope)) if scope["type"] == "http" else ""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append(
                    "Link", f"<{address}>; rel=preload; as=fetch; crossorigin"
                )
            await send(message)

        await self._app(scope, receive, sending if address else send)


class Door:
    """What every request goes through: a browser gets its name before its first page, which no
    script of a page can read, an upload is refused (413) where it is more than its browser, its
    address or all together may have, of what a page says the app hears only what pages of ours say,
    and not more often, and an address has so many pages open.
    """

    def __init__(
        self,
        app: ASGIApp,
        kept: Callable[[], Counter[str]],
        cost: Callable[[bytes], int | None],
        teaches: Callable[[Request], bool],
    ) -> None:
        """`kept` says how many bytes of uploads the server keeps, by session; `cost` how many of
        the files that a page may ask for a message asks for, None where no page of ours says it;
        `teaches` who may give more.
        """
        self._app, self._kept, self._cost, self._teaches = app, kept, cost, teaches
        self._coming: Counter[str] = Counter()  # bytes by session that are on their way
        self._whose: dict[str, tuple[str, str]] = {}  # browser and address of sessions with uploads
        self._pages: Counter[str] = Counter()  # that are open, by address
        self._new_pages = Arrivals(limits.PAGES_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        upload = (
            scope["type"] == "http" and scope["method"] == "PUT" and _UPLOAD.search(scope["path"])
        )
        if scope["type"] == "websocket":
            await self._page(scope, receive, send)
        elif upload:
            await self._upload(upload[1], scope, receive, send)
        elif scope["type"] == "http" and scope["path"].endswith(
            "/_stcore/host-config"
        ):  # asked for before all pages
            await self._app(
                scope, receive, send if COOKIE in Request(scope).cookies else _naming(send)
            )
        else:
            await self._app(scope, receive, send)

    def _heard(self, receive: Receive) -> Receive:
        asked: deque[float] = deque()  # when files were asked for, in the last minute
        paid = 0.0  # until when what was said has taken its time

        async def heard() -> Message:
            nonlocal paid
            while True:
                message = await receive()
                if message["type"] != "websocket.receive":
                    return message
                now = time.monotonic()
                paid = max(paid, now) + 1 / limits.MESSAGES_A_SECOND
                if (
                    paid - now > limits.MESSAGES_AT_ONCE / limits.MESSAGES_A_SECOND
                ):  # more than can come of hands
                    return {"type": "websocket.disconnect", "code": 1008}
                if message.get("bytes") is None:  # Streamlit would write a traceback into the log
                    return {"type": "websocket.disconnect", "code": 1003}
                cost = self._cost(message["bytes"])
                while asked and asked[0] < time.monotonic() - 60:
                    asked.popleft()
                if cost is not None and len(asked) + cost <= limits.FILES_A_MINUTE:
                    asked.extend([time.monotonic()] * cost)
                    return message

        return heard

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = _place(scope)
        if self._pages[place] >= limits.PAGES_OF_ADDRESS or not self._new_pages.come(place):
            await receive()  # that it wants to connect
            await send({"type": "websocket.close", "code": 1008})
            return
        self._pages[place] += 1
        try:
            await self._app(scope, self._heard(receive), send)
        finally:
            self._pages[place] -= 1
            self._pages += Counter()  # forgets who has none

    async def _upload(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        request, place, came = Request(scope), _place(scope), 0
        whose, teaches, kept = (
            (f"{place} {request.cookies.get(COOKIE)}", place),
            self._teaches(request),
            self._kept(),
        )
        self._whose = {
            one: names for one, names in self._whose.items() if one in kept or one in self._coming
        }
        self._whose[session] = whose

        def is_too_much() -> bool:
            here = there = everywhere = 0
            for one, size in (kept + self._coming).items():
                browser, address = self._whose.get(one, whose)
                here += size * (browser == whose[0])
                there += size * (address == place)
                everywhere += size
            alone = came > limits.UPLOAD_BYTES + _AROUND or there > limits.UPLOADS_OF_ADDRESS
            return (
                (alone and not teaches) or here > limits.UPLOADS or everywhere > limits.ALL_UPLOADS
            )

        async def counted() -> Message:
            nonlocal came, kept
            message = await receive()
            came += (size := len(message.get("body", b"")))
            self._coming[session] += size
            if not message.get("more_body"):  # others may have come to their end meanwhile
                kept = self._kept()
            if is_too_much():
                raise HTTPException(413, "Too many bytes of uploads; remove some files first.")
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._coming[session] -= came
            self._coming += Counter()  # forgets who has nothing on its way


def _place(scope: Scope) -> str:
    return place_of(scope["client"][0] if scope.get("client") else None)


def _naming(send: Send) -> Send:
    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            rules = f"Path=/; Max-Age={_NAME_FOR}; HttpOnly; SameSite=Lax"
            MutableHeaders(scope=message).append(
                "Set-Cookie", f"{COOKIE}={secrets.token_urlsafe(9)}; {rules}"
            )
        await send(message)

    return named
