"""Runs of a plan: a folder that is always whole, goes on where it stopped, and never asks for a picture twice."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from tests.generation.stand_ins import Painter, listed, logged, png, shows_picture, study
from vlcore.core.files import HomeError
from vlcore.generation import generate, open_backend, plan, remaining
from vlcore.generation.backend import Refused, TryAgainError
from vlcore.generation.plan import GenerateBusyError, GenerateError, Wanted
from vlcore.generation.run import waiting_seconds


def stop_at_third(error: BaseException) -> Painter:
    def act(one: Wanted) -> None:
        if one.file_name == "camel_grass/0000.png":
            raise error

    return Painter(act)


def test_a_run_leaves_pictures_a_list_and_a_log(tmp_path: Path) -> None:
    made, painter, steps = study(backend="local", steps=4), Painter(batch=3), list[tuple[int, int]]()
    assert remaining(made, tmp_path / "set") == list(made.pictures)
    assert not (tmp_path / "set").exists()
    assert generate(made, painter, tmp_path / "set", lambda *done: steps.append(done)) == 8
    assert remaining(made, tmp_path / "set", retry_refused=True) == []
    assert [name[-8:] for name in painter.asked] == ["0000.png"] * 4 + ["0001.png"] * 4, "group by group in turn"
    assert steps == [(0, 8), (3, 8), (6, 8), (8, 8)]
    for row, one in zip(listed(tmp_path / "set"), made.pictures, strict=True):
        assert (row["file_name"], row["object"], row["context"]) == (one.file_name, one.object, one.context)
        assert row["caption"] == one.prompt
        shared = {"model": "m", "backend": "local", "steps": 4}
        assert json.loads(row["factors"]) == {"prompt": one.prompt, **shared, "seed": one.seed, "size": "32x32"}
        assert shows_picture(tmp_path / "set" / one.file_name, one.index)
    assert sorted(logged(tmp_path / "set")) == sorted((one.file_name, "ok") for one in made.pictures)
    assert not [path for path in (tmp_path / "set").rglob(".*") if path.name != ".generate.lock"]


def test_what_is_there_and_readable_is_not_asked_for_again(tmp_path: Path) -> None:
    made = study()
    generate(made, Painter(), tmp_path)
    (tmp_path / "horse_grass/0001.png").write_bytes(png()[:200])
    (tmp_path / "camel_desert/0000.png").unlink()
    wanted = ["camel_desert/0000.png", "horse_grass/0001.png"]
    assert [one.file_name for one in remaining(made, tmp_path)] == wanted
    painter, steps = Painter(), list[tuple[int, int]]()
    assert generate(made, painter, tmp_path, lambda *done: steps.append(done)) == 2
    assert (painter.asked, steps[0]) == (wanted, (6, 8))
    assert remaining(made, tmp_path) == []
    assert len(listed(tmp_path)) == 8


def test_a_refusal_is_asked_again_only_when_told(tmp_path: Path) -> None:
    made = study()

    def refuse(one: Wanted) -> object:
        return Refused("no horses") if one.file_name == "horse_grass/0000.png" else None

    assert generate(made, Painter(refuse), tmp_path) == 7
    assert ("horse_grass/0000.png", "refused") in logged(tmp_path)
    assert len(listed(tmp_path)) == 7
    again = Painter()
    assert (generate(made, again, tmp_path), again.asked) == (0, [])
    assert [one.index for one in remaining(made, tmp_path, retry_refused=True)] == [0]
    assert generate(made, again, tmp_path, retry_refused=True) == 1
    assert again.asked == ["horse_grass/0000.png"]
    assert remaining(made, tmp_path, retry_refused=True) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "other"}, "model 'm', not 'other'"),
        ({"size": 64}, "size 32, not 64"),
        ({"backend": "local"}, "backend 'service'"),
        ({"prompt": "a drawing of a {object} {context}"}, "same prompt"),
        ({"per_group": 1}, "at least as many per group"),
    ],
)
def test_another_plan_needs_another_folder(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    generate(study(), Painter(), tmp_path)
    for call in (
        lambda: generate(study(**change), Painter(pytest.fail), tmp_path),
        lambda: remaining(study(**change), tmp_path),
    ):
        with pytest.raises(GenerateError, match=words):
            call()


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [("thesis.txt", "mine", "choose a new folder")]
    + [
        ("plan.json", content, "cannot be read")
        for content in ("", "{", "[]", "{}", '{"pictures": [1]}', '{"pictures": [{"object": "horse"}]}')
    ],
)
def test_a_folder_of_something_else_is_left_alone(file: str, content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(content)
    with pytest.raises(GenerateError, match=words):
        generate(study(), Painter(pytest.fail), tmp_path)
    assert (tmp_path / file).read_text() == content
    assert {path.name for path in tmp_path.iterdir()} <= {file, ".generate.lock"}


def test_a_plan_may_grow_and_a_half_written_log_line_is_skipped_and_ended(tmp_path: Path) -> None:
    generate(study(1), Painter(), tmp_path)
    with (tmp_path / "generation.jsonl").open("a") as file:
        file.write('{"file_name": "horse_grass/0000.png", "sta')
    assert generate(study(2), Painter(), tmp_path) == 4
    lines = (tmp_path / "generation.jsonl").read_text().splitlines()
    assert len(lines) == 9
    assert json.loads(lines[-1])["status"] == "ok"
    assert len(listed(tmp_path)) == 8


def test_a_folder_that_is_held_or_cannot_be_locked_is_a_sentence(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".generate.lock"), pytest.raises(GenerateBusyError):
        generate(study(), Painter(), tmp_path)
    (tmp_path / ".generate.lock").unlink(missing_ok=True)
    (tmp_path / ".generate.lock").mkdir()
    with pytest.raises(HomeError, match=r"\.generate\.lock cannot be written"):
        generate(study(), Painter(), tmp_path)


def test_an_interrupted_run_is_listed_and_resumed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        generate(study(), stop_at_third(KeyboardInterrupt()), tmp_path)
    assert [row["file_name"] for row in listed(tmp_path)] == ["horse_grass/0000.png", "horse_desert/0000.png"]
    assert generate(study(), Painter(), tmp_path) == 6
    assert len(listed(tmp_path)) == 8


KILLED = """
import sys, time
from pathlib import Path
from PIL import Image
from vlcore.generation import generate, plan
class Slow:
    batch = 1
    def draw(self, pictures):
        time.sleep(0.02)
        return [Image.effect_noise((512, 512), 90).convert("RGB")]
generate(plan(["horse"], ["on the grass"], 500, backend="service", model="m", size=512), Slow(), Path(sys.argv[1]))
"""


def test_a_killed_run_is_resumed(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    run = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], cwd=Path(__file__).parents[2])
    give_up = time.monotonic() + 60
    while not (folder / "horse_grass/0003.png").exists():
        assert run.poll() is None, "it ended by itself"
        assert time.monotonic() < give_up
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    missing = remaining(plan(["horse"], ["on the grass"], 500, backend="service", model="m", size=512), folder)
    there = {path.relative_to(folder).as_posix() for path in folder.glob("*/[!.]*.png")}
    assert len(there) >= 4
    assert there.isdisjoint(one.file_name for one in missing), "every picture that has its name is whole"
    assert len(there) + len(missing) == 500


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill(one: Wanted) -> None:
        if one.file_name == "camel_grass/0000.png":
            monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(HomeError, match=r"\(No space left on device\); make room .* to go on"):
        generate(study(), Painter(fill), tmp_path)
    monkeypatch.undo()
    assert not list(tmp_path.rglob(".*.png*"))
    assert not (tmp_path / "camel_grass/0000.png").exists()
    assert generate(study(), Painter(), tmp_path) == 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_log_on_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    def fill(one: Wanted) -> None:
        if one.file_name == "camel_grass/0000.png":
            (tmp_path / "generation.jsonl").unlink()
            (tmp_path / "generation.jsonl").symlink_to("/dev/full")

    with pytest.raises(HomeError, match=r"generation\.jsonl cannot be written"):
        generate(study(), Painter(fill), tmp_path)
    assert len(listed(tmp_path)) == 3


@given(st.integers(1, 40), st.one_of(st.none(), st.floats(0, 500)))
def test_waits_grow_to_a_bound_and_never_undercut_the_service(attempt: int, after: float | None) -> None:
    grown = min(60, 2 ** (attempt - 1))
    assert max(grown / 2, after or 0) <= waiting_seconds(attempt, after) <= max(grown / 2, after or 0) + grown / 2


def test_a_failed_attempt_is_repeated_and_logged(tmp_path: Path) -> None:
    left = [TryAgainError("busy"), TryAgainError("busy", 7.0)]
    waited = list[float]()

    def fail(_one: Wanted) -> None:
        if left:
            raise left.pop(0)

    assert generate(study(1), Painter(fail), tmp_path, sleep=waited.append) == 4
    assert [status for _, status in logged(tmp_path)] == ["failed", "failed", "ok", "ok", "ok", "ok"]
    assert 0.5 <= waited[0] <= 1
    assert 7 <= waited[1] <= 8


def test_a_service_that_asks_for_an_hour_ends_the_run(tmp_path: Path) -> None:
    full = stop_at_third(TryAgainError("The service is full", 3600.0))
    with pytest.raises(GenerateError, match="and it asks to wait 60 minutes"):
        generate(study(1), full, tmp_path, sleep=pytest.fail)


def test_options_of_the_other_back_end_and_missing_packages_are_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk")
    local, service = study(backend="local", model="owner/model"), study()
    for made, options, words in (
        (local, {"base_url": "http://localhost/v1"}, "for the local back end"),
        (local, {"batch": 0}, "at least 1"),
        (service, {"batch": 4}, "one picture at a time"),
    ):
        with pytest.raises(GenerateError, match=words):
            open_backend(made, **options)
    for made, package in ((service, "openai"), (local, "diffusers")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(GenerateError, match=f"pip install .{package}"):
            open_backend(made)
