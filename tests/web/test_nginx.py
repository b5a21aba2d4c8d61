"""`nginx.conf` with Debian's nginx, before a stub that stands for Streamlit."""

import http.client
import os
import shutil
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.jobs.children import until

ROOT = Path(__file__).parents[2]
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = [
    pytest.mark.judge,
    pytest.mark.skipif(
        NGINX is None or os.geteuid() != 0, reason="needs Debian's nginx-light, and root"
    ),
]
UPLOAD = "/_stcore/upload_file/session/file"


class Stub(ThreadingHTTPServer):
    """Counts what it is asked for; an upload waits while `held` is not set."""

    request_queue_size = 1024

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: Counter[str] = Counter()
        self.addresses: set[str] = set()
        self.held = threading.Event()
        self.held.set()


class Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_GET(self) -> None:
        self.server.asked[self.path.partition("?")[0]] += 1
        self.server.addresses.add(self.headers["X-Forwarded-For"])
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.command == "PUT":
            self.server.held.wait(60)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_PUT = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.held.set()
        server.shutdown()


@pytest.fixture
def port(stub: Stub, tmp_path: Path) -> Iterator[int]:
    """The port of nginx, which has the file of the repository but for ports and the cache."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    text = (ROOT / "nginx.conf").read_text()
    for ours, here in {
        "listen 8080": f"listen 127.0.0.1:{port}",
        "127.0.0.1:8501": f"127.0.0.1:{stub.server_port}",
        "/var/lib/nginx/lab": f"{tmp_path}/cache",
    }.items():
        assert ours in text
        text = text.replace(ours, here)
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o711)  # started by root, nginx works as a user without rights
    file = tmp_path / "nginx.conf"
    file.write_text(text)
    rest = f"daemon off; pid {tmp_path}/nginx.pid;"
    with subprocess.Popen([str(NGINX), "-e", "stderr", "-c", file, "-g", rest]) as nginx:

        def answers() -> bool:
            assert nginx.poll() is None, "nginx has ended"
            with socket.socket() as trying:
                return trying.connect_ex(("127.0.0.1", port)) == 0

        until(answers)
        yield port
        nginx.terminate()
    assert nginx.returncode == 0


def ask(port: int, path: str, method: str = "GET", size: int = 0, **headers: str) -> int:
    """Return the status of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, bytes(size) or None, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_requests_have_limits_and_come_from_their_own_address(stub: Stub, port: int) -> None:
    assert ask(port, "/", **{"X-Forwarded-For": "10.0.0.1"}) == 200
    assert stub.addresses == {"127.0.0.1"}, "nobody invents another address"
    assert ask(port, "/", "PUT", 100_000) == 413
    assert ask(port, UPLOAD, "PUT", 2_000_000) == 200
    assert ask(port, UPLOAD, "PUT", 0, **{"Content-Length": "110000000"}) == 413
    for path in ("metrics", "script-health-check", "agent/openapi.json"):
        assert ask(port, f"/_stcore/{path}") == 404
    assert set(stub.asked) == {"/", UPLOAD}


def test_the_same_for_everybody_is_asked_for_once(stub: Stub, port: int) -> None:
    for query in "abc":
        assert ask(port, f"/static/js/index.js?{query}") == 200
        assert ask(port, f"/Compare?{query}") == 200
    assert stub.asked == {"/static/js/index.js": 1, "/Compare": 3}


def test_a_class_opens_its_pages_at_once_and_a_flood_does_not(stub: Stub, port: int) -> None:
    answers = [ask(port, "/_stcore/stream") for _ in range(320)]
    assert answers[:200] == [200] * 200
    assert answers.count(429) > 50
    assert ask(port, "/") == 200, "pages go on"


def test_an_address_has_forty_uploads_at_a_time(stub: Stub, port: int) -> None:
    stub.held.clear()
    with ExitStack() as open_until_the_end:
        for _ in range(40):
            one = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            open_until_the_end.callback(one.close)
            one.request("PUT", UPLOAD, b"image")
        until(lambda: stub.asked[UPLOAD] == 40)
        assert ask(port, UPLOAD, "PUT", 5) == 429
        assert ask(port, "/") == 200
        stub.held.set()


def test_connections_that_say_nothing_stop_nobody(stub: Stub, port: int) -> None:
    with ExitStack() as open_until_the_end:
        for _ in range(800):
            open_until_the_end.enter_context(socket.create_connection(("127.0.0.1", port), 30))
        assert ask(port, "/") == 200
