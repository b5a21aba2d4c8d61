"""An offline page in a browser without a network: maps draw and are linked, a film plays, and nothing is asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.charts.maps.tracks import STEPS, pictures, track
from tests.chromium import needs_chromium
from vlcore.charts.html import Figure, page_html
from vlcore.charts.maps.film import film_chart
from vlcore.charts.maps.linked import linked_maps
from vlcore.charts.maps.panes import MOMENT
from vlcore.charts.maps.small import MapInfo
from vlcore.charts.theme import DARK, LIGHT
from vlcore.charts.thumbnails import thumb_uri
from vlcore.core.grouping import SCENES

pytestmark = [pytest.mark.browser, needs_chromium]
HOSTILE = '</script><script>window.hit = 1</script><img src=x onerror="window.hit = 1">'
Open = Callable[[str], Page]


def scattered(each: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pictures with places in two maps, far from each other, and a caption in each."""
    spots = np.array([[x, y] for x in np.linspace(-1, 1, 4) for y in np.linspace(-1, 1, each)])
    points = pictures(each).assign(x0=spots[:, 0], y0=spots[:, 1], x1=-spots[:, 0], y1=spots[:, 1])
    captions = pd.DataFrame([(HOSTILE, pane, 0.0, 0.5) for pane in (0, 1)], columns=["caption", "pane", "x", "y"])
    return points.assign(caption_0=HOSTILE), captions


def test_maps_are_linked(opened: Open) -> None:
    points, captions = scattered()
    infos = [MapInfo(name, "all kept", "1st", "2nd") for name in ("Left", "Right")]
    star = pd.DataFrame([("up", HOSTILE, 0.3, 0.1, 0.3, 0.1)], columns=["id", "name", "x0", "y0", "x1", "y1"])
    uploads = star.assign(thumb=thumb_uri(np.full((8, 8, 3), 7, np.uint8), side=24), spoken="your picture")
    chart = linked_maps(points, captions, infos, palette=DARK, grouping=SCENES, uploads=uploads)
    page = opened(page_html(["Two maps.", chart.to_dict()], "Maps", palette=DARK))
    mark = page.locator('path[aria-label="horse, grass, 0"]')
    expect(mark).to_have_count(2)
    assert page.locator("path[aria-label*='base64']").count() == 0
    outline = mark.nth(1).get_attribute("d")
    mark.nth(0).hover(force=True)
    picture = page.locator("#vg-tooltip-element.visible img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 16
    expect(page.locator("svg image")).to_have_count(2)  # its picture stands in both maps
    expect(mark.nth(1)).not_to_have_attribute("d", outline or "")  # and its mark has grown in the other
    expect(page.locator("#vg-tooltip-element.visible")).to_contain_text("onerror")

    page.mouse.move(2, 2)
    expect(page.locator("svg image")).to_have_count(0)
    page.locator('path[aria-label="your picture"]').nth(1).hover(force=True)
    expect(page.locator("#vg-tooltip-element.visible")).to_contain_text("onerror")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb({}, {}, {})".format(*bytes.fromhex(DARK.ground[1:]))


def test_pictures_as_points_are_seen(opened: Open) -> None:
    spec = {
        "data": {"values": [{"thumb": uri, "x": n} for n, uri in enumerate(pictures()["thumb"])]},
        "mark": {"type": "image", "width": 20, "height": 20},
        "encoding": {"x": {"field": "x", "type": "quantitative"}, "url": {"field": "thumb"}},
    }
    page = opened(page_html([spec], "Pictures"))
    expect(page.locator("svg image")).to_have_count(8)


def test_a_film_plays_to_its_end(opened: Open) -> None:
    points = pictures()
    film = film_chart(points, [track(points, STEPS, 1)], STEPS, palette=LIGHT, grouping=SCENES, side=300)
    page = opened(page_html([Figure(film, alt="A film.", slider=MOMENT)], "Film"))
    expect(page.get_by_role("figure", name="A film.")).to_be_visible()
    slider = page.locator(f"input[name={MOMENT}]")
    expect(slider).to_have_value("4")
    mark = page.locator('path[aria-label="horse, grass, 0"]')
    at_end = mark.get_attribute("transform")
    slider.fill("1")
    expect(mark).not_to_have_attribute("transform", at_end or "")
    button = page.get_by_role("button", name="Play")
    button.click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(slider).to_have_value("4")
    expect(button).to_be_visible()
    expect(mark).to_have_attribute("transform", at_end or "")


def test_paper_has_no_controls(opened: Open) -> None:
    points = pictures()
    film = film_chart(points, [track(points, STEPS, 1)], STEPS, palette=LIGHT, grouping=SCENES, side=300)
    page = opened(page_html([Figure(film, slider=MOMENT)], "Film"))
    expect(page.locator("svg.marks")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("svg.marks")).to_be_visible()
    for control in ("button", ".vega-bind", "details"):
        expect(page.locator(control).first).to_be_hidden()
