"""Server beside the pages: small images by address, uploads, cookies and websocket messages."""

import asyncio
import dataclasses
import re
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.web.server.starlette.starlette_routes import create_upload_routes

from tests.api import stand_ins
from vlcore.api import small_images
from vlcore.data.imageset import ImageSet, ImageSetError
from vlcore.experiment import limits
from vlcore.experiment.version import __version__
from vlcore.plots.thumbnails import thumb_uri
from vlcore.web import image_addresses, middleware, serving, visitors
from vlcore.web.components import browser
from vlcore.web.middleware import VisitorMiddleware
from vlcore.web.visitors import COOKIE


def answer(address: str) -> Response:
    """Return the answer of our routes to an address."""
    app = Starlette(routes=serving.ROUTES, middleware=serving.MIDDLEWARE)
    return TestClient(app).get(address)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ImageSet:
    images = dataclasses.replace(stand_ins.pictured(tmp_path), name="served", version="1")
    monkeypatch.setattr(image_addresses, "base_paths", [""])
    image_addresses.addresses(images, [])
    return images


@pytest.mark.parametrize("module", serving.PAGE_MODULES)
def test_modules_of_pages_that_the_server_imports_ahead_exist(module: str) -> None:
    assert find_spec(f"vlcore.web.{module}")


def test_small_images_have_addresses_on_a_server(
    served: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert image_addresses.addresses(served, [0, 3]) == ["thumbs/served/1/0", "thumbs/served/1/3"]
    image = answer("/thumbs/served/1/3")
    assert (image.status_code, image.headers["content-type"]) == (200, "image/webp")
    assert "immutable" in image.headers["cache-control"]
    assert thumb_uri(image.content) == small_images.draw_thumbs(served, [3])[0]
    monkeypatch.setattr(image_addresses, "base_paths", [])
    assert image_addresses.addresses(served, [3]) == small_images.draw_thumbs(served, [3])


def test_a_script_has_an_address_that_its_content_changes() -> None:
    lines = [browser.by_address("shown", script) for script in ("let a", "let b", "let a")]
    assert lines[0] == lines[2] != lines[1]
    (address,) = re.findall(r'"(/scripts/shown-[0-9a-f]+\.js)"', lines[1])
    script = answer(address)
    assert (script.status_code, script.text) == (200, "let b")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]
    assert answer("/scripts/other.js").status_code == 404


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
def test_nothing_else_is_served(served: ImageSet, path: str) -> None:
    assert answer(f"/thumbs/{path}").status_code == 404


def test_a_broken_file_is_not_served(served: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ImageSetError("broken")

    monkeypatch.setattr(ImageSet, "image", broken)
    image_addresses.addresses(dataclasses.replace(served, name="damaged"), [])
    assert answer("/thumbs/damaged/1/7").status_code == 404


def test_home_preloads_its_atlas_and_its_script() -> None:
    preload = "rel=preload; as=fetch; crossorigin"
    for address, file in (("/", "atlas-scenes.json"), ("/?data=balanced-cues", "atlas-balanced-")):
        atlas, script = answer(address).headers["link"].split(", ")
        assert atlas.startswith(f"</app/static/{file}")
        assert atlas.endswith(f"?v={__version__}>; {preload}")
        address, _, kind = script.partition("; ")
        assert kind == "rel=modulepreload"
        assert "export default" in answer(address.strip("<>")).text
    for address in ("/?data=../secret>; rel=preload", "/Compare"):
        assert "link" not in answer(address).headers


@pytest.fixture
def pages() -> TestClient:
    """Pages and files of a server that keeps track of what a browser has."""
    page = "<html><head><title>é</title></head></html>"

    async def html(request: Request) -> Response:
        if "if-none-match" in request.headers:
            return Response(status_code=304)
        return Response(page, media_type="text/html", headers={"ETag": "1"})

    async def stream(_request: Request) -> Response:
        return StreamingResponse(iter([page[:9], page[9:]]), media_type="text/html")

    routes = [
        Route("/Compare", html),
        Route("/Streamed", stream),
        Route("/media/page.html", html),
        *serving.ROUTES,
    ]
    return TestClient(Starlette(routes=routes, middleware=serving.MIDDLEWARE))


@pytest.mark.parametrize("path", ["/Compare", "/Streamed"])
def test_a_page_begins_with_our_script(pages: TestClient, path: str) -> None:
    answer = pages.get(path, headers={"If-None-Match": "1"})
    script = re.search(r'<head><script src="(/scripts/page-\w+.js)"></script><title>é', answer.text)
    assert script, "also where a browser has the page of an earlier version"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert "etag" not in answer.headers
    assert pages.get(script[1]).headers["content-type"].startswith("text/javascript")


def test_an_answer_loads_nothing_from_elsewhere(pages: TestClient) -> None:
    """A browser test complains of what the policy refuses."""
    for path in ("/Compare", "/media/page.html", "/Nothing"):
        policy = pages.get(path).headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-eval" not in policy


def test_other_files_are_sent_as_they_are(pages: TestClient) -> None:
    assert "scripts" not in pages.get("/media/page.html").text
    assert pages.get("/media/page.html", headers={"If-None-Match": "1"}).status_code == 304
    assert pages.get("/Nothing").status_code == 404


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A server that stores uploads as Streamlit does: 1,000 bytes of a page, 2,500 of all."""
    files = MemoryUploadedFileManager("/_stcore/upload_file")
    runtime = Mock(uploaded_file_mgr=files, is_active_session=lambda _session: True)
    monkeypatch.setattr(st.runtime, "get_instance", lambda: runtime)
    monkeypatch.setattr(limits, "UPLOADS", 1000)
    monkeypatch.setattr(limits, "ALL_UPLOADS", 2500)
    monkeypatch.setattr(
        "streamlit.web.server.starlette.starlette_routes.is_xsrf_enabled", lambda: False
    )

    async def cookies(request: Request) -> JSONResponse:
        return JSONResponse(request.cookies)

    routes = [
        *create_upload_routes(runtime, files, ""),
        Route("/_stcore/host-config", cookies),
        Route("/", cookies),
    ]
    return TestClient(Starlette(routes=routes, middleware=serving.MIDDLEWARE))


def put(client: TestClient, file: str, size: int) -> int:
    """Return the status for a file, named by its session and its name."""
    files = {"file": ("a.png", b"x" * size)}
    return client.put(f"/_stcore/upload_file/{file}", files=files).status_code


def test_a_page_and_all_pages_have_so_many_bytes_of_uploads(client: TestClient) -> None:
    assert [put(client, file, 500) for file in ("a/1", "a/2")] == [204, 413]
    assert put(client, "a/3", 100) == 204
    assert client.delete("/_stcore/upload_file/a/1").status_code == 204
    assert put(client, "a/4", 500) == 204, "a removed file counts no more"
    assert [put(client, f"{session}/1", 500) for session in "bcdef"] == [204, 204, 204, 413, 413]


def test_a_browser_gets_one_name_that_no_script_reads(client: TestClient) -> None:
    assert not client.get("/").headers.get("set-cookie"), "a cached answer names nobody"
    cookie = client.get("/_stcore/host-config").headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    second = client.get("/_stcore/host-config")
    assert "set-cookie" not in second.headers
    assert visitors._NAME.fullmatch(second.json()[COOKIE])


def received(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the app receives of the websocket messages of a browser."""
    passed, waiting = [], [*messages, {"type": "websocket.disconnect", "code": 1001}]

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while not passed or passed[-1]["type"] != "websocket.disconnect":
            passed.append(await receive())

    async def send(message: Any) -> None:
        raise AssertionError(message)

    scope = {"type": "websocket", "path": "/_stcore/stream"}
    asyncio.run(VisitorMiddleware(app)(scope, receive, send))
    return passed


def message(**content: Any) -> dict[str, Any]:
    return {"type": "websocket.receive", "bytes": BackMsg(**content).SerializeToString()}


def test_the_app_receives_only_messages_of_pages() -> None:
    ours, foreign = message(app_heartbeat=True), message(clear_cache=True)
    *passed, last = received(foreign, ours, foreign)
    assert (passed, last["code"]) == ([ours], 1001)
    assert received({"type": "websocket.receive", "text": "clear"})[-1]["code"] == 1003


def test_a_page_that_sends_too_many_messages_is_disconnected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimpleNamespace(now=0.0, step=0.0)

    def monotonic() -> float:
        clock.now += clock.step
        return clock.now

    rate_limit = partial(middleware.RateLimit, clock=monotonic)
    monkeypatch.setattr(middleware, "RateLimit", rate_limit)
    *passed, last = received(*[message(app_heartbeat=True)] * (limits.MESSAGES_AT_ONCE + 20))
    assert (len(passed), last["code"]) == (limits.MESSAGES_AT_ONCE, 1008)
    clock.step = 0.5
    *passed, last = received(*[message(app_heartbeat=True)] * 5 * limits.MESSAGES_AT_ONCE)
    assert (len(passed), last["code"]) == (5 * limits.MESSAGES_AT_ONCE, 1001), "two a second"


def test_options_of_streamlit_that_pages_rely_on() -> None:
    assert not st.get_option("runner.fastReruns"), "else each message has a thread of its own"
    assert st.get_option("global.maxCachedMessageAge") >= 100, "else quick clicks disconnect"
    assert st.get_option("server.maxWidgetStateSize") == 1, "MB of a message of a page"


def test_a_page_has_a_burst_and_then_a_rate() -> None:
    now = [0.0]
    limit = middleware.RateLimit(3, 0.5, lambda: now[0])
    assert [limit.take() for _ in range(5)] == [True, True, True, False, False]
    for now[0] in (2.0, 4.0):
        assert [limit.take() for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [limit.take() for _ in range(4)] == [True, True, True, False]
