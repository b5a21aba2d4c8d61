"""Pictures from a service that may do anything: what it sends is checked, and the key stays where
it is."""

import base64
import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.data.generation.stand_ins import (
    KEY,
    Answer,
    Shop,
    fails,
    listed,
    logged,
    png,
    says,
    shows,
    shows_picture,
    study,
)
from vlcore.data.generation import find_backend, generate, plan
from vlcore.data.generation.plan import GenerateError
from vlcore.data.generation.service import MAX_PICTURE, Service

ELSEWHERE = (
    "http://localhost:1/a.png",
    "https://127.0.0.1/a.png",
    "http://127.0.0.1/a.png",
    "//example.org/a.png",
    "http://127.0.0.1@example.org/a.png",
    "file:///etc/passwd",
    "ftp://127.0.0.1/a.png",
    "http://[broken/a.png",
    "http://127.0.0.1:99999/a.png",
)
NO_ANSWERS = (
    b"<html>hello</html>",
    b"\xff\xfe{",
    b"[" * 100_000,
    [],
    {"data": []},
    {"data": None},
    {"data": [7]},
)


class Ordered:
    """A run of one service into one folder, without real waiting."""

    def __init__(self, shop: Shop, folder: Path, timeout: float = 20, url: str = "") -> None:
        self.shop, self.folder, self.waited = shop, folder, shop.waited
        self.plan = plan(
            ["horse"], ["on the grass"], 2, backend="service", model="painter-1", size=32
        )
        self.service = Service(self.plan, url or shop.url, timeout)

    def run(self, *answers: Answer) -> int:
        self.shop.answers = list(answers)
        return generate(self.plan, self.service, self.folder)

    def statuses(self) -> list[str]:
        return [status for _, status in logged(self.folder)]


@pytest.fixture
def order(shop: Shop, tmp_path: Path) -> Iterator[Ordered]:
    made = Ordered(shop, tmp_path / "set")
    yield made
    for file in made.folder.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), (
            "the key stays out of every file"
        )


def data(**part: object) -> Answer:
    return says({"data": [part]})


def b64(content: bytes) -> Answer:
    return data(b64_json=base64.b64encode(content).decode())


def test_a_service_is_asked_for_each_picture_once(
    order: Ordered, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert order.run(shows(1, 64)) == 2
    asked = {
        "model": "painter-1",
        "prompt": "a photo of a horse on the grass",
        "n": 1,
        "size": "32x32",
    }
    assert order.shop.requests == [asked | {"response_format": "b64_json"}] * 2
    assert order.shop.headers[0]["path"] == "/v1/images/generations"
    assert order.shop.headers[0]["authorization"] == f"Bearer {KEY}"
    assert shows_picture(order.folder / "horse_grass/0001.png", 2)
    factors = [json.loads(row["factors"]) for row in listed(order.folder)]
    shared = {
        "prompt": "a photo of a horse on the grass",
        "model": "painter-1",
        "backend": "service",
        "seed": None,
    }
    assert factors == [{**shared, "size": size} for size in ("64x64", "32x32")], (
        "the size that came"
    )
    assert order.run() == 0
    assert len(order.shop.requests) == 2
    monkeypatch.setenv("OPENAI_BASE_URL", order.shop.url)
    assert generate(study(1), find_backend(study(1))(), order.folder / "more") == 4


@pytest.mark.parametrize("status", [400, 422])
def test_a_model_without_response_format_is_asked_without(status: int, order: Ordered) -> None:
    unknown = fails(status, "unknown_parameter", "Unknown parameter: 'response_format'.")
    assert order.run(unknown, shows(1), shows(2)) == 2
    assert ["response_format" in request for request in order.shop.requests] == [True, False, False]
    assert order.statuses() == ["ok", "ok"]


def test_an_address_at_the_service_itself_is_followed(order: Ordered) -> None:
    root = order.shop.url.removesuffix("/v1")
    assert order.run(data(url=f"{root}/pictures/1.png"), data(url="/pictures/1.png"))
    assert order.shop.fetched == ["/pictures/1.png"] * 2
    assert shows_picture(order.folder / "horse_grass/0000.png", 1)


@pytest.mark.parametrize(
    ("after", "least", "most"),
    [(None, 0.5, 1), ("7", 7, 7.6), ("soon", 0.5, 1), (300, 200, 301), (-300, 0.5, 1)],
)
def test_a_busy_service_is_waited_for(
    after: str | int | None, least: float, most: float, order: Ordered
) -> None:
    """A number is a date that many seconds away from the test."""
    if isinstance(after, int):
        after = format_datetime(datetime.now(UTC) + timedelta(seconds=after), usegmt=True)
    assert (
        order.run(fails(429, "rate_limit_exceeded", **({"Retry_After": after} if after else {})))
        == 2
    )
    assert order.statuses() == ["failed", "ok", "ok"]
    assert len(order.waited) == 1
    assert least <= order.waited[0] <= most


@pytest.mark.parametrize(
    "code", ["moderation_blocked", "content_policy_violation", "content_filter"]
)
def test_a_refusal_is_recorded_and_the_run_goes_on(code: str, order: Ordered) -> None:
    assert order.run(fails(400, code, "rejected by\nour safety system.")) == 1
    assert order.statuses() == ["refused", "ok"]
    assert "rejected by our safety system" in (order.folder / "generation.jsonl").read_text()
    assert order.run() == 0


def open_answer(to: BaseHTTPRequestHandler, content: bytes = b"") -> None:
    """The beginning of an answer of a thousand bytes."""
    to.send_response(200)
    to.send_header("Content-Length", "1000")
    to.end_headers()
    to.wfile.write(content)


def break_off(to: BaseHTTPRequestHandler) -> None:
    open_answer(to, b'{"data"')
    to.close_connection = True


def hang_up(to: BaseHTTPRequestHandler) -> None:
    to.connection.shutdown(socket.SHUT_RDWR)
    to.close_connection = True


def drip(to: BaseHTTPRequestHandler) -> None:
    open_answer(to)
    for _ in range(1000):
        to.wfile.write(b" ")
        to.wfile.flush()
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("answer", "attempts", "words"),
    [
        *(
            (fails(status, message="odd"), 3, f"answered {status}: odd")
            for status in (408, 409, 429, 500, 529)
        ),
        (fails(401, "invalid_api_key"), 1, "the key in OPENAI_API_KEY"),
        (fails(403), 1, "may not use the model"),
        (fails(404, "model_not_found"), 1, "the model's name and the base URL"),
        *(
            (fails(status, "invalid_value", "bad size"), 1, f"answered {status}: bad size")
            for status in (400, 422)
        ),
        (fails(429, "insufficient_quota"), 1, "no credit left"),
        *((data(url=address), 1, "not followed") for address in ELSEWHERE),
        *((data(url=path), 3, "") for path in ("/elsewhere", "/missing", "/huge", "/odd\x01")),
        *((says(content), 3, "no answer of an images service") for content in NO_ANSWERS),
        *((data(**part), 3, "without a picture") for part in ({}, {"b64_json": 7})),
        *((data(b64_json=content), 3, "broken base64") for content in ("%%%", "ä")),
        (b64(b""), 3, "no usable picture"),
        (b64(b"GIF89a"), 3, "not a PNG, JPEG or WebP"),
        (b64(png()[:300]), 3, "damaged or incomplete"),
        (says(b'{"data": "' + b"A" * (MAX_PICTURE * 4 // 3 + 2**20)), 3, "more than 27 MB"),
        (break_off, 3, "cannot be reached"),
        (hang_up, 3, "cannot be reached"),
    ],
)
def test_a_fault_is_tried_again_or_ends_the_run(
    answer: Answer, attempts: int, words: str, order: Ordered
) -> None:
    with pytest.raises(
        GenerateError, match=rf"{words}.*3 times in a row" if attempts == 3 else words
    ):
        order.run(shows(1), *[answer] * attempts)
    assert order.statuses() == ["ok"] + ["failed"] * attempts
    assert (len(order.waited), len(order.shop.requests)) == (attempts - 1, attempts + 1)
    assert len(listed(order.folder)) == len(list(order.folder.rglob("*.png"))) == 1
    assert set(order.shop.fetched) <= {"/elsewhere", "/missing", "/huge"}
    assert order.run() == 1


@pytest.mark.parametrize("slow", [lambda _to: time.sleep(0.8), drip, None])
def test_a_slow_answer_or_a_service_that_is_not_there(
    slow: Answer | None, shop: Shop, tmp_path: Path
) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody answers there
        taken.bind(("127.0.0.1", 0))
        url = "" if slow else f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(
            GenerateError, match=r"within 0\.4 seconds, 3 times" if slow else "cannot be reached"
        ):
            Ordered(shop, tmp_path / "set", timeout=0.4, url=url).run(*[slow] * 3 if slow else ())


def test_the_key_is_cut_out_of_what_a_service_says(
    order: Ordered, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(GenerateError) as stopped:
        order.run(*[fails(500, message=f"key {KEY} is odd\x1b[31m")] * 3)
    assert "key *** is odd" in str(stopped.value)
    assert "\x1b" not in str(stopped.value)
    assert KEY not in "".join(capfd.readouterr()) + str(stopped.value)


@pytest.mark.parametrize(
    ("key", "url", "words"),
    [
        (key, "http://localhost/v1", "OPENAI_API_KEY holds no key")
        for key in (None, "", "  ", "sk-\u00e4", "sk-a\nb")
    ]
    + [
        (KEY, url, "such as http://localhost:8080/v1")
        for url in (
            "localhost:8080",
            "ftp://host/v1",
            "http://",
            "http://[x/v1",
            "http://host:port",
        )
    ],
)
def test_a_missing_key_or_base_url(
    key: str | None, url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(GenerateError, match=words):
        find_backend(study(), base_url=url)
