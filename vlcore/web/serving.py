"""What the server of the app does beside its pages: it hands out small pictures, names its
visitors, bounds their uploads, and gets ready before anybody comes.

A small picture has an address, by which a browser asks for it when it is shown, and keeps it: the
address names the image set with its version. Only pictures of sets that a page has shown are there,
and never what a visitor gave. What pages are made of is imported once the server is there: it must
not wait for them.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import re
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any

import streamlit as st
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime import runtime_util
from streamlit.runtime.memory_session_storage import MemorySessionStorage

from vlcore.api import small_images
from vlcore.experiment import limits
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import allow_open_files, clear_scratch
from vlcore.plots.thumbnails import thumb_address
from vlcore.web import visitors
from vlcore.web.home import animation
from vlcore.web.middleware import Ahead, Door

if TYPE_CHECKING:
    from vlcore.data.imageset import ImageSet

_KEEP = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
}
_ROW = re.compile(r"[0-9]{1,9}")  # of more digits Python makes no number
_HEARD = (
    "rerun_script",
    "stop_script",
    "app_heartbeat",
    "file_urls_request",
)  # of a page, beside files
_CONTROLS = ("$$ID", "$$STREAMLIT_INTERNAL_KEY")  # how Streamlit's names of controls begin
FORGET_EVERY = 60.0  # seconds
errors: deque[tuple[float, str]] = deque(maxlen=50)  # of pages: when (seconds since 1970), and what
_served: list[str] = []  # what stands before the addresses, once a server hands small pictures out


def addresses(images: ImageSet, rows: Sequence[int]) -> list[str]:
    """The addresses of small pictures of rows; the pictures themselves where nobody hands them
    out."""
    if not _served:
        return small_images.draw_thumbs(images, rows)
    small_images.register_set(images)
    return [thumb_address(_served[0], images.name, images.version, row) for row in rows]


async def _thumb(request: Request) -> Response:
    name, version, row = (request.path_params[part] for part in ("name", "version", "row"))
    images = small_images.registered_set(name, version)
    if images is None or not _ROW.fullmatch(row) or int(row) >= len(images.table):
        raise HTTPException(404)
    try:
        (small,) = await run_in_threadpool(small_images.small_files, images, [int(row)])
    except (LabError, OSError) as error:
        raise HTTPException(404) from error
    return Response(small, media_type="image/webp", headers=_KEEP)


def _atlas(request: Request) -> str:
    """The address of the atlas that Home will show."""
    name = request.query_params.get("data", "scenes")
    towers = request.query_params.get("towers", animation.SCRATCH)
    is_home = request.url.path in ("/", animation.base())
    return animation.address(name, towers) if is_home and animation.is_there(name, towers) else ""


def _uploaded() -> Counter[str]:
    """Bytes of the uploads that the server keeps, by session."""
    storage = getattr(st.runtime.get_instance().uploaded_file_mgr, "file_storage", {})
    least = limits.UPLOAD_LEAST  # an empty one takes room too
    return Counter(
        {
            name: sum(max(len(one.data), least) for one in files.values())
            for name, files in storage.items()
        }
    )


def _cost(data: bytes) -> int | None:
    """How many files a message of a page asks for; None of one that no page of ours sends, such as
    Streamlit's order to empty the caches of all visitors."""
    said = BackMsg()
    try:
        said.ParseFromString(data if len(data) <= limits.MESSAGE_BYTES else b"")
    except DecodeError:
        return None
    controls = said.rerun_script.widget_states.widgets
    if not all(
        one.id.startswith(_CONTROLS) for one in controls
    ):  # each run of the page would fail, and fill the log
        return None
    files = [
        one.file_id
        for control in controls
        for one in control.file_uploader_state_value.uploaded_file_info
    ]
    if len(files) != len(
        set(files)
    ):  # each mention is a copy: a file of 4 MB that was named 20,000 times ended a server
        return None
    if (
        len(said.file_urls_request.file_names) > limits.UPLOADS // limits.UPLOAD_LEAST
    ):  # more than may be kept
        return None
    asked = said.backend_operation_request
    fits = (
        asked.WhichOneof("payload") in ("deferred_file", "dataframe_chunk")
        and len(asked.request_id) <= 100
    )
    if said.WhichOneof("type") == "backend_operation_request":
        return int(asked.WhichOneof("payload") == "deferred_file") if fits else None
    return 0 if said.WhichOneof("type") in _HEARD else None


def lifespan(
    first: Sequence[str], later: Sequence[str]
) -> Callable[[st.App], AbstractAsyncContextManager[None]]:
    """What `st.App` runs while the server is there.

    Args:
        first: modules that are imported before the server answers: what Home is made of, a second,
            for which thirty who come at once would wait longer together.
        later: modules of other pages, imported beside the first answers.
    """
    return lambda _app: _lifespan(first, later)


@asynccontextmanager
async def _lifespan(first: Sequence[str], later: Sequence[str]) -> AsyncIterator[None]:
    allow_open_files()
    if (
        manager := _sessions()
    ) is not None:  # those of a flood must not end those of who locked a phone
        manager._session_storage = MemorySessionStorage(limits.KEPT_SESSIONS)
    # Files are made in threads that wait for each other; Streamlit has them from here too, a few
    # more than cores.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(64))
    # Streamlit has one limit for both ways; that of what pages say was read when the server began.
    runtime_util._max_message_size_bytes = limits.TOLD_BYTES
    _served.append(animation.base())
    for module in first:
        import_module(module)
    Thread(target=_warm, args=(later,), daemon=True).start()
    forgetting = asyncio.create_task(_forget())
    yield
    forgetting.cancel()


async def _forget() -> None:
    """Give back the memory of visitors who left: Streamlit looks for those who did two minutes ago
    only when somebody else leaves, and what a class had would stay until then."""
    before = 0
    while True:
        await asyncio.sleep(FORGET_EVERY)
        now = sessions()
        if now < before:
            await run_in_threadpool(_give_back)
        before = now


def _sessions() -> Any:
    return getattr(st.runtime.get_instance(), "_session_mgr", None) if st.runtime.exists() else None


def sessions() -> int:
    """How many sessions are open, or closed and may come back; others are forgotten. On the loop of
    the server."""
    if (manager := _sessions()) is None:
        return 0
    kept: Any = getattr(
        getattr(manager, "_session_storage", None), "_cache", None
    )  # nothing public forgets
    for _, left in kept.expire() if kept is not None else ():
        # its uploads go; the session itself may be held by Streamlit's loop for long
        left.session.shutdown()
    return len(manager.list_sessions())


def _give_back() -> None:
    gc.collect()
    with suppress(
        OSError, AttributeError
    ):  # only the C library of GNU keeps what is free, and can be asked for it
        ctypes.CDLL(None).malloc_trim(0)


def _warm(modules: Sequence[str]) -> None:
    clear_scratch()
    for module in modules:
        import_module(module)
    import_module("vlcore.data.drawn").scene_table()
    # Altair checks each part of a chart as it is made, which is half of what a map costs; tests do
    # it.
    import_module("altair.utils.schemapi").disable_debug_mode()
    few = _Few()  # each logger of Streamlit has a handler of its own
    for name in [
        name
        for name in logging.root.manager.loggerDict
        if name.startswith(("streamlit", "uvicorn"))
    ]:
        logging.getLogger(name).addFilter(few)
    # Whoever looks for garbage looks through all objects that are not frozen.
    gc.collect()
    gc.freeze()


class _Few(logging.Filter):
    """Lets so many lines a minute into the log: what visitors do must not fill a disk."""

    def __init__(self) -> None:
        super().__init__()
        self._minute, self._said = 0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        minute = int(record.created // 60)
        self._said = self._said + 1 if minute == self._minute else 1
        self._minute = minute
        return self._said <= limits.LOG_LINES


def note(error: Exception) -> None:
    """Remember an error that no page foresaw, for whoever looks after the server."""
    errors.append((time.time(), f"{type(error).__name__}: {error}"[:300]))


_DOOR = Middleware(Door, kept=_uploaded, cost=_cost, teaches=visitors.is_a_teacher)
MIDDLEWARE = [Middleware(Ahead, needs=_atlas), _DOOR]
ROUTES = [Route("/thumbs/{name}/{version}/{row}", _thumb)]
