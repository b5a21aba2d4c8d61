"""Upload on a fresh home in a browser: a sample at once, an image of one's own on a phone, pasted
and hostile files."""

import base64
import csv
import io
import re
from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, expect

from tests.chromium import needs_chromium
from vlcore.scenes import draw_scene, sample

from .accessibility import judge, judge_both
from .serving import (
    complete,
    downloaded,
    expect_nothing_cut_off,
    expect_short,
    expect_text,
    marks,
    settled,
)

pytestmark = [pytest.mark.browser, needs_chromium]

PASTE = """content => {
    const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
    const given = new DataTransfer();
    const uploader = document.querySelector("[data-testid=stFileUploaderDropzone]");
    if (!uploader) return false;
    // What hands it on comes by a script that may load after the uploader is seen.
    let handed = false;
    uploader.addEventListener("paste", () => handed = true, {once: true});
    given.items.add(new File([bytes], "image.png", {type: "image/png"}));
    document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: given, bubbles: true}));
    return handed;
}"""
PANEL = "Try your own image"


@pytest.fixture(scope="module")
def server(fresh_server: str) -> str:
    return fresh_server


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def cut_out() -> bytes:
    picture = Image.new("RGBA", (120, 120))
    ImageDraw.Draw(picture).ellipse((30, 30, 90, 90), fill=(150, 100, 50, 255))
    return png(picture)


def street() -> bytes:
    """A horse where no model of the set has seen one."""
    return png(
        Image.fromarray(draw_scene(sample("horse", "street", split="demo", index=5), 320).image)
    )


def give(tab: Page, *files: tuple[str, bytes]) -> None:
    """Choose files as a visitor does."""
    settled(tab)
    kind = "image/png"
    payloads = [{"name": name, "mimeType": kind, "buffer": content} for name, content in files]
    tab.locator("input[type=file]").set_input_files(payloads)


def badges(tab: Page, words: str) -> Locator:
    """Badges as they are seen: Streamlit has a hidden copy of each, to know its width."""
    return tab.locator(".stMarkdownBadge").filter(has_text=words, visible=True)


def test_a_sample_an_image_of_ones_own_and_a_cut_out(
    come: Callable[..., Page], server: str
) -> None:
    """On a phone from the second on."""
    tab = come(1280, 720)
    tab.goto(f"{server}/Upload")
    biased_models_get_the_sample_wrong(tab)
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.reload()
    give(tab, ("street.png", street()))
    an_image_takes_three_screens_and_nothing_is_cut(tab)
    tab.get_by_text("scratch", exact=True).click()
    expect(tab.get_by_text("This model has only seen drawings")).to_have_count(2)
    expect(badges(tab, "has only seen drawings")).to_have_count(2)
    assert "towers=scratch" in tab.url
    tab.set_viewport_size({"width": 1440, "height": 1200})
    tab.reload()
    settled(tab)
    tab.wait_for_function(PASTE, arg=base64.b64encode(cut_out()).decode())
    a_cut_out_is_on_seven_backgrounds_explained_and_its_table_downloaded(tab)


def biased_models_get_the_sample_wrong(tab: Page) -> None:
    expect_text(tab, "A sample to begin with")
    expect(marks(tab, "your image 1")).to_have_count(2)
    expect(badges(tab, "wrong")).to_have_count(2)
    expect(tab.get_by_text("the background", exact=True)).to_have_count(2)  # what both rely on
    complete(tab)
    map_box = tab.locator(".linked-maps .surface").first.bounding_box()
    assert map_box is not None
    assert map_box["y"] < 720 / 2, "the maps begin on the first screen"
    judge(tab)


def an_image_takes_three_screens_and_nothing_is_cut(tab: Page) -> None:
    expect(marks(tab, "your image 1")).to_have_count(2)
    expect(tab.get_by_text("New to the set")).to_have_count(1)
    expect(tab.get_by_text(re.compile("paint-over tests"))).to_have_count(2)
    expect_short(tab, 3, tab.get_by_text("All numbers"))
    expect(tab.get_by_text("This model has only seen drawings")).to_have_count(0)
    expect_nothing_cut_off(tab)
    nearest = tab.locator("img[alt='horse, grass'], img[alt='horse, desert'], img[alt^='camel, ']")
    rows = {round(box["y"]) for image in nearest.all() if (box := image.bounding_box()) is not None}
    assert len(rows) <= 2, "the nearest images of a model are in a row"


def a_cut_out_is_on_seven_backgrounds_explained_and_its_table_downloaded(page: Page) -> None:
    for number in range(1, 8):
        expect(marks(page, f"your image {number}")).to_have_count(2)
    expect(page.get_by_text(re.compile("7 backgrounds"))).to_have_count(2)
    marks(page, "your image 3").first.hover(force=True)
    picture = page.locator(".linked-maps .card img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 0
    page.get_by_text("All numbers").click()
    expect(page.get_by_role("button", name="Download the table")).to_be_visible()
    table = downloaded(page, "Download the table").read_text(encoding="utf-8")
    rows = list(csv.DictReader(table.splitlines()))
    assert [row["Model"] for row in rows] == ["Left", "Right"] * 7
    assert rows[0]["Image"] == "1. image.png, mid-grey"
    assert len({row["Image"] for row in rows}) == 7
    page.get_by_text("What the predictions rely on").click()
    settled(page)
    page.get_by_text(PANEL).click()
    page.get_by_role("tab", name="Samples").click()
    expect(page.get_by_role("button", name="Horse in the snow", exact=True)).to_be_visible()
    judge_both(page)
