"""Atlas of an image set: a browser reads what the models stored, aligned and rounded."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.distance import pdist

from tools import atlas as atlas_module
from tools.atlas import ABSENT, COLUMNS, TILE, UNITS, atlas, common_steps
from vlcore.api.model_map import ComparisonError, model_map
from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set
from vlcore.data.drawn import BUILT_IN
from vlcore.experiment.captions import Caption
from vlcore.experiment.condition import Condition
from vlcore.metrics.estimate import wilson

STATIC = Path(__file__).parents[2] / "static"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def document(quick: list[Artifact]) -> Document:
    conditions = [artifact.condition for artifact in quick]
    images = open_set("scenes")
    images.ensure_rendered(model_map(quick[0]).rows, lambda *_: None)
    return json.loads(json.dumps(atlas([conditions[:2], conditions[2:]], images)))


def numbers(column: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(column["data"]), column["type"])


def places_of(document: Document, level: int, style: int) -> np.ndarray:
    packed = base64.b64decode(document["models"][level][style]["places"])
    count = 200 + sum(map(len, document["captions"]))
    return np.frombuffer(packed, "<u2").reshape(len(document["steps"]), count, 2).astype(float)


def positions_of(document: Document, level: int, style: int) -> np.ndarray:
    """The images and the captions of the model's own label style."""
    places = places_of(document, level, style)
    before = 200 + sum(map(len, document["captions"][:style]))
    own = slice(before, before + len(document["captions"][style]))
    return np.concatenate([places[:, :200], places[:, own]], axis=1)


def is_right(document: Document, level: int, style: int) -> np.ndarray:
    packed = base64.b64decode(document["models"][level][style]["right"])
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    return bits[: 200 * len(document["steps"])].reshape(-1, 200).astype(bool)


def test_distances_are_those_on_the_final_plane(document: Document, quick: list[Artifact]) -> None:
    scales, positions = [], []
    for number, artifact in enumerate(quick):
        model, checkpoints = model_map(artifact), artifact.checkpoints
        positions.append(positions_of(document, *divmod(number, 2)))
        for index, step in enumerate(document["steps"]):
            at = checkpoints.steps.index(step)
            z = np.concatenate([checkpoints.vectors(name)[at] for name in ("map", "captions")])
            expected = pdist(model.plane.place(z.astype(float)))
            distances = pdist(positions[-1][index])
            scales.append(distances.sum() / expected.sum())
            np.testing.assert_allclose(distances, expected * scales[0], atol=2)
    assert np.ptp(scales) < 0.01 * scales[0], "one square for all: spread is comparable"
    coordinates = np.concatenate([array.ravel() for array in positions])
    assert (coordinates.min(), coordinates.max()) == (0, UNITS)


def test_an_image_is_right_where_its_nearest_caption_names_its_object(
    document: Document, quick: list[Artifact]
) -> None:
    for number, artifact in enumerate(quick):
        checkpoints = artifact.checkpoints
        captions = document["captions"][number % 2]
        groups = numbers(document["table"]["columns"]["group"])
        objects = [name.split()[0] for name in document["groups"]]
        for index, step in enumerate(document["steps"]):
            at = checkpoints.steps.index(step)
            z = checkpoints.vectors("map")[at].astype(float)
            caption_z = checkpoints.vectors("captions")[at].astype(float)
            for image in range(0, 200, 23):
                nearest = captions[int(np.argmax(caption_z @ z[image]))]
                named = objects[groups[image]] in nearest
                assert is_right(document, *divmod(number, 2))[index, image] == named


def test_maps_are_aligned_with_their_neighbours(document: Document) -> None:
    first = positions_of(document, 0, 0)[-1, :200]
    first -= first.mean(axis=0)
    for level, style in ((0, 1), (1, 0)):
        other = positions_of(document, level, style)[-1, :200]
        other -= other.mean(axis=0)
        for angle in np.linspace(0, 2 * np.pi, 12):
            cosine, sine = np.cos(angle), np.sin(angle)
            rotated = other @ np.array([[cosine, -sine], [sine, cosine]])
            assert np.sum(rotated * first) <= np.sum(other * first) * 1.01


def test_facts_of_the_document(document: Document) -> None:
    assert (document["data"], document["bias"]) == ("scenes", [0.0, 0.75])
    assert document["minority"] == [False, True, False, True]
    assert (document["riddle"], document["studied"]) == (1, 1)
    columns = {name: numbers(column) for name, column in document["table"]["columns"].items()}
    groups = columns["group"]
    assert np.bincount(groups).tolist() == [50] * 4
    assert columns["minority"].tolist() == np.isin(groups, (1, 3)).tolist()
    assert columns["object"].tolist() == (groups > 1).tolist()
    assert columns["kind"].all()
    assert document["intervals"][40] == pytest.approx(wilson(40, 50))
    sheet = document["table"]["sheet"]
    assert (sheet["tile"], sheet["across"]) == (TILE, COLUMNS)
    image = Image.open(io.BytesIO(base64.b64decode(sheet["uri"].partition("base64,")[2])))
    assert image.size == (COLUMNS * TILE, 10 * TILE)


@pytest.mark.parametrize("style", [0, 1])
def test_what_the_maps_show_at_a_step(document: Document, style: int) -> None:
    places, own = places_of(document, 1, style), positions_of(document, 1, style)
    assert (places == ABSENT).sum() == 2 * len(document["steps"]) * len(
        document["captions"][1 - style]
    )
    assert own.max() <= UNITS
    model, groups = document["models"][1][style], numbers(document["table"]["columns"]["group"])
    for index, (*middle, side) in enumerate(model["boxes"]):
        seen = np.concatenate([own[index], own[-1]])
        away = np.abs(seen - middle).max()
        assert away == side / 2
        right = is_right(document, 1, style)[index]
        assert model["counts"][index] == np.bincount(groups, right, 4).tolist()


@given(st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=1, max_size=4))
def test_common_steps_are_those_of_all_trainings(step_sets: list[set[int]]) -> None:
    common = sorted(set.intersection(*step_sets))
    steps = [tuple(sorted(steps)) for steps in step_sets]
    if len(common) >= 2 and len({max(steps) for steps in step_sets}) == 1:
        assert common_steps(steps) == common
    else:
        with pytest.raises(ComparisonError):
            common_steps(steps)


def test_labels_that_name_no_object(quick: list[Artifact], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atlas_module, "captions_of", lambda *_: [Caption("grass", context="grass")])
    with pytest.raises(ComparisonError):
        atlas([[quick[0].condition]], open_set("scenes"))


@pytest.mark.parametrize("name", BUILT_IN)
def test_bundled_atlases_fit_this_version(name: str) -> None:
    """Else run `python -m tools.ship` again."""
    file = STATIC / f"atlas-{name}.json"
    document = json.loads(file.read_text())
    assert document["data_version"] == open_set(name).version
    assert (document["data"], document["format"]) == (name, 2)
    assert document["steps"][-1] == Condition().steps
    assert len(document["models"]) == len(document["bias"]) == 6
    ends = [level[0]["counts"][-1] for level in document["models"]]  # of short labels
    fails = [right[1] < 25 and right[3] < 25 for right in ends]
    assert document["riddle"] == (fails.index(True) if any(fails) else 5)
    for level in range(6):
        for style in (0, 1):
            assert positions_of(document, level, style).max() <= UNITS
            assert is_right(document, level, style).shape == (len(document["steps"]), 200)
    assert file.stat().st_size <= 750_000
