"""Compare in a browser: maps that answer to each other and to the page, what is typed, and what is
taken along."""

import csv
from collections.abc import Callable
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.chromium import needs_chromium

from .accessibility import in_scheme, judge
from .serving import (
    PATIENCE,
    downloaded,
    expect_text,
    maps_drawn,
    marks,
    on_top,
    press,
    settled,
    unfold,
)

pytestmark = [pytest.mark.browser, needs_chromium]

EVERY = "path[aria-label$=', held out'], path[aria-label$=', training']"
SLIDER = ".vega-bind input[type=range]"
LIT = "0.9"  # opacity of a mark inside a brush


def address_field(tab: Page, name: str) -> str | None:
    return parse_qs(urlsplit(tab.url).query).get(name, [None])[0]


def positions(elements: Locator) -> list[str | None]:
    return elements.evaluate_all("all => all.map(mark => mark.getAttribute('transform'))")


def hovered(tab: Page) -> Locator:
    """Put the pointer on a picture; its thumbnail shows at the pointer and in both maps."""
    expect(marks(tab)).to_have_count(100)
    expect(tab.locator("svg image")).to_have_count(0)
    mark = on_top(marks(tab))
    mark.hover()
    picture = tab.locator("#vg-tooltip-element.visible img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 0
    address = urljoin(tab.url, picture.get_attribute("src"))
    assert urlsplit(address).path.startswith("/thumbs/scenes/"), "one for all visitors"
    assert "immutable" in tab.request.get(address).headers["cache-control"]
    expect(tab.locator("svg image")).to_have_count(2)
    return mark


def test_maps_and_page_answer_to_what_is_hovered_clicked_and_brushed(
    page: Page, server: str
) -> None:
    page.goto(f"{server}/Compare?right_bias=75+%25&show_arrows=true&show_movement=true")
    maps_drawn(page)
    # Lines from the left to the right map.
    expect(page.locator("line[opacity='0.3']").nth(100)).to_be_attached()

    arrows = page.locator("line[stroke-width='2']")
    hovered(page).click()
    page.mouse.move(2, 2)
    expect(arrows).to_have_count(8)  # between the four versions of the scene, in both maps
    for side in ("left", "right"):
        expect_text(page, f"Nearest in the {side} model")
    expect_text(page, "Its twins")
    picture = address_field(page, "picture")
    assert picture is not None
    settled(page)
    expect(arrows).to_have_count(8)  # the page ran, and the maps are the same ones

    pane = page.locator("svg path.background[d*='h635v635']").first.bounding_box()
    page.mouse.move(pane["x"] + 2, pane["y"] + 2)
    page.mouse.down()
    page.mouse.move(pane["x"] + 318, pane["y"] + 633, steps=5)
    page.mouse.up()
    page.mouse.move(2, 2)
    expect_text(page, "The images you marked")
    settled(page)
    inside = page.locator(EVERY).evaluate_all(
        "(all, [lit, end]) => all.filter(mark => mark.getAttribute('opacity') === lit"
        " && mark.getBoundingClientRect().x < end).length",
        [LIT, pane["x"] + 635],
    )
    assert 0 < inside < page.locator(EVERY).count() / 2
    expect_text(page, f"{inside} images")
    expect_text(page, "All of them, with every model's prediction")
    page.mouse.dblclick(pane["x"] + 630, pane["y"] + 5)  # takes the brush away
    expect(page.get_by_text("The images you marked")).to_have_count(0)

    horses = marks(page, "horse, grass, held out")
    expect(horses).to_have_count(100)
    page.locator("path[aria-label^='camel on grass (minority group): click']").click()
    expect(horses).to_have_count(0)
    expect(marks(page)).to_have_count(100)

    page.reload()
    expect_text(page, "Nearest in the left model")
    expect(arrows).to_have_count(8)
    assert address_field(page, "picture") == picture


def test_both_maps_are_whole_on_the_first_screen(come: Callable[..., Page], server: str) -> None:
    """With titles and legend; the group under the pointer stands out."""
    page = come(1280, 720)
    page.goto(f"{server}/Compare?right_bias=75+%25")
    expect(marks(page)).to_have_count(100)
    settled(page)
    maps = page.locator("svg path.background[d*='h450v450']")
    titles = page.locator("svg .role-title-text").filter(has_not_text="Accuracy by group")
    for parts, count in ((maps, 2), (titles, 2), (page.locator("svg .role-legend"), 1)):
        expect(parts).to_have_count(count)
        for part in parts.all():
            box = part.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 1280
            assert box["y"] + box["height"] <= 720
    back = page.locator("path[aria-label$='held out'][opacity='0.2']")
    expect(back).to_have_count(0)
    on_top(marks(page)).hover()
    expect(back).to_have_count(300)  # three of four groups, in both maps


def test_another_seed_gives_another_umap(page: Page, server: str) -> None:
    """Fitted by the real worker; both sides are one model, so each seed is one fit."""
    page.goto(f"{server}/Compare?map=UMAP&right_labels=short")
    press(page, "Fit UMAP")  # a link starts nothing
    title = page.locator("svg text").get_by_text("UMAP, fitted on this model alone").first
    expect(title).to_be_attached(
        timeout=4 * PATIENCE
    )  # the first fit compiles, beside whatever else is tested
    maps_drawn(page)
    first = positions(marks(page))
    unfold(page, "Map")
    press(page, "Re-roll")
    page.wait_for_url("**umap_seed=*")
    expect(page.get_by_text("has to be fitted first")).to_have_count(0)
    settled(page)
    page.wait_for_function(
        "first => { const now = [...document.querySelectorAll(\"path[aria-label='camel, grass, held"
        " out']\")]; return now.length === first.length && now.some((m, i) =>"
        " m.getAttribute('transform') !== first[i]); }",
        arg=first,
    )


def test_what_is_under_the_maps(come: Callable[..., Page], page: Page, server: str) -> None:
    """Each section before axe, and what a browser alone shows of it."""
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{server}/Compare?right_bias=75+%25")
    maps_drawn(page)
    judge(page)

    def opened(section: str, words: str) -> None:
        page.get_by_role("radio", name=section, exact=True).click()
        expect_text(page, words)
        page.mouse.move(2, 2)
        settled(page)
        judge(page, "[class*='st-key-maps-']")  # judged above, and slow

    opened("Text description", "Cosine distances between the centres")
    opened("Movement", "The images that moved most")
    opened("Failures", "Worst slices")
    ends = page.get_by_test_id("stImage")
    expect(ends.first).to_be_visible()
    assert ends.first.locator("img").evaluate("image => image.naturalWidth") > 0
    expect(page.get_by_text("Clusters of embedding")).to_have_count(2)
    expect(page.get_by_text("Clusters of embedding").first).to_be_hidden()  # until it is unfolded
    page.get_by_text("Other finders", exact=True).first.click()
    expect(page.get_by_text("Clusters of embedding").first).to_be_visible()
    opened("The loss", "Each row is a training image")
    opened("All measures", "PCA map:")
    opened("Captions", "The star is the caption")
    caption = page.get_by_label("A caption", exact=True)
    caption.fill("a zebra")
    caption.press("Enter")
    expect_text(page, "does not know, or does not read, “")
    expect_text(page, "“zebra”")
    assert address_field(page, "caption") == "a zebra"
    opened("Training animation", "The animation in words")
    film_runs_in_the_browser_alone(page, sent)
    opened("Export", "A model for other tools")
    link_and_files_are_what_they_say(page, come(offline=True))

    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("radio", name="Training animation", exact=True).click()
    settled(page)
    expect(page.locator(SLIDER)).to_be_visible()  # a button that came before its film moves nothing
    for moment in ("1", "2", "3"):
        press(page, "Next checkpoint")
        expect(page.locator(SLIDER)).to_have_value(moment)

    unfold(page, "Map")
    page.get_by_role("radio", name="Prompt axes").click()
    across = page.get_by_label("Across, from", exact=True)
    across.fill("camel in the desert")
    across.press("Enter")
    expect(page.locator("svg text").get_by_text("“camel in the desert” to").first).to_be_attached()
    assert address_field(page, "prompt_a") == "camel in the desert"
    page.mouse.move(2, 2)  # what is under the pointer has another ground
    in_scheme(page, dark=True)
    judge(page, contrast_only=True)


def film_runs_in_the_browser_alone(page: Page, sent: list[object]) -> None:
    slider, film = page.locator(SLIDER), page.get_by_test_id("stVegaLiteChart").nth(1)
    last, moving, before = slider.get_attribute("max"), marks(film), len(sent)
    assert last is not None
    end = positions(moving)
    slider.press("Home")
    expect(slider).to_have_value("1")
    expect(film.get_by_text("step 0: ")).to_have_count(2)
    start = positions(moving)
    assert len(start) == len(end) == 100
    assert all(before != after for before, after in zip(start, end, strict=True))
    press(page, "Play")
    press(page, "Pause")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert int(slider.input_value()) < int(last)
    page.get_by_role("button", name="Play").press("Enter")
    expect(slider).to_have_value(last)
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.mouse.move(2, 2)
    assert positions(moving) == end
    assert len(sent) == before, "a film is no news for the server"


def link_and_files_are_what_they_say(page: Page, away: Page) -> None:
    press(page, "Copy link")
    copied = page.get_by_text("Copied", exact=True)
    expect(copied).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    # Away from https and localhost a page has no clipboard: a class reaches its server over plain
    # http.
    for refusal in (
        "navigator.clipboard.writeText = () => Promise.reject(new Error('no'))",
        "Object.defineProperty(navigator, 'clipboard', {value: undefined})",
    ):
        copied.evaluate("said => { said.textContent = '' }")
        page.evaluate(f"() => {{ {refusal} }}")  # its value would be called, if it is a function
        press(page, "Copy link")
        expect(copied).to_be_visible()

    with Image.open(downloaded(page, "PNG")) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 1000
    assert "<svg" in downloaded(page, "SVG").read_text(encoding="utf-8")[:200]
    with downloaded(page, "CSV").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert {"object", "context", "split", "left prediction", "right prediction"} <= set(rows[0])
    assert len(rows) == page.locator(EVERY).evaluate_all(
        "all => new Set(all.map(m => m.__data__.datum.id)).size"
    )
    away.goto(downloaded(page, "Offline page").as_uri())
    expect(marks(away).first).to_be_attached()
    on_top(marks(away)).hover()
    expect(away.locator("#vg-tooltip-element.visible img")).to_be_visible()
