"""The door of a server: names its browsers and bounds their uploads, before Streamlit sees a request."""

import re
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vlcore.core import limits

COOKIE = "vl-bias-lab-visitor"  # the random name of a browser
_NAME_FOR = 24 * 3600  # seconds
_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")


class Ahead:
    """Tells a browser with its page what that will ask for: it then arrives with Streamlit's scripts."""

    def __init__(self, app: ASGIApp, needs: Callable[[Request], str]) -> None:
        """`needs` gives the address of what a page that is asked for will fetch, empty where there is nothing."""
        self._app, self._needs = app, needs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = self._needs(Request(scope)) if scope["type"] == "http" else ""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Link", f"<{address}>; rel=preload; as=fetch; crossorigin")
            await send(message)

        await self._app(scope, receive, sending if address else send)


class Door:
    """What every request goes through: a browser gets its name before its first page, which no script of a page can
    read, an upload is refused (413) where it is more than its session may have, or than all may together, and of what
    a page says the app hears only what pages of ours say, and not more often."""

    def __init__(self, app: ASGIApp, kept: Callable[[], Counter[str]], cost: Callable[[bytes], int | None]) -> None:
        """`kept` says how many bytes of uploads the server keeps, by session; `cost` how many of the files that a page
        may ask for a message asks for, None where no page of ours says it."""
        self._app, self._kept, self._cost = app, kept, cost
        self._coming: Counter[str] = Counter()  # bytes by session that are on their way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        upload = scope["type"] == "http" and scope["method"] == "PUT" and _UPLOAD.search(scope["path"])
        if scope["type"] == "websocket":
            await self._app(scope, self._heard(receive), send)
        elif upload:
            await self._upload(upload[1], scope, receive, send)
        elif scope["type"] == "http" and scope["path"].endswith("/_stcore/host-config"):  # asked for before all pages
            await self._app(scope, receive, send if COOKIE in Request(scope).cookies else _naming(send))
        else:
            await self._app(scope, receive, send)

    def _heard(self, receive: Receive) -> Receive:
        asked: deque[float] = deque()  # when files were asked for, in the last minute

        async def heard() -> Message:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive":
                    return message
                if message.get("bytes") is None:  # Streamlit would write a traceback into the log
                    return {"type": "websocket.disconnect", "code": 1003}
                cost = self._cost(message["bytes"])
                while asked and asked[0] < time.monotonic() - 60:
                    asked.popleft()
                if cost is not None and len(asked) + cost <= limits.FILES_A_MINUTE:
                    asked.extend([time.monotonic()] * cost)
                    return message

        return heard

    async def _upload(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        kept, came = self._kept(), 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += (size := len(message.get("body", b"")))
            self._coming[session] += size
            everybody = sum(kept.values()) + self._coming.total()
            if kept[session] + self._coming[session] > limits.SESSION_BYTES or everybody > limits.ALL_SESSION_BYTES:
                raise HTTPException(413, "Too many bytes of uploads; remove some files first.")
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._coming[session] -= came
            self._coming += Counter()  # forgets who has nothing on its way


def _naming(send: Send) -> Send:
    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            rules = f"Path=/; Max-Age={_NAME_FOR}; HttpOnly; SameSite=Lax"
            MutableHeaders(scope=message).append("Set-Cookie", f"{COOKIE}={secrets.token_urlsafe(9)}; {rules}")
        await send(message)

    return named
