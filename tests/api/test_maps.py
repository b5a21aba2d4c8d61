"""Ways to lay pictures out: what can be chosen, and that a fitted map is an artifact of its own."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.api.stand_ins import BASE, image_set, publish, space
from vlcore.api import maps
from vlcore.api.maps import make_map, map_key, read_map
from vlcore.api.model_map import ModelMap, model_map
from vlcore.artifacts.store import Artifact, StoreError, check_key, fingerprint, read
from vlcore.experiment.condition import Condition
from vlcore.jobs import jobs
from vlcore.metrics import projection as measures
from vlcore.plots import options
from vlcore.plots.options import MapOptionsError, Projection

IMAGES = image_set()
# umap says so while it is imported
UMAP = pytest.mark.filterwarnings("ignore:Tensorflow not installed:ImportWarning")


@pytest.fixture(scope="module")
def pair(home: Path) -> list[Artifact]:
    """Two models of the same held-out pictures; one has fewer training pictures and a narrower
    space."""
    narrow = publish(IMAGES, BASE.replace(init_seed=51, bias=0.5), space(IMAGES, 51, width=24))
    return [publish(IMAGES, BASE.replace(init_seed=50)), narrow]


def test_maps_of_the_longest_names_have_keys() -> None:
    longest = Condition(
        data="x" * 60,
        bias=0.1234,
        labels="descriptive-plain",
        objective="captioner",
        mitigation="resample",
        data_seed=2**31 - 1,
        init_seed=2**31 - 2,
    ).key
    for projection in (Projection("umap", seed=options.SEEDS - 1), Projection("tsne")):
        for key in (longest, map_key(longest, projection)):
            assert check_key(key) == key


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "globe"},
        {"components": (1, 1)},
        {"components": (0, 1)},
        {"components": (1, options.COMPONENTS + 1)},
        {"kind": "umap", "neighbours": 1},
        {"kind": "umap", "min_dist": -0.1},
        {"kind": "umap", "min_dist": float("nan")},
        {"kind": "tsne", "perplexity": 1},
        {"kind": "tsne", "perplexity": 201},
        {"kind": "umap", "seed": -1},
        {"kind": "umap", "seed": options.SEEDS},
    ],
)
def test_what_no_map_can_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MapOptionsError):
        Projection(**changes)


def test_every_choice_has_a_key_of_its_own() -> None:
    knobs = itertools.product((5, 10, 50), (0.0, 0.1, 0.25), (0, 1, 10, options.SEEDS - 1))
    umaps = [Projection("umap", neighbours=n, min_dist=d, seed=s) for n, d, s in knobs]
    knobs = itertools.product((5, 15, 30), (0, 1, 10, options.SEEDS - 1))
    tsnes = [Projection("tsne", perplexity=p, seed=s) for p, s in knobs]
    found = [map_key("a-key", projection) for projection in umaps + tsnes]
    assert len(set(found)) == len(found)
    assert all(check_key(key) == key and key.endswith(".map") for key in found)


@pytest.mark.parametrize("kind", options.KINDS)
def test_a_worker_fits_no_map_that_is_linear(kind: str) -> None:
    projection = Projection(kind)
    assert projection.fitted is (kind in ("umap", "tsne"))
    if not projection.fitted:
        with pytest.raises(MapOptionsError):
            make_map("a-key", projection)


def check_map(artifact: Artifact, projection: Projection) -> ModelMap:
    """Fit a map and read it back; the model stays as it is."""
    before = artifact.digest, fingerprint(artifact.key)
    assert make_map(artifact.key, projection) == "trained"
    assert make_map(artifact.key, projection) == "cached"
    beside = read(map_key(artifact.key, projection))
    assert beside.manifest["of"] == {artifact.key: artifact.digest}
    assert (artifact.digest, fingerprint(artifact.key)) == before
    places = read_map(artifact.key, projection)
    linear = artifact.arrays("maps.npz")
    shapes = {name: linear[name].shape for name in ("map", "train", "captions")}
    assert {name: array.shape for name, array in places.items()} == shapes
    assert all(np.isfinite(array).all() for array in places.values())
    assert np.ptp(places["map"], axis=0).min() > 0.1
    model = model_map(artifact, projection)
    assert np.array_equal(model.points, np.concatenate([places["map"], places["train"]]))
    assert np.array_equal(model.caption_points, places["captions"])
    assert np.array_equal(model.z, model_map(artifact).z)
    return model


def test_a_tsne_is_an_artifact_of_its_own(pair: list[Artifact]) -> None:
    model = check_map(pair[0], Projection("tsne", perplexity=5))
    plane = model_map(pair[0])
    assert not np.allclose(model.points, plane.points)
    # A known picture falls among its neighbours, so within the map, not where the plane would have
    # it.
    placed = model.place(model.z[:20])
    assert (placed >= model.points.min(axis=0)).all()
    assert (placed <= model.points.max(axis=0)).all()
    other = check_map(pair[0], Projection("tsne", perplexity=5, seed=1))
    assert not np.allclose(model.points, other.points), "another seed is another map"


def test_the_map_of_a_replaced_model_is_fitted_again(home: Path) -> None:
    condition, tsne = BASE.replace(init_seed=52), Projection("tsne", perplexity=5)
    model = publish(IMAGES, condition)
    key = map_key(model.key, tsne)
    assert make_map(model.key, tsne) == "trained"
    before = model_map(model, tsne).points
    publish(IMAGES, condition)
    assert jobs.view(key).done, "the same model again"
    replaced = publish(IMAGES, condition, space(IMAGES, 53))
    assert not jobs.view(key).done
    with pytest.raises(StoreError, match=key):
        model_map(replaced, tsne)
    assert make_map(model.key, tsne) == "trained"
    assert make_map(model.key, tsne) == "cached"
    assert not np.allclose(model_map(replaced, tsne).points, before)


def test_a_tsne_of_many_is_declined_before_it_begins(
    pair: list[Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = maps.image_count(pair[0])
    assert count == len(model_map(pair[0]).rows)
    monkeypatch.setattr(maps, "MOST_TSNE", count - 1)
    tsne = Projection("tsne", seed=9)
    with pytest.raises(MapOptionsError, match=rf"up to {count - 1} images.* has {count};.*UMAP"):
        make_map(pair[0].key, tsne)
    maps.check_size(pair[:1], Projection("umap"))


def test_settings_reach_the_fit_and_each_part_its_place(
    pair: list[Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def numbered(z: np.ndarray, *settings: object, **_progress: object) -> np.ndarray:
        asked.append(settings)
        return np.stack([np.arange(len(z)), np.zeros(len(z))], axis=1)

    monkeypatch.setattr(measures, "umap", numbered)
    monkeypatch.setattr(measures, "tsne", numbered)
    umap = Projection("umap", neighbours=7, min_dist=0.5, seed=3)
    tsne = Projection("tsne", perplexity=9, seed=4)
    parts = ("map", "train", "captions")
    linear = pair[1].arrays("maps.npz")
    ends = np.cumsum([len(linear[name]) for name in parts]).tolist()
    for projection in (umap, tsne):
        make_map(pair[1].key, projection)
        places = read_map(pair[1].key, projection)
        assert [places[name][-1, 0] + 1 for name in parts] == ends
        assert [places[name][0, 0] for name in parts] == [0, *ends[:2]]
    assert asked == [(7, 0.5, 3), (9, 4)]
