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


def test_a_map_that_another_process_fits(
    refused: Refused, models: Models, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(jobs, "LOCK_WAIT", 0)
    key = map_key(models[0].key, Projection("tsne", seed=9))
    jobs.work_folder(key).mkdir(parents=True)
    options = ("--map", "tsne", "--seed", 9, "--out", tmp_path / "maps.html")
    with FileLock(jobs.work_folder(key) / "lock"):
        assert refused("compare", models[0].key, *options, code=BUSY).startswith(key)


def test_a_table_has_the_images_that_are_drawn(
    document: Document, models: Models, tmp_path: Path
) -> None:
    keys, table = [model.key for model in models[:2]], tmp_path / "some.csv"
    filters = ("--split", "held-out", "--groups", "horse_desert")
    said = document("compare", *keys, *filters, "--csv", table)
    rows = pd.read_csv(table)
    assert said["images"] == len(rows) > 0
    assert set(zip(rows["object"], rows["context"], strict=True)) == {("horse", "desert")}
    assert rows["source"].str.startswith("test-").all()


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
    options = ("--labels", "descriptive,short", "--bias", "0", "--colour-by", "correct-or-wrong")
    said = document("compare", *GRID, *options, "--out", drawing)
    assert [place["labels"] for place in said["models"]][::2] == ["descriptive", "short"]
    assert drawing.read_text(encoding="utf-8") == "by correct-or-wrong"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("A B --map umap --seed -1 --out x.html", "from 0 to 999"),
        ("A B --map tsne --neighbours 5 --out x.html", "UMAP"),
        ("A B --seed 1 --out x.html", "UMAP and t-SNE"),
        ("A --out nowhere/x.html", "nowhere/x.html cannot be written"),
        ("A B --csv nowhere/x.csv", "cannot be written"),
        ("A B --csv x.csv --colour-by nosuch", "No colouring is named 'nosuch'"),
        ("A B --csv x.csv --groups nope", "nope"),
        ("A B", "--out"),
        ("--grid --csv x.csv", "table of images"),
        ("--grid A --out x.html", "leave the keys out"),
        ("--grid --labels short --out x.html", "caption styles"),
        ("--grid --bias 0,much --out x.html", "numbers"),
        ("--grid --map umap --out x.html", "PCA"),
        ("--grid --out x.pdf", ".svg or .png"),
        ("A --out x.pdf", ".svg or .png"),
        ("A --bias 0 --out x.html", "--grid"),
        ("A --data scenes --out x.html", "--data"),
        ("A --preset standard --out x.html", "--preset"),
        ("A --set steps=3 --out x.html", "--set"),
        ("--out x.html", "--grid"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    refused: Refused, models: Models, tmp_path: Path, monkeypatch: Patch, arguments: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    keys = {"A": models[0].key, "B": models[1].key}
    parts = [keys.get(word, word) for word in arguments.split()]
    of_grid = GRID[1:] if "--grid" in parts else ()
    assert words in refused("compare", *parts, *of_grid)
    assert not list(tmp_path.iterdir())
