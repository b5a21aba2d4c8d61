"""A wheel of the project: installed without a clone, the app runs and finds what it needs."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.jobs.children import until

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.judge
# What a clone has not, or what a wheel takes nothing of.
LEFT_OUT = shutil.ignore_patterns(
    ".*_cache", ".git", ".hypothesis", ".venv", "__pycache__", "build", "site", "tests"
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a wheel of this tree was installed in."""
    folder = tmp_path_factory.mktemp("package")
    clone, target = folder / "clone", folder / "installed"
    shutil.copytree(ROOT, clone, ignore=LEFT_OUT)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    no_network = ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "install", *no_network, "--target", target, clone], check=True)
    shutil.rmtree(clone)
    return target


def environment(installed: Path) -> dict[str, str]:
    without = {name: value for name, value in os.environ.items() if "VLCORE" not in name}
    return {**without, "PYTHONPATH": str(installed)}


def test_an_installed_library_finds_the_bundled_models(installed: Path, tmp_path: Path) -> None:
    code = "import json, vlcore as vl; print(json.dumps(list(vl.models().index)))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(installed), capture_output=True, check=True
    )
    files = (ROOT / "models" / "shipped").glob("*.zip")
    names = {file.stem for file in files if not file.stem.endswith(".checks")}
    assert set(json.loads(done.stdout)) == names


def test_the_installed_command_lists_all_commands(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [installed / "bin" / "vlcore", "--help"],
        cwd=tmp_path,
        env=environment(installed),
        capture_output=True,
        text=True,
        check=True,
    )
    listed = {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
    assert {"app", "data", "train", "study", "compare"} <= listed


@contextmanager
def running_app(installed: Path, home: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vlcore", "app", "--no-browser", "--port", str(port)]
    app = subprocess.Popen(
        command,
        cwd=home,
        env=environment(installed),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(app.pid, 15)
        app.wait()


def test_the_installed_app_answers_and_keeps_its_files_where_it_was_started(
    installed: Path, tmp_path: Path
) -> None:
    def answers() -> bool:
        try:
            return bool(urllib.request.urlopen(f"{address}/_stcore/health", timeout=5).read())
        except OSError:
            return False

    with running_app(installed, tmp_path) as address:
        until(answers)
        atlas = next((ROOT / "static").glob("atlas-*.json"))
        served = urllib.request.urlopen(f"{address}/app/static/{atlas.name}", timeout=20)
        assert served.read() == atlas.read_bytes()
    assert not [file for file in (installed / "vlcore" / "project").glob("data")]
