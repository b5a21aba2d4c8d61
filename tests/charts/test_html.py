"""One offline file: nothing in it runs that shouldn't, nothing is fetched, and the pictures are there."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from tests.charts.maps.examples import BOARD
from vlcore.charts.board import group_grid
from vlcore.charts.html import Figure, Heading, page_html
from vlcore.charts.theme import DARK, LIGHT
from vlcore.core.grouping import SCENES

HOSTILE = '</script><script>window.hit = 1</script><img src=x onerror="window.hit = 1">'


def test_text_headings_tables_and_titles_are_escaped() -> None:
    page = page_html([HOSTILE, Heading(HOSTILE), pd.DataFrame({HOSTILE: [HOSTILE, 0.123456]})], HOSTILE)
    assert "<img" not in page
    assert "<script" not in page
    assert "0.123" in page
    assert page.count("&lt;/script&gt;") >= 5


def test_a_page_without_charts_carries_no_scripts() -> None:
    assert len(page_html(["Nothing has been trained yet."], "Report")) < 5000


def test_charts_are_data_that_cannot_end_their_script() -> None:
    chart = group_grid(BOARD.assign(model=HOSTILE), palette=LIGHT, grouping=SCENES, width=500)
    page = page_html([chart, "between", chart], "Report")
    blocks = re.findall(r'<script type="application/json">(.*?)</script>', page, flags=re.DOTALL)
    assert len(blocks) == 2
    assert "<" not in blocks[0]
    assert page.count("window.vegaEmbed") == 1
    assert page.count("<script") - 2 == page.count("</script>") - 2 == 2
    assert not re.search(r"\b(src|href)=|@import|url\(", re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))


def test_a_specification_is_shown_like_the_chart_that_it_came_from() -> None:
    chart = group_grid(BOARD, palette=LIGHT, grouping=SCENES, width=500)
    assert (
        page_html([chart.to_dict()], "Report") == page_html([chart], "Report") == page_html([Figure(chart)], "Report")
    )


def test_a_figure_has_its_words_and_its_button() -> None:
    spec = {"mark": "point", "data": {"values": [{}]}}
    page = page_html([Figure(spec, alt=f'"{HOSTILE}', slider="moment")], "Film")
    assert 'role="figure" aria-label="&quot;&lt;/script&gt;' in page
    assert '<button type="button" data-slider="moment">Play</button><div' in page
    still = page_html([Figure(spec)], "Film")
    assert "<button" not in still
    assert 'role="figure"' not in still


def test_the_page_wears_the_palette() -> None:
    page = page_html([{"mark": "point", "background": "transparent"}], "Report", palette=DARK)
    assert f"background: {DARK.ground}" in page
    block = re.findall(r'<script type="application/json">(.*?)</script>', page, flags=re.DOTALL)[0]
    assert json.loads(block)["background"] == DARK.ground  # what a reader saves from it can be read anywhere


def test_more_rules_come_last() -> None:
    page = page_html([], "Report", extra_css="td:empty { height: 9rem; }")
    assert page.count("td:empty { height: 9rem; }</style>") == 1


def test_the_policy_lets_nothing_in() -> None:
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', page_html([], "Report"))[0]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    assert not any("http" in allowed or "*" in allowed for allowed in rules.values())


def test_other_things_are_refused() -> None:
    with pytest.raises(TypeError, match="not int"):
        page_html([7], "Report")
