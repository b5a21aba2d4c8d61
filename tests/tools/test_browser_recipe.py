"""What a browser trains (`vlcore.model.in_browser`) is what Python trains."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.chromium import needs_chromium, opened_chromium
from tools.browser import browser_condition
from tools.second_implementation import InPython, served_folder, trained_in
from tools.site_data import write_site_data
from vlcore.experiment.edits import Add, Remove, canonical_edits
from vlcore.metrics.accuracy import majority_accuracy, minority_accuracy
from vlcore.metrics.projection import align
from vlcore.model.in_browser import copy_scripts

pytestmark = [pytest.mark.browser, needs_chromium]

CONDITIONS = [*product(("scenes", "renders"), ("short", "descriptive"), (0.0, 0.75, 0.95))]
REMOVED, ADDED = [223, 562], [700, 701, 1919]  # of the pool, where rows and numbers are the same


@pytest.fixture(scope="module")
def page(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page in Chromium beside the scripts and the data."""
    folder = tmp_path_factory.mktemp("try")
    copy_scripts(folder)
    names = sorted({data for data, _, _ in CONDITIONS})
    write_site_data(folder / "data", names, seeds=2, words=0, with_pictures=False)
    with served_folder(folder) as address, opened_chromium() as browser:
        page = browser.new_page()
        page.goto(f"{address}/data/")
        yield page


def check(model: InPython, result: dict[str, Any]) -> None:
    """Assert that a browser trained the same model."""
    assert model.cosines(result).min() > 0.99999
    assert model.agreement(result) >= 0.999


@pytest.mark.judge
@pytest.mark.trains
@pytest.mark.parametrize(("data", "style", "bias"), CONDITIONS)
def test_a_browser_trains_the_same_model(page: Page, data: str, style: str, bias: float) -> None:
    job = {"set": data, "style": style, "bias": bias, "seed": 1, "steps": 400}
    result = trained_in(page, job)
    check(InPython(browser_condition(data, bias, style, seed=1)), result)


@pytest.mark.trains
def test_a_worker_trains_on_changed_images_and_tells_what_python_measures(page: Page) -> None:
    edits = canonical_edits([*map(Remove, REMOVED), *map(Add, ADDED)])
    job = {"set": "scenes", "style": "short", "bias": 0.75, "seed": 0, "steps": 25, "id": 7}
    in_python = InPython(browser_condition("scenes", 0.75, "short", 0, steps=25, edits=edits))
    result = trained_in(page, {**job, "removed": REMOVED, "added": ADDED})
    check(in_python, result)
    assert (result["kind"], result["id"]) == ("trained", 7)
    assert result["steps"] == [0, 10, 20]
    accuracy, predictions = result["accuracy"], in_python.predictions
    for counted, measured in (
        (accuracy["rare"], minority_accuracy(predictions)),
        (accuracy["common"], majority_accuracy(predictions)),
        *zip(accuracy["groups"], predictions.by_group.values(), strict=True),
    ):
        assert counted == pytest.approx(measured.as_dict(), abs=2e-3)
    points = np.reshape(result["points"], in_python.points.shape)
    assert np.allclose(align(points, in_python.points).apply(points), in_python.points, atol=1e-3)


def test_a_job_that_cannot_be_done_says_why(page: Page) -> None:
    job = {"set": "nothing", "style": "short", "bias": 0.75, "seed": 0, "steps": 1, "id": 8}
    result = trained_in(page, job)
    assert (result["kind"], result["id"]) == ("failed", 8)
    assert result["message"]
