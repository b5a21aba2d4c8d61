"""One offline file: nothing in it runs that shouldn't, nothing is fetched, and the pictures are
there."""

import base64
import hashlib
import html
import json
import re

import pandas as pd
import pytest

from tests.plots.maps.examples import BOARD
from vlcore.experiment.grouping import SCENES
from vlcore.plots.document import Figure, Heading, Maps, frame_html, page_html
from vlcore.plots.group_accuracy import group_grid
from vlcore.plots.scales import finished
from vlcore.plots.theme import DARK, LIGHT

HOSTILE = '</script><script>window.hit = 1</script><img src=x onerror="window.hit = 1">'


def test_text_headings_tables_and_titles_are_escaped() -> None:
    page = page_html(
        [HOSTILE, Heading(HOSTILE), pd.DataFrame({HOSTILE: [HOSTILE, 0.123456]})], HOSTILE
    )
    assert "<img" not in page
    assert "<script" not in page
    assert "0.123" in page
    assert page.count("&lt;/script&gt;") >= 5


def test_charts_are_images_with_words() -> None:
    chart = group_grid(BOARD.assign(model=HOSTILE), palette=LIGHT, grouping=SCENES, width=500)
    page = page_html([Figure(finished(chart, DARK), f'"{HOSTILE}')], "Report", palette=DARK)
    ((uri, words),) = re.findall(r'<img src="data:image/svg\+xml;base64,(.*?)" alt="(.*?)">', page)
    assert html.unescape(words) == f'"{HOSTILE}'
    assert "<" not in words
    assert DARK.ground in base64.b64decode(uri).decode()
    assert "<script" not in page


def test_maps_are_data_that_cannot_end_their_script() -> None:
    page = page_html([Maps({"alt": HOSTILE, "words": [HOSTILE]}), "between"], HOSTILE)
    (block,) = re.findall(
        r'<script type="application/json" class="maps-data">(.*?)</script>', page, flags=re.DOTALL
    )
    assert "<" not in block
    assert json.loads(block)["words"] == [HOSTILE]
    assert page.count("<script") == page.count("</script>") == 2
    assert "<img" not in page


def test_the_policy_runs_our_script_alone_and_lets_nothing_in() -> None:
    page = page_html([Maps({"alt": ""})], "Report")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert rules["script-src"] == f"'sha256-{digest}'"


def test_a_frame_of_a_notebook_holds_the_whole_page() -> None:
    frame = frame_html([Maps({"alt": HOSTILE})], HOSTILE)
    (page,) = re.findall(r'srcdoc="([^"]*)"></iframe>$', frame)
    assert html.unescape(page).startswith("<!DOCTYPE html>")
    assert "<h1>" not in html.unescape(page)
    assert "<" not in frame.removeprefix("<iframe").removesuffix("</iframe>")


def test_other_things_are_refused() -> None:
    with pytest.raises(TypeError, match="not int"):
        page_html([7], "Report")
