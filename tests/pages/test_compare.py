"""Compare: two maps in one chart, everything in the address, and no traceback for a bad one."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import publish_as
from vlcore.artifacts import store
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import models_folder
from vlcore.experiment.vocabulary import WordPieces
from vlcore.experiment.wording import lasting_name, share
from vlcore.jobs.jobs import JobStatus, State
from vlcore.model import inference
from vlcore.model.dual_encoder import build
from vlcore.study import plans
from vlcore.web import cache

from .app import FakeQueue, choose, models_of, opened, press, setting, text_of, told_maps, with_maps

pytestmark = pytest.mark.usefixtures("experiments")
UNBIASED, DESCRIPTIVE = "No bias, short labels", "No bias, descriptive labels"
start = partial(opened, "3_Compare")


def maps_of(page: AppTest) -> str:
    """The maps, as the browser gets them."""
    return str(told_maps(page)[0])


def test_it_opens_on_experiments_1_and_2_with_their_numbers(
    experiments: list[store.Artifact],
) -> None:
    page = with_maps(start())
    assert models_of(page) == {"Left": UNBIASED, "Right": DESCRIPTIVE}
    assert "**Controlled pair**: the models differ only in the labels" in text_of(page)
    assert "bundled]" not in text_of(page)
    groups = experiments[0].metrics["end"]["group_accuracy"]
    assert list(page.dataframe[0].value["Left"]) == [
        share(estimate) for estimate in groups.values()
    ]


def test_a_model_that_came_with_the_lab_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.Artifact, "bundled_with", "0.5")
    assert text_of(with_maps(start())).count("bundled]") == 2


def test_nothing_trains_without_a_press(queue: FakeQueue) -> None:
    queue.disk = True
    page = with_maps(start())
    page = page.select_slider(key="left_bias").set_value("25 %").run()
    assert queue.asked == []
    assert not told_maps(page), "nothing is shown that was not chosen"
    page = start(towers="pretrained")
    pretrained = plans.find("experiments", Condition().with_towers("pretrained")).conditions[:2]
    press(page, "Train 2 models")
    assert queue.asked == [condition.key for condition in pretrained]


@pytest.mark.parametrize("waiting", [0, 3])
def test_a_training_of_seconds_does_not_wait_behind_long_ones(
    queue: FakeQueue, waiting: int
) -> None:
    queue.disk, queue.long = True, waiting
    press(start(towers="pretrained"), "Train 2 models")
    assert set(queue.short.values()) == {waiting > 0}


def test_the_address_chooses_both_models() -> None:
    page = with_maps(start(left="labels:descriptive", right="labels:short,bias:0.75"))
    assert models_of(page) == {
        "Left": DESCRIPTIVE,
        "Right": "75 % removed (12 of 48 kept), short labels",
    }
    assert "differ in 2 settings: bias and labels." in text_of(page)


@pytest.mark.parametrize(
    "address",
    [
        {
            "left": "bias:900 %",
            "right": "labels:<script>alert(1)</script>,seed:-5,,:",
            "length": "",
            "map": "tsne; drop",
            "colour": "'; drop table",
            "closer": "nothing",
            "show_untrained": "maybe",
            "groups": "<b>horse</b>",
            "split": "validation",
            "picture": "p999999999999999999999",
        },
        {"map": "UMAP", "map_seed": "-3", "picture": "<img src=x>"},
    ],
)
def test_a_hostile_address_falls_back_to_the_default(address: dict[str, str]) -> None:
    with_maps(start(**address))


def test_a_missing_model_offers_to_train_it_and_shows_live_news(queue: FakeQueue) -> None:
    queue.disk = True
    page = start(left="bias:0.9")
    assert not told_maps(page)
    queue.status = {
        "stage": "training",
        "step": 9,
        "steps": 600,
        "fraction": 0.3,
        "curve": [[0, 0.5, 0.5], [3, 0.6, 0.5], [9, 0.9, 0.6]],
        "map": [[i * 0.1, i % 7] for i in range(200)],
    }
    press(page, "Train this model")
    assert queue.asked == [Condition(bias=0.9).key]
    assert "minority 60 %" in text_of(page)
    assert [bar.proto.text for bar in page.get("progress")] == [
        "1 of 2 are done, about half a minute left"
    ]


def test_a_visitor_stops_waiting_for_what_goes_on_for_others(queue: FakeQueue) -> None:
    queue.disk, queue.state, queue.others_wait = True, State.RUNNING, True
    page = start(left="bias:0.9")
    key = Condition(bias=0.9, labels="undescriptive").key
    page.button(key="cancel_train").click().run()
    assert not page.exception
    assert queue.cancelled == [key]
    assert "goes on for somebody else" in page.warning[0].value
    page.button(key="train").click().run()
    assert queue.asked == [key]
    assert page.button(key="cancel_train")


def test_umap_is_fitted_when_somebody_chooses_it_and_not_by_a_link(
    queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models are there and their fitted maps are not."""
    view = queue.view
    monkeypatch.setattr(
        queue, "view", lambda key: view(key) if key.endswith(".map") else JobStatus(key, State.DONE)
    )
    start()
    assert queue.asked == []
    wanted = [
        f"{condition.key}.umap-n15-d10-s0.map"
        for condition in plans.find("experiments").conditions[:2]
    ]
    page = with_maps(start(map="UMAP")).run()
    assert queue.asked == [], "nobody has clicked yet"
    assert "component" in maps_of(press(page, "Fit UMAP"))
    assert queue.asked == wanted
    queue.asked.clear()
    page = start()
    next(group for group in page.get("button_group") if group.proto.label == "Map").set_value(
        "UMAP"
    ).run()
    assert queue.asked == wanted
    assert all(queue.short.values()), "it does not wait behind trainings"
    assert len(page.get("progress")) == 1
    assert "component" in maps_of(page), "PCA meanwhile"


def test_an_untrained_encoder_does_not_wait_behind_trainings(queue: FakeQueue) -> None:
    key = Condition(labels="undescriptive").untrained.key
    queue.disk, queue.long = True, 3
    page = start().toggle(key="left_trained").set_value(False).run()
    assert queue.asked == []
    press(page, "Measure the untrained model")
    assert queue.short == {key: True}


def test_a_damaged_model_is_set_aside_and_can_be_trained_again(
    experiments: list[store.Artifact],
) -> None:
    damaged = publish_as(experiments[0], Condition(bias=0.25))
    (damaged.path / "maps.npz").write_bytes(b"damaged")
    page = start(left="bias:0.25")
    assert "set aside" in page.error[0].value
    assert "Train this model" in [button.label for button in start(left="bias:0.25").button]


def test_a_model_from_the_disk_stands_beside_others(quick: list[store.Artifact]) -> None:
    page = with_maps(start(right=quick[3].key))
    assert models_of(page)["Right"] == "75 % removed (12 of 48 kept), descriptive labels"
    assert "12 steps" in text_of(page)
    box = page.selectbox(key="right_model")
    assert box.value == quick[3].key
    assert lasting_name(quick[3].key, quick[3].condition) in box.options
    page = with_maps(page.selectbox(key="right_model").set_value("").run())
    assert models_of(page)["Right"] == DESCRIPTIVE
    assert not setting(page, "right")


def test_a_control_writes_the_address_and_back_takes_it_back() -> None:
    page = with_maps(start(left="labels:descriptive"))
    page = with_maps(page.select_slider(key="left_bias").set_value("75 %").run())
    assert setting(page, "left") == "labels:descriptive,bias:0.75"
    choose(page, "Labels", "short")
    assert setting(page, "left") == "bias:0.75", "what is usual is not in the address"
    page.query_params["left"] = "labels:descriptive"
    page = with_maps(page.run())
    assert models_of(page)["Left"] == DESCRIPTIVE
    assert page.select_slider(key="left_bias").value == "0 %"


def test_a_link_to_an_image_set_that_is_not_there_says_so(home: Path) -> None:
    page = opened("3_Compare", data="nosuch")
    assert "There is no image set 'nosuch' here" in page.warning[0].value
    assert page.run().warning, "which stays while the page shows another"
    assert not opened("3_Compare", data="scenes").warning


@pytest.mark.parametrize(
    "key", ["scenes-b0-short-bce-s0-00000000", "<script>alert(1)</script>", "../../etc/passwd"]
)
def test_a_link_to_a_model_that_is_not_there_says_so(key: str) -> None:
    page = with_maps(start(left=key))
    assert "There is no model" in page.warning[0].value
    assert models_of(page)["Left"] == UNBIASED


def test_a_clicked_picture_is_shown_in_every_model(experiments: list[store.Artifact]) -> None:
    row = int(cache.map_of_model(experiments[0].key).rows[3])
    page = with_maps(start(picture=f"p{row}", show_twins="true"))
    assert all(f"Nearest in the {side} model" in text_of(page) for side in ("left", "right"))
    arrows = next(table.value for table in [*page.dataframe, *page.table] if "Arrow" in table.value)
    assert {"From", "To", "Left", "Left, mean", "Right", "Right, mean"} <= set(arrows)
    assert arrows["From"].str.fullmatch("(horse|camel) (on grass|in the desert)").all()


def test_any_caption_can_be_typed_and_words_that_a_model_does_not_know_are_named() -> None:
    page = start(closer="Captions", **{"captions.caption": "a zebra on grass"})
    assert any("“zebra”" in warning.value for warning in page.warning)
    for caption in (
        "x" * 10_000,
        "<b>horse</b> & <script>",
        "🐪 верблюд",
        "   ",
        "a\u0000b\u202eh",
    ):
        with_maps(page.text_input(key="captions.caption").set_value(caption).run())


@pytest.fixture(scope="module")
def reads_words(experiments: list[store.Artifact]) -> Iterator[str]:
    """The key of a model with word vectors, under a map that nobody trained, for this module."""
    condition = experiments[0].condition.replace(text="words")
    folder = models_folder() / ".work" / "reads-words"
    shutil.copytree(experiments[0].path, folder)
    (folder / "manifest.json").unlink()
    (folder / "condition.json").write_text(json.dumps(condition.as_dict()))
    vocabulary = WordPieces()
    inference.save_encoder(
        build(condition, len(vocabulary)), vocabulary, folder / "model.safetensors"
    )
    published = store.publish(condition.key, folder, {"seconds": 0})
    yield published.key
    shutil.rmtree(published.path)


def test_word_vectors_read_any_words_and_mark_captions_that_are_far(reads_words: str) -> None:
    page = with_maps(
        start(
            closer="Captions", left=reads_words, right=reads_words, **{"captions.caption": "music"}
        )
    )
    assert not any("does not know" in warning.value for warning in page.warning)
    assert sum("“music” (nearest" in warning.value for warning in page.warning) == 2
    assert len(page.get("image")) == 2 * 12
    with_maps(page.text_input(key="captions.caption").set_value("racehorse").run())
    assert not any("“racehorse”" in warning.value for warning in page.warning)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("Groups", "Accuracy of the animal"),
        ("Shared neighbours", "Both models share"),
        ("Suspect labels", "nearest neighbours of these images have another label"),
        ("Training animation", "Training animation of 2 models"),
        ("All measures", "PCA map"),
        ("Export", "parquet"),
    ],
)
def test_every_section_opens(section: str, words: str) -> None:
    page = with_maps(start(closer=section))
    assert words in text_of(page)
    if section == "Suspect labels":
        next(
            button for button in page.button if button.label.startswith("Select all")
        ).click().run()
        assert "neighbours in the left model contradict the label" in text_of(page)


def test_the_wrong_end_of_a_failure_direction_can_be_selected() -> None:
    page = with_maps(start(closer="Failures", left="bias:0.75", right="bias:0.75"))
    assert text_of(page).count("held-out images are wrong") == 4, "two objects of two models"
    press(page, "Select all 48")
    assert ": the wrong end of " in text_of(page)
    assert len(page.session_state["selected"][1]) == 48
    unshown = text_of(page).count("not on the maps")
    assert 0 < unshown < 48, "images of no map are listed last"
