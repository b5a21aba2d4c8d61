"""Compare: two maps in one chart, everything in the address, and no traceback for a bad one."""

from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from vlcore.api.panels import COMPARE, panels
from vlcore.artifacts import store
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.experiment.wording import lasting_name
from vlcore.jobs.jobs import JobStatus, State
from vlcore.study import plans

from .app import FakeQueue, choose, models_of, opened, press, setting, told_maps, with_maps

pytestmark = pytest.mark.usefixtures("experiments")
BIASED = "Bias 75% (12 of 48 rare images kept)"
SHORT, DESCRIPTIVE = f"{BIASED}, short captions", f"{BIASED}, descriptive captions"
start = partial(opened, "3_Compare")


def maps_of(page: AppTest) -> str:
    """The maps, as the browser gets them."""
    return str(told_maps(page)[0])


@pytest.mark.parametrize(
    ("address", "left", "right"),
    [
        ({}, SHORT, DESCRIPTIVE),
        (
            {"left": "labels:descriptive", "right": "labels:short,bias:0"},
            DESCRIPTIVE,
            "No bias, short captions",
        ),
        (
            {
                "left": "bias:900%",
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
            SHORT,
            DESCRIPTIVE,
        ),
        ({"map": "UMAP", "map_seed": "-3", "picture": "<img src=x>"}, SHORT, DESCRIPTIVE),
        ({"left": "scenes-b0-short-bce-s0-00000000"}, SHORT, DESCRIPTIVE),
        ({"left": "<script>alert(1)</script>"}, SHORT, DESCRIPTIVE),
        ({"left": "../../etc/passwd"}, SHORT, DESCRIPTIVE),
    ],
)
def test_the_address_chooses_both_models_and_what_it_lacks_is_usual(
    address: dict[str, str], left: str, right: str
) -> None:
    page = with_maps(start(**address))
    assert models_of(page) == {"Model A": left, "Model B": right}
    is_key = "left" in address and ":" not in address["left"]
    assert ("There is no model" in "".join(one.value for one in page.warning)) == is_key


@pytest.mark.parametrize(
    "title", [panel.title for panel in panels(COMPARE) if panel.fits({"options"})]
)
def test_every_panel_opens(title: str) -> None:
    assert with_maps(start(closer=title)).session_state["closer"] == title


def test_images_of_a_panel_can_be_selected() -> None:
    page = with_maps(start(closer="Failures", left="bias:0.75", right="bias:0.75"))
    press(page, "Select all 48")
    assert len(page.session_state["selected"][1]) == 48


def test_nothing_trains_without_a_press(queue: FakeQueue) -> None:
    queue.disk = True
    page = with_maps(start())
    page = page.select_slider(key="left_bias").set_value("25%").run()
    assert queue.asked == []
    assert not told_maps(page), "nothing is shown that was not chosen"
    page = start(towers="pretrained")
    pretrained = plans.find("experiments", Condition().with_towers("pretrained")).conditions[2:]
    press(page, "Train 2 models")
    assert queue.asked == [condition.key for condition in pretrained]


def test_models_that_are_trained_at_another_bias_are_a_link_away(queue: FakeQueue) -> None:
    queue.disk = True
    page = start(left="bias:0.9", right="bias:0.9,labels:descriptive")
    links = {link.proto.label: link.proto.query_string for link in page.get("page_link")}
    offered = {label: query for label, query in links.items() if "trained models" in label}
    assert list(offered) == [
        f"Compare the trained models with bias {bias}" for bias in ("0%", "75%")
    ]
    there = with_maps(start(**dict(parse_qsl(offered["Compare the trained models with bias 75%"]))))
    assert models_of(there) == {"Model A": SHORT, "Model B": DESCRIPTIVE}


@pytest.mark.parametrize("waiting", [0, 3])
def test_a_training_of_seconds_does_not_wait_behind_long_ones(
    queue: FakeQueue, waiting: int
) -> None:
    queue.disk, queue.long = True, waiting
    press(start(towers="pretrained"), "Train 2 models")
    assert set(queue.short.values()) == {waiting > 0}


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
    assert len(page.get("progress")) == 1


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
        for condition in plans.find("experiments").conditions[2:]
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
    key = Condition(bias=STUDY_BIAS, labels="undescriptive").untrained.key
    queue.disk, queue.long = True, 3
    page = start().toggle(key="left_trained").set_value(False).run()
    assert queue.asked == []
    press(page, "Measure the untrained model")
    assert queue.short == {key: True}


def test_a_model_from_the_disk_stands_beside_others(quick: list[store.Artifact]) -> None:
    page = with_maps(start(right=quick[0].key))
    assert models_of(page)["Model B"] == "No bias, short captions"
    box = page.selectbox(key="right_model")
    assert box.value == quick[0].key
    assert lasting_name(quick[0].key, quick[0].condition) in box.options
    page = with_maps(page.selectbox(key="right_model").set_value("").run())
    assert models_of(page)["Model B"] == DESCRIPTIVE
    assert not setting(page, "right")


def test_a_control_writes_the_address_and_back_takes_it_back() -> None:
    page = with_maps(start(left="labels:descriptive"))
    page = with_maps(page.select_slider(key="left_bias").set_value("0%").run())
    assert setting(page, "left") == "labels:descriptive,bias:0"
    choose(page, "Captions", "short")
    assert setting(page, "left") == "bias:0", "what is usual is not in the address"
    page.query_params["left"] = "labels:descriptive"
    page = with_maps(page.run())
    assert models_of(page)["Model A"] == DESCRIPTIVE
    assert page.select_slider(key="left_bias").value == "75%"


def test_a_link_to_an_image_set_that_is_not_there_says_so(home: Path) -> None:
    page = opened("3_Compare", data="nosuch")
    assert page.warning
    assert page.run().warning, "which stays while the page shows another"
    assert not opened("3_Compare", data="scenes").warning


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
