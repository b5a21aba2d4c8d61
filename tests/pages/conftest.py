"""What tests of pages share: caches that know of one home, and the app in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import streamlit as st
from playwright.sync_api import Browser, Page
from streamlit.components.v2 import manifest_scanner

from vlcore.store import artefacts
from vlcore.ui import jobs

from .app import FakeQueue
from .serving import chromium, opened, served


@pytest.fixture(scope="session", autouse=True)
def no_components_of_packages() -> Iterator[None]:
    """Each AppTest looks through all installed packages for components, for half a second; there are none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda: [])
        yield


@pytest.fixture(autouse=True)
def caches_of_one_home(request: pytest.FixtureRequest) -> Iterator[None]:
    """A server has one home for life, and its caches know of no other: a test that changes it begins and ends anew.

    Pages of a home of a test's own must not show what was read from another one.
    """
    moves = {"empty_home", "other_home"} & set(request.fixturenames)
    if moves:
        clear()
    yield
    if moves:
        clear()


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> FakeQueue:
    """In place of the worker processes."""
    made = FakeQueue()
    monkeypatch.setattr(jobs, "queue", lambda: made)
    return made


def clear() -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture(scope="session")
def server(experiments: list[artefacts.Artefact]) -> Iterator[str]:
    """The app over the session's home."""
    with served() as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A tab of a wide window; fails the test if it asks another host for anything, or its console complains."""
    complaints: list[str] = []
    tab = opened(browser, server, complaints, viewport={"width": 1440, "height": 1200})
    yield tab
    tab.context.close()
    assert complaints == []
