"""One offline file: nothing in it runs that shouldn't, nothing is fetched, and the pictures are there."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.chromium import CHROMIUM, FLAGS, needs_chromium
from vlcore.figures.charts import DARK, LIGHT, MapInfo, group_board, linked_maps
from vlcore.figures.export import Heading, page_html, write_text_atomic
from vlcore.images.groups import SCENES

HOSTILE = '</script><script>window.hit = 1</script><img src=x onerror="window.hit = 1">'


def test_text_headings_tables_and_titles_are_escaped() -> None:
    page = page_html([HOSTILE, Heading(HOSTILE), pd.DataFrame({HOSTILE: [HOSTILE, 0.123456]})], HOSTILE)
    assert "<img" not in page
    assert "<script" not in page
    assert "0.123" in page
    assert page.count("&lt;/script&gt;") >= 5


def test_a_page_without_charts_carries_no_scripts() -> None:
    assert len(page_html(["Nothing has been trained yet."], "Report")) < 5000


def test_charts_are_data_that_cannot_end_their_script(board: pd.DataFrame) -> None:
    chart = group_board(board.assign(model=HOSTILE), palette=LIGHT, grouping=SCENES, width=500)
    page = page_html([chart, "between", chart], "Report")
    blocks = re.findall(r'<script type="application/json">(.*?)</script>', page, flags=re.DOTALL)
    assert len(blocks) == 2
    assert "<" not in blocks[0]
    assert page.count("window.vegaEmbed") == 1
    assert page.count("<script") - 2 == page.count("</script>") - 2 == 2
    assert not re.search(r"\b(src|href)=|@import|url\(", re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))


def test_the_page_wears_the_palette(board: pd.DataFrame) -> None:
    assert f"background: {DARK.ground}" in page_html([], "Report", palette=DARK)


def test_other_things_are_refused() -> None:
    with pytest.raises(TypeError, match="not int"):
        page_html([7], "Report")


def test_writing_replaces_in_one_step(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write_text_atomic(target, "one\r\n")
    write_text_atomic(str(target), "zwei ä\n")
    assert target.read_bytes() == "zwei ä\n".encode()
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write_text_atomic(target, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text_atomic(target, "new \ud800")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(FileNotFoundError):
        write_text_atomic(tmp_path / "none" / "report.html", "x")


@pytest.mark.browser
@needs_chromium
def test_the_maps_are_linked_in_a_browser_without_a_network(
    points: pd.DataFrame, captions: pd.DataFrame, uploads: pd.DataFrame, tmp_path: Path
) -> None:
    info = MapInfo("Left", "all kept", "1st", "2nd")
    hostile = points.assign(caption_left=HOSTILE)
    hostile.loc[hostile["id"] == "camel_desert-test-7", ["xl", "yl"]] = 0.0, -0.9  # where nothing covers it
    chart = linked_maps(
        hostile, captions, info, info, palette=LIGHT, grouping=SCENES, uploads=uploads.assign(name=HOSTILE)
    )
    target = tmp_path / "maps.html"
    write_text_atomic(target, page_html(["Two maps.", chart], "Maps"))
    with sync_playwright() as api:
        browser = api.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(offline=True, viewport={"width": 1100, "height": 900})
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
        page.on("request", lambda sent: problems.append(sent.url) if not sent.url.startswith(("file:", "data:")) else 0)
        page.goto(target.as_uri())

        spoken = 'path[aria-label="camel in desert, test 7"]'
        expect(page.locator(spoken)).to_have_count(2)
        assert page.locator("path[aria-label*='base64']").count() == 0
        outline = page.locator(spoken).nth(1).get_attribute("d")
        page.locator(spoken).nth(0).hover(force=True)
        picture = page.locator("#vg-tooltip-element.visible img")
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.naturalWidth") == 24
        expect(page.locator("svg image")).to_have_count(2)  # its picture stands in both maps
        expect(page.locator(spoken).nth(1)).not_to_have_attribute("d", outline)  # and its mark has grown in the other

        page.mouse.move(2, 2)
        expect(page.locator("svg image")).to_have_count(0)
        page.locator('path[aria-label="your picture"]').nth(1).hover(force=True)
        expect(page.locator("#vg-tooltip-element.visible")).to_contain_text("onerror")
        expect(page.locator("svg image")).to_have_count(2)

        assert page.evaluate("window.hit") is None
        # Altair 5 writes for Vega 5 and vl-convert bundles Vega 6, which draws it all the same.
        assert [problem for problem in problems if "compiled spec uses Vega" not in problem] == []
        browser.close()
