"""Studies that compare few measures, for tests of what else they do."""

import pytest

from vlcore.metrics import catalogue


@pytest.fixture
def few_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies compare two measures: with all of them, most of their time is spent on these."""
    monkeypatch.setattr(catalogue, "secondary", lambda **_options: ("probe_object",))
