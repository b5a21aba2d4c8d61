"""What axe says of a page: nothing serious in the way of those who use it without eyes or with weak
ones.

Pages are judged where a test is on them already, by all rules in one scheme, and by contrast in the
other.
"""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from vlcore.plots.theme import DARK, LIGHT

from .serving import settled

AXE = Axe()
GROUNDS = ("rgb(255, 255, 255)", "rgb(14, 17, 23)")  # light and dark
# Streamlit writes on primary buttons in white, and selected words on the dark ground in the same
# colour: no colour has 4.5:1 with both. Ours has it with the ground, and 3.7:1 with white.
EXCLUDED_IN_DARK = ["[data-testid=stBaseButton-primary]"]


def in_scheme(tab: Page, dark: bool) -> None:
    """Change to light or dark as the visitor's system does, and wait until the page has."""
    tab.emulate_media(color_scheme="dark" if dark else "light")
    expect(tab.get_by_test_id("stApp")).to_have_css("background-color", GROUNDS[dark])
    settled(tab)
    for maps in tab.locator(".linked-maps").all():  # the page may not have begun to run yet
        expect(maps).to_have_attribute("style", re.compile((DARK if dark else LIGHT).ground))


def is_dark(tab: Page) -> bool:
    ground = tab.get_by_test_id("stApp").evaluate("one => getComputedStyle(one).backgroundColor")
    return GROUNDS.index(ground) == 1


def judge(tab: Page, *without: str, contrast_only: bool = False) -> None:
    """Judge a page that has settled, as it is; what is wrong is said with where and why."""
    options = {"resultTypes": ["violations"], "preload": False}  # there are no films and sounds
    if contrast_only:
        options["runOnly"] = ["color-contrast"]
    excluded = [*without, *(EXCLUDED_IN_DARK if is_dark(tab) else ())]
    context = {"exclude": [[selector] for selector in excluded]}
    problems = AXE.run(tab, context, options).response["violations"]
    grave = [rule for rule in problems if rule["impact"] in ("serious", "critical")]
    nodes = [(rule["help"], node) for rule in grave for node in rule["nodes"]]
    serious = [f"{wrong}: {node['html'][:200]} ({node['failureSummary']})" for wrong, node in nodes]
    assert not serious, serious


def judge_both(tab: Page) -> None:
    """Judge a page as it is, and in the other scheme, where only contrast can differ: there it is
    left, for each change draws it anew."""
    settled(tab)
    judge(tab)
    in_scheme(tab, dark=not is_dark(tab))
    judge(tab, contrast_only=True)
