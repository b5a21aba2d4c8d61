"""Findings in a browser: the forest of paired differences is drawn whole, as its rows say."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.chromium import needs_chromium
from vlcore.experiment.wording import difference
from vlcore.study.pooled import forest_rows

from .serving import expect_nothing_cut_off, settled

pytestmark = [pytest.mark.browser, needs_chromium]

SIZES = ((1280, 720), (390, 844))
LEADING = 4  # px that the box of a title is higher than its letters
# Everything is as on the screen, in px: marks by what is read out, and each text.
DRAWN = """svg => {
    const box = element => {
        const {left, right, top, bottom} = element.getBoundingClientRect();
        return {left, right, top, bottom};
    };
    const marks = [...svg.querySelectorAll("path[aria-roledescription=point], line[aria-label]")];
    const texts = [...svg.querySelectorAll("text")].filter(text => text.textContent);
    return {
        frame: box(svg),
        marks: marks.map(mark => ({
            kind: mark.tagName,
            words: mark.getAttribute("aria-label"),
            ...box(mark),
        })),
        texts: texts.map(text => ({words: text.textContent, ...box(text)})),
    };
}"""


def forest(tab: Page) -> Locator:
    svg = tab.locator(".st-key-answer svg.marks")
    expect(svg.locator("[aria-roledescription=point]").first).to_be_visible()
    settled(tab)
    return svg


def spoken(row: pd.Series) -> str:
    estimate = difference(row.to_dict(), 1 if row["scale"] == "points" else 2)
    return f"{row['images']}, {row['words']}: {estimate} {row['scale']}"


@pytest.mark.parametrize("size", SIZES)
def test_the_forest_is_drawn_whole_and_its_marks_are_the_rows(
    come: Callable[..., Page], server: str, size: tuple[int, int]
) -> None:
    tab = come(*size)
    tab.goto(f"{server}/Findings")
    drawn = forest(tab).evaluate(DRAWN)
    rows = forest_rows().assign(spoken=lambda table: table.apply(spoken, axis=1))
    marks = pd.DataFrame(drawn["marks"])
    dots = marks[marks["kind"] == "path"].set_index("words")
    lines = marks[(marks["kind"] == "line") & (marks["words"] != "no difference")]
    lines = lines.set_index("words")
    assert sorted(dots.index) == sorted(lines.index) == sorted(rows["spoken"])

    for _, part in rows.groupby("scale"):
        dot, line = dots.loc[part["spoken"]], lines.loc[part["spoken"]]
        numbers = np.concatenate([part["value"], part["low"], part["high"]])
        places = np.concatenate([(dot["left"] + dot["right"]) / 2, line["left"], line["right"]])
        slope, start = np.polyfit(numbers, places, 1)
        assert slope > 0
        assert np.abs(slope * numbers + start - places).max() < 1.5  # px; a line has round ends

    frame, width = drawn["frame"], size[0]
    assert frame["left"] >= 0
    assert frame["right"] <= width
    for text in drawn["texts"]:
        assert "…" not in text["words"]
        assert frame["left"] - 1 <= text["left"] < text["right"] <= frame["right"] + 1, text
        assert frame["top"] - LEADING <= text["top"] < text["bottom"] <= frame["bottom"] + 1, text
    expect_nothing_cut_off(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
