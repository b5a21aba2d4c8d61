"""Comparisons that panels are about."""

from pathlib import Path

import pytest

from vlcore.api.comparison import Comparison
from vlcore.experiment.condition import STUDY_BIAS, Condition


@pytest.fixture(scope="session")
def bundled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Elsewhere, other models have the keys of the bundled ones."""
    return tmp_path_factory.mktemp("panels")


@pytest.fixture(scope="session")
def bundled(bundled_home: Path) -> Comparison:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(bundled_home))
        patch.delenv("VLCORE_SHIPPED")
        conditions = Condition(), Condition(bias=STUDY_BIAS, labels="descriptive")
        return Comparison([condition.key for condition in conditions])


@pytest.fixture
def both(bundled: Comparison, bundled_home: Path, monkeypatch: pytest.MonkeyPatch) -> Comparison:
    """No bias with short captions, and 75% removed with descriptive ones."""
    monkeypatch.setenv("VLCORE_HOME", str(bundled_home))
    return bundled
