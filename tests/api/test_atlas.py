"""The atlas of an image set: what a browser reads is what the models stored, turned and rounded."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.distance import pdist

from vlcore.api import atlas as atlas_module
from vlcore.api.atlas import COLUMNS, TILE, UNITS, atlas, common_steps
from vlcore.api.model_map import ComparisonError, model_map
from vlcore.artifacts.checkpoints import StoredSnapshots
from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set
from vlcore.data.drawn import BUILT_IN
from vlcore.experiment.captions import Caption
from vlcore.experiment.condition import Condition
from vlcore.experiment.version import __version__
from vlcore.metrics.estimate import wilson

STATIC = Path(__file__).parents[2] / "static"
Document = dict[str, object]


@pytest.fixture(scope="module")
def made(quick: list[Artifact]) -> Document:
    conditions = [artifact.condition for artifact in quick]
    images = open_set("scenes")
    images.ensure_rendered(model_map(quick[0]).rows, lambda *_: None)
    return json.loads(json.dumps(atlas([conditions[:2], conditions[2:]], images)))


def places_of(document: Document, level: int, style: int) -> np.ndarray:
    captions = len(document["captions"][style])
    packed = base64.b64decode(document["models"][level][style]["places"])
    return (
        np.frombuffer(packed, "<u2")
        .reshape(len(document["steps"]), 200 + captions, 2)
        .astype(float)
    )


def right_of(document: Document, level: int, style: int) -> np.ndarray:
    bits = np.unpackbits(
        np.frombuffer(base64.b64decode(document["models"][level][style]["right"]), np.uint8)
    )
    return bits[: 200 * len(document["steps"])].reshape(-1, 200).astype(bool)


def test_distances_on_every_map_are_those_on_the_plane_of_its_end(
    made: Document, quick: list[Artifact]
) -> None:
    scales = []
    for number, artifact in enumerate(quick):
        model, film = model_map(artifact), StoredSnapshots(artifact)
        places = places_of(made, number // 2, number % 2)
        for moment, step in enumerate(made["steps"]):
            at = film.steps.index(step)
            z = np.concatenate([film.vectors("map")[at], film.vectors("captions")[at]]).astype(
                float
            )
            expected, found = pdist(model.plane.place(z)), pdist(places[moment])
            scales.append(found.sum() / expected.sum())
            np.testing.assert_allclose(found, expected * scales[0], atol=2)
    assert np.ptp(scales) < 0.01 * scales[0], "one square for all: spread is comparable"
    every = np.concatenate(
        [places_of(made, level, style).reshape(-1, 2) for level in (0, 1) for style in (0, 1)]
    )
    assert (every.min(), every.max()) == (0, UNITS)


def test_a_picture_is_right_where_its_nearest_caption_names_its_object(
    made: Document, quick: list[Artifact]
) -> None:
    for number, artifact in enumerate(quick):
        film = StoredSnapshots(artifact)
        words = made["captions"][number % 2]
        for moment, step in enumerate(made["steps"]):
            at = film.steps.index(step)
            pictures, captions = (
                film.vectors(name)[at].astype(float) for name in ("map", "captions")
            )
            for picture in range(0, 200, 23):
                nearest = words[
                    int(np.argmax([pictures[picture] @ caption for caption in captions]))
                ]
                named = made["objects"][made["pictures"][picture]] in nearest
                assert right_of(made, number // 2, number % 2)[moment, picture] == named


def test_maps_are_turned_onto_their_neighbours(made: Document) -> None:
    first, others = places_of(made, 0, 0)[-1, :200], [(0, 1), (1, 0)]
    for level, style in others:
        other = places_of(made, level, style)[-1, :200]
        kept = np.sum((other - other.mean(axis=0)) * (first - first.mean(axis=0)))
        for turn in np.linspace(0, 2 * np.pi, 12):
            rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            assert (
                np.sum((other - other.mean(axis=0)) @ rotation * (first - first.mean(axis=0)))
                <= kept * 1.01
            )


def test_it_says_what_it_is_of(made: Document) -> None:
    assert (made["version"], made["data"], made["bias"]) == (__version__, "scenes", [0.0, 0.75])
    assert made["removed"][1] == "75 % removed (12 of 48 kept)"
    assert [made["minority"][group] for group in (0, 1, 2, 3)] == [False, True, False, True]
    assert np.bincount(made["pictures"]).tolist() == [50] * 4
    assert made["intervals"][40] == pytest.approx(wilson(40, 50))
    sheet = Image.open(io.BytesIO(base64.b64decode(made["sheet"])))
    assert sheet.size == (COLUMNS * TILE, 10 * TILE)


@given(st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=1, max_size=4))
def test_moments_are_the_steps_that_all_have(watched: list[set[int]]) -> None:
    expected = [step for step in range(13) if all(step in one for one in watched)]
    steps = [tuple(sorted(one)) for one in watched]
    if len(expected) >= 2 and len({max(one) for one in watched}) == 1:
        assert common_steps(steps) == expected
    else:
        with pytest.raises(ComparisonError):
            common_steps(steps)


def test_labels_that_name_no_object_make_none(
    quick: list[Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atlas_module, "captions_of", lambda *_: [Caption("grass", context="grass")])
    with pytest.raises(ComparisonError):
        atlas([[quick[0].condition]], open_set("scenes"))


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_the_repository_ships_fits_this_version(name: str) -> None:
    """Else run `python -m benchmarks.ship` again."""
    document, usual = json.loads((STATIC / f"atlas-{name}.json").read_text()), Condition()
    images = open_set(name)
    assert (document["data"], document["data_version"], document["format"]) == (
        name,
        images.version,
        1,
    )
    assert document["steps"][-1] == usual.steps
    assert len(document["models"]) == len(document["bias"]) == 6
    for level in range(6):
        for style in (0, 1):
            assert places_of(document, level, style).max() <= UNITS
            assert right_of(document, level, style).shape == (len(document["steps"]), 200)
    assert (STATIC / f"atlas-{name}.json").stat().st_size <= 750_000
