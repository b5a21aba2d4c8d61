"""Findings in a browser: the figure of the answer is drawn whole, as its rows say, and a page runs
once."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.chromium import needs_chromium
from vlcore.experiment.wording import difference, plural
from vlcore.study.answer_file import published_answer
from vlcore.study.answer_words import figure_rows

from .accessibility import judge_both
from .serving import complete, expect_no_wider, expect_nothing_cut_off, settled

pytestmark = [pytest.mark.browser, needs_chromium]

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


# px from the top of the page to the end of the answer
FIRST_SCREEN = """() => document.querySelector(".st-key-answer").getBoundingClientRect().bottom
    + document.querySelector("[data-testid=stMain]").scrollTop"""


def figure(tab: Page) -> Locator:
    svg = tab.locator(".st-key-answer svg.marks")
    expect(svg.locator("[aria-roledescription=point]").first).to_be_visible()
    complete(tab)
    return svg


def spoken(row: pd.Series) -> str:
    estimate = f"{difference(row.to_dict(), 1)} points, {plural(row['pairs'], 'seed pair')}"
    return f"{row['row']}, {row['images']}: {estimate}"


def test_the_figure_is_drawn_whole_its_marks_are_the_rows_and_the_page_runs_once(
    come: Callable[..., Page], server: str
) -> None:
    tab = come(1280, 720)
    tab.goto(f"{server}/Findings")
    marks_are_rows(tab, 1280)
    assert tab.evaluate(FIRST_SCREEN) <= 1400

    # Where the window is known a page runs once: a second run takes the time of the first, and
    # loses a click on a link meanwhile.
    runs = runs_of(tab)
    tab.reload()
    settled(tab)
    tab.get_by_role("link", name="Train", exact=True).click()
    expect(tab.get_by_role("heading", name="Train a model of your own choice")).to_be_visible()
    complete(tab)
    assert len(runs) == 2
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.goto(f"{server}/Findings")
    marks_are_rows(tab, 390)
    judge_both(tab)


def runs_of(tab: Page) -> list[BackMsg]:
    """Fills with what the pages of a tab send to be run, from its next load on."""
    runs: list[BackMsg] = []

    def told(frame: str | bytes) -> None:
        message = BackMsg.FromString(frame if isinstance(frame, bytes) else frame.encode())
        if message.HasField("rerun_script"):
            runs.append(message)

    tab.on("websocket", lambda socket: socket.on("framesent", told))
    return runs


def marks_are_rows(tab: Page, width: int) -> None:
    drawn = figure(tab).evaluate(DRAWN)
    rows = figure_rows(published_answer())
    rows = rows.assign(spoken=rows.apply(spoken, axis=1))
    marks = pd.DataFrame(drawn["marks"])
    dots = marks[marks["kind"] == "path"].set_index("words")
    lines = marks[(marks["kind"] == "line") & (marks["words"] != "no difference")]
    lines = lines.set_index("words")
    assert sorted(dots.index) == sorted(lines.index) == sorted(rows["spoken"])

    dot, line = dots.loc[rows["spoken"]], lines.loc[rows["spoken"]]
    numbers = np.concatenate([rows["value"], rows["low"], rows["high"]])
    places = np.concatenate([(dot["left"] + dot["right"]) / 2, line["left"], line["right"]])
    slope, start = np.polyfit(numbers, places, 1)
    assert slope > 0
    assert np.abs(slope * numbers + start - places).max() < 1.5  # px; a line has round ends

    frame = drawn["frame"]
    assert frame["left"] >= 0
    assert frame["right"] <= width
    for text in drawn["texts"]:
        assert "…" not in text["words"]
        assert frame["left"] - 1 <= text["left"] < text["right"] <= frame["right"] + 1, text
        assert frame["top"] - LEADING <= text["top"] < text["bottom"] <= frame["bottom"] + 1, text
    expect_nothing_cut_off(tab)
    expect_no_wider(tab, width)
