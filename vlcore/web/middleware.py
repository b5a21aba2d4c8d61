"""ASGI middleware: visitor cookie, content policy, upload quota, websocket message limits,
preloading for Home, our script in every page."""

import base64
import hashlib
import importlib.util
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vlcore.experiment import limits
from vlcore.experiment.files import text_beside
from vlcore.experiment.options import SCRATCH
from vlcore.web import visitors
from vlcore.web.components import browser
from vlcore.web.home import animation
from vlcore.web.streamlit_private import is_page_message, stored_upload_bytes

_COOKIE_SECONDS = 24 * 3600
_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
_PAGE_SCRIPT = text_beside(browser.__file__, "page.js")
# The headers by which a browser asks for a page only if it is a new one, or for a compressed one.
_CONDITIONS = (b"if-none-match", b"if-modified-since", b"accept-encoding", b"range")
_BEFORE_EVERY_PAGE = "/_stcore/host-config"  # what Streamlit's script asks for first, uncached


def _content_policy() -> str:
    """Return the Content-Security-Policy of all answers: nothing comes from another server."""
    streamlit = importlib.util.find_spec("streamlit")
    page = Path(str(streamlit and streamlit.origin)).with_name("static") / "index.html"
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text(encoding="utf-8"), re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()) for script in scripts]
    inline = " ".join(f"'sha256-{digest.decode()}'" for digest in digests)
    return (
        f"default-src 'self'; script-src 'self' blob: {inline}; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:;"
        " worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'"
    )


_POLICY = _content_policy()


class RateLimit:
    """So many events at once, and then a steady rate (a token bucket)."""

    def __init__(
        self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._left: float = burst
        self._counted_at = clock()

    def take(self) -> bool:
        """Whether one more event fits, which is then counted."""
        now = self._clock()
        regained = (now - self._counted_at) * self._per_second
        self._left, self._counted_at = min(self._burst, self._left + regained), now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class VisitorMiddleware:
    """Names each browser and limits what it sends.

    A browser gets a random name, which no script of a page can read, before its first page, and
    with Home the addresses of its riddle, which then arrives beside Streamlit's scripts. Every
    answer has a Content-Security-Policy. An upload beyond the quotas is refused (413). Every page
    begins with our script, `page.js`. A websocket message that no page sends is dropped, and a page
    that sends more of them than a hand can is disconnected.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            receive = _page_messages(receive)
        elif scope["type"] == "http":
            request = Request(scope)
            send = _with_header(send, "Content-Security-Policy", _POLICY)
            if _may_be_page(scope):
                headers = [pair for pair in scope["headers"] if pair[0] not in _CONDITIONS]
                scope = {**scope, "headers": headers}
                send = _with_script(send)
            if scope["method"] == "PUT" and (upload := _UPLOAD.search(scope["path"])):
                receive = _within_quotas(receive, upload[1])
            elif preloads := _preloads_of_home(request):
                send = _with_header(send, "Link", preloads)
            elif (
                scope["path"].endswith(_BEFORE_EVERY_PAGE)
                and visitors.COOKIE not in request.cookies
            ):
                send = _with_header(send, "Set-Cookie", _new_cookie())
        await self._app(scope, receive, send)


def _within_quotas(receive: Receive, session: str) -> Receive:
    """Receive an upload to a session as long as there is room for it."""
    received = 0

    async def next_message() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        stored = stored_upload_bytes()
        is_full = stored[session] + received > limits.UPLOADS
        if is_full or stored.total() + received > limits.ALL_UPLOADS:
            raise HTTPException(413, "Too many bytes of uploads; remove some files first.")
        return message

    return next_message


def _preloads_of_home(request: Request) -> str:
    """Return the header of what Home will show first; empty for other pages."""
    if request.url.path not in ("/", browser.base_path()):
        return ""
    name = request.query_params.get("data", "scenes")
    towers = request.query_params.get("towers", SCRATCH)
    return animation.preloads(name, towers) if animation.has_atlas(name, towers) else ""


def _may_be_page(scope: Scope) -> bool:
    """Whether a request may be for a page: all other files have a dot or a folder."""
    path = scope["path"].removeprefix(browser.base_path()).strip("/")
    return scope["method"] == "GET" and not re.search(r"[./]", path)


def _with_script(send: Send) -> Send:
    """Send a page with our script before its own; anything else unchanged."""
    start: Message | None = None
    page = bytearray()

    async def sending(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if message["status"] == 200 and "text/html" in headers.get("content-type", ""):
                start = message
                return
        if start is None:
            await send(message)
            return
        page.extend(message.get("body", b""))
        if message.get("more_body"):
            return
        begin = f'<head><script src="{browser.script_address("page", _PAGE_SCRIPT)}"></script>'
        content = bytes(page).replace(b"<head>", begin.encode(), 1)
        headers = MutableHeaders(scope=start)
        headers["content-length"] = str(len(content))
        del headers["etag"], headers["last-modified"]
        await send(start)
        await send({"type": "http.response.body", "body": content})

    return sending


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
