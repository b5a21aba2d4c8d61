"""The public names of 0.5: all are there, and those that were renamed say the new name."""

import subprocess
import sys
from collections.abc import Callable

import pytest

import vlcore as vl
from vlcore.api import studies

NAMES_OF_0_5 = (
    "Condition Estimate LabError Model __version__ compare datasets export load models study train"
)


@pytest.mark.parametrize("name", NAMES_OF_0_5.split())
def test_a_name_of_the_version_before_is_there_in_a_fresh_process(name: str) -> None:
    script = f"import vlcore; vlcore.{name}"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_image_sets_have_a_new_name() -> None:
    with pytest.warns(DeprecationWarning, match="vl.data"):
        assert vl.datasets is vl.data


def test_running_a_study_has_a_new_name(monkeypatch: pytest.MonkeyPatch) -> None:
    run: Callable[..., tuple[object, ...]] = lambda *given, **more: (given, more)  # noqa: E731
    monkeypatch.setattr(studies, "run_study", run)
    with pytest.warns(DeprecationWarning, match="vl.run_study"):
        assert vl.study("experiments", seeds=2) == (("experiments",), {"seeds": 2})
