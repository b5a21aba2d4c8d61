"""Where new pictures and captions land: one that a model knows lands where the map has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.runs.stand_ins import made_elsewhere
from vlcore.compare.model_map import model_map
from vlcore.core.condition import Condition
from vlcore.core.errors import LabError
from vlcore.core.files import write_json
from vlcore.core.grouping import SCENES
from vlcore.core.vocabulary import Vocabulary
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.uploads import open_upload
from vlcore.learning.model import ModelConfig, of_config
from vlcore.runs import load, pretrained
from vlcore.store import artefacts


@pytest.fixture(scope="module")
def images(quick: list[artefacts.Artefact]) -> ImageSet:
    return open_set("scenes")


@pytest.mark.parametrize("number", range(4))
def test_a_known_picture_lands_where_the_map_has_it(
    quick: list[artefacts.Artefact], images: ImageSet, number: int
) -> None:
    model = model_map(quick[number])
    chosen = [0, 57, 199, 200, 250, len(model.rows) - 1]  # held out, then training
    pictures = [open_upload(images.path(model.rows[place]).read_bytes()) for place in chosen]
    assert {picture.size for picture in pictures} == {(128, 128)}
    z = load.load(quick[number]).embed_pictures(pictures)
    assert z == pytest.approx(model.z[chosen], abs=1e-4)
    assert model.place(z) == pytest.approx(model.points[chosen], abs=1e-3)
    for place, vector in zip(chosen, z, strict=True):
        row, similarity = model.neighbours(vector, 1)[0]
        assert (row, similarity) == (model.rows[place], pytest.approx(1, abs=1e-4))


def test_what_is_beside_the_middle_square_does_not_count(quick: list[artefacts.Artefact], images: ImageSet) -> None:
    picture = Image.open(images.path(int(images.rows("test")[0])))
    wide = Image.new("RGB", (200, 128), "magenta")
    wide.paste(picture, (36, 0))
    model = load.load(quick[0])
    narrow, cropped, stretched = model.embed_pictures([picture, wide, wide.resize((128, 128))])
    assert narrow == pytest.approx(cropped, abs=1e-6)
    assert np.abs(narrow - stretched).max() > 1e-3


def test_each_picture_is_placed_by_itself(quick: list[artefacts.Artefact], images: ImageSet) -> None:
    model = load.load(quick[0])
    pictures = [Image.fromarray(images.image(int(row))) for row in images.rows("val")[::40]]
    together = model.embed_pictures(pictures)
    alone = np.concatenate([model.embed_pictures([picture]) for picture in pictures])
    assert together == pytest.approx(alone, abs=1e-5)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)


def test_weights_that_cannot_be_read_are_a_sentence(empty_home: Path) -> None:
    (empty_home / "model.safetensors").write_bytes(b"nonsense")
    write_json(empty_home / "condition.json", Condition().as_dict())
    with pytest.raises(ValueError, match=r"model\.safetensors cannot be read; delete its folder and train it again"):
        load.load(artefacts.Artefact("a-key", empty_home, {}))


@pytest.mark.parametrize("number", range(4))
def test_a_model_before_its_first_step_is_the_one_that_was_measured(
    quick: list[artefacts.Artefact], images: ImageSet, number: int
) -> None:
    arrays, model = quick[number].arrays("embeddings.npz"), load.load(quick[number])
    assert isinstance(model, load.OwnModel)
    trained = {name: parameter.clone() for name, parameter in model.encoder.state_dict().items()}
    first = model.before()
    for one in (model, first):  # to look, and not to train
        assert not one.encoder.training
        assert not any(parameter.requires_grad for parameter in one.encoder.parameters())
    pictures = [Image.fromarray(images.image(int(row))) for row in arrays["test_rows"][:5]]
    pixels = images.pixels(arrays["test_rows"][:5])
    assert model.embed_pixels(pixels) == pytest.approx(model.embed_pictures(pictures), abs=1e-4)
    for split, rows in (("test", arrays["test_rows"][:40]), ("train", arrays["train_rows"][:40])):
        z = first.embed_pixels(images.pixels(rows))
        assert z == pytest.approx(arrays[f"untrained_{split}"][:40], abs=1e-4)
        assert np.abs(z - model.embed_pixels(images.pixels(rows))).max() > 1e-3
    assert first.embed_captions(["horse"]) == pytest.approx(model.before().embed_captions(["horse"]), abs=0)
    assert all((parameter == trained[name]).all() for name, parameter in model.encoder.state_dict().items())


def test_training_captions_land_where_the_map_has_them(quick: list[artefacts.Artefact]) -> None:
    model, loaded = model_map(quick[1]), load.load(quick[1])
    assert loaded.embed_captions(model.captions) == pytest.approx(model.caption_z, abs=1e-4)
    assert [loaded.unknown(text) for text in model.captions] == [[]] * 4


def test_a_model_of_before_reads_fewer_words_and_says_so() -> None:
    words = Vocabulary.of(SCENES)
    old = load.OwnModel(of_config(ModelConfig(words=len(words), max_words=8)).eval(), words)
    text = "a horse on the grass in the desert of grass"
    assert old.unknown(text) == ["of", "grass"]
    assert old.unknown(f"zebra {text}") == ["zebra", "desert", "of", "grass"]
    assert old.embed_captions([text, "a horse on the grass in the desert"])[0] == pytest.approx(
        old.embed_captions(["a horse on the grass in the desert"])[0], abs=1e-5
    )


def test_a_caption_without_words_is_a_sentence(quick: list[artefacts.Artefact]) -> None:
    with pytest.raises(LabError, match="A caption needs at least one word"):
        load.load(quick[0]).embed_captions(["horse", "🐎"])


def test_embeddings_from_elsewhere_cannot_be_asked(empty_home: Path) -> None:
    with pytest.raises(artefacts.StoreError) as caught:
        load.load(made_elsewhere(artefacts.Artefact("birds-imported-1a2b", empty_home, {}), "imported"))
    assert str(caught.value) == (
        "birds-imported-1a2b holds embeddings that were computed elsewhere; there is no model to ask of other pictures."
    )


def test_a_pretrained_model_is_loaded_from_its_checkpoint(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artefact = made_elsewhere(artefacts.Artefact("a-key", empty_home, {}), "pretrained")
    monkeypatch.setattr(pretrained, "load_for", lambda asked: ("the checkpoint of", asked))
    assert load.load(artefact) == ("the checkpoint of", artefact)
