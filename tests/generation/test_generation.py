"""Generated sets: a plan known beforehand, a service that may do anything, and a folder that is always whole."""

from __future__ import annotations

import base64
import csv
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vlcore.core.files import HomeError
from vlcore.generation import GenerateError, Patience, Plan, Wanted, cost_of, generate, open_backend, plan, remaining
from vlcore.generation.backend import Refused, TryAgainError
from vlcore.generation.plan import context_name
from vlcore.generation.service import MAX_PICTURE, Service

KEY = "sk-secret-of-the-test"
PHRASES = ("on the grass", "in the desert")


def study(per_group: int = 2, **options: Any) -> Plan:
    """A plan for the study's four groups."""
    return plan(("horse", "camel"), PHRASES, per_group, **({"backend": "service", "model": "m", "size": 32} | options))


def picture(number: int = 0, size: int = 32) -> Image.Image:
    return Image.fromarray(np.random.default_rng(number).integers(0, 256, (size, size, 3), dtype=np.uint8))


def png(number: int = 0, size: int = 32) -> bytes:
    out = BytesIO()
    picture(number, size).save(out, "PNG")
    return out.getvalue()


def listed(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def logged(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / "generation.jsonl").read_text().splitlines()
    return [(entry["file_name"], entry["status"]) for entry in map(json.loads, lines)]


class Painter:
    """A back end that paints noise; `act` may refuse, fail or stop at a picture."""

    def __init__(self, act: Callable[[Wanted], object] = lambda one: None, batch: int = 1) -> None:
        self.batch, self.act, self.asked = batch, act, list[str]()

    def draw(self, pictures: Sequence[Wanted]) -> list[Image.Image | Refused]:
        answers: list[Image.Image | Refused] = []
        for one in pictures:
            self.asked.append(one.file_name)
            refused = self.act(one)
            answers.append(refused if isinstance(refused, Refused) else picture(one.index))
        return answers


# --- the plan


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("  At the  beach", "beach"), ("under an old bridge", "old bridge"), ("near water", "water"),
        ("grass", "grass"), ("inland", "inland"), ("anthill", "anthill"), ("on the on-ramp", "on-ramp"),
    ],
)  # fmt: skip
def test_a_phrase_gives_its_context_a_name(phrase: str, name: str) -> None:
    assert context_name(phrase) == name


@given(
    st.sampled_from(["in ", "on ", "at ", "by ", "under ", "inside ", "near ", ""]),
    st.sampled_from(["the ", "a ", "an ", ""]),
    st.text("bcdfg", min_size=3),
)
def test_one_preposition_and_one_article_are_left_out(preposition: str, article: str, noun: str) -> None:
    assert context_name(f"{preposition}{article}{noun}") == noun


def test_a_plan_names_every_picture() -> None:
    made = study(3, backend="local", prompt="an oil painting of a {object} {context}")
    assert [one.file_name for one in made.pictures[::3]] == [
        "horse_grass/0000.png", "horse_desert/0000.png", "camel_grass/0000.png", "camel_desert/0000.png",
    ]  # fmt: skip
    fourth = made.pictures[3]
    assert (fourth.object, fourth.context, fourth.index) == ("horse", "desert", 0)
    assert fourth.prompt == "an oil painting of a horse in the desert"
    assert len({one.seed for one in made.pictures}) == len({one.file_name for one in made.pictures}) == 12


def test_seeds_stay_when_the_plan_grows_and_change_with_the_seed() -> None:
    small, large = study(2, backend="local"), study(5, backend="local")
    assert set(small.pictures) < set(large.pictures)
    assert not {one.seed for one in study(5, backend="local", seed=1).pictures} & {one.seed for one in large.pictures}


def test_names_become_safe_file_names() -> None:
    made = plan(["Polar  Bear/../x"], ["in the Große Wüste"], 1, backend="local", model="m")
    assert made.pictures[0].file_name == "polar-bear-x_grosse-wüste/0000.png"
    assert (made.pictures[0].object, made.pictures[0].context) == ("Polar  Bear/../x", "Große Wüste")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"per_group": 0}, "1 to 10,000"),
        ({"per_group": 10_001}, "1 to 10,000"),
        ({"backend": "cloud"}, "choose one of service, local"),
        ({"model": " "}, "No model is named"),
        ({"size": 24}, "32 to 1024"),
        ({"size": 1032}, "32 to 1024"),
        ({"size": 100}, "multiple of 8"),
        ({"prompt": "a {object}"}, r"needs the fields \{object\} and \{context\}"),
        ({"prompt": "a {object} {context} {style}"}, "no others"),
        ({"prompt": "a {object.__class__} {context}"}, "needs the fields"),
        ({"prompt": "a {object} {context}}"}, "no others"),
        ({"objects": []}, "No object"),
        ({"objects": ["horse", "Horse"]}, "would share a folder"),
        ({"contexts": ["on the grass", "in the grass"]}, "would share a folder"),
        ({"objects": ["../"]}, "cannot name a folder"),
        ({"objects": ["h" * 61]}, "1 to 60"),
        ({"steps": 3}, "for the local back end"),
        ({"guidance": 3.0}, "for the local back end"),
        ({"backend": "local", "steps": 0}, "at least 1"),
        ({"backend": "local", "guidance": float("nan")}, "a number from 0"),
    ],
)
def test_a_plan_that_cannot_be_drawn_says_why(change: dict[str, Any], words: str) -> None:
    options = {"objects": ["horse"], "contexts": PHRASES, "per_group": 1, "backend": "service", "model": "m"}
    with pytest.raises(GenerateError, match=words):
        plan(**(options | change))


def test_a_cost_is_the_number_of_pictures_times_the_price() -> None:
    pictures = study(48).pictures
    assert cost_of(pictures) is None
    assert cost_of(pictures, 0.02) == pytest.approx(3.84)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(GenerateError, match="give a number from 0"):
            cost_of(pictures, wrong)


# --- the folder


def test_a_run_leaves_pictures_a_list_and_a_log(tmp_path: Path) -> None:
    made, steps = study(backend="local", steps=4), list[tuple[int, int]]()
    outcome = generate(made, Painter(batch=3), tmp_path / "set", lambda *done: steps.append(done))
    assert (outcome.made, outcome.refused) == (8, 0)
    assert outcome.groups == {"horse_grass": 2, "horse_desert": 2, "camel_grass": 2, "camel_desert": 2}
    assert steps == [(0, 8), (3, 8), (6, 8), (8, 8)]
    rows = listed(tmp_path / "set")
    assert [row["file_name"] for row in rows] == [one.file_name for one in made.pictures]
    for row, one in zip(rows, made.pictures, strict=True):
        assert (row["object"], row["context"], row["caption"]) == (one.object, one.context, one.prompt)
        assert json.loads(row["factors"]) == {
            "prompt": one.prompt, "model": "m", "backend": "local", "seed": one.seed, "size": "32x32", "steps": 4,
        }  # fmt: skip
        with Image.open(tmp_path / "set" / one.file_name) as file:
            assert (file.format, np.array_equal(np.asarray(file), np.asarray(picture(one.index)))) == ("PNG", True)
    assert sorted(logged(tmp_path / "set")) == sorted((one.file_name, "ok") for one in made.pictures)
    assert not [path for path in (tmp_path / "set").rglob(".*") if path.name != ".generate.lock"]


def test_groups_grow_turn_by_turn(tmp_path: Path) -> None:
    painter = Painter()
    generate(study(), painter, tmp_path)
    assert [name[-8:] for name in painter.asked] == ["0000.png"] * 4 + ["0001.png"] * 4


def test_what_is_there_and_readable_is_not_asked_for_again(tmp_path: Path) -> None:
    made = study()
    generate(made, Painter(), tmp_path)
    (tmp_path / "horse_grass/0001.png").write_bytes(png()[:200])
    (tmp_path / "camel_desert/0000.png").unlink()
    wanted = ["camel_desert/0000.png", "horse_grass/0001.png"]
    assert [one.file_name for one in remaining(made, tmp_path)] == wanted
    painter, steps = Painter(), list[tuple[int, int]]()
    outcome = generate(made, painter, tmp_path, lambda *done: steps.append(done))
    assert (painter.asked, outcome.made, steps[0]) == (wanted, 2, (6, 8))
    assert remaining(made, tmp_path) == []
    assert len(listed(tmp_path)) == 8


def test_what_remains_of_a_folder_that_is_not_there_is_everything(tmp_path: Path) -> None:
    assert remaining(study(), tmp_path / "new") == list(study().pictures)
    assert not (tmp_path / "new").exists()


def test_a_refusal_is_asked_again_only_when_told(tmp_path: Path) -> None:
    made = study()

    def refuse(one: Wanted) -> object:
        return Refused("no horses") if one.file_name == "horse_grass/0000.png" else None

    outcome = generate(made, Painter(refuse), tmp_path)
    assert (outcome.made, outcome.refused, outcome.groups["horse_grass"]) == (7, 1, 1)
    assert ("horse_grass/0000.png", "refused") in logged(tmp_path)
    assert len(listed(tmp_path)) == 7
    again = Painter()
    assert generate(made, again, tmp_path).refused == 1
    assert again.asked == []
    assert [one.index for one in remaining(made, tmp_path, retry_refused=True)] == [0]
    outcome = generate(made, again, tmp_path, retry_refused=True)
    assert (outcome.made, outcome.refused, again.asked) == (1, 0, ["horse_grass/0000.png"])
    assert remaining(made, tmp_path) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "other"}, "begun with model 'm', not 'other'"),
        ({"size": 64}, "begun with size 32, not 64"),
        ({"backend": "local"}, "begun with backend 'service'"),
        ({"prompt": "a drawing of a {object} {context}"}, "same prompt"),
        ({"per_group": 1}, "at least as many per group"),
    ],
)
def test_another_plan_needs_another_folder(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    generate(study(), Painter(), tmp_path)
    painter = Painter()
    with pytest.raises(GenerateError, match=words):
        generate(study(**change), painter, tmp_path)
    with pytest.raises(GenerateError, match=words):
        remaining(study(**change), tmp_path)
    assert painter.asked == []


def test_a_plan_may_grow(tmp_path: Path) -> None:
    generate(study(1), Painter(), tmp_path)
    assert generate(study(3), Painter(), tmp_path).made == 8
    assert len(listed(tmp_path)) == 12


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(GenerateError, match="choose a new folder"):
        generate(study(), Painter(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) in (["thesis.txt"], [".generate.lock", "thesis.txt"])


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pictures": [1]}', '{"pictures": [{"object": "horse"}]}'])
def test_a_broken_plan_file_is_a_sentence(content: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(GenerateError, match=r"plan\.json cannot be read; choose a new folder"):
        generate(study(), Painter(), tmp_path)


def test_a_half_written_log_line_is_skipped_and_ended(tmp_path: Path) -> None:
    generate(study(1), Painter(), tmp_path)
    with (tmp_path / "generation.jsonl").open("a") as file:
        file.write('{"file_name": "horse_grass/0000.png", "sta')
    generate(study(2), Painter(), tmp_path)
    lines = (tmp_path / "generation.jsonl").read_text().splitlines()
    assert len(lines) == 9
    assert json.loads(lines[-1])["status"] == "ok"


def test_a_folder_that_cannot_be_locked_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".generate.lock").mkdir()
    with pytest.raises(HomeError, match=r"\.generate\.lock cannot be written"):
        generate(study(), Painter(), tmp_path)


def test_two_runs_do_not_draw_into_one_folder(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".generate.lock"), pytest.raises(GenerateError, match="Another run draws into"):
        generate(study(), Painter(), tmp_path)


def test_an_interrupted_run_is_listed_and_resumed(tmp_path: Path) -> None:
    def interrupt(one: Wanted) -> None:
        if one.file_name == "camel_grass/0000.png":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(study(), Painter(interrupt), tmp_path)
    assert [row["file_name"] for row in listed(tmp_path)] == ["horse_grass/0000.png", "horse_desert/0000.png"]
    assert generate(study(), Painter(), tmp_path).made == 6
    assert len(listed(tmp_path)) == 8


KILLED = """
import sys, time
from pathlib import Path
from PIL import Image
from vlcore.generation import generate, plan
class Slow:
    batch = 1
    def draw(self, pictures):
        time.sleep(0.02)
        return [Image.effect_noise((512, 512), 90).convert("RGB")]
generate(plan(["horse"], ["on the grass"], 500, backend="service", model="m", size=512), Slow(), Path(sys.argv[1]))
"""


def test_a_killed_run_is_resumed(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    run = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], cwd=Path(__file__).parents[2])
    give_up = time.monotonic() + 60
    while not (folder / "horse_grass/0003.png").exists():
        assert run.poll() is None, "it ended by itself"
        assert time.monotonic() < give_up
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    whole = plan(["horse"], ["on the grass"], 500, backend="service", model="m", size=512)
    missing = remaining(whole, folder)
    there = {path.relative_to(folder).as_posix() for path in folder.glob("*/[!.]*.png")}
    assert len(there) >= 4
    assert there.isdisjoint(one.file_name for one in missing), "every picture that has its name is whole"
    assert len(there) + len(missing) == 500


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill(one: Wanted) -> None:
        if one.file_name == "camel_grass/0000.png":
            monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(HomeError, match=r"cannot be written \(No space left on device\); make room .* to go on"):
        generate(study(), Painter(fill), tmp_path)
    monkeypatch.undo()
    assert not list(tmp_path.rglob(".*.png*"))
    assert not (tmp_path / "camel_grass/0000.png").exists()
    assert generate(study(), Painter(), tmp_path).made == 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_log_on_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    def fill(one: Wanted) -> None:
        if one.file_name == "camel_grass/0000.png":
            (tmp_path / "generation.jsonl").unlink()
            (tmp_path / "generation.jsonl").symlink_to("/dev/full")

    with pytest.raises(HomeError, match=r"generation\.jsonl cannot be written \(No space left on device\)"):
        generate(study(), Painter(fill), tmp_path)
    assert len(listed(tmp_path)) == 3


# --- patience


@given(st.integers(1, 40), st.one_of(st.none(), st.floats(0, 500)))
def test_waits_grow_to_a_bound_and_never_undercut_the_service(attempt: int, after: float | None) -> None:
    seconds = Patience(first=1, longest=60).seconds(attempt, after)
    grown = min(60, 2 ** (attempt - 1))
    assert max(grown / 2, after or 0) <= seconds <= max(grown / 2, after or 0) + grown / 2


def test_a_failed_attempt_is_repeated_and_logged(tmp_path: Path) -> None:
    left = [TryAgainError("busy"), TryAgainError("busy", 7.0)]
    waited = list[float]()

    def fail(_one: Wanted) -> None:
        if left:
            raise left.pop(0)

    outcome = generate(study(1), Painter(fail), tmp_path, patience=Patience(sleep=waited.append))
    assert outcome.made == 4
    assert [status for _, status in logged(tmp_path)] == ["failed", "failed", "ok", "ok", "ok", "ok"]
    assert 0.5 <= waited[0] <= 1
    assert 7 <= waited[1] <= 8


def test_a_service_that_asks_for_an_hour_ends_the_run(tmp_path: Path) -> None:
    def fail(_one: Wanted) -> None:
        raise TryAgainError("The service is full", 3600.0)

    with pytest.raises(GenerateError, match="The service is full, and it asks to wait 60 minutes"):
        generate(study(1), Painter(fail), tmp_path, patience=Patience(sleep=pytest.fail))


# --- the service


class Shop:
    """A real HTTP server that answers as it is told, one answer a request; then with pictures."""

    def __init__(self) -> None:
        self.answers: list[Callable[[BaseHTTPRequestHandler], None]] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.fetched: list[str] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                shop.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                shop.headers.append({name.lower(): value for name, value in self.headers.items()} | {"path": self.path})
                (shop.answers.pop(0) if shop.answers else shows(len(shop.requests)))(self)

            def do_GET(self) -> None:
                shop.fetched.append(self.path)
                if self.path.startswith("/elsewhere"):
                    send(self, 302, b"", Location="http://127.0.0.1:9/secret")
                elif self.path.startswith("/huge"):
                    send(self, 200, bytes(MAX_PICTURE + 1))
                else:
                    send(self, 200 if self.path == "/pictures/1.png" else 404, png(1))

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that gave up
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


Answer = Callable[[BaseHTTPRequestHandler], None]


def send(to: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    to.send_response(status)
    for name, value in headers.items():
        to.send_header(name.replace("_", "-"), value)
    to.send_header("Content-Length", str(len(body)))
    to.end_headers()
    to.wfile.write(body)


def says(document: object, status: int = 200, **headers: str) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return lambda to: send(to, status, body, **({"Content_Type": "application/json"} | headers))


def shows(number: int, size: int = 32) -> Answer:
    return says({"created": 1, "data": [{"b64_json": base64.b64encode(png(number, size)).decode()}]})


def fails(
    status: int, code: str | None = None, message: str = "no", param: str | None = None, **headers: str
) -> Answer:
    error = {"message": message, "type": "image_generation_user_error", "param": param, "code": code}
    return says({"error": error}, status, **headers)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    opened = Shop()
    yield opened
    opened.close()


class Ordered:
    """A run of one service into one folder, without real waiting."""

    def __init__(self, shop: Shop, folder: Path, timeout: float = 20) -> None:
        self.shop, self.folder, self.waited = shop, folder, list[float]()
        self.plan = plan(["horse"], ["on the grass"], 2, backend="service", model="painter-1", size=32)
        self.service = Service(self.plan, shop.url, timeout)

    def run(self, *answers: Answer) -> int:
        self.shop.answers = list(answers)
        patience = Patience(attempts=3, sleep=self.waited.append)
        return generate(self.plan, self.service, self.folder, patience=patience).made

    def statuses(self) -> list[str]:
        return [status for _, status in logged(self.folder)]


@pytest.fixture
def order(shop: Shop, tmp_path: Path) -> Iterator[Ordered]:
    made = Ordered(shop, tmp_path / "set")
    yield made
    for file in made.folder.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), "the key stays out of every file"


def test_a_service_is_asked_for_each_picture(order: Ordered) -> None:
    assert order.run() == 2
    asked = {"model": "painter-1", "prompt": "a photo of a horse on the grass", "n": 1, "size": "32x32"}
    assert order.shop.requests == [asked | {"response_format": "b64_json"}] * 2
    assert order.shop.headers[0]["path"] == "/v1/images/generations"
    assert order.shop.headers[0]["authorization"] == f"Bearer {KEY}"
    with Image.open(order.folder / "horse_grass/0001.png") as file:
        assert np.array_equal(np.asarray(file), np.asarray(picture(2)))
    assert json.loads(listed(order.folder)[0]["factors"]) == {
        "prompt": "a photo of a horse on the grass", "model": "painter-1", "backend": "service", "seed": None,
        "size": "32x32",
    }  # fmt: skip
    assert order.run() == 0
    assert len(order.shop.requests) == 2


def test_the_size_that_came_is_the_size_that_is_told(order: Ordered) -> None:
    order.run(shows(1, 64))
    assert [json.loads(row["factors"])["size"] for row in listed(order.folder)] == ["64x64", "32x32"]


@pytest.mark.parametrize("status", [400, 422])
def test_a_model_without_response_format_is_asked_without(status: int, order: Ordered) -> None:
    unknown = fails(status, "unknown_parameter", "Unknown parameter: 'response_format'.", "response_format")
    assert order.run(unknown, shows(1), shows(2)) == 2
    assert ["response_format" in request for request in order.shop.requests] == [True, False, False]
    assert order.statuses() == ["ok", "ok"]


def test_the_base_url_may_come_from_the_environment(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", shop.url)
    made = study(1)
    assert generate(made, open_backend(made), tmp_path / "set").made == 4


def test_an_address_at_the_service_itself_is_followed(order: Ordered) -> None:
    root = order.shop.url.removesuffix("/v1")
    assert order.run(says({"data": [{"url": f"{root}/pictures/1.png"}]}), says({"data": [{"url": "/pictures/1.png"}]}))
    assert order.shop.fetched == ["/pictures/1.png"] * 2
    with Image.open(order.folder / "horse_grass/0000.png") as file:
        assert np.array_equal(np.asarray(file), np.asarray(picture(1)))


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:1/a.png", "https://127.0.0.1/a.png", "http://127.0.0.1/a.png", "//example.org/a.png",
        "http://127.0.0.1@example.org/a.png", "file:///etc/passwd", "ftp://127.0.0.1/a.png", "http://[broken/a.png",
        "http://127.0.0.1:99999/a.png",
    ],
)  # fmt: skip
def test_an_address_anywhere_else_is_not_followed(address: str, order: Ordered) -> None:
    with pytest.raises(GenerateError, match="at another address, which is not followed"):
        order.run(says({"data": [{"url": address}]}))
    assert order.shop.fetched == []
    assert order.statuses() == ["failed"]


@pytest.mark.parametrize("path", ["/elsewhere", "/missing", "/huge", "/odd\x01"])
def test_an_address_that_does_not_give_the_picture_is_a_failure(path: str, order: Ordered) -> None:
    assert order.run(says({"data": [{"url": path}]})) == 2
    assert order.statuses() == ["failed", "ok", "ok"]


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({}, 0.5, 1),
        ({"Retry_After": "7"}, 7, 7.6),
        ({"Retry_After": "soon"}, 0.5, 1),
        ({"Retry_After": 300}, 200, 301),
        ({"Retry_After": -300}, 0.5, 1),
    ],
)
def test_a_busy_service_is_waited_for(headers: dict[str, str | int], least: float, most: float, order: Ordered) -> None:
    """A number is a date that many seconds away from the test."""
    for name, value in headers.items():
        if isinstance(value, int):
            headers = {name: format_datetime(datetime.now(UTC) + timedelta(seconds=value), usegmt=True)}
    assert order.run(fails(429, "rate_limit_exceeded", **headers)) == 2
    assert order.statuses() == ["failed", "ok", "ok"]
    assert len(order.waited) == 1
    assert least <= order.waited[0] <= most


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_a_service_that_stays_broken_ends_the_run_and_can_be_resumed(status: int, order: Ordered) -> None:
    with pytest.raises(GenerateError, match=rf"answered {status}: out of order, 3 times in a row.*run the same again"):
        order.run(shows(1), *[fails(status, message="out of order")] * 3)
    assert len(order.waited) == 2
    assert order.statuses() == ["ok", "failed", "failed", "failed"]
    assert len(listed(order.folder)) == 1
    assert order.run() == 1


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "invalid_api_key", "check the key in OPENAI_API_KEY"),
        (403, None, "this key may not use the model"),
        (404, "model_not_found", "check the model's name and the base URL"),
        (400, "invalid_value", "answered 400: bad size"),
        (422, None, "answered 422: bad size"),
        (429, "insufficient_quota", "no credit left"),
    ],
)
def test_what_waiting_cannot_mend_ends_the_run_at_once(
    status: int, code: str | None, words: str, order: Ordered
) -> None:
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
        (says({"data": [{}]}), "without a picture"),
        (says({"data": [{"b64_json": 7}]}), "without a picture"),
        (says({"data": [{"b64_json": "%%%"}]}), "broken base64"),
        (says({"data": [{"b64_json": "ä"}]}), "broken base64"),
        (says({"data": [{"b64_json": ""}]}), "no usable picture"),
        (says({"data": [{"b64_json": base64.b64encode(b"GIF89a").decode()}]}), "not a PNG, JPEG or WebP"),
        (says({"data": [{"b64_json": base64.b64encode(png()[:300]).decode()}]}), "damaged or incomplete"),
        (says(b'{"data": "' + b"A" * (MAX_PICTURE * 4 // 3 + 2**20)), "more than 27 MB"),
    ],
)
def test_an_answer_that_is_none_is_tried_again_and_then_told(answer: Answer, words: str, order: Ordered) -> None:
    with pytest.raises(GenerateError, match=rf"{words}.*3 times in a row"):
        order.run(*[answer] * 3)
    assert order.statuses() == ["failed"] * 3
    assert list(order.folder.rglob("*.png")) == []


def test_a_slow_answer_is_given_up(shop: Shop, tmp_path: Path) -> None:
    release = threading.Event()

    def wait(_to: BaseHTTPRequestHandler) -> None:
        release.wait(20)

    order = Ordered(shop, tmp_path / "set", timeout=0.2)
    with pytest.raises(GenerateError, match=r"did not answer within 0\.2 seconds, 3 times"):
        order.run(*[wait] * 3)
    release.set()


def test_an_answer_that_drips_is_given_up(shop: Shop, tmp_path: Path) -> None:
    def drip(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("Content-Length", "1000")
        to.end_headers()
        for _ in range(1000):
            to.wfile.write(b" ")
            to.wfile.flush()
            time.sleep(0.02)

    order = Ordered(shop, tmp_path / "set", timeout=0.4)
    with pytest.raises(GenerateError, match=r"did not answer within 0\.4 seconds, 3 times"):
        order.run(*[drip] * 3)


def test_an_answer_that_breaks_off_is_tried_again(order: Ordered) -> None:
    def break_off(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("Content-Length", "1000")
        to.end_headers()
        to.wfile.write(b'{"data"')
        to.close_connection = True

    def hang_up(to: BaseHTTPRequestHandler) -> None:
        to.connection.shutdown(socket.SHUT_RDWR)
        to.close_connection = True

    assert order.run(break_off, hang_up) == 2
    assert order.statuses() == ["failed", "failed", "ok", "ok"]


def test_a_service_that_is_not_there_is_a_sentence(shop: Shop, tmp_path: Path) -> None:
    order = Ordered(shop, tmp_path / "set")
    with socket.socket() as taken:  # bound and not listening: nobody answers there
        taken.bind(("127.0.0.1", 0))
        order.service = Service(order.plan, f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        with pytest.raises(GenerateError, match="cannot be reached; check the connection and the base URL, 3 times"):
            order.run()


def test_the_key_is_cut_out_of_what_a_service_says(order: Ordered, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(GenerateError) as stopped:
        order.run(*[fails(500, message=f"key {KEY} is odd\x1b[31m")] * 3)
    assert "key *** is odd" in str(stopped.value)
    assert KEY not in str(stopped.value)
    assert "\x1b" not in str(stopped.value)
    assert KEY not in "".join(capfd.readouterr())


@pytest.mark.parametrize("key", [None, "", "  ", "sk-\u00e4", "sk-a\nb"])
def test_a_missing_key_is_a_sentence(key: str | None, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    if key is not None:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(GenerateError, match="OPENAI_API_KEY holds no key"):
        open_backend(study(), base_url=shop.url)


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://host/v1", "http://", "http://[x/v1", "http://host:port"])
def test_a_base_url_that_is_none_is_a_sentence(url: str, shop: Shop) -> None:
    with pytest.raises(GenerateError, match="give one such as http://localhost:8080/v1"):
        open_backend(study(), base_url=url)


def test_a_missing_package_is_a_sentence(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(GenerateError, match='pip install "openai>=3"'):
        open_backend(study(), base_url=shop.url)


def test_what_the_other_back_end_takes_is_a_sentence() -> None:
    with pytest.raises(GenerateError, match="leave it out for the local back end"):
        open_backend(study(backend="local"), base_url="http://localhost/v1")
    with pytest.raises(GenerateError, match="one picture at a time"):
        open_backend(study(), batch=4)
