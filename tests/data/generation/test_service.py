"""Images from a service that may answer anything: it is checked, and the key stays here."""

import base64
import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any

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
from vlcore.data.generation import find_backend, generate_images, plan, service
from vlcore.data.generation.plan import GenerateError
from vlcore.data.generation.service import Service

NO_ANSWERS = (b"<html>hello</html>", b"\xff\xfe{", [], {"data": []}, {"data": [7]})


class Order:
    """A run of one service into one folder."""

    def __init__(self, shop: Shop, folder: Path, timeout: float = 20, url: str = "") -> None:
        self.shop, self.folder = shop, folder
        options = {"backend": "service", "model": "painter-1", "size": 32}
        self.plan = plan(["horse"], ["on the grass"], 2, **options)
        self.service = Service(self.plan, url or shop.url, timeout)

    def run(self, *answers: Answer) -> int:
        self.shop.answers = list(answers)
        return generate_images(self.plan, self.service, self.folder)

    def statuses(self) -> list[str]:
        return [status for _, status in logged(self.folder)]


@pytest.fixture
def order(shop: Shop, tmp_path: Path) -> Iterator[Order]:
    order = Order(shop, tmp_path / "set")
    yield order
    for file in order.folder.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes()


def data(**part: object) -> Answer:
    return says({"data": [part]})


def b64(content: bytes) -> Answer:
    return data(b64_json=base64.b64encode(content).decode())


def test_a_service_is_asked_for_each_image_once(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert order.run(shows(1, 64)) == 2
    prompt = "a photo of a horse on the grass"
    question = {"model": "painter-1", "prompt": prompt, "n": 1, "size": "32x32"}
    assert order.shop.requests == [question | {"response_format": "b64_json"}] * 2
    assert order.shop.headers[0]["path"] == "/v1/images/generations"
    assert order.shop.headers[0]["authorization"] == f"Bearer {KEY}"
    assert shows_picture(order.folder / "horse_grass/0001.png", 2)
    factors = [json.loads(row["factors"]) for row in listed(order.folder)]
    shared = {"prompt": prompt, "model": "painter-1", "backend": "service", "seed": None}
    assert factors == [shared | {"size": size} for size in ("64x64", "32x32")]
    assert order.run() == 0
    monkeypatch.setenv("OPENAI_BASE_URL", order.shop.url)
    assert generate_images(study(1), find_backend(study(1))(), order.folder / "more") == 4


def test_a_model_without_response_format_is_asked_without(order: Order) -> None:
    unknown = fails(400, "unknown_parameter", "Unknown parameter: 'response_format'.")
    assert order.run(unknown, shows(1), shows(2)) == 2
    assert ["response_format" in request for request in order.shop.requests] == [True, False, False]


def test_a_refusal_is_recorded_and_the_run_goes_on(order: Order) -> None:
    assert order.run(fails(400, "moderation_blocked", "rejected by\nour safety system.")) == 1
    assert order.statuses() == ["refused", "ok"]
    assert "rejected by our safety system" in (order.folder / "generation.jsonl").read_text()
    assert order.run() == 0


def hang_up(to: BaseHTTPRequestHandler) -> None:
    to.connection.shutdown(socket.SHUT_RDWR)
    to.close_connection = True


FAULTS = [
    (fails(500, message="odd"), "500: odd"),
    (fails(401, "invalid_api_key"), "the key in OPENAI_API_KEY"),
    (fails(429, "insufficient_quota"), "no credit left"),
    *((says(content), "no answer with an image") for content in NO_ANSWERS),
    (data(url="http://x/1.png"), "no answer with an image"),
    (data(b64_json="%%%"), "no answer with an image"),
    (b64(png()[:300]), "damaged or incomplete"),
    (b64(bytes(service.MAX_BYTES + 1)), "the limit is 20 MB"),
    (hang_up, "cannot be reached"),
]


@pytest.mark.parametrize(("answer", "words"), FAULTS)
def test_a_fault_ends_the_run_which_can_be_resumed(
    answer: Answer, words: str, order: Order
) -> None:
    with pytest.raises(GenerateError, match=words):
        order.run(shows(1), answer)
    assert order.statuses() == ["ok", "failed"]
    assert len(listed(order.folder)) == len(list(order.folder.rglob("*.png"))) == 1
    assert order.run() == 1


def test_a_slow_service_and_one_that_is_not_there(shop: Shop, tmp_path: Path) -> None:
    asked_too_long = Event()

    def hold(_to: Any) -> None:
        asked_too_long.wait(60)

    try:
        with pytest.raises(GenerateError, match="did not answer in time"):
            Order(shop, tmp_path / "set", timeout=0.2).run(hold)
    finally:
        asked_too_long.set()
    with socket.socket() as port:  # bound and not listening: nobody answers there
        port.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{port.getsockname()[1]}/v1"
        with pytest.raises(GenerateError, match="cannot be reached"):
            Order(shop, tmp_path / "set", url=url).run()


def test_the_key_is_cut_out_of_what_a_service_says(
    order: Order, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(GenerateError) as stopped:
        order.run(fails(500, message=f"key {KEY} is odd\x1b[31m"))
    assert "key *** is odd" in str(stopped.value)
    assert "\x1b" not in str(stopped.value)
    assert KEY not in "".join(capfd.readouterr()) + str(stopped.value)


@pytest.mark.parametrize(
    ("key", "url", "words"),
    [(key, "http://localhost/v1", "OPENAI_API_KEY holds no key") for key in ("", "sk-\u00e4")]
    + [
        (KEY, url, "such as http://localhost:8080/v1")
        for url in ("http://host:port", "localhost:8080/v1")
    ],
)
def test_a_missing_key_or_base_url(
    key: str, url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(GenerateError, match=words):
        find_backend(study(), base_url=url)


def test_an_empty_base_url_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    assert str(Service(study())._client.base_url) == f"{service.DEFAULT_URL}/"
