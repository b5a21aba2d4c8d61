"""Data: what the models see, what they could cheat with, and sets of one's own, each without a traceback."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vlcore.datasets.catalogue import open_set, set_names
from vlcore.datasets.drawn import Recipe, make_set, recipe_of
from vlcore.datasets.importers import import_set
from vlcore.datasets.subset import usual_condition
from vlcore.runs import audit
from vlcore.store.jobs import State
from vlcore.ui import jobs
from vlcore.ui.data import gallery

from .test_home import FakeQueue, pets

APP = str(Path(__file__).parents[2] / "app.py")


def start(**address: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60).switch_page("pages/1_Data.py")
    for name, value in address.items():
        page.query_params[name] = value
    return page.run()


def text_of(page: AppTest) -> str:
    shown = [*page.markdown, *page.caption, *page.subheader, *page.info, *page.success, *page.warning, *page.error]
    return " ".join(element.value for element in shown).replace("\u00a0", " ")


def named(page: AppTest, label: str):
    return next(field for field in page.text_input if field.label == label)


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
    assert not page.exception
    counts = page.dataframe[0].value.set_index("training pictures")
    assert counts.loc["horse"].tolist() == ["48 of 48 (majority)", "12 of 48 (minority)"]
    assert counts.loc["camel"].tolist() == ["12 of 48 (minority)", "48 of 48 (majority)"]
    spec = json.loads(page.get("vega_lite_chart")[0].proto.spec)
    subtitles = [pane["title"]["subtitle"] for pane in spec["concat"]]
    assert subtitles == [
        "majority: 48 of 48 kept", "minority: 12 of 48 kept", "minority: 12 of 48 kept", "majority: 48 of 48 kept",
    ]  # fmt: skip
    assert len(page.get("image")) == 4, "a mean picture of each group"


def test_the_bias_in_the_address_decides(home: Path) -> None:
    page = start(bias="100 %", labels="short")
    assert not page.exception
    assert page.dataframe[0].value["desert"].tolist() == ["0 of 48 (minority)", "48 of 48 (majority)"]
    assert len(page.get("image")) == 2, "a group without pictures has no mean"
    assert text_of(page).count("no picture of this group is left") == 2


def test_a_picture_in_the_address_is_shown_with_its_factors_and_twins(home: Path) -> None:
    images = open_set("scenes")
    row = int(gallery.pool_rows(images, usual_condition(images))[0])
    page = start(picture=f"p{row}")
    assert not page.exception
    factors = json.loads(images.table["factors"].iat[row])
    listings = [entry.value.set_index("factor")["value"] for entry in page.dataframe if "factor" in entry.value]
    assert [listing["pose"] for listing in listings] == [factors["pose"]] * 2
    assert "fur_seed" not in listings[0], "only what one sees; all of them are folded away"
    assert len(page.get("image")) == 1 + 4 + 4, "itself, its twins, the means"
    assert "horse on grass (itself)" in text_of(page)
    page.select_slider(key="bias").set_value("25 %").run()
    assert len(page.get("image")) == 4, "once it was looked at it does not open again by itself"


def test_labels_are_told_in_the_words_of_the_control_and_the_others_are_folded_away(home: Path) -> None:
    page = start()
    table = next(entry.value for entry in page.dataframe if "short" in entry.value)
    assert table.columns.tolist() == ["group", "short", "descriptive"]
    assert table["group"].tolist() == ["horse on grass", "horse in the desert", "camel on grass", "camel in the desert"]
    others = next(entry.value for entry in page.dataframe if "what it is for" in entry.value)
    assert "shuffled_context" in others["style"].tolist()
    assert "study's own wording" in text_of(page)


@pytest.mark.parametrize("picture", ["p999999", "p-1", "<b>", "p"])
def test_a_picture_that_is_not_there_is_not_shown(home: Path, picture: str) -> None:
    page = start(picture=picture)
    assert not page.exception
    assert len(page.get("image")) == 4


def test_the_zip_is_a_set_that_can_be_imported_again(empty_home: Path, tmp_path: Path) -> None:
    images = open_set("scenes")
    condition = usual_condition(images).replace(bias=0.75, n_per_group=16)
    content = gallery.archive.__wrapped__(images, condition)
    (tmp_path / "a.zip").write_bytes(content)
    report = import_set(tmp_path / "a.zip", "again")
    assert report.counts == {"horse_grass": 16, "horse_desert": 4, "camel_desert": 16, "camel_grass": 4}
    assert open_set("again").table["caption"].tolist()[0] == "horse on the grass"


@pytest.mark.parametrize("address", [{"data": "nothing"}, {"look": "<script>"}, {"bias": "900 %"}, {"seed": "-3"}])
def test_a_hostile_address_falls_back_to_the_default(home: Path, address: dict[str, str]) -> None:
    page = start(**address)
    assert not page.exception
    assert not page.error
    assert page.get("vega_lite_chart")


# --- cheats


def test_cheats_are_asked_for_by_a_button_and_then_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FakeQueue()
    monkeypatch.setattr(jobs, "queue", lambda: queue)
    page = start(look="cheats")
    assert not page.exception
    next(button for button in page.button if button.label == "Check this set").click().run()
    assert queue.asked == [audit.checks_key("scenes", open_set("scenes").version)]


def test_cheats_of_a_small_set(own_set: str) -> None:
    images = open_set(own_set)
    audit.make_checks(images.name, images.version)
    page = start(look="cheats", data=own_set)
    assert not page.exception
    said = text_of(page)
    assert "5 models are trained in turn" in said
    assert "numbers from fewer than 20 say little" in said
    assert ("chance is 50 %" in said) == bool(page.get("vega_lite_chart"))


# --- one scene


def test_a_scene_is_redrawn_with_its_twins(home: Path) -> None:
    page = start(look="one scene")
    assert not page.exception
    assert len(page.get("image")) == 4
    before = [image.proto.imgs[0].url for image in page.get("image")]
    page.selectbox(key="coat_7").set_value("black" if page.selectbox(key="coat_7").value != "black" else "cream").run()
    assert not page.exception
    assert all(old != image.proto.imgs[0].url for old, image in zip(before, page.get("image"), strict=True))
    page.multiselect[0].set_value(["snow"]).run()
    assert "Choose two places" in text_of(page)


def test_an_imported_set_has_no_twins_and_says_so(own_set: str) -> None:
    page = start(look="one scene", data=own_set)
    assert not page.exception
    assert "it is not one of this set" in page.info[0].value


def test_a_scene_of_a_drawn_set_begins_as_the_set_is_drawn(empty_home: Path) -> None:
    make_set(Recipe("tiny-night", style="night", object_size=0.5, context_contrast=0.4))
    page, scenes = start(look="one scene", data="tiny-night"), start(look="one scene")
    assert not page.exception
    assert next(choice for choice in page.selectbox if choice.label == "Style").value == "night"
    sliders, usual = ({slider.label: slider.value for slider in shown.slider} for shown in (page, scenes))
    assert sliders["Background contrast"] == 40
    assert sliders["Size of the animal"] == pytest.approx(usual["Size of the animal"] / 2, abs=0.011)


# --- draw a set


def test_a_set_is_drawn_by_its_knobs(empty_home: Path) -> None:
    page = start(look="draw a set")
    assert not page.exception
    assert len(page.get("image")) == 8
    next(choice for choice in page.selectbox if choice.label == "Camels belong").set_value("snow")
    next(choice for choice in page.selectbox if choice.label == "Style").set_value("pencil")
    named(page, "Name").set_value("snowy").run()
    next(button for button in page.button if button.label == "Make the set").click().run()
    assert not page.exception
    assert recipe_of("snowy") == Recipe("snowy", ("grass", "snow"), "pencil")
    assert "snowy: drawn by the lab, grass and snow, pencil" in text_of(page)


@pytest.mark.parametrize(("name", "words"), [("scenes", "already"), ("Ü/..", "cannot be named")])
def test_a_name_that_cannot_be_had_is_one_sentence(empty_home: Path, name: str, words: str) -> None:
    page = start(look="draw a set")
    named(page, "Name").set_value(name).run()
    next(button for button in page.button if button.label == "Make the set").click().run()
    assert not page.exception
    assert words in page.error[0].value
    assert set_names() == ["scenes", "balanced-cues"]


# --- one's own


def upload(page: AppTest, name: str, content: bytes) -> AppTest:
    return page.file_uploader[0].set_value((name, content, "application/zip")).run()


def test_a_zip_becomes_a_set(empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Here(FakeQueue):
        """Does the work at once."""

        def submit(self, key: str, task, *arguments, **_) -> None:
            task(*arguments)

        def view(self, key: str):
            from vlcore.store import jobs as store_jobs

            return store_jobs.view(key)

    monkeypatch.setattr(jobs, "queue", lambda: Here())
    page = upload(start(look="your own"), "pets.zip", zipped(pets(tmp_path / "pets")))
    assert not page.exception
    assert not page.error
    shown = page.dataframe[0].value
    assert shown.to_numpy().tolist() == [[6, 6], [6, 6]]
    assert named(page, "Name of the set").value == "pets", "after the file"
    assert "such as `cat/home`" in text_of(page)
    named(page, "Name of the set").set_value("my-pets")
    next(button for button in page.button if button.label == "Make the image set").click().run()
    assert not page.exception
    assert "The image set my-pets is there: cat_home 6" in text_of(page)
    assert "--" not in text_of(page).split("The image set my-pets is there")[1], "a page has no options"
    assert "numbers from fewer than 20 say little" in text_of(page)
    assert open_set("my-pets").folds == 5
    next(button for button in page.button if button.label == "Look at it").click().run()
    assert not page.exception
    assert "my-pets: imported from" in text_of(page)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no zip", "neither a folder nor a zip"),
        (zipped(Path("nowhere")), "no picture"),
    ],
)
def test_what_is_no_set_gets_a_sentence(empty_home: Path, content: bytes, words: str) -> None:
    page = upload(start(look="your own"), "x.zip", content)
    assert not page.exception
    assert words in page.error[0].value


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ("dog/*", "This zip shows one object only, dog; a set needs two objects in two contexts."),
        ("*/home", "This zip shows one context only, home; a set needs two objects in two contexts."),
        ("*/home|dog/park", None),
    ],
)
def test_a_zip_of_which_no_set_can_be_made_is_refused_before_the_form(
    empty_home: Path, tmp_path: Path, kept: str, words: str | None
) -> None:
    folder = pets(tmp_path / "pets")
    for group in folder.glob("*/*"):
        if not any(group.match(pattern) for pattern in kept.split("|")):
            shutil.rmtree(group)
    page = upload(start(look="your own"), "pets.zip", zipped(folder))
    assert not page.exception
    assert len(page.error) == 1
    assert page.error[0].value == words or (words is None and "no two objects" in page.error[0].value)
    assert not page.text_input, "no form"


def test_an_import_that_fails_says_so_and_leaves_nothing(
    empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = {"message": "pets.zip holds too few pictures."}
    queue = FakeQueue(State.ABSENT)
    monkeypatch.setattr(jobs, "queue", lambda: queue)
    page = upload(start(look="your own"), "pets.zip", zipped(pets(tmp_path / "pets")))
    named(page, "Name of the set").set_value("my-pets")
    next(button for button in page.button if button.label == "Make the image set").click().run()
    assert len(queue.asked) == 1
    assert queue.asked[0].startswith("my-pets-")
    queue.asked, queue.state, queue.status = [], State.FAILED, status
    page.run()
    assert "pets.zip holds too few pictures. Nothing was kept." in text_of(page)
    next(button for button in page.button if button.label == "Back").click().run()
    assert not page.exception
    assert set_names() == ["scenes", "balanced-cues"]


# --- the other pages


def test_the_other_pages_know_the_set(own_set: str) -> None:
    for script in ("app.py", "pages/3_Compare.py", "pages/4_Upload.py"):
        page = AppTest.from_file(APP, default_timeout=60)
        if script != "app.py":
            page = page.switch_page(script)
        page.query_params["data"] = own_set
        page.run()
        assert not page.exception, script
        assert not page.error, script
        said = text_of(page) + " ".join(str(radio.label) for radio in page.get("button_group"))
        assert "animal" not in said, script
    make_set(Recipe("night-set", style="night"))
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["data"] = "night-set"
    assert not page.run().exception
