"""Data: what the models see, what they could cheat with, and sets of one's own, each without a
traceback."""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from streamlit.testing.v1 import AppTest

from tests.data.importers.sources import pets
from vlcore.api import audit
from vlcore.data import importers
from vlcore.data.catalogue import open_set, set_names
from vlcore.data.drawn import Recipe, make_set
from vlcore.data.importers import import_set
from vlcore.data.subset import usual_condition
from vlcore.jobs.jobs import State
from vlcore.web.data import images as pictures

from .app import FakeQueue, opened, press, text_of

start = partial(opened, "1_Data")


def named(page: AppTest, label: str, kind: str = "text_input") -> Any:
    return next(field for field in getattr(page, kind) if field.label == label)


def zipped(folder: Path) -> bytes:
    return Path(shutil.make_archive(str(folder), "zip", folder)).read_bytes()


def upload(content: bytes, name: str = "pets.zip") -> AppTest:
    page = start(look="import images")
    page.file_uploader[0].set_value((name, content, "application/zip")).run()
    assert not page.exception
    return page


def test_the_sheets_show_what_is_kept_and_fade_what_is_removed(home: Path) -> None:
    images = open_set("scenes")
    kept = pictures.training(images, usual_condition(images).replace(bias=0.75))
    by_group = kept.groupby("group")["kept"].agg(["sum", "count"])
    assert (by_group["count"] == 48).all()
    assert by_group.loc[list(images.grouping.minority), "sum"].tolist() == [12, 12]
    assert by_group.loc[list(images.grouping.majority), "sum"].tolist() == [48, 48]
    assert len(start().get("image")) == 4, "a mean picture of each group"


def test_a_picture_in_the_address_is_shown_with_its_factors_and_twins(home: Path) -> None:
    images = open_set("scenes")
    row, other, *_ = pictures.training(images, usual_condition(images)).index
    page = start(picture=f"p{row}")
    factors = json.loads(images.table["factors"].iat[row])
    listings = [
        entry.value.set_index("factor")["value"]
        for entry in page.dataframe
        if "factor" in entry.value
    ]
    assert [listing["pose"] for listing in listings] == [factors["pose"]] * 2
    assert "fur_seed" not in listings[0], "only what one sees; all of them are folded away"
    assert len(page.get("image")) == 1 + 4 + 4, "itself, its twins, the means"
    page.select_slider(key="data_bias").set_value("100%").run()
    assert len(page.get("image")) == 2, (
        "an empty group has no mean, and the picture does not open again"
    )
    # A control that is moved just after closing sends the address that its browser had then.
    del page.query_params["picture"]
    page.session_state["closed"] = 1
    page.run()
    page.query_params["picture"] = f"p{row}"
    assert len(page.run().get("image")) == 2
    page.query_params["picture"] = f"p{other}"
    assert len(page.run().get("image")) == 1 + 4 + 2, "another is opened"
    del page.query_params["picture"]
    assert len(page.run().get("image")) == 2, "Back closes it"
    page.query_params["picture"] = f"p{other}"
    assert len(page.run().get("image")) == 1 + 4 + 2, "and Forward opens it"


def test_upload_has_a_bias_of_its_own(home: Path, queue: FakeQueue) -> None:
    page = start(data_bias="50%")
    assert page.select_slider(key="data_bias").value == "50%"
    page.switch_page("pages/4_Upload.py").run()
    assert not page.exception
    assert page.selectbox(key="left_bias").value == "75%"


def test_cheats_are_asked_for_by_a_button(home: Path, queue: FakeQueue) -> None:
    press(start(look="shortcut check"), "Check this set")
    assert queue.asked == [audit.checks_key("scenes", open_set("scenes").version)]


def test_a_scene_is_redrawn_with_its_twins(home: Path) -> None:
    page = start(look="one scene")
    before = [image.proto.imgs[0].url for image in page.get("image")]
    coat = page.selectbox(key="coat_7")
    coat.set_value("black" if coat.value != "black" else "cream").run()
    after = [image.proto.imgs[0].url for image in page.get("image")]
    assert len(after) == 4
    assert not set(before) & set(after)
    page.multiselect[0].set_value(["snow"]).run()
    assert not page.get("image")


def test_a_scene_of_a_drawn_set_begins_as_the_set_is_drawn(empty_home: Path) -> None:
    make_set(Recipe("tiny", object_size=0.5, context_contrast=0.4))
    page, scenes = start(look="one scene", data="tiny"), start(look="one scene")
    assert named(page, "Background contrast", "slider").value == 40
    size, usual = (named(shown, "Size of the animal", "slider").value for shown in (page, scenes))
    assert size == pytest.approx(usual / 2, abs=0.011)
    assert not opened(data="tiny").error


@pytest.fixture
def at_once(queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that does what it is asked for while the page waits."""
    monkeypatch.setattr(queue, "submit", lambda key, task, *arguments, **_: task(*arguments))
    queue.disk = True


@pytest.mark.usefixtures("at_once")
def test_a_zip_makes_a_set(empty_home: Path, tmp_path: Path) -> None:
    source = pets(tmp_path / "pets")
    page = upload(zipped(source))
    assert page.dataframe[0].value.to_numpy().tolist() == [[6, 6], [6, 6]]
    assert named(page, "Name of the set").value == "pets", "after the file"
    named(page, "Name of the set").set_value("my-pets")
    named(page, "Short caption").set_value("one {object}")
    named(page, "Licence of the images").set_value("CC0")
    press(page, "Make the set")
    assert page.warning, "few images say little"
    assert open_set("my-pets").folds == 5
    press(page, "Look at it")
    assert page.selectbox(key="data").value == "my-pets"


def test_a_folder_or_a_zip_of_any_name_is_looked_at_once(
    empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = Mock(wraps=importers.list_source_apart)
    monkeypatch.setattr(importers, "list_source_apart", looked)
    folder = pets(tmp_path / "pets")
    for name in ("猫" * 86 + ".zip", "a/../...zip"):
        page = upload(zipped(folder), name)
        assert page.dataframe[0].value.to_numpy().tolist() == [[6, 6], [6, 6]]
    before = looked.call_count
    named(page, "Short caption").set_value("{object}!").run()
    assert looked.call_count == before == 2
    page = start(look="import images")
    files = {str(path.relative_to(tmp_path)): path.read_bytes() for path in folder.rglob("*.png")}
    plain = [(name, content, "image/png") for name, content in files.items()]
    page.file_uploader[1].set_value(plain).run()
    assert named(page, "Name of the set").value == "pets", "after the folder"
    odd = dict.fromkeys(("pets/a", "pets/a/b.jpg", "../x.png", f"pets/{'猫' * 86}.png"), b"x")
    given = [(name, content, "image/png") for name, content in (files | odd).items()]
    page.file_uploader[1].set_value(given).run()
    assert not page.exception
    assert page.dataframe[0].value.to_numpy().tolist() == [[6, 6], [6, 6]]


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ([], "no image"),
        (["dog/home", "dog/park"], "one object only, dog"),
        (["cat/home", "dog/home"], "one background only, home"),
        (["cat/home", "dog/park"], "no two objects"),
    ],
)
def test_a_zip_without_a_set_is_refused_at_once(
    empty_home: Path, tmp_path: Path, kept: list[str], words: str
) -> None:
    folder = pets(tmp_path / "pets")
    for group in {"cat/home", "cat/park", "dog/home", "dog/park"} - set(kept):
        shutil.rmtree(folder / group)
    page = upload(zipped(folder))
    (error,) = page.error
    assert words in error.value
    assert not page.text_input, "no form"


def test_an_import_that_fails_says_so_and_leaves_nothing(
    empty_home: Path, tmp_path: Path, queue: FakeQueue
) -> None:
    assert upload(b"no zip").error
    page = upload(zipped(pets(tmp_path / "pets")))
    named(page, "Name of the set").set_value("my-pets")
    press(page, "Make the set")
    (key,) = queue.asked
    assert key.startswith("my-pets-")
    queue.asked, queue.state = [], State.FAILED
    queue.status = {"message": "pets.zip holds too few pictures."}
    press(page.run(), "Back")
    assert page.file_uploader
    assert set_names() == ["scenes", "balanced-cues", "renders"]


def test_every_page_knows_a_set_of_ones_own(empty_home: Path, tmp_path: Path) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    assert start(look="one scene", data="pets").info
    audit.make_checks("pets", open_set("pets").version)
    page = start(look="shortcut check", data="pets")
    for name in ("", "3_Compare", "4_Upload"):
        page = opened(name, data="pets")
        assert not page.error
        said = text_of(page) + " ".join(str(radio.label) for radio in page.get("button_group"))
        assert "animal" not in said
