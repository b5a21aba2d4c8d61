"""Pages of a home of a test's own must not show what was read from another one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import streamlit as st


@pytest.fixture(autouse=True)
def caches_of_one_home(request: pytest.FixtureRequest) -> Iterator[None]:
    """A server has one home for life, and its caches know of no other: a test that changes it begins and ends anew."""
    moves = {"empty_home", "other_home"} & set(request.fixturenames)
    if moves:
        clear()
    yield
    if moves:
        clear()


def clear() -> None:
    st.cache_resource.clear()
    st.cache_data.clear()
