"""Panels, lessons, importers and engines are files that a registry finds: each may be deleted."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A folder of files, and what lists all that are there and loads each.
REGISTRIES = {
    "vlcore/panels/*.py": "from vlcore.api.panels import panels\nprint(len(panels()))",
    "vlcore/data/importers/layouts/*.py": (
        "from vlcore.data.importers.layouts import layouts\nprint(len(layouts()))"
    ),
    "vlcore/jobs/engines/*.py": (
        "import vlcore.study.running\nfrom vlcore.jobs.engines import engine, engines\n"
        "print(len([*map(engine, engines())]))"
    ),
    "vlcore/classroom/lessons/*.yaml": (
        "from vlcore.classroom.lessons import cards, lessons\n"
        "from vlcore.experiment.condition import Condition\n"
        "assert len(cards()) == len(lessons(Condition()))\nprint(len(cards()))"
    ),
    "vlcore/web/lesson/live/*.py": (
        "from vlcore.web.lesson.roles import live_lessons\nprint(len(live_lessons()))"
    ),
}
# Deletes each file of a registry in turn; a child, which has imported other libraries alone, says
# what the registry lists then.
TRIAL = """
import os, sys
from pathlib import Path
import altair, numpy, pandas, pyarrow
pattern, script = sys.argv[1:]
files = [file for file in sorted(Path().glob(pattern)) if not file.name.startswith("_")]
script = script.replace("print(", f"assert {len(files) - 1} == (")
for absent in files:
    content = absent.read_bytes()
    absent.unlink()
    child = os.fork()
    if not child:
        exec(script)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    absent.write_bytes(content)
    print(absent.name, "ok" if status == 0 else "FAILED")
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the library."""
    folder = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__", "bundled", "renders")
    shutil.copytree(ROOT / "vlcore", folder / "vlcore", ignore=ignored)
    return folder


def lines_of(copy: Path, *arguments: str) -> list[str]:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("pattern", [*REGISTRIES])
def test_each_file_of_a_registry_may_be_deleted(copy: Path, pattern: str) -> None:
    outcomes = lines_of(copy, "-c", TRIAL, pattern, REGISTRIES[pattern])
    assert outcomes
    assert [outcome for outcome in outcomes if not outcome.endswith(" ok")] == []


CORE = ("scenes", "experiment", "data", "metrics", "plots", "artifacts", "model", "jobs", "api")


@pytest.fixture(scope="module")
def core(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the core and of its tests, without all that hangs on it."""
    folder = tmp_path_factory.mktemp("core")
    (folder / "vlcore").mkdir()
    shutil.copy(ROOT / "vlcore" / "__init__.py", folder / "vlcore")
    skip = shutil.ignore_patterns("__pycache__")
    for name in CORE:
        shutil.copytree(ROOT / "vlcore" / name, folder / "vlcore" / name, ignore=skip)
    return folder


def test_the_core_loads_without_what_hangs_on_it(core: Path) -> None:
    script = (
        "from pathlib import Path\nfrom importlib import import_module\nimport vlcore\n"
        "names = ['.'.join(file.with_suffix('').parts) for file in Path('vlcore').rglob('*.py')]\n"
        "names = [name.removesuffix('.__init__') for name in names]\n"
        "[import_module(name) for name in names]\n"
        "[getattr(vlcore, name) for name in vlcore.__all__]\n"
        "from vlcore.api.panels import panels\n"
        "assert 'Study' not in dir(vlcore) and panels() == []\nprint(len(names))"
    )
    (count,) = lines_of(core, "-c", script)
    assert int(count) > 100


@pytest.mark.judge
@pytest.mark.timeout(1800)  # a minute on two idle cores
def test_the_core_passes_its_tests_alone(core: Path) -> None:
    skip = shutil.ignore_patterns("__pycache__")
    (core / "tests").mkdir()
    for name in CORE:
        shutil.copytree(ROOT / "tests" / name, core / "tests" / name, ignore=skip)
    files = ("conftest.py", "chromium.py", "golden.py", "numbers.py", "faults/disks.py")
    (core / "tests" / "faults").mkdir()
    for file in files:
        shutil.copy(ROOT / "tests" / file, core / "tests" / file)
    for file in ("pyproject.toml", "app.py"):  # by the second a project is known
        shutil.copy(ROOT / file, core / file)
    for folder in ("models", "docs"):
        (core / folder).symlink_to(ROOT / folder)
    lines = lines_of(core, "-m", "pytest", "-m", "quick", "-p", "no:cacheprovider", "--no-header")
    assert " passed" in lines[-1]
    assert "failed" not in lines[-1]
