"""A comparison as a figure and as one page: all that is laid over the maps, and nothing that asks a network."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert
from playwright.sync_api import expect, sync_playwright

from tests.chromium import CHROMIUM, FLAGS, needs_chromium
from tests.runs.stand_ins import BASE, image_set, publish
from vlcore.charts.maps.tables import MapOptions
from vlcore.charts.theme import DARK, LIGHT
from vlcore.charts.thumbnails import thumb_uri
from vlcore.compare import overlays
from vlcore.compare import page as compare_page
from vlcore.compare.comparison import Comparison, compare
from vlcore.compare.description import summary
from vlcore.compare.metrics_table import group_rows, group_table
from vlcore.compare.model_map import ModelMap, model_map
from vlcore.compare.page import PAGE_SIDE, PLAIN, figure, page
from vlcore.core.grouping import SCENES
from vlcore.datasets.imageset import ImageSet

IMAGES = image_set()
VERSION = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
HOSTILE = '</script><script>window.hit = 1</script><img src=x onerror="window.hit = 1">'
EVERYTHING = MapOptions(movement=True, neighbours=True, trust=True, ghost=True, twins=True)


def thumbs(_images: ImageSet, rows: Any) -> list[str]:
    return [thumb_uri(np.full((8, 8, 3), int(row) * 2, np.uint8), side=24) for row in rows]


@pytest.fixture(scope="module")
def maps(home: Path) -> list[ModelMap]:
    base = BASE.replace(data_seed=90, init_seed=90)
    conditions = [base, base.replace(bias=0.5), base.replace(labels="descriptive"), base.replace(labels="context")]
    return [model_map(publish(IMAGES, condition)) for condition in conditions]


@pytest.fixture(scope="module")
def together(maps: list[ModelMap]) -> Comparison:
    return compare(maps[:2], IMAGES, thumbs)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """What a figure asks `linked_maps` to draw, by the name of the argument."""

    def ask(comparison: Comparison, options: MapOptions = PLAIN, **more: Any) -> dict[str, Any]:
        given: dict[str, Any] = {}

        def instead(points: pd.DataFrame, captions: pd.DataFrame, infos: Any, **others: Any) -> alt.Chart:
            given.update(points=points, captions=captions, infos=infos, **others)
            return alt.Chart(points).mark_point()

        monkeypatch.setattr(compare_page, "linked_maps", instead)
        figure(comparison, SCENES, LIGHT, 300, options, **more)
        return given

    return ask


def test_a_plain_figure_is_the_comparison_and_its_board(
    together: Comparison, asked: Callable[..., dict[str, Any]]
) -> None:
    given = asked(together)
    pd.testing.assert_frame_equal(given["points"], together.points)
    pd.testing.assert_frame_equal(given["captions"], together.captions)
    pd.testing.assert_frame_equal(given["board"], group_rows(together))
    assert (given["infos"], given["options"], given["side"]) == (together.infos, PLAIN, 300)
    assert (given["palette"], given["grouping"]) == (LIGHT, SCENES)
    assert given["uploads"] is given["neighbours"] is given["twins"] is None


def test_what_is_laid_over_the_maps_is_made_only_when_it_is_asked_for(
    together: Comparison, asked: Callable[..., dict[str, Any]]
) -> None:
    trusted, haunted = overlays.with_trust(together), overlays.add_untrained_positions(together)
    pd.testing.assert_frame_equal(asked(together, MapOptions(trust=True))["points"], trusted)
    pd.testing.assert_frame_equal(asked(together, MapOptions(ghost=True))["points"], haunted)
    both = asked(together, MapOptions(trust=True, ghost=True))["points"]
    pd.testing.assert_frame_equal(both[haunted.columns], haunted)
    pd.testing.assert_frame_equal(both[trusted.columns], trusted)
    lines = asked(together, MapOptions(neighbours=True))["neighbours"]
    pd.testing.assert_frame_equal(lines, overlays.neighbour_lines(together))
    arrows = asked(together, MapOptions(twins=True))
    pd.testing.assert_frame_equal(arrows["twins"], overlays.twin_lines(together, SCENES))
    assert arrows["options"].twins


def test_no_board_without_accuracies_or_where_none_is_wanted(
    maps: list[ModelMap], together: Comparison, asked: Callable[..., dict[str, Any]]
) -> None:
    assert asked(compare([maps[3]], IMAGES, thumbs))["board"] is None
    assert asked(together, board=False)["board"] is None
    mixed = asked(compare([maps[3], maps[0]], IMAGES, thumbs))["board"]
    assert set(mixed["pane"]) == {1}


def test_arrows_of_a_set_without_twins_are_left_out(home: Path, asked: Callable[..., dict[str, Any]]) -> None:
    images = image_set(folds=2)
    model = model_map(publish(images, BASE.replace(init_seed=91, n_per_group=8)))
    given = asked(compare([model], images, thumbs), MapOptions(twins=True, ghost=True))
    assert given["twins"] is None
    assert given["options"] == MapOptions(ghost=True)


def test_uploads_are_handed_on(together: Comparison, asked: Callable[..., dict[str, Any]]) -> None:
    stars = pd.DataFrame({"id": ["up-1"]})
    assert asked(dataclasses.replace(together, uploads=stars))["uploads"] is stars


def test_everything_at_once_can_be_drawn(maps: list[ModelMap]) -> None:
    chart = figure(compare(maps[:1], IMAGES, thumbs), SCENES, DARK, 300, EVERYTHING)
    assert vl_convert.vegalite_to_svg(chart.to_json(), vl_version=VERSION).startswith("<svg")


# --- the page


def references(text: str) -> list[tuple[str, str | None]]:
    """What the tags of a page would fetch; text within scripts is no tag."""
    found: list[tuple[str, str | None]] = []

    class Tags(HTMLParser):
        def handle_starttag(self, _tag: str, attributes: list[tuple[str, str | None]]) -> None:
            names = ("src", "srcset", "href", "data", "action", "background")
            found.extend(pair for pair in attributes if pair[0] in names)

    reader = Tags()
    reader.feed(text)
    reader.close()
    return found


def body(text: str) -> str:
    """What a page says, without its scripts and its head."""
    return html.unescape(re.sub(r"<script.*?</script>|<head>.*?</head>", "", text, flags=re.DOTALL))


@pytest.fixture(scope="module")
def offline(together: Comparison) -> str:
    return page(together, IMAGES)


def test_a_page_asks_nobody(offline: str) -> None:
    assert offline.startswith("<!DOCTYPE html>")
    assert """Content-Security-Policy" content="default-src 'none'""" in offline
    assert references(offline) == []
    assert "@import" not in offline
    assert "http" not in body(offline)
    (chart,) = re.findall(r'<script type="application/json">(.*?)</script>', offline, flags=re.DOTALL)
    spec = json.loads(chart)
    assert spec.pop("$schema").startswith("https://vega.github.io/schema/")
    assert "http" not in json.dumps(spec)


def test_a_page_says_what_the_maps_show(together: Comparison, offline: str) -> None:
    text = body(offline)
    assert "Twins: they differ in one thing, the bias; what differs between the maps comes from that." in text
    assert "**" not in text
    assert summary(together, SCENES) in text
    for model in together.models:
        assert model.artefact.key in text
    for cell in group_table(together, SCENES).to_numpy().ravel():
        assert str(cell) in text
    assert "<title>No bias, short labels | 50 % removed (5 of 10 kept), short labels</title>" in offline


def test_a_page_carries_every_picture_once(together: Comparison, offline: str) -> None:
    for thumb in set(together.points["thumb"]):
        assert offline.count(thumb) == (together.points["thumb"] == thumb).sum()


def test_few_pictures_are_said_on_the_page(home: Path) -> None:
    few = {"group_accuracy": {group: {"value": 0.5, "low": 0.2, "high": 0.8, "n": 7} for group in SCENES.names}}
    model = model_map(publish(IMAGES, BASE.replace(init_seed=92), end=few))
    text = page(compare([model], IMAGES, thumbs), IMAGES)
    assert "Fewer than 20 held-out pictures: horse on grass (7)" in text


def test_a_page_wears_its_palette_and_has_the_options(together: Comparison, offline: str) -> None:
    dark = page(together, IMAGES, DARK, MapOptions(ghost=True))
    assert f"background: {DARK.ground}" in dark
    assert f"background: {LIGHT.ground}" in offline
    assert '"gx0"' in dark
    assert '"gx0"' not in offline
    assert f'"width": {PAGE_SIDE}' in offline


@pytest.mark.browser
@needs_chromium
def test_the_page_works_without_a_network(maps: list[ModelMap], tmp_path: Path) -> None:
    hostile = [dataclasses.replace(model, captions=(HOSTILE,) * len(model.captions)) for model in maps]
    target = tmp_path / "maps.html"
    found = compare(hostile, IMAGES, thumbs)
    target.write_text(page(found, IMAGES, options=EVERYTHING))
    with sync_playwright() as api:
        browser = api.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(offline=True, viewport={"width": 1100, "height": 1300})
        opened = context.new_page()
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
        opened.on(
            "request", lambda sent: problems.append(sent.url) if not sent.url.startswith(("file:", "data:")) else 0
        )
        opened.goto(target.as_uri())
        spoken = str(found.points.query("kind == 'test'")["spoken"].iat[0])
        marks = opened.locator(f'path[aria-label="{spoken}"]')
        expect(marks.first).to_be_visible()
        marks.first.hover(force=True)
        picture = opened.locator("#vg-tooltip-element.visible img")
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.naturalWidth") == 24
        assert opened.evaluate("window.hit") is None
        # Altair 5 writes for Vega 5 and vl-convert bundles Vega 6, which draws it all the same.
        assert [problem for problem in problems if "compiled spec uses Vega" not in problem] == []
        browser.close()
