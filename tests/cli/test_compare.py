"""The command that writes a comparison; tests/pages/test_map_options.py has its map options."""

from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from tests.api.stand_ins import BASE, image_set, pictured, publish
from tests.cli.conftest import Document, Models, Patch, Refused
from vlcore.__main__ import BUSY
from vlcore.api import grid as grids
from vlcore.api import models as api_models
from vlcore.api import offline_page
from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.maps import map_key
from vlcore.data.imageset import ImageSet
from vlcore.jobs import jobs
from vlcore.plots.options import Projection

IMAGES = image_set()
CHANGES = ({}, {"bias": 0.5}, {"labels": "descriptive"}, {"objective": "captioner"})


@pytest.fixture(scope="module")
def models(home: Path) -> Models:
    base = BASE.replace(data_seed=95, init_seed=95)
    return [publish(IMAGES, base.replace(**change)) for change in CHANGES]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    """The set with its files."""
    return pictured(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(autouse=True)
def pages(monkeypatch: Patch, images: ImageSet) -> list[ComparedMaps]:
    """The comparisons that are made a page of."""
    made: list[ComparedMaps] = []

    def page(comparison: ComparedMaps, *_: object, **_options: object) -> str:
        made.append(comparison)
        return "<p>a page: ä</p>"

    monkeypatch.setattr(api_models, "open_set", lambda *_: images)
    monkeypatch.setattr(offline_page, "page", page)
    return made


def test_models_are_put_on_a_page(
    document: Document, models: Models, pages: list[ComparedMaps], tmp_path: Path
) -> None:
    out, keys = tmp_path / "maps.html", [model.key for model in models[:2]]
    said = document("compare", *keys, "--out", out)
    assert said == {"file": str(out), "bytes": out.stat().st_size, "map": "pca"}
    assert out.read_text(encoding="utf-8") == "<p>a page: ä</p>"
    assert [model.artifact.key for model in pages[0].models] == keys


def test_models_become_a_still_figure(document: Document, models: Models, tmp_path: Path) -> None:
    keys = [model.key for model in models[:2]]
    for name, start in (("maps.svg", b"<svg"), ("maps.PNG", b"\x89PNG")):
        said = document("compare", *keys, "--groups", "horse_grass", "--out", tmp_path / name)
        content = (tmp_path / name).read_bytes()
        assert said["bytes"] == len(content)
        assert content.startswith(start)


def test_a_map_that_cannot_be_is_one_sentence(
    refused: Refused, models: Models, tmp_path: Path
) -> None:
    out = tmp_path / "maps.html"
    for options, words in (
        (("--map", "umap", "--seed", -1), "from 0 to 999"),
        (("--map", "tsne", "--neighbours", 5), "UMAP"),
        (("--seed", 1), "UMAP and t-SNE"),
    ):
        keys = (models[0].key, models[1].key)
        assert words in refused("compare", *keys, *options, "--out", out)
    assert not out.exists()
    nowhere = tmp_path / "nowhere" / "maps.html"
    assert f"{nowhere} cannot be written" in refused("compare", models[0].key, "--out", nowhere)


def test_a_map_that_another_process_fits(
    refused: Refused, models: Models, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(jobs, "LOCK_WAIT", 0)
    key = map_key(models[0].key, Projection("tsne", seed=9))
    jobs.work_folder(key).mkdir(parents=True)
    options = ("--map", "tsne", "--seed", 9, "--out", tmp_path / "maps.html")
    with FileLock(jobs.work_folder(key) / "lock"):
        assert refused("compare", models[0].key, *options, code=BUSY).startswith(key)


def test_a_table_or_a_page_that_cannot_be_written_is_refused(
    refused: Refused, models: Models, tmp_path: Path
) -> None:
    keys, table = [model.key for model in models[:2]], tmp_path / "some.csv"
    for options, words in (
        (("--csv", tmp_path / "nowhere" / "some.csv"), "cannot be written"),
        (("--csv", table, "--colour-by", "nosuch"), "No colouring is named 'nosuch'"),
        ((), "--out"),
    ):
        assert words in refused("compare", *keys, *options)
    assert "table of images" in refused("compare", "--grid", "--csv", table)


def test_a_table_has_the_images_that_are_drawn(
    document: Document, refused: Refused, models: Models, tmp_path: Path
) -> None:
    keys, table = [model.key for model in models[:2]], tmp_path / "some.csv"
    filters = ("--split", "held-out", "--groups", "horse_desert")
    said = document("compare", *keys, *filters, "--csv", table)
    rows = pd.read_csv(table)
    assert said["images"] == len(rows) > 0
    assert set(zip(rows["object"], rows["context"], strict=True)) == {("horse", "desert")}
    assert rows["source"].str.startswith("test-").all()
    assert "nope" in refused("compare", *keys, "--groups", "nope", "--csv", table)


GRID = ("--grid", "--set", "n_per_group=10", "--set", "data_seed=95", "--set", "init_seed=95")


def test_a_grid_is_a_page_or_a_drawing_of_what_there_is(
    document: Document, models: Models, images: ImageSet, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(grids, "open_set", lambda *_: images)
    monkeypatch.setattr(grids.Grid, "html", lambda _: "<p>a grid: ä</p>")
    monkeypatch.setattr(grids.Grid, "svg", lambda grid: f"by {grid.options.colour_by}")
    out = tmp_path / "grid.html"
    said = document("compare", *GRID, "--bias", "0,0.5", "--out", out)
    assert (said["file"], said["bytes"]) == (str(out), out.stat().st_size)
    keys = {place["key"] for place in said["models"] if place["trained"]}
    assert keys == {model.key for model in models[:3]} | {None}
    assert {type(place["n"]) for place in said["models"]} == {int, type(None)}
    assert len(said["missing"]) == 1
    assert out.read_text(encoding="utf-8") == "<p>a grid: ä</p>"
    drawing = tmp_path / "grid.svg"
    options = ("--labels", "descriptive,short", "--bias", "0", "--colour-by", "right-or-wrong")
    said = document("compare", *GRID, *options, "--out", drawing)
    assert [place["labels"] for place in said["models"]][::2] == ["descriptive", "short"]
    assert drawing.read_text(encoding="utf-8") == "by right-or-wrong"


def test_a_grid_that_cannot_be_is_one_sentence(
    refused: Refused, models: Models, tmp_path: Path
) -> None:
    page = tmp_path / "grid.html"
    for arguments, words in (
        ((*GRID, models[0].key, "--out", page), "leave the keys out"),
        ((*GRID, "--labels", "short", "--out", page), "label styles"),
        ((*GRID, "--bias", "0,much", "--out", page), "numbers"),
        ((*GRID, "--map", "umap", "--out", page), "PCA"),
        ((*GRID, "--out", tmp_path / "grid.pdf"), ".svg or .png"),
        ((models[0].key, "--out", tmp_path / "maps.pdf"), ".svg or .png"),
        ((models[0].key, "--bias", "0", "--out", page), "--grid"),
        ((models[0].key, "--data", "scenes", "--out", page), "--data"),
        ((models[0].key, "--preset", "standard", "--out", page), "--preset"),
        ((models[0].key, "--set", "steps=3", "--out", page), "--set"),
        (("--out", page), "--grid"),
    ):
        assert words in refused("compare", *arguments)
    assert not list(tmp_path.iterdir())
