"""Server of the app beside its pages: routes, middleware, and start-up.

Modules that pages need are imported once the server answers.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import time
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from threading import Thread

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import Route

from vlcore.experiment import limits
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import allow_open_files, clear_scratch
from vlcore.web import image_addresses, streamlit_private
from vlcore.web.components import browser, tables
from vlcore.web.middleware import VisitorMiddleware

# Modules of pages, which import the rest of what pages need.
PAGE_MODULES = ("compare.maps", "upload.sections", "findings.studies", "train.sections")
_FORGET_SECONDS = 60.0  # between looks for visitors who left
errors: deque[tuple[float, str]] = deque(maxlen=50)  # of pages: seconds since 1970, and the error


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Prepare the server before it answers, and pages beside its first answers."""
    allow_open_files()
    streamlit_private.keep_disconnected_sessions(limits.KEPT_SESSIONS)
    streamlit_private.allow_bytes_to_pages(limits.TOLD_BYTES)
    # Streamlit makes files for visitors in this executor, whose threads wait for each other; by
    # default it has a few more than cores.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(64))
    image_addresses.base_paths.append(browser.base_path())
    streamlit_private.skip_warning_of_use()
    streamlit_private.forget_external_address()
    # It takes a second, for which thirty visitors at once would wait longer together.
    import_module("vlcore.web.home.sections")
    Thread(target=_warm_up, daemon=True).start()
    forgetting = asyncio.create_task(_forget_visitors())
    yield
    forgetting.cancel()


async def _forget_visitors() -> None:
    """Return the memory of visitors who left to the system, such as a class that ended."""
    before = 0
    while True:
        await asyncio.sleep(_FORGET_SECONDS)
        now = streamlit_private.shut_down_expired_sessions()
        if now < before:
            await run_in_threadpool(_free_memory)
        before = now


def _free_memory() -> None:
    gc.collect()
    with suppress(OSError, AttributeError):  # only the C library of GNU can be asked
        ctypes.CDLL(None).malloc_trim(0)


def _warm_up() -> None:
    # What Home shows comes first.
    import_module("vlcore.data.drawn").scene_table()
    with suppress(LabError):  # the file is missing or damaged
        import_module("vlcore.study.answer_file").published_answer()
    import_module("vlcore.api.panels").panels()
    for module in PAGE_MODULES:
        import_module(f"vlcore.web.{module}")
    clear_scratch()
    with suppress(LabError):  # its file is damaged, or the disk cannot be written
        import_module("vlcore.classroom.session").delete_expired()
    # Altair checks each part of a chart as it is made, which is half of its cost; tests do it.
    import_module("altair.utils.schemapi").disable_debug_mode()
    # Garbage collection looks through all objects that are not frozen.
    gc.collect()
    gc.freeze()


def note(error: Exception) -> None:
    """Remember an error that no page foresaw, for the Manage page."""
    errors.append((time.time(), f"{type(error).__name__}: {error}"[:300]))


MIDDLEWARE = [Middleware(VisitorMiddleware)]
ROUTES = [
    Route("/thumbs/{name}/{edition}/{row}", image_addresses.serve_small_image),
    Route("/scripts/{file}", browser.serve_script),
    Route("/tables/{stamp}.json", tables.serve_table),
]
