"""A comparison as a figure and as one page: all that lies over maps, and nothing of a network."""

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.api.stand_ins import BASE, TEST_SCENES, image_set, publish
from tests.plots import drawn
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.description import describe_comparison, small_sample_warning
from vlcore.api.metrics_table import group_accuracy_table
from vlcore.api.model_map import ModelMap, model_map
from vlcore.api.offline_page import figure, page
from vlcore.data.imageset import ImageSet
from vlcore.experiment.grouping import SCENES
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import DARK, LIGHT
from vlcore.plots.thumbnails import thumb_uri

IMAGES = image_set()
SCENES_OF = [f"test-{number:02d}" for number in range(TEST_SCENES)]


def thumbs(_images: ImageSet, rows: Any) -> list[str]:
    return [thumb_uri(np.full((8, 8, 3), int(row) * 2, np.uint8), side=24) for row in rows]


@pytest.fixture(scope="module")
def maps(home: Path) -> list[ModelMap]:
    """No bias, half removed, one that has no untrained encoder, as imported embeddings have none;
    no object named."""
    base = BASE.replace(data_seed=90, init_seed=90)
    made = [publish(IMAGES, base), publish(IMAGES, base.replace(bias=0.5))]
    made += [
        publish(IMAGES, base.replace(init_seed=92), before=False),
        publish(IMAGES, base.replace(labels="own", template="{context}")),
    ]
    return [model_map(artifact) for artifact in made]


@pytest.fixture(scope="module")
def together(maps: list[ModelMap]) -> ComparedMaps:
    return compare_maps(maps[:2], IMAGES, thumbs)


def spec_of(comparison: ComparedMaps, options: MapOptions = PLAIN, **more: Any) -> drawn.Spec:
    return figure(comparison, LIGHT, 300, options, **more).to_dict(validate=False)


def test_no_board_without_accuracies_or_if_unwanted(
    maps: list[ModelMap], together: ComparedMaps
) -> None:
    assert "vconcat" in spec_of(together)
    assert "vconcat" not in spec_of(compare_maps([maps[3]], IMAGES, thumbs))
    assert "vconcat" not in spec_of(together, board=False)
    mixed = drawn.rows(spec_of(compare_maps([maps[3], maps[0]], IMAGES, thumbs)))
    assert {row["model"] for row in mixed if "rate" in row} == {"Right"}


def test_a_set_without_twins_has_no_arrows(home: Path) -> None:
    images = image_set(folds=2)
    alone = compare_maps(
        [model_map(publish(images, BASE.replace(init_seed=91, n_per_group=8)))], images, thumbs
    )
    wanted = MapOptions(twins=True, untrained=True)
    assert spec_of(alone, wanted) == spec_of(alone, MapOptions(untrained=True))


def body(text: str) -> str:
    """What a page says, without its scripts and its head."""
    return html.unescape(re.sub(r"<script.*?</script>|<head>.*?</head>", "", text, flags=re.DOTALL))


@pytest.fixture(scope="module")
def offline(together: ComparedMaps) -> str:
    return page(together)


def test_a_page_asks_nobody(offline: str) -> None:
    assert offline.startswith("<!DOCTYPE html>")
    assert """Content-Security-Policy" content="default-src 'none'""" in offline
    assert "http" not in body(offline)
    (chart,) = re.findall(
        r'<script type="application/json">(.*?)</script>', offline, flags=re.DOTALL
    )
    spec = json.loads(chart)
    assert spec.pop("$schema").startswith("https://vega.github.io/schema/")
    assert "http" not in json.dumps(spec)


def test_a_page_says_what_the_maps_show(together: ComparedMaps, offline: str) -> None:
    text = body(offline)
    assert "**" not in text
    assert describe_comparison(together) in text
    assert all(model.artifact.key in text for model in together.models)
    assert all(str(cell) in text for cell in group_accuracy_table(together).to_numpy().ravel())
    for thumb, count in together.points["thumb"].value_counts().items():
        assert offline.count(str(thumb)) == count, "every image once"
    (title,) = re.findall("<title>(.*)</title>", offline)
    assert title == "scenes: No bias, short labels | 50 % removed (5 of 10 kept), short labels"


def test_few_images_are_a_warning_on_the_page(home: Path) -> None:
    estimate = {"value": 0.5, "low": 0.2, "high": 0.8, "n": 7}
    few = {"group_accuracy": dict.fromkeys(SCENES.names, estimate)}
    model = model_map(publish(IMAGES, BASE.replace(init_seed=92), end=few))
    warning = small_sample_warning(model.artifact, SCENES)
    assert warning
    assert warning in page(compare_maps([model], IMAGES, thumbs))


def test_a_page_wears_its_palette(together: ComparedMaps, offline: str) -> None:
    assert f"background: {DARK.ground}" in page(together, DARK)
    assert f"background: {LIGHT.ground}" in offline
