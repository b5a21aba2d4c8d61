"""Pictures from a service that may do anything: what it sends is checked, and the key stays where it is."""

from __future__ import annotations

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

from tests.generation.stand_ins import Answer, Shop, fails, listed, logged, png, says, shows, shows_picture, study
from vlcore.generation import generate, open_backend, plan
from vlcore.generation.plan import GenerateError
from vlcore.generation.service import MAX_PICTURE, Service

KEY = "sk-secret-of-the-test"


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    opened = Shop()
    yield opened
    opened.close()


class Ordered:
    """A run of one service into one folder, without real waiting."""

    def __init__(self, shop: Shop, folder: Path, timeout: float = 20, url: str = "") -> None:
        self.shop, self.folder, self.waited = shop, folder, list[float]()
        self.plan = plan(["horse"], ["on the grass"], 2, backend="service", model="painter-1", size=32)
        self.service = Service(self.plan, url or shop.url, timeout)

    def run(self, *answers: Answer) -> int:
        self.shop.answers = list(answers)
        return generate(self.plan, self.service, self.folder, attempts=3, sleep=self.waited.append)

    def statuses(self) -> list[str]:
        return [status for _, status in logged(self.folder)]


@pytest.fixture
def order(shop: Shop, tmp_path: Path) -> Iterator[Ordered]:
    made = Ordered(shop, tmp_path / "set")
    yield made
    for file in made.folder.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), "the key stays out of every file"


def data(**part: object) -> Answer:
    return says({"data": [part]})


def b64(content: bytes) -> Answer:
    return data(b64_json=base64.b64encode(content).decode())


def test_a_service_is_asked_for_each_picture_once(order: Ordered) -> None:
    assert order.run(shows(1, 64)) == 2
    asked = {"model": "painter-1", "prompt": "a photo of a horse on the grass", "n": 1, "size": "32x32"}
    assert order.shop.requests == [asked | {"response_format": "b64_json"}] * 2
    assert order.shop.headers[0]["path"] == "/v1/images/generations"
    assert order.shop.headers[0]["authorization"] == f"Bearer {KEY}"
    assert shows_picture(order.folder / "horse_grass/0001.png", 2)
    factors = [json.loads(row["factors"]) for row in listed(order.folder)]
    shared = {"prompt": "a photo of a horse on the grass", "model": "painter-1", "backend": "service", "seed": None}
    assert factors == [{**shared, "size": size} for size in ("64x64", "32x32")], "the size that came"
    assert order.run() == 0
    assert len(order.shop.requests) == 2


@pytest.mark.parametrize("status", [400, 422])
def test_a_model_without_response_format_is_asked_without(status: int, order: Ordered) -> None:
    unknown = fails(status, "unknown_parameter", "Unknown parameter: 'response_format'.")
    assert order.run(unknown, shows(1), shows(2)) == 2
    assert ["response_format" in request for request in order.shop.requests] == [True, False, False]
    assert order.statuses() == ["ok", "ok"]


def test_the_base_url_may_come_from_the_environment(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", shop.url)
    assert generate(study(1), open_backend(study(1)), tmp_path / "set") == 4


def test_an_address_at_the_service_itself_is_followed(order: Ordered) -> None:
    root = order.shop.url.removesuffix("/v1")
    assert order.run(data(url=f"{root}/pictures/1.png"), data(url="/pictures/1.png"))
    assert order.shop.fetched == ["/pictures/1.png"] * 2
    assert shows_picture(order.folder / "horse_grass/0000.png", 1)


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:1/a.png", "https://127.0.0.1/a.png", "http://127.0.0.1/a.png", "//example.org/a.png",
        "http://127.0.0.1@example.org/a.png", "file:///etc/passwd", "ftp://127.0.0.1/a.png", "http://[broken/a.png",
        "http://127.0.0.1:99999/a.png",
    ],
)  # fmt: skip
def test_an_address_anywhere_else_is_not_followed(address: str, order: Ordered) -> None:
    with pytest.raises(GenerateError, match="not followed"):
        order.run(data(url=address))
    assert (order.shop.fetched, order.statuses()) == ([], ["failed"])


@pytest.mark.parametrize("path", ["/elsewhere", "/missing", "/huge", "/odd\x01"])
def test_an_address_that_does_not_give_the_picture_is_a_failure(path: str, order: Ordered) -> None:
    assert order.run(data(url=path)) == 2
    assert order.statuses() == ["failed", "ok", "ok"]


@pytest.mark.parametrize(
    ("after", "least", "most"),
    [(None, 0.5, 1), ("7", 7, 7.6), ("soon", 0.5, 1), (300, 200, 301), (-300, 0.5, 1)],
)
def test_a_busy_service_is_waited_for(after: str | int | None, least: float, most: float, order: Ordered) -> None:
    """A number is a date that many seconds away from the test."""
    if isinstance(after, int):
        after = format_datetime(datetime.now(UTC) + timedelta(seconds=after), usegmt=True)
    assert order.run(fails(429, "rate_limit_exceeded", **({"Retry_After": after} if after else {}))) == 2
    assert order.statuses() == ["failed", "ok", "ok"]
    assert len(order.waited) == 1
    assert least <= order.waited[0] <= most


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_a_service_that_stays_broken_ends_the_run_and_can_be_resumed(status: int, order: Ordered) -> None:
    with pytest.raises(GenerateError, match=rf"answered {status}: out of order, 3 times in a row"):
        order.run(shows(1), *[fails(status, message="out of order")] * 3)
    assert len(order.waited) == 2
    assert order.statuses() == ["ok", "failed", "failed", "failed"]
    assert len(listed(order.folder)) == 1
    assert order.run() == 1


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "invalid_api_key", "the key in OPENAI_API_KEY"),
        (403, None, "may not use the model"),
        (404, "model_not_found", "the model's name and the base URL"),
        (400, "invalid_value", "answered 400: bad size"),
        (422, None, "answered 422: bad size"),
        (429, "insufficient_quota", "no credit left"),
    ],
)
def test_what_waiting_cannot_mend_ends_the_run(status: int, code: str | None, words: str, order: Ordered) -> None:
    with pytest.raises(GenerateError, match=words):
        order.run(fails(status, code, "bad size"))
    assert (len(order.shop.requests), order.waited, order.statuses()) == (1, [], ["failed"])


@pytest.mark.parametrize("code", ["moderation_blocked", "content_policy_violation", "content_filter"])
def test_a_refusal_is_recorded_and_the_run_goes_on(code: str, order: Ordered) -> None:
    assert order.run(fails(400, code, "rejected by\nour safety system.")) == 1
    assert order.statuses() == ["refused", "ok"]
    assert "rejected by our safety system" in (order.folder / "generation.jsonl").read_text()
    assert order.run() == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (says(b"<html>hello</html>", Content_Type="text/html"), "no answer of an images service"),
        *(
            (says(content), "no answer of an images service")
            for content in (b"\xff\xfe{", b"[" * 100_000, [], {"data": []}, {"data": None}, {"data": [7]})
        ),
        (data(), "without a picture"),
        (data(b64_json=7), "without a picture"),
        (data(b64_json="%%%"), "broken base64"),
        (data(b64_json="ä"), "broken base64"),
        (b64(b""), "no usable picture"),
        (b64(b"GIF89a"), "not a PNG, JPEG or WebP"),
        (b64(png()[:300]), "damaged or incomplete"),
        (says(b'{"data": "' + b"A" * (MAX_PICTURE * 4 // 3 + 2**20)), "more than 27 MB"),
    ],
)
def test_an_answer_that_is_none_is_tried_again_and_then_told(answer: Answer, words: str, order: Ordered) -> None:
    with pytest.raises(GenerateError, match=rf"{words}.*3 times in a row"):
        order.run(*[answer] * 3)
    assert order.statuses() == ["failed"] * 3
    assert list(order.folder.rglob("*.png")) == []


def open_answer(to: BaseHTTPRequestHandler, content: bytes = b"") -> None:
    """The beginning of an answer of a thousand bytes."""
    to.send_response(200)
    to.send_header("Content-Length", "1000")
    to.end_headers()
    to.wfile.write(content)


def wait(_to: BaseHTTPRequestHandler) -> None:
    time.sleep(0.8)


def drip(to: BaseHTTPRequestHandler) -> None:
    open_answer(to)
    for _ in range(1000):
        to.wfile.write(b" ")
        to.wfile.flush()
        time.sleep(0.02)


@pytest.mark.parametrize("slow", [wait, drip])
def test_a_slow_answer_is_given_up(slow: Answer, shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(GenerateError, match=r"did not answer within 0\.4 seconds, 3 times"):
        Ordered(shop, tmp_path / "set", timeout=0.4).run(*[slow] * 3)


def test_an_answer_that_breaks_off_is_tried_again(order: Ordered) -> None:
    def break_off(to: BaseHTTPRequestHandler) -> None:
        open_answer(to, b'{"data"')
        to.close_connection = True

    def hang_up(to: BaseHTTPRequestHandler) -> None:
        to.connection.shutdown(socket.SHUT_RDWR)
        to.close_connection = True

    assert order.run(break_off, hang_up) == 2
    assert order.statuses() == ["failed", "failed", "ok", "ok"]


def test_a_service_that_is_not_there_is_a_sentence(shop: Shop, tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody answers there
        taken.bind(("127.0.0.1", 0))
        order = Ordered(shop, tmp_path / "set", url=f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        with pytest.raises(GenerateError, match="cannot be reached"):
            order.run()


def test_the_key_is_cut_out_of_what_a_service_says(order: Ordered, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(GenerateError) as stopped:
        order.run(*[fails(500, message=f"key {KEY} is odd\x1b[31m")] * 3)
    assert "key *** is odd" in str(stopped.value)
    assert "\x1b" not in str(stopped.value)
    assert KEY not in "".join(capfd.readouterr()) + str(stopped.value)


@pytest.mark.parametrize(
    ("key", "url", "words"),
    [(key, "http://localhost/v1", "OPENAI_API_KEY holds no key") for key in (None, "", "  ", "sk-\u00e4", "sk-a\nb")]
    + [
        (KEY, url, "such as http://localhost:8080/v1")
        for url in ("localhost:8080", "ftp://host/v1", "http://", "http://[x/v1", "http://host:port")
    ],
)
def test_a_missing_key_and_a_base_url_that_is_none_are_sentences(
    key: str | None, url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(GenerateError, match=words):
        open_backend(study(), base_url=url)
