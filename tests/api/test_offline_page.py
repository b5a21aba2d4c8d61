"""A comparison as one page: maps with their table, words and numbers, and nothing of a network."""

import html
import json
import re
from pathlib import Path

import pytest

from tests.api.stand_ins import BASE, image_set, pictured, publish
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.description import describe_comparison, small_sample_warning
from vlcore.api.model_map import ComparisonError, ModelMap, model_map
from vlcore.api.offline_page import page
from vlcore.data.imageset import ImageSet
from vlcore.experiment import wording
from vlcore.experiment.grouping import SCENES
from vlcore.plots.blocks import Text
from vlcore.plots.thumbnails import SAFE_URI

IMAGES = image_set()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    """The set with its files."""
    return pictured(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def together(models: list[ModelMap], images: ImageSet) -> ComparedMaps:
    return compare_maps(models, images)


def body(text: str) -> str:
    """What a page says, without its scripts and its head."""
    return html.unescape(re.sub(r"<script.*?</script>|<head>.*?</head>", "", text, flags=re.DOTALL))


@pytest.fixture(scope="module")
def offline(together: ComparedMaps) -> str:
    def missing() -> list[Text]:
        raise ComparisonError("Two models have no such thing.")

    panels = {"First": lambda: [Text("All <b>is</b> well.")], "Second": missing}
    return page(together, panels)


def test_maps_have_their_table_and_images_inside(together: ComparedMaps, offline: str) -> None:
    (block,) = re.findall(r'class="maps-data">(.*?)</script>', offline, flags=re.DOTALL)
    maps = json.loads(block)
    assert (maps["kind"], maps["thumbs"]) == ("maps", "")
    table = maps["table"]
    assert table["count"] == len(together.points)
    assert SAFE_URI.match(table["sheet"]["uri"])
    assert table["sheet"]["across"] ** 2 >= table["count"]
    assert maps["alt"] == describe_comparison(together)


def test_a_page_says_what_the_maps_show(together: ComparedMaps, offline: str) -> None:
    text = body(offline)
    assert describe_comparison(together) in text
    assert all(model.artifact.key in text for model in together.models)
    for words in ("First", "All <b>is</b> well.", "Second", "Two models have no such thing."):
        assert words in text
    (title,) = re.findall("<title>(.*)</title>", offline)
    conditions = [model.artifact.condition for model in together.models]
    assert title == "scenes: " + " | ".join(map(wording.title, conditions))


def test_few_images_are_a_warning_on_the_page(home: Path, images: ImageSet) -> None:
    estimate = {"value": 0.5, "low": 0.2, "high": 0.8, "n": 7}
    few = {"group_accuracy": dict.fromkeys(SCENES.names, estimate)}
    model = model_map(publish(IMAGES, BASE.replace(init_seed=92), end=few))
    warning = small_sample_warning(model.artifact, SCENES)
    assert warning
    assert warning in page(compare_maps([model], images), {})
