"""One to four models side by side: tables in which every picture is one row, and turns that never stretch."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from tests.compare.measured import only
from tests.runs.stand_ins import BASE, PICTURE, image_set, publish, space, thumbs
from vlcore.charts.maps.linked import linked_maps
from vlcore.charts.maps.small import small_map
from vlcore.charts.theme import LIGHT
from vlcore.charts.thumbnails import SAFE_URI
from vlcore.compare import comparison as compare_comparison
from vlcore.compare.comparison import MOST_CAPTIONS, Comparison, Upload, load_map, map_info, open
from vlcore.compare.model_map import ComparisonError, ModelMap, model_map
from vlcore.core.condition import Condition
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.subset import parts
from vlcore.measures.projection import align
from vlcore.runs.maps import PCA, Projection, prompt_axes
from vlcore.store import artefacts

IMAGES = image_set()
FOLDS = image_set(folds=4)
SPLIT = IMAGES.table["split"].to_numpy()
PER_PANE = ("x", "y", "caption_", "predicted_", "says_", "right_")


def altered(artefact: artefacts.Artefact, condition: Condition | None = None, **end: object) -> artefacts.Artefact:
    """The same artefact, as if its condition or its numbers at the end were others."""
    other = artefacts.Artefact(artefact.key, artefact.path, artefact.manifest)
    metrics = copy.deepcopy(artefact.metrics)
    metrics["end"] |= end
    vars(other).update(condition=condition or artefact.condition, metrics=metrics)
    return other


def beside(models: list[ModelMap]) -> Comparison:
    return compare_comparison.compare(models, IMAGES, thumbs)


def places(comparison: Comparison, pane: int) -> np.ndarray:
    return comparison.points[[f"x{pane}", f"y{pane}"]].to_numpy()


@pytest.fixture(scope="module")
def maps(home: object) -> list[ModelMap]:
    """No bias; half removed, with descriptive labels; all removed; a captioner. The second is longer and renamed."""
    conditions = [
        BASE.replace(data_seed=60, init_seed=60),
        BASE.replace(data_seed=60, init_seed=60, bias=0.5, labels="descriptive"),
        BASE.replace(data_seed=60, init_seed=61, bias=1.0),
        BASE.replace(data_seed=60, init_seed=60, objective="captioner"),
    ]
    return [model_map(publish(IMAGES, condition)) for condition in conditions]


@pytest.fixture(scope="module", params=[1, 2, 3, 4])
def together(request: pytest.FixtureRequest, maps: list[ModelMap]) -> Comparison:
    return beside(maps[: request.param])


def test_every_picture_is_one_row(together: Comparison) -> None:
    points = together.points
    assert points["id"].is_unique
    expected = {1: ("first",), 2: ("left", "right"), 3: ("first", "second", "third")}
    assert tuple(together.named) == expected.get(len(together.models), ("first", "second", "third", "fourth"))
    assert len(together.infos) == len(together.models)
    assert together.rows.tolist() == sorted({int(row) for model in together.models for row in model.rows})
    assert points["id"].tolist() == [f"p{row}" for row in together.rows]
    for name in ("object", "context", "group", "scene"):
        assert points[name].tolist() == IMAGES.table[name].iloc[together.rows].tolist()
    assert points["minority"].tolist() == points["group"].isin(["horse_desert", "camel_grass"]).tolist()
    assert points["thumb"].eq(PICTURE).all()
    numbered = [f"{name}{pane}" for pane in range(len(together.models)) for name in PER_PANE]
    assert list(points.columns) == [
        "id", "object", "context", "group", "kind", "minority", "scene", "thumb", *numbered, "spoken"
    ]  # fmt: skip


def test_training_and_held_out_pictures_are_told_apart(together: Comparison) -> None:
    points = together.points
    assert points["kind"].tolist() == ["test" if split == "test" else "training" for split in SPLIT[together.rows]]
    assert points["kind"].value_counts().to_dict() == {"test": 32, "training": 40}
    assert points["spoken"].str.endswith("held out").tolist() == points["kind"].eq("test").tolist()


def test_a_picture_that_a_model_never_saw_has_no_place_in_it(together: Comparison) -> None:
    points = together.points
    for pane, model in enumerate(together.models):
        absent = ~np.isin(together.rows, model.rows)
        assert absent.sum() == [0, 10, 20, 0][pane], "of each minority group"
        assert points.loc[absent, "minority"].all()
        for column in (f"x{pane}", f"y{pane}"):
            assert points[column].isna().tolist() == absent.tolist()
        never = points[f"predicted_{pane}"].eq("not in this model's training set")
        assert never.tolist() == absent.tolist()
        assert points[f"says_{pane}"].eq("none").tolist() == absent.tolist()
        assert points[f"right_{pane}"].eq("none").tolist() == absent.tolist()
        assert ((model.index(together.rows) < 0) == absent).all()


def test_each_map_shows_its_own_caption_and_prediction(together: Comparison) -> None:
    for pane, model in enumerate(together.models):
        for point in together.points.itertuples():
            own = point.object
            if pane == 1:  # with the study's descriptive labels, its "a" included
                own = {
                    ("horse", "grass"): "horse on the grass", ("horse", "desert"): "horse in the desert",
                    ("camel", "desert"): "a camel in the desert", ("camel", "grass"): "camel on the grass",
                }[point.object, point.context]  # fmt: skip
            assert getattr(point, f"caption_{pane}") == own
            place = model.where(int(point.id[1:]))
            if place >= 0:
                scores = model.scores[place]
                if pane == 1:  # an object's score is summed over its captions
                    about = {
                        name: [k for k, text in enumerate(model.captions) if name in text]
                        for name in ("horse", "camel")
                    }
                    said = max(about, key=lambda name: np.exp(scores[about[name]]).sum())
                else:
                    said = model.captions[int(scores.argmax())]
                verdict = "right" if said == point.object else "wrong"
                assert getattr(point, f"says_{pane}") == said
                assert getattr(point, f"right_{pane}") == verdict
                assert getattr(point, f"predicted_{pane}") == f"{said} ({verdict})"


def test_labels_without_an_object_say_none(home: object, maps: list[ModelMap]) -> None:
    model = model_map(publish(IMAGES, BASE.replace(data_seed=60, init_seed=62, labels="context")))
    points = beside([maps[0], model]).points
    assert set(points["predicted_1"]) == {"none: its labels name no object"}
    assert set(points["says_1"]) == set(points["right_1"]) == {"none"}
    assert points["caption_1"].tolist() == points["context"].tolist()


def test_the_other_maps_are_turned_and_nothing_else(together: Comparison, maps: list[ModelMap]) -> None:
    for pane, (model, before) in enumerate(zip(together.models, maps, strict=False)):
        assert model.turn.rotation @ model.turn.rotation.T == pytest.approx(np.eye(2), abs=1e-9)
        index = model.index(together.rows)
        here = places(together, pane)[index >= 0]
        assert pdist(here) == pytest.approx(pdist(before.points[index[index >= 0]]), abs=1e-4)
        expected = align(before.points[:32], maps[0].points[:32]).apply(before.points)
        assert model.points == pytest.approx(expected, abs=1e-9)
        assert here == pytest.approx(expected[index[index >= 0]], abs=1e-5)
        assert model.place(model.z) == pytest.approx(expected, abs=1e-4), "what comes later is turned as the map is"
    assert together.models[0].points == pytest.approx(maps[0].points, abs=1e-9), "the first map stays"


def test_captions_lie_where_their_map_was_turned(together: Comparison) -> None:
    assert list(together.captions.columns) == ["caption", "pane", "x", "y"]
    assert together.captions["pane"].dtype.kind == "i"
    for pane, model in enumerate(together.models):
        words = together.captions[together.captions["pane"] == pane]
        if model.artefact.condition.objective == "captioner":
            assert words.empty, "a captioner's captions have no place"
            continue
        assert words["caption"].tolist() == list(model.captions)
        assert words[["x", "y"]].to_numpy() == pytest.approx(model.caption_points, abs=1e-5)


@given(places=st.integers(0, 40))
@settings(max_examples=20, deadline=None)
def test_of_many_captions_an_even_choice_is_shown(maps: list[ModelMap], places: int) -> None:
    points = np.random.default_rng(places).normal(size=(places, 2))
    texts = tuple(f"caption {number}" for number in range(places))
    shown = beside([dataclasses.replace(maps[0], captions=texts, caption_points=points)]).captions
    assert len(shown) == min(places, MOST_CAPTIONS)
    assert shown[["pane", "x", "y"]].dtypes.map(lambda kind: kind.kind).tolist() == ["i", "f", "f"]
    numbers = [int(text.removeprefix("caption ")) for text in shown["caption"]]
    assert numbers == sorted(set(numbers))
    assert shown[["x", "y"]].to_numpy() == pytest.approx(points[numbers] - 0, abs=1e-5)
    if places > 1:
        assert (numbers[0], numbers[-1]) == (0, places - 1)
        assert np.ptp(np.diff(numbers)) <= 1


@given(seed=st.integers(0, 2**32 - 1), mirrored=st.booleans(), angle=st.floats(0, 6.3), shift=st.floats(-5, 5))
@settings(max_examples=25, deadline=None)
def test_a_turned_copy_is_brought_back(
    maps: list[ModelMap], seed: int, mirrored: bool, angle: float, shift: float
) -> None:
    left = maps[0]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag(
        [1, -1 if mirrored else 1]
    )
    noise = np.random.default_rng(seed).normal(scale=1e-7, size=left.points.shape)
    right = dataclasses.replace(left, points=left.points @ turn + shift + noise)
    found = beside([left, right, dataclasses.replace(left, points=-left.points)])
    assert places(found, 1) == pytest.approx(places(found, 0), abs=1e-4)
    assert places(found, 2) == pytest.approx(places(found, 0), abs=1e-4)


def test_a_model_beside_itself_is_the_same_twice(maps: list[ModelMap]) -> None:
    same = beside([maps[1], maps[1]])
    assert places(same, 0) == pytest.approx(places(same, 1), abs=2e-5, nan_ok=True)
    assert same.infos[0] == same.infos[1]
    alone = beside([maps[1]])
    assert set(alone.points.columns) == {name for name in same.points.columns if not name.endswith("1")}
    assert alone.captions["pane"].unique().tolist() == [0]
    assert alone.captions["caption"].tolist() == list(maps[1].captions)


def test_a_map_of_one_point_is_turned_without_a_fuss(maps: list[ModelMap]) -> None:
    one = dataclasses.replace(maps[0], points=np.full_like(maps[0].points, 0.25))
    for models in ([maps[0], one], [one, maps[0]], [one, one]):
        found = beside(models)
        for pane in range(2):
            assert np.isfinite(places(found, pane)).all()
            rotation = found.models[pane].turn.rotation
            assert rotation @ rotation.T == pytest.approx(np.eye(2), abs=1e-9)


# --- prompt axes and common fits


def test_prompt_axes_mean_the_same_so_nothing_is_turned(maps: list[ModelMap]) -> None:
    axes = Projection("prompts", prompts=("horse", "camel", "grass", "desert"))
    random = np.random.default_rng(0)
    models = [model_map(one.artefact, axes, prompts=random.normal(size=(4, 32))) for one in (maps[0], maps[1], maps[3])]
    found = beside(models)
    assert list(found.models) == models
    for pane, model in enumerate(models):
        index = model.index(found.rows)
        assert places(found, pane)[index >= 0] == pytest.approx(model.points[index[index >= 0]], abs=1e-5)
        first, second = model.plane.shares
        assert found.infos[pane].x_title == f"“horse” to “camel” ({first * 100:.0f} % of variance)"
        assert found.infos[pane].y_title == f"“grass” to “desert” ({second * 100:.0f} %)"


@pytest.mark.parametrize("together", [True, False])
def test_a_common_fit_is_not_turned_and_a_fit_of_each_is(maps: list[ModelMap], together: bool) -> None:
    fit = Projection("umap", together=together)
    left, right = (dataclasses.replace(maps[0], projection=fit, points=maps[0].points * turn) for turn in (1, -1))
    found = beside([left, right])
    assert places(found, 1) == pytest.approx(places(found, 0) * (-1 if together else 1), abs=1e-4)
    ways = ["one fit for all" in info.x_title for info in found.infos]
    turned = ["turned to match the first" in info.x_title for info in found.infos]
    assert (ways, turned) == ([together] * 2, [False, not together])
    assert [info.y_title for info in found.infos] == ["", ""]
    assert "fitted on this model alone" in beside([left]).infos[0].x_title


# --- small sets, whose seeds hold other pictures out


@pytest.fixture(scope="module")
def seeds(home: object) -> list[ModelMap]:
    """Models of a set in folds under three data seeds."""
    base = Condition("folded", "1", n_per_group=8)
    images = dataclasses.replace(FOLDS, name="folded", version="1")
    z = space(images, 7)
    return [model_map(publish(images, base.replace(data_seed=seed, init_seed=seed), z)) for seed in (0, 1, 2)]


@pytest.mark.parametrize("common", [True, False])
def test_folds_of_other_seeds_are_turned_over_the_pictures_that_both_show(seeds: list[ModelMap], common: bool) -> None:
    """Without a common held-out picture, over the training pictures."""
    left, right = seeds[:2]
    held_out = np.isin(right.rows, left.rows[: left.held_out]) & (np.arange(len(right.rows)) < right.held_out)
    assert 0 < held_out.sum() < right.held_out
    # The right map is the left one turned, though other pictures are held out in it.
    turned = left.plane.place(right.z) @ np.array([[0.6, -0.8], [0.8, 0.6]]) + 3
    other = only(dataclasses.replace(right, points=turned), np.full(len(held_out), True) if common else ~held_out)
    found = compare_comparison.compare([left, other], FOLDS, thumbs)
    both = found.points[["x0", "x1"]].notna().all(axis=1)
    assert both.sum() > 20
    assert places(found, 0)[both] == pytest.approx(places(found, 1)[both], abs=1e-4)


def test_a_picture_is_held_out_where_the_first_model_that_shows_it_holds_it_out(seeds: list[ModelMap]) -> None:
    found = compare_comparison.compare(seeds, FOLDS, thumbs)
    for row, kind in zip(found.rows, found.points["kind"], strict=True):
        first = next(model for model in seeds if model.where(int(row)) >= 0)
        assert kind == ("test" if first.where(int(row)) < first.held_out else "training")
    held_out = set(parts(FOLDS, 0)[0].rows("test").tolist())
    assert {int(row) for row in found.rows[found.points["kind"] == "test"]} >= held_out


def test_models_without_a_common_picture_are_a_sentence(seeds: list[ModelMap]) -> None:
    strange = dataclasses.replace(seeds[1], rows=seeds[1].rows + 1000)
    with pytest.raises(ComparisonError, match="one seed"):
        compare_comparison.compare([seeds[0], strange], FOLDS, thumbs)


# --- what is not compared


@pytest.mark.parametrize("changes", [{"data": "photos", "data_version": "1"}, {"data_version": "0"}])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_models_of_different_image_sets_are_not_compared(
    maps: list[ModelMap], changes: dict[str, str], place: int
) -> None:
    models = list(maps)
    condition = models[place].artefact.condition.replace(**changes)
    models[place] = dataclasses.replace(models[place], artefact=altered(models[place].artefact, condition=condition))
    with pytest.raises(ComparisonError, match="different image sets"):
        beside(models)


def test_imported_embeddings_of_the_same_pictures_are_compared(maps: list[ModelMap]) -> None:
    def imported(name: str, pictures: str) -> ModelMap:
        artefact = artefacts.Artefact(name, maps[0].artefact.path, {"pictures": pictures})
        condition = Condition(name, "1", objective="imported", labels="constant", steps=0)
        vars(artefact).update(condition=condition, metrics=maps[0].artefact.metrics)
        return dataclasses.replace(maps[0], artefact=artefact)

    one, same, others = imported("a", "1"), imported("b", "1"), imported("c", "2")
    assert len(beside([one, same]).points) == 72
    with pytest.raises(ComparisonError, match="different image sets"):
        beside([one, others])


def test_none_and_too_many_are_not_compared(maps: list[ModelMap]) -> None:
    with pytest.raises(ComparisonError, match="not 5"):
        beside([maps[0]] * 5)
    with pytest.raises(ComparisonError, match="not 0"):
        open([])


# --- words and charts


def test_the_words_around_a_map(maps: list[ModelMap]) -> None:
    left, right = beside(maps[1:3]).infos
    first, second = maps[1].plane.shares
    assert left.title == "50 % removed (5 of 10 kept), descriptive labels"
    assert left.subtitle == "seed 60, 600 steps; total variance 0.8"
    assert left.x_title == f"component 1 ({first * 100:.0f} % of variance)"
    assert left.y_title == f"component 2 ({second * 100:.0f} %)"
    assert right.subtitle.startswith("seeds 60 and 61, ")
    first, second = maps[2].plane.shares
    assert right.x_title == (
        f"components 1 and 2 ({first * 100:.0f} % and {second * 100:.0f} % of variance), turned to match the first"
    )
    assert right.y_title == ""


def test_other_components_are_named(maps: list[ModelMap]) -> None:
    other = dataclasses.replace(maps[0], projection=Projection(components=(4, 3)))
    info = map_info(other, aligned=False)
    assert info.x_title.startswith("component 4 (")
    assert info.y_title.startswith("component 3 (")
    assert map_info(other, aligned=True).x_title.startswith("components 4 and 3 (")


def test_a_collapsed_and_an_untrained_map_say_so(maps: list[ModelMap]) -> None:
    plain = maps[0].artefact
    made = (plain, altered(plain, collapsed=True), altered(plain, condition=plain.condition.untrained))
    infos = [map_info(dataclasses.replace(maps[0], artefact=artefact), aligned=False) for artefact in made]
    assert ["COLLAPSED" in info.subtitle for info in infos] == [False, True, False]
    assert ["not trained" in info.subtitle for info in infos] == [False, False, True]
    assert infos[2].title == "Untrained encoder, short labels"


@pytest.mark.parametrize("count", [1, 4])
def test_the_tables_are_what_the_charts_take(maps: list[ModelMap], count: int) -> None:
    found = beside(maps[:count])
    chart = linked_maps(found.points, found.captions, found.infos, palette=LIGHT, grouping=IMAGES.grouping)
    assert len(chart.to_dict()["concat"]) == count
    assert small_map(found.points, found.captions, palette=LIGHT, grouping=IMAGES.grouping).to_dict()["layer"]


def opened(maps: list[ModelMap], *uploads: Upload, projection: Projection = PCA) -> Comparison:
    """What keys are opened to, from maps that somebody has already."""
    known = {model.artefact.key: model for model in maps}
    asked = []

    def load(key: str, how: Projection, among: object) -> ModelMap:
        asked.append((key, how, among))
        return known[key]

    found = open(list(known), projection, uploads, load=load, images=lambda model: IMAGES, thumbs=thumbs)
    assert asked == [(key, projection, list(known)) for key in known]
    return found


def test_keys_are_opened_to_the_table_that_is_drawn(maps: list[ModelMap]) -> None:
    found, wanted = opened(maps[:3], projection=Projection("umap")), beside(maps[:3])
    assert [model.artefact for model in found.models] == [model.artefact for model in maps[:3]]
    assert found.uploads is None
    pd.testing.assert_frame_equal(found.points, wanted.points)


def test_uploads_are_turned_as_their_maps_are(maps: list[ModelMap]) -> None:
    row = int(maps[0].rows[3])
    z = tuple(model.z[model.where(row)] for model in maps[:2])
    found = opened(maps[:2], Upload(PICTURE, z), Upload(PICTURE, (z[0], -z[1])))
    assert found.uploads is not None
    assert found.uploads["id"].tolist() == ["u0", "u1"]
    assert found.uploads["name"].tolist() == ["Picture 1", "Picture 2"]
    own = found.points.set_index("id").loc[f"p{row}", ["x0", "y0", "x1", "y1"]]
    assert found.uploads.loc[0, own.index].tolist() == pytest.approx(own.tolist(), abs=1e-4)
    assert found.uploads.loc[1, ["x0", "y0"]].tolist() == pytest.approx(own[["x0", "y0"]].tolist(), abs=1e-4)
    assert found.uploads.loc[1, "x1"] != pytest.approx(own["x1"], abs=1e-4)


def test_published_models_are_opened_from_their_keys(quick: list[artefacts.Artefact]) -> None:
    keys = [quick[1].key, quick[3].key]
    for projection in (PCA, Projection("prompts", prompts=prompt_axes(IMAGES.grouping))):
        found = open(keys, projection)
        wanted = compare_comparison.compare([load_map(key, projection) for key in keys], open_set("scenes"), thumbs)
        pd.testing.assert_frame_equal(found.points.drop(columns="thumb"), wanted.points.drop(columns="thumb"))
        assert found.points["thumb"].str.match(SAFE_URI).all()
        assert found.points["kind"].value_counts().to_dict() == {"test": 200, "training": 192}
        assert found.points["x1"].isna().sum() == 72
