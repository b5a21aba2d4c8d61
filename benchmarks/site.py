"""The page docs/try in Debian's chromium: bytes and seconds until the riddle plays, and to train.

python -m benchmarks.site [--folder site/try] [--runs 5]

`python -m mkdocs build` writes the folder. The server packs nothing and is on this machine.
Chromium throttles only the page and no worker: with the processor throttled, the page trains
without one. Seconds are medians of runs.
"""

import statistics
from pathlib import Path
from typing import Any

from benchmarks import parse_options, print_aims
from benchmarks.startup import chromium
from tools.second_implementation import served_folder

READY = "body[data-state=ready]"
THROTTLED = 4  # times
# Seconds since the page was asked for, when the riddle plays.
ALIVE = """() => new Promise(done => {
    const look = () => {
        const tree = document.querySelector("#riddle .maps-here")?.shadowRoot;
        if (!tree?.querySelector("[aria-busy=false]")) return requestAnimationFrame(look);
        done(performance.now() / 1000);
    };
    look();
})"""
# Seconds from a click until the accuracy is told.
TRAIN = """() => new Promise(done => {
    const status = document.querySelector("#train > .act [role=status]"), begun = performance.now();
    const look = () => {
        if (status.textContent.includes("Correct")) done((performance.now() - begun) / 1000);
    };
    new MutationObserver(look).observe(status, {childList: true});
    document.querySelector("#train .main").click();
})"""


def main() -> None:
    """Print what was measured beside its aim."""
    options = parse_options(__doc__, folder=Path("site/try"), runs=5)
    if not (options.folder / "data").is_dir():
        raise SystemExit(f"{options.folder} has no data. Build it: python -m mkdocs build")
    with served_folder(options.folder) as server:
        address = f"{server}/index.html"
        first = [look(address) for _ in range(options.runs)]
        worker = [train(address) for _ in range(options.runs)]
        throttled = [train(address, THROTTLED) for _ in range(options.runs)]
    kilobytes, alive, all_kilobytes = (
        statistics.median(column) for column in zip(*first, strict=True)
    )
    print_aims(
        [
            ("until the riddle plays, kB", kilobytes, 600),
            ("until the riddle plays, s", alive, 2),
            ("until all is ready, kB", all_kilobytes, 2000),
            ("train one model, s", statistics.median(worker), 2),
            (f"train one model, processor / {THROTTLED}, s", statistics.median(throttled), 8),
        ]
    )


def look(address: str) -> tuple[float, float, float]:
    """Open the page for the first time.

    Returns:
        Kilobytes and seconds until the riddle plays, and kilobytes until all is ready.
    """
    with chromium() as browser:
        page = browser.new_page()
        sizes: list[int] = []
        session = page.context.new_cdp_session(page)
        session.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
        session.send("Network.enable")
        page.goto(address, wait_until="commit")
        seconds = page.evaluate(ALIVE)
        kilobytes = sum(sizes) / 1000
        page.locator(READY).wait_for()
        return kilobytes, seconds, sum(sizes) / 1000


def train(address: str, throttled: int = 1) -> float:
    """Seconds to train one model, after another one has been trained."""
    with chromium() as browser:
        page: Any = browser.new_page()
        if throttled > 1:
            page.add_init_script("delete window.Worker")
        page.goto(address)
        page.locator(READY).wait_for()
        page.evaluate(TRAIN)
        page.locator("[name=seed]").first.select_option("1")
        page.locator("#train .main:enabled").wait_for()
        session = page.context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": throttled})
        return page.evaluate(TRAIN)


if __name__ == "__main__":
    main()
