"""Maps of a large set of one's own: its import with features, two models on them, and Compare in
Debian's chromium with software rendering.

python -m benchmarks.maps [--images 100_000] [--home FOLDER]

The images are 16 px wide and made of noise; each has 512 features, in which object and context are
two directions. With --home the set and the models stay in that folder, and another run measures
Compare alone. It needs the packages of tests, and for 100,000 images 3 GB of disk.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks import fresh_home, parse_options, print_aims
from benchmarks.startup import IDLE, chromium, server

NAME = "many"
OBJECTS, CONTEXTS = ("dog", "cat"), ("sofa", "garden")
SIDE = 16  # pixels of an image
FEATURES = 512  # numbers of an image, as CLIP's ViT-B/32 has
SIGNAL = 0.15  # of object and context beside noise of unit length
BIASES = ("0", "0.75")  # of the two models
WAIT = 600_000.0  # ms until the maps are drawn
CLOSER = 2  # presses of the button that zooms in, before the maps are panned
MOVES = 120  # frames in which the maps are panned
SLOWEST = 95  # percentile
MAPS = ".linked-maps[data-state=drawn]"
AIMS = {"first draw, s": 12.0, "frame while panning, median, ms": 120.0}

# Drags maps in a circle, one step in each frame; the milliseconds from each frame to the next, in
# which the frame was also painted.
DRAG = """(surface, [x, y, moves]) => new Promise(done => {
    const frames = [];
    let before = null;
    const step = now => {
        if (before !== null) frames.push(now - before);
        before = now;
        if (frames.length === moves) return done(frames);
        const turn = 4 * Math.PI * frames.length / moves;
        const to = {clientX: x + 80 * Math.sin(turn), clientY: y + 80 * (Math.cos(turn) - 1)};
        const moved = {...to, pointerId: 1, bubbles: true};
        surface.dispatchEvent(new PointerEvent("pointermove", moved));
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""


def main() -> None:
    options = parse_options(__doc__, images=100_000, home="")
    figures: dict[str, float] = {}
    home: AbstractContextManager[Any] = fresh_home()
    if options.home:
        home = patch.dict(os.environ, VLCORE_HOME=str(Path(options.home).resolve()))
    with home:
        keys_file = Path(os.environ["VLCORE_HOME"], "keys.json")
        if not keys_file.exists():
            keys, figures = make_models(options.images)
            keys_file.write_text(json.dumps(keys))
        figures |= look_at_maps(json.loads(keys_file.read_text()))
    print_aims((name, value, AIMS.get(name)) for name, value in figures.items())


def make_models(count: int) -> tuple[list[str], dict[str, float]]:
    """Import so many images with features, and train two models on them; returns their keys, and
    seconds and memory."""
    figures: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        source = write_source(Path(folder), count)
        features = str(source.with_suffix(".npz"))
        command = ["data", "import", str(source), "--name", NAME, "--features", features]
        report = run(command, "import", figures)
    train = ["train", "--data", NAME, "--preset", "live"]
    train += ["--set", f"architecture={report['architecture']}", "--bias"]
    keys = [run([*train, bias], f"training at bias {bias}", figures)["key"] for bias in BIASES]
    return keys, figures


def write_source(folder: Path, count: int) -> Path:
    """Write a folder of images with ``labels.csv``, and their features beside it."""
    random = np.random.default_rng(0)
    source = folder / "source"
    source.mkdir()
    pairs = list(product(range(2), range(2)))
    table = pd.DataFrame([pairs[number % 4] for number in range(count)], columns=["o", "c"])
    files = [f"{number:06}.png" for number in range(count)]
    for file in files:
        pixels = random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(source / file)
    labels = {"file": files, "object": table["o"].map(OBJECTS.__getitem__)}
    labels["context"] = table["c"].map(CONTEXTS.__getitem__)
    pd.DataFrame(labels).to_csv(source / "labels.csv", index=False)
    features = random.normal(0, FEATURES**-0.5, (count, FEATURES)).astype(np.float32)
    features[:, :2] += SIGNAL * (2 * table.to_numpy(np.float32) - 1)
    np.savez(source.with_suffix(".npz"), files=files, features=features)
    return source


def run(command: Sequence[str], name: str, figures: dict[str, float]) -> Any:
    """Run a command of the lab; returns its document, and adds its seconds and memory."""
    started, peak = time.perf_counter(), 0.0
    with TemporaryFile() as output:
        arguments = [sys.executable, "-m", "vlcore", *command, "--json"]
        process = subprocess.Popen(arguments, stdout=output, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            peak = max(peak, most_memory(process.pid))
            time.sleep(0.2)
        output.seek(0)
        document = output.read()
    if process.returncode:
        raise SystemExit(f"{name} failed: {document.decode()}")
    figures[f"{name}, s"] = time.perf_counter() - started
    figures[f"{name}, most memory, MB"] = peak
    return json.loads(document)


def look_at_maps(keys: Sequence[str]) -> dict[str, float]:
    """Open Compare as the first visitor and as the second one, and pan the maps."""
    left, right = keys
    query = f"data={NAME}&left={left}&right={right}"
    figures: dict[str, float] = {}
    with server() as (_, port, process):
        address = f"http://127.0.0.1:{port}/Compare?{query}"
        for visit in ("first draw, s", "draw for the next visitor, s"):
            with chromium() as browser:
                page = browser.new_page(viewport={"width": 1280, "height": 720})
                page.set_default_timeout(WAIT)
                started = time.perf_counter()
                page.goto(address, wait_until="commit")
                page.locator(MAPS).wait_for()
                figures[visit] = time.perf_counter() - started
                page.locator(IDLE).wait_for()
                frames = pan(page)
        figures["frame while panning, median, ms"] = float(np.median(frames))
        figures[f"frame while panning, p{SLOWEST}, ms"] = float(np.percentile(frames, SLOWEST))
        figures["server, most memory, MB"] = most_memory(process)
    return figures


def pan(page: Any) -> list[float]:
    """Zoom into the maps and drag them in a circle; returns the milliseconds of each frame."""
    for _ in range(CLOSER):
        page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Move", exact=True).click()
    surface = page.locator(f"{MAPS} .surface").first
    box = surface.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    frames = surface.evaluate(DRAG, [*middle, MOVES])
    page.mouse.up()
    return frames


def most_memory(process: int) -> float:
    """The most memory that a process has had, in MB; none of one that has just ended."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1000


if __name__ == "__main__":
    main()
