"""A model of the recipe `browser` that Python trained, beside the one that a browser trained."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tools.browser import train_browser
from vlcore.data.catalogue import open_set
from vlcore.data.feature_store import components
from vlcore.data.subset import reference_rows
from vlcore.experiment.condition import Condition
from vlcore.metrics.accuracy import Predictions, logits, minority_accuracy, predict_objects
from vlcore.metrics.projection import fit_plane
from vlcore.model.dual_encoder import Encoder
from vlcore.model.views import Labels

_TRAIN = """async job => {
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


def trained_in(page: Any, job: Mapping[str, Any]) -> dict[str, Any]:
    """Train a model in a browser.

    Args:
        page: of Playwright, at a server of the trainer's modules, with the folder `data` of
            `tools.site_data`.
        job: a message to the trainer (`vlcore.model.in_browser`), without the data.

    Returns:
        Its answer: embeddings, predictions and places of held-out images as flat lists.
    """
    result: dict[str, Any] = page.evaluate(_TRAIN, {**job})
    return result


class InPython:
    """A model that Python trained, and what it makes of the held-out images.

    Attributes:
        z: embeddings of the held-out images, (n, E).
        predicted: objects, (n,).
        points: places of the images on the map, (m, 2).
        predictions: which are correct.
        rare: accuracy on rare images.
    """

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
        self.rare = minority_accuracy(self.predictions).value

    def cosines(self, result: Mapping[str, Any]) -> NDArray[np.float64]:
        """The cosine of each held-out image's embedding with the browser's, (n,)."""
        z: NDArray[np.float64] = np.reshape(result["z"], self.z.shape)
        return (z * self.z).sum(axis=1)

    def agreement(self, result: Mapping[str, Any]) -> float:
        """The share of held-out images for which the browser predicts the same object."""
        objects = np.array(self.images.grouping.objects)[result["predicted"]]
        return float((objects == self.predicted).mean())


@contextmanager
def served_folder(folder: Path, headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve a folder on a free port; gives its address."""

    class Files(SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, *_message: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
