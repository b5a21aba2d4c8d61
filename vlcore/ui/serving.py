"""What the server of the app does beside its pages: it hands out small pictures, names its visitors, bounds their
uploads, and gets ready before anybody comes.

A small picture has an address, by which a browser asks for it when it is shown, and keeps it: the address names the
image set with its version. Only pictures of sets that a page has shown are there, and never what a visitor gave. What
pages are made of is imported once the server is there: it must not wait for them.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vlcore.charts.thumbnails import thumb_address
from vlcore.compare import small_pictures
from vlcore.core.door import Ahead, Door
from vlcore.core.errors import LabError
from vlcore.core.files import allow_open_files, clear_scratch
from vlcore.ui import atlas

if TYPE_CHECKING:
    from vlcore.datasets.imageset import ImageSet

_KEEP = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
FORGET_EVERY = 60.0  # seconds
errors: deque[tuple[float, str]] = deque(maxlen=50)  # of pages: when (seconds since 1970), and what
_served: list[str] = []  # what stands before the addresses, once a server hands small pictures out


def addresses(images: ImageSet, rows: Sequence[int]) -> list[str]:
    """The addresses of small pictures of rows; the pictures themselves where nobody hands them out."""
    if not _served:
        return small_pictures.draw_thumbs(images, rows)
    small_pictures.remember(images)
    return [thumb_address(_served[0], images.name, images.version, row) for row in rows]


async def _thumb(request: Request) -> Response:
    images, row = (
        small_pictures.known(request.path_params["name"], request.path_params["version"]),
        request.path_params["row"],
    )
    if images is None or row >= len(images.table):
        raise HTTPException(404)
    try:
        (small,) = await run_in_threadpool(small_pictures.small_pictures, images, [row])
    except (LabError, OSError) as error:
        raise HTTPException(404) from error
    return Response(small, media_type="image/webp", headers=_KEEP)


def _atlas(request: Request) -> str:
    """The address of the atlas that Home will show."""
    name = request.query_params.get("data", "scenes")
    return atlas.address(name) if request.url.path in ("/", atlas.base()) and atlas.is_there(name) else ""


def _uploaded() -> Counter[str]:
    """Bytes of the uploads that the server keeps, by session."""
    storage = getattr(st.runtime.get_instance().uploaded_file_mgr, "file_storage", {})
    return Counter({session: sum(len(file.data) for file in files.values()) for session, files in storage.items()})


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """While the server is there. What Home is made of, a second, is imported before it answers, for thirty who come at
    once would wait longer for it together; the rest beside its first answers."""
    allow_open_files()
    _served.append(atlas.base())
    import_module("vlcore.ui.home")
    Thread(target=_warm, daemon=True).start()
    forgetting = asyncio.create_task(_forget())
    yield
    forgetting.cancel()


async def _forget() -> None:
    """Give back the memory of visitors who left: Streamlit looks for those who did two minutes ago only when somebody
    else leaves, and what a class had would stay until then."""
    before = 0
    while True:
        await asyncio.sleep(FORGET_EVERY)
        now = sessions()
        if now < before:
            await run_in_threadpool(_give_back)
        before = now


def sessions() -> int:
    """How many sessions are open, or closed and may come back; others are forgotten. On the loop of the server."""
    manager: Any = getattr(st.runtime.get_instance(), "_session_mgr", None) if st.runtime.exists() else None
    if manager is None:
        return 0
    kept: Any = getattr(getattr(manager, "_session_storage", None), "_cache", None)  # nothing public forgets
    for _, left in kept.expire() if kept is not None else ():
        left.session.shutdown()  # its uploads go; the session itself may be held by Streamlit's loop for long
    return len(manager.list_sessions())


def _give_back() -> None:
    gc.collect()
    with suppress(OSError, AttributeError):  # only the C library of GNU keeps what is free, and can be asked for it
        ctypes.CDLL(None).malloc_trim(0)


def _warm() -> None:
    clear_scratch()
    for page in ("compare", "upload", "findings", "train"):
        import_module(f"vlcore.ui.{page}.sections")
    import_module("vlcore.datasets.drawn").scene_table()
    # Altair checks each part of a chart as it is made, which is half of what a map costs; tests do it.
    import_module("altair.utils.schemapi").disable_debug_mode()
    # Whoever looks for garbage looks through all objects that are not frozen.
    gc.collect()
    gc.freeze()


def note(error: Exception) -> None:
    """Remember an error that no page foresaw, for whoever looks after the server."""
    errors.append((time.time(), f"{type(error).__name__}: {error}"[:300]))


MIDDLEWARE = [Middleware(Ahead, needs=_atlas), Middleware(Door, kept=_uploaded)]
ROUTES = [Route("/thumbs/{name}/{version}/{row:int}.webp", _thumb)]
