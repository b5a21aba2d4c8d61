"""Map options are one table: each field is on the page, in the command, in charts and in files."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.api.stand_ins import BASE, image_set, pictured, publish
from tests.conftest import Cli
from vlcore.api import colourings, map_component, models
from vlcore.api.colourings import ColourChoice
from vlcore.api.comparison import Comparison, compare
from vlcore.experiment.errors import LabError
from vlcore.metrics import projection
from vlcore.plots.options import OVERLAYS, PLAIN, MapOptions, Projection, option_infos
from vlcore.plots.theme import LIGHT
from vlcore.web import map_controls

from .app import opened

IMAGES = image_set()
# Another value of each field than the usual one.
ALONE = {
    "Projection.kind": MapOptions(Projection("tsne")),
    "Projection.components": MapOptions(Projection(components=(2, 3))),
    "Projection.neighbours": MapOptions(Projection("umap", neighbours=30)),
    "Projection.min_dist": MapOptions(Projection("umap", min_dist=0.5)),
    "Projection.perplexity": MapOptions(Projection("tsne", perplexity=5)),
    "Projection.seed": MapOptions(Projection("umap", seed=3)),
    "MapOptions.colour_by": MapOptions(colour_by="margin"),
    "MapOptions.groups": MapOptions(groups=("horse_desert",)),
    "MapOptions.split": MapOptions(split="held out"),
    **{f"MapOptions.{name}": PLAIN.replace(**{name: True}) for name in OVERLAYS},
}


@dataclass(frozen=True)
class Example:
    """Values of many fields, and how a command and an address say them; of fields that pages do not
    offer, the address is None."""

    options: MapOptions
    command: str
    address: dict[str, str | list[str]] | None = None


EXAMPLES = {
    "overlays and filters": Example(
        MapOptions(
            colour_by="margin",
            groups=("horse_grass", "horse_desert"),  # twins, for arrows
            split="held out",
            **dict.fromkeys(OVERLAYS, True),
        ),
        "--colour-by margin --groups horse_grass,horse_desert --split 'held out'"
        f" --show {','.join(OVERLAYS)}",
        {"colour": "Model: margin", "split": "held out"}
        | {"groups": ["horse on grass", "horse in the desert"]}
        | {f"show_{name}": "true" for name in OVERLAYS},
    ),
    "seed": Example(
        MapOptions(Projection("tsne", seed=3)),
        "--map tsne --seed 3",
        {"map": "t-SNE", "map_seed": "3"},
    ),
    "PCA": Example(MapOptions(Projection(components=(2, 3))), "--x 2 --y 3"),
    "UMAP": Example(
        MapOptions(Projection("umap", neighbours=30, min_dist=0.5)),
        "--map umap --neighbours 30 --min-dist 0.5",
    ),
    "t-SNE": Example(MapOptions(Projection("tsne", perplexity=5)), "--map tsne --perplexity 5"),
}
INFOS = {
    f"{options.__name__}.{name}": info
    for options in (Projection, MapOptions)
    for name, info in option_infos(options).items()
}


@pytest.fixture(scope="module")
def both(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison]:
    """Two models that nobody trained, on maps that are fitted in no time."""

    def fitted(z: np.ndarray, *settings: Any, progress: Any = None) -> np.ndarray:
        random = np.random.default_rng(abs(hash(settings)))
        return random.normal(size=(len(z), 2))

    base = BASE.replace(data_seed=97, init_seed=97)
    keys = [publish(IMAGES, base).key, publish(IMAGES, base.replace(bias=0.5)).key]
    with pytest.MonkeyPatch.context() as patch:
        images = pictured(tmp_path_factory.mktemp("pictures"))
        patch.setattr(models, "open_set", lambda *_: images)
        patch.setattr(projection, "tsne", fitted)
        patch.setattr(projection, "umap", fitted)
        yield compare(*keys)


@pytest.fixture(scope="module")
def plain_page(both: Comparison) -> str:
    return both.html()


def changed(options: MapOptions) -> set[str]:
    """The fields that have another value than the usual one."""
    both = ((PLAIN, options), (PLAIN.projection, options.projection))
    names = {
        f"{type(usual).__name__}.{field.name}"
        for usual, other in both
        for field in fields(usual)
        if getattr(usual, field.name) != getattr(other, field.name)
    }
    return names - {"MapOptions.projection"}


def test_every_field_has_examples() -> None:
    names = {
        f"{options.__name__}.{field.name}"
        for options in (Projection, MapOptions)
        for field in fields(options)
    }
    assert names - {"MapOptions.projection"} == set(ALONE) == set(INFOS)
    assert set.union(*(changed(example.options) for example in EXAMPLES.values())) == set(ALONE)


@pytest.mark.parametrize("name", ALONE)
def test_every_field_has_an_effect(name: str, both: Comparison, plain_page: str) -> None:
    assert name in changed(ALONE[name])
    assert both.html(ALONE[name]) != plain_page


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_command_and_a_page_choose_what_a_notebook_does(
    name: str, both: Comparison, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    example = EXAMPLES[name]
    out = tmp_path / "maps.html"
    keys = [model.key for model in both.models]
    code, _, error = cli("compare", *keys, *shlex.split(example.command), "--out", out)
    assert code == 0, error
    assert out.read_text(encoding="utf-8") == both.html(example.options) != both.html()
    if example.address is None:
        return
    _, options = chosen_on_page(both, monkeypatch, example.address)
    assert options == example.options


def chosen_on_page(
    both: Comparison, monkeypatch: pytest.MonkeyPatch, address: dict[str, str]
) -> tuple[AppTest, MapOptions]:
    """The Compare page as far as its controls, and the options that they choose."""
    chosen: list[MapOptions] = []
    choose = map_controls.choose_map_options

    def choose_and_stop(*arguments: Any) -> None:
        chosen.append(choose(*arguments))
        st.stop()

    monkeypatch.setattr(map_controls, "choose_map_options", choose_and_stop)
    monkeypatch.setattr(map_controls, "fitted", lambda *_: True)
    left, right = (model.key for model in both.models)
    page = opened("3_Compare", left=left, right=right, **address)
    return page, chosen[-1]


@pytest.mark.parametrize(
    "settings",
    [
        {"colour_by": None},
        {"split": "validation"},
        {"groups": "horse_grass"},
        {"groups": ["horse_grass"]},
        {"projection": "umap"},
        {"projection": Projection("umap"), "untrained": True},
    ],
)
def test_options_that_no_map_has_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(LabError):
        MapOptions(**settings)


def test_a_notebook_gives_a_projection_by_its_name(both: Comparison) -> None:
    named = compare(*both.models, map="umap", seed=3)
    assert named.options == MapOptions(Projection("umap", seed=3))
    assert named.html() == both.html(named.options)
    options = MapOptions(colour_by="object")
    assert compare(*both.models, options=options, map="tsne").options.colour_by == "object"
    with pytest.raises(LabError):
        compare(*both.models, seed=3)


def test_a_new_colouring_is_one_entry(
    both: Comparison, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def first_letter(maps: colourings.Maps, _pane: int) -> pd.Series:
        return "letter " + maps.points["group"].str[0]

    letters = ColourChoice("letter", "Model", values=first_letter)
    monkeypatch.setattr(colourings, "COLOURINGS", (*colourings.COLOURINGS, letters))
    options = MapOptions(colour_by="letter")
    keys = [model.key for model in both.models]
    out = tmp_path / "maps.html"
    code, _, error = cli("compare", *keys, "--colour-by", "letter", "--out", out)
    assert code == 0, error
    assert "letter h" in out.read_text(encoding="utf-8")
    _, chosen = chosen_on_page(both, monkeypatch, {"colour": "Model: letter"})
    assert chosen == options
    component = map_component.drawing(both.maps, LIGHT, 300, options)
    assert component["legendTitle"] == "Model: letter"
    assert {"letter h", "letter c"} <= {entry["words"] for entry in component["legend"]}


def test_the_control_has_names_by_heading_and_the_address_keeps_them(
    both: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, options = chosen_on_page(both, monkeypatch, {"colour": "Model: which is correct"})
    assert options.colour_by == "which is correct"
    (control,) = [box for box in page.get("selectbox") if box.proto.label == "Colour by"]
    headings = [label.rpartition(": ")[0] for label in control.proto.options]
    assert headings == sorted(headings), "names of one heading stand together"
    assert set(headings) == {"", "Model", "Scene"}
    assert "right" not in " ".join(control.proto.options).split(), "it is a map's name"


@pytest.mark.parametrize("unknown", [{"groups": ("cat",)}, {"colour_by": "colour"}])
def test_an_unknown_name_is_refused(both: Comparison, unknown: dict[str, Any]) -> None:
    with pytest.raises(LabError, match="is named"):
        both.chart(options=MapOptions(**unknown))
