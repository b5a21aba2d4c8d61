"""Data: what the models see, what they could cheat with, and sets of one's own, each without a traceback."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from vlcore.datasets.catalogue import open_set, set_names
from vlcore.datasets.drawn import Recipe, make_set, recipe_of
from vlcore.datasets.importers import import_set
from vlcore.datasets.subset import usual_condition
from vlcore.runs import audit
from vlcore.store.jobs import State
from vlcore.ui.data import gallery

from .app import FakeQueue, opened, pets, press, text_of


def start(**address: str) -> AppTest:
    return opened("1_Data", **address)


def named(page: AppTest, label: str, kind: str = "text_input") -> Any:
    return next(field for field in getattr(page, kind) if field.label == label)


def zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as pack:
        for file in sorted(folder.rglob("*.png")):
            pack.write(file, file.relative_to(folder))
    return out.getvalue()


@pytest.fixture
def own_set(empty_home: Path, tmp_path: Path) -> str:
    import_set(pets(tmp_path / "pets"), "pets")
    return "pets"


# --- pictures


def test_the_sheets_show_what_is_kept_and_fade_what_is_removed(home: Path) -> None:
    page = start()
    tables = [entry.value for entry in page.dataframe]
    counts = tables[0].set_index("training pictures")
    assert counts.loc["horse"].tolist() == ["48 of 48 (majority)", "12 of 48 (minority)"]
    assert counts.loc["camel"].tolist() == ["12 of 48 (minority)", "48 of 48 (majority)"]
    spec = json.loads(page.get("vega_lite_chart")[0].proto.spec)
    subtitles = [pane["title"]["subtitle"] for pane in spec["concat"]]
    assert subtitles == [
        "majority: 48 of 48 kept", "minority: 12 of 48 kept", "minority: 12 of 48 kept", "majority: 48 of 48 kept",
    ]  # fmt: skip
    assert len(page.get("image")) == 4, "a mean picture of each group"
    said = next(table for table in tables if "short" in table)
    assert said.columns.tolist() == ["group", "short", "descriptive"]
    assert said["group"].tolist() == ["horse on grass", "horse in the desert", "camel on grass", "camel in the desert"]
    others = next(table for table in tables if "what it is for" in table)
    assert "shuffled_context" in others["style"].tolist()
    assert "study's own wording" in text_of(page)


def test_the_bias_in_the_address_decides(home: Path) -> None:
    page = start(bias="100 %", labels="short")
    assert page.dataframe[0].value["desert"].tolist() == ["0 of 48 (minority)", "48 of 48 (majority)"]
    assert len(page.get("image")) == 2, "a group without pictures has no mean"
    assert text_of(page).count("no picture of this group is left") == 2


def test_a_picture_in_the_address_is_shown_with_its_factors_and_twins(home: Path) -> None:
    images = open_set("scenes")
    row = int(gallery.pool_rows(images, usual_condition(images))[0])
    page = start(picture=f"p{row}")
    factors = json.loads(images.table["factors"].iat[row])
    listings = [entry.value.set_index("factor")["value"] for entry in page.dataframe if "factor" in entry.value]
    assert [listing["pose"] for listing in listings] == [factors["pose"]] * 2
    assert "fur_seed" not in listings[0], "only what one sees; all of them are folded away"
    assert len(page.get("image")) == 1 + 4 + 4, "itself, its twins, the means"
    assert "horse on grass (itself)" in text_of(page)
    page.select_slider(key="bias").set_value("25 %").run()
    assert len(page.get("image")) == 4, "once it was looked at it does not open again by itself"


def test_the_zip_is_a_set_that_can_be_imported_again(empty_home: Path, tmp_path: Path) -> None:
    images = open_set("scenes")
    condition = usual_condition(images).replace(bias=0.75, n_per_group=16)
    content = gallery.archive.__wrapped__(images, condition)
    (tmp_path / "a.zip").write_bytes(content)
    report = import_set(tmp_path / "a.zip", "again")
    assert report.counts == {"horse_grass": 16, "horse_desert": 4, "camel_desert": 16, "camel_grass": 4}
    assert open_set("again").table["caption"].tolist()[0] == "horse on the grass"


@pytest.mark.parametrize(
    "address",
    [{"data": "nothing", "look": "<script>"}, {"bias": "900 %", "seed": "-3"}]
    + [{"picture": name} for name in ("p999999", "p-1", "<b>", "p")],
)
def test_a_hostile_address_falls_back_to_the_default(home: Path, address: dict[str, str]) -> None:
    page = start(**address)
    assert not page.error
    assert page.get("vega_lite_chart")
    assert len(page.get("image")) == 4, "no picture is open"


# --- cheats


def test_cheats_are_asked_for_by_a_button(home: Path, queue: FakeQueue) -> None:
    press(start(look="cheats"), "Check this set")
    assert queue.asked == [audit.checks_key("scenes", open_set("scenes").version)]


def test_cheats_of_a_small_set(own_set: str) -> None:
    images = open_set(own_set)
    audit.make_checks(images.name, images.version)
    page = start(look="cheats", data=own_set)
    said = text_of(page)
    assert "5 models are trained in turn" in said
    assert "numbers from fewer than 20 say little" in said
    assert ("chance is 50 %" in said) == bool(page.get("vega_lite_chart"))


# --- one scene


def test_a_scene_is_redrawn_with_its_twins(home: Path) -> None:
    page = start(look="one scene")
    before = [image.proto.imgs[0].url for image in page.get("image")]
    coat = page.selectbox(key="coat_7")
    coat.set_value("black" if coat.value != "black" else "cream").run()
    after = [image.proto.imgs[0].url for image in page.get("image")]
    assert len(after) == 4
    assert not set(before) & set(after)
    page.multiselect[0].set_value(["snow"]).run()
    assert "Choose two places" in text_of(page)


def test_an_imported_set_has_no_twins_and_says_so(own_set: str) -> None:
    page = start(look="one scene", data=own_set)
    assert "it is not one of this set" in page.info[0].value


def test_a_scene_of_a_drawn_set_begins_as_the_set_is_drawn(empty_home: Path) -> None:
    make_set(Recipe("tiny-night", style="night", object_size=0.5, context_contrast=0.4))
    page, scenes = start(look="one scene", data="tiny-night"), start(look="one scene")
    assert named(page, "Style", "selectbox").value == "night"
    assert named(page, "Background contrast", "slider").value == 40
    size, usual = (named(shown, "Size of the animal", "slider").value for shown in (page, scenes))
    assert size == pytest.approx(usual / 2, abs=0.011)


# --- draw a set


def test_a_set_is_drawn_by_its_knobs(empty_home: Path) -> None:
    page = start(look="draw a set")
    assert len(page.get("image")) == 8
    named(page, "Camels belong", "selectbox").set_value("snow")
    named(page, "Style", "selectbox").set_value("pencil")
    named(page, "Name").set_value("snowy").run()
    press(page, "Make the set")
    assert recipe_of("snowy") == Recipe("snowy", ("grass", "snow"), "pencil")
    assert "snowy: drawn by the lab, grass and snow, pencil" in text_of(page)


@pytest.mark.parametrize(("name", "words"), [("scenes", "already"), ("Ü/..", "cannot be named")])
def test_a_name_that_cannot_be_had_is_one_sentence(empty_home: Path, name: str, words: str) -> None:
    page = start(look="draw a set")
    named(page, "Name").set_value(name).run()
    press(page, "Make the set")
    assert words in page.error[0].value
    assert set_names() == ["scenes", "balanced-cues"]


# --- one's own


def upload(page: AppTest, name: str, content: bytes) -> AppTest:
    page.file_uploader[0].set_value((name, content, "application/zip")).run()
    assert not page.exception
    return page


def test_a_zip_becomes_a_set(
    empty_home: Path, tmp_path: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "submit", lambda key, task, *arguments, **_: task(*arguments))  # at once
    queue.disk = True
    page = upload(start(look="your own"), "pets.zip", zipped(pets(tmp_path / "pets")))
    assert not page.error
    shown = page.dataframe[0].value
    assert shown.to_numpy().tolist() == [[6, 6], [6, 6]]
    assert named(page, "Name of the set").value == "pets", "after the file"
    assert "such as `cat/home`" in text_of(page)
    named(page, "Name of the set").set_value("my-pets")
    press(page, "Make the image set")
    assert "The image set my-pets is there: cat_home 6" in text_of(page)
    assert "--" not in text_of(page).split("The image set my-pets is there")[1], "a page has no options"
    assert "numbers from fewer than 20 say little" in text_of(page)
    assert open_set("my-pets").folds == 5
    press(page, "Look at it")
    assert "my-pets: imported from" in text_of(page)


@pytest.mark.parametrize(
    ("content", "words"), [(b"no zip", "neither a folder nor a zip"), (zipped(Path("nowhere")), "no picture")]
)
def test_what_is_no_set_gets_a_sentence(empty_home: Path, content: bytes, words: str) -> None:
    assert words in upload(start(look="your own"), "x.zip", content).error[0].value


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (["dog/home", "dog/park"], "one object only, dog"),
        (["cat/home", "dog/home"], "one context only, home"),
        (["cat/home", "dog/park"], "no two objects"),
    ],
)
def test_a_zip_of_which_no_set_can_be_made_is_refused_before_the_form(
    empty_home: Path, tmp_path: Path, kept: list[str], words: str
) -> None:
    folder = pets(tmp_path / "pets")
    for group in folder.glob("*/*"):
        if str(group.relative_to(folder)) not in kept:
            shutil.rmtree(group)
    page = upload(start(look="your own"), "pets.zip", zipped(folder))
    (error,) = page.error
    assert words in error.value
    assert not page.text_input, "no form"


def test_an_import_that_fails_says_so_and_leaves_nothing(empty_home: Path, tmp_path: Path, queue: FakeQueue) -> None:
    page = upload(start(look="your own"), "pets.zip", zipped(pets(tmp_path / "pets")))
    named(page, "Name of the set").set_value("my-pets")
    press(page, "Make the image set")
    (key,) = queue.asked
    assert key.startswith("my-pets-")
    queue.asked, queue.state, queue.status = [], State.FAILED, {"message": "pets.zip holds too few pictures."}
    assert "pets.zip holds too few pictures. Nothing was kept." in text_of(page.run())
    press(page, "Back")
    assert set_names() == ["scenes", "balanced-cues"]


# --- the other pages


@pytest.mark.parametrize("name", ["", "3_Compare", "4_Upload"])
def test_the_other_pages_know_the_set(own_set: str, name: str) -> None:
    page = opened(name, data=own_set)
    assert not page.error
    said = text_of(page) + " ".join(str(radio.label) for radio in page.get("button_group"))
    assert "animal" not in said


def test_home_knows_a_drawn_set(empty_home: Path) -> None:
    make_set(Recipe("night-set", style="night"))
    assert not opened(data="night-set").error
