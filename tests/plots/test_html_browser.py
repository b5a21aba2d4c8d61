"""An offline page in a browser without a network: maps are linked, a film plays, and nothing is
asked for."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.chromium import CHROMIUM, FLAGS, needs_chromium
from tests.plots.maps.examples import BOARD, CAPTIONS, INFO, NEIGHBOURS, POINTS, TWINS, UPLOADS
from tests.plots.maps.tracks import STEPS, pictures, track
from vlcore.experiment.grouping import SCENES
from vlcore.plots.colouring import OUTCOMES
from vlcore.plots.document import Figure, page_html
from vlcore.plots.maps.animation import animation_chart
from vlcore.plots.maps.linked import linked_maps
from vlcore.plots.maps.panes import MOMENT
from vlcore.plots.options import MapOptions
from vlcore.plots.theme import DARK, LIGHT

pytestmark = [pytest.mark.browser, needs_chromium]
Open = Callable[[str], Page]
HOSTILE = '</script><script>window.hit = 1</script><img src=x onerror="window.hit = 1">'
LIT, FADED = "0.9", "0.08"  # opacity of a mark inside and outside a brush
FIRST = "horse in grass, test 7"  # far from all others, upper left in both maps
SECOND = "camel in desert, test 7"  # lower right
OPTIONS = MapOptions(twins=True, neighbours=True)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens an offline page; whatever it asks for or complains about fails the test at its end."""
    problems: list[str] = []
    target = tmp_path / "page.html"

    def is_foreign(url: str) -> bool:
        return not url.startswith(("data:", target.as_uri()))

    with sync_playwright() as api:
        browser = api.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1100, "height": 1100})
        page.context.set_offline(True)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda said: problems.append(said.text) if said.type in ("error", "warning") else None,
        )
        page.on(
            "request",
            lambda sent: problems.append(f"asks for {sent.url}") if is_foreign(sent.url) else None,
        )
        page.route(
            "**/*",
            lambda route: route.abort() if is_foreign(route.request.url) else route.continue_(),
        )

        def show(html: str) -> Page:
            target.write_text(html)
            page.goto(target.as_uri())
            page.evaluate(
                "document.addEventListener('securitypolicyviolation', e =>"
                " console.error(e.blockedURI))"
            )
            return page

        yield show
        assert page.evaluate("window.hit") is None
        browser.close()
    # Altair 5 writes for Vega 5 and vl-convert bundles Vega 6, which draws it all the same.
    assert [problem for problem in problems if "compiled spec uses Vega" not in problem] == []


def marks(page: Page, spoken: str) -> Locator:
    return page.locator(f'path[aria-label="{spoken}"]')


def key(page: Page, words: str) -> Locator:
    return page.locator(".role-legend-label text").get_by_text(words, exact=True)


def brush(page: Page, around: Locator, by: float = 40) -> None:
    """Drag a brush around a mark, from its upper left to its lower right."""
    box = around.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - by / 4, y - by / 4)
    page.mouse.down()
    page.mouse.move(x, y, steps=4)
    page.mouse.move(x + by, y + by, steps=4)
    page.mouse.up()


def expect_opacity(page: Page, spoken: str, opacity: str) -> None:
    for index in range(2):
        expect(marks(page, spoken).nth(index)).to_have_attribute("opacity", opacity)


def test_the_maps_answer_to_each_other(opened: Open) -> None:
    points = POINTS.assign(caption_1=HOSTILE)
    for spoken, place in ((FIRST, (-3.0, 3.0)), (SECOND, (3.0, -3.0))):
        points.loc[points["spoken"] == spoken, ["x0", "y0", "x1", "y1"]] = place * 2
    both = {
        name: table.query("pane < 2")
        for name, table in (("neighbours", NEIGHBOURS), ("twins", TWINS))
    }
    captions, stars = (
        CAPTIONS.query("pane < 2").replace("horse", HOSTILE),
        UPLOADS.assign(name=HOSTILE, x0=-3, y0=-3),
    )
    shown = {"board": BOARD, "uploads": stars, **both}
    chart = linked_maps(
        points,
        captions,
        [INFO, INFO],
        palette=DARK,
        grouping=SCENES,
        options=OPTIONS,
        colouring=OUTCOMES,
        **shown,
    )
    page = opened(page_html(["Two maps.", chart.to_dict()], "Maps", palette=DARK))
    expect(marks(page, FIRST)).to_have_count(2)
    assert page.locator("path[aria-label*='base64']").count() == 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb({}, {}, {})".format(*bytes.fromhex(DARK.ground[1:]))
    everything = page.locator("path[aria-label*=', test '], path[aria-label*=', training ']")
    whole = everything.count()

    brush(page, marks(page, FIRST).nth(1))  # in the second map
    expect_opacity(page, FIRST, LIT)
    expect_opacity(page, SECOND, FADED)  # in the first one too

    outline = marks(page, FIRST).nth(0).get_attribute("d") or ""
    marks(page, FIRST).nth(1).hover()  # Playwright refuses if the brush lies over the mark
    picture = page.locator("#vg-tooltip-element.visible img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 24
    expect(page.locator("#vg-tooltip-element.visible")).to_contain_text("onerror")
    expect(page.locator("svg image")).to_have_count(2 + 2)  # it and the upload, in both maps
    expect(marks(page, FIRST).nth(0)).not_to_have_attribute("d", outline)  # it has grown

    circles = page.locator(f'path[stroke="{DARK.accent}"][stroke-width="2.2"]')
    arrows = page.locator('line[stroke-width="2"]')
    expect(circles).to_have_count(0)
    marks(page, FIRST).nth(1).click()  # the clicked picture is marked, and the brush stays
    expect(circles).to_have_count(2)
    expect(arrows).to_have_count(4)  # two kinds in each map
    expect_opacity(page, SECOND, FADED)

    page.mouse.move(2, 2)
    expect(page.locator("svg image")).to_have_count(2)
    marks(page, "your image").nth(0).hover()
    expect(page.locator("#vg-tooltip-element.visible")).to_contain_text("onerror")

    page.mouse.click(5, 5)
    key(page, "wrong").click()
    wrong = int((POINTS["right_1"] == "wrong").sum())  # in the second map alone
    expect(everything).to_have_count(wrong)
    key(page, "caption").click()  # carried by no picture: hides nothing
    expect(everything).to_have_count(whole)
    key(page, "caption").click()

    cell = page.locator("path[aria-label^='camel in the desert: click']")
    cell.click()  # another filter; the legend's stays
    desert = POINTS.query("right_1 == 'wrong' and group == 'camel_desert'")
    expect(everything).to_have_count(len(desert))
    cell.click()
    expect(everything).to_have_count(wrong)
    key(page, "wrong").click()
    expect(everything).to_have_count(whole)

    first, second = (marks(page, FIRST).nth(number) for number in (0, 1))
    before = [mark.get_attribute("transform") or "" for mark in (first, second)]
    first.hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    expect(first).not_to_have_attribute("transform", before[0])
    expect(second).to_have_attribute("transform", before[1])  # each map by itself
    first.dblclick()
    expect(first).to_have_attribute("transform", before[0])


def test_a_film_plays_to_its_end_and_paper_has_no_controls(opened: Open) -> None:
    points = pictures()
    film = animation_chart(
        points, [track(points, STEPS, 1)], STEPS, palette=LIGHT, grouping=SCENES, side=300
    )
    page = opened(page_html([Figure(film, alt="A film.", slider=MOMENT)], "Film"))
    expect(page.get_by_role("figure", name="A film.")).to_be_visible()
    slider = page.locator(f"input[name={MOMENT}]")
    expect(slider).to_have_value("4")
    mark = marks(page, "horse in grass, training 0")
    at_end = mark.get_attribute("transform")
    slider.fill("1")
    expect(mark).not_to_have_attribute("transform", at_end or "")
    button = page.get_by_role("button", name="Play")
    button.click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(slider).to_have_value("4")
    expect(button).to_be_visible()
    expect(mark).to_have_attribute("transform", at_end or "")

    page.emulate_media(media="print")
    expect(page.locator("svg.marks")).to_be_visible()
    for control in ("button", ".vega-bind", "details"):
        expect(page.locator(control).first).to_be_hidden()
