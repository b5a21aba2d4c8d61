"""Where new pictures and captions land: one that a model knows lands where the map has it."""

import pytest

from vlcore.api.model_map import model_map
from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set
from vlcore.data.decoding import open_upload
from vlcore.data.imageset import ImageSet
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.vocabulary import Vocabulary
from vlcore.model import load
from vlcore.model.dual_encoder import Encoder, ModelConfig


@pytest.fixture(scope="module")
def images(quick: list[Artifact]) -> ImageSet:
    return open_set("scenes")


@pytest.mark.parametrize("number", [0, 3])
def test_a_known_picture_lands_where_the_map_has_it(
    quick: list[Artifact], images: ImageSet, number: int
) -> None:
    model = model_map(quick[number])
    chosen = [0, 57, 199, 200, 250, len(model.rows) - 1]  # held out, then training
    pictures = [open_upload(images.path(model.rows[place]).read_bytes()) for place in chosen]
    assert {picture.size for picture in pictures} == {(128, 128)}
    z = load.load_model(quick[number]).embed_images(pictures)
    assert z == pytest.approx(model.z[chosen], abs=1e-4)
    assert model.place(z) == pytest.approx(model.points[chosen], abs=1e-3)
    for place, vector in zip(chosen, z, strict=True):
        row, similarity = model.neighbours(vector, 1)[0]
        assert (row, similarity) == (model.rows[place], pytest.approx(1, abs=1e-4))


def test_training_captions_land_where_the_map_has_them(quick: list[Artifact]) -> None:
    model, loaded = model_map(quick[1]), load.load_model(quick[1])
    assert loaded.embed_captions(model.captions) == pytest.approx(model.caption_z, abs=1e-4)


def test_a_model_of_before_reads_fewer_words() -> None:
    words = Vocabulary.from_grouping(SCENES)
    old = load.OwnModel(Encoder(ModelConfig(words=len(words), max_words=8)).eval(), words)
    text = "a horse on the grass in the desert of grass"
    short = "a horse on the grass in the desert"
    assert old.embed_captions([text, short])[0] == pytest.approx(
        old.embed_captions([short])[0], abs=1e-5
    )
