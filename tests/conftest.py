"""What tests share: a home of their own, and models trained for a few steps."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from altair.utils import schemapi
from filelock import FileLock
from hypothesis import settings
from joblib.externals.loky import ProcessPoolExecutor
from threadpoolctl import threadpool_limits

from tests.data.renders import write_archive
from vlcore.api import training
from vlcore.artifacts import store
from vlcore.data import packed
from vlcore.experiment.condition import STUDY_BIAS, STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.files import models_folder

os.environ.setdefault("OMP_NUM_THREADS", "1")
# With its first map numba sets the number of torch's threads as well.
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ["VLCORE_DEVICE"] = "cpu"
# Containers say that no bytecode is kept: each of the many processes of the tests would compile all
# modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# as the server does: each chart is held to its schema where it is tested
schemapi.disable_debug_mode()
# Threads of numpy, which is loaded already: beside as many processes, they spin for each other.
threadpool_limits(1)

# The judge draws the same examples each time; on a developer's machine they go on searching. No
# test is timed.
settings.register_profile("judge", derandomize=True, max_examples=50, deadline=None)
settings.register_profile("search", derandomize=False, max_examples=50, deadline=None)
settings.load_profile("judge" if os.environ.get("CI") else "search")

Cli = Callable[..., tuple[int, str, str]]
# The first trains the models that others wait for; the next ones need none of them.
LONGEST = ("test_browser", "test_usual_training", "test_findings")
# What `-m quick` runs: the core and the panels, without files that take more than some seconds.
QUICK = {"scenes", "experiment", "data", "metrics", "plots", "artifacts", "model", "jobs", "api"}
QUICK |= {"panels"}
NOT_QUICK = {"browser", "judge", "trains", "cuda", "processes"}  # marks
SLOW = {"test_projection", "test_pretrained", "test_scatter", "test_new_images", "test_loop"}
SLOW |= {"test_explain", "test_figure", "test_drawn", "test_influence", "test_importing"}
SLOW |= {"test_bundled", "test_generate", "test_frozen_towers", "test_audit", "test_training_folds"}
SLOW |= {"test_checkpoint_files"}
QUICK_STEPS = 12  # enough for a model that is not the untrained one, little enough for a test


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: for browsers, clusters and helpers that are killed, a test
    waits."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process runs each file, and one process runs all browser tests, with one server.

    Files that take longest go first: at the end one process would wait for the others.
    """
    place = {name: number for number, name in enumerate(LONGEST)}

    def group(item: pytest.Item) -> str:
        return "browser" if item.get_closest_marker("browser") else str(item.path)

    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))
        if is_quick(item):
            item.add_marker(pytest.mark.quick)
    items.sort(key=lambda item: (place.get(item.path.stem, len(place)), group(item) != "browser"))


def is_quick_path(path: Path) -> bool:
    """Whether a file belongs to the core or the panels and takes at most some seconds."""
    parts = path.relative_to(Path(__file__).parent).parts
    return not parts or (parts[0] in QUICK and path.stem not in SLOW)


def is_quick(item: pytest.Item) -> bool:
    """Whether `-m quick` runs a test: by its folder, unless it or its file takes long, or needs
    the models that `quick` trains."""
    marks = {mark.name for mark in item.iter_markers()}
    trains = "quick" in getattr(item, "fixturenames", ())
    return is_quick_path(item.path) and not trains and not marks & NOT_QUICK


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file that `-m quick` does not run: some load libraries for seconds."""
    is_in_vain = config.option.markexpr == "quick" and not is_quick_path(collection_path)
    return True if is_in_vain else None


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of the test session's own; nothing touches the project's data/ and models/."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(folder))
        patch.setenv("VLCORE_SHIPPED", str(folder / "nothing"))  # bundled models are another test's
        yield folder


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one test's own, with nothing in it."""
    monkeypatch.setenv("VLCORE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def renders(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small archive in place of the bundled renders; in a home with nothing in it."""
    monkeypatch.setattr(packed, "ARCHIVES", empty_home / "archives")
    return write_archive(empty_home / "archives" / "renders")


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command in this process; gives its exit code, standard output and standard error. In a
    copy of the core alone there are no commands."""
    commands = pytest.importorskip("vlcore.__main__")

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = commands.main([str(argument) for argument in arguments])
        except SystemExit as exit_:  # argparse leaves by itself
            code = int(exit_.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def document(cli: Cli) -> Callable[..., Any]:
    """Runs a command with ``--json`` that should succeed; gives the document that is all of its
    standard output."""

    def run(*arguments: object, code: int = 0) -> Any:
        ended, out, err = cli(*arguments, "--json")
        assert ended == code, err
        return json.loads(out)

    return run


@pytest.fixture(scope="session")
def quick(home: Path, tmp_path_factory: pytest.TempPathFactory) -> list[store.Artifact]:
    """The study's four experiments, trained for a few steps each; once, whichever process of the
    tests asks first."""
    conditions = [
        Condition(bias=bias, labels=labels, steps=QUICK_STEPS)
        for bias in (0.0, STUDY_BIAS)
        for labels in STYLES_OF_THE_STUDY
    ]
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with FileLock(shared / "quick.lock"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(shared / "quick"))
        if not all(store.published(condition.key) for condition in conditions):
            # No `worker_pool`: its workers give way to all other tests, and those wait for these.
            with ProcessPoolExecutor(2) as pool:
                list(pool.map(training.train_condition, conditions))
    # Pictures are many and nobody changes one: links do.
    shutil.copytree(
        shared / "quick" / "data", home / "data", copy_function=_link, dirs_exist_ok=True
    )
    shutil.copytree(shared / "quick" / "models", home / "models", dirs_exist_ok=True)
    return [store.read(condition.key) for condition in conditions]


def _link(source: str, target: str) -> None:
    with suppress(FileExistsError):  # an earlier test drew it
        os.link(source, target)


@pytest.fixture(scope="session")
def experiments(quick: list[store.Artifact]) -> list[store.Artifact]:
    """The same four under the keys that pages open on: pages are tested without a minute of
    training each."""
    return [
        publish_as(artifact, artifact.condition.replace(steps=Condition().steps))
        for artifact in quick
    ]


def publish_as(artifact: store.Artifact, condition: Condition) -> store.Artifact:
    """Publish a copy of an artifact as another condition."""
    copy = models_folder() / ".work" / f"copy-{condition.key}"
    shutil.copytree(artifact.path, copy)
    (copy / "manifest.json").unlink()
    (copy / "condition.json").write_text(json.dumps(condition.as_dict()))
    return store.publish(condition.key, copy, {"seconds": 0})
