"""Where new pictures land: a picture that a model knows, given as an upload, lands where the map has it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vlcore.images.imagesets import ImageSet, open_set
from vlcore.images.uploads import open_upload
from vlcore.runs import compare, placement, store


@pytest.fixture(scope="module")
def images(quick: list[store.Artefact]) -> ImageSet:
    return open_set("scenes")


@pytest.mark.parametrize("number", range(4))
def test_a_known_picture_lands_where_the_map_has_it(quick: list[store.Artefact], images: ImageSet, number: int) -> None:
    model = compare.model_map(quick[number])
    chosen = [0, 57, 199, 200, 250, len(model.rows) - 1]  # held out, then training
    pictures = [open_upload(images.path(model.rows[place]).read_bytes()) for place in chosen]
    assert {picture.size for picture in pictures} == {(128, 128)}
    z = placement.embed_pictures(placement.load(quick[number]), pictures)
    assert z == pytest.approx(model.z[chosen], abs=1e-4)
    assert model.place(z) == pytest.approx(model.points[chosen], abs=1e-3)
    for place, vector in zip(chosen, z, strict=True):
        row, similarity = model.neighbours(vector, 1)[0]
        assert (row, similarity) == (model.rows[place], pytest.approx(1, abs=1e-4))


def test_what_is_beside_the_middle_square_does_not_count(quick: list[store.Artefact], images: ImageSet) -> None:
    picture = Image.open(images.path(int(images.rows("test")[0])))
    wide = Image.new("RGB", (200, 128), "magenta")
    wide.paste(picture, (36, 0))
    model = placement.load(quick[0])
    narrow, cropped, stretched = placement.embed_pictures(model, [picture, wide, wide.resize((128, 128))])
    assert narrow == pytest.approx(cropped, abs=1e-6)
    assert np.abs(narrow - stretched).max() > 1e-3


def test_a_model_is_loaded_to_look_and_not_to_train(quick: list[store.Artefact]) -> None:
    model = placement.load(quick[0])
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_each_picture_is_placed_by_itself(quick: list[store.Artefact], images: ImageSet) -> None:
    model = placement.load(quick[0])
    pictures = [Image.fromarray(images.image(int(row))) for row in images.rows("val")[::40]]
    together = placement.embed_pictures(model, pictures)
    alone = np.concatenate([placement.embed_pictures(model, [picture]) for picture in pictures])
    assert together == pytest.approx(alone, abs=1e-5)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)


def test_weights_that_cannot_be_read_are_a_sentence(empty_home, quick: list[store.Artefact]) -> None:
    path = empty_home / "model.safetensors"
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"model\.safetensors cannot be read; delete its folder and train it again"):
        placement.load(store.Artefact("a-key", empty_home, {}))
