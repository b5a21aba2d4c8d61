"""The report: everything is in it, nothing leaves it, and a part of a study has one too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.api.published import publish
from tests.chromium import CHROMIUM, FLAGS, needs_chromium
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.study import plans
from vlcore.study.findings import Findings
from vlcore.study.report import TITLE, methods, report_html
from vlcore.study.results import Study
from vlcore.study.sanity import BALANCED, FIT, UNTRAINED_PROBE
from vlcore.study.tables import both_moments
from vlcore.study.text import answer_paragraph, seeds_words

CHARTS = 9


def study(published: int | None = None) -> Findings:
    plan = plans.find("class", Condition(), 6)
    publish(plan.conditions[:published])
    return Study(plan, SCENES).findings()


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Findings, str]]:
    """A complete study and its report, in a home of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(tmp_path_factory.mktemp("complete")))
        found = study()
        yield found, report_html(found)


def test_a_reviewer_finds_everything(complete: tuple[Findings, str]) -> None:
    found, page = complete
    missing = "Nothing: every planned run is there."
    for part in (
        TITLE,
        answer_paragraph(found),
        "inconclusive (6 seed pairs)",
        "Methods",
        missing,
        "--seeds 6",
    ):
        assert part in page
    assert all(text in page for text in (*found.runs["key"], *found.runs["checksum"]))
    assert all(result.claim.says in page for result in found.claims)
    for words in (
        "Image encoder convolutions-first: ",
        "Mismatched captions, matched-and-mismatched: ",
        "6 seed pairs (a data seed and an initialisation seed): 0 to 5, both alike.",
    ):
        assert words in page
    assert seeds_words([(9, 9), (3, 3), (2, 2)]) == "2 to 3, 9, both alike"
    assert seeds_words([(2, 2), (3, 4)]) == "(2, 2), (3, 4)"
    assert page.count('<script type="application/json">') == CHARTS
    table = both_moments(found)
    assert set(table["moment"]) == {"end", "first_fit"}
    assert {"difference.low", "difference.high", "holm_p", "verdict"} <= set(table.columns)


def test_methods_say_what_is_primary_and_what_the_sanity_check_asks(
    complete: tuple[Findings, str],
) -> None:
    text = methods(complete[0])["Statistics"]
    primary, *others = (part for part in text.split(". ") if "primary" in part.lower())
    assert "H1" in primary
    assert "bias 75 %" in primary
    assert not others
    assert "slopes of log odds on φ, the correlation of object and context in the training" in text
    for threshold in (FIT, BALANCED, UNTRAINED_PROBE):
        assert f"{threshold:.0%}".replace("%", " %") in text
    assert "plateau" in text


def test_a_part_of_a_study_says_what_is_missing(empty_home: Path) -> None:
    found = study(published=1)
    page = report_html(found)
    for part in (
        "35 of 36 planned runs are not there",
        found.plan.conditions[-1].key,
        "There is no figure here (",
    ):
        assert part in page
    assert both_moments(found).empty


@pytest.mark.browser
@needs_chromium
def test_it_opens_without_a_network(complete: tuple[Findings, str], tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(complete[1], encoding="utf-8")
    asked: list[str] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = chromium.new_context(offline=True)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        expect(page.locator("svg.marks")).to_have_count(CHARTS, timeout=60_000)
        expect(page.get_by_text("This chart could not be drawn")).to_have_count(0)
        expect(page.get_by_role("heading", name="The answer")).to_be_visible()
        chromium.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
