"""One model's map: where pictures lie, what is near and what it says, against slow references."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.stand_ins import BASE, image_set, publish, space, unit
from vlcore.api.model_map import ComparisonError, ModelMap, caption_scores, model_map
from vlcore.artifacts.store import Artifact
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.projection import fit_plane
from vlcore.plots.options import COMPONENTS, Projection

IMAGES = image_set()


@pytest.fixture(scope="module")
def artifact(home: object) -> Artifact:
    return publish(IMAGES, BASE.replace(init_seed=40, data_seed=40))


@pytest.fixture(scope="module")
def model(artifact: Artifact) -> ModelMap:
    return model_map(artifact)


def stand_in(
    model: ModelMap, z: np.ndarray, captions: np.ndarray, scale: float = 5, bias: float = -1
) -> ModelMap:
    """The map of a model, as if it were of other embeddings."""
    texts = tuple(f"caption {number}" for number in range(len(captions)))
    rows = np.arange(len(z)) * 10
    return dataclasses.replace(
        model, rows=rows, z=z, captions=texts, caption_z=captions, scale=scale, bias=bias
    )


def cloud(seed: int, count: int, width: int = 8) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, width)))


def test_a_model_map_is_read_from_the_artifact(artifact: Artifact, model: ModelMap) -> None:
    assert (model.n_held_out, len(model.rows)) == (32, 72)
    split = IMAGES.table["split"].to_numpy()
    assert set(split[model.rows[:32]]) == {"test"}
    assert set(split[model.rows[32:]]) == {"train"}
    assert np.array_equal(model.z, space(IMAGES, 40)[model.rows])
    assert np.array_equal(model.caption_z, artifact.arrays("embeddings.npz")["end_captions"])
    assert model.captions == ("horse", "camel")
    assert model.scores == pytest.approx(10 * model.z @ model.caption_z.T - 1, abs=1e-5)
    assert (model.scale, model.bias, model.stored_predictions) == (10, -1, None)
    for places, z in ((model.points, model.z), (model.caption_points, model.caption_z)):
        assert model.place(z) == pytest.approx(places, abs=1e-9)
    maps = artifact.arrays("maps.npz")
    assert model.points[:32] == pytest.approx(maps["map"], abs=1e-6)
    assert model.points[32:] == pytest.approx(maps["train"], abs=1e-6)
    assert model.caption_points == pytest.approx(maps["captions"], abs=1e-6)


def test_every_picture_is_found_by_its_row(model: ModelMap) -> None:
    absent = int(IMAGES.rows("val")[0])
    assert model.index(model.rows).tolist() == list(range(72))
    assert model.index([absent, int(model.rows[5])]).tolist() == [-1, 5]
    nowhere = pytest.approx([np.nan] * 2, nan_ok=True)
    assert model.values_at([model.rows[5], absent], model.points).tolist() == [
        model.points[5].tolist(),
        nowhere,
    ]
    assert model.values_at([absent, model.rows[5]], model.points[:, 0])[1] == model.points[5, 0]


@pytest.mark.parametrize("components", [(2, 1), (1, 3), (6, 4)])
def test_components_are_those_of_the_map_and_its_captions(
    artifact: Artifact, model: ModelMap, components: tuple[int, int]
) -> None:
    other = model_map(artifact, Projection(components=components))
    plane = fit_plane(np.concatenate([model.z[:32], model.caption_z]), COMPONENTS)
    axes = [number - 1 for number in components]
    assert other.points == pytest.approx(plane.place(model.z)[:, axes], abs=1e-5)
    assert other.plane.shares == pytest.approx(plane.shares[axes], abs=1e-6)
    assert other.place(model.caption_z) == pytest.approx(other.caption_points, abs=1e-9)
    assert np.array_equal(other.z, model.z)


def test_axes_that_a_space_does_not_have_are_a_sentence(home: object) -> None:
    narrow = publish(IMAGES, BASE.replace(init_seed=41), space(IMAGES, 41, width=4))
    assert model_map(narrow, Projection(components=(3, 4))).points.shape == (72, 2)
    with pytest.raises(ComparisonError, match="has 4 components"):
        model_map(narrow, Projection(components=(1, COMPONENTS)))


@given(
    seed=st.integers(0, 2**32 - 1),
    captions=st.integers(1, 6),
    scale=st.floats(1, 100),
    bias=st.floats(-20, 20),
)
def test_caption_scores_against_a_softmax(
    model: ModelMap, seed: int, captions: int, scale: float, bias: float
) -> None:
    found = stand_in(model, cloud(seed, 5), cloud(seed + 1, captions), scale, bias)
    z = cloud(seed + 2, 1)[0]
    scores = caption_scores(found, z)
    cosines = {text: float(z @ t) for text, t in zip(found.captions, found.caption_z, strict=True)}
    assert {score.caption: score.similarity for score in scores} == pytest.approx(cosines, abs=1e-6)
    total = sum(np.exp(scale * cosine) for cosine in cosines.values())
    for score in scores:
        assert score.probability == pytest.approx(
            np.exp(scale * cosines[score.caption]) / total, abs=1e-5
        )
    similarities = [score.similarity for score in scores]
    assert similarities == sorted(similarities, reverse=True)


def test_an_object_is_read_off_a_new_last_layer_or_off_the_captions_that_speak_of_it(
    model: ModelMap,
) -> None:
    assert np.array_equal(
        model.predicted_objects(SCENES.objects),
        [model.captions[k] for k in model.scores.argmax(axis=1)],
    )
    names = np.resize(np.array(["camel", "horse"]), len(model.rows))
    assert (
        dataclasses.replace(model, stored_predictions=names).predicted_objects(SCENES.objects)
        is names
    )
    shows = IMAGES.table["object"].tolist()
    right = [name == shows[row] for name, row in zip(names, model.rows, strict=True)]
    assert dataclasses.replace(model, stored_predictions=names).is_right(IMAGES).tolist() == right
    placed = model_map(
        publish(IMAGES, BASE.replace(init_seed=43, labels="own", template="{context}"))
    )
    assert placed.captions == ("grass", "desert")
    assert placed.predicted_objects(SCENES.objects) is None
    assert placed.is_right(IMAGES) is None


def test_a_captioner_says_what_it_has_scored_and_nothing_of_new_pictures(home: object) -> None:
    captioner = publish(IMAGES, BASE.replace(init_seed=40, objective="captioner"))
    model, arrays = model_map(captioner), captioner.arrays("embeddings.npz")
    assert model.captions == ("horse", "camel")
    assert model.caption_z.shape == (0, 32)
    assert model.caption_points.shape == (0, 2)
    scores = np.concatenate([arrays["end_test_scores"], arrays["end_train_scores"]])
    assert model.scores == pytest.approx(scores)
    with pytest.raises(ComparisonError, match="word by word"):
        caption_scores(model, model.z[0])
