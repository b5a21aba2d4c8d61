"""Compare in a browser: maps that answer to each other and to the page, what is typed, and what is taken along."""

from __future__ import annotations

import csv
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.chromium import needs_chromium

from .serving import maps_drawn, marks, opened, settled

pytestmark = [pytest.mark.browser, needs_chromium]

EVERY = "path[aria-label$=', held out'], path[aria-label$=', training']"
LIT = "0.9"  # opacity of a mark inside a brush
ON_TOP = """all => all.findIndex(mark => {
    const box = mark.getBoundingClientRect();
    return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === mark;
})"""


def on_top(found: Locator) -> Locator:
    """The first mark that no other covers."""
    found.first.scroll_into_view_if_needed()
    index = found.evaluate_all(ON_TOP)
    assert index >= 0, "each mark lies under another"
    return found.nth(index)


def asked(tab: Page, name: str) -> str | None:
    """What the address says of a choice."""
    return parse_qs(urlsplit(tab.url).query).get(name, [None])[0]


def expect_text(tab: Page, words: str) -> None:
    expect(tab.get_by_text(words).first).to_be_visible()


def places(found: Locator) -> list[str | None]:
    return found.evaluate_all("all => all.map(mark => mark.getAttribute('transform'))")


def hovered(tab: Page, maps: int) -> Locator:
    """Put the pointer on a picture; its thumbnail shows at the pointer and in every map."""
    expect(marks(tab)).to_have_count(50 * maps)
    expect(tab.locator("svg image")).to_have_count(0)
    mark = on_top(marks(tab))
    mark.hover()
    picture = tab.locator("#vg-tooltip-element.visible img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 0
    expect(tab.locator("svg image")).to_have_count(maps)
    return mark


def test_a_hover_lights_the_picture_up_in_four_maps(page: Page, server: str) -> None:
    page.goto(f"{server}/Compare?models=4")
    maps_drawn(page)
    hovered(page, 4)


def test_maps_and_page_answer_to_what_is_hovered_clicked_and_brushed(page: Page, server: str) -> None:
    page.goto(f"{server}/Compare?right_bias=75+%25&show_arrows=true&show_movement=true")
    maps_drawn(page)
    expect(page.locator("line[opacity='0.3']").nth(100)).to_be_attached()  # ways from the left to the right map

    arrows = page.locator("line[stroke-width='2']")
    hovered(page, 2).click()
    page.mouse.move(2, 2)
    expect(arrows).to_have_count(8)  # between the four versions of the scene, in both maps
    for side in ("left", "right"):
        expect_text(page, f"Nearest in the {side} model")
    expect_text(page, "Its twins")
    picture = asked(page, "picture")
    assert picture is not None
    settled(page)
    expect(arrows).to_have_count(8)  # the page ran, and the maps are the same ones

    pane = page.locator("svg path.background[d*='h520v520']").first.bounding_box()
    assert pane is not None
    page.mouse.move(pane["x"] + 2, pane["y"] + 2)
    page.mouse.down()
    page.mouse.move(pane["x"] + 260, pane["y"] + 518, steps=5)
    page.mouse.up()
    expect_text(page, "The pictures you marked")
    settled(page)
    inside = page.locator(EVERY).evaluate_all(
        "(all, [lit, end]) => all.filter(mark => mark.getAttribute('opacity') === lit"
        " && mark.getBoundingClientRect().x < end).length",
        [LIT, pane["x"] + 520],
    )
    assert 0 < inside < page.locator(EVERY).count() / 2
    expect_text(page, f"{inside} pictures")
    expect_text(page, "All of them, with every model's verdict")
    page.mouse.dblclick(pane["x"] + 515, pane["y"] + 5)  # takes the brush away
    expect(page.get_by_text("The pictures you marked")).to_have_count(0)

    horses = marks(page, "horse, grass, held out")
    for control in (
        page.locator(".role-legend-label text").get_by_text("camel on grass", exact=True),
        page.locator("path[aria-label^='camel on grass (minority group): click']"),  # a cell of the board
    ):
        expect(horses).to_have_count(100)
        control.click()
        expect(horses).to_have_count(0)
        expect(marks(page)).to_have_count(100)
        control.click()
    expect(horses).to_have_count(100)

    page.reload()
    expect_text(page, "Nearest in the left model")
    expect(arrows).to_have_count(8)
    assert asked(page, "picture") == picture


def test_another_seed_gives_another_umap(page: Page, server: str) -> None:
    """Fitted by the real worker; both sides are one model, so each seed is one fit."""
    page.goto(f"{server}/Compare?map=UMAP&right_labels=short")
    expect(page.locator("svg text").get_by_text("UMAP, fitted on this model alone").first).to_be_attached()
    maps_drawn(page)
    first = places(marks(page))
    page.get_by_role("button", name="Re-roll").click()
    page.wait_for_url("**umap_seed=*")
    expect(page.get_by_text("is being fitted")).to_have_count(0)
    settled(page)
    page.wait_for_function(
        "first => { const now = [...document.querySelectorAll(\"path[aria-label='camel, grass, held out']\")];"
        " return now.length === first.length && now.some((m, i) => m.getAttribute('transform') !== first[i]); }",
        arg=first,
    )


def test_the_film_of_a_training_runs_in_the_browser_alone(page: Page, server: str) -> None:
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.goto(f"{server}/Compare?closer=Film")
    maps_drawn(page)
    slider = page.locator(".vega-bind input[type=range]")
    expect(slider).to_be_visible()
    settled(page)
    moving = marks(page.get_by_test_id("stVegaLiteChart").nth(1))
    end, before = places(moving), len(sent)
    slider.press("Home")
    expect(slider).to_have_value("1")
    start = places(moving)
    assert len(start) == len(end) > 0
    assert start != end
    assert len(sent) == before, "scrubbing is no news for the server"


def test_words_that_are_typed_make_axes_and_points(page: Page, server: str) -> None:
    page.goto(f"{server}/Compare?map=Prompt+axes&closer=Captions")
    maps_drawn(page)
    across = page.get_by_label("Across, from", exact=True)
    across.fill("camel in the desert")
    across.press("Enter")
    expect(page.locator("svg text").get_by_text("“camel in the desert” to").first).to_be_attached()
    caption = page.get_by_label("A caption", exact=True)
    caption.fill("a zebra")
    caption.press("Enter")
    expect_text(page, "does not know, or does not read, “")
    expect(page.get_by_text("“zebra”").first).to_be_visible()
    assert asked(page, "prompt_a") == "camel in the desert"
    assert asked(page, "caption") == "a zebra"


def test_link_and_files_are_what_they_say(browser: Browser, page: Page, server: str, tmp_path: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{server}/Compare?right_bias=75+%25&closer=Take+along")
    maps_drawn(page)
    page.get_by_role("button", name="Copy link").click()
    expect_text(page, "Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url

    def taken(label: str) -> Path:
        with page.expect_download() as waiting:
            page.get_by_test_id("stDownloadButton").filter(has_text=label).get_by_role("button").click()
        file = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(file)
        return file

    with Image.open(taken("PNG")) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 1000
    assert "<svg" in taken("SVG").read_text(encoding="utf-8")[:200]
    with taken("CSV").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert {"object", "context", "split", "left prediction", "right prediction"} <= set(rows[0])
    assert len(rows) == page.locator(EVERY).evaluate_all("all => new Set(all.map(m => m.__data__.datum.id)).size")

    complaints: list[str] = []
    away = opened(browser, server, complaints, offline=True, viewport={"width": 1440, "height": 1200})
    away.goto(taken("Offline page").as_uri())
    expect(marks(away).first).to_be_attached()
    on_top(marks(away)).hover()
    expect(away.locator("#vg-tooltip-element.visible img")).to_be_visible()
    away.context.close()
    assert complaints == []
