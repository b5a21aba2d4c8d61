"""Large maps in Debian's chromium with software rendering: bytes and seconds until two maps are
drawn, until they are recoloured, and from the end of a lasso, or of a search, until the page lists
what is in it; beside two bare scattergl charts of the same points where plotly is installed (`pip
install plotly`: nothing else here needs it).

python -m benchmarks.maps [--images 100000]

Embeddings of two encoders are drawn by chance and imported first, which takes minutes. Each view is
the first after the server has begun, and then another browser's.
"""

import importlib.util
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks import fresh_home, parse_options, print_table, seconds_of
from benchmarks.startup import IDLE, chromium, server

WIDTH = 32  # numbers of an embedding
COMPARE = "Compare?data=one&right_encoder_of={}"
# As the control names them, with what is then drawn; the last is in the cache.
COLOURINGS = {
    "Model: margin": "by_margin_0",
    "Yours: kind": "by_kind",
    "Yours: sharpness": "by_sharpness",
    "group": "group",
}
SEARCH = "kind 7"  # names a twelfth of the images
BARE = """
import os
import numpy as np, plotly.graph_objects as go, streamlit as st

points = np.load(os.path.join(os.environ["VLCORE_HOME"], "points.npz"))
colours = np.array(["#14532D", "#1D4ED8", "#E0521B", "#0E93AD"])[points["group"]]
for column, pane in zip(st.columns(2), (0, 1)):
    marks = go.Scattergl(
        x=points[f"x{pane}"], y=points[f"y{pane}"], mode="markers",
        marker={"color": colours, "size": 4},
    )
    figure = go.Figure(marks).update_layout(dragmode="lasso", height=500)
    with column:
        event = st.plotly_chart(figure, key=f"pane{pane}", on_select="rerun")
        st.write(f"{len(event.selection.point_indices)} images")
"""
BARE_DRAWN = """() => {
    const charts = [...document.querySelectorAll(".js-plotly-plot")];
    const isDrawn = chart => chart.calcdata && chart.querySelectorAll("canvas").length > 2;
    return charts.length === 2 && charts.every(isDrawn);
}"""
# The limit of `.streamlit/config.toml`, of which the lab's own server knows better, is too low.
LARGE_MESSAGES = {"STREAMLIT_SERVER_MAX_MESSAGE_SIZE": "200"}


def save_embeddings(folder: Path, images: int) -> list[Path]:
    """Embeddings of the same images by two encoders, one more biased than the other."""
    rng = np.random.default_rng(0)
    objects = np.array(["dog", "cat"])[rng.integers(0, 2, images)]
    contexts = np.array(["sofa", "garden"])[rng.integers(0, 2, images)]
    kinds = rng.integers(0, 12, images)
    held_out = rng.random(images) < 0.01
    sharpness = rng.gamma(3, 20, images).round(2)
    files = []
    for number, name in enumerate(("one", "two")):
        weights = np.random.default_rng(number)
        by_object, by_context = weights.normal(size=(2, WIDTH)) * [
            [1.5 - number / 2],
            [0.7 + number],
        ]
        z = weights.normal(size=(12, WIDTH))[kinds] + weights.normal(size=(images, WIDTH)) * 0.8
        z += np.outer(objects == "dog", by_object) + np.outer(contexts == "sofa", by_context)
        files.append(folder / f"{name}.npz")
        np.savez(
            files[-1],
            z=z.astype(np.float32),
            object=objects,
            context=contexts,
            kind=np.char.add("kind ", kinds.astype(str)),
            sharpness=sharpness,
            split=np.where(held_out, "test", "train"),
            name=np.char.add("i", np.arange(images).astype(str)),
            text=np.stack([by_object, -by_object]).astype(np.float32),
            captions=np.array(["a dog", "a cat"]),
            text_object=np.array(["dog", "cat"]),
        )
    return files


@contextmanager
def tab(browser: Any) -> Iterator[tuple[Any, list[int]]]:
    """A tab of another visitor, and the size of each message that its page is sent."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.set_default_timeout(300_000)
    sizes: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda m: sizes.append(len(m))))
    yield page, sizes
    context.close()


def run_of(name: str, view: float, sizes: list[int]) -> tuple[str, str, str]:
    return name, f"{view:.1f}", f"{sum(sizes) / 1e6:.1f}"


def linked_map_rows(browser: Any, address: str) -> Iterator[tuple[str, str, str]]:
    """Rows of the table: the first view, another visitor's, a change of colours, a lasso."""
    for name in ("ours, first view", "ours, another visitor's view"):
        with tab(browser) as (page, sizes):
            maps = page.locator(".linked-maps[data-state=drawn]")
            view = seconds_of(lambda: page.goto(address, wait_until="commit"), maps.wait_for)
            yield run_of(name, view, sizes)
            if name.endswith("first view"):
                continue
            page.locator(IDLE).wait_for()
            for colouring, column in COLOURINGS.items():
                page.get_by_test_id("stPopoverButton").get_by_text("Map", exact=True).click()
                page.get_by_role("combobox", name="Colour by").click()
                sizes.clear()
                option = page.get_by_role("option", name=colouring, exact=True)
                coloured = page.locator(f".linked-maps[data-colours={column}]")
                yield run_of(
                    f"ours, recolour by {colouring}",
                    seconds_of(option.click, coloured.wait_for),
                    sizes,
                )
                page.keyboard.press("Escape")
            page.get_by_role("button", name="Lasso", exact=True).click()
            box = page.locator(".surface").first.bounding_box()
            corners = [(0.3, 0.3), (0.6, 0.35), (0.62, 0.6), (0.35, 0.62)]
            path = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
            page.mouse.move(*path[0])
            page.mouse.down()
            for corner in path[1:]:
                page.mouse.move(*corner, steps=5)
            sizes.clear()
            listed = page.get_by_text("The images you selected")
            seconds = seconds_of(page.mouse.up, listed.wait_for)
            marked = int(maps.get_attribute("data-marked"))
            yield run_of(f"ours, lasso of {marked:,} images", seconds, sizes)
            sizes.clear()
            page.get_by_role("textbox", name="Search images").fill(SEARCH)
            listed = page.get_by_text("The images that were found")
            seconds = seconds_of(lambda: page.keyboard.press("Enter"), listed.wait_for)
            yield run_of(f"ours, search for {SEARCH}", seconds, sizes)


def recolouring(comparison: Any) -> Iterator[tuple[str, str, str]]:
    """Rows of the table: what a server does for other colours, from the table of a comparison to
    what is sent."""
    from vlcore.api import map_component
    from vlcore.api.colourings import coloured
    from vlcore.plots.options import MapOptions
    from vlcore.plots.theme import LIGHT

    for colouring in COLOURINGS:
        options = MapOptions(colour_by=colouring.rpartition(": ")[2])
        started = time.perf_counter()
        maps = coloured(comparison, options)
        columns = map_component.colours(maps, options)
        drawing = map_component.drawing(maps, LIGHT, 450, options)
        seconds = time.perf_counter() - started
        size = columns.memory_usage(index=False).sum() + len(json.dumps(drawing))
        yield f"at the server, recolour by {colouring}", f"{seconds:.2f}", f"{size / 1e6:.1f}"


def bare_charts(browser: Any, address: str) -> Iterator[tuple[str, str, str]]:
    for name in ("plotly, first view", "plotly, another visitor's view"):
        with tab(browser) as (page, sizes):
            view = seconds_of(
                lambda: page.goto(address, wait_until="commit"),
                lambda: page.wait_for_function(BARE_DRAWN),
            )
            yield run_of(name, view, sizes)


def main() -> None:
    options = parse_options(__doc__, images=100_000)
    from vlcore.api.compared_maps import compare_maps
    from vlcore.api.imports import import_embeddings
    from vlcore.api.model_map import model_map
    from vlcore.artifacts import store
    from vlcore.data.catalogue import open_set

    with fresh_home() as folder, chromium() as browser:
        files = save_embeddings(folder, options.images)
        keys = [
            import_embeddings(file, file.stem, max_per_group=options.images)["key"]
            for file in files
        ]
        models = [model_map(store.read(key)) for key in keys]
        comparison = compare_maps(models, open_set("one"))
        points = comparison.points
        columns = {f"{axis}{pane}": points[f"{axis}{pane}"] for axis in "xy" for pane in (0, 1)}
        groups = points["group"].astype("category").cat.codes
        np.savez(folder / "points.npz", group=groups, **columns)
        print(f"{len(points):,} images on each map\n")

        def rows() -> Iterator[tuple[str, str, str]]:
            yield from recolouring(comparison)
            if importlib.util.find_spec("plotly"):
                app = folder / "bare.py"
                app.write_text(BARE)
                with patch.dict(os.environ, LARGE_MESSAGES), server(str(app)) as (_, port, _):
                    yield from bare_charts(browser, f"http://127.0.0.1:{port}")
            with server() as (_, port, _):
                address = f"http://127.0.0.1:{port}/{COMPARE.format(keys[1])}"
                yield from linked_map_rows(browser, address)

        print_table(("what", "seconds", "MB"), rows())


if __name__ == "__main__":
    main()
