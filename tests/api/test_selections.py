"""Selections: set algebra, letters of an address, accuracy with intervals, CSV with file names."""

import dataclasses
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.stand_ins import BASE, image_set, publish, space, thumbs
from vlcore.api import selections
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.model_map import model_map
from vlcore.api.selections import (
    Selection,
    SelectionError,
    decode_rows,
    encode_rows,
    read_selection,
    selection_text,
)
from vlcore.data.imageset import USER
from vlcore.experiment.condition import Condition

IMAGES = image_set()
FILES = [f"holiday/{row:04}.jpg" for row in range(len(IMAGES.table))]
WEATHER = [("rain", "sun", "")[row % 3] for row in range(len(IMAGES.table))]
TICKS = [("1", "")[row % 2] for row in range(len(IMAGES.table))]
COLUMNS = {"source": FILES, f"{USER}weather": WEATHER, f"{USER}tick": TICKS, f"{USER}all": "1"}
IMPORTED = dataclasses.replace(IMAGES, table=IMAGES.table.assign(**COLUMNS))
COUNT = 3000
ROWS = st.sets(st.integers(0, COUNT - 1)).map(sorted)


@pytest.fixture(scope="module")
def comparison(home: Path) -> ComparedMaps:
    base = BASE.replace(data_seed=70, init_seed=70)
    models = [publish(IMAGES, base), publish(IMAGES, base.replace(bias=0.5, labels="descriptive"))]
    return compare_maps([model_map(model) for model in models], IMPORTED, thumbs)


@given(ROWS)
def test_rows_come_back_from_their_bytes(rows: list[int]) -> None:
    content = encode_rows(rows)
    assert decode_rows(content, COUNT).tolist() == rows
    if rows:
        with pytest.raises(SelectionError):
            decode_rows(content, rows[-1])
        with pytest.raises(SelectionError):
            decode_rows(content[:-1], COUNT)


@given(st.binary(max_size=40))
def test_any_bytes_are_rows_of_the_set_or_refused(content: bytes) -> None:
    try:
        rows = decode_rows(content, COUNT)
    except SelectionError:
        return
    assert (np.diff(rows) > 0).all()
    assert all(0 <= row < COUNT for row in rows)


def test_a_selection_of_many_images_is_small() -> None:
    of_many = np.random.default_rng(0).choice(100_000, 10_000, replace=False)
    assert len(encode_rows(np.sort(of_many))) < 100_000 / 8
    assert len(encode_rows(range(20_000, 60_000))) < 200
    bomb = encode_rows(range(5_000_000))
    with pytest.raises(SelectionError):
        decode_rows(bomb, COUNT)


@given(st.data())
def test_algebra_is_that_of_sets(comparison: ComparedMaps, data: st.DataObject) -> None:
    some = st.sets(st.sampled_from(comparison.rows.tolist()))
    first, second = data.draw(some), data.draw(some)
    a, b = (Selection.from_rows(comparison, list(rows)) for rows in (first, second))
    assert set((a & b).rows.tolist()) == first & second
    assert set((a | b).rows.tolist()) == first | second
    assert set((a - b).rows.tolist()) == first - second
    assert len(a) == len(first)
    again = read_selection(selection_text(a), comparison)
    assert again.rows.tolist() == sorted(first)
    assert set(a.points["id"]) == {f"p{row}" for row in first}


def test_a_selection_stays_valid_for_other_models_of_the_same_images_alone(
    comparison: ComparedMaps,
) -> None:
    text = selection_text(Selection.from_rows(comparison, comparison.rows[:5]))
    other = BASE.replace(data_seed=71, init_seed=71, bias=1.0)
    same_images = compare_maps([model_map(publish(IMAGES, other))], IMAGES, thumbs)
    assert read_selection(text, same_images).rows.tolist() == comparison.rows[:5].tolist()
    assert len(read_selection(text, same_images).points) <= 5

    drawn_anew = dataclasses.replace(IMAGES, version="another")
    newer = publish(drawn_anew, other.replace(data_version="another"))
    other_images = compare_maps([model_map(newer)], drawn_anew, thumbs)
    with pytest.raises(SelectionError, match="other images"):
        read_selection(text, other_images)
    with pytest.raises(SelectionError):
        Selection.from_rows(comparison, [1]) & Selection.from_rows(other_images, [1])


@pytest.mark.parametrize("text", ["", "abc", "<b>", "AAAA!", "AAAAA", "Aé" * 20, "AAAA" * 200])
def test_any_other_text_is_refused_in_a_sentence(comparison: ComparedMaps, text: str) -> None:
    key = selections.images_key(comparison)
    for damaged in (text, key + text):
        if damaged == key:
            continue
        with pytest.raises(SelectionError):
            read_selection(damaged, comparison)


def test_accuracy_is_counted_on_held_out_images_apart(comparison: ComparedMaps) -> None:
    selection = Selection.from_rows(comparison, comparison.rows)
    points = comparison.points
    by_split = {accuracy.split: accuracy for accuracy in selection.accuracy()}
    assert set(by_split) == {"test", "training"}
    for split, accuracy in by_split.items():
        of_split = points[points["kind"] == split]
        assert accuracy.n == len(of_split)
        for pane, name in enumerate(comparison.named):
            known = of_split[of_split[f"right_{pane}"] != "none"]
            estimate = accuracy.models[name]
            assert estimate.value == pytest.approx((known[f"right_{pane}"] == "right").mean())
            assert estimate.low <= estimate.value <= estimate.high
            assert estimate.n == len(known)
        both = of_split[(of_split[["right_0", "right_1"]] != "none").all(axis=1)] == "right"
        gap = accuracy.differences["right", "left"]
        assert gap.value == pytest.approx(both["right_1"].mean() - both["right_0"].mean())
        assert gap.n == len(both)
    assert Selection.from_rows(comparison, []).accuracy() == []


def test_accuracy_of_folds_is_of_what_each_model_holds_out(home: Path) -> None:
    images = dataclasses.replace(image_set(folds=4), name="folded-selection", version="1")
    base = Condition(images.name, "1", n_per_group=8)
    seeds = [base.replace(data_seed=seed, init_seed=seed) for seed in (0, 1)]
    models = [model_map(publish(images, condition, space(images, 7))) for condition in seeds]
    folded = compare_maps(models, images, thumbs)
    by_split = {
        accuracy.split: accuracy for accuracy in Selection.from_rows(folded, folded.rows).accuracy()
    }
    held_out = [set(model.rows[: model.n_held_out].tolist()) for model in models]
    trained_on = [set(model.rows[model.n_held_out :].tolist()) for model in models]
    assert held_out[0] & trained_on[1]
    for split, parts in (("test", held_out), ("training", trained_on)):
        accuracy = by_split[split]
        assert accuracy.n == len(parts[0] | parts[1])
        for pane, name in enumerate(folded.named):
            of_split = folded.points[np.isin(folded.rows, list(parts[pane]))]
            assert accuracy.models[name].n == len(parts[pane])
            is_right = of_split[f"right_{pane}"] == "right"
            assert accuracy.models[name].value == pytest.approx(is_right.mean())
        assert accuracy.differences["right", "left"].n == len(parts[0] & parts[1])


def test_the_difference_of_models_that_agree_on_each_image_is_narrower_than_by_chance(
    comparison: ComparedMaps,
) -> None:
    points = comparison.points.assign(right_1=comparison.points["right_0"])
    same = dataclasses.replace(comparison, points=points)
    (accuracy, _) = Selection.from_rows(same, same.rows).accuracy()
    gap, rate = accuracy.differences["right", "left"], accuracy.models["left"]
    assert gap.value == 0
    assert gap.high - gap.low < rate.high - rate.low


def test_csv_has_file_names_predictions_and_scores(
    comparison: ComparedMaps, tmp_path: Path
) -> None:
    selection = Selection.from_rows(comparison, comparison.rows[[5, 1, 9]])
    table = pd.read_csv(StringIO(selection.csv()))
    assert table["source"].tolist() == [FILES[row] for row in selection.rows]
    for pane, name in enumerate(comparison.named):
        assert (
            table[f"{name} prediction"].tolist() == selection.points[f"predicted_{pane}"].tolist()
        )
        assert table[f"{name} score"].dropna().between(0.5, 1).all()
    assert table["left score"].notna().any()
    assert selection.save(tmp_path / "some.csv").read_text() == selection.csv()


def test_facets_are_parts_that_are_there(comparison: ComparedMaps) -> None:
    facets = selections.facets(comparison)
    points = comparison.points
    assert facets["horse on grass"].tolist() == points["group"].eq("horse_grass").tolist()
    right = facets["left model correct"] | facets["left model wrong"]
    assert right.tolist() == points["right_0"].ne("none").tolist()
    other = {"right": "wrong", "wrong": "right"}
    disagree = points["right_0"].map(other) == points["right_1"]
    assert disagree.any()
    assert facets["the models disagree"].tolist() == disagree.tolist()
    assert (facets["minority groups"] != facets["majority groups"]).all()
    assert facets["weather: rain"].tolist() == [row % 3 == 0 for row in comparison.rows]
    of_columns = {name for name in facets if ": " in name}
    assert of_columns == {"weather: rain", "weather: sun", "tick: 1"}, "not one that all have"
    assert all(mask.any() for mask in facets.values())
