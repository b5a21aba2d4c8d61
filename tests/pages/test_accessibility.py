"""Every page before axe, light and dark: nothing serious in the way of those who use it without eyes or with weak ones.

The one idea: a page is loaded once. All rules judge it in light; in dark, which it changes to as it stands, only
contrast can differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.chromium import needs_chromium

from .serving import maps_drawn, opened, settled

pytestmark = [pytest.mark.browser, needs_chromium]

AXE = Axe()
GROUNDS = ("rgb(255, 255, 255)", "rgb(14, 17, 23)")  # light and dark
# Not ours to change, and nothing else:
EXCLUDED = [
    ".brush_brush",  # the rectangles of a brush, which Vega-Lite draws, hands no name to and says to be pictures
    ".brush_brush_bg",
]
EXCLUDED_IN_DARK = [
    # Streamlit writes on primary buttons in white, and selected words on the dark ground in the same colour: no colour
    # has 4.5:1 with both. Ours has it with the ground, and 3.7:1 with white.
    "[data-testid=stBaseButton-primary]",
]
SECTIONS = {
    "Map in words": "Cosine distances between the centres",
    "Movement": "The pictures that moved most",
    "Captions": "The star is the caption",
    "The loss": "Each row is a training picture",
    "Film": "The film in words",
    "All measures": "PCA map:",
    "Take along": "A model for other tools",
}


@pytest.fixture
def visitor(browser: Browser, server: str) -> Iterator[Page]:
    complaints: list[str] = []
    tab = opened(browser, server, complaints, viewport={"width": 1440, "height": 1200}, color_scheme="light")
    yield tab
    tab.context.close()
    assert complaints == []


def findings(tab: Page, options: dict[str, Any], without: Sequence[str]) -> list[str]:
    """What axe says is serious or worse, each with where and why."""
    context = {"exclude": [[selector] for selector in [*EXCLUDED, *without]]}
    found = AXE.run(tab, context, {"resultTypes": ["violations"], **options}).response["violations"]
    return [
        f"{rule['help']}: {node['html'][:200]} ({node['failureSummary']})"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def in_scheme(tab: Page, dark: bool) -> None:
    """Change to light or dark as the visitor's system does, and wait until the page has."""
    tab.emulate_media(color_scheme="dark" if dark else "light")
    expect(tab.get_by_test_id("stApp")).to_have_css("background-color", GROUNDS[dark])
    settled(tab)


def judge(tab: Page, dark: bool, *without: str) -> None:
    """Judge a page that has settled, in light or dark."""
    if dark:
        assert findings(tab, {"runOnly": ["color-contrast"]}, [*without, *EXCLUDED_IN_DARK]) == []
    else:
        assert findings(tab, {}, without) == []


def judge_both(tab: Page) -> None:
    for dark in (False, True):
        in_scheme(tab, dark)
        judge(tab, dark)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "What to look at next"),
        ("/Data", "Take them with you"),
        ("/Train", "Models on the disk"),
        ("/Findings", "Methods"),
        ("/Lesson", "question 1 of 4"),
        ("/Lesson?phase=reveal&step=short-labels", "question 1 of 4"),
    ],
)
def test_a_page(visitor: Page, server: str, path: str, words: str) -> None:
    visitor.goto(server + path)
    expect(visitor.get_by_text(words).first).to_be_visible()
    settled(visitor)
    judge_both(visitor)


def test_what_is_said_of_a_sample_picture(visitor: Page, server: str) -> None:
    visitor.goto(f"{server}/Upload")
    visitor.get_by_role("tab", name="Sample pictures").click()
    visitor.get_by_test_id("stCheckbox").filter(visible=True).first.click()
    visitor.get_by_test_id("stCheckbox").filter(has_text="Explain the answer").click()
    expect(visitor.locator("path[aria-label='your picture 1']")).to_have_count(2)
    expect(visitor.get_by_text("Patch ablation").first).to_be_visible()
    settled(visitor)
    judge_both(visitor)


def test_compare_and_what_is_under_its_maps(visitor: Page, server: str) -> None:
    visitor.goto(f"{server}/Compare?right_bias=75+%25")
    maps_drawn(visitor)
    judge(visitor, False)
    for section, words in SECTIONS.items():
        visitor.get_by_role("radio", name=section, exact=True).click()
        expect(visitor.get_by_text(words).first).to_be_visible()
        visitor.mouse.move(2, 2)
        settled(visitor)
        judge(visitor, False, "[class*='st-key-maps-']")  # judged above, and slow
    in_scheme(visitor, True)
    judge(visitor, True)


def test_a_class_in_a_lesson(browser: Browser, visitor: Page, server: str) -> None:
    visitor.goto(f"{server}/Lesson")
    visitor.get_by_role("button", name="Start a lesson for a class", exact=True).click()
    expect(visitor.get_by_test_id("stMetricValue")).to_have_text("0")
    settled(visitor)
    code = visitor.url.partition("code=")[2][:4]
    complaints: list[str] = []
    student = opened(browser, server, complaints, viewport={"width": 420, "height": 800}, color_scheme="light")
    student.goto(f"{server}/Lesson?code={code}")
    student.get_by_role("button", name="Vote A", exact=True).click()
    expect(student.get_by_text("Your vote is in")).to_be_visible()
    settled(student)
    for tab in (visitor, student):
        judge_both(tab)
    student.context.close()
    assert complaints == []
