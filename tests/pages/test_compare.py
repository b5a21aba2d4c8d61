"""Compare: two maps in one chart, everything in the address, and no traceback for a bad one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from vlcore.charts.thumbnails import SAFE_URI
from vlcore.core.condition import Condition
from vlcore.core.wording import share
from vlcore.runs.imported import import_embeddings
from vlcore.runs.maps import PCA
from vlcore.store import artefacts
from vlcore.store.jobs import State
from vlcore.studies import plans
from vlcore.ui import cache, jobs

from .app import FakeQueue

APP = str(Path(__file__).parents[2] / "app.py")


def start(**address: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60).switch_page("pages/3_Compare.py")
    for name, value in address.items():
        page.query_params[name] = value
    return page.run()


def ok(page: AppTest, errors: int = 0) -> AppTest:
    """A page without a traceback, and with as many errors in sentences."""
    assert not page.exception
    assert len(page.error) == errors
    return page


def spec_of(page: AppTest) -> str:
    """The maps, as the browser gets them."""
    return str(page.get("vega_lite_chart")[0].proto.spec)


def parts_of(spec: object) -> Iterator[dict]:
    """Everything in a specification that is a part of it, in its order."""
    if isinstance(spec, dict):
        yield spec
    for inner in spec.values() if isinstance(spec, dict) else spec if isinstance(spec, list) else []:
        yield from parts_of(inner)


def titles_of(page: AppTest) -> list[str]:
    """Titles of the maps, in their order."""
    square = (part for part in parts_of(json.loads(spec_of(page))) if part.get("width") == part.get("height"))
    titles = [part["title"]["text"] for part in square if "subtitle" in (part.get("title") or {})]
    return [" ".join(text) if isinstance(text, list) else text for text in titles]


def says(page: AppTest, words: str) -> bool:
    return any(words in part.value for part in (*page.markdown, *page.caption))


def test_it_opens_on_experiments_1_and_2_with_their_numbers(experiments: list[artefacts.Artefact]) -> None:
    page = ok(start())
    assert titles_of(page) == ["No bias, short labels", "No bias, descriptive labels"]
    assert says(page, "**Twins**: they differ in one thing, the labels")
    groups = experiments[0].metrics["end"]["group_accuracy"]
    assert list(page.dataframe[0].value["Left"]) == [share(estimate) for estimate in groups.values()]
    points = cache.comparison([artefact.key for artefact in experiments[:2]], PCA).points
    assert points["thumb"].str.match(SAFE_URI).all()
    assert all(f'"{name}"' in spec_of(page) for name in ("image", "description"))


def test_the_address_chooses_both_models(experiments: list[artefacts.Artefact]) -> None:
    page = ok(start(left_labels="descriptive", right_bias="75 %", right_labels="short"))
    assert titles_of(page) == ["No bias, descriptive labels", "75 % removed (12 of 48 kept), short labels"]
    assert says(page, "They differ in 2 things: bias and labels.")


@pytest.mark.parametrize(
    "address",
    [
        {"left_bias": "900 %"},
        {"left_labels": "<script>alert(1)</script>"},
        {"left_seed": "-5"},
        {"map": "tsne; drop"},
        {"length": ""},
        {"right_pairs": "' or 1=1"},
        {"right_encoder": "../../etc"},
        {"models": "99"},
        {"pca_x": "7", "pca_y": "-1"},
        {"map": "UMAP", "umap_neighbours": "1e9", "umap_seed": "-3", "umap_fit": "<b>"},
        {"colour": "'; drop table", "closer": "nothing", "show_ghost": "maybe"},
        {"picture": "p999999999999999999999"},
        {"picture": "<img src=x onerror=alert(1)>"},
    ],
)
def test_a_hostile_address_falls_back_to_the_default(
    experiments: list[artefacts.Artefact], address: dict[str, str]
) -> None:
    assert len(ok(start(**address)).get("vega_lite_chart")) >= 1


def test_a_missing_model_offers_to_train_it(
    experiments: list[artefacts.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = FakeQueue()
    monkeypatch.setattr(jobs, "queue", lambda: queue)
    page = ok(start(left_bias="90 %"))
    assert not page.get("vega_lite_chart")
    button = next(button for button in page.button if button.label == "Train this model")
    button.click().run()
    assert queue.asked == [Condition(bias=0.9).key]


def test_training_shows_live_news(experiments: list[artefacts.Artefact], monkeypatch: pytest.MonkeyPatch) -> None:
    status = {
        "stage": "training", "step": 9, "steps": 600, "fraction": 0.3,
        "curve": [[0, 0.5, 0.5], [3, 0.6, 0.5], [9, 0.9, 0.6]], "map": [[i * 0.1, i % 7] for i in range(200)],
    }  # fmt: skip
    monkeypatch.setattr(jobs, "queue", lambda: FakeQueue(State.RUNNING, status))
    page = ok(start(left_bias="90 %"))
    assert any("minority 60" in caption.value.replace("\u00a0", " ") for caption in page.caption)
    assert [bar.proto.text for bar in page.get("progress")].count("training, step 9 of 600") == 2


class Trained(FakeQueue):
    """Models are there and their fitted maps are not."""

    def view(self, key: str):
        seen = super().view(key)
        return seen if key.endswith(".map") else type(seen)(key, State.DONE)


def test_umap_is_queued_only_when_it_is_asked_for(
    experiments: list[artefacts.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:

    queue = Trained()
    monkeypatch.setattr(jobs, "queue", lambda: queue)
    start()
    assert queue.asked == []
    page = ok(start(map="UMAP"))
    assert queue.asked == [
        f"{condition.key}.umap-n15-d10-s0.map" for condition in plans.find("experiments").conditions[:2]
    ]
    assert all(queue.short.values()), "it does not wait behind trainings"
    assert len(page.get("progress")) == 2
    assert "component" in spec_of(page), "PCA meanwhile"


def test_an_untrained_encoder_does_not_wait_behind_trainings(
    experiments: list[artefacts.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = FakeQueue()
    monkeypatch.setattr(jobs, "queue", lambda: queue)
    start(left_trained="false")
    assert queue.short == {Condition(labels="undescriptive").untrained.key: True}


def test_a_visitor_stops_waiting_for_what_goes_on_for_others(
    experiments: list[artefacts.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = FakeQueue(State.RUNNING, {"stage": "measuring"})
    queue.others_wait = True
    monkeypatch.setattr(jobs, "queue", lambda: queue)
    page = start(left_bias="90 %")
    key = Condition(bias=0.9, labels="undescriptive").key
    page.button(key="cancel_left").click().run()
    assert not page.exception
    assert queue.cancelled == [key]
    assert [button.label for button in page.button if button.key == "train_left"] == ["Train this model"]
    assert "goes on for somebody else" in page.warning[0].value
    page.button(key="train_left").click().run()
    assert queue.asked == [key]
    assert page.button(key="cancel_left")


def test_a_damaged_model_is_set_aside_and_can_be_trained_again(experiments: list[artefacts.Artefact]) -> None:
    from tests.conftest import publish_as

    damaged = publish_as(experiments[0], Condition(bias=0.25))
    (damaged.path / "maps.npz").write_bytes(b"damaged")
    page = ok(start(left_bias="25 %"), errors=1)
    assert "set aside" in page.error[0].value
    again = start(left_bias="25 %")
    assert any(button.label == "Train this model" for button in again.button)


@pytest.mark.parametrize("count", [3, 4])
def test_three_and_four_models_have_names_and_their_twins_are_named(
    experiments: list[artefacts.Artefact], count: int
) -> None:
    page = ok(start(models=str(count)))
    assert [title.split(":")[0] for title in titles_of(page)] == ["First", "Second", "Third", "Fourth"][:count]
    assert says(page, "first and third (bias)")
    columns = ["First", "Second", "Third", "Fourth"][:count]
    assert list(page.dataframe[0].value.columns) == ["Group", *columns, "Pictures"]


def test_a_model_from_the_disk_stands_beside_others(experiments: list[artefacts.Artefact], quick: list) -> None:
    page = ok(start(right_model=quick[3].key))
    assert titles_of(page)[1] == "75 % removed (12 of 48 kept), descriptive labels"
    assert says(page, "12 steps")


@pytest.mark.parametrize("key", ["scenes-b0-short-bce-s0-00000000", "<script>alert(1)</script>", "../../etc/passwd"])
def test_a_link_to_a_model_that_is_not_there_says_so(experiments: list[artefacts.Artefact], key: str) -> None:
    page = ok(start(left_model=key))
    assert "There is no model" in page.warning[0].value
    assert titles_of(page)[0] == "No bias, short labels"


def test_a_clicked_picture_is_shown_in_every_model(experiments: list[artefacts.Artefact]) -> None:
    row = int(cache.model_map(experiments[0].key, PCA, ()).rows[3])
    page = ok(start(picture=f"p{row}", show_arrows="true"))
    assert says(page, "Nearest in the left model")
    assert says(page, "Nearest in the right model")
    arrows = next(table.value for table in page.dataframe if "Arrow" in table.value)
    assert arrows["Arrow"].tolist() == ["other background"] * 2 + ["other animal"] * 2
    assert arrows[["Left", "Left, mean", "Right", "Right, mean"]].map(lambda number: 0 <= number <= 2).all(axis=None)


@pytest.mark.parametrize(
    "shown",
    [
        {"show_pictures": "true"},
        {"show_movement": "true", "models": "3"},
        {"show_neighbours": "true", "show_trust": "true"},
        {"show_ghost": "true", "colour": "right or wrong"},
        {"pca_x": "3", "pca_y": "4", "colour": "prediction"},
    ],
)
def test_whatever_is_laid_over_the_maps(experiments: list[artefacts.Artefact], shown: dict[str, str]) -> None:
    assert len(ok(start(**shown)).get("vega_lite_chart")) == 1


def test_prompt_axes_take_any_captions(experiments: list[artefacts.Artefact]) -> None:
    page = ok(start(map="Prompt axes", prompt_a="horse on the grass", prompt_b="camel on the grass"))
    spec = json.dumps(json.loads(spec_of(page)), ensure_ascii=False)
    assert "“horse on the grass” to “camel on the grass”" in spec
    assert "“grass” to “desert”" in spec
    equal = start(map="Prompt axes", prompt_a="horse", prompt_b="horse")
    assert not equal.exception
    assert "one point in this model" in equal.error[0].value


@pytest.mark.parametrize(
    "caption",
    ["x" * 10_000, "<b>horse</b> & <script>", "🐪🐪🐪", "верблюд в пустыне", "骆驼", "   ", "a\u0000b\u202ehorse"],
)
def test_any_caption_can_be_typed(experiments: list[artefacts.Artefact], caption: str) -> None:
    ok(start(closer="Captions").text_input(key="caption").set_value(caption).run())


def test_words_that_a_model_does_not_know_are_named(experiments: list[artefacts.Artefact]) -> None:
    page = ok(start(closer="Captions", caption="a zebra on grass"))
    assert any("“zebra”" in warning.value for warning in page.warning)
    table = next(table.value for table in page.dataframe if "Left out" in table.value)
    assert table["Left out"].tolist() == ["a", "zebra", "on", "grass"]


SECTIONS = ("Groups", "Map in words", "Movement", "Captions", "The loss", "Film", "All measures", "Take along")


@pytest.mark.parametrize("section", SECTIONS[1:])
def test_every_section_opens(experiments: list[artefacts.Artefact], section: str) -> None:
    page = ok(start(closer=section))
    if section == "All measures":
        assert {"Left", "Left, untrained", "Right", "Right, untrained", "Images"} <= set(
            page.dataframe[0].value.columns
        )


@pytest.fixture(scope="module")
def encoders(home: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names of two sets of embeddings of the same pictures."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(4), 60)
    facts = {
        "object": np.array(["horse", "horse", "camel", "camel"])[groups],
        "context": np.array(["grass", "desert", "desert", "grass"])[groups],
        "name": np.array([f"picture-{number}" for number in range(len(groups))]),
    }
    names = ["first-encoder", "second-encoder"]
    for name, width in zip(names, (16, 24), strict=True):
        file = tmp_path_factory.mktemp("npz") / f"{name}.npz"
        np.savez(file, z=random.normal(size=(4, width))[groups] + random.normal(size=(240, width)), **facts)
        import_embeddings(file, name)
    return names


@pytest.mark.parametrize("section", SECTIONS[:6])
def test_imported_embeddings_of_the_same_pictures_stand_beside_each_other(encoders: list[str], section: str) -> None:
    page = ok(start(data=encoders[0], closer=section))
    assert titles_of(page) == [f"Imported embeddings “{name}”" for name in encoders]
