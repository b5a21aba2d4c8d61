"""Upload: pictures land on the maps of two to four models; what is no picture gets a sentence, and nothing is kept."""

import dataclasses
import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.conftest import publish_as
from tests.datasets.importers.sources import encoded
from tests.runs.stand_ins import publish
from vlcore.compare.comparison import names
from vlcore.compare.uploads import distinct_names, with_untrained
from vlcore.core.captions import captions_of
from vlcore.core.condition import Condition
from vlcore.core.files import models_folder
from vlcore.core.grouping import SCENES
from vlcore.datasets import uploads
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.opening import open_apart
from vlcore.datasets.uploads import shown_name
from vlcore.measures import projection
from vlcore.runs import load
from vlcore.runs.maps import Projection, make_map, map_keys
from vlcore.server import cache
from vlcore.store.artefacts import Artefact, published
from vlcore.store.jobs import State
from vlcore.ui.compare.models import comparable
from vlcore.ui.upload import sections

from .app import FakeQueue, opened, press, text_of

File = tuple[str, bytes, str]
start = partial(opened, "4_Upload")
HOSTILE = "`$x^2$` **bold** [x](javascript:alert(1)) <script>alert(1)</script> \u202e\n# heading.png"


def ok(page: AppTest, errors: int = 0) -> AppTest:
    """A page without a traceback, and with as many errors in sentences."""
    assert not page.exception
    assert len(page.error) == errors
    return page


def upload(page: AppTest, *files: File, errors: int = 0) -> AppTest:
    return ok(page.file_uploader[0].set_value(list(files)).run(), errors)


def noise(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (90, 90, 3), dtype=np.uint8))


def file(name: str = "a.png", seed: int = 0) -> File:
    return name, encoded(noise(seed)), "image/png"


def cut_out(name: str, seed: int = 0) -> File:
    picture = noise(seed).convert("RGBA")
    alpha = np.zeros((90, 90), dtype=np.uint8)
    alpha[20:70, 30:60] = 255
    picture.putalpha(Image.fromarray(alpha))
    return name, encoded(picture), "image/png"


def table_of(page: AppTest) -> pd.DataFrame:
    return next(table.value for table in page.dataframe if "Pulled by" in table.value)


def test_without_a_model_it_says_where_to_get_one(empty_home: Path, queue: FakeQueue) -> None:
    page = start()
    assert "No model is trained on these pictures yet" in page.info[0].value
    queue.state, queue.status = State.RUNNING, {"stage": "measuring"}
    ok(page.run())
    assert "being trained on these pictures just now" in page.info[0].value
    assert len(page.get("progress")) == 4


@pytest.mark.parametrize("address", [
    {},
    {"models": "99", "shows": "<script>", "left_asked": "../../etc/passwd", "map": "tsne; drop"},
    {"models": "", "shows": "unicorn", "right_asked": "0", "look_at": "7", "explain": "maybe"},
])  # fmt: skip
def test_it_opens_on_two_models_that_differ_in_labels(experiments: list[Artefact], address: dict[str, str]) -> None:
    page = ok(start(**address))
    chosen = [page.selectbox(key=f"{side}_asked").value for side in ("left", "right")]
    assert chosen == [experiments[2].key, experiments[3].key]
    assert "Upload a picture of a horse or camel" in page.info[0].value
    assert not page.get("vega_lite_chart")
    assert not page.get("camera_input"), "nobody is asked for a camera who did not want one"


@pytest.mark.parametrize("count", [2, 4])
def test_pictures_are_put_to_every_model(experiments: list[Artefact], count: int) -> None:
    page = upload(start(models=str(count)), file("one.png", 1), file("two.png", 2))
    table = table_of(page)
    assert table["Model"].tolist() == 2 * [name.capitalize() for name in names(count)]
    assert table["Picture"].tolist() == ["1. one.png"] * count + ["2. two.png"] * count
    assert len(page.get("vega_lite_chart")) == 1
    captions = [entry.value["share"] for entry in page.dataframe if "share" in entry.value]
    assert [share.sum() for share in captions] == pytest.approx([100] * count)
    assert "The place of a picture of yours is exact." in text_of(page)


def test_on_a_umap_a_star_is_called_an_average(experiments: list[Artefact], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "umap", lambda space, *_settings: np.asarray(space[:, :2], dtype=np.float64))
    for key in (artefact.key for artefact in experiments[2:]):
        if not published(map_keys([key], Projection("umap", seed=77))[0]):
            make_map([key], Projection("umap", seed=77))
    page = upload(start(map="UMAP", umap_seed="77"), file())
    assert "average of its five nearest pictures" in text_of(page)
    assert "is exact" not in text_of(page)


def test_choices_have_names_of_their_own_and_each_seed_its_untrained_encoder() -> None:
    one = Condition(bias=0.75)
    same = one.replace(batch_size=64)
    choices = with_untrained({each.key: each for each in (one, same, one.replace(bias=0.5))})
    assert list(choices)[3:] == [one.untrained.key], "bias comes after the first step"
    called = distinct_names(choices)
    assert len(set(called.values())) == 4, "the browser tells them apart by their names"
    for each in (one, same):
        assert called[each.key].endswith(f"short labels · seed 0, 700 steps · {each.key.rpartition('-')[2]}")


def test_an_untrained_encoder_is_made_when_it_is_chosen(experiments: list[Artefact], queue: FakeQueue) -> None:
    queue.disk = True
    untrained = experiments[1].condition.untrained
    offered = with_untrained(comparable(cache.named_set("scenes")))
    page = start(right_asked=distinct_names(offered)[untrained.key])
    upload(page, file())
    assert queue.asked == [], "a link starts nothing"
    press(page, "Measure the untrained encoder: a few seconds")
    assert queue.asked == [untrained.key]
    queue.asked.clear()
    page = start()
    page.selectbox(key="right_asked").set_value(untrained.key)
    upload(page, file())
    assert queue.short == {untrained.key: True}, "it does not wait behind trainings"
    assert len(page.get("progress")) == 1
    assert not page.get("vega_lite_chart")
    publish_as(experiments[1], untrained)
    try:
        ok(page.run())
    finally:
        shutil.rmtree(models_folder() / untrained.key)
    assert [words != "" for words in table_of(page)["Balance, untrained"]] == [True, False]
    assert text_of(page).count("; before training ") == 1
    assert text_of(page).count("After training: cosine") == 1


@pytest.mark.parametrize("shows", ["let each model say", "horse"])
def test_a_visitor_says_what_a_picture_shows_and_a_sample_is_known(experiments: list[Artefact], shows: str) -> None:
    page = start(shows=shows)
    page.checkbox(key="sample_Horse in the snow").check()
    page.checkbox(key="sample_Camel, cut out").check()
    upload(page, file())
    pictures = page.selectbox(key="look_at")
    assert len(pictures.options) == 1 + 7 + 1
    assert text_of(page).count("taken as horse with") == 2, "snow is no place of the set: the nearest group decides"
    ok(pictures.set_value(pictures.options[1]).run())
    assert text_of(page).count("taken as camel with") == 2
    ok(page.selectbox(key="look_at").set_value("9. a.png").run())
    assert text_of(page).count(f"taken as {shows if shows in SCENES.objects else ''}") == 2


def test_cut_outs_stand_on_seven_backgrounds(experiments: list[Artefact]) -> None:
    page = upload(start(), cut_out("a.png", 1), cut_out("a.png", 2))
    assert not page.warning, "fourteen pictures are what there is room for"
    table = table_of(page)[:14]
    places = [name.split("a.png, ")[1] for name in table["Picture"].tolist()[::2]]
    assert len(set(places)) == 7
    assert places[0] == "mid-grey"
    first, second = (text.value for text in page.markdown if "One cut-out on 7 backgrounds" in text.value)
    assert "(`a.png`)" in first
    assert "(`a.png (2)`)" in second
    for name in ("Left", "Right"):
        counts = table[table["Model"] == name]["Says"].value_counts()
        assert all(f"{says} on {count}" in first for says, count in counts.items())
    pictures = page.selectbox(key="look_at")
    ok(pictures.set_value(pictures.options[places.index("on grass")]).run())
    assert text_of(page).count(" with grass: cosine") == 2, "the place is known, of what it was put on"


def test_of_thirty_pictures_the_first_are_shown(experiments: list[Artefact], monkeypatch: pytest.MonkeyPatch) -> None:
    decode = Mock(wraps=open_apart)
    monkeypatch.setattr(uploads, "open_apart", decode)
    files = [file(f"{number}.png", number) for number in range(30)]
    files[13] = ("thin.png", encoded(Image.new("RGB", (8, 4000), "green")), "image/png")
    page = upload(start(), *files)
    assert "The first 14 pictures are shown" in page.warning[0].value
    shown = [f"{number}. {name}" for number, (name, *_) in enumerate(files[:14], start=1)]
    assert table_of(page)["Picture"].tolist()[::2] == shown
    assert decode.call_count == 14
    ok(page.selectbox(key="look_at").set_value("14. thin.png").run())
    assert decode.call_count == 14
    upload(page, file("other.png", 99))
    assert decode.call_count == 15
    assert len(page.session_state["opened"]) == 1, "what was taken away is not kept"
    assert not page.warning


def test_what_is_no_picture_gets_a_sentence_and_its_name_is_no_markup(experiments: list[Artefact]) -> None:
    bad = {
        "empty.png": (b"", "is empty"),
        HOSTILE: (b"this is no picture", "no picture at all"),
        "broken.png": (encoded(noise())[:400], "is damaged"),
        "bomb.png": (encoded(Image.new("L", (11_600, 11_600)), compress_level=9), "megapixels"),
    }
    assert len(bad["bomb.png"][0]) < 200_000, "of 400 MB of pixels"
    files = ((name, content, "image/png") for name, (content, _) in bad.items())
    page = upload(start(), *files, cut_out(HOSTILE), errors=len(bad))
    shown = shown_name(HOSTILE).replace("`", "'")
    for error, (name, (_, words)) in zip(page.error, bad.items(), strict=True):
        assert error.value.split("`")[1] == (shown if name == HOSTILE else name), "nothing ends the code span early"
        assert words in error.value
        assert ("no picture at all" in error.value) == (name == HOSTILE)
    assert table_of(page)["Picture"].str.startswith("1. `$x^2$`").iloc[0]
    assert f"`{shown} (2)`" in text_of(page)
    # Everywhere else a foreign name is a table's cell, a choice or plain text.
    outside = "".join(text_of(page).split("`")[::2])
    assert not any(mark in outside for mark in ("bold", "javascript", "script>", "heading"))
    assert page.text[-1].value.startswith("`$x^2$` **bold**"), "shown as it is, in st.text"


@pytest.fixture
def unusual(experiments: list[Artefact]) -> Iterator[list[str]]:
    """A model whose labels name the place alone, a captioner, and embeddings from elsewhere."""
    images = open_set("scenes")
    images = dataclasses.replace(images, table=images.table.assign(mask=""))  # no cut-outs are put together
    usual, imported = Condition(data_seed=80, init_seed=80), Condition(objective="imported", labels="constant", steps=0)
    asked = usual.replace(labels="context"), usual.replace(objective="captioner", labels="descriptive")
    keys = [*(publish(images, one).key for one in asked), publish_as(experiments[2], imported).key]
    yield keys
    for key in keys:  # other tests of this session choose among the models that are there
        shutil.rmtree(models_folder() / key)


def test_models_that_name_nothing_or_cannot_be_asked(unusual: list[str]) -> None:
    page = start()
    for prefix, key in zip(("left", "right"), unusual, strict=False):
        page.selectbox(key=f"{prefix}_asked").set_value(key)
    upload(page, file(), cut_out("b.png"))
    table = table_of(page).iloc[:2]
    says, captions = table["Says"].tolist(), table["Best caption"].tolist()
    assert says[0] == "Its labels name no animal."
    assert "word by word" in says[1]
    assert table["Share, %"].isna().all()
    assert captions[0] in [said.text for said in captions_of("context", SCENES)]
    assert captions[1] == ""
    assert "Left: nothing on 7; Right: nothing on 7." in text_of(page)
    ok(page.toggle(key="explain").set_value(True).run())
    assert text_of(page).count("This model names nothing, so there is no answer to explain.") == 2
    ok(page.selectbox(key="left_asked").set_value(unusual[2]).run(), errors=1)
    assert "there is no model to ask of other pictures" in page.error[0].value


def test_an_answer_stays_in_a_session(
    experiments: list[Artefact], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for artefact in experiments:  # a home of its own: what other tests still do in theirs is no answer of this one
        shutil.copytree(artefact.path, tmp_path / "models" / artefact.key)
    shutil.copytree(home / "data", tmp_path / "data", copy_function=os.link)
    monkeypatch.setenv("VLCORE_HOME", str(tmp_path))
    embed, paint = Mock(wraps=load.OwnModel.embed_pictures), Mock(wraps=sections.painted)
    monkeypatch.setattr(load.OwnModel, "embed_pictures", lambda *given: embed(*given))
    monkeypatch.setattr(sections, "painted", paint)
    there = sorted(tmp_path.rglob("*"))
    mine = upload(start(), file(seed=4))
    assert embed.call_count == 4, "two models, and each before its first step"
    ok(mine.toggle(key="explain").set_value(True).run())
    assert text_of(mine).count("**Patch ablation** (the faithful one)") == 2
    assert text_of(mine).count("**Attention rollout** (a hint only)") == 2
    assert [np.ptp(call.args[1]) > 0 for call in paint.call_args_list] == [True] * 4, "something is painted on each"
    assert embed.call_count == 4, "a click does not ask again"
    somebody_else = upload(start(), file(seed=4))
    assert embed.call_count == 8, "the same picture of somebody else is asked about anew"
    assert "Patch ablation" not in text_of(somebody_else)
    assert table_of(somebody_else).equals(table_of(mine))
    assert sorted(tmp_path.rglob("*")) == there, "nothing is kept"
    assert {name[0] for name in mine.session_state["asked"]} == {"z", "reports", "ablation", "rollout"}
    assert {name[0] for name in somebody_else.session_state["asked"]} == {"z", "reports"}
