"""Grid of small maps: which models, what is missing, and the files it becomes."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.api.stand_ins import BASE, image_set, pictured, publish
from vlcore.api import grid as grids
from vlcore.api.comparison import Comparison
from vlcore.api.grid import GridError, GridMaps, grid, grid_conditions, read_grid
from vlcore.api.model_map import model_map
from vlcore.artifacts.store import Artifact
from vlcore.experiment.condition import ConditionError
from vlcore.experiment.errors import LabError
from vlcore.metrics.projection import align
from vlcore.plots.options import MapOptions, Projection
from vlcore.plots.theme import LIGHT

IMAGES = image_set()
START = BASE.replace(data_seed=91, init_seed=91)
STYLES = ("short", "descriptive")


@pytest.fixture(scope="module")
def models(home: Path) -> list[Artifact]:
    """Both label styles without bias, and one with; of the fourth model there is none."""
    long = START.with_labels("descriptive")
    return [publish(IMAGES, part) for part in (START, START.replace(bias=0.5), long)]


@pytest.fixture
def maps(models: list[Artifact]) -> GridMaps:
    return read_grid(grid_conditions(START, STYLES, (0.5, 0)), IMAGES)


@pytest.fixture
def opened(
    models: list[Artifact],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> grids.Grid:
    """As a notebook has it."""
    images = pictured(tmp_path_factory.mktemp("pictures"))
    monkeypatch.setattr(grids, "open_set", lambda *_: images)
    return grid(START, labels=STYLES, bias=(0, 0.5))


def test_rows_are_label_styles_and_columns_bias_levels_from_the_untrained_encoder_on() -> None:
    first, second = grid_conditions(START, ("short", "undescriptive", "descriptive"), (0.5, 0, 0.5))
    assert [(place.steps > 0, place.bias) for place in first] == [
        (False, 0),
        (True, 0),
        (True, 0.5),
    ]
    assert {place.labels for place in first} == {"undescriptive"}
    assert second == [place.with_labels("descriptive") for place in first]


@pytest.mark.parametrize(
    ("count", "levels"),
    [(48, grids.LEVELS), (4, (0, 0.25, 0.5, 0.75, 1)), (2, (0, 0.5, 1)), (3, (0, 0.25, 0.75, 1))],
)
def test_levels_with_the_same_training_set_are_one_column(
    count: int, levels: tuple[float, ...]
) -> None:
    row, _ = grid_conditions(START.replace(n_per_group=count), STYLES, grids.LEVELS)
    assert [place.bias for place in row[1:]] == list(levels)
    assert len({place.n_minority for place in row[1:]}) == len(levels)


def test_what_can_be_no_grid_is_one_sentence() -> None:
    for labels, bias in ((("short",), (0,)), (STYLES, ()), (STYLES, np.linspace(0, 1, 20))):
        with pytest.raises(GridError):
            grid_conditions(START, labels, bias)
    with pytest.raises(GridError):
        grid_conditions(START.untrained, STYLES, (0,))
    for labels, bias in ((("short", "nothing"), (0,)), (STYLES, (2,))):
        with pytest.raises(ConditionError):
            grid_conditions(START, labels, bias)
    for options in (
        MapOptions(Projection("umap")),
        MapOptions(trust=True),
        MapOptions(split="training"),
    ):
        with pytest.raises(GridError):
            grids.check_options(options)
    usual = MapOptions(Projection(components=(2, 3)), colour_by="object", groups=("horse_grass",))
    assert grids.check_options(usual).replace(split="all") == usual


def test_every_held_out_image_is_in_every_map_and_what_is_missing_has_none(maps: GridMaps) -> None:
    trained = [place.model for row in maps.rows for place in row[1:]]
    assert [model is None for model in trained] == [False, False, False, True]
    assert maps.missing == [START.with_labels("descriptive").replace(bias=0.5)]
    assert set(maps.points["kind"]) == {"test"}
    panes = sorted(place.pane for row in maps.rows for place in row if place.pane is not None)
    assert panes == list(range(5))
    positions = maps.points[[f"{axis}{pane}" for pane in panes for axis in "xy"]]
    assert np.isfinite(positions.to_numpy()).all()


def test_maps_are_aligned_to_the_first_trained_one(maps: GridMaps, models: list[Artifact]) -> None:
    first, second = (model_map(models[number]).held_out() for number in (0, 2))
    by_style = [row[1] for row in maps.rows]
    assert by_style[0].pane == 0
    turned = align(second.points, first.points).apply(second.points)
    for model, expected in zip(by_style, (first.points, turned), strict=True):
        x, y = (maps.points[f"{axis}{model.pane}"] for axis in "xy")
        np.testing.assert_allclose(np.column_stack([x, y]), expected, atol=1e-5)


def test_the_untrained_encoder_is_that_of_its_row(maps: GridMaps, models: list[Artifact]) -> None:
    start = models[2].embeddings.untrained
    assert start is not None
    model = maps.rows[1][0].model
    assert model is not None
    np.testing.assert_array_equal(model.z, start.on_map)
    np.testing.assert_array_equal(model.caption_z, start.captions)
    distances = np.linalg.norm(model.points - model.points[0], axis=1)
    placed = model_map(models[2]).untrained()
    assert placed is not None
    np.testing.assert_allclose(
        distances, np.linalg.norm(placed.held_out().points - placed.points[0], axis=1)
    )
    assert model_map(publish(IMAGES, START.replace(init_seed=93), before=False)).untrained() is None


def test_the_numbers_are_those_of_the_models(maps: GridMaps, models: list[Artifact]) -> None:
    table = maps.table().set_index(["labels", "bias", "trained"])
    stored = models[1].metrics["end"]["minority_accuracy"]
    row = table.loc[("short", 0.5, True)]
    assert row["key"] == models[1].key
    assert (row["accuracy"], row["n"]) == (stored["value"], stored["n"])
    gone = table.loc[("descriptive", 0.5, True)]
    assert pd.isna(gone["key"])
    assert np.isnan(gone["accuracy"])
    assert str(table["n"].dtype) == "Int64"
    assert pd.isna(gone["n"])
    assert len(maps.table_in_words()) == 2
    assert "half" not in grids.describe_grid(maps)
    assert grids.describe_grid(maps).count("not trained yet") == 1


def test_a_place_is_found_by_its_name_and_by_no_other(maps: GridMaps) -> None:
    assert grids.place_of(maps, "1-2") is maps.rows[1][2]
    for name in ("", "2-0", "0-3", "1", "None", "-1-0"):
        assert grids.place_of(maps, name) is None


def test_it_becomes_a_page_that_asks_nobody_and_a_drawing(
    opened: grids.Grid, models: list[Artifact], tmp_path: Path
) -> None:
    page = opened.save(tmp_path / "grid.html").read_text(encoding="utf-8")
    assert all(model.key in page for model in models)
    assert page.count("not trained yet") > 1
    body = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href)=\"(?!data:)", body)
    drawing = opened.save(tmp_path / "grid.svg").read_text(encoding="utf-8")
    assert drawing.startswith("<svg")
    for words in ("Untrained, ", "short captions", "No bias, ", "not trained yet"):
        assert words in drawing
    assert opened.points["id"].is_unique


def test_figures_become_no_file_of_another_ending(opened: grids.Grid, tmp_path: Path) -> None:
    comparison = Comparison.__new__(Comparison)
    for figure in (opened, comparison):
        with pytest.raises(LabError, match=r"\.html, \.svg or \.png\.$"):
            figure.save(tmp_path / "maps.pdf")
    assert not list(tmp_path.iterdir())


def test_without_any_model_it_says_so(opened: grids.Grid, tmp_path: Path) -> None:
    empty = grid(START.replace(init_seed=94), labels=STYLES, bias=(0,))
    assert len(empty.missing) == 2
    with pytest.raises(LabError):
        empty.chart()
    assert empty.save(tmp_path / "grid.html").read_text().count("not trained yet") >= 2
    assert empty.points.empty


def test_levels_are_rows_for_a_phone(maps: GridMaps) -> None:
    wide = grids.grid_drawing(maps, LIGHT, 100)["grid"]
    narrow = grids.grid_drawing(maps, LIGHT, 100, by_level=True)["grid"]
    assert (narrow["rows"], narrow["columns"]) == (wide["columns"], wide["rows"])
    assert narrow["places"] == [list(level) for level in zip(*wide["places"], strict=True)]


def test_places_have_their_map_rate_and_words(maps: GridMaps, models: list[Artifact]) -> None:
    drawing = grids.grid_drawing(maps, LIGHT, 100, can_open=True)
    json.dumps(drawing)
    assert (drawing["kind"], drawing["grid"]["canOpen"]) == ("grid", True)
    place = drawing["grid"]["places"][0][2]
    stored = models[1].metrics["end"]["minority_accuracy"]
    assert place["estimate"] == [stored["value"], stored["low"], stored["high"]]
    assert drawing["panes"][place["pane"]]["title"] == "Bias 50%, short captions"
    absent = drawing["grid"]["places"][1][2]
    assert (absent["name"], absent["pane"], absent["estimate"]) == ("1-2", None, None)
    assert absent["spoken"] == "Descriptive captions, Bias 50%: not trained yet"


def test_a_notebook_shows_it_without_a_kernel(opened: grids.Grid) -> None:
    shown = opened._repr_mimebundle_()
    assert shown["text/html"].startswith("<iframe")
    assert "maps-data" in shown["text/html"]
    assert shown["text/plain"] == repr(opened)
