"""What a server that was killed leaves: no process, and no folder that the next one keeps."""

import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.jobs.children import alive, child, until
from vlcore.cli import serve
from vlcore.experiment import files

SCRIPT = """
import signal, subprocess, sys
from vlcore.cli import serve
from vlcore.experiment.files import scratch_folder
sleeps = [sys.executable, "-c", "import signal, time; time.sleep(600)"]
started = [serve._start(sleeps, end) for end in (signal.SIGTERM, signal.SIGKILL)]
say(" ".join([str(scratch_folder()), *(str(process.pid) for process in started)]))
hear()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux tells")
def test_a_server_that_is_killed_leaves_no_process_and_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    with child(SCRIPT, tmp_path) as process:
        assert process.stdout is not None
        folder, *begun = process.stdout.readline().split()
        assert all(alive(int(pid)) for pid in begun)
        files.clear_scratch()
        assert Path(folder).is_dir(), "it is in use"
        process.send_signal(signal.SIGKILL)
        until(lambda: not any(alive(int(pid)) for pid in begun))
    files.clear_scratch()
    assert list(tmp_path.glob("vlcore-*")) == []


def test_a_process_is_asked_whether_it_is_healthy_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setattr(serve, "_start", lambda *_, **__: Mock(poll=lambda: None))
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        process = serve._StreamlitProcess(server.server_port, 1)
        assert not process.is_gone()
    assert process.is_healthy
