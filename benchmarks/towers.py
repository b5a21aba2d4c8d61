"""Choices of the pretrained tower, each beside the one that was taken: side of the images, cached
views, width.

python -m benchmarks.towers --images FOLDER [--seeds 5]

FOLDER holds ``renders3d`` and ``photos`` as for `benchmarks.eyes`. Models are trained on drawn
images of `scenes` with short labels, with no bias and with 75 % of the minority removed, on the
same seeds for all choices. It prints accuracy on drawn test images (50 scenes in four versions),
renders and photographs, less that of the choice that was taken, with t intervals over seeds, and
the seconds of one core that the features of an image take."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import head, options, row
from vlcore.api.training import parts_of
from vlcore.data.catalogue import open_set
from vlcore.data.feature_store import PRETRAINED, stored_precision
from vlcore.data.subset import map_rows, usual_condition
from vlcore.data.training_set import TrainingSet, training_sets
from vlcore.experiment.condition import Condition
from vlcore.experiment.wording import signed
from vlcore.metrics.accuracy import predict_objects
from vlcore.model import inference, loop
from vlcore.model.dual_encoder import Encoder
from vlcore.model.frozen_towers import Tower, open_tower
from vlcore.model.views import Labels
from vlcore.study.statistics.paired import t_interval

Pixels = NDArray[np.uint8]
Features = NDArray[np.float32]
TAKEN = "224 px, one view, width 64"
CHOICES: dict[str, tuple[int, int, int]] = {  # side, views, width
    TAKEN: (224, 1, 64),
    "160 px": (160, 1, 64),
    "two views: each image mirrored too": (224, 2, 64),
    "width 32": (224, 1, 32),
    "width 128": (224, 1, 128),
    "width 256": (224, 1, 256),
}
BIASES = (0.0, 0.75)


@cache
def tower(side: int) -> Tower:
    usual = open_tower("pretrained")
    return Tower(replace(PRETRAINED, side=side), usual.network, usual.device)


class Sources:
    """Features of images by side, computed once: of rows of a set, mirrored or not, and of images
    outside."""

    def __init__(self, folder: Path) -> None:
        self.images = open_set("scenes")
        self._rows: dict[tuple[int, bool, int], Features] = {}
        self.outside = {
            name: sorted((folder / name).glob("*_*/*")) for name in ("renders3d", "photos")
        }
        self._outside: dict[tuple[int, str], Features] = {}
        self.seconds: dict[int, list[float]] = {}

    def rows(self, rows: Sequence[int], side: int, *, mirrored: bool = False) -> Features:
        missing = [row for row in rows if (side, mirrored, row) not in self._rows]
        self.images.ensure_rendered(missing, lambda _done, _of: None)
        pixels = [self.images.image(row)[:, :: -1 if mirrored else 1] for row in missing]
        for row_number, features in zip(missing, self._embedded(pixels, side), strict=True):
            self._rows[side, mirrored, row_number] = features
        return np.stack([self._rows[side, mirrored, row_number] for row_number in rows])

    def of_outside(self, name: str, side: int) -> Features:
        if (side, name) not in self._outside:
            pixels = [np.asarray(Image.open(file).convert("RGB")) for file in self.outside[name]]
            self._outside[side, name] = self._embedded(pixels, side)
        return self._outside[side, name]

    def _embedded(self, pixels: Sequence[Pixels], side: int) -> Features:
        started = time.process_time()
        features = stored_precision(
            tower(side).embed([np.ascontiguousarray(image) for image in pixels])
        )
        if pixels:
            self.seconds.setdefault(side, []).append((time.process_time() - started) / len(pixels))
        return features


def main() -> None:
    asked = options(__doc__, images={"type": Path, "required": True}, seeds=5)
    sources = Sources(asked.images)
    usual = usual_condition(sources.images).with_towers("pretrained")
    accuracies: dict[str, dict[tuple[float, str, int], float]] = {name: {} for name in CHOICES}
    for name, (side, views, width) in CHOICES.items():
        for bias in BIASES:
            for seed in range(300, 300 + asked.seeds):
                condition = usual.replace(bias=bias, width=width, data_seed=seed, init_seed=seed)
                for source, value in _trained(condition, sources, side, views).items():
                    accuracies[name][bias, source, seed] = value
    for bias in BIASES:
        print(
            f"\n{bias:.0%} of the minority removed, n = {asked.seeds} seeds, points less {TAKEN}\n"
        )
        names = ("drawn test images", "renders", "photographs")
        print(head("choice", *names, "ms an image"))
        for name, (side, *_) in CHOICES.items():
            cells = [
                _cell(accuracies[name], accuracies[TAKEN], bias, source, name == TAKEN)
                for source in ("test", "renders3d", "photos")
            ]
            print(row(name, *cells, f"{1000 * float(np.median(sources.seconds[side])):.0f}"))


def _trained(condition: Condition, sources: Sources, side: int, views: int) -> dict[str, float]:
    """Accuracy of a model by source."""
    training: TrainingSet = training_sets(parts_of(condition), condition)[0]
    labels = Labels.of(condition, training.images.grouping, training.said)
    rows = training.rows.tolist()
    features = [sources.rows(rows, side, mirrored=mirrored) for mirrored in (False, True)[:views]]
    data = loop.TrainingData(
        np.concatenate(features),
        np.tile(training.own, views),
        labels.vocabulary.tokens([caption.text for caption in training.said]),
        len(labels.vocabulary),
        training.said,
    )
    model = loop.train(condition, data, on_step=_ignore, on_snapshot=_ignore_model).model
    test = map_rows(sources.images).tolist()
    inputs: Mapping[str, tuple[Features, NDArray[np.str_]]] = {
        "test": (sources.rows(test, side), sources.images.table["object"].to_numpy(str)[test]),
        **{
            name: (
                sources.of_outside(name, side),
                np.array([file.parent.name.partition("_")[0] for file in files]),
            )
            for name, files in sources.outside.items()
        },
    }
    captions = inference.embed_captions(model, labels.vocabulary, labels.texts)
    accuracies = {}
    for name, (images, objects) in inputs.items():
        scores = np.asarray(inference.embed_images(model, images) @ captions.T, dtype=np.float64)
        predicted = predict_objects(scores, labels.objects, training.images.grouping.objects)
        accuracies[name] = float((predicted == objects).mean())
    return accuracies


def _ignore(_progress: loop.Progress) -> None:
    pass


def _ignore_model(_step: int, _model: Encoder) -> None:
    pass


def _cell(
    values: Mapping[tuple[float, str, int], float],
    taken: Mapping[tuple[float, str, int], float],
    bias: float,
    source: str,
    is_taken: bool,
) -> str:
    keys = [key for key in values if key[:2] == (bias, source)]
    if is_taken:
        return f"{100 * float(np.mean([values[key] for key in keys])):.1f} %"
    change = t_interval([100 * (values[key] - taken[key]) for key in keys])
    return f"{signed(change.value, 1)} ({signed(change.low, 1)} to {signed(change.high, 1)})"


if __name__ == "__main__":
    main()
