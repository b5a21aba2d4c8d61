"""Full, read-only, gone, and no descriptors left: one sentence each, nothing is lost, and the next
try works."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.faults import disks
from tests.faults.acts import Home, trouble
from vlcore.experiment.files import models_folder

FAULTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "full": disks.full,
    "no descriptors": disks.no_descriptors,
    "read-only": lambda: disks.read_only(models_folder().parent),
    "models removed": lambda: disks.removed(models_folder()),
    "all removed": lambda: disks.removed(models_folder().parent),
}


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows has no such limits")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_disk_that_fails_is_a_sentence_and_the_next_try_works(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLCORE_HOME", str(tmp_path / "home"))
    home = Home()
    with FAULTS[fault]():
        sentences, unexpected = trouble(home)
    assert unexpected == {}
    assert sentences >= (0 if "removed" in fault else 4), "the fault was there"
    assert home.is_whole()
    assert trouble(home) == (0, {})
