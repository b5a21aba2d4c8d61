"""ASGI middleware: visitor cookie, upload quota, websocket message limits, preloading for Home."""

import re
import secrets
from collections import Counter
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vlcore.classroom.throttle import RateLimit
from vlcore.experiment import limits
from vlcore.web import visitors
from vlcore.web.streamlit_private import is_page_message, stored_upload_bytes

_COOKIE_SECONDS = 24 * 3600
_MULTIPART_BYTES = 65_536  # around a file on its way
_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
_BEFORE_EVERY_PAGE = "/_stcore/host-config"  # what Streamlit's script asks for first, uncached


class Preload:
    """Tells a browser with its page what that will fetch, which then arrives beside the scripts."""

    def __init__(self, app: ASGIApp, address_for: Callable[[Request], str]) -> None:
        """`address_for` a request of a page is what that will fetch, empty for nothing."""
        self._app, self._address_for = app, address_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (address := self._address_for(Request(scope))):
            send = _with_header(send, "Link", f"<{address}>; rel=preload; as=fetch; crossorigin")
        await self._app(scope, receive, send)


class VisitorMiddleware:
    """Names each browser and limits what it sends.

    A browser gets a random name, which no script of a page can read, before its first page. An
    upload beyond the quotas is refused (413). A websocket message that no page sends is dropped,
    and a page that sends more of them than a hand can is disconnected.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._arriving: Counter[str] = Counter()  # bytes of unfinished uploads, by session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            receive = _page_messages(receive)
        elif scope["type"] == "http":
            upload = scope["method"] == "PUT" and _UPLOAD.search(scope["path"])
            if upload:
                await self._upload(upload[1], scope, receive, send)
                return
            is_named = visitors.COOKIE in Request(scope).cookies
            if scope["path"].endswith(_BEFORE_EVERY_PAGE) and not is_named:
                send = _with_header(send, "Set-Cookie", _new_cookie())
        await self._app(scope, receive, send)

    async def _upload(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        received = 0
        allowed = limits.UPLOAD_BYTES + _MULTIPART_BYTES
        if visitors.is_a_teacher(Request(scope)):
            allowed = limits.UPLOADS

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            size = len(message.get("body", b""))
            received += size
            self._arriving[session] += size
            stored = stored_upload_bytes() + self._arriving
            if (
                received > allowed
                or stored[session] > limits.UPLOADS
                or stored.total() > limits.ALL_UPLOADS
            ):
                raise HTTPException(413, "Too many bytes of uploads; remove some files first.")
            return message

        try:
            await self._app(scope, limited, send)
        finally:
            self._arriving[session] -= received
            self._arriving += Counter()  # forgets sessions without uploads


def _page_messages(receive: Receive) -> Receive:
    """Receive the messages of one page, as far as `VisitorMiddleware` lets them through."""
    rate = RateLimit(limits.MESSAGES_AT_ONCE, limits.MESSAGES_A_SECOND)

    async def next_message() -> Message:
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            if not rate.take():
                return {"type": "websocket.disconnect", "code": 1008}
            data = message.get("bytes")
            if data is None:  # Streamlit would write a traceback into the log
                return {"type": "websocket.disconnect", "code": 1003}
            if is_page_message(data):
                return message

    return next_message


def _new_cookie() -> str:
    rules = f"Path=/; Max-Age={_COOKIE_SECONDS}; HttpOnly; SameSite=Lax"
    return f"{visitors.COOKIE}={secrets.token_urlsafe(9)}; {rules}"


def _with_header(send: Send, name: str, value: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).append(name, value)
        await send(message)

    return sending
