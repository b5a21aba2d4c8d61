"""A browser without a network, for offline pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.chromium import CHROMIUM, FLAGS


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[str], Page]]:
    """Opens an offline page; whatever it asks for or complains about fails the test at its end."""
    problems: list[str] = []
    with sync_playwright() as api:
        browser = api.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 1100, "height": 1100})
        context.set_offline(True)

        def show(html: str) -> Page:
            target = tmp_path / "page.html"
            target.write_text(html)
            page = context.new_page()
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
            page.on("request", lambda sent: problems.append(f"asks for {sent.url}") if is_foreign(sent.url) else None)
            page.route(
                "**/*", lambda route: route.continue_() if route.request.url == target.as_uri() else route.abort()
            )
            page.goto(target.as_uri())
            page.evaluate("document.addEventListener('securitypolicyviolation', e => console.error(e.blockedURI))")
            return page

        def is_foreign(url: str) -> bool:
            return not url.startswith(("data:", (tmp_path / "page.html").as_uri()))

        yield show
        for page in context.pages:
            assert page.evaluate("window.hit") is None
        browser.close()
    # Altair 5 writes for Vega 5 and vl-convert bundles Vega 6, which draws it all the same.
    assert [problem for problem in problems if "compiled spec uses Vega" not in problem] == []
