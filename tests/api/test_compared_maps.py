"""One or two models side by side: every picture is one row, and turns never stretch."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from tests.api.stand_ins import BASE, PICTURE, image_set, only, publish, space, with_metrics
from vlcore.api.compared_maps import MOST_CAPTIONS, ComparedMaps, compare_maps, with_uploads
from vlcore.api.model_map import ComparisonError, ModelMap, model_map
from vlcore.experiment.condition import Condition
from vlcore.metrics.projection import align
from vlcore.plots.options import Projection

IMAGES = image_set()
FOLDS = image_set(folds=4)
PER_PANE = ("x", "y", "caption_", "predicted_", "says_", "right_")


def beside(models: list[ModelMap]) -> ComparedMaps:
    return compare_maps(models, IMAGES)


def places(comparison: ComparedMaps, pane: int) -> np.ndarray:
    return comparison.points[[f"x{pane}", f"y{pane}"]].to_numpy()


@pytest.fixture(scope="module")
def maps(home: object) -> list[ModelMap]:
    """No bias; half removed, with descriptive labels; all removed; a captioner."""
    base = BASE.replace(data_seed=60, init_seed=60)
    conditions = [
        base,
        base.replace(bias=0.5, labels="descriptive"),
        base.replace(init_seed=61, bias=1.0),
        base.replace(objective="captioner"),
    ]
    return [model_map(publish(IMAGES, condition)) for condition in conditions]


@pytest.fixture(scope="module", params=[(0,), (0, 1), (0, 2), (0, 3)])
def shown(request: pytest.FixtureRequest, maps: list[ModelMap]) -> list[ModelMap]:
    return [maps[number] for number in request.param]


@pytest.fixture(scope="module")
def together(shown: list[ModelMap]) -> ComparedMaps:
    return beside(shown)


def test_every_picture_is_one_row(together: ComparedMaps) -> None:
    points, rows = together.points, together.rows
    assert tuple(together.named) == ((), ("Model",), ("Model A", "Model B"))[len(together.models)]
    assert len(together.infos) == len(together.models)
    assert rows.tolist() == sorted({int(row) for model in together.models for row in model.rows})
    assert points["id"].tolist() == [f"p{row}" for row in rows]
    for name in ("object", "context", "group", "scene"):
        assert points[name].tolist() == IMAGES.table[name].iloc[rows].tolist()
    minority = points["group"].isin(["horse_desert", "camel_grass"])
    assert points["minority"].tolist() == minority.tolist()
    numbered = [f"{name}{pane}" for pane in range(len(together.models)) for name in PER_PANE]
    facts = ["id", "object", "context", "group", "kind", "minority", "scene"]
    assert list(points.columns) == [*facts, *numbered]
    split = IMAGES.table["split"].iloc[rows]
    assert points["kind"].tolist() == ["test" if one == "test" else "training" for one in split]


def test_a_picture_that_a_model_never_saw_has_no_place_in_it(together: ComparedMaps) -> None:
    points = together.points
    for pane, model in enumerate(together.models):
        absent = ~np.isin(together.rows, model.rows)
        assert absent.sum() == 20 * model.artifact.condition.bias, "of each minority group"
        assert points.loc[absent, "minority"].all()
        assert (np.isnan(places(together, pane)) == absent[:, None]).all()
        never = points[f"predicted_{pane}"].eq("not on this model's map")
        assert never.tolist() == points[f"says_{pane}"].eq("none").tolist() == absent.tolist()
        assert points[f"right_{pane}"].eq("none").tolist() == absent.tolist()


def test_each_map_shows_its_own_caption_and_prediction(together: ComparedMaps) -> None:
    descriptive = {  # the study's, its "a" included
        ("horse", "grass"): "horse on the grass",
        ("horse", "desert"): "horse in the desert",
        ("camel", "desert"): "a camel in the desert",
        ("camel", "grass"): "camel on the grass",
    }
    for pane, model in enumerate(together.models):
        is_descriptive = model.artifact.condition.labels == "descriptive"
        about = [
            ["horse", "camel"].index("horse" if "horse" in text else "camel")
            for text in model.captions
        ]
        for point in together.points.itertuples():
            own = descriptive[point.object, point.context] if is_descriptive else point.object
            assert getattr(point, f"caption_{pane}") == own
            place = model.index([int(point.id[1:])])[0]
            if place >= 0:  # an object's score is summed over its captions
                worth = np.bincount(about, np.exp(model.scores[place]))
                said = ("horse", "camel")[int(worth.argmax())]
                verdict = "right" if said == point.object else "wrong"
                assert getattr(point, f"says_{pane}") == said
                assert getattr(point, f"right_{pane}") == verdict
                word = {"right": "correct", "wrong": "wrong"}[verdict]
                assert getattr(point, f"predicted_{pane}") == f"{said} ({word})"


def test_labels_without_an_object_say_none(home: object, maps: list[ModelMap]) -> None:
    model = model_map(
        publish(
            IMAGES, BASE.replace(data_seed=60, init_seed=62, labels="own", template="{context}")
        )
    )
    points = beside([maps[0], model]).points
    assert set(points["predicted_1"]) == {"none: its captions name no object"}
    assert set(points["says_1"]) == set(points["right_1"]) == {"none"}
    assert points["caption_1"].tolist() == points["context"].tolist()


def test_the_other_map_is_turned_and_nothing_else(
    together: ComparedMaps, shown: list[ModelMap]
) -> None:
    for pane, (model, before) in enumerate(zip(together.models, shown, strict=True)):
        index = model.index(together.rows)
        here = places(together, pane)[index >= 0]
        assert pdist(here) == pytest.approx(pdist(before.points[index[index >= 0]]), abs=1e-4)
        expected = align(before.points[:32], shown[0].points[:32]).apply(before.points)
        assert model.points == pytest.approx(expected, abs=1e-9)
        assert here == pytest.approx(expected[index[index >= 0]], abs=1e-5)
        assert model.place(model.z) == pytest.approx(expected, abs=1e-4), (
            "what comes later is turned as the map is"
        )
        words = together.captions[together.captions["pane"] == pane]
        if model.artifact.condition.objective == "captioner":
            assert words.empty, "a captioner's captions have no place"
        else:
            assert words["caption"].tolist() == list(model.captions)
            assert words[["x", "y"]].to_numpy() == pytest.approx(model.caption_points, abs=1e-5)
    assert together.models[0].points == pytest.approx(shown[0].points, abs=1e-9), (
        "the first map stays"
    )


@given(places=st.integers(0, 40))
@settings(max_examples=20)
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


@given(
    seed=st.integers(0, 2**32 - 1),
    mirrored=st.booleans(),
    angle=st.floats(0, 6.3),
    shift=st.floats(-5, 5),
)
@settings(max_examples=25)
def test_a_turned_copy_comes_back(
    maps: list[ModelMap], seed: int, mirrored: bool, angle: float, shift: float
) -> None:
    left = maps[0]
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([1, 1 - 2 * mirrored])
    noise = np.random.default_rng(seed).normal(scale=1e-7, size=left.points.shape)
    right = dataclasses.replace(left, points=left.points @ turn + shift + noise)
    found = beside([left, right])
    assert places(found, 1) == pytest.approx(places(found, 0), abs=1e-4)


def test_a_map_of_one_point_is_turned_without_a_fuss(maps: list[ModelMap]) -> None:
    one = dataclasses.replace(maps[0], points=np.full_like(maps[0].points, 0.25))
    for models in ([maps[0], one], [one, maps[0]], [one, one]):
        found = beside(models)
        for pane in range(2):
            assert np.isfinite(places(found, pane)).all()
            rotation = found.models[pane].turn.rotation
            assert rotation @ rotation.T == pytest.approx(np.eye(2), abs=1e-9)


@pytest.fixture(scope="module")
def seeds(home: object) -> list[ModelMap]:
    """Models of a set in folds under three data seeds."""
    base = Condition("folded", "1", n_per_group=8)
    images = dataclasses.replace(FOLDS, name="folded", version="1")
    z = space(images, 7)
    return [
        model_map(publish(images, base.replace(data_seed=seed, init_seed=seed), z))
        for seed in (0, 1, 2)
    ]


@pytest.mark.parametrize("common", [True, False])
def test_folds_of_other_seeds_are_turned_over_the_pictures_that_both_show(
    seeds: list[ModelMap], common: bool
) -> None:
    """Without a common held-out picture, over the training pictures."""
    left, right = seeds[:2]
    held_out = np.isin(right.rows, left.rows[: left.n_held_out]) & (
        np.arange(len(right.rows)) < right.n_held_out
    )
    assert 0 < held_out.sum() < right.n_held_out
    # The right map is the left one turned, though other pictures are held out in it.
    turned = left.plane.place(right.z) @ np.array([[0.6, -0.8], [0.8, 0.6]]) + 3
    other = only(
        dataclasses.replace(right, points=turned),
        np.full(len(held_out), True) if common else ~held_out,
    )
    found = compare_maps([left, other], FOLDS)
    both = found.points[["x0", "x1"]].notna().all(axis=1)
    assert both.sum() > 20
    assert places(found, 0)[both] == pytest.approx(places(found, 1)[both], abs=1e-4)


def test_an_image_is_held_out_where_no_model_was_trained_on_it(seeds: list[ModelMap]) -> None:
    compared = compare_maps(seeds[:2], FOLDS)
    trained_on = {row for model in seeds[:2] for row in model.rows[model.n_held_out :].tolist()}
    kinds = dict(zip(compared.rows.tolist(), compared.points["kind"], strict=True))
    assert {row for row, kind in kinds.items() if kind == "training"} == trained_on
    assert set(kinds.values()) == {"training", "test"}


def test_what_is_not_compared(maps: list[ModelMap], seeds: list[ModelMap]) -> None:
    for changes in ({"data": "photos", "data_version": "1"}, {"data_version": "0"}):
        other = with_metrics(maps[3], {}, maps[3].artifact.condition.replace(**changes))
        with pytest.raises(ComparisonError, match="different image sets"):
            beside([maps[0], other])
    with pytest.raises(ComparisonError, match="not 3"):
        beside([maps[0]] * 3)
    with pytest.raises(ComparisonError, match="not 0"):
        beside([])
    with pytest.raises(ComparisonError, match="one seed"):
        compare_maps([seeds[0], dataclasses.replace(seeds[1], rows=seeds[1].rows + 1000)], FOLDS)


def test_the_words_around_a_map(maps: list[ModelMap]) -> None:
    left, right = beside(maps[1:3]).infos
    (a, b), (c, d) = (
        [f"{share * 100:.0f}%" for share in model.plane.shares] for model in maps[1:3]
    )
    assert left.title == "Model A: Bias 50% (5 of 10 rare images kept), descriptive captions"
    assert left.subtitle.startswith("seed 60")
    assert (left.x_title, left.y_title) == (f"component 1 ({a} of variance)", f"component 2 ({b})")
    assert right.subtitle.startswith("seeds 60 and 61")
    assert right.x_title == f"components 1 and 2 ({c} and {d} of variance), aligned to the first"
    assert right.y_title == ""
    other = dataclasses.replace(maps[0], projection=Projection(components=(4, 3)))
    first, aligned = beside([other, dataclasses.replace(other)]).infos
    assert first.y_title.startswith("component 3 (")
    assert aligned.x_title.startswith("components 4 and 3 (")


def test_a_collapsed_and_an_untrained_map_say_so(maps: list[ModelMap]) -> None:
    plain, found = maps[0], maps[0].artifact.metrics
    collapsed = with_metrics(plain, {**found, "end": found["end"] | {"collapsed": True}})
    made = (plain, collapsed, with_metrics(plain, found, plain.artifact.condition.untrained))
    infos = [info for one in made for info in beside([one]).infos]
    assert ["COLLAPSED" in info.subtitle for info in infos] == [False, True, False]
    assert ["not trained" in info.subtitle for info in infos] == [False, False, True]
    assert infos[2].title == "Untrained encoder, short captions"


def test_uploads_are_turned_as_their_maps_are(maps: list[ModelMap]) -> None:
    row = int(maps[0].rows[3])
    left, right = (model.z[model.index([row])[0]] for model in maps[:2])
    plain = beside(maps[:2])
    assert plain.uploads is None
    found = with_uploads(plain, [PICTURE] * 2, [np.stack([left, left]), np.stack([right, -right])])
    assert found.uploads["id"].tolist() == ["u0", "u1"]
    assert found.uploads["name"].tolist() == ["Image 1", "Image 2"]
    pd.testing.assert_frame_equal(found.points, plain.points)
    own = found.points.set_index("id").loc[f"p{row}", ["x0", "y0", "x1", "y1"]]
    assert found.uploads.loc[0, own.index].tolist() == pytest.approx(own.tolist(), abs=1e-4)
    assert found.uploads.loc[1, ["x0", "y0"]].tolist() == pytest.approx(
        own[["x0", "y0"]].tolist(), abs=1e-4
    )
    assert found.uploads.loc[1, "x1"] != pytest.approx(own["x1"], abs=1e-4)
