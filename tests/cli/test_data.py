"""The data commands from a shell: what they make and print, and one sentence where that fails."""

import json
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest
from filelock import FileLock

from tests.cli.conftest import GROUPS, Document, Patch, Refused, program
from tests.conftest import Cli, publish_as
from tests.data.importers.sources import cells, write
from tests.jobs.children import claim
from tests.jobs.test_progress import Terminal
from vlcore.__main__ import BAD_INPUT, BUSY, main
from vlcore.artifacts import store
from vlcore.data import catalogue, drawn
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import read_set
from vlcore.experiment.wording import FEW
from vlcore.jobs import queue

STEPS = ("--set", "steps=4")
SNOWY = {"horse_snow", "horse_beach", "camel_beach", "camel_snow"}
PLACES = {
    "contexts": ["snow", "beach"],
    "context_contrast": 1.0,
    "object_contrast": 1.0,
    "object_size": 1.0,
    "seed": 0,
}


def make_folder(
    root: Path, objects: str = "horse camel", contexts: str = "grass desert", per_group: int = 6
) -> Path:
    """Pictures in folders OBJECT/CONTEXT."""
    return write(root, cells(dict.fromkeys(product(objects.split(), contexts.split()), per_group)))


def section(out: str, name: str) -> list[str]:
    """The indented lines under a name of the text output."""
    lines = out.splitlines()
    start = lines.index(f"{name}:") + 1
    end = next(
        (at for at, line in enumerate(lines[start:], start) if not line.startswith("  ")),
        len(lines),
    )
    return [line.strip() for line in lines[start:end]]


def test_list_and_show_say_what_there_is_before_it_is_drawn(
    cli: Cli, document: Document, empty_home: Path
) -> None:
    names = [about["name"] for about in document("data", "list")]
    assert names == ["scenes", "balanced-cues", "renders"]
    about = document("data", "show", "scenes")
    assert (about["images"], about["on_disk"]) == (4512, 0)
    assert about["splits"]["test"] == dict.fromkeys(GROUPS, 500)
    head, *splits = [line.split() for line in section(cli("data", "show", "scenes")[1], "splits")]
    assert head == ["split", *GROUPS]
    assert [split for split, *_ in splits] == list(about["splits"])
    assert list(empty_home.iterdir()) == [], "looking writes nothing"


def test_a_damaged_set_hides_no_other(
    document: Document, refused: Refused, empty_home: Path, renders: Path
) -> None:
    (empty_home / "data" / "broken").mkdir(parents=True)
    (empty_home / "data" / "broken" / "dataset.json").write_text("{}")
    sentence = refused("data", "show", "broken")
    *others, broken = document("data", "list")
    assert [about["images"] for about in others] == [4512, 4512, 84]
    assert broken["message"] in sentence


def test_render_writes_a_folder_to_browse(
    document: Document, empty_home: Path, monkeypatch: Patch
) -> None:
    out = empty_home / "shown"
    said = document("data", "render", "--out", out, "--n-per-group", 2, "--size", 48, "--seed", 5)
    assert said == {"name": "shown", "images": 8, "folder": str(out)}
    rows = read_set(out).table
    assert rows["group"].value_counts().to_dict() == dict.fromkeys(GROUPS, 2)
    assert all((out / file).exists() for column in ("file_name", "mask") for file in rows[column])
    folder = empty_home / "Schnee <b>"
    folder.mkdir()
    monkeypatch.chdir(folder)
    recipe = ("--name", "snowy", "--contexts", "snow, beach")
    said = document("data", "render", *recipe, "--n-per-group", 1, "--size", 32, "--out", ".")
    assert said == {"name": "Schnee <b>", "images": 4, "folder": "."}
    assert json.loads((folder / "dataset.json").read_text())["recipe"] == PLACES
    assert set(read_set(folder).table["group"]) == SNOWY
    assert not (empty_home / "data").exists(), "the set itself is not made"


@pytest.fixture
def few_scenes(empty_home: Path, monkeypatch: Patch) -> Iterator[Path]:
    """Sets of one picture for each split and group, drawn by threads for processes: what is drawn
    is the same."""
    monkeypatch.setattr(drawn, "PER_GROUP", dict.fromkeys(drawn.PER_GROUP, 1))
    monkeypatch.setattr(queue, "worker_pool", lambda: ThreadPoolExecutor(2))
    drawn.scene_table.cache_clear()
    yield empty_home / "data"
    drawn.scene_table.cache_clear()


def test_render_makes_and_fills_a_set_of_a_new_name(
    document: Document, refused: Refused, few_scenes: Path
) -> None:
    settings = ("--contexts", "snow,beach", "--context-contrast", 0.5)
    about = document("data", "render", "--name", "snowy", *settings)
    assert about["groups"] == dict.fromkeys(SNOWY, 4)
    assert about["on_disk"] == about["images"] == 16
    assert len([*few_scenes.glob("[!.]*/**/*.png")]) == 32, "images and masks"
    assert document("data", "show", "snowy")["recipe"] == PLACES | {"context_contrast": 0.5}
    for same in ((), settings[:2]):
        assert document("data", "render", "--name", "snowy", *same) == about
    for other in (("--object-size", 0.5), (*settings[:2], "--context-contrast", 1)):
        sentence = refused("data", "render", "--name", "snowy", *other)
        assert "(contexts snow,beach, " in sentence


def test_render_does_not_write_into_what_is_there(refused: Refused, empty_home: Path) -> None:
    full, file = empty_home / "full", empty_home / "file"
    full.mkdir()
    (full / "precious").write_text("do not touch")
    file.write_text("do not touch")
    for out in (full, file, file / "within"):
        assert str(out) in refused("data", "render", "--out", out, "--n-per-group", 1)
    assert sorted(path.name for path in empty_home.rglob("*")) == ["file", "full", "precious"]


def test_a_folder_becomes_a_set(
    cli: Cli, document: Document, empty_home: Path, tmp_path: Path
) -> None:
    source = make_folder(tmp_path / "zoo")
    (source / "horse" / "grass" / "note.png").write_text("no picture")
    said = document(
        "data", "import", source, "--name", "zoo", "--licence", "CC0 <1.0>", "--seed", 3
    )
    assert said["counts"] == dict.fromkeys(GROUPS, 6)
    assert [name for name, _ in said["skipped"]] == ["horse/grass/note.png"]
    about = document("data", "show", "zoo")
    assert about["on_disk"] == about["images"] == 24
    assert (about["source"], about["licence"]) == ("zoo", "CC0 <1.0>")
    out = cli("data", "show", "zoo")[1]
    assert section(out, "notes") == about["notes"], "a sentence a line"
    assert section(out, "left out") == ["files: 1", f"list: {said['left_out']}"]


def test_options_of_an_import_reach_it(
    document: Document, empty_home: Path, tmp_path: Path
) -> None:
    source = make_folder(tmp_path / "zoo", "camel horse zebra", "grass desert snow", per_group=5)
    archive = shutil.make_archive(str(tmp_path / "zoo"), "zip", source)
    chosen = ("--objects", "zebra, horse", "--contexts", "snow,grass", "--max-per-group", 4)
    captions = ("--short", "one {object}", "--descriptive", "one {object} with {context}")
    said = document("data", "import", archive, "--name", "z", *chosen, *captions)
    groups = ("zebra_snow", "zebra_grass", "horse_grass", "horse_snow")
    assert list(said["counts"].items()) == [(group, 4) for group in groups]
    about = document("data", "show", "z")
    assert about["captions"]["undescriptive"] == "one {object}"
    assert (said["not_chosen"], about["left_out"]) == (4, {"list": said["left_out"]})
    assert "one zebra with snow" in set(open_set("z").table["caption"])


def test_a_busy_set(refused: Refused, empty_home: Path, tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(catalogue, "LOCK_WAIT", 0)
    source, data = make_folder(tmp_path / "zoo", per_group=4), empty_home / "data"
    (data / ".incoming").mkdir(parents=True)
    with FileLock(data / ".incoming" / "zoo.lock"):
        sentence = refused("data", "import", source, "--name", "zoo", code=BUSY)
    assert sentence.startswith("zoo is being imported by another process")


@pytest.fixture(scope="module")
def own_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an imported set of 24 pictures, whose name holds a tag, and a model of it."""
    home = tmp_path_factory.mktemp("own")
    source = make_folder(home / "Zoo é <i>")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(home))
        arguments = ["data", "import", str(source), "--name", "own", "--short", "a {object}"]
        assert main([*arguments, "--json"]) == 0
        assert main(["train", "--data", "own", *STEPS, "--json"]) == 0
    return home


@pytest.fixture
def own(own_set: Path, monkeypatch: Patch) -> Path:
    monkeypatch.setenv("VLCORE_HOME", str(own_set))
    return own_set


def test_training_follows_the_size_of_a_set(
    cli: Cli, document: Document, refused: Refused, own: Path
) -> None:
    made = document("train", "--data", "own", *STEPS)
    assert (made["state"], made["steps"]) == ("cached", 4)
    # What the largest of five folds leaves of six.
    assert (made["train_images"], made["models"]) == (dict.fromkeys(GROUPS, 4), 5)
    out = cli("train", "--data", "own", *STEPS)[1]
    assert f"fewer than {FEW} held-out images: horse_grass (6), " in out
    assert section(out, "warnings") == made["warnings"]
    for command in (("train",), ("study", "experiments")):
        sentence = refused(*command, "--data", "own", "--set", "n_per_group=7")
        assert "choose at most that many as n_per_group" in sentence


def test_a_name_is_printed_on_a_terminal_that_lacks_its_script(own: Path) -> None:
    shown = program(own, "data", "show", "own", PYTHONIOENCODING="ascii")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "source: Zoo \\xe9 <i>\n" in shown.stdout


def test_check_answers_each_question_once(cli: Cli, document: Document, own: Path) -> None:
    found = document("data", "check", "own")
    assert len({entry["name"] for entry in found}) == len(found) > 5
    head, *lines = cli("data", "check", "own")[1].splitlines()
    assert (head.split(), len(lines)) == (["name", "ok", "sentence"], len(found))
    (key,) = (key for key in store.published_keys() if key.endswith(".checks"))
    assert {"key": key, "ok": True} in document("verify")


def test_a_set_is_removed_and_its_models_stay(
    cli: Cli, document: Document, refused: Refused, own: Path, tmp_path: Path, monkeypatch: Patch
) -> None:
    shutil.copytree(own, tmp_path / "home")
    monkeypatch.setenv("VLCORE_HOME", str(tmp_path / "home"))
    key = document("train", "--data", "own", *STEPS)["key"]
    trained = store.read(key)
    without_training = {"objective": "pretrained", "architecture": "clip:a/b", "steps": 0}
    brought = publish_as(trained, trained.condition.replace(**without_training)).key
    folder = tmp_path / "home" / "data" / "own"
    assert "give --yes" in refused("data", "remove", "own", lines=2)
    other = key.replace("-b0-", "-b50-")
    with claim(other, state="running"):
        assert other in refused("data", "remove", "own", "--yes", code=BUSY)
    assert folder.exists()
    code, out, err = cli("data", "remove", "own", "--yes", "--json")
    assert (code, err.count("\n")) == (0, 1)
    said = json.loads(out)
    assert said["removed"] == [str(folder)]
    assert {key, brought} <= set(said["models_that_stay"])
    assert not folder.exists()
    assert document("status", key)[0]["state"] == "done"


def test_somebody_is_asked_before_a_set_goes(
    cli: Cli, empty_home: Path, monkeypatch: Patch
) -> None:
    data = empty_home / "data"
    for name in ("zoo", "zoo-2"):
        (data / name).mkdir(parents=True)
        (data / name / "dataset.json").write_text("{}")
    question = f"{data / 'zoo'} will be removed with all images in it.\nRemove it? [y/N] "
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert cli("data", "remove", "zoo") == (BAD_INPUT, "", f"{question}Nothing was done.\n")
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    said = f"name: zoo\nremoved:\n  {data / 'zoo'}\nmodels that stay: none\n"
    assert cli("data", "remove", "zoo") == (0, said, question)
    assert [path.name for path in data.glob("[!.]*")] == ["zoo-2"]
