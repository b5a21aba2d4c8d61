"""The data commands from a shell: what they make, what they print, and one sentence where something is wrong."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from tests.cli.conftest import GROUPS, Document, Refused, program
from tests.conftest import Cli
from tests.generation.stand_ins import Shop, fails, shows
from vlcore import generation
from vlcore.__main__ import BAD_INPUT, BUSY, CANCELLED, main
from vlcore.core.wording import FEW
from vlcore.datasets import drawn, staging
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.imageset import read_set
from vlcore.scenes import Scene, draw
from vlcore.store import artefacts, jobs, queue

STEPS = ("--set", "steps=4")
SNOWY = {"horse_snow", "horse_beach", "camel_beach", "camel_snow"}
PENCIL = {
    "contexts": ["snow", "beach"], "style": "pencil", "context_contrast": 1.0, "object_contrast": 1.0,
    "object_size": 1.0,
}  # fmt: skip


def picture(seed: int, size: int = 64) -> Image.Image:
    """A random field of colour: no two are near-duplicates."""
    field = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(field).resize((size, size), Image.Resampling.BICUBIC)


def make_folder(
    root: Path,
    objects: tuple[str, ...] = ("horse", "camel"),
    contexts: tuple[str, ...] = ("grass", "desert"),
    per_group: int = 6,
) -> Path:
    """Pictures in folders OBJECT/CONTEXT."""
    pairs = [(obj, context) for obj in objects for context in contexts]
    for number, (obj, context) in enumerate(pairs):
        (root / obj / context).mkdir(parents=True)
        for index in range(per_group):
            picture(1000 * number + index).save(root / obj / context / f"{index}.png")
    return root


def section(out: str, name: str) -> list[str]:
    """The indented lines under a name of the text output."""
    lines = out.splitlines()
    start = lines.index(f"{name}:") + 1
    end = next((at for at, line in enumerate(lines[start:], start) if not line.startswith("  ")), len(lines))
    return [line.strip() for line in lines[start:end]]


# --- list and show


def test_list_and_show_say_what_there_is_before_anything_is_drawn(
    cli: Cli, document: Document, empty_home: Path
) -> None:
    listed = document("data", "list")
    assert [(about["name"], about["on_disk"]) for about in listed] == [("scenes", 0), ("balanced-cues", 0)]
    head, scenes, _ = cli("data", "list")[1].splitlines()
    assert re.split(r"  +", head) == ["name", "images", "on disk", "groups"]
    groups = ", ".join(f"{group} 1,128" for group in GROUPS)
    assert re.split(r"  +", scenes) == ["scenes", "4,512", "0", groups]
    about = document("data", "show", "scenes")
    assert (about["name"], about["images"], about["on_disk"]) == ("scenes", 4512, 0)
    assert about["groups"] == dict.fromkeys(GROUPS, 1128)
    assert list(about["splits"]) == ["train", "val", "probe", "test"]
    assert about["splits"]["test"] == dict.fromkeys(GROUPS, 500)
    assert about["licence"] == "Apache-2.0"
    assert about["recipe"]["style"] == "photo"
    out = cli("data", "show", "scenes")[1]
    assert [line.split() for line in section(out, "splits")] == [
        ["split", *GROUPS],
        *([split, *["480" if split == "train" else str(drawn.PER_GROUP[split])] * 4] for split in about["splits"]),
    ]
    assert len(re.findall("style: photo", out)) == 1
    assert list(empty_home.iterdir()) == [], "looking writes nothing"


def test_a_set_that_cannot_be_read_hides_no_other(
    cli: Cli, document: Document, refused: Refused, empty_home: Path
) -> None:
    (empty_home / "data" / "broken").mkdir(parents=True)
    (empty_home / "data" / "broken" / "dataset.json").write_text("{}")
    assert refused("data", "show", "broken").startswith("There is no usable image set named 'broken'")
    *others, broken = document("data", "list")
    assert [about["images"] for about in others] == [4512, 4512]
    assert set(broken) == {"name", "message"}
    assert "There is no usable image set named 'broken'" in cli("data", "list")[1]


# --- render


def test_render_writes_a_folder_to_browse(document: Document, empty_home: Path) -> None:
    out = empty_home / "shown"
    said = document("data", "render", "--out", out, "--n-per-group", 2, "--size", 48, "--seed", 5)
    assert said == {"name": "shown", "images": 8, "folder": str(out)}
    with (out / "metadata.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["object"] + "_" + row["context"] for row in rows] == [
        name for name in open_set("scenes").grouping.names for _ in range(2)
    ]
    pictures = {path.relative_to(out).as_posix() for path in out.rglob("*.png")}
    assert pictures == {row["file_name"] for row in rows} | {row["mask"] for row in rows}
    for row in rows:
        drawing = draw(Scene.from_factors(json.loads(row["factors"])), 48)
        assert np.array_equal(np.asarray(Image.open(out / row["file_name"])), drawing.image)
        assert np.array_equal(np.asarray(Image.open(out / row["mask"])), drawing.mask)
        assert row["split"] == "train"
    assert len({row["factors"] for row in rows}) == 8
    assert len(read_set(out).table) == 8, "it is an image set like any other"
    assert not (empty_home / "data").exists()
    first, same = rows[0]["file_name"], {}
    for seed in (5, 6):
        again = ("--out", empty_home / f"seed-{seed}", "--n-per-group", 1, "--size", 48, "--seed", seed)
        assert document("data", "render", *again)["images"] == 4
        same[seed] = (empty_home / f"seed-{seed}" / first).read_bytes() == (out / first).read_bytes()
    assert same == {5: True, 6: False}


def test_render_shows_a_recipe_before_it_becomes_a_set(
    document: Document, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = empty_home / "Schnee <b>"
    out.mkdir()
    monkeypatch.chdir(out)
    recipe = ("--contexts", "snow, beach", "--style", "pencil", "--object-size", 0.5)
    said = document("data", "render", "--name", "snowy", *recipe, "--n-per-group", 1, "--size", 32, "--out", ".")
    assert said == {"name": "Schnee <b>", "images": 4, "folder": "."}
    about = json.loads((out / "dataset.json").read_text())
    assert (about["name"], about["recipe"]) == ("Schnee <b>", PENCIL | {"object_size": 0.5})
    assert set(read_set(out).table["group"]) == SNOWY
    assert not (empty_home / "data").exists(), "the set itself is not made"


@pytest.fixture
def few_scenes(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Sets of one picture for each split and group, drawn by threads for processes: what is drawn is the same."""
    monkeypatch.setattr(drawn, "PER_GROUP", dict.fromkeys(drawn.PER_GROUP, 1))
    monkeypatch.setattr(queue, "worker_pool", lambda: ThreadPoolExecutor(2))
    drawn.scene_table.cache_clear()
    yield empty_home / "data"
    drawn.scene_table.cache_clear()


def test_render_fills_the_image_set(document: Document, few_scenes: Path) -> None:
    folder = few_scenes / f"scenes-v{drawn.VERSION}"
    assert document("data", "show", "scenes")["on_disk"] == 0
    for _ in range(2):  # the second time nothing is left to do
        about = document("data", "render")
        assert (about["images"], about["on_disk"]) == (16, 16)
        assert len(sorted(folder.rglob("*.png"))) == 32, "pictures and masks"
    assert json.loads((folder / "dataset.json").read_text())["images"] == 16


def test_render_makes_a_set_of_a_new_name(document: Document, refused: Refused, few_scenes: Path) -> None:
    settings = ("--contexts", "snow,beach", "--style", "pencil", "--context-contrast", 0.5)
    about = document("data", "render", "--name", "snowy", *settings)
    assert about["groups"] == dict.fromkeys(SNOWY, 4)
    assert about["on_disk"] == about["images"] == 16
    folder = few_scenes / f"snowy-v{drawn.VERSION}"
    assert [path.name for path in few_scenes.glob("[!.]*")] == [folder.name]
    assert document("data", "show", "snowy")["recipe"] == PENCIL | {"context_contrast": 0.5}
    assert [entry["name"] for entry in document("data", "list")] == ["scenes", "balanced-cues", "snowy"]

    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}
    for same in ((), settings, settings[2:4]):
        assert document("data", "render", "--name", "snowy", *same) == about
    for other in (("--style", "night"), ("--contexts", "beach,snow"), (*settings[:4], "--context-contrast", 1)):
        sentence = refused("data", "render", "--name", "snowy", *other)
        assert "(contexts snow,beach, style pencil, context-contrast 0.5, object-contrast 1.0, object" in sentence
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")} == before


def test_render_does_not_write_into_what_is_there(refused: Refused, empty_home: Path) -> None:
    full, file = empty_home / "full", empty_home / "file"
    full.mkdir()
    (full / "precious").write_text("do not touch")
    file.write_text("do not touch")
    for out in (full, file):
        sentence = refused("data", "render", "--out", out, "--n-per-group", 1)
        assert sentence == f"{out} exists and is not empty; give --out a new folder."
    assert "cannot be written" in refused("data", "render", "--out", file / "within", "--n-per-group", 1)
    assert sorted(path.name for path in empty_home.rglob("*")) == ["file", "full", "precious"]


# --- import


def test_a_folder_becomes_a_set(cli: Cli, document: Document, empty_home: Path, tmp_path: Path) -> None:
    source = make_folder(tmp_path / "zoo")
    (source / "horse" / "grass" / "note.png").write_text("no picture")
    said = document("data", "import", source, "--name", "zoo", "--licence", "CC0 <1.0>", "--seed", 3)
    assert (said["name"], said["format"]) == ("zoo", "folders")
    assert said["counts"] == dict.fromkeys(GROUPS, 6)
    assert said["splitting"]["kind"] == "folds"
    assert [name for name, _ in said["skipped"]] == ["horse/grass/note.png"]
    assert said["folder"] == str(empty_home / "data" / "zoo")

    about = document("data", "show", "zoo")
    assert about["groups"] == dict.fromkeys(GROUPS, 6)
    assert about["on_disk"] == about["images"] == 24
    assert (about["source"], about["licence"]) == ("zoo", "CC0 <1.0>")
    assert about["splitting"] == said["splitting"]
    assert set(said["warnings"]) <= set(about["notes"])
    assert "recipe" not in about
    code, out, _ = cli("data", "show", "zoo")
    assert code == 0
    assert section(out, "notes") == about["notes"], "a sentence a line"
    assert section(out, "splits")[1].split() == ["pool", "6", "6", "6", "6"]
    assert about["left_out"] == {"files": 1, "list": said["left_out"]}
    assert section(out, "left out") == ["files: 1", f"list: {said['left_out']}"]
    assert Path(said["left_out"]).read_text().startswith('file,reason\nhorse/grass/note.png,"is not a PNG')
    assert f"groups: {', '.join(f'{group} 6' for group in about['groups'])}\n" in out

    code, out, _ = cli("data", "import", source, "--name", "again", "--seed", 3)
    assert code == 0
    assert out.startswith("name: again\nformat: folders\ncounts: horse_grass 6, ")
    assert len(section(out, "skipped")) == 1
    assert section(out, "warnings") == said["warnings"]


def test_a_zip_two_of_three_objects_and_templates(document: Document, empty_home: Path, tmp_path: Path) -> None:
    source = make_folder(tmp_path / "zoo", ("camel", "horse", "zebra"), ("grass", "desert", "snow"), per_group=4)
    packed = shutil.make_archive(str(tmp_path / "zoo"), "zip", source)
    said = document(
        "data", "import", packed, "--name", "z", "--objects", "zebra, horse", "--contexts", "snow,grass",
        "--short", "one {object}", "--descriptive", "one {object} with {context}", "--max-per-group", 4,
    )  # fmt: skip
    assert list(said["counts"].items()) == [
        (group, 4) for group in ("zebra_snow", "zebra_grass", "horse_grass", "horse_snow")
    ]
    assert document("data", "show", "z")["captions"] == {
        "undescriptive": "one {object}",
        "descriptive": "one {object} with {context}",
    }
    assert "one zebra with snow" in set(open_set("z").table["caption"])


def test_a_set_that_somebody_else_makes_is_exit_code_3(
    refused: Refused, shop: Shop, empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "LOCK_WAIT", 0)
    source, data = make_folder(tmp_path / "zoo", per_group=4), empty_home / "data"
    for folder in (data / ".incoming", data / ".generated" / "made"):
        folder.mkdir(parents=True)
    with FileLock(data / ".incoming" / "zoo.lock"):
        sentence = refused("data", "import", source, "--name", "zoo", code=BUSY)
    assert sentence.startswith("zoo is being imported by another process")
    with FileLock(data / ".generated" / "made" / ".generate.lock"):
        assert refused(*order(shop, "--yes"), code=BUSY, lines=2).startswith("Another run draws into ")


def test_names_in_any_script_on_a_terminal_that_lacks_it(document: Document, empty_home: Path, tmp_path: Path) -> None:
    source = make_folder(tmp_path / "Zoo é <i>", ("駱駝", "<b>Pferd"), ("Wüste", "Wiese & Gras"), per_group=4)
    assert list(document("data", "import", source, "--name", "zoo")["counts"].values()) == [4] * 4
    about = document("data", "show", "zoo")
    assert about["source"] == "Zoo é <i>"
    assert any("駱駝" in group for group in about["groups"])
    shown = program(empty_home, "data", "show", "zoo", PYTHONIOENCODING="ascii")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "source: Zoo \\xe9 <i>\n" in shown.stdout
    assert "\\u99f1\\u99dd" in shown.stdout
    bad = program(
        empty_home, "data", "import", source, "--name", "x", "--objects", "駱駝,cow", PYTHONIOENCODING="ascii"
    )
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (BAD_INPUT, "", 1)
    assert "no object named 'cow'; it has" in bad.stderr


# --- models of an imported set


@pytest.fixture(scope="module")
def own_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an imported set of 24 pictures, whose captions hold tags, and a model of it."""
    home = tmp_path_factory.mktemp("own")
    source = make_folder(home / "source")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(home))
        assert main(["data", "import", str(source), "--name", "own", "--short", "<b>{object}", "--json"]) == 0
        assert main(["train", "--data", "own", *STEPS, "--json"]) == 0
    return home


@pytest.fixture
def own(own_set: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VLCORE_HOME", str(own_set))
    return own_set


def test_training_on_an_imported_set_follows_its_size(cli: Cli, document: Document, own: Path) -> None:
    made = document("train", "--data", "own", *STEPS)
    assert (made["state"], made["steps"]) == ("cached", 4)
    artefact = artefacts.read(made["key"])
    groups = open_set("own").grouping.names
    assert artefact.condition.n_per_group == 4, "of six pictures, those that the largest of five folds leaves"
    assert made["metrics"]["few_pictures"] == dict.fromkeys(groups, 6)
    assert (made["train_images"], made["models"]) == (dict.fromkeys(groups, 4), 5)
    assert made["warnings"] == [
        "The training pictures are 4 of horse_grass, 4 of horse_desert, 4 of camel_desert, 4 of camel_grass; "
        "with fewer than 10 much depends on which they are."
    ]
    assert made["metrics"]["intervals"]["balanced_accuracy"][2] == 24, "each picture is held out once"
    code, out, _ = cli("train", "--data", "own", *STEPS)
    assert code == 0
    lines = dict(line.split(": ", 1) for line in out.splitlines() if ": " in line)
    few = ", ".join(f"{group} (6)" for group in artefact.metrics["end"]["group_accuracy"])
    assert lines[f"fewer than {FEW} held-out pictures"] == f"{few}; numbers that rest on them say little"
    assert lines["right on all groups (balanced)"].endswith(" of 24 held-out pictures")
    assert lines["train images"] == ", ".join(f"{group} 4" for group in groups)
    assert lines["models"] == "5"
    assert section(out, "warnings") == made["warnings"]


def test_too_many_pictures_are_asked_of_an_imported_set(refused: Refused, own: Path) -> None:
    for command in (("train",), ("study", "experiments")):
        sentence = refused(*command, "--data", "own", "--set", "n_per_group=7")
        assert re.search(r"'own' has \d training images of .*; choose at most that many as n_per_group", sentence)


def test_a_study_of_an_imported_set(cli: Cli, document: Document, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "worker_pool", ThreadPoolExecutor)
    states = [entry["state"] for entry in document("conditions", "--grid", "experiments", "--data", "own", *STEPS)]
    assert states == ["done", "absent", "absent", "absent"]
    entries = document("study", "experiments", "--data", "own", *STEPS, "--jobs", 1)
    assert [entry["state"] for entry in entries] == ["cached", "trained", "trained", "trained"]
    assert all(set(entry["metrics"]["few_pictures"].values()) == {6} for entry in entries)
    code, out, _ = cli("study", "experiments", "--data", "own", *STEPS, "--jobs", 1)
    assert code == 0
    head, *lines = out.splitlines()
    assert re.split(r"  +", head) == [
        "key", "bias", "labels", "seed", "state", "right on minority groups", f"fewer than {FEW} held-out pictures",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines] == [entry["key"] for entry in entries]
    assert all(" of 12 held-out pictures" in line and line.endswith("say little") for line in lines)


def test_pictures_land_in_a_model_of_an_imported_set(cli: Cli, document: Document, own: Path) -> None:
    key = document("train", "--data", "own", *STEPS)["key"]
    file = own / "source" / "horse" / "grass" / "0.png"
    (found,) = document("embed", file, "--model", key)["images"]
    assert found["file"] == str(file)
    assert found["neighbours"][0] | {"similarity": 1} == {
        "image": "images/horse-grass/00000.jpg", "object": "horse", "context": "grass",
        "source": "horse/grass/0.png", "similarity": 1,
    }  # fmt: skip
    assert {said["caption"] for said in found["captions"]} == {"<b>horse", "<b>camel"}
    code, out, _ = cli("embed", file, "--model", key)
    assert code == 0
    assert len(section(out, "images")) == len(out.splitlines()) - 2


# --- check


def test_check_answers_each_question_once(cli: Cli, document: Document, own: Path) -> None:
    found = document("data", "check", "own")
    assert len({entry["name"] for entry in found}) == len(found) > 5
    assert [set(entry) for entry in found] == [{"name", "ok", "sentence", "number"}] * len(found)
    held_out = next(entry for entry in found if entry["name"] == "held-out pictures")
    assert held_out["ok"] is False
    assert f"fewer than {FEW}" in held_out["sentence"]
    for entry in filter(lambda entry: entry["number"], found):
        assert entry["number"]["low"] <= entry["number"]["value"] <= entry["number"]["high"]

    code, out, err = cli("data", "check", "own")
    assert (code, err) == (0, "")
    head, *lines = out.splitlines()
    assert head.split() == ["name", "ok", "sentence"]
    words = {True: "ok", False: "NOT OK", None: "-"}
    assert [re.split(r"  +", line) for line in lines] == [
        [entry["name"], words[entry["ok"]], " ".join(entry["sentence"].split())] for entry in found
    ]
    (key,) = (key for key in artefacts.published_keys() if key.endswith(".checks"))
    assert {"key": key, "ok": True} in document("verify")


# --- remove


def test_a_set_is_removed_and_its_models_stay(
    cli: Cli, document: Document, refused: Refused, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = document("train", "--data", "own", *STEPS)["key"]
    shutil.copytree(own / "data" / "own", own / "kept")
    folder = own / "data" / "own"
    try:
        assert refused("data", "remove", "own", lines=2) == "Nobody can be asked here; give --yes to remove it."
        work = jobs.work_folder(key.replace("-b0-", "-b50-"))
        work.mkdir(parents=True)
        (work / "status.json").write_text(json.dumps({"state": "running"}))
        with FileLock(work / "lock"):
            assert work.name in refused("data", "remove", "own", "--yes", code=BUSY)
        assert folder.exists()
        code, out, err = cli("data", "remove", "own", "--yes", "--json")
        assert (code, err.count("\n")) == (0, 1)
        assert err.startswith(f"{folder} will be removed with all pictures in it; ")
        said = json.loads(out)
        assert said["removed"] == [str(folder)]
        assert key in said["models_that_stay"]
        assert not folder.exists()
        assert document("status", key)[0]["state"] == "done"
        assert "There is no image set named 'own'" in refused("data", "remove", "own", "--yes")
    finally:
        shutil.rmtree(jobs.work_folder(key.replace("-b0-", "-b50-")), ignore_errors=True)
        if not folder.exists():
            (own / "kept").rename(folder)


def test_somebody_at_a_terminal_is_asked_before_a_set_goes(
    cli: Cli, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("zoo", "zoo-2"):
        (empty_home / "data" / name).mkdir(parents=True)
        (empty_home / "data" / name / "dataset.json").write_text("{}")
    question = f"{empty_home / 'data' / 'zoo'} will be removed with all pictures in it.\nRemove it? [y/N] "
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert cli("data", "remove", "zoo") == (BAD_INPUT, "", f"{question}Nothing was removed.\n")
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    code, out, err = cli("data", "remove", "zoo")
    assert (code, err) == (0, question)
    assert out == f"name: zoo\nremoved:\n  {empty_home / 'data' / 'zoo'}\nmodels that stay: none\n"
    assert [path.name for path in (empty_home / "data").glob("[!.]*")] == ["zoo-2"]


# --- generate


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def shop(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-test")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    opened = Shop()
    yield opened
    opened.close()


def order(shop: Shop, *more: object, per_group: int = 4) -> tuple[object, ...]:
    """The command for a small set."""
    return (
        "data", "generate", "--name", "made", "--objects", "horse,camel", "--contexts", "on the grass,in the desert",
        "--per-group", per_group, "--model", "painter-1", "--size", 64, "--base-url", shop.url, *more,
    )  # fmt: skip


ASKED = "{} of 16 pictures are to be drawn by painter-1; {}."
NO_PRICE = "their price was not given (--price)"


def test_a_model_draws_a_set(cli: Cli, document: Document, shop: Shop, empty_home: Path) -> None:
    code, out, err = cli(*order(shop, "--yes", "--price", 0.04, "--licence", "of the model", "--json"))
    assert code == 0
    assert err == ASKED.format(16, "they cost 0.64 in all") + "\n"
    said = json.loads(out)
    assert said["counts"] == dict.fromkeys(GROUPS, 4)
    assert (said["name"], said["refused"]) == ("made", 0)
    assert said["kept_in"] == str(empty_home / "data" / ".generated" / "made")
    assert sorted({asked["prompt"] for asked in shop.requests}) == [
        f"a photo of a {obj} {place}" for obj in ("camel", "horse") for place in ("in the desert", "on the grass")
    ]
    about = document("data", "show", "made")
    assert about["groups"] == said["counts"]
    assert about["licence"] == "of the model"
    assert "a photo of a horse on the grass" in set(open_set("made").table["caption"])
    assert "sk-secret" not in out + err
    assert not any(b"sk-secret" in path.read_bytes() for path in empty_home.rglob("*") if path.is_file())


def test_nothing_is_drawn_before_somebody_agrees(
    cli: Cli, refused: Refused, shop: Shop, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    sentence = refused(*order(shop), lines=2)
    assert sentence == "Nobody can be asked here; give --yes to draw these pictures."
    for answer in ("n\n", "\n", ""):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        code, out, err = cli(*order(shop))
        assert (code, out) == (BAD_INPUT, "")
        assert err == f"{ASKED.format(16, NO_PRICE)}\nDraw them? [y/N] Nothing was drawn.\n"
    assert shop.requests == []
    assert list(empty_home.iterdir()) == []
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
    code, out, err = cli(*order(shop, "--json"))
    assert code == 0, err
    assert json.loads(out)["counts"] == dict.fromkeys(GROUPS, 4), "the question is no part of the document"


def test_a_run_that_failed_goes_on(cli: Cli, refused: Refused, shop: Shop, empty_home: Path) -> None:
    shop.answers = [*map(shows, range(100, 105)), fails(401, "invalid_api_key")]
    assert refused(*order(shop, "--yes"), lines=2) == "The service answered 401; check the key in OPENAI_API_KEY."
    assert not (empty_home / "data" / "made").exists()
    assert len(shop.requests) == 6
    other = refused(*order(shop, "--yes", "--prompt", "{object}, {context}"))
    assert "was begun with other pictures" in other
    code, out, err = cli(*order(shop, "--yes"))
    assert (code, err) == (0, ASKED.format(11, NO_PRICE) + "\n")
    assert len(shop.requests) == 17
    assert "refused: 0\n" in out
    assert "There is an image set named 'made' already" in refused(*order(shop, "--yes"))


def test_what_a_model_refuses_is_counted(document: Document, refused: Refused, shop: Shop) -> None:
    shop.answers = [fails(400, "moderation_blocked")]
    sentence = refused(*order(shop, "--yes"), lines=2)
    assert "has 3 usable pictures of horse_grass and a group needs at least 4" in sentence
    assert "has 3 usable pictures" in refused(*order(shop, "--yes")), "it is not asked again"
    assert len(shop.requests) == 16
    said = document(*order(shop, "--yes", per_group=5))
    assert said["refused"] == 1
    assert said["counts"] == {**dict.fromkeys(GROUPS, 5), "horse_grass": 4}
    assert len(shop.requests) == 20


def test_what_was_refused_can_be_asked_again(document: Document, refused: Refused, shop: Shop) -> None:
    shop.answers = [fails(400, "moderation_blocked")]
    refused(*order(shop, "--yes"), lines=2)
    assert document(*order(shop, "--yes", "--retry-refused"))["refused"] == 0


def test_an_interrupt_says_what_is_kept(
    cli: Cli, shop: Shop, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(generation, "generate", interrupted)
    code, out, err = cli(*order(shop, "--yes", "--json"))
    assert (code, out) == (CANCELLED, "")
    assert "What is drawn is kept; the same command goes on." in err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--per-group", 3), "--per-group: 3 is not a whole number from 4 to 10000"),
        (("--seed", -1), "--seed: -1 is not a whole number from 0 to 2147483647"),
        (("--objects", "horse"), "--objects: give 2 names with commas between them, not 'horse'"),
        (("--price", -1), "A price of -1.0 per picture cannot be right; give a number from 0"),
        (("--size", 63), "choose 32 to 1024, a multiple of 8"),
        (("--batch", 2), "A batch is for the local back end"),
        (("--name", "scenes"), "There is an image set named 'scenes' already; choose another name"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence_before_anything_is_asked(
    refused: Refused, shop: Shop, empty_home: Path, options: tuple[object, ...], sentence: str
) -> None:
    assert re.search(sentence, refused(*order(shop, "--yes", *options)))
    assert shop.requests == []
    assert list(empty_home.iterdir()) == []


def test_a_missing_key_is_said_before_the_plan(refused: Refused, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    assert refused(*order(shop)).startswith("OPENAI_API_KEY holds no key")
