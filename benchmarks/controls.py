"""Controls, heights and words of pages in a fresh home, in Debian's chromium with the packages of
tests.

python -m benchmarks.controls

A control is a button, input, slider, select box, text area or link in the main area that is shown
and begins within the first view of 1280 x 720 px; the links of the menu do not count. A part inside
another control counts with it, options of one radio group count one by one, and each slider thumb
counts. A control that is styled away (no size, hidden) does not count, except a native checkbox,
radio button or file input whose label is shown. Heights are of the main area at 390 px. Words are
those that the main area shows at 1280 px, split at spaces.
"""

from playwright.sync_api import Page, sync_playwright

from benchmarks import fresh_home, parse_options, print_table
from benchmarks.startup import server
from tests.chromium import CHROMIUM, FLAGS
from tests.pages.serving import HEIGHT, complete

# Before and aimed at, as the issue of version 0.9.0 has them.
CONTROLS = {"Compare": (40, 18), "Train": (43, 16), "Upload": (65, 22), "Data": (34, 16)}
HEIGHTS = {
    "Home": (3603, 2200),
    "Compare": (3366, 2300),
    "Train": (4590, 2300),
    "Upload": (2634, 1900),
    "Findings": (3580, 2200),
}
WORDS = {"Home": (589, 250), "Train": (494, 220), "Findings": (810, 500)}

COUNT = """() => {
    const kinds = "button, input, select, textarea, a[href], [role=slider], [role=combobox]";
    const main = document.querySelector("[data-testid=stMainBlockContainer]");
    const isShown = part => {
        const box = part.getBoundingClientRect();
        return box.width > 0 && box.height > 0 && box.top < innerHeight && box.bottom > 0
            && part.checkVisibility({visibilityProperty: true});
    };
    const isSeen = part => isShown(part)
        || (["checkbox", "radio", "file"].includes(part.type)
            && [...part.labels].some(label => isShown(label)));
    return [...main.querySelectorAll(kinds)]
        .filter(part => isSeen(part) && !part.parentElement.closest(kinds))
        .filter(part => !part.closest(".st-key-top [data-testid=stPageLink]")).length;
}"""
TEXT = "() => document.querySelector('[data-testid=stMainBlockContainer]').innerText"


def main() -> None:
    parse_options(__doc__)
    rows = []
    with fresh_home(), server() as (_, port, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

        def opened(name: str, width: int, height: int) -> Page:
            page = browser.new_context(viewport={"width": width, "height": height}).new_page()
            page.goto(f"http://127.0.0.1:{port}/{name.removeprefix('Home')}")
            complete(page)
            return page

        def measure(what: str, pages: dict[str, tuple[int, int]], width: int, height: int) -> None:
            for name, (baseline, aim) in pages.items():
                page = opened(name, width, height)
                if what == "words":
                    value = len(page.evaluate(TEXT).split())
                else:
                    value = page.evaluate(COUNT if what == "controls" else HEIGHT)
                page.context.close()
                rows.append((what, name, value, baseline, aim, f"{value / baseline:.2f}"))

        measure("controls", CONTROLS, 1280, 720)
        measure("height at 390 px", HEIGHTS, 390, 844)
        measure("words", WORDS, 1280, 720)
        browser.close()
    print_table(("what", "page", "now", "version 0.8 (baseline)", "aim", "ratio"), rows)


if __name__ == "__main__":
    main()
