"""How soon the app answers on a fresh machine: start to healthy, first run of Home, and what that
must not have loaded; with --browser also when maps are seen, and with --experiments how long the
button of Home takes where no models come with the lab, both with Debian's chromium and the packages
of tests.

python -m benchmarks.startup [--browser] [--experiments]

Times are also given as ratios to starting Python with Streamlit imported, measured in the same run.
"""

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
from typing import Any

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
loaded = (name for name in {MUST_NOT_BE_LOADED!r} if name in sys.modules)
print(first, time.perf_counter() - started, *loaded)
"""


def main() -> None:
    switch = {"action": "store_true"}
    asked = options(__doc__, browser=switch, experiments=switch)
    with tempfile.TemporaryDirectory() as home:
        os.environ["VLCORE_HOME"] = home
        python = partial(subprocess.run, check=True, capture_output=True, text=True)
        baseline = seconds(lambda: python([sys.executable, "-c", "import streamlit.web.cli"]))
        with server() as (healthy, *_):
            pass
        first, again, *loaded = python([sys.executable, "-c", FIRST_RUN]).stdout.split()
        seen = maps() if asked.browser else {}
        pressed = experiments() if asked.experiments else {}
    runs = {"first run of Home": float(first), "second run of Home": float(again)}
    times = {"start to healthy": healthy, **runs, **seen, **pressed}
    print(head("what", "seconds", "ratio"))
    for what, taken in {"import streamlit (baseline)": baseline, **times}.items():
        print(row(what, f"{taken:.2f}", f"{taken / baseline:.1f}"))
    print(f"Loaded that must not be: {', '.join(loaded) or 'nothing'}")
    sys.exit(bool(loaded))


@contextmanager
def server(app: str = "app.py") -> Iterator[tuple[float, int, int]]:
    """A server of an app: the seconds until it was healthy, its port, and the number of its
    process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", app, "--server.headless", "true"]
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
        yield time.perf_counter() - started, port, process.pid
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def visit(app: str = "app.py") -> Iterator[Any]:
    """Chromium at the first page of a server that has just become healthy."""
    from playwright.sync_api import sync_playwright

    with server(app) as (_, port, _), sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-headless-shell")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"http://127.0.0.1:{port}", wait_until="commit")  # the server's answer
        yield page
        browser.close()


def maps() -> dict[str, float]:
    """Seconds from the server's answer to one line by Streamlit alone (the least there can be), and
    to Home's moving maps, and from a click to the maps of Compare."""
    line = Path(os.environ["VLCORE_HOME"]) / "line.py"
    line.write_text("import streamlit as st\n\nst.title('A line')\n")
    with visit(str(line)) as page:
        started = time.perf_counter()
        page.get_by_role("heading", name="A line").wait_for(timeout=60_000)
        least = time.perf_counter() - started
    with visit() as page:
        started = time.perf_counter()
        page.locator(".atlas[aria-busy=false]").wait_for(timeout=60_000)
        home = time.perf_counter() - started
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(
            timeout=60_000
        )
        started = time.perf_counter()
        page.get_by_role("link", name="Compare", exact=True).first.click()
        page.locator("path[aria-label='camel, grass, held out']").first.wait_for(
            state="attached", timeout=60_000
        )
        compared = time.perf_counter() - started
    found = {"one line by Streamlit after the answer": least, "maps of Home after the answer": home}
    return {**found, "maps of Compare after the click": compared}


def experiments() -> dict[str, float]:
    """Seconds from the press of Home's button to the first map of a training, and to four trained
    models."""
    times: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"VLCORE_HOME": home, "VLCORE_SHIPPED": f"{home}/none"}
        with visit() as page:
            page.get_by_role("button", name="Run the four experiments").click(timeout=60_000)
            started = time.perf_counter()
            map_of_one = "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
            page.locator(map_of_one).first.wait_for(timeout=600_000)
            times["first map after the press"] = time.perf_counter() - started
            while len(list(Path(home).glob("models/*/manifest.json"))) < 4:
                time.sleep(0.2)
            times["four trained after the press"] = time.perf_counter() - started
    return times


if __name__ == "__main__":
    main()
