"""Ways to lay pictures out: what can be chosen, what a fitted map is called, and that it is an artefact of its own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runs.stand_ins import BASE, image_set, publish, space
from vlcore.compare.model_map import ModelMap, model_map
from vlcore.core.grouping import SCENES, Grouping
from vlcore.measures import projection as measures
from vlcore.runs import maps as run_maps
from vlcore.runs.maps import (
    COMPONENTS,
    KINDS,
    MIN_DISTS,
    NEIGHBOURS,
    PERPLEXITIES,
    SEEDS,
    Projection,
    ProjectionError,
    make_map,
    map_keys,
    prompt_axes,
    read_map,
)
from vlcore.store import jobs
from vlcore.store.artefacts import Artefact, StoreError, check_key, fingerprint, read

IMAGES = image_set()
# umap says so while it is imported
UMAP = pytest.mark.filterwarnings("ignore:Tensorflow not installed:ImportWarning")


@pytest.fixture(scope="module")
def pair(home: Path) -> list[Artefact]:
    """Two models of the same held-out pictures; one has fewer training pictures and a narrower space."""
    return [
        publish(IMAGES, BASE.replace(init_seed=50)),
        publish(IMAGES, BASE.replace(init_seed=51, bias=0.5), space(IMAGES, 51, width=24)),
    ]


def keys(artefacts: Sequence[Artefact]) -> list[str]:
    return [artefact.key for artefact in artefacts]


# --- what can be chosen


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": "globe"}, "No map is named 'globe'; choose one of pca, umap, tsne, prompts."),
        ({"components": (1, 1)}, "Choose two different principal components from 1 to 6."),
        ({"components": (0, 1)}, "Choose two different principal components from 1 to 6."),
        ({"components": (1, COMPONENTS + 1)}, "Choose two different principal components from 1 to 6."),
        ({"kind": "umap", "neighbours": 1}, "UMAP takes 2 to 200 neighbours and a distance of 0 to 1"),
        ({"kind": "umap", "min_dist": -0.1}, "UMAP takes 2 to 200 neighbours and a distance of 0 to 1"),
        ({"kind": "umap", "min_dist": float("nan")}, "UMAP takes 2 to 200 neighbours and a distance of 0 to 1"),
        ({"kind": "tsne", "perplexity": 1}, "t-SNE a perplexity of 2 to 200."),
        ({"kind": "tsne", "perplexity": 201}, "t-SNE a perplexity of 2 to 200."),
        ({"kind": "umap", "seed": -1}, "The seed of a map is a whole number from 0 to 999."),
        ({"kind": "umap", "seed": SEEDS}, "The seed of a map is a whole number from 0 to 999."),
        ({"together": True}, "Only UMAP is fitted on several models together"),
        ({"kind": "tsne", "together": True}, "Only UMAP is fitted on several models together"),
    ],
)
def test_what_no_map_can_be_is_one_sentence(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ProjectionError) as caught:
        Projection(**changes)
    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("grouping", [SCENES, Grouping(("cup", "plate"), ("table", "shelf"))])
def test_the_usual_prompts_lead_from_object_to_object_and_from_place_to_place(grouping: Grouping) -> None:
    assert prompt_axes(grouping) == (*grouping.objects, *grouping.contexts)


# --- names


def test_every_choice_of_a_page_has_a_key_of_its_own() -> None:
    umaps = [
        Projection("umap", neighbours=n, min_dist=d, seed=s)
        for n, d, s in itertools.product(NEIGHBOURS, MIN_DISTS, (0, 1, 10, SEEDS - 1))
    ]
    tsnes = [Projection("tsne", perplexity=p, seed=s) for p, s in itertools.product(PERPLEXITIES, (0, 1, 10, 999))]
    found = [key for projection in umaps + tsnes for key in map_keys(["a-key"], projection)]
    found += [
        key for one in umaps for key in map_keys(["a-key", "b-key"], Projection(**vars(one) | {"together": True}))
    ]
    assert len(set(found)) == len(found)
    for key in found:
        assert check_key(key) == key
        assert key.endswith(".map")


@given(st.lists(st.sampled_from(["a-key", "b-key", "c-key", "d-key"]), min_size=1, max_size=4))
def test_each_model_has_one_map_or_all_have_one_together(models: list[str]) -> None:
    distinct = list(dict.fromkeys(models))
    alone = map_keys(models, Projection("umap"))
    assert alone == [f"{key}.umap-n15-d10-s0.map" for key in distinct]
    together = map_keys(models, Projection("umap", together=True))
    assert len(together) == 1
    assert together == map_keys(distinct, Projection("umap", together=True))
    assert (together == alone) == (len(distinct) == 1), "one model together with itself is itself"


def test_a_common_map_is_of_its_models_and_no_others() -> None:
    together = Projection("umap", together=True)
    groups = [["a", "b"], ["a", "c"], ["a", "b", "c"], ["ab", "c"], ["a", "bc"]]
    assert len({map_keys(group, together)[0] for group in groups}) == len(groups)


# --- fitting


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_fits_one_map_at_a_time_and_none_that_is_linear(kind: str) -> None:
    projection = Projection(kind)
    assert projection.fitted is not projection.linear is (kind in ("pca", "prompts"))
    for models in (["a-key", "b-key"], ["a-key"]) if projection.linear else (["a-key", "b-key"],):
        with pytest.raises(ProjectionError, match="A worker fits one UMAP or one t-SNE at a time"):
            make_map(models, projection)


def test_a_map_of_nothing_is_refused(empty_home: Path) -> None:
    with pytest.raises(StoreError, match="No model 'nowhere' is on disk; train it first"):
        make_map(["nowhere"], Projection("tsne"))
    seen = jobs.view(map_keys(["nowhere"], Projection("tsne"))[0])
    assert (seen.state, seen.status["message"]) == (
        jobs.State.FAILED,
        "No model 'nowhere' is on disk; train it first.",
    )


def check_map(artefacts: Sequence[Artefact], projection: Projection) -> list[ModelMap]:
    """Fit a map and read it back for every model; the models stay as they are."""
    before = [(artefact.digest, fingerprint(artefact.key)) for artefact in artefacts]
    (key,) = map_keys(keys(artefacts), projection)
    assert make_map(keys(artefacts), projection) == "trained"
    assert make_map(keys(artefacts), projection) == "cached"
    beside = read(key)
    assert beside.manifest["of"] == {artefact.key: artefact.digest for artefact in artefacts}
    assert set(beside.json("quality.json")) == set(keys(artefacts))
    assert [(artefact.digest, fingerprint(artefact.key)) for artefact in artefacts] == before
    found = []
    for artefact in artefacts:
        places, maps = read_map(keys(artefacts), artefact.key, projection), artefact.arrays("maps.npz")
        assert {name: array.shape for name, array in places.items()} == {
            name: maps[name].shape for name in ("map", "train", "captions")
        }
        assert all(np.isfinite(array).all() for array in places.values())
        assert np.ptp(places["map"], axis=0).min() > 0.1
        model = model_map(artefact, projection, among=keys(artefacts))
        assert np.array_equal(model.points, np.concatenate([places["map"], places["train"]]))
        assert np.array_equal(model.caption_points, places["captions"])
        assert np.array_equal(model.z, model_map(artefact).z)
        found.append(model)
    return found


def test_a_tsne_is_an_artefact_of_its_own(pair: list[Artefact]) -> None:
    (model,) = check_map(pair[:1], Projection("tsne", perplexity=5))
    plane = model_map(pair[0])
    assert not np.allclose(model.points, plane.points)
    # A known picture falls among its neighbours, so within the map, not where the plane would have it.
    placed = model.place(model.z[:20])
    assert (placed >= model.points.min(axis=0)).all()
    assert (placed <= model.points.max(axis=0)).all()
    (other,) = check_map(pair[:1], Projection("tsne", perplexity=5, seed=1))
    assert not np.allclose(model.points, other.points), "another seed is another map"


@UMAP
def test_a_umap_is_an_artefact_of_its_own(pair: list[Artefact]) -> None:
    (model,) = check_map(pair[:1], Projection("umap"))
    assert np.median(np.linalg.norm(model.place(model.z[:20]) - model.points[:20], axis=1)) < (
        np.ptp(model.points, axis=0).max() / 4
    )
    assert jobs.view(map_keys(keys(pair[1:]), Projection("umap"))[0]).state is jobs.State.ABSENT


@UMAP
def test_a_common_umap_lays_the_same_pictures_near_each_other(pair: list[Artefact]) -> None:
    one, other = check_map(pair, Projection("umap", together=True))
    shared = [(one.where(int(row)), other.where(int(row))) for row in np.intersect1d(one.rows, other.rows)]
    assert len(shared) > 40
    here, there = (points[[pair[side] for pair in shared]] for side, points in enumerate((one.points, other.points)))
    apart = np.linalg.norm(here - there, axis=1)
    strangers = np.linalg.norm(here - np.roll(there, 7, axis=0), axis=1)
    assert np.median(apart) < np.median(strangers)


def test_a_map_that_was_not_made_is_a_sentence(pair: list[Artefact]) -> None:
    projection = Projection("umap", seed=77)
    with pytest.raises(StoreError, match=rf"No model '{pair[1].key}.umap-n15-d10-s77.map' is on disk"):
        model_map(pair[1], projection)


def test_settings_reach_the_fit_and_each_part_its_place(pair: list[Artefact], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def numbered(z: np.ndarray, *settings: object) -> np.ndarray:
        asked.append(settings)
        return np.stack([np.arange(len(z)), np.zeros(len(z))], axis=1)

    monkeypatch.setattr(measures, "umap", numbered)
    monkeypatch.setattr(measures, "tsne", numbered)
    umap, tsne = Projection("umap", neighbours=7, min_dist=0.5, seed=3), Projection("tsne", perplexity=9, seed=4)
    for projection in (umap, tsne):
        make_map(keys(pair[1:]), projection)
        places = read_map([], pair[1].key, projection)
        counts = {name: len(array) for name, array in pair[1].arrays("maps.npz").items() if name in places}
        ends = np.cumsum(list(counts[name] for name in ("map", "train", "captions")))
        assert [places[name][-1, 0] + 1 for name in ("map", "train", "captions")] == ends.tolist()
        assert [places[name][0, 0] for name in ("map", "train", "captions")] == [0, *ends[:2]]
    assert asked == [(7, 0.5, 3), (9, 4)]


def test_a_common_fit_knows_pictures_by_their_row_and_captions_by_their_model(
    pair: list[Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def together(spaces: list[np.ndarray], rows: list[list[str]], *settings: object) -> list[np.ndarray]:
        seen.extend(rows)
        assert settings == (15, 0.1, 5)
        return [np.random.default_rng(n).normal(size=(len(z), 2)) for n, z in enumerate(spaces)]

    monkeypatch.setattr(measures, "umap_together", together, raising=False)
    make_map(keys(pair), Projection("umap", seed=5, together=True))
    one, other = (set(names) for names in seen)
    assert len(one) == len(seen[0]), "no name is given twice"
    shared = {name for name in one & other}
    maps = [model_map(artefact) for artefact in pair]
    assert shared == {f"p{row}" for row in np.intersect1d(maps[0].rows, maps[1].rows)}
    assert {name for name in one - other if not name.startswith("p")} == {f"{pair[0].key} 0", f"{pair[0].key} 1"}
    assert run_maps.read_map(keys(pair), pair[1].key, Projection("umap", seed=5, together=True))["map"].shape == (
        32,
        2,
    )


@UMAP
@pytest.mark.parametrize(
    ("projection", "seeds"),
    [
        (Projection("tsne"), (52,)),
        (Projection("umap", seed=8), (53,)),
        (Projection("umap", seed=8, together=True), (54, 55)),
    ],
)
def test_spaces_of_one_point_are_fitted_without_a_fuss(
    home: Path, projection: Projection, seeds: tuple[int, ...]
) -> None:
    same = np.repeat(space(IMAGES, 0)[:1], len(IMAGES.table), axis=0)
    artefacts = [publish(IMAGES, BASE.replace(init_seed=seed), same) for seed in seeds]
    make_map(keys(artefacts), projection)
    for artefact in artefacts:
        assert np.isfinite(model_map(artefact, projection, among=keys(artefacts)).points).all()
