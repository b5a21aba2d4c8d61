"""The still figure of a comparison: its maps, and the accuracy by group where there is one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.api.stand_ins import BASE, image_set, pictured, publish
from tests.plots import drawn
from vlcore.api import compared_maps
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.figure import figure
from vlcore.api.model_map import ModelMap, model_map
from vlcore.plots.options import OVERLAYS, PLAIN, MapOptions
from vlcore.plots.theme import DARK, LIGHT, Palette

IMAGES = image_set()
EVERYTHING = MapOptions(colour_by="prediction", **dict.fromkeys(OVERLAYS, True))


@pytest.fixture(scope="module")
def nameless(home: Path) -> ModelMap:
    """A model whose captions name no object."""
    return model_map(publish(IMAGES, BASE.replace(labels="own", template="{context}")))


@pytest.fixture(scope="module")
def together(pair: ComparedMaps, tmp_path_factory: pytest.TempPathFactory) -> ComparedMaps:
    images = replace(pictured(tmp_path_factory.mktemp("figure")), name="figure")
    return replace(pair, images=images)


def spec_of(
    comparison: ComparedMaps, options: MapOptions = PLAIN, palette: Palette = LIGHT
) -> dict[str, Any]:
    return figure(comparison, palette, 300, options).to_dict(validate=False)


def test_accuracies_are_below_maps_of_models_that_have_some(
    models: list[ModelMap], nameless: ModelMap, together: ComparedMaps
) -> None:
    assert len(spec_of(together)["vconcat"]) == 2
    assert "vconcat" not in spec_of(compare_maps([nameless], IMAGES))
    mixed = drawn.rows(spec_of(compare_maps([nameless, models[0]], IMAGES)))
    assert {row["model"] for row in mixed if "rate" in row} == {"Model B"}


def test_all_but_what_needs_a_pointer_is_drawn(together: ComparedMaps) -> None:
    svg = drawn.svg(spec_of(together, EVERYTHING, DARK))
    assert DARK.text in svg
    assert svg.count("<image") == sum(len(model.rows) for model in together.models)
    assert "faint: untrained baseline" in svg
    assert "arrow" not in svg
    assert "true neighbours" not in svg


def test_a_figure_of_large_maps_is_of_a_sample_and_says_so(
    models: list[ModelMap], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compared_maps, "MOST_MARKS", 60)
    large = compare_maps(models, IMAGES)
    text = json.dumps(spec_of(large, MapOptions(trust=True, untrained=True)))
    text = text.replace('", "', " ")  # a subtitle has several lines
    assert text.count(f"30 of {len(large.points)} images") == 2


def test_images_as_points_name_whom_they_are_of(together: ComparedMaps) -> None:
    about = {**together.images.about, "attribution": "Drawn by nobody."}
    credited = replace(together, images=replace(together.images, about=about))
    assert credited.images.attribution
    words = credited.images.attribution
    assert words in drawn.texts(spec_of(credited, MapOptions(images=True)))
    assert words not in drawn.texts(spec_of(credited))
