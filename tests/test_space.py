"""The Dockerfile and the front matter of a Hugging Face Space, without Docker."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath

import pytest
import yaml
from packaging.requirements import Requirement

from tests.jobs.children import until

ROOT = Path(__file__).parents[1]
SPACE_USER = 1000
MOST_LETTERS = 60  # of a Space's short description
JOINED = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
INSTRUCTIONS = [
    (line.split()[0], line.split(maxsplit=1)[1])
    for line in JOINED.splitlines()
    if line and not line.startswith("#")
]
# Writes what a Space's user may write, but reads all: the packages may lie in a folder of root's.
AS_USER = ["setpriv", f"--reuid={SPACE_USER}", f"--regid={SPACE_USER}", "--clear-groups"]
AS_USER += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"]
# Stand for programs that would change this machine or take minutes.
PROGRAMS = {
    "useradd": """#!/bin/sh
        while [ $# -gt 1 ]; do
            case $1 in --uid) user=$2;; --home-dir) folder=$CONTAINER$2;; esac
            shift
        done
        mkdir -p "$folder" && chown "$user:$user" "$folder" """,
    "pip": """#!/bin/sh
        while [ $# -gt 0 ]; do
            if [ "$1" = -r ]; then cat "$2" || exit 1; fi
            shift
        done""",
}


def arguments_of(kind: str) -> list[str]:
    return [argument for name, argument in INSTRUCTIONS if name == kind]


def environment_of(argument: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in argument.split())


def test_the_front_matter_of_the_space_fits_the_dockerfile() -> None:
    _, matter, _ = (ROOT / "deploy" / "space" / "README.md").read_text().split("---\n", 2)
    facts = yaml.safe_load(matter)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert facts["sdk"] == "docker"
    assert [str(facts["app_port"])] == arguments_of("EXPOSE")
    assert facts["title"] == (ROOT / "README.md").read_text().splitlines()[0].removeprefix("# ")
    assert facts["license"] == project["license"].lower()
    assert len(facts["short_description"]) <= MOST_LETTERS


def test_the_dockerfile_keeps_the_rules_of_a_space() -> None:
    assert arguments_of("USER") == [str(SPACE_USER)]
    assert arguments_of("VOLUME") == []
    assert arguments_of("ARG") == ["DEVICE=cpu"]
    (environment,) = map(environment_of, arguments_of("ENV"))
    assert environment["VLCORE_HOME"] == environment["HOME"]
    copied = [path for argument in arguments_of("COPY") for path in argument.split()[:-1]]
    assert [path for path in copied if not (ROOT / path).exists()] == []


def is_left_out(path: PurePath, patterns: list[str]) -> bool:
    """Whether a `.dockerignore` leaves out a path of the project; its last fitting line decides."""
    is_out = False
    for line in patterns:
        pattern = line.removeprefix("!")
        anywhere = pattern.removeprefix("**/")
        fits = path.match(anywhere) if anywhere != pattern else ("/" / path).match("/" + pattern)
        if fits:
            is_out = not line.startswith("!")
    return is_out


def copy_into(folder: Path, argument: str) -> None:
    """COPY, with what `.dockerignore` leaves out."""
    patterns = (ROOT / ".dockerignore").read_text().split()

    def left_out(parent: str, names: list[str]) -> list[str]:
        below = Path(parent).relative_to(ROOT)
        return [name for name in names if is_left_out(below / name, patterns)]

    *sources, target = argument.split()
    for source in sources:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / target, ignore=left_out, dirs_exist_ok=True)
        else:
            shutil.copy(ROOT / source, folder / target)


def build(container: Path, programs: Path) -> tuple[Path, dict[str, str], str]:
    """Follow the Dockerfile in a folder.

    Returns:
        The working folder, the environment, and the requirements that pip read.
    """
    search = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": search, "CONTAINER": str(container)}
    folder, installed = container, ""
    for kind, argument in INSTRUCTIONS:
        if kind == "ARG":
            environment |= environment_of(argument)
        elif kind == "ENV":
            for name, value in environment_of(argument).items():
                environment[name] = f"{container}{value}" if value.startswith("/") else value
        elif kind == "WORKDIR":
            folder = Path(f"{container}{argument}")
            folder.mkdir(parents=True)
        elif kind == "COPY":
            copy_into(folder, argument)
        elif kind == "RUN":
            command = ["sh", "-euc", argument]
            ran = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=True
            )
            installed += ran.stdout
        else:
            assert kind in ("FROM", "USER", "EXPOSE", "HEALTHCHECK", "CMD"), "has no test"
    return folder, environment, installed


@contextmanager
def running(command: list[str], folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    server = subprocess.Popen([*AS_USER, *command], cwd=folder, env=environment)
    try:
        yield
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def container() -> Iterator[Path]:
    """A folder that every user can reach, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.judge
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_the_dockerfile_serves_and_trains_as_a_user_who_writes_at_home_alone(
    container: Path, tmp_path: Path
) -> None:
    """Packages are those of this environment: pip's stand-in only reads what is asked for."""
    for name, script in PROGRAMS.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    folder, environment, installed = build(container, tmp_path)
    pinned = set(re.findall(r"^([\w.-]+)==", installed, re.MULTILINE))
    needs = map(Requirement, (ROOT / "requirements.txt").read_text().splitlines())
    assert {need.name.lower() for need in needs} <= pinned

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    (exposed,) = arguments_of("EXPOSE")
    environment["STREAMLIT_SERVER_PORT"] = port
    (serve,) = map(json.loads, arguments_of("CMD"))
    check = json.loads(arguments_of("HEALTHCHECK")[0].split("CMD ")[1].replace(exposed, port))

    def error_of(*command: str) -> str:
        ended = subprocess.run(
            [*AS_USER, *command], cwd=folder, env=environment, capture_output=True, text=True
        )
        return ended.stderr if ended.returncode else ""

    with running(serve, folder, environment):
        until(lambda: not error_of(*check))
        pretrained = ["--set", "architecture=pretrained", "--set", "text=words"]
        assert error_of("python", "-m", "vlcore", "train", *pretrained) == ""
    (model,) = Path(environment["VLCORE_HOME"]).glob("models/*/manifest.json")
    assert model.stat().st_uid == SPACE_USER
    assert "Permission denied" in error_of("touch", str(folder / "written"))
