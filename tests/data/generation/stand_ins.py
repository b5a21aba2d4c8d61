"""For tests of generated sets: a small plan, a back end that paints noise, a service here."""

import base64
import csv
import json
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.data.importers.sources import encoded
from vlcore.data.generation.plan import GenerationPlan, PlannedImage, Refused, plan

KEY = "sk-secret-of-the-test"
PHRASES = ("on the grass", "in the desert")
Answer = Callable[[BaseHTTPRequestHandler], None]


def study(per_group: int = 2, **options: Any) -> GenerationPlan:
    """A plan for the study's four groups."""
    return plan(
        ("horse", "camel"),
        PHRASES,
        per_group,
        **({"backend": "service", "model": "m", "size": 32} | options),
    )


def picture(number: int = 0, size: int = 32) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(number).integers(0, 256, (size, size, 3), dtype=np.uint8)
    )


def png(number: int = 0, size: int = 32) -> bytes:
    return encoded(picture(number, size))


def shows_picture(path: Path, number: int) -> bool:
    """Whether a file is a PNG of the picture of a number."""
    with Image.open(path) as file:
        return file.format == "PNG" and np.array_equal(
            np.asarray(file), np.asarray(picture(number))
        )


def listed(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def logged(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / "generation.jsonl").read_text().splitlines()
    return [(entry["file_name"], entry["status"]) for entry in map(json.loads, lines)]


class Painter:
    """A back end that paints noise; `act` may refuse, fail or stop at a picture."""

    def __init__(
        self, act: Callable[[PlannedImage], object] = lambda _image: None, batch: int = 1
    ) -> None:
        self.batch, self.act, self.asked = batch, act, list[str]()

    def draw(self, images: Sequence[PlannedImage]) -> list[Image.Image | Refused]:
        answers: list[Image.Image | Refused] = []
        for image in images:
            self.asked.append(image.file_name)
            refused = self.act(image)
            answers.append(refused if isinstance(refused, Refused) else picture(image.index))
        return answers


class Shop:
    """A real HTTP server that answers as it is told, one answer a request; then with pictures."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                shop.requests.append(
                    json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                )
                shop.headers.append(
                    {name.lower(): value for name, value in self.headers.items()}
                    | {"path": self.path}
                )
                (shop.answers.pop(0) if shop.answers else shows(len(shop.requests)))(self)

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


def send(to: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    to.send_response(status)
    for name, value in ({"Content_Length": str(len(body))} | headers).items():
        to.send_header(name.replace("_", "-"), value)
    to.end_headers()
    to.wfile.write(body)


def says(document: object, status: int = 200, **headers: str) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return lambda to: send(to, status, body, **({"Content_Type": "application/json"} | headers))


def shows(number: int, size: int = 32) -> Answer:
    return says(
        {"created": 1, "data": [{"b64_json": base64.b64encode(png(number, size)).decode()}]}
    )


def fails(status: int, code: str | None = None, message: str = "no", **headers: str) -> Answer:
    error = {"message": message, "type": "image_generation_user_error", "param": None, "code": code}
    return says({"error": error}, status, **headers)
