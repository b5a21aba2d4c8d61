"""Startup on a fresh machine: start to healthy, first run of Home, another run of each page, and
modules that must not be loaded; with --browser also when maps are visible, in Debian's chromium
with the packages of tests.

python -m benchmarks.startup [--browser]

Times are also given as ratios to starting Python with Streamlit imported, measured in the same run.
"""

import asyncio
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from benchmarks import FLAG, fresh_home, parse_options, print_table, seconds_of
from benchmarks.visitors import Browser, connected

IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"  # a page that is complete
GRID_MAPS = 14  # before training and at six bias levels, of two label styles
PAGES = ("Home", "Data", "Train", "Compare", "Upload", "Findings", "Lesson", "Manage")
RUNS = 9  # of each page, after its first
MUST_NOT_BE_LOADED = ("torch", "umap", "numba", "transformers", "sklearn")

FIRST_RUN = f"""
import sys, time
from streamlit.testing.v1 import AppTest
started = time.perf_counter()
AppTest.from_file("app.py", default_timeout=120).run()
first = time.perf_counter() - started
loaded = (name for name in {MUST_NOT_BE_LOADED!r} if name in sys.modules)
print(first, *loaded)
"""


def main() -> None:
    options = parse_options(__doc__, browser=FLAG)
    python = partial(subprocess.run, check=True, capture_output=True, text=True)
    with fresh_home():
        streamlit = [sys.executable, "-c", "import streamlit.web.cli"]
        baseline = seconds_of(lambda: python(streamlit))
        times = {"import streamlit (baseline)": baseline}
        with server() as (healthy, port, _):
            times["start to healthy"] = healthy
            reruns = asyncio.run(time_reruns(port))
        first, *loaded = python([sys.executable, "-c", FIRST_RUN]).stdout.split()
        times |= {"first run of Home": float(first), **reruns}
        if options.browser:
            times |= time_maps()
    rows = [
        (name, f"{duration:.2f}", f"{duration / baseline:.2f}") for name, duration in times.items()
    ]
    print_table(("what", "seconds", "ratio"), rows)
    print(f"Loaded that must not be: {', '.join(loaded) or 'nothing'}")
    sys.exit(bool(loaded))


@contextmanager
def server(app: str = "app.py", port: int = 0) -> Iterator[tuple[float, int, int]]:
    """Serve an app on a port, a free one if it is 0: the seconds until it was healthy, its port,
    and its process number."""
    if not port:
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


async def time_reruns(port: int) -> dict[str, float]:
    """Median seconds of another run of each page, for one visitor."""
    seconds = {}
    async with connected(Browser, port, 0) as visitor:
        for page in PAGES:
            await visitor.open(page)
            runs = [await visitor.view() for _ in range(RUNS)]
            seconds[f"another run of {page}"] = statistics.median(runs)
    return seconds


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's chromium, with software rendering."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    flags = ["--no-sandbox", "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@contextmanager
def visit(app: str = "app.py") -> Iterator[Any]:
    """Open the first page of a server that has just become healthy."""
    with server(app) as (_, port, _), chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(60_000)
        page.goto(f"http://127.0.0.1:{port}", wait_until="commit")  # the server's answer
        yield page


def time_maps() -> dict[str, float]:
    """Seconds until things are visible: a line by Streamlit alone (the least there can be), Home's
    moving maps, the maps and the grid of Compare, and the answer and the first study of
    Findings."""
    with fresh_home() as folder:
        app = folder / "line.py"
        app.write_text("import streamlit as st\n\nst.title('A line')\n")
        with visit(str(app)) as page:
            line = seconds_of(page.get_by_role("heading", name="A line").wait_for)
    with fresh_home(), visit() as page:
        home = seconds_of(page.locator(".riddle[aria-busy=false]").wait_for)
        page.locator(IDLE).wait_for()
        maps = page.locator(".linked-maps[data-state=drawn]")
        to_compare = page.get_by_role("link", name="Compare", exact=True).first
        compare = seconds_of(to_compare.click, maps.wait_for)
        page.locator(IDLE).wait_for()
        to_grid = page.get_by_role("button", name="Grid", exact=True)
        last_map = page.locator(f"path[aria-label*=': map with'] >> nth={GRID_MAPS - 1}")
        grid = seconds_of(to_grid.click, last_map.wait_for)
        page.locator(IDLE).wait_for()
        to_findings = page.get_by_role("link", name="Findings", exact=True).first
        point = page.locator(".st-key-answer [aria-roledescription=point]").first
        forest = seconds_of(to_findings.click, point.wait_for)
        study = forest + seconds_of(page.locator(".st-key-headline").wait_for)
    return {
        "one line by Streamlit after the answer": line,
        "maps of Home after the answer": home,
        "maps of Compare after the click": compare,
        f"{GRID_MAPS} maps of the grid after the click": grid,
        "answer of Findings after the click": forest,
        "first study of Findings after the click": study,
    }


if __name__ == "__main__":
    main()
