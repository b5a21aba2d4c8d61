"""What a browser trains (docs/try/trainer.js) is what Python trains."""

import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, sync_playwright

from tests.chromium import CHROMIUM, FLAGS, needs_chromium
from tools.browser import browser_condition, components, train_browser
from tools.site_data import write_site_data
from vlcore.data.catalogue import open_set
from vlcore.data.subset import reference_rows
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import Add, Remove, canonical_edits
from vlcore.metrics.accuracy import (
    Predictions,
    logits,
    majority_accuracy,
    minority_accuracy,
    predict_objects,
)
from vlcore.metrics.projection import align, fit_plane
from vlcore.model.dual_encoder import Encoder
from vlcore.model.views import Labels

pytestmark = [pytest.mark.browser, needs_chromium]

SCRIPTS = Path(__file__).parents[2] / "docs" / "try"
CONDITIONS = [*product(("scenes", "renders"), ("short", "descriptive"), (0.0, 0.75, 0.95))]
REMOVED, ADDED = [223, 562], [700, 701, 1919]  # of the pool, where rows and numbers are the same
TRAIN = """async job => {
    const bytes = name => fetch(`/data/${name}`).then(answer => answer.arrayBuffer());
    job.manifest = await fetch("/data/manifest.json").then(answer => answer.json());
    job.images = await bytes(`${job.set}.bin`);
    job.captions = await bytes("captions.bin");
    const worker = new Worker("/trainer.js", {type: "module"}), steps = [];
    const result = await new Promise((done, failed) => {
        worker.onerror = failed;
        worker.onmessage = ({data}) =>
            data.kind === "progress" ? steps.push(data.step) : done(data);
        worker.postMessage(job);
    });
    worker.terminate();
    const {kind, id, message, accuracy, heldOut, points, images} = result;
    if (kind === "failed") return {kind, id, message};
    const {z, predicted} = heldOut;
    const lists = {z: [...z], predicted: [...predicted], points: [...points]};
    return {kind, id, steps, accuracy, images, ...lists};
}"""


@pytest.fixture(scope="module")
def page(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page in Chromium beside the scripts and the data."""
    folder = tmp_path_factory.mktemp("try")
    shutil.copytree(SCRIPTS, folder, dirs_exist_ok=True)
    names = sorted({data for data, _, _ in CONDITIONS})
    write_site_data(folder / "data", names, seeds=2, words=0, with_pictures=False)

    class Files(SimpleHTTPRequestHandler):
        def log_message(self, *_message: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/data/")
        yield page
        browser.close()
    server.shutdown()
    server.server_close()


class Trained:
    """A model that Python trained, and what it makes of the held-out images."""

    def __init__(self, condition: Condition) -> None:
        self.images = open_set(condition.data)
        rows = self.images.rows("test")
        labels = Labels.from_condition(condition, self.images.grouping)
        tokens = torch.from_numpy(labels.vocabulary.tokens(labels.texts))
        model: Encoder = train_browser(condition)
        with torch.inference_mode():
            self.z = model.image(torch.from_numpy(components(self.images).values[rows])).numpy()
            captions = model.text(tokens).numpy()
            scale, bias = model.tau.exp().item(), model.bias.item()
        scores = logits(self.z, captions, scale, bias)
        self.predicted = predict_objects(scores, labels.objects, self.images.grouping.objects)
        on_map = self.z[np.searchsorted(rows, reference_rows(self.images))]
        self.points = fit_plane(np.concatenate([on_map, captions])).place(on_map)
        table = self.images.table.iloc[rows]
        self.predictions = Predictions(
            self.predicted == table["object"].to_numpy(),
            table["group"].to_numpy(),
            table["scene"].to_numpy(),
            self.images.grouping,
        )

    def check(self, result: dict[str, Any]) -> None:
        """Assert that a browser trained the same model."""
        z = np.reshape(result["z"], self.z.shape)
        assert (z * self.z).sum(axis=1).min() > 0.99999
        objects = np.array(self.images.grouping.objects)[result["predicted"]]
        assert (objects == self.predicted).mean() >= 0.999


@pytest.mark.judge
@pytest.mark.trains
@pytest.mark.parametrize(("data", "style", "bias"), CONDITIONS)
def test_a_browser_trains_the_same_model(page: Page, data: str, style: str, bias: float) -> None:
    job = {"set": data, "style": style, "bias": bias, "seed": 1, "steps": 400}
    result = page.evaluate(TRAIN, job)
    Trained(browser_condition(data, bias, style, seed=1)).check(result)


@pytest.mark.trains
def test_a_worker_trains_on_changed_images_and_tells_what_python_measures(page: Page) -> None:
    edits = canonical_edits([*map(Remove, REMOVED), *map(Add, ADDED)])
    job = {"set": "scenes", "style": "short", "bias": 0.75, "seed": 0, "steps": 25, "id": 7}
    in_python = Trained(browser_condition("scenes", 0.75, "short", 0, steps=25, edits=edits))
    result = page.evaluate(TRAIN, {**job, "removed": REMOVED, "added": ADDED})
    in_python.check(result)
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
    result = page.evaluate(TRAIN, job)
    assert (result["kind"], result["id"]) == ("failed", 8)
    assert result["message"]
