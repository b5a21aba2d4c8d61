"""Upload: pictures land on the maps of two to four models; what is no picture gets a sentence, and nothing is kept."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.runs.stand_ins import publish
from vlcore.charts import heat
from vlcore.compare.comparison import Comparison
from vlcore.core.captions import captions_of
from vlcore.core.condition import Condition
from vlcore.core.files import models_folder
from vlcore.core.grouping import SCENES
from vlcore.core.wording import title
from vlcore.datasets import samples
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.samples import open_cutout, plain
from vlcore.measures import projection
from vlcore.runs import load
from vlcore.runs.maps import Projection, make_map, map_keys
from vlcore.store import artefacts
from vlcore.store.jobs import JobStatus, State
from vlcore.ui import cache, jobs
from vlcore.ui.upload import answers, sections

from .app import FakeQueue

APP = str(Path(__file__).parents[2] / "app.py")
File = tuple[str, bytes, str]
HOSTILE = (
    "**bold** _a_ [x](javascript:alert(1)) http://evil.example www.evil.example.png",
    "<img src=x onerror=alert(1)><script>alert(1)</script>.png",
    "`$x^2$` :red[hot] :material/home: `.png",
    "🐪🐎 骆驼 верблюд.png",
    "long" * 60 + ".png",
    "\u202egnp.exe\u0001\n# heading\n.png",
    "=1+1,+cmd|' /C calc'!A0.png",
    " .png",
)


def start(**address: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60).switch_page("pages/4_Upload.py")
    for name, value in address.items():
        page.query_params[name] = value
    return page.run()


def upload(page: AppTest, *files: File) -> AppTest:
    return page.file_uploader[0].set_value(list(files)).run()


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def noise(side: int = 90, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8))


def file(name: str = "a.png", seed: int = 0) -> File:
    return name, encoded(noise(seed=seed)), "image/png"


def cut_out(name: str, seed: int = 0) -> File:
    picture = noise(seed=seed).convert("RGBA")
    alpha = np.zeros((90, 90), dtype=np.uint8)
    alpha[20:70, 30:60] = 255
    picture.putalpha(Image.fromarray(alpha))
    return name, encoded(picture), "image/png"


def bomb() -> bytes:
    """A PNG of nine kilobytes that would be 400 MB of pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 11_600, 11_600, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(9_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def table_of(page: AppTest) -> pd.DataFrame:
    return next(table.value for table in page.dataframe if "Pulled by" in table.value)


def said_by(page: AppTest) -> str:
    """All that the page says in Markdown."""
    parts = [*page.markdown, *page.caption, *page.error, *page.warning, *page.info]
    return "\n".join(part.value for part in parts)


def ok(page: AppTest, errors: int = 0) -> AppTest:
    """A page without a traceback, and with as many errors in sentences."""
    assert not page.exception
    assert len(page.error) == errors
    return page


@pytest.fixture
def stars(monkeypatch: pytest.MonkeyPatch) -> list[pd.DataFrame]:
    """The stars of each drawing of the maps."""
    drawn_stars, draw = [], sections.figure

    def spy(comparison: Comparison, *arguments: Any, **options: Any) -> Any:
        assert comparison.uploads is not None
        drawn_stars.append(comparison.uploads)
        return draw(comparison, *arguments, **options)

    monkeypatch.setattr(sections, "figure", spy)
    return drawn_stars


# --- before anything is given


def test_without_a_model_it_says_where_to_get_one(empty_home: Path) -> None:
    page = ok(start())
    assert "No model is trained on these pictures yet" in page.info[0].value


def test_while_models_are_in_training_it_says_so(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "queue", lambda: FakeQueue(State.RUNNING, {"stage": "measuring"}))
    page = ok(start())
    assert "being trained on these pictures just now" in page.info[0].value
    assert len(page.get("progress")) == 4


def test_it_opens_on_two_models_that_differ_in_their_labels_alone(experiments: list[artefacts.Artefact]) -> None:
    page = ok(start())
    chosen = [page.selectbox(key="left_asked").value, page.selectbox(key="right_asked").value]
    assert chosen == [experiments[2].key, experiments[3].key]
    assert "Upload a picture of a horse or camel" in page.info[0].value
    assert not page.get("vega_lite_chart")
    assert not page.get("camera_input"), "nobody is asked for a camera who did not want one"


@pytest.mark.parametrize(
    "address",
    [
        {"models": "99", "shows": "<script>", "left_asked": "../../etc/passwd", "map": "tsne; drop"},
        {"models": "", "shows": "unicorn", "right_asked": "0", "look_at": "7", "explain": "maybe"},
    ],
)
def test_a_hostile_address_falls_back_to_the_default(
    experiments: list[artefacts.Artefact], address: dict[str, str]
) -> None:
    page = ok(upload(start(**address), file()))
    assert page.selectbox(key="left_asked").value == experiments[2].key
    assert table_of(page)["Model"].tolist() == ["Left", "Right"]


# --- two to four models


@pytest.mark.parametrize(
    ("count", "names"),
    [
        ("2", ["Left", "Right"]),
        ("3", ["First", "Second", "Third"]),
        ("4", ["First", "Second", "Third", "Fourth"]),
    ],
)
def test_pictures_are_put_to_every_model(
    experiments: list[artefacts.Artefact], stars: list[pd.DataFrame], count: str, names: list[str]
) -> None:
    page = ok(upload(start(models=count), file("one.png", 1), file("two.png", 2)))
    table = table_of(page)
    assert table["Model"].tolist() == 2 * names
    assert table["Picture"].tolist() == ["1. one.png"] * len(names) + ["2. two.png"] * len(names)
    assert len(page.get("vega_lite_chart")) == 1
    assert stars[-1]["id"].tolist() == ["u0", "u1"]
    assert {f"x{pane}" for pane in range(len(names))} <= set(stars[-1])
    assert sum("probability" in part.value or "share" in part.value for part in page.dataframe) == len(names)
    assert page.dataframe[1].value["share"].sum() == pytest.approx(100)
    assert "The place of a star is exact." in said_by(page)


def test_on_a_umap_a_star_is_an_average_of_neighbours_and_that_is_said(
    experiments: list[artefacts.Artefact], stars: list[pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "umap", lambda space, *_settings: np.asarray(space[:, :2], dtype=np.float64))
    keys, fitted = [artefact.key for artefact in experiments[2:]], Projection("umap", seed=77)
    for key in keys:
        if not artefacts.published(map_keys([key], fitted)[0]):
            make_map([key], fitted)
    page = ok(upload(start(map="UMAP", umap_seed="77"), file()))
    assert "average of its five nearest pictures, the nearest counting most: it is not exact" in said_by(page)
    assert "is exact" not in said_by(page)
    model = cache.comparison(keys, fitted).models[1]
    expected = model.place(load.load(model.artefact).embed_pictures([noise()]))
    assert stars[-1][["x1", "y1"]].to_numpy() == pytest.approx(expected, abs=1e-4)


def test_an_untrained_encoder_is_a_choice_and_is_made_when_it_is_chosen(
    experiments: list[artefacts.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Trained(FakeQueue):
        def view(self, key: str) -> JobStatus:
            return JobStatus(key, State.DONE) if key in there else super().view(key)

    there, queue = {artefact.key for artefact in experiments}, Trained()
    monkeypatch.setattr(jobs, "queue", lambda: queue)
    untrained = experiments[1].condition.untrained.key
    page = start()
    choices = page.selectbox(key="right_asked").options
    assert len(set(choices)) == len(choices), "the browser tells them apart by their names"
    untrained_ones = [choice for choice in choices if choice.startswith("Untrained encoder")]
    for wanted in {title(artefact.condition.untrained) for artefact in experiments}:
        assert sum(one.startswith(wanted) and one.endswith(" seed 0") for one in untrained_ones) == 1
    assert not any("removed" in choice for choice in untrained_ones), "bias comes after the first step"
    page.selectbox(key="right_asked").set_value(untrained)
    ok(upload(page, file()))
    assert queue.short == {untrained: True}, "it does not wait behind trainings"
    assert len(page.get("progress")) == 1
    assert not page.get("vega_lite_chart")


def test_models_of_one_description_are_told_apart_by_their_keys(experiments: list[artefacts.Artefact]) -> None:
    other = copied(experiments[2], experiments[2].condition.replace(batch_size=64))
    try:
        page = start()
        words = "75 % removed (12 of 48 kept), short labels · seed 0, 600 steps"
        equal = [choice for choice in page.selectbox(key="left_asked").options if choice.startswith(words)]
        keys = [experiments[2].key, other]
        assert sorted(equal) == sorted(f"{words} · {key.rpartition('-')[2]}" for key in keys)
        page.selectbox(key="left_asked").set_value(other).run()
        assert page.selectbox(key="left_asked").value == other
    finally:
        shutil.rmtree(models_folder() / other)


def test_an_untrained_encoder_is_not_compared_with_itself(experiments: list[artefacts.Artefact]) -> None:
    untrained = copied(experiments[3], experiments[3].condition.untrained)
    try:
        page = start()
        page.selectbox(key="right_asked").set_value(untrained)
        upload(page, file())
    finally:
        shutil.rmtree(models_folder() / untrained)
    assert not page.exception
    table = table_of(page)
    assert table["Balance, untrained"].tolist()[0] != ""
    assert table["Balance, untrained"].tolist()[1] == ""
    assert said_by(page).count("; before training ") == 1
    assert said_by(page).count("After training: cosine") == 1


# --- what a picture is compared for


@pytest.mark.parametrize("shows", ["let each model say", "horse", "camel"])
def test_a_visitor_says_what_a_picture_shows_and_a_sample_is_known(
    experiments: list[artefacts.Artefact], shows: str
) -> None:
    page = start(shows=shows)
    page.checkbox(key="sample_Camel in the desert").check()
    page.checkbox(key="sample_Horse in the snow").check()
    ok(upload(page, file()))
    pictures = page.selectbox(key="look_at")
    assert pictures.options == ["1. Camel in the desert", "2. Horse in the snow", "3. a.png"]
    assert said_by(page).count("taken as camel with desert") == 2, "a sample's object and place are known"
    pictures.set_value("2. Horse in the snow").run()
    assert said_by(page).count("taken as horse with") == 2, "snow is no place of the set: the nearest group decides"
    page.selectbox(key="look_at").set_value("3. a.png").run()
    if shows in SCENES.objects:
        assert said_by(page).count(f"taken as {shows} with") == 2
    else:
        assert said_by(page).count("taken as ") == 2


# --- cut-outs


def test_a_cut_out_stands_on_seven_backgrounds(
    experiments: list[artefacts.Artefact], stars: list[pd.DataFrame]
) -> None:
    page = ok(upload(start(), cut_out("camel.png")))
    table = table_of(page)
    places = [name.split("camel.png, ")[1] for name in table["Picture"].tolist()[::2]]
    assert len(set(places)) == len(places) == len(stars[-1]) == 7
    assert places[0] == "mid-grey"
    assert {"on grass", "in the desert"} <= set(places)
    assert stars[-1]["thumb"].is_unique
    sentence = next(text.value for text in page.markdown if "One cut-out on 7 backgrounds" in text.value)
    for name in ("Left", "Right"):
        counts = table[table["Model"] == name]["Says"].value_counts()
        assert all(f"{says} on {count}" in sentence for says, count in counts.items())
    on_grass = places.index("on grass")
    page.selectbox(key="look_at").set_value(page.selectbox(key="look_at").options[on_grass]).run()
    assert said_by(page).count(" with grass: cosine") == 2, "the place is known, of what it was put on"


def test_two_cut_outs_of_one_name_are_two(experiments: list[artefacts.Artefact]) -> None:
    page = ok(upload(start(), cut_out("a.png", 1), cut_out("a.png", 2)))
    sentences = [text.value for text in page.markdown if "One cut-out on" in text.value]
    assert ["(`a.png`)" in sentences[0], "(`a.png (2)`)" in sentences[1]] == [True, True]
    assert all("on 7 backgrounds" in sentence for sentence in sentences)
    assert not page.warning, "fourteen pictures are what there is room for"


def test_sample_cut_outs_are_known(experiments: list[artefacts.Artefact]) -> None:
    page = start()
    ok(page.checkbox(key="sample_Camel, cut out").check().run())
    assert len(table_of(page)) == 14
    assert said_by(page).count("taken as camel with") == 2


# --- many, broken, odd and hostile files


def test_of_thirty_pictures_the_first_are_shown_and_no_click_opens_one_again(
    experiments: list[artefacts.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    decode = open_cutout
    monkeypatch.setattr(samples, "open_cutout", lambda data, name: (opened.append(name), decode(data, name))[1])
    page = ok(upload(start(), *(file(f"{number}.png", number) for number in range(30))))
    assert "The first 14 pictures are shown" in page.warning[0].value
    assert table_of(page)["Picture"].tolist()[::2] == [f"{number + 1}. {number}.png" for number in range(14)]
    assert len(opened) == 14
    ok(page.selectbox(key="look_at").set_value("14. 13.png").run())
    assert len(opened) == 14
    upload(page, file("other.png", 99))
    assert len(opened) == 15
    assert len(page.session_state["opened"]) == 1, "what was taken away is not kept"
    assert not page.warning


def test_what_is_no_picture_gets_a_sentence_and_the_good_ones_are_shown(experiments: list[artefacts.Artefact]) -> None:
    bad = {
        "empty.png": (b"", "is empty"),
        "text.png": (b"this is no picture", "no picture at all"),
        "broken.png": (encoded(noise())[:400], "is damaged"),
        "bomb.png": (bomb(), "megapixels"),
        "dot.png": (encoded(Image.new("RGB", (1, 1))), "is only 1 x 1 pixels"),
        "other.png": (encoded(noise(), "GIF"), "not a PNG, JPEG or WebP"),
    }
    assert len(bad["bomb.png"][0]) < 10_000
    files = ((name, content, "image/png") for name, (content, _) in bad.items())
    page = ok(upload(start(), *files, file("good.png")), errors=len(bad))
    assert [error.value.split("`")[1] for error in page.error] == list(bad)
    for error, (_, words) in zip(page.error, bad.values(), strict=True):
        assert words in error.value
    assert ["no picture at all" in error.value for error in page.error] == [name == "text.png" for name in bad]
    assert table_of(page)["Picture"].unique().tolist() == ["1. good.png"]


def test_odd_pictures_are_pictures_and_can_be_looked_at(experiments: list[artefacts.Artefact]) -> None:
    frames = [Image.new("RGB", (60, 60), colour) for colour in ("red", "blue")]
    odd = {
        "animated.webp": encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "deep.png": encoded(Image.fromarray(np.full((40, 40), 32768, dtype=np.uint16))),
        "thin.png": encoded(Image.new("RGB", (8, 4000), "green")),
    }
    page = ok(upload(start(), *((name, content, "image/png") for name, content in odd.items())))
    names = [f"{number}. {name}" for number, name in enumerate(odd, 1)]
    assert table_of(page)["Picture"].tolist()[::2] == names
    for name in names:
        ok(page.selectbox(key="look_at").set_value(name).run())


def test_a_hostile_name_is_text_wherever_it_stands(experiments: list[artefacts.Artefact]) -> None:
    files = ((name, b"no picture", "image/png") for name in HOSTILE)
    page = ok(upload(start(), *files, cut_out(HOSTILE[0])), errors=len(HOSTILE))
    for error in page.error:
        name = error.value.removeprefix("`").split("`: The file")[0]
        assert "`" not in name, "nothing ends the code span early"
        assert name.isprintable()
        assert 0 < len(name) <= 60
    sentence = next(text.value for text in page.markdown if "One cut-out on" in text.value)
    assert sentence.split("`")[1] == f"{plain(HOSTILE[0])} (2)"
    # Everywhere else a foreign name is a table's cell, a choice or plain text.
    outside = "".join(part for text in said_by(page).split("\n") for part in text.split("`")[::2])
    for mark in ("bold", "javascript", "evil", "script>", "red[", "heading", "calc"):
        assert mark not in outside
    assert page.text[-1].value.startswith("**bold** _a_ [x](javascript"), "shown as it is, in st.text"


# --- one picture, closely


def test_an_answer_is_explained_on_demand(
    experiments: list[artefacts.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[np.ndarray] = []
    monkeypatch.setattr(answers, "painted", lambda *given: (shown.append(heat.painted(*given)), shown[-1])[1])
    page = upload(start(models="3"), file())
    assert "Patch ablation" not in said_by(page)
    ok(page.toggle(key="explain").set_value(True).run())
    assert said_by(page).count("**Patch ablation** (the faithful one)") == 3
    assert said_by(page).count("**Attention rollout** (a hint only)") == 3
    assert len(shown) == 6
    assert all(np.ptp(picture.astype(int), axis=-1).max() > 60 for picture in shown), "something is painted on each"


def stand_in(**settings: object) -> str:
    """Publish a model that nobody trained, on the pictures of the session; returns its key."""
    images = open_set("scenes")
    images = dataclasses.replace(
        images, table=images.table.assign(mask="")
    )  # nothing of it is cut out and put together
    return publish(images, Condition(data_seed=80, init_seed=80, **settings)).key  # type: ignore[arg-type]


def copied(artefact: artefacts.Artefact, condition: Condition, without: str = "", **arrays: np.ndarray) -> str:
    """Publish a copy of a model as another condition, without a file, or with other arrays; returns its key."""
    made = models_folder() / ".work" / f"changed-{condition.key}"
    shutil.copytree(artefact.path, made)
    (made / "manifest.json").unlink()
    (made / "condition.json").write_text(json.dumps(condition.as_dict()))
    if without:
        (made / without).unlink()
    np.savez(made / "embeddings.npz", **{**artefact.arrays("embeddings.npz"), **arrays})  # type: ignore[arg-type]
    return artefacts.publish(condition.key, made, {"seconds": 0}).key


@pytest.fixture
def unusual(experiments: list[artefacts.Artefact]) -> Iterator[list[str]]:
    """A model whose labels name the place alone, a captioner, a classifier, one with a new last layer, and embeddings
    from elsewhere."""
    last, arrays = experiments[2], experiments[2].arrays("embeddings.npz")
    shown = len(last.arrays("maps.npz")["map_rows"])
    layer = {
        "layer_objects": np.array(["camel", "horse"]),
        "layer_direction": np.zeros(arrays["end_test"].shape[1]),
        "layer_shift": np.array(-50.0),  # whatever it is shown, it says camel
        "map_predicted": np.full(shown, "camel"),
        "train_predicted": np.full(len(arrays["train_rows"]), "camel"),
    }
    elsewhere = Condition(objective="imported", labels="constant", steps=0)
    keys = [
        stand_in(labels="context"),
        stand_in(objective="captioner", labels="descriptive"),
        stand_in(objective="ce_object"),
        copied(last, last.condition.replace(mitigation="dfr"), **layer),
        copied(last, elsewhere, without="model.safetensors"),
    ]
    yield keys
    for key in keys:  # other tests of this session choose among the models that are there
        shutil.rmtree(models_folder() / key)


def test_models_that_name_nothing_or_by_other_means(unusual: list[str]) -> None:
    page = start(models="4")
    for prefix, key in zip(("left", "right", "third", "fourth"), unusual, strict=False):
        page.selectbox(key=f"{prefix}_asked").set_value(key)
    ok(upload(page, file(), cut_out("b.png")))
    table = table_of(page).iloc[:4]
    assert table["Says"].tolist()[0] == "Its labels name no animal."
    assert "word by word" in table["Says"].tolist()[1]
    assert table["Says"].tolist()[2] in SCENES.objects
    assert table["Says"].tolist()[3] == "camel"
    assert table["Share, %"].isna().tolist() == [True, True, False, False]
    assert table["Best caption"].tolist()[0] in [said.text for said in captions_of("context", SCENES)]
    assert table["Best caption"].tolist()[1] == ""
    assert table["Pulled by"].isin(["animal", "background", "not decided"]).all()
    sentence = next(text.value for text in page.markdown if "One cut-out on 7 backgrounds" in text.value)
    assert "First: nothing on 7; Second: nothing on 7; " in sentence
    assert "Fourth: camel on 7" in sentence
    ok(page.toggle(key="explain").set_value(True).run())
    assert said_by(page).count("This model names nothing, so there is no answer to explain.") == 2
    assert said_by(page).count("Patch ablation") == 2


def test_embeddings_from_elsewhere_cannot_be_asked_and_that_is_said(unusual: list[str]) -> None:
    page = start()
    page.selectbox(key="left_asked").set_value(unusual[4])
    ok(upload(page, file()), errors=1)
    assert "embeddings that were computed elsewhere; there is no model to ask of other pictures" in page.error[0].value


# --- nothing is kept


def test_what_is_computed_of_a_picture_stays_in_its_session_and_off_the_disk(
    experiments: list[artefacts.Artefact], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    embed = load.OwnModel.embed_pictures

    def spy(model: load.OwnModel, pictures: list[Image.Image]) -> np.ndarray:
        asked.append(len(pictures))
        return embed(model, pictures)

    monkeypatch.setattr(load.OwnModel, "embed_pictures", spy)
    there = sorted(home.rglob("*"))
    mine = upload(start(), file(seed=4))
    cost = len(asked)
    assert cost == 4, "two models, and each before its first step"
    mine.toggle(key="explain").set_value(True).run()
    assert len(asked) == cost, "a click does not ask again"
    somebody_else = upload(start(), file(seed=4))
    assert len(asked) == 2 * cost, "the same picture of somebody else is asked about anew"
    assert "Patch ablation" not in said_by(somebody_else)
    assert table_of(somebody_else).equals(table_of(mine))
    assert sorted(home.rglob("*")) == there
    kept = {name[0] for name in mine.session_state["asked"]}
    assert kept == {"z", "reports", "ablation", "rollout"}
    assert not (set(somebody_else.session_state["asked"]) & {"ablation", "rollout"})
