"""Selections: correct predictions by split and group, and CSV with file names."""

import dataclasses
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.api.stand_ins import image_set, publish, space
from vlcore.api.compared_maps import ComparedMaps, compare_maps, points_table, with_held_out
from vlcore.api.model_map import ModelMap, model_map
from vlcore.api.selections import Selection
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import group_words

IMAGES = image_set()
FILES = [f"holiday/{row:04}.jpg" for row in range(len(IMAGES.table))]
IMPORTED = dataclasses.replace(IMAGES, table=IMAGES.table.assign(source=FILES))


@pytest.fixture(scope="module")
def comparison(models: list[ModelMap]) -> ComparedMaps:
    return compare_maps(models, IMPORTED)


def test_correct_predictions_are_counted_by_split_and_group(comparison: ComparedMaps) -> None:
    table = Selection.from_rows(comparison, comparison.rows).correct().set_index("")
    points = comparison.points
    parts = {"Held-out images": points["kind"] == "test"}
    for group, words in group_words(IMAGES.grouping).items():
        parts[f"Held out: {words}"] = (points["kind"] == "test") & (points["group"] == group)
    for pane, (name, model) in enumerate(comparison.named.items()):
        parts["Training images"] = model.index(comparison.rows) >= model.n_held_out
        for words, inside in parts.items():
            outcomes = points[f"right_{pane}"][inside]
            right, known = (outcomes == "right").sum(), (outcomes != "none").sum()
            assert table.loc[words, f"Correct, {name}"] == f"{right} of {known}"
    assert list(table.index) == list(parts)
    assert Selection.from_rows(comparison, []).correct().empty


def test_images_of_folds_are_held_out_by_the_model_that_has_not_seen_them(home: Path) -> None:
    images = dataclasses.replace(image_set(folds=4), name="folded-selection", version="1")
    base = Condition(images.name, "1", n_per_group=8)
    seeds = [base.replace(data_seed=seed, init_seed=seed) for seed in (0, 1)]
    models = [model_map(publish(images, condition, space(images, 7))) for condition in seeds]
    folded = compare_maps(models, images)
    table = Selection.from_rows(folded, folded.rows).correct().set_index("")
    held_out = [set(model.rows[: model.n_held_out].tolist()) for model in models]
    assert held_out[0] != held_out[1]
    assert table.loc["Held-out images", "Images"] == len(held_out[0] | held_out[1])
    for pane, (name, model) in enumerate(folded.named.items()):
        inside = np.isin(folded.rows, list(held_out[pane]))
        right = (folded.points[f"right_{pane}"][inside] == "right").sum()
        words = f"{right} of {model.n_held_out}"
        assert table.loc["Held-out images", f"Correct, {name}"] == words


def test_a_table_of_images_has_every_held_out_image(comparison: ComparedMaps) -> None:
    table = points_table(comparison, with_held_out(comparison)).set_index("id")
    assert table.index.is_unique
    assert set(comparison.points["id"]) <= set(table.index)
    for name, model in comparison.named.items():
        embeddings = model.artifact.embeddings
        held_out = table.loc[[f"p{row}" for row in embeddings.rows("test")]]
        is_correct = held_out[f"{name} prediction"].str.endswith("(correct)")
        assert is_correct.tolist() == embeddings.test_correct.tolist()
        assert set(held_out["split"]) == {"test"}


def test_csv_has_file_names_predictions_and_scores(
    comparison: ComparedMaps, tmp_path: Path
) -> None:
    unshown = np.setdiff1d(np.arange(len(FILES)), comparison.rows)[0]
    selection = Selection.from_rows(comparison, [*comparison.rows[[5, 1, 9]], unshown])
    table = pd.read_csv(StringIO(selection.csv()))
    shown = np.sort(comparison.rows[[5, 1, 9]])
    assert table["source"].tolist() == [FILES[row] for row in (*shown, unshown)]
    assert table["split"].tolist()[-1] == "not on the maps"
    for pane, name in enumerate(comparison.named):
        predictions = table[f"{name} prediction"].tolist()[:3]
        assert predictions == selection.points[f"predicted_{pane}"].tolist()
        assert table[f"{name} score"].dropna().between(0.5, 1).all()
    assert table["Model A score"].notna().any()
    assert selection.save(tmp_path / "some.csv").read_text() == selection.csv()
