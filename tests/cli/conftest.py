"""For tests of commands: a command that is refused, and the program in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from vlcore.__main__ import BAD_INPUT
from vlcore.artifacts.store import Artifact

Document = Callable[..., Any]
Refused = Callable[..., str]
Models = list[Artifact]
Patch = pytest.MonkeyPatch
GROUPS = ("horse_grass", "horse_desert", "camel_desert", "camel_grass")


@pytest.fixture
def refused(cli: Cli) -> Refused:
    """Runs a command that should end with another code than 0; gives the sentence that was said
    last."""

    def run(*arguments: object, lines: int = 1, code: int = BAD_INPUT) -> str:
        ended, out, err = cli(*arguments)
        assert (ended, out) == (code, "")
        assert err.endswith(".\n")
        assert err.count("\n") == lines, err
        assert "Traceback" not in err
        assert "usage:" not in err
        return err.splitlines()[-1]

    return run


def program(
    home: Path, *arguments: object, stdout: int = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vlcore", *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "VLCORE_HOME": str(home), **environment},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )
