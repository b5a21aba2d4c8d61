"""What the server hands out: small pictures of sets that a page has shown, to be kept for good, and
nothing else."""

import asyncio
import dataclasses
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime import runtime_util
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.session_manager import SessionInfo
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager
from streamlit.web.server.starlette.starlette_routes import create_upload_routes

from tests.api import stand_ins
from vlcore.api import small_images
from vlcore.classroom import teacher
from vlcore.data.imageset import ImageSet, ImageSetError
from vlcore.experiment import limits
from vlcore.experiment.version import __version__
from vlcore.plots.thumbnails import check_uris, thumb_uri
from vlcore.web import middleware as door_of
from vlcore.web import serving, visitors
from vlcore.web.middleware import COOKIE, Door

IMAGES = dataclasses.replace(
    stand_ins.image_set(), name="served", version="1", about={"pictures": "none"}
)


def answer(path: str, query: str = "") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what is handed out at a path."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [],
        "query_string": query.encode(),
        "root_path": "",
    }
    asyncio.run(
        Starlette(routes=serving.ROUTES, middleware=serving.MIDDLEWARE)(scope, receive, send)
    )
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> ImageSet:
    monkeypatch.setattr(serving, "_served", [""])
    serving.addresses(IMAGES, [])
    return IMAGES


def test_a_picture_has_an_address_where_somebody_hands_it_out(
    shown: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert serving.addresses(shown, [0, 3]) == ["thumbs/served/1/0", "thumbs/served/1/3"]
    status, headers, body = answer("/thumbs/served/1/3")
    assert (status, headers["content-type"]) == (200, "image/webp")
    assert "immutable" in headers["cache-control"]
    assert thumb_uri(body) == thumb_uri(shown.image(3)) == small_images.draw_thumbs(shown, [3])[0]
    monkeypatch.setattr(serving, "_served", [])
    assert serving.addresses(shown, [3]) == small_images.draw_thumbs(shown, [3])


@pytest.mark.parametrize(
    "path",
    [
        "served/1/99999",
        "served/2/0",
        "other/1/0",
        "served/1/-1",
        f"served/1/{'9' * 5000}",
        "served/1/1_0",
    ],
)
def test_nothing_else_is_there(shown: ImageSet, path: str) -> None:
    assert answer(f"/thumbs/{path}")[0] == 404


def test_a_broken_file_is_not_there(shown: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ImageSetError("broken")

    monkeypatch.setattr(ImageSet, "image", broken)
    assert answer("/thumbs/served/1/7")[0] == 404


def test_of_a_set_elsewhere_small_pictures_are_drawn_anew(shown: ImageSet) -> None:
    other = dataclasses.replace(shown, root=shown.root / "elsewhere", about={"pictures": "none"})
    check_uris(small_images.draw_thumbs(shown, [1]) + small_images.draw_thumbs(other, [1]))
    assert small_images.registered_set("served", "1") is other


@pytest.mark.parametrize(
    ("path", "query", "named"),
    [
        ("/", "", "atlas-scenes.json"),
        ("/", "data=balanced-cues", "atlas-balanced-cues.json"),
        ("/", "data=../secret>; rel=preload", None),
        ("/Compare", "", None),
    ],
)
def test_home_says_first_which_atlas_it_will_ask_for(
    path: str, query: str, named: str | None
) -> None:
    link = answer(path, query)[1].get("link", "")
    assert link == (
        f"</app/static/{named}?v={__version__}>; rel=preload; as=fetch; crossorigin"
        if named
        else ""
    )


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A server that keeps uploads as Streamlit does, 1,000 bytes of a browser, 1,500 of an address
    and 2,500 of all."""
    kept = MemoryUploadedFileManager("/_stcore/upload_file")
    runtime = Mock(uploaded_file_mgr=kept, is_active_session=lambda _session: True)
    monkeypatch.setattr(st.runtime, "get_instance", lambda: runtime)
    monkeypatch.setattr(limits, "UPLOAD_LEAST", 1)
    monkeypatch.setattr(limits, "UPLOADS", 1000)
    monkeypatch.setattr(limits, "UPLOADS_OF_ADDRESS", 1500)
    monkeypatch.setattr(limits, "ALL_UPLOADS", 2500)
    monkeypatch.setattr(limits, "UPLOAD_BYTES", 800 - door_of._AROUND)
    monkeypatch.setenv("VLCORE_TEACHER", "secret")
    monkeypatch.setattr(
        "streamlit.web.server.starlette.starlette_routes.is_xsrf_enabled", lambda: False
    )

    async def cookies(request: Request) -> JSONResponse:
        return JSONResponse(request.cookies)

    routes = [
        *create_upload_routes(runtime, kept, ""),
        Route("/_stcore/host-config", cookies),
        Route("/", cookies),
    ]
    return TestClient(Starlette(routes=routes, middleware=serving.MIDDLEWARE))


def put(
    door: TestClient,
    file: str,
    size: int,
    browser: str = "",
    address: str = "10.0.0.1",
    token: str = "",
) -> int:
    """The answer to a file, named by its session and its name, that a browser gives."""
    door._transport.client = (address, 1)  # type: ignore[attr-defined]
    cookies = f"{COOKIE}={browser or file.partition('/')[0]}; {visitors.TEACHER}={token}"
    files = {"file": ("a.png", b"x" * size)}
    return door.put(
        f"/_stcore/upload_file/{file}", files=files, headers={"cookie": cookies}
    ).status_code


def test_a_browser_an_address_and_all_have_so_many_bytes_of_uploads(door: TestClient) -> None:
    assert [put(door, file, 500) for file in ("one/a", "one/b")] == [204, 413], (
        "together they would be too many"
    )
    assert put(door, "tab/b", 500, "one") == 413, "another tab is nobody new"
    assert put(door, "one/c", 100) == 204
    assert door.delete("/_stcore/upload_file/one/a").status_code == 204
    assert put(door, "one/d", 500) == 204, "what was removed counts no more"
    assert [put(door, f"invented{number}/a", 400) for number in range(2)] == [204, 413], (
        "of one address"
    )
    assert [put(door, f"{number}/a", 500, address=f"10.0.0.{number}") for number in (2, 3, 4)] == [
        204,
        204,
        413,
    ], "all"
    kept = st.runtime.get_instance().uploaded_file_mgr.file_storage
    assert {session: sorted(files) for session, files in kept.items() if files} == {
        "one": ["c", "d"],
        "invented0": ["a"],
        "2": ["a"],
        "3": ["a"],
    }


def test_only_a_teacher_gives_what_is_larger_than_a_picture(door: TestClient) -> None:
    token = teacher.sign_in("secret", "a-lecturer", "10.0.0.1")
    assert put(door, "one/a", 700) == 413
    assert put(door, "one/a", 700, token=f"9{token}") == 413
    assert put(door, "one/a", 700, token=token) == 204


def test_an_address_has_so_many_pages_open_and_so_many_new_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "PAGES_OF_ADDRESS", 2)
    monkeypatch.setattr(limits, "PAGES_AT_ONCE", 5)

    async def page(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        await receive()

    server = Door(page, kept=Counter, cost=serving._cost, teaches=visitors.is_a_teacher)

    @contextmanager
    def opened(address: str) -> Iterator[None]:
        with TestClient(server, client=(address, 1)).websocket_connect("/_stcore/stream"):
            yield

    def is_refused(address: str) -> bool:
        try:
            with opened(address):
                return False
        except WebSocketDisconnect as refused:
            return refused.code == 1008

    with opened("10.0.0.1"), opened("10.0.0.1"):
        assert is_refused("10.0.0.1")
        assert not is_refused("10.0.0.2")
    assert [is_refused("10.0.0.1") for _ in range(4)] == [False] * 3 + [True], (
        "five have come at once"
    )
    assert not is_refused("10.0.0.2")
    assert set(server._pages) == set()


def test_a_browser_gets_one_name_that_no_script_reads(door: TestClient) -> None:
    assert not door.get("/").headers.get("set-cookie"), "what a cache may keep names nobody"
    given = door.get("/_stcore/host-config").headers["set-cookie"]
    assert given.startswith(f"{COOKIE}=")
    assert "HttpOnly" in given
    again = door.get("/_stcore/host-config")
    assert "set-cookie" not in again.headers
    assert visitors._NAME.fullmatch(again.json()[COOKIE])


def test_who_left_is_forgotten_though_nobody_else_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = MemorySessionStorage(ttl_seconds=0)
    manager = WebsocketSessionManager(storage, Mock(), Mock(), Mock())
    monkeypatch.setattr(
        st, "runtime", SimpleNamespace(exists=lambda: True, get_instance=lambda: runtime)
    )
    runtime = SimpleNamespace(_session_mgr=manager)
    session = Mock(id="who left")
    storage.save(SessionInfo(client=None, session=session, script_run_count=1))
    assert serving.sessions() == 0
    session.shutdown.assert_called_once()


def heard(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    """What the app hears of what a browser says over its websocket."""
    came, waiting = [], [*messages, {"type": "websocket.disconnect", "code": 1001}]

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            came.append(message)
        came.append(message)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    door = Door(app, kept=Counter, cost=serving._cost, teaches=visitors.is_a_teacher)
    asyncio.run(door({"type": "websocket", "path": "/_stcore/stream"}, receive, send))
    return came


def said(**message: Any) -> dict[str, Any]:
    return {"type": "websocket.receive", "bytes": BackMsg(**message).SerializeToString()}


def file_asked(request: str = "1") -> dict[str, Any]:
    asked = {"request_id": request, "session_id": "s", "deferred_file": {"file_id": "f"}}
    return said(backend_operation_request=asked)


def with_files(*names: str) -> dict[str, Any]:
    """What a page says of its uploaders, each of which has a file."""
    files = [{"uploaded_file_info": [{"file_id": name}]} for name in names]
    controls = [
        {"id": f"$$ID-{number}", "file_uploader_state_value": one}
        for number, one in enumerate(files)
    ]
    return said(rerun_script={"widget_states": {"widgets": controls}})


def test_the_app_hears_only_what_its_pages_say() -> None:
    usual = [
        said(rerun_script={"query_string": "a=1"}),
        said(app_heartbeat=True),
        said(stop_script=True),
        file_asked(),
    ]
    usual.append(said(file_urls_request={"file_names": ["a picture.png"] * 1_000}))
    usual.append(with_files("one", "another"))
    usual.append(
        said(
            rerun_script={
                "widget_states": {"widgets": [{"id": "$$ID-0-data", "string_value": "x"}]}
            }
        )
    )
    not_ours = [
        said(clear_cache=True),
        said(debug_shutdown_runtime=True),
        said(set_run_on_save=True),
        file_asked("x" * 101),
        said(rerun_script={"query_string": "a" * limits.MESSAGE_BYTES}),
        said(rerun_script={"widget_states": {"widgets": [{"id": "data", "string_value": "x"}]}}),
        with_files("one", "one"),
        said(file_urls_request={"file_names": [""] * (limits.UPLOADS // limits.UPLOAD_LEAST + 1)}),
        {"type": "websocket.receive", "bytes": b"\xff\xff"},
    ]
    *came, last = heard(*not_ours, *usual)
    assert came == usual
    assert last["code"] == 1001
    assert heard({"type": "websocket.receive", "text": "clear"})[-1]["code"] == 1003


def test_a_page_may_ask_for_so_many_files() -> None:
    *came, _ = heard(*[file_asked()] * (limits.FILES_A_MINUTE + 20), said(app_heartbeat=True))
    assert came == [*[file_asked()] * limits.FILES_A_MINUTE, said(app_heartbeat=True)]


def test_a_page_that_says_more_than_hands_can_is_disconnected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At once: what waits for its turn would keep the page open for hours after whoever sent it
    left."""
    now = [0.0]
    monkeypatch.setattr(door_of, "time", SimpleNamespace(monotonic=lambda: now[0]))
    *came, last = heard(*[said(app_heartbeat=True)] * (limits.MESSAGES_AT_ONCE + 20))
    assert (len(came), last["code"]) == (limits.MESSAGES_AT_ONCE, 1008)
    monkeypatch.setattr(
        door_of, "time", SimpleNamespace(monotonic=lambda: now.append(now.pop() + 0.5) or now[0])
    )
    *came, last = heard(*[said(app_heartbeat=True)] * 5 * limits.MESSAGES_AT_ONCE)
    assert (len(came), last["code"]) == (5 * limits.MESSAGES_AT_ONCE, 1001), "two a second"


def test_a_page_may_be_told_more_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_util, "_max_message_size_bytes", None)
    monkeypatch.setattr(serving, "_served", [])
    for name in ("import_module", "Thread", "allow_open_files"):
        monkeypatch.setattr(serving, name, Mock())

    async def told() -> int:
        async with serving.lifespan([], [])(Mock()):
            return runtime_util.get_max_message_size_bytes()

    assert (runtime_util.get_max_message_size_bytes(), asyncio.run(told())) == (
        10**6,
        limits.TOLD_BYTES,
    )


def test_a_page_runs_in_one_thread_and_what_fails_there_goes_by_the_log() -> None:
    """Of which the one would else be a thread for each message, and the other go around the limit
    of lines."""
    assert [st.get_option(name) for name in ("runner.fastReruns", "logger.enableRich")] == [
        False,
        False,
    ]


def test_a_browser_does_not_forget_what_it_has_just_said_it_knows() -> None:
    """It does as a run ends that began before the next was asked for, with what it last drew so
    many runs ago."""
    assert st.get_option("global.maxCachedMessageAge") >= 100


def test_what_visitors_do_makes_few_lines() -> None:
    few = serving._Few()
    record = logging.makeLogRecord({"created": 60.0})
    assert sum(few.filter(record) for _ in range(limits.LOG_LINES + 50)) == limits.LOG_LINES
    assert few.filter(logging.makeLogRecord({"created": 121.0}))
