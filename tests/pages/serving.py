"""The app as browser tests have it: Streamlit on a free port, and what a tab shows."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

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


# The script has run, drew for this window, and has left nothing pale of the run before.
RUN_TO_ITS_END = """() => {
    const has = selector => document.querySelector(selector) !== null;
    return has("[data-testid=stApp][data-test-script-state=notRunning]")
        && !has("[data-stale=true]")
        && (!has(".st-key-viewport") || has(".st-key-viewport [data-known=true]"));
}"""
SAME_FOR = 500  # ms
# Charts, images and components draw themselves once the script has run.
UNCHANGED = f"""() => new Promise(done => {{
    let before = "", since = 0;
    const look = now => {{
        const main = document.querySelector("[data-testid=stMainBlockContainer]");
        const parts = main.querySelectorAll("*"), images = [...main.querySelectorAll("img")];
        const seen = [main.scrollHeight, main.scrollWidth, parts.length].join();
        const isLoading = images.some(image => !image.complete && image.loading !== "lazy");
        if (seen !== before || isLoading) [before, since] = [seen, now];
        if (now - since > {SAME_FOR}) done(true);
        else requestAnimationFrame(look);
    }};
    requestAnimationFrame(look);
}})"""


def settled(tab: Page) -> None:
    """Wait until the page's script has run to its end, for the size of the window."""
    expect(tab.get_by_test_id("stHeading").first).to_be_visible()
    tab.wait_for_function(RUN_TO_ITS_END)
    tab.wait_for_function(STILL)


def complete(tab: Page, *last: Locator) -> None:
    """Wait until a page has all that it will have: its `last` elements, and no change any more.

    An upper bound (a height, a count, an absence) also holds before a page has begun. Assert one
    after this call, and do not wait for it.
    """
    for element in last:
        expect(element).to_be_visible()
    settled(tab)
    tab.evaluate(UNCHANGED)
    settled(tab)


HEIGHT = "() => document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight"


def expect_short(tab: Page, screens: float, *last: Locator) -> None:
    """Expect that a page with its last elements is no longer than so many screens."""
    complete(tab, *last)
    height, screen = tab.evaluate(HEIGHT), tab.evaluate("innerHeight")
    assert height <= screens * screen, f"{height} px are more than {screens} screens of {screen} px"


def expect_no_wider(tab: Page, width: int) -> None:
    """Expect that a complete page does not scroll sideways in a window of a width in px."""
    complete(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def unfold(tab: Page, button: str) -> None:
    """Show the settings that are behind a button of the bar."""
    tab.get_by_test_id("stPopoverButton").get_by_text(button, exact=True).first.click()
    expect(tab.get_by_test_id("stPopoverBody")).to_be_visible()


def address_field(tab: Page, name: str) -> str | None:
    """A setting in the address of a tab."""
    return parse_qs(urlsplit(tab.url).query).get(name, [None])[0]


def expect_text(tab: Page, words: str) -> None:
    expect(tab.get_by_text(words).first).to_be_visible()


CUT_OFF = """() => [...document.querySelectorAll(
    '[data-testid=stMain] svg, [data-testid=stMain] img')]
    .filter(e => e.getBoundingClientRect().right > window.innerWidth)
    .map(e => e.outerHTML.slice(0, 200))"""


def expect_nothing_cut_off(tab: Page) -> None:
    """Expect that all figures and images of a complete page end within the window."""
    complete(tab)
    assert tab.evaluate(CUT_OFF) == []


def press(tab: Page, name: str) -> None:
    tab.get_by_role("button", name=name, exact=True).click()


def downloaded(tab: Page, label: str) -> Path:
    settled(tab)  # else what is pressed may be of a run that is over
    with tab.expect_download() as waiting:
        press(tab, label)
    file = waiting.value.path().with_name(waiting.value.suggested_filename)
    waiting.value.save_as(file)
    return file
