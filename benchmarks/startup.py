"""How soon the app answers: start to healthy, first run of Home, and what that must not have loaded; with --experiments
also how long the button of Home takes, in a fresh folder, with Debian's chromium and the packages of tests.

python -m benchmarks.startup [--experiments]

Times are also given as ratios to starting Python with Streamlit imported, measured in the same run."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks import head, options, row, seconds

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
    asked = options(__doc__, experiments={"action": "store_true"})
    with tempfile.TemporaryDirectory() as home:
        os.environ["VLCORE_HOME"] = home
        python = partial(subprocess.run, check=True, capture_output=True, text=True)
        baseline = seconds(lambda: python([sys.executable, "-c", "import streamlit.web.cli"]))
        with server() as (healthy, _):
            pass
        first, again, *loaded = python([sys.executable, "-c", FIRST_RUN]).stdout.split()
        pressed = experiments(Path(home)) if asked.experiments else {}
    runs = {"first run of Home": float(first), "second run of Home": float(again)}
    times = {"start to healthy": healthy, **runs, **pressed}
    print(head("what", "seconds", "ratio"))
    for what, taken in {"import streamlit (baseline)": baseline, **times}.items():
        print(row(what, f"{taken:.2f}", f"{taken / baseline:.1f}"))
    print(f"Loaded that must not be: {', '.join(loaded) or 'nothing'}")
    sys.exit(bool(loaded))


@contextmanager
def server() -> Iterator[tuple[float, int]]:
    """A server of the app: the seconds until it was healthy, and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - started < 120:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                    break
            except OSError:
                time.sleep(0.05)
        else:
            raise SystemExit("The server did not become healthy within two minutes.")
        yield time.perf_counter() - started, port
    finally:
        process.terminate()
        process.wait(30)


def experiments(home: Path) -> dict[str, float]:
    """Seconds from the press of Home's button to the first map of a training, and to four trained models."""
    from playwright.sync_api import sync_playwright

    times: dict[str, float] = {}
    with server() as (_, port), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}")
        page.get_by_role("button", name="Run the four experiments").click(timeout=60_000)
        started = time.perf_counter()
        charts = page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg")
        charts.first.wait_for(timeout=600_000)
        times["first map after the press"] = time.perf_counter() - started
        while len(list(home.glob("models/*/manifest.json"))) < 4:
            time.sleep(0.2)
        times["four trained after the press"] = time.perf_counter() - started
        browser.close()
    return times


if __name__ == "__main__":
    main()
