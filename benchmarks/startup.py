"""How soon the app answers: start to healthy, first run of Home, and what that must not have loaded.

python -m benchmarks.startup

Times are also given as ratios to starting Python with Streamlit imported, measured in the same run.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from functools import partial

from benchmarks import head, row, seconds

MUST_NOT_BE_LOADED = ("torch", "umap", "numba", "transformers", "sklearn")

FIRST_RUN = f"""
import sys, time
from streamlit.testing.v1 import AppTest
started = time.perf_counter()
page = AppTest.from_file("app.py", default_timeout=120).run()
first = time.perf_counter() - started
started = time.perf_counter()
page.run()
print(first, time.perf_counter() - started, *(name for name in {MUST_NOT_BE_LOADED!r} if name in sys.modules))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["VLCORE_HOME"] = home
        python = partial(subprocess.run, check=True, capture_output=True, text=True)
        baseline = seconds(lambda: python([sys.executable, "-c", "import streamlit.web.cli"]))
        healthy = start_to_healthy()
        first, again, *loaded = python([sys.executable, "-c", FIRST_RUN]).stdout.split()
    times = {"start to healthy": healthy, "first run of Home": float(first), "second run of Home": float(again)}
    print(head("what", "seconds", "ratio"))
    for what, taken in {"import streamlit (baseline)": baseline, **times}.items():
        print(row(what, f"{taken:.2f}", f"{taken / baseline:.1f}"))
    print(f"Loaded that must not be: {', '.join(loaded) or 'nothing'}")
    sys.exit(bool(loaded))


def start_to_healthy() -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    started = time.perf_counter()
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
