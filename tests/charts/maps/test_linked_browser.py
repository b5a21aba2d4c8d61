"""What only a browser does with the linked maps: hover, click, brush, legend and board together, without a server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.charts.maps.examples import BOARD, CAPTIONS, NEIGHBOURS, POINTS, TWINS
from tests.chromium import needs_chromium
from vlcore.charts.html import page_html
from vlcore.charts.maps.linked import linked_maps
from vlcore.charts.maps.small import MapInfo
from vlcore.charts.maps.tables import MapOptions
from vlcore.charts.theme import LIGHT
from vlcore.core.grouping import SCENES

pytestmark = [pytest.mark.browser, needs_chromium]

INFO = MapInfo("A model", "all kept", "1st", "2nd")
LIT, FADED = "0.9", "0.08"  # opacity of a mark inside and outside a brush
FIRST = "horse in grass, test 7"  # far from all others, upper left in both maps
SECOND = "camel in desert, test 7"  # lower right
OPTIONS = MapOptions("right or wrong", twins=True, neighbours=True)


@pytest.fixture
def page(opened: Callable[[str], Page]) -> Page:
    """Two maps on a page."""
    points = POINTS.copy()
    for spoken, place in ((FIRST, (-3.0, 3.0)), (SECOND, (3.0, -3.0))):
        points.loc[points["spoken"] == spoken, ["x0", "y0", "x1", "y1"]] = place * 2
    chart = linked_maps(
        points,
        CAPTIONS.query("pane < 2"),
        [INFO, INFO],
        palette=LIGHT,
        grouping=SCENES,
        options=OPTIONS,
        neighbours=NEIGHBOURS.query("pane < 2"),
        twins=TWINS.query("pane < 2"),
        board=BOARD,
    )
    tab = opened(page_html([chart], "Maps"))
    expect(marks(tab, FIRST)).to_have_count(2)
    return tab


def marks(page: Page, spoken: str) -> Locator:
    """The marks of a picture, one a map."""
    return page.locator(f'path[aria-label="{spoken}"]')


def key(page: Page, words: str) -> Locator:
    """The words of an entry of the legend."""
    return page.locator(".role-legend-label text").get_by_text(words, exact=True)


def brush(page: Page, around: Locator, by: float = 40) -> None:
    """Drag a brush around a mark, from its upper left to its lower right."""
    box = around.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - by / 4, y - by / 4)
    page.mouse.down()
    page.mouse.move(x, y, steps=4)
    page.mouse.move(x + by, y + by, steps=4)
    page.mouse.up()


def expect_opacity(page: Page, spoken: str, opacity: str) -> None:
    for index in range(2):
        expect(marks(page, spoken).nth(index)).to_have_attribute("opacity", opacity)


def test_the_maps_answer_to_each_other(page: Page) -> None:
    everything = page.locator("path[aria-label*=', test '], path[aria-label*=', training ']")
    whole = everything.count()

    brush(page, marks(page, FIRST).nth(1))  # in the second map
    expect_opacity(page, FIRST, LIT)
    expect_opacity(page, SECOND, FADED)  # in the first one too

    marks(page, FIRST).nth(1).hover()  # Playwright refuses if the brush lies over the mark
    expect(page.locator("#vg-tooltip-element.visible img")).to_be_visible()
    expect(page.locator("svg image")).to_have_count(2)

    circles = page.locator(f'path[stroke="{LIGHT.accent}"][stroke-width="2.2"]')
    arrows = page.locator('line[stroke-width="2"]')
    expect(circles).to_have_count(0)
    marks(page, FIRST).nth(1).click()  # the clicked picture is marked, and the brush stays
    expect(circles).to_have_count(2)
    expect(arrows).to_have_count(4)  # two kinds in each map
    expect_opacity(page, SECOND, FADED)

    page.mouse.click(5, 5)
    key(page, "wrong").click()
    wrong = int((POINTS["right_1"] == "wrong").sum())  # in the second map; in the first there is none
    expect(everything).to_have_count(wrong)
    key(page, "caption").click()  # carried by no picture: hides nothing
    expect(everything).to_have_count(whole)
    key(page, "caption").click()
    expect(everything).to_have_count(wrong)

    cell = page.locator("path[aria-label^='camel in the desert: click']")
    cell.click()  # another filter; the legend's stays
    desert = POINTS.query("right_1 == 'wrong' and group == 'camel_desert'")
    expect(everything).to_have_count(len(desert))
    cell.click()
    expect(everything).to_have_count(wrong)
    key(page, "wrong").click()
    expect(everything).to_have_count(whole)
