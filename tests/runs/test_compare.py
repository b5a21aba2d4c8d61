"""Two models side by side: tables in which every picture is one row, and a turn that never stretches."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from vlcore.conditions import Condition
from vlcore.figures.maps import linked_maps, small_map
from vlcore.figures.theme import LIGHT
from vlcore.images.imagesets import ImageSet, open_set
from vlcore.measures.maps import Plane
from vlcore.runs import compare, pipeline, store
from vlcore.runs.compare import ComparisonError, ModelMap

PICTURE = "data:image/webp;base64,AAAA"


def pictures(_images: ImageSet, rows: Sequence[int]) -> list[str]:
    return [PICTURE] * len(rows)


def altered(artefact: store.Artefact, condition: Condition | None = None, **end: object) -> store.Artefact:
    """The same artefact, as if its condition or its numbers at the end were others."""
    other = store.Artefact(artefact.key, artefact.path, artefact.manifest)
    metrics = copy.deepcopy(artefact.metrics)
    metrics["end"] |= end
    vars(other).update(condition=condition or artefact.condition, metrics=metrics)
    return other


def stand_in(z: np.ndarray, caption_z: np.ndarray, scale: float = 5.0, bias: float = -1.0) -> ModelMap:
    """A model map of given embeddings."""
    nothing = np.zeros(z.shape[1])
    artefact = store.Artefact("a-key", store.models_folder(), {})
    vars(artefact)["condition"] = Condition()
    return ModelMap(
        artefact=artefact,
        kind="pca",
        rows=np.arange(len(z)) * 10,
        held_out=len(z),
        z=z,
        points=z[:, :2].astype(float),
        captions=tuple(f"caption {number}" for number in range(len(caption_z))),
        caption_z=caption_z,
        caption_points=caption_z[:, :2].astype(float),
        scores=(scale * z @ caption_z.T + bias).astype(float),
        relabelled=None,
        scale=scale,
        bias=bias,
        plane=Plane(nothing, np.eye(2, z.shape[1]), np.array([0.5, 0.25]), 1.0),
    )


def unit(random: np.random.Generator, count: int, width: int = 8) -> np.ndarray:
    z = random.normal(size=(count, width))
    return (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def images(quick: list[store.Artefact]) -> ImageSet:
    return open_set("scenes")


@pytest.fixture(scope="module")
def maps(quick: list[store.Artefact]) -> list[ModelMap]:
    return [compare.model_map(artefact) for artefact in quick]


@pytest.fixture(scope="module")
def together(maps: list[ModelMap], images: ImageSet) -> compare.Comparison:
    """No bias beside 75 % removed, both with short labels."""
    return compare.compare(maps[0], maps[2], images, pictures)


def test_a_model_map_is_read_from_the_artefact(maps: list[ModelMap], images: ImageSet) -> None:
    for model in maps:
        arrays = model.artefact.arrays("embeddings.npz")
        assert model.held_out == 200
        assert len(model.rows) == len(model.z) == len(model.points) == 200 + len(arrays["train_rows"])
        assert set(images.table["split"].iloc[model.rows[:200]]) == {"test"}
        assert set(images.table["split"].iloc[model.rows[200:]]) == {"train"}
        place = np.searchsorted(arrays["test_rows"], model.rows[:200])
        assert np.array_equal(model.z[:200], arrays["end_test"][place])
        assert model.place(model.z) == pytest.approx(model.points, abs=1e-6)
        assert model.place(model.caption_z) == pytest.approx(model.caption_points, abs=1e-6)


def test_every_picture_is_one_row(together: compare.Comparison, images: ImageSet) -> None:
    points = together.points
    assert points["id"].is_unique
    rows = points["id"].str.removeprefix("p").astype(int).to_numpy()
    assert set(rows) == set(together.left.rows) | set(together.right.rows)
    for name in ("object", "context", "group"):
        assert points[name].tolist() == images.table[name].iloc[rows].tolist()
    assert points["minority"].tolist() == points["group"].isin(["horse_desert", "camel_grass"]).tolist()
    assert points["thumb"].eq(PICTURE).all()


def test_training_and_held_out_pictures_are_told_apart(together: compare.Comparison, images: ImageSet) -> None:
    points = together.points
    rows = points["id"].str.removeprefix("p").astype(int).to_numpy()
    expected = images.table["split"].iloc[rows].map({"test": "test", "train": "training"})
    assert points["kind"].tolist() == expected.tolist()
    assert points["kind"].value_counts().to_dict() == {"test": 200, "training": 192}
    assert points["spoken"].str.endswith("held out").tolist() == points["kind"].eq("test").tolist()


def test_a_picture_that_a_model_never_saw_has_no_place_in_it(together: compare.Comparison) -> None:
    points = together.points
    rows = points["id"].str.removeprefix("p").astype(int)
    absent = ~rows.isin(together.right.rows)
    assert absent.sum() == 72, "36 of each minority group are removed"
    assert points.loc[absent, "minority"].all()
    for column in ("xr", "yr"):
        assert points[column].isna().tolist() == absent.tolist()
    assert points[["xl", "yl"]].notna().all(axis=None)
    assert points["predicted_right"].eq("not in this model's training set").tolist() == absent.tolist()


def test_each_side_shows_its_own_caption_and_prediction(together: compare.Comparison) -> None:
    for side, model in (("left", together.left), ("right", together.right)):
        where = {row: place for place, row in enumerate(model.rows.tolist())}
        logits = model.z @ model.caption_z.T
        for point in together.points.itertuples():
            assert getattr(point, f"caption_{side}") == point.object  # both with short labels
            place = where.get(int(point.id[1:]))
            if place is not None:
                said = model.captions[int(logits[place].argmax())]
                verdict = "right" if said == point.object else "wrong"
                assert getattr(point, f"predicted_{side}") == f"{said} ({verdict})"


def test_the_right_map_is_turned_and_nothing_else(together: compare.Comparison) -> None:
    points, right = together.points, together.right
    rows = points["id"].str.removeprefix("p").astype(int).tolist()
    here = points[points["xr"].notna()]
    places = [right.rows.tolist().index(row) for row, there in zip(rows, points["xr"].notna(), strict=True) if there]
    drawn = here[["xr", "yr"]].to_numpy()
    assert pdist(drawn) == pytest.approx(pdist(right.points[places]), abs=1e-4)
    assert together.turn.rotation @ together.turn.rotation.T == pytest.approx(np.eye(2), abs=1e-9)
    left = points[["xl", "yl"]].to_numpy()
    expected = {row: place for row, place in zip(together.left.rows.tolist(), together.left.points, strict=True)}
    assert left == pytest.approx(np.array([expected[row] for row in rows]), abs=1e-5), "the left map stays"
    words = together.captions[together.captions["side"] == "right"]
    assert words["caption"].tolist() == ["horse", "camel"]
    assert words[["x", "y"]].to_numpy() == pytest.approx(together.turn.apply(right.caption_points), abs=1e-5)


@given(seed=st.integers(0, 2**32 - 1), mirrored=st.booleans(), angle=st.floats(0, 6.3), shift=st.floats(-5, 5))
@settings(max_examples=25, deadline=None)
def test_a_turned_copy_is_brought_back(
    maps: list[ModelMap], images: ImageSet, seed: int, mirrored: bool, angle: float, shift: float
) -> None:
    left = maps[0]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag(
        [1, -1 if mirrored else 1]
    )
    noise = np.random.default_rng(seed).normal(scale=1e-7, size=left.points.shape)
    right = dataclasses.replace(left, points=left.points @ turn + shift + noise)
    points = compare.compare(left, right, images, pictures).points
    assert points[["xr", "yr"]].to_numpy() == pytest.approx(points[["xl", "yl"]].to_numpy(), abs=1e-4)


def test_a_model_beside_itself_is_the_same_twice(maps: list[ModelMap], images: ImageSet) -> None:
    same = compare.compare(maps[1], maps[1], images, pictures)
    assert same.points[["xl", "yl"]].to_numpy() == pytest.approx(same.points[["xr", "yr"]].to_numpy(), abs=2e-5)
    assert same.left_info == same.right_info
    points, captions = compare.single(maps[1], images, pictures)
    assert points.equals(same.points)
    assert captions["side"].unique().tolist() == ["left"]
    assert captions["caption"].tolist() == list(maps[1].captions)


def test_the_tables_are_what_the_charts_take(
    together: compare.Comparison, maps: list[ModelMap], images: ImageSet
) -> None:
    chart = linked_maps(
        together.points, together.captions, together.left_info, together.right_info,
        palette=LIGHT, grouping=images.grouping,
    )  # fmt: skip
    assert len(chart.to_dict()["hconcat"]) == 2
    points, captions = compare.single(maps[3], images, pictures)
    assert small_map(points, captions, palette=LIGHT, grouping=images.grouping).to_dict()["layer"]


@pytest.mark.parametrize("changes", [{"data": "photos", "data_version": "1"}, {"data_version": "0"}])
def test_models_of_different_image_sets_are_not_compared(
    maps: list[ModelMap], images: ImageSet, changes: dict[str, str]
) -> None:
    other = dataclasses.replace(
        maps[1], artefact=altered(maps[1].artefact, condition=maps[1].artefact.condition.but(**changes))
    )
    for pair in ((maps[0], other), (other, maps[0])):
        with pytest.raises(ComparisonError) as caught:
            compare.compare(*pair, images, pictures)
        assert str(caught.value) == "The two models were trained on different image sets; choose two of one set."


@given(seed=st.integers(0, 2**32 - 1), captions=st.integers(1, 6), scale=st.floats(1, 100), bias=st.floats(-20, 20))
@settings(max_examples=50, deadline=None)
def test_caption_scores_are_shares_best_first(seed: int, captions: int, scale: float, bias: float) -> None:
    random = np.random.default_rng(seed)
    model = stand_in(unit(random, 5), unit(random, captions), scale, bias)
    scores = compare.caption_scores(model, unit(random, 1)[0])
    assert {score["caption"] for score in scores} == set(model.captions)
    assert sum(score["probability"] for score in scores) == pytest.approx(1)
    for name in ("similarity", "probability"):
        values = [score[name] for score in scores]
        assert values == sorted(values, reverse=True)
    assert all(-1.00001 <= score["similarity"] <= 1.00001 for score in scores)


def test_caption_scores_are_a_softmax_of_logits(maps: list[ModelMap]) -> None:
    model = maps[1]
    z = model.z[7]
    cosines = {text: float(z @ t) for text, t in zip(model.captions, model.caption_z, strict=True)}
    total = sum(np.exp(model.scale * cosine) for cosine in cosines.values())
    for score in compare.caption_scores(model, z):
        assert score["similarity"] == pytest.approx(cosines[score["caption"]], abs=1e-6)
        expected = np.exp(model.scale * cosines[score["caption"]]) / total
        assert score["probability"] == pytest.approx(expected, abs=1e-5)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 12), k=st.integers(1, 15))
@settings(max_examples=50, deadline=None)
def test_neighbours_are_the_nearest_without_the_picture_itself(seed: int, count: int, k: int) -> None:
    model = stand_in(unit(np.random.default_rng(seed), count), unit(np.random.default_rng(1), 2))
    itself = seed % count
    cosines = model.z.astype(float) @ model.z[itself].astype(float)
    found = model.neighbours(model.z[itself], k, apart_from=itself * 10)
    assert itself * 10 not in [row for row, _ in found]
    assert len(found) == min(k, count - 1)
    assert [similarity for _, similarity in found] == pytest.approx(sorted(np.delete(cosines, itself))[::-1][:k])
    assert [cosines[row // 10] for row, _ in found] == pytest.approx([similarity for _, similarity in found])
    with_itself = model.neighbours(model.z[itself], k)
    assert len(with_itself) == min(k, count)
    assert with_itself[0][1] == pytest.approx(1)


def test_the_words_around_a_map(together: compare.Comparison) -> None:
    left, right = together.left_info, together.right_info
    first, second = together.left.plane.shares
    variance = together.left.artefact.metrics["end"]["total_variance"]["value"]
    assert left.title == "No bias, short labels"
    assert left.subtitle == f"seed 0, 12 steps; total variance {variance:.2g}"
    assert left.x_title == f"component 1 ({first * 100:.0f} % of variance)"
    assert left.y_title == f"component 2 ({second * 100:.0f} %)"
    assert right.x_title.endswith("of variance), turned to match the left")
    assert right.y_title == ""


@pytest.mark.parametrize("collapsed", [True, False])
def test_a_collapsed_map_says_so(maps: list[ModelMap], collapsed: bool) -> None:
    model = dataclasses.replace(maps[0], artefact=altered(maps[0].artefact, collapsed=collapsed))
    assert ("COLLAPSED" in compare.map_info(model, aligned=False).subtitle) == collapsed


def test_an_untrained_map_says_so(maps: list[ModelMap]) -> None:
    untrained = altered(maps[0].artefact, condition=maps[0].artefact.condition.untrained)
    info = compare.map_info(dataclasses.replace(maps[0], artefact=untrained), aligned=False)
    assert info.title == "Untrained encoder, short labels"
    assert "not trained" in info.subtitle


@pytest.mark.filterwarnings("ignore:Tensorflow not installed:ImportWarning")  # umap says so while it is imported
def test_a_umap_is_read_from_beside_the_model(quick: list[store.Artefact]) -> None:
    pipeline.make_umap(quick[0].key)
    model = compare.model_map(quick[0], "umap")
    pca = compare.model_map(quick[0], "pca")
    beside = store.read(f"{quick[0].key}.umap").arrays("umap.npz")
    assert np.array_equal(model.points, np.concatenate([beside["map"], beside["train"]]))
    assert np.array_equal(model.z, pca.z)
    assert not np.allclose(model.points, pca.points)
    assert compare.map_info(model, aligned=False).x_title == "UMAP, axes have no meaning"
    assert compare.map_info(model, aligned=True).x_title == "UMAP, turned to match the left"
    # A known picture falls among its neighbours, so within the map, not where the plane would have it.
    placed = model.place(model.z[:20])
    assert (placed >= model.points.min(axis=0)).all()
    assert (placed <= model.points.max(axis=0)).all()
    assert np.median(np.linalg.norm(placed - model.points[:20], axis=1)) < np.ptp(model.points, axis=0).max() / 4


def test_a_umap_that_was_not_made_is_a_sentence(quick: list[store.Artefact]) -> None:
    with pytest.raises(store.StoreError, match=rf"No model '{quick[3].key}.umap' is on disk; train it first"):
        compare.model_map(quick[3], "umap")
