"""Three journeys in WebKit, the engine of Safari, with the server of the journeys in Chromium."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image, ImageDraw
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import WebKitGTK
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.webkit import needs_webkit, opened_webkit, selenium_warns
from vlcore.classroom.lessons import lessons
from vlcore.classroom.session import all_votes, start_session
from vlcore.experiment.condition import Condition

from .serving import PATIENCE, RUN_TO_ITS_END, STILL

pytestmark = [pytest.mark.browser, pytest.mark.judge, needs_webkit, selenium_warns]
Wait = WebDriverWait[WebKitGTK]


@pytest.fixture(scope="module")
def webkit() -> Iterator[WebKitGTK]:
    with opened_webkit(PATIENCE / 1000) as driver:
        yield driver


@pytest.fixture
def wait(webkit: WebKitGTK) -> Wait:
    """Waits; Streamlit replaces elements while a page runs."""
    return WebDriverWait(webkit, PATIENCE / 1000, 0.2, [StaleElementReferenceException])


def settled(wait: Wait, xpath: str) -> WebElement:
    """The first of some elements, once the page has run to its end with them."""

    def look(driver: WebKitGTK) -> WebElement | Literal[False]:
        elements = driver.find_elements(By.XPATH, xpath)
        is_settled = driver.execute_script(f"return ({RUN_TO_ITS_END})() && ({STILL})()")
        return elements[0] if elements and is_settled else False

    return wait.until(look)


def button(name: str) -> str:
    return f"//button[.//p[normalize-space()='{name}']]"


# The riddle is in a shadow tree, which no selector of WebDriver enters.
RIDDLE = """const trees = [...document.querySelectorAll("*")].map(({shadowRoot}) => shadowRoot);
    const riddle = trees.map(tree => tree?.querySelector(".riddle")).find(Boolean);
    """
ANSWERS = f"""{RIDDLE} return [...riddle?.querySelectorAll(".choices button") ?? []]"""
PLAYED = f"""{RIDDLE} const {{maps}} = riddle.riddle, before = maps.x.map(axis => [...axis]);
    const hasMoved = (axis, pane) => axis.some((at, row) => at !== before[pane][row]);
    const look = () => maps.x.every(hasMoved) ? arguments[0]() : requestAnimationFrame(look);
    riddle.querySelector(".play").click();
    look();"""
HIDDEN = f"{RIDDLE} return riddle.riddle.maps.passing.filter(isShown => !isShown).length"


def test_the_riddle(webkit: WebKitGTK, wait: Wait, server: str) -> None:
    webkit.get(server)
    answers: list[WebElement] = wait.until(lambda driver: driver.execute_script(ANSWERS))
    webkit.execute_async_script(PLAYED)  # until both maps move
    assert webkit.execute_script(HIDDEN) == 100
    assert answers[0].text == "Model A"
    answers[0].click()
    assert webkit.execute_script(HIDDEN) == 0


def test_a_vote(webkit: WebKitGTK, wait: Wait, server: str) -> None:
    first, *_ = lessons(Condition())["four-experiments"].steps
    code = start_session("four-experiments", "scenes", first.name).code
    webkit.get(f"{server}/Lesson")
    settled(wait, "//input[@placeholder='code']").send_keys(code)
    settled(wait, button("Join")).click()
    vote = f"A: {first.choices[0].text}"
    settled(wait, button(vote)).click()
    settled(wait, button(f"{vote} (my answer)"))
    assert list(all_votes(code)[first.name].values()) == [1]


def test_an_upload(webkit: WebKitGTK, wait: Wait, server: str, tmp_path: Path) -> None:
    picture, file = Image.new("RGB", (240, 240), "tan"), tmp_path / "drawn.png"
    ImageDraw.Draw(picture).ellipse((60, 60, 180, 180), fill="saddlebrown")
    picture.save(file)
    webkit.get(f"{server}/Upload")
    uploader = "//*[@data-testid='stFileUploader']//input[@type='file']"
    settled(wait, uploader).send_keys(str(file))
    predictions = f"//img[@alt='{file.name}']/following::p[starts-with(., 'Prediction:')]"
    settled(wait, f"({predictions})[2]")  # of both models
