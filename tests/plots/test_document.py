"""One offline file: nothing in it runs that shouldn't, nothing is fetched, and the pictures are
there."""

import json
import re

import pandas as pd
import pytest

from tests.plots.maps.examples import BOARD
from vlcore.experiment.grouping import SCENES
from vlcore.plots.document import Figure, Heading, page_html
from vlcore.plots.group_accuracy import group_grid
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


def test_charts_are_data_that_cannot_end_their_script() -> None:
    chart = group_grid(BOARD.assign(model=HOSTILE), palette=LIGHT, grouping=SCENES, width=500)
    page = page_html([chart, "between", Figure(chart.to_dict())], "Report")
    blocks = re.findall(r'<script type="application/json">(.*?)</script>', page, flags=re.DOTALL)
    assert len(blocks) == 2
    assert blocks[0] == blocks[1]
    assert "<" not in blocks[0]
    assert page.count("window.vegaEmbed") == 1
    assert page.count("<script") - 2 == page.count("</script>") - 2 == 2
    assert not re.search(
        r"\b(src|href)=|@import|url\(", re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    )


def test_a_figure_has_its_words_and_its_button() -> None:
    spec = {"mark": "point", "data": {"values": [{}]}}
    page = page_html([Figure(spec, alt=f'"{HOSTILE}', slider="moment")], "Film")
    assert 'role="figure" aria-label="&quot;&lt;/script&gt;' in page
    assert '<button type="button" data-slider="moment">Play</button><div' in page
    still = page_html([Figure(spec)], "Film")
    assert "<button" not in still
    assert 'role="figure"' not in still


def test_the_page_wears_the_palette_and_rules_of_its_own() -> None:
    spec = {"mark": "point", "background": "transparent"}
    page = page_html([spec], "Report", palette=DARK, extra_css="td:empty { height: 9rem; }")
    assert f"background: {DARK.ground}" in page
    block = re.findall(r'<script type="application/json">(.*?)</script>', page, flags=re.DOTALL)[0]
    assert (
        json.loads(block)["background"] == DARK.ground
    )  # what a reader saves from it can be read anywhere
    assert page.count("td:empty { height: 9rem; }</style>") == 1


def test_the_policy_lets_nothing_in_and_other_things_are_refused() -> None:
    page = page_html(["Nothing has been trained yet."], "Report")
    assert len(page) < 5000, "a page without charts carries no scripts"
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)[0]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    assert not any("http" in allowed or "*" in allowed for allowed in rules.values())
    with pytest.raises(TypeError, match="not int"):
        page_html([7], "Report")
