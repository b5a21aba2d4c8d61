"""The README's animation: a visitor on Home, Compare and Upload of the running app, as a webp of
some twenty seconds. Nothing is staged: a fresh home, the bundled models, real pointer events.

python -m tools.tour [--photo FILE] [--to docs/tour.webp]

Without `--photo` Upload shows the sample that it begins with: no photograph of a horse or a camel
comes with the project."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageColor

from benchmarks import fresh_home, parse_options
from benchmarks.startup import IDLE, chromium, server
from vlcore.plots.theme import LIGHT

WINDOW = {"width": 1280, "height": 800}
SHOWN = (960, 600)  # px of the animation
QUALITY = 62  # of webp: words stay sharp, and the file is below 1.5 MB
DRAWN = ".linked-maps[data-state=drawn]"
MINORITY = 1  # in the order of the groups: horses in the desert
POINTER = """([x, y]) => {
    const arrow = document.getElementById("pointer") ?? document.body.appendChild(
        Object.assign(document.createElement("div"), {id: "pointer"}));
    arrow.style.cssText = `position:fixed; left:${x - 9}px; top:${y - 9}px; width:18px;
        height:18px; border-radius:50%; background:#e4572e99; border:2px solid #fff;
        box-shadow:0 0 3px #0008; pointer-events:none; z-index:999999999`;
}"""


class Film:
    """Frames of a browser's page, and for how long each stands."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.frames: list[Image.Image] = []
        self.durations: list[int] = []  # ms

    def take(self, milliseconds: int) -> None:
        """Show the page as it is for a while."""
        picture = Image.open(io.BytesIO(self.page.screenshot()))
        self.frames.append(picture.convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS))
        self.durations.append(milliseconds)

    def point(self, x: float, y: float) -> None:
        """Move the pointer, which screenshots do not have, and a spot that they do."""
        self.page.mouse.move(x, y)
        self.page.evaluate(POINTER, [x, y])

    def hide_pointer(self) -> None:
        self.page.evaluate("document.getElementById('pointer')?.remove()")

    def save(self, file: Path) -> None:
        """Write the animation, which repeats."""
        first, *others = self.frames
        first.save(
            file,
            save_all=True,
            append_images=others,
            duration=self.durations,
            loop=0,
            quality=QUALITY,
            method=6,
            minimize_size=True,
        )


@contextmanager
def filmed(port: int) -> Iterator[Film]:
    """A page of Chromium on the app's first page."""
    with chromium() as browser:
        page = browser.new_page(viewport=WINDOW, color_scheme="light")
        page.set_default_timeout(120_000)
        page.goto(f"http://127.0.0.1:{port}")
        yield Film(page)


def main() -> None:
    options = parse_options(__doc__, photo="", to="docs/tour.webp")
    with fresh_home(), server() as (_, port, _), filmed(port) as film:
        film_home(film)
        film_compare(film)
        film_upload(film, options.photo)
        file = Path(options.to)
        film.save(file)
    total = sum(film.durations) / 1000
    print(f"{file}: {total:.0f} s, {len(film.frames)} frames, {file.stat().st_size / 1e6:.2f} MB")


def film_home(film: Film) -> None:
    """The bias is dragged, and the maps follow."""
    page = film.page
    page.locator(".riddle[aria-busy=false]").wait_for()
    page.locator(IDLE).wait_for()
    slider = page.locator(".riddle .bias")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    slider.focus()
    page.keyboard.press("Home")
    film.point(box["x"] + 8, middle)
    film.take(1500)
    steps = int(slider.get_attribute("max"))
    for step in range(1, steps + 1):
        page.keyboard.press("ArrowRight")
        film.point(box["x"] + 8 + (box["width"] - 16) * step / steps, middle)
        for _ in range(3):
            page.wait_for_timeout(120)  # the maps are under way: a frame of their movement
            film.take(150)
        film.take(500)


def film_compare(film: Film) -> None:
    """An image lights up in both maps, and the maps are seen from close by."""
    page = film.page
    page.get_by_role("link", name="Compare", exact=True).first.click()
    page.locator(DRAWN).wait_for()
    page.locator(IDLE).wait_for()
    for side in (0, 1):
        page.get_by_role("slider").nth(side).focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        title = page.locator(f"{DRAWN} figcaption strong").nth(side)
        title.filter(has_text="75").wait_for()
        page.locator(IDLE).wait_for()
        film.take(600)
    surface = page.locator(f"{DRAWN} .surface").first
    for x, y in marks_of(film, surface):
        film.point(x, y)
        page.wait_for_timeout(400)  # until the image of the mark is asked for and there
        film.take(900)
    page.keyboard.down("Control")
    for _ in range(2):
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(150)
        film.take(350)
    page.keyboard.up("Control")
    film.take(900)


def marks_of(film: Film, surface: Any) -> list[tuple[float, float]]:
    """Where some marks of a minority group are on a map, in px of the window."""
    box = surface.bounding_box()
    picture = Image.open(io.BytesIO(film.page.screenshot(clip=box))).convert("RGB")
    colour = ImageColor.getrgb(LIGHT.groups[MINORITY])
    distance = np.abs(np.asarray(picture, int) - colour).sum(axis=2)
    rows, columns = np.nonzero(distance < 30)
    picked = np.linspace(0, len(rows) - 1, 6).astype(int)[1:-1]
    return [(box["x"] + float(columns[at]), box["y"] + float(rows[at])) for at in picked]


def film_upload(film: Film, photo: str) -> None:
    """Two models say what an image shows, how surely, and what they rely on."""
    page = film.page
    page.get_by_role("link", name="Upload", exact=True).first.click()
    page.get_by_text("Prediction:").first.wait_for()
    page.locator(IDLE).wait_for()
    film.hide_pointer()
    film.take(2500)
    if photo:
        page.locator("input[type=file]").first.set_input_files(photo)
        page.get_by_text(Path(photo).name).first.wait_for(state="attached")
        page.locator(IDLE).wait_for()
        film.take(2500)
    page.mouse.move(WINDOW["width"] / 2, WINDOW["height"] / 2)
    for _ in range(2):
        page.mouse.wheel(0, 200)
        page.wait_for_timeout(250)  # it scrolls smoothly
        film.take(1200)
    film.take(1500)


if __name__ == "__main__":
    main()
