"""`serve`: two processes behind a real nginx, from the first page to the last signal."""

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.chromium import needs_chromium
from tests.conftest import Cli
from vlcore.cli import serve

from .serving import free_port, settled

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = [
    pytest.mark.browser,
    needs_chromium,
    pytest.mark.skipif(NGINX is None, reason="Debian's nginx is not installed"),
]
COOKIE = re.compile(r"vlcore_process=(\d)")
FEW_FILES = 128  # what a server may have open unless it asks for more


def children(process: int) -> dict[int, str]:
    """The command lines of a process's children, by number."""
    numbers = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return {
        int(child): Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
        for child in numbers
    }


def streamlits(process: int) -> set[int]:
    return {number for number, line in children(process).items() if "streamlit run" in line}


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Its address, and the number of the process of `serve`, over a home with the models that come
    along; after a signal nothing of it may be left."""
    port = free_port()
    options = f"serve --processes 2 --port {port} --host 127.0.0.1".split()
    command = [sys.executable, "-m", "vlcore", *options]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    limited = ["prlimit", f"--nofile={FEW_FILES}:{most}", *command]
    root = Path(__file__).parents[2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(tmp_path_factory.mktemp("served")))
        patch.delenv("VLCORE_SHIPPED")
        process = subprocess.Popen(
            limited, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
    with process:
        assert process.stderr is not None
        assert "with 2 processes" in process.stderr.readline()
        address = f"http://127.0.0.1:{port}"
        until(lambda: ask(address)[0] == 200)
        yield address, process.pid
        started = children(process.pid)
        assert len(started) == 3
        process.terminate()
        assert process.wait(60) == 0
        assert [number for number in started if Path(f"/proc/{number}").exists()] == []


@pytest.fixture(scope="module")
def server(serving: tuple[str, int]) -> str:
    return serving[0]


def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        with suppress(OSError):
            if holds():
                return
        time.sleep(0.1)
    raise AssertionError("it did not come to that")


def ask(
    address: str, cookie: str = "", method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple:
    """The status of an answer, the process that it tells the browser to remember, and its
    headers."""
    request = urllib.request.Request(address, body, {"Cookie": cookie, **headers}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, answered = answer.status, answer.headers
    except urllib.error.HTTPError as error:
        status, answered = error.code, error.headers
    processes = COOKIE.findall(" ".join(answered.get_all("Set-Cookie", [])))
    return status, processes[0] if processes else "", answered


def visit(server: str, process: str) -> ClientConnection:
    headers = {"Cookie": f"vlcore_process={process}"}
    address = server.replace("http", "ws") + "/_stcore/stream"
    return connect(address, additional_headers=headers, max_size=None, close_timeout=0.1)


def session_of(connection: ClientConnection) -> str:
    """Run Home; the name of the session, which its process alone knows."""
    message = BackMsg()
    message.rerun_script.query_string = ""
    connection.send(message.SerializeToString())
    while True:
        message = ForwardMsg.FromString(connection.recv(60))
        if message.WhichOneof("type") == "new_session":
            return message.new_session.initialize.session_id


def test_maps_draw_under_the_policy(come: Callable[..., Page], server: str) -> None:
    """`come` fails where the browser complains, as it does of whatever the policy refuses."""
    tab = come(width=1280, height=900)
    tab.goto(server)
    tab.locator(".atlas[aria-busy=false]").wait_for()
    settled(tab)
    tab.get_by_role("link", name="Compare", exact=True).first.click()
    tab.wait_for_url("**/Compare")
    settled(tab)
    expect(tab.locator(".linked-maps[data-state=drawn]")).to_be_visible()
    policy = ask(server)[2]["Content-Security-Policy"]
    assert "img-src 'self' data: blob:;" in policy
    assert "unsafe-eval" not in policy


def test_a_browser_stays_with_its_process_and_its_upload_arrives_there(server: str) -> None:
    told = [ask(server)[1] for _ in range(4)]
    assert sorted(told) == ["1", "1", "2", "2"]  # in turn: a class is shared out evenly
    for process, other in ("12", "21"):
        _, _, headers = ask(f"{server}/_stcore/health", f"vlcore_process={process}")
        token = headers.get_all("Set-Cookie")[0].split(";")[0].removeprefix("_streamlit_xsrf=")
        head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.png"'
        body = head + b"\r\n\r\nabc\r\n--b--\r\n"
        more = {"X-Xsrftoken": token, "Content-Type": "multipart/form-data; boundary=b"}
        with visit(server, process) as connection:
            upload = f"{server}/_stcore/upload_file/{session_of(connection)}/one"
            for cookie_process, status in ((process, 204), (other, 400), (process, 204)):
                cookie = f"vlcore_process={cookie_process}; _streamlit_xsrf={token}"
                assert ask(upload, cookie, "PUT", body, **more)[:2] == (status, "")


def test_what_is_the_same_for_everybody_comes_from_nginx_and_what_is_nobodys_business_does_not_come(
    serving: tuple[str, int],
) -> None:
    server, number = serving
    (nginx,) = [line for line in children(number).values() if "nginx: master" in line]
    folder = nginx.split(" -p ")[1].split()[0]
    page = urllib.request.urlopen(server).read().decode()
    script = re.findall(r'src="\./(static/js/index[^"]+)"', page)[0]
    cached = []
    for query in "ab":  # a process is asked once, whatever is written behind the address
        assert ask(f"{server}/{script}?{query}")[0] == 200
        cached.append({name for _, _, names in os.walk(f"{folder}/cache") for name in names})
    assert cached[0] == cached[1] != set()
    for path in ("metrics", "script-health-check", "agent/openapi.json"):
        assert ask(f"{server}/_stcore/{path}")[0] == 404
    assert ask(server, method="POST", body=bytes(100_000))[0] == 413


def test_a_page_says_so_much_at_once_and_nothing_that_is_packed(server: str) -> None:
    """25 MB of nothing are 25 kB when they are packed, and twenty pages that said so took 500
    MB."""
    with visit(server, "1") as connection:  # which offers to pack
        assert connection.protocol.extensions == []
        assert session_of(connection)
        connection.send(bytes(1_000_001))
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012  # what was told before comes first
            while True:
                connection.recv(60)
        # What is still on its way when a server closes resets the connection, and may overtake the
        # reason.
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009


def test_connections_that_say_nothing_stop_nobody(serving: tuple[str, int]) -> None:
    """1,100 at nginx; 190 sessions, which is more than a process could have open at first; no more
    of them from one address than a class needs."""
    server, _ = serving
    port = int(server.rsplit(":", 1)[1])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    with ExitStack() as open_until_the_end:
        open_until_the_end.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            open_until_the_end.enter_context(socket.create_connection(("127.0.0.1", port), 30))
        for _ in range(190):
            open_until_the_end.enter_context(visit(server, "1"))
        assert ask(server)[0] == 200
        assert ask(f"{server}/_stcore/health", "vlcore_process=1")[0] == 200
        with pytest.raises(InvalidStatus) as refused:  # noqa: PT012  # one of them
            for _ in range(200):
                open_until_the_end.enter_context(visit(server, "1"))
        assert refused.value.response.status_code == 429


def test_a_process_that_dies_is_replaced_and_its_visitors_go_on_meanwhile(
    serving: tuple[str, int],
) -> None:
    server, number = serving
    before = streamlits(number)
    killed = max(before)
    os.kill(killed, signal.SIGKILL)
    health = f"{server}/_stcore/health"
    for process in "12":
        assert ask(health, f"vlcore_process={process}")[0] == 200
    until(lambda: len(streamlits(number) - before) == 1)
    for process in "12":
        until(lambda cookie=f"vlcore_process={process}": ask(health, cookie)[:2] == (200, ""))


def test_what_cannot_be_is_one_sentence(
    cli: Cli, serving: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = serving[0].rsplit(":", 1)[1]
    for arguments in (f"--port {port} --host 127.0.0.1", "--host here", "--processes 0"):
        code, out, err = cli("serve", *arguments.split())
        assert (code, out, err.count("\n")) == (2, "", 1)
    monkeypatch.setattr(serve.shutil, "which", lambda *_, **__: None)
    assert cli("serve")[0] == 2


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_nginx_takes_the_configuration_that_is_printed(cli: Cli, host: str, tmp_path: Path) -> None:
    options = ("--processes", 3, "--host", host, "--port", free_port())
    code, out, _ = cli("serve", "--print-config", *options)
    assert code == 0
    (tmp_path / "nginx.conf").write_text(out.replace("/var/lib/nginx", str(tmp_path)))
    command = [str(NGINX), "-tq", "-p", tmp_path, "-e", "stderr", "-c", tmp_path / "nginx.conf"]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stderr == ""
