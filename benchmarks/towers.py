"""Choices of the pretrained tower, each beside the default: side of the images, cached views,
width.

python -m benchmarks.towers --images FOLDER [--seeds 5]

FOLDER holds ``renders3d`` and ``photos`` as for `benchmarks.eyes`. Models are trained on drawn
images of `scenes` with short labels, with no bias and with 75 % of the minority removed, on the
same seeds for all choices. It prints accuracy on drawn test images (50 scenes in four versions),
renders and photographs, less that of the default, with t intervals over seeds, and the seconds of
one core that the features of an image take."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks import interval_cell, outside_images, parse_options, print_table
from benchmarks.training import train
from vlcore.api.training import parts_of
from vlcore.data.catalogue import open_set
from vlcore.data.feature_store import PRETRAINED, stored_precision
from vlcore.data.subset import map_rows, usual_condition
from vlcore.data.training_set import training_sets
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.experiment.progress import silent
from vlcore.metrics.accuracy import predict_objects
from vlcore.model import inference
from vlcore.model.frozen_towers import Tower, open_tower
from vlcore.model.loop import TrainingData
from vlcore.model.views import Labels
from vlcore.study.statistics.paired import t_interval

Pixels = NDArray[np.uint8]
Features = NDArray[np.float32]


@dataclass(frozen=True)
class TowerChoice:
    """A way to use the pretrained tower."""

    side: int = 224  # px of an image
    mirrored: bool = False  # an image is also trained on as its mirror image
    width: int = 64


DEFAULT = "224 px, one view, width 64"
CHOICES = {
    DEFAULT: TowerChoice(),
    "160 px": TowerChoice(side=160),
    "two views: each image mirrored too": TowerChoice(mirrored=True),
    "width 32": TowerChoice(width=32),
    "width 128": TowerChoice(width=128),
    "width 256": TowerChoice(width=256),
}
BIASES = (0.0, STUDY_BIAS)
SOURCES = {"test": "drawn test images", "renders3d": "renders", "photos": "photographs"}
FIRST_SEED = 300


class SideFeatures:
    """Features of all images at a side: of the training images of `scenes`, also mirrored, and of
    each source that models are tested on."""

    def __init__(self, side: int, folder: Path) -> None:
        usual = open_tower("pretrained")
        self.tower = Tower(replace(PRETRAINED, side=side), usual.network, usual.device)
        images = open_set("scenes")
        self.train_rows, test_rows = images.rows("train"), map_rows(images)
        images.ensure_rendered([*self.train_rows, *test_rows], silent)
        training = [images.image(row) for row in self.train_rows]
        started = time.process_time()
        self.training = self.embed(training)
        self.milliseconds = 1000 * (time.process_time() - started) / len(training)
        self.mirrored = self.embed([pixels[:, ::-1] for pixels in training])
        self.sources = {"test": self.embed([images.image(row) for row in test_rows])}
        self.objects = {"test": images.table["object"].to_numpy(str)[test_rows]}
        for source in SOURCES:
            if source != "test":
                outside = outside_images(folder / source)
                self.sources[source] = self.embed([np.asarray(entry.image) for entry in outside])
                self.objects[source] = np.array([entry.object for entry in outside])

    def embed(self, images: Sequence[Pixels]) -> Features:
        return stored_precision(self.tower.embed([np.ascontiguousarray(image) for image in images]))


def main() -> None:
    options = parse_options(__doc__, images={"type": Path, "required": True}, seeds=5)
    usual = usual_condition(open_set("scenes")).with_towers("pretrained")
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    features = {
        side: SideFeatures(side, options.images)
        for side in {choice.side for choice in CHOICES.values()}
    }
    runs = []
    for (name, choice), bias, seed in product(CHOICES.items(), BIASES, seeds):
        condition = usual.replace(bias=bias, width=choice.width, data_seed=seed, init_seed=seed)
        accuracies = _train(condition, features[choice.side], choice)
        runs.append({"choice": name, "bias": bias, "seed": seed, **accuracies})
    accuracy = 100 * pd.DataFrame(runs).set_index(["bias", "choice", "seed"])
    for bias in BIASES:
        title = f"{bias:.0%} of the minority removed, n = {options.seeds} seeds, points less"
        print(f"\n{title} {DEFAULT}\n")
        default = accuracy.loc[bias, DEFAULT]
        rows = []
        for name, choice in CHOICES.items():
            change = accuracy.loc[bias, name] - default
            cells = [interval_cell(t_interval(change[source]), 1) for source in SOURCES]
            if name == DEFAULT:
                cells = [f"{default[source].mean():.1f} %" for source in SOURCES]
            rows.append((name, *cells, f"{features[choice.side].milliseconds:.0f}"))
        print_table(("choice", *SOURCES.values(), "ms an image"), rows)


def _train(condition: Condition, features: SideFeatures, choice: TowerChoice) -> dict[str, float]:
    """Train a model; returns its accuracy by source."""
    training = training_sets(parts_of(condition), condition)[0]
    grouping = training.images.grouping
    labels = Labels.of(condition, grouping, training.captions)
    positions = np.searchsorted(features.train_rows, training.rows)
    views = [features.training[positions]]
    if choice.mirrored:
        views.append(features.mirrored[positions])
    data = TrainingData(
        np.concatenate(views),
        np.tile(training.caption_index, len(views)),
        labels.vocabulary.tokens([caption.text for caption in training.captions]),
        len(labels.vocabulary),
        training.captions,
    )
    model = train(condition, data).model
    captions = inference.embed_captions(model, labels.vocabulary, labels.texts)
    accuracies = {}
    for source, objects in features.objects.items():
        z = inference.embed_images(model, features.sources[source])
        scores = np.asarray(z @ captions.T, dtype=np.float64)
        predicted = predict_objects(scores, labels.objects, grouping.objects)
        accuracies[source] = float((predicted == objects).mean())
    return accuracies


if __name__ == "__main__":
    main()
