"""The app as browser tests have it: Streamlit on a free port, Debian's chromium, and an ear for complaints."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from tests.chromium import CHROMIUM, FLAGS

ROOT = Path(__file__).parents[2]
PATIENCE = 120_000  # ms; other tests run beside these, and a worker gives way to everything
expect.set_options(timeout=PATIENCE)


@contextmanager
def served(script: str = "app.py", **environment: str) -> Iterator[str]:
    """A Streamlit script as a stranger starts it, on a free port; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
    env = {**os.environ, **environment}
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_healthy(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the server ended before it was healthy"
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            _give_it_a_moment(process)
    raise AssertionError("the server did not become healthy")


def _give_it_a_moment(process: subprocess.Popen[bytes]) -> None:
    """A tenth of a second, or less if it ends."""
    try:
        process.wait(0.1)
    except subprocess.TimeoutExpired:
        return


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's chromium. While it is open no other Playwright can be started in the process: close it soon."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def opened(browser: Browser, server: str, complaints: list[str], **context: object) -> Page:
    """A tab of a visitor's own; what it asks other hosts for and what its console complains of goes to `complaints`."""
    tab = browser.new_context(**context).new_page()  # type: ignore[arg-type]
    tab.set_default_timeout(PATIENCE)
    ours = (server, server.replace("http", "ws", 1), "data:", "blob:", "file:")
    tab.on("request", lambda sent: None if sent.url.startswith(ours) else complaints.append(f"asks for {sent.url}"))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda said: complaints.append(said.text) if _is_complaint(said) else None)
    return tab


def _is_complaint(said: ConsoleMessage) -> bool:
    # At a deep link Streamlit's browser part first asks for its server below the page, which is not there.
    return said.type in ("error", "warning") and "/_stcore/" not in said.location["url"]


def settled(tab: Page) -> None:
    """Wait until the page's script has run to its end."""
    expect(tab.get_by_test_id("stHeading").first).to_be_visible()
    app = tab.locator("[data-testid=stApp][data-test-script-state=notRunning]")
    expect(app).to_be_attached()


def marks(tab: Page | Locator, spoken: str = "camel, grass, held out") -> Locator:
    """The marks of maps that are read out as `spoken`."""
    return tab.locator(f"path[aria-label='{spoken}']")


def maps_drawn(tab: Page, side: int = 520) -> None:
    """Wait until maps are drawn at the size of the window, which is known after a first run at a usual one."""
    expect(tab.locator(f"svg path.background[d*='h{side}v{side}']").first).to_be_attached()
    settled(tab)
