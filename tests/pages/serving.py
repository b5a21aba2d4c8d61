"""The app as browser tests have it: Streamlit on a free port, and what a tab shows."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

PATIENCE = 120_000  # ms; other tests run beside these, and a worker gives way to everything
expect.set_options(timeout=PATIENCE)


def begun(port: int, first: str = "pass") -> subprocess.Popen[bytes]:
    """The app as a stranger starts it, at a port, once it is healthy; `first` is what its process
    does before."""
    start = f"{first}; from streamlit.web.cli import main; main()"
    command = [sys.executable, "-c", start, "run", "app.py", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    root, silent = Path(__file__).parents[2], subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=root, stdout=silent, stderr=silent)
    for _ in range(600):
        assert process.poll() is None, "the server ended before it was healthy"
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2),
        ):
            break
        time.sleep(0.1)
    return process


@contextmanager
def served() -> Iterator[str]:
    """The app on a free port; gives its address."""
    port = free_port()
    process = begun(port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


# A click misses a button that a panel moves while it unfolds, and the colours of what fades in are
# not its own yet.
STILL = """() => document.getAnimations().every(animation =>
    animation.playState !== "running"
    || animation.effect.getComputedTiming().iterations === Infinity)"""


def settled(tab: Page) -> None:
    """Wait until the page's script has run to its end."""
    expect(tab.get_by_test_id("stHeading").first).to_be_visible()
    app = tab.locator("[data-testid=stApp][data-test-script-state=notRunning]")
    expect(app).to_be_attached()
    expect(tab.locator("[data-stale=true]")).to_have_count(
        0
    )  # what a run has not drawn anew yet is pale
    tab.wait_for_function(STILL)


def marks(tab: Page | Locator, spoken: str = "camel, grass, held out") -> Locator:
    """The marks of maps that are read out as `spoken`."""
    return tab.locator(f"path[aria-label='{spoken}']")


ON_TOP = """all => all.findIndex(mark => {
    const box = mark.getBoundingClientRect();
    return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === mark;
})"""


def on_top(elements: Locator) -> Locator:
    """The first mark that no other covers."""
    elements.first.scroll_into_view_if_needed()
    index = elements.evaluate_all(ON_TOP)
    assert index >= 0, "each mark lies under another"
    return elements.nth(index)


def maps_drawn(tab: Page, side: int = 635) -> None:
    """Wait until maps are drawn at the size of the window, which is known after a first run at a
    usual one."""
    by_webgl = f".linked-maps[data-state=drawn] .surface[width='{side}']"
    drawn = tab.locator(f"svg path.background[d*='h{side}v{side}'], {by_webgl}")
    expect(drawn.first).to_be_attached()
    settled(tab)


def unfold(tab: Page, button: str) -> None:
    """Show the settings that are behind a button of the bar."""
    tab.get_by_test_id("stPopoverButton").get_by_text(button, exact=True).first.click()
    expect(tab.get_by_test_id("stPopoverBody")).to_be_visible()


def expect_text(tab: Page, words: str) -> None:
    expect(tab.get_by_text(words).first).to_be_visible()


NOTHING_CUT_OFF = """() => [...document.querySelectorAll(
    '[data-testid=stMain] svg, [data-testid=stMain] img')]
    .every(e => e.getBoundingClientRect().right <= window.innerWidth)"""


def expect_nothing_cut_off(tab: Page) -> None:
    tab.wait_for_function(NOTHING_CUT_OFF)


def press(tab: Page, name: str) -> None:
    tab.get_by_role("button", name=name, exact=True).click()


def downloaded(tab: Page, label: str) -> Path:
    settled(tab)  # else what is pressed may be of a run that is over
    with tab.expect_download() as waiting:
        press(tab, label)
    file = waiting.value.path().with_name(waiting.value.suggested_filename)
    waiting.value.save_as(file)
    return file
