"""Choices of the pretrained tower, each beside the default: side of the images, cached views,
width.

python -m benchmarks.towers --images FOLDER [--seeds 5]

FOLDER holds ``renders3d`` and ``photos`` as for `benchmarks.eyes`. Models are trained on drawn
images of `scenes` with short labels, with no bias and with 75 % of the minority removed, on the
same seeds for all choices. It prints accuracy on drawn test images (50 scenes in four versions),
renders and photographs, less that of the default, with t intervals over seeds, and the seconds of
one core that the features of an image take."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import interval_cell, outside_images, parse_options, print_table
from vlcore.api.training import parts_of
from vlcore.data.catalogue import open_set
from vlcore.data.feature_store import PRETRAINED, stored_precision
from vlcore.data.subset import map_rows, usual_condition
from vlcore.data.training_set import training_sets
from vlcore.experiment.condition import Condition
from vlcore.experiment.progress import silent
from vlcore.metrics.accuracy import predict_objects
from vlcore.model import inference, loop
from vlcore.model.frozen_towers import Tower, open_tower
from vlcore.model.views import Labels
from vlcore.study.statistics.paired import t_interval

Pixels = NDArray[np.uint8]
Features = NDArray[np.float32]


@dataclass(frozen=True)
class TowerChoice:
    """A way to use the pretrained tower."""

    side: int = 224  # px of an image
    views: int = 1  # an image, or also its mirror image
    width: int = 64


DEFAULT = "224 px, one view, width 64"
CHOICES = {
    DEFAULT: TowerChoice(),
    "160 px": TowerChoice(side=160),
    "two views: each image mirrored too": TowerChoice(views=2),
    "width 32": TowerChoice(width=32),
    "width 128": TowerChoice(width=128),
    "width 256": TowerChoice(width=256),
}
BIASES = (0.0, 0.75)
SOURCES = {"test": "drawn test images", "renders3d": "renders", "photos": "photographs"}
FIRST_SEED = 300


@cache
def tower_of_side(side: int) -> Tower:
    usual = open_tower("pretrained")
    return Tower(replace(PRETRAINED, side=side), usual.network, usual.device)


class FeatureCache:
    """Features of images by side, computed once: of rows of `scenes`, mirrored or not, and of
    images outside."""

    def __init__(self, folder: Path) -> None:
        self.images = open_set("scenes")
        self.outside = {name: outside_images(folder / name) for name in SOURCES if name != "test"}
        self.seconds: dict[int, list[float]] = defaultdict(list)  # an image, by side
        self._rows: dict[tuple[int, bool, int], Features] = {}
        self._outside: dict[tuple[int, str], Features] = {}

    def rows(self, rows: Sequence[int], side: int, *, mirrored: bool = False) -> Features:
        missing = [row for row in rows if (side, mirrored, row) not in self._rows]
        if missing:
            self.images.ensure_rendered(missing, silent)
            pixels = [self.images.image(row)[:, :: -1 if mirrored else 1] for row in missing]
            for row, features in zip(missing, self._embed(pixels, side), strict=True):
                self._rows[side, mirrored, row] = features
        return np.stack([self._rows[side, mirrored, row] for row in rows])

    def of_source(self, name: str, side: int) -> Features:
        if name == "test":
            return self.rows(map_rows(self.images).tolist(), side)
        if (side, name) not in self._outside:
            pixels = [np.asarray(image.image) for image in self.outside[name]]
            self._outside[side, name] = self._embed(pixels, side)
        return self._outside[side, name]

    def objects(self, name: str) -> NDArray[np.str_]:
        if name == "test":
            return self.images.table["object"].to_numpy(str)[map_rows(self.images)]
        return np.array([image.object for image in self.outside[name]])

    def _embed(self, pixels: Sequence[Pixels], side: int) -> Features:
        started = time.process_time()
        images = [np.ascontiguousarray(image) for image in pixels]
        features = stored_precision(tower_of_side(side).embed(images))
        self.seconds[side].append((time.process_time() - started) / len(pixels))
        return features


def main() -> None:
    options = parse_options(__doc__, images={"type": Path, "required": True}, seeds=5)
    features = FeatureCache(options.images)
    usual = usual_condition(features.images).with_towers("pretrained")
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    accuracies: dict[tuple[str, float, str], list[float]] = defaultdict(list)  # over seeds
    for (name, choice), bias, seed in product(CHOICES.items(), BIASES, seeds):
        condition = usual.replace(bias=bias, width=choice.width, data_seed=seed, init_seed=seed)
        for source, accuracy in _train(condition, features, choice).items():
            accuracies[name, bias, source].append(accuracy)
    for bias in BIASES:
        title = f"{bias:.0%} of the minority removed, n = {options.seeds} seeds, points less"
        print(f"\n{title} {DEFAULT}\n")
        rows = []
        for name, choice in CHOICES.items():
            cells = []
            for source in SOURCES:
                values = 100 * np.array(accuracies[name, bias, source])
                default = 100 * np.array(accuracies[DEFAULT, bias, source])
                if name == DEFAULT:
                    cells.append(f"{default.mean():.1f} %")
                else:
                    cells.append(interval_cell(t_interval(values - default), 1))
            milliseconds = 1000 * float(np.median(features.seconds[choice.side]))
            rows.append((name, *cells, f"{milliseconds:.0f}"))
        print_table(("choice", *SOURCES.values(), "ms an image"), rows)


def _train(condition: Condition, features: FeatureCache, choice: TowerChoice) -> dict[str, float]:
    """Train a model; returns its accuracy by source."""
    training = training_sets(parts_of(condition), condition)[0]
    grouping = training.images.grouping
    labels = Labels.of(condition, grouping, training.captions)
    rows = training.rows.tolist()
    views = [
        features.rows(rows, choice.side, mirrored=mirrored)
        for mirrored in (False, True)[: choice.views]
    ]
    data = loop.TrainingData(
        np.concatenate(views),
        np.tile(training.caption_index, choice.views),
        labels.vocabulary.tokens([caption.text for caption in training.captions]),
        len(labels.vocabulary),
        training.captions,
    )
    trained = loop.train(condition, data, on_step=lambda _: None, on_checkpoint=lambda *_: None)
    captions = inference.embed_captions(trained.model, labels.vocabulary, labels.texts)
    accuracies = {}
    for source in SOURCES:
        z = inference.embed_images(trained.model, features.of_source(source, choice.side))
        scores = np.asarray(z @ captions.T, dtype=np.float64)
        predicted = predict_objects(scores, labels.objects, grouping.objects)
        accuracies[source] = float((predicted == features.objects(source)).mean())
    return accuracies


if __name__ == "__main__":
    main()
