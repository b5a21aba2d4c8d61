"""Upload: a sample and its maps at once, answers of two models; bad files get a sentence,
nothing is kept."""

import dataclasses
import os
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.api.stand_ins import publish
from tests.data.importers.sources import encoded, pets
from vlcore.api.answers import Answers
from vlcore.artifacts.store import Artifact
from vlcore.data import uploads
from vlcore.data.catalogue import open_set
from vlcore.data.decoding import UploadError, open_apart
from vlcore.data.importers import import_set
from vlcore.data.subset import usual_condition
from vlcore.data.uploads import shown_file_name
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.errors import BusyError
from vlcore.experiment.files import models_folder
from vlcore.metrics.novelty import novelty_judge
from vlcore.model import load
from vlcore.model.recognition import Recognition
from vlcore.web import cache, widgets
from vlcore.web.linked_maps import LinkedMaps
from vlcore.web.upload import inputs

from .app import FakeQueue, opened, press, table_at, text_of, told_maps
from .conftest import painted_by_place

File = tuple[str, bytes, str]
pytestmark = pytest.mark.usefixtures("no_network")
start = partial(opened, "4_Upload", towers="scratch")
HOSTILE = (
    "`$x^2$` **bold** [x](javascript:alert(1)) <script>alert(1)</script> \u202e\n# heading.png"
)


def ok(page: AppTest, errors: int = 0) -> AppTest:
    """A page without a traceback, and with as many errors in sentences."""
    assert not page.exception
    assert len(page.error) == errors
    return page


def upload(page: AppTest, *files: File, errors: int = 0) -> AppTest:
    return ok(page.file_uploader[0].set_value(list(files)).run(), errors)


def noise(seed: int = 0) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(seed).integers(0, 255, (90, 90, 3), dtype=np.uint8)
    )


def file(name: str = "a.png", seed: int = 0) -> File:
    return name, encoded(noise(seed)), "image/png"


def cut_out(name: str, seed: int = 0) -> File:
    picture = noise(seed).convert("RGBA")
    alpha = np.zeros((90, 90), dtype=np.uint8)
    alpha[20:70, 30:60] = 255
    picture.putalpha(Image.fromarray(alpha))
    return name, encoded(picture), "image/png"


def answers_of(page: AppTest) -> Answers:
    """The last answers of a page's session."""
    results = page.session_state["asked"]
    return next(value for name, value in reversed(results.items()) if name[0] == "answers")


def numbers_of(page: AppTest) -> pd.DataFrame:
    """What is said of the image that is looked at, a column a model and a row a number."""
    answers = answers_of(page)
    looked_at = page.session_state["looked_at"]
    (name,) = (each.name for each in answers.uploads if each.picture.digest == looked_at)
    table = answers.table()
    return table[table["Image"] == name].drop(columns="Image").set_index("Model").T


def usual(towers: str, bias: float = 0.75) -> list[str]:
    """The keys of the pair that the page opens on."""
    base = usual_condition(open_set("scenes")).with_towers(towers).replace(bias=bias)
    return [base.with_labels(labels).key for labels in ("undescriptive", "descriptive")]


def test_the_code_of_a_caption_is_no_link(experiments: list[Artifact]) -> None:
    words = {"own-words.words": "`][click](http://evil.example/a)`"}
    page = ok(start(closer="Own words", **words))
    warnings = [warning.value for warning in page.warning]
    assert any("click" in warning for warning in warnings)
    assert not any("](http" in re.sub("`[^`]*`", "", warning) for warning in warnings)


@pytest.mark.parametrize(
    ("address", "needed"),
    [
        ({}, usual("pretrained")),
        ({"left": "bias:0.5", "right": "bias:0.5"}, usual("pretrained", 0.5)),
        ({"towers": "scratch"}, usual("scratch")),
    ],
)
def test_a_link_starts_no_training_and_a_button_does(
    empty_home: Path, queue: FakeQueue, address: dict[str, str], needed: list[str]
) -> None:
    page = ok(opened("4_Upload", **address))
    assert queue.asked == []
    assert len(page.get("image")) > 11, "a sample is there already, beside those that are offered"
    press(page, next(button.label for button in page.button if button.label.startswith("Train")))
    assert queue.asked == needed


def test_an_untrained_encoder_is_made_when_it_is_chosen(
    experiments: list[Artifact], queue: FakeQueue
) -> None:
    queue.disk = True
    untrained = experiments[1].condition.untrained.key
    page = start()
    ok(page.selectbox(key="right_model").set_value(untrained).run())
    assert queue.asked == []
    press(page, "Measure the untrained model")
    assert queue.short == {untrained: True}, "it does not wait behind trainings"
    assert len(page.get("progress")) == 1
    assert not told_maps(page)


def test_it_opens_on_a_sample_with_its_maps_and_another_bias_is_one_click(
    experiments: list[Artifact],
) -> None:
    page = ok(start())
    assert [len(pane["uploads"]) for pane in told_maps(page)[0]["panes"]] == [1, 1]
    assert list(numbers_of(page)) == ["Model A", "Model B"]
    assert not page.get("camera_input"), "nobody is asked for a camera who did not want one"
    ok(page.selectbox(key="left_bias").set_value("0%").run())
    keys = [model.key for model in answers_of(page).models.values()]
    assert keys == [artifact.key for artifact in experiments[:2]]
    upload(page, file("one.png", 1), file("two.png", 2))
    assert page.selectbox(key="look_at").options == ["1. one.png", "2. two.png"]
    assert [len(pane["uploads"]) for pane in told_maps(page)[0]["panes"]] == [2, 2]


def test_a_set_opens_at_the_bias_of_its_trained_pair(
    empty_home: Path, queue: FakeQueue, tmp_path: Path
) -> None:
    import_set(pets(tmp_path / "pets", per_group=12), "pets")
    images = open_set("pets")
    usual = usual_condition(images).with_towers("scratch")
    queue.disk = True
    assert start(data="pets").selectbox(key="left_bias").value == "75%"
    for labels in STYLES_OF_THE_STUDY:
        publish(images, usual.replace(labels=labels))
    page = ok(start(data="pets"))
    assert page.selectbox(key="left_bias").value == "0%"
    assert told_maps(page)


def test_a_visitor_says_what_an_image_shows(experiments: list[Artifact]) -> None:
    page = upload(start(shows="nobody knows"), file())
    for shows in ("", "horse"):
        if shows:
            ok(page.selectbox(key="shows").set_value(shows).run())
        (report, *_) = next(iter(answers_of(page).reports.values()))
        assert report.truth == shows
    assert "says the name of the file" not in text_of(page)
    page = upload(start(), file("horse_03.png", 1))
    assert "Shows: horse, says the name of the file" in text_of(page)


def test_a_mark_that_is_clicked_stays_ringed(
    experiments: list[Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "maps-of-this-test"
    monkeypatch.setattr(LinkedMaps, "map_key", key)
    page = ok(start())
    look = told_maps(page)[0]
    assert look["picked"] is None
    told = {"images": table_at(look["table"])["images"], "rows": "AAAA", "gesture": 1}
    page.session_state[key] = {"picked": {"row": 3, "time": 1}, "selected": told}
    look = told_maps(ok(page.run()))[0]
    assert look["picked"] == 3
    assert look["selected"] == {"rows": "AAAA", "best": [], "gesture": 1}
    assert "picture" not in page.query_params
    page.session_state[key] = {"picked": "p3", "selected": {**told, "images": "others"}}
    look = told_maps(ok(page.run()))[0]
    assert look["picked"] is None
    assert look["selected"]["rows"] is None


def test_novelty_is_of_the_image_and_judged_anew_with_more_features(
    experiments: list[Artifact], a_horse: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_plane = np.pad(np.random.default_rng(0).normal(size=(60, 2)), ((0, 0), (0, 2)))
    judge = novelty_judge(on_a_plane, np.arange(60))
    monkeypatch.setattr("vlcore.api.answers.judge_of", lambda _images: judge)
    monkeypatch.setattr(
        "vlcore.api.answers.novelties",
        lambda judge, _images, pictures: judge.judge(np.array([[0.0, 0, 1, 1]] * len(pictures))),
    )
    page = upload(start(), file())
    assert set(numbers_of(page).loc["New"]) == {"yes"}
    # More images of the set have features by now.
    judge = novelty_judge(np.random.default_rng(0).normal(size=(90, 4)), np.arange(90))
    monkeypatch.setattr(cache, "missing_features", lambda _images: [0])
    assert " of the set's 90 images, " in text_of(ok(page.run()))


def test_samples_are_held_out_by_every_model_of_the_page(
    empty_home: Path, queue: FakeQueue, tmp_path: Path
) -> None:
    import_set(pets(tmp_path / "pets", per_group=12), "pets")
    images = open_set("pets")
    other = publish(images, usual_condition(images).replace(data_seed=1)).key

    def samples_of(page: AppTest) -> set[str]:
        return {name for name in ok(page).pills(key="samples").options if "held out" in name}

    page = opened("4_Upload", data="pets")
    assert len(samples_of(page)) == 4
    page.selectbox(key="left_model").set_value(other).run()
    assert samples_of(page) == {"Cat, park, held out", "Cat, home, held out"}


def test_a_camera_that_stays_closed_says_why_and_what_to_do(
    experiments: list[Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    use = "Use the camera"
    page = opened("4_Upload", towers="scratch")
    assert use in [toggle.label for toggle in page.toggle]
    monkeypatch.setattr(inputs, "camera_opens", lambda _address: False)
    page.run()
    assert use not in [toggle.label for toggle in page.toggle]
    assert [one.value for one in page.warning if "camera" in one.value]


def test_a_second_sample_leaves_the_panel_as_it_is(experiments: list[Artifact]) -> None:
    page = start()
    panels = [panel.proto for panel in page.expander if "Try your own image" in panel.label]
    page.pills(key="samples").set_value(["Horse in the snow"]).run()
    page.pills(key="samples").set_value(["Horse in the snow", "Camel in a room"]).run()
    after = [panel.proto for panel in page.expander if "Try your own image" in panel.label]
    assert panels == after, "the browser keeps what is unfolded as long as the panel is the same"
    assert page.selectbox(key="look_at").options == ["1. Camel in a room", "2. Horse in the snow"]
    assert page.selectbox(key="look_at").value == "1. Camel in a room", "the one that was added"
    linked = start(samples=["Horse in the snow", "Camel in a room"])
    assert linked.selectbox(key="look_at").options == page.selectbox(key="look_at").options
    page.pills(key="samples").set_value(["Horse in the snow"]).run()
    upload(page, file("own.png"))
    assert page.selectbox(key="look_at").value == "2. own.png"


def test_the_file_of_all_numbers_has_an_image_that_came_later(
    experiments: list[Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[str] = []

    def download(_label: str, make: Callable[[], str], name: str, *_: object, **__: object) -> None:
        if name == "predictions.csv":
            offered.append(make())

    monkeypatch.setattr(widgets, "download", download)
    page = upload(start(closer="All numbers"), file("a.png", 1))
    upload(page, file("a.png", 1), file("b.png", 2))
    ok(page.selectbox(key="look_at").set_value("1. a.png").run())
    assert all(name in offered[-1] for name in ("1. a.png", "2. b.png"))


def test_the_image_that_is_looked_at_stays_when_another_goes(experiments: list[Artifact]) -> None:
    files = [file(f"{name}.png", number) for number, name in enumerate("abc")]
    page = upload(start(), *files)
    ok(page.selectbox(key="look_at").set_value("3. c.png").run())
    assert page.selectbox(key="look_at").value == "3. c.png"
    upload(page, *files[1:])
    assert page.selectbox(key="look_at").value == "2. c.png"
    upload(page, *files[:2])
    assert page.selectbox(key="look_at").value == "1. a.png", "the one that came"


def test_a_file_that_had_to_wait_is_opened_by_the_next_run(
    experiments: list[Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = UploadError("The file has to wait for others.")
    busy.__cause__ = BusyError()
    with monkeypatch.context() as patch:
        patch.setattr(uploads, "open_apart", Mock(side_effect=busy))
        page = upload(start(), file("mine.png"), errors=1)
    assert page.error[0].value == "`mine.png`: The file has to wait for others."
    ok(page.run())
    assert any(text.value == "mine.png" for text in page.text)


@pytest.fixture
def a_horse(monkeypatch: pytest.MonkeyPatch) -> None:
    """ImageNet's classifier sees a horse in every image."""
    seen = Recognition(0.9, "sorrel", 0.9)
    monkeypatch.setattr("vlcore.api.answers.recognise", lambda images, _: [seen] * len(images))


def test_of_many_images_the_first_are_shown(
    pretrained_pair: list[str], a_horse: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, paint = Mock(wraps=open_apart), Mock(wraps=painted_by_place)
    monkeypatch.setattr(uploads, "open_apart", decode)
    monkeypatch.setattr("vlcore.api.answers.painted_images", paint)
    monkeypatch.setattr(inputs, "MOST_IMAGES", 5)
    page = upload(opened("4_Upload"), *(file(f"{number}.png", number) for number in range(7)))
    assert "Only the first 5 images are shown" in page.warning[0].value
    names = [f"{number + 1}. {number}.png" for number in range(5)]
    assert page.selectbox(key="look_at").options == names
    assert decode.call_count == 5
    assert paint.call_count == 1, "the others are painted over when they are looked at"
    ok(page.selectbox(key="look_at").set_value(names[-1]).run())
    assert (decode.call_count, paint.call_count) == (5, 2)
    upload(page, file("other.png", 99))
    assert decode.call_count == 6
    assert len(page.session_state["opened"]) == 1, "what was taken away is not kept"


def test_an_image_of_neither_is_said_to_be_and_is_not_tested(
    pretrained_pair: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Recognition(0.001, "web site", 0.41)
    monkeypatch.setattr("vlcore.api.answers.recognise", lambda images, _: [seen] * len(images))
    page = upload(opened("4_Upload"), file("house.png"), file("horse.png", 1))
    assert "web site" in page.warning[0].value
    (overview,) = [table.value for table in page.dataframe if "Shows" in table.value]
    assert overview["Shows"].tolist() == ["not known", "horse"]
    assert all("probably neither" in cell for cell in overview["Model A"])
    assert not any("Relies on" in text.value for text in page.markdown)
    page.button(key="clear").click().run()
    assert "A sample to begin with" in text_of(page)


def test_a_bad_file_gets_a_sentence_and_its_name_is_no_markup(experiments: list[Artifact]) -> None:
    bad = {
        "empty.png": (b"", "is empty"),
        HOSTILE: (b"this is no picture", "is not an image"),
        "broken.png": (encoded(noise())[:400], "is damaged"),
        "bomb.png": (encoded(Image.new("L", (11_600, 11_600)), compress_level=9), "megapixels"),
    }
    files = ((name, content, "image/png") for name, (content, _) in bad.items())
    page = upload(start(), *files, cut_out(HOSTILE), errors=len(bad))
    escaped = shown_file_name(HOSTILE).replace("`", "'")
    for error, (name, (_, words)) in zip(page.error, bad.items(), strict=True):
        assert error.value.split("`")[1] == (escaped if name == HOSTILE else name), (
            "nothing ends the code span early"
        )
        assert words in error.value
    # Everywhere else a foreign name is a choice, plain text, or escaped.
    written = [element.value for kind in ("markdown", "caption") for element in getattr(page, kind)]
    written += [part for error in page.error for part in error.value.split("`")[::2]]
    for mark in ("**bold**", "[x]", "<script", "javascript:alert(1)"):
        assert mark not in " ".join(written)
    assert any(text.value.startswith("1. `$x^2$` **bold**") for text in page.text), (
        "shown as it is, in st.text"
    )


@pytest.fixture
def unusual(experiments: list[Artifact]) -> Iterator[list[str]]:
    """A model whose labels name the background alone, and a captioner."""
    images = open_set("scenes")
    table = images.table.assign(mask="")  # no cut-outs are put together
    images = dataclasses.replace(images, table=table)
    base = Condition(data_seed=80, init_seed=80)
    context = publish(images, base.replace(labels="own", template="{context}"))
    captioner = publish(images, base.replace(objective="captioner", labels="descriptive"))
    keys = [context.key, captioner.key]
    yield keys
    for key in keys:  # other tests of this session choose among the models that are there
        shutil.rmtree(models_folder() / key)


def test_models_that_name_nothing_or_cannot_be_asked(unusual: list[str]) -> None:
    page = start(closer="Own words", **{"own-words.words": "pony; horse"})
    for prefix, key in zip(("left", "right"), unusual, strict=False):
        page.selectbox(key=f"{prefix}_model").set_value(key).run()
    upload(page, file(), cut_out("b.png"))
    table = numbers_of(page)
    assert table.loc["Share, %"].isna().all()
    assert set(table.loc["Relies on"]) == {""}


def test_two_cut_outs_of_one_name_are_told_apart_and_one_in_part_is_not_shown(
    experiments: list[Artifact], a_horse: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MOST_IMAGES", 14)
    files = [cut_out("a.png", 1), cut_out("a.png", 2)]
    page = upload(start(), *files)
    assert not page.warning, "there is room for fourteen images"
    options = page.selectbox(key="look_at").options
    assert options[::7] == ["1. a.png, mid-grey", "8. a.png (2), mid-grey"]
    upload(page, file("b.png", 3), *files)
    assert len(page.warning) == 1
    assert page.selectbox(key="look_at").options[-1].startswith("8. a.png, ")


def test_typed_captions_are_scored_with_the_image_that_is_looked_at(
    experiments: list[Artifact],
) -> None:
    words = "own-words.words"
    page = start(closer="Own words", **{words: "horse; camel ; horse;"})
    page = upload(page, file("a.png", 1), file("b.png", 2))

    def cosines() -> pd.DataFrame:
        tables = [table.value for table in [*page.table, *page.dataframe]]
        return next(table for table in tables if "Caption" in table).set_index("Caption")

    first = cosines()
    assert {"camel", "horse"} <= set(first.index)
    ok(page.selectbox(key="look_at").set_value("2. b.png").run())
    assert not cosines().equals(first)
    ok(page.text_input(key=words).set_value("zebra; !!!").run())
    assert cosines().index[-1] == "zebra"


def test_an_answer_stays_in_a_session(
    pretrained_pair: list[str],
    a_horse: None,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A home of its own: what other tests still do in theirs is no answer of this one.
    for key in pretrained_pair:
        shutil.copytree(models_folder() / key, tmp_path / "models" / key)
    shutil.copytree(home / "data", tmp_path / "data", copy_function=os.link)
    monkeypatch.setenv("VLCORE_HOME", str(tmp_path))
    embed = Mock(wraps=load.OwnModel.embed_images)
    monkeypatch.setattr(load.OwnModel, "embed_images", lambda *arguments: embed(*arguments))
    mine = opened("4_Upload")
    files, before = sorted(tmp_path.rglob("*")), embed.call_count
    upload(mine, file(seed=4))
    asked = embed.call_count
    assert asked == before + 4, "two models are asked of the image, and of it painted over"
    ok(mine.run())
    assert embed.call_count == asked, "an answer is kept for the visitor"
    somebody_else = upload(opened("4_Upload"), file(seed=4))
    assert embed.call_count > asked, "the same image of somebody else is asked about anew"
    assert numbers_of(somebody_else).equals(numbers_of(mine))
    assert sorted(tmp_path.rglob("*")) == files, "nothing is kept"
