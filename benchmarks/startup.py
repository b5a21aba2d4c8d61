"""How soon the app answers: start to healthy, first run of Home, and what that must not have loaded.

python -m benchmarks.startup

Times are also given as ratios to starting Python with Streamlit imported, measured in the same run.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

MUST_NOT_BE_LOADED = ("torch", "umap", "transformers", "sklearn")

FIRST_RUN = """
import sys, time
from streamlit.testing.v1 import AppTest
started = time.perf_counter()
page = AppTest.from_file("app.py", default_timeout=120).run()
first = time.perf_counter() - started
started = time.perf_counter()
page.run()
print(first, time.perf_counter() - started, *(name for name in {names!r} if name in sys.modules))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "VLCORE_HOME": home}
        baseline = seconds([sys.executable, "-c", "import streamlit.web.cli"], environment)
        healthy = start_to_healthy(environment)
        answer = subprocess.run(
            [sys.executable, "-c", FIRST_RUN.format(names=MUST_NOT_BE_LOADED)],
            env=environment, capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
    first, again, loaded = float(answer[0]), float(answer[1]), answer[2:]
    print(f"import streamlit (baseline)  {baseline:6.2f} s    1.0")
    print(f"start to healthy             {healthy:6.2f} s  {healthy / baseline:5.1f}")
    print(f"first run of Home            {first:6.2f} s  {first / baseline:5.1f}")
    print(f"second run of Home           {again:6.2f} s  {again / baseline:5.1f}")
    print(f"loaded that must not be      {', '.join(loaded) or 'nothing'}")
    sys.exit(bool(loaded))


def seconds(command: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def start_to_healthy(environment: dict[str, str]) -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    started = time.perf_counter()
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - started < 120:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                    return time.perf_counter() - started
            except OSError:
                time.sleep(0.05)
        raise SystemExit("The server did not become healthy within two minutes.")
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    main()
