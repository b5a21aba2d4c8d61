"""Runs of a plan: a folder that is always whole and goes on, and no picture is asked for twice."""

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from filelock import FileLock

from tests.data.generation.stand_ins import Painter, listed, logged, png, shows_picture, study
from vlcore.data.generation import find_backend, generate_images, plan, remaining
from vlcore.data.generation.plan import GenerateError, PlannedImage
from vlcore.experiment.errors import BusyError
from vlcore.experiment.files import HomeError


def test_a_run_leaves_pictures_a_list_and_a_log(tmp_path: Path) -> None:
    made = study(backend="local", steps=4)
    painter = Painter(batch=3)
    steps = list[tuple[int, int]]()
    folder = tmp_path / "set"
    assert remaining(made, folder) == list(made.images)
    assert not folder.exists()
    assert generate_images(made, painter, folder, lambda *done: steps.append(done)) == 8
    assert remaining(made, folder, retry_refused=True) == []
    assert [name[-8:] for name in painter.asked] == ["0000.png"] * 4 + ["0001.png"] * 4, (
        "group by group in turn"
    )
    assert steps == [(0, 8), (3, 8), (6, 8), (8, 8)]
    for row, image in zip(listed(folder), made.images, strict=True):
        shared = {"model": "m", "backend": "local", "steps": 4}
        assert json.loads(row.pop("factors")) == {
            "prompt": image.prompt,
            **shared,
            "seed": image.seed,
            "size": "32x32",
        }
        assert list(row.values()) == [image.file_name, image.object, image.context, image.prompt]
        assert shows_picture(folder / image.file_name, image.index)
    assert sorted(logged(folder)) == sorted((image.file_name, "ok") for image in made.images)
    assert not [path for path in folder.rglob(".*") if path.name != ".generate.lock"]


def test_what_is_there_and_readable_is_not_asked_for_again(tmp_path: Path) -> None:
    made = study()
    generate_images(made, Painter(), tmp_path)
    (tmp_path / "horse_grass/0001.png").write_bytes(png()[:200])
    (tmp_path / "camel_desert/0000.png").unlink()
    wanted = ["camel_desert/0000.png", "horse_grass/0001.png"]
    assert [image.file_name for image in remaining(made, tmp_path)] == wanted
    painter, steps = Painter(), list[tuple[int, int]]()
    assert generate_images(made, painter, tmp_path, lambda *done: steps.append(done)) == 2
    assert (painter.asked, steps[0]) == (wanted, (6, 8))
    assert remaining(made, tmp_path) == []
    assert len(listed(tmp_path)) == 8


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "other"),
        ("size", 64),
        ("backend", "local"),
        ("prompt", "{object} {context}"),
        ("per_group", 1),
    ],
)
def test_another_plan_needs_another_folder(name: str, value: Any, tmp_path: Path) -> None:
    generate_images(study(), Painter(), tmp_path)
    for call in (generate_images, lambda plan, _painter, folder: remaining(plan, folder)):
        with pytest.raises(GenerateError, match="was begun with"):
            call(study(**{name: value}), Painter(pytest.fail), tmp_path)


NO_PLANS = ("{", "[]", '{"pictures": [{"object": "horse"}]}')


@pytest.mark.parametrize(
    ("file", "content"), [("thesis.txt", "mine"), *(("plan.json", text) for text in NO_PLANS)]
)
def test_a_folder_of_something_else_is_left_alone(file: str, content: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(content)
    with pytest.raises(GenerateError, match="choose a new folder"):
        generate_images(study(), Painter(pytest.fail), tmp_path)
    assert (tmp_path / file).read_text() == content
    assert {path.name for path in tmp_path.iterdir()} <= {file, ".generate.lock"}


def test_a_plan_may_grow_and_a_half_written_log_line_is_skipped(tmp_path: Path) -> None:
    generate_images(study(1), Painter(), tmp_path)
    with (tmp_path / "generation.jsonl").open("a") as file:
        file.write('{"file_name": "horse_grass/0000.png", "sta')
    assert generate_images(study(2), Painter(), tmp_path) == 4
    assert len(listed(tmp_path)) == 8


def test_a_folder_that_is_held_or_cannot_be_locked_is_a_sentence(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".generate.lock"), pytest.raises(BusyError):
        generate_images(study(), Painter(), tmp_path)
    (tmp_path / ".generate.lock").unlink(missing_ok=True)
    (tmp_path / ".generate.lock").mkdir()
    with pytest.raises(HomeError, match=r"\.generate\.lock cannot be written"):
        generate_images(study(), Painter(), tmp_path)


@pytest.mark.parametrize("trouble", ["interrupt", "disk", "log"])
def test_a_run_that_stops_is_listed_and_resumed(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(image: PlannedImage) -> None:
        if image.file_name != "camel_grass/0000.png":
            return
        if trouble == "interrupt":
            raise KeyboardInterrupt
        if trouble == "disk":
            monkeypatch.setattr(
                os, "fsync", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device"))
            )
        elif trouble == "log":
            (tmp_path / "generation.jsonl").unlink()
            (tmp_path / "generation.jsonl").mkdir()

    error, words = (
        (KeyboardInterrupt, None)
        if trouble == "interrupt"
        else (HomeError, "cannot be written .* to go on")
    )
    with pytest.raises(error, match=words):
        generate_images(study(), Painter(stop), tmp_path)
    monkeypatch.undo()
    if trouble == "log":
        (tmp_path / "generation.jsonl").rmdir()
    assert not list(tmp_path.rglob(".*.png*"))
    there = 3 if trouble == "log" else 2
    assert trouble == "disk" or len(listed(tmp_path)) == there
    assert generate_images(study(), Painter(), tmp_path) == 8 - there
    assert len(listed(tmp_path)) == 8


def test_options_of_the_other_back_end_and_missing_packages_are_sentences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk")
    local, service = study(backend="local", model="owner/model"), study()
    for made, options in (
        (local, {"base_url": "http://localhost/v1"}),
        (local, {"batch": 0}),
        (service, {"batch": 4}),
    ):
        with pytest.raises(GenerateError, match=r"local back end|at least 1|one image at a time"):
            find_backend(made, **options)
    for made, package in ((service, "openai"), (local, "diffusers")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(GenerateError, match=f"pip install .{package}"):
            find_backend(made)


KILLED = """
import sys, time
from pathlib import Path
from PIL import Image
from vlcore.data.generation import generate_images, plan
class Slow:
    batch = 1
    def draw(self, images):
        time.sleep(0.02)
        return [Image.effect_noise((512, 512), 90).convert("RGB")]
wanted = plan(["horse"], ["on the grass"], 500, backend="service", model="m", size=512)
generate_images(wanted, Slow(), Path(sys.argv[1]))
"""


def test_a_killed_run_is_resumed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "set")], cwd=Path(__file__).parents[3]
    ) as run:
        give_up = time.monotonic() + 60
        while not (tmp_path / "set/horse_grass/0003.png").exists():
            assert run.poll() is None, "it ended by itself"
            assert time.monotonic() < give_up
            time.sleep(0.01)
        run.kill()
    wanted = plan(["horse"], ["on the grass"], 500, backend="service", model="m", size=512)
    missing = remaining(wanted, tmp_path / "set")
    there = {
        path.relative_to(tmp_path / "set").as_posix()
        for path in (tmp_path / "set").glob("*/[!.]*.png")
    }
    assert len(there) >= 4
    assert there.isdisjoint(image.file_name for image in missing), (
        "every picture that has its name is whole"
    )
    assert len(there) + len(missing) == 500
